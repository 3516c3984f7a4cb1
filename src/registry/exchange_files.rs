//! An exchange directory: the texts of its files, read into a [`Bundle`].
//!
//! This module decides what a file is by its path (`vendors/<id>.toml`, `buyers/<id>.toml` with
//! `[[campaign]]`, `trees/<vertical>.toml`, `verticals/<id>.toml`, `profiles/<id>/profile.toml` with
//! `cases/*.json` beside it) and reads it; every fault of
//! every file comes back at once with its place. It reads no file and no environment itself: a
//! secret is only named here ([`SecretRef`]), and whoever asked fetches it. Whether the objects fit
//! together is for `compile` to say.

mod buyer;
mod document;
mod profile;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::bundle::Bundle;
use super::vertical;
use crate::domain::slug::{CampaignId, InvalidSlug, ProfileId, Slug};

use document::Document;

/// The folders of an exchange directory that hold objects: one TOML file each, or of
/// [`PROFILE_FOLDER`] one folder each.
pub const FOLDERS: [&str; 5] = ["verticals", "vendors", "buyers", "trees", PROFILE_FOLDER];
/// The folder of profiles, each of which is a folder.
pub const PROFILE_FOLDER: &str = "profiles";
/// The file of a profile in its folder.
pub const PROFILE_FILE: &str = "profile.toml";
/// The folder of a profile's recorded cases, JSON files, in its folder.
pub const CASES_FOLDER: &str = "cases";
/// The most files of one directory.
pub const FILES_MAX: usize = 20_000;
/// The longest file, in bytes; those of verticals have a limit of their own.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// One file of an exchange directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path from the directory, with `/`: `buyers/acme.toml`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// One thing in a file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The file's path as it was given.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1 in characters.
    pub column: usize,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}: {}", self.path, self.line, self.column, self.detail)
    }
}

/// Where a campaign's secret is to be fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `secret_file`: a file, by its path from the exchange directory.
    File(String),
    /// `secret_env`: an environment variable.
    Environment(String),
}

/// A secret that a file names but does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRef {
    /// Whose it is.
    pub campaign: CampaignId,
    /// Its name if it is for the campaign's profile; absent for the one the exchange signs with.
    pub profile_secret: Option<String>,
    /// Where it is.
    pub source: SecretSource,
    /// The file that names it.
    pub path: String,
    /// The line that names it, counted from 1.
    pub line: usize,
    /// The column, counted from 1 in characters.
    pub column: usize,
}

impl SecretRef {
    /// The fault of a secret that could not be fetched.
    #[must_use]
    pub fn fault(&self, detail: impl Into<String>) -> FileFault {
        let (line, column) = (self.line, self.column);
        FileFault { path: self.path.clone(), line, column, detail: detail.into() }
    }
}

/// What an exchange directory says.
#[derive(Clone, Default)]
pub struct ExchangeFiles {
    /// The objects. The secrets named by `secret_refs` are not in it yet.
    pub bundle: Bundle,
    /// Secrets to be fetched and put into the bundle.
    pub secret_refs: Vec<SecretRef>,
}

/// Reads the files of one exchange directory.
///
/// # Errors
/// Every fault of every file, in the order of the files.
pub fn parse(files: &[SourceFile]) -> Result<ExchangeFiles, Vec<FileFault>> {
    let mut reading = Reading::default();
    if files.len() > FILES_MAX {
        let detail = format!("an exchange directory has at most {FILES_MAX} files");
        return Err(vec![FileFault { path: String::new(), line: 1, column: 1, detail }]);
    }
    for file in files {
        reading.file(file);
    }
    reading.finish_profiles();
    if reading.faults.is_empty() { Ok(reading.files) } else { Err(reading.faults) }
}

#[derive(Default)]
struct Reading {
    files: ExchangeFiles,
    /// Where each campaign was first described.
    campaign_places: BTreeMap<CampaignId, String>,
    /// The cases of each profile, and the path of one of them.
    cases: BTreeMap<ProfileId, (String, BTreeMap<String, String>)>,
    /// Profiles whose files have faults.
    broken_profiles: BTreeSet<ProfileId>,
    faults: Vec<FileFault>,
}

impl Reading {
    fn file(&mut self, file: &SourceFile) {
        if let Some(rest) = file.path.strip_prefix("profiles/") {
            return self.profile(file, rest);
        }
        let parts = file.path.split_once('/').and_then(|(folder, name)| {
            name.strip_suffix(".toml")
                .map(|stem| (folder, stem))
                .filter(|(_, stem)| FOLDERS.contains(&folder) && !stem.contains('/'))
        });
        let Some((folder, stem)) = parts else {
            let detail = format!(
                "not a file of an exchange directory: those are <id>.toml in {}",
                FOLDERS.join(", ")
            );
            self.fault(file, detail);
            return;
        };
        match folder {
            "verticals" => self.vertical(file, stem),
            "vendors" => self.object(file, stem, |bundle| &mut bundle.vendors),
            "trees" => self.object(file, stem, |bundle| &mut bundle.trees),
            _ => self.buyer(file, stem),
        }
    }

    /// A file that is one object, named by its slug.
    fn object<K, T: serde::de::DeserializeOwned>(
        &mut self,
        file: &SourceFile,
        stem: &str,
        map: impl FnOnce(&mut Bundle) -> &mut BTreeMap<Slug<K>, T>,
    ) {
        let Some(id) = self.slug(file, stem) else { return };
        let document = Document::parse(file).and_then(Document::read);
        match document {
            Ok(object) => {
                map(&mut self.files.bundle).insert(id, object);
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    fn vertical(&mut self, file: &SourceFile, stem: &str) {
        let Some(id) = self.slug(file, stem) else { return };
        match vertical::parse_toml(&file.text) {
            Err(fault) => self.faults.push(FileFault {
                path: file.path.clone(),
                line: fault.line,
                column: fault.column,
                detail: fault.detail,
            }),
            Ok(vertical) if vertical.id != id => {
                let detail =
                    format!("the vertical's id is `{}`; the file must have its name", vertical.id);
                self.fault(file, detail);
            }
            Ok(vertical) => {
                self.files.bundle.verticals.insert(id, vertical);
            }
        }
    }

    fn slug<K>(&mut self, file: &SourceFile, stem: &str) -> Option<Slug<K>> {
        let slug = Slug::parse(stem);
        slug.map_err(|error: InvalidSlug| self.fault(file, error.to_string())).ok()
    }

    /// A fault of the file as a whole.
    fn fault(&mut self, file: &SourceFile, detail: String) {
        self.faults.push(FileFault { path: file.path.clone(), line: 1, column: 1, detail });
    }
}

#[cfg(test)]
mod tests;
