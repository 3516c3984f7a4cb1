//! A store that ends the process at a named step, for tests of what a crash leaves behind.
//!
//! Around each durable step there are two points: `before` it, when what led to it has happened (a
//! buyer has answered, the records have taken their parts), and `after` it, when it is durable and
//! nobody has been told. At the point asked for the process aborts: nothing is unwound, flushed or
//! closed. Only under the feature `faults`, and only if the environment asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt as _;

use super::around::{Around, Surrounded};
use crate::ports::AuctionStore;
use crate::ports::auction_store::StoreFuture;

/// The environment's variable that names the point: `STEP:before:N` or `STEP:after:N`, where the
/// process ends at the `N`-th pass.
pub const CRASH_AT: &str = "GAVEL_FAULT_CRASH_AT";

/// The steps that have points around them: their names, and the operation of the store.
pub const STEPS: [(&str, &str); 15] = [
    ("W1", "create"),
    ("W2", "decide"),
    ("W3", "hold"),
    ("W4", "intent"),
    ("W5", "outcome"),
    ("W6-capture", "capture"),
    ("W6-void", "void"),
    ("W6-credit", "credit"),
    ("W6-outbox", "outbox_ack"),
    ("W6-journal", "journal_ack"),
    ("offer", "offer"),
    ("take", "take"),
    ("expire", "expire_offer"),
    ("finish", "finish"),
    ("duplicate", "claim_duplicate"),
];

/// On which side of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// One point and pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CrashPoint {
    operation: &'static str,
    side: Side,
    pass: u64,
}

/// Why a text names no point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{CRASH_AT}={0}` names no crash point")]
pub struct UnknownPoint(String);

impl CrashPoint {
    fn parse(text: &str) -> Result<Self, UnknownPoint> {
        let unknown = || UnknownPoint(text.to_owned());
        let words: Vec<&str> = text.split(':').collect();
        let [step, side, pass] = words[..] else { return Err(unknown()) };
        let (_, operation) = STEPS.iter().find(|(name, _)| *name == step).ok_or_else(unknown)?;
        let side = match side {
            "before" => Side::Before,
            "after" => Side::After,
            _ => return Err(unknown()),
        };
        let pass = pass.parse().ok().filter(|pass| *pass > 0).ok_or_else(unknown)?;
        Ok(Self { operation, side, pass })
    }
}

/// What ends the process when its point is reached.
struct Crash {
    point: CrashPoint,
    passes: AtomicU64,
}

/// `store` itself, or around it the store that crashes where the environment asks for it.
///
/// # Errors
/// [`UnknownPoint`]: a misspelt point must not look like one that was survived.
pub fn from_environment(
    store: Arc<dyn AuctionStore>,
) -> Result<Arc<dyn AuctionStore>, UnknownPoint> {
    let Ok(text) = std::env::var(CRASH_AT) else { return Ok(store) };
    let point = CrashPoint::parse(&text)?;
    Ok(Surrounded::new(store, Crash { point, passes: AtomicU64::new(0) }))
}

impl Around for Crash {
    /// Passes a step: `call` is made between its two points.
    fn pass<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        async move {
            self.reach(operation, Side::Before);
            let reply = call().await;
            if reply.is_ok() {
                self.reach(operation, Side::After);
            }
            reply
        }
        .boxed()
    }
}

impl Crash {
    fn reach(&self, operation: &str, side: Side) {
        if (self.point.operation, self.point.side) != (operation, side) {
            return;
        }
        if self.passes.fetch_add(1, Ordering::SeqCst) + 1 == self.point.pass {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_step_a_side_and_a_pass() {
        let check = |text: &str, expect: Option<(&'static str, Side, u64)>| {
            let point = CrashPoint::parse(text).ok();
            let expect = expect.map(|(operation, side, pass)| CrashPoint { operation, side, pass });
            assert_eq!(point, expect, "{text}");
        };
        check("W1:before:1", Some(("create", Side::Before, 1)));
        check("W6-outbox:after:12", Some(("outbox_ack", Side::After, 12)));
        for wrong in ["", "W1", "W1:before", "W1:before:0", "W1:before:1:1", "W7:before:1"] {
            check(wrong, None);
        }
        check("create:before:1", None);
        check("W1:beside:1", None);
    }
}
