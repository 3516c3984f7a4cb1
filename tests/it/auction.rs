use std::collections::BTreeMap;

use futures::StreamExt;
use gavel::demo::stub_buyer::{OnPost, Reply, Script};
use serde_json::json;

use crate::support::{Installation, buyer, exchange, lead, until};

/// Rounds so long that a busy machine does not cut them off.
const PATIENT: [(&str, &str); 1] = [("ping_round_ms", "15000")];

#[tokio::test(flavor = "multi_thread")]
async fn the_best_bid_gets_the_lead_and_the_vendor_its_share() {
    let high = buyer(Script::always(Reply::bid("24.50"))).await;
    let low = buyer(Script::always(Reply::bid("20.00"))).await;
    let no = buyer(Script::always(Reply::no_bid("full"))).await;
    let gavel = Installation::start(&[]).await;
    let buyers = [("high", &high, ""), ("low", &low, ""), ("no", &no, "")];
    gavel.apply(&exchange(&buyers, "margin_percent = \"12.5\"\n"));
    let vendor = gavel.key("vendor", "acme", &[]);

    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    let lead_id = answer.text("/lead_id");
    let elapsed = answer.json()["auction"]["elapsed_ms"].clone();
    let expect = json!({
        "lead_id": lead_id, "disposition": "sold", "payout": "21.4375", "currency": "USD",
        "sales": [{"seat": 1, "payout": "21.4375", "redirect_url": null}], "warnings": [],
        "auction": {"id": lead_id.replace("lead_", "auc_"), "pinged": 3, "bids": 2,
                    "elapsed_ms": elapsed},
    });
    assert_eq!((answer.status, answer.json()), (200, expect));

    let posts = high.posts();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0].json()["lead"]["phone"], "+12146530001");
    assert_eq!(posts[0].json()["ref"], "ref-24.50");
    assert_eq!(posts[0].header("idempotency-key"), posts[0].header("webhook-id"));
    assert_eq!((low.posts().len(), no.posts().len()), (0, 0), "a loser learns nothing");
    assert_eq!(gavel.settled_balance("high").await["posted"], "24.50");

    let record = gavel.record(&lead_id).await;
    assert_eq!(
        record["money"],
        json!([{"seat": 1, "price": "24.50", "margin": "3.0625", "payout": "21.4375"}])
    );
    let lost: BTreeMap<_, _> = record["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|candidate| {
            (candidate["campaign_id"].as_str().unwrap(), candidate["lost_reason"].clone())
        })
        .collect();
    assert_eq!(lost["low-fe"], "outbid");
    assert_eq!(lost["high-fe"], json!(null));
    let by_post = gavel.record(posts[0].header("webhook-id")).await;
    let by_ping = gavel.record(low.pings()[0].header("webhook-id")).await;
    assert_eq!((&by_post, &by_ping), (&record, &record), "any id finds the same record");
    let timeline = gavel.gavel_ok(&["auction", "show", &lead_id]);
    assert!(timeline.contains("high-fe") && timeline.contains("24.50"), "{timeline}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_bid_never_wins() {
    let late = buyer(Script::always(Reply::bid("99.00").after_ms(700))).await;
    let silent = buyer(Script::always(Reply::silence())).await;
    let quick = buyer(Script::always(Reply::bid("5.00"))).await;
    let gavel = Installation::start(&[("ping_round_ms", "400")]).await;
    let buyers = [("late", &late, ""), ("quick", &quick, ""), ("silent", &silent, "")];
    gavel.apply(&exchange(&buyers, ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    for number in 0..5 {
        let answer = gavel.post_json("/v1/leads", &vendor, &lead(number)).await;
        assert_eq!(answer.text("/payout"), "5.00");
    }
    assert_eq!((late.pings().len(), late.posts().len(), silent.posts().len()), (5, 0, 0));
    until("the late replies are counted", async || {
        let metrics = gavel.metrics().await;
        metrics.contains("gavel_late_replies_total{campaign=\"late-fe\"} 5").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_post_falls_to_the_next_bid_and_nobody_else_pays() {
    let picky = buyer(
        Script::always(Reply::bid("30.00")).on_post(OnPost::Answer(Reply::rejected("duplicate"))),
    )
    .await;
    let taker = buyer(Script::always(Reply::bid("12.00"))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("picky", &picky, ""), ("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    assert_eq!(answer.text("/payout"), "12.00");
    assert_eq!(gavel.settled_balance("picky").await["posted"], "0.00");
    assert_eq!(gavel.settled_balance("taker").await["posted"], "12.00");
    let record = gavel.record(&answer.text("/lead_id")).await;
    let outcomes: Vec<_> = record["posts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|post| json!([post["campaign_id"], post["outcome"], post["reason"]]))
        .collect();
    assert_eq!(
        outcomes,
        [json!(["picky-fe", "rejected", "duplicate"]), json!(["taker-fe", "accepted", null])]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_unsold_lead_names_its_reason() {
    let low = buyer(Script::always(Reply::bid("2.00"))).await;
    let refusing = buyer(
        Script::always(Reply::bid("9.00")).on_post(OnPost::Answer(Reply::rejected("capped"))),
    )
    .await;
    let gavel = Installation::start(&[("ping_round_ms", "500")]).await;
    let only_florida = "filter = { field = \"state\", eq = \"FL\" }";
    gavel.apply(&exchange(&[("low", &low, only_florida)], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let reason = async |number: usize| {
        let mut body = lead(number);
        body["floor"] = json!("5.00");
        let answer = gavel.post_json("/v1/leads", &vendor, &body).await;
        (answer.text("/disposition"), answer.text("/reason"))
    };
    let unsold = |reason: &str| ("unsold".to_owned(), reason.to_owned());
    assert_eq!(reason(1).await, unsold("no_eligible_buyer"));
    gavel.apply(&exchange(&[("low", &low, "")], ""));
    let applied = until("the new filter is in force", async || {
        let found = reason(rand::random_range(10..9_000)).await;
        (found.1 != "no_eligible_buyer").then_some(found)
    });
    assert_eq!(applied.await, unsold("no_bid_above_floor"));
    low.behave(Script::always(Reply::no_bid("closed")));
    assert_eq!(reason(9_001).await, unsold("no_bid"));
    gavel.apply(&exchange(&[("refusing", &refusing, "")], ""));
    let refused = until("the new buyer is asked", async || {
        let found = reason(rand::random_range(10..9_000)).await;
        (found.1 != "no_bid").then_some(found)
    });
    assert_eq!(refused.await, unsold("all_posts_rejected"));
    low.behave(Script::always(Reply::no_bid("closed")));
    let mut body = lead(9_002);
    body["consent"] = json!({"given_at": "2026-11-23T14:00:00Z"});
    let answer = gavel.post_json("/v1/leads", &vendor, &body).await;
    assert_eq!(
        (answer.text("/disposition"), answer.text("/reason")),
        ("refused".to_owned(), "consent_missing".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_hanging_up_does_not_stop_the_sale() {
    let slow = buyer(Script::always(Reply::bid("8.00").after_ms(400))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("slow", &slow, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let body = lead(1).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "hang-up")];
    let request = gavel.try_request("POST /v1/leads", &vendor, &headers, body.clone());
    tokio::select! {
        answer = request => panic!("the sale was over before the vendor hung up: {answer:?}"),
        () = until("the ping is there", async || (!slow.pings().is_empty()).then_some(())) => {}
    }
    until("the lead is sold", async || (slow.taken().len() == 1).then_some(())).await;
    let answer = gavel.request("POST /v1/leads", &vendor, &headers, body).await;
    assert_eq!((answer.status, answer.text("/disposition")), (200, "sold".to_owned()));
    assert_eq!(slow.posts().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_of_one_under_a_hundred_concurrent_leads_sells_exactly_one() {
    let capped = buyer(Script::always(Reply::bid("50.00").after_ms(50))).await;
    let open = buyer(Script::always(Reply::bid("10.00").after_ms(50))).await;
    let gavel = Installation::start(&PATIENT).await;
    let cap = "caps = [{ per = \"total\", leads = 1 }]";
    gavel.apply(&exchange(&[("capped", &capped, cap), ("open", &open, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let bodies: Vec<_> = (0..100).map(lead).collect();
    let sales = bodies.iter().map(|body| gavel.post_json("/v1/leads", &vendor, body));
    let answers = futures::future::join_all(sales).await;
    let sold = |payout: &str| answers.iter().filter(|a| a.text("/payout") == payout).count();
    assert_eq!((sold("50.00"), sold("10.00")), (1, 99));
    assert_eq!((capped.taken().len(), open.taken().len()), (1, 99));
    assert_eq!(gavel.settled_balance("capped").await["posted"], "50.00");
    assert_eq!(gavel.settled_balance("open").await["posted"], "990.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_limit_is_never_passed_and_a_deposit_makes_room() {
    let buyer_ = buyer(Script::always(Reply::bid("10.00").after_ms(20))).await;
    let gavel = Installation::start(&PATIENT).await;
    gavel.apply(&exchange(&[("thrifty", &buyer_, "credit_limit = \"25.00\"")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let bodies: Vec<_> = (0..20).map(lead).collect();
    let sales = bodies.iter().map(|body| gavel.post_json("/v1/leads", &vendor, body));
    let answers = futures::future::join_all(sales).await;
    let sold = answers.iter().filter(|answer| answer.text("/disposition") == "sold").count();
    assert_eq!(sold, 2);
    assert_eq!(gavel.settled_balance("thrifty").await["posted"], "20.00");
    gavel.gavel_ok(&["credit", "thrifty", "10.00", "--op", "deposit-1"]);
    gavel.gavel_ok(&["credit", "thrifty", "10.00", "--op", "deposit-1"]);
    until("the deposit makes room", async || {
        let body = lead(rand::random_range(100..9_999));
        let answer = gavel.post_json("/v1/leads", &vendor, &body).await;
        (answer.text("/disposition") == "sold").then_some(())
    })
    .await;
    let balance = gavel.settled_balance("thrifty").await;
    assert_eq!((&balance["deposited"], &balance["posted"]), (&json!("10.00"), &json!("30.00")));
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_bids_share_the_leads_between_them() {
    let one = buyer(Script::always(Reply::bid("10.00"))).await;
    let two = buyer(Script::always(Reply::bid("10.00").after_ms(60))).await;
    let gavel = Installation::start(&PATIENT).await;
    gavel.apply(&exchange(&[("one", &one, ""), ("two", &two, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let bodies: Vec<_> = (0..200).map(lead).collect();
    let sales = bodies.iter().map(|body| gavel.post_json("/v1/leads", &vendor, body));
    futures::stream::iter(sales).buffer_unordered(25).collect::<Vec<_>>().await;
    let (first, second) = (one.taken().len(), two.taken().len());
    assert_eq!(first + second, 200);
    // 60 or fewer of 200 fair coin throws happen once in a hundred million runs.
    assert!(first > 60 && second > 60, "the slower of two equals got {second} of 200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_price_campaign_buys_without_a_ping() {
    let fixed = buyer(Script::always(Reply::bid("1.00"))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("fixed", &fixed, "price = { fixed = \"7.00\" }")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    assert_eq!(answer.text("/payout"), "7.00");
    assert_eq!((fixed.pings().len(), fixed.taken().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_lead_runs_everything_and_moves_no_money() {
    let taker = buyer(Script::always(Reply::bid("7.00"))).await;
    let gavel = Installation::start(&[]).await;
    let cap = "caps = [{ per = \"total\", leads = 1 }]";
    gavel.apply(&exchange(&[("taker", &taker, cap)], ""));
    let vendor = gavel.key("vendor", "acme", &["--test"]);
    for number in 0..3 {
        let answer = gavel.post_json("/v1/leads", &vendor, &lead(number)).await;
        assert_eq!(answer.text("/disposition"), "sold");
    }
    assert!(taker.posts().iter().all(|post| post.json()["test"] == json!(true)));
    assert_eq!(gavel.settled_balance("taker").await["posted"], "0.00");
}
