//! What a demo run comes to, and whether everybody's books agree.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cast::Cast;
use crate::domain::disposition::Disposition;
use crate::domain::money::Money;
use crate::domain::record::AuctionRecord;
use crate::ports::records::BookTotals;

/// The last line of `gavel demo --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Leads submitted.
    pub leads: usize,
    /// How many were sold.
    pub sold: usize,
    /// How many were not.
    pub unsold: usize,
    /// How many were not put up for sale.
    pub refused: usize,
    /// How many have no final answer.
    pub pending: usize,
    /// What the money book took from buyers.
    pub buyer_debits: Money,
    /// Sum of the prices in the decision records.
    pub sold_prices: Money,
    /// What the money book gave to vendors.
    pub vendor_payouts: Money,
    /// Sum of the margins in the decision records.
    pub margin: Money,
    /// Leads that more than one buyer says it has.
    pub sold_twice: usize,
    /// How long the run took.
    pub elapsed_ms: u64,
}

/// One fault in the books.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// Debits, prices, payouts and margins do not add up.
    #[error("debits {debits}, prices {prices}, payouts and margin {shares} differ")]
    Money {
        /// Taken from buyers.
        debits: Money,
        /// Sold prices.
        prices: Money,
        /// Payouts and margin.
        shares: Money,
    },
    /// The buyers count other sales than the exchange.
    #[error("the buyers say they took {taken} leads for {worth}; the exchange sold {sold}")]
    Buyers {
        /// Leads the buyers have.
        taken: usize,
        /// For how much.
        worth: Money,
        /// Leads the exchange sold.
        sold: usize,
    },
    /// Leads were sold twice.
    #[error("{0} leads were sold twice")]
    SoldTwice(usize),
    /// A request's signature did not hold.
    #[error("{0} requests came with a bad signature")]
    Signatures(usize),
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    amounts.fold(Money::ZERO, |sum, amount| sum.checked_add(amount).unwrap_or(Money::MAX))
}

impl Summary {
    /// Adds up a run.
    #[must_use]
    pub fn of(records: &[AuctionRecord], book: BookTotals, cast: &Cast, elapsed_ms: u64) -> Self {
        let count = |disposition: Disposition| {
            records.iter().filter(|record| record.disposition == disposition).count()
        };
        let money = || records.iter().flat_map(|record| &record.money);
        let amount = |total: i64| Money::from_ten_thousandths(total).unwrap_or_default();
        Self {
            leads: records.len(),
            sold: count(Disposition::Sold),
            unsold: count(Disposition::Unsold),
            refused: count(Disposition::Refused),
            pending: count(Disposition::Pending),
            buyer_debits: amount(book.buyer_debits),
            sold_prices: sum(money().map(|seat| seat.price)),
            vendor_payouts: amount(book.vendor_payouts),
            margin: sum(money().map(|seat| seat.margin)),
            sold_twice: sold_twice(cast),
            elapsed_ms,
        }
    }

    /// Compares the exchange's books with each other and with the buyers' own counts.
    #[must_use]
    pub fn disagreements(&self, cast: &Cast) -> Vec<Disagreement> {
        let mut found = Vec::new();
        let shares = self.vendor_payouts.checked_add(self.margin).unwrap_or_default();
        if self.buyer_debits != self.sold_prices || self.sold_prices != shares {
            let (debits, prices) = (self.buyer_debits, self.sold_prices);
            found.push(Disagreement::Money { debits, prices, shares });
        }
        let taken: Vec<Money> =
            cast.buyers.values().flat_map(|buyer| buyer.taken().into_values()).collect();
        let worth = sum(taken.iter().copied());
        if self.pending == 0 && (taken.len() != self.sold || worth != self.sold_prices) {
            found.push(Disagreement::Buyers { taken: taken.len(), worth, sold: self.sold });
        }
        if self.sold_twice > 0 {
            found.push(Disagreement::SoldTwice(self.sold_twice));
        }
        let unsigned = cast.buyers.values().map(super::stub_buyer::StubBuyer::bad_signatures).sum();
        if unsigned > 0 {
            found.push(Disagreement::Signatures(unsigned));
        }
        found
    }
}

/// Leads that more than one post brought to a buyer that says it has it.
fn sold_twice(cast: &Cast) -> usize {
    let mut posts_by_lead: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for buyer in cast.buyers.values() {
        let taken = buyer.taken();
        for post in buyer.posts() {
            let body = post.json();
            let post_id = body["post_id"].as_str().unwrap_or_default().to_owned();
            if taken.contains_key(&post_id) {
                let lead = body["lead_id"].as_str().unwrap_or_default().to_owned();
                let posts = posts_by_lead.entry(lead).or_default();
                if !posts.contains(&post_id) {
                    posts.push(post_id);
                }
            }
        }
    }
    posts_by_lead.values().filter(|posts| posts.len() > 1).count()
}
