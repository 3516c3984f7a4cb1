use std::collections::BTreeSet;

use gavel::demo::stub_buyer::{Reply, Script};
use serde_json::json;

use crate::support::{Installation, buyer, exchange, lead};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_with_one_key_make_one_lead_and_a_hundred_identical_answers() {
    let taker = buyer(Script::always(Reply::bid("8.00").after_ms(200))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let headers = [("content-type", "application/json"), ("idempotency-key", "\"one\"")];
    let body = lead(1).to_string();
    let requests =
        (0..100).map(|_| gavel.request("POST /v1/leads", &vendor, &headers, body.clone()));
    let answers = futures::future::join_all(requests).await;
    let bodies: BTreeSet<_> = answers.iter().map(|a| (a.status, a.body.clone())).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(answers[0].text("/disposition"), "sold");
    let replayed = |a: &&crate::support::Answer| a.headers.contains_key("idempotent-replayed");
    assert_eq!(answers.iter().filter(replayed).count(), 99);
    assert_eq!((taker.pings().len(), taker.posts().len()), (1, 1));
    let later = gavel.request("POST /v1/leads", &vendor, &headers, body).await;
    assert_eq!(later.body, answers[0].body);
    assert_eq!(later.headers["idempotent-replayed"], "true");
    let read = gavel.get(&format!("/v1/leads/{}", later.text("/lead_id")), &vendor).await;
    assert_eq!((read.status, read.body), (200, later.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_with_another_body_is_refused() {
    let taker = buyer(Script::always(Reply::bid("8.00"))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let other = gavel.key("vendor", "other", &[]);
    let send = async |key: &str, number: usize| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
        let body = lead(number).to_string();
        let answer = gavel.request("POST /v1/leads", key, &headers, body).await;
        (answer.status, answer.text("/code"))
    };
    assert_eq!(send(&vendor, 1).await, (200, String::new()));
    assert_eq!(send(&vendor, 2).await, (422, "idempotency_key_mismatch".to_owned()));
    assert_eq!(send(&other, 2).await, (200, String::new()), "keys belong to their vendor");
    assert_eq!(taker.posts().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_same_body_is_the_same_lead() {
    let taker = buyer(Script::always(Reply::bid("8.00"))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let first = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    let mut patient = lead(1);
    patient["wait_ms"] = json!(15_000);
    let second = gavel.post_json("/v1/leads", &vendor, &patient).await;
    assert_eq!(second.body, first.body, "how long a vendor waits does not make another lead");
    let third = gavel.post_json("/v1/leads", &vendor, &lead(2)).await;
    assert_ne!(third.text("/lead_id"), first.text("/lead_id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_does_not_wait_is_told_where_to_ask() {
    let slow = buyer(Script::always(Reply::bid("8.00").after_ms(500))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("slow", &slow, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let headers = [("content-type", "application/json"), ("prefer", "respond-async")];
    let answer = gavel.request("POST /v1/leads", &vendor, &headers, lead(1).to_string()).await;
    let lead_id = answer.text("/lead_id");
    let status_url = format!("/v1/leads/{lead_id}");
    let expect = json!({"lead_id": lead_id, "disposition": "pending", "status_url": status_url});
    assert_eq!((answer.status, answer.json()), (202, expect));
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(gavel.final_answer(&vendor, &lead_id).await.text("/disposition"), "sold");
    let mut hasty = lead(2);
    hasty["wait_ms"] = json!(100);
    let answer = gavel.post_json("/v1/leads", &vendor, &hasty).await;
    assert_eq!((answer.status, answer.text("/disposition")), (202, "pending".to_owned()));
}
