//! Checks on taking leads in, owning and ranking them, their end, and duplicate claims.

use bytes::Bytes;

use super::StoreFactory;
use super::fixtures::{
    LEASE_MS, NODE, OTHER_NODE, PARTITION, Stand, closing, intent, lead_of, ok, outcome, record,
    refused, vendor,
};
use crate::domain::auction::{LeadState, LeadView, Seat, SeatState};
use crate::domain::disposition::Disposition;
use crate::domain::ids::{LeadId, Partition};
use crate::domain::post::Verdict;
use crate::domain::time::plus_ms;
use crate::ports::auction_store::{
    Claimed, Created, Decide, Decided, Due, DuplicateClaim, Effect, Fenced, Finished, Recorded,
};

pub(super) async fn a_new_lead_is_ours_and_shows_what_was_given(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let arguments = stand.create_arguments(1);
    let reply = ok(stand.store.create(arguments.clone())).await;
    assert_eq!(reply.reply, Created::Created { fence: 1 });
    let open = Seat { state: SeatState::Open, attempts: Vec::new() };
    let expected = LeadView {
        lead_id: arguments.lead_id,
        vendor: vendor("acme"),
        state: LeadState::Received,
        fence: 1,
        lease_until: plus_ms(reply.now, LEASE_MS.cast_signed()),
        fingerprint: arguments.fingerprint,
        registry_version: 7,
        seats: vec![open.clone(), open],
        rounds: 0,
        rank: Vec::new(),
        closing: None,
        plan: Bytes::from_static(b"plan"),
        offers: Bytes::new(),
        taken: Bytes::new(),
        created_at: reply.now,
        closed_at: None,
        facts: Vec::new(),
    };
    assert_eq!(*lead_of(&reply), expected);
    assert_eq!(*stand.read(arguments.lead_id).await, expected);
    let sealed = ok(stand.store.sealed_lead(arguments.lead_id)).await;
    assert_eq!(sealed, Some(arguments.sealed));
    let missing = stand.lead_id(2);
    assert_eq!(ok(stand.store.read(missing)).await.lead, None);
    assert_eq!(ok(stand.store.sealed_lead(missing)).await, None);
}

pub(super) async fn a_key_stands_for_its_first_body(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let first = stand.create_arguments(1);
    stand.create(1).await;
    let again = ok(stand.store.create(first.clone())).await;
    assert_eq!(again.reply, Created::Created { fence: 1 }, "our own repeat");
    let mut retry = first.clone();
    retry.lead_id = stand.lead_id(2);
    let same = ok(stand.store.create(retry.clone())).await;
    assert_eq!(same.reply, Created::Same);
    assert_eq!(lead_of(&same).lead_id, first.lead_id);
    retry.fingerprint = [9; 32];
    let mismatch = ok(stand.store.create(retry.clone())).await;
    assert_eq!(mismatch.reply, Created::Mismatch);
    assert_eq!(ok(stand.store.read(retry.lead_id)).await.lead, None, "nothing was made");
    assert_eq!(stand.effects().await, [record("received")], "nothing was written twice");
}

pub(super) async fn a_key_is_free_again_after_its_time(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let first = stand.create_arguments(1);
    stand.create(1).await;
    let mut next = first.clone();
    next.lead_id = stand.lead_id(2);
    next.fingerprint = [9; 32];
    factory.advance(first.key_ttl_ms).await;
    let reply = ok(stand.store.create(next)).await;
    assert_eq!(reply.reply, Created::Created { fence: 1 });
    assert_eq!(stand.read(first.lead_id).await.lead_id, first.lead_id, "the first one stays");
}

pub(super) async fn a_lead_may_be_closed_at_once(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let mut arguments = stand.create_arguments(1);
    arguments.sealed = Bytes::new();
    arguments.closing = Some(closing(Disposition::Refused));
    let reply = ok(stand.store.create(arguments.clone())).await;
    assert_eq!(reply.reply, Created::Created { fence: 1 });
    let lead = stand.read(arguments.lead_id).await;
    assert_eq!(lead.state, LeadState::Closed);
    assert_eq!(lead.closing, arguments.closing);
    assert_eq!(lead.closed_at, Some(reply.now));
    assert_eq!(ok(stand.store.sealed_lead(arguments.lead_id)).await, None);
    assert_eq!(stand.effects().await, [record("received")]);
    let mut retry = arguments.clone();
    retry.lead_id = stand.lead_id(2);
    let same = ok(stand.store.create(retry)).await;
    assert_eq!((same.reply, lead_of(&same)), (Created::Same, lead));
    factory.advance(LEASE_MS * 2).await;
    assert_eq!(stand.due().await, []);
    let claim = ok(stand.store.claim(arguments.lead_id, NODE, LEASE_MS)).await;
    assert_eq!(claim.reply, Claimed::Closed);
}

pub(super) async fn a_running_lease_keeps_others_out(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.create(1).await;
    let claim = |node| stand.store.claim(lead_id, node, LEASE_MS);
    assert_eq!(ok(claim(OTHER_NODE)).await.reply, Claimed::Held);
    assert_eq!(ok(claim(NODE)).await.reply, Claimed::Claimed { fence: 1 }, "it is its own");
    assert_eq!(stand.due().await, []);
    factory.advance(LEASE_MS - 1_000).await;
    let renewed = ok(stand.store.renew(lead_id, 1, LEASE_MS)).await;
    assert_eq!(renewed.reply, Fenced::Ok(()));
    factory.advance(2_000).await;
    assert_eq!(ok(claim(OTHER_NODE)).await.reply, Claimed::Held, "it was renewed");
    let missing = ok(stand.store.claim(stand.lead_id(2), NODE, LEASE_MS)).await;
    assert_eq!((missing.reply, missing.lead), (Claimed::Missing, None));
}

pub(super) async fn a_lease_that_is_over_can_be_taken_under_a_higher_fence(
    factory: &dyn StoreFactory,
) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.create(1).await;
    let created = stand.read(lead_id).await;
    factory.advance(LEASE_MS).await;
    let due = ok(stand.store.due(PARTITION, 10)).await;
    assert_eq!(due, [Due { lead_id, at: created.lease_until }]);
    assert_eq!(ok(stand.store.due(Partition(4), 10)).await, []);
    let claim = ok(stand.store.claim(lead_id, OTHER_NODE, LEASE_MS)).await;
    assert_eq!(claim.reply, Claimed::Claimed { fence: 2 });
    assert_eq!(lead_of(&claim).lease_until, plus_ms(claim.now, LEASE_MS.cast_signed()));
    let again = ok(stand.store.claim(lead_id, OTHER_NODE, LEASE_MS)).await;
    assert_eq!(again.reply, Claimed::Claimed { fence: 2 }, "a repeat is the same claim");
    assert_eq!(ok(stand.store.claim(lead_id, NODE, LEASE_MS)).await.reply, Claimed::Held);
    assert_eq!(stand.due().await, []);
    factory.advance(LEASE_MS).await;
    let same_node = ok(stand.store.claim(lead_id, OTHER_NODE, LEASE_MS)).await;
    assert_eq!(same_node.reply, Claimed::Claimed { fence: 3 }, "its own old task is fenced off");
}

pub(super) async fn an_old_owner_changes_nothing(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    factory.advance(LEASE_MS).await;
    ok(stand.store.claim(lead_id, OTHER_NODE, LEASE_MS)).await;
    let before = stand.read(lead_id).await;
    let effects = stand.effects().await;
    let store = &stand.store;
    assert_eq!(ok(store.renew(lead_id, 1, LEASE_MS)).await.reply, Fenced::Fenced);
    assert_eq!(ok(store.postpone(lead_id, 1, stand.began)).await.reply, Fenced::Fenced);
    let post = intent(lead_id, 1, 0, "beta-tx");
    assert_eq!(ok(store.intent(post)).await.reply, Fenced::Fenced);
    let decide =
        Decide { lead_id, fence: 1, round: 2, rank: Vec::new(), effects: vec![record("no")] };
    assert_eq!(ok(store.decide(decide)).await.reply, Fenced::Fenced);
    let end = closing(Disposition::Unsold);
    let finish = ok(store.finish(lead_id, 1, end, vec![record("no")])).await;
    assert_eq!(finish.reply, Fenced::Fenced);
    assert_eq!(stand.read(lead_id).await, before);
    assert_eq!(stand.effects().await, effects);
    let end = || closing(Disposition::Unsold);
    let finish = ok(store.finish(lead_id, 2, end(), Vec::new())).await;
    assert_eq!(finish.reply, Fenced::Ok(Finished::Closed));
    let late = ok(store.finish(lead_id, 1, end(), Vec::new())).await;
    assert_eq!((late.reply, lead_of(&late)), (Fenced::Fenced, lead_of(&finish)));
    let missing = ok(store.renew(stand.lead_id(2), 1, LEASE_MS)).await;
    assert_eq!((missing.reply, missing.lead), (Fenced::Fenced, None));
}

pub(super) async fn a_lease_handed_back_is_due_at_once(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.create(1).await;
    assert_eq!(ok(stand.store.renew(lead_id, 1, 0)).await.reply, Fenced::Ok(()));
    assert_eq!(stand.due().await, [lead_id]);
    let claim = ok(stand.store.claim(lead_id, OTHER_NODE, LEASE_MS)).await;
    assert_eq!(claim.reply, Claimed::Claimed { fence: 2 });
}

pub(super) async fn the_first_ranking_of_a_round_holds(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    let rank = vec![stand.entry("beta-tx"), stand.entry("gamma-tx")];
    let decided = stand.read(lead_id).await;
    assert_eq!((decided.state, decided.rounds), (LeadState::Decided, 1));
    assert_eq!(decided.rank, rank);
    let mut again = Decide { lead_id, fence: 1, round: 1, rank, effects: vec![record("again")] };
    let same = ok(stand.store.decide(again.clone())).await;
    assert_eq!(same.reply, Fenced::Ok(Decided::Decided), "our own repeat");
    again.rank.reverse();
    let other = ok(stand.store.decide(again)).await;
    assert_eq!(other.reply, Fenced::Ok(Decided::Already));
    assert_eq!(lead_of(&other), decided);
    assert_eq!(stand.effects().await, [record("received")], "nothing was written again");
}

pub(super) async fn rounds_run_on(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx"]).await;
    let rank = vec![stand.entry("gamma-tx")];
    let decide = |round| Decide { lead_id, fence: 1, round, rank: rank.clone(), effects: vec![] };
    refused(stand.store.decide(decide(3))).await;
    refused(stand.store.decide(decide(0))).await;
    assert_eq!(ok(stand.store.decide(decide(2))).await.reply, Fenced::Ok(Decided::Decided));
    assert_eq!(ok(stand.store.decide(decide(2))).await.reply, Fenced::Ok(Decided::Decided));
    assert_eq!(ok(stand.store.decide(decide(1))).await.reply, Fenced::Ok(Decided::Already));
    let lead = stand.read(lead_id).await;
    assert_eq!(lead.rank, [stand.entry("beta-tx"), stand.entry("gamma-tx")]);
    assert_eq!(lead.rounds, 2);
    stand.post(lead_id, 1, 1, "gamma-tx").await;
}

pub(super) async fn a_lead_ends_once(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx"]).await;
    let unsold = closing(Disposition::Unsold);
    let finish = |end, effects| stand.store.finish(lead_id, 1, end, effects);
    refused(finish(closing(Disposition::Sold), Vec::new())).await;
    refused(finish(closing(Disposition::Pending), Vec::new())).await;
    let first = ok(finish(unsold.clone(), vec![record("end")])).await;
    assert_eq!(first.reply, Fenced::Ok(Finished::Closed));
    let closed = lead_of(&first);
    assert_eq!((closed.state, &closed.closing), (LeadState::Closed, &Some(unsold.clone())));
    let again = ok(finish(unsold, vec![record("end")])).await;
    assert_eq!(again.reply, Fenced::Ok(Finished::Closed), "our own repeat");
    let other = ok(finish(closing(Disposition::Refused), Vec::new())).await;
    assert_eq!((other.reply, lead_of(&other)), (Fenced::Ok(Finished::Already), closed));
    assert_eq!(stand.effects().await, [record("received"), record("end")]);
    let post = ok(stand.store.intent(intent(lead_id, 1, 0, "beta-tx"))).await;
    assert!(!matches!(post.reply, Fenced::Ok(crate::ports::auction_store::Intended::Ok)));
    assert_eq!(ok(stand.store.renew(lead_id, 1, LEASE_MS)).await.reply, Fenced::Fenced);
    let sealed = ok(stand.store.sealed_lead(lead_id)).await;
    assert_eq!(sealed, Some(Bytes::from(vec![1; 100])), "it is kept with the closed lead");
}

pub(super) async fn facts_are_appended_once_after_the_end(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.create(1).await;
    let append = |id: &str, fact: &'static str| {
        let effects = vec![record(fact)];
        stand.store.append(lead_id, id.to_owned(), Bytes::from_static(fact.as_bytes()), effects)
    };
    assert!(!ok(append("return-1", "returned")).await.reply, "it has not ended");
    let end = closing(Disposition::Unsold);
    ok(stand.store.finish(lead_id, 1, end, Vec::new())).await;
    assert!(ok(append("return-1", "returned")).await.reply);
    assert!(ok(append("return-1", "returned")).await.reply, "a repeat finds it");
    assert!(ok(append("return-2", "denied")).await.reply);
    let lead = stand.read(lead_id).await;
    assert_eq!(lead.facts, [Bytes::from_static(b"returned"), Bytes::from_static(b"denied")]);
    let effects = [record("received"), record("returned"), record("denied")];
    assert_eq!(stand.effects().await, effects);
    let missing = stand.store.append(stand.lead_id(2), "x".to_owned(), Bytes::new(), Vec::new());
    assert!(!ok(missing).await.reply);
}

pub(super) async fn a_consumer_is_claimed_by_one_lead(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let (first, second) = (stand.create(1).await, stand.create(2).await);
    let claim = |lead_id| stand.store.claim_duplicate([5; 32], lead_id, 600_000);
    assert_eq!(ok(claim(first)).await, DuplicateClaim::Claimed);
    assert_eq!(ok(claim(first)).await, DuplicateClaim::Claimed);
    assert_eq!(ok(claim(second)).await, DuplicateClaim::Taken(first));
    let other = stand.store.claim_duplicate([6; 32], second, 600_000);
    assert_eq!(ok(other).await, DuplicateClaim::Claimed);
    factory.advance(500_000).await;
    assert_eq!(ok(claim(second)).await, DuplicateClaim::Taken(first), "the window still runs");
    factory.advance(100_000).await;
    assert_eq!(ok(claim(second)).await, DuplicateClaim::Claimed, "the window is over");
    assert_eq!(ok(claim(first)).await, DuplicateClaim::Taken(second));
}

pub(super) async fn an_orphaned_claim_is_free_after_a_minute(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let (orphan, lead_id) = (stand.lead_id(1), stand.create(2).await);
    let claim = |lead_id| stand.store.claim_duplicate([5; 32], lead_id, 3_600_000);
    assert_eq!(ok(claim(orphan)).await, DuplicateClaim::Claimed);
    factory.advance(59_000).await;
    assert_eq!(ok(claim(lead_id)).await, DuplicateClaim::Taken(orphan));
    factory.advance(1_000).await;
    assert_eq!(ok(claim(lead_id)).await, DuplicateClaim::Claimed);
}

pub(super) async fn a_freed_claim_can_be_taken(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let (first, second) = (stand.lead_id(1), stand.create(2).await);
    let claim = |lead_id| stand.store.claim_duplicate([5; 32], lead_id, 600_000);
    ok(claim(first)).await;
    ok(stand.store.free_duplicate([5; 32], second)).await;
    assert_eq!(ok(claim(second)).await, DuplicateClaim::Taken(first), "not its own to free");
    ok(stand.store.free_duplicate([5; 32], first)).await;
    ok(stand.store.free_duplicate([5; 32], first)).await;
    assert_eq!(ok(claim(second)).await, DuplicateClaim::Claimed);
}

/// Who gives a claim back may have been told that there is no such lead before it came, and be
/// heard when it is sold.
pub(super) async fn a_claim_that_its_lead_needs_is_not_freed(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let (lead_id, other) = (stand.decided(1, &["beta-tx"]).await, stand.create(2).await);
    let claim = |lead_id| stand.store.claim_duplicate([5; 32], lead_id, 600_000);
    let free = || stand.store.free_duplicate([5; 32], lead_id);
    ok(claim(lead_id)).await;
    ok(free()).await;
    assert_eq!(ok(claim(other)).await, DuplicateClaim::Taken(lead_id), "it is in its auction");
    stand.post(lead_id, 1, 0, "beta-tx").await;
    ok(free()).await;
    assert_eq!(ok(claim(other)).await, DuplicateClaim::Taken(lead_id), "a buyer may have it");
    let mut sold = outcome(lead_id, 1, 0, Verdict::Accepted);
    sold.closing = Some(closing(Disposition::Sold));
    ok(stand.store.outcome(sold)).await;
    ok(free()).await;
    assert_eq!(ok(claim(other)).await, DuplicateClaim::Taken(lead_id), "it is sold");
    let unsold = stand.create(3).await;
    ok(stand.store.claim_duplicate([6; 32], unsold, 600_000)).await;
    ok(stand.store.finish(unsold, 1, closing(Disposition::Unsold), Vec::new())).await;
    ok(stand.store.free_duplicate([6; 32], unsold)).await;
    let taken = stand.store.claim_duplicate([6; 32], other, 600_000);
    assert_eq!(ok(taken).await, DuplicateClaim::Claimed, "nobody has it");
}

pub(super) async fn a_claim_that_is_renewed_ends_when_it_did(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let (first, second) = (stand.create(1).await, stand.create(2).await);
    let claim = |lead_id| stand.store.claim_duplicate([5; 32], lead_id, 600_000);
    ok(claim(first)).await;
    factory.advance(500_000).await;
    assert_eq!(ok(claim(first)).await, DuplicateClaim::Claimed);
    factory.advance(99_000).await;
    assert_eq!(ok(claim(second)).await, DuplicateClaim::Taken(first));
    factory.advance(1_000).await;
    assert_eq!(ok(claim(second)).await, DuplicateClaim::Claimed);
}

pub(super) async fn arguments_beyond_a_limit_are_refused(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let huge = Bytes::from(vec![0; (1 << 20) + 1]);
    let good = stand.create_arguments(1);
    let with = |change: fn(&mut crate::ports::auction_store::Create, Bytes)| {
        let mut arguments = good.clone();
        change(&mut arguments, huge.clone());
        stand.store.create(arguments)
    };
    refused(with(|create, huge| create.sealed = huge)).await;
    refused(with(|create, huge| create.plan = huge)).await;
    refused(with(|create, huge| create.effects = vec![Effect::Record(huge)])).await;
    refused(with(|create, _| create.seats = 33)).await;
    refused(with(|create, _| create.lead_id = LeadId::new(Partition(1_023), 1))).await;
    refused(stand.store.due(Partition(1_023), 1)).await;
    let lead_id = stand.decided(1, &["beta-tx"]).await;
    refused(stand.store.intent(intent(lead_id, 3, 0, "beta-tx"))).await;
    refused(stand.store.intent(intent(lead_id, 0, 0, "beta-tx"))).await;
    let missing = ok(stand.store.outcome(outcome(lead_id, 3, 0, Verdict::Accepted))).await;
    assert_eq!(missing.reply, Recorded::Missing);
}
