//! Events and challenges: another client, the same walls.

use std::sync::Arc;
use std::time::Duration;

use rcgen::CertificateParams;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::support::{
    Authority, GRACE, Names, Server, buyer, call, client, failed, failure, hurried, in_child,
    local, ping, text,
};
use crate::domain::ids::EndpointId;
use crate::ports::buyer_wire::{CallClass, Callee, WireFailure, WireRequest};
use crate::wire::{BuyerClient, HTTP1_HEAD_BYTES_READ_MAX, WireSettings};

const NAME: &str = "hooks.acme.example";

fn of_endpoint(id: u128, request: WireRequest) -> WireRequest {
    let callee = Callee::Endpoint { id: EndpointId::new(id) };
    WireRequest { callee, class: CallClass::Event, ..request }
}

fn event(url: &str) -> WireRequest {
    of_endpoint(1, ping(url))
}

async fn answering() -> Server {
    Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.reply("reached").await;
        }
    })
    .await
}

/// Answers every connection with the same bytes and keeps it open.
async fn saying(reply: &'static [u8]) -> Server {
    Server::start(move |mut peer| async move {
        peer.request().await;
        peer.write(reply).await;
        peer.closed().await;
    })
    .await
}

#[tokio::test]
async fn an_event_goes_out_as_it_was_given_and_keeps_its_connection() {
    let server = Server::start(|mut peer| async move {
        while let Some(request) = peer.request().await {
            let body = String::from_utf8(request.body).expect("text");
            let mut lines: Vec<&str> = request.head.trim_end().split("\r\n").collect();
            lines[1..].sort_unstable();
            peer.reply(&format!("{} | {body}", lines.join(" | "))).await;
        }
    })
    .await;
    let expect = format!(
        "POST /hook?a=1 HTTP/1.1 | accept-encoding: identity | accept: */* | content-length: 15 | \
         content-type: application/json | host: {} | user-agent: gavel | {{\"ping_id\":\"1\"}}",
        server.address
    );
    let client = client();
    for class in [CallClass::Event, CallClass::Challenge, CallClass::Event] {
        let request = WireRequest { class, ..event(&server.url("/hook?a=1")) };
        assert_eq!(text(&client, request).await, Ok(expect.clone()));
    }
    let of_buyer = WireRequest {
        callee: buyer("acme"),
        class: CallClass::Challenge,
        ..ping(&server.url("/hook?a=1"))
    };
    assert_eq!(text(&client, of_buyer).await, Ok(expect));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_any_packet() {
    let server = answering().await;
    let settings = WireSettings { ports: vec![server.address.port()], ..WireSettings::default() };
    for answer in [
        &["127.0.0.1"][..],
        &["8.8.8.8", "127.0.0.1"],
        &["2606:4700:4700::1111", "::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["fe80::1"],
    ] {
        let names = Names::lead(NAME, &[answer]);
        let client = BuyerClient::with_lookup(&settings, names.clone()).expect("client");
        let outcome = failure(&client, event(&server.named("https", NAME))).await;
        assert_eq!(outcome, Some(failed(WireFailure::Refused, false, None)), "{answer:?}");
        assert_eq!(names.lookups(), 1, "{answer:?}");
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_url_that_leads_inside_is_refused_before_any_lookup() {
    let server = answering().await;
    let port = server.address.port();
    let settings = WireSettings { ports: vec![port], ..WireSettings::default() };
    let names = Names::lead(NAME, &[&["127.0.0.1"]]);
    let client = BuyerClient::with_lookup(&settings, names.clone()).expect("client");
    for host in [
        "https://127.0.0.1",
        "https://2130706433",
        "https://0177.0.0.1",
        "https://[::1]",
        "https://localhost",
        "http://hooks.acme.example",
    ] {
        let outcome = failure(&client, event(&format!("{host}:{port}/"))).await;
        assert_eq!(outcome, Some(failed(WireFailure::Refused, false, None)), "{host}");
    }
    assert_eq!((server.accepted(), names.lookups()), (0, 0));
}

#[tokio::test]
async fn what_is_not_https_on_an_open_port_needs_every_address_in_an_allowed_network() {
    // Answers as plain HTTP whatever it is told, so that nobody waits for a handshake.
    let server = Server::start(|mut peer| async move {
        peer.bytes(1).await;
        peer.reply("reached").await;
    })
    .await;
    for (scheme, answer, expect) in [
        ("http", &["127.0.0.1"][..], None),
        ("http", &["127.0.0.1", "8.8.8.8"], Some(WireFailure::Refused)),
        ("http", &["8.8.8.8"], Some(WireFailure::Refused)),
        ("http", &["192.168.0.1"], Some(WireFailure::Refused)),
        ("https", &["8.8.8.8"], Some(WireFailure::Refused)),
        // Allowed: it is reached, and speaks no TLS.
        ("https", &["127.0.0.1"], Some(WireFailure::Tls)),
    ] {
        let names = Names::lead(NAME, &[answer]);
        let client = BuyerClient::with_lookup(&local(), names).expect("client");
        let outcome = failure(&client, event(&server.named(scheme, NAME))).await;
        let expect = expect.map(|failure| failed(failure, false, None));
        assert_eq!(outcome, expect, "{scheme} {answer:?}");
    }
}

#[tokio::test]
async fn a_name_whose_answer_changes_is_judged_at_every_connect() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
    let names = Names::lead(NAME, &[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = BuyerClient::with_lookup(&local(), names).expect("client");
    let url = server.named("http", NAME);
    assert_eq!(text(&client, event(&url)).await, Ok("ok".to_owned()));
    let refused = failed(WireFailure::Refused, false, None);
    assert_eq!(failure(&client, event(&url)).await, Some(refused));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn an_authority_of_the_operator_is_trusted_and_no_other() {
    let authority = Authority::new();
    let params = CertificateParams::new(vec![NAME.to_owned()]).expect("name");
    for (tls, is_trusted) in [
        (authority.server(&params, &[]), true),
        (authority.server(&params, &[b"h2", b"http/1.1"]), true),
        (Authority::new().server(&params, &[]), false),
    ] {
        let server = Server::start_tls(tls, |mut peer| async move {
            while peer.request().await.is_some() {
                peer.reply("secured").await;
            }
        })
        .await;
        let names = Names::lead(NAME, &[&["127.0.0.1"]]);
        let client = BuyerClient::with_lookup(&authority.trusted(), names).expect("client");
        let outcome = failure(&client, event(&server.named("https", NAME))).await;
        let of_tls = outcome == Some(failed(WireFailure::Tls, false, None));
        assert_eq!(of_tls, !is_trusted, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_a_reply_and_is_not_followed() {
    let target = answering().await;
    let location = target.url("/inside");
    let server = Server::start(move |mut peer| {
        let location = location.clone();
        async move {
            peer.request().await;
            let head = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\n");
            peer.write(format!("{head}content-length: 4\r\n\r\ngone")).await;
        }
    })
    .await;
    let reply = call(&client(), event(&server.url("/"))).await.expect("reply");
    assert_eq!((reply.status, &reply.body[..]), (307, &b"gone"[..]));
    assert_eq!(target.accepted(), 0);
}

#[tokio::test]
async fn a_body_beyond_its_limit_ends_the_call_however_its_length_is_told() {
    let oversized = failed(WireFailure::Oversized, true, Some(200));
    for reply in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n3\r\n901\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n12345678901",
    ] {
        let server = saying(reply).await;
        let request = WireRequest { reply_bytes_max: 10, ..event(&server.url("/")) };
        assert_eq!(failure(&client(), request).await, Some(oversized));
    }
}

#[tokio::test]
async fn a_head_beyond_its_limit_ends_the_call() {
    let limit = WireSettings::default().reply_headers_bytes_max;
    let padded = |bytes: usize| {
        // One header beside it, and four bytes of each line that are neither name nor value.
        let padding = "v".repeat(bytes - "content-length0".len() - "x".len() - 2 * 4);
        format!("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\nx: {padding}\r\n\r\n")
    };
    let taken = failed(WireFailure::Broken, true, Some(204));
    // What is beyond the first limit is read and refused; what is beyond the second is not read.
    let unread = failed(WireFailure::Broken, true, None);
    for (bytes, expect) in [
        (limit, None),
        (limit + 1, Some(taken)),
        (HTTP1_HEAD_BYTES_READ_MAX / 2, Some(taken)),
        (HTTP1_HEAD_BYTES_READ_MAX * 2, Some(unread)),
    ] {
        let server = saying(padded(bytes).leak().as_bytes()).await;
        assert_eq!(failure(&client(), event(&server.url("/"))).await, expect, "{bytes}");
    }
}

#[tokio::test]
async fn the_deadline_holds_to_the_last_byte() {
    let wait = Duration::from_millis(200);
    for (reply, status) in [
        (&b""[..], None),
        (b"HTTP/1.1 200 OK\r\n", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhal", Some(200)),
    ] {
        let server = saying(reply).await;
        let started = Instant::now();
        let outcome = failure(&client(), of_endpoint(1, hurried(&server.url("/"), wait))).await;
        assert_eq!(outcome, Some(failed(WireFailure::Timeout, true, status)));
        assert!((wait..wait + GRACE).contains(&started.elapsed()), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn an_endpoint_that_hangs_holds_its_own_places_only() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let hanging = Server::start(move |mut peer| {
        let arrived = arrived.clone();
        async move {
            peer.request().await;
            arrived.send(()).expect("test runs");
            peer.closed().await;
        }
    })
    .await;
    let healthy = answering().await;
    let settings = WireSettings { endpoint_calls_in_flight_max: 2, ..local() };
    let client = Arc::new(BuyerClient::new(&settings).expect("client"));
    let calls = TaskTracker::new();
    for _ in 0..2 {
        let (client, request) = (client.clone(), event(&hanging.url("/")));
        calls.spawn(async move { call(&client, request).await });
        arrivals.recv().await.expect("arrived");
    }
    let wait = Duration::from_millis(100);
    let outcome = failure(&client, of_endpoint(1, hurried(&healthy.url("/"), wait))).await;
    assert_eq!(outcome, Some(failed(WireFailure::Bulkhead, false, None)));
    let other = text(&client, of_endpoint(2, ping(&healthy.url("/")))).await;
    assert_eq!(other, Ok("reached".to_owned()));
    assert_eq!(text(&client, ping(&healthy.url("/"))).await, Ok("reached".to_owned()));
}

#[tokio::test]
async fn a_proxy_of_the_environment_has_no_effect() {
    let name = "wire::tests::events::a_proxy_of_the_environment_has_no_effect";
    let proxy = "http://127.0.0.1:1";
    let environment = [("HTTP_PROXY", proxy), ("http_proxy", proxy), ("ALL_PROXY", proxy)];
    if in_child(name, &environment) {
        let server = answering().await;
        assert_eq!(text(&client(), event(&server.url("/"))).await, Ok("reached".to_owned()));
    }
}
