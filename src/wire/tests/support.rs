//! A small server that does what a test tells it, names that lead where a test says, and calls.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use socket2::SockRef;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::ports::BuyerWire;
use crate::ports::buyer_wire::{CallClass, Callee, WireError, WireFailure, WireReply, WireRequest};
use crate::wire::lookup::{Answer, Lookup, LookupFailed};
use crate::wire::{BuyerClient, WireSettings};

/// Longer than any test needs; a test that waits for it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How late a call may come back after its deadline on a busy machine.
pub const GRACE: Duration = Duration::from_millis(500);

pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// The server's side of one connection.
pub struct Peer {
    /// Counted from 0 in the order of connecting.
    pub number: usize,
    socket: Box<dyn Socket>,
    unread: Vec<u8>,
}

/// A request as it stood on the wire.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

impl Peer {
    /// Reads one request, or nothing if the client closed the connection.
    pub async fn request(&mut self) -> Option<Received> {
        let head_end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8(self.unread.drain(..head_end).collect()).expect("text");
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("length"));
        while self.unread.len() < length {
            self.read_more().await?;
        }
        Some(Received { head, body: self.unread.drain(..length).collect() })
    }

    async fn read_more(&mut self) -> Option<()> {
        let mut chunk = [0; 4096];
        let count = self.socket.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        self.unread.extend_from_slice(&chunk[..count]);
        Some(())
    }

    /// Reads exactly `count` bytes.
    pub async fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            self.read_more().await?;
        }
        Some(self.unread.drain(..count).collect())
    }

    /// Writes as it is; `false` once the client no longer reads.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let written = self.socket.write_all(bytes.as_ref()).await;
        written.is_ok() && self.socket.flush().await.is_ok()
    }

    /// Answers 200 with a text.
    pub async fn reply(&mut self, text: &str) -> bool {
        let length = text.len();
        self.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}")).await
    }

    /// Waits until the client has closed the connection.
    pub async fn closed(&mut self) {
        while self.read_more().await.is_some() {}
    }
}

/// A listening server; stops with the test's runtime.
pub struct Server {
    pub address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    /// Serves each connection with `serve`.
    pub async fn start<F, S>(serve: F) -> Self
    where
        F: Fn(Peer) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        Self::accept(move |socket, number| {
            Box::pin(serve(Peer { number, socket: Box::new(socket), unread: Vec::new() }))
        })
        .await
    }

    /// Serves each connection that gets through the TLS handshake.
    pub async fn start_tls<F, S>(tls: Arc<ServerConfig>, serve: F) -> Self
    where
        F: Fn(Peer) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let serve = Arc::new(serve);
        Self::accept(move |socket, number| {
            let (tls, serve) = (tls.clone(), serve.clone());
            Box::pin(async move {
                if let Ok(socket) = TlsAcceptor::from(tls).accept(socket).await {
                    serve(Peer { number, socket: Box::new(socket), unread: Vec::new() }).await;
                }
            })
        })
        .await
    }

    /// Gives each connection, untouched, to `serve`.
    pub async fn accept<F>(serve: F) -> Self
    where
        F: Fn(TcpStream, usize) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let tasks = TaskTracker::new();
        let connections = tasks.clone();
        tasks.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(socket, number));
            }
        });
        Self { address, accepted }
    }

    /// How many connections were made to it.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL with a name for the host.
    pub fn named(&self, scheme: &str, name: &str) -> String {
        format!("{scheme}://{name}:{}/", self.address.port())
    }
}

/// Closes a connection with a reset instead of an end.
pub fn reset(socket: TcpStream) {
    SockRef::from(&socket).set_linger(Some(Duration::ZERO)).expect("linger");
    drop(socket);
}

/// Answers that a test wrote down, each name's in order; the last one stays.
#[derive(Default)]
pub struct Names {
    answers: Mutex<HashMap<String, Vec<Answer>>>,
    lookups: AtomicUsize,
}

impl Names {
    pub fn lead(name: &str, answers: &[&[&str]]) -> Arc<Self> {
        let parse = |texts: &&[&str]| -> Answer {
            let addresses: Vec<IpAddr> =
                texts.iter().map(|text| text.parse().expect("address")).collect();
            if addresses.is_empty() { Err(LookupFailed) } else { Ok(addresses) }
        };
        let answers = HashMap::from([(name.to_owned(), answers.iter().map(parse).collect())]);
        Arc::new(Self { answers: Mutex::new(answers), lookups: AtomicUsize::new(0) })
    }

    pub fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }
}

impl Lookup for Names {
    fn lookup(&self, name: &str) -> BoxFuture<'static, Answer> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().expect("answers");
        let answer = match answers.get_mut(name) {
            Some(left) if left.len() > 1 => left.remove(0),
            Some(left) => left[0].clone(),
            None => Err(LookupFailed),
        };
        Box::pin(async move { answer })
    }
}

/// Settings that let calls reach this machine.
pub fn local() -> WireSettings {
    let loopback = "127.0.0.0/8".parse().expect("network");
    WireSettings { allow_networks: vec![loopback], ..WireSettings::default() }
}

pub fn client() -> BuyerClient {
    BuyerClient::new(&local()).expect("client")
}

/// A campaign of the buyer `slug`.
pub fn buyer(slug: &str) -> Callee {
    let campaign = format!("{slug}-tx").parse().expect("slug");
    Callee::Campaign { buyer: slug.parse().expect("slug"), campaign }
}

/// A ping with a body and all the time it needs.
pub fn ping(url: &str) -> WireRequest {
    WireRequest {
        callee: buyer("acme"),
        class: CallClass::Ping,
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from_static(b"{\"ping_id\":\"1\"}"),
        deadline: Instant::now() + PATIENCE,
        reply_bytes_max: 1000,
    }
}

/// The same with `wait` until its deadline.
pub fn hurried(url: &str, wait: Duration) -> WireRequest {
    WireRequest { deadline: Instant::now() + wait, ..ping(url) }
}

/// Calls, and lets the connection go back to its pool.
pub async fn call(client: &BuyerClient, request: WireRequest) -> Result<WireReply, WireError> {
    let outcome = client.call(request).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    outcome.result
}

/// Calls and returns the text of the reply.
pub async fn text(client: &BuyerClient, request: WireRequest) -> Result<String, WireError> {
    let reply = call(client, request).await?;
    Ok(String::from_utf8(reply.body.to_vec()).expect("text"))
}

/// Calls and returns the failure.
pub async fn failure(client: &BuyerClient, request: WireRequest) -> Option<WireError> {
    call(client, request).await.err()
}

pub const fn failed(failure: WireFailure, sent: bool, status: Option<u16>) -> WireError {
    WireError { failure, sent, status }
}

/// A certificate authority of the test's own, and the file that makes a client trust it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("params");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("certificate");
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("write");
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// Local settings with this authority trusted.
    pub fn trusted(&self) -> WireSettings {
        WireSettings { extra_ca_file: Some(self.folder.path().join("ca.pem")), ..local() }
    }

    /// A server's TLS with a certificate of this authority.
    pub fn server(&self, params: &CertificateParams, protocols: &[&[u8]]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("key");
        let certificate = params.signed_by(&key, &self.issuer).expect("certificate");
        server_config(certificate.der().clone(), &key, protocols)
    }
}

/// A server's TLS with any certificate.
pub fn server_config(
    certificate: CertificateDer<'static>,
    key: &KeyPair,
    protocols: &[&[u8]],
) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("key");
    let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("certificate and key");
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

/// Runs the test `name` again, alone in a process with `environment`; `true` in that process.
///
/// The environment of a running process must not be changed, and what is tested here is that it
/// has no effect.
pub fn in_child(name: &str, environment: &[(&str, &str)]) -> bool {
    const MARK: &str = "GAVEL_TEST_CHILD";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("test program");
    let output = Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .env(MARK, "1")
        .envs(environment.iter().copied())
        .output()
        .expect("run");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}
