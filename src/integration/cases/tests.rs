//! Cases as texts; how they run is tested where there are leads, in `flow::rehearsal`.

use super::*;

fn check(text: &str, expect: &str) {
    let told =
        Case::parse(text).map(|_| String::new()).unwrap_or_else(|invalid| invalid.to_string());
    assert!(told.contains(expect), "{told}\n{text}");
    assert_eq!(told.is_empty(), expect.is_empty(), "{told}");
}

#[test]
fn a_text_that_is_no_case_is_refused_with_its_place() {
    check(r#"{"about": "x", "vertical": "solar", "steps": [{"call": "ping"}]}"#, "");
    check("{", "1:1: EOF while parsing");
    check("{\n\"abuot\": 1}", ": unknown field `abuot`");
    check(
        r#"{"about": "x", "vertical": "solar", "steps": [{"call": "pong"}]}"#,
        "there is no call `pong`; write one of login, preping, ping, post",
    );
    check(r#"{"about": "x", "vertical": "solar", "steps": []}"#, "a case has 1 to 32 steps");
    check(
        r#"{"about": "x", "vertical": "solar", "campaign": {"urls": {"pong": "x"}}, "steps": [{"call": "ping"}]}"#,
        "campaign.urls: there is no call `pong`",
    );
    check(
        r#"{"about": "x", "vertical": "solar", "steps": [{"call": "ping", "means": {"no_bid": "late"}}]}"#,
        "steps.0: there is no reply that could mean something",
    );
    let means = |means: &str| {
        format!(
            r#"{{"about": "x", "vertical": "solar", "steps": [{{"call": "ping", "reply": {{}}, "means": {means}}}]}}"#
        )
    };
    check(&means(r#"{"bid": 1}"#), "steps.0.means: unknown key `bid`; did you mean `bids`?");
    check(
        &means(r#"{"bids": [{"price": "1.00", "referense": "a"}]}"#),
        "steps.0.means.bids.0: unknown key `referense`; did you mean `reference`?",
    );
    check(
        &means(r#"{"bids": [{"price": "1.00"}], "ruled": "accept", "captures": {"any": "x"}}"#),
        "",
    );
    check(&" ".repeat(CASE_BYTES_MAX + 1), "a case has at most 262144 bytes");
}
