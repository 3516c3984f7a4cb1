//! A cluster whose slots move.

use std::sync::Arc;

use bytes::Bytes;

use super::super::{RedisSettings, RedisStore, ServerUrl};
use crate::domain::ids::{LeadId, Partition};
use crate::ports::AuctionStore;
use crate::ports::auction_store::{Create, Created, Effect, Fenced, NodeId};
use crate::servers::redis::{DURABLE, RedisCluster};

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

/// MOVED, ASK and TRYAGAIN: whoever asks while a slot is on its way gets its answer a little later.
#[tokio::test(flavor = "multi_thread")]
async fn slots_may_move_while_leads_are_taken_in() {
    let cluster = Arc::new(RedisCluster::start(&DURABLE));
    let urls = cluster.masters().iter().map(|master| ServerUrl::parse(&master.url()).unwrap());
    let settings = RedisSettings {
        urls: urls.collect(),
        cluster: true,
        repeat_ms: 60_000,
        ..RedisSettings::default()
    };
    let store = RedisStore::open(settings).await.unwrap();
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
        let waiting = store.outbox_read(Partition(partition), 10_000).await.unwrap();
        let leads: Vec<LeadId> = waiting.iter().map(|entry| entry.lead_id).collect();
        let expect: Vec<LeadId> =
            (1..=rounds).map(|number| create(partition, number).lead_id).collect();
        assert_eq!(leads, expect, "each was taken in once");
    }
}
