//! The posts this node knows to be unknown: how many, how old, and what was tried since.
//!
//! The seat's state and the next look at it are durable in the store; what is kept here is only
//! for whoever watches, and for the list of attempts in the decision record.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::domain::auction::{LeadView, SeatState};
use crate::domain::ids::LeadId;
use crate::domain::record::PostAttempt;
use crate::domain::time::ms_between;
use crate::metrics::Metrics;

/// Attempts remembered per post; a day of looking makes about 35.
const ATTEMPTS_MAX: usize = 64;

#[derive(Debug)]
struct Known {
    since: Timestamp,
    attempts: Vec<PostAttempt>,
}

/// Leads with an unknown post.
#[derive(Debug, Default)]
pub struct UnknownPosts {
    known: Mutex<BTreeMap<LeadId, Known>>,
}

impl UnknownPosts {
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
                known.entry(lead_id).or_insert(Known { since, attempts: Vec::new() });
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
        let post = known.entry(lead_id).or_insert(Known { since, attempts: Vec::new() });
        if post.attempts.len() < ATTEMPTS_MAX {
            post.attempts.push(attempt);
        }
    }

    /// How often this node has looked at the post since it became unknown.
    #[must_use]
    pub fn looks(&self, lead_id: LeadId) -> usize {
        self.known().get(&lead_id).map_or(0, |post| post.attempts.len())
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
