//! The process dies without a word while leads are under way, and comes back.

use std::collections::{BTreeMap, BTreeSet};

use gavel::demo::stub_buyer::{OnPost, Reply, Script, StubBuyer};
use serde_json::json;

use crate::support::{Installation, buyer, exchange, lead, until};

/// Leads that more than one buyer has.
fn sold_twice(buyers: &[&StubBuyer]) -> usize {
    let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for stub in buyers {
        let taken = stub.taken();
        for post in stub.posts() {
            let body = post.json();
            let post_id = body["post_id"].as_str().unwrap().to_owned();
            if taken.contains_key(&post_id) {
                holders
                    .entry(body["lead_id"].as_str().unwrap().to_owned())
                    .or_default()
                    .insert(post_id);
            }
        }
    }
    holders.values().filter(|posts| posts.len() > 1).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_auctions_loses_none_and_sells_none_twice() {
    let one = buyer(Script::always(Reply::bid("20.00").after_ms(120))).await;
    let two = buyer(
        Script::always(Reply::bid("19.00").after_ms(60))
            .on_post(OnPost::AcceptButAnswer(Reply::silence(), 1)),
    )
    .await;
    let three = buyer(
        Script::always(Reply::bid("21.00").after_ms(30))
            .on_post(OnPost::Answer(Reply::rejected("filtered").after_ms(80))),
    )
    .await;
    let mut gavel = Installation::start(&[("post_ms", "1500")]).await;
    let buyers = [("one", &one, ""), ("two", &two, ""), ("three", &three, "")];
    gavel.apply(&exchange(&buyers, "margin_percent = \"10\"\n"));
    let vendor = gavel.key("vendor", "acme", &[]);
    let mut told: BTreeMap<usize, bytes::Bytes> = BTreeMap::new();
    let total = 60;
    for round in 0..4 {
        let numbers: Vec<usize> = (0..total).filter(|number| !told.contains_key(number)).collect();
        let send = |number: usize| {
            let (gavel, vendor) = (&gavel, &vendor);
            async move {
                let key = format!("lead-{number}");
                let headers =
                    [("content-type", "application/json"), ("idempotency-key", key.as_str())];
                let body = lead(number).to_string();
                let answer = gavel.try_request("POST /v1/leads", vendor, &headers, body).await;
                (number, answer)
            }
        };
        let requests = futures::future::join_all(numbers.iter().map(|number| send(*number)));
        if round < 3 {
            let seen_before = one.pings().len();
            let busy = until("auctions are under way", async || {
                let is_busy =
                    one.pings().len() > seen_before + 5 * (round + 1) && !one.posts().is_empty();
                is_busy.then_some(())
            });
            tokio::select! { _ = requests => {}, () = busy => {} }
            gavel.kill();
            gavel.serve().await;
        } else {
            for (number, answer) in requests.await {
                let answer = answer.unwrap();
                let answer = match answer.status {
                    200 => answer,
                    202 => gavel.final_answer(&vendor, &answer.text("/lead_id")).await,
                    other => panic!("lead {number}: {other} {answer:?}"),
                };
                told.insert(number, answer.body);
            }
        }
    }
    assert_eq!(told.len(), total, "every lead has its final answer");
    assert_eq!(sold_twice(&[&one, &two, &three]), 0);

    assert_books_agree(&gavel, &told, &[("one", &one), ("two", &two), ("three", &three)]).await;
}

/// Records tell what vendors were told, and every buyer pays for exactly what it has.
async fn assert_books_agree(
    gavel: &Installation,
    told: &BTreeMap<usize, bytes::Bytes>,
    buyers: &[(&str, &StubBuyer)],
) {
    let mut sold_prices = 0.0;
    for body in told.values() {
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert!(["sold", "unsold"].contains(&answer["disposition"].as_str().unwrap()), "{answer}");
        let record = gavel.record(answer["lead_id"].as_str().unwrap()).await;
        assert_eq!(record["disposition"], answer["disposition"]);
        let seats = record["money"].as_array().unwrap();
        assert_eq!(seats.len(), usize::from(answer["disposition"] == "sold"));
        for seat in seats {
            sold_prices += seat["price"].as_str().unwrap().parse::<f64>().unwrap();
        }
    }
    let mut debited = 0.0;
    for (id, stub) in buyers {
        let balance = gavel.settled_balance(id).await;
        let posted: f64 = balance["posted"].as_str().unwrap().parse().unwrap();
        let worth: i64 = stub.taken().values().map(|price| price.ten_thousandths()).sum();
        assert_eq!((posted * 10_000.0).round() as i64, worth, "{id} pays for what it has");
        debited += posted;
    }
    assert!((debited - sold_prices).abs() < 0.00005, "{debited} debited, {sold_prices} sold");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_under_way_at_the_kill_is_repeated_to_the_same_buyer_only() {
    let forgetful = buyer(
        Script::always(Reply::bid("30.00")).on_post(OnPost::AcceptButAnswer(Reply::silence(), 1)),
    )
    .await;
    let second = buyer(Script::always(Reply::bid("29.00"))).await;
    let mut gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("forgetful", &forgetful, ""), ("second", &second, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let mut body = lead(1);
    body["wait_ms"] = json!(100);
    let lead_id = gavel.post_json("/v1/leads", &vendor, &body).await.text("/lead_id");
    until("the post is there", async || (!forgetful.posts().is_empty()).then_some(())).await;
    gavel.kill();
    gavel.serve().await;
    let answer = gavel.final_answer(&vendor, &lead_id).await;
    assert_eq!(
        (answer.text("/disposition"), answer.text("/payout")),
        ("sold".into(), "30.00".into())
    );
    assert_eq!((forgetful.taken().len(), second.posts().len()), (1, 0));
    let again = gavel.post_json("/v1/leads", &vendor, &body).await;
    assert_eq!(again.body, answer.body, "a repeat after the crash gets the same bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_finishes_what_it_has_begun() {
    let slow = buyer(Script::always(Reply::bid("8.00").after_ms(700))).await;
    let mut gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("slow", &slow, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let mut body = lead(1);
    body["wait_ms"] = json!(100);
    let lead_id = gavel.post_json("/v1/leads", &vendor, &body).await.text("/lead_id");
    until("the ping is there", async || (!slow.pings().is_empty()).then_some(())).await;
    assert_eq!(gavel.stop(), Some(0));
    assert_eq!(slow.taken().len(), 1);
    gavel.serve().await;
    let answer = gavel.get(&format!("/v1/leads/{lead_id}"), &vendor).await;
    assert_eq!((answer.status, answer.text("/disposition")), (200, "sold".to_owned()));
}
