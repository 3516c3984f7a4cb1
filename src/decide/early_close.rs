//! Early close: a round may end before its deadline when nothing still awaited could matter.

use super::rank::Standing;
use crate::domain::money::Money;

/// A candidate that has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// The best it could do: its standing at its ceiling. `None` = it has no ceiling.
    pub best: Option<Standing>,
}

/// Whether no outstanding candidate can come among the first `kept` ranked bids.
///
/// `ranked` are the valid bids at or above the floor so far, best first; `kept` is the number of
/// seats and fallbacks that must come out as if the round had run to its deadline.
#[must_use]
pub fn may_close(
    ranked: &[&Standing],
    outstanding: &[Outstanding],
    floor: Money,
    kept: usize,
) -> bool {
    let last_kept = if kept == 0 { None } else { ranked.get(kept - 1) };
    outstanding.iter().all(|candidate| match &candidate.best {
        None => false,
        Some(best) if best.effective_price < floor => true,
        Some(best) => last_kept.is_some_and(|last| last.is_before(best)),
    })
}

#[cfg(test)]
mod tests;
