//! The in-flight store: the whole contract of PROTOCOL a5, in the domain's words.
//!
//! Every operation is atomic, durable before it replies, and idempotent: the same arguments again
//! give the same reply and change nothing. A reply that does not come is *unknown*; repeat the
//! operation. What the store writes into the outbox leaves it only when it is acknowledged.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::auction::{Account, Closing, HoldId, LeadView, RankEntry};
use crate::domain::ids::{LeadId, Partition, PostId};
use crate::domain::money::Money;
use crate::domain::post::Verdict;
use crate::domain::slug::{CampaignId, VendorId};

/// Why an operation gave no reply. Whether it took effect is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or did not answer in time.
    #[error("the auction store is unavailable: {0}")]
    Unavailable(String),
    /// The store has no room for new leads.
    #[error("the auction store is full: {0}")]
    Full(String),
    /// The store holds something it cannot have written.
    #[error("the auction store is corrupt: {0}")]
    Corrupt(String),
    /// An argument is beyond the store's limits; our own fault.
    #[error("the auction store refuses an argument: {0}")]
    Limit(String),
}

/// A node of the exchange, random per process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u128);

/// A reply about a lead, with the time the store used and the lead as it stands after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadReply<T> {
    /// The store's time.
    pub now: Timestamp,
    /// The lead, unless the store has none of that id.
    pub lead: Option<Arc<LeadView>>,
    /// The reply.
    pub reply: T,
}

/// An account's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AccountView {
    /// Deposits, adjustments, returns and payouts.
    pub deposited: Money,
    /// Captured prices.
    pub posted: Money,
    /// Money of holds neither captured nor voided.
    pub held: Money,
}

/// A reply about an account, with the time the store used and the account after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountReply<T> {
    /// The store's time.
    pub now: Timestamp,
    /// The account.
    pub account: AccountView,
    /// The reply.
    pub reply: T,
}

/// What settles after a step; kept in the outbox until it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Turns a hold into a debit.
    Capture {
        /// Whose.
        account: Account,
        /// The hold.
        hold: HoldId,
        /// At most the held amount.
        amount: Money,
    },
    /// Gives a hold back.
    Void {
        /// Whose.
        account: Account,
        /// The hold.
        hold: HoldId,
    },
    /// Credits an account.
    Credit {
        /// Whose.
        account: Account,
        /// Makes it happen once.
        op_id: String,
        /// What for.
        kind: CreditKind,
        /// How much; negative takes it back.
        amount: Money,
    },
    /// Frees a duplicate claim.
    FreeDuplicate {
        /// The claim.
        digest: [u8; 32],
    },
    /// A part of the decision record, opaque to the store, for the permanent records.
    Record(Bytes),
}

/// What a credit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditKind {
    /// Money paid in.
    Deposit,
    /// A correction by the operator.
    Adjustment,
    /// A vendor's share of a sale.
    Payout,
    /// Money given back for a returned lead.
    Return,
}

impl CreditKind {
    /// The kind as in API, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Adjustment => "adjustment",
            Self::Payout => "payout",
            Self::Return => "return",
        }
    }
}

/// One entry of a partition's outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// Grows within a partition; entries of one lead are in order.
    pub id: u64,
    /// The lead it belongs to.
    pub lead_id: LeadId,
    /// Its place among the lead's entries, from 1: with the lead id it makes records idempotent.
    pub sequence: u32,
    /// What to do.
    pub effect: Effect,
}

/// One entry of an account's journal, on its way to the permanent book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// From 1, without gaps, per account.
    pub sequence: u64,
    /// When, by the store's time.
    pub at: Timestamp,
    /// `capture`, or the credit's kind.
    pub kind: String,
    /// The hold's text or the credit's operation id.
    pub op_id: String,
    /// How much; captures are negative towards the buyer's balance.
    pub amount: Money,
    /// Whether a capture found no hold: only possible after lost writes; alarmed.
    pub is_unheld: bool,
}

/// Arguments of `create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// Keyed digest of vendor, route and idempotency key; its partition is the lead's.
    pub key_digest: [u8; 32],
    /// How long the key is known, in milliseconds.
    pub key_ttl_ms: u64,
    /// The id the lead gets if it is new.
    pub lead_id: LeadId,
    /// Who submits it.
    pub vendor: VendorId,
    /// Keyed fingerprint of the canonical body.
    pub fingerprint: [u8; 32],
    /// The sealed lead; empty when it is closed at once.
    pub sealed: Bytes,
    /// The owner's notes.
    pub plan: Bytes,
    /// The registry version the auction runs on.
    pub registry_version: i64,
    /// How many seats there are.
    pub seats: u8,
    /// Who runs the auction.
    pub node: NodeId,
    /// How long the owner may act, in milliseconds.
    pub lease_ms: u64,
    /// With it the lead is closed at once: refusals, and nobody eligible.
    pub closing: Option<Closing>,
    /// What settles; usually the first part of the decision record.
    pub effects: Vec<Effect>,
}

/// Reply of `create`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is new and ours, under this fence.
    Created {
        /// The fence.
        fence: u64,
    },
    /// The key is known with the same body; the reply's lead tells how far it is.
    Same,
    /// The key is known with another body.
    Mismatch,
}

/// Reply of `claim`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// Ours, under this fence.
    Claimed {
        /// The fence.
        fence: u64,
    },
    /// Another owner's lease still runs.
    Held,
    /// It has ended.
    Closed,
    /// There is no such lead.
    Missing,
}

/// Reply of an operation that needs the current fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fenced<T> {
    /// Done, or done before.
    Ok(T),
    /// Another owner has taken over, or there is no such lead: nothing was changed.
    Fenced,
}

/// Arguments of `decide`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decide {
    /// The lead.
    pub lead_id: LeadId,
    /// The owner's fence.
    pub fence: u64,
    /// The round, from 1.
    pub round: u16,
    /// The round's ranking, best first; appended to those of earlier rounds.
    pub rank: Vec<RankEntry>,
    /// What settles.
    pub effects: Vec<Effect>,
}

/// Reply of `decide`; the ranking that holds is the reply's lead's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// This ranking holds.
    Decided,
    /// The round was ranked before.
    Already,
}

/// Arguments of `offer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The lead.
    pub lead_id: LeadId,
    /// The owner's fence.
    pub fence: u64,
    /// The ranking.
    pub rank: Vec<RankEntry>,
    /// What the vendor was offered, opaque to the store.
    pub offers: Bytes,
    /// When the offer ends.
    pub expires_at: Timestamp,
    /// What settles.
    pub effects: Vec<Effect>,
}

/// Arguments of `take`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// The lead.
    pub lead_id: LeadId,
    /// Fingerprint of the vendor's post.
    pub fingerprint: [u8; 32],
    /// The sealed lead with the contact data.
    pub sealed: Bytes,
    /// Which offers and on what terms, opaque to the store.
    pub offer_ids: Bytes,
    /// Who runs the rest of the auction.
    pub node: NodeId,
    /// How long the owner may act, in milliseconds.
    pub lease_ms: u64,
    /// What settles.
    pub effects: Vec<Effect>,
}

/// Reply of `take`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Ours, under this fence; the lead is decided.
    Taken {
        /// The fence.
        fence: u64,
    },
    /// Taken before with the same post.
    Same,
    /// The offer has ended.
    Expired,
    /// Taken before with another post.
    Mismatch,
    /// There is no such offer.
    Missing,
}

/// Reply of `expire_offer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// Closed as expired, now or before.
    Closed,
    /// The offer still runs by the store's time.
    TooEarly,
    /// The vendor took it, or it never was one.
    Taken,
}

/// Arguments of `intent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The lead.
    pub lead_id: LeadId,
    /// The owner's fence.
    pub fence: u64,
    /// The seat, from 1.
    pub seat: u8,
    /// Index into the ranking.
    pub k: u16,
    /// The campaign at `k`.
    pub campaign: CampaignId,
    /// The post's id.
    pub post_id: PostId,
    /// The rendered post, sealed: what a repeat sends.
    pub sealed_post: Bytes,
    /// Until when the owner may act, from now, in milliseconds: post time-out and a margin.
    pub lease_ms: u64,
}

/// Reply of `intent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intended {
    /// The post may leave.
    Ok,
    /// An attempt of the seat may be with a buyer, or the buyer or its legal entity holds another
    /// seat of the lead.
    Busy,
    /// The seat is sold.
    Sold,
    /// `k` is not after the last one, or names another campaign.
    Stale,
}

/// Arguments of `outcome`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The lead.
    pub lead_id: LeadId,
    /// The seat, from 1.
    pub seat: u8,
    /// The candidate.
    pub k: u16,
    /// The verdict.
    pub verdict: Verdict,
    /// The fence under which alone it may be written: for `NotSent`, true for the owner alone.
    pub fence: Option<u64>,
    /// When somebody must look again, for `Unknown`.
    pub due_at: Option<Timestamp>,
    /// The lead's end, if this verdict is it.
    pub closing: Option<Closing>,
    /// What settles if this verdict is the one that counts.
    pub effects: Vec<Effect>,
    /// Parts of the decision record that are kept if it does not count, since another definite
    /// verdict stands: whoever learned this one need not know of the other.
    pub late_record: Vec<Bytes>,
}

/// Reply of `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// This verdict counts.
    Recorded,
    /// The same verdict was there before.
    Already,
    /// The lead has another owner, and the verdict was only for its owner to give.
    Fenced,
    /// Another definite verdict was there before: that one stands.
    Stands(Verdict),
    /// The buyer accepted although another definite verdict stands: kept and alarmed, never billed.
    Conflict,
    /// There is no such attempt.
    Missing,
}

/// Reply of `finish` and `unresolved`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// Closed with this answer.
    Closed,
    /// Closed before; the reply's lead has the answer that holds.
    Already,
    /// A seat may still be with a buyer (`finish`), or is not unknown (`unresolved`).
    Busy,
}

/// One counter that a hold charges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapCharge {
    /// The rule, as refusals name it: `cap:day`.
    pub rule: String,
    /// The counter: campaign, window and what is counted, e.g. `acme-tx|leads|day|2026-11-24`.
    pub counter: String,
    /// Used and held may not go above this.
    pub limit: i64,
    /// What this hold adds: 1, or ten-thousandths of money.
    pub add: i64,
    /// When the window ends; the counter may be dropped some days later.
    pub ends_at: Option<Timestamp>,
}

/// Arguments of `hold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Whose money.
    pub account: Account,
    /// The hold.
    pub hold: HoldId,
    /// How much.
    pub amount: Money,
    /// How far posted and held may exceed deposits; `None` = without limit.
    pub credit_limit: Option<Money>,
    /// Counters it charges.
    pub caps: Vec<CapCharge>,
}

/// Reply of `hold`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Held, now or before.
    Held,
    /// No room; `balance`, or the rule of the cap.
    Refused(String),
    /// Voided before: a late hold of a dead attempt.
    Voided,
    /// Captured before.
    Captured,
}

/// Reply of `capture`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Captured {
    /// Debited; `was_held` is false only after lost writes.
    Done {
        /// Whether there was a hold.
        was_held: bool,
    },
    /// Debited before.
    Already,
    /// Voided before: our own fault, alarmed; debited all the same, since SOLD is the truth.
    AfterVoid,
}

/// Reply of `void`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voided {
    /// Given back, or a tombstone was written for a hold that never came.
    Done,
    /// Given back before.
    Already,
    /// Captured before: nothing was changed.
    Captured,
}

/// Arguments of `credit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// Whose.
    pub account: Account,
    /// Makes it happen once.
    pub op_id: String,
    /// What for.
    pub kind: CreditKind,
    /// How much; negative takes it back.
    pub amount: Money,
}

/// Reply of `credit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credited {
    /// Credited.
    Done,
    /// Credited before under this operation id with the same amount.
    Already,
    /// The operation id is known with another kind or amount: nothing was changed.
    Mismatch,
    /// The account would go beyond the largest amount: nothing was changed.
    OutOfRange,
}

/// Reply of `claim_duplicate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuplicateClaim {
    /// Ours, now or before.
    Claimed,
    /// Another lead's.
    Taken(LeadId),
}

/// A sealed post, with where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedPost {
    /// The lead.
    pub lead_id: LeadId,
    /// The seat, from 1.
    pub seat: u8,
    /// The candidate.
    pub k: u16,
    /// The sealed request; empty once it is erased.
    pub sealed: Bytes,
}

/// A lead that somebody must look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The lead.
    pub lead_id: LeadId,
    /// Since when.
    pub at: Timestamp,
}

/// What [`AuctionStore::durability`] says of a store that may lose what it has acknowledged.
pub const RELAXED: &str = "relaxed";

/// What a store operation gives.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// The in-flight store.
pub trait AuctionStore: Send + Sync + 'static {
    /// How many partitions this installation has, fixed when the store was made.
    fn partitions(&self) -> u16;

    /// What the store promises of an acknowledged write: `embedded`, `redis-single`, `relaxed` ...
    fn durability(&self) -> &'static str;

    /// Takes a lead in, under its idempotency key.
    fn create(&self, create: Create) -> StoreFuture<'_, LeadReply<Created>>;

    /// The lead as it stands, open or closed.
    fn read(&self, lead_id: LeadId) -> StoreFuture<'_, LeadReply<()>>;

    /// The sealed lead; `None` once it is erased or was never kept.
    fn sealed_lead(&self, lead_id: LeadId) -> StoreFuture<'_, Option<Bytes>>;

    /// The sealed post; `None` if there is none of that id.
    fn sealed_post(&self, post_id: PostId) -> StoreFuture<'_, Option<SealedPost>>;

    /// Leads of a partition whose lease is over or whose retry, deadline or offer is due, the
    /// longest due first.
    fn due(&self, partition: Partition, limit: usize) -> StoreFuture<'_, Vec<Due>>;

    /// The oldest entries of a partition's outbox behind the one with the id `after`; 0 = from the
    /// first on.
    fn outbox_read(
        &self,
        partition: Partition,
        after: u64,
        limit: usize,
    ) -> StoreFuture<'_, Vec<OutboxEntry>>;

    /// Removes entries whose effect is done.
    fn outbox_ack(&self, partition: Partition, ids: Vec<u64>) -> StoreFuture<'_, ()>;

    /// Takes over a lead whose lease is over, or keeps one that is `node`'s already.
    fn claim(
        &self,
        lead_id: LeadId,
        node: NodeId,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Claimed>>;

    /// Moves the lease's end; zero hands the lead back.
    fn renew(
        &self,
        lead_id: LeadId,
        fence: u64,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>>;

    /// Sets a round's ranking, once and for ever.
    fn decide(&self, decide: Decide) -> StoreFuture<'_, LeadReply<Fenced<Decided>>>;

    /// Sets the ranking and waits for the vendor's post; no lease is held meanwhile.
    fn offer(&self, offer: Offer) -> StoreFuture<'_, LeadReply<Fenced<Decided>>>;

    /// Goes on with an offered lead.
    fn take(&self, take: Take) -> StoreFuture<'_, LeadReply<Taken>>;

    /// Ends an offer that ran out.
    fn expire_offer(
        &self,
        lead_id: LeadId,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Expired>>;

    /// Writes that a post is about to leave. Only after it may the post be sent.
    fn intent(&self, intent: Intent) -> StoreFuture<'_, LeadReply<Fenced<Intended>>>;

    /// Writes what became of a post. Not fenced: it records a fact.
    fn outcome(&self, outcome: Outcome) -> StoreFuture<'_, LeadReply<Recorded>>;

    /// Ends a lead, unless a post may be with a buyer.
    fn finish(
        &self,
        lead_id: LeadId,
        fence: u64,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Fenced<Finished>>>;

    /// Ends a lead whose post stayed unknown to the end of the window.
    fn unresolved(&self, outcome: Unresolved) -> StoreFuture<'_, LeadReply<Finished>>;

    /// Says when somebody must look at a lead's unknown posts again: it is not due before, unless
    /// a post is on its way.
    fn postpone(
        &self,
        lead_id: LeadId,
        fence: u64,
        due_at: Timestamp,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>>;

    /// Appends a fact to a closed lead, under an id that makes it happen once. The reply tells
    /// whether the fact is there, now or before; it is not if the lead is open or missing.
    fn append(
        &self,
        lead_id: LeadId,
        fact_id: String,
        fact: Bytes,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<bool>>;

    /// Holds money and cap room.
    fn hold(&self, hold: Hold) -> StoreFuture<'_, AccountReply<Held>>;

    /// Turns a hold into a debit.
    fn capture(
        &self,
        account: Account,
        hold: HoldId,
        amount: Money,
    ) -> StoreFuture<'_, AccountReply<Captured>>;

    /// Gives a hold back, or forbids one that has not come yet.
    fn void(&self, account: Account, hold: HoldId) -> StoreFuture<'_, AccountReply<Voided>>;

    /// Credits an account, once per operation id.
    fn credit(&self, credit: Credit) -> StoreFuture<'_, AccountReply<Credited>>;

    /// An account's counters; zeros for one that was never used.
    fn balance(&self, account: Account) -> StoreFuture<'_, AccountReply<()>>;

    /// What a counter of a cap has used and held, for soft checks before a ping.
    fn cap_used(&self, account: Account, counters: Vec<String>) -> StoreFuture<'_, Vec<i64>>;

    /// Holds taken at or before `until` and still held, oldest first but for the first `skip` of
    /// them, for the sweeper.
    fn open_holds(
        &self,
        account: Account,
        until: Timestamp,
        skip: usize,
        limit: usize,
    ) -> StoreFuture<'_, Vec<HoldId>>;

    /// Accounts with journal entries waiting.
    fn journal_accounts(&self) -> StoreFuture<'_, Vec<Account>>;

    /// The oldest entries of an account's journal.
    fn journal_read(&self, account: Account, limit: usize) -> StoreFuture<'_, Vec<JournalEntry>>;

    /// Removes entries up to and including `sequence`.
    fn journal_ack(&self, account: Account, sequence: u64) -> StoreFuture<'_, ()>;

    /// Claims a consumer for a lead for `window_ms`; again by the same lead, it ends when it did.
    fn claim_duplicate(
        &self,
        digest: [u8; 32],
        lead_id: LeadId,
        window_ms: u64,
    ) -> StoreFuture<'_, DuplicateClaim>;

    /// Gives a claim back if it is this lead's, and that was never taken in or has ended unsold.
    fn free_duplicate(&self, digest: [u8; 32], lead_id: LeadId) -> StoreFuture<'_, ()>;
}

/// Arguments of `unresolved`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unresolved {
    /// The lead.
    pub lead_id: LeadId,
    /// The seat, from 1.
    pub seat: u8,
    /// The candidate.
    pub k: u16,
    /// The lead's end, if this seat is the last.
    pub closing: Option<Closing>,
    /// What settles.
    pub effects: Vec<Effect>,
}
