//! Auctions to be recorded.

use jiff::Timestamp;

use crate::domain::bid::{NoBid, SeatsWanted};
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::{BidId, LeadId, Partition, PingId, PostId};
use crate::domain::money::Money;
use crate::domain::record::{
    BidRecord, CandidateRecord, CandidateVerdict, Closed, Fact, Opened, Part, PingRecord,
    PingResult, PostAttempt, PostRecord, PostResult, Ranked, RoundResult, SeatMoney,
};
use crate::domain::slug::{CampaignId, VendorId};
use crate::domain::time::plus_ms;
use crate::ports::records::RecordPart;

/// 2026-11-23T14:00:00Z.
const START_MS: i64 = 1_795_442_400_000;

/// How an auction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::records) enum End {
    Sold,
    Unsold,
    StillOpen,
}

/// One auction; its number makes all its ids and times different from those of others.
#[derive(Debug, Clone, Copy)]
pub(in crate::records) struct Sample {
    pub(in crate::records) number: u16,
    pub(in crate::records) vendor: &'static str,
    pub(in crate::records) end: End,
}

impl Sample {
    pub(in crate::records) fn new(number: u16, vendor: &'static str, end: End) -> Self {
        Self { number, vendor, end }
    }

    /// One second after the one before; a later number in another partition.
    pub(in crate::records) fn received_at(self) -> Timestamp {
        let start = Timestamp::from_millisecond(START_MS).unwrap();
        plus_ms(start, i64::from(self.number) * 1_000)
    }

    pub(in crate::records) fn lead_id(self) -> LeadId {
        let partition = Partition(1_023 - self.number % 1_024);
        let ms = self.received_at().as_millisecond() as u128;
        LeadId::new(partition, (ms << 80) | 0x7abc_8def_0123_4567_89ab)
    }

    pub(in crate::records) fn ping_id(self) -> PingId {
        PingId::new(1_000_000 + u128::from(self.number))
    }

    pub(in crate::records) fn bid_id(self) -> BidId {
        BidId::new(2_000_000 + u128::from(self.number))
    }

    pub(in crate::records) fn post_id(self) -> PostId {
        PostId::new(self.lead_id().partition(), 3_000_000 + u128::from(self.number))
    }

    fn opened(self) -> Part {
        let candidate = |name: &str, verdict| CandidateRecord {
            campaign_id: campaign(name),
            buyer_id: "birch-life".parse().unwrap(),
            tier: 1,
            verdict,
            rule: None,
            fields_sent: vec!["state".to_owned()],
            disclosed: vec![],
            lost_reason: None,
            rank: None,
            ping: None,
            bid: None,
        };
        Part::Opened(Opened {
            lead_id: self.lead_id(),
            vendor_id: VendorId::parse(self.vendor).unwrap(),
            vertical: "final_expense".parse().unwrap(),
            registry_version: 7,
            floor: money("5"),
            test: self.number % 2 == 1,
            received_at: self.received_at(),
            candidates: vec![
                candidate("birch", CandidateVerdict::Pinged),
                candidate("cedar", CandidateVerdict::Pinged),
                candidate("doum", CandidateVerdict::FixedPrice),
            ],
        })
    }

    fn ranked(self) -> Part {
        let ping = |ping_id, result, reason| PingRecord {
            ping_id,
            result,
            reason,
            detail: None,
            words: None,
            http_status: Some(200),
            elapsed_ms: 40,
        };
        let bid = BidRecord {
            bid_id: self.bid_id(),
            price: money("24.5"),
            effective_price: money("24.5"),
            seats: SeatsWanted::Exclusive,
            phone_number: None,
        };
        let silent = PingId::new(4_000_000 + u128::from(self.number));
        Part::Ranked(Ranked {
            round: 1,
            results: vec![
                RoundResult {
                    campaign_id: campaign("birch"),
                    ping: Some(ping(self.ping_id(), PingResult::Bid, None)),
                    bid: Some(bid),
                    rank: Some(1),
                    lost_reason: None,
                },
                RoundResult {
                    campaign_id: campaign("cedar"),
                    ping: Some(ping(silent, PingResult::NoBid, Some(NoBid::Declined))),
                    bid: None,
                    rank: None,
                    lost_reason: None,
                },
            ],
        })
    }

    fn posted(self, outcome: PostResult, result: &str) -> Part {
        Part::Posted(PostRecord {
            post_id: self.post_id(),
            seat: 1,
            k: 0,
            campaign_id: campaign("birch"),
            buyer_id: "birch-life".parse().unwrap(),
            price: money("24.5"),
            outcome,
            reason: None,
            attempts: vec![PostAttempt {
                at: plus_ms(self.received_at(), 200),
                result: result.to_owned(),
                words: None,
                http_status: None,
                elapsed_ms: 15,
            }],
        })
    }

    fn closed(self) -> Option<Part> {
        let seat =
            SeatMoney { seat: 1, price: money("24.5"), margin: money("2.5"), payout: money("22") };
        let (disposition, reason, money) = match self.end {
            End::Sold => (Disposition::Sold, None, vec![seat]),
            End::Unsold => (Disposition::Unsold, Some(Reason::AllPostsRejected), vec![]),
            End::StillOpen => return None,
        };
        let closed_at = plus_ms(self.received_at(), 750);
        Some(Part::Closed(Closed {
            disposition,
            reason,
            closed_at,
            elapsed_ms: 750,
            overhead_ms: 12,
            money,
        }))
    }

    /// All parts in the order in which they happened.
    pub(in crate::records) fn story(self) -> Vec<Part> {
        let outcome = match self.end {
            End::Sold => PostResult::Accepted,
            End::Unsold => PostResult::Rejected,
            End::StillOpen => PostResult::Unknown,
        };
        let fact = Part::Fact(Fact {
            kind: "resolved_by_operator".to_owned(),
            at: plus_ms(self.received_at(), 900),
            post_id: Some(self.post_id()),
            note: Some("the buyer's mail of the 23rd".to_owned()),
            outcome: None,
        });
        let mut parts = vec![self.opened(), self.ranked()];
        parts.push(self.posted(PostResult::Unknown, "timeout"));
        parts.push(self.posted(outcome, "repeat"));
        parts.extend(self.closed());
        parts.push(fact);
        parts
    }

    /// The same as the outbox hands it over: sequences grow, with gaps, from 1.
    pub(in crate::records) fn parts(self) -> Vec<RecordPart> {
        let lead_id = self.lead_id();
        let part = |(index, part): (usize, Part)| RecordPart {
            lead_id,
            sequence: 1 + 3 * index as u32,
            part: serde_json::to_vec(&part).unwrap(),
        };
        self.story().into_iter().enumerate().map(part).collect()
    }
}

pub(in crate::records) fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn campaign(text: &str) -> CampaignId {
    CampaignId::parse(text).unwrap()
}
