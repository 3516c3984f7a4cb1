use super::*;
use proptest::prelude::*;

fn reply(status: u16, body: &str) -> RawReply<'_> {
    RawReply { status, content_encoding: None, body: body.as_bytes() }
}

fn text(outcome: PostOutcome) -> String {
    match outcome {
        PostOutcome::Accepted(acceptance) => {
            format!("accepted {}", acceptance.buyer_lead_id.unwrap_or_default())
        }
        PostOutcome::Rejected { reason } => format!("rejected {reason}"),
        PostOutcome::NotSent { reason } => format!("not_sent {reason}"),
        PostOutcome::Unknown { reason } => format!("unknown {reason}"),
    }
}

#[test]
fn each_answer_has_one_class() {
    let check = |status: u16, body: &str, expect: &str| {
        let outcome = read(reply(status, body), false, OnUnmatched::Unknown);
        assert_eq!(text(outcome), expect, "{status} {body}");
    };
    check(200, r#"{"result":"accepted","buyer_lead_id":"b1"}"#, "accepted b1");
    check(201, r#"{"result":"accepted"}"#, "accepted ");
    check(200, r#"{"result":"rejected","reason":"duplicate"}"#, "rejected duplicate");
    check(422, r#"{"result":"rejected","reason":"my own words"}"#, "rejected other");
    check(400, "bad", "rejected http_4xx");
    check(404, "", "rejected http_4xx");
    check(409, r#"{"result":"accepted"}"#, "unknown contradictory");
    check(408, "", "unknown http_408");
    check(408, r#"{"result":"rejected"}"#, "rejected other");
    check(425, "", "not_sent http_425");
    check(429, "", "not_sent http_429");
    check(429, r#"{"result":"rejected","reason":"capped"}"#, "rejected capped");
    check(500, r#"{"result":"accepted"}"#, "unknown http_5xx");
    check(503, "", "unknown http_5xx");
    check(302, "", "unknown redirect");
    check(200, "", "unknown malformed");
    check(200, r#"{"result":"perhaps"}"#, "unknown malformed");
    check(200, r#"["accepted"]"#, "unknown malformed");
}

#[test]
fn a_buyer_may_have_unmatched_answers_counted_as_refusals() {
    let outcome = read(reply(500, ""), false, OnUnmatched::Rejected);
    assert_eq!(text(outcome), "rejected http_5xx");
    let outcome = read(reply(408, ""), false, OnUnmatched::Rejected);
    assert_eq!(text(outcome), "rejected http_408");
}

#[test]
fn duplicate_in_answer_to_our_own_repeat_is_never_a_refusal() {
    let body = r#"{"result":"rejected","reason":"duplicate"}"#;
    let outcome = read(reply(200, body), true, OnUnmatched::Rejected);
    assert_eq!(text(outcome), "unknown duplicate_of_repeat");
    let outcome = read(reply(409, ""), true, OnUnmatched::Rejected);
    assert_eq!(text(outcome), "unknown http_4xx");
}

#[test]
fn an_answer_to_a_repeat_that_no_rule_matches_never_frees_the_seat() {
    let check = |status: u16, body: &str, expect: &str| {
        let outcome = read(reply(status, body), true, OnUnmatched::Rejected);
        assert_eq!(text(outcome), expect, "{status} {body}");
    };
    check(503, "", "unknown http_5xx");
    check(302, "", "unknown redirect");
    check(200, "", "unknown malformed");
    check(200, r#"{"result":"rejected","reason":"capped"}"#, "rejected capped");
}

#[test]
fn a_redirect_for_the_consumer_must_be_a_web_address() {
    let accept = |url: &str| {
        let body = format!(r#"{{"result":"accepted","redirect_url":"{url}"}}"#);
        let PostOutcome::Accepted(acceptance) =
            read(reply(200, &body), false, OnUnmatched::Unknown)
        else {
            panic!("not accepted")
        };
        acceptance.redirect_url
    };
    assert_eq!(accept("https://b.example/next").as_deref(), Some("https://b.example/next"));
    assert_eq!(accept("javascript:alert(1)"), None);
    assert_eq!(accept(&format!("https://b.example/{}", "x".repeat(ANSWER_TEXT_BYTES_MAX))), None);
}

#[test]
fn a_status_answer_counts_only_when_it_is_clear() {
    let check = |status: u16, body: &str, expect: StatusAnswer| {
        assert_eq!(read_status(reply(status, body)), expect, "{status} {body}");
    };
    check(200, r#"{"result":"accepted"}"#, StatusAnswer::Accepted(Acceptance::default()));
    check(200, r#"{"result":"rejected"}"#, StatusAnswer::Rejected);
    check(200, r#"{"result":"not_found"}"#, StatusAnswer::NotFound);
    check(404, r#"{"result":"not_found"}"#, StatusAnswer::NotFound);
    check(404, "no such page", StatusAnswer::Unclear);
    check(404, r#"{"result":"accepted"}"#, StatusAnswer::Unclear);
    check(500, r#"{"result":"accepted"}"#, StatusAnswer::Unclear);
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(status in 100u16..600, body: Vec<u8>, repeat: bool) {
        let reply = RawReply { status, content_encoding: None, body: &body };
        let _ = read(reply, repeat, OnUnmatched::Unknown);
        let _ = read_status(reply);
    }

    #[test]
    fn rendered_posts_round_trip(url in ".*", body: Vec<u8>) {
        let post = RenderedPost {
            method: "POST".to_owned(),
            url,
            headers: vec![("a".to_owned(), "b".to_owned())],
            body: body.into(),
            status_url: None,
            is_signed: false,
        };
        prop_assert!(RenderedPost::from_bytes(&post.to_bytes()) == Some(post.clone()));
        // A post that left before there were profiles.
        let RenderedPost { method, url, headers, body, status_url, .. } = post.clone();
        let before = postcard::to_allocvec(&(method, url, headers, body, status_url)).unwrap();
        let signed = RenderedPost { is_signed: true, ..post };
        prop_assert!(RenderedPost::from_bytes(&before) == Some(signed));
    }
}
