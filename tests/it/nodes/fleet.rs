//! Several exchanges in this process over one store and one file of records, each with its HTTP
//! server, its own keys folder and its own weather between it and the store.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gavel::cli::exchange_dir;
use gavel::demo::stub_buyer::StubBuyer;
use gavel::domain::address::AddressPolicy;
use gavel::domain::event_settings::EventSettings;
use gavel::domain::key::{KeyMode, Role};
use gavel::domain::limits::Limits;
use gavel::flow::administer::{Administration, AdministrationParts, ApplyOptions, KeyOrder};
use gavel::flow::{Exchange, ExchangeParts};
use gavel::http::{Api, KEEP_ALIVE, ServerSettings, Servers};
use gavel::metrics::Metrics;
use gavel::ports::{AuctionStore, Clock, Entropy};
use gavel::records::{SqlRecords, Sqlite, SqliteSettings};
use gavel::registry::compile::Surroundings;
use gavel::store::embedded::{EmbeddedSettings, EmbeddedStore};
use gavel::store::faulty::{Weather, in_weather};
use gavel::system::{SystemClock, SystemEntropy};
use gavel::vault::{MasterKey, Vault};
use gavel::wire::{BuyerClient, WireSettings};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::support::{Answer, exchange, text, until};

/// One exchange.
pub struct Node {
    pub exchange: Arc<Exchange>,
    pub vault: Arc<Vault>,
    pub records: Arc<SqlRecords>,
    /// Between it and the store.
    pub weather: Arc<Weather>,
    pub metrics: Arc<Metrics>,
    servers: Servers,
}

/// Exchanges over one store.
pub struct Fleet {
    folder: TempDir,
    pub store: Arc<dyn AuctionStore>,
    pub nodes: Vec<Node>,
    pub vendor_key: String,
    limits: Limits,
    client: reqwest::Client,
}

/// Limits under which what a node leaves is taken over soon.
pub fn hasty() -> Limits {
    Limits {
        lease_ms: 2_000,
        renew_ms: 500,
        post_ms: 2_000,
        registry_poll_ms: 200,
        ..Limits::default()
    }
}

impl Fleet {
    /// Starts `count` nodes that sell to `buyers`.
    pub async fn start(count: usize, buyers: &[(&str, &StubBuyer, &str)], limits: Limits) -> Self {
        let store =
            EmbeddedStore::volatile(EmbeddedSettings::default(), Arc::new(SystemClock)).unwrap();
        let mut fleet = Self::over(store, buyers, limits).await;
        for _ in 1..count {
            fleet.add_node().await;
        }
        fleet
    }

    /// Starts one node that sells to `buyers` over `store`.
    pub async fn over(
        store: Arc<dyn AuctionStore>,
        buyers: &[(&str, &StubBuyer, &str)],
        limits: Limits,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut fleet =
            Self { folder, store, nodes: Vec::new(), vendor_key: String::new(), limits, client };
        fleet.add_node().await;
        fleet.apply(buyers, "margin_percent = \"10\"\n").await;
        fleet.vendor_key = fleet.key(Role::Vendor, "acme").await;
        fleet
    }

    /// Starts one more node.
    pub async fn add_node(&mut self) {
        let name = format!("node-{}", self.nodes.len());
        let weather = Arc::new(Weather::default());
        let store = in_weather(Arc::clone(&self.store), Arc::clone(&weather));
        let node = Node::start(self.folder.path(), &name, (store, weather), &self.limits).await;
        self.nodes.push(node);
    }

    /// Changes the registry through the first node.
    pub async fn apply(&self, buyers: &[(&str, &StubBuyer, &str)], tree: &str) {
        let source = self.folder.path().join("exchange");
        for (name, text) in exchange(buyers, tree) {
            let path = source.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let bundle = exchange_dir::read(&source, &|_| None).unwrap();
        let administration = self.nodes[0].exchange.administration();
        administration.apply(&bundle, ApplyOptions::default(), "test").await.map(drop).unwrap();
    }

    /// A key made at the first node.
    pub async fn key(&self, role: Role, owner: &str) -> String {
        let order = KeyOrder {
            role,
            owner: owner.to_owned(),
            mode: KeyMode::Live,
            strict: false,
            require_signature: false,
            expires_at: None,
        };
        let made = self.nodes[0].exchange.administration().create_key(&order, "test").await;
        made.unwrap_or_else(|error| panic!("{error}")).key.to_string()
    }

    /// Submits a lead at a node, under a key.
    pub async fn submit(&self, node: usize, idempotency_key: &str, body: &Json) -> Answer {
        self.post(node, "/v1/leads", &[("idempotency-key", idempotency_key)], body).await
    }

    pub async fn post(
        &self,
        node: usize,
        path: &str,
        headers: &[(&str, &str)],
        body: &Json,
    ) -> Answer {
        let url = format!("http://{}{path}", self.nodes[node].address());
        let request = self.client.post(url).bearer_auth(&self.vendor_key).json(body);
        self.send(request, headers).await
    }

    pub async fn get(&self, node: usize, path: &str) -> Answer {
        let url = format!("http://{}{path}", self.nodes[node].address());
        self.send(self.client.get(url).bearer_auth(&self.vendor_key), &[]).await
    }

    /// Whether a node says that it is ready, and what is degraded.
    pub async fn readiness(&self, node: usize) -> (bool, String) {
        let url = format!("http://{}/readyz", self.nodes[node].servers.addresses().metrics);
        let answer = self.send(self.client.get(url), &[]).await;
        (answer.status == 200, text(&answer.body))
    }

    async fn send(&self, request: reqwest::RequestBuilder, headers: &[(&str, &str)]) -> Answer {
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let reply = request.send().await.unwrap();
        let header =
            |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
                (name.to_string(), value.to_str().unwrap_or_default().to_owned())
            };
        let headers = reply.headers().iter().map(header).collect();
        Answer { status: reply.status().as_u16(), headers, body: reply.bytes().await.unwrap() }
    }

    /// The final answer of a lead, as a node tells it.
    pub async fn final_answer(&self, node: usize, lead_id: &str) -> Answer {
        until("the lead has its final answer", async || {
            let answer = self.get(node, &format!("/v1/leads/{lead_id}")).await;
            let is_final = answer.status == 200 && answer.text("/disposition") != "pending";
            is_final.then_some(answer)
        })
        .await
    }
}

impl Node {
    async fn start(
        folder: &Path,
        name: &str,
        (store, weather): (Arc<dyn AuctionStore>, Arc<Weather>),
        limits: &Limits,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy = SystemEntropy::new().unwrap();
        let random = Box::new(move |bytes: &mut [u8]| entropy.fill(bytes));
        let keys = folder.join(name).join("day-keys");
        fs::create_dir_all(keys.parent().unwrap()).unwrap();
        let vault = Arc::new(Vault::open(&MasterKey::new([7; 32]), keys, random).unwrap());
        let records = Sqlite::open(SqliteSettings::at(folder.join("records.db"))).await.unwrap();
        let wire = WireSettings {
            allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
            ..WireSettings::default()
        };
        let metrics = Arc::new(Metrics::new());
        let policy: AddressPolicy = wire.address_policy();
        let administration = Arc::new(Administration::new(AdministrationParts {
            records: records.clone(),
            vault: Arc::clone(&vault),
            clock: Arc::clone(&clock),
            entropy: Arc::new(entropy),
            surroundings: Surroundings::new("USD", policy),
            metrics: Arc::clone(&metrics),
        }));
        administration.refresh().await.unwrap();
        let exchange = Exchange::new(ExchangeParts {
            store,
            records: records.clone(),
            wire: Arc::new(BuyerClient::new(&wire).unwrap()),
            clock,
            entropy: Arc::new(entropy),
            vault: Arc::clone(&vault),
            metrics: Arc::clone(&metrics),
            limits: limits.clone(),
            event_settings: EventSettings::default(),
            endpoint_places: 4,
            administration,
            tasks: Handle::current().into(),
        });
        let today = TimeZone::UTC.to_datetime(now()).date();
        exchange.custody().keep(&[today, today.tomorrow().unwrap()]).await.unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let settings = ServerSettings {
            api: any,
            admin: None,
            metrics: any,
            workers: std::num::NonZeroUsize::new(1),
            keep_alive: KEEP_ALIVE,
        };
        let api = Arc::new(Api::new(Arc::clone(&exchange), Handle::current()));
        let servers = gavel::http::start(settings, &api).unwrap();
        exchange.start();
        Self { exchange, vault, records, weather, metrics, servers }
    }

    fn address(&self) -> SocketAddr {
        self.servers.addresses().api
    }

    /// The value of a metric without labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("there is no {name}")).parse().unwrap()
    }
}

/// The present instant.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// Well above what a node takes to notice that its store is away or back.
pub const NOTICED: Duration = Duration::from_secs(2);
