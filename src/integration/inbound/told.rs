//! From the exchange's own answer to the vendor's words.

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::{AnswerRule, Call, Fields, Inbound};
use crate::integration::request::Given;

/// What the exchange answers.
#[derive(Clone, Copy)]
pub enum Told<'t> {
    /// What one of its own routes answers.
    Answer {
        /// Which.
        call: Call,
        /// The HTTP status.
        status: u16,
        /// The JSON body.
        body: &'t [u8],
    },
    /// A refusal.
    Refusal {
        /// Which call it was, if that was known.
        call: Option<Call>,
        /// The HTTP status.
        status: u16,
        /// The code of the problem.
        code: &'t str,
        /// A sentence about it.
        detail: &'t str,
        /// The faulty fields.
        faults: &'t [FaultTold<'t>],
        /// When to try again, in seconds.
        retry_after_s: Option<u32>,
    },
}

/// One faulty field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultTold<'t> {
    /// JSON pointer into the translated body.
    pub pointer: &'t str,
    /// Stable code.
    pub code: &'t str,
    /// A sentence without the value.
    pub detail: &'t str,
}

/// An answer in the vendor's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The body's type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Inbound {
    /// Says it in the vendor's words; `None` if they cannot be found, so that the exchange's own
    /// stand.
    #[must_use]
    pub fn answer(&self, told: &Told<'_>, fields: &Fields, now: Timestamp) -> Option<Answered> {
        let (status, mut map) = match *told {
            Told::Answer { call, status, body } => (status, answer(call, body)?),
            Told::Refusal { call, status, code, detail, faults, retry_after_s } => {
                let mut map = Map::new();
                put(&mut map, "call", call.map(|call| call.as_str().into()));
                put(&mut map, "outcome", Some(outcome_of(code).into()));
                put(&mut map, "code", Some(code.into()));
                put(&mut map, "detail", Some(detail.into()));
                put(
                    &mut map,
                    "retry_after_s",
                    retry_after_s.map(|seconds| seconds.to_string().into()),
                );
                let faults: Vec<Json> =
                    faults.iter().map(|fault| self.fault(fault, fields)).collect();
                put(&mut map, "message", Some(message(&faults, detail).into()));
                let first = faults.first().and_then(|fault| fault.get("field")).cloned();
                put(&mut map, "fault_field", first);
                map.insert("faults".to_owned(), Json::Array(faults));
                (status, map)
            }
        };
        let mut given = fields.map().clone();
        // Whatever a profile echoes, it is no key.
        given.retain(|name, _| !self.is_key(name));
        map.insert("given".to_owned(), Json::Object(given));
        let given = Given { fields: &map, now };
        let is_met = |rule: &&AnswerRule| rule.when.as_ref().is_none_or(|when| when.is_met(&given));
        let rule = self.answers.iter().find(is_met)?;
        let format = self.format.as_ref().and_then(|format| format.text(&given));
        let format = format.unwrap_or_default().to_ascii_lowercase();
        let (content_type, body) = rule.shapes.write(&format, &given).ok()?;
        Some(Answered { status: rule.status.unwrap_or(status), content_type, body })
    }

    fn fault(&self, fault: &FaultTold<'_>, fields: &Fields) -> Json {
        let mut told = Map::new();
        put(&mut told, "field", Some(self.field_at(fault.pointer, fields).into()));
        put(&mut told, "code", Some(fault.code.into()));
        put(&mut told, "detail", Some(fault.detail.into()));
        Json::Object(told)
    }
}

fn put(map: &mut Map<String, Json>, name: &str, value: Option<Json>) {
    if let Some(value) = value.filter(|value| !value.is_null()) {
        map.insert(name.to_owned(), value);
    }
}

/// All faults in one line, or the sentence about the whole.
fn message(faults: &[Json], detail: &str) -> String {
    let word = |fault: &Json, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
    let each = faults.iter().map(|fault| match word(fault, "field") {
        field if field.is_empty() => word(fault, "detail"),
        field => format!("{field}: {}", word(fault, "detail")),
    });
    let message = each.collect::<Vec<_>>().join("; ");
    if message.is_empty() { detail.to_owned() } else { message }
}

/// The parts of an answer of the exchange's own.
fn answer(call: Call, body: &[u8]) -> Option<Map<String, Json>> {
    let Json::Object(answer) = serde_json::from_slice(body).ok()? else { return None };
    let mut map = Map::new();
    put(&mut map, "call", Some(call.as_str().into()));
    for name in [
        "disposition",
        "reason",
        "lead_id",
        "ping_id",
        "payout",
        "currency",
        "expires_at",
        "status_url",
        "offers",
        "sales",
    ] {
        put(&mut map, name, answer.get(name).cloned());
    }
    let first = |list: &str, name: &str| {
        let items = answer.get(list)?.as_array()?;
        items.iter().find_map(|item| item.get(name).filter(|value| !value.is_null()).cloned())
    };
    if call == Call::Ping {
        put(&mut map, "payout", first("offers", "payout"));
        put(&mut map, "offer_id", first("offers", "offer_id"));
        put(&mut map, "seats", first("offers", "seats"));
    }
    put(&mut map, "message", answer.get("reason").cloned());
    put(&mut map, "redirect_url", first("sales", "redirect_url"));
    put(&mut map, "phone_number", first("sales", "phone_number"));
    let word = |name: &str| answer.get(name).and_then(Json::as_str);
    let outcome = match (word("disposition")?, word("reason")) {
        ("refused", Some("duplicate")) => "duplicate",
        (disposition, _) => disposition,
    };
    put(&mut map, "outcome", Some(outcome.into()));
    Some(map)
}

/// What a problem's code comes to.
fn outcome_of(code: &str) -> &'static str {
    match code {
        "unauthorized" | "invalid_signature" | "wrong_role" => "unauthorized",
        "rate_limited" => "rate_limited",
        "overloaded" | "store_unavailable" | "records_unavailable" => "unavailable",
        "internal" => "error",
        // Its lead may be sold: whoever hears no of it sells it to somebody else.
        "ping_used" => "ping_used",
        "ping_unknown" | "ping_expired" | "offer_unknown" => "ping_over",
        _ => "invalid",
    }
}
