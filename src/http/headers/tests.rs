use super::*;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::test::TestRequest;

const LIMITS: HeaderLimits = HeaderLimits { count_max: 3, bytes_max: 40 };

fn refusal(path: &str, headers: &[(&'static str, &str)]) -> Option<Code> {
    let mut request = TestRequest::with_uri(path);
    for header in headers {
        request = request.append_header(*header);
    }
    check(request.to_srv_request().head(), LIMITS).err().map(|error| error.code())
}

#[test]
fn one_header_more_than_the_limit_is_refused() {
    let three = [("a", "1"), ("b", "2"), ("b", "3")];
    assert_eq!(refusal("/", &three), None);
    assert_eq!(
        refusal("/", &[three[0], three[1], three[2], ("c", "")]),
        Some(Code::HeadersTooLarge)
    );
}

#[test]
fn one_byte_more_than_the_limit_is_refused_wherever_it_stands() {
    let at_limit = "v".repeat(35);
    assert_eq!(refusal("/abc", &[("n", &at_limit)]), None, "4 of the path, 1 of the name and 35");
    assert_eq!(refusal("/abcd", &[("n", &at_limit)]), Some(Code::HeadersTooLarge));
    assert_eq!(refusal("/a?c", &[("nm", &at_limit)]), Some(Code::HeadersTooLarge));
    let longer = "v".repeat(36);
    assert_eq!(refusal("/abc", &[("n", &longer)]), Some(Code::HeadersTooLarge));
}

#[test]
fn a_header_that_came_twice_is_nobodys_word() {
    let mut headers = HeaderMap::new();
    assert_eq!(single(&headers, &AUTHORIZATION).unwrap(), None);
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer one"));
    assert_eq!(single(&headers, &AUTHORIZATION).unwrap(), Some("Bearer one"));
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer one"));
    assert_eq!(single(&headers, &AUTHORIZATION).unwrap_err().code(), Code::MalformedRequest);
}

#[test]
fn a_header_beyond_ascii_is_refused() {
    let mut headers = HeaderMap::new();
    headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes("ä".as_bytes()).unwrap());
    assert_eq!(single(&headers, &IDEMPOTENCY_KEY).unwrap_err().code(), Code::MalformedRequest);
}

#[test]
fn an_answer_gets_every_security_header_and_keeps_its_own() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'"));
    secure(&mut headers);
    let mut seen: Vec<(String, &str)> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap())).collect();
    seen.sort();
    let expect = [
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'self'"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ];
    assert_eq!(seen, expect.map(|(name, value)| (name.to_owned(), value)));
}
