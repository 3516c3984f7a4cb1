//! Settling: what the store put into its outbox is carried out, then removed.
//!
//! Captures, voids and credits go to the accounts; parts of decision records and the accounts'
//! journals go to the permanent records. Everything is idempotent, so a crash between doing and
//! removing only means doing it again. A node settles what it caused at once, and now and then what
//! has been waiting since its last look, whoever caused it: that node may have died.

mod look;
mod pending;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use self::look::{Look, Seen};
pub use self::pending::Outbox;
use self::pending::{Whose, is_no_answer};
use super::exchange::Exchange;
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
/// Journal entries taken from an account at once.
const JOURNAL_MAX: usize = 512;

/// What a look at a partition found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Looked {
    /// How many of the entries that were meant had to stay.
    left: usize,
    /// The newest entry of all.
    newest: Option<u64>,
    /// Whether the store could not be asked.
    is_away: bool,
    /// Whether the records answered, as far as they were asked.
    do_records_answer: bool,
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
            // Records that are away are asked by the look at all partitions alone.
            let wants_parts = !self.outbox.are_records_away();
            self.settle_partition(partition, &Whose::Of(leads), wants_parts).await;
        }
        for account in self.outbox.take_booked() {
            if !self.outbox.are_records_away() {
                self.settle_journal(account).await;
            }
        }
    }

    /// Settles what one lead has left, whoever caused it.
    pub(super) async fn settle_lead(&self, lead_id: LeadId) {
        let whose = Whose::Of(BTreeSet::from([lead_id]));
        self.settle_partition(lead_id.partition(), &whose, true).await;
    }

    /// One pass over what this node caused, and over all that has been waiting in any partition or
    /// journal.
    pub(super) async fn settle_everything(&self) {
        self.settle_own().await;
        if planted("settles_own_only") {
            return;
        }
        let (mut waiting, mut wants_parts) = (0, true);
        for partition in self.partitions() {
            if self.store_watch.away().is_some() {
                return;
            }
            let old = self.outbox.old(partition);
            let looked = self.settle_partition(partition, &old, wants_parts).await;
            if looked.is_away {
                return;
            }
            wants_parts &= looked.do_records_answer;
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

    /// Carries out what is meant of a partition's outbox, page by page.
    ///
    /// Entries that have to stay do not hold up those behind them: once the records have given no
    /// answer, only money is settled, and what was looked through before is not read again.
    async fn settle_partition(
        &self,
        partition: Partition,
        whose: &Whose,
        wants_parts: bool,
    ) -> Looked {
        let mut look = Look::begin(wants_parts, self.outbox.passed(partition));
        loop {
            let read = self.store.outbox_read(partition, look.after(), ENTRIES_MAX);
            let entries = match self.timed("outbox_read", read).await {
                Ok(entries) => entries,
                Err(error) => {
                    let is_away = matches!(error, StoreError::Unavailable(_));
                    return Looked { is_away, do_records_answer: true, ..Looked::default() };
                }
            };
            let page: Vec<Seen> = entries.iter().map(|entry| Seen::of(entry, whose)).collect();
            let meant: Vec<_> = entries.into_iter().filter(|entry| whose.means(entry)).collect();
            if planted("acknowledged_before_done") {
                let ids = meant.iter().map(|entry| entry.id).collect();
                drop(self.store.outbox_ack(partition, ids).await);
            }
            let wanted = meant.len();
            let (done, do_records_answer) = self.settle_entries(meant, look.wants_parts()).await;
            if !done.is_empty() {
                let ack = self.store.outbox_ack(partition, done.iter().copied().collect());
                if self.timed("outbox_ack", ack).await.is_err() {
                    let (left, newest) = (look.left() + wanted, page.last().map(|seen| seen.id));
                    return Looked { left, newest, is_away: false, do_records_answer };
                }
            }
            look.saw(&page, &done, do_records_answer);
            if page.len() < ENTRIES_MAX {
                break;
            }
        }
        self.outbox.note_passed(partition, look.passed());
        let do_records_answer = look.wants_parts() == wants_parts;
        Looked { left: look.left(), newest: look.newest(), is_away: false, do_records_answer }
    }

    /// Carries entries out, parts of records only if they are wanted; gives the ids of those that
    /// are done, and whether the records have answered for the parts they were given.
    async fn settle_entries(
        &self,
        entries: Vec<OutboxEntry>,
        wants_parts: bool,
    ) -> (BTreeSet<u64>, bool) {
        let (mut parts, effects): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| matches!(entry.effect, Effect::Record(_)));
        if !wants_parts {
            parts.clear();
        }
        let ((kept, do_records_answer), settled) = futures::join!(
            self.record_parts(parts),
            join_all(effects.into_iter().map(|entry| self.settle_entry(entry)))
        );
        (kept.into_iter().chain(settled.into_iter().flatten()).collect(), do_records_answer)
    }

    /// Gives parts of decision records to the records; gives the ids of those that are kept, and
    /// whether the records have answered.
    ///
    /// A part that cannot be kept for ever must not hold up the others, so after such an answer
    /// each goes alone.
    async fn record_parts(&self, entries: Vec<OutboxEntry>) -> (Vec<u64>, bool) {
        let ids: Vec<u64> = entries.iter().map(|entry| entry.id).collect();
        let parts: Vec<RecordPart> = entries.into_iter().filter_map(record_part).collect();
        if parts.is_empty() {
            return (ids, true);
        }
        let recorded = self.keep_parts(parts.clone()).await;
        let is_away = recorded.as_ref().is_err_and(is_no_answer);
        if self.outbox.records_say(recorded) {
            return (ids, true);
        }
        self.metrics.records_errors("add_parts");
        let mut done = Vec::new();
        if is_away {
            return (done, false);
        }
        for (id, part) in ids.into_iter().zip(parts) {
            match self.keep_parts(vec![part]).await {
                Ok(()) => done.push(id),
                Err(error) if is_no_answer(&error) => return (done, false),
                Err(_) => {}
            }
        }
        (done, true)
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
            let is_kept = self.settle_journal(account).await;
            if !is_kept && self.outbox.are_records_away() {
                return false;
            }
            are_kept &= is_kept;
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
