//! Settling: what the store put into its outbox is carried out, then removed.
//!
//! Captures, voids and credits go to the accounts; parts of decision records and the accounts'
//! journals go to the permanent records. Everything is idempotent, so a crash between doing and
//! removing only means doing it again. A node settles what it caused at once, and now and then what
//! has been waiting since its last look, whoever caused it: that node may have died.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::exchange::{Degraded, Exchange};
use crate::domain::auction::Account;
use crate::domain::ids::{LeadId, Partition};
use crate::faults::planted;
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

/// What this node caused and has to settle, and what stands in the way.
#[derive(Default)]
pub struct Outbox {
    /// Leads with something in the outbox of their partition.
    marked: Mutex<BTreeMap<Partition, BTreeSet<LeadId>>>,
    /// Accounts with something in their journal.
    booked: Mutex<BTreeSet<Account>>,
    wake: Notify,
    /// Why the records take nothing.
    records: Mutex<Option<String>>,
    /// The newest entry of each partition at the last look at all of them.
    seen: Mutex<BTreeMap<Partition, u64>>,
    /// Since when every look at all partitions has left something waiting.
    waiting_since: Mutex<Option<Instant>>,
}

/// Which entries of a partition are meant.
enum Whose {
    /// Those of these leads.
    Of(BTreeSet<LeadId>),
    /// All up to this one.
    UpTo(u64),
}

impl Whose {
    fn means(&self, entry: &OutboxEntry) -> bool {
        match self {
            Self::Of(leads) => leads.contains(&entry.lead_id),
            Self::UpTo(last) => entry.id <= *last,
        }
    }
}

/// What a look at a partition found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Looked {
    /// How many of the entries that were meant had to stay.
    left: usize,
    /// The newest entry of all.
    newest: Option<u64>,
    /// Whether the store could not be asked.
    is_away: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outbox {
    /// Says that a lead has something to settle.
    pub fn mark(&self, lead_id: LeadId) {
        locked(&self.marked).entry(lead_id.partition()).or_default().insert(lead_id);
        self.wake.notify_one();
    }

    /// Says that an account's journal has something for the records.
    pub fn book(&self, account: Account) {
        locked(&self.booked).insert(account);
        self.wake.notify_one();
    }

    fn take_marked(&self) -> BTreeMap<Partition, BTreeSet<LeadId>> {
        std::mem::take(&mut *locked(&self.marked))
    }

    fn take_booked(&self) -> BTreeSet<Account> {
        std::mem::take(&mut *locked(&self.booked))
    }

    /// What has been waiting in a partition since the last look at all of them; everything at the
    /// first look.
    fn old(&self, partition: Partition) -> Whose {
        Whose::UpTo(locked(&self.seen).get(&partition).copied().unwrap_or(u64::MAX))
    }

    fn note_seen(&self, partition: Partition, newest: Option<u64>) {
        let mut seen = locked(&self.seen);
        let before = seen.entry(partition).or_default();
        *before = newest.unwrap_or(*before);
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
    pub fn degraded(&self) -> Option<Degraded> {
        let why = locked(&self.records).clone()?;
        Some(Degraded { what: "records", why })
    }

    fn records_say<T>(&self, answer: Result<T, RecordsError>) -> bool {
        let mut trouble = locked(&self.records);
        match answer {
            Ok(_) => {
                *trouble = None;
                true
            }
            Err(error) => {
                if trouble.is_none() {
                    tracing::error!(%error, "records.failed");
                }
                *trouble = Some(error.to_string());
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
                () = self.outbox.wake.notified() => self.settle_own().await,
            }
        }
    }

    /// Settles what this node caused.
    async fn settle_own(&self) {
        for (partition, leads) in self.outbox.take_marked() {
            self.settle_partition(partition, &Whose::Of(leads)).await;
        }
        for account in self.outbox.take_booked() {
            self.settle_journal(account).await;
        }
    }

    /// Settles what one lead has left, whoever caused it.
    pub(super) async fn settle_lead(&self, lead_id: LeadId) {
        let whose = Whose::Of(BTreeSet::from([lead_id]));
        self.settle_partition(lead_id.partition(), &whose).await;
    }

    /// One pass over what this node caused, and over all that has been waiting in any partition or
    /// journal.
    pub(super) async fn settle_everything(&self) {
        self.settle_own().await;
        if planted("settles_own_only") {
            return;
        }
        let mut waiting = 0;
        for partition in self.partitions() {
            if self.store_watch.away().is_some() {
                return;
            }
            let looked = self.settle_partition(partition, &self.outbox.old(partition)).await;
            if looked.is_away {
                return;
            }
            self.outbox.note_seen(partition, looked.newest);
            waiting += looked.left;
        }
        self.metrics.outbox_entries.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.metrics.outbox_oldest.set(self.outbox.age(waiting).as_secs_f64());
        let are_journals_kept = self.settle_journals().await;
        if waiting == 0 && are_journals_kept {
            self.ask_after_records().await;
        }
    }

    /// Looks whether records that were in trouble answer again, where nothing is left to give them:
    /// another node may have given it.
    async fn ask_after_records(&self) {
        if self.outbox.degraded().is_some() {
            self.outbox.records_say(self.records.registry_version().await);
        }
    }

    /// Carries out what is meant of a partition's outbox.
    ///
    /// Entries that have to stay do not hold up those behind them: more and more are read, and once
    /// the records have refused, only the money of those is settled.
    async fn settle_partition(&self, partition: Partition, whose: &Whose) -> Looked {
        let mut limit = ENTRIES_MAX;
        let mut wants_parts = true;
        loop {
            let read = self.store.outbox_read(partition, limit);
            let entries = match self.timed("outbox_read", read).await {
                Ok(entries) => entries,
                Err(error) => {
                    let is_away = matches!(error, StoreError::Unavailable(_));
                    return Looked { is_away, ..Looked::default() };
                }
            };
            let (total, newest) = (entries.len(), entries.last().map(|entry| entry.id));
            let meant: Vec<_> = entries.into_iter().filter(|entry| whose.means(entry)).collect();
            let wanted = meant.len();
            if planted("acknowledged_before_done") {
                let ids = meant.iter().map(|entry| entry.id).collect();
                drop(self.store.outbox_ack(partition, ids).await);
            }
            let (done, are_parts_kept) = self.settle_entries(meant, wants_parts).await;
            wants_parts &= are_parts_kept;
            let (left, stay) = (wanted - done.len(), total - done.len());
            if !done.is_empty() {
                let ack = self.store.outbox_ack(partition, done);
                if self.timed("outbox_ack", ack).await.is_err() {
                    return Looked { left: wanted, newest, is_away: false };
                }
            }
            let is_whole = total < limit;
            if is_whole || (stay > 0 && limit >= ENTRIES_LOOK_MAX) {
                return Looked { left, newest, is_away: false };
            }
            if stay > 0 {
                limit = (limit * 4).min(ENTRIES_LOOK_MAX);
            }
        }
    }

    /// Carries entries out, parts of records only if they are wanted; gives the ids of those that
    /// are done, and whether the records have taken all they were given.
    async fn settle_entries(
        &self,
        entries: Vec<OutboxEntry>,
        wants_parts: bool,
    ) -> (Vec<u64>, bool) {
        let (mut parts, effects): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| matches!(entry.effect, Effect::Record(_)));
        if !wants_parts {
            parts.clear();
        }
        let given = parts.len();
        let (mut done, settled) = futures::join!(
            self.record_parts(parts),
            join_all(effects.into_iter().map(|entry| self.settle_entry(entry)))
        );
        let are_parts_kept = done.len() == given;
        done.extend(settled.into_iter().flatten());
        (done, are_parts_kept)
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
                let capture = self.store.capture(account.clone(), hold, amount);
                self.timed("capture", capture).await.map(|reply| {
                    self.outbox.book(account);
                    self.watch_capture(reply.reply);
                })
            }
            Effect::Void { account, hold } => {
                self.timed("void", self.store.void(account, hold)).await.map(|reply| {
                    if reply.reply == Voided::Done {
                        self.metrics.holds(HoldResult::Voided);
                    }
                })
            }
            Effect::Credit { account, op_id, kind, amount } => {
                let booked = account.clone();
                let credit = self.store.credit(Credit { account, op_id, kind, amount });
                self.timed("credit", credit).await.map(|reply| {
                    self.outbox.book(booked);
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

    /// Moves all accounts' journals into the permanent book; tells whether all of them are there.
    async fn settle_journals(&self) -> bool {
        let accounts = self.timed("journal_accounts", self.store.journal_accounts()).await;
        let Ok(accounts) = accounts else { return false };
        let mut are_kept = true;
        for account in accounts {
            are_kept &= self.settle_journal(account).await;
        }
        are_kept
    }

    /// Moves one account's journal; tells whether nothing is left of it.
    pub(super) async fn settle_journal(&self, account: Account) -> bool {
        loop {
            let read = self.store.journal_read(account.clone(), JOURNAL_MAX);
            let Ok(entries) = self.timed("journal_read", read).await else { return false };
            let Some(last) = entries.last().map(|entry| entry.sequence) else { return true };
            let is_whole = entries.len() < JOURNAL_MAX;
            if planted("journal_cut_before_kept") {
                drop(self.store.journal_ack(account.clone(), last).await);
            }
            let lines =
                entries.into_iter().map(|entry| LedgerLine { account: account.clone(), entry });
            let added = self.records.add_ledger(lines.collect()).await;
            if !self.outbox.records_say(added) {
                self.metrics.records_errors("add_ledger");
                return false;
            }
            let ack = self.store.journal_ack(account.clone(), last);
            if self.timed("journal_ack", ack).await.is_err() {
                return false;
            }
            if is_whole {
                return true;
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

    #[test]
    fn what_others_caused_is_settled_once_it_has_waited_from_one_look_to_the_next() {
        let entry = |id: u64| OutboxEntry {
            id,
            lead_id: LeadId::new(Partition(3), 7),
            sequence: 1,
            effect: Effect::FreeDuplicate { digest: [0; 32] },
        };
        let outbox = Outbox::default();
        let check = |id: u64, expect: bool| {
            assert_eq!(outbox.old(Partition(3)).means(&entry(id)), expect, "{id}");
        };
        check(5, true);
        outbox.note_seen(Partition(3), Some(5));
        check(5, true);
        check(6, false);
        outbox.note_seen(Partition(3), None);
        check(5, true);
        check(6, false);
        outbox.note_seen(Partition(3), Some(9));
        check(6, true);
    }

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
