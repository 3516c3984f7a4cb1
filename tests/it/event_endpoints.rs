//! Endpoints of events: registered, proved, moved, disabled, and nobody else's.

use std::net::TcpListener;

use gavel::demo::stub_buyer::{Reply, Script};
use serde_json::json;

use crate::events::{Market, QUICK, calls};
use crate::receiver::{Receiver, Say};
use crate::support::{buyer, until};

#[tokio::test(flavor = "multi_thread")]
async fn while_a_secret_is_replaced_both_verify_and_afterwards_the_new_one_alone() {
    let market = Market::open(&QUICK).await;
    let receiver = Receiver::willing().await;
    let (id, old) = market.endpoint(&market.vendor, &receiver, &["lead.sold"]).await;
    let rotate = async |overlap_s: i64| {
        let path = format!("/v1/event-endpoints/{id}/rotate-secret");
        let body = json!({"overlap_s": overlap_s});
        let rotated = market.gavel.post_json(&path, &market.vendor, &body).await;
        assert_eq!(rotated.status, 200, "{rotated:?}");
        rotated.text("/secret")
    };
    let new = rotate(3_600).await;
    market.sell(1).await;
    let both = calls(&receiver, 1).await.remove(0);
    assert!(both.verifies(&old) && both.verifies(&new));
    let newest = rotate(0).await;
    market.sell(2).await;
    let one = calls(&receiver, 2).await.remove(1);
    assert!(one.verifies(&newest) && !one.verifies(&new) && !one.verifies(&old));
    // The challenge at registration was signed, too.
    assert!(receiver.challenges()[0].verifies(&old));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_is_disabled_and_gets_what_waited_once_it_is_proved_again() {
    let market = Market::open(&QUICK).await;
    let gone = Receiver::start(|_, before| Say::Status(if before == 0 { 410 } else { 200 })).await;
    let other = Receiver::willing().await;
    let (id, _) = market.endpoint(&market.vendor, &gone, &["lead.sold"]).await;
    market.endpoint(&market.vendor, &other, &["endpoint.disabled"]).await;
    market.sell(1).await;
    let path = format!("/v1/event-endpoints/{id}");
    let disabled = until("the endpoint is disabled", async || {
        let answer = market.gavel.get(&path, &market.vendor).await;
        (answer.text("/state") == "disabled").then_some(answer)
    })
    .await;
    assert_eq!(disabled.text("/disabled_reason"), "gone");
    let told = calls(&other, 1).await.remove(0).json();
    assert_eq!(told["data"], json!({"endpoint_id": id, "reason": "gone"}));

    market.sell(2).await;
    assert_eq!(gone.calls().len(), 1, "a disabled endpoint hears of nothing");
    let verify = format!("{path}/verify");
    let proved = market.gavel.post_json(&verify, &market.vendor, &json!({})).await;
    assert_eq!(proved.text("/state"), "active");
    let calls = calls(&gone, 2).await;
    assert_eq!(calls[0].id, calls[1].id, "the first lead's event had been waiting");
    market.sell(3).await;
    until("new events come", async || (gone.calls().len() == 3).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_an_endpoint_moves_is_told_at_its_new_place() {
    let market = Market::open(&QUICK).await;
    let (old, new) = (Receiver::willing().await, Receiver::willing().await);
    let (id, _) = market.endpoint(&market.vendor, &old, &["lead.sold"]).await;
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let headers = [("content-type", "application/json")];
    let move_to = async |url: &str| {
        let line = format!("PATCH /v1/event-endpoints/{id}");
        let body = json!({"url": url}).to_string();
        market.gavel.request(&line, &market.vendor, &headers, body).await.text("/state")
    };
    assert_eq!(move_to(&format!("http://{nobody}/")).await, "pending_verification");
    let lead_id = market.sell(1).await;
    assert_eq!(move_to(&new.url).await, "active");
    assert_eq!(calls(&new, 1).await.remove(0).lead_id(), lead_id);
    assert!(old.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_party_is_not_there_and_an_operator_may_disable() {
    let market = Market::open(&QUICK).await;
    let receiver = Receiver::willing().await;
    let (id, _) = market.endpoint(&market.vendor, &receiver, &["lead.sold"]).await;
    let path = format!("/v1/event-endpoints/{id}");
    let headers = [("content-type", "application/json")];
    let others = [market.gavel.key("vendor", "other", &[]), market.gavel.key("buyer", "best", &[])];
    for key in &others {
        for (line, body) in [
            (format!("GET {path}"), ""),
            (format!("PATCH {path}"), r#"{"state":"disabled"}"#),
            (format!("DELETE {path}"), ""),
            (format!("POST {path}/verify"), ""),
            (format!("POST {path}/rotate-secret"), "{}"),
            (format!("GET {path}/attempts"), ""),
        ] {
            let answer = market.gavel.request(&line, key, &headers, body).await;
            assert_eq!(answer.status, 404, "{line}: {answer:?}");
        }
        let list = market.gavel.get("/v1/event-endpoints", key).await;
        assert_eq!(list.json(), json!({"data": [], "next": null}));
    }
    let operator = market.gavel.operator_key();
    let list = market.gavel.get("/v1/event-endpoints", &operator).await.json();
    assert_eq!(
        (&list["data"][0]["id"], &list["data"][0]["vendor_id"]),
        (&json!(id), &json!("acme"))
    );
    let patch = async |key: &str, state: &str| {
        let body = json!({"state": state}).to_string();
        market.gavel.request(&format!("PATCH {path}"), key, &headers, body).await
    };
    let disabled = patch(&operator, "disabled").await;
    assert_eq!(disabled.text("/disabled_reason"), "operator");
    let refused = patch(&market.vendor, "active").await;
    assert_eq!((refused.status, refused.text("/code")), (409, "endpoint_not_active".to_owned()));
    assert_eq!(patch(&operator, "active").await.text("/state"), "active");
    let deleted = market.gavel.request(&format!("DELETE {path}"), &market.vendor, &[], "").await;
    assert_eq!(deleted.status, 204);
    assert_eq!(market.gavel.get(&path, &market.vendor).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_echo_stays_unproved_and_hears_of_nothing() {
    let market = Market::open(&QUICK).await;
    let stub = buyer(Script::always(Reply::bid("1.00"))).await;
    let body = json!({"url": stub.url("ping"), "types": ["lead.sold"]});
    let made = market.gavel.post_json("/v1/event-endpoints", &market.vendor, &body).await;
    assert_eq!((made.status, made.text("/state")), (201, "pending_verification".to_owned()));
    assert_eq!(made.text("/verification/code"), "challenge_wrong_answer");
    let inside = json!({"url": "https://192.0.2.1/x", "types": ["lead.sold"]});
    let refused = market.gavel.post_json("/v1/event-endpoints", &market.vendor, &inside).await;
    assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/url".to_owned()));
}
