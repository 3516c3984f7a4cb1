//! What a case gives to a campaign and nobody has declared.

use super::super::nearest::hint;
use super::super::profile::Profile;
use super::file::Case;
use crate::domain::disclosure::{AGE, ContactTrace, OF_CONSENT};
use crate::domain::vertical::{PiiClass, Vertical};

/// Every setting, secret and disclosure of a case that the profile and the vertical know nothing of,
/// and every setting with a value it may not have; one sentence for each.
#[must_use]
pub fn undeclared(profile: &Profile, case: &Case, vertical: &Vertical) -> Vec<String> {
    let given = &case.campaign;
    let settings: Vec<&str> = profile.settings().iter().map(|known| known.name.as_str()).collect();
    let secrets: Vec<&str> = profile.secrets().iter().map(String::as_str).collect();
    let mut faults = Vec::new();
    for (what, names, known) in [
        ("setting", given.settings.keys().collect::<Vec<_>>(), &settings),
        ("secret", given.secrets.keys().collect(), &secrets),
    ] {
        for name in names.into_iter().filter(|name| !known.contains(&name.as_str())) {
            faults.push(unknown(&format!("the profile declares no {what}"), name, known));
        }
    }
    for setting in profile.settings() {
        let value = given.settings.get(&setting.name);
        if value.is_some_and(|value| !setting.values.is_empty() && !setting.values.contains(value))
        {
            let (name, values) = (&setting.name, setting.values.join(", "));
            faults.push(format!("campaign: the setting `{name}` is one of {values}"));
        }
    }
    let fields = vertical.fields.iter().filter(|field| field.pii != PiiClass::Contact);
    let no_fields = OF_CONSENT.iter().map(|(name, _)| *name).chain([AGE]);
    let known: Vec<&str> = fields.map(|field| field.name.as_str()).chain(no_fields).collect();
    for name in given.disclosures.iter().flatten() {
        let is_trace = ContactTrace::find(vertical, name).is_some();
        if !known.contains(&name.as_str()) && !is_trace {
            faults.push(unknown("no ping can disclose", name, &known));
        }
    }
    faults
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let hint = hint(name, known).map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("campaign: {what} `{name}`{hint}")
}
