//! A machine's clock that is wrong by as much as a file says, so that a proof can step it while the
//! real program runs. Only under the feature `faults`, and only if the environment asks for it.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::SystemClock;
use crate::ports::Clock;

/// The environment's variable that names the file: milliseconds, negative ones backwards. What cannot
/// be read is no error of the clock.
pub const CLOCK_FILE: &str = "GAVEL_FAULT_CLOCK_FILE";

struct SteppedClock(PathBuf);

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let off = SignedDuration::from_millis(text.trim().parse().unwrap_or(0));
        let now = SystemClock.now();
        now.checked_add(off).unwrap_or(now)
    }
}

/// The machine's clock, wrong where the environment asks for it.
#[must_use]
pub fn from_environment() -> Arc<dyn Clock> {
    match std::env::var_os(CLOCK_FILE) {
        Some(file) => Arc::new(SteppedClock(file.into())),
        None => Arc::new(SystemClock),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_off_by_what_the_file_says_at_the_moment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        let clock = SteppedClock(file.clone());
        let check = |text: &str, expect_s: i64| {
            std::fs::write(&file, text).unwrap();
            let off = clock.now().as_second() - SystemClock.now().as_second();
            assert!((off - expect_s).abs() <= 1, "{text}: {off}");
        };
        check("", 0);
        check("3600000\n", 3_600);
        check("-86400000", -86_400);
        check("nonsense", 0);
    }
}
