//! Servers with an exchange behind them, and a client that says exactly the bytes it is told to.

use std::collections::BTreeMap;
use std::future::ready;
use std::path::Path;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::*;
use crate::domain::address::AddressPolicy;
use crate::domain::key::{KeyId, KeyRecord};
use crate::domain::limits::Limits;
use crate::flow::ExchangeParts;
use crate::flow::administer::{Administration, AdministrationParts};
use crate::metrics::Metrics;
use crate::ports::buyer_wire::{WireError, WireFailure, WireOutcome, WireRequest};
use crate::ports::{BuyerWire, Clock};
use crate::records::{Sqlite, SqliteSettings};
use crate::registry::compile::{Surroundings, compile};
use crate::registry::objects::{OpenedSecrets, RegistryObjects};
use crate::registry::snapshot::KeyEntry;
use crate::store::embedded::{EmbeddedSettings, EmbeddedStore};
use crate::system::{SeededEntropy, SystemClock};
use crate::vault::{MasterKey, Vault};

/// Running servers of one exchange.
pub struct Door {
    pub api: Arc<Api>,
    servers: Servers,
    _folder: tempfile::TempDir,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} came twice");
        value
    }

    pub fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Checks status and whole body, with the request's id as `ID`.
#[track_caller]
pub fn check(answer: Answer, status: u16, body: &str) {
    let id = answer.header("x-request-id").expect("every answer has an id").to_owned();
    assert_eq!((answer.status, answer.body.replace(&id, "ID")), (status, body.to_owned()));
}

/// Sends `bytes` on a new connection, reads until the server ends it, and takes it for one answer.
pub async fn send(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read_to_end(stream).await
}

/// Reads an answer up to the end of the connection.
pub async fn read_to_end(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("an answer in time").unwrap();
    parse(&String::from_utf8(bytes).unwrap())
}

pub fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer { status, headers, body: body.to_owned() }
}

impl Door {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// Servers whose limits were changed by `change`.
    pub async fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut limits = Limits::default();
        change(&mut limits);
        let exchange = exchange(folder.path(), limits).await;
        let api = Arc::new(Api::new(exchange, Handle::current()));
        let servers = start(settings(), &api).unwrap();
        Self { api, servers, _folder: folder }
    }

    pub const fn addresses(&self) -> Addresses {
        self.servers.addresses()
    }

    /// `GET` on the API without a key.
    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], "").await
    }

    /// A request on the API with these header lines.
    pub async fn request(&self, method: &str, path: &str, lines: &[&str], body: &str) -> Answer {
        request(self.addresses().api, method, path, lines, body).await
    }

    pub async fn close(self) {
        self.servers.stop().await;
    }
}

/// Every listener on a free port of its own, and connections that are soon idle for too long.
pub fn settings() -> ServerSettings {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    ServerSettings {
        api: any,
        admin: Some(any),
        metrics: any,
        workers: std::num::NonZeroUsize::new(1),
        keep_alive: Duration::from_millis(300),
    }
}

/// A request with these header lines, its length, and `Connection: close`.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    lines: &[&str],
    body: &str,
) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    send(address, text.as_bytes()).await
}

/// The key of the holder with this number, which [`exchange`] knows.
pub fn key(role: Role, mode: KeyMode) -> String {
    ApiKey::mint(mode, role, [role as u8 + 1; KEY_RANDOM_BYTES]).text().to_string()
}

/// Buyers that nobody can reach.
struct Nobody;

impl BuyerWire for Nobody {
    fn call(&self, _: WireRequest) -> BoxFuture<'_, WireOutcome> {
        let error = WireError { failure: WireFailure::Connect, sent: false, status: None };
        ready(WireOutcome { result: Err(error), elapsed_us: 1 }).boxed()
    }
}

/// An exchange without campaigns; its state is in memory and in `folder`.
pub async fn exchange(folder: &Path, limits: Limits) -> Arc<Exchange> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random = Box::new(|bytes: &mut [u8]| bytes.fill(3));
    let vault = Vault::open(&MasterKey::new([1; 32]), folder.join("days"), random).unwrap();
    let secrets = OpenedSecrets { keys: keys(&vault), ..OpenedSecrets::default() };
    let surroundings = Surroundings::new("USD", AddressPolicy::default());
    let snapshot = compile(1, &RegistryObjects::default(), secrets, &surroundings);
    let records = Sqlite::open(SqliteSettings::at(folder.join("records.db"))).await.unwrap();
    let entropy = Arc::new(SeededEntropy::new(1));
    let vault = Arc::new(vault);
    let administration = Administration::new(AdministrationParts {
        records: records.clone(),
        vault: Arc::clone(&vault),
        clock: Arc::clone(&clock),
        entropy: entropy.clone(),
        surroundings,
    });
    let snapshot = snapshot.unwrap_or_else(|_| panic!("no objects"));
    administration.snapshot().store(Arc::new(snapshot));
    Exchange::new(ExchangeParts {
        store: EmbeddedStore::volatile(EmbeddedSettings::default(), Arc::clone(&clock)).unwrap(),
        records,
        wire: Arc::new(Nobody),
        clock,
        entropy,
        vault,
        metrics: Arc::new(Metrics::new()),
        limits,
        administration: Arc::new(administration),
        runtime: Handle::current(),
    })
}

/// One key for each role.
fn keys(vault: &Vault) -> BTreeMap<KeyId, KeyEntry> {
    let entry = |role: Role| {
        let key = ApiKey::mint(KeyMode::Live, role, [role as u8 + 1; KEY_RANDOM_BYTES]);
        let record = KeyRecord {
            key_id: key.key_id(),
            role,
            mode: KeyMode::Live,
            owner: format!("some-{role}"),
            digest: vault.api_key_digest(key.secret()),
            strict: false,
            require_signature: false,
            created_at: SystemClock.now(),
            revoked_at: None,
            expires_at: None,
        };
        (record.key_id, KeyEntry { record, signing: None })
    };
    [Role::Vendor, Role::Buyer, Role::Operator].map(entry).into()
}
