//! Ranking: best tier, then effective price, then a keyed hash of lead and campaign.
//!
//! The hash makes the order total and fair: equal bids give the same winner on every run and node,
//! and share the leads between them over time.

use std::cmp::Ordering;

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
    /// The total order; less is better.
    fn order(&self, other: &Self) -> Ordering {
        self.tier
            .cmp(&other.tier)
            .then_with(|| other.effective_price.cmp(&self.effective_price))
            .then_with(|| self.tie_key.cmp(&other.tie_key))
            .then_with(|| self.campaign.cmp(&other.campaign))
    }

    /// Whether `self` goes before `other`.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        self.order(other).is_lt()
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
    bids.sort_by(|a, b| standing(a).order(standing(b)));
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
