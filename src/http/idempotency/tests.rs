use super::*;
use InvalidIdempotencyKey::{Empty, Form, NotVisible, TooLong};
use actix_web::http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

#[test]
fn a_key_is_read_quoted_or_bare() {
    let cases = [
        ("order-17", Ok("order-17")),
        ("\"order-17\"", Ok("order-17")),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", Ok("8e03978e-40d5-43dd-bc93-6894a57f9324")),
        (r#""a\"b\\c""#, Ok(r#"a"b\c"#)),
        (r"a\b", Ok(r"a\b")),
        (r#""a,b;c""#, Ok("a,b;c")),
        ("", Err(Empty)),
        ("\"\"", Err(Empty)),
        ("\"open", Err(Form)),
        ("\"", Err(Form)),
        ("close\"", Err(Form)),
        ("a\"b", Err(Form)),
        ("one,two", Err(Form)),
        ("\"one\", \"two\"", Err(Form)),
        ("\"one\";p=1", Err(Form)),
        (r#""a\n""#, Err(Form)),
        (r#""a\"#, Err(Form)),
        ("two words", Err(NotVisible)),
        ("\"two words\"", Err(NotVisible)),
        ("tab\there", Err(NotVisible)),
        ("ключ", Err(NotVisible)),
    ];
    for (value, expect) in cases {
        assert_eq!(parse_key(value), expect.map(str::to_owned), "{value}");
    }
}

#[test]
fn a_key_has_255_characters_at_most_without_its_quotes() {
    let key = "k".repeat(IDEMPOTENCY_KEY_LENGTH_MAX);
    assert_eq!(parse_key(&key), Ok(key.clone()));
    assert_eq!(parse_key(&format!("\"{key}\"")), Ok(key.clone()));
    assert_eq!(parse_key(&format!("{key}k")), Err(TooLong));
    assert_eq!(parse_key(&format!("\"{key}k\"")), Err(TooLong));
    assert_eq!(parse_key(&format!("\"{}\\\\\"", &key[1..])), Ok(format!("{}\\", &key[1..])));
}

fn headers(name: &'static str, values: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn a_repeated_key_is_refused_even_if_it_says_the_same() {
    let one = headers("idempotency-key", &["\"a\""]);
    assert_eq!(key_of(&one).unwrap(), Some("a".to_owned()));
    assert_eq!(key_of(&headers("idempotency-key", &[])).unwrap(), None);
    for refused in [&["a", "a"][..], &[""], &["two words"]] {
        let error = key_of(&headers("idempotency-key", refused)).unwrap_err();
        assert_eq!(error.code(), Code::MalformedRequest, "{refused:?}");
    }
}

#[test]
fn an_asynchronous_answer_is_asked_for_in_any_spelling_of_the_preference() {
    let cases: [(&[&'static str], bool); 8] = [
        (&[], false),
        (&["respond-async"], true),
        (&["Respond-Async"], true),
        (&["wait=10, respond-async"], true),
        (&["respond-async; foo=\"bar\""], true),
        (&["return=minimal", "respond-async"], true),
        (&["respond-asynchronously"], false),
        (&["return=respond-async"], false),
    ];
    for (values, expect) in cases {
        assert_eq!(prefers_async(&headers("prefer", values)), expect, "{values:?}");
    }
}

/// Writes a key as RFC 8941 has it.
fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}

proptest! {
    #[test]
    fn any_visible_key_comes_back_from_its_quoted_form(key in "[!-~]{1,255}") {
        prop_assert_eq!(parse_key(&quoted(&key)), Ok(key));
    }

    #[test]
    fn whatever_is_taken_is_visible_and_short(value in "\\PC{0,300}|[ -~]{0,300}") {
        if let Ok(key) = parse_key(&value) {
            prop_assert!((1..=IDEMPOTENCY_KEY_LENGTH_MAX).contains(&key.len()));
            prop_assert!(key.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
