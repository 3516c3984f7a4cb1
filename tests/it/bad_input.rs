use std::time::Duration;

use bytes::Bytes;
use gavel::demo::stub_buyer::{OnPost, Reply, ReplyBody, Script};
use serde_json::{Value as Json, json};

use crate::support::{Installation, buyer, exchange, lead};

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_mistake_gets_a_clear_problem_and_nothing_is_stored() {
    let taker = buyer(Script::always(Reply::bid("8.00"))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let check = async |content_type: &str, body: Vec<u8>, status: u16, code: &str| {
        let shown: String = String::from_utf8_lossy(&body).chars().take(80).collect();
        let headers = [("content-type", content_type)];
        let answer = gavel.request("POST /v1/leads", &vendor, &headers, body).await;
        assert_eq!((answer.status, answer.text("/code").as_str()), (status, code), "{shown}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{shown}");
        answer.json()
    };
    let json_type = "application/json";
    let with = |pointer: &str, value: Json| {
        let mut body = lead(1);
        *body.pointer_mut(pointer).unwrap() = value;
        body.to_string().into_bytes()
    };
    check(json_type, b"{".to_vec(), 400, "malformed_body").await;
    check(json_type, b"\xff\xfe{}".to_vec(), 400, "malformed_body").await;
    check(
        json_type,
        br#"{"vertical":"final_expense","vertical":"solar"}"#.to_vec(),
        400,
        "malformed_body",
    )
    .await;
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40)).into_bytes();
    check(json_type, deep, 400, "malformed_body").await;
    check(json_type, vec![b' '; 300_000], 413, "body_too_large").await;
    check("text/plain", b"hello".to_vec(), 415, "unsupported_media_type").await;
    check(json_type, with("/vertical", json!("pet_rocks")), 422, "unknown_vertical").await;
    check(json_type, with("/floor", json!("1e3")), 422, "invalid_lead").await;

    let mut faulty = lead(1);
    faulty["lead"]["phone"] = json!("555");
    faulty["lead"]["zip"] = json!("90210");
    faulty["lead"]["date_of_birth"] = json!("1957-02-30");
    faulty["lead"]["tobacco"] = json!([1]);
    faulty["lead"].as_object_mut().unwrap().remove("last_name");
    let problem = check(json_type, faulty.to_string().into_bytes(), 422, "invalid_lead").await;
    let mut pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    let expect =
        ["/lead/date_of_birth", "/lead/last_name", "/lead/phone", "/lead/tobacco", "/lead/zip"];
    assert_eq!(pointers, expect, "all faulty fields at once");
    assert_eq!(taker.pings().len(), 0);

    let mut extra = lead(1);
    extra["lead"]["favourite_colour"] = json!("blue");
    let answer = gavel.post_json("/v1/leads", &vendor, &extra).await;
    assert_eq!(answer.text("/disposition"), "sold");
    assert_eq!(answer.text("/warnings/0/pointer"), "/lead/favourite_colour");
    let strict = gavel.key("vendor", "acme", &["--strict"]);
    let answer = gavel.post_json("/v1/leads", &strict, &extra).await;
    assert_eq!((answer.status, answer.text("/code")), (422, "invalid_lead".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sells_like_json() {
    let taker = buyer(Script::always(Reply::bid("8.00"))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let form = "vertical=final_expense&lead[first_name]=Grace&lead[last_name]=Testington\
        &lead[phone]=214-653-0001&lead.email=grace%40mail.example&lead[state]=Texas&lead.zip=75201\
        &lead[date_of_birth]=03%2F02%2F1957&lead[gender]=female&lead[tobacco]=no\
        &lead[coverage_amount]=15000&consent[text]=I+agree&consent[given_at]=2026-11-23T14:00:00Z\
        &consent[ip]=198.51.100.7&consent[page_url]=https://forms.example/fe\
        &consent[trustedform_cert_url]=https://cert.trustedform.com/0123456789abcdef0123456789abcdef01234567";
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = gavel.request("POST /v1/leads", &vendor, &headers, form).await;
    assert_eq!(
        (answer.status, answer.text("/disposition")),
        (200, "sold".to_owned()),
        "{answer:?}"
    );
    let lead = taker.posts()[0].json()["lead"].clone();
    assert_eq!(
        [&lead["phone"], &lead["state"], &lead["date_of_birth"], &lead["tobacco"]],
        [&json!("+12146530001"), &json!("TX"), &json!("1957-03-02"), &json!(false)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_only_what_is_theirs() {
    let taker = buyer(Script::always(Reply::bid("8.00"))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let acme = gavel.key("vendor", "acme", &[]);
    let other = gavel.key("vendor", "other", &[]);
    let of_buyer = gavel.key("buyer", "taker", &[]);
    let lead_id = gavel.post_json("/v1/leads", &acme, &lead(1)).await.text("/lead_id");
    let outcome = async |path: &str, key: &str| {
        let answer = gavel.get(path, key).await;
        (answer.status, answer.text("/code"))
    };
    let path = format!("/v1/leads/{lead_id}");
    let not_found = (404, "not_found".to_owned());
    assert_eq!(outcome(&path, &acme).await.0, 200);
    assert_eq!(outcome(&path, &other).await, not_found);
    assert_eq!(outcome(&format!("/v1/auctions/{lead_id}"), &other).await, not_found);
    assert_eq!(outcome("/v1/leads/lead_nonsense", &acme).await, not_found);
    assert_eq!(outcome(&path, &of_buyer).await, (403, "wrong_role".to_owned()));
    let unauthorized = (401, "unauthorized".to_owned());
    assert_eq!(outcome(&path, "gavel_live_vendor_garbage").await, unauthorized);
    let mut mistyped = acme.clone();
    mistyped.replace_range(30..31, if &acme[30..31] == "a" { "b" } else { "a" });
    assert_eq!(outcome(&path, &mistyped).await, unauthorized);
    let side = gavel.get(&format!("/v1/auctions/{lead_id}"), &acme).await.json();
    assert_eq!(side["overhead_ms"], json!(null), "a vendor sees its side only");
    assert_eq!(side["candidates"], json!(null));

    let key_id = acme.split('_').nth(3).unwrap();
    gavel.gavel_ok(&["key", "revoke", key_id]);
    crate::support::until("the key is revoked", async || {
        (outcome(&path, &acme).await == unauthorized).then_some(())
    })
    .await;
}

/// A reply that must never win, and the reason it is recorded with.
fn faulty_replies() -> Vec<(&'static str, Reply)> {
    let json_reply = |body: &'static str| Reply {
        body: ReplyBody::Whole(Bytes::from_static(body.as_bytes())),
        ..Reply::bid("1.00")
    };
    vec![
        ("empty", json_reply("")),
        ("malformed", json_reply("<html>")),
        ("malformed", json_reply(r#"{"bid":{"price":NaN}}"#)),
        ("invalid_price", json_reply(r#"{"bid":{"price":"-5"}}"#)),
        ("invalid_price", json_reply(r#"{"bid":{"price":"5.00001"}}"#)),
        ("invalid_price", json_reply(r#"{"bid":{"price":"99999999999"}}"#)),
        ("other_currency", json_reply(r#"{"bid":{"price":"50","currency":"EUR"}}"#)),
        ("seats_not_offered", json_reply(r#"{"bid":{"price":"50","seats":"shared"}}"#)),
        (
            "redirect",
            Reply::bid("50").with_status(302).with_header("location", "http://127.0.0.1:1/"),
        ),
        ("http_status", Reply::bid("50").with_status(500)),
        ("compressed", Reply::bid("50").with_header("content-encoding", "gzip")),
        ("oversized", Reply { body: ReplyBody::Endless, ..Reply::bid("50") }),
        ("timeout", Reply::silence()),
        (
            "timeout",
            Reply {
                body: ReplyBody::Drip(
                    Bytes::from_static(br#"{"bid":{"price":"50"}}"#),
                    Duration::from_secs(1),
                ),
                ..Reply::bid("50")
            },
        ),
        ("timeout", Reply::bid("50").after_ms(60_000)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_buyer_replies_is_a_no_bid_with_a_reason_and_the_lead_is_sold() {
    let mut stubs = Vec::new();
    for (index, (reason, reply)) in faulty_replies().into_iter().enumerate() {
        stubs.push((format!("bad{index}"), reason, buyer(Script::always(reply)).await));
    }
    let sane = buyer(Script::always(Reply::bid("3.00"))).await;
    let ceiling = buyer(Script::always(Reply::bid("9.00"))).await;
    let gavel = Installation::start(&[("ping_round_ms", "1000"), ("late_reply_ms", "200")]).await;
    let mut buyers: Vec<(&str, _, &str)> =
        stubs.iter().map(|(id, _, stub)| (id.as_str(), stub, "")).collect();
    buyers.push(("sane", &sane, ""));
    buyers.push(("ceiling", &ceiling, "price = { bid = { max_bid = \"8.99\" } }"));
    gavel.apply(&exchange(&buyers, ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let began = tokio::time::Instant::now();
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    assert_eq!(answer.text("/payout"), "3.00");
    assert!(began.elapsed() < Duration::from_secs(6), "nothing hangs: {:?}", began.elapsed());
    let record = gavel.record(&answer.text("/lead_id")).await;
    for (id, reason, _) in &stubs {
        let campaign = format!("{id}-fe");
        let candidates = record["candidates"].as_array().unwrap();
        let found = candidates.iter().find(|c| c["campaign_id"] == campaign.as_str()).unwrap();
        assert_eq!(found["ping"]["reason"], *reason, "{id}: {found}");
    }
    let candidates = record["candidates"].as_array().unwrap();
    let above = candidates.iter().find(|c| c["campaign_id"] == "ceiling-fe").unwrap();
    assert_eq!(above["ping"]["reason"], "above_max_bid");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_buyer_answers_to_a_post_is_one_outcome() {
    let answers = [
        (Reply::rejected("duplicate"), "rejected"),
        (Reply::no_bid("x").with_status(404), "rejected"),
        (Reply::no_bid("x").with_status(429), "not_sent"),
    ];
    let mut stubs = Vec::new();
    for (index, (reply, outcome)) in answers.into_iter().enumerate() {
        let price = format!("{}.00", 40 - index);
        let script = Script::always(Reply::bid(&price)).on_post(OnPost::Answer(reply));
        stubs.push((format!("bad{index}"), outcome, buyer(script).await));
    }
    let sane = buyer(Script::always(Reply::bid("3.00"))).await;
    let gavel = Installation::start(&[]).await;
    let mut buyers: Vec<(&str, _, &str)> =
        stubs.iter().map(|(id, _, stub)| (id.as_str(), stub, "")).collect();
    buyers.push(("sane", &sane, ""));
    gavel.apply(&exchange(&buyers, ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    assert_eq!(answer.text("/payout"), "3.00");
    let record = gavel.record(&answer.text("/lead_id")).await;
    let outcomes: Vec<&str> = record["posts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["rejected", "rejected", "not_sent", "accepted"]);
}
