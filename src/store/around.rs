//! A store around another one, through whose one door every operation passes.
//!
//! What stands at the door (a crash, a fault) is told the operation's name and given the call; it
//! makes the call or does not, and gives the caller a reply. Only under the feature `faults`.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::domain::auction::{Account, Closing, HoldId};
use crate::domain::ids::{LeadId, Partition, PostId};
use crate::domain::money::Money;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{
    AccountReply, Captured, Claimed, Create, Created, Credit, Credited, Decide, Decided, Due,
    DuplicateClaim, Effect, Expired, Fenced, Finished, Held, Hold, Intended, Intent, JournalEntry,
    LeadReply, NodeId, Offer, OutboxEntry, Outcome, Recorded, SealedPost, StoreFuture, Take, Taken,
    Unresolved, Voided,
};

/// What stands at the door.
pub trait Around: Send + Sync + 'static {
    /// Lets an operation through, or not; `call` makes it.
    fn pass<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T>;
}

/// A store whose every operation passes a door.
pub struct Surrounded<A> {
    inner: Arc<dyn AuctionStore>,
    around: A,
}

impl<A: Around> Surrounded<A> {
    /// `inner` behind `around`.
    pub fn new(inner: Arc<dyn AuctionStore>, around: A) -> Arc<Self> {
        Arc::new(Self { inner, around })
    }
}

impl<A: Around> AuctionStore for Surrounded<A> {
    fn partitions(&self) -> u16 {
        self.inner.partitions()
    }

    fn durability(&self) -> &'static str {
        self.inner.durability()
    }

    fn create(&self, create: Create) -> StoreFuture<'_, LeadReply<Created>> {
        self.around.pass("create", move || self.inner.create(create))
    }

    fn read(&self, lead_id: LeadId) -> StoreFuture<'_, LeadReply<()>> {
        self.around.pass("read", move || self.inner.read(lead_id))
    }

    fn sealed_lead(&self, lead_id: LeadId) -> StoreFuture<'_, Option<Bytes>> {
        self.around.pass("sealed_lead", move || self.inner.sealed_lead(lead_id))
    }

    fn sealed_post(&self, post_id: PostId) -> StoreFuture<'_, Option<SealedPost>> {
        self.around.pass("sealed_post", move || self.inner.sealed_post(post_id))
    }

    fn due(&self, partition: Partition, limit: usize) -> StoreFuture<'_, Vec<Due>> {
        self.around.pass("due", move || self.inner.due(partition, limit))
    }

    fn outbox_read(
        &self,
        partition: Partition,
        after: u64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEntry>> {
        self.around.pass("outbox_read", move || self.inner.outbox_read(partition, after, limit))
    }

    fn outbox_ack(&self, partition: Partition, ids: Vec<u64>) -> StoreFuture<'_, ()> {
        self.around.pass("outbox_ack", move || self.inner.outbox_ack(partition, ids))
    }

    fn claim(
        &self,
        lead_id: LeadId,
        node: NodeId,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Claimed>> {
        self.around.pass("claim", move || self.inner.claim(lead_id, node, lease_ms))
    }

    fn renew(
        &self,
        lead_id: LeadId,
        fence: u64,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.around.pass("renew", move || self.inner.renew(lead_id, fence, lease_ms))
    }

    fn decide(&self, decide: Decide) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        self.around.pass("decide", move || self.inner.decide(decide))
    }

    fn offer(&self, offer: Offer) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        self.around.pass("offer", move || self.inner.offer(offer))
    }

    fn take(&self, take: Take) -> StoreFuture<'_, LeadReply<Taken>> {
        self.around.pass("take", move || self.inner.take(take))
    }

    fn expire_offer(
        &self,
        lead_id: LeadId,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Expired>> {
        self.around.pass("expire_offer", move || self.inner.expire_offer(lead_id, closing, effects))
    }

    fn intent(&self, intent: Intent) -> StoreFuture<'_, LeadReply<Fenced<Intended>>> {
        self.around.pass("intent", move || self.inner.intent(intent))
    }

    fn outcome(&self, outcome: Outcome) -> StoreFuture<'_, LeadReply<Recorded>> {
        self.around.pass("outcome", move || self.inner.outcome(outcome))
    }

    fn finish(
        &self,
        lead_id: LeadId,
        fence: u64,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Fenced<Finished>>> {
        self.around.pass("finish", move || self.inner.finish(lead_id, fence, closing, effects))
    }

    fn unresolved(&self, outcome: Unresolved) -> StoreFuture<'_, LeadReply<Finished>> {
        self.around.pass("unresolved", move || self.inner.unresolved(outcome))
    }

    fn postpone(
        &self,
        lead_id: LeadId,
        fence: u64,
        due_at: Timestamp,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.around.pass("postpone", move || self.inner.postpone(lead_id, fence, due_at))
    }

    fn append(
        &self,
        lead_id: LeadId,
        fact_id: String,
        fact: Bytes,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<bool>> {
        self.around.pass("append", move || self.inner.append(lead_id, fact_id, fact, effects))
    }

    fn hold(&self, hold: Hold) -> StoreFuture<'_, AccountReply<Held>> {
        self.around.pass("hold", move || self.inner.hold(hold))
    }

    fn capture(
        &self,
        account: Account,
        hold: HoldId,
        amount: Money,
    ) -> StoreFuture<'_, AccountReply<Captured>> {
        self.around.pass("capture", move || self.inner.capture(account, hold, amount))
    }

    fn void(&self, account: Account, hold: HoldId) -> StoreFuture<'_, AccountReply<Voided>> {
        self.around.pass("void", move || self.inner.void(account, hold))
    }

    fn credit(&self, credit: Credit) -> StoreFuture<'_, AccountReply<Credited>> {
        self.around.pass("credit", move || self.inner.credit(credit))
    }

    fn balance(&self, account: Account) -> StoreFuture<'_, AccountReply<()>> {
        self.around.pass("balance", move || self.inner.balance(account))
    }

    fn cap_used(&self, account: Account, counters: Vec<String>) -> StoreFuture<'_, Vec<i64>> {
        self.around.pass("cap_used", move || self.inner.cap_used(account, counters))
    }

    fn open_holds(
        &self,
        account: Account,
        until: Timestamp,
        skip: usize,
        limit: usize,
    ) -> StoreFuture<'_, Vec<HoldId>> {
        self.around.pass("open_holds", move || self.inner.open_holds(account, until, skip, limit))
    }

    fn journal_accounts(&self) -> StoreFuture<'_, Vec<Account>> {
        self.around.pass("journal_accounts", move || self.inner.journal_accounts())
    }

    fn journal_read(&self, account: Account, limit: usize) -> StoreFuture<'_, Vec<JournalEntry>> {
        self.around.pass("journal_read", move || self.inner.journal_read(account, limit))
    }

    fn journal_ack(&self, account: Account, sequence: u64) -> StoreFuture<'_, ()> {
        self.around.pass("journal_ack", move || self.inner.journal_ack(account, sequence))
    }

    fn claim_duplicate(
        &self,
        digest: [u8; 32],
        lead_id: LeadId,
        window_ms: u64,
    ) -> StoreFuture<'_, DuplicateClaim> {
        self.around
            .pass("claim_duplicate", move || self.inner.claim_duplicate(digest, lead_id, window_ms))
    }

    fn free_duplicate(&self, digest: [u8; 32], lead_id: LeadId) -> StoreFuture<'_, ()> {
        self.around.pass("free_duplicate", move || self.inner.free_duplicate(digest, lead_id))
    }
}
