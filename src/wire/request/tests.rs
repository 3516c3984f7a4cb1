use bytes::Bytes;
use hyper::HeaderMap;
use tokio::time::Instant;

use super::{NotSendable, compose};
use crate::domain::address::{AddressPolicy, UrlRefused};
use crate::domain::ids::EndpointId;
use crate::ports::buyer_wire::{CallClass, Callee, WireRequest};

fn call(method: &str, url: &str, headers: &[(&str, &str)]) -> WireRequest {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    WireRequest {
        callee: Callee::Endpoint { id: EndpointId::new(1) },
        class: CallClass::Ping,
        method: method.to_owned(),
        url: url.to_owned(),
        headers: headers.iter().map(own).collect(),
        body: Bytes::from_static(b"x"),
        deadline: Instant::now(),
        reply_bytes_max: 0,
    }
}

fn refusal(method: &str, url: &str, header: (&str, &str)) -> Option<NotSendable> {
    compose(&AddressPolicy::default(), &call(method, url, &[header])).err()
}

fn pairs(headers: &HeaderMap) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect()
}

const URL: &str = "https://bids.acme.example/ping";

#[test]
fn headers_stay_in_order_and_those_of_the_connection_are_the_wires() {
    let request = call(
        "POST",
        URL,
        &[
            ("x-b", "1"),
            ("x-a", "2"),
            ("host", "127.0.0.1"),
            ("connection", "close"),
            ("content-length", "0"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("upgrade", "h2c"),
            ("te", "trailers"),
            ("accept-encoding", "gzip"),
            ("x-b", "3"),
        ],
    );
    let composed = compose(&AddressPolicy::default(), &request).expect("request");
    assert_eq!(
        pairs(composed.headers()),
        [
            ("x-b", "1"),
            ("x-b", "3"),
            ("x-a", "2"),
            ("accept-encoding", "identity"),
            ("user-agent", "gavel"),
        ]
    );
}

#[test]
fn a_profile_may_name_its_own_user_agent() {
    let request = call("POST", URL, &[("user-agent", "Acme 1.0")]);
    let composed = compose(&AddressPolicy::default(), &request).expect("request");
    assert_eq!(composed.headers()["user-agent"], "Acme 1.0");
}

#[test]
fn what_http_cannot_say_is_refused() {
    let fine = ("x-a", "b");
    for (method, url, header, expect) in [
        ("POST", URL, fine, None),
        ("REPORT", URL, fine, None),
        ("POST", URL, ("x-a", "naïve"), None),
        ("", URL, fine, Some(NotSendable::Method)),
        ("PO ST", URL, fine, Some(NotSendable::Method)),
        ("CONNECT", URL, fine, Some(NotSendable::Method)),
        ("POST", URL, ("", "b"), Some(NotSendable::Header)),
        ("POST", URL, ("x a", "b"), Some(NotSendable::Header)),
        ("POST", URL, ("x-a:", "b"), Some(NotSendable::Header)),
        ("POST", URL, ("x-a", "b\r\nx-c: d"), Some(NotSendable::Header)),
        ("POST", URL, ("x-a", "b\nc"), Some(NotSendable::Header)),
        ("POST", URL, ("x-a", "b\0c"), Some(NotSendable::Header)),
        ("POST", "https://127.0.0.1/", fine, Some(NotSendable::Url(UrlRefused::Literal))),
        ("POST", "http://bids.acme.example/", fine, Some(NotSendable::Url(UrlRefused::Scheme))),
    ] {
        assert_eq!(refusal(method, url, header), expect, "{method} {url} {header:?}");
    }
}

#[test]
fn the_judged_form_of_a_url_is_the_one_that_is_used() {
    let loopback = vec!["127.0.0.0/8".parse().expect("network")];
    let policy = AddressPolicy::new(loopback, vec![443]);
    for (given, used) in [
        ("http://0x7f.1/a", "http://127.0.0.1/a"),
        ("http://127.0.0.1:80/a?b=c", "http://127.0.0.1/a?b=c"),
        ("HTTPS://BIDS.acme.example", "https://bids.acme.example/"),
        (
            "https://bids.acme.example/a/../b?q={\"x\":[1]}|'y'",
            "https://bids.acme.example/b?q={%22x%22:[1]}|%27y%27",
        ),
    ] {
        let composed = compose(&policy, &call("GET", given, &[])).expect(given);
        assert_eq!(composed.uri().to_string(), used);
    }
}
