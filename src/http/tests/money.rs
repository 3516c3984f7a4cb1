//! What operators do over HTTP, and what buyers may read.

use serde_json::json;

use super::door::{Answer, Door, Holder, check};

async fn credit(door: &Door, key: &str, body: &str) -> Answer {
    let key = format!("idempotency-key: {key}");
    let path = "/v1/buyers/life-co/credits";
    door.ask_with(Holder::Operator, &format!("POST {path}"), &[&key], body).await
}

#[tokio::test]
async fn a_credit_happens_once_and_a_buyer_reads_its_own_balance() {
    let door = Door::open().await;
    let deposit = r#"{"kind":"deposit","amount":"250.00"}"#;
    for _ in 0..2 {
        let done = credit(&door, "op-1", deposit).await;
        assert_eq!(
            (done.status, done.body.as_str()),
            (201, r#"{"op_id":"op-1","balance":"250.00"}"#)
        );
    }
    let other = credit(&door, "op-1", r#"{"kind":"deposit","amount":"1.00"}"#).await;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_mismatch".to_owned()));
    let less = credit(&door, "op-2", r#"{"kind":"adjustment","amount":"-0.5"}"#).await;
    assert_eq!((less.status, less.text("balance")), (201, "249.50".to_owned()));
    let expect = json!({
        "buyer_id": "life-co", "balance": "249.50", "held": "0.00", "deposited": "249.50",
        "posted": "0.00", "credit_limit": "100.00"
    });
    for holder in [Holder::LifeCo, Holder::Operator] {
        let balance = door.ask(holder, "GET /v1/buyers/life-co/balance", "").await;
        assert_eq!((balance.status, balance.json()), (200, expect.clone()), "{holder:?}");
    }
    door.close().await;
}

#[tokio::test]
async fn a_credit_that_is_not_sound_is_refused() {
    let door = Door::open().await;
    let cases = [
        (r#"{"kind":"deposit","amount":"0"}"#, "422 invalid_request"),
        (r#"{"kind":"deposit","amount":"-1.00"}"#, "422 invalid_request"),
        (r#"{"kind":"adjustment","amount":"0.00"}"#, "422 invalid_request"),
        (r#"{"kind":"payout","amount":"1.00"}"#, "422 invalid_request"),
        (r#"{"kind":"deposit","amount":1}"#, "422 invalid_request"),
        (r#"{"kind":"deposit","amount":"1.00001"}"#, "422 invalid_request"),
        (r#"{"kind":"deposit","amount":"1.00","extra":1}"#, "422 invalid_request"),
        (r#"{"kind":"deposit"}"#, "422 invalid_request"),
        (r#"{"kind""#, "400 malformed_body"),
    ];
    for (body, expect) in cases {
        let answer = credit(&door, "op-1", body).await;
        assert_eq!(format!("{} {}", answer.status, answer.code()), expect, "{body}");
    }
    let keyless = r#"{"kind":"deposit","amount":"1.00"}"#;
    let path = "/v1/buyers/life-co/credits";
    let answer = door.ask(Holder::Operator, &format!("POST {path}"), keyless).await;
    assert_eq!((answer.status, answer.code()), (400, "idempotency_key_missing".to_owned()));
    let most = r#"{"kind":"deposit","amount":"900719925474.0991"}"#;
    assert_eq!(credit(&door, "op-2", most).await.status, 201);
    let answer = credit(&door, "op-3", keyless).await;
    assert_eq!((answer.status, answer.code()), (422, "amount_out_of_range".to_owned()));
    door.close().await;
}

#[tokio::test]
async fn a_foreign_or_unknown_buyer_is_not_there() {
    let door = Door::open().await;
    let not_found = r#"{"type":"urn:gavel:error:not_found","title":"There is nothing here","status":404,"code":"not_found","detail":"There is nothing here under this path and this key.","request_id":"ID"}"#;
    let cases = [
        (Holder::OtherCo, "/v1/buyers/life-co/balance"),
        (Holder::LifeCo, "/v1/buyers/other-co/balance"),
        (Holder::LifeCo, "/v1/buyers/NOT-A-SLUG/balance"),
        (Holder::Operator, "/v1/buyers/nobody/balance"),
    ];
    for (holder, path) in cases {
        check(door.ask(holder, &format!("GET {path}"), "").await, 404, not_found);
    }
    let body = r#"{"kind":"deposit","amount":"1.00"}"#;
    let key = ["idempotency-key: op-1"];
    let path = "/v1/buyers/nobody/credits";
    check(
        door.ask_with(Holder::Operator, &format!("POST {path}"), &key, body).await,
        404,
        not_found,
    );
    door.close().await;
}

#[tokio::test]
async fn an_unknown_post_cannot_be_resolved() {
    let door = Door::open().await;
    let resolve = async |id: &str, body: &str| {
        let path = format!("/v1/posts/{id}/resolve");
        let answer = door.ask(Holder::Operator, &format!("POST {path}"), body).await;
        format!("{} {}", answer.status, answer.code())
    };
    let unknown = "post_0000000000000000000000000000";
    let accepted = r#"{"result":"accepted","note":"seen in the buyer's portal"}"#;
    assert_eq!(resolve(unknown, accepted).await, "404 not_found");
    assert_eq!(resolve("nonsense", accepted).await, "404 not_found");
    assert_eq!(resolve(unknown, r#"{"result":"lost"}"#).await, "422 invalid_request");
    assert_eq!(resolve(unknown, r#"{"note":"x"}"#).await, "422 invalid_request");
    let note =
        |length: usize| format!(r#"{{"result":"rejected","note":"{}"}}"#, "ä".repeat(length));
    assert_eq!(resolve(unknown, &note(500)).await, "404 not_found");
    assert_eq!(resolve(unknown, &note(501)).await, "422 invalid_request");
    door.close().await;
}

#[tokio::test]
async fn keys_are_listed_without_their_digests() {
    let door = Door::open().await;
    let all = door.ask(Holder::Operator, "GET /v1/keys", "").await.json();
    let rows = all["data"].as_array().unwrap();
    assert_eq!((rows.len(), &all["next"]), (8, &json!(null)));
    let id = Holder::Acme.key().split('_').nth(3).unwrap().to_owned();
    let expect = json!({
        "key_id": id, "role": "vendor", "owner": "acme", "test": false, "strict": false,
        "require_signature": false, "created_at": "1970-01-01T00:00:00Z", "revoked_at": null,
        "expires_at": null
    });
    assert!(rows.contains(&expect), "{all}");
    let first = door.ask(Holder::Operator, "GET /v1/keys?limit=5", "").await.json();
    let after = first["next"].as_str().unwrap();
    let path = format!("/v1/keys?limit=5&after={after}");
    let second = door.ask(Holder::Operator, &format!("GET {path}"), "").await.json();
    assert_eq!(second["next"], json!(null));
    let pages = [&first, &second].map(|page| page["data"].as_array().unwrap().clone());
    assert_eq!(pages.concat(), *rows);
    let wrong = door.ask(Holder::Operator, "GET /v1/keys?role=vendor", "").await;
    assert_eq!((wrong.status, wrong.code()), (400, "malformed_request".to_owned()));
    door.close().await;
}
