//! The native ping: its body, and what a reply to it means (DESIGN section 6).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use crate::domain::bid::{Bid, NoBid, SeatsWanted};
use crate::domain::ids::PingId;
use crate::domain::money::Money;
use crate::domain::ping::AnonymizedPing;
use crate::domain::reply::RawReply;
use crate::domain::slug::{CampaignId, VerticalId};

/// The most bids taken from one reply.
pub const BIDS_PER_REPLY_MAX: usize = 16;
/// The longest reference taken from a bid, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 512;
/// The longest legal name taken from a bid, in bytes.
pub const LEGAL_NAME_BYTES_MAX: usize = 200;

/// What a ping says beside the redacted lead.
#[derive(Serialize)]
pub struct PingBody<'a> {
    /// This ping.
    pub ping_id: PingId,
    /// Who is asked.
    pub campaign_id: &'a CampaignId,
    /// The product line.
    pub vertical: &'a VerticalId,
    /// What may be seen of the lead.
    pub lead: &'a Map<String, Json>,
    /// A pseudonym of the vendor, stable for this buyer.
    pub source_ref: &'a str,
    /// A pseudonym of the vendor's sub-source, stable for this buyer.
    pub sub_ref: Option<&'a str>,
    /// The lowest price that can win.
    pub floor: Money,
    /// The currency of prices.
    pub currency: &'a str,
    /// How many seats the lead has.
    pub seats_max: u8,
    /// What may be seen of the consent.
    pub consent: &'a Map<String, Json>,
    /// Whether it is a test.
    pub test: bool,
}

/// Names in a ping that do not come from the lead.
pub struct PingFrame<'a> {
    /// This ping.
    pub ping_id: PingId,
    /// Who is asked.
    pub campaign_id: &'a CampaignId,
    /// The product line.
    pub vertical: &'a VerticalId,
    /// A pseudonym of the vendor, stable for this buyer.
    pub source_ref: &'a str,
    /// A pseudonym of the vendor's sub-source, stable for this buyer.
    pub sub_ref: Option<&'a str>,
    /// The lowest price that can win.
    pub floor: Money,
    /// The currency of prices.
    pub currency: &'a str,
    /// How many seats the lead has.
    pub seats_max: u8,
    /// Whether it is a test.
    pub test: bool,
}

/// The body of a ping, as JSON bytes.
#[must_use]
pub fn body(frame: &PingFrame<'_>, ping: &AnonymizedPing) -> Vec<u8> {
    let body = PingBody {
        ping_id: frame.ping_id,
        campaign_id: frame.campaign_id,
        vertical: frame.vertical,
        lead: &ping.lead,
        source_ref: frame.source_ref,
        sub_ref: frame.sub_ref,
        floor: frame.floor,
        currency: frame.currency,
        seats_max: frame.seats_max,
        consent: &ping.consent,
        test: frame.test,
    };
    serde_json::to_vec(&body).expect("a struct of texts, numbers and JSON maps always serializes")
}

/// What a bid is held against.
#[derive(Debug, Clone, Copy)]
pub struct BidTerms<'a> {
    /// The exchange's currency.
    pub currency: &'a str,
    /// The campaign's own ceiling.
    pub max_bid: Option<Money>,
    /// The most any bid may be.
    pub bid_max: Money,
    /// Whether the lead may be shared.
    pub offers_shared: bool,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    bid: Option<WireBid<'a>>,
    #[serde(borrow)]
    bids: Option<Vec<WireBid<'a>>>,
}

#[derive(Deserialize)]
struct WireBid<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    currency: Option<String>,
    #[serde(default)]
    seats: SeatsWanted,
    max_shared: Option<u8>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    legal_name: Option<String>,
}

/// Reads a whole reply: every valid bid, or the reason why there is none.
///
/// # Errors
/// The first reason found when no bid is valid.
pub fn read(reply: RawReply<'_>, terms: BidTerms<'_>) -> Result<Vec<Bid>, NoBid> {
    match reply.status {
        204 => return Err(NoBid::Declined),
        200 => {}
        300..=399 => return Err(NoBid::Redirect),
        _ => return Err(NoBid::HttpStatus),
    }
    if reply.is_compressed() {
        return Err(NoBid::Compressed);
    }
    if reply.body.iter().all(u8::is_ascii_whitespace) {
        return Err(NoBid::Empty);
    }
    let parsed: Reply<'_> = serde_json::from_slice(reply.body).map_err(|_| NoBid::Malformed)?;
    let wire_bids = match (parsed.bid, parsed.bids) {
        (Some(bid), None) => vec![bid],
        (None, Some(bids)) if bids.len() <= BIDS_PER_REPLY_MAX => bids,
        (None, None) if says_no(reply.body) => return Err(NoBid::Declined),
        _ => return Err(NoBid::Malformed),
    };
    if wire_bids.is_empty() {
        return Err(NoBid::Declined);
    }
    let mut bids = Vec::with_capacity(wire_bids.len());
    let mut first_fault = None;
    for wire_bid in wire_bids {
        match check(wire_bid, terms) {
            Ok(bid) => bids.push(bid),
            Err(fault) => first_fault = first_fault.or(Some(fault)),
        }
    }
    if bids.is_empty() { Err(first_fault.unwrap_or(NoBid::Declined)) } else { Ok(bids) }
}

/// Whether the body names `bid` as null, rather than not naming it at all.
fn says_no(body: &[u8]) -> bool {
    let object: Result<Map<String, Json>, _> = serde_json::from_slice(body);
    object.is_ok_and(|object| object.get("bid").is_some_and(Json::is_null))
}

fn check(wire_bid: WireBid<'_>, terms: BidTerms<'_>) -> Result<Bid, NoBid> {
    let price = read_price(wire_bid.price)?;
    if wire_bid.currency.is_some_and(|currency| currency != terms.currency) {
        return Err(NoBid::OtherCurrency);
    }
    if price > terms.bid_max {
        return Err(NoBid::InvalidPrice);
    }
    if terms.max_bid.is_some_and(|max_bid| price > max_bid) {
        return Err(NoBid::AboveMaxBid);
    }
    if wire_bid.seats == SeatsWanted::Shared && !terms.offers_shared {
        return Err(NoBid::SeatsNotOffered);
    }
    let is_long =
        |text: &Option<String>, max: usize| text.as_ref().is_some_and(|text| text.len() > max);
    if is_long(&wire_bid.reference, REFERENCE_BYTES_MAX)
        || is_long(&wire_bid.legal_name, LEGAL_NAME_BYTES_MAX)
    {
        return Err(NoBid::Malformed);
    }
    Ok(Bid {
        price,
        seats: wire_bid.seats,
        max_shared: wire_bid.max_shared,
        reference: wire_bid.reference,
        legal_name: wire_bid.legal_name,
        phone_number: None,
    })
}

/// A price is a positive amount, as a text or as a number taken by its text.
fn read_price(raw: &RawValue) -> Result<Money, NoBid> {
    let literal = raw.get();
    let text = match literal.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').unwrap_or_default(),
        None => literal,
    };
    let price = Money::parse(text).map_err(|_| NoBid::InvalidPrice)?;
    if price == Money::ZERO { Err(NoBid::InvalidPrice) } else { Ok(price) }
}

#[cfg(test)]
mod tests;
