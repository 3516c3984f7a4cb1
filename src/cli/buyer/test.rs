//! `gavel buyer test`

use std::path::Path;

use super::folder::{self, ProfileFolder, Verticals, vertical_of};
use super::show::indented;
use super::{BuyerError, Findings, Test};
use crate::flow::rehearsal::rehearse;
use crate::integration::Profile;
use crate::integration::cases::{Case, CaseReport, Evidence};

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
    let mut evidence = Evidence::default();
    for (name, text) in &folder.cases {
        let place = folder.case_file(name).display().to_string();
        match of_case(&profile, text, &verticals) {
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
                evidence.add(&report.evidence);
            }
            Err(faults) => {
                faults.iter().for_each(|fault| told.fail(&format!("{place}:{fault}\n")));
            }
        }
    }
    // A case that fails shows nothing; what it would show is told when it passes.
    if told.failed == 0 {
        for missing in evidence.missing(&profile) {
            told.fail(&format!("{}: {missing}\n", folder.path.display()));
        }
    }
    if told.failed == 0 {
        told.text = format!("{}: {} case(s) passed\n", profile.name(), folder.cases.len());
    }
    Ok(told)
}

fn of_case(
    profile: &Profile,
    text: &str,
    verticals: &Verticals,
) -> Result<CaseReport, Vec<String>> {
    let case = Case::parse(text).map_err(|invalid| vec![invalid.to_string()])?;
    let vertical = vertical_of(verticals, &case.vertical);
    let vertical = vertical.map_err(|unknown| vec![format!(" {unknown}")])?;
    rehearse(profile, &case, vertical)
        .map_err(|faults| faults.into_iter().map(|fault| format!(" {fault}")).collect())
}
