use super::*;
use crate::signing::{SigningSecret, sign};
use actix_web::http::header::HeaderValue;

const NOW_S: i64 = 1_800_000_000;
const BODY: &[u8] = br#"{"vertical":"final_expense"}"#;

fn keys() -> SigningKeys {
    SigningKeys::of(&SigningSecret::from_bytes(&[7; 32]).unwrap())
}

fn signed(id: &str, timestamp_s: i64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in sign(&keys(), id, timestamp_s, BODY).unwrap().into_pairs() {
        headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    headers
}

/// What a request is when a test does not say otherwise.
fn request<'a>() -> SignedRequest<'a> {
    SignedRequest {
        key_id: KeyId::parse("00000001").unwrap(),
        method: &Method::POST,
        path: "/v1/leads",
        idempotency_key: Some("order-17"),
        body: BODY,
    }
}

fn refusal(
    seen: &SeenIds,
    headers: &HeaderMap,
    request: &SignedRequest<'_>,
    now_s: i64,
) -> Option<String> {
    let now = Timestamp::from_second(now_s).unwrap();
    let check = SignatureCheck { keys: &keys(), now, tolerance_s: 300 };
    seen.check(headers, request, &check).err().map(|error| error.to_string())
}

#[test]
fn a_signed_request_passes_within_the_tolerance_on_both_sides() {
    for (age_s, expect) in [(0, true), (300, true), (301, false), (-300, true), (-301, false)] {
        let seen = SeenIds::new(300);
        let refused = refusal(&seen, &signed("msg_1", NOW_S - age_s), &request(), NOW_S);
        assert_eq!(refused.is_none(), expect, "{age_s}: {refused:?}");
    }
}

#[test]
fn a_request_without_one_of_the_headers_is_told_which() {
    for name in [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER] {
        let mut headers = signed("msg_1", NOW_S);
        headers.remove(name);
        let refused = refusal(&SeenIds::new(300), &headers, &request(), NOW_S).unwrap();
        assert_eq!(
            refused,
            format!("invalid_signature: This key needs the header {name} on each request.")
        );
    }
}

#[test]
fn a_repeated_security_header_is_refused() {
    for name in [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER] {
        let mut headers = signed("msg_1", NOW_S);
        let value = headers.get(name).unwrap().clone();
        headers.append(HeaderName::from_static(name), value);
        let refused = refusal(&SeenIds::new(300), &headers, &request(), NOW_S).unwrap();
        assert_eq!(refused, format!("malformed_request: The header {name} came more than once."));
    }
}

#[test]
fn another_body_or_another_secret_is_refused() {
    let other_body = SignedRequest { body: b"{}", ..request() };
    let headers = signed("msg_1", NOW_S);
    assert!(refusal(&SeenIds::new(300), &headers, &other_body, NOW_S).is_some());
    let other = SigningKeys::of(&SigningSecret::from_bytes(&[8; 32]).unwrap());
    let now = Timestamp::from_second(NOW_S).unwrap();
    let check = SignatureCheck { keys: &other, now, tolerance_s: 300 };
    assert!(SeenIds::new(300).check(&headers, &request(), &check).is_err());
}

#[test]
fn the_same_request_may_come_a_thousand_times() {
    let seen = SeenIds::new(300);
    for _ in 0..1_000 {
        assert_eq!(refusal(&seen, &signed("msg_1", NOW_S), &request(), NOW_S), None);
    }
}

#[test]
fn a_captured_signature_carries_its_body_nowhere_else() {
    let seen = SeenIds::new(300);
    let headers = signed("msg_1", NOW_S);
    assert_eq!(refusal(&seen, &headers, &request(), NOW_S), None);
    let elsewhere = [
        SignedRequest { idempotency_key: Some("order-18"), ..request() },
        SignedRequest { idempotency_key: None, ..request() },
        SignedRequest { path: "/v1/pings", ..request() },
        SignedRequest { method: &Method::DELETE, ..request() },
    ];
    for other in &elsewhere {
        assert_eq!(
            refusal(&seen, &headers, other, NOW_S + 299).unwrap(),
            "invalid_signature: This webhook-id was used for another request."
        );
    }
    let other_key = SignedRequest { key_id: KeyId::parse("00000002").unwrap(), ..request() };
    assert_eq!(refusal(&seen, &headers, &other_key, NOW_S), None, "ids belong to their key");
}

#[test]
fn an_id_is_remembered_for_as_long_as_its_signature_is_taken() {
    // Signed by a clock 300 s ahead, so it is taken for 600 s.
    let seen = SeenIds::new(300);
    let headers = signed("msg_1", NOW_S + 300);
    let other = SignedRequest { idempotency_key: None, ..request() };
    assert_eq!(refusal(&seen, &headers, &request(), NOW_S), None);
    for second in [1, 300, 599, 600] {
        let refused = refusal(&seen, &headers, &other, NOW_S + second).unwrap();
        assert!(refused.contains("used for another request"), "{second}: {refused}");
    }
    assert!(refusal(&seen, &headers, &other, NOW_S + 601).unwrap().contains("old"));
}

#[test]
fn a_refused_signature_leaves_no_trace() {
    let seen = SeenIds::new(300);
    let mut forged = signed("msg_1", NOW_S);
    forged.insert(
        HeaderName::from_static(SIGNATURE_HEADER),
        HeaderValue::from_static("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    );
    let elsewhere = SignedRequest { path: "/v1/pings", ..request() };
    assert!(refusal(&seen, &forged, &elsewhere, NOW_S).is_some());
    assert_eq!(refusal(&seen, &signed("msg_1", NOW_S), &request(), NOW_S), None);
}
