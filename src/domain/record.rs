//! The decision record: everything that can be said about one auction afterwards.
//!
//! An auction writes it in *parts*, one at each durable step, so that a crash loses none of what
//! was decided; [`AuctionRecord::assemble`] puts the parts together again. No part holds a
//! consumer's data.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bid::{Lost, NoBid, SeatsWanted};
use super::disposition::{Disposition, Reason};
use super::ids::{BidId, LeadId, PingId, PostId};
use super::money::Money;
use super::offer::{Offered, PingAndPost, Taken};
use super::outcome::Outcome;
use super::schema::UtcTime;
use super::slug::{BuyerId, CampaignId, VendorId, VerticalId};

/// One part of a decision record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Part {
    /// The lead came in; who was considered.
    Opened(Opened),
    /// A round was ranked: pings, bids, losers.
    Ranked(Ranked),
    /// A vendor's ping was answered with offers.
    Offered(Offered),
    /// The vendor's post took some of them.
    Taken(Taken),
    /// A candidate was passed over when its turn came, without a post.
    Skipped(Skipped),
    /// What is known of a post; a later part of the same post adds its attempts.
    Posted(PostRecord),
    /// The end.
    Closed(Closed),
    /// Something that happened after the end, or beside it.
    Fact(Fact),
}

/// The first part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The lead.
    pub lead_id: LeadId,
    /// Who submitted it.
    pub vendor_id: VendorId,
    /// The product line.
    pub vertical: VerticalId,
    /// The registry version the auction ran on.
    pub registry_version: i64,
    /// The lowest price that could win.
    pub floor: Money,
    /// Whether it is a test lead.
    pub test: bool,
    /// When it came in.
    pub received_at: Timestamp,
    /// Every campaign of the vertical, with its verdict.
    pub candidates: Vec<CandidateRecord>,
}

/// One ranked round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// From 1.
    pub round: u16,
    /// What the pings brought, per campaign.
    pub results: Vec<RoundResult>,
}

/// What one campaign's ping brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundResult {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Its ping; `None` for a fixed price.
    pub ping: Option<PingRecord>,
    /// Its bid.
    pub bid: Option<BidRecord>,
    /// Its place in the ranking, from 1.
    pub rank: Option<u16>,
    /// Why it is not in the ranking.
    pub lost_reason: Option<Lost>,
}

/// A candidate that was passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Why.
    pub lost_reason: Lost,
    /// The rule, such as `cap:day` or `balance`.
    pub rule: Option<String>,
}

/// The last part of the auction proper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    /// How it ended.
    pub disposition: Disposition,
    /// Why it was not sold.
    pub reason: Option<Reason>,
    /// When.
    pub closed_at: Timestamp,
    /// From intake to the end.
    pub elapsed_ms: i64,
    /// The share of it that no buyer caused.
    pub overhead_ms: i64,
    /// What each seat brought.
    pub money: Vec<SeatMoney>,
}

/// A fact beside the auction: a conflict, an adjudication, an operator's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What it is: `conflict`, `adjudicated`, `resolved_by_operator`, `outcome` ...
    pub kind: String,
    /// When.
    #[schemars(with = "UtcTime")]
    pub at: Timestamp,
    /// The post it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_id: Option<PostId>,
    /// More, never a consumer's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What a buyer reported of a lead it bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What was decided about a campaign before the first ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CandidateVerdict {
    /// Not asked; the rule says why.
    Excluded,
    /// Asked.
    Pinged,
    /// Not asked, because its price is known.
    FixedPrice,
    /// Not asked, because the lead was refused before anybody was.
    NotAsked,
}

/// One campaign's part in an auction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateRecord {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Its buyer.
    pub buyer_id: BuyerId,
    /// Its tier, from 1.
    pub tier: u16,
    /// The verdict.
    pub verdict: CandidateVerdict,
    /// The rule that excluded it, or that it met when its turn came.
    pub rule: Option<String>,
    /// Names of the fields its ping showed.
    #[serde(default)]
    pub fields_sent: Vec<String>,
    /// Disclosures that added something to its ping.
    #[serde(default)]
    pub disclosed: Vec<String>,
    /// Why it did not get the lead.
    #[serde(default)]
    pub lost_reason: Option<Lost>,
    /// Its place in the ranking, from 1.
    #[serde(default)]
    pub rank: Option<u16>,
    /// Its ping.
    #[serde(default)]
    pub ping: Option<PingRecord>,
    /// Its bid.
    #[serde(default)]
    pub bid: Option<BidRecord>,
}

/// A ping and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PingRecord {
    /// Its id.
    pub ping_id: PingId,
    /// `bid` or `no_bid`.
    pub result: PingResult,
    /// Why there is no bid.
    pub reason: Option<NoBid>,
    /// More about a ping that was not sent or not answered: `breaker_open`, `throttled`, or what
    /// the wire says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What the buyer said of it, without what it had of the lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The reply's status.
    pub http_status: Option<u16>,
    /// From sending to the reply's last byte, or to the end of waiting.
    pub elapsed_ms: i64,
}

/// Whether a ping brought a bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PingResult {
    /// It did.
    Bid,
    /// It did not.
    NoBid,
}

/// A bid as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BidRecord {
    /// Its id.
    pub bid_id: BidId,
    /// The price bid.
    pub price: Money,
    /// The price it was ranked by.
    pub effective_price: Money,
    /// Which seats it was for.
    pub seats: SeatsWanted,
    /// The buyer's number to connect a call to, of a bid for a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
}

/// How a post ended, as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostResult {
    /// Sold.
    Accepted,
    /// Refused.
    Rejected,
    /// Never delivered.
    NotSent,
    /// Not known.
    Unknown,
    /// Not known, and left by policy.
    GivenUp,
    /// Accepted after another definite verdict.
    Conflict,
}

/// A post and its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostRecord {
    /// Its id.
    pub post_id: PostId,
    /// The seat, from 1.
    pub seat: u8,
    /// Index into the ranking.
    pub k: u16,
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Its buyer.
    pub buyer_id: BuyerId,
    /// The price.
    pub price: Money,
    /// How it ended, as far as known.
    pub outcome: PostResult,
    /// Why it was not accepted.
    pub reason: Option<String>,
    /// Each delivery, repeat and inquiry.
    pub attempts: Vec<PostAttempt>,
}

/// One delivery, repeat or inquiry of a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PostAttempt {
    /// When it began.
    #[schemars(with = "UtcTime")]
    pub at: Timestamp,
    /// What came of it: a verdict, or the wire's reason.
    pub result: String,
    /// What the buyer said of it, without what it had of the lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The reply's status.
    pub http_status: Option<u16>,
    /// How long it took.
    pub elapsed_ms: i64,
}

/// What one seat brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeatMoney {
    /// The seat, from 1.
    pub seat: u8,
    /// What the buyer pays.
    pub price: Money,
    /// What the exchange keeps; negative where it pays at its own risk.
    pub margin: Money,
    /// What the vendor gets.
    pub payout: Money,
}

/// A whole decision record: the body of `GET /v1/auctions/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuctionRecord {
    /// The auction's id.
    pub id: String,
    /// The lead.
    pub lead_id: LeadId,
    /// Who submitted it.
    pub vendor_id: VendorId,
    /// The product line.
    pub vertical: VerticalId,
    /// The registry version it ran on.
    pub registry_version: i64,
    /// `received`, `offered`, `decided` or `closed`.
    pub state: String,
    /// How it ended, or `pending`, or `offered`.
    pub disposition: Disposition,
    /// Why it was not sold.
    pub reason: Option<Reason>,
    /// The lowest price that could win.
    pub floor: Money,
    /// Whether it is a test lead.
    pub test: bool,
    /// When it came in.
    #[schemars(with = "UtcTime")]
    pub received_at: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<UtcTime>")]
    pub closed_at: Option<Timestamp>,
    /// From intake to the end.
    pub elapsed_ms: Option<i64>,
    /// The share of it that no buyer caused.
    pub overhead_ms: Option<i64>,
    /// What a vendor's ping was offered and what its post took; absent without a ping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<PingAndPost>,
    /// Every campaign considered.
    pub candidates: Vec<CandidateRecord>,
    /// Every post.
    pub posts: Vec<PostRecord>,
    /// What each seat brought.
    pub money: Vec<SeatMoney>,
    /// What happened beside or after it.
    pub facts: Vec<Fact>,
}

impl AuctionRecord {
    /// Puts the parts of one auction together, given in the order in which they were written.
    ///
    /// `None` while the first part is missing.
    #[must_use]
    pub fn assemble(parts: impl IntoIterator<Item = Part>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let Some(Part::Opened(opened)) = parts.next() else { return None };
        let mut record = Self::opened(opened);
        for part in parts {
            record.add(part);
        }
        Some(record)
    }

    fn opened(opened: Opened) -> Self {
        Self {
            id: opened.lead_id.auction_id(),
            lead_id: opened.lead_id,
            vendor_id: opened.vendor_id,
            vertical: opened.vertical,
            registry_version: opened.registry_version,
            state: "received".to_owned(),
            disposition: Disposition::Pending,
            reason: None,
            floor: opened.floor,
            test: opened.test,
            received_at: opened.received_at,
            closed_at: None,
            elapsed_ms: None,
            overhead_ms: None,
            offer: None,
            candidates: opened.candidates,
            posts: Vec::new(),
            money: Vec::new(),
            facts: Vec::new(),
        }
    }

    fn add(&mut self, part: Part) {
        match part {
            Part::Opened(_) => {}
            Part::Ranked(ranked) => {
                self.state = "decided".to_owned();
                ranked.results.into_iter().for_each(|result| self.add_result(result));
            }
            Part::Offered(offered) => {
                self.state = "offered".to_owned();
                self.disposition = Disposition::Offered;
                self.offer = Some(PingAndPost { offered, taken: None });
            }
            Part::Taken(taken) => {
                self.state = "decided".to_owned();
                self.disposition = Disposition::Pending;
                if let Some(offer) = &mut self.offer {
                    offer.taken = Some(taken);
                }
            }
            Part::Skipped(skipped) => {
                if let Some(candidate) = self.candidate(&skipped.campaign_id) {
                    candidate.lost_reason = Some(skipped.lost_reason);
                    candidate.rule = skipped.rule;
                }
            }
            Part::Posted(post) => self.add_post(post),
            Part::Closed(closed) => {
                self.mark_not_asked(closed.disposition);
                self.state = "closed".to_owned();
                self.disposition = closed.disposition;
                self.reason = closed.reason;
                self.closed_at = Some(closed.closed_at);
                self.elapsed_ms = Some(closed.elapsed_ms);
                self.overhead_ms = Some(closed.overhead_ms);
                self.money = closed.money;
                self.mark_outbid();
            }
            Part::Fact(fact) => self.facts.push(fact),
        }
    }

    fn candidate(&mut self, campaign: &CampaignId) -> Option<&mut CandidateRecord> {
        self.candidates.iter_mut().find(|candidate| candidate.campaign_id == *campaign)
    }

    fn add_result(&mut self, result: RoundResult) {
        if let Some(candidate) = self.candidate(&result.campaign_id) {
            candidate.ping = result.ping;
            candidate.bid = result.bid;
            candidate.rank = result.rank;
            candidate.lost_reason = result.lost_reason;
        }
    }

    fn add_post(&mut self, post: PostRecord) {
        if let Some(candidate) = self.candidate(&post.campaign_id) {
            candidate.lost_reason = match post.outcome {
                PostResult::Accepted | PostResult::Unknown => None,
                PostResult::Rejected => Some(Lost::PostRejected),
                PostResult::NotSent => Some(Lost::PostNotSent),
                PostResult::GivenUp => Some(Lost::PostUnknown),
                // It said yes too late: it stays a loser, and the post shows the conflict.
                PostResult::Conflict => candidate.lost_reason,
            };
        }
        match self.posts.iter_mut().find(|known| known.post_id == post.post_id) {
            Some(known) => {
                known.outcome = post.outcome;
                known.reason = post.reason;
                known.attempts.extend(post.attempts);
            }
            None => self.posts.push(post),
        }
    }

    /// Before a refusal of a lead that no round was held for, nobody was pinged.
    fn mark_not_asked(&mut self, disposition: Disposition) {
        if disposition != Disposition::Refused || self.state != "received" {
            return;
        }
        let is_pinged =
            |candidate: &&mut CandidateRecord| candidate.verdict == CandidateVerdict::Pinged;
        for candidate in self.candidates.iter_mut().filter(is_pinged) {
            candidate.verdict = CandidateVerdict::NotAsked;
            candidate.fields_sent.clear();
            candidate.disclosed.clear();
        }
    }

    /// Ranked candidates that were never asked to take the lead were outbid, if somebody took it.
    fn mark_outbid(&mut self) {
        let sold = self.disposition == Disposition::Sold;
        let posted: Vec<CampaignId> =
            self.posts.iter().map(|post| post.campaign_id.clone()).collect();
        for candidate in &mut self.candidates {
            let was_ranked = candidate.rank.is_some() && candidate.lost_reason.is_none();
            if was_ranked && !posted.contains(&candidate.campaign_id) {
                candidate.lost_reason = Some(if sold { Lost::Outbid } else { Lost::Expired });
            }
        }
    }
}

#[cfg(test)]
mod tests;
