//! Servers that come back, as they were or not, and connections on which nothing comes any more.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::super::{RedisSettings, RedisStore, ServerUrl};
use super::{Factory, Servers, settings};
use crate::domain::auction::Account;
use crate::domain::money::Money;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{Credit, CreditKind, Credited};
use crate::servers::redis::{DURABLE, RedisServer};
use crate::store::contract;

fn buyer() -> Account {
    Account::Buyer("beta".parse().unwrap())
}

fn deposit(op_id: &str) -> Credit {
    Credit {
        account: buyer(),
        op_id: op_id.to_owned(),
        kind: CreditKind::Deposit,
        amount: Money::from_ten_thousandths(70_000).unwrap(),
    }
}

/// Why the store gives no balance.
async fn trouble(store: &RedisStore) -> String {
    store.balance(buyer()).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_without_its_data_is_not_used_until_it_has_them() {
    let server = RedisServer::start(&DURABLE);
    let store = RedisStore::open(settings(&server)).await.unwrap();
    assert_eq!(store.credit(deposit("first")).await.unwrap().reply, Credited::Done);
    let (log, aside) = (server.folder().join("appendonlydir"), server.folder().join("aside"));
    server.kill();
    fs::rename(&log, &aside).unwrap();
    server.resume();
    let said = trouble(&store).await;
    assert!(said.contains("the store's data is not what it was: bring the server back"), "{said}");
    assert!(store.credit(deposit("second")).await.is_err());
    assert_eq!(server.ask(&["DBSIZE"]).unwrap(), ":0", "nothing was written into it");
    server.kill();
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&aside, &log).unwrap();
    server.resume();
    assert_eq!(store.balance(buyer()).await.unwrap().account.deposited, deposit("").amount);
    assert_eq!(store.credit(deposit("second")).await.unwrap().reply, Credited::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_with_settings_that_may_lose_leads_is_not_used() {
    let server = RedisServer::start(&DURABLE);
    let store = RedisStore::open(settings(&server)).await.unwrap();
    assert_eq!(server.ask(&["CONFIG", "SET", "appendfsync", "everysec"]).unwrap(), "+OK");
    assert_eq!(server.ask(&["CLIENT", "KILL", "TYPE", "normal"]).unwrap(), ":1");
    let said = trouble(&store).await;
    assert!(said.contains("appendfsync is `everysec`: set it to `always`"), "{said}");
    assert_eq!(server.ask(&["CONFIG", "SET", "appendfsync", "always"]).unwrap(), "+OK");
    assert!(store.balance(buyer()).await.is_ok());
}

/// Passes bytes on, until it is told to swallow those of the connections it has.
async fn passage(server: &RedisServer, is_mute: &Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let target = server.url().trim_start_matches("redis://").to_owned();
    let is_mute = Arc::clone(is_mute);
    let tasks = TaskTracker::new();
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let (target, is_mute) = (target.clone(), Arc::clone(&is_mute));
            // Connections that are made later are as good as new.
            let may_fall_mute = !is_mute.load(Ordering::SeqCst);
            connections.spawn(async move {
                let mut far = TcpStream::connect(target).await.unwrap();
                let (mut ask, mut reply) = ([0; 16_384], [0; 16_384]);
                loop {
                    tokio::select! {
                        count = near.read(&mut ask) => match count {
                            Ok(count) if count > 0 => {
                                if !(may_fall_mute && is_mute.load(Ordering::SeqCst)) {
                                    far.write_all(&ask[..count]).await.unwrap();
                                }
                            }
                            _ => return,
                        },
                        count = far.read(&mut reply) => match count {
                            Ok(count) if count > 0 => near.write_all(&reply[..count]).await.unwrap(),
                            _ => return,
                        },
                    }
                }
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_no_reply_comes_is_replaced() {
    let server = RedisServer::start(&DURABLE);
    let is_mute = Arc::new(AtomicBool::new(false));
    let url = passage(&server, &is_mute).await;
    let patient = RedisSettings {
        urls: vec![ServerUrl::parse(&url).unwrap()],
        reply_timeout_ms: 300,
        repeat_ms: 20_000,
        ..RedisSettings::default()
    };
    let store = RedisStore::open(patient).await.unwrap();
    is_mute.store(true, Ordering::SeqCst);
    let credited = store.credit(deposit("first"));
    let credited = tokio::time::timeout(Duration::from_secs(20), credited).await;
    assert_eq!(credited.expect("it ends").unwrap().reply, Credited::Done);
    assert!(store.counters().repeats > 0, "the first attempt was swallowed");
}

#[tokio::test]
async fn a_node_starts_and_settles_while_the_server_has_no_memory_for_more() {
    let server = RedisServer::start(&DURABLE);
    RedisStore::open(settings(&server)).await.unwrap();
    assert_eq!(server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap(), "+OK");
    let store = RedisStore::open(settings(&server)).await.unwrap();
    let credited = store.credit(deposit("full")).await.unwrap();
    assert_eq!(credited.reply, Credited::Done);
}

/// The line of docs/OPERATIONS.md that says what the user of the exchange may do.
#[tokio::test]
async fn a_user_with_the_documented_rights_is_enough() {
    let documents = include_str!("../../../../docs/OPERATIONS.md");
    let line = documents.lines().find(|line| line.starts_with("ACL SETUSER gavel ")).unwrap();
    let server = RedisServer::start(&DURABLE);
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(server.ask(&words).unwrap(), "+OK");
    let password = words.iter().find_map(|word| word.strip_prefix('>')).unwrap();
    let url = server.url().replace("redis://", &format!("redis://gavel:{password}@"));
    let mut factory = Factory::new(Servers::One(server));
    factory.settings.urls = vec![ServerUrl::parse(&url).unwrap()];
    let by_the_servers_clock = RedisStore::open(factory.settings.clone()).await.unwrap();
    assert_eq!(by_the_servers_clock.credit(deposit("first")).await.unwrap().reply, Credited::Done);
    contract::check_leads(&factory).await;
    contract::check_offers(&factory).await;
    contract::check_seats(&factory).await;
    contract::check_accounts(&factory).await;
    contract::check_outbox(&factory).await;
}
