//! What an attempt to tell an endpoint means: done, again later, never again.
//!
//! Any 2xx is success. 410 says that nobody is there any more. A redirect is never followed and
//! counts as a failure, like every other status; each has the next step of the retry list, and a
//! `Retry-After` can only make it later. 429, 502 and 504 ask to be left alone, so they hold up the
//! whole endpoint and not only this event.

use jiff::{SignedDuration, Timestamp};

use crate::domain::event_settings::{EventSettings, RETRY_STEP_S_MAX};

/// How an attempt went, as in the log of attempts and in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptResult {
    /// A 2xx.
    Delivered,
    /// 410.
    Gone,
    /// 429, 502 or 504.
    Throttled,
    /// A 3xx.
    Redirect,
    /// Any other status.
    HttpStatus,
    /// No whole reply, and the wire's word for it.
    Failed(&'static str),
}

impl AttemptResult {
    /// The result as in API, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Gone => "gone",
            Self::Throttled => "throttled",
            Self::Redirect => "redirect",
            Self::HttpStatus => "http_status",
            Self::Failed(failure) => failure,
        }
    }

    /// The result that a status means.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            300..=399 => Self::Redirect,
            410 => Self::Gone,
            429 | 502 | 504 => Self::Throttled,
            _ => Self::HttpStatus,
        }
    }
}

/// What comes after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is done.
    Delivered,
    /// Another attempt.
    Retry {
        /// When.
        due_at: Timestamp,
    },
    /// Nothing: the list is at its end.
    GivenUp,
}

/// An attempt that is over.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// How it went.
    pub result: AttemptResult,
    /// How many attempts this event has had since it was last sent anew, this one included.
    pub tries: u32,
    /// The reply's `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// When it ended.
    pub now: Timestamp,
    /// 16 random bits, for the jitter.
    pub random: u16,
}

/// Says what comes after an attempt.
#[must_use]
pub fn after(ended: Ended<'_>, settings: &EventSettings) -> Next {
    if ended.result == AttemptResult::Delivered {
        return Next::Delivered;
    }
    let step = usize::try_from(ended.tries.max(1) - 1).unwrap_or(usize::MAX);
    let Some(step_s) = settings.retry_steps_s.get(step) else { return Next::GivenUp };
    let step_ms = step_s.saturating_mul(1_000);
    // Up to a tenth later, never earlier, so that endpoints that failed together do not stay so.
    let jitter_ms = (step_ms / 10).saturating_mul(u64::from(ended.random)) / u64::from(u16::MAX);
    let asked_ms = ended.retry_after.and_then(|text| retry_after_s(text, ended.now));
    let asked_ms = asked_ms.unwrap_or(0).min(RETRY_STEP_S_MAX).saturating_mul(1_000);
    let wait_ms = step_ms.saturating_add(jitter_ms).max(asked_ms);
    Next::Retry { due_at: later(ended.now, wait_ms) }
}

/// Until when an endpoint that asks to be left alone is called for nothing at all: as long as it
/// says, and at least the first step of the list.
#[must_use]
pub fn pause(ended: Ended<'_>, settings: &EventSettings) -> Option<Timestamp> {
    if ended.result != AttemptResult::Throttled {
        return None;
    }
    let asked_s = ended.retry_after.and_then(|text| retry_after_s(text, ended.now)).unwrap_or(0);
    let least_s = settings.retry_steps_s.first().copied().unwrap_or(0);
    let wait_s = asked_s.clamp(least_s.min(RETRY_STEP_S_MAX), RETRY_STEP_S_MAX);
    Some(later(ended.now, wait_s.saturating_mul(1_000)))
}

fn later(now: Timestamp, wait_ms: u64) -> Timestamp {
    let wait = SignedDuration::from_millis(i64::try_from(wait_ms).unwrap_or(i64::MAX));
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// Reads `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
fn retry_after_s(text: &str, now: Timestamp) -> Option<u64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more than any limit.
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    u64::try_from(at.duration_since(now).as_secs()).ok()
}

#[cfg(test)]
mod tests;
