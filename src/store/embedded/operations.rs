//! The contract's operations, each as one command to whoever applies them.

use bytes::Bytes;
use jiff::Timestamp;

use super::EmbeddedStore;
use super::queue::Admission::{Always, NewWork};
use super::queue::Queue;
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

impl<Q: Queue> AuctionStore for EmbeddedStore<Q> {
    fn partitions(&self) -> u16 {
        self.partitions
    }

    fn durability(&self) -> &'static str {
        "embedded"
    }

    fn create(&self, create: Create) -> StoreFuture<'_, LeadReply<Created>> {
        self.queue.submit(NewWork, move |state, now| state.create(now, create))
    }

    fn read(&self, lead_id: LeadId) -> StoreFuture<'_, LeadReply<()>> {
        self.queue.submit(Always, move |state, now| state.read(now, lead_id))
    }

    fn sealed_lead(&self, lead_id: LeadId) -> StoreFuture<'_, Option<Bytes>> {
        self.queue.submit(Always, move |state, _| state.sealed_lead(lead_id))
    }

    fn sealed_post(&self, post_id: PostId) -> StoreFuture<'_, Option<SealedPost>> {
        self.queue.submit(Always, move |state, _| state.sealed_post(post_id))
    }

    fn due(&self, partition: Partition, limit: usize) -> StoreFuture<'_, Vec<Due>> {
        self.queue.submit(Always, move |state, now| state.due(now, partition, limit))
    }

    fn outbox_read(
        &self,
        partition: Partition,
        after: u64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEntry>> {
        self.queue.submit(Always, move |state, _| state.outbox_read(partition, after, limit))
    }

    fn outbox_ack(&self, partition: Partition, ids: Vec<u64>) -> StoreFuture<'_, ()> {
        self.queue.submit(Always, move |state, _| state.outbox_ack(partition, &ids))
    }

    fn claim(
        &self,
        lead_id: LeadId,
        node: NodeId,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Claimed>> {
        self.queue.submit(Always, move |state, now| state.claim(now, lead_id, node, lease_ms))
    }

    fn renew(
        &self,
        lead_id: LeadId,
        fence: u64,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.queue.submit(Always, move |state, now| state.renew(now, lead_id, fence, lease_ms))
    }

    fn decide(&self, decide: Decide) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        self.queue.submit(Always, move |state, now| state.decide(now, decide))
    }

    fn offer(&self, offer: Offer) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        self.queue.submit(Always, move |state, now| state.offer(now, offer))
    }

    fn take(&self, take: Take) -> StoreFuture<'_, LeadReply<Taken>> {
        self.queue.submit(NewWork, move |state, now| state.take(now, take))
    }

    fn expire_offer(
        &self,
        lead_id: LeadId,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Expired>> {
        self.queue
            .submit(Always, move |state, now| state.expire_offer(now, lead_id, closing, effects))
    }

    fn intent(&self, intent: Intent) -> StoreFuture<'_, LeadReply<Fenced<Intended>>> {
        self.queue.submit(Always, move |state, now| state.intent(now, intent))
    }

    fn outcome(&self, outcome: Outcome) -> StoreFuture<'_, LeadReply<Recorded>> {
        self.queue.submit(Always, move |state, now| state.outcome(now, outcome))
    }

    fn finish(
        &self,
        lead_id: LeadId,
        fence: u64,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Fenced<Finished>>> {
        self.queue
            .submit(Always, move |state, now| state.finish(now, lead_id, fence, (closing, effects)))
    }

    fn unresolved(&self, outcome: Unresolved) -> StoreFuture<'_, LeadReply<Finished>> {
        self.queue.submit(Always, move |state, now| state.unresolved(now, outcome))
    }

    fn postpone(
        &self,
        lead_id: LeadId,
        fence: u64,
        due_at: Timestamp,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.queue.submit(Always, move |state, now| state.postpone(now, lead_id, fence, due_at))
    }

    fn append(
        &self,
        lead_id: LeadId,
        fact_id: String,
        fact: Bytes,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<bool>> {
        self.queue
            .submit(Always, move |state, now| state.append(now, lead_id, fact_id, (fact, effects)))
    }

    fn hold(&self, hold: Hold) -> StoreFuture<'_, AccountReply<Held>> {
        self.queue.submit(Always, move |state, now| state.hold(now, hold))
    }

    fn capture(
        &self,
        account: Account,
        hold: HoldId,
        amount: Money,
    ) -> StoreFuture<'_, AccountReply<Captured>> {
        self.queue.submit(Always, move |state, now| state.capture(now, &account, &hold, amount))
    }

    fn void(&self, account: Account, hold: HoldId) -> StoreFuture<'_, AccountReply<Voided>> {
        self.queue.submit(Always, move |state, now| state.void(now, &account, &hold))
    }

    fn credit(&self, credit: Credit) -> StoreFuture<'_, AccountReply<Credited>> {
        self.queue.submit(Always, move |state, now| state.credit(now, &credit))
    }

    fn balance(&self, account: Account) -> StoreFuture<'_, AccountReply<()>> {
        self.queue.submit(Always, move |state, now| Ok(state.balance(now, &account)))
    }

    fn cap_used(&self, account: Account, counters: Vec<String>) -> StoreFuture<'_, Vec<i64>> {
        self.queue.submit(Always, move |state, _| state.cap_used(&account, &counters))
    }

    fn open_holds(
        &self,
        account: Account,
        until: Timestamp,
        skip: usize,
        limit: usize,
    ) -> StoreFuture<'_, Vec<HoldId>> {
        self.queue
            .submit(Always, move |state, _| Ok(state.open_holds(&account, until, skip, limit)))
    }

    fn journal_accounts(&self) -> StoreFuture<'_, Vec<Account>> {
        self.queue.submit(Always, move |state, _| Ok(state.journal_accounts()))
    }

    fn journal_read(&self, account: Account, limit: usize) -> StoreFuture<'_, Vec<JournalEntry>> {
        self.queue.submit(Always, move |state, _| state.journal_read(&account, limit))
    }

    fn journal_ack(&self, account: Account, sequence: u64) -> StoreFuture<'_, ()> {
        self.queue.submit(Always, move |state, _| {
            state.journal_ack(&account, sequence);
            Ok(())
        })
    }

    fn claim_duplicate(
        &self,
        digest: [u8; 32],
        lead_id: LeadId,
        window_ms: u64,
    ) -> StoreFuture<'_, DuplicateClaim> {
        self.queue.submit(NewWork, move |state, now| {
            state.claim_duplicate(now, &digest, lead_id, window_ms)
        })
    }

    fn free_duplicate(&self, digest: [u8; 32], lead_id: LeadId) -> StoreFuture<'_, ()> {
        self.queue.submit(Always, move |state, _| state.free_duplicate(&digest, lead_id))
    }
}
