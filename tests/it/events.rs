//! Events, from registering an endpoint to the last attempt.

use std::collections::{BTreeMap, BTreeSet};

use gavel::demo::stub_buyer::{Reply, Script, StubBuyer};
use serde_json::{Value as Json, json};

use crate::receiver::{Call, Receiver, Say};
use crate::support::{Installation, buyer, exchange, lead, until};

/// Quick steps: a second after each of five failures.
pub const QUICK: [(&str, &str); 2] =
    [("events.retry_steps_s", "[1, 1, 1, 1, 1]"), ("events.timeout_ms", "1500")];

/// An exchange with a winner and a loser, and what a test needs of it.
pub struct Market {
    pub gavel: Installation,
    pub vendor: String,
    _buyers: Vec<StubBuyer>,
}

impl Market {
    pub async fn open(settings: &[(&str, &str)]) -> Self {
        let best = buyer(Script::always(Reply::bid("20.00"))).await;
        let second = buyer(Script::always(Reply::bid("15.00"))).await;
        let gavel = Installation::start(settings).await;
        gavel.apply(&exchange(&[("best", &best, ""), ("second", &second, "")], ""));
        let vendor = gavel.key("vendor", "acme", &[]);
        Self { gavel, vendor, _buyers: vec![best, second] }
    }

    /// Registers an endpoint; gives its id and its secret.
    pub async fn endpoint(
        &self,
        key: &str,
        receiver: &Receiver,
        types: &[&str],
    ) -> (String, String) {
        let body = json!({"url": receiver.url, "types": types});
        let made = self.gavel.post_json("/v1/event-endpoints", key, &body).await;
        assert_eq!((made.status, made.text("/state")), (201, "active".to_owned()), "{made:?}");
        (made.text("/id"), made.text("/secret"))
    }

    pub async fn sell(&self, number: usize) -> String {
        let answer = self.gavel.post_json("/v1/leads", &self.vendor, &lead(number)).await;
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
        answer.text("/lead_id")
    }
}

pub async fn calls(receiver: &Receiver, count: usize) -> Vec<Call> {
    until("the events have come", async || {
        let calls = receiver.calls();
        (calls.len() >= count).then_some(calls)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_event_comes_again_under_its_id_newly_signed_and_before_the_next_of_its_lead() {
    let market = Market::open(&QUICK).await;
    let receiver = Receiver::start(|call, before| {
        let fails = call.event_type() == "lead.received" && before < 2;
        Say::Status(if fails { 500 } else { 200 })
    })
    .await;
    let types = ["lead.received", "lead.sold"];
    let (id, secret) = market.endpoint(&market.vendor, &receiver, &types).await;
    let lead_id = market.sell(1).await;
    let calls = calls(&receiver, 4).await;
    let types: Vec<String> = calls.iter().map(Call::event_type).collect();
    assert_eq!(types, ["lead.received", "lead.received", "lead.received", "lead.sold"]);
    for pair in calls[..3].windows(2) {
        assert_eq!((&pair[0].id, &pair[0].body), (&pair[1].id, &pair[1].body));
        assert!(pair[0].timestamp_s() < pair[1].timestamp_s(), "{pair:?}");
        assert_ne!(pair[0].signature(), pair[1].signature());
    }
    for call in &calls {
        assert!(call.id.starts_with("evt_") && call.verifies(&secret), "{call:?}");
        assert_eq!(call.lead_id(), lead_id);
    }
    assert_eq!(calls[3].json()["sequence"], 2);
    assert_eq!(calls[3].json()["data"]["payout"], "20.00");

    let path = format!("/v1/event-endpoints/{id}/attempts");
    let log = until("the log has every attempt", async || {
        let log = market.gavel.get(&path, &market.vendor).await.json();
        (log["data"].as_array().unwrap().len() == 4).then_some(log)
    })
    .await;
    let statuses: Vec<&Json> =
        log["data"].as_array().unwrap().iter().map(|row| &row["http_status"]).collect();
    assert_eq!(statuses, [200, 200, 500, 500], "newest first");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_holds_anything_of_the_consumer() {
    let market = Market::open(&QUICK).await;
    let receivers = (Receiver::willing().await, Receiver::willing().await);
    let best = market.gavel.key("buyer", "best", &[]);
    let types = ["lead.received", "lead.sold", "contacted"];
    market.endpoint(&market.vendor, &receivers.0, &types).await;
    market.endpoint(&best, &receivers.1, &["bid.won"]).await;
    let lead_id = market.sell(1).await;
    let path = format!("POST /v1/leads/{lead_id}/outcomes");
    let headers = [("content-type", "application/json"), ("idempotency-key", "k1")];
    let body = json!({"type": "contacted", "occurred_at": "2026-11-24T10:00:00Z"});
    let kept = market.gavel.request(&path, &best, &headers, body.to_string()).await;
    assert_eq!(kept.status, 201, "{kept:?}");
    let mut told = calls(&receivers.0, 3).await;
    told.extend(calls(&receivers.1, 1).await);
    let consumer = lead(1);
    let texts = ["lead", "consent", "source"].into_iter().flat_map(|part| {
        let fields = consumer[part].as_object().unwrap().values();
        fields.filter_map(Json::as_str).filter(|text| text.len() > 3).collect::<Vec<_>>()
    });
    for text in texts {
        for call in &told {
            assert!(!call.body.contains(text), "{text} in {}", call.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_reports_so_many_outcomes_of_one_lead_and_no_more() {
    let market = Market::open(&QUICK).await;
    let best = market.gavel.key("buyer", "best", &[]);
    let path = format!("POST /v1/leads/{}/outcomes", market.sell(1).await);
    let body = json!({"type": "contacted", "occurred_at": "2026-11-24T10:00:00Z"}).to_string();
    let report = async |key: usize| {
        let key = format!("k{key}");
        let headers = [("content-type", "application/json"), ("idempotency-key", &key)];
        market.gavel.request(&path, &best, &headers, body.clone()).await
    };
    for key in 0..50 {
        let kept = report(key).await;
        assert_eq!(kept.status, 201, "{key}: {kept:?}");
    }
    assert_eq!(report(50).await.text("/code"), "lead_over");
    assert_eq!(report(49).await.status, 201, "a repeat is no further report");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_asks_to_wait_is_left_alone_as_long_as_it_asks() {
    let market = Market::open(&QUICK).await;
    let asked = 4;
    let receiver = Receiver::start(move |call, before| {
        let first = call.event_type() == "lead.received" && before == 0;
        if first { Say::After(429, asked) } else { Say::Status(200) }
    })
    .await;
    let types = ["lead.received", "lead.sold"];
    let (id, _) = market.endpoint(&market.vendor, &receiver, &types).await;
    let first = market.sell(1).await;
    let path = format!("/v1/event-endpoints/{id}/attempts");
    until("it is known that it has asked", async || {
        let attempts = market.gavel.get(&path, &market.vendor).await.json();
        attempts["data"].as_array().is_some_and(|data| !data.is_empty()).then_some(())
    })
    .await;
    market.sell(2).await;
    let calls = calls(&receiver, 3).await;
    let waited = calls[1].at.duration_since(calls[0].at).as_secs_f64();
    assert!(waited >= asked as f64, "{waited} s");
    let again = calls.iter().filter(|call| call.id == calls[0].id).count();
    assert_eq!((again, calls[0].lead_id()), (2, first));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_sent_again_on_request_under_its_id() {
    let market = Market::open(&QUICK).await;
    let receiver = Receiver::willing().await;
    market.endpoint(&market.vendor, &receiver, &["lead.sold"]).await;
    market.sell(1).await;
    let first = calls(&receiver, 1).await.remove(0);
    let path = format!("/v1/events/{}/resend", first.id);
    let foreign = market.gavel.key("vendor", "other", &[]);
    assert_eq!(market.gavel.post_json(&path, &foreign, &json!({})).await.status, 404);
    let resent = market.gavel.post_json(&path, &market.vendor, &json!({})).await;
    assert_eq!((resent.status, resent.text("/state")), (202, "waiting".to_owned()));
    let second = calls(&receiver, 2).await.remove(1);
    assert_eq!((second.id, second.body), (first.id, first.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_a_stopping_node_cuts_off_is_due_at_once_for_the_next_one() {
    // The lease of an attempt is longer than anybody waits here.
    let mut market = Market::open(&[("events.timeout_ms", "60000"), QUICK[0]]).await;
    let receiver = Receiver::start(|_, before| match before {
        0 => Say::Nothing,
        _ => Say::Status(200),
    })
    .await;
    let (id, _) = market.endpoint(&market.vendor, &receiver, &["lead.sold"]).await;
    market.sell(1).await;
    let first = calls(&receiver, 1).await.remove(0);
    assert_eq!(market.gavel.stop(), Some(0));
    market.gavel.serve().await;
    let second = calls(&receiver, 2).await.remove(1);
    assert_eq!((second.id, second.body), (first.id, first.body));
    let path = format!("/v1/event-endpoints/{id}/attempts");
    let log = until("the attempt is in the log", async || {
        let log = market.gavel.get(&path, &market.vendor).await.json();
        log["data"].as_array().is_some_and(|rows| !rows.is_empty()).then_some(log)
    })
    .await;
    let results: Vec<&Json> =
        log["data"].as_array().unwrap().iter().map(|row| &row["result"]).collect();
    assert_eq!(results, ["delivered"], "what was cut off is no attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn buyers_hear_of_their_bids_and_the_vendor_of_what_came_of_its_lead() {
    let market = Market::open(&[("events.price_band_width", "\"6.00\""), QUICK[0], QUICK[1]]).await;
    let (best, second) =
        (market.gavel.key("buyer", "best", &[]), market.gavel.key("buyer", "second", &[]));
    let receivers =
        [Receiver::willing().await, Receiver::willing().await, Receiver::willing().await];
    market.endpoint(&best, &receivers[0], &["bid.won", "bid.lost"]).await;
    market.endpoint(&second, &receivers[1], &["bid.won", "bid.lost"]).await;
    market.endpoint(&market.vendor, &receivers[2], &["policy.sold"]).await;
    let wrong = json!({"url": receivers[0].url, "types": ["lead.sold"]});
    let refused = market.gavel.post_json("/v1/event-endpoints", &best, &wrong).await;
    assert_eq!((refused.status, refused.text("/errors/0/code")), (422, "not_for_owner".to_owned()));

    let lead_id = market.sell(1).await;
    let won = calls(&receivers[0], 1).await.remove(0).json();
    assert_eq!((&won["type"], &won["data"]["lead_id"]), (&json!("bid.won"), &json!(lead_id)));
    assert_eq!((&won["data"]["price"], &won["data"]["seat"]), (&json!("20.00"), &json!(1)));
    let lost = calls(&receivers[1], 1).await.remove(0).json();
    assert_eq!((&lost["type"], &lost["data"]["reason"]), (&json!("bid.lost"), &json!("outbid")));
    assert_eq!(lost["data"]["price_band"], json!({"from": "18.00", "below": "24.00"}));
    assert_eq!(lost["data"].get("lead_id"), None, "a loser cannot join what it saw");

    let path = format!("POST /v1/leads/{lead_id}/outcomes");
    let report = async |key: &str, name: &str, premium: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", name)];
        let body = json!({
            "type": "policy.sold", "occurred_at": "2026-11-25T10:00:00Z",
            "data": {"premium_monthly": premium},
        });
        market.gavel.request(&path, key, &headers, body.to_string()).await
    };
    assert_eq!(report(&second, "k1", "41.50").await.status, 404, "it does not have the lead");
    let kept = report(&best, "k1", "41.50").await;
    assert_eq!(kept.status, 201, "{kept:?}");
    let again = report(&best, "k1", "41.50").await;
    assert_eq!((again.status, again.body), (201, kept.body.clone()));
    let other = report(&best, "k1", "42.50").await;
    assert_eq!((other.status, other.text("/code")), (422, "idempotency_key_mismatch".to_owned()));
    let told = calls(&receivers[2], 1).await.remove(0).json();
    assert_eq!(told["data"]["data"], json!({"premium_monthly": "41.50"}));
    assert_eq!(told["data"]["outcome_id"], kept.json()["outcome_id"]);
    let outcomes = market.gavel.get(&format!("/v1/leads/{lead_id}/outcomes"), &market.vendor).await;
    assert_eq!(outcomes.json()["data"][0]["outcome_id"], kept.json()["outcome_id"]);
    assert_eq!(market.gavel.record(&lead_id).await["facts"][0]["outcome"]["type"], "policy.sold");
}

/// Every event of every lead, by lead and type, with the ids it came under.
fn ids_by_event(receiver: &Receiver) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut ids: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for call in receiver.calls() {
        ids.entry((call.lead_id(), call.event_type())).or_default().insert(call.id);
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_load_lose_no_event_and_repeats_share_their_ids() {
    let mut market = Market::open(&QUICK).await;
    let receiver = Receiver::start(|call, before| {
        // Some fail once, so that there are retries to be lost.
        let fails = before == 0 && call.id.ends_with(['0', '1', '2', '3', '4', '5', '6', '7']);
        Say::Status(if fails { 503 } else { 200 })
    })
    .await;
    let types = ["lead.received", "lead.sold", "lead.unsold", "lead.pending", "lead.resolved"];
    market.endpoint(&market.vendor, &receiver, &types).await;
    let total = 40;
    let mut told: BTreeMap<usize, (String, String)> = BTreeMap::new();
    for round in 0..4 {
        let numbers: Vec<usize> = (0..total).filter(|number| !told.contains_key(number)).collect();
        let send = |number: usize| {
            let (gavel, vendor) = (&market.gavel, &market.vendor);
            async move {
                let key = format!("lead-{number}");
                let headers =
                    [("content-type", "application/json"), ("idempotency-key", key.as_str())];
                let body = lead(number).to_string();
                (number, gavel.try_request("POST /v1/leads", vendor, &headers, body).await)
            }
        };
        let requests = futures::future::join_all(numbers.iter().map(|number| send(*number)));
        if round < 3 {
            let before = receiver.calls().len();
            let busy = until("events are under way", async || {
                (receiver.calls().len() > before + 5).then_some(())
            });
            tokio::select! { _ = requests => {}, () = busy => {} }
            market.gavel.kill();
            market.gavel.serve().await;
        } else {
            for (number, answer) in requests.await {
                let answer = answer.unwrap();
                let lead_id = answer.text("/lead_id");
                let answer = market.gavel.final_answer(&market.vendor, &lead_id).await;
                told.insert(number, (lead_id, answer.text("/disposition")));
            }
        }
    }
    assert_eq!(told.len(), total);
    let ids = until("every event of every lead has come", async || {
        let ids = ids_by_event(&receiver);
        let is_whole = told.values().all(|(lead_id, disposition)| {
            let of = |name: String| ids.contains_key(&(lead_id.clone(), name));
            of("lead.received".to_owned()) && of(format!("lead.{disposition}"))
        });
        is_whole.then_some(ids)
    })
    .await;
    for (event, ids) in ids {
        assert_eq!(ids.len(), 1, "{event:?} came under {ids:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_delays_nobody() {
    let market = Market::open(&QUICK).await;
    let dead = Receiver::start(|_, _| Say::Nothing).await;
    market.endpoint(&market.vendor, &dead, &["lead.received", "lead.sold"]).await;
    let mut healthy = Vec::new();
    for _ in 0..4 {
        let receiver = Receiver::willing().await;
        market.endpoint(&market.vendor, &receiver, &["lead.received", "lead.sold"]).await;
        healthy.push(receiver);
    }
    for number in 0..30 {
        market.sell(number).await;
    }
    for receiver in &healthy {
        calls(receiver, 60).await;
    }
    // A dead endpoint got as many calls as it has places, and then one at a time.
    assert!(dead.calls().len() < 60, "{}", dead.calls().len());
    let metrics = market.gavel.metrics().await;
    assert!(metrics.contains("gavel_event_attempts_total{result=\"delivered\""), "{metrics}");
}
