//! What replies mean beyond their outcome: repeats, contradictions, status questions, logins.

use proptest::prelude::*;

use super::*;
use crate::domain::post::Acceptance;

const POST: &str = r#"
    buyer_lead_id = "$.id"
    rules = [
      { when = { "$.result" = "accepted" }, outcome = "accept" },
      { when = { "$.result" = "duplicate" }, outcome = "duplicate" },
      { when = { "$.result" = "rejected" }, outcome = "refuse" },
    ]
"#;

fn repeated(reader: &ReplyReader, status: u16, body: &str) -> String {
    told_post(reader.read_post(&http(status, &[], body.as_bytes()), REPEAT).outcome)
}

#[test]
fn what_no_rule_matches_is_as_for_a_native_buyer() {
    let unknown = reader(Role::Post, POST);
    let refused = reader(Role::Post, &format!("on_unmatched = \"rejected\"\n{POST}"));
    let check = |status: u16, body: &str, first: &str, by_profile: &str, repeat: &str| {
        assert_eq!(post(&unknown, status, body), first, "{status} {body}");
        assert_eq!(post(&refused, status, body), by_profile, "{status} {body}");
        assert_eq!(repeated(&refused, status, body), repeat, "{status} {body}");
    };
    check(200, "?", "unknown malformed", "rejected malformed", "unknown malformed");
    check(200, "", "unknown malformed", "rejected malformed", "unknown malformed");
    check(200, "{}", "unknown unmatched", "rejected unmatched", "unknown unmatched");
    check(302, "", "unknown redirect", "rejected redirect", "unknown redirect");
    check(408, "", "unknown http_408", "rejected http_408", "unknown http_408");
    check(425, "", "not_sent http_425", "not_sent http_425", "not_sent http_425");
    check(429, "", "not_sent http_429", "not_sent http_429", "not_sent http_429");
    check(503, "", "unknown http_5xx", "rejected http_5xx", "unknown http_5xx");
    for status in [400, 401, 403, 404, 409, 410, 422, 499] {
        check(status, "bad", "rejected http_4xx", "rejected http_4xx", "unknown http_4xx");
    }
    let careful = reader(Role::Post, &format!("on_unmatched = \"unknown\"\n{POST}"));
    for (status, expect) in [
        (400, "unknown http_4xx"),
        (408, "unknown http_408"),
        (429, "not_sent http_429"),
        (500, "unknown http_5xx"),
    ] {
        assert_eq!(post(&careful, status, ""), expect, "{status}");
    }
}

#[test]
fn each_class_of_status_means_the_same_to_each_call_when_no_rule_names_the_reply() {
    let rules = "rules = [{ when = { \"$.s\" = 1 }, outcome = \"accept\" }, \
                 { when = { \"$.s\" = 0 }, outcome = \"refuse\" }]\n";
    let ping_reader = reader(Role::Ping, &format!("{rules}bid = {{ price = \"$.p\" }}"));
    let post_reader = reader(Role::Post, rules);
    let status_reader = reader(Role::Status, rules);
    let login = reader(Role::Login, &format!("{rules}token = \"$.t\""));
    let sign = reader(Role::Sign, rules);
    let check = |status: u16, expect: [&str; 6]| {
        let body = "{}".as_bytes();
        let reply = http(status, &[], body);
        let repeat = post_reader.read_post(&reply, REPEAT).outcome;
        let failure = match login.read_token(&reply) {
            Ok(_) => "token".to_owned(),
            Err(failure) => format!("{failure:?}").to_lowercase(),
        };
        assert_eq!(status_reader.read_status(&reply), StatusAnswer::Unclear, "{status}");
        let found = [
            ping(&ping_reader, status, body),
            post(&post_reader, status, body),
            told_post(post_reader.read_post(&reply, REJECTING).outcome),
            told_post(repeat),
            failure,
            format!("{:?}", sign.read_sign(&reply).0).to_lowercase(),
        ];
        assert_eq!(found, expect, "{status}");
    };
    let unknown = |what: &'static str| match what {
        "unmatched" => ["unknown unmatched", "rejected unmatched", "unknown unmatched"],
        "redirect" => ["unknown redirect", "rejected redirect", "unknown redirect"],
        "408" => ["unknown http_408", "rejected http_408", "unknown http_408"],
        _ => ["unknown http_5xx", "rejected http_5xx", "unknown http_5xx"],
    };
    let row = |ping: &'static str, post: [&'static str; 3], login, sign| {
        [ping, post[0], post[1], post[2], login, sign]
    };
    let refused = ["rejected http_4xx", "rejected http_4xx", "unknown http_4xx"];
    for status in [200, 202] {
        check(status, row("no malformed", unknown("unmatched"), "unclear", "unclear"));
    }
    check(302, row("no redirect", unknown("redirect"), "unclear", "unclear"));
    check(408, row("no http_status", unknown("408"), "unclear", "unclear"));
    check(425, row("no http_status", ["not_sent http_425"; 3], "unclear", "retry"));
    check(429, row("no http_status", ["not_sent http_429"; 3], "unclear", "retry"));
    for status in [400, 401, 404, 409, 422] {
        check(status, row("no http_status", refused, "refused", "refused"));
    }
    for status in [500, 502, 503, 504] {
        check(status, row("no http_status", unknown("5xx"), "unclear", "unclear"));
    }
}

#[test]
fn the_campaign_says_what_an_unmatched_answer_means_unless_the_profile_does() {
    let settings = PostSettings { on_unmatched: OnUnmatched::Rejected, ..FIRST };
    let read = |text: &str| {
        let reader = reader(Role::Post, text);
        told_post(reader.read_post(&http(200, &[], b"{}"), settings).outcome)
    };
    assert_eq!(read(POST), "rejected unmatched");
    assert_eq!(read(&format!("on_unmatched = \"unknown\"\n{POST}")), "unknown unmatched");
}

#[test]
fn a_duplicate_of_our_own_repeat_is_evidence_and_never_a_refusal() {
    let careful = reader(Role::Post, POST);
    let body = r#"{"result":"duplicate","id":7}"#;
    assert_eq!(post(&careful, 200, body), "rejected duplicate");
    assert_eq!(repeated(&careful, 200, body), "unknown duplicate_of_repeat");
    let trusting = reader(Role::Post, &format!("repeated_duplicate = \"accepted\"\n{POST}"));
    assert_eq!(post(&trusting, 200, body), "rejected duplicate");
    assert_eq!(repeated(&trusting, 200, body), "accepted 7");
}

#[test]
fn an_acceptance_under_a_contradicting_status_is_unknown() {
    let plain = reader(Role::Post, &format!("on_unmatched = \"rejected\"\n{POST}"));
    let accepted = r#"{"result":"accepted"}"#;
    assert_eq!(post(&plain, 202, accepted), "accepted");
    for status in [302, 404, 409, 500] {
        assert_eq!(post(&plain, status, accepted), "unknown contradictory", "{status}");
    }
    assert_eq!(post(&plain, 422, r#"{"result":"rejected"}"#), "rejected other");
    assert_eq!(post(&plain, 302, r#"{"result":"rejected"}"#), "rejected other");
    let by_status = reader(
        Role::Post,
        r#"
        rules = [
          { when = { http_status = 303, "$.result" = "accepted" }, outcome = "accept" },
          { outcome = "refuse" },
        ]
        "#,
    );
    assert_eq!(post(&by_status, 303, accepted), "accepted");
}

#[test]
fn a_refusal_under_a_failure_of_the_buyer_is_unknown_unless_its_rule_names_the_status() {
    let outcomes = ["refuse", "duplicate", "invalid", "auth_failed", "quota", "retry"];
    let rules = |when: &str, outcome: &str| {
        format!(
            "on_unmatched = \"rejected\"\nrepeated_duplicate = \"accepted\"\n\
             rules = [{{ when = {{ \"$.s\" = 1 }}, outcome = \"accept\" }}, \
             {{ {when}outcome = \"{outcome}\" }}, {{ when = {{ \"$.s\" = 2 }}, outcome = \"refuse\" }}]"
        )
    };
    for outcome in outcomes {
        for status in [500, 502, 503, 599] {
            for when in ["when = { \"$.s\" = 0 }, ", "when = { \"$.s\" = { is_not = 1 } }, "] {
                let plain = reader(Role::Post, &rules(when, outcome));
                let body = r#"{"s":0}"#;
                assert_eq!(post(&plain, status, body), "unknown contradictory", "{outcome}");
                assert_eq!(repeated(&plain, status, body), "unknown contradictory", "{outcome}");
                let told = plain.read_post(&http(status, &[], body.as_bytes()), FIRST).told;
                assert_eq!((told.rule, told.outcome), (Some(1), Some(Outcome::Unknown)));
            }
            let by_status =
                rules("when = { \"$.s\" = 0, http_status = [500, 502, 503, 599] }, ", outcome);
            let told = post(&reader(Role::Post, &by_status), status, r#"{"s":0}"#);
            let is_definite = told.starts_with("rejected ") || told == "not_sent retry_later";
            assert!(is_definite, "{outcome} {status}: {told}");
        }
    }
    // A status that need not be, or must not be, is not named.
    for when in [
        r#"any = [{ http_status = 409 }, { "$.s" = 0 }]"#,
        r#"not = { http_status = 500 }"#,
        r#"http_status = { is_not = 500 }"#,
        r#"http_status = { present = true }"#,
    ] {
        let reader = reader(Role::Post, &rules(&format!("when = {{ {when} }}, "), "refuse"));
        assert_eq!(post(&reader, 503, r#"{"s":0}"#), "unknown contradictory", "{when}");
    }
    for when in [
        r#"any = [{ http_status = 503 }, { http_status = 409, "$.s" = 0 }]"#,
        r#"all = [{ "$.s" = 0 }, { http_status = { at_least = 500 } }]"#,
    ] {
        let reader = reader(Role::Post, &rules(&format!("when = {{ {when} }}, "), "refuse"));
        assert_eq!(post(&reader, 503, r#"{"s":0}"#), "rejected other", "{when}");
    }
    // A rule that takes all that is left is about no status either.
    let (catching, _) = compiled(
        Role::Post,
        "rules = [{ when = { \"$.s\" = 1 }, outcome = \"accept\" }, { outcome = \"refuse\" }]",
    );
    let catching = catching.unwrap();
    assert_eq!(post(&catching, 502, "<html>"), "unknown contradictory");
    assert_eq!(post(&catching, 404, "<html>"), "rejected other");
}

#[test]
fn a_refusal_of_a_ping_a_status_question_or_a_notice_under_a_failure_says_nothing() {
    let rules = "rules = [{ when = { \"$.s\" = 1 }, outcome = \"accept\" }, \
                 { when = { \"$.s\" = 0 }, outcome = \"refuse\" }";
    let body = r#"{"s":0}"#;
    let ping_reader = reader(Role::Ping, &format!("{rules}]\nbid = {{ price = \"$.p\" }}"));
    assert_eq!(ping(&ping_reader, 200, body), "no declined");
    assert_eq!(ping(&ping_reader, 500, body), "no http_status");
    let none = r#", { when = { "$.s" = 2 }, outcome = "not_found" }]"#;
    let status = reader(Role::Status, &format!("{rules}{none}"));
    let asked = |code: u16, body: &str| status.read_status(&http(code, &[], body.as_bytes()));
    assert_eq!(asked(200, body), StatusAnswer::Rejected);
    assert_eq!(asked(404, r#"{"s":2}"#), StatusAnswer::NotFound);
    assert_eq!(asked(500, body), StatusAnswer::Unclear);
    assert_eq!(asked(500, r#"{"s":2}"#), StatusAnswer::Unclear);
    let sign = reader(Role::Sign, &format!("{rules}]"));
    assert_eq!(sign.read_sign(&http(400, &[], body.as_bytes())).0, Sign::Refused);
    assert_eq!(sign.read_sign(&http(500, &[], body.as_bytes())).0, Sign::Unclear);
}

#[test]
fn a_refusal_for_the_reason_of_a_duplicate_is_one() {
    let rules = r#"
        buyer_lead_id = "$.id"
        rules = [
          { when = { "$.result" = "accepted" }, outcome = "accept" },
          { when = { "$.result" = "rejected" }, outcome = "refuse", reason = "duplicate" },
        ]
    "#;
    let body = r#"{"result":"rejected","id":7}"#;
    let careful = reader(Role::Post, rules);
    assert_eq!(post(&careful, 200, body), "rejected duplicate");
    assert_eq!(repeated(&careful, 200, body), "unknown duplicate_of_repeat");
    let trusting = reader(Role::Post, &format!("repeated_duplicate = \"accepted\"\n{rules}"));
    assert_eq!(post(&trusting, 200, body), "rejected duplicate");
    assert_eq!(repeated(&trusting, 200, body), "accepted 7");
}

#[test]
fn nothing_is_concluded_from_what_a_broken_reply_does_not_say() {
    let hasty = reader(
        Role::Post,
        r#"
        rules = [
          { when = { "$.error" = { present = false } }, outcome = "accept" },
          { when = { "$.error" = { is_not = "" } }, outcome = "refuse" },
        ]
        "#,
    );
    assert_eq!(post(&hasty, 200, "{}"), "accepted");
    assert_eq!(post(&hasty, 200, r#"{"error":"x"}"#), "rejected other");
    assert_eq!(post(&hasty, 200, "{\"error\":\"x\""), "unknown malformed");
    assert_eq!(post(&hasty, 200, "<html>Gateway</html>"), "unknown malformed");
    let either = reader(
        Role::Post,
        r#"
        rules = [
          { when = { any = [{ "$.error" = { present = false } }, { http_status = 202 }] }, outcome = "accept" },
          { when = { all = [{ "$.error" = "x" }, { http_status = 200 }] }, outcome = "refuse" },
        ]
        "#,
    );
    assert_eq!(post(&either, 202, "broken"), "accepted");
    assert_eq!(post(&either, 200, "broken"), "unknown malformed");
}

#[test]
fn a_status_answer_counts_only_when_a_rule_names_it() {
    let status = reader(
        Role::Status,
        r#"
        buyer_lead_id = "$.id"
        rules = [
          { when = { "$.state" = "sold" }, outcome = "accept" },
          { when = { "$.state" = ["refused", "invalid"] }, outcome = "refuse" },
          { when = { "$.state" = "working" }, outcome = "pending" },
          { when = { http_status = 404, "$.state" = "none" }, outcome = "not_found" },
        ]
        "#,
    );
    let check = |code: u16, body: &str, expect: StatusAnswer| {
        assert_eq!(status.read_status(&http(code, &[], body.as_bytes())), expect, "{code} {body}");
    };
    let acceptance = Acceptance { buyer_lead_id: Some("5".to_owned()), redirect_url: None };
    check(200, r#"{"state":"sold","id":5}"#, StatusAnswer::Accepted(acceptance));
    check(200, r#"{"state":"refused"}"#, StatusAnswer::Rejected);
    check(404, r#"{"state":"none"}"#, StatusAnswer::NotFound);
    check(404, "no such page", StatusAnswer::Unclear);
    check(200, r#"{"state":"working"}"#, StatusAnswer::Unclear);
    check(500, r#"{"state":"sold"}"#, StatusAnswer::Unclear);
    check(200, "", StatusAnswer::Unclear);
}

#[test]
fn a_login_brings_a_token_and_its_life() {
    let plain = reader(Role::Login, "token = \"$.token\"\nexpires = \"$.expires_in\"");
    let read = |reader: &ReplyReader, status: u16, body: &str| {
        let token = reader.read_token(&http(status, &[], body.as_bytes()));
        token.map(|token| (token.text.to_string(), token.life))
    };
    let body = r#"{"token":"t-1","expires_in":3600}"#;
    assert_eq!(read(&plain, 200, body), Ok(("t-1".to_owned(), Some(Life::Ms(3_600_000)))));
    assert_eq!(read(&plain, 200, r#"{"token":"t-1"}"#), Ok(("t-1".to_owned(), None)));
    assert_eq!(read(&plain, 401, body), Err(TokenFailure::Refused));
    assert_eq!(read(&plain, 500, body), Err(TokenFailure::Unclear));
    assert_eq!(read(&plain, 200, "{}"), Err(TokenFailure::Unclear));
    let long = format!("{{\"token\":\"{}\"}}", "x".repeat(3_000));
    assert_eq!(read(&plain, 200, &long), Err(TokenFailure::Unclear));
    let ruled = reader(
        Role::Login,
        r#"
        token = "$.token"
        rules = [
          { when = { "$.ok" = true }, outcome = "accept" },
          { when = { "$.ok" = false }, outcome = "auth_failed" },
        ]
        "#,
    );
    assert!(read(&ruled, 200, r#"{"ok":true,"token":"t"}"#).is_ok());
    assert_eq!(read(&ruled, 200, r#"{"ok":false,"token":"t"}"#), Err(TokenFailure::Refused));
    assert_eq!(read(&ruled, 200, r#"{"token":"t"}"#), Err(TokenFailure::Unclear));
}

#[test]
fn a_call_that_only_tells_is_taken_by_any_2xx_unless_rules_say_more() {
    let plain = reader(Role::Sign, "format = \"none\"");
    let read = |reader: &ReplyReader, status: u16, body: &str| {
        reader.read_sign(&http(status, &[], body.as_bytes())).0
    };
    assert_eq!(read(&plain, 204, ""), Sign::Taken);
    assert_eq!(read(&plain, 404, ""), Sign::Refused);
    assert_eq!(read(&plain, 429, ""), Sign::Retry);
    assert_eq!(read(&plain, 500, ""), Sign::Unclear);
    let ruled = reader(
        Role::Sign,
        "rules = [{ when = { \"$.ok\" = true }, outcome = \"accept\" }, { outcome = \"refuse\" }]",
    );
    assert_eq!(read(&ruled, 200, r#"{"ok":true}"#), Sign::Taken);
    assert_eq!(read(&ruled, 200, "{}"), Sign::Refused);
}

#[test]
fn texts_that_are_too_long_are_not_kept() {
    let bids = reader(
        Role::Ping,
        r#"
        rules = [{ when = { "$.p" = { above = 0 } }, outcome = "accept" }, { outcome = "refuse" }]
        bid = { price = "$.p", reference = "$.id", legal_name = "$.name", phone_number = "$.phone" }
        "#,
    );
    let check = |name: &str, bytes: usize| {
        let body = |bytes: usize| format!("{{\"p\":1,\"{name}\":\"{}\"}}", "x".repeat(bytes));
        assert!(ping(&bids, 200, body(bytes)).starts_with("bid 1.00"), "{name}");
        assert_eq!(ping(&bids, 200, body(bytes + 1)), "no malformed", "{name}");
    };
    check("id", 512);
    check("name", 200);
    check("phone", 64);
    let post_reader = reader(Role::Post, POST);
    let body = format!("{{\"result\":\"accepted\",\"id\":\"{}\"}}", "x".repeat(2_049));
    assert_eq!(post(&post_reader, 200, body), "accepted");
    let body = format!("{{\"result\":\"{}\"}}", "x".repeat(16_385));
    assert_eq!(post(&post_reader, 200, body), "unknown unmatched");
}

#[test]
fn a_reader_is_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<ReplyReader>();
}

/// Readers of every format and role, for bytes of all sorts.
fn readers() -> Vec<ReplyReader> {
    let rules = |source: &str| {
        format!(
            "rules = [{{ when = {{ \"{source}\" = \"a\" }}, outcome = \"accept\" }}, \
             {{ outcome = \"refuse\" }}]"
        )
    };
    let texts = [
        ("json", "$..a", "$.a[*]", "@.p"),
        ("xml", "//a", "/a/*", "./@p"),
        ("xml", "/a/b[c='a'][last()]", "//a", "./p/text()"),
        ("json", "$[?@.a == 'a' || @[\\\"b\\\"] > 1].c", "$..*", "@"),
    ];
    let mut readers = Vec::new();
    for (format, source, each, price) in texts {
        let text = format!(
            "format = \"{format}\"\nsteps = [\"unescape\", \"url_decode\", {{ cut = {{ after = \"!\" }} }}]\n\
             {}\n[bid]\neach = \"{each}\"\nchoose = \"sum\"\nprice = \"{price}\"",
            rules(source)
        );
        readers.push(reader(Role::Ping, &text.replace("steps", "#")));
        readers.push(reader(Role::Ping, &text));
    }
    readers
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        status in 100u16..600,
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[\\[\\]{}<>/\"'=:,a!p&;#x0-9. -]{0,80}".prop_map(String::into_bytes),
            "(<a>|</a>|<a p='1'/>|<b>|</b>|\\{\"a\":|\\}|\\[|\\]|1|,|!){0,30}".prop_map(String::into_bytes),
        ],
        is_repeat: bool,
    ) {
        let reply = http(status, &[], &body);
        for reader in readers() {
            let _ = reader.read_ping(&reply, terms());
            let settings = PostSettings { is_repeat, ..FIRST };
            let _ = reader.read_post(&reply, settings);
            let _ = reader.read_status(&reply);
            let _ = reader.read_token(&reply);
            let _ = reader.read_sign(&reply);
        }
    }

    #[test]
    fn a_bid_keeps_to_its_terms(price in "[0-9]{1,7}(\\.[0-9]{1,5})?", shared: bool) {
        let text = r#"
            rules = [{ when = { "$.s" = 1 }, outcome = "accept" }, { outcome = "refuse" }]
            bid = { price = "$.p", shared = { "$.shared" = true } }
        "#;
        let body = format!("{{\"s\":1,\"p\":\"{price}\",\"shared\":{shared}}}");
        let terms = Terms { offers_shared: false, ..terms() };
        let bids = reader(Role::Ping, text).read_ping(&http(200, &[], body.as_bytes()), terms).bids;
        if let Ok(bids) = bids {
            prop_assert!(!shared && bids[0].bid.price <= money("1000"));
            prop_assert_eq!(bids[0].bid.price, money(&price));
        }
    }
}
