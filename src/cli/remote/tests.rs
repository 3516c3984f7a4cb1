use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers one request with `response` and gives back what was asked.
async fn answer_once(listener: TcpListener, response: String) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !is_whole(&request) {
        let mut part = [0; 1024];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "the request ended early");
        request.extend_from_slice(&part[..length]);
    }
    stream.write_all(response.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    String::from_utf8(request).unwrap()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn response(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// Makes a call to a server that answers `response`; gives the result and the request's text.
async fn call(call: Call<'_>, response: String) -> (Result<Value, RemoteError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let remote = Remote::new(address, Zeroizing::new("gavel_live_operator_x".into())).unwrap();
    let (result, request) = tokio::join!(remote.call(call), answer_once(listener, response));
    (result, request)
}

#[tokio::test]
async fn a_call_carries_the_key_the_body_and_what_makes_it_happen_once() {
    let body = json!({"kind": "deposit", "amount": "5.00"});
    let post = Call::post("/v1/buyers/acme/credits", body).once("op-1");
    let answer = response("201 Created", r#"{"balance":"5.00"}"#);
    let (result, request) = call(post, answer).await;
    assert_eq!(result.unwrap(), json!({"balance": "5.00"}));
    let lower = request.to_ascii_lowercase();
    assert!(request.starts_with("POST /v1/buyers/acme/credits HTTP/1.1\r\n"), "{request}");
    assert!(lower.contains("authorization: bearer gavel_live_operator_x\r\n"), "{request}");
    assert!(lower.contains("idempotency-key: op-1\r\n"), "{request}");
    assert!(request.ends_with(r#"{"amount":"5.00","kind":"deposit"}"#), "{request}");
}

#[tokio::test]
async fn a_refusal_is_told_with_every_fault() {
    let problem = json!({
        "code": "invalid_registry",
        "detail": "2 faults",
        "errors": [
            {"pointer": "/buyers/acme", "code": "unknown", "detail": "no such field `nam`"},
            {"detail": "tree `solar` has no vertical"},
        ],
    });
    let (result, _) =
        call(Call::get("/v1/keys"), response("422 Unprocessable Content", &problem.to_string()))
            .await;
    assert_eq!(
        result.unwrap_err().to_string(),
        "the server refused (422 Unprocessable Entity): invalid_registry: 2 faults\n  \
         /buyers/acme: no such field `nam`\n  tree `solar` has no vertical"
    );
}

#[tokio::test]
async fn a_redirect_is_a_refusal() {
    let moved = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n";
    let (result, _) = call(Call::get("/v1/keys"), moved.to_owned()).await;
    let error = result.unwrap_err().to_string();
    assert_eq!(error, "the server refused (307 Temporary Redirect): no reason given");
}

#[tokio::test]
async fn an_answer_of_another_kind_is_told() {
    let (result, _) = call(Call::get("/v1/keys"), response("200 OK", "<html>")).await;
    assert!(matches!(result, Err(RemoteError::Unreadable(_))), "{result:?}");
}

#[tokio::test]
async fn only_a_server_that_says_it_lives_is_one() {
    let check = async |answer: String, expect: bool| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (served, _) = tokio::join!(is_served(address), answer_once(listener, answer));
        assert_eq!(served.unwrap(), expect);
    };
    check(response("200 OK", r#"{"status":"live"}"#), true).await;
    check(response("200 OK", "welcome"), false).await;
    check(response("404 Not Found", r#"{"status":"live"}"#), false).await;
}

#[tokio::test]
async fn nobody_listening_means_not_served() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(!is_served(address).await.unwrap());
}

#[test]
fn a_server_on_all_addresses_is_reached_on_this_machine() {
    let check = |listen: &str, expect: &str| {
        assert_eq!(reachable(listen.parse().unwrap()), expect.parse().unwrap());
    };
    check("0.0.0.0:8080", "127.0.0.1:8080");
    check("[::]:8080", "[::1]:8080");
    check("192.0.2.7:8080", "192.0.2.7:8080");
}
