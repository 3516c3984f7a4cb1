//! What a recorded name and value give away.

use serde_json::Value as Json;

use crate::domain::vertical::{Field, FieldType, PiiClass, Vertical};
use crate::integration::Phase;

use super::brought::Brought;

/// What is written for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guess {
    /// A source, as TOML, and whether somebody has to look whether it is the right one.
    Source { toml: String, is_doubtful: bool },
    /// A secret of this name.
    Secret(String),
    /// The recorded constant.
    Constant,
}

/// Other names of fields and of the exchange's own words, without signs.
const NAMES: [(&str, &str); 39] = [
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

/// What is known of a recorded call besides a field itself.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) call: Phase,
    pub(super) vertical: &'a Vertical,
    /// What the reply to the ping brought.
    pub(super) brought: &'a Brought,
}

/// Guesses what a field of a call is made from.
pub(super) fn guess(around: Around<'_>, name: &str, value: &Json) -> Guess {
    let source = source_of(around.call, name, around.vertical);
    let field = source.and_then(|source| around.vertical.field(source));
    if let Some(field) = field {
        let is_doubtful = matches!(field.kind, FieldType::Boolean | FieldType::Enum);
        return Guess::Source { toml: of_field(field, value, &text_of(value)), is_doubtful };
    }
    if let Some(source) = around.brought.source(around.call, name, value) {
        return Guess::Source { toml: source, is_doubtful: true };
    }
    if is_secret(name) {
        return Guess::Secret(secret_name(name));
    }
    match source {
        Some(source) => Guess::Source { toml: format!("{source:?}"), is_doubtful: true },
        None => Guess::Constant,
    }
}

/// Whether a name is one of what nobody else may know.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&plain(name).as_str()) || name.to_ascii_lowercase().ends_with("_key")
}

/// The source that goes by a name, if the call has it.
pub(super) fn source_of<'v>(call: Phase, name: &str, vertical: &'v Vertical) -> Option<&'v str> {
    let plain_name = plain(name);
    let same = vertical.fields.iter().find(|field| plain(&field.name) == plain_name);
    let other = NAMES.iter().find(|(known, _)| *known == plain_name).map(|(_, source)| *source);
    let source = same.map(|field| field.name.as_str()).or(other);
    source.filter(|source| is_there(call, source, vertical))
}

/// A recorded value as text.
pub(super) fn text_of(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        value => value.to_string(),
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
        "consent.text" | "consent.page_url" => !is_ping,
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

/// What a lead has in a field for which this was recorded; none if nobody can say.
pub(super) fn lead_value(field: &Field, value: &Json) -> Option<Json> {
    let text = text_of(value);
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    match field.kind {
        FieldType::Date => {
            let (pattern, _) = DATES.iter().find(|(_, known)| *known == shape)?;
            let part = |sign: char| -> String {
                pattern
                    .chars()
                    .zip(text.chars())
                    .filter(|(at, _)| *at == sign)
                    .map(|(_, c)| c)
                    .collect()
            };
            Some(format!("{}-{}-{}", part('Y'), part('M'), part('D')).into())
        }
        FieldType::Boolean if value.is_boolean() => Some(value.clone()),
        FieldType::Boolean => {
            let pair = TRUTHS.iter().find(|pair| pair.contains(&text.as_str()))?;
            Some((pair[0] == text).into())
        }
        FieldType::Enum => field.values.contains(&text).then(|| text.into()),
        FieldType::Integer | FieldType::Decimal | FieldType::Money => {
            serde_json::from_str(&text).ok().filter(Json::is_number)
        }
        FieldType::List => None,
        _ => Some(text.into()),
    }
}

/// A name as profiles have them: small letters, digits and `_`.
pub(super) fn secret_name(name: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let made: String = name.chars().map(part).collect();
    let made = made.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    if made.is_empty() { "secret".to_owned() } else { made.to_owned() }
}
