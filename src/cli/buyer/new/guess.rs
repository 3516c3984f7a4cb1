//! What a recorded name and value give away.

use serde_json::Value as Json;

use crate::domain::vertical::{Field, FieldType, PiiClass, Vertical};
use crate::integration::Phase;

/// What is written for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guess {
    /// A source, as TOML.
    Source(String),
    /// A secret of this name.
    Secret(String),
    /// The recorded constant.
    Constant,
}

/// Other names of fields and of the exchange's own words, without signs.
const NAMES: [(&str, &str); 42] = [
    ("firstname", "first_name"),
    ("fname", "first_name"),
    ("lastname", "last_name"),
    ("lname", "last_name"),
    ("phone", "phone"),
    ("phonenumber", "phone"),
    ("phone1", "phone"),
    ("homephone", "phone"),
    ("primaryphone", "phone"),
    ("phonehome", "phone"),
    ("email", "email"),
    ("emailaddress", "email"),
    ("address", "address"),
    ("address1", "address"),
    ("street", "address"),
    ("city", "city"),
    ("state", "state"),
    ("stateprovince", "state"),
    ("zip", "zip"),
    ("zipcode", "zip"),
    ("postalcode", "zip"),
    ("dob", "date_of_birth"),
    ("dateofbirth", "date_of_birth"),
    ("birthdate", "date_of_birth"),
    ("age", "age"),
    ("gender", "gender"),
    ("ip", "consent.ip"),
    ("ipaddress", "consent.ip"),
    ("trustedform", "consent.trustedform_cert_url"),
    ("trustedformcerturl", "consent.trustedform_cert_url"),
    ("trustedformurl", "consent.trustedform_cert_url"),
    ("jornaya", "consent.jornaya_lead_id"),
    ("jornayaleadid", "consent.jornaya_lead_id"),
    ("leadidtoken", "consent.jornaya_lead_id"),
    ("universalleadid", "consent.jornaya_lead_id"),
    ("tcpatext", "consent.text"),
    ("pageurl", "consent.page_url"),
    ("landingpage", "consent.page_url"),
    ("subid", "vendor"),
    ("pingid", "bid.reference"),
    ("pingtoken", "bid.reference"),
    ("bidid", "bid.reference"),
];

/// Names of what nobody else may know.
const SECRETS: [&str; 8] =
    ["key", "apikey", "token", "password", "secret", "authorization", "accesstoken", "xapikey"];

/// Two words for true and false, of which one was recorded.
const TRUTHS: [[&str; 2]; 6] =
    [["Yes", "No"], ["yes", "no"], ["Y", "N"], ["true", "false"], ["True", "False"], ["1", "0"]];

/// Patterns of dates, by the signs at their places.
const DATES: [(&str, &str); 4] = [
    ("MM/DD/YYYY", "99/99/9999"),
    ("YYYY-MM-DD", "9999-99-99"),
    ("MM-DD-YYYY", "99-99-9999"),
    ("YYYYMMDD", "99999999"),
];

/// The name without signs and capitals.
pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// Guesses what a field of a call is made from.
pub(super) fn guess(call: Phase, name: &str, value: &Json, vertical: &Vertical) -> Guess {
    let plain_name = plain(name);
    let text = match value {
        Json::String(text) => text.clone(),
        value => value.to_string(),
    };
    if SECRETS.contains(&plain_name.as_str()) || name.to_ascii_lowercase().ends_with("_key") {
        return Guess::Secret(secret_name(name));
    }
    let same = vertical.fields.iter().find(|field| plain(&field.name) == plain_name);
    let other = NAMES.iter().find(|(known, _)| *known == plain_name).map(|(_, source)| *source);
    let source = same.map(|field| field.name.as_str()).or(other);
    let Some(source) = source.filter(|source| is_there(call, source, vertical)) else {
        return Guess::Constant;
    };
    match vertical.field(source) {
        Some(field) => Guess::Source(of_field(field, value, &text)),
        None => Guess::Source(format!("{source:?}")),
    }
}

/// Whether a call can have what is named.
fn is_there(call: Phase, source: &str, vertical: &Vertical) -> bool {
    let is_ping = call == Phase::Ping;
    if let Some(field) = vertical.field(source) {
        return !is_ping || field.pii != PiiClass::Contact;
    }
    match source {
        "vendor" => true,
        "age" => vertical.field("date_of_birth").is_some(),
        "bid.reference" | "consent.text" | "consent.page_url" => !is_ping,
        consent => consent.starts_with("consent."),
    }
}

fn of_field(field: &Field, value: &Json, text: &str) -> String {
    let name = &field.name;
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    match field.kind {
        FieldType::Phone if text.starts_with("+1") => {
            format!("{{ from = {name:?}, phone = \"e164\" }}")
        }
        FieldType::Phone if shape.matches('9').count() == 10 && shape.len() > 10 => {
            format!("{{ from = {name:?}, phone = {:?} }}", shape.replace('9', "N"))
        }
        FieldType::Phone => format!("{{ from = {name:?}, phone = \"digits\" }}"),
        FieldType::Date => match DATES.iter().find(|(_, known)| *known == shape) {
            Some((pattern, _)) => format!("{{ from = {name:?}, date = {pattern:?} }}"),
            None => format!("{name:?}"),
        },
        FieldType::Boolean if value.is_boolean() => format!("{name:?}"),
        FieldType::Boolean => {
            let pair = TRUTHS.iter().find(|pair| pair.contains(&text)).unwrap_or(&TRUTHS[0]);
            format!("{{ from = {name:?}, boolean = [{:?}, {:?}] }}", pair[0], pair[1])
        }
        FieldType::Enum => {
            let words = field.values.iter().map(|value| format!("{value:?} = {value:?}"));
            let words: Vec<String> = words.collect();
            format!("{{ from = {name:?}, map = {{ {} }} }}", words.join(", "))
        }
        FieldType::Integer | FieldType::Decimal | FieldType::Money if value.is_string() => {
            format!("{{ from = {name:?}, as = \"text\" }}")
        }
        _ => format!("{name:?}"),
    }
}

/// A name as profiles have them: small letters, digits and `_`.
fn secret_name(name: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let made: String = name.chars().map(part).collect();
    let made = made.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    if made.is_empty() { "secret".to_owned() } else { made.to_owned() }
}
