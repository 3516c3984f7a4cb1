//! Holding a request and a meaning against what a case expects.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::super::request::RenderedRequest;
use super::file::CaseRequest;
use super::run::Difference;

/// The longest text of one side of a difference, in characters.
const SHOWN_CHARS_MAX: usize = 2_000;

/// Every way in which a request is not the one expected.
pub(super) fn requests(expected: &CaseRequest, found: &RenderedRequest) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut differs = |what: &str, expected: String, found: String| {
        if expected != found {
            let at = format!("request.{what}");
            differences.push(Difference { at, expected: shown(&expected), found: shown(&found) });
        }
    };
    if let Some(method) = &expected.method {
        differs("method", method.clone(), found.method.to_owned());
    }
    let (path, query) = found.url.split_once('?').unwrap_or((&found.url, ""));
    if let Some(url) = &expected.url {
        let whole = if expected.query.is_some() { path } else { &found.url };
        differs("url", url.clone(), whole.to_owned());
    }
    if let Some(pairs) = &expected.query {
        differs("query", expected_pairs(pairs), pairs_of(query.as_bytes()));
    }
    for (name, value) in &expected.headers {
        let is_it = |header: &&(String, String)| header.0.eq_ignore_ascii_case(name);
        let known = found.headers.iter().find(is_it).map(|(_, value)| value.as_str());
        let say = |value: Option<&str>| value.map_or("no such header".to_owned(), str::to_owned);
        differs(&format!("headers.{name}"), say(value.as_deref()), say(known));
    }
    let text = || String::from_utf8_lossy(&found.body).into_owned();
    match &expected.body {
        None => {}
        Some(Json::String(body)) => differs("body", body.clone(), text()),
        Some(body) => match serde_json::from_slice::<Json>(&found.body) {
            Ok(found) if found == *body => {}
            Ok(found) => differs("body", pretty(body), pretty(&found)),
            Err(_) => differs("body", pretty(body), text()),
        },
    }
    if let Some(pairs) = &expected.form {
        differs("form", expected_pairs(pairs), pairs_of(&found.body));
    }
    if let Some(lines) = &expected.xml {
        let lines: String = lines.iter().map(|line| line.trim()).collect();
        differs("xml", broken(&lines), broken(&text()));
    }
    differences
}

/// Every key of `expected` whose value `found` does not have.
pub(super) fn meanings(expected: &Map<String, Json>, found: &Map<String, Json>) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (key, value) in expected {
        let found = found.get(key).unwrap_or(&Json::Null);
        if !is_within(value, found) {
            let told = if found.is_null() { format!("no {key}") } else { pretty(found) };
            let at = format!("means.{key}");
            differences.push(Difference { at, expected: pretty(value), found: told });
        }
    }
    differences
}

/// Whether what is expected is there: of objects the named members, of lists every item.
fn is_within(expected: &Json, found: &Json) -> bool {
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => expected
            .iter()
            .all(|(key, value)| is_within(value, found.get(key).unwrap_or(&Json::Null))),
        (Json::Array(expected), Json::Array(found)) => {
            expected.len() == found.len()
                && expected.iter().zip(found).all(|(expected, found)| is_within(expected, found))
        }
        (expected, found) => expected == found,
    }
}

/// The pairs that a case names, one a line, in the order of names.
fn expected_pairs(pairs: &Map<String, Json>) -> String {
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        let values = match value {
            Json::Array(values) => values.iter().map(plain).collect(),
            value => vec![plain(value)],
        };
        named.insert(name, values);
    }
    lines(named)
}

/// The pairs of a form, in the same manner.
fn pairs_of(encoded: &[u8]) -> String {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(encoded).into_owned().collect();
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in &pairs {
        named.entry(name).or_default().push(value.clone());
    }
    lines(named)
}

fn lines(named: BTreeMap<&str, Vec<String>>) -> String {
    let line = |(name, value)| format!("{name}={value}\n");
    let pairs = named.into_iter();
    pairs
        .flat_map(|(name, values)| values.into_iter().map(move |value| (name, value)))
        .map(line)
        .collect()
}

/// A value as a form has it.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        value => value.to_string(),
    }
}

/// XML with each element on a line, so that a difference can be seen.
fn broken(xml: &str) -> String {
    xml.replace("><", ">\n<")
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}
