//! The text of a first profile.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Recorded;
use super::guess::{Guess, guess, plain};
use super::recorded::{Content, Kind, Part, RecordedReply, RecordedRequest};
use crate::domain::vertical::Vertical;
use crate::integration::Phase;

/// Stands behind what somebody has to look at.
const MARK: &str = "  # ?";

/// Names under which replies say how it went, what they pay, what they call the bid and why.
const STATUSES: [&str; 9] = [
    "status", "result", "accepted", "success", "outcome", "response", "decision", "code", "matched",
];
const PRICES: [&str; 9] = [
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
const REFERENCES: [&str; 9] =
    ["pingid", "bidid", "leadid", "token", "reference", "ref", "id", "pingtoken", "transactionid"];
const REASONS: [&str; 5] = ["reason", "message", "error", "comment", "errors"];

/// Words that say no, of which one may have been recorded.
const NOES: [&str; 12] = [
    "false",
    "no",
    "0",
    "failed",
    "failure",
    "rejected",
    "refused",
    "unmatched",
    "error",
    "declined",
    "unsold",
    "none",
];

/// Writes the whole profile.
pub(super) fn profile(name: &str, calls: &[Recorded], vertical: &Vertical) -> String {
    let mut writer = Writer { vertical, secrets: BTreeSet::new(), text: String::new() };
    for recorded in calls {
        writer.request(recorded.call, &recorded.request);
        if let Some(reply) = &recorded.reply {
            writer.reply(recorded.call, reply);
        }
    }
    let mut text =
        format!("profile = {name:?}\nsource = \"a recorded request and its reply\"{MARK}\n");
    if !writer.secrets.is_empty() {
        let secrets: Vec<String> = writer.secrets.iter().map(|name| format!("{name:?}")).collect();
        text.push_str(&format!("secrets = [{}]\n", secrets.join(", ")));
    }
    text.push_str(&writer.text);
    text
}

struct Writer<'v> {
    vertical: &'v Vertical,
    secrets: BTreeSet<String>,
    text: String,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn request(&mut self, call: Phase, request: &RecordedRequest) {
        let kind = match request.kind {
            Kind::Json => "json",
            Kind::Xml => "xml",
            Kind::Form => "form",
            Kind::Query => "query",
            Kind::Text => "text",
        };
        self.line(&format!("\n[{call}.request]\nbody = \"{kind}\""));
        let usual = if request.kind == Kind::Query { "GET" } else { "POST" };
        if let Some(method) = request.method.as_deref().filter(|method| *method != usual) {
            self.line(&format!("method = {method:?}"));
        }
        match request.wrap.as_slice() {
            [] => {}
            [name] => self.line(&format!("wrap = {name:?}")),
            names => self.line(&format!("wrap = {names:?}")),
        }
        if request.kind == Kind::Text {
            let text = request.parts.first().map(|part| match &part.content {
                Content::Value(Json::String(text)) => text.replace('{', "{{").replace('}', "}}"),
                _ => String::new(),
            });
            self.line(&format!("text = {}{MARK}", quoted(&text.unwrap_or_default())));
            return;
        }
        if !request.headers.is_empty() {
            self.line(&format!("\n[{call}.request.headers]"));
            for (name, value) in &request.headers {
                self.value(call, name, &Json::String(value.clone()));
            }
        }
        self.parts(call, &format!("{call}.request"), &request.parts);
    }

    fn parts(&mut self, call: Phase, path: &str, parts: &[Part]) {
        self.line(&format!("\n[{path}.fields]"));
        for part in parts {
            match &part.content {
                Content::Value(value) => self.value(call, &part.name, value),
                Content::List => {
                    self.line(&format!(
                        "# {}: a list, written with each = \"..\"{MARK}",
                        part.name
                    ));
                }
                Content::Parts(_) => {}
            }
        }
        for part in parts {
            if let Content::Parts(inner) = &part.content {
                self.parts(call, &format!("{path}.fields.{}", key(&part.name)), inner);
            }
        }
    }

    fn value(&mut self, call: Phase, name: &str, value: &Json) {
        let line = match guess(call, name, value, self.vertical) {
            Guess::Source(source) => format!("{} = {source}", key(name)),
            Guess::Secret(secret) => {
                let line = format!("{} = \"secret.{secret}\"", key(name));
                self.secrets.insert(secret);
                line
            }
            Guess::Constant => {
                let constant = match value {
                    Json::String(text) => quoted(text),
                    Json::Null => "\"\"".to_owned(),
                    value => value.to_string(),
                };
                format!("{} = {{ value = {constant} }}{MARK}", key(name))
            }
        };
        self.line(&line);
    }

    fn reply(&mut self, call: Phase, reply: &RecordedReply) {
        let body = reply.body.trim();
        let places = if body.starts_with('{') {
            serde_json::from_str(body).map(|read| of_json(&read, "$")).unwrap_or_default()
        } else if body.starts_with('<') {
            roxmltree::Document::parse(body)
                .map(|read| of_xml(read.root_element(), ""))
                .unwrap_or_default()
        } else {
            form_urlencoded::parse(body.as_bytes()).into_owned().collect()
        };
        let format = match body.chars().next() {
            Some('{') => "json",
            Some('<') => "xml",
            _ if body.contains('=') => "form",
            Some(_) => "text",
            None => "none",
        };
        self.line(&format!("\n[{call}.reply]\nformat = \"{format}\""));
        let find = |names: &[&str]| {
            names.iter().find_map(|name| places.iter().find(|(path, _)| last(path) == *name))
        };
        if let Some((path, _)) = find(&REASONS) {
            self.line(&format!("reason = {path:?}"));
        }
        if let (Phase::Post, Some((path, _))) = (call, find(&["leadid", "id"])) {
            self.line(&format!("buyer_lead_id = {path:?}"));
        }
        self.line("rules = [");
        match find(&STATUSES) {
            Some((path, word)) => {
                let is_no = NOES.iter().any(|no| word.eq_ignore_ascii_case(no));
                let (said, other) = if is_no { ("refuse", "accept") } else { ("accept", "refuse") };
                self.line(&format!(
                    "  {{ when = {{ {path:?} = {word:?} }}, outcome = \"{said}\" }},"
                ));
                self.line(&format!(
                    "  {{ when = {{ {path:?} = {{ present = true, is_not = {word:?} }} }}, outcome = \"{other}\" }},{MARK}"
                ));
            }
            None => {
                let status = reply.status;
                self.line(&format!(
                    "  {{ when = {{ http_status = {status} }}, outcome = \"accept\" }},{MARK}"
                ));
                self.line(&format!(
                    "  {{ when = {{ http_status = \"4xx\" }}, outcome = \"refuse\" }},{MARK}"
                ));
            }
        }
        self.line("]");
        if call == Phase::Ping {
            let price = match find(&PRICES) {
                Some((path, price)) if price.contains(['$', ',']) => {
                    let way = if format == "xml" { "xml" } else { "json" };
                    format!("{{ {way} = {path:?}, form = \"money\" }}")
                }
                Some((path, _)) => format!("{path:?}"),
                None => "{ fixed = \"1.00\" }".to_owned(),
            };
            let reference = find(&REFERENCES).map(|(path, _)| format!(", reference = {path:?}"));
            self.line(&format!(
                "bid = {{ price = {price}{} }}{MARK}",
                reference.unwrap_or_default()
            ));
        }
    }
}

/// The last name of a path, without signs.
fn last(path: &str) -> String {
    plain(path.rsplit(['.', '/', '@', '\'']).find(|part| !plain(part).is_empty()).unwrap_or(path))
}

/// The paths of a document's values, with what stands there.
fn of_json(value: &Json, path: &str) -> Vec<(String, String)> {
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
        Json::String(text) => vec![(path.to_owned(), text.clone())],
        value => vec![(path.to_owned(), value.to_string())],
    }
}

fn of_xml(element: roxmltree::Node<'_, '_>, path: &str) -> Vec<(String, String)> {
    let path = format!("{path}/{}", element.tag_name().name());
    let attributes = element.attributes();
    let mut places: Vec<(String, String)> = attributes
        .map(|attribute| (format!("{path}/@{}", attribute.name()), attribute.value().to_owned()))
        .collect();
    let mut has_elements = false;
    for child in element.children().filter(roxmltree::Node::is_element) {
        has_elements = true;
        places.extend(of_xml(child, &path));
    }
    if !has_elements {
        places.push((path, element.text().unwrap_or_default().trim().to_owned()));
    }
    places
}

/// A key as TOML has it.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
