//! The `[events]` section of gavel.toml: how often and how long the exchange tries to tell.

use serde::{Deserialize, Serialize};

use super::money::Money;

/// The most steps of a retry list.
pub const RETRY_STEPS_MAX: usize = 20;
/// The longest step, and the longest `Retry-After` that is obeyed, in seconds: a day.
pub const RETRY_STEP_S_MAX: u64 = 86_400;

/// Settings of events. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventSettings {
    /// How long one attempt may take, to the last byte of its reply, in milliseconds.
    pub timeout_ms: u64,
    /// The largest reply that is read, in bytes.
    pub reply_bytes_max: usize,
    /// How long after a failed attempt the next one comes, in seconds, one step after the other.
    pub retry_steps_s: Vec<u64>,
    /// After how many seconds with nothing but failures an endpoint is disabled.
    pub disable_after_s: u64,
    /// Attempts in flight, over all endpoints; those to endpoints that failed last get half.
    pub calls_in_flight_max: usize,
    /// How many days events and their attempts are kept.
    pub keep_days: u32,
    /// The width of the price band that a losing buyer is told, in the currency's unit; 0 tells
    /// none.
    pub price_band_width: Money,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            timeout_ms: 15_000,
            reply_bytes_max: 16_384,
            retry_steps_s: vec![5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
            disable_after_s: 432_000,
            calls_in_flight_max: 256,
            keep_days: 30,
            price_band_width: Money::ZERO,
        }
    }
}

impl EventSettings {
    /// Keys with what is wrong about them.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let steps = &self.retry_steps_s;
        let are_steps = (1..=RETRY_STEPS_MAX).contains(&steps.len())
            && steps.iter().all(|step| (1..=RETRY_STEP_S_MAX).contains(step));
        let bytes = u64::try_from(self.reply_bytes_max).unwrap_or(u64::MAX);
        let calls = u64::try_from(self.calls_in_flight_max).unwrap_or(u64::MAX);
        let within = |value: u64, least: u64, most: u64| {
            let message = format!("is {value}, but must be {least} to {most}");
            (!(least..=most).contains(&value)).then_some(message)
        };
        let steps =
            format!("must be 1 to {RETRY_STEPS_MAX} steps of 1 to {RETRY_STEP_S_MAX} seconds each");
        // An event must not be forgotten while it may still be sent.
        let retries_s = self.retry_steps_s.iter().copied().fold(0, u64::saturating_add);
        let days_of_retries = retries_s / 86_400 + 1;
        let is_negative = self.price_band_width < Money::ZERO;
        [
            ("timeout_ms", within(self.timeout_ms, 100, 60_000)),
            ("reply_bytes_max", within(bytes, 0, 1_048_576)),
            ("retry_steps_s", (!are_steps).then_some(steps)),
            ("disable_after_s", within(self.disable_after_s, 60, 30 * 86_400)),
            ("calls_in_flight_max", within(calls, 2, 10_000)),
            ("keep_days", within(u64::from(self.keep_days), days_of_retries, 400)),
            ("price_band_width", is_negative.then(|| "must not be below 0".to_owned())),
        ]
        .into_iter()
        .filter_map(|(key, message)| Some((key, message?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_fault_and_wrong_values_are_named() {
        assert_eq!(EventSettings::default().faults(), []);
        let wrong = EventSettings {
            timeout_ms: 99,
            retry_steps_s: vec![0],
            calls_in_flight_max: 1,
            keep_days: 0,
            ..EventSettings::default()
        };
        let named: Vec<&str> = wrong.faults().into_iter().map(|(key, _)| key).collect();
        assert_eq!(named, ["timeout_ms", "retry_steps_s", "calls_in_flight_max", "keep_days"]);
        // The default retries take 75.6 hours.
        for (keep_days, faults) in [(3, 1), (4, 0)] {
            let settings = EventSettings { keep_days, ..EventSettings::default() };
            assert_eq!(settings.faults().len(), faults, "{keep_days}");
        }
    }
}
