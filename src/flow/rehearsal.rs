//! Cases of profiles, with leads as the exchange itself would have them.
//!
//! The lead of a case goes through the same intake and the same redaction as any other, so that what
//! a case shows of a ping is what a ping would show. Nothing is stored and nothing is sent.

mod all;

use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json, json};

use crate::domain::ids::{LeadId, Partition};
use crate::domain::lead::Lead;
use crate::domain::money::Money;
use crate::domain::slug::VendorId;
use crate::domain::vertical::Field;
use crate::intake::{self, Body, Contact, ContentKind, IntakeContext, IntakeLimits};
use crate::integration::Profile;
use crate::integration::cases::{Case, CaseReport, Setting, Staged, undeclared};
use crate::ping::redact::redact;
use crate::registry::vertical::CompiledVertical;

pub use all::{Rehearsal, RehearsedCase, Shown, ShownRequest, Stage, Unrehearsed};

/// The vendor and the lead of every case.
const VENDOR: &str = "case-vendor";
const LEAD_BITS: u128 = 0x019a_b0c1_d2e3_74f5_8607_1829_3a4b_5c6d;

/// Consent of the leads of cases.
const CONSENT: [(&str, &str); 6] = [
    ("text", "By pressing Get my quote I agree to be called and texted."),
    ("ip", "203.0.113.9"),
    ("page_url", "https://quotes.example/start?c=1&d=2"),
    (
        "trustedform_cert_url",
        "https://cert.trustedform.com/0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
    ),
    ("user_agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ("jornaya_lead_id", "01234567-89AB-CDEF-0123-456789ABCDEF"),
];

/// Runs a case of a profile.
///
/// # Errors
/// What is wrong with the lead of the case, one sentence for each fault.
pub fn rehearse(
    profile: &Profile,
    case: &Case,
    vertical: &CompiledVertical,
) -> Result<CaseReport, Vec<String>> {
    let staged = stage(profile, case, vertical)?;
    Ok(Setting::new(profile, case, &staged).run())
}

/// The lead of a case, and what its campaign's ping shows of it.
///
/// # Errors
/// What is wrong with the lead, one sentence for each fault.
pub fn stage(
    profile: &Profile,
    case: &Case,
    vertical: &CompiledVertical,
) -> Result<Staged, Vec<String>> {
    let mut faults = undeclared(profile, case, vertical.vertical());
    faults.extend(without_example(case, &vertical.vertical().fields));
    if !faults.is_empty() {
        return Err(faults);
    }
    let lead = lead_of(case, vertical)?;
    let disclosures = case.campaign.disclosures.clone();
    let disclosures = disclosures.unwrap_or_else(|| profile.disclosures(vertical.vertical()));
    let today = TimeZone::UTC.to_datetime(case.now).date();
    let ping = redact(&lead, vertical.vertical(), &disclosures, today);
    Ok(Staged { lead, ping })
}

fn lead_of(case: &Case, vertical: &CompiledVertical) -> Result<Lead, Vec<String>> {
    let given_at = case.now.as_second() - 60;
    let mut consent: Map<String, Json> =
        CONSENT.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
    let given_at = jiff::Timestamp::from_second(given_at).unwrap_or(case.now);
    consent.insert("given_at".to_owned(), json!(given_at.to_string()));
    consent.insert("sellers".to_owned(), json!(["Example Insurance Agency LLC"]));
    let body = json!({
        "vertical": case.vertical,
        "lead": over(examples(&vertical.vertical().fields), &case.lead),
        "consent": over(consent, &case.consent),
        "source": {"sub_id": "sub-7", "click_id": "click-1"},
        "test": true,
    });
    let bytes = body.to_string();
    let context = IntakeContext {
        verticals: &|_| Some(std::sync::Arc::new(vertical.clone())),
        strict: true,
        is_test_key: true,
        contact: Contact::Required,
        limits: &IntakeLimits::default(),
        now: case.now,
    };
    let read = intake::read(Body { content: ContentKind::Json, bytes: bytes.as_bytes() }, &context);
    let submission = read.map_err(|invalid| {
        if invalid.errors.is_empty() {
            return vec![invalid.detail];
        }
        let faults = invalid.errors.iter();
        faults.map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect::<Vec<_>>()
    })?;
    Ok(Lead {
        id: LeadId::new(Partition(0), LEAD_BITS),
        vendor: VendorId::parse(VENDOR).expect("a word is a slug"),
        vertical: submission.vertical,
        fields: submission.fields,
        consent: submission.consent,
        source: submission.source,
        submitted_at: submission.submitted_at,
        floor: Money::ZERO,
        received_at: case.now,
        test: case.test,
    })
}

/// One sentence for each required field that neither the vertical nor the case gives a value.
fn without_example(case: &Case, fields: &[Field]) -> Vec<String> {
    let lacks = |field: &&Field| {
        let has_items = field.example.is_none() && !field.item.is_empty();
        field.required
            && field.example.is_none()
            && !has_items
            && !case.lead.contains_key(&field.name)
    };
    let sentence = |field: &Field| {
        let (name, vertical) = (&field.name, &case.vertical);
        format!(
            "a lead of `{vertical}` needs `{name}`, which has no example: give the field an \
             `example` in the vertical, or a value in the `lead` of a case"
        )
    };
    fields.iter().filter(lacks).map(sentence).collect()
}

/// A lead of the examples that a vertical has.
fn examples(fields: &[Field]) -> Map<String, Json> {
    let mut lead = Map::new();
    for field in fields {
        let value = match &field.example {
            Some(example) => example.clone(),
            None if field.item.is_empty() => continue,
            None => json!([examples(&field.item)]),
        };
        lead.insert(field.name.clone(), value);
    }
    lead
}

/// Values over others; null takes one away.
fn over(mut values: Map<String, Json>, changes: &Map<String, Json>) -> Map<String, Json> {
    for (name, value) in changes {
        match value {
            Json::Null => drop(values.remove(name)),
            value => drop(values.insert(name.clone(), value.clone())),
        }
    }
    values
}

#[cfg(test)]
mod tests;
