//! Leads and auctions over HTTP: what vendors and operators get, and what they do not.

use serde_json::{Value, json};

use super::door::{Answer, Door, Holder, check};
use crate::signing::sign;

/// A lead that nobody wants, since there are no campaigns.
fn lead() -> Value {
    json!({
        "vertical": "final_expense",
        "lead": {
            "first_name": "Grace", "last_name": "Testington", "phone": "+12146530001",
            "state": "TX", "zip": "75201", "date_of_birth": "1957-03-02", "gender": "female",
            "tobacco": false, "coverage_amount": 15000
        },
        "consent": {"text": "I agree to be called.", "given_at": "2026-11-23T14:00:00Z"},
        "floor": "1.00"
    })
}

async fn submit(door: &Door, holder: Holder, more: &[&str], body: &Value) -> Answer {
    door.ask_with(holder, "POST /v1/leads", more, &body.to_string()).await
}

#[tokio::test]
async fn a_submission_is_answered_with_its_disposition_and_reads_the_same_later() {
    let door = Door::open().await;
    let answer = submit(&door, Holder::Acme, &[], &lead()).await;
    let lead_id = answer.text("lead_id");
    let mut body = answer.json();
    assert!(body["auction"]["elapsed_ms"].take().is_number());
    let expect = json!({
        "lead_id": lead_id, "disposition": "unsold", "reason": "no_eligible_buyer",
        "payout": "0.00", "currency": "USD", "sales": [], "warnings": [],
        "auction": {"id": lead_id.replace("lead_", "auc_"), "pinged": 0, "bids": 0, "elapsed_ms": null}
    });
    assert_eq!((answer.status, body), (200, expect));
    for holder in [Holder::Acme, Holder::AcmeStrict, Holder::Operator] {
        let read = door.ask(holder, &format!("GET /v1/leads/{lead_id}"), "").await;
        assert_eq!((read.status, &read.body), (200, &answer.body), "{holder:?}");
    }
    door.close().await;
}

#[tokio::test]
async fn a_repeat_under_one_key_is_the_same_answer_and_says_so() {
    let door = Door::open().await;
    let key = ["idempotency-key: \"order-17\""];
    let first = submit(&door, Holder::Acme, &key, &lead()).await;
    assert_eq!(first.header("idempotent-replayed"), None);
    for spelling in ["idempotency-key: \"order-17\"", "Idempotency-Key: order-17"] {
        let again = submit(&door, Holder::Acme, &[spelling], &lead()).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{spelling}");
        assert_eq!((again.status, again.body), (200, first.body.clone()), "{spelling}");
    }
    let others = submit(&door, Holder::Other, &key, &lead()).await;
    assert_ne!(others.text("lead_id"), first.text("lead_id"), "a key belongs to its vendor");
    door.close().await;
}

#[tokio::test]
async fn a_key_with_another_body_is_a_mismatch() {
    let door = Door::open().await;
    let key = ["idempotency-key: order-17"];
    submit(&door, Holder::Acme, &key, &lead()).await;
    let mut other = lead();
    other["floor"] = json!("2.00");
    check(
        submit(&door, Holder::Acme, &key, &other).await,
        422,
        r#"{"type":"urn:gavel:error:idempotency_key_mismatch","title":"The Idempotency-Key was used with another body","status":422,"code":"idempotency_key_mismatch","detail":"This Idempotency-Key came with another body before; use a new one.","request_id":"ID"}"#,
    );
    door.close().await;
}

#[tokio::test]
async fn whoever_prefers_not_to_wait_is_told_so() {
    let door = Door::open().await;
    let prefer = ["prefer: respond-async", "idempotency-key: k"];
    let first = submit(&door, Holder::Acme, &prefer, &lead()).await;
    assert_eq!(first.header("preference-applied"), Some("respond-async"));
    assert!([200, 202].contains(&first.status), "{first:?}");
    let lead_id = first.text("lead_id");
    let read = door.ask(Holder::Acme, &format!("GET /v1/leads/{lead_id}"), "").await;
    assert_eq!(read.status, 200);
    door.close().await;
}

#[tokio::test]
async fn a_faulty_lead_names_its_faults_and_repeats_no_value() {
    let door = Door::open().await;
    let mut faulty = lead();
    faulty["lead"]["zip"] = json!("canary");
    faulty["lead"].as_object_mut().unwrap().remove("first_name");
    let answer = submit(&door, Holder::Acme, &[], &faulty).await;
    assert_eq!((answer.status, answer.code()), (422, "invalid_lead".to_owned()));
    let faults: Vec<(String, String)> = answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| {
            [&fault["pointer"], &fault["code"]].map(|part| part.as_str().unwrap().to_owned())
        })
        .map(|[pointer, code]| (pointer, code))
        .collect();
    let expect = [("/lead/first_name", "required"), ("/lead/zip", "invalid_zip")];
    assert_eq!(faults, expect.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    assert!(!answer.body.contains("canary"), "{}", answer.body);
    let metrics = door.api.exchange().metrics().render();
    let line = r#"gavel_leads_refused_by_http_total{code="invalid_lead"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    door.close().await;
}

#[tokio::test]
async fn a_form_is_read_like_json() {
    let door = Door::open().await;
    let lines = [Holder::Acme.line(), "content-type: application/x-www-form-urlencoded".to_owned()];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let form = "vertical=final_expense&lead[first_name]=Grace&lead[last_name]=Testington\
        &lead.phone=214-653-0001&lead[state]=TX&lead.zip=75201&lead[date_of_birth]=1957-03-02\
        &lead[gender]=female&lead[tobacco]=no&lead[coverage_amount]=15000\
        &consent[text]=I+agree&consent[given_at]=2026-11-23T14:00:00Z";
    let answer = door.request("POST", "/v1/leads", &lines, form).await;
    assert_eq!(
        (answer.status, answer.text("disposition")),
        (200, "unsold".to_owned()),
        "{answer:?}"
    );
    let nameless = form.replace("&lead[first_name]=Grace", "");
    let answer = door.request("POST", "/v1/leads", &lines, &nameless).await;
    assert_eq!((answer.status, answer.code()), (422, "invalid_lead".to_owned()));
    door.close().await;
}

#[tokio::test]
async fn an_unknown_vertical_and_no_json_are_told_apart() {
    let door = Door::open().await;
    let mut rocks = lead();
    rocks["vertical"] = json!("pet_rocks");
    let cases = [
        (rocks.to_string(), 422, "unknown_vertical"),
        ("{".to_owned(), 400, "malformed_body"),
        ("[]".to_owned(), 400, "malformed_body"),
        (r#"{"vertical":"a","vertical":"a"}"#.to_owned(), 400, "malformed_body"),
    ];
    for (body, status, code) in cases {
        let answer = door.ask(Holder::Acme, "POST /v1/leads", &body).await;
        assert_eq!((answer.status, answer.code()), (status, code.to_owned()), "{body}");
    }
    door.close().await;
}

#[tokio::test]
async fn an_unknown_field_is_a_warning_and_for_a_strict_key_a_fault() {
    let door = Door::open().await;
    let mut extra = lead();
    extra["lead"]["favourite_colour"] = json!("blue");
    let warned = submit(&door, Holder::Acme, &[], &extra).await;
    let warning = json!([{
        "pointer": "/lead/favourite_colour", "code": "unknown_field",
        "detail": "there is no such field; it was left aside"
    }]);
    assert_eq!((warned.status, &warned.json()["warnings"]), (200, &warning));
    let strict = submit(&door, Holder::AcmeStrict, &[], &extra).await;
    assert_eq!((strict.status, strict.code()), (422, "invalid_lead".to_owned()));
    let metrics = door.api.exchange().metrics().render();
    assert!(metrics.contains("gavel_unknown_fields_total 1"), "{metrics}");
    door.close().await;
}

#[tokio::test]
async fn a_foreign_lead_looks_like_none() {
    let door = Door::open().await;
    let lead_id = submit(&door, Holder::Acme, &[], &lead()).await.text("lead_id");
    let unknown =
        lead_id[..lead_id.len() - 1].to_owned() + if lead_id.ends_with('0') { "1" } else { "0" };
    let auction = lead_id.replace("lead_", "auc_");
    let paths = [
        format!("/v1/leads/{unknown}"),
        format!("/v1/leads/{lead_id}"),
        "/v1/leads/nonsense".to_owned(),
        format!("/v1/auctions/{unknown}"),
        format!("/v1/auctions/{lead_id}"),
        format!("/v1/auctions/{auction}"),
        "/v1/auctions/nonsense".to_owned(),
        format!("/v1/auctions/{}", "x".repeat(65)),
    ];
    for path in paths {
        check(
            door.ask(Holder::Other, &format!("GET {path}"), "").await,
            404,
            r#"{"type":"urn:gavel:error:not_found","title":"There is nothing here","status":404,"code":"not_found","detail":"There is nothing here under this path and this key.","request_id":"ID"}"#,
        );
    }
    door.close().await;
}

#[tokio::test]
async fn an_auction_is_whole_for_operators_and_a_vendors_side_for_its_vendor() {
    let door = Door::open().await;
    let lead_id = submit(&door, Holder::Acme, &[], &lead()).await.text("lead_id");
    let auction = lead_id.replace("lead_", "auc_");
    let names = |answer: &Answer| -> Vec<String> {
        answer.json().as_object().unwrap().keys().cloned().collect()
    };
    for id in [&lead_id, &auction] {
        let path = format!("/v1/auctions/{id}");
        let whole = door.ask(Holder::Operator, &format!("GET {path}"), "").await;
        assert_eq!((whole.status, whole.text("id")), (200, auction.clone()));
        for name in ["candidates", "posts", "money", "facts", "overhead_ms"] {
            assert!(names(&whole).contains(&name.to_owned()), "{name}");
        }
        let side = door.ask(Holder::Acme, &format!("GET {path}"), "").await;
        let expect = [
            "bids",
            "closed_at",
            "disposition",
            "elapsed_ms",
            "floor",
            "id",
            "lead_id",
            "pinged",
            "reason",
            "received_at",
            "registry_version",
            "sales",
            "state",
            "test",
            "vendor_id",
            "vertical",
        ];
        let mut seen = names(&side);
        seen.sort();
        assert_eq!(seen, expect);
    }
    door.close().await;
}

#[tokio::test]
async fn a_test_keys_leads_are_tests() {
    let door = Door::open().await;
    let lead_id = submit(&door, Holder::AcmeTesting, &[], &lead()).await.text("lead_id");
    let side = door.ask(Holder::Acme, &format!("GET /v1/auctions/{lead_id}"), "").await;
    assert_eq!(side.json()["test"], json!(true));
    door.close().await;
}

fn signature_lines(id: &str, body: &str) -> Vec<String> {
    let now_s = crate::ports::Clock::now(&crate::system::SystemClock).as_second();
    let signed = sign(&Holder::signing_keys(), id, now_s, body.as_bytes()).unwrap();
    signed.into_pairs().map(|(name, value)| format!("{name}: {value}")).to_vec()
}

#[tokio::test]
async fn a_key_that_must_sign_gets_nothing_unsigned_and_replays_are_the_same_lead() {
    let door = Door::open().await;
    let body = lead().to_string();
    let unsigned = submit(&door, Holder::AcmeSigning, &[], &lead()).await;
    assert_eq!((unsigned.status, unsigned.code()), (401, "invalid_signature".to_owned()));
    let mut lines = signature_lines("msg_1", &body);
    lines.push("idempotency-key: order-17".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let first = submit(&door, Holder::AcmeSigning, &lines, &lead()).await;
    assert_eq!(first.status, 200, "{first:?}");
    let replay = submit(&door, Holder::AcmeSigning, &lines, &lead()).await;
    assert_eq!((replay.status, &replay.body), (200, &first.body));
    let elsewhere: Vec<&str> = lines
        .iter()
        .map(|line| if line.starts_with("idem") { "idempotency-key: other" } else { line })
        .collect();
    let carried = submit(&door, Holder::AcmeSigning, &elsewhere, &lead()).await;
    assert_eq!((carried.status, carried.code()), (401, "invalid_signature".to_owned()));
    let path = format!("/v1/leads/{}", first.text("lead_id"));
    let unsigned = door.ask(Holder::AcmeSigning, &format!("GET {path}"), "").await;
    assert_eq!(unsigned.code(), "invalid_signature", "reading needs a signature, too");
    let lines = signature_lines("msg_2", "");
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let read = door.ask_with(Holder::AcmeSigning, &format!("GET {path}"), &lines, "").await;
    assert_eq!((read.status, read.body), (200, first.body));
    door.close().await;
}

#[tokio::test]
async fn an_exchange_that_is_full_or_stopping_takes_nothing_and_says_when_to_come_again() {
    let door = Door::with(|limits| limits.auctions_in_flight_max = 0).await;
    let full = submit(&door, Holder::Acme, &[], &lead()).await;
    assert_eq!((full.status, full.code()), (503, "overloaded".to_owned()));
    assert!(full.header("retry-after").is_some());
    door.close().await;

    let door = Door::open().await;
    door.api.exchange().drain().await;
    let stopping = submit(&door, Holder::Acme, &[], &lead()).await;
    assert_eq!((stopping.status, stopping.code()), (503, "overloaded".to_owned()));
    assert!(stopping.header("retry-after").is_some());
    let ready = door.get("/readyz").await;
    assert_eq!((ready.status, ready.text("status")), (503, "not_ready".to_owned()));
    assert_eq!(door.get("/livez").await.status, 200);
    door.close().await;
}
