//! Ranking: best tier, then effective price, then a keyed hash of lead and campaign.
//!
//! The hash makes the order total and fair: equal bids give the same winner on every run and node,
//! and share the leads between them over time.

use std::cmp::Reverse;

use crate::domain::money::Money;
use crate::domain::slug::CampaignId;

/// What ranks a bid. Two different campaigns never have equal standings of one lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The tier; a lower number goes first.
    pub tier: u16,
    /// The price the bid is ranked by.
    pub effective_price: Money,
    /// Keyed hash of lead and campaign.
    pub tie_key: u64,
    /// Ends the order should two hashes collide.
    pub campaign: CampaignId,
}

impl Standing {
    /// The key of the total order; smaller is better.
    fn order(&self) -> (u16, Reverse<Money>, u64, &CampaignId) {
        (self.tier, Reverse(self.effective_price), self.tie_key, &self.campaign)
    }

    /// Whether `self` goes before `other`.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        self.order() < other.order()
    }
}

/// Bids in the order in which they are asked, and those that cannot win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking<B> {
    /// At or above the floor, best first, one per campaign.
    pub ranked: Vec<B>,
    /// Below the floor, best first.
    pub below_floor: Vec<B>,
}

/// Ranks `bids` by their standing; of several bids of one campaign the best is kept.
pub fn rank<B>(mut bids: Vec<B>, floor: Money, standing: impl Fn(&B) -> &Standing) -> Ranking<B> {
    bids.sort_by(|a, b| standing(a).order().cmp(&standing(b).order()));
    let mut ranking = Ranking { ranked: Vec::with_capacity(bids.len()), below_floor: Vec::new() };
    for bid in bids {
        let (is_enough, campaign) = {
            let bid = standing(&bid);
            (bid.effective_price >= floor, bid.campaign.clone())
        };
        let is_known = |list: &[B]| list.iter().any(|known| standing(known).campaign == campaign);
        if is_known(&ranking.ranked) || is_known(&ranking.below_floor) {
            continue;
        }
        let list = if is_enough { &mut ranking.ranked } else { &mut ranking.below_floor };
        list.push(bid);
    }
    ranking
}

#[cfg(test)]
mod tests;
