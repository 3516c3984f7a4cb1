//! A store that ends the process at a named step, for tests of what a crash leaves behind.
//!
//! Around each durable step there are two points: `before` it, when what led to it has happened (a
//! buyer has answered, the records have taken their parts), and `after` it, when it is durable and
//! nobody has been told. At the point asked for the process aborts: nothing is unwound, flushed or
//! closed. Only under the feature `faults`, and only if the environment asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::FutureExt as _;
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

/// The environment's variable that names the point: `STEP:before:N` or `STEP:after:N`, where the
/// process ends at the `N`-th pass.
pub const CRASH_AT: &str = "GAVEL_FAULT_CRASH_AT";

/// The steps that have points around them: their names, and the operation of the store.
pub const STEPS: [(&str, &str); 15] = [
    ("W1", "create"),
    ("W2", "decide"),
    ("W3", "hold"),
    ("W4", "intent"),
    ("W5", "outcome"),
    ("W6-capture", "capture"),
    ("W6-void", "void"),
    ("W6-credit", "credit"),
    ("W6-outbox", "outbox_ack"),
    ("W6-journal", "journal_ack"),
    ("offer", "offer"),
    ("take", "take"),
    ("expire", "expire_offer"),
    ("finish", "finish"),
    ("duplicate", "claim_duplicate"),
];

/// On which side of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// One point and pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CrashPoint {
    operation: &'static str,
    side: Side,
    pass: u64,
}

/// Why a text names no point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{CRASH_AT}={0}` names no crash point")]
pub struct UnknownPoint(String);

impl CrashPoint {
    fn parse(text: &str) -> Result<Self, UnknownPoint> {
        let unknown = || UnknownPoint(text.to_owned());
        let words: Vec<&str> = text.split(':').collect();
        let [step, side, pass] = words[..] else { return Err(unknown()) };
        let (_, operation) = STEPS.iter().find(|(name, _)| *name == step).ok_or_else(unknown)?;
        let side = match side {
            "before" => Side::Before,
            "after" => Side::After,
            _ => return Err(unknown()),
        };
        let pass = pass.parse().ok().filter(|pass| *pass > 0).ok_or_else(unknown)?;
        Ok(Self { operation, side, pass })
    }
}

/// A store around another one.
pub struct CrashingStore {
    inner: Arc<dyn AuctionStore>,
    point: CrashPoint,
    passes: AtomicU64,
}

/// `store` itself, or around it the store that crashes where the environment asks for it.
///
/// # Errors
/// [`UnknownPoint`]: a misspelt point must not look like one that was survived.
pub fn from_environment(
    store: Arc<dyn AuctionStore>,
) -> Result<Arc<dyn AuctionStore>, UnknownPoint> {
    let Ok(text) = std::env::var(CRASH_AT) else { return Ok(store) };
    let point = CrashPoint::parse(&text)?;
    Ok(Arc::new(CrashingStore { inner: store, point, passes: AtomicU64::new(0) }))
}

impl CrashingStore {
    /// Passes a step: `call` is made between its two points.
    fn step<'a, T: 'a>(
        &'a self,
        operation: &'static str,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        async move {
            self.reach(operation, Side::Before);
            let reply = call().await;
            if reply.is_ok() {
                self.reach(operation, Side::After);
            }
            reply
        }
        .boxed()
    }

    fn reach(&self, operation: &str, side: Side) {
        if (self.point.operation, self.point.side) != (operation, side) {
            return;
        }
        if self.passes.fetch_add(1, Ordering::SeqCst) + 1 == self.point.pass {
            std::process::abort();
        }
    }
}

impl AuctionStore for CrashingStore {
    fn partitions(&self) -> u16 {
        self.inner.partitions()
    }

    fn durability(&self) -> &'static str {
        self.inner.durability()
    }

    fn create(&self, create: Create) -> StoreFuture<'_, LeadReply<Created>> {
        self.step("create", move || self.inner.create(create))
    }

    fn read(&self, lead_id: LeadId) -> StoreFuture<'_, LeadReply<()>> {
        self.inner.read(lead_id)
    }

    fn sealed_lead(&self, lead_id: LeadId) -> StoreFuture<'_, Option<Bytes>> {
        self.inner.sealed_lead(lead_id)
    }

    fn sealed_post(&self, post_id: PostId) -> StoreFuture<'_, Option<SealedPost>> {
        self.inner.sealed_post(post_id)
    }

    fn due(&self, partition: Partition, limit: usize) -> StoreFuture<'_, Vec<Due>> {
        self.inner.due(partition, limit)
    }

    fn outbox_read(&self, partition: Partition, limit: usize) -> StoreFuture<'_, Vec<OutboxEntry>> {
        self.inner.outbox_read(partition, limit)
    }

    fn outbox_ack(&self, partition: Partition, ids: Vec<u64>) -> StoreFuture<'_, ()> {
        self.step("outbox_ack", move || self.inner.outbox_ack(partition, ids))
    }

    fn claim(
        &self,
        lead_id: LeadId,
        node: NodeId,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Claimed>> {
        self.inner.claim(lead_id, node, lease_ms)
    }

    fn renew(
        &self,
        lead_id: LeadId,
        fence: u64,
        lease_ms: u64,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.inner.renew(lead_id, fence, lease_ms)
    }

    fn decide(&self, decide: Decide) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        self.step("decide", move || self.inner.decide(decide))
    }

    fn offer(&self, offer: Offer) -> StoreFuture<'_, LeadReply<Fenced<Decided>>> {
        self.step("offer", move || self.inner.offer(offer))
    }

    fn take(&self, take: Take) -> StoreFuture<'_, LeadReply<Taken>> {
        self.step("take", move || self.inner.take(take))
    }

    fn expire_offer(
        &self,
        lead_id: LeadId,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Expired>> {
        self.step("expire_offer", move || self.inner.expire_offer(lead_id, closing, effects))
    }

    fn intent(&self, intent: Intent) -> StoreFuture<'_, LeadReply<Fenced<Intended>>> {
        self.step("intent", move || self.inner.intent(intent))
    }

    fn outcome(&self, outcome: Outcome) -> StoreFuture<'_, LeadReply<Recorded>> {
        self.step("outcome", move || self.inner.outcome(outcome))
    }

    fn finish(
        &self,
        lead_id: LeadId,
        fence: u64,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<Fenced<Finished>>> {
        self.step("finish", move || self.inner.finish(lead_id, fence, closing, effects))
    }

    fn unresolved(&self, outcome: Unresolved) -> StoreFuture<'_, LeadReply<Finished>> {
        self.inner.unresolved(outcome)
    }

    fn postpone(
        &self,
        lead_id: LeadId,
        fence: u64,
        due_at: Timestamp,
    ) -> StoreFuture<'_, LeadReply<Fenced<()>>> {
        self.inner.postpone(lead_id, fence, due_at)
    }

    fn append(
        &self,
        lead_id: LeadId,
        fact_id: String,
        fact: Bytes,
        effects: Vec<Effect>,
    ) -> StoreFuture<'_, LeadReply<bool>> {
        self.inner.append(lead_id, fact_id, fact, effects)
    }

    fn hold(&self, hold: Hold) -> StoreFuture<'_, AccountReply<Held>> {
        self.step("hold", move || self.inner.hold(hold))
    }

    fn capture(
        &self,
        account: Account,
        hold: HoldId,
        amount: Money,
    ) -> StoreFuture<'_, AccountReply<Captured>> {
        self.step("capture", move || self.inner.capture(account, hold, amount))
    }

    fn void(&self, account: Account, hold: HoldId) -> StoreFuture<'_, AccountReply<Voided>> {
        self.step("void", move || self.inner.void(account, hold))
    }

    fn credit(&self, credit: Credit) -> StoreFuture<'_, AccountReply<Credited>> {
        self.step("credit", move || self.inner.credit(credit))
    }

    fn balance(&self, account: Account) -> StoreFuture<'_, AccountReply<()>> {
        self.inner.balance(account)
    }

    fn cap_used(&self, account: Account, counters: Vec<String>) -> StoreFuture<'_, Vec<i64>> {
        self.inner.cap_used(account, counters)
    }

    fn open_holds(
        &self,
        account: Account,
        until: Timestamp,
        limit: usize,
    ) -> StoreFuture<'_, Vec<HoldId>> {
        self.inner.open_holds(account, until, limit)
    }

    fn journal_accounts(&self) -> StoreFuture<'_, Vec<Account>> {
        self.inner.journal_accounts()
    }

    fn journal_read(&self, account: Account, limit: usize) -> StoreFuture<'_, Vec<JournalEntry>> {
        self.inner.journal_read(account, limit)
    }

    fn journal_ack(&self, account: Account, sequence: u64) -> StoreFuture<'_, ()> {
        self.step("journal_ack", move || self.inner.journal_ack(account, sequence))
    }

    fn claim_duplicate(
        &self,
        digest: [u8; 32],
        lead_id: LeadId,
        window_ms: u64,
    ) -> StoreFuture<'_, DuplicateClaim> {
        self.step("claim_duplicate", move || self.inner.claim_duplicate(digest, lead_id, window_ms))
    }

    fn free_duplicate(&self, digest: [u8; 32], lead_id: LeadId) -> StoreFuture<'_, ()> {
        self.inner.free_duplicate(digest, lead_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_step_a_side_and_a_pass() {
        let check = |text: &str, expect: Option<(&'static str, Side, u64)>| {
            let point = CrashPoint::parse(text).ok();
            let expect = expect.map(|(operation, side, pass)| CrashPoint { operation, side, pass });
            assert_eq!(point, expect, "{text}");
        };
        check("W1:before:1", Some(("create", Side::Before, 1)));
        check("W6-outbox:after:12", Some(("outbox_ack", Side::After, 12)));
        for wrong in ["", "W1", "W1:before", "W1:before:0", "W1:before:1:1", "W7:before:1"] {
            check(wrong, None);
        }
        check("create:before:1", None);
        check("W1:beside:1", None);
    }
}
