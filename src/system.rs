//! The clock and the randomness of the machine, and their doubles for runs that must repeat.
//!
//! `app` gives [`SystemClock`] and [`SystemEntropy`] to everything that runs for real; this is the
//! only place that reads the machine's clock or its generator. [`FixedClock`] and [`SeededEntropy`]
//! stand in for them in tests, the simulator and measurements: their whole output follows from
//! what they were given. Nothing here knows what the time or the bytes are for.

#[cfg(feature = "faults")]
pub mod stepped;

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rand::rngs::{ChaCha20Rng, SysRng};
use rand::{Rng, SeedableRng, TryRng};

use crate::ports::{Clock, Entropy};

/// The machine's wall clock, as exact and as steady as the machine keeps it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one real implementation of ports::Clock; all others are handed it"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The operating system gives no random bytes, so no secret can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random generator is not available")]
pub struct EntropyUnavailable;

/// The operating system's generator, asked anew for every call: fit for keys and secrets.
#[derive(Debug, Clone, Copy)]
pub struct SystemEntropy(());

impl SystemEntropy {
    /// Draws once from the generator, so that a machine without one is refused at start and not
    /// in the middle of an auction.
    ///
    /// # Errors
    /// [`EntropyUnavailable`] when the first draw fails.
    pub fn new() -> Result<Self, EntropyUnavailable> {
        SysRng.try_fill_bytes(&mut [0; 32]).map_err(|_| EntropyUnavailable)?;
        Ok(Self(()))
    }
}

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the operating system stops giving random bytes: going on without them would mint
    /// keys and ids that can be guessed.
    fn fill(&self, bytes: &mut [u8]) {
        SysRng.try_fill_bytes(bytes).expect(
            "the generator answered when this value was made, and kernels never withdraw it",
        );
    }
}

/// A clock that stands still until it is told to move.
///
/// It may also be set back, as a machine's clock may.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Makes the clock show `now`, be it earlier or later than before.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves the clock by `by`, backwards when it is negative.
    ///
    /// # Panics
    /// When the clock would leave the years -9999 to 9999.
    pub fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A generator whose every byte follows from its seed (ChaCha20).
///
/// Anyone who knows the 64-bit seed knows all it will ever give: it makes a run repeatable and
/// must never make a secret of a real exchange. Callers in several threads share one sequence, so
/// a run repeats only where their order does.
pub struct SeededEntropy(Mutex<ChaCha20Rng>);

impl SeededEntropy {
    /// The generator of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

#[cfg(test)]
mod tests;
