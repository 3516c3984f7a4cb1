//! The contract's operations.

use bytes::Bytes;
use futures::FutureExt as _;
use jiff::Timestamp;

use super::RedisStore;
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

impl AuctionStore for RedisStore {
    fn partitions(&self) -> u16 {
        self.settings.partitions
    }

    fn durability(&self) -> &'static str {
        self.durability
    }

    fn create(&self, create: Create) -> StoreFuture<'_, LeadReply<Created>> {
        self.create_lead(create).boxed()
    }

    fn read(&self, lead_id: LeadId) -> StoreFuture<'_, LeadReply<()>> {
        self.read_lead(lead_id).boxed()
    }

    fn sealed_lead(&self, lead_id: LeadId) -> StoreFuture<'_, Option<Bytes>> {
        self.read_sealed_lead(lead_id).boxed()
    }

    fn sealed_post(&self, post_id: PostId) -> StoreFuture<'_, Option<SealedPost>> {
        self.read_sealed_post(post_id).boxed()
    }

    fn due(&self, partition: Partition, limit: usize) -> StoreFuture<'_, Vec<Due>> {
        self.read_due(partition, limit).boxed()
    }

    fn outbox_read(
        &self,
        partition: Partition,
        after: u64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEntry>> {
        self.read_outbox(partition, after, limit).boxed()
    }

    fn outbox_ack(&self, partition: Partition, ids: Vec<u64>) -> StoreFuture<'_, ()> {
        self.ack_outbox(partition, ids).boxed()
    }

    fn claim(
        &self,
        lead_id: LeadId,
        node: NodeId,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Claimed>> {
        self.claim_lead(lead_id, node, lease_ms).boxed()
    }

    fn renew(
        &self,
        lead_id: LeadId,
        fence: u64,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.renew_lease(lead_id, fence, lease_ms).boxed()
    }

    fn decide(&self, decide: Decide) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        self.decide_round(decide).boxed()
    }

    fn offer(&self, offer: Offer) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        self.offer_lead(offer).boxed()
    }

    fn take(&self, take: Take) -> StoreFuture<'_, LeadReply<Taken>> {
        self.take_offer(take).boxed()
    }

    fn expire_offer(
        &self,
        lead_id: LeadId,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Expired>> {
        self.expire_an_offer(lead_id, closing, effects).boxed()
    }

    fn intent(&self, intent: Intent) -> StoreFuture<'_, LeadReply<Fenced<Intended>>> {
        self.write_intent(intent).boxed()
    }

    fn outcome(&self, outcome: Outcome) -> StoreFuture<'_, LeadReply<Recorded>> {
        self.write_outcome(outcome).boxed()
    }

    fn finish(
        &self,
        lead_id: LeadId,
        fence: u64,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Fenced<Finished>>> {
        self.finish_lead(lead_id, fence, closing, effects).boxed()
    }

    fn unresolved(&self, outcome: Unresolved) -> StoreFuture<'_, LeadReply<Finished>> {
        self.leave_unresolved(outcome).boxed()
    }

    fn postpone(
        &self,
        lead_id: LeadId,
        fence: u64,
        due_at: Timestamp,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.postpone_look(lead_id, fence, due_at).boxed()
    }

    fn append(
        &self,
        lead_id: LeadId,
        fact_id: String,
        fact: Bytes,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<bool>> {
        self.append_fact(lead_id, fact_id, fact, effects).boxed()
    }

    fn hold(&self, hold: Hold) -> StoreFuture<'_, AccountReply<Held>> {
        self.take_hold(hold).boxed()
    }

    fn capture(
        &self,
        account: Account,
        hold: HoldId,
        amount: Money,
    ) -> StoreFuture<'_, AccountReply<Captured>> {
        self.capture_hold(account, hold, amount).boxed()
    }

    fn void(&self, account: Account, hold: HoldId) -> StoreFuture<'_, AccountReply<Voided>> {
        self.void_hold(account, hold).boxed()
    }

    fn credit(&self, credit: Credit) -> StoreFuture<'_, AccountReply<Credited>> {
        self.credit_account(credit).boxed()
    }

    fn balance(&self, account: Account) -> StoreFuture<'_, AccountReply<()>> {
        self.read_balance(account).boxed()
    }

    fn cap_used(&self, account: Account, counters: Vec<String>) -> StoreFuture<'_, Vec<i64>> {
        self.read_cap_used(account, counters).boxed()
    }

    fn open_holds(
        &self,
        account: Account,
        until: Timestamp,
        skip: usize,
        limit: usize,
    ) -> StoreFuture<'_, Vec<HoldId>> {
        self.read_open_holds(account, until, skip, limit).boxed()
    }

    fn journal_accounts(&self) -> StoreFuture<'_, Vec<Account>> {
        self.read_journal_accounts().boxed()
    }

    fn journal_read(&self, account: Account, limit: usize) -> StoreFuture<'_, Vec<JournalEntry>> {
        self.read_journal(account, limit).boxed()
    }

    fn journal_ack(&self, account: Account, sequence: u64) -> StoreFuture<'_, ()> {
        self.ack_journal(account, sequence).boxed()
    }

    fn claim_duplicate(
        &self,
        digest: [u8; 32],
        lead_id: LeadId,
        window_ms: u64,
    ) -> StoreFuture<'_, DuplicateClaim> {
        self.claim_consumer(digest, lead_id, window_ms).boxed()
    }

    fn free_duplicate(&self, digest: [u8; 32], lead_id: LeadId) -> StoreFuture<'_, ()> {
        self.free_consumer(digest, lead_id).boxed()
    }
}
