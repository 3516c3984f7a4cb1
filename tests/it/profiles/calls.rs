//! Calls beside the ping and the post, and what a buyer says beside yes and no.

use serde_json::{Value as Json, json};

use super::cases::recorded;
use super::stub::{Said, Stub};
use super::{FORM, exchange_with, files_of, submit};
use crate::support::{self, Installation, until};

const NOTICE: &str = r#"
[loser_notice.request]
body = "form"
url = "NOTICE_URL"
fields = { bid = "bid.reference", sold = "sold_price" }
[loser_notice.reply]
format = "none"
rules = [
  { when = { http_status = 204 }, outcome = "accept" },
  { when = { http_status = 503 }, outcome = "retry" },
  { outcome = "refuse" },
]
"#;

/// A buyer with a notice that bids `price`, and refuses its post if it is to.
async fn bidder(price: &str, refuses: bool) -> Stub {
    let stub = Stub::start(move |seen, price| match seen.path.as_str() {
        "/ping" => (FORM.ping)(price),
        "/post" if refuses => Said::form("status=rejected".to_owned()),
        "/post" => (FORM.post)(),
        // The first notice comes at a bad time.
        _ if !seen.earlier.contains(&"/notice".to_owned()) => {
            Said { status: 503, ..Said::text(String::new()) }
        }
        _ => Said { status: 204, ..Said::text(String::new()) },
    });
    let stub = stub.await;
    stub.set_price(price);
    stub
}

#[tokio::test]
async fn every_bidder_that_does_not_get_the_lead_hears_what_it_was_sold_for() {
    let gavel = Installation::start(&[]).await;
    let bidders = [
        ("refuser", bidder("25.00", true).await),
        ("winner", bidder("20.00", false).await),
        ("outbid", bidder("12.00", false).await),
        ("low", bidder("5.00", false).await),
    ];
    let mut files = support::exchange(&[], "margin_percent = \"0\"\nfloor = \"10.00\"\n");
    for (name, stub) in &bidders {
        let notice = NOTICE.replace("NOTICE_URL", &format!("{}/notice", stub.base));
        files.extend(files_of(name, &format!("{}{notice}", FORM.profile), FORM.cases(), stub));
    }
    gavel.apply(&files);
    let key = gavel.key("vendor", "acme", &[]);
    let answer = submit(&gavel, &key, 1).await;
    assert_eq!(answer.text("/payout"), "20.00", "{answer:?}");
    let expect = [("bid".to_owned(), "F/1".to_owned()), ("sold".to_owned(), "20.00".to_owned())];
    for (name, stub) in bidders.iter().filter(|(name, _)| *name != "winner") {
        let told = until("a loser is told", async || {
            Some(stub.seen("/notice")).filter(|told| told.len() == 2)
        });
        for notice in told.await {
            assert_eq!(notice.pairs(), expect, "{name}");
        }
    }
    assert_eq!(bidders[1].1.seen("/notice").len(), 0);
    assert_eq!(bidders[0].1.seen("/post").len(), 1);
}

const COMPLETION: &str = r#"
[completion.request]
body = "json"
url = "DONE_URL"
[completion.request.fields]
deal = "reply.deal"
bid = "bid.reference"
price = "price"
phone = { from = "phone", phone = "digits" }
"#;

fn completing(stub: &Stub, completion: &str) -> Vec<(String, String)> {
    let done = completion.replace("DONE_URL", &format!("{}/done", stub.base));
    let post = "[post.reply]\ncaptures = { deal = \"deal\" }\n";
    let profile = FORM.profile.replace("[post.reply]\n", post);
    exchange_with(files_of("form-co", &format!("{profile}{done}"), FORM.cases(), stub))
}

async fn completed() -> Stub {
    let stub = Stub::start(|seen, price| match seen.path.as_str() {
        "/ping" => (FORM.ping)(price),
        "/post" => Said::form("status=accepted&deal=d-7".to_owned()),
        _ => Said::text(String::new()),
    });
    let stub = stub.await;
    stub.set_price("20.00");
    stub
}

async fn done(stub: &Stub, count: usize) -> Vec<Json> {
    let calls = until("the buyer is told", async || {
        Some(stub.seen("/done")).filter(|calls| calls.len() == count)
    });
    calls.await.iter().map(|call| serde_json::from_str(&call.body).unwrap()).collect()
}

#[tokio::test]
async fn a_sale_is_completed_with_what_the_reply_to_the_post_brought() {
    let gavel = Installation::start(&[]).await;
    let stub = completed().await;
    gavel.apply(&completing(&stub, COMPLETION));
    let key = gavel.key("vendor", "acme", &[]);
    let answer = submit(&gavel, &key, 1).await;
    assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
    let expect = json!({"deal": "d-7", "bid": "F/1", "price": "20.00", "phone": "2146530001"});
    assert_eq!(done(&stub, 1).await, [expect]);
}

const CALL_COMPLETION: &str = r#"
[completion.request]
body = "json"
url = "DONE_URL"
wrap = "complete"
[completion.request.fields]
ping_token = "bid.reference"
call_start_time = { from = "call.occurred_at", date = "MM/DD/YYYY hh:mm:ss+hhmm" }
call_duration = { from = "call.duration_s", as = "number" }
caller_phone_number = { from = "phone", phone = "digits" }
"#;

#[tokio::test]
async fn a_sale_of_a_call_is_completed_once_when_the_call_is_reported() {
    let gavel = Installation::start(&[]).await;
    let stub = completed().await;
    gavel.apply(&completing(&stub, CALL_COMPLETION));
    let key = gavel.key("vendor", "acme", &[]);
    let buyer = gavel.key("buyer", "form-co", &[]);
    let report = async |lead_id: &str, kind: &str, duration_s: u32| {
        let headers = [("content-type", "application/json"), ("idempotency-key", kind)];
        let body = json!({
            "type": kind, "occurred_at": "2026-11-25T10:00:07Z", "data": {"duration_s": duration_s},
        });
        let path = format!("POST /v1/leads/{lead_id}/outcomes");
        gavel.request(&path, &buyer, &headers, body.to_string()).await
    };
    let mut expect = Vec::new();
    for number in [1, 2] {
        let answer = submit(&gavel, &key, number).await;
        let lead_id = answer.text("/lead_id");
        for kind in ["contacted", "call.completed", "call.completed"] {
            let kept = report(&lead_id, kind, 90).await;
            assert_eq!(kept.status, 201, "{kept:?}");
        }
        expect.push(json!({"complete": {
            "ping_token": "F/1", "call_start_time": "11/25/2026 10:00:07+0000",
            "call_duration": 90, "caller_phone_number": format!("214653000{number}"),
        }}));
        assert_eq!(done(&stub, number).await, expect);
    }
}

const TALKATIVE: &str = r#"
[ping.request]
body = "form"
fields = { key = "secret.key", state = "state" }
[ping.reply]
format = "form"
reason = "why"
rules = [
  { when = { status = "accepted" }, outcome = "accept" },
  { when = { status = "rejected" }, outcome = "refuse" },
]
bid = { price = "price", reference = "id", phone_number = "tel" }
[post.request]
include = "ping"
fields = { first = "first_name" }
[post.reply]
format = "form"
reason = "why"
rules = [
  { when = { status = "accepted" }, outcome = "accept" },
  { when = { status = "rejected" }, outcome = "refuse", reason = "duplicate" },
]
"#;

#[tokio::test]
async fn the_number_of_a_bid_for_a_call_reaches_the_vendor_and_a_buyers_words_the_record() {
    let gavel = Installation::start(&[]).await;
    let bids = |tel: &str| format!("status=accepted&price=20.00&id=c-1&tel={tel}");
    let why = "status=rejected&why=Grace+Testington+of+75201+is+known%0Ato+us";
    let refuser = Stub::start(move |seen, _| match seen.path.as_str() {
        "/ping" => Said::form(bids("").replace("20.00", "30.00")),
        _ => Said::form(why.to_owned()),
    });
    let winner = Stub::start(move |seen, _| match seen.path.as_str() {
        "/ping" => Said::form(bids("%2B18005550123")),
        _ => Said::form("status=accepted&why=thanks".to_owned()),
    });
    let full = Stub::start(|_, _| {
        Said::form("status=rejected&why=No+more+than+5+leads+in+752".to_owned())
    });
    let stubs = [("refuser", refuser.await), ("winner", winner.await), ("full", full.await)];
    let [bid, sold, refusal] =
        [&bids(""), "status=accepted", "status=rejected"].map(|said| Said::form(said.to_owned()));
    let cases = recorded([&bid, &sold], &refusal, &[]);
    let files =
        stubs.iter().flat_map(|(name, stub)| files_of(name, TALKATIVE, cases.clone(), stub));
    gavel.apply(&exchange_with(files.collect()));
    let key = gavel.key("vendor", "acme", &[]);
    let answer = submit(&gavel, &key, 1).await;
    assert_eq!(answer.text("/sales/0/phone_number"), "+18005550123", "{answer:?}");
    let record = gavel.record(&answer.text("/lead_id")).await;
    let of = |name: &str| {
        let mut candidates = record["candidates"].as_array().unwrap().iter();
        candidates.find(|candidate| candidate["buyer_id"] == name).unwrap().clone()
    };
    assert_eq!(of("winner")["bid"]["phone_number"], "+18005550123");
    assert_eq!(of("refuser")["bid"].get("phone_number"), None);
    assert_eq!(of("full")["ping"]["words"], "No more than 5 leads in [..]");
    let words = record["posts"].as_array().unwrap().iter().map(|post| {
        (post["buyer_id"].clone(), post["reason"].clone(), post["attempts"][0]["words"].clone())
    });
    let words: Vec<_> = words.collect();
    let expect = [
        (json!("refuser"), json!("duplicate"), json!("[..] of [..] is known to us")),
        (json!("winner"), Json::Null, json!("thanks")),
    ];
    assert_eq!(words, expect);
}

#[tokio::test]
async fn whoever_is_asked_after_a_post_was_given_up_is_told_who_may_have_the_lead() {
    let gavel = Installation::start(&[]).await;
    let mute = Stub::start(|seen, price| match seen.path.as_str() {
        "/ping" => (FORM.ping)(price),
        _ => Said { status: 504, ..Said::text(String::new()) },
    });
    let other = Stub::start(|seen, price| match seen.path.as_str() {
        "/ping" => (FORM.ping)(price),
        _ => (FORM.post)(),
    });
    let (mute, other) = (mute.await, other.await);
    mute.set_price("20.00");
    other.set_price("12.00");
    let contract = "post_semantics = \"at_most_once\"\non_unknown = { resell_after_s = 1 }";
    let given_up = files_of("mute-co", FORM.profile, FORM.cases(), &mute).into_iter();
    let mut files: Vec<_> = given_up
        .map(|(name, text)| (name, text.replace("post_semantics = \"idempotent\"", contract)))
        .collect();
    let sold_to = "sold_to = { from = \"sold_to\", join = \"|\" }\nstate = \"state\"\n";
    let profile = FORM.profile.replacen("state = \"state\"\n", sold_to, 1);
    files.extend(files_of("form-co", &profile, FORM.cases(), &other));
    gavel.apply(&exchange_with(files));
    let key = gavel.key("vendor", "acme", &[]);
    let lead_id = submit(&gavel, &key, 1).await.text("/lead_id");
    let answer = gavel.final_answer(&key, &lead_id).await;
    assert_eq!(answer.text("/payout"), "12.00", "{answer:?}");
    let told = |path: &str| {
        let names = other.seen(path).into_iter().map(|call| {
            let pairs = call.pairs().into_iter();
            pairs.filter(|(name, _)| name == "sold_to").map(|(_, names)| names).collect::<Vec<_>>()
        });
        names.flatten().filter(|names| !names.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(other.seen("/ping").len(), 2);
    assert_eq!((told("/ping"), told("/post")), (vec!["mute-co".into()], vec!["mute-co".into()]));
}
