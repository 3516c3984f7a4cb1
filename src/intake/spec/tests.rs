use std::sync::Arc;

use super::*;
use crate::intake::document::ContentKind;
use crate::intake::sample::SAMPLE_NOW;
use crate::intake::{Body, Contact, IntakeContext, read};
use crate::registry::vertical::{compile, parse_toml, shipped};

fn specs() -> impl Iterator<Item = (Arc<CompiledVertical>, PostingSpec)> {
    shipped().iter().map(|(_, text)| {
        let vertical = Arc::new(compile(parse_toml(text).unwrap()).unwrap());
        let limits = IntakeLimits::default();
        let spec = posting_spec(&vertical, "https://exchange.example", &limits);
        (vertical, spec)
    })
}

#[test]
fn the_example_of_every_shipped_vertical_passes_without_a_warning() {
    for (vertical, spec) in specs() {
        let limits = IntakeLimits::default();
        let context = IntakeContext {
            verticals: &|_| Some(Arc::clone(&vertical)),
            strict: true,
            is_test_key: false,
            contact: Contact::Required,
            limits: &limits,
            now: SAMPLE_NOW,
        };
        let bytes = spec.example.to_string();
        let body = Body { content: ContentKind::Json, bytes: bytes.as_bytes() };
        match read(body, &context) {
            Ok(read) => assert_eq!((read.consent_missing, read.test), (vec![], false)),
            Err(error) => panic!("{}: {error:?}", spec.vertical),
        }
        let fields = spec.example["lead"].as_object().unwrap().len();
        assert_eq!(fields, spec.fields.len(), "every field is shown");
    }
}

#[test]
fn the_spec_says_what_a_field_takes_and_what_a_ping_shows() {
    let (_, spec) = specs().find(|(_, spec)| spec.vertical == "auto_insurance").unwrap();
    let find = |name: &str| spec.fields.iter().find(|field| field.name == name).unwrap();
    let told = |field: &FieldSpec| (field.accepts.clone(), field.in_ping.clone());
    let expect = |accepts: &str, in_ping: &str| (accepts.to_owned(), in_ping.to_owned());
    assert_eq!(told(find("zip")), expect("Five digits or ZIP+4, as a text", "first three digits"));
    assert_eq!(told(find("first_name")), expect("Name, up to 60 characters", "not shown"));
    assert_eq!(told(find("years_at_residence")), expect("Whole number, 0 to 100", "not shown"));
    assert_eq!(told(find("drivers")), expect("List of 1 to 8 objects", "item by item"));
    let vehicle = &find("vehicles").items;
    let vin = vehicle.iter().find(|field| field.name == "vin").unwrap();
    assert_eq!(told(vin), expect("Text of 17 characters", "not shown"));
    let year = vehicle.iter().find(|field| field.name == "year").unwrap();
    assert_eq!(told(year), expect("Whole number, 1920 to 2100", "a range"));
}

#[test]
fn required_consent_is_marked() {
    let (_, spec) = specs().find(|(_, spec)| spec.vertical == "medicare_supplement").unwrap();
    let required: Vec<_> =
        spec.consent.iter().filter(|part| part.required).map(|part| part.name).collect();
    assert_eq!(required, ["text", "given_at", "sellers"]);
    let keys: Vec<_> = spec.consent.iter().map(|part| part.name).collect();
    assert_eq!(keys, crate::domain::lead::CONSENT_KEYS);
    let mut keys: Vec<_> = spec.body.iter().map(|part| part.name).collect();
    keys.sort_unstable();
    let mut known = read::BODY_KEYS;
    known.sort_unstable();
    assert_eq!(keys, known);
}

#[test]
fn the_page_stands_alone_and_names_every_field_and_code() {
    for (_, spec) in specs() {
        let page = page(&spec);
        for forbidden in
            ["<script", "<link", "<img", "<iframe", "@import", "url(", "style=\"", "onload="]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        let items = spec.fields.iter().flat_map(|field| &field.items);
        for field in spec.fields.iter().chain(items) {
            assert!(page.contains(&format!("<td><code>{}</code>", field.name)), "{}", field.name);
        }
        for entry in &spec.codes {
            assert!(page.contains(&format!("<code>{}</code>", entry.code)));
        }
        assert!(page.contains(&format!("<style>{STYLE}</style>")), "the hash covers the style");
    }
}

#[test]
fn what_an_operator_writes_cannot_break_out_of_the_page() {
    let vertical = json!({"id": "x", "name": "</title><script>alert(1)</script>", "field": [
        {"name": "a", "type": "enum", "values": ["<b>&\"'"], "description": "<img src=x>"}
    ]});
    let vertical = compile(serde_json::from_value(vertical).unwrap()).unwrap();
    let spec = posting_spec(&vertical, "https://exchange.example", &IntakeLimits::default());
    let page = page(&spec);
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"));
}

#[test]
fn the_policy_allows_the_style_and_nothing_else() {
    let policy = content_security_policy();
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    assert!(policy.contains(&format!("style-src 'sha256-{hash}'")));
    assert!(policy.starts_with("default-src 'none';"));
    assert!(!policy.contains("unsafe"));
}

#[test]
fn the_command_line_sends_the_example() {
    let (_, spec) = specs().next().unwrap();
    let (start, rest) = spec.curl.split_once("<<'EOF'\n").unwrap();
    assert!(start.starts_with("curl https://exchange.example/v1/leads \\\n"));
    let sent: Json = serde_json::from_str(rest.strip_suffix("\nEOF").unwrap()).unwrap();
    assert_eq!(sent, spec.example);
}
