//! A buyer that hangs holds its own places only.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::support::{GRACE, Server, buyer, call, failed, failure, hurried, local, ping, text};
use crate::ports::buyer_wire::{CallClass, WireFailure, WireRequest};
use crate::wire::{BuyerClient, WireSettings};

/// Answers a request for each permit of `gate`, and says when one has come in.
async fn gated(gate: Arc<Semaphore>) -> (Server, mpsc::UnboundedReceiver<()>) {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let server = Server::start(move |mut peer| {
        let (gate, arrived) = (gate.clone(), arrived.clone());
        async move {
            while peer.request().await.is_some() {
                arrived.send(()).expect("test runs");
                gate.acquire().await.expect("open").forget();
                peer.reply("let through").await;
            }
        }
    })
    .await;
    (server, arrivals)
}

fn two_places() -> Arc<BuyerClient> {
    let settings = WireSettings { calls_in_flight_max: 2, ..local() };
    Arc::new(BuyerClient::new(&settings).expect("client"))
}

#[tokio::test]
async fn a_ping_without_a_place_fails_at_once_and_other_buyers_do_not_notice() {
    let gate = Arc::new(Semaphore::new(0));
    let (server, mut arrivals) = gated(gate.clone()).await;
    let client = two_places();
    let url = server.url("/");
    let calls = TaskTracker::new();
    let mut held = Vec::new();
    for _ in 0..2 {
        let (client, request) = (client.clone(), ping(&url));
        held.push(calls.spawn(async move { text(&client, request).await }));
        arrivals.recv().await.expect("arrived");
    }

    let full = failed(WireFailure::Bulkhead, false, None);
    assert_eq!(failure(&client, ping(&url)).await, Some(full));

    let other = WireRequest { callee: buyer("best"), ..ping(&url) };
    let other_client = client.clone();
    let other = calls.spawn(async move { text(&other_client, other).await });
    arrivals.recv().await.expect("the other buyer's ping arrived");

    gate.add_permits(3);
    for task in held.into_iter().chain([other]) {
        assert_eq!(task.await.expect("task"), Ok("let through".to_owned()));
    }
    gate.add_permits(1);
    assert_eq!(text(&client, ping(&url)).await, Ok("let through".to_owned()));
}

#[tokio::test]
async fn a_post_waits_for_a_place_until_its_deadline() {
    let gate = Arc::new(Semaphore::new(0));
    let (server, mut arrivals) = gated(gate.clone()).await;
    let client = two_places();
    let url = server.url("/");
    let calls = TaskTracker::new();
    let mut held = Vec::new();
    for _ in 0..2 {
        let (client, request) = (client.clone(), ping(&url));
        held.push(calls.spawn(async move { text(&client, request).await }));
        arrivals.recv().await.expect("arrived");
    }

    let wait = Duration::from_millis(200);
    let started = Instant::now();
    let late = WireRequest { class: CallClass::Post, ..hurried(&url, wait) };
    let outcome = failure(&client, late).await;
    assert_eq!(outcome, Some(failed(WireFailure::Bulkhead, false, None)));
    assert!((wait..wait + GRACE).contains(&started.elapsed()), "{:?}", started.elapsed());

    let post = WireRequest { class: CallClass::Post, ..ping(&url) };
    let patient = client.clone();
    let post = calls.spawn(async move { text(&patient, post).await });
    gate.add_permits(3);
    assert_eq!(post.await.expect("task"), Ok("let through".to_owned()));
}

#[tokio::test]
async fn an_abandoned_call_gives_its_place_back() {
    let gate = Arc::new(Semaphore::new(0));
    let (server, mut arrivals) = gated(gate.clone()).await;
    let client = two_places();
    for _ in 0..5 {
        tokio::select! {
            _ = call(&client, ping(&server.url("/"))) => panic!("nobody answered"),
            arrived = arrivals.recv() => arrived.expect("arrived"),
        }
    }
}
