//! `gavel buyer lint`

use std::collections::BTreeSet;

use super::folder::{self, ProfileFolder};
use super::{BuyerError, Findings, Lint};
use crate::domain::slug::VerticalId;
use crate::integration::cases::Case;
use crate::integration::inbound::{Inbound, is_inbound, shipped};
use crate::integration::{Fault, Profile, Severity};

/// How many faults were told.
#[derive(Default)]
struct Count {
    errors: usize,
    warnings: usize,
}

/// Tells every fault of the folders.
pub(super) fn lint(order: &Lint) -> Result<Findings, BuyerError> {
    let folders = folder::find(&order.folders)?;
    let mut count = Count::default();
    let mut text = String::new();
    for folder in &folders {
        if is_inbound(&folder.text) {
            let faults = match Inbound::compile(&folder.text, &shipped) {
                Err(faults) => faults,
                Ok(profile) => profile.warnings().to_vec(),
            };
            told(folder, &faults, "", &mut count, &mut text);
            continue;
        }
        let faults = match folder.compile() {
            Err(faults) => faults,
            Ok(profile) => {
                told(folder, profile.warnings(), "", &mut count, &mut text);
                told(folder, &profile.undelivered(), "", &mut count, &mut text);
                against_verticals(folder, &profile, order, &mut count, &mut text)?;
                continue;
            }
        };
        told(folder, &faults, "", &mut count, &mut text);
    }
    let Count { errors, warnings } = count;
    let summary = format!("{} profile(s), {errors} error(s), {warnings} warning(s)", folders.len());
    if errors > 0 || order.strict && warnings > 0 {
        return Ok(Findings { text, failure: Some(summary) });
    }
    text.push_str(&format!("{summary}\n"));
    Ok(Findings { text, failure: None })
}

fn against_verticals(
    folder: &ProfileFolder,
    profile: &Profile,
    order: &Lint,
    count: &mut Count,
    text: &mut String,
) -> Result<(), BuyerError> {
    let verticals = folder.verticals(order.verticals.as_deref())?;
    let of_cases = of_cases(folder, count, text);
    let wanted = match order.vertical.is_empty() {
        true => of_cases,
        false => order.vertical.iter().cloned().collect(),
    };
    if wanted.is_empty() {
        count.warnings += 1;
        text.push_str(&format!(
            "{}: warning: not held against any vertical, so that fields of the lead may be anything; \
             write a case, or give --vertical\n",
            folder.file().display()
        ));
    }
    for id in wanted {
        let vertical = folder::vertical_of(&verticals, &id).map_err(BuyerError::Asked)?;
        let needed = profile.disclosures(vertical.vertical());
        let given = order.disclose.as_ref().unwrap_or(&needed);
        let faults = profile.lint(vertical.vertical(), given);
        told(folder, &faults, &format!(" [{id}]"), count, text);
        if order.disclose.is_none() && !needed.is_empty() {
            let (name, list) = (profile.name(), needed.join(", "));
            text.push_str(&format!("{name}: campaigns in {id} have to disclose: {list}\n"));
        }
    }
    Ok(())
}

/// The verticals of a folder's cases; tells of cases that cannot be read.
fn of_cases(folder: &ProfileFolder, count: &mut Count, text: &mut String) -> BTreeSet<VerticalId> {
    let mut verticals = BTreeSet::new();
    for (name, case) in &folder.cases {
        match Case::parse(case) {
            Ok(case) => drop(verticals.insert(case.vertical)),
            Err(invalid) => {
                count.errors += 1;
                let file = folder.case_file(name);
                text.push_str(&format!(
                    "{}:{}:{}: error: {}\n",
                    file.display(),
                    invalid.line,
                    invalid.column,
                    invalid.detail
                ));
            }
        }
    }
    verticals
}

fn told(folder: &ProfileFolder, faults: &[Fault], end: &str, count: &mut Count, text: &mut String) {
    for fault in faults {
        match fault.severity {
            Severity::Error => count.errors += 1,
            Severity::Warning => count.warnings += 1,
        }
        text.push_str(&format!("{}:{fault}{end}\n", folder.file().display()));
    }
}
