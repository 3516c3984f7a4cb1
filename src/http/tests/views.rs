//! Registry objects as they are shown: whole bodies, with every field that they can have.

use serde_json::json;

use super::door::{Answer, Door, Holder};

/// The body with a line for each field.
fn fields(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let lines = body.as_object().unwrap().iter().map(|(name, value)| format!("{name}: {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

async fn put(door: &Door, route: &str, body: serde_json::Value) {
    let answer = door.ask(Holder::Operator, route, &body.to_string()).await;
    assert!([200, 201].contains(&answer.status), "{answer:?}");
}

#[tokio::test]
async fn a_vendor_is_shown_as_it_was_described() {
    let door = Door::open().await;
    let body = json!({
        "name": "Best Leads", "time_zone": "America/Chicago", "margin_percent": "12.5",
        "floor": "2.00",
    });
    put(&door, "PUT /v1/vendors/best", body).await;
    let shown = door.ask(Holder::Operator, "GET /v1/vendors/best", "").await;
    insta::assert_snapshot!(fields(&shown), @r#"
    archived: false
    floor: "2.00"
    id: "best"
    margin_percent: "12.5"
    name: "Best Leads"
    time_zone: "America/Chicago"
    "#);
    door.close().await;
}

#[tokio::test]
async fn a_buyer_is_shown_as_it_was_described() {
    let door = Door::open().await;
    let body = json!({
        "name": "Life Co", "legal_name": "Life Co LLC", "time_zone": "America/Chicago",
        "credit_limit": "500.00",
    });
    put(&door, "PUT /v1/buyers/life-co", body).await;
    let shown = door.ask(Holder::LifeCo, "GET /v1/buyers/life-co", "").await;
    insta::assert_snapshot!(fields(&shown), @r#"
    archived: false
    credit_limit: "500.00"
    id: "life-co"
    legal_name: "Life Co LLC"
    name: "Life Co"
    time_zone: "America/Chicago"
    "#);
    let to_operators = door.ask(Holder::Operator, "GET /v1/buyers/life-co", "").await;
    assert_eq!(to_operators.json(), shown.json());
    door.close().await;
}

#[tokio::test]
async fn a_campaign_is_shown_as_it_was_described_and_as_it_stands() {
    let door = Door::open().await;
    let body = json!({
        "buyer_id": "life-co", "vertical": "final_expense", "profile": "native",
        "ping_url": "https://old.example/ping", "post_url": "https://old.example/post",
        "verification": "challenge", "price": {"bid": {"max_bid": "40.00"}},
        "filter": {"all": [
            {"field": "state", "in": ["TX", "FL"]},
            {"field": "age", "between": [50, 80]},
            {"not": {"field": "tobacco", "eq": true}},
        ]},
        "caps": [{"per": "day", "leads": 10}, {"per": "total", "leads": 100, "spend": "500.00"}],
        "disclosures": ["zip", "age"], "post_semantics": "queryable",
        "status_url": "https://old.example/status", "on_unmatched": "rejected",
        "on_unknown": {"resell_after_s": 900}, "post_ms": 9000,
    });
    put(&door, "PUT /v1/campaigns/life-fe", body).await;
    let own = json!({
        "ping_url": "https://life.example/ping", "post_url": "https://life.example/post",
        "status_url": "https://life.example/status",
    });
    let limits = json!({"caps": [{"per": "day", "leads": 5, "spend": "100.00"}]});
    for (route, body) in [
        ("PUT /v1/campaigns/life-fe/endpoints", own.to_string()),
        ("PUT /v1/campaigns/life-fe/limits", limits.to_string()),
        ("POST /v1/campaigns/life-fe/pause", String::new()),
    ] {
        let answer = door.ask(Holder::LifeCo, route, &body).await;
        assert_eq!(answer.status, 200, "{route}: {answer:?}");
    }
    let shown = door.ask(Holder::LifeCo, "GET /v1/campaigns/life-fe", "").await;
    insta::assert_snapshot!(fields(&shown), @r#"
    archived: false
    buyer_id: "life-co"
    caps: [{"leads":10,"per":"day"},{"leads":100,"per":"total","spend":"500.00"}]
    disclosures: ["zip","age"]
    endpoints: {"ping_url":"https://life.example/ping","post_url":"https://life.example/post","registered_by":"buyer","status_url":"https://life.example/status","unproved":["ping_url","post_url","status_url"]}
    filter: {"all":[{"field":"state","in":["TX","FL"]},{"between":[50,80],"field":"age"},{"not":{"eq":true,"field":"tobacco"}}]}
    id: "life-fe"
    limits: [{"leads":5,"per":"day","spend":"100.00"}]
    on_unknown: {"resell_after_s":900}
    on_unmatched: "rejected"
    paused_by: ["buyer"]
    ping_url: "https://old.example/ping"
    post_ms: 9000
    post_semantics: "queryable"
    post_url: "https://old.example/post"
    price: {"bid":{"max_bid":"40.00"}}
    profile: "native"
    state: "pending_verification"
    status_url: "https://old.example/status"
    verification: "challenge"
    vertical: "final_expense"
    "#);
    let listed = door.ask(Holder::LifeCo, "GET /v1/campaigns", "").await;
    assert_eq!(listed.json(), json!({"data": [shown.json()], "next": null}));
    door.close().await;
}
