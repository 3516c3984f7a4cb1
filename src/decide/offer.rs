//! Offers: what a vendor's post takes of them, and who may get the lead then.
//!
//! Offers are the best of the ranking, in its order: the offer at place `k` stands on the bid at
//! place `k`. A lead sold to an offer that was taken brings what was offered; anybody else may have
//! it only after the first of them, and from the vendor's `min_payout` on.

use crate::domain::ids::OfferId;
use crate::domain::money::Money;
use crate::domain::offer::Offer;

/// Why a post's choice cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidChoice {
    /// An offer of that id was not made; its place in the list.
    UnknownOffer {
        /// From 0.
        at: usize,
    },
    /// `min_payout` is above what an offer that is taken pays: it could never be sold to it.
    AbovePayout,
}

/// What a post takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The offers, best first.
    pub offer_ids: Vec<OfferId>,
    /// Their places in the ranking.
    pub places: Vec<u16>,
    /// From what payout on anybody else may get the lead.
    pub min_payout: Money,
}

/// Reads a post's choice among `offers`, best first. Without `wanted` it takes the best one;
/// without `min_payout` others must bring as much as the best offer that is taken.
///
/// # Errors
/// [`InvalidChoice`].
pub fn choose(
    offers: &[Offer],
    wanted: Option<&[String]>,
    min_payout: Option<Money>,
) -> Result<Choice, InvalidChoice> {
    let mut places: Vec<usize> = Vec::new();
    for (at, text) in wanted.unwrap_or_default().iter().enumerate() {
        let place = offers.iter().position(|offer| offer.offer_id.to_string() == *text);
        places.push(place.ok_or(InvalidChoice::UnknownOffer { at })?);
    }
    if wanted.is_none() {
        places.push(0);
    }
    places.sort_unstable();
    places.dedup();
    let taken: Vec<&Offer> = places.iter().filter_map(|place| offers.get(*place)).collect();
    let Some(best) = taken.iter().map(|offer| offer.payout).max() else {
        return Err(InvalidChoice::UnknownOffer { at: 0 });
    };
    if min_payout.is_some_and(|least| taken.iter().any(|offer| offer.payout < least)) {
        return Err(InvalidChoice::AbovePayout);
    }
    Ok(Choice {
        offer_ids: taken.iter().map(|offer| offer.offer_id).collect(),
        places: places.into_iter().map(|place| place as u16).collect(),
        min_payout: min_payout.unwrap_or(best),
    })
}

/// Whether a candidate may have a lead whose offer was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Welcome,
    /// It ranks before the offers that were taken: the vendor chose others over it.
    NotTaken,
    /// It would bring less than the vendor takes.
    BelowMinPayout,
}

/// How the candidate at place `k`, which would bring the vendor `payout`, stands to the choice.
#[must_use]
pub fn standing(places: &[u16], min_payout: Money, (k, payout): (u16, Money)) -> Standing {
    if places.contains(&k) {
        Standing::Welcome
    } else if places.first().is_some_and(|first| k < *first) {
        Standing::NotTaken
    } else if payout >= min_payout {
        Standing::Welcome
    } else {
        Standing::BelowMinPayout
    }
}

#[cfg(test)]
mod tests;
