//! Whether the store answers, and what is done while it does not.
//!
//! The node asks the store all the time, so that it is known to be away before a vendor finds out:
//! it is not ready then, and new leads are turned away at the door. What is accepted already goes
//! on: each operation of it is repeated until the store has answered, which every operation of the
//! store allows. A store that is only slow is waited for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::exchange::{Degraded, Exchange, FlowError};
use crate::domain::ids::Partition;
use crate::ports::Entropy;
use crate::ports::auction_store::{StoreError, StoreFuture};

/// A store that has not answered for so long is slow: the node is not ready. With the pause before
/// it, less than two seconds.
const PROBE_PATIENCE: Duration = Duration::from_millis(1_500);
/// Partitions asked each time, beside those that did not answer; a store may be away in parts.
const PROBE_PARTITIONS: u16 = 4;
/// How long a lead that found no room keeps the node from being ready.
const NO_ROOM_BELIEVED: Duration = Duration::from_secs(2);
/// First and longest pause between two tries of an operation that must not be lost.
const INSIST_PAUSE: Duration = Duration::from_millis(50);
/// See [`INSIST_PAUSE`].
const INSIST_PAUSE_MAX: Duration = Duration::from_secs(1);
/// When a vendor may come again while the store is away, in seconds: at least this ...
const RETRY_AFTER_MIN_S: u32 = 2;
/// ... and less than so much more, at random, lest all come at once.
const RETRY_AFTER_SPREAD_S: u32 = 4;

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answering {
    /// It answers.
    Yes,
    /// It takes its time.
    Slowly,
    /// It does not.
    No(String),
}

/// What the node knows of the store.
pub struct StoreWatch {
    answering: Mutex<Answering>,
    /// Wakes whoever waits for the store, in the order in which they came.
    back: Notify,
    /// Since when leads find no room, and why.
    no_room: Mutex<Option<(Instant, String)>>,
    nudge: Notify,
}

impl Default for StoreWatch {
    fn default() -> Self {
        Self {
            answering: Mutex::new(Answering::Yes),
            back: Notify::new(),
            no_room: Mutex::default(),
            nudge: Notify::new(),
        }
    }
}

impl StoreWatch {
    fn answering(&self) -> MutexGuard<'_, Answering> {
        self.answering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn no_room(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.no_room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what an operation met.
    fn hear<T>(&self, operation: &'static str, reply: &Result<T, StoreError>) {
        match reply {
            Ok(_) if operation == "create" => {
                let mut no_room = self.no_room();
                if no_room.is_some() {
                    *no_room = None;
                }
            }
            Ok(_) | Err(StoreError::Corrupt(_) | StoreError::Limit(_)) => {}
            Err(StoreError::Full(why)) => *self.no_room() = Some((Instant::now(), why.clone())),
            Err(StoreError::Unavailable(_)) => self.nudge.notify_one(),
        }
    }

    /// Why the store takes nothing in, if it does not answer at all.
    #[must_use]
    pub fn away(&self) -> Option<String> {
        match &*self.answering() {
            Answering::No(why) => Some(why.clone()),
            Answering::Yes | Answering::Slowly => None,
        }
    }

    /// What does not work as it should; with it the node is not ready.
    #[must_use]
    pub fn degraded(&self) -> Option<Degraded> {
        let no_room = self.no_room().clone();
        let no_room = no_room.filter(|(since, _)| since.elapsed() < NO_ROOM_BELIEVED);
        let why = match &*self.answering() {
            Answering::No(why) => why.clone(),
            Answering::Slowly => "it takes its time to answer".to_owned(),
            Answering::Yes => format!("leads find no room: {}", no_room?.1),
        };
        Some(Degraded { what: "store", why })
    }

    /// Returns when the store is not known to be away.
    async fn answers(&self) {
        loop {
            let back = self.back.notified();
            if !matches!(*self.answering(), Answering::No(_)) {
                return;
            }
            back.await;
        }
    }

    /// Notes how the store stands; tells whether that is news.
    fn note(&self, now: Answering) -> bool {
        let is_back = !matches!(now, Answering::No(_));
        let before = std::mem::replace(&mut *self.answering(), now.clone());
        if is_back {
            self.back.notify_waiters();
        }
        std::mem::discriminant(&before) != std::mem::discriminant(&now)
    }
}

impl Exchange {
    /// Asks the store whether it answers, for ever; ends when the node stops.
    pub(super) async fn watch_store_for_ever(self: &Arc<Self>) {
        let mut silent = BTreeSet::new();
        let mut turn = 0;
        let pause = Duration::from_millis(self.limits.store_probe_ms);
        loop {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                () = self.probe(&mut silent, turn) => {}
            }
            turn = (turn + PROBE_PARTITIONS) % self.store.partitions().max(1);
            // An operation that met no answer calls for a look at once, but not for two.
            tokio::time::sleep(pause / 5).await;
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                () = self.store_watch.nudge.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Asks once; `silent` are the partitions that gave no answer.
    async fn probe(&self, silent: &mut BTreeSet<Partition>, turn: u16) {
        let partitions = self.store.partitions().max(1);
        let fresh = (0..PROBE_PARTITIONS.min(partitions))
            .map(|place| Partition((turn + place) % partitions));
        let asked: BTreeSet<Partition> = silent.iter().copied().chain(fresh).collect();
        let answers = join_all(asked.into_iter().map(async |partition| {
            let began = Instant::now();
            let answer = self.store.due(partition, 1).await;
            self.metrics.store_seconds("probe", began.elapsed());
            (partition, answer)
        }));
        tokio::pin!(answers);
        let answers = tokio::select! {
            biased;
            answers = &mut answers => answers,
            () = tokio::time::sleep(PROBE_PATIENCE) => {
                if self.store_watch.away().is_none() && self.store_watch.note(Answering::Slowly) {
                    self.metrics.store_away(true);
                    tracing::warn!("store.slow");
                }
                answers.await
            }
        };
        let mut why = None;
        for (partition, answer) in answers {
            match answer {
                Ok(_) => drop(silent.remove(&partition)),
                Err(error) => {
                    self.metrics.store_errors("probe");
                    silent.insert(partition);
                    why = Some(error.to_string());
                }
            }
        }
        self.tell_of_store(why);
    }

    fn tell_of_store(&self, away: Option<String>) {
        self.metrics.store_away(away.is_some());
        match away {
            Some(why) => {
                if self.store_watch.note(Answering::No(why.clone())) {
                    tracing::error!(error = why, "store.away");
                }
            }
            None => {
                if self.store_watch.note(Answering::Yes) {
                    tracing::info!("store.answers");
                }
            }
        }
    }

    /// Awaits a store operation, counting its time and its failures.
    pub(super) async fn timed<T>(
        &self,
        operation: &'static str,
        call: StoreFuture<'_, T>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let reply = call.await;
        self.metrics.store_seconds(operation, began.elapsed());
        if reply.is_err() {
            self.metrics.store_errors(operation);
        }
        self.store_watch.hear(operation, &reply);
        reply
    }

    /// As [`Exchange::timed`], but repeats an operation until the store has answered it, however
    /// long it is away: for what belongs to a lead that is taken in. Every operation of the store
    /// may be repeated, and one that comes after another node has taken over changes nothing.
    pub(super) async fn insist<'a, T>(
        &'a self,
        operation: &'static str,
        call: impl Fn() -> StoreFuture<'a, T>,
    ) -> Result<T, StoreError> {
        let mut pause = INSIST_PAUSE;
        loop {
            match self.timed(operation, call()).await {
                Err(StoreError::Unavailable(_) | StoreError::Full(_)) => {}
                known => return known,
            }
            tokio::time::sleep(jittered(pause, &*self.entropy)).await;
            self.store_watch.answers().await;
            pause = (pause * 2).min(INSIST_PAUSE_MAX);
        }
    }

    /// Returns after a moment in which the store answers, as far as is known.
    pub(super) async fn store_is_back(&self) {
        tokio::time::sleep(jittered(INSIST_PAUSE, &*self.entropy)).await;
        self.store_watch.answers().await;
    }

    /// Refuses what is new while the store is away: nothing of it was done.
    pub(super) fn refuse_while_away(&self) -> Result<(), FlowError> {
        let Some(why) = self.store_watch.away() else { return Ok(()) };
        let (retry_after_s, error) = (self.retry_after_s(), StoreError::Unavailable(why));
        Err(FlowError::StoreAway { retry_after_s, is_untouched: true, error })
    }

    /// What a caller is told whose request met no answer of the store.
    pub(super) fn outage(&self, error: FlowError) -> FlowError {
        let error = match error {
            FlowError::Store(error @ (StoreError::Unavailable(_) | StoreError::Full(_))) => error,
            other => return other,
        };
        let is_untouched = matches!(error, StoreError::Full(_));
        FlowError::StoreAway { retry_after_s: self.retry_after_s(), is_untouched, error }
    }

    fn retry_after_s(&self) -> u32 {
        let mut random = [0; 1];
        self.entropy.fill(&mut random);
        RETRY_AFTER_MIN_S + u32::from(random[0]) % RETRY_AFTER_SPREAD_S
    }
}

/// `pause`, a quarter more or less of it at random, so that not all come back at once.
pub(super) fn jittered(pause: Duration, entropy: &dyn Entropy) -> Duration {
    let mut random = [0; 1];
    entropy.fill(&mut random);
    pause * 3 / 4 + pause / 2 * u32::from(random[0]) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_spread_by_a_quarter() {
        struct Always(u8);
        impl Entropy for Always {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(self.0);
            }
        }
        let check = |byte: u8, expect_ms: u64| {
            let pause = jittered(Duration::from_millis(400), &Always(byte));
            assert_eq!(pause, Duration::from_millis(expect_ms));
        };
        check(0, 300);
        check(255, 500);
        check(51, 340);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lead_without_room_keeps_the_node_from_being_ready_for_a_while() {
        let watch = StoreWatch::default();
        assert_eq!(watch.degraded(), None);
        watch.hear::<()>("create", &Err(StoreError::Full("1 byte free".to_owned())));
        let why = "leads find no room: 1 byte free".to_owned();
        assert_eq!(watch.degraded(), Some(Degraded { what: "store", why }));
        watch.hear("renew", &Ok(()));
        assert!(watch.degraded().is_some(), "a renewal needs no room");
        tokio::time::advance(NO_ROOM_BELIEVED).await;
        assert_eq!(watch.degraded(), None);
        watch.hear::<()>("create", &Err(StoreError::Full("1 byte free".to_owned())));
        watch.hear("create", &Ok(()));
        assert_eq!(watch.degraded(), None);
    }

    #[tokio::test]
    async fn whoever_insists_waits_until_the_store_is_back() {
        let watch = StoreWatch::default();
        assert!(watch.note(Answering::No("gone".to_owned())));
        assert!(!watch.note(Answering::No("still gone".to_owned())));
        assert_eq!(watch.away(), Some("still gone".to_owned()));
        let back = async {
            tokio::task::yield_now().await;
            assert!(watch.note(Answering::Slowly));
        };
        tokio::join!(watch.answers(), back);
        assert_eq!(watch.away(), None);
        assert!(watch.degraded().is_some());
    }
}
