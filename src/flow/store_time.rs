//! The store's clock, as a run heard it last.
//!
//! What is compared with times that the store wrote, or that it will compare with its own, must not
//! depend on the clock of the node that happens to look.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::exchange::Exchange;
use super::run::Run;
use crate::domain::time::{ms_between, plus_ms};
use crate::faults::planted;

/// A time of the store, and when it was heard.
#[derive(Debug, Clone, Copy)]
pub struct StoreTime {
    at: Timestamp,
    heard_at: Instant,
}

impl StoreTime {
    /// The store's time as it is heard now.
    #[must_use]
    pub fn heard(at: Timestamp) -> Self {
        Self { at, heard_at: Instant::now() }
    }

    fn now(self) -> Timestamp {
        plus_ms(self.at, i64::try_from(self.heard_at.elapsed().as_millis()).unwrap_or(i64::MAX))
    }
}

impl Run {
    /// The present by the store's clock; by the node's before the store has said anything.
    pub(super) fn store_now(&self, exchange: &Exchange) -> Timestamp {
        let store_time = self.store_time.filter(|_| !planted("age_by_own_clock"));
        store_time.map_or_else(|| exchange.now(), StoreTime::now)
    }

    /// A time by this node's clock, by the store's.
    pub(super) fn by_store(&self, exchange: &Exchange, at: Timestamp) -> Timestamp {
        plus_ms(at, ms_between(exchange.now(), self.store_now(exchange)))
    }

    /// Gives a lead that was taken over the end that its first owner gave it, which counted by a clock of
    /// its own: so much after the store took the lead in.
    pub(super) fn keep_deadline(&mut self, exchange: &Exchange) {
        let created_at = self.view.as_ref().map(|view| view.created_at);
        if let (Some(created_at), None) = (created_at, &self.taken) {
            let given_ms = ms_between(self.plan.received_at, self.plan.deadline);
            self.deadline = self.instant_by_store(exchange, plus_ms(created_at, given_ms));
        }
    }

    /// The runtime's instant of a time by the store's clock.
    pub(super) fn instant_by_store(&self, exchange: &Exchange, at: Timestamp) -> Instant {
        let left_ms = ms_between(self.store_now(exchange), at);
        Instant::now() + Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_stores_time_goes_on_from_where_it_was_heard() {
        let at: Timestamp = "2026-11-24T14:00:00Z".parse().unwrap();
        let time = StoreTime::heard(at);
        assert_eq!(time.now(), at);
        tokio::time::advance(Duration::from_millis(2_500)).await;
        assert_eq!(time.now(), plus_ms(at, 2_500));
    }
}
