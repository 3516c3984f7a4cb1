use super::*;
use proptest::prelude::*;

const BODY: &[u8] = br#"{"ping_id":"ping_1","lead":{"state":"TX"}}"#;
const ID: &str = "post_01h2xcejqtf2nbrexx3vqjhp41";
const NOW_S: i64 = 1_795_435_200;

fn secret(fill: u8) -> SigningSecret {
    SigningSecret::mint([fill; 32])
}

fn oracle(secret: &SigningSecret) -> standardwebhooks::Webhook {
    standardwebhooks::Webhook::new(&secret.text()).unwrap()
}

fn header_map(headers: &SignedHeaders) -> http::HeaderMap {
    let pairs = headers.clone().into_pairs();
    pairs.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).into_iter().collect()
}

/// The oracle reads the machine's clock, so what it is to accept is signed by that clock.
fn machine_now_s() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap()
}

/// Our verdict on a message at [`NOW_S`] with the default tolerance.
fn verdict(
    keys: &SigningKeys,
    headers: &SignedHeaders,
    body: &[u8],
) -> Result<(), SignatureRefused> {
    verify(keys, headers.into(), body, NOW_S, Tolerance::default())
}

fn signed_at(timestamp_s: i64) -> SignedHeaders {
    sign(&SigningKeys::of(&secret(1)), ID, timestamp_s, BODY).unwrap()
}

#[test]
fn the_published_example_gets_the_published_signature() {
    let secret = SigningSecret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
    let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    assert_eq!(
        sign(&SigningKeys::of(&secret), id, 1_649_367_553, body),
        Ok(SignedHeaders {
            id: id.to_owned(),
            timestamp: "1649367553".to_owned(),
            signature: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=".to_owned(),
        })
    );
}

#[test]
fn an_independent_verifier_accepts_ours_and_refuses_every_change() {
    let now_s = machine_now_s();
    let keys = SigningKeys::of(&secret(1));
    let headers = sign(&keys, ID, now_s, BODY).unwrap();
    let good = header_map(&headers);
    oracle(&secret(1)).verify(BODY, &good).unwrap();
    let text = |result: Result<(), standardwebhooks::WebhookError>| result.unwrap_err().to_string();
    let altered = BODY.to_ascii_uppercase();
    assert_eq!(text(oracle(&secret(1)).verify(&altered, &good)), "signature invalid");
    assert_eq!(text(oracle(&secret(2)).verify(BODY, &good)), "signature invalid");
    let other_id = SignedHeaders { id: "post_2".to_owned(), ..headers };
    assert_eq!(text(oracle(&secret(1)).verify(BODY, &header_map(&other_id))), "signature invalid");
    let stale = header_map(&sign(&keys, ID, now_s - 400, BODY).unwrap());
    assert_eq!(text(oracle(&secret(1)).verify(BODY, &stale)), "signature timestamp too old");
    let early = header_map(&sign(&keys, ID, now_s + 400, BODY).unwrap());
    assert_eq!(
        text(oracle(&secret(1)).verify(BODY, &early)),
        "signature timestamp too far in future"
    );
}

#[test]
fn both_holders_of_a_rotating_secret_are_served_by_one_header() {
    let keys = SigningKeys::rotating(&secret(1), [&secret(2)]).unwrap();
    let headers = sign(&keys, ID, machine_now_s(), BODY).unwrap();
    assert_eq!(headers.signature.split(' ').count(), 2);
    for known in [1, 2] {
        oracle(&secret(known)).verify(BODY, &header_map(&headers)).unwrap();
    }
    assert!(oracle(&secret(3)).verify(BODY, &header_map(&headers)).is_err());
}

#[test]
fn a_message_signed_with_any_valid_secret_is_accepted() {
    let keys = SigningKeys::rotating(&secret(1), [&secret(2), &secret(3)]).unwrap();
    let cases = [(1, Ok(())), (2, Ok(())), (3, Ok(())), (4, Err(SignatureRefused::Mismatch))];
    for (signer, expected) in cases {
        let signature = oracle(&secret(signer)).sign(ID, NOW_S, BODY).unwrap();
        let headers = SignedHeaders { signature, ..signed_at(NOW_S) };
        assert_eq!(verdict(&keys, &headers, BODY), expected, "secret {signer}");
    }
}

#[test]
fn at_most_five_older_secrets_are_valid_at_once() {
    let older: Vec<SigningSecret> = (2..8).map(secret).collect();
    assert!(SigningKeys::rotating(&secret(1), &older[..5]).is_ok());
    assert_eq!(SigningKeys::rotating(&secret(1), &older).err(), Some(TooManySecrets { given: 6 }));
    let keys = SigningKeys::rotating(&secret(1), &older[..5]).unwrap();
    let widest = sign(&keys, ID, NOW_S, BODY).unwrap();
    assert_eq!(widest.signature.split(' ').count(), 6);
    assert_eq!(verdict(&SigningKeys::of(&older[4]), &widest, BODY), Ok(()));
}

#[test]
fn a_timestamp_is_taken_up_to_the_tolerance_and_not_a_second_beyond() {
    let keys = SigningKeys::of(&secret(1));
    let narrow = Tolerance { past_s: 300, future_s: 60 };
    let cases = [
        (NOW_S, narrow, Ok(())),
        (NOW_S - 300, narrow, Ok(())),
        (NOW_S - 301, narrow, Err(SignatureRefused::TooOld)),
        (NOW_S + 60, narrow, Ok(())),
        (NOW_S + 61, narrow, Err(SignatureRefused::TooEarly)),
        (NOW_S + 300, Tolerance::default(), Ok(())),
        (NOW_S + 301, Tolerance::default(), Err(SignatureRefused::TooEarly)),
        (0, Tolerance::default(), Err(SignatureRefused::TooOld)),
        (i64::MAX, Tolerance::default(), Err(SignatureRefused::TooEarly)),
    ];
    for (timestamp_s, tolerance, expected) in cases {
        let headers = signed_at(timestamp_s);
        let verdict = verify(&keys, (&headers).into(), BODY, NOW_S, tolerance);
        assert_eq!(verdict, expected, "{timestamp_s} {tolerance:?}");
    }
}

#[test]
fn a_timestamp_that_is_not_plain_digits_is_refused() {
    let keys = SigningKeys::of(&secret(1));
    let overflowing = "9".repeat(20);
    for timestamp in ["", "now", "-1", "+1795435200", "1795435200.5", " 1795435200", &overflowing] {
        let headers = SignedHeaders { timestamp: timestamp.to_owned(), ..signed_at(NOW_S) };
        let verdict = verdict(&keys, &headers, BODY);
        assert_eq!(verdict, Err(SignatureRefused::Timestamp), "{timestamp:?}");
    }
}

#[test]
fn bytes_cannot_move_over_the_dots() {
    let keys = SigningKeys::of(&secret(1));
    let body = [format!("{NOW_S}.").as_bytes(), BODY].concat();
    let first = sign(&keys, "a", 7, &body).unwrap();
    let moved = SignedHeaders { id: "a.7".to_owned(), timestamp: NOW_S.to_string(), ..first };
    assert_eq!(verdict(&keys, &moved, BODY), Err(SignatureRefused::Id));
    let long = "m".repeat(256);
    for id in ["", "a.7", "a b", "a\n", "é", &long] {
        assert_eq!(sign(&keys, id, NOW_S, BODY), Err(InvalidMessageId), "{id:?}");
    }
    assert!(sign(&keys, &long[1..], NOW_S, BODY).is_ok());
}

#[test]
fn entries_of_other_versions_and_broken_entries_are_passed_over() {
    let keys = SigningKeys::of(&secret(1));
    let good = signed_at(NOW_S).signature;
    let bare = good.strip_prefix("v1,").unwrap();
    let cases = [
        (good.clone(), Ok(())),
        (format!("v1a,AAAA {good}"), Ok(())),
        (format!("v2,{bare} {good}"), Ok(())),
        (format!("{bare} v1 v1, v1,{good}"), Err(SignatureRefused::NoSignature)),
        (format!("nonsense  , v1,!!! {good} v1,AAAA"), Ok(())),
        (format!("v2,{bare}"), Err(SignatureRefused::NoSignature)),
        (format!("v1,{}", bare.trim_end_matches('=')), Err(SignatureRefused::NoSignature)),
        (format!("v1,{bare},x"), Err(SignatureRefused::NoSignature)),
        (String::new(), Err(SignatureRefused::NoSignature)),
        (format!("v1,{}=", "A".repeat(43)), Err(SignatureRefused::Mismatch)),
        (format!("{}{good}", "v0,x ".repeat(15)), Ok(())),
        (format!("{}{good}", "v0,x ".repeat(16)), Err(SignatureRefused::TooManyEntries)),
    ];
    for (signature, expected) in cases {
        let headers = SignedHeaders { signature, ..signed_at(NOW_S) };
        assert_eq!(verdict(&keys, &headers, BODY), expected, "{}", headers.signature);
    }
}

#[test]
fn a_secret_is_24_to_64_bytes_of_padded_base64_behind_its_prefix() {
    let text = |bytes: usize| {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD.encode(vec![7; bytes]);
        format!("whsec_{base64}")
    };
    let cases = [
        (text(24), None),
        (text(32), None),
        (text(64), None),
        (text(23), Some(InvalidSecret::Length)),
        (text(65), Some(InvalidSecret::Length)),
        (text(70), Some(InvalidSecret::Length)),
        (text(0), Some(InvalidSecret::Length)),
        (text(32)[6..].to_owned(), Some(InvalidSecret::Prefix)),
        (format!("v1,{}", text(32)), Some(InvalidSecret::Prefix)),
        (text(32).trim_end_matches('=').to_owned(), Some(InvalidSecret::Base64)),
        (format!("{}\n", text(32)), Some(InvalidSecret::Base64)),
        (text(32).replace('B', "-"), Some(InvalidSecret::Base64)),
    ];
    for (text, expected) in cases {
        assert_eq!(SigningSecret::parse(&text).err(), expected, "{text}");
    }
    assert_eq!(SigningSecret::mint([7; 32]).text().as_str(), text(32));
}

#[test]
fn headers_leave_under_their_standard_names() {
    let names = signed_at(NOW_S).into_pairs().map(|(name, _)| name);
    assert_eq!(names, ["webhook-id", "webhook-timestamp", "webhook-signature"]);
}

proptest! {
    #[test]
    fn both_sides_of_the_standard_agree_on_every_message(
        key in prop::collection::vec(any::<u8>(), 24..=64),
        id in "[a-zA-Z0-9_-]{1,40}",
        body in ".{0,200}",
    ) {
        let secret = SigningSecret::from_bytes(&key).unwrap();
        prop_assert!(SigningSecret::parse(&secret.text()).unwrap() == secret);
        let keys = SigningKeys::of(&secret);
        let ours = sign(&keys, &id, NOW_S, body.as_bytes()).unwrap();
        let theirs = oracle(&secret).sign(&id, NOW_S, body.as_bytes()).unwrap();
        prop_assert_eq!(&ours.signature, &theirs);
        prop_assert_eq!(verdict(&keys, &ours, body.as_bytes()), Ok(()));
    }

    #[test]
    fn a_changed_body_is_refused(
        body in prop::collection::vec(any::<u8>(), 1..200),
        at: prop::sample::Index,
        change in 1u8..,
    ) {
        let keys = SigningKeys::of(&secret(1));
        let headers = sign(&keys, ID, NOW_S, &body).unwrap();
        prop_assert_eq!(verdict(&keys, &headers, &body), Ok(()));
        let mut changed = body.clone();
        changed[at.index(body.len())] ^= change;
        prop_assert_eq!(verdict(&keys, &headers, &changed), Err(SignatureRefused::Mismatch));
        prop_assert_eq!(
            verdict(&keys, &headers, &body[..body.len() - 1]),
            Err(SignatureRefused::Mismatch)
        );
    }

    #[test]
    fn no_headers_make_the_check_panic_or_pass(id in ".*", timestamp in ".*", signature in ".*") {
        let keys = SigningKeys::of(&secret(1));
        let headers = SignatureHeaders { id: &id, timestamp: &timestamp, signature: &signature };
        prop_assert!(verify(&keys, headers, BODY, NOW_S, Tolerance::default()).is_err());
        let headers = SignatureHeaders { id: ID, timestamp: "1795435200", signature: &signature };
        prop_assert!(verify(&keys, headers, BODY, NOW_S, Tolerance::default()).is_err());
    }
}
