//! From the fields of a vendor's request to the body of one of the exchange's own routes.

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::{Call, Fields, Inbound};
use crate::integration::request::{Given, RenderRefused};

/// The parts of a body beside lead, consent and source, with the calls that have them.
pub(super) const PARTS: [(&str, &[Call]); 9] = [
    ("vertical", &[Call::Lead, Call::Ping]),
    ("submitted_at", &[Call::Lead, Call::Ping]),
    ("floor", &[Call::Lead, Call::Ping]),
    ("test", &[Call::Lead, Call::Ping]),
    ("wait_ms", &[Call::Lead, Call::Ping, Call::Post]),
    ("ping_id", &[Call::Post]),
    ("offer_id", &[Call::Post]),
    ("min_payout", &[Call::Post]),
    (IDEMPOTENCY_KEY, &[Call::Lead, Call::Ping]),
];

/// The part that stands in a header.
const IDEMPOTENCY_KEY: &str = "idempotency_key";

/// A vendor's request as one of the exchange's own. No `Debug`: it holds a consumer's data.
#[derive(Clone, PartialEq)]
pub struct Submission {
    /// The body, in JSON.
    pub body: Vec<u8>,
    /// The idempotency key, if the vendor sends what is one.
    pub idempotency_key: Option<String>,
}

impl Inbound {
    /// Translates a request. Fields that nothing of the profile reads stand in the lead under their
    /// own names in small letters, where they mean what the vertical says, or are told of as unknown.
    ///
    /// # Errors
    /// [`RenderRefused`] if a field that the profile requires is missing, or it is too large.
    pub fn submission(
        &self,
        call: Call,
        fields: &Fields,
        now: Timestamp,
    ) -> Result<Submission, RenderRefused> {
        let given = fields.given(now);
        let mut body = Map::new();
        let mut idempotency_key = None;
        for (name, _) in PARTS.iter().filter(|(_, calls)| calls.contains(&call)) {
            let Some(value) = self.parts.get(name).and_then(|part| part.make(&given)) else {
                continue;
            };
            match *name {
                IDEMPOTENCY_KEY => idempotency_key = value.as_str().map(str::to_owned),
                "offer_id" => drop(body.insert("offer_ids".to_owned(), Json::Array(vec![value]))),
                name => drop(body.insert(name.to_owned(), value)),
            }
        }
        body.insert("lead".to_owned(), Json::Object(self.lead(fields, &given)?));
        let groups = [("consent", &self.consent), ("source", &self.origin)];
        let has_source = call != Call::Post;
        for (name, mapping) in
            groups.into_iter().filter(|(name, _)| has_source || *name != "source")
        {
            let made = mapping.make(&given)?;
            if !made.is_empty() {
                body.insert(name.to_owned(), Json::Object(made));
            }
        }
        let body = serde_json::to_vec(&body).expect("JSON of texts and groups always serializes");
        Ok(Submission { body, idempotency_key })
    }

    fn lead(&self, fields: &Fields, given: &Given<'_>) -> Result<Map<String, Json>, RenderRefused> {
        let mut lead = self.lead.make(given)?;
        for (name, value) in fields.map() {
            if !self.known.contains(name) && !self.ignored.contains(name) {
                lead.entry(name.to_lowercase()).or_insert_with(|| value.clone());
            }
        }
        Ok(lead)
    }

    /// How the vendor calls what a JSON pointer into the translated body names; the pointer's own
    /// words, if the vendor has none for it.
    pub(super) fn field_at(&self, pointer: &str, fields: &Fields) -> String {
        let path: Vec<&str> = pointer.split('/').skip(1).collect();
        let found = match path.split_first() {
            Some((&"lead", rest)) => self.lead.field(rest).or_else(|| unread(rest, fields)),
            Some((&"consent", rest)) => self.consent.field(rest),
            Some((&"source", rest)) => self.origin.field(rest),
            Some((&"offer_ids", _)) => self.parts.get("offer_id").and_then(|part| part.field()),
            Some((name, _)) => self.parts.get(name).and_then(|part| part.field()),
            None => None,
        };
        found.unwrap_or_else(|| match path.split_first() {
            Some((&("lead" | "consent" | "source"), rest)) if !rest.is_empty() => rest.join("."),
            _ => path.join("."),
        })
    }
}

/// How the vendor writes the name of a field that came through under its own name.
fn unread(path: &[&str], fields: &Fields) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let name = fields.map().keys().find(|name| name.to_lowercase() == *first)?;
    let parts = std::iter::once(name.as_str()).chain(rest.iter().copied());
    Some(parts.collect::<Vec<_>>().join("."))
}
