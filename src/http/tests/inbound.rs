//! Vendors with a format of their own at the gate: keys, rates, signatures and bodies as for everybody,
//! and every answer in the vendor's words.

use super::door::{Answer, Door, Holder};
use crate::signing::sign;

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
const FORM: &str = "content-type: application/x-www-form-urlencoded";
const PATH: &str = "/in/boberdoo/genericPostlead.php";

/// A direct post in boberdoo's format, without its key.
const LEAD: &str = "TYPE=final_expense&First_Name=Grace&Last_Name=Testington&Primary_Phone=2146530001&State=TX&\
    Zip=75201&DOB=03/02/1957&TCPA_Language=I+agree&TCPA_Timestamp=11/23/2026+14:00:00";

fn keyed(holder: Holder) -> String {
    format!("Key={}&{LEAD}", holder.key())
}

async fn post(door: &Door, lines: &[&str], body: &str) -> Answer {
    door.request("POST", PATH, &[&[FORM], lines].concat(), body).await
}

/// The error that a client of boberdoo's reads.
#[track_caller]
fn refused(answer: &Answer, error: &str) {
    let body = format!("{XML}<response><status>Error</status><error>{error}</error></response>");
    assert_eq!((answer.status, answer.body.as_str()), (200, body.as_str()));
    assert_eq!(answer.header("content-type"), Some("text/xml; charset=utf-8"));
}

#[track_caller]
fn unsold(answer: &Answer) {
    let id = answer.body.split("lead_id>").nth(1).unwrap_or_else(|| panic!("{answer:?}"));
    let id = id.trim_end_matches("</");
    let body =
        format!("{XML}<response><status>Unmatched</status><lead_id>{id}</lead_id></response>");
    assert_eq!((answer.status, answer.body.as_str()), (200, body.as_str()));
}

#[tokio::test]
async fn a_key_works_in_the_query_and_in_the_body_and_no_other_does() {
    let door = Door::open().await;
    let in_query = format!("{PATH}?{}", keyed(Holder::Acme));
    let first = door.request("GET", &in_query, &[], "").await;
    unsold(&first);
    let again = post(&door, &[], &keyed(Holder::Acme)).await;
    assert_eq!(again.body, first.body, "the same fields are the same request, wherever they stand");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let beside = format!("{PATH}?Key={}", Holder::Acme.key());
    assert_eq!(door.request("POST", &beside, &[FORM], LEAD).await.body, first.body);
    for body in [LEAD.to_owned(), format!("Key=nothing&{LEAD}"), keyed(Holder::LifeCo)] {
        refused(&post(&door, &[], &body).await, "Invalid Key");
    }
    let bearer = Holder::Acme.line();
    refused(&post(&door, &[&bearer], LEAD).await, "Invalid Key");
    door.close().await;
}

#[tokio::test]
async fn whoever_sends_too_much_or_too_often_reads_so_in_its_own_words() {
    let door = Door::with(|limits| {
        limits.requests_per_key_per_s = 1;
        limits.requests_per_key_burst = 1;
        limits.failures_per_address_max = 2;
        limits.body_bytes_max = 2_000;
    })
    .await;
    unsold(&post(&door, &[], &keyed(Holder::Acme)).await);
    let often = post(&door, &[], &keyed(Holder::Acme)).await;
    refused(&often, "Too many requests");
    assert_eq!(often.header("retry-after"), Some("1"));
    let large = format!("Key=nothing&a={}", "x".repeat(2_000));
    refused(&post(&door, &[], &large).await, "The body has more than 2000 bytes.");
    // The large one told no key either.
    for error in ["Invalid Key", "Too many requests"] {
        refused(&post(&door, &[], "Key=nothing").await, error);
    }
    let told = door.api.exchange().metrics().render();
    let counted = |code: &str| told.lines().any(|line| line.contains(&format!("\"{code}\"}} ")));
    for code in ["rate_limited", "body_too_large", "unauthorized"] {
        assert!(counted(code), "{code} is not counted:\n{told}");
    }
    door.close().await;
}

#[tokio::test]
async fn what_the_exchange_refuses_is_told_by_the_vendor_s_names() {
    let door = Door::open().await;
    let strict = format!("{}&Shoe_Size=44", keyed(Holder::AcmeStrict));
    refused(&post(&door, &[], &strict).await, "Shoe_Size: there is no such field");
    unsold(
        &post(&door, &[], &strict.replace(&Holder::AcmeStrict.key(), &Holder::Acme.key())).await,
    );
    let key = "idempotency-key: order-17";
    unsold(&post(&door, &[key], &keyed(Holder::Other)).await);
    let other = keyed(Holder::Other).replace("75201", "75202");
    let error = "This Idempotency-Key came with another body before; use a new one.";
    refused(&post(&door, &[key], &other).await, error);
    let kind = "content-type: application/pdf";
    let answer = door.request("POST", PATH, &[kind], &keyed(Holder::Acme)).await;
    refused(&answer, "A body of this kind is not read here.");
    let mode = format!("/in/boberdoo/api.php?Mode=pong&{}", keyed(Holder::Acme));
    let answer = door.request("GET", &mode, &[], "").await;
    refused(&answer, "Nothing in the request says what it asks for.");
    door.close().await;
}

#[tokio::test]
async fn a_key_that_must_sign_signs_all_that_it_sends() {
    let door = Door::open().await;
    let body = keyed(Holder::AcmeSigning);
    let now_s = door.api.exchange().clock().now().as_second();
    let signed = |body: &str| -> Vec<String> {
        let id = format!("msg_{}", body.len());
        let signed = sign(&Holder::signing_keys(), &id, now_s, body.as_bytes()).unwrap();
        signed.into_pairs().into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
    };
    let lines = signed(&body);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    unsold(&post(&door, &lines, &body).await);
    refused(&post(&door, &[], &body).await, "Invalid Key");
    refused(&post(&door, &lines, &body.replace("75201", "75202")).await, "Invalid Key");
    // What stands in the URL is in no signature.
    let beside = format!("{PATH}?Cost=0.01");
    let answer = door.request("POST", &beside, &[&[FORM], &lines[..]].concat(), &body).await;
    refused(&answer, "Invalid Key");
    door.close().await;
}
