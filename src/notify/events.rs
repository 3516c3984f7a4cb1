//! What a decision record tells whom: the events that each of its parts means.
//!
//! Events are thin: ids, prices, reasons and states, never a consumer's data, because a decision
//! record holds none. They are worked out from the parts alone, so whoever does it again, at any
//! time, tells the same. Which endpoints hear of them, and when, is not known here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::bid::{Lost, NoBid};
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::event::{DisabledReason, EventType};
use crate::domain::ids::{BidId, EndpointId, LeadId, OutcomeId, PingId, PostId};
use crate::domain::money::Money;
use crate::domain::outcome::{Outcome, OutcomeDetails};
use crate::domain::party::Party;
use crate::domain::record::{
    AuctionRecord, CandidateRecord, Closed, Fact, Opened, Part, PostRecord, PostResult,
};
use crate::domain::slug::{CampaignId, VerticalId};

/// One event for one party, before it is known at which endpoints it is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who may hear of it.
    pub to: Party,
    /// What it tells.
    pub event_type: EventType,
    /// The part of the decision record it comes from.
    pub part: u32,
    /// Its place among all events of that part; with the part it names the event.
    pub place: u32,
    /// Its number among all events of this lead to this party, from 1.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The body: `{"type","timestamp","sequence","data"}`.
    pub body: String,
}

/// What the exchange as a whole says about telling.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// The currency of amounts.
    pub currency: &'a str,
    /// The width of the band in which a loser is told the winning price; zero tells none.
    pub price_band_width: Money,
}

/// All events of a lead whose parts so far are `parts`, in the order of their sequences. None
/// while the first part is missing.
#[must_use]
pub fn told(parts: &[(u32, Part)], telling: Telling<'_>) -> Vec<Told> {
    let Some((_, Part::Opened(opened))) = parts.first() else { return Vec::new() };
    let mut story = Story {
        opened,
        telling,
        is_pending: false,
        part: 0,
        numbers: BTreeMap::new(),
        told: Vec::new(),
    };
    let so_far = |index: usize| {
        AuctionRecord::assemble(parts[..=index].iter().map(|(_, part)| part.clone()))
    };
    for (index, (sequence, part)) in parts.iter().enumerate() {
        story.part = *sequence;
        match part {
            Part::Opened(_) => story.received(),
            Part::Posted(post) => story.posted(post, so_far(index).as_ref()),
            Part::Closed(closed) => story.closed(closed, so_far(index).as_ref()),
            Part::Fact(fact) => story.fact(fact),
            _ => {}
        }
    }
    story.told
}

/// The body of `endpoint.disabled`, which belongs to no lead.
#[must_use]
pub fn endpoint_disabled(endpoint_id: EndpointId, reason: DisabledReason, at: Timestamp) -> String {
    let data = Data { endpoint_id: Some(endpoint_id), ..Data::default() };
    body(EventType::EndpointDisabled, at, 1, &Data { reason: Some(reason.as_str()), ..data })
}

/// What may stand in `data`.
#[derive(Default, Serialize)]
#[serde(default)]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_id: Option<LeadId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_id: Option<EndpointId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vertical: Option<&'a VerticalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_id: Option<&'a CampaignId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ping_id: Option<PingId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bid_id: Option<BidId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_id: Option<PostId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<Disposition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payout: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sales: Option<Vec<Sale>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_band: Option<PriceBand>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome_id: Option<OutcomeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a OutcomeDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<bool>,
}

#[derive(Serialize)]
struct Sale {
    seat: u8,
    payout: Money,
}

/// Where the winning price lies: `from` and above, below `below`.
#[derive(Serialize)]
struct PriceBand {
    from: Money,
    below: Money,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    event_type: EventType,
    timestamp: Timestamp,
    sequence: u64,
    data: &'a Data<'a>,
}

fn body(event_type: EventType, timestamp: Timestamp, sequence: u64, data: &Data<'_>) -> String {
    serde_json::to_string(&Body { event_type, timestamp, sequence, data })
        .expect("a struct of texts and numbers always serializes")
}

/// The events told so far, part by part.
struct Story<'a> {
    opened: &'a Opened,
    telling: Telling<'a>,
    /// Whether the vendor was told that the end is not known yet.
    is_pending: bool,
    part: u32,
    numbers: BTreeMap<Party, u64>,
    told: Vec<Told>,
}

impl Story<'_> {
    fn tell(&mut self, to: Party, event_type: EventType, at: Timestamp, data: Data<'_>) {
        let number = self.numbers.entry(to.clone()).or_default();
        *number += 1;
        let sequence = *number;
        let data = Data { test: Some(self.opened.test), ..data };
        let of_part = self.told.iter().filter(|told| told.part == self.part).count();
        self.told.push(Told {
            to,
            event_type,
            part: self.part,
            place: u32::try_from(of_part).unwrap_or(u32::MAX),
            sequence,
            at,
            body: body(event_type, at, sequence, &data),
        });
    }

    fn tell_vendor(&mut self, event_type: EventType, at: Timestamp, data: Data<'_>) {
        let opened = self.opened;
        let data = Data { lead_id: Some(opened.lead_id), vertical: Some(&opened.vertical), ..data };
        self.tell(Party::Vendor(opened.vendor_id.clone()), event_type, at, data);
    }

    fn received(&mut self) {
        self.tell_vendor(EventType::LeadReceived, self.opened.received_at, Data::default());
    }

    fn posted(&mut self, post: &PostRecord, record: Option<&AuctionRecord>) {
        let at = post.attempts.last().map_or(self.opened.received_at, |attempt| attempt.at);
        match post.outcome {
            PostResult::Unknown if !self.is_pending => {
                self.is_pending = true;
                let disposition = Some(Disposition::Pending);
                let data = Data { disposition, ..Data::default() };
                self.tell_vendor(EventType::LeadPending, at, data);
            }
            PostResult::Accepted => self.won(post, at, record),
            _ => {}
        }
    }

    fn won(&mut self, post: &PostRecord, at: Timestamp, record: Option<&AuctionRecord>) {
        let candidate = record.and_then(|record| {
            record.candidates.iter().find(|known| known.campaign_id == post.campaign_id)
        });
        let data = Data {
            lead_id: Some(self.opened.lead_id),
            vertical: Some(&self.opened.vertical),
            campaign_id: Some(&post.campaign_id),
            ping_id: candidate.and_then(|known| known.ping.as_ref()).map(|ping| ping.ping_id),
            bid_id: candidate.and_then(|known| known.bid.as_ref()).map(|bid| bid.bid_id),
            post_id: Some(post.post_id),
            seat: Some(post.seat),
            price: Some(post.price),
            currency: Some(self.telling.currency),
            ..Data::default()
        };
        self.tell(Party::Buyer(post.buyer_id.clone()), EventType::BidWon, at, data);
    }

    fn closed(&mut self, closed: &Closed, record: Option<&AuctionRecord>) {
        let at = closed.closed_at;
        let event_type = match closed.disposition {
            Disposition::Sold => Some(EventType::LeadSold),
            Disposition::Unsold | Disposition::Refused | Disposition::Expired => {
                Some(EventType::LeadUnsold)
            }
            Disposition::Unresolved | Disposition::Pending | Disposition::Offered => None,
        };
        if let Some(event_type) = event_type {
            let data = self.end(closed);
            self.tell_vendor(event_type, at, data);
        }
        if self.is_pending {
            let data = self.end(closed);
            self.tell_vendor(EventType::LeadResolved, at, data);
        }
        for candidate in record.map_or(&[][..], |record| &record.candidates) {
            self.lost(candidate, closed);
        }
    }

    fn end<'b>(&self, closed: &Closed) -> Data<'b>
    where
        Self: 'b,
    {
        let sales = closed.money.iter().map(|seat| Sale { seat: seat.seat, payout: seat.payout });
        let payouts = closed.money.iter().map(|seat| seat.payout);
        let payout = payouts
            .fold(Money::ZERO, |total, payout| total.checked_add(payout).unwrap_or(Money::MAX));
        Data {
            disposition: Some(closed.disposition),
            reason: closed.reason.map(Reason::as_str),
            payout: Some(payout),
            sales: Some(sales.collect()),
            ..Data::default()
        }
    }

    /// A campaign that named a price and does not have the lead.
    fn lost(&mut self, candidate: &CandidateRecord, closed: &Closed) {
        let reason = candidate.lost_reason.filter(|_| candidate.bid.is_some()).map(Lost::as_str);
        let no_bid = candidate.ping.as_ref().and_then(|ping| ping.reason);
        let Some(reason) = reason.or_else(|| no_bid.and_then(refused_bid)) else { return };
        let is_outbid = candidate.lost_reason == Some(Lost::Outbid);
        let data = Data {
            vertical: Some(&self.opened.vertical),
            campaign_id: Some(&candidate.campaign_id),
            ping_id: candidate.ping.as_ref().map(|ping| ping.ping_id),
            bid_id: candidate.bid.as_ref().map(|bid| bid.bid_id),
            reason: Some(reason),
            price: candidate.bid.as_ref().map(|bid| bid.price),
            currency: Some(self.telling.currency),
            price_band: if is_outbid { self.band(closed) } else { None },
            ..Data::default()
        };
        let to = Party::Buyer(candidate.buyer_id.clone());
        self.tell(to, EventType::BidLost, closed.closed_at, data);
    }

    /// The band of the lowest price that won.
    fn band(&self, closed: &Closed) -> Option<PriceBand> {
        let width = self.telling.price_band_width.ten_thousandths();
        let winning = closed.money.iter().map(|seat| seat.price).min()?;
        if width <= 0 {
            return None;
        }
        let from = winning.ten_thousandths() / width * width;
        let from = Money::from_ten_thousandths(from)?;
        Some(PriceBand { from, below: from.checked_add(self.telling.price_band_width)? })
    }

    fn fact(&mut self, fact: &Fact) {
        let Some(outcome) = &fact.outcome else { return };
        let Outcome { outcome_id, outcome_type, occurred_at, data: reported, .. } = outcome;
        let data = Data {
            outcome_id: Some(*outcome_id),
            occurred_at: Some(*occurred_at),
            data: Some(reported),
            ..Data::default()
        };
        self.tell_vendor(outcome_type.event_type(), fact.at, data);
    }
}

/// Why a reply that named a price was no bid.
fn refused_bid(reason: NoBid) -> Option<&'static str> {
    match reason {
        NoBid::BelowFloor
        | NoBid::AboveMaxBid
        | NoBid::InvalidPrice
        | NoBid::OtherCurrency
        | NoBid::SeatsNotOffered
        | NoBid::Late => Some(reason.as_str()),
        NoBid::Declined
        | NoBid::Timeout
        | NoBid::NotSent
        | NoBid::HttpStatus
        | NoBid::Redirect
        | NoBid::Empty
        | NoBid::Malformed
        | NoBid::Oversized
        | NoBid::Compressed => None,
    }
}

#[cfg(test)]
mod tests;
