//! Several nodes over one store and one file of records: whichever a request reaches, the answer is
//! the same, and what one node leaves another one finishes.

mod away;
mod custody;
mod fleet;
mod processes;
mod settling;
mod trips;

use std::collections::BTreeSet;

use futures::future::join_all;
use gavel::demo::stub_buyer::{Reply, Script};
use gavel::domain::key::Role;
use gavel::domain::limits::Limits;
use gavel::store::faulty::Fault;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{buyer, lead, until};
use fleet::{Fleet, hasty};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_with_one_key_at_three_nodes_sell_one_lead_and_hear_the_same() {
    let alpha = buyer(Script::always(Reply::bid("20.00").after_ms(300))).await;
    let tree = "margin_percent = \"10\"\nduplicate_window_s = 86400\n";
    let fleet = Fleet::start(3, &[("alpha", &alpha, "")], Limits::default()).await;
    fleet.apply(&[("alpha", &alpha, "")], tree).await;
    for node in &fleet.nodes {
        node.exchange.administration().refresh().await.unwrap();
    }
    let body = lead(1);
    let answers = join_all((0..100).map(|number| fleet.submit(number % 3, "one-key", &body))).await;
    let first = &answers[0];
    assert_eq!(first.text("/disposition"), "sold", "{first:?}");
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &first.body));
    }
    let fresh = answers.iter().filter(|answer| !answer.headers.contains_key("idempotent-replayed"));
    assert_eq!(fresh.count(), 1);
    assert_eq!((alpha.pings().len(), alpha.posts().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_pings_at_one_node_and_posts_at_two_others() {
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    let fleet = Fleet::start(3, &[("alpha", &alpha, "")], Limits::default()).await;
    let mut ping = lead(1);
    for contact in ["first_name", "last_name", "phone", "email"] {
        ping["lead"].as_object_mut().unwrap().remove(contact);
    }
    let offered = fleet.post(0, "/v1/pings", &[], &ping).await;
    assert_eq!(offered.text("/disposition"), "offered", "{offered:?}");
    let whole = lead(1);
    let post = json!({
        "ping_id": offered.text("/ping_id"), "lead": whole["lead"], "consent": whole["consent"],
        "wait_ms": 20000
    });
    let answers =
        join_all((0..20).map(|number| fleet.post(1 + number % 2, "/v1/posts", &[], &post)));
    let began = Instant::now();
    let answers = answers.await;
    // Less than the vendor would wait: whoever came second hears as soon as there is an answer.
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
    assert_eq!(answers[0].text("/disposition"), "sold", "{:?}", answers[0]);
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &answers[0].body));
    }
    assert_eq!(alpha.posts().len(), 1);
    let lead_id = answers[0].text("/lead_id");
    assert_eq!(fleet.final_answer(0, &lead_id).await.body, answers[0].body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_node_leaves_in_its_ping_round_is_sold_within_two_leases() {
    let alpha = buyer(Script::always(Reply::bid("20.00").after_ms(600))).await;
    let fleet = Fleet::start(3, &[("alpha", &alpha, "")], hasty()).await;
    let body = lead(1);
    let at_the_dead = async {
        let pending = fleet.post(
            0,
            "/v1/leads",
            &[("idempotency-key", "k"), ("prefer", "respond-async")],
            &body,
        );
        let lead_id = pending.await.text("/lead_id");
        fleet.nodes[0].weather.set(Fault::Silent);
        (lead_id, Instant::now())
    };
    let (lead_id, died_at) = at_the_dead.await;
    let repeated = fleet.submit(1, "k", &body).await;
    let took = died_at.elapsed();
    assert_eq!(repeated.text("/disposition"), "sold", "{repeated:?}");
    assert_eq!(repeated.text("/lead_id"), lead_id);
    // Two leases, and the ping round of the node that took over.
    assert!(took.as_millis() < 4_000 + 2_000, "{took:?}");
    assert_eq!(fleet.final_answer(2, &lead_id).await.body, repeated.body);
    let take_overs: f64 =
        fleet.nodes[1..].iter().map(|node| node.metric("gavel_take_overs_total")).sum();
    assert!((take_overs - 1.0).abs() < f64::EPSILON, "{take_overs}");
    assert_eq!(alpha.posts().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_wakes_after_its_lease_changes_nothing_and_sends_nothing() {
    let alpha = buyer(Script::always(Reply::bid("20.00").after_ms(600))).await;
    let fleet = Fleet::start(2, &[("alpha", &alpha, "")], hasty()).await;
    let body = lead(1);
    let asked = [("idempotency-key", "k"), ("prefer", "respond-async")];
    let lead_id = fleet.post(0, "/v1/leads", &asked, &body).await.text("/lead_id");
    // It is cut off during its ping round, until another node has sold the lead.
    fleet.nodes[0].weather.set(Fault::Away);
    let sold = fleet.final_answer(1, &lead_id).await;
    assert_eq!(sold.text("/disposition"), "sold", "{sold:?}");
    fleet.nodes[0].weather.clear();
    until("the node has lost its lease and says the same", async || {
        let answer = fleet.submit(0, "k", &body).await;
        (answer.status == 200 && answer.body == sold.body).then_some(())
    })
    .await;
    until("it works on nothing", async || {
        let in_flight = fleet.nodes[0].metric("gavel_auctions_in_flight");
        (in_flight < 0.5).then_some(())
    })
    .await;
    assert_eq!(alpha.posts().len(), 1, "the lead was posted by one node");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_node_hands_over_what_it_cannot_finish() {
    let alpha = buyer(Script::always(Reply::bid("20.00").after_ms(1_500))).await;
    let limits = Limits { drain_ms: 50, ..Limits::default() };
    let fleet = Fleet::start(2, &[("alpha", &alpha, "")], limits).await;
    let body = lead(1);
    let asked = [("idempotency-key", "k"), ("prefer", "respond-async")];
    let lead_id = fleet.post(0, "/v1/leads", &asked, &body).await.text("/lead_id");
    let began = Instant::now();
    fleet.nodes[0].exchange.drain().await;
    let refused = fleet.submit(0, "another", &lead(2)).await;
    assert_eq!((refused.status, refused.text("/code").as_str()), (503, "overloaded"));
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    assert!(!fleet.readiness(0).await.0);
    let sold = fleet.final_answer(1, &lead_id).await;
    assert_eq!(sold.text("/disposition"), "sold", "{sold:?}");
    // A lease that was left to end by itself would have taken ten seconds.
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn money_and_records_of_a_dead_node_are_settled_by_another() {
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    let fleet = Fleet::start(2, &[("alpha", &alpha, "")], hasty()).await;
    // The first node may sell, and never settle.
    fleet.nodes[0].weather.set_for(Fault::Silent, "outbox_read", u64::MAX);
    let sold = fleet.submit(0, "k", &lead(1)).await;
    assert_eq!(sold.text("/disposition"), "sold", "{sold:?}");
    let alpha_id = "alpha".parse().unwrap();
    until("the sale is captured", async || {
        let balance = fleet.nodes[1].exchange.balance(&alpha_id).await.unwrap();
        (balance.posted.to_string() == "20.00" && balance.held.to_string() == "0.00").then_some(())
    })
    .await;
    let id = sold.text("/lead_id");
    until("the decision record is kept", async || {
        let record = fleet.nodes[1].exchange.auction(None, &id).await.unwrap()?;
        record.closed_at
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_registry_reaches_every_node_within_two_seconds() {
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    let beta = buyer(Script::always(Reply::bid("30.00"))).await;
    let fleet = Fleet::start(2, &[("alpha", &alpha, "")], Limits::default()).await;
    fleet.apply(&[("alpha", &alpha, ""), ("beta", &beta, "")], "").await;
    let other = fleet.key(Role::Vendor, "other").await;
    let changed_at = Instant::now();
    let versions = || {
        let version = |node: &fleet::Node| node.exchange.snapshot().version;
        fleet.nodes.iter().map(version).collect::<BTreeSet<i64>>()
    };
    until("both nodes use the newest registry", async || (versions().len() == 1).then_some(()))
        .await;
    assert!(changed_at.elapsed().as_secs() < 2, "{:?}", changed_at.elapsed());
    let sold = fleet.submit(1, "k", &lead(1)).await;
    assert_eq!(sold.text("/payout"), "30.00", "{sold:?}");
    assert!(!other.is_empty());
}
