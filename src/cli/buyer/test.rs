//! `gavel buyer test`

use std::path::Path;

use super::folder::{self, ProfileFolder, vertical_of};
use super::show::indented;
use super::{BuyerError, Findings, Test};
use crate::flow::rehearsal::{Rehearsal, Stage, Unrehearsed};

/// Runs every case of the folders.
pub(super) fn test(order: &Test) -> Result<Findings, BuyerError> {
    let folders = folder::find(&order.folders)?;
    let mut text = String::new();
    let (mut cases, mut failed) = (0, 0);
    for folder in &folders {
        let told = of_folder(folder, order.verticals.as_deref())?;
        cases += folder.cases.len();
        failed += told.failed;
        text.push_str(&told.text);
    }
    let summary = format!("{} profile(s), {cases} case(s), {failed} failure(s)", folders.len());
    if failed > 0 {
        return Ok(Findings { text, failure: Some(summary) });
    }
    text.push_str(&format!("{summary}\n"));
    Ok(Findings { text, failure: None })
}

/// What the cases of one folder came to.
#[derive(Default)]
struct Told {
    text: String,
    failed: usize,
}

impl Told {
    fn fail(&mut self, line: &str) {
        self.failed += 1;
        self.text.push_str(line);
    }
}

fn of_folder(folder: &ProfileFolder, further: Option<&Path>) -> Result<Told, BuyerError> {
    let mut told = Told::default();
    let profile = match folder.compile() {
        Ok(profile) => profile,
        Err(faults) => {
            for fault in faults {
                told.fail(&format!("{}:{fault}\n", folder.file().display()));
            }
            return Ok(told);
        }
    };
    let verticals = folder.verticals(further)?;
    let cases = folder.cases.iter().cloned().collect();
    let stage = Stage {
        vertical: &|id| verticals.get(id).cloned(),
        is_over: &|| false,
        shows_requests: false,
    };
    let rehearsal = Rehearsal::run(&profile, &cases, stage);
    for case in &rehearsal.cases {
        let place = folder.case_file(&case.name).display().to_string();
        match &case.report {
            Ok(report) => {
                for difference in report.differences() {
                    let (expected, found) = (&difference.expected, &difference.found);
                    told.fail(&format!(
                        "{place}: {}\n  the case has\n{}  but there is\n{}",
                        difference.at,
                        indented(expected),
                        indented(found)
                    ));
                }
            }
            Err(Unrehearsed::UnknownVertical(id)) => {
                let unknown = vertical_of(&verticals, id).err().unwrap_or_default();
                told.fail(&format!("{place}: {unknown}\n"));
            }
            Err(Unrehearsed::Invalid(invalid)) => told.fail(&format!("{place}:{invalid}\n")),
            Err(Unrehearsed::InvalidLead(faults)) => {
                faults.iter().for_each(|fault| told.fail(&format!("{place}: {fault}\n")));
            }
            Err(other) => told.fail(&format!("{place}: {other}\n")),
        }
    }
    // A case that fails shows nothing; what it would show is told when it passes.
    let missing = if told.failed == 0 { rehearsal.missing } else { Vec::new() };
    for missing in missing {
        told.fail(&format!("{}: {missing}\n", folder.path.display()));
    }
    if told.failed == 0 {
        told.text = format!("{}: {} case(s) passed\n", profile.name(), folder.cases.len());
    }
    Ok(told)
}
