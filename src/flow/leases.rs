//! The leases this node holds, and until when by its own monotonic clock (PROTOCOL a9).
//!
//! The store alone decides whose a lead is. What is kept here is the node's own knowledge, counted
//! from before each request, so that it never believes in a lease longer than the store does: what
//! must be over before the lease is, is begun only if it can be.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ids::LeadId;

/// What is left of a lease when a call that it covers is over, to write down what came of it.
const LEASE_MARGIN: Duration = Duration::from_secs(2);
/// A call is not begun under a lease that may end sooner after it than this.
const COVER_MARGIN: Duration = Duration::from_secs(1);

/// One lead that is ours.
#[derive(Debug, Clone, Copy)]
struct Lease {
    fence: u64,
    /// Until when, at least.
    until: Instant,
    /// Until when a call is on its way: no renewal may give the lease an earlier end.
    call_until: Option<Instant>,
}

/// The leases of this node.
#[derive(Debug, Default)]
pub struct Leases {
    held: Mutex<BTreeMap<LeadId, Lease>>,
}

impl Leases {
    fn held(&self) -> MutexGuard<'_, BTreeMap<LeadId, Lease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a lease that was asked for at `asked_at` for `lease_ms`.
    pub fn hold(&self, lead_id: LeadId, fence: u64, (asked_at, lease_ms): (Instant, u64)) {
        let until = asked_at + Duration::from_millis(lease_ms);
        let lease = Lease { fence, until, call_until: None };
        self.held().insert(lead_id, lease);
    }

    /// Notes a lease whose end was moved.
    pub fn extend(&self, lead_id: LeadId, fence: u64, (asked_at, lease_ms): (Instant, u64)) {
        if let Some(lease) = self.held().get_mut(&lead_id).filter(|lease| lease.fence == fence) {
            lease.until = asked_at + Duration::from_millis(lease_ms);
        }
    }

    /// Notes that a call is about to begin that may last until `until`.
    pub fn call_begins(&self, lead_id: LeadId, until: Instant) {
        if let Some(lease) = self.held().get_mut(&lead_id) {
            lease.call_until = Some(until);
        }
    }

    /// Notes that no call is on its way any more.
    pub fn call_is_over(&self, lead_id: LeadId) {
        if let Some(lease) = self.held().get_mut(&lead_id) {
            lease.call_until = None;
        }
    }

    /// Forgets a lease that is over, handed back, or another's.
    pub fn end(&self, lead_id: LeadId, fence: u64) {
        let mut held = self.held();
        if held.get(&lead_id).is_some_and(|lease| lease.fence == fence) {
            held.remove(&lead_id);
        }
    }

    /// Whether a call that may last until `until` would be over well before the lease is.
    #[must_use]
    pub fn covers(&self, lead_id: LeadId, fence: u64, until: Instant) -> bool {
        let lease = self.held().get(&lead_id).copied();
        lease.is_some_and(|lease| lease.fence == fence && until + COVER_MARGIN < lease.until)
    }

    /// For how long a lease must be asked for at least, in milliseconds, so that it outlives the
    /// call under way.
    #[must_use]
    pub fn wanted_ms(&self, lead_id: LeadId, at_least_ms: u64) -> u64 {
        let lease = self.held().get(&lead_id).copied();
        let call_until = lease.and_then(|lease| lease.call_until);
        call_until.map_or(at_least_ms, |until| at_least_ms.max(ms_to_cover(until)))
    }

    /// The leases that may still run, to be handed back.
    #[must_use]
    pub fn running(&self) -> Vec<(LeadId, u64)> {
        let now = Instant::now();
        let mut held = self.held();
        held.retain(|_, lease| lease.until > now);
        held.iter().map(|(lead_id, lease)| (*lead_id, lease.fence)).collect()
    }
}

/// How long a lease must last from now on to cover a call until `until`, in milliseconds.
fn ms_to_cover(until: Instant) -> u64 {
    let left = until.saturating_duration_since(Instant::now()) + LEASE_MARGIN;
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Partition;

    fn lead() -> LeadId {
        LeadId::new(Partition(1), 7)
    }

    fn after_ms(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_begins_only_under_a_lease_that_outlives_it_by_a_second() {
        let leases = Leases::default();
        assert!(!leases.covers(lead(), 1, Instant::now()), "nothing is held");
        leases.hold(lead(), 1, (Instant::now(), 10_000));
        assert!(leases.covers(lead(), 1, after_ms(8_999)));
        assert!(!leases.covers(lead(), 1, after_ms(9_000)));
        assert!(!leases.covers(lead(), 2, Instant::now()), "another fence is another's");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(!leases.covers(lead(), 1, after_ms(4_000)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_never_ends_a_lease_before_its_call() {
        let leases = Leases::default();
        leases.hold(lead(), 1, (Instant::now(), 2_000));
        assert_eq!(leases.wanted_ms(lead(), 2_000), 2_000);
        leases.call_begins(lead(), after_ms(15_000));
        assert_eq!(leases.wanted_ms(lead(), 2_000), 17_000);
        leases.extend(lead(), 1, (Instant::now(), 17_000));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(leases.wanted_ms(lead(), 2_000), 12_000);
        leases.extend(lead(), 1, (Instant::now(), 12_000));
        assert_eq!(leases.wanted_ms(lead(), 2_000), 12_000, "the call is still on its way");
        leases.call_is_over(lead());
        assert_eq!(leases.wanted_ms(lead(), 2_000), 2_000);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_handed_back_is_what_still_runs() {
        let leases = Leases::default();
        leases.hold(lead(), 1, (Instant::now(), 2_000));
        leases.end(lead(), 2);
        assert_eq!(leases.running(), [(lead(), 1)]);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(leases.running(), []);
        leases.hold(lead(), 3, (Instant::now(), 2_000));
        leases.end(lead(), 3);
        assert_eq!(leases.running(), []);
    }
}
