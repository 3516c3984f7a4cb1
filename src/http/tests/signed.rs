//! Requests with a key that must sign, from the header to the answer.

use serde_json::{Value, json};

use super::door::{Answer, Door, Holder};
use crate::signing::{SigningKeys, SigningSecret, sign};

fn lead() -> String {
    let lead: Value = json!({
        "vertical": "final_expense",
        "lead": {
            "first_name": "Grace", "last_name": "Testington", "phone": "+12146530001",
            "state": "TX", "zip": "75201", "date_of_birth": "1957-03-02", "gender": "female",
            "tobacco": false, "coverage_amount": 15000
        },
        "consent": {"text": "I agree to be called.", "given_at": "2026-11-23T14:00:00Z"},
    });
    lead.to_string()
}

/// The header lines of a signature over `body`.
fn lines(keys: &SigningKeys, id: &str, timestamp_s: i64, body: &str) -> Vec<String> {
    let signed = sign(keys, id, timestamp_s, body.as_bytes()).unwrap();
    signed.into_pairs().into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

async fn submit(door: &Door, lines: &[String], body: &str) -> Answer {
    let mut more = vec!["idempotency-key: order-17"];
    more.extend(lines.iter().map(String::as_str));
    door.ask_with(Holder::AcmeSigning, "POST /v1/leads", &more, body).await
}

#[tokio::test]
async fn a_request_passes_with_its_own_signature_and_with_no_other() {
    let door = Door::open().await;
    let now_s = door.api.exchange().clock().now().as_second();
    let keys = Holder::signing_keys();
    let others = SigningKeys::of(&SigningSecret::mint([8; 32]));
    let body = lead();
    let altered = body.replace("75201", "75202");
    let mut no_signature = lines(&keys, "msg_6", now_s, &body);
    no_signature.retain(|line| !line.starts_with("webhook-signature"));
    let cases = [
        ("genuine", lines(&keys, "msg_1", now_s, &body), &body, "200 "),
        ("altered", lines(&keys, "msg_2", now_s, &body), &altered, "401 invalid_signature"),
        ("of a stranger", lines(&others, "msg_3", now_s, &body), &body, "401 invalid_signature"),
        ("too old", lines(&keys, "msg_4", now_s - 310, &body), &body, "401 invalid_signature"),
        ("too early", lines(&keys, "msg_5", now_s + 310, &body), &body, "401 invalid_signature"),
        ("unsigned", no_signature, &body, "401 invalid_signature"),
    ];
    for (name, lines, body, expect) in cases {
        let answer = submit(&door, &lines, body).await;
        let code = if answer.status == 200 { String::new() } else { answer.code() };
        assert_eq!(format!("{} {code}", answer.status), expect, "{name}");
    }
    door.close().await;
}

#[tokio::test]
async fn a_replay_of_a_signed_request_is_one_lead_however_often_it_comes() {
    let door = Door::open().await;
    let now_s = door.api.exchange().clock().now().as_second();
    let body = lead();
    let lines = lines(&Holder::signing_keys(), "msg_1", now_s, &body);
    let first = submit(&door, &lines, &body).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
    for _ in 0..200 {
        let again = submit(&door, &lines, &body).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
    // Under another idempotency key it would be another lead: the signature is not good for it.
    let mut more = vec!["idempotency-key: order-18"];
    more.extend(lines.iter().map(String::as_str));
    let carried = door.ask_with(Holder::AcmeSigning, "POST /v1/leads", &more, &body).await;
    assert_eq!((carried.status, carried.code()), (401, "invalid_signature".to_owned()));
    door.close().await;
}
