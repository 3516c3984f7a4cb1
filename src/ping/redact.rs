//! Lead to anonymized ping: an allow-list of coarse values (PROTOCOL S20), and what a campaign's
//! disclosures add by name.

use jiff::civil::Date;
use serde_json::{Map, Value as Json, json};

use super::trace::trace;
use crate::domain::disclosure::{AGE, BIRTH_DATE, ContactTrace, OF_CONSENT};
use crate::domain::lead::{Consent, Fields, Lead, Value};
use crate::domain::ping::AnonymizedPing;
use crate::domain::time::years_between;
use crate::domain::vertical::{Exposure, Field, PiiClass, Vertical};
use crate::faults::planted;

/// Width of an age band, in years.
const AGE_BAND_YEARS: i64 = 5;
/// From this age on there is one band, because few people are that old.
const AGE_BAND_LAST: i64 = 90;

/// Three-digit ZIP areas with fewer than 20,000 people by the census count that the HIPAA safe
/// harbour uses; a ping shows them as `000`.
const THIN_ZIP3: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878",
    "879", "884", "890", "893",
];

/// Makes the ping of `lead` for campaigns with exactly these `disclosures`; `today` is the day in
/// UTC on which ages are counted.
#[must_use]
pub fn redact(
    lead: &Lead,
    vertical: &Vertical,
    disclosures: &[String],
    today: Date,
) -> AnonymizedPing {
    let mut ping = AnonymizedPing::default();
    let fields = lead.fields.expose();
    for field in &vertical.fields {
        let Some(value) = fields.value(&field.name) else { continue };
        let is_disclosed = disclosures.contains(&field.name)
            && field.pii != PiiClass::Contact
            && vertical.forbidden_class(&field.name).is_none();
        let is_disclosed = is_disclosed || planted("ping_names_consumer");
        if is_disclosed {
            ping.lead.insert(field.name.clone(), value.to_json());
            ping.disclosed.push(field.name.clone());
        } else {
            expose(field, value, today, &mut ping.lead);
        }
    }
    let wants = |name: &str| {
        disclosures.iter().any(|known| known == name) && vertical.forbidden_class(name).is_none()
    };
    if wants(AGE)
        && !ping.lead.contains_key(AGE)
        && let Some(age) = age(vertical, fields, today)
    {
        ping.lead.insert(AGE.to_owned(), json!(age));
        ping.disclosed.push(AGE.to_owned());
    }
    for name in disclosures.iter().filter(|name| wants(name)) {
        let Some((field, kind)) = ContactTrace::find(vertical, name) else { continue };
        let Some(Value::Text(text)) = fields.value(&field.name) else { continue };
        if let Some(told) = trace(text, kind) {
            ping.lead.insert(name.clone(), json!(told));
            ping.disclosed.push(name.clone());
        }
    }
    ping.fields_sent = ping.lead.keys().cloned().collect();
    add_consent(lead, wants, &mut ping);
    ping
}

/// What the ping tells of consent: kind and age always, other parts by disclosure.
fn add_consent(lead: &Lead, wants: impl Fn(&str) -> bool, ping: &mut AnonymizedPing) {
    let consent = lead.consent.expose();
    ping.has_trustedform_cert = consent.trustedform_cert_url.is_some();
    ping.has_jornaya_lead_id = consent.jornaya_lead_id.is_some();
    ping.consent.insert("kind".to_owned(), json!(kind(consent)));
    let age_seconds =
        consent.given_at.map(|given| (lead.received_at.as_second() - given.as_second()).max(0));
    ping.consent.insert("age_seconds".to_owned(), json!(age_seconds));
    for (name, part) in OF_CONSENT {
        let value = match part {
            "trustedform_cert_url" => consent.trustedform_cert_url.clone(),
            "jornaya_lead_id" => consent.jornaya_lead_id.clone(),
            "ip" => consent.ip.map(|ip| ip.to_string()),
            "text" => consent.text.clone(),
            "user_agent" => consent.user_agent.clone(),
            _ => None,
        };
        if let Some(value) = value.filter(|_| wants(name)) {
            ping.consent.insert(part.to_owned(), json!(value));
            ping.disclosed.push(name.to_owned());
        }
    }
}

/// The strongest kind of proof there is.
const fn kind(consent: &Consent) -> &'static str {
    if consent.trustedform_cert_url.is_some() {
        "trustedform"
    } else if consent.jornaya_lead_id.is_some() {
        "jornaya"
    } else if consent.text.is_some() {
        "text"
    } else {
        "none"
    }
}

/// Adds what `field`'s exposure lets through, and nothing else.
fn expose(field: &Field, value: &Value, today: Date, out: &mut Map<String, Json>) {
    if field.pii == PiiClass::Contact {
        return;
    }
    match (field.exposure, value) {
        (Exposure::AsIs, Value::List(items)) => {
            let items = items.iter().map(|item| coarse_item(field, item, today)).collect();
            out.insert(field.name.clone(), Json::Array(items));
        }
        (Exposure::AsIs, value) => {
            out.insert(field.name.clone(), value.to_json());
        }
        (Exposure::Zip3, Value::Text(zip)) => {
            out.insert("zip3".to_owned(), json!(zip3(zip)));
        }
        (Exposure::AgeBand, Value::Date(birth)) => {
            out.insert("age_band".to_owned(), json!(age_band(years_between(*birth, today))));
        }
        (Exposure::Year, Value::Date(date)) => {
            out.insert(format!("{}_year", field.name), json!(date.year()));
        }
        (Exposure::Bucket, value) => {
            if let Some(bucket) = ten_thousandths(value).and_then(|number| bucket(field, number)) {
                out.insert(format!("{}_bucket", field.name), json!(bucket));
            }
        }
        _ => {}
    }
}

fn coarse_item(field: &Field, item: &Fields, today: Date) -> Json {
    let mut out = Map::new();
    for inner in &field.item {
        if let Some(value) = item.value(&inner.name) {
            expose(inner, value, today, &mut out);
        }
    }
    Json::Object(out)
}

fn zip3(zip: &str) -> &str {
    let area = zip.get(..3).unwrap_or("000");
    if THIN_ZIP3.contains(&area) { "000" } else { area }
}

fn age_band(age: i64) -> String {
    if age >= AGE_BAND_LAST {
        return format!("{AGE_BAND_LAST}+");
    }
    let from = age.max(0) / AGE_BAND_YEARS * AGE_BAND_YEARS;
    format!("{from}-{}", from + AGE_BAND_YEARS - 1)
}

fn ten_thousandths(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => number.checked_mul(10_000),
        Value::Decimal(number) => Some(number.ten_thousandths()),
        Value::Money(money) => Some(money.ten_thousandths()),
        _ => None,
    }
}

/// The bucket's text: `10000-19999` between whole edges, `50000+` above the last, `<10000` below
/// the first.
fn bucket(field: &Field, number: i64) -> Option<String> {
    let first = field.buckets.first()?;
    let above = field.buckets.iter().rposition(|edge| edge.ten_thousandths() <= number);
    let Some(index) = above else { return Some(format!("<{first}")) };
    let edge = field.buckets[index];
    Some(match field.buckets.get(index + 1) {
        None => format!("{edge}+"),
        Some(next) => match (edge.to_integer(), next.to_integer()) {
            (Some(from), Some(to)) => format!("{from}-{}", to - 1),
            _ => format!("{edge}-<{next}"),
        },
    })
}

/// The age of the person, from the field `age` or the birth date.
fn age(vertical: &Vertical, fields: &Fields, today: Date) -> Option<i64> {
    if let Some(Value::Integer(age)) = fields.value(AGE) {
        return Some(*age);
    }
    vertical.field(BIRTH_DATE)?;
    match fields.value(BIRTH_DATE) {
        Some(Value::Date(birth)) => Some(years_between(*birth, today)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
