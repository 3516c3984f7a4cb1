//! A vendor asks what a lead would bring, and posts it afterwards.

use std::collections::BTreeSet;

use gavel::demo::stub_buyer::{OnPost, Reply, Script, StubBuyer};
use gavel::ports::Clock as _;
use gavel::system::SystemClock;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use crate::support::{Answer, Installation, buyer, exchange, lead, until};

const FORM_FIELDS: [&str; 4] = ["first_name", "last_name", "phone", "email"];

/// The ping of [`lead`]: without contact data and without its consent.
fn ping(number: usize) -> Json {
    let mut body = lead(number);
    let fields = body["lead"].as_object_mut().unwrap();
    fields.retain(|name, _| !FORM_FIELDS.contains(&name.as_str()));
    // Otherwise two consumers of one kind are one ping.
    body["source"]["click_id"] = json!(format!("click-{number}"));
    body.as_object_mut().unwrap().remove("consent");
    body
}

/// The post of [`lead`] to a ping.
fn post(number: usize, ping_id: &str) -> Json {
    let mut body = json!({"ping_id": ping_id, "lead": {}, "wait_ms": 20_000});
    let whole = lead(number);
    for name in FORM_FIELDS {
        body["lead"][name] = whole["lead"][name].clone();
    }
    body["consent"] = whole["consent"].clone();
    body
}

async fn send(gavel: &Installation, key: &str, route: &str, body: &Json) -> Answer {
    gavel.post_json(route, key, body).await
}

/// Pings lead `number` and gives the answer, which has an offer.
async fn offered(gavel: &Installation, key: &str, number: usize) -> Answer {
    let answer = send(gavel, key, "/v1/pings", &ping(number)).await;
    assert_eq!((answer.status, answer.text("/disposition")), (200, "offered".to_owned()));
    answer
}

fn payouts(answer: &Answer) -> Vec<String> {
    let offers = answer.json()["offers"].as_array().unwrap().clone();
    offers.iter().map(|offer| offer["payout"].as_str().unwrap().to_owned()).collect()
}

fn told(answer: &Answer) -> (u16, String, String, String) {
    let of = |pointer| answer.text(pointer);
    (answer.status, of("/disposition"), of("/reason"), of("/payout"))
}

fn says(
    status: u16,
    disposition: &str,
    reason: &str,
    payout: &str,
) -> (u16, String, String, String) {
    (status, disposition.to_owned(), reason.to_owned(), payout.to_owned())
}

async fn bidder(price: &str) -> StubBuyer {
    buyer(Script::always(Reply::bid(price))).await
}

async fn refuser(price: &str) -> StubBuyer {
    let refuse = OnPost::Answer(Reply::rejected("filtered"));
    buyer(Script::always(Reply::bid(price)).on_post(refuse)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_offered_without_contact_data_and_its_post_brings_what_was_offered() {
    let (best, second) = (bidder("20.00").await, bidder("15.00").await);
    let gavel = Installation::start(&[]).await;
    let buyers = [("best", &best, ""), ("second", &second, "")];
    gavel.apply(&exchange(&buyers, "margin_percent = \"10\"\n"));
    let vendor = gavel.key("vendor", "acme", &[]);
    let headers = [("content-type", "application/json"), ("idempotency-key", "ping-1")];
    let ask = async || {
        let body = ping(1).to_string();
        gavel.request("POST /v1/pings", &vendor, &headers, body).await
    };
    let answer = ask().await;
    let (ping_id, lead_id) = (answer.text("/ping_id"), answer.text("/lead_id"));
    assert_eq!(ping_id.replace("ping_", "lead_"), lead_id);
    let offer = |at: usize, payout: &str| {
        let offer_id = answer.text(&format!("/offers/{at}/offer_id"));
        assert!(offer_id.starts_with("off_"), "{offer_id}");
        json!({"offer_id": offer_id, "payout": payout, "seats": "exclusive"})
    };
    let expect = json!({
        "ping_id": ping_id, "lead_id": lead_id, "disposition": "offered",
        "offers": [offer(0, "18.00"), offer(1, "13.50")], "currency": "USD",
        "expires_at": answer.text("/expires_at"), "warnings": [],
    });
    assert_eq!((answer.status, answer.json()), (200, expect));
    let again = ask().await;
    assert_eq!((again.status, &again.body), (200, &answer.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let read = gavel.get(&format!("/v1/leads/{lead_id}"), &vendor).await;
    assert_eq!((read.status, &read.body), (200, &answer.body));
    assert_eq!((best.pings().len(), best.posts().len(), second.posts().len()), (1, 0, 0));
    let record = gavel.record(&ping_id).await;
    assert_eq!((&record["state"], &record["disposition"]), (&json!("offered"), &json!("offered")));
    assert_eq!(gavel.settled_balance("best").await["balance"], "0.00", "an offer holds no money");

    let sold = send(&gavel, &vendor, "/v1/posts", &post(1, &ping_id)).await;
    assert_eq!(told(&sold), says(200, "sold", "", "18.00"));
    assert_eq!(sold.text("/lead_id"), lead_id);
    let seen = best.posts()[0].json();
    assert_eq!(seen["ping_id"].as_str().unwrap(), best.pings()[0].header("webhook-id"));
    assert_eq!(
        (&seen["lead"]["phone"], &seen["lead"]["zip"]),
        (&json!("+12146530001"), &json!("75201"))
    );
    assert_eq!((&seen["price"], &seen["ref"]), (&json!("20.00"), &json!("ref-20.00")));
    let repeat = send(&gavel, &vendor, "/v1/posts", &post(1, &ping_id)).await;
    assert_eq!((repeat.status, &repeat.body), (200, &sold.body));
    assert_eq!(repeat.headers["idempotent-replayed"], "true");
    let read = gavel.get(&format!("/v1/leads/{lead_id}"), &vendor).await;
    assert_eq!((read.status, &read.body), (200, &sold.body));
    assert_eq!(ask().await.body, answer.body, "the ping's answer is what it was");
    assert_eq!((best.posts().len(), second.posts().len()), (1, 0));
    assert_eq!(gavel.settled_balance("best").await["posted"], "20.00");

    let record = gavel.record(&lead_id).await;
    assert_eq!((&record["state"], &record["disposition"]), (&json!("closed"), &json!("sold")));
    assert_eq!(record["offer"]["taken"]["offer_ids"], json!([answer.text("/offers/0/offer_id")]));
    assert_eq!(record["offer"]["taken"]["min_payout"], "18.00");
    let shown = gavel.gavel_ok(&["auction", "show", &ping_id]);
    assert!(shown.contains("payout 18.00  taken"), "{shown}");
    let metrics = gavel.metrics().await;
    for result in ["made", "taken"] {
        let line =
            format!("gavel_offers_total{{result=\"{result}\",vertical=\"final_expense\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_four_refusals_has_its_code_and_changes_nothing() {
    let taker = bidder("20.00").await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let other = gavel.key("vendor", "other", &[]);
    let test_key = gavel.key("vendor", "acme", &["--test"]);
    let answer = offered(&gavel, &vendor, 1).await;
    let ping_id = answer.text("/ping_id");
    let refused = async |key: &str, body: &Json| {
        let answer = send(&gavel, key, "/v1/posts", body).await;
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        (answer.status, answer.text("/code"))
    };
    let is = |status: u16, code: &str| (status, code.to_owned());
    let direct = send(&gavel, &vendor, "/v1/leads", &lead(2)).await.text("/lead_id");
    for unknown in [
        "ping_1".to_owned(),
        format!("ping_{}", "0".repeat(28)),
        format!("ping_{}", "z".repeat(28)),
        taker.pings()[0].header("webhook-id").to_owned(),
        direct.replace("lead_", "ping_"),
        ping_id.replace("ping_", "lead_"),
    ] {
        assert_eq!(
            refused(&vendor, &post(1, &unknown)).await,
            is(404, "ping_unknown"),
            "{unknown}"
        );
    }
    for key in [&other, &test_key] {
        assert_eq!(refused(key, &post(1, &ping_id)).await, is(404, "ping_unknown"));
    }
    let mut wrong = post(1, &ping_id);
    wrong["offer_ids"] = json!([answer.text("/offers/0/offer_id"), "off_1"]);
    let unknown = send(&gavel, &vendor, "/v1/posts", &wrong).await;
    assert_eq!((unknown.status, unknown.text("/code")), is(422, "offer_unknown"));
    assert_eq!(unknown.text("/errors/0/pointer"), "/offer_ids/1");
    let mut greedy = post(1, &ping_id);
    greedy["min_payout"] = json!("20.01");
    let refused_greed = send(&gavel, &vendor, "/v1/posts", &greedy).await;
    assert_eq!((refused_greed.status, refused_greed.text("/code")), is(422, "invalid_lead"));
    assert_eq!(refused_greed.text("/errors/0/pointer"), "/min_payout");
    let mut faulty = post(1, &ping_id);
    faulty["lead"]["phone"] = json!("12");
    faulty["lead"]["state"] = json!("FL");
    faulty["lead"].as_object_mut().unwrap().remove("first_name");
    let answer = send(&gavel, &vendor, "/v1/posts", &faulty).await;
    let faults: Vec<String> = (0..4)
        .map(|at| {
            format!(
                "{} {}",
                answer.text(&format!("/errors/{at}/pointer")),
                answer.text(&format!("/errors/{at}/code"))
            )
        })
        .collect();
    let expect = [
        "/lead/first_name required",
        "/lead/phone invalid_phone",
        "/lead/state frozen",
        "/lead/zip zip_not_in_state",
    ];
    assert_eq!((answer.status, faults), (422, expect.map(str::to_owned).to_vec()));
    assert!(!answer.text("/errors/1/detail").contains("12"), "no value is repeated");

    let sold = send(&gavel, &vendor, "/v1/posts", &post(1, &ping_id)).await;
    assert_eq!(told(&sold), says(200, "sold", "", "20.00"));
    let mut another = post(1, &ping_id);
    another["lead"]["email"] = json!("other@mail.example");
    assert_eq!(refused(&vendor, &another).await, is(409, "ping_used"));
    assert_eq!(refused(&other, &another).await, is(404, "ping_unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_nobody_took_ends_and_cannot_be_taken_any_more() {
    let taker = bidder("20.00").await;
    let gavel = Installation::start(&[("offer_ttl_ms", "400")]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = offered(&gavel, &vendor, 1).await;
    let path = format!("/v1/leads/{}", answer.text("/lead_id"));
    let over = until("the offer is over", async || {
        let read = gavel.get(&path, &vendor).await;
        (read.text("/disposition") != "offered").then_some(read)
    })
    .await;
    assert_eq!(told(&over), says(200, "expired", "", "0.00"));
    let late = send(&gavel, &vendor, "/v1/posts", &post(1, &answer.text("/ping_id"))).await;
    assert_eq!((late.status, late.text("/code")), (410, "ping_expired".to_owned()));
    assert_eq!(taker.posts().len(), 0);
    let forgotten = offered(&gavel, &vendor, 2).await;
    let record = until("the sweep ends an offer nobody asks about", async || {
        let record = gavel.record(&forgotten.text("/ping_id")).await;
        (record["state"] == "closed").then_some(record)
    })
    .await;
    assert_eq!((&record["disposition"], &record["money"]), (&json!("expired"), &json!([])));
    let metrics = gavel.metrics().await;
    let line = "gavel_offers_total{result=\"expired\",vertical=\"final_expense\"} 2";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_races_the_end_of_its_offer_has_one_result() {
    let taker = bidder("20.00").await;
    let gavel = Installation::start(&[("offer_ttl_ms", "300")]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let race = async |number: usize| {
        let offer = offered(&gavel, &vendor, number).await;
        let (ping_id, lead_id) = (offer.text("/ping_id"), offer.text("/lead_id"));
        let expires_at: Timestamp = offer.text("/expires_at").parse().unwrap();
        let spread = SignedDuration::from_millis(30 - 2 * number as i64);
        until("the offer is about to end", async || {
            (SystemClock.now() + spread >= expires_at).then_some(())
        })
        .await;
        let answer = send(&gavel, &vendor, "/v1/posts", &post(number, &ping_id)).await;
        let read = gavel.get(&format!("/v1/leads/{lead_id}"), &vendor).await;
        (answer, read)
    };
    let results = futures::future::join_all((0..30).map(race)).await;
    let mut sold = 0;
    for (answer, read) in &results {
        match answer.status {
            200 => {
                sold += 1;
                assert_eq!(told(answer), says(200, "sold", "", "20.00"));
                assert_eq!(read.body, answer.body);
            }
            410 => assert_eq!(told(read), says(200, "expired", "", "0.00")),
            other => panic!("{other}: {answer:?}"),
        }
    }
    assert_eq!(taker.taken().len(), sold, "sold is what the buyer has");
    let posted = gavel.settled_balance("taker").await["posted"].clone();
    assert_eq!(posted.as_str().unwrap(), format!("{}.00", 20 * sold));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_bidder_gets_the_lead_only_from_min_payout_on() {
    let (best, second, third) =
        (refuser("20.00").await, bidder("15.00").await, bidder("9.00").await);
    let gavel = Installation::start(&[("fallback_depth", "1")]).await;
    let buyers = [("best", &best, ""), ("second", &second, ""), ("third", &third, "")];
    gavel.apply(&exchange(&buyers, "margin_percent = \"10\"\n"));
    let vendor = gavel.key("vendor", "acme", &[]);
    let sell = async |number: usize, change: &dyn Fn(&mut Json, &Answer)| {
        let answer = offered(&gavel, &vendor, number).await;
        assert_eq!(payouts(&answer), ["18.00", "13.50"]);
        let mut body = post(number, &answer.text("/ping_id"));
        change(&mut body, &answer);
        let answer = send(&gavel, &vendor, "/v1/posts", &body).await;
        (told(&answer), answer.text("/lead_id"))
    };
    let (answer, lead_id) = sell(1, &|_, _| {}).await;
    assert_eq!(answer, says(200, "unsold", "all_posts_rejected", "0.00"), "the offer, or nobody");
    let record = gavel.record(&lead_id).await;
    let passed: Vec<Json> = record["candidates"].as_array().unwrap()[1..]
        .iter()
        .map(|candidate| json!([candidate["lost_reason"], candidate["rule"]]))
        .collect();
    assert_eq!(passed, vec![json!(["below_floor", "min_payout"]); 2]);
    let (answer, _) = sell(2, &|body, _| body["min_payout"] = json!("13.51")).await;
    assert_eq!(answer, says(200, "unsold", "all_posts_rejected", "0.00"));
    let (answer, _) = sell(3, &|body, _| body["min_payout"] = json!("13.50")).await;
    assert_eq!(answer, says(200, "sold", "", "13.50"));
    let both = |body: &mut Json, answer: &Answer| {
        let offer = |at: usize| answer.text(&format!("/offers/{at}/offer_id"));
        body["offer_ids"] = json!([offer(1), offer(0)]);
    };
    let (answer, _) = sell(4, &both).await;
    assert_eq!(answer, says(200, "sold", "", "13.50"), "an offer taken brings what was offered");
    let only_second = |body: &mut Json, answer: &Answer| {
        body["offer_ids"] = json!([answer.text("/offers/1/offer_id")]);
    };
    let before = best.posts().len();
    let (answer, lead_id) = sell(5, &only_second).await;
    assert_eq!(answer, says(200, "sold", "", "13.50"));
    assert_eq!(best.posts().len(), before, "the vendor chose another one");
    assert_eq!(gavel.record(&lead_id).await["candidates"][0]["lost_reason"], "not_taken");
    assert_eq!((second.taken().len(), third.posts().len()), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_posts_to_one_ping_one_takes_it() {
    let taker = buyer(Script::always(Reply::bid("20.00")).on_post(OnPost::Accept)).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let ping_id = offered(&gavel, &vendor, 1).await.text("/ping_id");
    let posts = (0..24).map(|number| {
        let body = post(number % 3, &ping_id);
        let (gavel, vendor) = (&gavel, &vendor);
        async move { send(gavel, vendor, "/v1/posts", &body).await }
    });
    let answers = futures::future::join_all(posts).await;
    let of = |status: u16| answers.iter().filter(move |answer| answer.status == status);
    let sold: BTreeSet<_> = of(200).map(|answer| answer.body.clone()).collect();
    assert_eq!((of(200).count(), sold.len(), of(409).count()), (8, 1, 16), "{answers:?}");
    assert!(of(409).all(|answer| answer.text("/code") == "ping_used"));
    let replayed = of(200).filter(|answer| answer.headers.contains_key("idempotent-replayed"));
    assert_eq!(replayed.count(), 7);
    assert_eq!((taker.posts().len(), taker.taken().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_survives_a_kill_and_binds_afterwards() {
    let taker = buyer(
        Script::always(Reply::bid("20.00")).on_post(OnPost::AcceptButAnswer(Reply::silence(), 1)),
    )
    .await;
    let second = bidder("19.00").await;
    let mut gavel = Installation::start(&[]).await;
    let buyers = [("taker", &taker, ""), ("second", &second, "")];
    gavel.apply(&exchange(&buyers, "margin_percent = \"10\"\n"));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = offered(&gavel, &vendor, 1).await;
    gavel.kill();
    gavel.serve().await;
    // What the vendor is promised is fixed: a margin that rises later takes nothing from it.
    gavel.apply(&exchange(&buyers, "margin_percent = \"50\"\n"));
    let again = send(&gavel, &vendor, "/v1/pings", &ping(1)).await;
    assert_eq!((again.status, &again.body), (200, &answer.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let mut body = post(1, &answer.text("/ping_id"));
    body["wait_ms"] = json!(100);
    let pending = send(&gavel, &vendor, "/v1/posts", &body).await;
    assert_eq!((pending.status, pending.text("/disposition")), (202, "pending".to_owned()));
    until("the post is there", async || (!taker.posts().is_empty()).then_some(())).await;
    gavel.kill();
    gavel.serve().await;
    let sold = gavel.final_answer(&vendor, &pending.text("/lead_id")).await;
    assert_eq!(told(&sold), says(200, "sold", "", "18.00"));
    let repeat = send(&gavel, &vendor, "/v1/posts", &body).await;
    assert_eq!((repeat.status, &repeat.body), (200, &sold.body));
    assert_eq!((taker.taken().len(), second.posts().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_and_the_consumer_are_looked_at_when_they_are_known() {
    let taker = bidder("20.00").await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], "duplicate_window_s = 3600\n"));
    let vendor = gavel.key("vendor", "acme", &[]);
    let ping_id = offered(&gavel, &vendor, 1).await.text("/ping_id");
    let mut silent = post(1, &ping_id);
    silent.as_object_mut().unwrap().remove("consent");
    let refused = send(&gavel, &vendor, "/v1/posts", &silent).await;
    assert_eq!(told(&refused), says(200, "refused", "consent_missing", "0.00"));
    let sold = async |number: usize, consumer: usize| {
        let ping_id = offered(&gavel, &vendor, number).await.text("/ping_id");
        told(&send(&gavel, &vendor, "/v1/posts", &post(consumer, &ping_id)).await)
    };
    assert_eq!(sold(2, 1).await, says(200, "sold", "", "20.00"), "a refusal claims nobody");
    assert_eq!(sold(3, 1).await, says(200, "refused", "duplicate", "0.00"));
    assert_eq!(sold(4, 4).await, says(200, "sold", "", "20.00"));
    let direct = send(&gavel, &vendor, "/v1/leads", &lead(4)).await;
    assert_eq!(told(&direct), says(200, "refused", "duplicate", "0.00"));
    assert_eq!(taker.taken().len(), 2);
    // Nobody was pinged for it, and nothing says that anybody was.
    assert_eq!((taker.pings().len(), direct.json()["auction"]["pinged"].clone()), (4, json!(0)));
    let record = gavel.record(&direct.text("/lead_id")).await;
    let candidate = &record["candidates"][0];
    let seen = (&candidate["verdict"], &candidate["ping"], &candidate["fields_sent"]);
    assert_eq!(seen, (&json!("not_asked"), &json!(null), &json!([])));
    let own = gavel.get(&format!("/v1/auctions/{}", direct.text("/lead_id")), &vendor).await;
    assert_eq!(own.json()["pinged"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_that_nobody_wants_says_why_and_leaves_contact_data_aside() {
    let miser = bidder("0.50").await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("miser", &miser, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let mut body = ping(1);
    body["lead"]["phone"] = json!("+12146530001");
    body["shoe_size"] = json!(9);
    let answer = send(&gavel, &vendor, "/v1/pings", &body).await;
    let (ping_id, lead_id) = (answer.text("/ping_id"), answer.text("/lead_id"));
    let warning = |pointer: &str, code: &str, detail: &str| json!({"pointer": pointer, "code": code, "detail": detail});
    let expect = json!({
        "ping_id": ping_id, "lead_id": lead_id, "disposition": "unsold",
        "reason": "no_bid_above_floor", "offers": [], "currency": "USD", "expires_at": null,
        "warnings": [
            warning("/shoe_size", "unknown_field", "there is no such field; it was left aside"),
            warning("/lead/phone", "contact_in_ping", "contact data was left aside; send it with the post"),
        ],
    });
    assert_eq!((answer.status, answer.json()), (200, expect));
    let read = gavel.get(&format!("/v1/leads/{lead_id}"), &vendor).await;
    assert_eq!(read.body, answer.body);
    let refused = send(&gavel, &vendor, "/v1/posts", &post(1, &ping_id)).await;
    assert_eq!((refused.status, refused.text("/code")), (422, "offer_unknown".to_owned()));
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let form = "vertical=final_expense&lead[state]=TX&lead[zip]=75201&lead[date_of_birth]=1957-03-02&floor=0.10&test=true";
    let formed = gavel.request("POST /v1/pings", &vendor, &headers, form).await;
    assert_eq!((formed.status, formed.text("/disposition")), (200, "offered".to_owned()));
    let form = format!(
        "ping_id={}&lead[first_name]=Grace&lead[last_name]=Testington&lead[phone]=2145550123\
         &consent[text]=I+agree.&consent[given_at]=2026-11-23T14:00:00Z",
        formed.text("/ping_id")
    );
    let sold = gavel.request("POST /v1/posts", &vendor, &headers, form).await;
    assert_eq!(told(&sold), says(200, "sold", "", "0.50"));
    assert_eq!(gavel.settled_balance("miser").await["posted"], "0.00", "tests cost nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_does_not_wait_asks_again_for_its_offer() {
    let slow = buyer(Script::always(Reply::bid("20.00").after_ms(400))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("slow", &slow, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let headers = [("content-type", "application/json"), ("prefer", "respond-async")];
    let answer = gavel.request("POST /v1/pings", &vendor, &headers, ping(1).to_string()).await;
    let (ping_id, lead_id) = (answer.text("/ping_id"), answer.text("/lead_id"));
    let expect = json!({
        "ping_id": ping_id, "lead_id": lead_id, "disposition": "pending",
        "status_url": format!("/v1/leads/{lead_id}"),
    });
    assert_eq!((answer.status, answer.json()), (202, expect));
    let hasty = send(&gavel, &vendor, "/v1/posts", &post(1, &ping_id)).await;
    assert_eq!((hasty.status, hasty.text("/code")), (422, "offer_unknown".to_owned()));
    let patient = send(&gavel, &vendor, "/v1/pings", &ping(1)).await;
    assert_eq!((patient.status, patient.text("/offers/0/payout")), (200, "20.00".to_owned()));
    assert_eq!(patient.text("/ping_id"), ping_id);
    assert_eq!(slow.pings().len(), 1);
}

/// Pings other leads until `rule` keeps the first campaign from being asked; gives that answer's offers.
async fn offers_without(
    gavel: &Installation,
    vendor: &str,
    first: usize,
    rule: &str,
) -> Vec<String> {
    let mut number = first;
    until(&format!("the buyer is left out by {rule}"), async || {
        number += 1;
        let answer = offered(gavel, vendor, number).await;
        let record = gavel.record(&answer.text("/ping_id")).await;
        let rules: Vec<_> = record["candidates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|candidate| &candidate["rule"])
            .collect();
        rules.contains(&&json!(rule)).then(|| payouts(&answer))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_cannot_pay_is_not_asked_and_spoils_no_offer() {
    let (capped, poor, open) = (bidder("50.00").await, bidder("30.00").await, bidder("9.00").await);
    let gavel = Installation::start(&[("fallback_depth", "0")]).await;
    let buyers = [
        ("capped", &capped, "caps = [{ per = \"total\", leads = 1 }]"),
        ("poor", &poor, "credit_limit = \"30.00\""),
        ("open", &open, ""),
    ];
    gavel.apply(&exchange(&buyers, ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let sell = async |number: usize| {
        let offer = offered(&gavel, &vendor, number).await;
        let body = post(number, &offer.text("/ping_id"));
        send(&gavel, &vendor, "/v1/posts", &body).await.text("/payout")
    };

    assert_eq!(sell(1).await, "50.00");
    assert_eq!(offers_without(&gavel, &vendor, 10, "cap:total").await, ["30.00"]);
    assert_eq!(sell(2).await, "30.00");
    assert_eq!(offers_without(&gavel, &vendor, 30, "balance").await, ["9.00"]);
    assert_eq!(sell(3).await, "9.00");

    let asked = (capped.pings().len(), poor.pings().len());
    assert_eq!(sell(4).await, "9.00");
    assert_eq!((capped.pings().len(), poor.pings().len()), asked, "nor is it pinged");
    gavel.gavel_ok(&["credit", "poor", "30.00", "--op", "deposit-1"]);
    let mut number = 50;
    until("the deposit makes room", async || {
        number += 1;
        (payouts(&offered(&gavel, &vendor, number).await) == ["30.00"]).then_some(())
    })
    .await;
}
