//! The text of a first profile.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Recorded;
use super::brought::Brought;
use super::guess::{Around, Guess, guess};
use super::places::{PRICES, Place, REASONS, STATUSES, find, places};
use super::recorded::{Content, Kind, Part, RecordedReply, RecordedRequest};
use crate::domain::vertical::Vertical;
use crate::integration::Phase;

/// Stands behind what somebody has to look at.
const MARK: &str = "  # ?";

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
pub(super) fn profile(
    name: &str,
    calls: &[Recorded],
    vertical: &Vertical,
    brought: &Brought,
) -> String {
    let secrets = BTreeSet::new();
    let mut writer = Writer { vertical, brought, secrets, text: String::new() };
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
    brought: &'v Brought,
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
        if request.kind == Kind::Xml && !request.body.starts_with("<?xml") {
            self.line("declaration = false");
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
                self.value(call, ("", name), &Json::String(value.clone()));
            }
        }
        self.parts(call, &format!("{call}.request"), &request.parts);
    }

    fn parts(&mut self, call: Phase, path: &str, parts: &[Part]) {
        self.line(&format!("\n[{path}.fields]"));
        self.lines_of(call, "", parts);
        for (at, part) in parts.iter().enumerate() {
            if let Content::Parts(inner) = &part.content
                && !is_followed(parts, at)
            {
                self.parts(call, &format!("{path}.fields.{}", key(&part.name)), inner);
            }
        }
    }

    /// The values of a table, a line each, and what stands before a value with them, since fields are
    /// sent in the order of the file.
    fn lines_of(&mut self, call: Phase, before: &str, parts: &[Part]) {
        for (at, part) in parts.iter().enumerate() {
            match &part.content {
                Content::Value(value) => self.value(call, (before, &part.name), value),
                Content::List => {
                    let name = &part.name;
                    self.line(&format!(
                        "# {before}{name}: a list, written with each = \"..\"{MARK}"
                    ));
                }
                Content::Parts(inner) if !before.is_empty() || is_followed(parts, at) => {
                    let before = format!("{before}{}.fields.", key(&part.name));
                    self.lines_of(call, &before, inner);
                }
                Content::Parts(_) => {}
            }
        }
    }

    fn value(&mut self, call: Phase, (before, name): (&str, &str), value: &Json) {
        let around = Around { call, vertical: self.vertical, brought: self.brought };
        let (made, mark) = match guess(around, name, value) {
            Guess::Source { toml, is_doubtful } => (toml, if is_doubtful { MARK } else { "" }),
            Guess::Secret(secret) => {
                let made = format!("\"secret.{secret}\"");
                self.secrets.insert(secret);
                (made, MARK)
            }
            Guess::Constant => {
                let constant = match value {
                    Json::String(text) => quoted(text),
                    Json::Null => "\"\"".to_owned(),
                    value => value.to_string(),
                };
                (format!("{{ value = {constant} }}"), MARK)
            }
        };
        self.line(&format!("{before}{} = {made}{mark}", key(name)));
    }

    fn reply(&mut self, call: Phase, reply: &RecordedReply) {
        let body = reply.body.trim();
        let places = places(body);
        let format = match body.chars().next() {
            Some('{') => "json",
            Some('<') => "xml",
            _ if body.contains('=') => "form",
            Some(_) => "text",
            None => "none",
        };
        self.line(&format!("\n[{call}.reply]\nformat = \"{format}\""));
        if let Some(place) = find(&places, &REASONS) {
            self.line(&format!("reason = {:?}{MARK}", place.path));
        }
        if call == Phase::Post {
            if let Some(place) = find(&places, &["leadid", "id"]) {
                self.line(&format!("buyer_lead_id = {:?}{MARK}", place.path));
            }
            if let Some(place) = find(&places, &PRICES) {
                self.line(&format!("price = {}{MARK}", price_of(place, format)));
            }
        }
        self.rules(find(&places, &STATUSES), reply.status);
        if call == Phase::Ping {
            let price = find(&places, &PRICES).map(|place| price_of(place, format));
            let price = price.unwrap_or_else(|| "{ fixed = \"1.00\" }".to_owned());
            let references = references(self.brought);
            self.line(&format!("bid = {{ price = {price}{references} }}{MARK}"));
        }
    }

    /// The rules: by the word that says how it went, else by the status.
    fn rules(&mut self, said: Option<&Place>, status: u16) {
        self.line("rules = [");
        match said {
            Some(Place { path, text: word }) => {
                let is_no = NOES.iter().any(|no| word.eq_ignore_ascii_case(no));
                let (said, other) = if is_no { ("refuse", "accept") } else { ("accept", "refuse") };
                self.line(&format!(
                    "  {{ when = {{ {path:?} = {word:?} }}, outcome = \"{said}\" }},{MARK}"
                ));
                self.line(&format!(
                    "  {{ when = {{ {path:?} = {{ present = true, is_not = {word:?} }} }}, outcome = \"{other}\" }},{MARK}"
                ));
            }
            None => {
                self.line(&format!(
                    "  {{ when = {{ http_status = {status} }}, outcome = \"accept\" }},{MARK}"
                ));
                self.line(&format!(
                    "  {{ when = {{ http_status = \"4xx\" }}, outcome = \"refuse\" }},{MARK}"
                ));
            }
        }
        self.line("]");
    }
}

/// Whether something that is no part with parts of its own follows, before which a part has to be
/// written.
fn is_followed(parts: &[Part], at: usize) -> bool {
    parts[at..].iter().any(|part| !matches!(part.content, Content::Parts(_)))
}

/// A price of a reply, as TOML.
fn price_of(place: &Place, format: &str) -> String {
    let path = &place.path;
    if !place.text.contains(['$', ',']) {
        return format!("{path:?}");
    }
    let way = if format == "text" { "form" } else { format };
    format!("{{ {way} = {path:?}, form = \"money\" }}")
}

/// What the post gives back, as keys of `bid`.
fn references(brought: &Brought) -> String {
    let mut references = brought.references.iter();
    let Some(first) = references.next() else { return String::new() };
    let more = references.map(|known| format!("{} = {:?}", known.name, known.path));
    let more: Vec<String> = more.collect();
    let more = match more.as_slice() {
        [] => String::new(),
        more => format!(", references = {{ {} }}", more.join(", ")),
    };
    format!(", reference = {:?}{more}", first.path)
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
