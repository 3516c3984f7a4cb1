//! How many requests a key may make, and how many changes its owner.
//!
//! Each has a bucket of so many requests, which fills at a steady rate. Only keys that work and their
//! owners have one, so the table is no larger than the registry. A bucket is one instant: when it
//! would be full again. Every request moves it on by its share of the time, and one that would move
//! it further than a whole bucket into the future is refused and moves nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

const SECOND_NS: i128 = 1_000_000_000;

/// Counts the requests of each `K`.
pub struct RequestRates<K> {
    /// One request's share of the time, in nanoseconds.
    share_ns: i128,
    /// How far ahead of the present a bucket may be full, in nanoseconds.
    bucket_ns: i128,
    full_at_ns: Mutex<HashMap<K, i128>>,
}

impl<K: Eq + Hash + Clone> RequestRates<K> {
    /// Buckets of `burst` requests that fill by `per_s` a second; either is 1 at least.
    #[must_use]
    pub fn per_second(per_s: u32, burst: u32) -> Self {
        Self::filling(SECOND_NS / i128::from(per_s.max(1)), burst)
    }

    /// Buckets of `burst` requests that fill by `per_min` a minute; either is 1 at least.
    #[must_use]
    pub fn per_minute(per_min: u32, burst: u32) -> Self {
        Self::filling(60 * SECOND_NS / i128::from(per_min.max(1)), burst)
    }

    fn filling(share_ns: i128, burst: u32) -> Self {
        let bucket_ns = share_ns * i128::from(burst.max(1));
        Self { share_ns, bucket_ns, full_at_ns: Mutex::default() }
    }

    /// Takes one request from the bucket of `whose`; when it is empty, for how many seconds to wait.
    ///
    /// # Errors
    /// The seconds until there is room again, at least 1.
    pub(in crate::http) fn take(&self, whose: &K, now: Timestamp) -> Result<(), u32> {
        let now_ns = now.as_nanosecond();
        let mut full_at_ns = self.full_at_ns.lock().unwrap_or_else(PoisonError::into_inner);
        // The name is copied the first time only.
        if !full_at_ns.contains_key(whose) {
            full_at_ns.insert(whose.clone(), now_ns);
        }
        let full_at = full_at_ns.get_mut(whose).expect("it was put there if it was not");
        // A bucket that is emptier than empty was filled by a clock that was set back since: how full it
        // is nobody knows, and nobody is refused for it.
        if *full_at < now_ns || *full_at > now_ns + self.bucket_ns {
            *full_at = now_ns;
        }
        let next = *full_at + self.share_ns;
        let excess_ns = next - now_ns - self.bucket_ns;
        if excess_ns > 0 {
            let seconds = (excess_ns + SECOND_NS - 1) / SECOND_NS;
            return Err(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
        *full_at = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::key::KeyId;
    use jiff::SignedDuration;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn key(text: &str) -> KeyId {
        KeyId::parse(text).unwrap()
    }

    fn allowed(rates: &RequestRates<KeyId>, now: Timestamp, tries: usize) -> usize {
        (0..tries).filter(|_| rates.take(&key("00000001"), now).is_ok()).count()
    }

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let rates = RequestRates::per_second(10, 5);
        assert_eq!(allowed(&rates, at(0), 9), 5);
        assert_eq!(allowed(&rates, at(99), 9), 0);
        assert_eq!(allowed(&rates, at(100), 9), 1);
        assert_eq!(allowed(&rates, at(400), 9), 3);
        assert_eq!(allowed(&rates, at(60_000), 9), 5, "it is never fuller than full");
    }

    #[test]
    fn a_bucket_may_fill_by_the_minute() {
        let rates = RequestRates::per_minute(20, 2);
        assert_eq!(allowed(&rates, at(0), 3), 2);
        assert_eq!(rates.take(&key("00000001"), at(0)), Err(3));
        assert_eq!(allowed(&rates, at(3_000), 3), 1);
    }

    #[test]
    fn over_a_long_time_the_rate_is_kept_whatever_is_tried() {
        let rates = RequestRates::per_second(50, 5);
        let total: usize = (0..10_000).map(|ms| allowed(&rates, at(ms), 3)).sum();
        assert_eq!(total, 5 + 499);
    }

    #[test]
    fn keys_do_not_share_a_bucket() {
        let rates = RequestRates::per_second(1, 1);
        assert_eq!(rates.take(&key("00000001"), at(0)), Ok(()));
        assert_eq!(rates.take(&key("00000001"), at(0)), Err(1));
        assert_eq!(rates.take(&key("00000002"), at(0)), Ok(()));
    }

    #[test]
    fn a_refusal_says_when_there_is_room_and_costs_nothing() {
        let rates = RequestRates::per_second(1, 1);
        assert_eq!(rates.take(&key("00000001"), at(0)), Ok(()));
        for _ in 0..100 {
            assert_eq!(rates.take(&key("00000001"), at(10)), Err(1));
        }
        assert_eq!(rates.take(&key("00000001"), at(1_000)), Ok(()));
    }

    #[test]
    fn a_clock_set_back_refuses_nobody() {
        let rates = RequestRates::per_second(1, 2);
        assert_eq!(allowed(&rates, at(0), 3), 2);
        let before = at(0) - SignedDuration::from_hours(24);
        assert_eq!(allowed(&rates, before, 3), 2, "and it has its rate again from there");
        assert_eq!(allowed(&rates, before + SignedDuration::from_secs(2), 3), 2);
    }
}
