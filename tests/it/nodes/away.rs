//! The store is away, forgetful, full or slow: nothing accepted is lost, nothing is sold twice, and
//! whoever asks is told the truth.

use std::time::Duration;

use futures::future::join_all;
use gavel::demo::stub_buyer::{Reply, Script, StubBuyer};
use gavel::domain::limits::Limits;
use gavel::store::faulty::Fault;
use tokio::time::Instant;

use super::fleet::{Fleet, NOTICED, hasty};
use crate::support::{buyer, lead, until};

async fn alpha(after_ms: u64) -> StubBuyer {
    buyer(Script::always(Reply::bid("20.00").after_ms(after_ms))).await
}

/// Waits until a node says so, and tells how long that took.
async fn readiness_becomes(fleet: &Fleet, node: usize, is_ready: bool) -> Duration {
    let began = Instant::now();
    until("the node notices", async || (fleet.readiness(node).await.0 == is_ready).then_some(()))
        .await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_is_noticed_in_time_and_so_is_its_return() {
    let alpha = alpha(0).await;
    let fleet = Fleet::start(1, &[("alpha", &alpha, "")], Limits::default()).await;
    for fault in [Fault::Away, Fault::Silent] {
        fleet.nodes[0].weather.set(fault);
        let took = readiness_becomes(&fleet, 0, false).await;
        assert!(took < NOTICED, "{fault:?}: {took:?}");
        assert!(fleet.nodes[0].metric("gavel_store_away") > 0.5);
        fleet.nodes[0].weather.clear();
        let took = readiness_becomes(&fleet, 0, true).await;
        assert!(took < NOTICED, "{fault:?}: {took:?}");
        assert!(fleet.nodes[0].metric("gavel_store_away") < 0.5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_leads_are_turned_away_with_a_time_to_come_again() {
    let alpha = alpha(0).await;
    let fleet = Fleet::start(1, &[("alpha", &alpha, "")], Limits::default()).await;
    fleet.nodes[0].weather.set(Fault::Away);
    let mut retries = Vec::new();
    for number in 0..40 {
        let refused = fleet.submit(0, &format!("k-{number}"), &lead(number)).await;
        assert_eq!((refused.status, refused.text("/code").as_str()), (503, "store_unavailable"));
        retries.push(refused.headers["retry-after"].clone());
    }
    assert!(retries.iter().all(|seconds| ["2", "3", "4", "5"].contains(&seconds.as_str())));
    assert!(retries.iter().any(|seconds| *seconds != retries[0]), "all are to come at once");
    fleet.nodes[0].weather.clear();
    readiness_becomes(&fleet, 0, true).await;
    assert!(alpha.pings().is_empty(), "nobody was asked about a lead that was not taken in");
    let sold = fleet.submit(0, "k-0", &lead(0)).await;
    assert_eq!(sold.text("/disposition"), "sold", "{sold:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_lead_goes_on_when_the_store_is_back() {
    let alpha = alpha(400).await;
    let fleet = Fleet::start(1, &[("alpha", &alpha, "")], Limits::default()).await;
    let mut body = lead(1);
    body["wait_ms"] = 1_500.into();
    // It goes away while the buyer thinks, and is away when the vendor's time is up.
    let asked = async {
        until("the buyer was asked", async || (!alpha.pings().is_empty()).then_some(())).await;
        fleet.nodes[0].weather.set(Fault::Away);
    };
    let (pending, ()) = tokio::join!(fleet.submit(0, "k", &body), asked);
    assert_eq!((pending.status, pending.text("/disposition").as_str()), (202, "pending"));
    assert!(alpha.posts().is_empty(), "no post leaves without its intent");
    fleet.nodes[0].weather.clear();
    let sold = fleet.final_answer(0, &pending.text("/lead_id")).await;
    assert_eq!(sold.text("/disposition"), "sold", "{sold:?}");
    assert_eq!(alpha.posts().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_written_however_long_it_takes() {
    let alpha = alpha(0).await;
    let fleet = Fleet::start(2, &[("alpha", &alpha, "")], Limits::default()).await;
    let node = &fleet.nodes[0];
    // Longer than any fixed number of tries within a few seconds.
    node.weather.set_for(Fault::Away, "outcome", 12);
    let mut body = lead(1);
    body["wait_ms"] = 500.into();
    let pending = fleet.submit(0, "k", &body).await;
    assert_eq!((pending.status, pending.text("/disposition").as_str()), (202, "pending"));
    let sold = fleet.final_answer(1, &pending.text("/lead_id")).await;
    assert_eq!(sold.text("/disposition"), "sold", "{sold:?}");
    assert_eq!(alpha.posts().len(), 1, "what is known is not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_are_lost_lose_nothing_and_double_nothing() {
    let alpha = alpha(0).await;
    let fleet = Fleet::start(1, &[("alpha", &alpha, "")], hasty()).await;
    let operations = [
        "create",
        "claim_duplicate",
        "decide",
        "hold",
        "intent",
        "outcome",
        "capture",
        "credit",
        "outbox_ack",
        "journal_ack",
    ];
    for (number, operation) in operations.into_iter().enumerate() {
        fleet.nodes[0].weather.set_for(Fault::ReplyLost, operation, 1);
        let (key, body) = (format!("k-{number}"), lead(number));
        // Whoever is told that the outcome is not known sends the same again.
        let sold = until("the lead is sold", async || {
            let answer = fleet.submit(0, &key, &body).await;
            (answer.status != 503).then_some(answer)
        })
        .await;
        assert_eq!(sold.text("/disposition"), "sold", "{operation}: {sold:?}");
        fleet.nodes[0].weather.clear();
    }
    let count = operations.len();
    assert_eq!((alpha.posts().len(), alpha.taken().len()), (count, count));
    let owed = format!("{}.00", 20 * count);
    until("every sale is captured once", async || {
        let balance = fleet.nodes[0].exchange.balance(&"alpha".parse().unwrap()).await.unwrap();
        (balance.posted.to_string() == owed && balance.held.to_string() == "0.00").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_room_takes_no_lead_and_finishes_those_it_has() {
    let alpha = alpha(400).await;
    let fleet = Fleet::start(1, &[("alpha", &alpha, "")], Limits::default()).await;
    let asked = async {
        until("the buyer was asked", async || (!alpha.pings().is_empty()).then_some(())).await;
        fleet.nodes[0].weather.set(Fault::Full);
        let refused = fleet.submit(0, "other", &lead(2)).await;
        assert_eq!((refused.status, refused.text("/code").as_str()), (503, "store_unavailable"));
        assert!(refused.text("/detail").contains("nothing was done"), "{refused:?}");
        assert!(!fleet.readiness(0).await.0);
    };
    let body = lead(1);
    let (sold, ()) = tokio::join!(fleet.submit(0, "k", &body), asked);
    assert_eq!(sold.text("/disposition"), "sold", "{sold:?}");
    fleet.nodes[0].weather.clear();
    let sold = fleet.submit(0, "other", &lead(2)).await;
    assert_eq!(sold.text("/disposition"), "sold", "{sold:?}");
    assert!(fleet.readiness(0).await.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_is_waited_for() {
    let alpha = alpha(0).await;
    let fleet = Fleet::start(1, &[("alpha", &alpha, "")], Limits::default()).await;
    fleet.nodes[0].weather.set(Fault::Slow(Duration::from_millis(1_200)));
    let submit = async |number| fleet.submit(0, &format!("k-{number}"), &lead(number)).await;
    for answer in join_all((0..10).map(submit)).await {
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
    }
    assert_eq!(alpha.posts().len(), 10);
}
