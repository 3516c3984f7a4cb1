//! What happens between vendors and buyers: pings, bids, posts, auctions, holds.

use std::time::Duration;

use super::family::{Counters, Histograms};
use super::register::Register;
use super::{HoldResult, Metrics, OfferResult};
use crate::domain::bid::NoBid;
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::post::Verdict;
use crate::domain::slug::{BuyerId, CampaignId, VendorId, VerticalId};

/// A bidder answers in tens or hundreds of milliseconds; a round lasts seconds.
const PING_BUCKETS: [f64; 16] =
    [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0];

/// A buyer takes its time over a post: it writes the lead into its own systems first.
const POST_BUCKETS: [f64; 15] =
    [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 30.0];

/// A ping round and one post, or a whole cascade up to the longest auction.
const AUCTION_BUCKETS: [f64; 15] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0];

/// Our own share: a millisecond or two of fsync when all is well.
const OVERHEAD_BUCKETS: [f64; 13] =
    [0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The labelled families of the market.
#[derive(Debug)]
pub(super) struct Market {
    pings_sent: Counters<2>,
    bids: Counters<2>,
    no_bids: Counters<2>,
    late_replies: Counters<1>,
    ping_seconds: Histograms<1>,
    posts: Counters<2>,
    post_seconds: Histograms<1>,
    auctions: Counters<4>,
    auction_seconds: Histograms<1>,
    auction_overhead: Histograms<1>,
    submission_to_acceptance: Histograms<1>,
    holds: [prometheus::IntCounter; HoldResult::ALL.len()],
    offers: Counters<2>,
}

impl Market {
    pub(super) fn new(register: &Register) -> Self {
        Self {
            pings_sent: register.counters(
                "pings_sent_total",
                ["campaign", "buyer"],
                "Pings sent to buyers.",
            ),
            bids: register.counters("bids_total", ["campaign", "buyer"], "Valid bids received."),
            no_bids: register.counters(
                "no_bids_total",
                ["campaign", "reason"],
                "Pings that brought no bid, by reason.",
            ),
            late_replies: register.counters(
                "late_replies_total",
                ["campaign"],
                "Replies to pings that came after their round had closed.",
            ),
            ping_seconds: register.histograms(
                "ping_seconds",
                "buyer",
                &PING_BUCKETS,
                "From sending a ping to its reply or the end of waiting.",
            ),
            posts: register.counters(
                "posts_total",
                ["campaign", "outcome"],
                "Posts to winners, by what became of them.",
            ),
            post_seconds: register.histograms(
                "post_seconds",
                "buyer",
                &POST_BUCKETS,
                "From sending a post to its reply or the end of waiting.",
            ),
            auctions: register.counters(
                "auctions_total",
                ["vertical", "vendor", "disposition", "reason"],
                "Auctions that ended, by disposition and reason.",
            ),
            auction_seconds: register.histograms(
                "auction_seconds",
                "vertical",
                &AUCTION_BUCKETS,
                "From taking a lead in to the end of its auction.",
            ),
            auction_overhead: register.histograms(
                "auction_overhead_seconds",
                "vertical",
                &OVERHEAD_BUCKETS,
                "The part of an auction that no buyer caused.",
            ),
            submission_to_acceptance: register.histograms(
                "submission_to_acceptance_seconds",
                "vertical",
                &AUCTION_BUCKETS,
                "From taking a lead in to a buyer's acceptance.",
            ),
            holds: holds(register),
            offers: register.counters(
                "offers_total",
                ["vertical", "result"],
                "Vendors' pings that were offered a price, by what became of the offer.",
            ),
        }
    }
}

fn holds(register: &Register) -> [prometheus::IntCounter; HoldResult::ALL.len()] {
    let help = "Holds of buyers' money and cap room, by result.";
    let holds = register.counters("holds_total", ["result"], help);
    HoldResult::ALL.map(|result| holds.of([result.as_str()]))
}

impl Metrics {
    /// Pings sent to buyers.
    pub fn pings_sent(&self, campaign: &CampaignId, buyer: &BuyerId) {
        self.market.pings_sent.of([campaign.as_str(), buyer.as_str()]).inc();
    }

    /// Valid bids received.
    pub fn bids(&self, campaign: &CampaignId, buyer: &BuyerId) {
        self.market.bids.of([campaign.as_str(), buyer.as_str()]).inc();
    }

    /// Pings that brought no bid, by reason.
    pub fn no_bids(&self, campaign: &CampaignId, reason: NoBid) {
        self.market.no_bids.of([campaign.as_str(), reason.as_str()]).inc();
    }

    /// Replies to pings that came after their round had closed.
    pub fn late_replies(&self, campaign: &CampaignId) {
        self.market.late_replies.of([campaign.as_str()]).inc();
    }

    /// From sending a ping to its reply or the end of waiting.
    pub fn ping_seconds(&self, buyer: &BuyerId, elapsed: Duration) {
        self.market.ping_seconds.of([buyer.as_str()]).observe(elapsed.as_secs_f64());
    }

    /// Posts to winners, by what became of them.
    pub fn posts(&self, campaign: &CampaignId, outcome: Verdict) {
        self.market.posts.of([campaign.as_str(), outcome.as_str()]).inc();
    }

    /// From sending a post to its reply or the end of waiting.
    pub fn post_seconds(&self, buyer: &BuyerId, elapsed: Duration) {
        self.market.post_seconds.of([buyer.as_str()]).observe(elapsed.as_secs_f64());
    }

    /// Auctions that ended, by disposition and reason.
    pub fn auctions(
        &self,
        vertical: &VerticalId,
        vendor: &VendorId,
        disposition: Disposition,
        reason: Option<Reason>,
    ) {
        let reason = reason.map_or("none", Reason::as_str);
        let labels = [vertical.as_str(), vendor.as_str(), disposition.as_str(), reason];
        self.market.auctions.of(labels).inc();
    }

    /// From taking a lead in to the end of its auction.
    pub fn auction_seconds(&self, vertical: &VerticalId, elapsed: Duration) {
        self.market.auction_seconds.of([vertical.as_str()]).observe(elapsed.as_secs_f64());
    }

    /// The part of an auction that no buyer caused.
    pub fn auction_overhead(&self, vertical: &VerticalId, overhead: Duration) {
        self.market.auction_overhead.of([vertical.as_str()]).observe(overhead.as_secs_f64());
    }

    /// From taking a lead in to a buyer's acceptance.
    pub fn submission_to_acceptance(&self, vertical: &VerticalId, elapsed: Duration) {
        self.market.submission_to_acceptance.of([vertical.as_str()]).observe(elapsed.as_secs_f64());
    }

    /// Vendors' pings that were offered a price, by what became of the offer.
    pub fn offers(&self, vertical: &VerticalId, result: OfferResult) {
        self.market.offers.of([vertical.as_str(), result.as_str()]).inc();
    }

    /// Holds of buyers' money and cap room, by result.
    pub fn holds(&self, result: HoldResult) {
        self.market.holds[result as usize].inc();
    }
}
