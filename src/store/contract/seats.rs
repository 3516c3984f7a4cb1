//! Checks on seats: who may be posted to, and what each verdict does.

use bytes::Bytes;

use super::StoreFactory;
use super::fixtures::{
    LEASE_MS, NODE, OTHER_NODE, Stand, campaign_id, closing, intent, lead_of, ok, outcome, post_id,
    record, refused,
};
use crate::domain::auction::{Attempt, LeadState, Seat, SeatState};
use crate::domain::disposition::Disposition;
use crate::domain::ids::LeadId;
use crate::domain::post::Verdict;
use crate::domain::time::plus_ms;
use crate::ports::auction_store::{
    Claimed, Fenced, Finished, Intended, Intent, Outcome, Recorded, SealedPost, Unresolved,
};

fn sealed(lead_id: LeadId, seat: u8, k: u16, sealed: &'static [u8]) -> Option<SealedPost> {
    Some(SealedPost { lead_id, seat, k, sealed: Bytes::from_static(sealed) })
}

async fn intended(stand: &Stand<'_>, intent: Intent) -> Fenced<Intended> {
    ok(stand.store.intent(intent)).await.reply
}

pub(super) async fn a_post_may_leave_only_after_its_intent(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let received = stand.create(1).await;
    let stale = Fenced::Ok(Intended::Stale);
    assert_eq!(intended(&stand, intent(received, 1, 0, "beta-tx")).await, stale, "not ranked");
    let lead_id = stand.decided(2, &["beta-tx", "gamma-tx"]).await;
    assert_eq!(intended(&stand, intent(lead_id, 1, 0, "gamma-tx")).await, stale);
    assert_eq!(intended(&stand, intent(lead_id, 1, 2, "gamma-tx")).await, stale);
    let missing = intent(stand.lead_id(9), 1, 0, "beta-tx");
    assert_eq!(intended(&stand, missing).await, Fenced::Fenced);
    assert_eq!(stand.verdict(lead_id, 1, 0, Verdict::Accepted).await, Recorded::Missing);

    let reply = ok(stand.store.intent(intent(lead_id, 1, 0, "beta-tx"))).await;
    assert_eq!(reply.reply, Fenced::Ok(Intended::Ok));
    let lead = lead_of(&reply);
    let attempt = Attempt {
        k: 0,
        campaign: campaign_id("beta-tx"),
        post_id: post_id(lead_id, 1, "beta-tx"),
        intended_at: reply.now,
        verdict: None,
        has_conflict: false,
    };
    let posting = Seat { state: SeatState::Posting { k: 0 }, attempts: vec![attempt] };
    assert_eq!(lead.seats[0], posting);
    assert_eq!(lead.lease_until, plus_ms(reply.now, LEASE_MS.cast_signed()));
    let post = ok(stand.store.sealed_post(post_id(lead_id, 1, "beta-tx"))).await;
    assert_eq!(post, sealed(lead_id, 1, 0, b"sealed post"));
    let unknown = ok(stand.store.sealed_post(post_id(lead_id, 2, "beta-tx"))).await;
    assert_eq!(unknown, None);
}

pub(super) async fn an_intent_repeated_by_its_owner_keeps_the_first_post(
    factory: &dyn StoreFactory,
) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    let before = stand.read(lead_id).await;
    let mut again = intent(lead_id, 1, 0, "beta-tx");
    again.sealed_post = Bytes::from_static(b"sealed anew");
    assert_eq!(intended(&stand, again).await, Fenced::Ok(Intended::Ok));
    assert_eq!(stand.read(lead_id).await, before);
    let post = ok(stand.store.sealed_post(post_id(lead_id, 1, "beta-tx"))).await;
    assert_eq!(post, sealed(lead_id, 1, 0, b"sealed post"), "the bytes that may have left");
    let next = intent(lead_id, 1, 1, "gamma-tx");
    assert_eq!(intended(&stand, next).await, Fenced::Ok(Intended::Busy));
}

pub(super) async fn a_new_owner_cannot_repeat_an_intent(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    factory.advance(LEASE_MS).await;
    assert_eq!(stand.due().await, [lead_id]);
    let claim = ok(stand.store.claim(lead_id, OTHER_NODE, LEASE_MS)).await;
    assert_eq!(claim.reply, Claimed::Claimed { fence: 2 });
    let again = Intent { fence: 2, ..intent(lead_id, 1, 0, "beta-tx") };
    assert_eq!(intended(&stand, again).await, Fenced::Ok(Intended::Busy));
    let recorded = stand.verdict(lead_id, 1, 0, Verdict::Accepted).await;
    assert_eq!(recorded, Recorded::Recorded, "a fact needs no fence");
    let sold = Intent { fence: 2, ..intent(lead_id, 1, 1, "gamma-tx") };
    assert_eq!(intended(&stand, sold).await, Fenced::Ok(Intended::Sold));
}

pub(super) async fn only_the_owner_can_say_that_nothing_left(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    factory.advance(LEASE_MS).await;
    ok(stand.store.claim(lead_id, OTHER_NODE, LEASE_MS)).await;
    let not_sent = |fence| Outcome { fence, ..outcome(lead_id, 1, 0, Verdict::NotSent) };
    let before = stand.read(lead_id).await;
    let reply = ok(stand.store.outcome(not_sent(Some(1)))).await;
    assert_eq!(reply.reply, Recorded::Fenced);
    assert_eq!(stand.read(lead_id).await, before, "nothing is written for whoever lost the lead");
    assert_eq!(ok(stand.store.outcome(not_sent(Some(2)))).await.reply, Recorded::Recorded);
    assert_eq!(ok(stand.store.outcome(not_sent(Some(2)))).await.reply, Recorded::Already);
}

pub(super) async fn candidates_are_tried_in_order(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx", "delta-tx"]).await;
    stand.post(lead_id, 1, 1, "gamma-tx").await;
    assert_eq!(stand.verdict(lead_id, 1, 1, Verdict::Rejected).await, Recorded::Recorded);
    assert_eq!(stand.read(lead_id).await.seats[0].state, SeatState::Open);
    let stale = Fenced::Ok(Intended::Stale);
    assert_eq!(intended(&stand, intent(lead_id, 1, 0, "beta-tx")).await, stale);
    assert_eq!(intended(&stand, intent(lead_id, 1, 1, "gamma-tx")).await, stale);
    stand.post(lead_id, 1, 2, "delta-tx").await;
    assert_eq!(stand.verdict(lead_id, 1, 2, Verdict::NotSent).await, Recorded::Recorded);
    let lead = stand.read(lead_id).await;
    let verdicts: Vec<_> = lead.seats[0].attempts.iter().map(|tried| tried.verdict).collect();
    assert_eq!(verdicts, [Some(Verdict::Rejected), Some(Verdict::NotSent)]);
}

pub(super) async fn no_buyer_or_legal_entity_gets_two_seats(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let campaigns = ["beta-tx", "beta-fl", "bravo-tx", "gamma-tx"];
    let lead_id = stand.decided(1, &campaigns).await;
    let busy = Fenced::Ok(Intended::Busy);
    stand.post(lead_id, 1, 0, "beta-tx").await;
    for verdict in [Verdict::Unknown, Verdict::Accepted] {
        assert_eq!(intended(&stand, intent(lead_id, 2, 1, "beta-fl")).await, busy, "same buyer");
        assert_eq!(intended(&stand, intent(lead_id, 2, 2, "bravo-tx")).await, busy, "same entity");
        assert_eq!(stand.verdict(lead_id, 1, 0, verdict).await, Recorded::Recorded);
    }
    assert_eq!(intended(&stand, intent(lead_id, 2, 2, "bravo-tx")).await, busy, "it has a seat");
    stand.post(lead_id, 2, 3, "gamma-tx").await;

    let rejected = stand.decided(2, &campaigns).await;
    stand.post(rejected, 1, 0, "beta-tx").await;
    stand.verdict(rejected, 1, 0, Verdict::Rejected).await;
    stand.post(rejected, 2, 1, "beta-fl").await;
}

pub(super) async fn an_unknown_post_locks_its_seat(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    assert_eq!(stand.verdict(lead_id, 1, 0, Verdict::Unknown).await, Recorded::Recorded);
    assert_eq!(stand.verdict(lead_id, 1, 0, Verdict::Unknown).await, Recorded::Already);
    assert_eq!(stand.read(lead_id).await.seats[0].state, SeatState::Unknown { k: 0 });
    let busy = Fenced::Ok(Intended::Busy);
    assert_eq!(intended(&stand, intent(lead_id, 1, 0, "beta-tx")).await, busy);
    assert_eq!(intended(&stand, intent(lead_id, 1, 1, "gamma-tx")).await, busy);
    let post = ok(stand.store.sealed_post(post_id(lead_id, 1, "beta-tx"))).await;
    assert_eq!(post, sealed(lead_id, 1, 0, b"sealed post"), "kept for a repeat");
    assert_eq!(stand.verdict(lead_id, 1, 0, Verdict::Rejected).await, Recorded::Recorded);
    stand.post(lead_id, 1, 1, "gamma-tx").await;
}

pub(super) async fn an_unknown_post_is_due_when_it_was_asked_to_be(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    let due_at = Some(plus_ms(stand.began, 30_000));
    ok(stand.store.outcome(Outcome { due_at, ..outcome(lead_id, 1, 0, Verdict::Unknown) })).await;
    factory.advance(LEASE_MS).await;
    assert_eq!(stand.due().await, [], "not before its time");
    factory.advance(20_000).await;
    assert_eq!(stand.due().await, [lead_id]);
    let claim = ok(stand.store.claim(lead_id, NODE, LEASE_MS)).await;
    assert_eq!(claim.reply, Claimed::Claimed { fence: 2 });
    let postponed = stand.store.postpone(lead_id, 2, plus_ms(stand.began, 100_000));
    assert_eq!(ok(postponed).await.reply, Fenced::Ok(()));
    ok(stand.store.renew(lead_id, 2, 0)).await;
    assert_eq!(stand.due().await, []);
    factory.advance(70_000).await;
    assert_eq!(stand.due().await, [lead_id]);
    ok(stand.store.claim(lead_id, NODE, LEASE_MS)).await;
    ok(stand.store.postpone(lead_id, 3, plus_ms(stand.began, 500_000))).await;
    let post = Intent { fence: 3, ..intent(lead_id, 2, 1, "gamma-tx") };
    assert_eq!(intended(&stand, post).await, Fenced::Ok(Intended::Ok));
    factory.advance(LEASE_MS).await;
    assert_eq!(stand.due().await, [lead_id], "a post on its way cannot wait");
}

pub(super) async fn the_first_definite_verdict_counts(factory: &dyn StoreFactory) {
    let table = [
        (Verdict::Accepted, Verdict::Rejected, Recorded::Stands(Verdict::Accepted)),
        (Verdict::Accepted, Verdict::Unknown, Recorded::Stands(Verdict::Accepted)),
        (Verdict::Accepted, Verdict::Accepted, Recorded::Already),
        (Verdict::Rejected, Verdict::Rejected, Recorded::Already),
        (Verdict::Rejected, Verdict::NotSent, Recorded::Stands(Verdict::Rejected)),
        (Verdict::Rejected, Verdict::Accepted, Recorded::Conflict),
        (Verdict::NotSent, Verdict::Accepted, Recorded::Conflict),
    ];
    let stand = Stand::new(factory).await;
    for (number, (first, second, expected)) in (1..).zip(table) {
        let lead_id = stand.decided(number, &["beta-tx", "gamma-tx"]).await;
        stand.post(lead_id, 1, 0, "beta-tx").await;
        assert_eq!(stand.verdict(lead_id, 1, 0, first).await, Recorded::Recorded);
        let before = stand.read(lead_id).await;
        for _ in 0..2 {
            let recorded = stand.verdict(lead_id, 1, 0, second).await;
            assert_eq!(recorded, expected, "{first:?}, then {second:?}");
        }
        let mut after = (*stand.read(lead_id).await).clone();
        let attempt = &mut after.seats[0].attempts[0];
        assert_eq!(attempt.has_conflict, expected == Recorded::Conflict);
        attempt.has_conflict = false;
        assert_eq!(after, *before, "nothing else changes");
    }
}

pub(super) async fn a_given_up_post_frees_the_seat_and_a_late_accept_is_a_conflict(
    factory: &dyn StoreFactory,
) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    stand.verdict(lead_id, 1, 0, Verdict::Unknown).await;
    assert_eq!(stand.verdict(lead_id, 1, 0, Verdict::GivenUp).await, Recorded::Recorded);
    stand.post(lead_id, 1, 1, "gamma-tx").await;
    assert_eq!(stand.verdict(lead_id, 1, 1, Verdict::Accepted).await, Recorded::Recorded);
    assert_eq!(stand.verdict(lead_id, 1, 0, Verdict::Accepted).await, Recorded::Conflict);
    let lead = stand.read(lead_id).await;
    assert_eq!(lead.seats[0].state, SeatState::Sold { k: 1 }, "never a second sale");
    let conflicts: Vec<bool> =
        lead.seats[0].attempts.iter().map(|attempt| attempt.has_conflict).collect();
    assert_eq!(conflicts, [true, false]);
}

pub(super) async fn a_late_verdict_on_a_closed_lead_is_kept_once(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    stand.verdict(lead_id, 1, 0, Verdict::Rejected).await;
    let end = closing(Disposition::Unsold);
    ok(stand.store.finish(lead_id, 1, end.clone(), Vec::new())).await;
    let late = Outcome {
        effects: vec![record("never")],
        late_record: vec![Bytes::from_static(b"late accept"), Bytes::from_static(b"conflict")],
        closing: Some(closing(Disposition::Sold)),
        ..outcome(lead_id, 1, 0, Verdict::Accepted)
    };
    for _ in 0..2 {
        let reply = ok(stand.store.outcome(late.clone())).await;
        assert_eq!(reply.reply, Recorded::Conflict);
    }
    let lead = stand.read(lead_id).await;
    assert_eq!((lead.state, &lead.closing), (LeadState::Closed, &Some(end)));
    assert!(lead.seats[0].attempts[0].has_conflict);
    let kept = [record("received"), record("late accept"), record("conflict")];
    assert_eq!(stand.effects().await, kept);
}

pub(super) async fn a_definite_verdict_erases_the_sealed_post(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let verdicts = [Verdict::Accepted, Verdict::Rejected, Verdict::NotSent, Verdict::GivenUp];
    for (number, verdict) in (1..).zip(verdicts) {
        let lead_id = stand.decided(number, &["beta-tx"]).await;
        stand.post(lead_id, 1, 0, "beta-tx").await;
        stand.verdict(lead_id, 1, 0, Verdict::Unknown).await;
        stand.verdict(lead_id, 1, 0, verdict).await;
        let post = ok(stand.store.sealed_post(post_id(lead_id, 1, "beta-tx"))).await;
        assert_eq!(post, sealed(lead_id, 1, 0, b""), "{verdict:?}");
    }
}

pub(super) async fn a_closing_verdict_ends_the_lead(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    let end = closing(Disposition::Sold);
    let accepted = Outcome {
        closing: Some(end.clone()),
        effects: vec![record("capture")],
        late_record: vec![Bytes::from_static(b"late")],
        ..outcome(lead_id, 1, 0, Verdict::Accepted)
    };
    let reply = ok(stand.store.outcome(accepted.clone())).await;
    assert_eq!(reply.reply, Recorded::Recorded);
    let lead = lead_of(&reply);
    assert_eq!((lead.state, &lead.closing), (LeadState::Closed, &Some(end)));
    assert_eq!(lead.seats[0].state, SeatState::Sold { k: 0 });
    let again = ok(stand.store.outcome(accepted)).await;
    assert_eq!((again.reply, lead_of(&again)), (Recorded::Already, lead));
    assert_eq!(stand.effects().await, [record("received"), record("capture")], "it was in time");
    factory.advance(LEASE_MS).await;
    assert_eq!(stand.due().await, []);
}

pub(super) async fn a_closing_that_does_not_fit_leaves_the_lead_open(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    stand.post(lead_id, 2, 1, "gamma-tx").await;
    let early = Outcome {
        closing: Some(closing(Disposition::Sold)),
        ..outcome(lead_id, 1, 0, Verdict::Accepted)
    };
    let reply = ok(stand.store.outcome(early)).await;
    assert_eq!(reply.reply, Recorded::Recorded, "the verdict is a fact");
    assert_eq!(lead_of(&reply).state, LeadState::Decided, "the other post is on its way");
    let wrong = Outcome {
        closing: Some(closing(Disposition::Unsold)),
        ..outcome(lead_id, 2, 1, Verdict::Rejected)
    };
    let reply = ok(stand.store.outcome(wrong)).await;
    assert_eq!(lead_of(&reply).state, LeadState::Decided, "a seat is sold");
    let end = closing(Disposition::Sold);
    let finished = ok(stand.store.finish(lead_id, 1, end, Vec::new())).await;
    assert_eq!(finished.reply, Fenced::Ok(Finished::Closed));
}

pub(super) async fn a_lead_with_a_locked_seat_cannot_be_finished(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    let finish = || {
        let effects = vec![record("end")];
        stand.store.finish(lead_id, 1, closing(Disposition::Unsold), effects)
    };
    assert_eq!(ok(finish()).await.reply, Fenced::Ok(Finished::Busy));
    stand.verdict(lead_id, 1, 0, Verdict::Unknown).await;
    assert_eq!(ok(finish()).await.reply, Fenced::Ok(Finished::Busy));
    stand.verdict(lead_id, 1, 0, Verdict::Rejected).await;
    assert_eq!(ok(finish()).await.reply, Fenced::Ok(Finished::Closed));
    assert_eq!(stand.effects().await, [record("received"), record("end")]);
}

pub(super) async fn a_post_stays_unresolved_only_from_unknown(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx", "gamma-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    let end = closing(Disposition::Unresolved);
    let unresolved = || Unresolved {
        lead_id,
        seat: 1,
        k: 0,
        closing: Some(end.clone()),
        effects: vec![record("unresolved")],
    };
    let give_up = |unresolved| stand.store.unresolved(unresolved);
    assert_eq!(ok(give_up(unresolved())).await.reply, Finished::Busy, "it is on its way");
    stand.verdict(lead_id, 1, 0, Verdict::Unknown).await;
    let other = Unresolved { k: 1, ..unresolved() };
    assert_eq!(ok(give_up(other)).await.reply, Finished::Busy, "another candidate");
    let pending = Unresolved { closing: Some(closing(Disposition::Pending)), ..unresolved() };
    refused(give_up(pending)).await;
    let reply = ok(give_up(unresolved())).await;
    assert_eq!(reply.reply, Finished::Closed);
    let lead = lead_of(&reply);
    assert_eq!(lead.seats[0].state, SeatState::Unresolved { k: 0 });
    assert_eq!((lead.state, &lead.closing), (LeadState::Closed, &Some(end.clone())));
    assert_eq!(ok(give_up(unresolved())).await.reply, Finished::Closed, "a repeat");
    let late = stand.verdict(lead_id, 1, 0, Verdict::Accepted).await;
    assert_eq!(late, Recorded::Conflict, "the answer is final");
    let rejected = stand.verdict(lead_id, 1, 0, Verdict::Rejected).await;
    assert_eq!(rejected, Recorded::Stands(Verdict::Unknown));
    assert_eq!(stand.effects().await, [record("received"), record("unresolved")]);
    let missing = Unresolved { lead_id: stand.lead_id(9), ..unresolved() };
    assert_eq!(ok(give_up(missing)).await.reply, Finished::Busy);
}
