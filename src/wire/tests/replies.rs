//! What goes out, what comes back, and how much of it.

use std::time::Duration;

use tokio::time::{Instant, interval};

use super::support::{
    GRACE, Peer, Server, call, client, failed, failure, hurried, in_child, ping, text,
};
use crate::ports::BuyerWire;
use crate::ports::buyer_wire::{CallClass, WireFailure, WireRequest};

/// Serves every request with the same bytes and keeps the connection.
async fn always(reply: &'static [u8]) -> Server {
    Server::start(move |mut peer| async move {
        while peer.request().await.is_some() {
            peer.write(reply).await;
        }
    })
    .await
}

/// Serves the first request with the same bytes, then ends the connection.
async fn once(reply: &'static [u8]) -> Server {
    Server::start(move |mut peer| async move {
        peer.request().await;
        peer.write(reply).await;
    })
    .await
}

async fn echo(mut peer: Peer) {
    while let Some(received) = peer.request().await {
        let body = String::from_utf8(received.body).expect("text");
        peer.reply(&format!("{}{body}", received.head)).await;
    }
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_given_with_the_wires_own_headers() {
    let server = Server::start(echo).await;
    let mut request = ping(&server.url("/ping?campaign=a%20b"));
    request.headers.push(("x-two".to_owned(), "1".to_owned()));
    request.headers.push(("x-two".to_owned(), "2".to_owned()));
    request.headers.push(("content-length".to_owned(), "3".to_owned()));
    request.headers.push(("accept-encoding".to_owned(), "gzip".to_owned()));
    let expect = format!(
        "POST /ping?campaign=a%20b HTTP/1.1\r\ncontent-type: application/json\r\nx-two: 1\r\n\
         x-two: 2\r\naccept-encoding: identity\r\nuser-agent: gavel\r\nhost: {}\r\n\
         content-length: 15\r\n\r\n{{\"ping_id\":\"1\"}}",
        server.address
    );
    assert_eq!(text(&client(), request).await, Ok(expect));
}

#[tokio::test]
async fn a_get_has_no_body_and_an_empty_post_says_so() {
    let server = Server::start(echo).await;
    let client = client();
    for (method, length) in [("GET", None), ("POST", Some("content-length: 0"))] {
        let request = WireRequest {
            method: method.to_owned(),
            body: bytes::Bytes::new(),
            class: CallClass::Status,
            ..ping(&server.url("/status"))
        };
        let echoed = text(&client, request).await.expect("reply");
        let stated = echoed.lines().find(|line| line.starts_with("content-length"));
        assert_eq!((echoed.split(' ').next(), stated), (Some(method), length));
    }
}

#[tokio::test]
async fn a_ping_warms_the_connection_of_its_post() {
    let server = Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.reply(&format!("connection {}", peer.number)).await;
        }
    })
    .await;
    let client = client();
    for class in [CallClass::Ping, CallClass::Post, CallClass::Status, CallClass::Ping] {
        let request = WireRequest { class, ..ping(&server.url("/")) };
        assert_eq!(text(&client, request).await, Ok("connection 0".to_owned()));
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_redirect_is_a_reply_and_is_not_followed() {
    let target = always(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
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
    let reply = call(&client(), ping(&server.url("/"))).await.expect("reply");
    assert_eq!((reply.status, &reply.body[..]), (307, &b"gone"[..]));
    assert_eq!(reply.header("location"), Some(target.url("/inside").as_str()));
    assert_eq!(target.accepted(), 0);
}

#[tokio::test]
async fn a_compressed_reply_is_passed_on_as_it_came() {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03";
    let server = always(
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n\r\n\
          \x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    )
    .await;
    let reply = call(&client(), ping(&server.url("/"))).await.expect("reply");
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert_eq!(&reply.body[..], gzip);
}

#[tokio::test]
async fn a_reply_may_be_as_large_as_asked_for_and_not_a_byte_larger() {
    let exact = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}", "x".repeat(1000));
    let longer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n{}", "x".repeat(1001));
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n{}\r\n1\r\ny\r\n0\r\n\r\n",
        "x".repeat(1000)
    );
    let to_the_end = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001));
    let oversized = Some(failed(WireFailure::Oversized, true, Some(200)));
    for (reply, expect) in
        [(exact, None), (longer, oversized), (chunked, oversized), (to_the_end, oversized)]
    {
        let server = once(Box::leak(reply.into_boxed_str()).as_bytes()).await;
        assert_eq!(failure(&client(), ping(&server.url("/"))).await, expect);
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_and_its_connection_dropped() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while peer.write("10\r\n0123456789abcdef\r\n").await {}
    })
    .await;
    let client = client();
    for connections in 1..=2 {
        let expect = failed(WireFailure::Oversized, true, Some(200));
        assert_eq!(failure(&client, ping(&server.url("/"))).await, Some(expect));
        assert_eq!(server.accepted(), connections);
    }
}

#[tokio::test]
async fn an_oversized_reply_that_came_in_whole_still_costs_the_connection() {
    let server = Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.reply(&"x".repeat(1001)).await;
        }
    })
    .await;
    let client = client();
    for connections in 1..=3 {
        failure(&client, ping(&server.url("/"))).await.expect("oversized");
        assert_eq!(server.accepted(), connections);
    }
}

#[tokio::test]
async fn a_body_that_trickles_ends_at_the_deadline() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n").await;
        let mut ticks = interval(Duration::from_millis(20));
        while peer.write("x").await {
            ticks.tick().await;
        }
    })
    .await;
    let wait = Duration::from_millis(300);
    let started = Instant::now();
    let outcome = failure(&client(), hurried(&server.url("/"), wait)).await;
    assert_eq!(outcome, Some(failed(WireFailure::Timeout, true, Some(200))));
    assert!((wait..wait + GRACE).contains(&started.elapsed()), "{:?}", started.elapsed());
}

#[tokio::test]
async fn headers_without_end_are_not_read_to_the_end() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\n").await;
        while peer.write("x-more: and more\r\n").await {}
    })
    .await;
    let one_long = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\nx-long: ").await;
        while peer.write("0123456789abcdef0123456789abcdef").await {}
    })
    .await;
    for server in [server, one_long] {
        let expect = failed(WireFailure::Broken, true, None);
        assert_eq!(failure(&client(), ping(&server.url("/"))).await, Some(expect));
    }
}

#[tokio::test]
async fn a_hundred_headers_are_taken_and_one_more_is_not() {
    for (count, expect) in [(100, None), (101, Some(failed(WireFailure::Broken, true, None)))] {
        let headers = "x-a: b\r\n".repeat(count - 1);
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{headers}\r\n");
        let server = once(Box::leak(reply.into_boxed_str()).as_bytes()).await;
        assert_eq!(failure(&client(), ping(&server.url("/"))).await, expect, "{count}");
    }
}

#[tokio::test]
async fn what_is_not_a_whole_http_reply_is_broken() {
    for (reply, status) in [
        (&b"220 mail.acme.example ESMTP\r\n"[..], None),
        (b"\x16\x03\x01\x00\x05hello", None),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", None),
        (b"<html>no head</html>", None),
        (b"HTTP/1.1 9999 Odd\r\n\r\n", None),
        (b"HTTP/3.0 200 OK\r\n\r\n", None),
        (b"", None),
        (b"HTTP/1.1 200 OK\r\ncontent-", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n", None),
        (b"HTTP/1.1 100 Continue\r\n\r\n", None),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            Some(101),
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", Some(200)),
        (b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", Some(503)),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n", Some(200)),
    ] {
        let server = once(reply).await;
        let outcome = failure(&client(), ping(&server.url("/"))).await;
        let shown = String::from_utf8_lossy(reply);
        assert_eq!(outcome, Some(failed(WireFailure::Broken, true, status)), "{shown}");
    }
}

#[tokio::test]
async fn bytes_behind_a_reply_do_not_become_the_next_one() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        let number = peer.number;
        let spare = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
        peer.write(format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}{spare}")).await;
        peer.closed().await;
    })
    .await;
    let client = client();
    for number in 0..5 {
        assert_eq!(text(&client, ping(&server.url("/"))).await, Ok(number.to_string()));
    }
}

#[tokio::test]
async fn an_early_reply_is_taken() {
    let server = Server::start(|mut peer| async move {
        peer.bytes(10).await;
        peer.reply("early").await;
        peer.closed().await;
    })
    .await;
    assert_eq!(text(&client(), ping(&server.url("/"))).await, Ok("early".to_owned()));
}

#[tokio::test]
async fn dropping_a_call_abandons_it() {
    let (hung_up, mut gone) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |mut peer| {
        let hung_up = hung_up.clone();
        async move {
            peer.request().await;
            hung_up.send("asked").expect("test runs");
            peer.closed().await;
            hung_up.send("closed").expect("test runs");
        }
    })
    .await;
    let client = client();
    tokio::select! {
        _ = client.call(ping(&server.url("/"))) => panic!("nobody answered"),
        event = gone.recv() => assert_eq!(event, Some("asked")),
    }
    assert_eq!(gone.recv().await, Some("closed"));
}

#[tokio::test]
async fn no_proxy_is_taken_from_the_environment() {
    // Nothing listens on port 9: a client that asked the proxy would fail.
    let proxy = "http://127.0.0.1:9";
    let environment = ["http_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"]
        .map(|name| (name, proxy));
    if in_child("wire::tests::replies::no_proxy_is_taken_from_the_environment", &environment) {
        let server = always(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ndirect").await;
        assert_eq!(text(&client(), ping(&server.url("/"))).await, Ok("direct".to_owned()));
    }
}
