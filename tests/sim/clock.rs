//! Time in the world, and what the clocks of its nodes make of it.

use std::sync::atomic::{AtomicI64, Ordering};

use gavel::domain::time::plus_ms;
use gavel::ports::Clock;
use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that goes with the runtime's paused time, wrong by an offset that may be changed.
pub struct SimClock {
    began: Instant,
    began_at: Timestamp,
    offset_ms: AtomicI64,
}

impl SimClock {
    pub const fn new(began: Instant, began_at: Timestamp) -> Self {
        Self { began, began_at, offset_ms: AtomicI64::new(0) }
    }

    /// Makes the clock wrong by `ms`.
    pub fn set_offset(&self, ms: i64) {
        self.offset_ms.store(ms, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let passed_ms = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        plus_ms(self.began_at, passed_ms + self.offset_ms.load(Ordering::Relaxed))
    }
}
