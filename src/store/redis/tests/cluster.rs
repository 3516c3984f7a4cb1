//! A cluster whose slots move.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::task::TaskTracker;

use super::super::{RedisSettings, RedisStore, ServerUrl};
use crate::domain::ids::{LeadId, Partition};
use crate::ports::AuctionStore;
use crate::ports::auction_store::{Create, Created, Effect, Fenced, NodeId};
use crate::servers::redis::{DURABLE, RedisCluster};
use crate::servers::until;

fn create(partition: u16, number: u64) -> Create {
    let mut key_digest = [partition as u8; 32];
    key_digest[..8].copy_from_slice(&number.to_be_bytes());
    Create {
        key_digest,
        key_ttl_ms: 3_600_000,
        lead_id: LeadId::new(Partition(partition), number.into()),
        vendor: "acme".parse().unwrap(),
        fingerprint: [1; 32],
        sealed: Bytes::from_static(b"sealed"),
        plan: Bytes::from_static(b"plan"),
        registry_version: 1,
        seats: 1,
        node: NodeId(1),
        lease_ms: 600_000,
        closing: None,
        effects: vec![Effect::Record(Bytes::from_static(b"received"))],
    }
}

/// Takes a lead of each partition in and goes on with it.
async fn take_in(store: &RedisStore, number: u64) {
    for partition in 0..64 {
        let created = store.create(create(partition, number)).await.unwrap();
        assert_eq!(created.reply, Created::Created { fence: 1 });
        let lead_id = create(partition, number).lead_id;
        let renewed = store.renew(lead_id, 1, 600_000).await.unwrap();
        assert_eq!(renewed.reply, Fenced::Ok(()));
    }
}

async fn open(cluster: &RedisCluster, repeat_ms: u64) -> Arc<RedisStore> {
    let urls = cluster.masters().iter().map(|master| ServerUrl::parse(&master.url()).unwrap());
    let settings = RedisSettings {
        urls: urls.collect(),
        cluster: true,
        repeat_ms,
        ..RedisSettings::default()
    };
    RedisStore::open(settings).await.unwrap()
}

/// Waits until it is so; a minute at most.
async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it comes true");
}

/// Each step of a move makes the masters say another word, and none is an error for who waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_on_its_way_says_tryagain_then_ask_then_moved() {
    let cluster = Arc::new(RedisCluster::start(&DURABLE));
    let store = open(&cluster, 60_000).await;
    take_in(&store, 1).await;
    let on_its_way = cluster.begin_move("x:{p0005}:due");
    // Some of its keys are there, and some are not anywhere yet.
    let created = TaskTracker::new().spawn({
        let store = Arc::clone(&store);
        async move { store.create(create(5, 2)).await }
    });
    let (before, log) = (cluster.errors("TRYAGAIN"), || cluster.masters()[0].log());
    until("it is asked to try again", log, || cluster.errors("TRYAGAIN") > before);
    cluster.move_keys(&on_its_way);
    let first = create(5, 1).lead_id;
    assert_eq!(store.renew(first, 1, 600_000).await.unwrap().reply, Fenced::Ok(()));
    assert!(cluster.errors("ASK") > 0, "all keys of that lead are at the next master");
    assert!(!created.is_finished());
    cluster.end_move(&on_its_way);
    assert_eq!(created.await.unwrap().unwrap().reply, Created::Created { fence: 1 });
    assert!(cluster.errors("MOVED") > 0);
    let waiting = store.outbox_read(Partition(5), 0, 10).await.unwrap();
    let leads: Vec<LeadId> = waiting.iter().map(|entry| entry.lead_id).collect();
    assert_eq!(leads, [first, create(5, 2).lead_id]);
}

/// Whichever master it is: the marks of its partitions are gone with its data.
#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_comes_back_without_its_data_is_noticed() {
    let cluster = RedisCluster::start(&DURABLE);
    let store = open(&cluster, 200).await;
    take_in(&store, 1).await;
    let marks = cluster.master_of("x:{install}");
    let emptied = (0..cluster.masters().len()).find(|master| *master != marks).unwrap();
    let at_it = (0..64).find(|at| cluster.master_of(&format!("x:{{p{at:04}}}:due")) == emptied);
    let lead_id = create(at_it.unwrap(), 1).lead_id;
    let master = &cluster.masters()[emptied];
    let (log, aside) = (master.folder().join("appendonlydir"), master.folder().join("aside"));
    master.kill();
    fs::rename(&log, &aside).unwrap();
    master.resume();
    cluster.wait_until_agreed();
    let trouble = async || store.read(lead_id).await.err().map(|error| error.to_string());
    let said = "the store's data is not what it was: bring the server back";
    eventually(async || trouble().await.is_some_and(|why| why.contains(said))).await;
    let elsewhere = store.read(create(0, 1).lead_id).await;
    assert!(elsewhere.is_err(), "nothing is asked of the others either: {elsewhere:?}");
    let settings = store.settings.clone();
    let refused = RedisStore::open(settings).await.err().expect("another node does not start");
    assert!(refused.to_string().contains(said), "{refused}");
    master.kill();
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&aside, &log).unwrap();
    master.resume();
    cluster.wait_until_agreed();
    eventually(async || trouble().await.is_none()).await;
    assert!(store.read(lead_id).await.unwrap().lead.is_some());
}

/// The same line of docs/OPERATIONS.md as for one server.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_documented_rights_is_enough_for_a_cluster() {
    let documents = include_str!("../../../../docs/OPERATIONS.md");
    let line = documents.lines().find(|line| line.starts_with("ACL SETUSER gavel ")).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let password = words.iter().find_map(|word| word.strip_prefix('>')).unwrap();
    let cluster = RedisCluster::start(&DURABLE);
    let mut urls = Vec::new();
    for master in cluster.masters() {
        assert_eq!(master.ask(&words).unwrap(), "+OK");
        let url = master.url().replace("redis://", &format!("redis://gavel:{password}@"));
        urls.push(ServerUrl::parse(&url).unwrap());
    }
    let settings = RedisSettings { urls, cluster: true, ..RedisSettings::default() };
    let store = RedisStore::open(settings).await.unwrap();
    take_in(&store, 1).await;
}

/// A cluster of an older version of the program has no marks in its partitions yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_marks_gets_them_once() {
    let cluster = RedisCluster::start(&DURABLE);
    drop(open(&cluster, 200).await);
    let install = &cluster.masters()[cluster.master_of("x:{install}")];
    let fifth = &cluster.masters()[cluster.master_of("x:{p0005}:mark")];
    assert_eq!(install.ask(&["HDEL", "x:{install}", "partitions_marked"]).unwrap(), ":1");
    assert_eq!(fifth.ask(&["DEL", "x:{p0005}:mark"]).unwrap(), ":1");
    drop(open(&cluster, 200).await);
    assert_eq!(fifth.ask(&["EXISTS", "x:{p0005}:mark"]).unwrap(), ":1");
    assert_eq!(install.ask(&["HGET", "x:{install}", "partitions_marked"]).unwrap(), "1");
}

/// MOVED, ASK and TRYAGAIN: whoever asks while a slot is on its way gets its answer a little later.
#[tokio::test(flavor = "multi_thread")]
async fn slots_may_move_while_leads_are_taken_in() {
    let cluster = Arc::new(RedisCluster::start(&DURABLE));
    let store = open(&cluster, 60_000).await;
    assert_eq!(store.durability(), "redis-cluster");
    take_in(&store, 1).await;
    let moves = tokio::task::spawn_blocking({
        let cluster = Arc::clone(&cluster);
        move || {
            for partition in 0..64 {
                cluster.move_slot_of(&format!("x:{{p{partition:04}}}:due"));
            }
        }
    });
    let mut rounds = 1;
    while !moves.is_finished() {
        rounds += 1;
        take_in(&store, rounds).await;
    }
    moves.await.unwrap();
    for partition in 0..64 {
        let waiting = store.outbox_read(Partition(partition), 0, 10_000).await.unwrap();
        let leads: Vec<LeadId> = waiting.iter().map(|entry| entry.lead_id).collect();
        let expect: Vec<LeadId> =
            (1..=rounds).map(|number| create(partition, number).lead_id).collect();
        assert_eq!(leads, expect, "each was taken in once");
    }
}
