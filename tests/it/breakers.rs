use std::time::Duration;

use gavel::demo::stub_buyer::{OnPost, Reply, Script, StubBuyer};
use serde_json::{Value as Json, json};

use crate::support::{Answer, Installation, buyer, exchange, key_id, lead, until};

/// Small samples and short pauses, and rounds so long that a busy machine does not cut them off.
const QUICK: [(&str, &str); 6] = [
    ("ping_round_ms", "15000"),
    ("breaker_ping_sample_min", "3"),
    ("breaker_post_sample_min", "3"),
    ("breaker_pause_ms", "1"),
    ("breaker_pause_max_ms", "1"),
    ("breaker_probes", "2"),
];

/// The same with a pause that does not end during a test.
fn with_long_pause() -> Vec<(&'static str, &'static str)> {
    let pauses = [("breaker_pause_ms", "600000"), ("breaker_pause_max_ms", "600000")];
    QUICK.into_iter().filter(|(name, _)| !name.contains("pause")).chain(pauses).collect()
}

async fn sell(gavel: &Installation, vendor: &str, number: usize) -> Answer {
    gavel.post_json("/v1/leads", vendor, &lead(number)).await
}

/// The candidate of a campaign in the decision record of a lead.
async fn candidate(gavel: &Installation, lead_id: &str, campaign: &str) -> Json {
    let record = gavel.record(lead_id).await;
    let candidates = record["candidates"].as_array().unwrap();
    candidates.iter().find(|candidate| candidate["campaign_id"] == campaign).unwrap().clone()
}

async fn state(gavel: &Installation, key: &str, campaign: &str) -> Vec<String> {
    let answer = gavel.get(&format!("/v1/campaigns/{campaign}/breakers"), key).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows = answer.json()["data"].as_array().unwrap().clone();
    rows.iter().map(|row| format!("{} {}", row["call"], row["state"]).replace('"', "")).collect()
}

async fn two_buyers(
    limits: &[(&str, &str)],
    sick: Script,
) -> (Installation, StubBuyer, StubBuyer, String) {
    let sick = buyer(sick).await;
    let well = buyer(Script::always(Reply::bid("5.00"))).await;
    let gavel = Installation::start(limits).await;
    gavel.apply(&exchange(&[("sick", &sick, ""), ("well", &well, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    (gavel, sick, well, vendor)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_is_spared_and_heals_by_real_pings() {
    let broken = Reply::bid("9.00").with_status(503);
    let (gavel, sick, _well, vendor) = two_buyers(&with_long_pause(), Script::always(broken)).await;
    let operator = gavel.operator_key();
    for number in 0..3 {
        assert_eq!(sell(&gavel, &vendor, number).await.text("/payout"), "5.00");
    }
    let lead_id = sell(&gavel, &vendor, 3).await.text("/lead_id");
    assert_eq!(sick.pings().len(), 3, "the fourth ping is not sent");
    let spared = candidate(&gavel, &lead_id, "sick-fe").await;
    let expect = json!({
        "ping_id": spared["ping"]["ping_id"], "result": "no_bid", "reason": "not_sent",
        "detail": "breaker_open", "http_status": null, "elapsed_ms": 0
    });
    assert_eq!(spared["ping"], expect);
    assert_eq!(state(&gavel, &operator, "sick-fe").await, ["ping open", "post closed"]);
    let metrics = gavel.metrics().await;
    let labels = "{call=\"ping\",campaign=\"sick-fe\"}";
    assert!(metrics.contains(&format!("gavel_breaker_state{labels} 2")), "{metrics}");
    assert!(metrics.contains(&format!("gavel_breaker_opened_total{labels} 1")), "{metrics}");

    // The operator knows that it works again, and lets calls out for a while.
    sick.behave(Script::always(Reply::bid("9.00")));
    let order = json!({"call": "ping", "state": "closed", "for_s": 60, "note": "mended"});
    let path = "/v1/campaigns/sick-fe/breakers/force";
    let forced = gavel.post_json(path, &operator, &order).await;
    assert_eq!((forced.status, forced.text("/state")), (200, "closed".to_owned()));
    assert_eq!(forced.text("/forced/note"), "mended");
    for number in 4..6 {
        assert_eq!(sell(&gavel, &vendor, number).await.text("/payout"), "9.00");
    }
    // Two answers have healed it, so it stays closed when it is left to itself.
    gavel.post_json(path, &operator, &json!({"call": "ping", "state": "automatic"})).await;
    assert_eq!(state(&gavel, &operator, "sick-fe").await, ["ping closed", "post closed"]);
    assert_eq!(sell(&gavel, &vendor, 6).await.text("/payout"), "9.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_with_a_few_real_pings() {
    let broken = Reply::bid("9.00").with_status(500);
    let (gavel, sick, _well, vendor) = two_buyers(&QUICK, Script::always(broken)).await;
    for number in 0..6 {
        assert_eq!(sell(&gavel, &vendor, number).await.text("/payout"), "5.00");
    }
    assert!(sick.pings().len() > 3, "after its pause it is tried again");
    sick.behave(Script::always(Reply::bid("9.00")));
    let mut number = 6;
    until("the breaker is closed again", async || {
        sell(&gavel, &vendor, number).await;
        number += 1;
        let states = state(&gavel, &gavel.operator_key(), "sick-fe").await;
        (states[0] == "ping closed").then_some(())
    })
    .await;
    assert_eq!(sell(&gavel, &vendor, number).await.text("/payout"), "9.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spared_post_means_the_next_candidate_and_no_other_meaning_of_unknown() {
    let busy = OnPost::Answer(Reply::rejected("busy").with_status(429));
    let script = Script::always(Reply::bid("9.00")).on_post(busy);
    let (gavel, sick, well, vendor) = two_buyers(&with_long_pause(), script).await;
    for number in 0..3 {
        assert_eq!(sell(&gavel, &vendor, number).await.text("/payout"), "5.00");
    }
    let posts = sick.posts().len();
    let answer = sell(&gavel, &vendor, 3).await;
    assert_eq!(answer.text("/payout"), "5.00");
    assert_eq!((sick.posts().len(), well.posts().len()), (posts, 4));
    let spared = candidate(&gavel, &answer.text("/lead_id"), "sick-fe").await;
    let told = json!([spared["lost_reason"], spared["rule"], spared["rank"]]);
    assert_eq!(told, json!(["post_not_sent", "breaker_open", 1]));
    let record = gavel.record(&answer.text("/lead_id")).await;
    assert_eq!(record["posts"].as_array().unwrap().len(), 1);
    assert_eq!(gavel.settled_balance("sick").await["posted"], "0.00");

    // With nobody else, the lead is not sold, and says so.
    let order = json!({"call": "post", "state": "open", "for_s": 60});
    let path = "/v1/campaigns/well-fe/breakers/force";
    gavel.post_json(path, &gavel.operator_key(), &order).await;
    let answer = sell(&gavel, &vendor, 4).await;
    let told = [answer.text("/disposition"), answer.text("/reason")];
    assert_eq!(told, ["unsold", "all_posts_rejected"]);
    assert_eq!(gavel.settled_balance("well").await["posted"], "20.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_post_is_repeated_although_the_breaker_is_open() {
    let garbled = Reply { status: 500, ..Reply::rejected("oops") };
    let script = Script::always(Reply::bid("9.00")).on_post(OnPost::AcceptButAnswer(garbled, 3));
    let sick = buyer(script).await;
    let gavel = Installation::start(&with_long_pause()).await;
    gavel.apply(&exchange(&[("sick", &sick, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let mut body = lead(1);
    body["wait_ms"] = json!(100);
    let pending = gavel.post_json("/v1/leads", &vendor, &body).await;
    assert_eq!(pending.text("/disposition"), "pending");
    until("the first post is there", async || sick.posts().first().map(|_| ())).await;
    let order = json!({"call": "post", "state": "open", "for_s": 60});
    let path = "/v1/campaigns/sick-fe/breakers/force";
    gavel.post_json(path, &gavel.operator_key(), &order).await;
    let posts = sick.posts().len();
    let answer = gavel.final_answer(&vendor, &pending.text("/lead_id")).await;
    assert_eq!(answer.text("/disposition"), "sold");
    assert!(sick.posts().len() > posts, "the repeats went out");
    assert_eq!(sick.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_buyer_whose_breaker_is_open() {
    let (gavel, sick, _well, vendor) = two_buyers(&QUICK, Script::always(Reply::silence())).await;
    let order = json!({"call": "ping", "state": "open", "for_s": 600});
    let path = "/v1/campaigns/sick-fe/breakers/force";
    gavel.post_json(path, &gavel.operator_key(), &order).await;
    let began = tokio::time::Instant::now();
    assert_eq!(sell(&gavel, &vendor, 1).await.text("/payout"), "5.00");
    assert!(began.elapsed() < Duration::from_secs(15), "the round waited for nobody's answer");
    assert_eq!(sick.pings().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_that_mostly_times_out_gets_fewer_pings_until_it_answers_again() {
    let limits = [
        ("ping_round_ms", "400"),
        ("late_reply_ms", "1"),
        ("breaker_ping_sample_min", "3"),
        ("breaker_failure_percent", "100"),
        ("throttle_pass_percent", "1"),
        ("throttle_release_answers", "1"),
    ];
    let answers = std::sync::atomic::AtomicUsize::new(0);
    let on_ping = move |_: &gavel::demo::stub_buyer::Seen| match answers
        .fetch_add(1, std::sync::atomic::Ordering::SeqCst)
    {
        0 => Reply::no_bid("first"),
        _ => Reply::silence(),
    };
    let script = Script { on_ping: std::sync::Arc::new(on_ping), on_post: OnPost::Accept };
    let (gavel, sick, _well, vendor) = two_buyers(&limits, script).await;
    let mut number = 0;
    until("it is throttled", async || {
        sell(&gavel, &vendor, number).await;
        number += 1;
        gavel.metrics().await.contains("gavel_ping_throttled{campaign=\"sick-fe\"} 1").then_some(())
    })
    .await;
    let pings = sick.pings().len();
    for _ in 0..20 {
        sell(&gavel, &vendor, number).await;
        number += 1;
    }
    assert!(sick.pings().len() < pings + 15, "at one percent, hardly any of 20 pings goes out");
    let skipped =
        "gavel_calls_skipped_total{call=\"ping\",campaign=\"sick-fe\",reason=\"throttled\"}";
    assert!(gavel.metrics().await.contains(skipped));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_sees_its_own_breakers_and_only_operators_give_orders() {
    let (gavel, _sick, _well, vendor) = two_buyers(&[], Script::always(Reply::bid("9.00"))).await;
    let own = gavel.key("buyer", "sick", &[]);
    let other = gavel.key("buyer", "well", &[]);
    let operator = gavel.operator_key();
    assert_eq!(state(&gavel, &own, "sick-fe").await, ["ping closed", "post closed"]);
    let status = async |line: &str, key: &str, body: &str| {
        let headers = [("content-type", "application/json")];
        let headers = if body.is_empty() { &headers[..0] } else { &headers[..] };
        gavel.request(line, key, headers, body.to_owned()).await.status
    };
    assert_eq!(status("GET /v1/campaigns/sick-fe/breakers", &other, "").await, 404);
    assert_eq!(status("GET /v1/campaigns/sick-fe/breakers", &vendor, "").await, 403);
    assert_eq!(status("GET /v1/campaigns/nobody/breakers", &operator, "").await, 404);
    assert_eq!(status("GET /v1/breakers", &own, "").await, 403);
    let order = "POST /v1/campaigns/sick-fe/breakers/force";
    let open = r#"{"call":"ping","state":"open","for_s":60,"note":"they pay late"}"#;
    assert_eq!(status(order, &own, open).await, 403);
    for wrong in [
        r#"{"call":"ping","state":"open"}"#,
        r#"{"call":"ping","state":"open","for_s":0}"#,
        r#"{"call":"ping","state":"open","for_s":86401}"#,
        r#"{"call":"ping","state":"automatic","for_s":5}"#,
        r#"{"call":"ping","state":"ajar","for_s":5}"#,
        r#"{"call":"status","state":"open","for_s":5}"#,
        r#"{"state":"open","for_s":5}"#,
    ] {
        assert_eq!(status(order, &operator, wrong).await, 422, "{wrong}");
    }
    assert_eq!(status(order, &operator, open).await, 200);
    let list = gavel.get("/v1/breakers?limit=2", &operator).await.json();
    let row = |index: usize| list["data"][index].clone();
    let expect = json!({
        "campaign_id": "sick-fe", "buyer_id": "sick", "call": "ping", "state": "open",
        "since": row(0)["since"], "retry_at": null, "throttled": false,
        "calls": 0, "failures": 0, "timeouts": 0,
        "forced": {"state": "open", "until": row(0)["forced"]["until"],
                   "by": key_id(&operator), "note": "they pay late"},
    });
    assert_eq!((row(0), row(1)["call"].clone()), (expect, json!("post")));
    assert_eq!(list["next"], "sick-fe:post");
    // The buyer sees that it holds and until when, neither who ordered it nor why; and every look
    // tells the same times.
    let seen = gavel.get("/v1/campaigns/sick-fe/breakers", &own).await.json();
    let mut expect = row(0);
    expect["forced"] = json!({"state": "open", "until": row(0)["forced"]["until"]});
    assert_eq!(seen["data"][0], expect);
}
