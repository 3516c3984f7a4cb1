//! The exchange with its records in Postgres: a sale and its history, a database that goes away and
//! comes back, two nodes that see each other's changes.

use std::sync::Arc;
use std::time::Duration;

use gavel::demo::stub_buyer::{Reply, Script};
use gavel::servers::postgres::{PASSWORD, PostgresServer};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::receiver::Receiver;
use crate::support::{Installation, buyer, exchange, lead, until};

/// How soon every node must know of a change that another one made.
const SEEN_WITHIN: Duration = Duration::from_secs(2);

/// An exchange on an empty database of a server of its own.
struct Market {
    server: Arc<PostgresServer>,
    database: String,
    gavel: Installation,
}

impl Market {
    async fn open(more: &[(&str, &str)]) -> Self {
        let made = tokio::task::spawn_blocking(|| {
            let server = PostgresServer::start();
            let database = server.database();
            (server, database)
        });
        let (server, database) = made.await.unwrap();
        let url = server.url(&database);
        // A machine that is busy with other things must not make the server count as away.
        let settings = [
            ("records.kind", "postgres"),
            ("records.url", &url),
            ("records.connect_timeout_ms", "60000"),
            ("records.busy_timeout_ms", "60000"),
        ];
        let gavel = Installation::start(&[&settings, more].concat()).await;
        assert!(!gavel.path("data/records.db").exists());
        Self { server: Arc::new(server), database, gavel }
    }

    /// The rows of a query, a line each.
    async fn sql(&self, text: &str) -> String {
        let (server, database) = (Arc::clone(&self.server), self.database.clone());
        let text = text.to_owned();
        tokio::task::spawn_blocking(move || server.sql(&database, &[&text])).await.unwrap()
    }

    async fn on_server(&self, act: fn(&PostgresServer)) {
        let server = Arc::clone(&self.server);
        tokio::task::spawn_blocking(move || act(&server)).await.unwrap();
    }

    async fn sell(&self, vendor: &str, number: usize) -> String {
        let answer = self.gavel.post_json("/v1/leads", vendor, &lead(number)).await;
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
        answer.text("/lead_id")
    }

    /// What is degraded, while the node is ready.
    async fn degraded(&self) -> Vec<String> {
        let answer = self.gavel.request_without_key("GET /readyz", &[], "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let parts = answer.json()["degraded"].as_array().cloned().unwrap_or_default();
        let name = |part: &Json| part["what"].as_str().map(str::to_owned);
        parts.iter().filter_map(name).collect()
    }

    async fn metric(&self, name: &str) -> f64 {
        let metrics = self.gavel.metrics().await;
        let lines = metrics.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_sold_on_postgres_is_read_back_told_and_booked_and_all_of_it_outlives_a_restart() {
    let best = buyer(Script::always(Reply::bid("20.00"))).await;
    let receiver = Receiver::willing().await;
    let mut market = Market::open(&[]).await;
    market.gavel.apply(&exchange(&[("best", &best, "credit_limit = \"500.00\"")], ""));
    let vendor = market.gavel.key("vendor", "acme", &[]);
    let endpoint = json!({"url": receiver.url, "types": ["lead.sold"]});
    let made = market.gavel.post_json("/v1/event-endpoints", &vendor, &endpoint).await;
    assert_eq!((made.status, made.text("/state")), (201, "active".to_owned()), "{made:?}");

    let lead_id = market.sell(&vendor, 1).await;
    let told = until("the event has come", async || receiver.calls().into_iter().next()).await;
    assert_eq!((told.lead_id(), told.event_type()), (lead_id.clone(), "lead.sold".to_owned()));
    let operator = market.gavel.operator_key();
    let book = until("the sale is in the book", async || {
        let book = market.gavel.get("/v1/buyers/best/ledger", &operator).await;
        (book.text("/data/0/kind") == "capture").then_some(book)
    })
    .await;
    let record = market.gavel.record(&lead_id).await;
    assert_eq!(
        (&record["disposition"], &record["money"][0]["price"]),
        (&json!("sold"), &json!("20.00"))
    );
    let attempts = until("the attempt is in the log", async || {
        let path = format!("/v1/event-endpoints/{}/attempts", made.text("/id"));
        let attempts = market.gavel.get(&path, &vendor).await;
        (attempts.text("/data/0/result") == "delivered").then_some(attempts)
    })
    .await;
    let counted = "SELECT count(*), sum(price) FROM auctions";
    assert_eq!(market.sql(counted).await, "1|200000");

    assert_eq!(market.gavel.stop(), Some(0));
    market.gavel.serve().await;
    assert_eq!(market.gavel.record(&lead_id).await, record);
    assert_eq!(market.gavel.get("/v1/buyers/best/ledger", &operator).await.body, book.body);
    let path = format!("/v1/event-endpoints/{}/attempts", made.text("/id"));
    assert_eq!(market.gavel.get(&path, &vendor).await.body, attempts.body);
    market.sell(&vendor, 2).await;
    until("the second sale is recorded", async || {
        (market.sql(counted).await == "2|400000").then_some(())
    })
    .await;
    let log = market.gavel.log();
    assert!(!log.is_empty() && !log.contains(PASSWORD), "the password is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_are_sold_while_the_database_is_away_and_the_outbox_drains_when_it_is_back() {
    let best = buyer(Script::always(Reply::bid("20.00"))).await;
    let mut market = Market::open(&[]).await;
    market.gavel.apply(&exchange(&[("best", &best, "credit_limit = \"500.00\"")], ""));
    let vendor = market.gavel.key("vendor", "acme", &[]);
    market.sell(&vendor, 1).await;
    until("the first sale is recorded", async || {
        (market.sql("SELECT count(*) FROM auctions WHERE disposition = 'sold'").await == "1")
            .then_some(())
    })
    .await;

    for (stop, from) in
        [(PostgresServer::stop as fn(&PostgresServer), 2), (PostgresServer::crash, 7)]
    {
        market.on_server(stop).await;
        let mut leads = Vec::new();
        for number in from..from + 5 {
            leads.push(market.sell(&vendor, number).await);
        }
        until("readiness says so", async || {
            market.degraded().await.contains(&"records".to_owned()).then_some(())
        })
        .await;
        until("metrics say so", async || {
            let (errors, waiting) = (
                market.metric("gavel_records_errors_total").await,
                market.metric("gavel_outbox_entries").await,
            );
            (errors > 0.0 && waiting > 0.0).then_some(())
        })
        .await;
        // Money does not wait for the records: what is held becomes a debit.
        market.gavel.settled_balance("best").await;
        let list = market.gavel.get("/v1/auctions", &market.gavel.operator_key()).await;
        assert_eq!((list.status, list.text("/code")), (503, "records_unavailable".to_owned()));

        market.on_server(PostgresServer::resume).await;
        let expected = (from + 4).to_string();
        until("all sales are recorded", async || {
            let sold = "SELECT count(*) FROM auctions WHERE disposition = 'sold'";
            (market.sql(sold).await == expected).then_some(())
        })
        .await;
        until("nothing is degraded", async || market.degraded().await.is_empty().then_some(()))
            .await;
        for lead_id in &leads {
            assert_eq!(market.gavel.record(lead_id).await["disposition"], "sold");
        }
    }
    let booked = "SELECT count(*), sum(amount) FROM ledger WHERE account_kind = 'buyer' AND kind = 'capture'";
    until("the book is whole", async || (market.sql(booked).await == "11|-2200000").then_some(()))
        .await;

    // A node does not start without its registry, and says why.
    market.on_server(PostgresServer::stop).await;
    assert_eq!(market.gavel.stop(), Some(0));
    let refused = market.gavel.gavel(&["serve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("the records are unavailable: Connection refused"), "{said}");
    assert!(!said.contains(PASSWORD) && !market.gavel.log().contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_knows_of_a_change_of_the_registry_that_another_one_made() {
    let mut market = Market::open(&[]).await;
    assert_eq!(market.gavel.stop(), Some(0));
    let mut other = market.gavel.copy();
    market.gavel.serve().await;
    other.serve().await;
    let operator = market.gavel.operator_key();
    for (number, (here, there)) in
        [(&market.gavel, &other), (&other, &market.gavel)].into_iter().enumerate()
    {
        let path = format!("/v1/vendors/vendor-{number}");
        let body = json!({"name": "A vendor", "time_zone": "UTC"}).to_string();
        let headers = [("content-type", "application/json")];
        let put = format!("PUT {path}");
        let changed = here.request(&put, &operator, &headers, body).await;
        assert!([200, 201].contains(&changed.status), "{changed:?}");
        let key = here.key("vendor", &format!("vendor-{number}"), &[]);
        let since = Instant::now();
        // Whom a node's snapshot does not know, it does not let in.
        until("the other node knows the key", async || {
            let answer = there.get("/v1/leads/lead_0j01k9t4x2m8c5q7v3n0rwy6hbdz", &key).await;
            (answer.status == 404).then_some(())
        })
        .await;
        assert!(since.elapsed() < SEEN_WITHIN, "{:?}", since.elapsed());
    }
}
