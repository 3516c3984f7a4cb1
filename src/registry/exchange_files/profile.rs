//! A profile's folder: its file, compiled to find faults at their places, and its cases.

use super::{CASES_FOLDER, FileFault, PROFILE_FILE, Reading, SourceFile};
use crate::domain::profile::ProfileFiles;
use crate::domain::slug::{OfProfile, ProfileId};
use crate::integration::Severity;
use crate::integration::cases::Case;
use crate::integration::inbound::name_of;

impl Reading {
    /// Reads a file of a profile; `rest` is its path below the folder of profiles.
    pub(super) fn profile(&mut self, file: &SourceFile, rest: &str) {
        let mut parts = rest.split('/');
        let (folder, name, below) = (parts.next(), parts.next(), parts.next());
        let is_over = parts.next().is_none();
        let (Some(folder), Some(name), true) = (folder, name, is_over) else {
            return self.stray(file);
        };
        let Some(id) = self.slug::<OfProfile>(file, folder) else { return };
        match (name, below.map(|case| case.strip_suffix(".json"))) {
            (PROFILE_FILE, None) => self.profile_file(file, id),
            (CASES_FOLDER, Some(Some(case))) => {
                if let Err(invalid) = Case::parse(&file.text) {
                    let (line, column) = (invalid.line, invalid.column);
                    let (path, detail) = (file.path.clone(), invalid.detail);
                    self.faults.push(FileFault { path, line, column, detail });
                }
                let (_, cases) =
                    self.cases.entry(id).or_insert_with(|| (file.path.clone(), Default::default()));
                cases.insert(case.to_owned(), file.text.clone());
            }
            _ => self.stray(file),
        }
    }

    fn profile_file(&mut self, file: &SourceFile, id: ProfileId) {
        match name_of(&file.text) {
            Ok(name) if name != id.as_str() => {
                let detail =
                    format!("the profile calls itself `{name}`; its folder must have its name");
                self.fault(file, detail);
            }
            Ok(_) => {
                let files = ProfileFiles {
                    buyer_id: None,
                    text: file.text.clone(),
                    cases: Default::default(),
                };
                self.files.bundle.profiles.insert(id, files);
            }
            Err(faults) => {
                let errors = faults.into_iter().filter(|fault| fault.severity == Severity::Error);
                self.faults.extend(errors.map(|fault| {
                    let at = if fault.at.is_empty() { "" } else { ": " };
                    let hint = fault.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                    FileFault {
                        path: file.path.clone(),
                        line: fault.line,
                        column: fault.column,
                        detail: format!("{}{at}{}{hint}", fault.at, fault.message),
                    }
                }));
                self.broken_profiles.insert(id);
            }
        }
    }

    fn stray(&mut self, file: &SourceFile) {
        let detail = format!(
            "not a file of a profile: those are profiles/<id>/{PROFILE_FILE} and \
             profiles/<id>/{CASES_FOLDER}/<case>.json"
        );
        self.fault(file, detail);
    }

    /// Puts the cases beside their profiles.
    pub(super) fn finish_profiles(&mut self) {
        for (id, (path, cases)) in std::mem::take(&mut self.cases) {
            match self.files.bundle.profiles.get_mut(&id) {
                Some(files) => files.cases = cases,
                None if self.broken_profiles.contains(&id) => {}
                None => {
                    let detail = format!("there are cases, and no profiles/{id}/{PROFILE_FILE}");
                    self.faults.push(FileFault { path, line: 1, column: 1, detail });
                }
            }
        }
    }
}
