//! One lead under random operations of two owners: whatever the order, the invariants hold, a
//! repeat gives the same reply and changes nothing, and the rows are enough to go on.

use bytes::Bytes;
use jiff::SignedDuration;
use proptest::prelude::*;

use super::{Stand, run};
use crate::domain::auction::{
    Closing, LeadState, LeadView, RankEntry, Seat, SeatState, StoredAnswer,
};
use crate::domain::disposition::Disposition;
use crate::domain::ids::{BidId, LeadId, Partition, PostId};
use crate::domain::money::Money;
use crate::domain::post::Verdict;
use crate::domain::time::plus_ms;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{
    Create, Decide, Effect, Intent, NodeId, Offer, Outcome, Take, Unresolved,
};
use crate::store::embedded::tests::beginning;

const CAMPAIGNS: [&str; 5] = ["beta-tx", "beta-fl", "bravo-tx", "gamma-tx", "delta-tx"];
const LEASE_MS: u64 = 5_000;
/// Stands for the fence the lead has at the time.
const CURRENT: u64 = 0;
/// Stands for the candidate whose turn it is: the last one posted to, or the one after it.
const TURN: u16 = 99;
const OFFER_MS: i64 = 20_000;

#[derive(Debug, Clone)]
enum Step {
    Create,
    Claim { node: u8 },
    Renew { fence: u64, hands_back: bool },
    Decide { fence: u64, round: u16, from: usize },
    Offer { fence: u64 },
    Take { node: u8, post: u8 },
    ExpireOffer,
    Intent { fence: u64, seat: u8, k: u16 },
    Outcome { seat: u8, k: u16, verdict: Verdict, end: Option<Disposition> },
    Finish { fence: u64, end: Disposition },
    Unresolved { seat: u8, k: u16, end: Option<Disposition> },
    Postpone { fence: u64 },
    Append { fact: u8 },
    Wait { seconds: i64 },
    Restart,
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![
        Verdict::Accepted,
        Verdict::Rejected,
        Verdict::NotSent,
        Verdict::Unknown,
        Verdict::GivenUp,
    ])
}

fn ends() -> impl Strategy<Value = Disposition> + Clone {
    prop::sample::select(vec![Disposition::Sold, Disposition::Unsold, Disposition::Unresolved])
}

fn step() -> impl Strategy<Value = Step> {
    let fence = prop_oneof![4 => Just(CURRENT), 1 => 1..4_u64];
    let k = prop_oneof![4 => Just(TURN), 1 => 0..5_u16];
    let (seat, node) = (1..3_u8, 1..3_u8);
    let end = prop::option::of(ends());
    prop_oneof![
        1 => Just(Step::Create),
        3 => node.clone().prop_map(|node| Step::Claim { node }),
        1 => (fence.clone(), any::<bool>())
            .prop_map(|(fence, hands_back)| Step::Renew { fence, hands_back }),
        3 => (fence.clone(), 1..3_u16, 0..3_usize)
            .prop_map(|(fence, round, from)| Step::Decide { fence, round, from }),
        1 => fence.clone().prop_map(|fence| Step::Offer { fence }),
        1 => (node, 1..3_u8).prop_map(|(node, post)| Step::Take { node, post }),
        1 => Just(Step::ExpireOffer),
        8 => (fence.clone(), seat.clone(), k.clone())
            .prop_map(|(fence, seat, k)| Step::Intent { fence, seat, k }),
        8 => (seat.clone(), k.clone(), verdicts(), end.clone())
            .prop_map(|(seat, k, verdict, end)| Step::Outcome { seat, k, verdict, end }),
        1 => (fence.clone(), ends()).prop_map(|(fence, end)| Step::Finish { fence, end }),
        2 => (seat, k, end).prop_map(|(seat, k, end)| Step::Unresolved { seat, k, end }),
        1 => fence.prop_map(|fence| Step::Postpone { fence }),
        1 => (1..3_u8).prop_map(|fact| Step::Append { fact }),
        3 => (1..10_i64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
    ]
}

fn lead_id() -> LeadId {
    LeadId::new(Partition(5), (beginning().as_millisecond() as u128) << 80 | 1)
}

fn closing(disposition: Disposition) -> Closing {
    let body = Bytes::from_static(disposition.as_str().as_bytes());
    Closing { disposition, answer: StoredAnswer { status: 200, body } }
}

fn entry(campaign: &str) -> RankEntry {
    let buyer = campaign.split('-').next().unwrap();
    RankEntry {
        campaign: campaign.parse().unwrap(),
        buyer: buyer.parse().unwrap(),
        legal_entity: buyer[..1].to_owned(),
        bid_id: BidId::new(1),
        price: Money::ZERO,
        valid_until: beginning(),
        terms: Bytes::new(),
    }
}

fn effect(text: &'static str) -> Vec<Effect> {
    vec![Effect::Record(Bytes::from_static(text.as_bytes()))]
}

fn create() -> Create {
    Create {
        key_digest: [1; 32],
        key_ttl_ms: 1 << 40,
        lead_id: lead_id(),
        vendor: "acme".parse().unwrap(),
        fingerprint: [2; 32],
        sealed: Bytes::from_static(b"sealed"),
        plan: Bytes::from_static(b"plan"),
        registry_version: 1,
        seats: 2,
        node: NodeId(1),
        lease_ms: LEASE_MS,
        closing: None,
        effects: effect("created"),
    }
}

/// The step with the fence and the candidate it means.
async fn resolved(stand: &Stand, mut step: Step) -> Step {
    let lead = read(stand).await;
    let last = |seat: u8| {
        let seat = lead.as_ref().and_then(|lead| lead.seats.get(usize::from(seat) - 1));
        seat.and_then(Seat::last).map(|attempt| attempt.k)
    };
    match &mut step {
        Step::Intent { seat, k, .. } if *k == TURN => *k = last(*seat).map_or(0, |k| k + 1),
        Step::Outcome { seat, k, .. } | Step::Unresolved { seat, k, .. } if *k == TURN => {
            *k = last(*seat).unwrap_or(0);
        }
        _ => {}
    }
    if let Step::Renew { fence, .. }
    | Step::Decide { fence, .. }
    | Step::Offer { fence }
    | Step::Intent { fence, .. }
    | Step::Finish { fence, .. }
    | Step::Postpone { fence } = &mut step
        && *fence == CURRENT
    {
        *fence = lead.as_ref().map_or(1, |lead| lead.fence);
    }
    step
}

/// Applies a step and returns its reply as a text; an argument that is refused is a reply too.
async fn apply(stand: &mut Stand, step: &Step) -> String {
    let (store, lead_id) = (&stand.store, lead_id());
    match step.clone() {
        Step::Create => text(store.create(create()).await.map(|reply| reply.reply)),
        Step::Claim { node } => {
            text(store.claim(lead_id, NodeId(node.into()), LEASE_MS).await.map(|it| it.reply))
        }
        Step::Renew { fence, hands_back } => {
            let lease_ms = if hands_back { 0 } else { LEASE_MS };
            text(store.renew(lead_id, fence, lease_ms).await.map(|it| it.reply))
        }
        Step::Decide { fence, round, from } => {
            let rank = CAMPAIGNS[from..].iter().map(|campaign| entry(campaign)).collect();
            let effects = effect("decided");
            let decide = Decide { lead_id, fence, round, rank, effects };
            text(store.decide(decide).await.map(|it| it.reply))
        }
        Step::Offer { fence } => {
            let offer = Offer {
                lead_id,
                fence,
                rank: CAMPAIGNS.iter().map(|campaign| entry(campaign)).collect(),
                offers: Bytes::from_static(b"offers"),
                expires_at: plus_ms(beginning(), OFFER_MS),
                effects: effect("offered"),
            };
            text(store.offer(offer).await.map(|it| it.reply))
        }
        Step::Take { node, post } => {
            let take = Take {
                lead_id,
                fingerprint: [post; 32],
                sealed: Bytes::from_static(b"contact"),
                offer_ids: Bytes::from_static(b"off_1"),
                node: NodeId(node.into()),
                lease_ms: LEASE_MS,
                effects: Vec::new(),
            };
            text(store.take(take).await.map(|it| it.reply))
        }
        Step::ExpireOffer => {
            let end = closing(Disposition::Expired);
            text(store.expire_offer(lead_id, end, effect("expired")).await.map(|it| it.reply))
        }
        other => apply_to_seats(stand, other).await,
    }
}

async fn apply_to_seats(stand: &mut Stand, step: Step) -> String {
    let (store, lead_id) = (&stand.store, lead_id());
    match step {
        Step::Intent { fence, seat, k } => {
            let view = store.read(lead_id).await.unwrap().lead;
            let ranked = view.and_then(|view| view.rank.get(usize::from(k)).cloned());
            let campaign = ranked.map_or("none".parse().unwrap(), |entry| entry.campaign);
            let post_id = PostId::new(Partition(5), u128::from(seat) << 32 | u128::from(k));
            let sealed_post = Bytes::from_static(b"post");
            let lease_ms = LEASE_MS;
            let intent =
                Intent { lead_id, fence, seat, k, campaign, post_id, sealed_post, lease_ms };
            text(store.intent(intent).await.map(|it| it.reply))
        }
        Step::Outcome { seat, k, verdict, end } => {
            let outcome = Outcome {
                lead_id,
                seat,
                k,
                verdict,
                fence: None,
                due_at: Some(plus_ms(beginning(), 7_000)),
                closing: end.map(closing),
                effects: effect("verdict"),
                late_record: vec![Bytes::from_static(b"late")],
            };
            text(store.outcome(outcome).await.map(|it| it.reply))
        }
        Step::Finish { fence, end } => {
            let finish = store.finish(lead_id, fence, closing(end), effect("finished"));
            text(finish.await.map(|it| it.reply))
        }
        Step::Unresolved { seat, k, end } => {
            let closing = end.map(closing);
            let unresolved =
                Unresolved { lead_id, seat, k, closing, effects: effect("unresolved") };
            text(store.unresolved(unresolved).await.map(|it| it.reply))
        }
        Step::Postpone { fence } => {
            let due_at = plus_ms(beginning(), 30_000);
            text(store.postpone(lead_id, fence, due_at).await.map(|it| it.reply))
        }
        Step::Append { fact } => {
            let (id, fact) = (format!("fact-{fact}"), Bytes::from(vec![fact]));
            text(store.append(lead_id, id, fact, effect("fact")).await.map(|it| it.reply))
        }
        Step::Wait { seconds } => {
            stand.clock.advance(SignedDuration::from_secs(seconds));
            String::new()
        }
        Step::Restart => {
            stand.restart();
            String::new()
        }
        _ => String::new(),
    }
}

fn text<T: std::fmt::Debug, E: std::fmt::Debug>(reply: Result<T, E>) -> String {
    format!("{reply:?}")
}

/// The same reply, where "done" and "done before" are one.
fn is_same_reply(first: &str, second: &str) -> bool {
    first == second || second.contains("Already") && first.contains("Recorded")
}

async fn read(stand: &Stand) -> Option<LeadView> {
    stand.store.read(lead_id()).await.unwrap().lead.map(|lead| (*lead).clone())
}

fn held_by(seat: &Seat) -> Option<u16> {
    match seat.state {
        SeatState::Open => None,
        SeatState::Posting { k }
        | SeatState::Unknown { k }
        | SeatState::Sold { k }
        | SeatState::Unresolved { k } => Some(k),
    }
}

/// What must hold of any lead at any time (invariants 1, 2, 4, 12).
fn check(lead: &LeadView) {
    let entities: Vec<&str> = lead
        .seats
        .iter()
        .filter_map(held_by)
        .map(|k| lead.rank[usize::from(k)].legal_entity.as_str())
        .collect();
    let mut unique = entities.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), entities.len(), "one entity has two seats");
    for seat in &lead.seats {
        assert!(seat.attempts.is_sorted_by(|one, next| one.k < next.k));
        for attempt in &seat.attempts {
            assert_eq!(attempt.campaign, lead.rank[usize::from(attempt.k)].campaign);
        }
        if let Some((_, earlier)) = seat.attempts.split_last() {
            let over = earlier.iter().all(|attempt| {
                let verdict = attempt.verdict;
                verdict.is_some_and(|verdict| verdict.is_definite() && verdict != Verdict::Accepted)
            });
            assert!(over, "a later candidate was posted to before the earlier ones refused");
        }
        let accepted = seat.attempts.iter().filter(|it| it.verdict == Some(Verdict::Accepted));
        let is_sold = matches!(seat.state, SeatState::Sold { .. });
        assert_eq!(accepted.count(), usize::from(is_sold), "sold once, to who accepted");
    }
    assert_eq!(lead.state == LeadState::Closed, lead.closing.is_some());
    if let Some(closing) = &lead.closing {
        assert!(!lead.has_locked_seat(), "it ended while a post was with a buyer");
        let is_sold = lead.seats.iter().any(|seat| matches!(seat.state, SeatState::Sold { .. }));
        match closing.disposition {
            Disposition::Sold => assert!(is_sold),
            Disposition::Unsold | Disposition::Expired => assert!(!is_sold),
            _ => {}
        }
    }
}

/// What a step may do to a lead (invariants 12 and 13).
fn check_step(before: &LeadView, after: &LeadView) {
    assert!(after.fence >= before.fence && after.rounds >= before.rounds);
    assert_eq!(before.rank, after.rank[..before.rank.len()], "a ranking never changes");
    for (old, new) in before.seats.iter().zip(&after.seats) {
        let is_final = matches!(old.state, SeatState::Sold { .. } | SeatState::Unresolved { .. });
        assert!(!is_final || old.state == new.state);
        for (old, new) in old.attempts.iter().zip(&new.attempts) {
            let was_definite = old.verdict.is_some_and(Verdict::is_definite);
            assert!(!was_definite || old.verdict == new.verdict, "a definite verdict stays");
            assert!(!old.has_conflict || new.has_conflict);
        }
    }
    if before.state == LeadState::Closed {
        assert_eq!(before.closing, after.closing, "an answer never changes");
        assert_eq!((before.fence, after.state), (after.fence, LeadState::Closed));
    }
}

/// Starts the store from its rows: everything but leases must be as before.
async fn check_rows(stand: &mut Stand) {
    let outbox = |stand: &Stand| {
        let store = std::sync::Arc::clone(&stand.store);
        async move { store.outbox_read(Partition(5), 0, 10_000).await.unwrap() }
    };
    let (before, waiting) = (read(stand).await, outbox(stand).await);
    stand.restart();
    let (after, waits) = (read(stand).await, outbox(stand).await);
    let without_lease =
        |lead: Option<LeadView>| lead.map(|lead| LeadView { lease_until: beginning(), ..lead });
    assert_eq!(without_lease(before), without_lease(after));
    assert_eq!(waiting, waits);
    let sequences: Vec<u32> = waits.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, (1..=waits.len() as u32).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_lead_keeps_the_invariants(steps in prop::collection::vec(step(), 1..50)) {
        run(async {
            let mut stand = Stand::new();
            let mut before = None;
            stand.store.create(create()).await.unwrap();
            for step in steps {
                let step = &resolved(&stand, step).await;
                let first = apply(&mut stand, step).await;
                let after = read(&stand).await;
                after.iter().for_each(check);
                if let (Some(before), Some(after)) = (&before, &after) {
                    check_step(before, after);
                }
                let rows = stand.engine.dump();
                if !matches!(step, Step::Wait { .. } | Step::Restart) {
                    let second = apply(&mut stand, step).await;
                    prop_assert!(is_same_reply(&first, &second), "{step:?}: {first}, {second}");
                    prop_assert_eq!(stand.engine.dump(), rows, "a repeat of {:?} changes", step);
                }
                before = after;
            }
            check_rows(&mut stand).await;
            Ok(())
        })?;
    }
}
