//! Servers with an exchange behind them, and a client that says exactly the bytes it is told to.

use std::future::ready;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::domain::address::AddressPolicy;
use crate::domain::key::{ApiKey, KEY_RANDOM_BYTES, KeyMode, KeyRecord, Role};
use crate::domain::limits::Limits;
use crate::flow::administer::{Administration, AdministrationParts};
use crate::flow::{Exchange, ExchangeParts};
use crate::http::openapi::tests::check_described;
use crate::http::{Addresses, Api, ServerSettings, Servers, start};
use crate::metrics::Metrics;
use crate::ports::buyer_wire::{WireError, WireFailure, WireOutcome, WireRequest};
use crate::ports::records::{ObjectKind, RegistryChange, RegistryObject, SealedSecret};
use crate::ports::{BuyerWire, Clock, Records as _};
use crate::records::{SqlRecords, Sqlite, SqliteSettings};
use crate::registry::compile::Surroundings;
use crate::signing::{SigningKeys, SigningSecret};
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

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The text of one field of the body.
    pub fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }

    pub fn code(&self) -> String {
        self.text("code")
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
        Self::calling(change, |_| Arc::new(Nobody)).await
    }

    /// The same, with a way to buyers, which may know the records.
    pub async fn calling(
        change: impl FnOnce(&mut Limits),
        wire: impl FnOnce(&Arc<SqlRecords>) -> Arc<dyn BuyerWire>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut limits = Limits::default();
        change(&mut limits);
        let exchange = exchange_calling(folder.path(), limits, wire).await;
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

    /// A request of `holder`, such as `GET /livez`, with a JSON body if it is not empty.
    pub async fn ask(&self, holder: Holder, route: &str, body: &str) -> Answer {
        self.ask_with(holder, route, &[], body).await
    }

    /// The same, with further header lines.
    pub async fn ask_with(&self, holder: Holder, route: &str, more: &[&str], body: &str) -> Answer {
        let (method, path) = route.split_once(' ').unwrap();
        let key = holder.line();
        let mut lines = vec![key.as_str()];
        if !body.is_empty() {
            lines.push("content-type: application/json");
        }
        lines.extend(more);
        let addresses = self.addresses();
        let is_operator = holder == Holder::Operator;
        let address = addresses.admin.filter(|_| is_operator).unwrap_or(addresses.api);
        request(address, method, path, &lines, body).await
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

/// A request with these header lines, its length, and `Connection: close`. Its answer must be one
/// that the document of the API describes.
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
    let answer = send(address, text.as_bytes()).await;
    check_described(method, path, &answer);
    check_secured(path, &answer);
    answer
}

/// Panics unless the answer has what every answer has, and nothing that tells what made it.
fn check_secured(path: &str, answer: &Answer) {
    let seen = [
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "cross-origin-resource-policy",
    ]
    .map(|name| answer.header(name).unwrap_or("-"));
    assert_eq!(seen, ["nosniff", "DENY", "no-referrer", "same-origin"], "{path}");
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'; "), "{path}: {policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}");
    assert!(answer.header("cache-control").is_some(), "{path}");
    assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")), "{path}");
    for (name, _) in &answer.headers {
        let tells = ["server", "x-powered-by", "via"].contains(&name.as_str());
        assert!(!tells && !name.starts_with("access-control-"), "{path}: {name}");
    }
}

/// Who holds a key to the exchange of these tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A vendor.
    Acme,
    /// The same vendor, with a test key.
    AcmeTesting,
    /// The same vendor, with a key that takes no unknown fields.
    AcmeStrict,
    /// The same vendor, with a key that must sign.
    AcmeSigning,
    /// Another vendor.
    Other,
    /// A buyer with a credit limit.
    LifeCo,
    /// Another buyer.
    OtherCo,
    /// An operator.
    Operator,
}

impl Holder {
    const ALL: [Self; 8] = [
        Self::Acme,
        Self::AcmeTesting,
        Self::AcmeStrict,
        Self::AcmeSigning,
        Self::Other,
        Self::LifeCo,
        Self::OtherCo,
        Self::Operator,
    ];

    const fn role(self) -> Role {
        match self {
            Self::LifeCo | Self::OtherCo => Role::Buyer,
            Self::Operator => Role::Operator,
            _ => Role::Vendor,
        }
    }

    const fn owner(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::LifeCo => "life-co",
            Self::OtherCo => "other-co",
            Self::Operator => "exchange",
            _ => "acme",
        }
    }

    const fn mode(self) -> KeyMode {
        if matches!(self, Self::AcmeTesting) { KeyMode::Test } else { KeyMode::Live }
    }

    fn api_key(self) -> ApiKey {
        ApiKey::mint(self.mode(), self.role(), [self as u8 + 1; KEY_RANDOM_BYTES])
    }

    /// The text of its key.
    pub fn key(self) -> String {
        self.api_key().text().to_string()
    }

    /// The header line with its key.
    pub fn line(self) -> String {
        format!("authorization: Bearer {}", self.key())
    }

    fn signing_secret() -> SigningSecret {
        SigningSecret::mint([7; 32])
    }

    /// What a key that must sign signs with.
    pub fn signing_keys() -> SigningKeys {
        SigningKeys::of(&Self::signing_secret())
    }

    fn record(self, vault: &Vault) -> KeyRecord {
        let key = self.api_key();
        KeyRecord {
            key_id: key.key_id(),
            role: self.role(),
            mode: self.mode(),
            owner: self.owner().to_owned(),
            digest: vault.api_key_digest(key.secret()),
            strict: self == Self::AcmeStrict,
            require_signature: self == Self::AcmeSigning,
            created_at: Timestamp::UNIX_EPOCH,
            revoked_at: None,
            expires_at: None,
        }
    }
}

/// Buyers that nobody can reach.
struct Nobody;

impl BuyerWire for Nobody {
    fn call(&self, _: WireRequest) -> BoxFuture<'_, WireOutcome> {
        let error = WireError { failure: WireFailure::Connect, sent: false, status: None };
        ready(WireOutcome { result: Err(error), elapsed_us: 1 }).boxed()
    }
}

/// An exchange without campaigns that reaches nobody; its state is in memory and in `folder`.
pub async fn exchange(folder: &Path, limits: Limits) -> Arc<Exchange> {
    exchange_calling(folder, limits, |_| Arc::new(Nobody)).await
}

async fn exchange_calling(
    folder: &Path,
    limits: Limits,
    wire: impl FnOnce(&Arc<SqlRecords>) -> Arc<dyn BuyerWire>,
) -> Arc<Exchange> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy = Arc::new(SeededEntropy::new(1));
    let random = Box::new(|bytes: &mut [u8]| bytes.fill(3));
    let vault =
        Arc::new(Vault::open(&MasterKey::new([1; 32]), folder.join("days"), random).unwrap());
    let records = Sqlite::open(SqliteSettings::at(folder.join("records.db"))).await.unwrap();
    records.change_registry(registry(&vault)).await.unwrap();
    let wire = wire(&records);
    let metrics = Arc::new(Metrics::new());
    let administration = Administration::new(AdministrationParts {
        records: records.clone(),
        vault: Arc::clone(&vault),
        clock: Arc::clone(&clock),
        entropy: entropy.clone(),
        surroundings: Surroundings::new("USD", AddressPolicy::default()),
        metrics: Arc::clone(&metrics),
    });
    administration.refresh().await.unwrap();
    Exchange::new(ExchangeParts {
        store: EmbeddedStore::volatile(EmbeddedSettings::default(), Arc::clone(&clock)).unwrap(),
        records,
        wire,
        clock,
        entropy,
        vault,
        metrics,
        limits,
        event_settings: crate::domain::event_settings::EventSettings::default(),
        endpoint_places: 4,
        administration: Arc::new(administration),
        tasks: Handle::current().into(),
    })
}

/// Two vendors, two buyers without campaigns, and a key for each [`Holder`].
fn registry(vault: &Vault) -> RegistryChange {
    let object = |kind, id: &str, body: &str| RegistryObject {
        kind,
        id: id.to_owned(),
        body: body.to_owned(),
        is_archived: false,
    };
    let mut change =
        RegistryChange::new(0, "test", "the first of everything", Timestamp::UNIX_EPOCH);
    change.objects = vec![
        object(ObjectKind::Vendor, "acme", r#"{"name":"Acme"}"#),
        object(ObjectKind::Vendor, "other", r#"{"name":"Other"}"#),
        object(ObjectKind::Buyer, "life-co", r#"{"name":"Life Co","credit_limit":"100.00"}"#),
        object(ObjectKind::Buyer, "other-co", r#"{"name":"Other Co"}"#),
    ];
    change.keys_added = Holder::ALL.map(|holder| holder.record(vault)).to_vec();
    let owner = format!("key:{}", Holder::AcmeSigning.api_key().key_id());
    let secret = Holder::signing_secret().text();
    change.secrets.push(SealedSecret {
        sealed: vault.seal_secret(&owner, secret.as_bytes()).unwrap().into(),
        owner,
        valid_from: Timestamp::UNIX_EPOCH,
        valid_until: None,
    });
    change
}
