//! No connection goes where it may not, whatever a name resolves to.

use super::support::{Names, Server, failed, failure, local, ping, text};
use crate::ports::buyer_wire::WireFailure;
use crate::wire::{BuyerClient, WireSettings};

const NAME: &str = "bids.acme.example";

async fn answering() -> Server {
    Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.reply("reached").await;
        }
    })
    .await
}

/// Answers one request per connection and says that it will close it.
async fn closing() -> Server {
    Server::start(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 7\r\n\r\nreached")
            .await;
    })
    .await
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_any_packet() {
    let server = answering().await;
    // The server's own port is open, so that nothing but the address stands in the way.
    let settings = WireSettings { ports: vec![server.address.port()], ..WireSettings::default() };
    for answer in [
        &["127.0.0.1"][..],
        &["8.8.8.8", "127.0.0.1"],
        &["127.0.0.1", "8.8.8.8"],
        &["2606:4700:4700::1111", "::1"],
        &["::ffff:127.0.0.1"],
        &["::127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["2002:7f00:1::"],
        &["0.0.0.0"],
        &["::"],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["fd00:ec2::254"],
        &["fe80::1"],
    ] {
        let names = Names::lead(NAME, &[answer]);
        let client = BuyerClient::with_lookup(&settings, names.clone()).expect("client");
        let outcome = failure(&client, ping(&server.named("https", NAME))).await;
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
        "http://127.0.0.1",
        "https://127.0.0.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://0177.0.0.1",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://localhost",
        "https://bids.acme.example.",
        "https://a:b@bids.acme.example",
        "http://bids.acme.example",
        "ftp://bids.acme.example",
    ] {
        let outcome = failure(&client, ping(&format!("{host}:{port}/"))).await;
        assert_eq!(outcome, Some(failed(WireFailure::Refused, false, None)), "{host}");
    }
    assert_eq!((server.accepted(), names.lookups()), (0, 0));
}

#[tokio::test]
async fn plain_http_to_a_name_needs_every_address_in_an_allowed_network() {
    let server = answering().await;
    for (answer, reached) in [
        (&["127.0.0.1"][..], true),
        (&["::ffff:127.0.0.1"], true),
        (&["127.0.0.1", "8.8.8.8"], false),
        (&["8.8.8.8"], false),
        (&["127.0.0.1", "::1"], false),
        (&["192.168.0.1"], false),
    ] {
        let names = Names::lead(NAME, &[answer]);
        let client = BuyerClient::with_lookup(&local(), names).expect("client");
        let outcome = text(&client, ping(&server.named("http", NAME))).await;
        let expect = match reached {
            true => Ok("reached".to_owned()),
            false => Err(failed(WireFailure::Refused, false, None)),
        };
        assert_eq!(outcome, expect, "{answer:?}");
    }
}

#[tokio::test]
async fn a_name_whose_answer_changes_is_judged_at_every_connect_and_looked_up_once_for_each() {
    let server = closing().await;
    let names = Names::lead(NAME, &[&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1"]]);
    let client = BuyerClient::with_lookup(&local(), names.clone()).expect("client");
    let url = server.named("http", NAME);
    let refused = failed(WireFailure::Refused, false, None);
    for (lookups, expect) in
        [Ok("reached".to_owned()), Err(refused), Ok("reached".to_owned())].into_iter().enumerate()
    {
        assert_eq!(text(&client, ping(&url)).await, expect);
        assert_eq!(names.lookups(), lookups + 1);
    }
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_kept_connection_stays_with_the_address_it_was_judged_for() {
    let server = answering().await;
    let names = Names::lead(NAME, &[&["127.0.0.1"], &["10.0.0.1"]]);
    let client = BuyerClient::with_lookup(&local(), names.clone()).expect("client");
    for _ in 0..3 {
        let outcome = text(&client, ping(&server.named("http", NAME))).await;
        assert_eq!(outcome, Ok("reached".to_owned()));
    }
    assert_eq!((server.accepted(), names.lookups()), (1, 1));
    // Another spelling of the port or scheme is another connection, judged anew.
    let outcome = failure(&client, ping(&server.named("https", NAME))).await;
    assert_eq!(outcome, Some(failed(WireFailure::Refused, false, None)));
}

#[tokio::test]
async fn an_odd_spelling_of_an_allowed_address_reaches_that_address() {
    let server = answering().await;
    let client = BuyerClient::new(&local()).expect("client");
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:7f00:1]"] {
        let outcome = text(&client, ping(&server.named("http", host))).await;
        assert_eq!(outcome, Ok("reached".to_owned()), "{host}");
    }
}
