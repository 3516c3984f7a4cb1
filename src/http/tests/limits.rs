//! Each limit of a request, from one below it to one above it.

use serde_json::json;

use super::door::{Answer, Door, Holder};

/// A lead with one more member, given as JSON text.
fn lead_with(member: &str) -> String {
    let lead = json!({
        "vertical": "final_expense",
        "lead": {
            "first_name": "Grace", "last_name": "Testington", "phone": "+12146530001",
            "state": "TX", "zip": "75201", "date_of_birth": "1957-03-02", "gender": "female",
            "tobacco": false, "coverage_amount": 15000
        },
        "consent": {"text": "I agree to be called.", "given_at": "2026-11-23T14:00:00Z"},
    });
    let text = lead.to_string();
    format!("{},{member}}}", text.strip_suffix('}').unwrap())
}

/// An order for a key with one more member, which is none of its fields.
fn order_with(member: &str) -> String {
    format!(r#"{{"role":"operator",{member}}}"#)
}

/// How many keys are in a text of JSON that has no colon but after keys.
fn keys_in(text: &str) -> usize {
    text.matches("\":").count()
}

fn nested(depth: usize) -> String {
    format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth))
}

fn many_keys(count: usize) -> String {
    let keys: Vec<String> = (0..count).map(|index| format!("\"k{index}\":1")).collect();
    format!("\"x\":{{{}}}", keys.join(","))
}

/// A member within a limit, one beyond it, and the fault of the second.
fn members(body_with: fn(&str) -> String) -> Vec<(String, String, &'static str)> {
    let text = |length: usize| format!("\"x\":\"{}\"", "a".repeat(length));
    let number = |digits: usize| format!("\"x\":{}", "7".repeat(digits));
    let name = |length: usize| format!("\"{}\":1", "n".repeat(length));
    let keys_before = keys_in(&body_with("\"x\":{}"));
    let room = 512 - keys_before;
    vec![
        // The body itself is the first level.
        (nested(31), nested(32), "too_deep"),
        (many_keys(room), many_keys(room + 1), "too_many_keys"),
        (text(8_192), text(8_193), "too_long"),
        (number(64), number(65), "too_long"),
        (name(256), name(257), "invalid_name"),
        ("\"x\":1,\"y\":1".to_owned(), "\"x\":1,\"x\":1".to_owned(), "duplicate_key"),
    ]
}

fn fault_of(answer: &Answer) -> String {
    let body = answer.json();
    format!("{} {} {}", answer.status, answer.code(), body["errors"][0]["code"].as_str().unwrap())
}

#[tokio::test]
async fn a_lead_within_each_limit_is_taken_and_one_beyond_it_is_not() {
    let door = Door::open().await;
    for (within, beyond, fault) in members(lead_with) {
        let taken = door.ask(Holder::Acme, "POST /v1/leads", &lead_with(&within)).await;
        assert_eq!(taken.status, 200, "{within:.60}: {taken:?}");
        let refused = door.ask(Holder::Acme, "POST /v1/leads", &lead_with(&beyond)).await;
        assert_eq!(fault_of(&refused), format!("400 malformed_body {fault}"), "{beyond:.60}");
    }
    door.close().await;
}

#[tokio::test]
async fn an_administrative_body_keeps_the_same_limits() {
    let door = Door::open().await;
    for (within, beyond, fault) in members(order_with) {
        let read = door.ask(Holder::Operator, "POST /v1/keys", &order_with(&within)).await;
        // It is read, and found to have a field that no order has.
        assert_eq!((read.status, read.code()), (422, "invalid_request".into()), "{within:.60}");
        let refused = door.ask(Holder::Operator, "POST /v1/keys", &order_with(&beyond)).await;
        assert_eq!(fault_of(&refused), format!("400 malformed_body {fault}"), "{beyond:.60}");
    }
    door.close().await;
}

#[tokio::test]
async fn a_body_of_the_largest_size_is_read_and_one_byte_more_is_not() {
    let door = Door::open().await;
    let lead = lead_with("\"x\":1");
    for (length, status) in [(262_144, 200), (262_145, 413)] {
        let padded = format!("{lead}{}", " ".repeat(length - lead.len()));
        let answer = door.ask(Holder::Acme, "POST /v1/leads", &padded).await;
        assert_eq!(answer.status, status, "{length}");
    }
    door.close().await;
}

#[tokio::test]
async fn headers_up_to_their_limits_are_read_and_one_more_is_not() {
    let door = Door::open().await;
    // `host` and `connection` are there anyway.
    for (count, status) in [(62, 200), (63, 431)] {
        let lines: Vec<String> = (0..count).map(|index| format!("a{index}: 1")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(door.request("GET", "/livez", &lines, "").await.status, status, "{count}");
    }
    let counted = "/livez".len() + "hostx".len() + "connectionclose".len() + "a".len();
    for (bytes, status) in [(16_384, 200), (16_385, 431)] {
        let line = format!("a: {}", "v".repeat(bytes - counted));
        assert_eq!(door.request("GET", "/livez", &[&line], "").await.status, status, "{bytes}");
    }
    door.close().await;
}

#[tokio::test]
async fn an_owner_that_changes_the_registry_too_often_is_told_when_to_come_again() {
    let door = Door::with(|limits| {
        limits.changes_per_owner_per_min = 1;
        limits.changes_per_owner_burst = 2;
    })
    .await;
    // What is asked for need not exist: that is found out by reading the registry.
    let pause = "POST /v1/campaigns/none/pause";
    let ask = async |holder: Holder, route: &str| door.ask(holder, route, "").await;
    for _ in 0..2 {
        assert_eq!(ask(Holder::LifeCo, pause).await.status, 404);
    }
    for route in [pause, "POST /v1/campaigns/none/verify", "DELETE /v1/event-endpoints/none"] {
        let limited = ask(Holder::LifeCo, route).await;
        assert_eq!((limited.status, limited.code()), (429, "too_many_changes".to_owned()));
        let seconds: u32 = limited.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
    assert_eq!(ask(Holder::LifeCo, "GET /v1/campaigns").await.status, 200, "reading is no change");
    assert_eq!(ask(Holder::OtherCo, pause).await.status, 404, "it is not another's limit");
    // Two keys of one vendor share its limit.
    let delete = "DELETE /v1/event-endpoints/none";
    let statuses = [
        ask(Holder::Acme, delete).await,
        ask(Holder::AcmeTesting, delete).await,
        ask(Holder::AcmeStrict, delete).await,
    ];
    assert_eq!(statuses.map(|answer| answer.status), [404, 404, 429]);
    for _ in 0..5 {
        assert_eq!(ask(Holder::Operator, pause).await.status, 404, "operators are not counted");
    }
    door.close().await;
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_again() {
    let door = Door::with(|limits| {
        limits.requests_per_key_per_s = 1;
        limits.requests_per_key_burst = 3;
    })
    .await;
    let ask = || door.ask(Holder::Acme, "GET /v1/leads/x", "");
    let statuses = [ask().await, ask().await, ask().await].map(|answer| answer.status);
    assert_eq!(statuses, [404; 3]);
    // Whole seconds would have to pass for the burst to be there again.
    let mut limited = ask().await;
    for _ in 0..3 {
        if limited.status == 429 {
            break;
        }
        limited = ask().await;
    }
    assert_eq!((limited.status, limited.code()), (429, "rate_limited".to_owned()));
    assert_eq!(limited.header("retry-after"), Some("1"));
    assert_eq!(door.ask(Holder::Other, "GET /v1/leads/x", "").await.status, 404, "not its limit");
    door.close().await;
}
