//! Challenges over HTTP: how many run at once, and what is left of them when something fails.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use super::door::{Door, Holder};
use crate::ports::BuyerWire;
use crate::ports::buyer_wire::{WireError, WireFailure, WireOutcome, WireReply, WireRequest};
use crate::records::SqlRecords;

/// Holds every call back until it is opened, and then reaches nobody.
struct Held {
    calls: watch::Sender<usize>,
    is_open: watch::Sender<bool>,
}

impl Held {
    fn new() -> Arc<Self> {
        Arc::new(Self { calls: watch::Sender::new(0), is_open: watch::Sender::new(false) })
    }

    /// Waits until so many calls have begun.
    async fn begun(&self, count: usize) {
        let mut calls = self.calls.subscribe();
        calls.wait_for(|calls| *calls >= count).await.unwrap();
    }
}

impl BuyerWire for Held {
    fn call(&self, _: WireRequest) -> BoxFuture<'_, WireOutcome> {
        async {
            self.calls.send_modify(|calls| *calls += 1);
            self.is_open.subscribe().wait_for(|is_open| *is_open).await.unwrap();
            let error = WireError { failure: WireFailure::Connect, sent: false, status: None };
            WireOutcome { result: Err(error), elapsed_us: 1 }
        }
        .boxed()
    }
}

const CAMPAIGN: &str = r#"{"buyer_id":"life-co","vertical":"solar","price":{"bid":{}}}"#;
const ENDPOINTS: &str =
    r#"{"ping_url":"https://life.example/ping","post_url":"https://life.example/post"}"#;
const REGISTER: &str = "PUT /v1/campaigns/life-solar/endpoints";
const VERIFY: &str = "POST /v1/campaigns/life-solar/verify";
const EVENTS: &str = "POST /v1/event-endpoints";

/// An endpoint of events that hears of one type.
fn hook(event_type: &str) -> String {
    json!({"url": "https://hooks.example/a", "types": [event_type]}).to_string()
}

#[tokio::test]
async fn an_owner_has_one_challenge_at_once_and_another_changes_nothing() {
    let wire = Held::new();
    let held = Arc::clone(&wire);
    let door = Door::calling(|_| {}, move |_| held).await;
    door.ask(Holder::Operator, "PUT /v1/campaigns/life-solar", CAMPAIGN).await;
    let first = door.ask(Holder::LifeCo, REGISTER, ENDPOINTS);
    let meanwhile = async {
        wire.begun(2).await;
        let version = door.api.exchange().snapshot().version;
        for (route, body) in
            [(REGISTER, ENDPOINTS), (VERIFY, ""), (EVENTS, hook("bid.won").as_str())]
        {
            let refused = door.ask(Holder::LifeCo, route, body).await;
            let code = (refused.status, refused.code());
            assert_eq!(code, (429, "challenge_running".to_owned()), "{route}");
            assert_eq!(refused.header("retry-after"), Some("5"), "{route}");
        }
        assert_eq!(door.api.exchange().snapshot().version, version);
        assert_eq!(*wire.calls.borrow(), 2, "nobody was called for what was refused");
        let pause = "POST /v1/campaigns/life-solar/pause";
        let paused = door.ask(Holder::LifeCo, pause, "").await;
        assert_eq!(paused.status, 200, "what calls nobody need not wait");
        // Others have turns of their own, and an operator needs none.
        let bid_won = hook("bid.won");
        let theirs = door.ask(Holder::OtherCo, EVENTS, &bid_won);
        let operators = door.ask(Holder::Operator, VERIFY, "");
        let open = async {
            wire.begun(5).await;
            wire.is_open.send_replace(true);
        };
        let (theirs, operators, ()) = tokio::join!(theirs, operators, open);
        assert_eq!((theirs.status, operators.status), (201, 200), "{theirs:?} {operators:?}");
    };
    let (first, ()) = tokio::join!(first, meanwhile);
    assert_eq!((first.status, first.text("state")), (200, "pending_verification".to_owned()));
    let again = door.ask(Holder::LifeCo, VERIFY, "").await;
    assert_eq!(again.status, 200, "the turn was given back");
    let made = door.ask(Holder::LifeCo, EVENTS, &hook("bid.won")).await;
    let id = made.text("id");
    assert_eq!((made.status, made.text("state")), (201, "pending_verification".to_owned()));
    let moved = json!({"url": "https://hooks.example/b"}).to_string();
    let moved = door.ask(Holder::LifeCo, &format!("PATCH /v1/event-endpoints/{id}"), &moved).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    door.close().await;
}

/// Passes every challenge, and takes the records away before it does.
struct Saboteur {
    records: Arc<SqlRecords>,
}

impl BuyerWire for Saboteur {
    fn call(&self, request: WireRequest) -> BoxFuture<'_, WireOutcome> {
        async move {
            self.records.close().await;
            let body: Json = serde_json::from_slice(&request.body).unwrap();
            let echo = json!({"challenge": body["challenge"]}).to_string();
            let reply = WireReply { status: 200, headers: Vec::new(), body: echo.into() };
            WireOutcome { result: Ok(reply), elapsed_us: 1 }
        }
        .boxed()
    }
}

async fn sabotaged() -> Door {
    let wire = |records: &Arc<SqlRecords>| -> Arc<dyn BuyerWire> {
        Arc::new(Saboteur { records: Arc::clone(records) })
    };
    Door::calling(|_| {}, wire).await
}

#[tokio::test]
async fn a_buyer_gets_its_secret_also_if_the_proof_cannot_be_written() {
    let door = sabotaged().await;
    door.ask(Holder::Operator, "PUT /v1/campaigns/life-solar", CAMPAIGN).await;
    let answer = door.ask(Holder::LifeCo, REGISTER, ENDPOINTS).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut body = answer.json();
    let secret = body["secret"].take();
    assert!(secret.as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{answer:?}");
    let detail = "the exchange could not finish the challenge; ask for another one in a while";
    let fault = |pointer: &str| json!({"pointer": pointer, "code": "challenge_unfinished", "detail": detail});
    let expect = json!({
        "campaign_id": "life-solar", "state": "pending_verification", "secret": null,
        "errors": [fault("/ping_url"), fault("/post_url")],
    });
    assert_eq!(body, expect);
    let verify = door.ask(Holder::LifeCo, VERIFY, "").await;
    assert_eq!((verify.status, verify.code()), (503, "records_unavailable".to_owned()));
    door.close().await;
}

#[tokio::test]
async fn an_endpoint_of_events_gets_its_secret_also_if_the_proof_cannot_be_written() {
    let door = sabotaged().await;
    let answer = door.ask(Holder::Acme, EVENTS, &hook("lead.sold")).await;
    assert_eq!((answer.status, answer.text("state")), (201, "pending_verification".to_owned()));
    assert!(answer.text("secret").starts_with("whsec_"), "{answer:?}");
    assert_eq!(answer.json()["verification"]["code"], "challenge_unfinished");
    door.close().await;
}
