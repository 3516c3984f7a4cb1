//! HTTP/2, frame by frame: what the buyer's side says about a request decides whether it was sent.

use std::time::Duration;

use rcgen::CertificateParams;

use super::support::{Authority, Names, Peer, Server, failed, failure, hurried, ping, text};
use crate::ports::buyer_wire::{WireError, WireFailure};
use crate::wire::BuyerClient;

const NAME: &str = "bids.acme.example";
const SETTINGS: [u8; 9] = frame_head(0, 4, 0, 0);
const HEADERS: u8 = 1;
const DATA: u8 = 0;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const REFUSED_STREAM: u8 = 7;
const INTERNAL_ERROR: u8 = 2;

const fn frame_head(length: u8, kind: u8, flags: u8, stream: u8) -> [u8; 9] {
    [0, 0, length, kind, flags, 0, 0, 0, stream]
}

/// `:status: 200` without a body.
fn ok_without_body(stream: u8) -> Vec<u8> {
    let head = frame_head(1, HEADERS, END_HEADERS | END_STREAM, stream);
    [&head[..], &[0x88]].concat()
}

/// `:status: 200` with `text`.
fn ok_with(stream: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    let head = frame_head(1, HEADERS, END_HEADERS, stream);
    let data = frame_head(length, DATA, END_STREAM, stream);
    [&head[..], &[0x88], &data[..], text.as_bytes()].concat()
}

fn rst_stream(stream: u8, reason: u8) -> Vec<u8> {
    [&frame_head(4, 3, 0, stream)[..], &[0, 0, 0, reason]].concat()
}

fn goaway(last_stream: u8, reason: u8) -> Vec<u8> {
    [&frame_head(8, 7, 0, 0)[..], &[0, 0, 0, last_stream, 0, 0, 0, reason]].concat()
}

/// Greets, and answers.
async fn greet(peer: &mut Peer) {
    peer.bytes(24).await.expect("preface");
    peer.write(SETTINGS).await;
}

/// Reads frames until a request is whole and returns its stream.
async fn next_request(peer: &mut Peer) -> Option<u8> {
    loop {
        let head = peer.bytes(9).await?;
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        peer.bytes(length).await?;
        let ends = head[4] & END_STREAM != 0;
        if matches!(head[3], HEADERS | DATA) && ends {
            return Some(head[8]);
        }
    }
}

/// A server that writes `answer(connection, stream)` to each request, and a client that trusts it.
async fn speaking(answer: fn(usize, u8) -> Vec<u8>) -> (Server, BuyerClient) {
    let authority = Authority::new();
    let params = CertificateParams::new(vec![NAME.to_owned()]).expect("name");
    let server =
        Server::start_tls(authority.server(&params, &[b"h2"]), move |mut peer| async move {
            greet(&mut peer).await;
            while let Some(stream) = next_request(&mut peer).await {
                let bytes = answer(peer.number, stream);
                peer.write(bytes).await;
            }
        })
        .await;
    let names = Names::lead(NAME, &[&["127.0.0.1"]]);
    let client = BuyerClient::with_lookup(&authority.trusted(), names).expect("client");
    (server, client)
}

async fn outcome_of(answer: fn(usize, u8) -> Vec<u8>) -> (Result<String, WireError>, usize) {
    let (server, client) = speaking(answer).await;
    let outcome = text(&client, ping(&server.named("https", NAME))).await;
    (outcome, server.accepted())
}

#[tokio::test]
async fn calls_share_one_connection() {
    let (server, client) = speaking(|_, stream| ok_with(stream, "shared")).await;
    let url = server.named("https", NAME);
    assert_eq!(text(&client, ping(&url)).await, Ok("shared".to_owned()));
    let calls = (0..10).map(|_| text(&client, ping(&url)));
    for outcome in futures::future::join_all(calls).await {
        assert_eq!(outcome, Ok("shared".to_owned()));
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_crowd_of_first_calls_is_served() {
    let (server, client) = speaking(|_, stream| ok_with(stream, "served")).await;
    let url = server.named("https", NAME);
    let calls = (0..20).map(|_| text(&client, ping(&url)));
    for outcome in futures::future::join_all(calls).await {
        assert_eq!(outcome, Ok("served".to_owned()));
    }
}

#[tokio::test]
async fn a_refused_stream_was_not_sent_and_is_left_to_the_caller() {
    let (outcome, connections) = outcome_of(|_, stream| rst_stream(stream, REFUSED_STREAM)).await;
    assert_eq!(outcome, Err(failed(WireFailure::Broken, false, None)));
    assert_eq!(connections, 1);
}

#[tokio::test]
async fn a_stream_reset_for_another_reason_was_sent() {
    let (outcome, _) = outcome_of(|_, stream| rst_stream(stream, INTERNAL_ERROR)).await;
    assert_eq!(outcome, Err(failed(WireFailure::Broken, true, None)));
}

#[tokio::test]
async fn a_goaway_below_the_stream_was_not_sent() {
    for answer in [|_: usize, _: u8| goaway(0, 0), |_: usize, _: u8| goaway(0, INTERNAL_ERROR)] {
        let (outcome, connections) = outcome_of(answer).await;
        assert_eq!(outcome, Err(failed(WireFailure::Broken, false, None)));
        assert_eq!(connections, 1, "a fresh connection that is refused is not tried again");
    }
}

#[tokio::test]
async fn a_goaway_that_covers_the_stream_was_sent() {
    let authority = Authority::new();
    let params = CertificateParams::new(vec![NAME.to_owned()]).expect("name");
    let server = Server::start_tls(authority.server(&params, &[b"h2"]), |mut peer| async move {
        greet(&mut peer).await;
        let stream = next_request(&mut peer).await.expect("request");
        peer.write(goaway(stream, INTERNAL_ERROR)).await;
    })
    .await;
    let names = Names::lead(NAME, &[&["127.0.0.1"]]);
    let client = BuyerClient::with_lookup(&authority.trusted(), names).expect("client");
    let outcome = failure(&client, ping(&server.named("https", NAME))).await;
    assert_eq!(outcome, Some(failed(WireFailure::Broken, true, None)));
}

#[tokio::test]
async fn a_reply_after_a_goaway_that_covers_its_stream_is_taken() {
    let (outcome, _) =
        outcome_of(|_, stream| [goaway(stream, 0), ok_with(stream, "last")].concat()).await;
    assert_eq!(outcome, Ok("last".to_owned()));
}

#[tokio::test]
async fn a_used_connection_that_goes_away_costs_no_ping() {
    let (server, client) = speaking(|connection, stream| match (connection, stream) {
        (0, 3) => goaway(1, 0),
        _ => ok_without_body(stream),
    })
    .await;
    let url = server.named("https", NAME);
    assert_eq!(text(&client, ping(&url)).await, Ok(String::new()));
    assert_eq!(text(&client, ping(&url)).await, Ok(String::new()));
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_slow_stream_ends_alone() {
    let (server, client) = speaking(|_, stream| match stream {
        1 => Vec::new(),
        _ => ok_with(stream, "quick"),
    })
    .await;
    let url = server.named("https", NAME);
    let outcome = failure(&client, hurried(&url, Duration::from_millis(200))).await;
    assert_eq!(outcome, Some(failed(WireFailure::Timeout, true, None)));
    assert_eq!(text(&client, ping(&url)).await, Ok("quick".to_owned()));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn nonsense_is_broken() {
    let (outcome, _) = outcome_of(|_, _| b"HTTP/1.1 200 OK\r\n\r\n".to_vec()).await;
    assert_eq!(outcome, Err(failed(WireFailure::Broken, true, None)));
}
