//! Who is being worked on here, and who waits for the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::auction::LeadView;
use crate::domain::ids::LeadId;

/// How far a lead is, for those who wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// An answer may come soon.
    Running,
    /// No answer will come soon: whoever waits is told `pending`.
    Parked,
    /// Nobody works on it here any more; whoever waits looks into the store.
    Elsewhere,
    /// The lead has an answer; which part of it is one, depends on what was asked.
    Told(Arc<LeadView>),
}

struct Entry {
    progress: watch::Sender<Progress>,
    is_active: bool,
}

/// The leads this node works on.
#[derive(Default)]
pub struct Waiting {
    entries: Mutex<HashMap<LeadId, Entry>>,
}

impl Waiting {
    fn entries(&self) -> MutexGuard<'_, HashMap<LeadId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to work on a lead; `None` if this node is at it already.
    #[must_use]
    pub fn enter(self: &Arc<Self>, lead_id: LeadId) -> Option<Active> {
        let mut entries = self.entries();
        let entry = entries.entry(lead_id).or_insert_with(|| Entry {
            progress: watch::Sender::new(Progress::Running),
            is_active: false,
        });
        if entry.is_active {
            return None;
        }
        entry.is_active = true;
        let progress = entry.progress.clone();
        Some(Active { waiting: Arc::clone(self), lead_id, progress })
    }

    /// Waits for the answer of a lead this node works on; `None` if it works on no such lead.
    #[must_use]
    pub fn join(&self, lead_id: LeadId) -> Option<watch::Receiver<Progress>> {
        self.entries().get(&lead_id).map(|entry| entry.progress.subscribe())
    }

    /// How many leads are being worked on.
    #[must_use]
    pub fn active(&self) -> usize {
        self.entries().values().filter(|entry| entry.is_active).count()
    }

    /// Forgets a lead that nobody works on and nobody waits for; tells whether nobody works on it.
    pub fn forget_idle(&self, lead_id: LeadId) -> bool {
        let mut entries = self.entries();
        let Some(entry) = entries.get(&lead_id) else { return true };
        if entry.is_active {
            return false;
        }
        if entry.progress.receiver_count() == 0 {
            entries.remove(&lead_id);
        }
        true
    }

    fn leave(&self, lead_id: LeadId) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&lead_id) else { return };
        entry.is_active = false;
        let is_awaited = entry.progress.receiver_count() > 0;
        let is_running = *entry.progress.borrow() == Progress::Running;
        if !(is_awaited && is_running) {
            entries.remove(&lead_id);
        }
    }
}

/// Work on one lead; dropping it ends the work, a panic's unwinding included.
pub struct Active {
    waiting: Arc<Waiting>,
    lead_id: LeadId,
    progress: watch::Sender<Progress>,
}

impl Active {
    /// Tells everybody who waits.
    pub fn publish(&self, progress: Progress) {
        self.progress.send_replace(progress);
    }

    /// Waits along.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.waiting.leave(self.lead_id);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;

    use super::*;
    use crate::domain::auction::{Closing, LeadState, StoredAnswer};
    use crate::domain::disposition::Disposition;
    use crate::domain::ids::Partition;

    fn lead() -> LeadId {
        LeadId::new(Partition(1), 7)
    }

    fn view() -> LeadView {
        let answer = StoredAnswer { status: 200, body: "{}".into() };
        let closing = Closing { disposition: Disposition::Expired, answer };
        LeadView {
            lead_id: lead(),
            vendor: "acme".parse().unwrap(),
            state: LeadState::Closed,
            fence: 1,
            lease_until: Timestamp::UNIX_EPOCH,
            fingerprint: [0; 32],
            registry_version: 1,
            seats: Vec::new(),
            rounds: 0,
            rank: Vec::new(),
            closing: Some(closing),
            plan: Bytes::new(),
            offers: Bytes::new(),
            taken: Bytes::new(),
            created_at: Timestamp::UNIX_EPOCH,
            closed_at: Some(Timestamp::UNIX_EPOCH),
            facts: Vec::new(),
        }
    }

    #[test]
    fn one_lead_is_worked_on_once_at_a_time() {
        let waiting = Arc::new(Waiting::default());
        let active = waiting.enter(lead()).unwrap();
        assert!(waiting.enter(lead()).is_none());
        drop(active);
        assert!(waiting.enter(lead()).is_some());
    }

    #[test]
    fn a_lead_that_nobody_works_on_is_forgotten_with_the_last_who_waits() {
        let waiting = Arc::new(Waiting::default());
        let active = waiting.enter(lead()).unwrap();
        let receivers = [waiting.join(lead()).unwrap(), waiting.join(lead()).unwrap()];
        assert!(!waiting.forget_idle(lead()));
        drop(active);
        let [first, second] = receivers;
        drop(first);
        assert!(waiting.forget_idle(lead()));
        assert!(waiting.join(lead()).is_some());
        drop(second);
        assert!(waiting.forget_idle(lead()));
        assert!(waiting.join(lead()).is_none());
    }

    #[test]
    fn whoever_waits_keeps_waiting_between_two_works_on_one_lead() {
        let waiting = Arc::new(Waiting::default());
        let active = waiting.enter(lead()).unwrap();
        let receiver = waiting.join(lead()).unwrap();
        drop(active);
        let active = waiting.enter(lead()).unwrap();
        let told = Progress::Told(Arc::new(view()));
        active.publish(told.clone());
        assert_eq!(*receiver.borrow(), told);
        drop(active);
        assert!(waiting.join(lead()).is_none());
    }
}
