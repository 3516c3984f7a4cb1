//! Servers that refuse, stall or die: what is certainly not done is said so or done later, and what may
//! have been done is repeated without being done twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::{ErrorKind, RedisError, ServerErrorKind, make_extension_error};

use super::super::failure::Failure;
use super::super::{RedisSettings, RedisStore};
use super::settings;
use crate::domain::auction::Account;
use crate::domain::ids::{LeadId, Partition};
use crate::domain::money::Money;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{
    Create, Created, Credit, CreditKind, Credited, Effect, Fenced, NodeId, StoreError,
};
use crate::servers::redis::{DURABLE, RedisServer};
use crate::servers::until;

pub(super) fn create(number: u8) -> Create {
    Create {
        key_digest: [number; 32],
        key_ttl_ms: 60_000,
        lead_id: LeadId::new(Partition(3), u128::from(number)),
        vendor: "acme".parse().unwrap(),
        fingerprint: [number; 32],
        sealed: Bytes::from_static(b"sealed"),
        plan: Bytes::from_static(b"plan"),
        registry_version: 1,
        seats: 1,
        node: NodeId(1),
        lease_ms: 60_000,
        closing: None,
        effects: vec![Effect::Record(Bytes::from_static(b"received"))],
    }
}

async fn open(settings: RedisSettings) -> Arc<RedisStore> {
    RedisStore::open(settings).await.unwrap()
}

pub(super) async fn is_created(store: &RedisStore, number: u8) -> bool {
    let reply = store.create(create(number)).await.unwrap();
    reply.reply == Created::Created { fence: 1 }
}

pub(super) async fn waiting(store: &RedisStore) -> usize {
    store.outbox_read(Partition(3), 0, 100).await.unwrap().len()
}

#[test]
fn a_refusal_is_not_done_and_silence_is_unknown() {
    let known = |kind| RedisError::from((ErrorKind::Server(kind), "said so"));
    let other = |code: &str| make_extension_error(code.to_owned(), Some("said so".to_owned()));
    let io = |kind: std::io::ErrorKind| RedisError::from(std::io::Error::from(kind));
    let script = "user_script:9: CORRUPT run".to_owned();
    let table = [
        (known(ServerErrorKind::NoScript), Failure::UnknownScript),
        (known(ServerErrorKind::BusyLoading), Failure::Refused),
        (known(ServerErrorKind::ReadOnly), Failure::Refused),
        (known(ServerErrorKind::Moved), Failure::Refused),
        (known(ServerErrorKind::Ask), Failure::Refused),
        (known(ServerErrorKind::TryAgain), Failure::Refused),
        (known(ServerErrorKind::ClusterDown), Failure::Refused),
        (known(ServerErrorKind::MasterDown), Failure::Refused),
        (known(ServerErrorKind::NoPerm), Failure::Refused),
        (known(ServerErrorKind::CrossSlot), Failure::Wrong),
        (known(ServerErrorKind::ResponseError), Failure::Wrong),
        (other("MISCONF"), Failure::Refused),
        (other("BUSY"), Failure::Refused),
        (other("NOAUTH"), Failure::Refused),
        (other("NOREPLICAS"), Failure::Refused),
        (other("OOM"), Failure::Full),
        (other("WRONGTYPE"), Failure::Corrupt),
        (make_extension_error("ERR".to_owned(), Some(script)), Failure::Corrupt),
        (io(std::io::ErrorKind::TimedOut), Failure::Unknown),
        (io(std::io::ErrorKind::ConnectionReset), Failure::Unknown),
        (io(std::io::ErrorKind::ConnectionRefused), Failure::Unknown),
        (io(std::io::ErrorKind::UnexpectedEof), Failure::Unknown),
    ];
    for (error, expect) in table {
        assert_eq!(Failure::of(&error), expect, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_gets_them_again() {
    let server = RedisServer::start(&DURABLE);
    let store = open(settings(&server)).await;
    assert!(is_created(&store, 1).await);
    assert_eq!(store.counters().scripts_sent, 0, "they are loaded at the start");
    assert_eq!(server.ask(&["SCRIPT", "FLUSH"]).unwrap(), "+OK");
    assert!(is_created(&store, 2).await);
    assert!(is_created(&store, 3).await);
    assert_eq!(store.counters().scripts_sent, 1);
}

#[tokio::test]
async fn without_memory_no_lead_comes_in_and_those_that_did_go_on() {
    let server = RedisServer::start(&DURABLE);
    let store = open(settings(&server)).await;
    assert!(is_created(&store, 1).await);
    assert_eq!(server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap(), "+OK");
    let full = store.create(create(2)).await.unwrap_err();
    assert!(matches!(full, StoreError::Full(_)), "{full}");
    let (first, account) = (create(1).lead_id, Account::Buyer("beta".parse().unwrap()));
    let renewed = store.renew(first, 1, 90_000).await.unwrap();
    assert_eq!(renewed.reply, Fenced::Ok(()));
    assert_eq!(store.balance(account).await.unwrap().account.held, Money::ZERO);
    assert_eq!(store.read(create(2).lead_id).await.unwrap().lead, None, "it was not taken in");
    assert_eq!(server.ask(&["CONFIG", "SET", "maxmemory", "0"]).unwrap(), "+OK");
    assert!(is_created(&store, 2).await);
    assert_eq!(waiting(&store).await, 2);
}

#[tokio::test]
async fn a_replica_refuses_writes_until_it_is_a_master() {
    let server = RedisServer::start(&DURABLE);
    let store = open(settings(&server)).await;
    assert!(is_created(&store, 1).await);
    assert_eq!(server.ask(&["REPLICAOF", "127.0.0.1", "1"]).unwrap(), "+OK");
    let refused = store.create(create(2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    assert_eq!(server.ask(&["REPLICAOF", "NO", "ONE"]).unwrap(), "+OK");
    assert!(is_created(&store, 2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_kill_and_work_goes_on() {
    let server = RedisServer::start(&DURABLE);
    let store = open(settings(&server)).await;
    assert!(is_created(&store, 1).await);
    server.kill();
    let away = store.create(create(2)).await.unwrap_err();
    assert!(matches!(away, StoreError::Unavailable(_)), "{away}");
    server.resume();
    assert!(store.read(create(1).lead_id).await.unwrap().lead.is_some());
    assert!(is_created(&store, 2).await);
    assert_eq!(waiting(&store).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_outlives_a_restart_of_the_server() {
    let server = Arc::new(RedisServer::start(&DURABLE));
    let patient = RedisSettings { repeat_ms: 60_000, ..settings(&server) };
    let store = open(patient).await;
    server.kill();
    let resume = tokio::task::spawn_blocking({
        let server = Arc::clone(&server);
        move || server.resume()
    });
    assert!(is_created(&store, 1).await);
    resume.await.unwrap();
    assert!(store.counters().repeats > 0);
}

/// Reading sixteen thousand keys takes this server more than a second.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_reads_its_data_operations_wait_and_the_reason_is_told() {
    let arguments = [&DURABLE[..], &["--key-load-delay", "100"]].concat();
    let server = Arc::new(RedisServer::start(&arguments));
    let store = open(RedisSettings { repeat_ms: 60_000, ..settings(&server) }).await;
    let hasty = open(RedisSettings { repeat_ms: 0, ..settings(&server) }).await;
    let fill = "for key = 1, 16384 do redis.call('SET', 'key ' .. key, key) end return 'filled'";
    assert_eq!(server.ask(&["EVAL", fill, "0"]).unwrap(), "filled");
    assert!(is_created(&store, 1).await);
    server.kill();
    let resume = tokio::task::spawn_blocking({
        let server = Arc::clone(&server);
        move || server.resume()
    });
    let told = loop {
        match hasty.read(create(1).lead_id).await {
            Err(StoreError::Unavailable(why)) if why.contains("is reading its data") => break why,
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            other => panic!("it was not met while it read its data: {other:?}"),
        }
    };
    assert!(told.contains("Redis is loading the dataset in memory"), "{told}");
    assert!(is_created(&store, 2).await, "it waits for the end");
    resume.await.unwrap();
    assert!(store.read(create(1).lead_id).await.unwrap().lead.is_some());
    assert_eq!(waiting(&store).await, 2);
}

/// A folder stands where the snapshot is to go.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_cannot_write_its_snapshot_nothing_comes_in_and_leads_are_read() {
    let server = RedisServer::start(&DURABLE);
    let store = open(settings(&server)).await;
    assert!(is_created(&store, 1).await);
    let is_saved = |status: &str| {
        let status = format!("rdb_last_bgsave_status:{status}");
        until(
            "the snapshot has ended",
            || server.log(),
            || {
                let said = server.ask(&["INFO", "persistence"]).unwrap();
                said.contains("rdb_bgsave_in_progress:0") && said.contains(&status)
            },
        );
    };
    let in_the_way = server.folder().join("dump.rdb");
    std::fs::create_dir(&in_the_way).unwrap();
    assert_eq!(server.ask(&["CONFIG", "SET", "save", "3600 1"]).unwrap(), "+OK");
    assert_eq!(server.ask(&["BGSAVE"]).unwrap(), "+Background saving started");
    is_saved("err");
    let refused = store.create(create(2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    assert!(refused.to_string().contains("the server cannot write to its disk"), "{refused}");
    assert!(store.read(create(1).lead_id).await.unwrap().lead.is_some());
    assert_eq!(waiting(&store).await, 1, "it was not taken in");
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(server.ask(&["BGSAVE"]).unwrap(), "+Background saving started");
    is_saved("ok");
    assert!(is_created(&store, 2).await);
    assert_eq!(waiting(&store).await, 2);
}

/// The server stands still for longer than a reply may take, with the command in hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_comes_too_late_is_asked_for_again_and_done_once() {
    let arguments = [&DURABLE[..], &["--enable-debug-command", "yes"]].concat();
    let server = Arc::new(RedisServer::start(&arguments));
    let hasty = RedisSettings { reply_timeout_ms: 400, repeat_ms: 60_000, ..settings(&server) };
    let store = open(hasty).await;
    let credit = || Credit {
        account: Account::Buyer("beta".parse().unwrap()),
        op_id: "once".to_owned(),
        kind: CreditKind::Deposit,
        amount: Money::from_ten_thousandths(70_000).unwrap(),
    };
    let stall = tokio::task::spawn_blocking({
        let server = Arc::clone(&server);
        move || server.ask(&["DEBUG", "SLEEP", "1.5"])
    });
    while store.counters().repeats == 0 {
        assert!(is_created(&store, 1).await, "the repeat is the same lead");
        let reply = store.credit(credit()).await.unwrap();
        assert!(matches!(reply.reply, Credited::Done | Credited::Already));
        assert_eq!(reply.account.deposited, credit().amount, "credited once");
    }
    stall.await.unwrap().unwrap();
    assert_eq!(waiting(&store).await, 1, "taken in once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_no_error() {
    let arguments = [&DURABLE[..], &["--enable-debug-command", "yes"]].concat();
    let server = Arc::new(RedisServer::start(&arguments));
    let store = open(RedisSettings { repeat_ms: 0, ..settings(&server) }).await;
    let stall = tokio::task::spawn_blocking({
        let server = Arc::clone(&server);
        move || server.ask(&["DEBUG", "SLEEP", "1"])
    });
    while !stall.is_finished() {
        assert!(is_created(&store, 1).await);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(store.counters().repeats, 0);
}

#[tokio::test]
async fn what_nobody_can_have_written_is_corrupt() {
    let server = RedisServer::start(&DURABLE);
    let store = open(settings(&server)).await;
    assert!(is_created(&store, 1).await);
    let key = format!("x:{{p0003}}:L:{}", create(1).lead_id);
    assert_eq!(server.ask(&["HSET", &key, "run", "nonsense"]).unwrap(), ":0");
    for error in [
        store.renew(create(1).lead_id, 1, 1).await.unwrap_err(),
        store.read(create(1).lead_id).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    }
    server.ask(&["SET", "a:{buyer:beta}:acct", "nonsense"]).unwrap();
    let account = Account::Buyer("beta".parse().unwrap());
    let error = store.balance(account).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
}
