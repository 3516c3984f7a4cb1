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
        (Holder::LifeCo, "/v1/buyers/nobody/balance"),
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

async fn create_key(door: &Door, body: &str) -> Answer {
    door.ask(Holder::Operator, "POST /v1/keys", body).await
}

/// Reads a lead that is not there with the key of this text: 404 if the key works.
async fn try_key(door: &Door, key: &str) -> (u16, String) {
    let line = format!("authorization: Bearer {key}");
    let path = "/v1/leads/lead_0000000000000000000000000000";
    let answer = door.request("GET", path, &[&line], "").await;
    (answer.status, answer.code())
}

#[tokio::test]
async fn a_key_works_from_its_making_to_its_revocation() {
    let door = Door::open().await;
    let made = create_key(&door, r#"{"role":"vendor","owner":"acme"}"#).await;
    assert_eq!(made.status, 201);
    let names: Vec<String> = made.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["key", "key_id"]);
    let (key, key_id) = (made.text("key"), made.text("key_id"));
    assert!(key.starts_with(&format!("gavel_live_vendor_{key_id}_")));
    assert_eq!(try_key(&door, &key).await, (404, "not_found".to_owned()));
    for _ in 0..2 {
        let revoked = door.ask(Holder::Operator, &format!("DELETE /v1/keys/{key_id}"), "").await;
        assert_eq!((revoked.status, revoked.body.as_str()), (204, ""));
        assert_eq!(try_key(&door, &key).await, (401, "unauthorized".to_owned()));
    }
    let list = door.ask(Holder::Operator, "GET /v1/keys", "").await.json();
    let rows = list["data"].as_array().unwrap();
    let row = rows.iter().find(|row| row["key_id"] == key_id.as_str()).unwrap();
    assert!(row["revoked_at"].is_string(), "{row}");
    door.close().await;
}

#[tokio::test]
async fn a_key_that_must_sign_comes_with_its_secret() {
    let door = Door::open().await;
    let body = r#"{"role":"vendor","owner":"acme","test":true,"strict":true,"require_signature":true,"expires_at":"2100-01-01T00:00:00Z"}"#;
    let made = create_key(&door, body).await;
    assert!(made.text("key").starts_with("gavel_test_vendor_"), "{made:?}");
    assert!(made.text("signing_secret").starts_with("whsec_"), "{made:?}");
    let unsigned = try_key(&door, &made.text("key")).await;
    assert_eq!(unsigned, (401, "invalid_signature".to_owned()));
    door.close().await;
}

#[tokio::test]
async fn a_key_that_cannot_be_meant_is_refused() {
    let door = Door::open().await;
    let cases = [
        (r#"{"role":"vendor","owner":"nobody"}"#, "422 invalid_request /owner unknown_owner"),
        (r#"{"role":"buyer","owner":"acme"}"#, "422 invalid_request /owner unknown_owner"),
        (r#"{"role":"vendor"}"#, "422 invalid_request /owner required"),
        (r#"{"role":"operator","owner":"acme"}"#, "422 invalid_request /owner not_for_operators"),
        (r#"{"role":"operator","test":true}"#, "422 invalid_request /test not_for_operators"),
        (
            r#"{"role":"operator","expires_at":"2020-01-01T00:00:00Z"}"#,
            "422 invalid_request /expires_at in_past",
        ),
        (r#"{"role":"king"}"#, "422 invalid_request /role invalid"),
        (r#"{"role":"operator","admin":true}"#, "422 invalid_request /admin unknown_field"),
        ("{}", "422 invalid_request /role required"),
    ];
    for (body, expect) in cases {
        let answer = create_key(&door, body).await;
        let fault = answer.json()["errors"][0].clone();
        let [pointer, code] =
            ["pointer", "code"].map(|name| fault[name].as_str().unwrap_or_default().to_owned());
        let seen = format!("{} {} {pointer} {code}", answer.status, answer.code());
        assert_eq!(seen, expect, "{body}");
    }
    for id in ["00000000", "nonsense-that-is-no-id"] {
        let answer = door.ask(Holder::Operator, &format!("DELETE /v1/keys/{id}"), "").await;
        assert_eq!((answer.status, answer.code()), (404, "not_found".to_owned()), "{id}");
    }
    door.close().await;
}

async fn apply(door: &Door, body: serde_json::Value) -> Answer {
    door.ask(Holder::Operator, "POST /v1/registry/apply", &body.to_string()).await
}

#[tokio::test]
async fn a_bundle_is_planned_then_applied_whole() {
    let door = Door::open().await;
    let bundle = json!({"buyers": {"new-co": {"name": "New Co"}}});
    let change = json!({"kind": "buyer", "id": "new-co", "action": "create", "fields": []});
    let planned = apply(&door, json!({"bundle": bundle, "plan": true})).await;
    let expect = json!({"version": 1, "plan": {"changes": [change]}, "secrets": []});
    assert_eq!((planned.status, planned.json()), (200, expect));
    let balance = || door.ask(Holder::Operator, "GET /v1/buyers/new-co/balance", "");
    assert_eq!(balance().await.status, 404);
    let applied = apply(&door, json!({"bundle": bundle})).await;
    let expect = json!({"version": 2, "plan": {"changes": [change]}, "secrets": []});
    assert_eq!((applied.status, applied.json()), (200, expect));
    assert_eq!(balance().await.status, 200);
    door.close().await;
}

#[tokio::test]
async fn a_registry_with_faults_is_refused_with_all_of_them() {
    let door = Door::open().await;
    let bundle = json!({"buyers": {"new-co": {"name": ""}, "old-co": {"name": " "}}});
    let refused = apply(&door, json!({"bundle": bundle})).await;
    assert_eq!((refused.status, refused.code()), (422, "invalid_registry".to_owned()));
    let errors = refused.json()["errors"].clone();
    let places: Vec<_> = errors.as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(places, ["/bundle/buyers/new-co/name", "/bundle/buyers/old-co/name"]);
    for body in [json!({"bundle": {"buyer": {}}}), json!({"bundle": {}, "force": true})] {
        let answer = apply(&door, body.clone()).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid_request".to_owned()), "{body}");
    }
    door.close().await;
}

#[tokio::test]
async fn the_keys_of_an_archived_vendor_stop_working_and_come_back_with_it() {
    let door = Door::open().await;
    let vendor = json!({"name": "Acme"});
    let buyers = json!({"life-co": {"name": "Life Co"}, "other-co": {"name": "Other Co"}});
    let others = json!({"vendors": {"other": {"name": "Other"}}, "buyers": buyers});
    let acme = Holder::Acme.key();
    assert_eq!(try_key(&door, &acme).await, (404, "not_found".to_owned()));
    let archived = apply(&door, json!({"bundle": others, "prune": true})).await;
    assert_eq!(archived.status, 200, "{archived:?}");
    assert_eq!(try_key(&door, &acme).await, (401, "unauthorized".to_owned()));
    assert_eq!(try_key(&door, &Holder::Other.key()).await, (404, "not_found".to_owned()));
    let restored = apply(&door, json!({"bundle": {"vendors": {"acme": vendor}}})).await;
    assert_eq!(restored.status, 200, "{restored:?}");
    assert_eq!(try_key(&door, &acme).await, (404, "not_found".to_owned()));
    door.close().await;
}
