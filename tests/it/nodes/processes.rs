//! Three nodes as processes of their own over one Redis and one Postgres: restarts one after the
//! other, deaths, and a store that goes away and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use gavel::demo::stub_buyer::{Reply, Script, StubBuyer};
use gavel::servers::postgres::PostgresServer;
use gavel::servers::redis::{DURABLE, RedisServer};
use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fleet::NOTICED;
use crate::support::{Answer, Installation, PATIENCE, buyer, exchange, lead, until};

/// Three nodes, and what they stand on.
struct Trio {
    redis: RedisServer,
    nodes: Vec<Installation>,
    vendor_key: String,
}

impl Trio {
    async fn start(alpha: &StubBuyer) -> Self {
        let redis = RedisServer::start(&DURABLE);
        let postgres = PostgresServer::shared();
        let urls = format!("[\"{}\"]", redis.url());
        let records = postgres.url(&postgres.database());
        let mut first = Installation::start(&[
            ("store.kind", "redis"),
            ("store.urls", &urls),
            ("records.kind", "postgres"),
            ("records.url", &records),
            ("lease_ms", "2000"),
            ("renew_ms", "500"),
            ("post_ms", "2000"),
            ("log.level", "info"),
        ])
        .await;
        first.apply(&exchange(&[("alpha", alpha, "")], "margin_percent = \"10\"\n"));
        let vendor_key = first.key("vendor", "acme", &[]);
        assert_eq!(first.stop(), Some(0), "{}", first.log());
        let mut nodes = vec![first.copy(), first.copy(), first];
        for node in &mut nodes {
            // The master key is the operator's to copy; day keys are not.
            let _ = std::fs::remove_dir_all(node.path("data/day-keys"));
            node.serve().await;
        }
        Self { redis, nodes, vendor_key }
    }

    fn client(&self) -> Client {
        let urls = self.nodes.iter().map(|node| node.url("/v1/leads")).collect();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Client { http, urls, key: self.vendor_key.clone() }
    }

    async fn is_ready(&self, node: usize) -> bool {
        let url = format!("http://{}/readyz", self.nodes[node].metrics_address());
        let answer = self.client().http.get(url).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

/// A vendor's program: it tries again, elsewhere, what it was told to try again.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    urls: Vec<String>,
    key: String,
}

impl Client {
    /// What one node answers; `None` where it is not there.
    async fn submit_at(&self, node: usize, idempotency_key: &str, body: &Json) -> Option<Answer> {
        let request = self.http.post(&self.urls[node]).bearer_auth(&self.key).json(body);
        match request.header("idempotency-key", idempotency_key).send().await {
            Ok(reply) => {
                let status = reply.status().as_u16();
                let retry_after = reply.headers().get("retry-after").cloned();
                let headers = retry_after
                    .map(|value| ("retry-after".to_owned(), value.to_str().unwrap().to_owned()));
                let body = reply.bytes().await.unwrap_or_else(|error| panic!("{error:?}"));
                Some(Answer { status, headers: headers.into_iter().collect(), body })
            }
            // A connection that nobody had accepted yet is reset when its listener closes.
            Err(error) if error.is_connect() || is_reset(&error) => None,
            Err(error) => panic!("neither an answer nor a refused connection: {error:?}"),
        }
    }

    /// The final answer about a lead, whatever it takes, the node `first` being asked first; gives
    /// also how often it had to try again.
    async fn submit(&self, first: usize, number: usize) -> (Answer, usize) {
        let (key, body) = (key_of(number), lead(number));
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        let give_up_at = Instant::now() + PATIENCE;
        let mut retries = 0;
        loop {
            assert!(Instant::now() < give_up_at, "lead {number} has no final answer");
            pace.tick().await;
            let node = (first + retries) % self.urls.len();
            match self.submit_at(node, &key, &body).await {
                Some(answer) if answer.status == 200 => return (answer, retries),
                Some(answer) if answer.status == 202 => {}
                Some(answer) => {
                    assert_eq!(answer.status, 503, "{answer:?}");
                    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
                }
                None => {}
            }
            retries += 1;
        }
    }
}

fn key_of(number: usize) -> String {
    format!("lead-{number}")
}

async fn alpha(after_ms: u64) -> StubBuyer {
    buyer(Script::always(Reply::bid("20.00").after_ms(after_ms))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_restarted_one_after_the_other_and_vendors_see_at_most_a_503() {
    let alpha = alpha(50).await;
    let mut trio = Trio::start(&alpha).await;
    let (client, is_over) = (trio.client(), Arc::new(AtomicBool::new(false)));
    let mut vendors = JoinSet::new();
    for vendor in 0..4_usize {
        let (client, is_over) = (client.clone(), Arc::clone(&is_over));
        vendors.spawn(async move {
            let mut answers = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let number = vendor + 4 * answers.len();
                answers.push((number, client.submit(number, number).await));
            }
            answers
        });
    }
    for node in &mut trio.nodes {
        let stopped = tokio::task::block_in_place(|| node.stop());
        assert_eq!(stopped, Some(0), "{}", node.log());
        node.serve().await;
    }
    is_over.store(true, Ordering::Relaxed);
    let answers: Vec<_> = vendors.join_all().await.into_iter().flatten().collect();
    assert!(answers.len() >= 20, "only {} leads", answers.len());
    let tried_again: usize = answers.iter().map(|(_, (_, retries))| retries).sum();
    assert!(tried_again > 0, "no restart met a request");
    for (number, (answer, _)) in &answers {
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
        let (again, _) = client.submit(number + 1, *number).await;
        assert_eq!(again.body, answer.body);
    }
    assert_eq!(alpha.posts().len(), answers.len(), "each lead was posted once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_of_a_node_that_was_killed_is_sold_by_another_under_the_same_key() {
    let alpha = alpha(400).await;
    let mut trio = Trio::start(&alpha).await;
    let client = trio.client();
    let mut first = JoinSet::new();
    for number in 0..12 {
        let client = client.clone();
        // Whoever is at the node that dies hears nothing.
        first.spawn(async move {
            let body = lead(number);
            let request = client.http.post(&client.urls[0]).bearer_auth(&client.key).json(&body);
            drop(request.header("idempotency-key", key_of(number)).send().await);
        });
    }
    until("all are being asked about", async || (alpha.pings().len() == 12).then_some(())).await;
    trio.nodes[0].kill();
    let died_at = Instant::now();
    first.join_all().await;
    let repeats = (0..12).map(async |number| client.submit(1 + number % 2, number).await.0);
    let answers = join_all(repeats).await;
    // Two leases, the new round, and a machine that is busy.
    assert!(died_at.elapsed() < Duration::from_secs(12), "{:?}", died_at.elapsed());
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
        let other = client.submit_at(2 - number % 2, &key_of(number), &lead(number)).await;
        let other = other.unwrap();
        assert_eq!(other.body, answer.body);
    }
    assert_eq!(alpha.taken().len(), 12, "each lead was sold once");
    until("a survivor has settled every sale", async || {
        let balance = trio.nodes[1].settled_balance("alpha").await;
        (balance["posted"] == "240.00").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_in_flight_outlive_the_store_being_away() {
    let alpha = alpha(600).await;
    let trio = Trio::start(&alpha).await;
    let client = trio.client();
    let mut leads = JoinSet::new();
    for number in 0..9 {
        let client = client.clone();
        leads.spawn(async move { client.submit(number, number).await.0 });
    }
    until("all are being asked about", async || (alpha.pings().len() == 9).then_some(())).await;
    trio.redis.kill();
    let went_at = Instant::now();
    for node in 0..3 {
        until("it is not ready", async || (!trio.is_ready(node).await).then_some(())).await;
    }
    assert!(went_at.elapsed() < NOTICED, "{:?}", went_at.elapsed());
    let refused = until("a new lead is turned away", async || {
        let answer = client.submit_at(0, "new", &lead(100)).await?;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(refused.text("/code"), "store_unavailable", "{refused:?}");
    trio.redis.resume();
    for node in 0..3 {
        until("it is ready again", async || trio.is_ready(node).await.then_some(())).await;
    }
    for answer in leads.join_all().await {
        assert_eq!(answer.text("/disposition"), "sold");
    }
    assert_eq!((alpha.posts().len(), alpha.taken().len()), (9, 9));
}

/// Whether the other side reset the connection before it answered.
fn is_reset(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset) {
            return true;
        }
        source = error.source();
    }
    false
}
