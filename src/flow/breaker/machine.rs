//! The breaker of one endpoint as a pure state machine: time and chance are given to it.
//!
//! ```text
//! CLOSED  -- enough of enough calls failed ------------> OPEN(pause)
//! OPEN    -- the pause is over, a call wants out -------> HALF OPEN (a few real calls)
//! HALF OPEN -- they were answered ----------------------> CLOSED
//!           -- one failed ------------------------------> OPEN(twice the pause, up to a bound)
//! ```
//!
//! Beside it stands the throttle of an endpoint that mostly does not answer in time: it gets only a
//! share of its calls until it has answered a few in a row. A call that was let out under an earlier
//! state says nothing about the present one, so every pass carries the epoch it was given in.

use crate::domain::breaker::{BreakerState, SkipReason};

/// Into how many slices a window is divided; old calls leave it slice by slice.
const SLICES: u64 = 10;
/// How many values a throttle's draw has.
const DRAWS: u32 = 1 << 16;

/// The thresholds of one kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How far back calls count, in milliseconds.
    pub window_ms: u64,
    /// Calls in the window without which nothing is concluded.
    pub sample_min: u32,
    /// Share of failed calls at which the breaker opens, in percent.
    pub failure_percent: u32,
    /// The first pause, in milliseconds; each further one is twice as long.
    pub pause_ms: u64,
    /// The longest pause, in milliseconds.
    pub pause_max_ms: u64,
    /// Calls let out after a pause, all of which must be answered.
    pub probes: u32,
    /// When calls are throttled; `None` = never.
    pub throttle: Option<ThrottleTerms>,
}

/// The thresholds of throttling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleTerms {
    /// Share of calls not answered in time at which throttling begins, in percent.
    pub timeout_percent: u32,
    /// Share of calls that are let out meanwhile, in percent.
    pub pass_percent: u32,
    /// Answers in time, one after another, that end it.
    pub release_answers: u32,
}

/// What became of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallResult {
    /// A whole, readable answer in time, whatever it says.
    Answered,
    /// A whole answer after its time: the endpoint lives, but is too slow.
    Late,
    /// No whole answer.
    TimedOut,
    /// No connection, a server error, or an answer that cannot be read.
    Failed,
}

/// Leave to make one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    epoch: u64,
    kind: PassKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PassKind {
    Regular,
    Probe,
    /// Goes out whatever the state is, by an operator's order.
    Ungated,
    /// Goes out whatever the state is, to clear up an unknown post. One post that is repeated again
    /// and again must not speak against the endpoint.
    Repeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { since_ms: u64 },
    Open { since_ms: u64, until_ms: u64, answered: u32 },
    HalfOpen { since_ms: u64, in_flight: u32, answered: u32 },
}

/// Calls of a window, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All calls.
    pub calls: u32,
    /// Those that count against the endpoint: failed or timed out.
    pub failures: u32,
    /// Those not answered in time.
    pub timeouts: u32,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.failures = self.failures.saturating_add(other.failures);
        self.timeouts = self.timeouts.saturating_add(other.timeouts);
    }

    fn of(result: CallResult) -> Self {
        let (failures, timeouts) = match result {
            CallResult::Answered => (0, 0),
            CallResult::Late => (0, 1),
            CallResult::TimedOut => (1, 1),
            CallResult::Failed => (1, 0),
        };
        Self { calls: 1, failures, timeouts }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    number: u64,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Window([Slice; SLICES as usize]);

impl Window {
    fn number(terms: &Terms, now_ms: u64) -> u64 {
        now_ms / (terms.window_ms / SLICES).max(1)
    }

    fn add(&mut self, terms: &Terms, now_ms: u64, result: CallResult) {
        let number = Self::number(terms, now_ms);
        let slice = &mut self.0[(number % SLICES) as usize];
        if slice.number != number {
            *slice = Slice { number, counts: Counts::default() };
        }
        slice.counts.add(Counts::of(result));
    }

    fn counts(&self, terms: &Terms, now_ms: u64) -> Counts {
        let number = Self::number(terms, now_ms);
        let mut counts = Counts::default();
        let fresh = |slice: &&Slice| slice.number <= number && number - slice.number < SLICES;
        self.0.iter().filter(fresh).for_each(|slice| counts.add(slice.counts));
        counts
    }
}

/// The breaker of one endpoint. Times are milliseconds on any clock that only goes forward.
#[derive(Debug)]
pub struct Breaker {
    terms: Terms,
    state: State,
    epoch: u64,
    window: Window,
    /// The calls for which it opened last.
    opened_by: Counts,
    /// The pause of the last opening, while it may still have to grow.
    last_pause_ms: u64,
    /// While throttled: answers in time since the last that was not.
    throttled: Option<u32>,
}

impl Breaker {
    /// A closed breaker that has seen nothing.
    #[must_use]
    pub fn new(terms: Terms, now_ms: u64) -> Self {
        Self {
            terms,
            state: State::Closed { since_ms: now_ms },
            epoch: 0,
            window: Window::default(),
            opened_by: Counts::default(),
            last_pause_ms: 0,
            throttled: None,
        }
    }

    /// Asks to make a call. `draw` gives 16 random bits and is asked only while throttled.
    ///
    /// # Errors
    /// Why the call must not be made.
    pub fn admit(&mut self, now_ms: u64, draw: impl FnOnce() -> u16) -> Result<Pass, SkipReason> {
        if let State::Open { until_ms, .. } = self.state
            && now_ms >= until_ms
        {
            self.turn(State::HalfOpen { since_ms: now_ms, in_flight: 0, answered: 0 });
        }
        match &mut self.state {
            State::Open { .. } => Err(SkipReason::BreakerOpen),
            State::HalfOpen { in_flight, answered, .. } => {
                if *in_flight + *answered >= self.terms.probes {
                    return Err(SkipReason::BreakerOpen);
                }
                *in_flight += 1;
                Ok(Pass { epoch: self.epoch, kind: PassKind::Probe })
            }
            State::Closed { .. } => match self.terms.throttle {
                Some(throttle) if self.throttled.is_some() && !passes(throttle, draw()) => {
                    Err(SkipReason::Throttled)
                }
                _ => Ok(Pass { epoch: self.epoch, kind: PassKind::Regular }),
            },
        }
    }

    /// A pass for a call that goes out in any state by order.
    #[must_use]
    pub const fn pass_ungated(&self) -> Pass {
        Pass { epoch: self.epoch, kind: PassKind::Ungated }
    }

    /// A pass for a repeat of a call that went out before.
    #[must_use]
    pub const fn pass_repeat(&self) -> Pass {
        Pass { epoch: self.epoch, kind: PassKind::Repeat }
    }

    /// Takes in what became of a call.
    pub fn report(&mut self, pass: Pass, now_ms: u64, result: CallResult) {
        let is_failure = matches!(result, CallResult::TimedOut | CallResult::Failed);
        let is_current = pass.epoch == self.epoch;
        let needed = self.terms.probes;
        match (&mut self.state, pass.kind) {
            (State::Closed { .. }, PassKind::Regular | PassKind::Probe) if !is_current => return,
            (State::Closed { .. }, PassKind::Repeat) if is_failure => {}
            (State::Closed { .. }, _) => {
                self.window.add(&self.terms, now_ms, result);
                self.count_for_release(result);
                self.judge(now_ms, result);
                return;
            }
            (State::HalfOpen { in_flight, .. }, PassKind::Probe) if is_current && is_failure => {
                *in_flight = in_flight.saturating_sub(1);
                self.open(now_ms);
            }
            (State::HalfOpen { in_flight, answered, .. }, PassKind::Probe) if is_current => {
                *in_flight = in_flight.saturating_sub(1);
                *answered += 1;
                if *answered >= needed {
                    self.close(now_ms);
                }
            }
            // Nobody asked for it, but it is an answer all the same: the endpoint heals by it.
            (
                State::Open { answered, .. } | State::HalfOpen { answered, .. },
                PassKind::Ungated | PassKind::Repeat,
            ) if !is_failure => {
                *answered += 1;
                if *answered >= needed {
                    self.close(now_ms);
                }
            }
            (State::Open { .. } | State::HalfOpen { .. }, _) => {}
        }
        self.count_for_release(result);
    }

    /// Takes back a pass whose call was given up before anything was known of it.
    pub fn abandon(&mut self, pass: Pass) {
        if let State::HalfOpen { in_flight, .. } = &mut self.state
            && pass.kind == PassKind::Probe
            && pass.epoch == self.epoch
        {
            *in_flight = in_flight.saturating_sub(1);
        }
    }

    /// Begins anew, as for an endpoint nothing is known of.
    pub fn forget(&mut self, now_ms: u64) {
        let epoch = self.epoch + 1;
        *self = Self { epoch, ..Self::new(self.terms, now_ms) };
    }

    /// The state now. A pause that is over shows as half open: the next call is let out.
    #[must_use]
    pub const fn state(&self, now_ms: u64) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { until_ms, .. } if now_ms < until_ms => BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Since when it is so.
    #[must_use]
    pub const fn since_ms(&self) -> u64 {
        match self.state {
            State::Closed { since_ms }
            | State::Open { since_ms, .. }
            | State::HalfOpen { since_ms, .. } => since_ms,
        }
    }

    /// Until when nothing is let out.
    #[must_use]
    pub fn paused_until_ms(&self, now_ms: u64) -> Option<u64> {
        match self.state {
            State::Open { until_ms, .. } => Some(until_ms).filter(|until_ms| now_ms < *until_ms),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// Whether only a share of the calls is let out.
    #[must_use]
    pub const fn is_throttled(&self) -> bool {
        self.throttled.is_some()
    }

    /// The calls of the window; those that opened it while it is not closed.
    #[must_use]
    pub fn counts(&self, now_ms: u64) -> Counts {
        match self.state {
            State::Closed { .. } => self.window.counts(&self.terms, now_ms),
            State::Open { .. } | State::HalfOpen { .. } => self.opened_by,
        }
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }

    /// Draws the conclusions from the window of a closed breaker. Only a call that went wrong can
    /// turn anything: an answer never opens a breaker.
    fn judge(&mut self, now_ms: u64, result: CallResult) {
        let counts = self.window.counts(&self.terms, now_ms);
        if counts.calls < self.terms.sample_min {
            return;
        }
        let reaches = |part: u32, percent: u32| {
            u64::from(part) * 100 >= u64::from(percent) * u64::from(counts.calls)
        };
        if let Some(throttle) = self.terms.throttle
            && self.throttled.is_none()
            && matches!(result, CallResult::Late | CallResult::TimedOut)
            && reaches(counts.timeouts, throttle.timeout_percent)
        {
            self.throttled = Some(0);
        }
        let is_failure = matches!(result, CallResult::TimedOut | CallResult::Failed);
        if is_failure && reaches(counts.failures, self.terms.failure_percent) {
            self.open(now_ms);
        }
    }

    fn count_for_release(&mut self, result: CallResult) {
        let (Some(answers), Some(throttle)) = (&mut self.throttled, self.terms.throttle) else {
            return;
        };
        *answers = if result == CallResult::Answered { *answers + 1 } else { 0 };
        if *answers >= throttle.release_answers {
            self.throttled = None;
            // What was not answered before is forgiven, or it would be throttled again at once.
            self.window = Window::default();
        }
    }

    /// The pause doubles as long as the breaker has not stayed closed for a whole window.
    fn open(&mut self, now_ms: u64) {
        let is_relapse = match self.state {
            State::Closed { since_ms } => now_ms.saturating_sub(since_ms) < self.terms.window_ms,
            State::Open { .. } | State::HalfOpen { .. } => true,
        };
        let doubled = self.last_pause_ms.saturating_mul(2);
        let pause_ms =
            if is_relapse && self.last_pause_ms > 0 { doubled } else { self.terms.pause_ms };
        self.last_pause_ms = pause_ms.min(self.terms.pause_max_ms);
        let until_ms = now_ms.saturating_add(self.last_pause_ms);
        if matches!(self.state, State::Closed { .. }) {
            self.opened_by = self.window.counts(&self.terms, now_ms);
        }
        self.window = Window::default();
        self.turn(State::Open { since_ms: now_ms, until_ms, answered: 0 });
    }

    fn close(&mut self, now_ms: u64) {
        self.window = Window::default();
        self.turn(State::Closed { since_ms: now_ms });
    }
}

fn passes(throttle: ThrottleTerms, draw: u16) -> bool {
    u32::from(draw) * 100 < throttle.pass_percent * DRAWS
}

#[cfg(test)]
mod tests;
