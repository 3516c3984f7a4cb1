//! Vendors' bodies, through the real intake: a lead, or a list of faults without a value in it.

use std::sync::Arc;

use anyhow::Context;
use gavel::domain::lead::Warning;
use gavel::domain::slug::VerticalId;
use gavel::intake::fault::{FAULTS_MAX, FaultKind, FieldFault, codes};
use gavel::intake::sample::{SAMPLE_NOW, sample};
use gavel::intake::{self, Body, Contact, ContentKind, IntakeContext, IntakeLimits};
use gavel::registry::compile::shipped_verticals;
use gavel::registry::vertical::CompiledVertical;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::Value as Json;

use super::Judged;
use super::mutate::mutate;

/// What may become of a body.
pub const OUTCOMES: &[&str] =
    &["lead", "malformed_body", "invalid_lead", "unknown_vertical", "body_too_large"];

/// Samples of each vertical that are mutated.
const SAMPLES: u64 = 20;
/// Values of the consumer that no fault may repeat. Each has something in it that no field's name has,
/// so that it is not taken for one where a mutation made a key of it.
const CANARIES: [(&str, &str); 5] = [
    ("first_name", "Quixolina Marie"),
    ("last_name", "O'Zyrtovsky"),
    ("phone", "+12146530199"),
    ("email", "quixolina+zyrt@mail.example"),
    ("date_of_birth", "1958-07-19"),
];

/// A valid body, and words of its format.
struct Valid {
    content: ContentKind,
    bytes: Vec<u8>,
}

/// The valid bodies.
pub struct Bodies {
    valid: Vec<Valid>,
    names: Vec<String>,
    limits: IntakeLimits,
    known_codes: Vec<&'static str>,
}

impl Bodies {
    pub fn new() -> anyhow::Result<Self> {
        let mut valid = Vec::new();
        let mut names = vec!["lead".to_owned(), "consent".to_owned(), "vertical".to_owned()];
        for vertical in shipped_verticals().values() {
            for seed in 0..SAMPLES {
                let mut body = sample(vertical, seed);
                let fields = body["lead"].as_object_mut().context("a lead is an object")?;
                for (name, value) in CANARIES {
                    if let Some(field) = fields.get_mut(name) {
                        *field = value.into();
                    }
                }
                names.extend(fields.keys().cloned());
                valid.push(Valid { content: ContentKind::Json, bytes: body.to_string().into() });
                valid.push(Valid { content: ContentKind::Form, bytes: form(&body) });
            }
        }
        names.sort();
        names.dedup();
        let known_codes = codes().map(|meaning| meaning.code).collect();
        let bodies = Self { valid, names, limits: IntakeLimits::default(), known_codes };
        for body in &bodies.valid {
            let outcome = bodies.outcome(body.content, &body.bytes, false);
            anyhow::ensure!(outcome == Ok("lead"), "a valid body is refused: {outcome:?}");
        }
        Ok(bodies)
    }

    /// Makes a case and judges it.
    pub fn judge(&self, random: &mut ChaCha8Rng) -> Judged {
        let valid = &self.valid[random.random_range(0..self.valid.len())];
        let mut bytes = valid.bytes.clone();
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        mutate(&mut bytes, &names, random);
        if random.random_range(0..2_000) == 0 {
            bytes.resize(300_000, b' ');
        }
        self.outcome(valid.content, &bytes, random.random())
    }

    fn outcome(&self, content: ContentKind, bytes: &[u8], strict: bool) -> Judged {
        let find = |vertical: &VerticalId| -> Option<Arc<CompiledVertical>> {
            shipped_verticals().get(vertical).cloned()
        };
        let context = IntakeContext {
            verticals: &find,
            strict,
            is_test_key: false,
            contact: Contact::Required,
            limits: &self.limits,
            now: SAMPLE_NOW,
        };
        match intake::read(Body { content, bytes }, &context) {
            Ok(lead) => {
                lead.warnings.iter().try_for_each(warning_without_values)?;
                Ok("lead")
            }
            Err(refused) => {
                silent("the detail", &refused.detail)?;
                if refused.errors.is_empty() || refused.errors.len() > FAULTS_MAX {
                    return Err(format!("{} faults are listed", refused.errors.len()));
                }
                refused.errors.iter().try_for_each(|fault| self.sound(fault))?;
                Ok(match refused.kind {
                    FaultKind::MalformedBody => "malformed_body",
                    FaultKind::InvalidLead => "invalid_lead",
                    FaultKind::UnknownVertical => "unknown_vertical",
                    FaultKind::BodyTooLarge => "body_too_large",
                })
            }
        }
    }

    fn sound(&self, fault: &FieldFault) -> Result<(), String> {
        silent("a fault's pointer", &fault.pointer)?;
        silent("a fault's detail", &fault.detail)?;
        match self.known_codes.contains(&fault.code) {
            true => Ok(()),
            false => Err(format!("the code {} is not documented", fault.code)),
        }
    }
}

fn warning_without_values(warning: &Warning) -> Result<(), String> {
    silent("a warning's pointer", &warning.pointer)?;
    silent("a warning's detail", &warning.detail)
}

/// Nothing of the consumer is in `text`.
fn silent(what: &str, text: &str) -> Result<(), String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let speaks = CANARIES.iter().find(|(_, value)| text.contains(value));
    match speaks {
        Some((name, _)) => Err(format!("{what} repeats the {name}")),
        None if digits.contains("2146530199") => {
            Err(format!("{what} repeats the telephone number"))
        }
        None => Ok(()),
    }
}

/// The body as a form would send it.
fn form(body: &Json) -> Vec<u8> {
    let mut pairs = Vec::new();
    flatten("", body, &mut pairs);
    let encoded = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    encoded.collect::<Vec<_>>().join("&").into_bytes()
}

fn flatten(name: &str, value: &Json, pairs: &mut Vec<(String, String)>) {
    let inner = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}[{key}]") };
    match value {
        Json::Object(members) => {
            members.iter().for_each(|(key, value)| flatten(&inner(key), value, pairs));
        }
        Json::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(index, item)| flatten(&inner(&index.to_string()), item, pairs));
        }
        Json::String(text) => pairs.push((name.to_owned(), text.clone())),
        Json::Null => {}
        other => pairs.push((name.to_owned(), other.to_string())),
    }
}

fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_spells_out_the_nesting_of_a_body() {
        let body = json!({"a": {"b": "x y"}, "c": [{"d": 1}, {"d": true}], "e": null});
        let text = String::from_utf8(form(&body)).unwrap();
        assert_eq!(text, "a[b]=x%20y&c[0][d]=1&c[1][d]=true");
    }

    #[test]
    fn a_repeated_value_is_noticed() {
        assert!(silent("it", "/lead/phone").is_ok());
        for text in ["not Quixolina Marie", "+1 (214) 653-0199", "/lead/1958-07-19"] {
            assert!(silent("it", text).is_err(), "{text}");
        }
    }
}
