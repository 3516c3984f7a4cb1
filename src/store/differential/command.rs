//! Operations as values, and their replies as texts.

use bytes::Bytes;
use jiff::Timestamp;

use crate::domain::auction::{Account, Closing, HoldId};
use crate::domain::ids::{LeadId, Partition, PostId};
use crate::domain::money::Money;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{
    Create, Credit, Decide, Effect, Hold, Intent, NodeId, Offer, Outcome, StoreError, StoreFuture,
    Take, Unresolved,
};

/// One operation of the contract with its arguments, or time that passes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the operation of that name in ports::auction_store")]
pub enum Command {
    Create(Create),
    Read(LeadId),
    SealedLead(LeadId),
    SealedPost(PostId),
    Due(Partition, usize),
    OutboxRead(Partition, u64, usize),
    OutboxAck(Partition, Vec<u64>),
    Claim(LeadId, NodeId, u64),
    Renew(LeadId, u64, u64),
    Decide(Decide),
    Offer(Offer),
    Take(Take),
    ExpireOffer(LeadId, Closing, Vec<Effect>),
    Intent(Intent),
    Outcome(Outcome),
    Finish(LeadId, u64, Closing, Vec<Effect>),
    Unresolved(Unresolved),
    Postpone(LeadId, u64, Timestamp),
    Append(LeadId, String, Bytes),
    Hold(Hold),
    Capture(Account, HoldId, Money),
    Void(Account, HoldId),
    Credit(Credit),
    Balance(Account),
    CapUsed(Account, Vec<String>),
    OpenHolds(Account, Timestamp, usize, usize),
    JournalRead(Account, usize),
    JournalAck(Account, u64),
    ClaimDuplicate([u8; 32], LeadId, u64),
    FreeDuplicate([u8; 32], LeadId),
    Wait(u64),
}

/// A reply as a text. Of an error only its kind counts: its words are for people.
async fn text<T: std::fmt::Debug>(reply: StoreFuture<'_, T>) -> String {
    match reply.await {
        Ok(reply) => format!("{reply:?}"),
        Err(StoreError::Limit(_)) => "Limit".to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

impl Command {
    /// The operation's name.
    #[must_use]
    pub fn name(&self) -> String {
        let shown = format!("{self:?}");
        let end = shown.find(['(', ' ', '{']).unwrap_or(shown.len());
        shown[..end].to_owned()
    }

    /// Makes it on a store; gives the reply.
    pub(super) async fn apply(&self, store: &dyn AuctionStore) -> String {
        match self.clone() {
            Self::Create(create) => text(store.create(create)).await,
            Self::Read(lead) => text(store.read(lead)).await,
            Self::SealedLead(lead) => text(store.sealed_lead(lead)).await,
            Self::SealedPost(post) => text(store.sealed_post(post)).await,
            Self::Due(partition, limit) => text(store.due(partition, limit)).await,
            Self::OutboxRead(partition, after, limit) => {
                text(store.outbox_read(partition, after, limit)).await
            }
            Self::OutboxAck(partition, ids) => text(store.outbox_ack(partition, ids)).await,
            Self::Claim(lead, node, lease_ms) => text(store.claim(lead, node, lease_ms)).await,
            Self::Renew(lead, fence, lease_ms) => text(store.renew(lead, fence, lease_ms)).await,
            Self::Decide(decide) => text(store.decide(decide)).await,
            Self::Offer(offer) => text(store.offer(offer)).await,
            Self::Take(take) => text(store.take(take)).await,
            Self::ExpireOffer(lead, end, effects) => {
                text(store.expire_offer(lead, end, effects)).await
            }
            Self::Intent(intent) => text(store.intent(intent)).await,
            Self::Outcome(outcome) => text(store.outcome(outcome)).await,
            Self::Finish(lead, fence, end, effects) => {
                text(store.finish(lead, fence, end, effects)).await
            }
            Self::Unresolved(unresolved) => text(store.unresolved(unresolved)).await,
            Self::Postpone(lead, fence, at) => text(store.postpone(lead, fence, at)).await,
            Self::Append(lead, id, fact) => text(store.append(lead, id, fact, Vec::new())).await,
            other => other.apply_to_accounts(store).await,
        }
    }

    async fn apply_to_accounts(self, store: &dyn AuctionStore) -> String {
        match self {
            Self::Hold(hold) => text(store.hold(hold)).await,
            Self::Capture(account, hold, amount) => {
                text(store.capture(account, hold, amount)).await
            }
            Self::Void(account, hold) => text(store.void(account, hold)).await,
            Self::Credit(credit) => text(store.credit(credit)).await,
            Self::Balance(account) => text(store.balance(account)).await,
            Self::CapUsed(account, counters) => text(store.cap_used(account, counters)).await,
            Self::OpenHolds(account, until, skip, limit) => {
                text(store.open_holds(account, until, skip, limit)).await
            }
            Self::JournalRead(account, limit) => text(store.journal_read(account, limit)).await,
            Self::JournalAck(account, sequence) => text(store.journal_ack(account, sequence)).await,
            Self::ClaimDuplicate(digest, lead, window_ms) => {
                text(store.claim_duplicate(digest, lead, window_ms)).await
            }
            Self::FreeDuplicate(digest, lead) => text(store.free_duplicate(digest, lead)).await,
            _ => String::new(),
        }
    }
}
