use super::*;
use crate::intake::document::{ContentKind, DocumentLimits, parse};

fn canonical_of(body: &str) -> String {
    let node = parse(ContentKind::Json, body.as_bytes(), &DocumentLimits::default()).unwrap();
    String::from_utf8(canonical(&node)).unwrap()
}

#[test]
fn order_white_space_and_escapes_make_no_difference() {
    let expected = r#"{"a":"é\"\\\u000a/","b":{"c":[1,true,null],"d":{}}}"#;
    assert_eq!(
        canonical_of(r#"{"b": {"d": {}, "c": [1, true, null]}, "a": "é\"\\\n/"}"#),
        expected
    );
    assert_eq!(
        canonical_of(r#"{ "\u0061":"\u00e9\u0022\u005c\u000a\/","b":{"c":[1,true,null],"d":{}}}"#),
        expected
    );
}

#[test]
fn the_wait_is_left_out_at_the_top_only() {
    assert_eq!(canonical_of(r#"{"wait_ms": 8000, "a": 1}"#), r#"{"a":1}"#);
    assert_eq!(canonical_of(r#"{"a": {"wait_ms": 1}}"#), r#"{"a":{"wait_ms":1}}"#);
    assert_eq!(canonical_of(r#"{"wait_ms": 100}"#), "{}");
}

#[test]
fn what_differs_in_writing_differs_here() {
    for (left, right) in [
        (r#"{"a": 1}"#, r#"{"a": "1"}"#),
        (r#"{"a": 1}"#, r#"{"a": 1.0}"#),
        (r#"{"a": null}"#, "{}"),
        (r#"{"a": [1, 2]}"#, r#"{"a": [2, 1]}"#),
        (r#"{"a": "x,\"b\":1"}"#, r#"{"a": "x", "b": 1}"#),
    ] {
        assert_ne!(canonical_of(left), canonical_of(right));
    }
}

#[test]
fn the_canonical_bytes_are_json_of_the_same_value() {
    let body = r#"{"z": ["\u0001\u001f\u007f", {"k\n": -1.50}], "a": "\ud83d\ude00"}"#;
    let read: serde_json::Value = serde_json::from_str(&canonical_of(body)).unwrap();
    assert_eq!(read, serde_json::from_str::<serde_json::Value>(body).unwrap());
}
