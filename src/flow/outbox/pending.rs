//! What a node has to settle, and what it knows of what stands in the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::look::Passed;
use crate::domain::auction::Account;
use crate::domain::ids::{LeadId, Partition};
use crate::flow::exchange::Degraded;
use crate::ports::auction_store::OutboxEntry;
use crate::ports::records::RecordsError;

/// What this node caused and has to settle, and what stands in the way.
#[derive(Default)]
pub struct Outbox {
    /// Leads with something in the outbox of their partition.
    marked: Mutex<BTreeMap<Partition, BTreeSet<LeadId>>>,
    /// Accounts with something in their journal.
    booked: Mutex<BTreeSet<Account>>,
    pub(super) wake: Notify,
    /// Why the records take nothing.
    records: Mutex<Option<String>>,
    /// Whether the records gave no answer when they were asked last.
    are_records_away: AtomicBool,
    /// How far each partition was looked through for money while the records gave no answer.
    passed: Mutex<BTreeMap<Partition, Passed>>,
    /// The newest entry of each partition at the last look at all of them.
    seen: Mutex<BTreeMap<Partition, u64>>,
    /// Since when every look at all partitions has left something waiting.
    waiting_since: Mutex<Option<Instant>>,
}

/// Which entries of a partition are meant.
pub(super) enum Whose {
    /// Those of these leads.
    Of(BTreeSet<LeadId>),
    /// All up to this one.
    UpTo(u64),
}

impl Whose {
    pub(super) fn means(&self, entry: &OutboxEntry) -> bool {
        match self {
            Self::Of(leads) => leads.contains(&entry.lead_id),
            Self::UpTo(last) => entry.id <= *last,
        }
    }
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

    pub(super) fn take_marked(&self) -> BTreeMap<Partition, BTreeSet<LeadId>> {
        std::mem::take(&mut *locked(&self.marked))
    }

    pub(super) fn take_booked(&self) -> BTreeSet<Account> {
        std::mem::take(&mut *locked(&self.booked))
    }

    /// What has been waiting in a partition since the last look at all of them; everything at the
    /// first look.
    pub(super) fn old(&self, partition: Partition) -> Whose {
        Whose::UpTo(locked(&self.seen).get(&partition).copied().unwrap_or(u64::MAX))
    }

    pub(super) fn note_seen(&self, partition: Partition, newest: Option<u64>) {
        let mut seen = locked(&self.seen);
        let before = seen.entry(partition).or_default();
        *before = newest.unwrap_or(*before);
    }

    /// How long something has been waiting, after a pass that left `waiting` entries.
    pub(super) fn age(&self, waiting: usize) -> Duration {
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

    /// Hears what the records said; tells whether they took what they were given.
    pub(super) fn records_say<T>(&self, answer: Result<T, RecordsError>) -> bool {
        let is_away = answer.as_ref().is_err_and(is_no_answer);
        self.are_records_away.store(is_away, Ordering::Relaxed);
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

    /// Whether the records gave no answer when they were asked last. They are asked again at the
    /// next look at all partitions.
    pub(super) fn are_records_away(&self) -> bool {
        self.are_records_away.load(Ordering::Relaxed)
    }

    /// How far a partition was looked through.
    pub(super) fn passed(&self, partition: Partition) -> Passed {
        locked(&self.passed).get(&partition).copied().unwrap_or_default()
    }

    /// Keeps how far a partition was looked through; `None` once the records have taken what it held.
    pub(super) fn note_passed(&self, partition: Partition, passed: Option<Passed>) {
        let mut known = locked(&self.passed);
        match passed {
            None => {
                known.remove(&partition);
            }
            Some(passed) => {
                let before = known.entry(partition).or_default();
                // Another look may have come further meanwhile.
                if passed.until >= before.until {
                    *before = passed;
                }
            }
        }
    }
}

/// Whether the records did not answer, so that asking once more now is in vain.
pub(super) const fn is_no_answer(error: &RecordsError) -> bool {
    matches!(error, RecordsError::Unavailable(_) | RecordsError::Busy(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::auction_store::Effect;

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

    const PAUSE: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn what_waits_grows_old_until_nothing_waits() {
        let outbox = Outbox::default();
        assert_eq!(outbox.age(0), Duration::ZERO);
        assert_eq!(outbox.age(3), Duration::ZERO);
        tokio::time::advance(PAUSE).await;
        assert_eq!(outbox.age(1), PAUSE);
        assert_eq!(outbox.age(0), Duration::ZERO);
        assert_eq!(outbox.age(1), Duration::ZERO);
    }

    #[test]
    fn a_look_that_came_less_far_does_not_undo_another() {
        let outbox = Outbox::default();
        let (near, far) = (Passed { until: 5, parts: 2 }, Passed { until: 9, parts: 3 });
        assert_eq!(outbox.passed(Partition(3)), Passed::default());
        outbox.note_passed(Partition(3), Some(far));
        outbox.note_passed(Partition(3), Some(near));
        assert_eq!(outbox.passed(Partition(3)), far);
        assert_eq!(outbox.passed(Partition(4)), Passed::default());
        outbox.note_passed(Partition(3), None);
        assert_eq!(outbox.passed(Partition(3)), Passed::default());
    }

    #[test]
    fn records_that_refuse_are_not_away() {
        let outbox = Outbox::default();
        let check = |answer: Result<(), RecordsError>, expect: (bool, bool)| {
            let are_kept = outbox.records_say(answer);
            assert_eq!((are_kept, outbox.are_records_away()), expect);
        };
        let text = || "said so".to_owned();
        check(Err(RecordsError::Unavailable(text())), (false, true));
        check(Err(RecordsError::Refused(text())), (false, false));
        check(Err(RecordsError::Busy(text())), (false, true));
        check(Err(RecordsError::Corrupt(text())), (false, false));
        assert!(outbox.degraded().is_some());
        check(Ok(()), (true, false));
        assert_eq!(outbox.degraded(), None);
    }
}
