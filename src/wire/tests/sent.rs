//! `sent` says `false` only where the buyer cannot have seen the request.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::support::{
    GRACE, Names, Server, client, failed, failure, hurried, local, ping, reset, text,
};
use crate::ports::buyer_wire::{WireError, WireFailure};
use crate::wire::{BuyerClient, WireSettings};

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let url = format!("http://{}/", closed.local_addr().expect("address"));
    drop(closed);
    let expect = failed(WireFailure::Connect, false, None);
    assert_eq!(failure(&client(), ping(&url)).await, Some(expect));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_was_not_sent() {
    let names = Names::lead("bids.acme.example", &[&[]]);
    let client = BuyerClient::with_lookup(&local(), names).expect("client");
    let expect = failed(WireFailure::Dns, false, None);
    assert_eq!(failure(&client, ping("https://bids.acme.example/")).await, Some(expect));
}

#[tokio::test]
async fn a_deadline_that_has_passed_was_not_sent() {
    let server = Server::start(|_| async {}).await;
    let outcome = failure(&client(), hurried(&server.url("/"), Duration::ZERO)).await;
    assert_eq!(outcome, Some(failed(WireFailure::Timeout, false, None)));
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_deadline_that_passes_while_the_buyer_is_silent_was_sent() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.closed().await;
    })
    .await;
    let wait = Duration::from_millis(200);
    let started = Instant::now();
    let client = client();
    let outcome = failure(&client, hurried(&server.url("/"), wait)).await;
    assert_eq!(outcome, Some(failed(WireFailure::Timeout, true, None)));
    assert!((wait..wait + GRACE).contains(&started.elapsed()), "{:?}", started.elapsed());
    failure(&client, hurried(&server.url("/"), wait)).await.expect("timeout");
    assert_eq!(server.accepted(), 2, "a connection with an answer outstanding is not used again");
}

#[tokio::test]
async fn a_deadline_that_passes_in_the_tls_handshake_was_not_sent() {
    let server = Server::start(|mut peer| async move { peer.closed().await }).await;
    let url = server.url("/").replace("http", "https");
    let outcome = failure(&client(), hurried(&url, Duration::from_millis(200))).await;
    assert_eq!(outcome, Some(failed(WireFailure::Timeout, false, None)));
    let impatient = WireSettings { connect_timeout_ms: 100, handshake_timeout_ms: 100, ..local() };
    let impatient = BuyerClient::new(&impatient).expect("client");
    assert_eq!(failure(&impatient, ping(&url)).await, Some(failed(WireFailure::Tls, false, None)));
}

#[tokio::test]
async fn a_reset_before_the_request_was_read_may_have_been_sent() {
    let server = Server::accept(|socket, _| {
        Box::pin(async move {
            socket.peek(&mut [0]).await.expect("request");
            reset(socket);
        })
    })
    .await;
    let expect = failed(WireFailure::Broken, true, None);
    assert_eq!(failure(&client(), ping(&server.url("/"))).await, Some(expect));
}

#[tokio::test]
async fn a_reset_after_the_request_was_read_was_sent_and_is_not_sent_again() {
    let server = Server::accept(|mut socket, _| {
        Box::pin(async move {
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                socket.read_buf(&mut request).await.expect("request");
            }
            reset(socket);
        })
    })
    .await;
    let expect = failed(WireFailure::Broken, true, None);
    assert_eq!(failure(&client(), ping(&server.url("/"))).await, Some(expect));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_dies_under_the_request_is_not_tried_again() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.reply("first").await;
        peer.request().await;
    })
    .await;
    let client = client();
    assert_eq!(text(&client, ping(&server.url("/"))).await, Ok("first".to_owned()));
    let expect = failed(WireFailure::Broken, true, None);
    assert_eq!(failure(&client, ping(&server.url("/"))).await, Some(expect));
    assert_eq!(server.accepted(), 1);
}

/// A server on threads of its own: answers one request per connection, and closes the connection
/// when told to, saying so afterwards. The test waits for that without letting the client's event
/// loop run, so the client cannot have heard of the close by itself.
struct Closer {
    url: String,
    close: mpsc::Sender<()>,
    closed: mpsc::Receiver<()>,
}

impl Closer {
    fn start(last_words: &'static [u8]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}/", listener.local_addr().expect("address"));
        let (close, commands) = mpsc::channel();
        let (done, closed) = mpsc::channel();
        let commands = Arc::new(Mutex::new(commands));
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (socket, commands, done) =
                    (socket.expect("socket"), commands.clone(), done.clone());
                thread::spawn(move || {
                    answer_one(socket, &commands, last_words).map(|()| done.send(()))
                });
            }
        });
        Self { url, close, closed }
    }

    /// Calls, and has the connection closed once it is idle.
    async fn call_and_close(&self, client: &BuyerClient) -> Result<String, WireError> {
        let reply = text(client, ping(&self.url)).await?;
        self.close.send(()).expect("server runs");
        self.closed.recv().expect("server runs");
        Ok(reply)
    }
}

/// `None` if the connection was never used.
fn answer_one(
    mut socket: std::net::TcpStream,
    commands: &Mutex<mpsc::Receiver<()>>,
    last_words: &[u8],
) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        let mut chunk = [0; 1024];
        let count = socket.read(&mut chunk).ok().filter(|count| *count > 0)?;
        request.extend_from_slice(&chunk[..count]);
    }
    socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").ok()?;
    commands.lock().expect("commands").recv().ok()?;
    socket.write_all(last_words).ok()
}

const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_connection_closed_while_idle_costs_no_ping() {
    for last_words in [b"", TIMED_OUT] {
        let server = Closer::start(last_words);
        let client = client();
        for number in 0..30 {
            let outcome = server.call_and_close(&client).await;
            assert_eq!(outcome, Ok("ok".to_owned()), "call {number}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_closed_while_idle_costs_no_ping_on_many_threads() {
    for last_words in [b"", TIMED_OUT] {
        let server = Closer::start(last_words);
        let client = client();
        for number in 0..30 {
            let outcome = server.call_and_close(&client).await;
            assert_eq!(outcome, Ok("ok".to_owned()), "call {number}");
        }
    }
}

#[tokio::test]
async fn a_fresh_connection_that_closes_at_once_is_not_tried_again() {
    let server = Server::accept(|socket, _| Box::pin(async move { drop(socket) })).await;
    let outcome = failure(&client(), ping(&server.url("/"))).await.expect("failure");
    assert_eq!(outcome.failure, WireFailure::Broken);
    assert_eq!(server.accepted(), 1);
}
