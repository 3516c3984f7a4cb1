//! Requests and replies as they were recorded: as HTTP writes them, or their bodies alone.

use serde_json::Value as Json;

/// How deep a recorded document is looked at.
const DEPTH_MAX: usize = 12;

/// A recorded request.
pub(super) struct RecordedRequest {
    /// The method, if it was recorded.
    pub(super) method: Option<String>,
    /// Names and values of its headers, those of the connection left out.
    pub(super) headers: Vec<(String, String)>,
    /// Its body as it was recorded; of a query, the query.
    pub(super) body: String,
    /// What its body is.
    pub(super) kind: Kind,
    /// Objects or elements around everything.
    pub(super) wrap: Vec<String>,
    /// What it holds.
    pub(super) parts: Vec<Part>,
}

/// Kinds of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Xml,
    Form,
    Query,
    Text,
}

/// A named part of a document.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) content: Content,
}

/// What stands under a name.
pub(super) enum Content {
    Value(Json),
    Parts(Vec<Part>),
    /// Several items, which nobody can guess.
    List,
}

/// A recorded reply.
pub(super) struct RecordedReply {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Headers that the exchange or the connection writes.
const HEADERS_LEFT_OUT: [&str; 8] = [
    "host",
    "content-length",
    "content-type",
    "connection",
    "accept-encoding",
    "accept",
    "transfer-encoding",
    "expect",
];

impl RecordedRequest {
    /// Reads a recorded request.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let (head, body) = split(&text);
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (first.next(), first.next().unwrap_or_default());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .filter(|(name, _)| !HEADERS_LEFT_OUT.contains(&name.to_ascii_lowercase().as_str()))
            .collect();
        let method = method.filter(|method| !method.is_empty()).map(str::to_owned);
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let body = body.trim();
        let recorded = if body.is_empty() { query } else { body }.to_owned();
        let Body { kind, wrap, parts } = match body {
            "" if query.is_empty() => return Err("there is no request in it".to_owned()),
            "" => Body { kind: Kind::Query, wrap: Vec::new(), parts: pairs(query) },
            body => document(body)?,
        };
        Ok(Self { method, headers, body: recorded, kind, wrap, parts })
    }

    /// Every named value of its body, however deep.
    pub(super) fn leaves(&self) -> Vec<(&str, &Json)> {
        fn add<'p>(parts: &'p [Part], leaves: &mut Vec<(&'p str, &'p Json)>) {
            for part in parts {
                match &part.content {
                    Content::Value(value) => leaves.push((&part.name, value)),
                    Content::Parts(inner) => add(inner, leaves),
                    Content::List => {}
                }
            }
        }
        let mut leaves = Vec::new();
        add(&self.parts, &mut leaves);
        leaves
    }
}

impl RecordedReply {
    /// Reads a recorded reply.
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let Some(rest) = text.strip_prefix("HTTP/") else {
            return Self { status: 200, body: text.trim_end().to_owned() };
        };
        let status = rest.split(' ').nth(1).and_then(|status| status.trim().parse().ok());
        let body = text.split_once("\n\n").map_or("", |(_, body)| body);
        Self { status: status.unwrap_or(200), body: body.trim_end().to_owned() }
    }
}

/// Head and body of a request; the head is empty where only a body was recorded.
fn split(text: &str) -> (&str, &str) {
    let methods = ["GET ", "POST ", "PUT ", "PATCH "];
    if !methods.iter().any(|method| text.starts_with(method)) {
        return ("", text);
    }
    text.split_once("\n\n").unwrap_or((text, ""))
}

/// A body that was read.
struct Body {
    kind: Kind,
    wrap: Vec<String>,
    parts: Vec<Part>,
}

fn document(body: &str) -> Result<Body, String> {
    if body.starts_with('{') {
        let read: Json = serde_json::from_str(body).map_err(|error| format!("no JSON: {error}"))?;
        let mut parts = parts_of(&read, DEPTH_MAX);
        let mut wrap = Vec::new();
        while let [Part { content: Content::Parts(_), .. }] = parts.as_slice() {
            let Some(Part { name, content: Content::Parts(inner) }) = parts.pop() else { break };
            wrap.push(name);
            parts = inner;
        }
        return Ok(Body { kind: Kind::Json, wrap, parts });
    }
    if body.starts_with('<') {
        let read = roxmltree::Document::parse(body).map_err(|error| format!("no XML: {error}"))?;
        let root = read.root_element();
        let wrap = vec![root.tag_name().name().to_owned()];
        return Ok(Body { kind: Kind::Xml, wrap, parts: elements_of(root, DEPTH_MAX) });
    }
    if body.contains('=') {
        return Ok(Body { kind: Kind::Form, wrap: Vec::new(), parts: pairs(body) });
    }
    let part = Part { name: "text".to_owned(), content: Content::Value(body.into()) };
    Ok(Body { kind: Kind::Text, wrap: Vec::new(), parts: vec![part] })
}

fn pairs(encoded: &str) -> Vec<Part> {
    let pairs = form_urlencoded::parse(encoded.as_bytes()).into_owned();
    let value =
        |(name, value): (String, String)| Part { name, content: Content::Value(value.into()) };
    pairs.map(value).collect()
}

fn parts_of(value: &Json, depth: usize) -> Vec<Part> {
    let Json::Object(members) = value else { return Vec::new() };
    let part = |(name, value): (&String, &Json)| {
        let content = match value {
            Json::Object(_) if depth > 0 => Content::Parts(parts_of(value, depth - 1)),
            Json::Object(_) | Json::Array(_) => Content::List,
            value => Content::Value(value.clone()),
        };
        Part { name: name.clone(), content }
    };
    members.iter().map(part).collect()
}

fn elements_of(element: roxmltree::Node<'_, '_>, depth: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for child in element.children().filter(roxmltree::Node::is_element) {
        let name = child.tag_name().name().to_owned();
        if let Some(known) = parts.iter_mut().find(|known| known.name == name) {
            known.content = Content::List;
            continue;
        }
        let has_elements = child.children().any(|inner| inner.is_element());
        let content = match has_elements && depth > 0 {
            true => Content::Parts(elements_of(child, depth - 1)),
            false => Content::Value(child.text().unwrap_or_default().trim().into()),
        };
        parts.push(Part { name, content });
    }
    parts
}
