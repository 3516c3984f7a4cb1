use std::sync::Arc;

use super::*;
use crate::intake::document::ContentKind;
use crate::intake::{Body, Contact, IntakeContext, IntakeLimits, read};
use crate::registry::vertical::{compile, parse_toml, shipped};

fn read_at(
    vertical: &CompiledVertical,
    body: &Json,
    now: Timestamp,
) -> Result<crate::domain::lead::Submission, crate::intake::InvalidSubmission> {
    let shared = Arc::new(vertical.clone());
    let limits = IntakeLimits::default();
    let context = IntakeContext {
        verticals: &|id| (id == shared.id()).then(|| Arc::clone(&shared)),
        strict: true,
        is_test_key: false,
        contact: Contact::Required,
        limits: &limits,
        now,
    };
    let bytes = body.to_string();
    read(Body { content: ContentKind::Json, bytes: bytes.as_bytes() }, &context)
}

fn compiled() -> impl Iterator<Item = CompiledVertical> {
    shipped().iter().map(|(_, text)| compile(parse_toml(text).unwrap()).unwrap())
}

#[test]
fn every_sample_of_every_shipped_vertical_is_valid_and_consented_to() {
    for vertical in compiled() {
        for seed in 0..150 {
            let body = sample(&vertical, seed);
            match read_at(&vertical, &body, SAMPLE_NOW) {
                Ok(read) => {
                    assert_eq!(read.consent_missing, [], "{body}");
                    assert_eq!(read.warnings, []);
                    assert!(!read.test);
                }
                Err(error) => panic!("{error:?} in {body}"),
            }
        }
    }
}

#[test]
fn a_sample_depends_on_its_seed_alone() {
    for vertical in compiled() {
        assert_eq!(sample(&vertical, 7), sample(&vertical, 7));
        assert_ne!(sample(&vertical, 7)["lead"], sample(&vertical, 8)["lead"]);
    }
}

#[test]
fn a_sample_of_another_time_is_valid_then() {
    let now = "2031-06-01T00:00:00Z".parse().unwrap();
    for vertical in compiled() {
        let body = sample_at(&vertical, 3, now);
        assert!(read_at(&vertical, &body, now).is_ok());
        assert!(read_at(&vertical, &body, SAMPLE_NOW).is_err(), "the consent is in the future");
    }
}

#[test]
fn odd_bounds_are_kept() {
    let vertical = json!({"id": "odd", "name": "Odd", "field": [
        {"name": "a", "type": "text", "required": true, "min": 30, "max": 30},
        {"name": "b", "type": "name", "required": true, "max": 2},
        {"name": "c", "type": "integer", "required": true, "min": -9, "max": -7},
        {"name": "d", "type": "decimal", "required": true, "min": "0.5", "max": "1.5"},
        {"name": "d2", "type": "decimal", "required": true, "min": "0.2", "max": "0.8"},
        {"name": "e2", "type": "money", "required": true, "min": "7.105", "max": "7.2"},
        {"name": "e", "type": "money", "required": true, "min": 7, "max": 7},
        {"name": "f", "type": "date", "required": true, "min": "2040-01-01"},
        {"name": "g", "type": "date", "required": true, "max": "1800-01-01"},
        {"name": "h", "type": "list", "required": true, "min": 9, "max": 9,
         "item": [{"name": "i", "type": "enum", "required": true, "values": ["only"]}]},
    ]});
    let vertical = compile(serde_json::from_value(vertical).unwrap()).unwrap();
    for seed in 0..50 {
        let body = sample(&vertical, seed);
        assert!(read_at(&vertical, &body, SAMPLE_NOW).is_ok(), "{body}");
    }
}
