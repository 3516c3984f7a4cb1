//! Checks on what a crash must not take away: everything that was acknowledged.

use bytes::Bytes;

use super::StoreFactory;
use super::fixtures::{
    LEASE_MS, NODE, PARTITION, Stand, account, cap, closing, hold, hold_id, intent, money, ok,
    outcome, record,
};
use crate::domain::auction::{LeadState, LeadView};
use crate::domain::disposition::Disposition;
use crate::domain::ids::LeadId;
use crate::domain::post::Verdict;
use crate::domain::time::plus_ms;
use crate::ports::auction_store::{
    AccountView, Captured, Claimed, Create, Created, Credit, CreditKind, Decide, DuplicateClaim,
    Held, Hold, Intent, JournalEntry, Offer, OutboxEntry, Outcome, SealedPost, Take, Taken,
};

/// Everything a check can see of the store.
#[derive(Debug, PartialEq)]
struct Seen {
    lead: Option<LeadView>,
    sealed: Option<Bytes>,
    post: Option<SealedPost>,
    outbox: Vec<OutboxEntry>,
    account: AccountView,
    caps: Vec<i64>,
    holds: usize,
    journal: Vec<JournalEntry>,
}

impl Stand<'_> {
    async fn see(&self, lead_id: LeadId) -> Seen {
        let store = &self.store;
        let mut lead = ok(store.read(lead_id)).await.lead.map(|lead| (*lead).clone());
        if let Some(lead) = &mut lead {
            lead.lease_until = self.began;
        }
        let post = super::fixtures::post_id(lead_id, 1, "beta-tx");
        Seen {
            lead,
            sealed: ok(store.sealed_lead(lead_id)).await,
            post: ok(store.sealed_post(post)).await,
            outbox: self.outbox().await,
            account: ok(store.balance(account())).await.account,
            caps: ok(store.cap_used(account(), vec!["day".to_owned()])).await,
            holds: ok(store.open_holds(account(), plus_ms(self.began, 1 << 40), 0, 10)).await.len(),
            journal: ok(store.journal_read(account(), 10)).await,
        }
    }

    /// Crashes the store; it must look as before, leases apart.
    async fn crash(self, lead_id: LeadId) -> Self {
        let before = self.see(lead_id).await;
        let stand = self.restart().await;
        assert_eq!(stand.see(lead_id).await, before);
        stand
    }

    async fn claim_anew(&self, lead_id: LeadId, fence: u64) {
        let claim = ok(self.store.claim(lead_id, NODE, LEASE_MS)).await;
        assert_eq!(claim.reply, Claimed::Claimed { fence });
    }
}

pub(super) async fn a_sale_survives_a_restart_after_every_step(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.create(1).await;
    let deposit = Credit {
        account: account(),
        op_id: "deposit".to_owned(),
        kind: CreditKind::Deposit,
        amount: money(1_000_000),
    };
    ok(stand.store.credit(deposit)).await;
    let claim = stand.store.claim_duplicate([5; 32], lead_id, 1 << 30);
    assert_eq!(ok(claim).await, DuplicateClaim::Claimed);

    let stand = stand.crash(lead_id).await;
    stand.claim_anew(lead_id, 2).await;
    let rank = vec![stand.entry("beta-tx"), stand.entry("gamma-tx")];
    let decide = Decide { lead_id, fence: 2, round: 1, rank, effects: vec![record("decided")] };
    ok(stand.store.decide(decide)).await;
    let taken = Hold { caps: vec![cap("day", 1)], ..hold(1, 250_000) };
    assert_eq!(ok(stand.store.hold(taken)).await.reply, Held::Held);

    let stand = stand.crash(lead_id).await;
    stand.claim_anew(lead_id, 3).await;
    let post = Intent { fence: 3, ..intent(lead_id, 1, 0, "beta-tx") };
    ok(stand.store.intent(post)).await;

    let stand = stand.crash(lead_id).await;
    assert_eq!(stand.due().await, [lead_id]);
    stand.claim_anew(lead_id, 4).await;
    ok(stand.store.outcome(outcome(lead_id, 1, 0, Verdict::Unknown))).await;

    let stand = stand.crash(lead_id).await;
    let accepted = Outcome {
        closing: Some(closing(Disposition::Sold)),
        effects: vec![record("capture")],
        ..outcome(lead_id, 1, 0, Verdict::Accepted)
    };
    ok(stand.store.outcome(accepted)).await;

    let stand = stand.crash(lead_id).await;
    let capture = || stand.store.capture(account(), hold_id(1), money(250_000));
    assert_eq!(ok(capture()).await.reply, Captured::Done { was_held: true });
    let ids = stand.outbox().await.iter().map(|entry| entry.id).collect();
    ok(stand.store.outbox_ack(PARTITION, ids)).await;
    let fact = Bytes::from_static(b"returned");
    ok(stand.store.append(lead_id, "return".to_owned(), fact, Vec::new())).await;

    let stand = stand.crash(lead_id).await;
    let again = stand.store.capture(account(), hold_id(1), money(250_000));
    assert_eq!(ok(again).await.reply, Captured::Already);
    let second = stand.store.claim_duplicate([5; 32], stand.lead_id(2), 1 << 30);
    assert_eq!(ok(second).await, DuplicateClaim::Taken(lead_id));
    let retry = Create { lead_id: stand.lead_id(2), ..stand.create_arguments(1) };
    let same = ok(stand.store.create(retry)).await;
    assert_eq!(same.reply, Created::Same);
    let lead = stand.read(lead_id).await;
    assert_eq!(lead.state, LeadState::Closed);
    assert_eq!(lead.facts, [Bytes::from_static(b"returned")]);
    assert_eq!(stand.outbox().await, []);
}

pub(super) async fn an_offer_survives_restarts(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.create(1).await;
    let offer = Offer {
        lead_id,
        fence: 1,
        rank: vec![stand.entry("beta-tx")],
        offers: Bytes::from_static(b"offers"),
        expires_at: plus_ms(stand.began, 60_000),
        effects: vec![record("offered")],
    };
    ok(stand.store.offer(offer)).await;
    let stand = stand.crash(lead_id).await;
    assert_eq!(stand.due().await, [], "it waits for the vendor");
    let take = || Take {
        lead_id,
        fingerprint: [4; 32],
        sealed: Bytes::from_static(b"with contact"),
        offer_ids: Bytes::from_static(b"off_1"),
        node: NODE,
        lease_ms: LEASE_MS,
        effects: Vec::new(),
    };
    assert_eq!(ok(stand.store.take(take())).await.reply, Taken::Taken { fence: 2 });
    let stand = stand.crash(lead_id).await;
    let retry = Take { sealed: Bytes::from_static(b"sealed anew"), ..take() };
    assert_eq!(ok(stand.store.take(retry)).await.reply, Taken::Same);
    stand.claim_anew(lead_id, 3).await;
}

pub(super) async fn a_restart_ends_leases_and_lists_leads_as_due(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let received = stand.create(1).await;
    let posting = stand.decided(2, &["beta-tx"]).await;
    stand.post(posting, 1, 0, "beta-tx").await;
    let closed = stand.create(3).await;
    ok(stand.store.finish(closed, 1, closing(Disposition::Unsold), Vec::new())).await;
    let unknown = stand.decided(4, &["beta-tx"]).await;
    stand.post(unknown, 1, 0, "beta-tx").await;
    let due_at = Some(plus_ms(stand.began, 30_000));
    ok(stand.store.outcome(Outcome { due_at, ..outcome(unknown, 1, 0, Verdict::Unknown) })).await;
    assert_eq!(stand.due().await, []);
    let stand = stand.restart().await;
    let mut due = stand.due().await;
    due.sort_unstable();
    assert_eq!(due, [received, posting]);
    stand.claim_anew(received, 2).await;
    factory.advance(30_000).await;
    assert!(stand.due().await.contains(&unknown));
}

pub(super) async fn outbox_ids_are_never_given_twice(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    stand.create(1).await;
    let before = stand.outbox().await;
    ok(stand.store.outbox_ack(PARTITION, vec![before[0].id])).await;
    let stand = stand.restart().await;
    stand.create(2).await;
    let after = stand.outbox().await;
    assert_eq!(after.len(), 1);
    assert!(after[0].id > before[0].id, "an acknowledgement that comes late hits nothing new");
}
