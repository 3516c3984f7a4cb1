//! Claims on consumers that are given back late.

use std::slice;

use super::super::RedisStore;
use super::super::script::Operation;
use super::settings;
use crate::domain::ids::{LeadId, Partition};
use crate::ports::AuctionStore;
use crate::ports::auction_store::DuplicateClaim;
use crate::servers::redis::{DURABLE, RedisServer};
use crate::store::redis::keys;

/// The word that frees a claim is sent after a look at the lead; on its way for long, it must not
/// meet the claim of a lead that has come since.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_renewed_is_not_freed_by_who_saw_the_old_one() {
    let server = RedisServer::start(&DURABLE);
    let store = RedisStore::open(settings(&server)).await.unwrap();
    let (lead_id, other) = (LeadId::new(Partition(3), 7), LeadId::new(Partition(4), 8));
    let (digest, window_ms) = ([5; 32], 600_000);
    let claim = |lead_id| store.claim_duplicate(digest, lead_id, window_ms);
    let key = keys::duplicate(&digest);
    let stored = || server.ask(&["GET", &key]).unwrap().into_bytes();
    assert_eq!(claim(lead_id).await.unwrap(), DuplicateClaim::Claimed);
    let seen = stored();
    // Claims carry the server's time, which must have gone on.
    while stored() == seen {
        assert_eq!(claim(lead_id).await.unwrap(), DuplicateClaim::Claimed);
    }
    store.run(Operation::FreeDuplicate, slice::from_ref(&key), vec![seen]).await.unwrap();
    assert_eq!(claim(other).await.unwrap(), DuplicateClaim::Taken(lead_id));
}

/// Between the look for an orphan's lead and the word that takes its place, that lead may come.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_renewed_is_no_orphan_to_who_looked_before() {
    let server = RedisServer::start(&DURABLE);
    let store = RedisStore::open(settings(&server)).await.unwrap();
    let (lead_id, other) = (LeadId::new(Partition(3), 7), LeadId::new(Partition(4), 8));
    let key = keys::duplicate(&[5; 32]);
    assert_eq!(
        store.claim_duplicate([5; 32], lead_id, 600_000).await.unwrap(),
        DuplicateClaim::Claimed
    );
    let text = |lead_id: LeadId| lead_id.to_string().into_bytes();
    let arguments = vec![text(other), b"600000".to_vec(), text(lead_id)];
    store.run(Operation::ClaimDuplicate, slice::from_ref(&key), arguments).await.unwrap();
    let stored = server.ask(&["GET", &key]).unwrap();
    assert!(stored.starts_with(&lead_id.to_string()), "{stored}");
}
