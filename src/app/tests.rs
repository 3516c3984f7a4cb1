use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::cli::init::Layout;
use crate::config::local_template;

/// An installation whose servers take any free port.
fn installation(root: &Path) -> Config {
    let layout =
        Layout::create(root, &root.join("data"), &local_template(), &|bytes| bytes.fill(7))
            .unwrap();
    let config = config(root, &[]);
    layout.finish("gavel_live_operator_x").unwrap();
    config
}

fn config(root: &Path, more: &[(&str, &str)]) -> Config {
    let free = "127.0.0.1:0";
    let variables = [("GAVEL__HTTP__LISTEN", free), ("GAVEL__METRICS__LISTEN", free)];
    let variables = variables.iter().chain(more);
    let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(&root.join("gavel.toml"), variables).unwrap()
}

/// The status line and the body of `GET path`.
async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_starts_answers_stops_and_starts_again() {
    let root = tempfile::tempdir().unwrap();
    let config = installation(root.path());
    for _ in 0..2 {
        let running = Running::start(&config).await.unwrap();
        assert_eq!(running.admin_address(), running.http_address());
        let ready =
            (("HTTP/1.1 200 OK").to_owned(), r#"{"status":"ready","degraded":[]}"#.to_owned());
        assert_eq!(get(running.http_address(), "/readyz").await, ready);
        assert_eq!(get(running.metrics_address(), "/readyz").await, ready);
        let (_, metrics) = get(running.metrics_address(), "/metrics").await;
        assert!(metrics.contains("gavel_store_durability{level=\"embedded\"} 1"), "{metrics}");
        assert!(metrics.contains("gavel_runtime_tasks "), "{metrics}");
        let address = running.http_address();
        running.stop().await;
        assert!(TcpStream::connect(address).await.is_err(), "it still listens");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_today_and_tomorrow_are_there_before_a_lead_is() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::start(&installation(root.path())).await.unwrap();
    let vault = Arc::clone(&running.floor.office.vault);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while vault.days().unwrap().len() < 2 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", vault.days());
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_in_use_starts_no_second_exchange() {
    let root = tempfile::tempdir().unwrap();
    let config = installation(root.path());
    let running = Running::start(&config).await.unwrap();
    let refused = Running::start(&config).await.map(drop).unwrap_err();
    assert!(refused.to_string().ends_with("is in use by another process"), "{refused}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_leaves_the_store_free() {
    let root = tempfile::tempdir().unwrap();
    let free = installation(root.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = config(root.path(), &[("GAVEL__ADMIN__LISTEN", &address)]);
    let refused = Running::start(&config).await.map(drop).unwrap_err();
    assert!(matches!(refused, StartError::Listen(_)), "{refused}");
    Running::start(&free).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_opens_nothing() {
    let root = tempfile::tempdir().unwrap();
    let config = installation(root.path());
    Running::start(&config).await.unwrap().stop().await;
    let key = root.path().join("gavel.key");
    std::fs::remove_file(&key).unwrap();
    crate::vault::create_key_file(&key, &|bytes| bytes.fill(8)).unwrap();
    let refused = Running::start(&config).await.map(drop).unwrap_err();
    assert!(matches!(refused, StartError::Open(_)), "{refused}");
}
