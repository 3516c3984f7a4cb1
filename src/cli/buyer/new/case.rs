//! The case of what was recorded.
//!
//! The request stands in it as it was recorded, but for what the exchange puts in place of it: made-up
//! secrets, and the pseudonym of the vendor. The lead has what the request tells of it, so that what
//! still differs is what the profile does not say yet.

use serde_json::{Map, Value as Json, json};

use super::Recorded;
use super::brought::Brought;
use super::guess::{Around, Guess, guess, is_secret, lead_value, secret_name, source_of, text_of};
use super::recorded::{Kind, RecordedRequest};
use crate::domain::slug::VerticalId;
use crate::domain::vertical::Vertical;
use crate::integration::cases::CASE_VENDOR;

/// How the exchange begins a document.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

/// The whole case, without what the replies mean.
pub(super) fn case(
    calls: &[Recorded],
    id: &VerticalId,
    vertical: &Vertical,
    brought: &Brought,
) -> Json {
    let (mut lead, mut consent) = (Map::new(), Map::new());
    let mut steps = Vec::new();
    for recorded in calls {
        for (name, value) in recorded.request.leaves() {
            let source = source_of(recorded.call, name, vertical);
            let Some(source) = source else { continue };
            match (vertical.field(source), source.strip_prefix("consent.")) {
                (Some(field), _) => {
                    lead.extend(lead_value(field, value).map(|value| (source.to_owned(), value)));
                }
                (None, Some(element)) => {
                    consent.insert(element.to_owned(), text_of(value).into());
                }
                (None, None) => {}
            }
        }
        let around = Around { call: recorded.call, vertical, brought };
        let mut step = json!({"call": recorded.call.as_str()});
        step["request"] = request(around, &recorded.request);
        if let Some(reply) = &recorded.reply {
            step["reply"] = json!({"status": reply.status, "body": reply.body});
        }
        steps.push(step);
    }
    json!({
        "about": "What was recorded.",
        "source": "a recorded request and its reply",
        "vertical": id,
        "lead": lead,
        "consent": consent,
        "steps": steps,
    })
}

fn request(around: Around<'_>, recorded: &RecordedRequest) -> Json {
    let mut request = Map::new();
    if let Some(method) = &recorded.method {
        request.insert("method".to_owned(), json!(method));
    }
    let headers = recorded
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), sent(around, name, &Json::String(value.clone()))));
    let headers: Map<String, Json> = headers.collect();
    if !headers.is_empty() {
        request.insert("headers".to_owned(), headers.into());
    }
    let (key, body) = match recorded.kind {
        Kind::Query => ("query", pairs(around, &recorded.body)),
        Kind::Form => ("form", pairs(around, &recorded.body)),
        Kind::Json => {
            let read = serde_json::from_str(&recorded.body).unwrap_or(Json::Null);
            ("body", members(around, read))
        }
        Kind::Xml => ("xml", xml(around, recorded)),
        Kind::Text => ("body", json!(recorded.body)),
    };
    request.insert(key.to_owned(), body);
    request.into()
}

/// A value as the profile is to send it in a case.
fn sent(around: Around<'_>, name: &str, value: &Json) -> Json {
    match guess(around, name, value) {
        Guess::Secret(secret) => json!(format!("{secret}-secret")),
        Guess::Source { toml, .. } if toml == "\"vendor\"" => json!(CASE_VENDOR),
        _ => value.clone(),
    }
}

fn pairs(around: Around<'_>, encoded: &str) -> Json {
    let mut out: Map<String, Json> = Map::new();
    for (name, value) in form_urlencoded::parse(encoded.as_bytes()).into_owned() {
        let value = sent(around, &name, &Json::String(value));
        match out.get_mut(&name) {
            None => drop(out.insert(name, value)),
            Some(Json::Array(values)) => values.push(value),
            Some(known) => *known = json!([known.take(), value]),
        }
    }
    out.into()
}

fn members(around: Around<'_>, value: Json) -> Json {
    match value {
        Json::Object(members_of) => members_of
            .into_iter()
            .map(|(name, value)| {
                let value = match value {
                    Json::Object(_) | Json::Array(_) => members(around, value),
                    value => sent(around, &name, &value),
                };
                (name, value)
            })
            .collect(),
        Json::Array(items) => items.into_iter().map(|item| members(around, item)).collect(),
        value => value,
    }
}

/// The lines of the document, with what stands for secrets and the vendor in their places.
fn xml(around: Around<'_>, recorded: &RecordedRequest) -> Json {
    let mut text = recorded.body.clone();
    if let Some((declaration, _)) = text.split_once("?>").filter(|_| text.starts_with("<?xml")) {
        text = format!("{DECLARATION}{}", &text[declaration.len() + 2..]);
    }
    if let Ok(document) = roxmltree::Document::parse(&recorded.body) {
        // From the end, so that the places of what stands before stay as they are.
        let cut = recorded.body.len();
        let shift = |at: usize| text.len().checked_sub(cut - at);
        let mut changes = Vec::new();
        for node in document.descendants() {
            for attribute in node.attributes().filter(|known| is_secret(known.name())) {
                let made = format!("{}-secret", secret_name(attribute.name()));
                changes.push((attribute.range_value(), made));
            }
            let Some(parent) = node.parent_element().filter(|_| node.is_text()) else { continue };
            let value = Json::String(node.text().unwrap_or_default().trim().to_owned());
            if value == "" {
                continue;
            }
            let name = parent.tag_name().name();
            let made = sent(around, name, &value);
            if made != value {
                changes.push((node.range(), text_of(&made)));
            }
        }
        changes.sort_by_key(|(range, _)| range.start);
        let places = changes.into_iter().rev();
        let places: Vec<_> = places
            .filter_map(|(range, made)| Some((shift(range.start)?..shift(range.end)?, made)))
            .collect();
        for (range, made) in places {
            text.replace_range(range, &made);
        }
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}
