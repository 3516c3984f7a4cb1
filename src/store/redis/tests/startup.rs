//! What the store refuses to start on, and that each refusal says what to set.

use std::os::unix::fs::PermissionsExt as _;

use super::super::{Durability, OpenError, RedisSettings, RedisStore, ServerUrl};
use super::settings;
use crate::ports::{AuctionStore, Clock};
use crate::servers::redis::{DURABLE, IN_MEMORY, RedisServer};
use crate::system::SystemClock;

async fn refusal(settings: RedisSettings) -> String {
    RedisStore::open(settings).await.err().expect("the store refuses").to_string()
}

/// Opens with a setting of the server changed, and changes it back.
async fn check_setting(server: &RedisServer, (key, value): (&str, &str), expect: &str) {
    let before = match key {
        "appendonly" => "yes",
        "appendfsync" => "always",
        _ => "noeviction",
    };
    assert_eq!(server.ask(&["CONFIG", "SET", key, value]).unwrap(), "+OK");
    let expect = format!("the store's servers are not set up for it: {expect}");
    assert_eq!(refusal(settings(server)).await, expect);
    let relaxed = RedisSettings { durability: Durability::Relaxed, ..settings(server) };
    match RedisStore::open(relaxed).await {
        Ok(store) => {
            assert_ne!(before, "noeviction", "eviction is refused whatever the durability");
            assert_eq!(store.durability(), "relaxed");
        }
        Err(error) => assert_eq!(error.to_string(), expect),
    }
    assert_eq!(server.ask(&["CONFIG", "SET", key, before]).unwrap(), "+OK");
}

#[tokio::test]
async fn a_server_that_could_lose_leads_is_refused() {
    let server = RedisServer::start(&DURABLE);
    let lose = "or say `store.durability = \"relaxed\"` and lose leads with the server";
    check_setting(
        &server,
        ("appendonly", "no"),
        &format!("appendonly is `no`: set it to `yes`, {lose}"),
    )
    .await;
    check_setting(
        &server,
        ("appendfsync", "everysec"),
        &format!("appendfsync is `everysec`: set it to `always`, {lose}"),
    )
    .await;
    check_setting(
        &server,
        ("maxmemory-policy", "allkeys-lru"),
        "maxmemory-policy is `allkeys-lru`: set it to `noeviction`, others drop leads",
    )
    .await;
    let store = RedisStore::open(settings(&server)).await.unwrap();
    assert_eq!((store.durability(), store.partitions()), ("redis-single", 64));
}

#[tokio::test]
async fn a_server_that_is_not_what_the_settings_say_is_refused() {
    let server = RedisServer::start(&IN_MEMORY);
    let cluster =
        RedisSettings { cluster: true, durability: Durability::Relaxed, ..settings(&server) };
    let refused = RedisStore::open(cluster).await.err().unwrap();
    assert!(matches!(refused, OpenError::Unreachable { .. } | OpenError::Unfit(_)), "{refused}");
    assert_eq!(server.ask(&["REPLICAOF", "127.0.0.1", "1"]).unwrap(), "+OK");
    let relaxed = RedisSettings { durability: Durability::Relaxed, ..settings(&server) };
    let expect = "the store's servers are not set up for it: the server's role is `slave`: name the \
                  master";
    assert_eq!(refusal(relaxed).await, expect);
}

#[tokio::test]
async fn data_of_another_installation_format_or_size_is_refused() {
    let server = RedisServer::start(&DURABLE);
    let ours = RedisSettings { install_mark: Some([1; 32]), ..settings(&server) };
    RedisStore::open(ours.clone()).await.unwrap();
    RedisStore::open(ours.clone()).await.unwrap();
    let theirs = RedisSettings { install_mark: Some([2; 32]), ..ours.clone() };
    let expect = "the store's data belongs to another installation (its key file differs): give this \
                  one a server, or a database, of its own";
    assert_eq!(refusal(theirs).await, expect);
    let wider = RedisSettings { partitions: 65, ..ours.clone() };
    let expect = "the store was made with 64 partitions, `partitions` says 65: set it to 64";
    assert_eq!(refusal(wider).await, expect);
    server.ask(&["HSET", "x:{install}", "format", "2"]).unwrap();
    let expect = "the store's data has format 2, this program reads 1: use the version of the program \
                  that wrote it, or an empty server";
    assert_eq!(refusal(ours).await, expect);
}

#[tokio::test]
async fn a_password_is_read_from_its_file_and_never_shown() {
    let server = RedisServer::start(&[&IN_MEMORY[..], &["--requirepass", "s3cret"]].concat());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("redis.password");
    std::fs::write(&file, "s3cret\n").unwrap();
    let with = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        RedisSettings {
            durability: Durability::Relaxed,
            password_file: Some(file.clone()),
            ..settings(&server)
        }
    };
    RedisStore::open(with(0o600)).await.unwrap();
    assert!(refusal(with(0o644)).await.starts_with("store.password_file: "));
    let url = server.url().replace("redis://", "redis://:wr0ng@");
    let wrong = RedisSettings {
        urls: vec![ServerUrl::parse(&url).unwrap()],
        durability: Durability::Relaxed,
        ..settings(&server)
    };
    assert!(!format!("{wrong:?}").contains("wr0ng"));
    let refused = refusal(wrong).await;
    assert!(refused.contains("redis://:***@127.0.0.1:") && !refused.contains("wr0ng"), "{refused}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named() {
    let server = RedisServer::start(&IN_MEMORY);
    let away = settings(&server);
    server.kill();
    let refused = refusal(away).await;
    let expect = format!("the store at {}", server.url());
    assert!(refused.starts_with(&expect), "{refused}");
}

#[tokio::test]
async fn the_store_goes_by_the_servers_clock() {
    let server = RedisServer::start(&DURABLE);
    let store = RedisStore::open(settings(&server)).await.unwrap();
    let before = SystemClock.now().as_millisecond();
    let lead = crate::domain::ids::LeadId::new(crate::domain::ids::Partition(1), 1);
    let now = store.read(lead).await.unwrap().now.as_millisecond();
    let after = SystemClock.now().as_millisecond();
    assert!((before..=after).contains(&now), "{before} {now} {after}");
}
