//! What passes the gate, what every answer carries, what is bounded.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::door::{self, Answer, Door, Holder, check, send};
use crate::domain::key::Role;
use crate::http::{Accepts, Access, Listener, ROUTES, Route, ServerSettings, start};

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_problems() {
    let door = Door::open().await;
    let not_found = r#"{"type":"urn:gavel:error:not_found","title":"There is nothing here","status":404,"code":"not_found","detail":"There is nothing here under this path and this key.","request_id":"ID"}"#;
    check(door.get("/nothing").await, 404, not_found);
    check(door.get("/v1/leads/").await, 404, not_found);
    check(door.get("/metrics").await, 404, not_found);
    let wrong = door.request("DELETE", "/v1/leads", &[], "").await;
    assert_eq!(wrong.header("allow"), Some("POST, GET, HEAD"));
    check(
        wrong,
        405,
        r#"{"type":"urn:gavel:error:method_not_allowed","title":"The method is not allowed here","status":405,"code":"method_not_allowed","detail":"This path exists, but not under this method; see the Allow header.","request_id":"ID"}"#,
    );
    door.close().await;
}

const fn holder_of(role: Role) -> Holder {
    match role {
        Role::Vendor => Holder::Acme,
        Role::Buyer => Holder::LifeCo,
        Role::Operator => Holder::Operator,
    }
}

/// One request for each route of a listener, with `{names}` filled in.
fn calls(listener: Listener) -> impl Iterator<Item = (&'static Route, String)> {
    let here = ROUTES.iter().filter(move |route| route.is_on(listener));
    here.map(|route| {
        let parts =
            route.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        (route, parts.collect::<Vec<_>>().join("/"))
    })
}

/// Calls a route as the holder of `key`, with a body of the right kind that says nothing.
async fn call(address: SocketAddr, route: &Route, path: &str, key: Option<&str>) -> Answer {
    let line = key.map(|key| format!("authorization: Bearer {key}"));
    let mut lines: Vec<&str> = line.as_deref().into_iter().collect();
    let body = if route.accepts == Accepts::Nothing { "" } else { "{}" };
    if !body.is_empty() {
        lines.push("content-type: application/json");
    }
    door::request(address, route.method.as_str(), path, &lines, body).await
}

#[tokio::test]
async fn the_table_of_routes_is_what_the_servers_enforce() {
    let door = Door::with(|limits| limits.failures_per_address_max = 1_000).await;
    let addresses = door.addresses();
    let listeners = [
        (Listener::Api { with_operators: false }, addresses.api),
        (Listener::Admin, addresses.admin.unwrap()),
        (Listener::Metrics, addresses.metrics),
    ];
    for (listener, address) in listeners {
        for (route, path) in calls(listener) {
            let name = format!("{listener:?} {} {path}", route.method.as_str());
            let stranger = call(address, route, &path, None).await;
            if route.access == Access::Everybody {
                assert_ne!(stranger.status, 401, "{name}");
                continue;
            }
            assert_eq!((stranger.status, stranger.code()), (401, "unauthorized".into()), "{name}");
            assert_eq!(stranger.header("www-authenticate"), Some("Bearer realm=\"gavel\""));
            for role in [Role::Vendor, Role::Buyer, Role::Operator] {
                let key = holder_of(role).key();
                let answer = call(address, route, &path, Some(&key)).await;
                assert_eq!(answer.status == 403, !route.admits(role), "{name} {role}");
                assert_ne!(answer.status, 401, "{name} {role}");
                if answer.status == 403 {
                    assert_eq!(answer.code(), "wrong_role", "{name}");
                }
            }
        }
    }
    door.close().await;
}

#[tokio::test]
async fn a_route_of_another_listener_is_not_there() {
    let door = Door::open().await;
    let operator = Holder::Operator.key();
    for (route, path) in calls(Listener::Admin).filter(|(route, _)| !route.admits(Role::Vendor)) {
        if route.is_on(Listener::Api { with_operators: false }) {
            continue;
        }
        let answer = call(door.addresses().api, route, &path, Some(&operator)).await;
        // The path may be there under other methods.
        let public = Listener::Api { with_operators: false };
        let is_shared = ROUTES.iter().any(|other| other.path == route.path && other.is_on(public));
        let expect = if is_shared { (405, "method_not_allowed") } else { (404, "not_found") };
        assert_eq!((answer.status, &*answer.code()), expect, "{path}");
    }
    door.close().await;
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_security_headers_and_no_banner() {
    let door = Door::open().await;
    for path in ["/livez", "/v1/keys", "/nothing", "/v1/leads", "/v1/leads/x"] {
        let answer = door.get(path).await;
        assert!(answer.header("x-request-id").unwrap().starts_with("req_"), "{path}");
        let seen = ["x-content-type-options", "cache-control", "x-frame-options"]
            .map(|name| answer.header(name).unwrap_or("-"));
        assert_eq!(seen, ["nosniff", "no-store", "DENY"], "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        for absent in ["server", "x-powered-by", "access-control-allow-origin"] {
            assert_eq!(answer.header(absent), None, "{path}");
        }
    }
    door.close().await;
}

#[tokio::test]
async fn two_requests_never_share_an_id_and_the_callers_is_not_taken() {
    let door = Door::open().await;
    let ask = || door.request("GET", "/livez", &["x-request-id: req_mine"], "");
    let ids =
        [ask().await, ask().await].map(|answer| answer.header("x-request-id").unwrap().to_owned());
    assert_ne!(ids[0], ids[1]);
    assert!(!ids.contains(&"req_mine".to_owned()));
    door.close().await;
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let door = Door::open().await;
    let answer = door.request("HEAD", "/livez", &[], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    door.close().await;
}

#[tokio::test]
async fn health_is_on_the_api_and_beside_the_metrics() {
    let door = Door::open().await;
    for address in [door.addresses().api, door.addresses().metrics] {
        let live = door::request(address, "GET", "/livez", &[], "").await;
        assert_eq!((live.status, live.body.as_str()), (200, r#"{"status":"live"}"#));
        let ready = door::request(address, "GET", "/readyz", &[], "").await;
        let body = r#"{"status":"ready","degraded":[]}"#;
        assert_eq!((ready.status, ready.body.as_str()), (200, body));
    }
    let metrics = door::request(door.addresses().metrics, "GET", "/metrics", &[], "").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4"));
    assert!(metrics.body.contains("gavel_build_info"), "{}", metrics.body);
    door.close().await;
}

fn vendor_lines(content_type: &str) -> [String; 2] {
    [Holder::Acme.line(), format!("content-type: {content_type}")]
}

/// Submits `body` as the vendor; what comes of it by status and code.
async fn submit(door: &Door, content_type: &str, more: &[&str], body: &str) -> (u16, String) {
    let lines = vendor_lines(content_type);
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.extend(more);
    let answer = door.request("POST", "/v1/leads", &lines, body).await;
    (answer.status, answer.code())
}

#[tokio::test]
async fn a_body_is_refused_by_kind_size_and_time_before_it_is_parsed() {
    let door = Door::with(|limits| limits.body_bytes_max = 64).await;
    let json = "application/json";
    let at_limit = format!("[{}]", " ".repeat(62));
    let over = format!("[{}]", " ".repeat(63));
    let code = |(status, code): (u16, String)| format!("{status} {code}");
    assert_eq!(code(submit(&door, "text/plain", &[], "{}").await), "415 unsupported_media_type");
    assert_eq!(code(submit(&door, json, &[], &over).await), "413 body_too_large");
    assert_ne!(submit(&door, json, &[], &at_limit).await.0, 413);
    door.close().await;

    let door = Door::with(|limits| limits.body_timeout_ms = 50).await;
    let [key, kind] = vendor_lines(json);
    let head = format!(
        "POST /v1/leads HTTP/1.1\r\nhost: x\r\n{key}\r\n{kind}\r\ncontent-length: 9\r\n\r\n{{"
    );
    let answer = send(door.addresses().api, head.as_bytes()).await;
    assert_eq!((answer.status, answer.code()), (408, "body_timeout".to_owned()));
    assert_eq!(answer.header("connection"), Some("close"));
    door.close().await;
}

#[tokio::test]
async fn a_chunked_body_is_cut_at_the_limit_and_its_connection_ended() {
    let door = Door::with(|limits| limits.body_bytes_max = 64).await;
    let [key, kind] = vendor_lines("application/json");
    let head = format!(
        "POST /v1/leads HTTP/1.1\r\nhost: x\r\n{key}\r\n{kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let chunk = format!("40\r\n{}\r\n1\r\n \r\n", " ".repeat(64));
    let answer = send(door.addresses().api, format!("{head}{chunk}").as_bytes()).await;
    assert_eq!((answer.status, answer.code()), (413, "body_too_large".to_owned()));
    door.close().await;
}

#[tokio::test]
async fn a_strangers_body_is_not_waited_for() {
    let door = Door::open().await;
    let head = "POST /v1/leads HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    let answer = send(door.addresses().api, head.as_bytes()).await;
    assert_eq!((answer.status, answer.code()), (401, "unauthorized".to_owned()));
    door.close().await;
}

#[tokio::test]
async fn too_many_headers_are_refused_on_every_path() {
    let door = Door::with(|limits| limits.headers_max = 3).await;
    let two = door.request("GET", "/livez", &["a: 1"], "").await;
    assert_eq!(two.status, 200, "host, connection and one more");
    for path in ["/livez", "/nothing", "/v1/leads"] {
        let answer = door.request("GET", path, &["a: 1", "b: 2"], "").await;
        assert_eq!((answer.status, answer.code()), (431, "headers_too_large".to_owned()), "{path}");
    }
    door.close().await;
}

#[tokio::test]
async fn headers_beyond_what_the_framework_reads_are_refused_and_the_connection_ended() {
    let door = Door::open().await;
    let many = "a: 1\r\n".repeat(100);
    let huge = format!("a: {}\r\n", "x".repeat(200_000));
    for lines in [many, huge] {
        let request = format!("GET /livez HTTP/1.1\r\nhost: x\r\n{lines}\r\n");
        let mut stream = TcpStream::connect(door.addresses().api).await.unwrap();
        // The server may end the connection before it has read everything.
        let written = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        let is_refused = answer.starts_with("HTTP/1.1 4") || written.is_err() || read.is_err();
        assert!(is_refused, "{answer}");
    }
    door.close().await;
}

#[tokio::test]
async fn guesses_are_told_to_wait_and_a_key_that_works_is_let_in() {
    let door = Door::with(|limits| limits.failures_per_address_max = 5).await;
    let guess = ["authorization: Bearer gavel_live_vendor_nonsense"];
    for _ in 0..5 {
        assert_eq!(door.request("GET", "/v1/leads/x", &guess, "").await.status, 401);
    }
    let limited = door.request("GET", "/v1/leads/x", &guess, "").await;
    assert_eq!((limited.status, limited.code()), (429, "rate_limited".to_owned()));
    assert!(limited.header("retry-after").is_some());
    assert_eq!(door.ask(Holder::Acme, "GET /v1/leads/x", "").await.status, 404);
    door.close().await;
}

#[tokio::test]
async fn a_repeated_security_header_is_refused() {
    let door = Door::open().await;
    let key = Holder::Acme.line();
    let answer = door.request("GET", "/v1/leads/x", &[&key, &key], "").await;
    assert_eq!((answer.status, answer.code()), (400, "malformed_request".to_owned()));
    let twice = ["idempotency-key: a", "idempotency-key: a"];
    let answer = submit(&door, "application/json", &twice, "{}").await;
    assert_eq!(answer, (400, "malformed_request".to_owned()));
    door.close().await;
}

#[tokio::test]
async fn half_a_request_does_not_hold_a_connection_be_it_the_first_or_a_later_one() {
    // The framework's clock has steps of half a second.
    let door = Door::with(|limits| limits.header_timeout_ms = 1_000).await;
    let half = "GET /livez HTTP/1.1\r\nhost: ";
    let answer = send(door.addresses().api, half.as_bytes()).await;
    assert_eq!(answer.status, 408);
    let one_and_a_half = format!("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n{half}");
    let answer = send(door.addresses().api, one_and_a_half.as_bytes()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"live"}"#));
    door.close().await;
}

#[tokio::test]
async fn servers_start_together_or_not_at_all() {
    let door = Door::open().await;
    let taken = door.addresses().api;
    let settings = ServerSettings { metrics: taken, ..door::settings() };
    let error = start(settings, &door.api).err().expect("the port is taken");
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
    door.close().await;
}

#[tokio::test]
async fn a_stopped_server_takes_no_more_connections() {
    let door = Door::open().await;
    let address = door.addresses().api;
    door.close().await;
    assert!(TcpStream::connect(address).await.is_err());
}
