//! Holds whose attempt is provably dead are found and given back. A clock alone never ends a hold.
//!
//! A search looks at a page of each buyer's old holds and goes on behind it the next time, so holds that
//! live long (of posts whose fate is unknown) do not hide dead ones behind them.

use std::collections::BTreeMap;

use super::exchange::{Exchange, FlowError};
use crate::domain::auction::{Account, HoldId, LeadState, LeadView, SeatState};
use crate::domain::slug::BuyerId;
use crate::domain::time::plus_ms;
use crate::faults::planted;
use crate::ports::auction_store::StoreError;

/// A hold younger than this is not doubted, in milliseconds.
const HOLD_AGE_MIN_MS: i64 = 60_000;
/// Holds doubted per account and search.
const HOLDS_MAX: usize = 256;

/// How many of its oldest holds a search passes over for each buyer, because those before it looked
/// at them. What slips past when holds before it end is met the next time round.
#[derive(Default)]
pub(super) struct HoldSearch {
    passed: BTreeMap<BuyerId, usize>,
}

impl HoldSearch {
    fn passed(&self, buyer: &BuyerId) -> usize {
        self.passed.get(buyer).copied().unwrap_or(0)
    }

    /// Notes a page of `looked_at` holds of which `freed` are gone; the last page begins a new round.
    fn note(&mut self, buyer: &BuyerId, looked_at: usize, freed: usize) {
        if looked_at < HOLDS_MAX {
            self.passed.remove(buyer);
        } else {
            *self.passed.entry(buyer.clone()).or_default() += looked_at - freed;
        }
    }
}

impl Exchange {
    /// Gives back what is dead on the next page of each buyer's old holds.
    pub(super) async fn free_dead_holds(&self, search: &mut HoldSearch) {
        let until = plus_ms(self.now(), -HOLD_AGE_MIN_MS);
        for buyer in self.snapshot().buyers.keys() {
            let account = Account::Buyer(buyer.clone());
            let open =
                self.store.open_holds(account.clone(), until, search.passed(buyer), HOLDS_MAX);
            let Ok(holds) = self.timed("open_holds", open).await else { return };
            let (looked_at, mut freed) = (holds.len(), 0);
            for hold in holds {
                match self.free_if_dead(&account, hold).await {
                    Ok(is_freed) => freed += usize::from(is_freed),
                    Err(error) => {
                        tracing::warn!(%error, "hold.unchecked");
                        if matches!(error, FlowError::Store(StoreError::Unavailable(_))) {
                            return;
                        }
                    }
                }
            }
            search.note(buyer, looked_at, freed);
        }
    }

    /// Gives a hold back if it is dead, and tells whether it was.
    async fn free_if_dead(&self, account: &Account, hold: HoldId) -> Result<bool, FlowError> {
        let lead = self.timed("read", self.store.read(hold.lead_id)).await?.lead;
        let is_dead = match lead {
            None => true,
            Some(lead) => is_dead(&lead, &hold),
        };
        if is_dead {
            tracing::info!(lead = %hold.lead_id, campaign = %hold.campaign, "hold.freed");
            self.timed("void", self.store.void(account.clone(), hold)).await?;
        }
        Ok(is_dead)
    }
}

/// Whether a hold belongs to nothing that could still be sold to its campaign, and was not.
fn is_dead(lead: &LeadView, hold: &HoldId) -> bool {
    let Some(seat) = lead.seats.get(usize::from(hold.seat.saturating_sub(1))) else { return true };
    if planted("hold_ends_by_clock") {
        return true;
    }
    let campaign_at = |k: u16| lead.rank.get(usize::from(k)).map(|entry| &entry.campaign);
    if let SeatState::Sold { k } = seat.state {
        return campaign_at(k) != Some(&hold.campaign);
    }
    if lead.closing.is_some() {
        return true;
    }
    let place = lead.rank.iter().rposition(|entry| entry.campaign == hold.campaign);
    match (place, seat.last()) {
        (None, _) => lead.state == LeadState::Decided,
        (Some(place), Some(last)) => usize::from(last.k) > place,
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_goes_on_behind_what_lives_and_begins_anew_at_the_end() {
        let (buyer, other) = ("beta".parse().unwrap(), "gamma".parse().unwrap());
        let mut search = HoldSearch::default();
        search.note(&buyer, HOLDS_MAX, 0);
        assert_eq!((search.passed(&buyer), search.passed(&other)), (HOLDS_MAX, 0));
        search.note(&buyer, HOLDS_MAX, 6);
        assert_eq!(search.passed(&buyer), 2 * HOLDS_MAX - 6);
        search.note(&buyer, HOLDS_MAX - 1, 3);
        assert_eq!(search.passed(&buyer), 0);
    }
}
