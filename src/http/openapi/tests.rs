//! The document against itself, and against what the servers really answer.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value as Json, json};

use super::{Tag, document};
use crate::domain::limits::Limits;
use crate::http::error::ALL_CODES;
use crate::http::routes::ROUTES;
use crate::http::tests::door::{Answer, Door};
use crate::registry::compile::shipped_verticals;

static DOCUMENT: LazyLock<Json> = LazyLock::new(|| {
    let verticals = shipped_verticals();
    document(verticals.values().map(Arc::as_ref), &Limits::default())
});

/// The document with every object closed: what is not described must not be there.
static CLOSED: LazyLock<Json> = LazyLock::new(|| {
    let mut closed = DOCUMENT.clone();
    close(&mut closed["components"]["schemas"]);
    closed
});

fn close(schema: &mut Json) {
    match schema {
        Json::Object(map) => {
            if map.get("type") == Some(&json!("object")) && map.contains_key("properties") {
                map.entry("additionalProperties").or_insert(json!(false));
            }
            map.values_mut().for_each(close);
        }
        Json::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// The operations of the document as `METHOD path`, with what is said of them.
fn operations() -> Vec<(String, &'static Json)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    operations
}

/// Panics unless the document describes `answer` as one to this request.
///
/// What no route answers is described by no document: paths and methods that are not there.
pub(in crate::http) fn check_described(method: &str, target: &str, answer: &Answer) {
    let path = target.split('?').next().unwrap_or(target);
    let Some(route) = ROUTES.iter().find(|route| {
        let method = if method == "HEAD" { "GET" } else { method };
        route.method.as_str() == method && matches_pattern(route.path, path)
    }) else {
        return;
    };
    let name = format!("{} {} -> {}", route.method.as_str(), route.path, answer.status);
    let operation = &CLOSED["paths"][route.path][route.method.as_str().to_lowercase()];
    // A route of another listener is not there, or its path is there under other methods.
    let is_absent = answer.status == 405
        || (answer.status == 404 && operation["responses"].get("404").is_none());
    if is_absent {
        return;
    }
    let response = operation["responses"].get(answer.status.to_string());
    let response = response.unwrap_or_else(|| panic!("{name} is not described: {answer:?}"));
    for header in ["retry-after", "location", "www-authenticate", "idempotent-replayed"] {
        let is_described = response["headers"].get(header).is_some();
        assert!(is_described || answer.header(header).is_none(), "{name}: {header}");
    }
    let Some(content) = response.get("content") else {
        assert_eq!(answer.body, "", "{name} has no body");
        return;
    };
    let media = answer.header("content-type").unwrap_or_default();
    let content = content.get(media).unwrap_or_else(|| panic!("{name} is never {media}"));
    if method == "HEAD" || !media.contains("json") {
        return;
    }
    let mut schema = content["schema"].clone();
    schema["components"] = CLOSED["components"].clone();
    let body = answer.json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(&body).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{name}: {faults:?}\n{body:#}");
}

fn matches_pattern(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    let fits = |(pattern, part): (&&str, &&str)| {
        if pattern.starts_with('{') { !part.is_empty() } else { pattern == part }
    };
    pattern.len() == path.len() && pattern.iter().zip(&path).all(fits)
}

#[test]
fn every_route_is_in_the_document_and_says_what_it_is() {
    let described: BTreeSet<String> = operations().into_iter().map(|(name, _)| name).collect();
    let routes: BTreeSet<String> =
        ROUTES.iter().map(|route| format!("{} {}", route.method.as_str(), route.path)).collect();
    assert_eq!(described, routes);
    let mut ids = BTreeSet::new();
    for (name, operation) in operations() {
        for words in ["summary", "description", "operationId"] {
            assert!(!operation[words].as_str().unwrap().is_empty(), "{name} has no {words}");
        }
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}: the id is taken");
        assert!(operation["description"].as_str().unwrap().ends_with('.'), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never answers");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (about, of) = (&parameter["description"], &parameter["name"]);
            assert!(about.as_str().is_some_and(|text| text.ends_with('.')), "{name}: {of}");
        }
    }
}

#[test]
fn every_route_that_reads_a_body_says_what_it_is() {
    for route in ROUTES {
        let operation = route.operation();
        let reads = route.accepts != crate::http::Accepts::Nothing;
        assert!(!reads || operation.body.is_some(), "{}", route.path);
        assert!(reads || operation.body.is_none(), "{} reads no body", route.path);
    }
}

#[test]
fn every_chapter_has_routes() {
    for tag in Tag::ALL {
        assert!(ROUTES.iter().any(|route| route.operation().tag == tag), "{tag:?}");
    }
}

/// Calls `each` with every value of the document and the place where it stands.
fn walk(value: &Json, place: &str, each: &mut dyn FnMut(&str, &Json)) {
    each(place, value);
    match value {
        Json::Object(map) => {
            map.iter().for_each(|(key, value)| walk(value, &format!("{place}/{key}"), each));
        }
        Json::Array(items) => items.iter().for_each(|item| walk(item, place, each)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_referred_to() {
    let mut used = BTreeSet::new();
    walk(&DOCUMENT, "", &mut |place, value| {
        let Some(target) = value.get("$ref").and_then(Json::as_str) else { return };
        let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{place}: {target}"));
        assert!(DOCUMENT.pointer(pointer).is_some(), "{place}: {target} leads nowhere");
        used.insert(target.to_owned());
    });
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    let is_unused = |name: &&String| !used.contains(&format!("#/components/schemas/{name}"));
    let unused: Vec<&String> = schemas.keys().filter(is_unused).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn descriptions_are_for_people_outside() {
    let mut inside: Vec<String> = Vec::new();
    walk(&DOCUMENT, "", &mut |place, value| {
        let Some(text) = value.as_str().filter(|_| place.ends_with("/description")) else { return };
        if ["[`", "PROTOCOL", "WEBHOOKS", "`None`", "Debug", "::"].iter().any(|w| text.contains(w))
        {
            inside.push(format!("{place}: {text}"));
        }
    });
    assert!(inside.is_empty(), "{inside:#?}");
}

#[test]
fn every_error_code_is_listed() {
    let codes: Vec<&str> = DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Json::as_str)
        .collect();
    assert_eq!(codes, ALL_CODES.map(|row| row.text));
}

#[test]
fn every_error_code_may_come_of_some_route() {
    let mut told: BTreeSet<String> = BTreeSet::new();
    for (_, operation) in operations() {
        for response in operation["responses"].as_object().unwrap().values() {
            let schema = &response["content"]["application/problem+json"]["schema"];
            let codes = schema["allOf"][1]["properties"]["code"]["enum"].as_array();
            told.extend(codes.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned));
        }
    }
    let untold: Vec<&str> =
        ALL_CODES.iter().map(|row| row.text).filter(|code| !told.contains(*code)).collect();
    // It is the answer to a method that no route has.
    assert_eq!(untold, ["method_not_allowed"]);
}

#[test]
fn requests_and_answers_of_one_type_are_told_apart() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    let required = |name: &str| -> Vec<&str> {
        let listed = schemas[name]["required"].as_array();
        listed.into_iter().flatten().filter_map(Json::as_str).collect()
    };
    assert_eq!(required("Campaign"), ["buyer_id", "vertical", "price"]);
    assert_eq!(required("KeyRequest"), ["role"]);
    assert!(required("KeyView").contains(&"expires_at"), "null is there too");
}

#[tokio::test]
async fn the_server_answers_the_document_of_its_verticals() {
    let door = Door::open().await;
    let answer = door.get("/openapi.json").await;
    assert_eq!(answer.status, 200);
    let served = answer.json();
    assert_eq!(served, *DOCUMENT);
    let leads = &served["components"]["schemas"]["SubmittedLead"]["discriminator"]["mapping"];
    let verticals: Vec<String> = shipped_verticals().keys().map(ToString::to_string).collect();
    let mapped: Vec<&String> = leads.as_object().map(Map::keys).into_iter().flatten().collect();
    assert_eq!(mapped, verticals.iter().collect::<Vec<_>>());
    door.close().await;
}

#[test]
fn an_example_lead_fits_the_schema_of_a_submission() {
    let mut schema = json!({"$ref": "#/components/schemas/SubmittedLead"});
    schema["components"] = DOCUMENT["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for vertical in shipped_verticals().values() {
        let sample = crate::intake::sample::sample(vertical, 1);
        let faults: Vec<String> = validator.iter_errors(&sample).map(|f| f.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", vertical.id());
    }
    let content = &DOCUMENT["paths"]["/v1/leads"]["post"]["requestBody"]["content"];
    let examples = content["application/json"]["examples"].as_object().unwrap();
    assert_eq!(examples.len(), shipped_verticals().len());
    for (name, example) in examples {
        assert!(validator.is_valid(&example["value"]), "{name}");
    }
    assert!(!validator.is_valid(&json!({"vertical": "none", "lead": {}})));
}
