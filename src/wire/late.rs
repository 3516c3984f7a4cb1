//! Deadlines of a process that may have stood still.
//!
//! A process that was frozen (a paused machine, a stopped container) finds all its timers over when
//! it wakes, also those of calls whose answers wait in the socket. What a buyer says of a post is a
//! fact, however late it is read: an acceptance that nobody heard would be a lead that two have.

use std::pin::pin;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};

use crate::ports::buyer_wire::CallClass;

/// A timer that fires so much later than it should shows that the process stood still.
const STOOD_STILL: Duration = Duration::from_millis(500);
/// For how long an answer is then still read.
const READ_ON: Duration = Duration::from_secs(2);

/// When a call is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// By when.
    pub(super) deadline: Instant,
    /// Whether it is read on after a standstill.
    pub(super) reads_on: bool,
}

impl End {
    /// The end of a call of this class.
    pub(super) fn of(class: CallClass, deadline: Instant) -> Self {
        Self { deadline, reads_on: class == CallClass::Post }
    }

    /// What `work` gives in time.
    pub(super) async fn bound<F: Future>(self, work: F) -> Result<F::Output, Elapsed> {
        let mut work = pin!(work);
        let elapsed = match timeout_at(self.deadline, &mut work).await {
            Ok(done) => return Ok(done),
            Err(elapsed) => elapsed,
        };
        if !self.reads_on || self.deadline.elapsed() < STOOD_STILL {
            return Err(elapsed);
        }
        timeout(READ_ON, work).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{advance, sleep};

    use super::*;

    /// Begins a call with a second's time and stands still for `frozen`; how the call ends if its
    /// answer is there `answered` after that.
    async fn check(class: CallClass, frozen: Duration, answered: Option<Duration>, expect: bool) {
        let end = End::of(class, Instant::now() + Duration::from_secs(1));
        advance(frozen).await;
        let answer = async {
            match answered {
                Some(after) => sleep(after).await,
                None => pending().await,
            }
        };
        assert_eq!(end.bound(answer).await.is_ok(), expect, "{class:?} {frozen:?} {answered:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_post_is_read_on_after_a_standstill_and_nothing_else_is() {
        let (short, long) = (Duration::from_millis(1_300), Duration::from_secs(9));
        let (soon, late) = (Some(Duration::from_millis(5)), Some(Duration::from_secs(3)));
        check(CallClass::Post, long, soon, true).await;
        check(CallClass::Post, long, late, false).await;
        check(CallClass::Post, long, None, false).await;
        check(CallClass::Post, short, soon, false).await;
        check(CallClass::Post, Duration::ZERO, soon, true).await;
        check(CallClass::Post, Duration::ZERO, None, false).await;
        for class in [CallClass::Ping, CallClass::Status, CallClass::Event] {
            check(class, long, soon, false).await;
        }
    }
}
