//! Where values stand in a recorded reply.

use serde_json::Value as Json;

use super::guess::plain;

/// Names under which replies say how it went.
pub(super) const STATUSES: [&str; 9] = [
    "status", "result", "accepted", "success", "outcome", "response", "decision", "code", "matched",
];
/// And what they pay.
pub(super) const PRICES: [&str; 9] = [
    "price",
    "payout",
    "bid",
    "bidamount",
    "amount",
    "bidprice",
    "commission",
    "payoutamount",
    "cost",
];
/// And why.
pub(super) const REASONS: [&str; 5] = ["reason", "message", "error", "comment", "errors"];

/// A value, and where it stands, as a source of a reply.
pub(super) struct Place {
    pub(super) path: String,
    pub(super) text: String,
}

/// Every value of a reply's body.
pub(super) fn places(body: &str) -> Vec<Place> {
    let body = body.trim();
    if body.starts_with('{') {
        serde_json::from_str(body).map(|read| of_json(&read, "$")).unwrap_or_default()
    } else if body.starts_with('<') {
        roxmltree::Document::parse(body)
            .map(|read| of_xml(read.root_element(), ""))
            .unwrap_or_default()
    } else {
        let pairs = form_urlencoded::parse(body.as_bytes()).into_owned();
        pairs.map(|(path, text)| Place { path, text }).collect()
    }
}

/// The first value that goes by one of some names, the first name first.
pub(super) fn find<'p>(places: &'p [Place], names: &[&str]) -> Option<&'p Place> {
    names.iter().find_map(|name| places.iter().find(|place| last(&place.path) == *name))
}

/// The last name of a path, without signs.
pub(super) fn last(path: &str) -> String {
    plain(path.rsplit(['.', '/', '@', '\'']).find(|part| !plain(part).is_empty()).unwrap_or(path))
}

/// The paths of a document's values, with what stands there.
fn of_json(value: &Json, path: &str) -> Vec<Place> {
    match value {
        Json::Object(members) => members
            .iter()
            .flat_map(|(name, value)| {
                let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let step = if is_plain { format!(".{name}") } else { format!("['{name}']") };
                of_json(value, &format!("{path}{step}"))
            })
            .collect(),
        Json::Array(items) => match items.first() {
            Some(first) => of_json(first, &format!("{path}[0]")),
            None => Vec::new(),
        },
        Json::Null => Vec::new(),
        Json::String(text) => vec![Place { path: path.to_owned(), text: text.clone() }],
        value => vec![Place { path: path.to_owned(), text: value.to_string() }],
    }
}

fn of_xml(element: roxmltree::Node<'_, '_>, path: &str) -> Vec<Place> {
    let path = format!("{path}/{}", element.tag_name().name());
    let attributes = element.attributes();
    let mut places: Vec<Place> = attributes
        .map(|attribute| Place {
            path: format!("{path}/@{}", attribute.name()),
            text: attribute.value().to_owned(),
        })
        .collect();
    let mut has_elements = false;
    for child in element.children().filter(roxmltree::Node::is_element) {
        has_elements = true;
        places.extend(of_xml(child, &path));
    }
    if !has_elements {
        let text = element.text().unwrap_or_default().trim().to_owned();
        places.push(Place { path, text });
    }
    places
}
