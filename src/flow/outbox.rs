//! Settling: what the store put into its outbox is carried out, then removed.
//!
//! Captures, voids and credits go to the accounts; parts of decision records and the accounts'
//! journals go to the permanent records. Everything is idempotent, so a crash between doing and
//! removing only means doing it again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::exchange::{Degraded, Exchange};
use crate::domain::auction::Account;
use crate::domain::ids::Partition;
use crate::metrics::HoldResult;
use crate::ports::auction_store::{
    Captured, Credit, Credited, Effect, OutboxEntry, StoreError, Voided,
};
use crate::ports::records::{LedgerLine, RecordPart, RecordsError};

/// Pause between two looks at all partitions, for what another node or a crash left.
const SWEEP_PAUSE: Duration = Duration::from_secs(2);
/// Entries taken from a partition at once.
const ENTRIES_MAX: usize = 256;
/// Entries looked through for money while the records take none.
const ENTRIES_LOOK_MAX: usize = 4_096;
/// Journal entries taken from an account at once.
const JOURNAL_MAX: usize = 512;

/// Which partitions have something to settle, and what stands in the way.
#[derive(Default)]
pub struct Outbox {
    marked: Mutex<BTreeSet<Partition>>,
    wake: Notify,
    troubles: Mutex<Troubles>,
    /// Since when every pass over all partitions has left something waiting.
    waiting_since: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Troubles {
    store: Option<String>,
    records: Option<String>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outbox {
    /// Says that a partition has something to settle.
    pub fn mark(&self, partition: Partition) {
        locked(&self.marked).insert(partition);
        self.wake.notify_one();
    }

    /// Says that an account's journal has something for the records.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    fn take_marked(&self) -> BTreeSet<Partition> {
        std::mem::take(&mut *locked(&self.marked))
    }

    /// How long something has been waiting, after a pass that left `waiting` entries.
    fn age(&self, waiting: usize) -> Duration {
        let mut since = locked(&self.waiting_since);
        if waiting == 0 {
            *since = None;
            return Duration::ZERO;
        }
        since.get_or_insert_with(Instant::now).elapsed()
    }

    /// What does not work as it should.
    #[must_use]
    pub fn degraded(&self) -> Vec<Degraded> {
        let troubles = locked(&self.troubles);
        let of = |what, why: &Option<String>| why.clone().map(|why| Degraded { what, why });
        [of("store", &troubles.store), of("records", &troubles.records)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Notes that the store gave no reply.
    pub fn store_fails(&self, error: &StoreError) {
        locked(&self.troubles).store = Some(error.to_string());
    }

    /// Notes that the store replied.
    pub fn store_works(&self) {
        let mut troubles = locked(&self.troubles);
        if troubles.store.is_some() {
            troubles.store = None;
        }
    }

    fn records_say<T>(&self, answer: Result<T, RecordsError>) -> bool {
        let mut troubles = locked(&self.troubles);
        match answer {
            Ok(_) => {
                troubles.records = None;
                true
            }
            Err(error) => {
                if troubles.records.is_none() {
                    tracing::error!(%error, "records.failed");
                }
                troubles.records = Some(error.to_string());
                false
            }
        }
    }
}

impl Exchange {
    /// Settles what is marked as it comes and everything now and then; ends when the node stops.
    pub(super) async fn settle_for_ever(self: &Arc<Self>) {
        let mut sweep = tokio::time::interval(SWEEP_PAUSE);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                // Before what comes: a busy market must not keep the sweep from its turn.
                _ = sweep.tick() => self.settle_everything().await,
                () = self.outbox.wake.notified() => {
                    for partition in self.outbox.take_marked() {
                        self.settle_partition(partition).await;
                    }
                    self.settle_journals().await;
                }
            }
        }
    }

    /// One pass over all partitions and journals.
    pub(super) async fn settle_everything(&self) {
        let mut waiting = 0;
        for partition in self.partitions() {
            waiting += self.settle_partition(partition).await;
        }
        self.metrics.outbox_entries.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.metrics.outbox_oldest.set(self.outbox.age(waiting).as_secs_f64());
        self.settle_journals().await;
    }

    /// Carries out what a partition's outbox holds; gives how many entries had to stay.
    ///
    /// Entries that have to stay do not hold up those behind them: more and more are read, and of
    /// those only the money is settled.
    pub(super) async fn settle_partition(&self, partition: Partition) -> usize {
        let mut limit = ENTRIES_MAX;
        loop {
            let read = self.store.outbox_read(partition, limit);
            let Ok(entries) = self.timed("outbox_read", read).await else { return 0 };
            if entries.is_empty() {
                return 0;
            }
            let total = entries.len();
            let done = self.settle_entries(entries, limit == ENTRIES_MAX).await;
            let left = total - done.len();
            if !done.is_empty() {
                let ack = self.store.outbox_ack(partition, done);
                if self.timed("outbox_ack", ack).await.is_err() {
                    return total;
                }
            }
            let is_whole = total < limit;
            if is_whole || (left > 0 && limit >= ENTRIES_LOOK_MAX) {
                return left;
            }
            if left > 0 {
                limit = (limit * 4).min(ENTRIES_LOOK_MAX);
            }
        }
    }

    /// Carries entries out, parts of records only if they are wanted; gives the ids of those that
    /// are done.
    async fn settle_entries(&self, entries: Vec<OutboxEntry>, wants_parts: bool) -> Vec<u64> {
        let (mut parts, effects): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| matches!(entry.effect, Effect::Record(_)));
        if !wants_parts {
            parts.clear();
        }
        let (mut done, settled) = futures::join!(
            self.record_parts(parts),
            join_all(effects.into_iter().map(|entry| self.settle_entry(entry)))
        );
        done.extend(settled.into_iter().flatten());
        done
    }

    /// Gives parts of decision records to the records; gives the ids of those that are kept.
    ///
    /// A part that cannot be kept for ever must not hold up the others, so after such an answer
    /// each goes alone.
    async fn record_parts(&self, entries: Vec<OutboxEntry>) -> Vec<u64> {
        let ids: Vec<u64> = entries.iter().map(|entry| entry.id).collect();
        let parts: Vec<RecordPart> = entries.into_iter().filter_map(record_part).collect();
        if parts.is_empty() {
            return ids;
        }
        let recorded = self.keep_parts(parts.clone()).await;
        let is_hopeless =
            matches!(recorded, Err(RecordsError::Corrupt(_) | RecordsError::Refused(_)));
        if self.outbox.records_say(recorded) {
            return ids;
        }
        self.metrics.records_errors("add_parts");
        let mut done = Vec::new();
        if is_hopeless {
            for (id, part) in ids.into_iter().zip(parts) {
                if self.keep_parts(vec![part]).await.is_ok() {
                    done.push(id);
                }
            }
        }
        done
    }

    /// Keeps parts, and then what they tell: an entry leaves the outbox only after both.
    async fn keep_parts(&self, parts: Vec<RecordPart>) -> Result<(), RecordsError> {
        self.records.add_parts(parts.clone()).await?;
        self.tell(&parts).await
    }

    /// Carries one entry out; gives its id if it is done.
    async fn settle_entry(&self, entry: OutboxEntry) -> Option<u64> {
        let OutboxEntry { id, lead_id, effect, .. } = entry;
        let done = match effect {
            Effect::Capture { account, hold, amount } => {
                let capture = self.store.capture(account, hold, amount);
                self.timed("capture", capture).await.map(|reply| self.watch_capture(reply.reply))
            }
            Effect::Void { account, hold } => {
                self.timed("void", self.store.void(account, hold)).await.map(|reply| {
                    if reply.reply == Voided::Done {
                        self.metrics.holds(HoldResult::Voided);
                    }
                })
            }
            Effect::Credit { account, op_id, kind, amount } => {
                let credit = self.store.credit(Credit { account, op_id, kind, amount });
                self.timed("credit", credit).await.map(|reply| {
                    if matches!(reply.reply, Credited::Mismatch | Credited::OutOfRange) {
                        tracing::error!(lead = %lead_id, reply = ?reply.reply, "credit.refused");
                    }
                })
            }
            Effect::FreeDuplicate { digest } => {
                self.timed("free_duplicate", self.store.free_duplicate(digest, lead_id)).await
            }
            Effect::Record(_) => Ok(()),
        };
        done.ok().map(|()| id)
    }

    fn watch_capture(&self, captured: Captured) {
        match captured {
            Captured::Done { was_held } => {
                self.metrics.holds(HoldResult::Captured);
                if !was_held {
                    self.metrics.unheld_captures.inc();
                    tracing::error!("capture.unheld");
                }
            }
            Captured::AfterVoid => {
                self.metrics.unheld_captures.inc();
                tracing::error!("capture.after_void");
            }
            Captured::Already => {}
        }
    }

    /// Moves the accounts' journals into the permanent book.
    pub(super) async fn settle_journals(&self) {
        let accounts = self.timed("journal_accounts", self.store.journal_accounts()).await;
        for account in accounts.unwrap_or_default() {
            self.settle_journal(account).await;
        }
    }

    pub(super) async fn settle_journal(&self, account: Account) {
        loop {
            let read = self.store.journal_read(account.clone(), JOURNAL_MAX);
            let Ok(entries) = self.timed("journal_read", read).await else { return };
            let Some(last) = entries.last().map(|entry| entry.sequence) else { return };
            let is_whole = entries.len() < JOURNAL_MAX;
            let lines =
                entries.into_iter().map(|entry| LedgerLine { account: account.clone(), entry });
            let added = self.records.add_ledger(lines.collect()).await;
            if !self.outbox.records_say(added) {
                self.metrics.records_errors("add_ledger");
                return;
            }
            let ack = self.store.journal_ack(account.clone(), last);
            if self.timed("journal_ack", ack).await.is_err() || is_whole {
                return;
            }
        }
    }
}

fn record_part(entry: OutboxEntry) -> Option<RecordPart> {
    let Effect::Record(part) = entry.effect else { return None };
    let (lead_id, sequence) = (entry.lead_id, entry.sequence);
    Some(RecordPart { lead_id, sequence, part: part.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_waits_grows_old_until_nothing_waits() {
        let outbox = Outbox::default();
        assert_eq!(outbox.age(0), Duration::ZERO);
        assert_eq!(outbox.age(3), Duration::ZERO);
        tokio::time::advance(SWEEP_PAUSE).await;
        assert_eq!(outbox.age(1), SWEEP_PAUSE);
        assert_eq!(outbox.age(0), Duration::ZERO);
        assert_eq!(outbox.age(1), Duration::ZERO);
    }
}
