//! Bids in a reply that accepts: one or several, the best, all, or the sum of what is chosen.

use jiff::Timestamp;

use super::condition::Condition;
use super::json::Broken;
use super::limits::{
    BIDS_PER_REPLY_MAX, ITEMS_MAX, LEGAL_NAME_BYTES_MAX, LIFE_S_MAX, PHONE_BYTES_MAX,
    REFERENCE_BYTES_MAX,
};
use super::price::PriceForm;
use super::reading::{Item, Reading};
use super::source::SourceId;
use crate::domain::bid::{Bid, NoBid, SeatsWanted};
use crate::domain::money::Money;
use crate::integration::reference::{pack, unpack};

/// What a bid is held against.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The exchange's currency.
    pub currency: &'a str,
    /// The campaign's own ceiling.
    pub max_bid: Option<Money>,
    /// The most any bid may be.
    pub bid_max: Money,
    /// Whether the lead may be shared.
    pub offers_shared: bool,
    /// Whether the lead is a test.
    pub is_test: bool,
}

/// A bid with what else the buyer said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileBid {
    /// The bid.
    pub bid: Bid,
    /// How long it holds, if the buyer said so.
    pub life: Option<Life>,
}

/// How long something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// So many milliseconds from the reply on.
    Ms(u64),
    /// Up to an instant.
    Until(Timestamp),
}

/// How a reply's bids are read.
#[derive(Debug, Clone, Default)]
pub(super) struct BidReader {
    /// The items that are bids; without it the reply is one.
    pub(super) each: Option<SourceId>,
    /// Which of the items count.
    pub(super) only: Option<Condition>,
    pub(super) choose: Choose,
    pub(super) price: Option<PriceReader>,
    /// The parts of the reference by their names.
    pub(super) references: Vec<(Box<str>, SourceId)>,
    pub(super) currency: Option<SourceId>,
    pub(super) shared: Option<Condition>,
    pub(super) max_shared: Option<SourceId>,
    pub(super) legal_name: Option<SourceId>,
    pub(super) phone_number: Option<SourceId>,
    pub(super) life: Option<LifeReader>,
}

/// What becomes of several bids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Choose {
    /// The one with the highest price; of equal ones the first.
    #[default]
    Best,
    /// Every one is a bid of its own.
    All,
    /// One bid of all their prices together, their references joined.
    Sum,
}

/// How a price is read.
#[derive(Debug, Clone)]
pub(super) struct PriceReader {
    pub(super) from: PriceFrom,
    pub(super) form: PriceForm,
}

/// Where a price is.
#[derive(Debug, Clone)]
pub(super) enum PriceFrom {
    Source(SourceId),
    /// Agreed once and for all.
    Fixed(Money),
}

/// How a life is read.
#[derive(Debug, Clone)]
pub(super) enum LifeReader {
    Source(SourceId, LifeUnit),
    Fixed(Life),
}

/// What a life is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LifeUnit {
    Milliseconds,
    Seconds,
    Minutes,
    /// A point in time: `2026-11-26T10:00:00Z`.
    Timestamp,
}

/// Joins the references of a sum.
const REFERENCE_JOIN: &str = ",";

impl BidReader {
    /// Every bid of a reply that accepts, or the first reason why there is none.
    pub(super) fn read(
        &self,
        reading: &Reading<'_>,
        terms: Terms<'_>,
    ) -> Result<Vec<ProfileBid>, NoBid> {
        let items = match self.each {
            None => vec![None],
            Some(each) => {
                let items = reading.items(each).map_err(|Broken| NoBid::Malformed)?;
                items.into_iter().map(Some).collect()
            }
        };
        if items.len() > ITEMS_MAX {
            return Err(NoBid::Malformed);
        }
        let (mut found, mut first_fault) = (Vec::new(), None);
        for item in items {
            match self.counts(reading, item) {
                Some(true) => {}
                Some(false) => continue,
                None => return Err(NoBid::Malformed),
            }
            match self.one(reading, item, terms) {
                Ok(one) => found.push(one),
                // A sum without one of its parts would be another sum.
                Err(fault) if self.choose == Choose::Sum && fault != NoBid::Declined => {
                    return Err(fault);
                }
                Err(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
        let chosen = self.chosen(found)?;
        let (mut bids, too) = within(chosen, terms);
        if bids.is_empty() {
            return Err(too.or(first_fault).unwrap_or(NoBid::Declined));
        }
        if self.choose == Choose::Best {
            bids.truncate(1);
        }
        if bids.len() > BIDS_PER_REPLY_MAX { Err(NoBid::Malformed) } else { Ok(bids) }
    }

    fn counts(&self, reading: &Reading<'_>, item: Option<Item>) -> Option<bool> {
        self.only.as_ref().map_or(Some(true), |only| only.holds(reading, item))
    }

    fn one(
        &self,
        reading: &Reading<'_>,
        item: Option<Item>,
        terms: Terms<'_>,
    ) -> Result<ProfileBid, NoBid> {
        let text = |source: Option<SourceId>| match source {
            Some(source) => said(reading, source, item),
            None => Ok(None),
        };
        let price = match &self.price {
            Some(price) => price.read(reading, item)?.ok_or(NoBid::InvalidPrice)?,
            None => return Err(NoBid::InvalidPrice),
        };
        // A buyer that names a price of nothing says no.
        if price == Money::ZERO {
            return Err(NoBid::Declined);
        }
        if text(self.currency)?.is_some_and(|told| !told.eq_ignore_ascii_case(terms.currency)) {
            return Err(NoBid::OtherCurrency);
        }
        let is_shared = match &self.shared {
            Some(shared) => shared.holds(reading, item).ok_or(NoBid::Malformed)?,
            None => false,
        };
        let max_shared = match text(self.max_shared)? {
            Some(count) => Some(count.parse().map_err(|_| NoBid::Malformed)?),
            None => None,
        };
        let mut parts = Vec::with_capacity(self.references.len());
        for (name, source) in &self.references {
            if let Some(part) = said(reading, *source, item)? {
                parts.push((&**name, part));
            }
        }
        let parts: Vec<(&str, &str)> = parts.iter().map(|(name, part)| (*name, &**part)).collect();
        Ok(ProfileBid {
            bid: Bid {
                price,
                seats: if is_shared { SeatsWanted::Shared } else { SeatsWanted::Exclusive },
                max_shared,
                reference: bounded(pack(&parts), REFERENCE_BYTES_MAX)?,
                legal_name: bounded(text(self.legal_name)?, LEGAL_NAME_BYTES_MAX)?,
                phone_number: bounded(text(self.phone_number)?, PHONE_BYTES_MAX)?,
            },
            life: match &self.life {
                Some(life) => life.read(reading, item)?,
                None => None,
            },
        })
    }

    /// The bids in the order in which they are to be tried; one of a sum.
    fn chosen(&self, mut found: Vec<ProfileBid>) -> Result<Vec<ProfileBid>, NoBid> {
        match self.choose {
            Choose::All => Ok(found),
            Choose::Best => {
                found.sort_by_key(|found| std::cmp::Reverse(found.bid.price));
                Ok(found)
            }
            Choose::Sum => {
                let mut found = found.into_iter();
                let Some(mut sum) = found.next() else { return Ok(Vec::new()) };
                for part in found {
                    let total = sum.bid.price.checked_add(part.bid.price);
                    sum.bid.price = total.ok_or(NoBid::InvalidPrice)?;
                    sum.bid.reference = joined(sum.bid.reference, part.bid.reference)?;
                }
                Ok(vec![sum])
            }
        }
    }
}

/// The references of two parts of a sum as one.
fn joined(first: Option<String>, second: Option<String>) -> Result<Option<String>, NoBid> {
    let unpacked = |text: Option<String>| text.map(|text| unpack(&text)).unwrap_or_default();
    let mut parts = unpacked(first);
    for (name, part) in unpacked(second) {
        match parts.get_mut(&name) {
            // What all parts have in common, such as the lead's id, is said once.
            Some(before) if before.split(REFERENCE_JOIN).any(|known| known == part) => {}
            Some(before) => {
                before.push_str(REFERENCE_JOIN);
                before.push_str(&part);
            }
            None => drop(parts.insert(name, part)),
        }
    }
    let parts: Vec<(&str, &str)> = parts.iter().map(|(name, part)| (&**name, &**part)).collect();
    bounded(pack(&parts), REFERENCE_BYTES_MAX)
}

/// The bids that keep to the terms, and why the first of the others does not.
fn within(bids: Vec<ProfileBid>, terms: Terms<'_>) -> (Vec<ProfileBid>, Option<NoBid>) {
    let mut first_fault = None;
    let mut kept = Vec::with_capacity(bids.len());
    for bid in bids {
        let fault = if bid.bid.price > terms.bid_max {
            NoBid::InvalidPrice
        } else if terms.max_bid.is_some_and(|max_bid| bid.bid.price > max_bid) {
            NoBid::AboveMaxBid
        } else if bid.bid.seats == SeatsWanted::Shared && !terms.offers_shared {
            NoBid::SeatsNotOffered
        } else {
            kept.push(bid);
            continue;
        };
        first_fault = first_fault.or(Some(fault));
    }
    (kept, first_fault)
}

impl PriceReader {
    /// The price; `None` where the reply names none.
    pub(super) fn read(
        &self,
        reading: &Reading<'_>,
        item: Option<Item>,
    ) -> Result<Option<Money>, NoBid> {
        match self.from {
            PriceFrom::Fixed(price) => Ok(Some(price)),
            PriceFrom::Source(source) => match said(reading, source, item)? {
                Some(text) => self.form.read(&text).map(Some).map_err(|_| NoBid::InvalidPrice),
                None => Ok(None),
            },
        }
    }
}

impl LifeReader {
    /// The life; one that cannot be read is not believed, and none.
    pub(super) fn read(
        &self,
        reading: &Reading<'_>,
        item: Option<Item>,
    ) -> Result<Option<Life>, NoBid> {
        let (source, unit) = match self {
            Self::Fixed(life) => return Ok(Some(*life)),
            Self::Source(source, unit) => (*source, *unit),
        };
        let Some(text) = said(reading, source, item)? else { return Ok(None) };
        let in_ms = |ms_per_unit: u64| {
            let count: u64 = text.parse().ok()?;
            let ms = count.checked_mul(ms_per_unit)?;
            Some(Life::Ms(ms.min(u64::from(LIFE_S_MAX) * 1_000)))
        };
        Ok(match unit {
            LifeUnit::Milliseconds => in_ms(1),
            LifeUnit::Seconds => in_ms(1_000),
            LifeUnit::Minutes => in_ms(60_000),
            LifeUnit::Timestamp => text.parse().ok().map(Life::Until),
        })
    }
}

/// What a source says, trimmed; `None` for nothing.
fn said(
    reading: &Reading<'_>,
    source: SourceId,
    item: Option<Item>,
) -> Result<Option<String>, NoBid> {
    let text = reading.text(source, item).map_err(|Broken| NoBid::Malformed)?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

fn bounded(text: Option<String>, bytes_max: usize) -> Result<Option<String>, NoBid> {
    match text {
        Some(text) if text.len() > bytes_max => Err(NoBid::Malformed),
        text => Ok(text),
    }
}
