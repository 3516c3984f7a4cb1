//! The posts this node knows to be unknown: how many, how old, and what was tried since.
//!
//! The seat's state and the next look at it are durable in the store; what is kept here is only
//! for whoever watches, and for the list of attempts in the decision record.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::auction::{LeadView, SeatState};
use crate::domain::ids::LeadId;
use crate::domain::record::PostAttempt;
use crate::domain::time::ms_between;
use crate::metrics::Metrics;

/// Attempts remembered per post; a day of looking makes about 35.
const ATTEMPTS_MAX: usize = 64;
/// How long a buyer's `not_found` is not believed after a post: it may still be working on it.
pub const QUIET: Duration = Duration::from_secs(60);
/// After so long without a word somebody asks the store whether the post is still unknown, in
/// milliseconds: another node may have settled it.
const UNHEARD_OF_MS: i64 = 60_000;
/// Posts asked about at once.
const UNHEARD_OF_MAX: usize = 16;

#[derive(Debug)]
struct Known {
    since: Timestamp,
    /// When the store was last asked about it.
    asked_at: Timestamp,
    attempts: Vec<PostAttempt>,
}

impl Known {
    const fn since(since: Timestamp) -> Self {
        Self { since, asked_at: since, attempts: Vec::new() }
    }
}

/// Leads with an unknown post.
#[derive(Debug, Default)]
pub struct UnknownPosts {
    known: Mutex<BTreeMap<LeadId, Known>>,
    /// When this node was done with sending each post, as long as the buyer may be working on it.
    sent: Mutex<BTreeMap<LeadId, Instant>>,
}

impl UnknownPosts {
    fn sent_posts(&self) -> MutexGuard<'_, BTreeMap<LeadId, Instant>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a post of this node may have left until now. That may be long after its intent:
    /// a process can stand still right before its socket.
    pub fn sent(&self, lead_id: LeadId) {
        let mut sent = self.sent_posts();
        sent.retain(|_, at| at.elapsed() < QUIET);
        sent.insert(lead_id, Instant::now());
    }

    /// Whether a buyer that knows nothing of a post may be believed, as far as this node knows.
    #[must_use]
    pub fn is_quiet(&self, lead_id: LeadId) -> bool {
        self.sent_posts().get(&lead_id).is_none_or(|at| at.elapsed() >= QUIET)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<LeadId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a lead as it stands.
    pub fn note(&self, lead_id: LeadId, view: Option<&LeadView>) {
        let seats = view.map_or(&[][..], |view| &view.seats);
        let unknown = seats.iter().find(|seat| matches!(seat.state, SeatState::Unknown { .. }));
        let mut known = self.known();
        match unknown.and_then(|seat| seat.last()) {
            Some(attempt) => {
                let since = attempt.intended_at;
                known.entry(lead_id).or_insert(Known::since(since));
            }
            None => {
                known.remove(&lead_id);
            }
        }
    }

    /// Remembers an attempt to find out, until the post is settled.
    pub fn remember(&self, lead_id: LeadId, attempt: PostAttempt) {
        let since = attempt.at;
        let mut known = self.known();
        let post = known.entry(lead_id).or_insert(Known::since(since));
        if post.attempts.len() < ATTEMPTS_MAX {
            post.attempts.push(attempt);
        }
    }

    /// Leads of which nothing was heard for a while.
    #[must_use]
    pub fn unheard_of(&self, now: Timestamp) -> Vec<LeadId> {
        let known = self.known();
        let unheard =
            known.iter().filter(|(_, post)| ms_between(post.asked_at, now) >= UNHEARD_OF_MS);
        unheard.map(|(lead_id, _)| *lead_id).take(UNHEARD_OF_MAX).collect()
    }

    /// Takes note of a lead as the store has it `now`.
    pub fn look_up(&self, lead_id: LeadId, view: Option<&LeadView>, now: Timestamp) {
        self.note(lead_id, view);
        if let Some(post) = self.known().get_mut(&lead_id) {
            post.asked_at = now;
        }
    }

    /// The attempts remembered, once.
    #[must_use]
    pub fn attempts(&self, lead_id: LeadId) -> Vec<PostAttempt> {
        let mut known = self.known();
        known.get_mut(&lead_id).map(|post| std::mem::take(&mut post.attempts)).unwrap_or_default()
    }

    /// Sets the gauges.
    pub fn count(&self, now: Timestamp, metrics: &Metrics) {
        let known = self.known();
        let oldest_ms = known.values().map(|post| ms_between(post.since, now)).max().unwrap_or(0);
        metrics.unknown_posts.set(i64::try_from(known.len()).unwrap_or(i64::MAX));
        metrics.unknown_post_oldest.set(oldest_ms.max(0) as f64 / 1_000.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Partition;

    #[tokio::test(start_paused = true)]
    async fn not_found_is_not_believed_until_a_while_after_our_own_post_left() {
        let unknown = UnknownPosts::default();
        let lead = LeadId::new(Partition(3), 7);
        assert!(unknown.is_quiet(lead), "another node sent it, and its age is what counts");
        unknown.sent(lead);
        tokio::time::advance(QUIET - Duration::from_millis(1)).await;
        assert!(!unknown.is_quiet(lead));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(unknown.is_quiet(lead));
        unknown.sent(LeadId::new(Partition(3), 8));
        assert_eq!(unknown.sent_posts().len(), 1, "what is no longer needed is forgotten");
    }
}
