//! The document of the registry has every field of every object, with its default, and every word.

use gavel::domain::buyer::Buyer;
use gavel::domain::campaign::{
    Campaign, Cap, CapWindow, OnUnknown, OnUnmatched, PostSemantics, Price, Verification,
};
use gavel::domain::filter::Filter;
use gavel::domain::profile::ProfileFiles;
use gavel::domain::tree::Tree;
use gavel::domain::vendor::Vendor;
use gavel::domain::vertical::{ConsentElement, Exposure, Field, FieldType, PiiClass, Vertical};
use gavel::registry::exchange_files::{SourceFile, parse};
use schemars::{JsonSchema, schema_for};
use serde_json::Value as Json;

use crate::{blocks, document};

const REGISTRY: &str = "docs/REGISTRY.md";

/// The rows of the table whose first column has this heading: field and default.
fn table(heading: &str) -> Vec<(String, String)> {
    let document = document(REGISTRY);
    let start = format!("| {heading} | type | default | what it is |\n|---|---|---|---|\n");
    let (_, rest) = document.split_once(&start).unwrap_or_else(|| panic!("no table of {heading}"));
    let mut rows: Vec<(String, String)> = rest
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            (cells[0].trim_matches('`').to_owned(), cells[2].to_owned())
        })
        .collect();
    rows.sort();
    rows
}

/// The fields that are read of a type, each with its default.
fn fields<T: JsonSchema>() -> Vec<(String, String)> {
    let schema = schema_for!(T).to_value();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let default_of = |name: &str, field: &Json| match &field["default"] {
        _ if required.iter().any(|known| known == name) => "required".to_owned(),
        Json::String(text) => format!("`{text}`"),
        Json::Bool(truth) => format!("`{truth}`"),
        _ => "none".to_owned(),
    };
    let fields = schema["properties"].as_object().unwrap_or_else(|| panic!("{schema:#}"));
    let mut rows: Vec<(String, String)> =
        fields.iter().map(|(name, field)| (name.clone(), default_of(name, field))).collect();
    rows.sort();
    rows
}

#[test]
fn every_field_of_every_object_is_listed_with_its_default() {
    for (heading, expect) in [
        ("vendor field", fields::<Vendor>()),
        ("buyer field", fields::<Buyer>()),
        ("campaign field", fields::<Campaign>()),
        ("cap field", fields::<Cap>()),
        ("tree field", fields::<Tree>()),
        ("vertical field", fields::<Vertical>()),
        ("field's field", fields::<Field>()),
        ("profile field", fields::<ProfileFiles>()),
    ] {
        assert_eq!(table(heading), expect, "{heading}");
    }
}

/// Every word that stands for itself, and every key of a choice, in a schema.
fn words(schema: &Json, found: &mut Vec<String>) {
    match schema {
        Json::Object(map) => {
            let own = |word: &Json| word.as_str().map(str::to_owned);
            found.extend(map.get("const").and_then(own));
            found.extend(
                map.get("enum").and_then(Json::as_array).into_iter().flatten().filter_map(own),
            );
            let keys = map.get("properties").and_then(Json::as_object);
            found.extend(keys.into_iter().flat_map(|keys| keys.keys().cloned()));
            map.values().for_each(|value| words(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| words(item, found)),
        _ => {}
    }
}

#[test]
fn every_word_that_a_field_may_hold_is_explained() {
    let document = document(REGISTRY);
    let mut found = Vec::new();
    for schema in [
        schema_for!(Verification),
        schema_for!(PostSemantics),
        schema_for!(OnUnmatched),
        schema_for!(OnUnknown),
        schema_for!(CapWindow),
        schema_for!(Price),
        schema_for!(Filter),
        schema_for!(ConsentElement),
        schema_for!(FieldType),
        schema_for!(PiiClass),
        schema_for!(Exposure),
    ] {
        words(&schema.to_value(), &mut found);
    }
    assert!(found.len() > 50, "{found:?}");
    let is_code = |word: &str| {
        document.split('`').skip(1).step_by(2).any(|code| {
            code.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .any(|part| part == word)
        })
    };
    let missing: Vec<&String> = found.iter().filter(|word| !is_code(word)).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn the_campaign_that_is_shown_is_read() {
    let document = document(REGISTRY);
    let campaign = blocks(&document, "toml").into_iter().next().unwrap();
    let text = format!("name = \"Acme\"\n{campaign}");
    let read = parse(&[SourceFile { path: "buyers/acme.toml".to_owned(), text }]);
    let read = read.unwrap_or_else(|faults| panic!("{}", faults[0]));
    assert_eq!(read.bundle.campaigns.len(), 1);
}
