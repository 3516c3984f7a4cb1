//! Auctions: one lead's run from intake to disposition, as the in-flight store sees it
//! (PROTOCOL a3). Only the store moves these states; everybody else reads them.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::disposition::Disposition;
use super::ids::{BidId, LeadId, PostId};
use super::money::Money;
use super::post::Verdict;
use super::slug::{BuyerId, CampaignId, VendorId};

/// Where a lead stands. `Received` covers the pings, which leave no durable trace of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeadState {
    /// Taken in; being pinged.
    Received,
    /// Ranked and waiting for the vendor's post until `expires_at`.
    Offered {
        /// When the offer ends, by the store's time.
        expires_at: Timestamp,
    },
    /// Ranked; being posted.
    Decided,
    /// Ended, with its final answer.
    Closed,
}

/// Where one seat stands; `k` is the rank's index being or last tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeatState {
    /// Nobody has it and nobody is being asked.
    Open,
    /// A post to candidate `k` may be on its way.
    Posting {
        /// The candidate.
        k: u16,
    },
    /// The fate of the post to candidate `k` is unknown.
    Unknown {
        /// The candidate.
        k: u16,
    },
    /// Candidate `k` has it.
    Sold {
        /// The candidate.
        k: u16,
    },
    /// The fate of the post to candidate `k` stayed unknown to the end of the window.
    Unresolved {
        /// The candidate.
        k: u16,
    },
}

impl SeatState {
    /// Whether a post of this seat may be with a buyer without our knowing.
    #[must_use]
    pub const fn is_locked(self) -> bool {
        matches!(self, Self::Posting { .. } | Self::Unknown { .. })
    }
}

/// One candidate of an immutable ranking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankEntry {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its buyer.
    pub buyer: BuyerId,
    /// The buyer's legal entity.
    pub legal_entity: String,
    /// The bid's id.
    pub bid_id: BidId,
    /// The price the buyer pays.
    pub price: Money,
    /// Until when the bid holds.
    pub valid_until: Timestamp,
    /// What the post needs of the bid beside the price (ping id, reference, seats), opaque to the
    /// store.
    pub terms: Bytes,
}

/// Names one hold of money and cap room: one seat of one lead for one campaign.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HoldId {
    /// The lead.
    pub lead_id: LeadId,
    /// The seat, from 1.
    pub seat: u8,
    /// The campaign.
    pub campaign: CampaignId,
}

/// An account that money is counted on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Account {
    /// A buyer's: deposits, prices posted, holds.
    Buyer(BuyerId),
    /// A vendor's: payouts.
    Vendor(VendorId),
}

/// One try to fill a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Index into the ranking.
    pub k: u16,
    /// The campaign, equal to the ranking's at `k`.
    pub campaign: CampaignId,
    /// The post's id.
    pub post_id: PostId,
    /// When the intent was written.
    pub intended_at: Timestamp,
    /// The verdict, once there is one; a definite one never changes.
    pub verdict: Option<Verdict>,
    /// Whether a buyer accepted after another definite verdict: alarmed, never billed.
    pub has_conflict: bool,
}

/// One seat of a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Where it stands.
    pub state: SeatState,
    /// What was tried, in order of `k`.
    pub attempts: Vec<Attempt>,
}

impl Seat {
    /// The last attempt, if any.
    #[must_use]
    pub fn last(&self) -> Option<&Attempt> {
        self.attempts.last()
    }
}

/// A stored answer to the vendor: sent byte for byte, now and on every replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Bytes,
}

/// How a lead ends, with what the vendor is told for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The disposition.
    pub disposition: Disposition,
    /// The answer.
    pub answer: StoredAnswer,
}

/// All the store knows about one lead, its sealed parts apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadView {
    /// The lead.
    pub lead_id: LeadId,
    /// Who submitted it.
    pub vendor: VendorId,
    /// Where it stands.
    pub state: LeadState,
    /// Grows with each change of owner; a writer with an older one changes nothing.
    pub fence: u64,
    /// Until when the owner may act, by the store's time.
    pub lease_until: Timestamp,
    /// Keyed fingerprint of the canonical body.
    pub fingerprint: [u8; 32],
    /// The registry version the auction runs on.
    pub registry_version: i64,
    /// The seats; seat numbers count from 1, this list from 0.
    pub seats: Vec<Seat>,
    /// Rounds ranked so far.
    pub rounds: u16,
    /// The ranking; `k` runs on over rounds.
    pub rank: Vec<RankEntry>,
    /// The end, once there is one.
    pub closing: Option<Closing>,
    /// The owner's notes (deadlines, prices, who was asked), opaque to the store.
    pub plan: Bytes,
    /// What the vendor was offered, opaque to the store; empty before an offer.
    pub offers: Bytes,
    /// Which offers the vendor took, opaque to the store; empty before that.
    pub taken: Bytes,
    /// When it was taken in.
    pub created_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// Facts appended after the end, opaque to the store.
    pub facts: Vec<Bytes>,
}

impl LeadView {
    /// Whether some post may be with a buyer without our knowing.
    #[must_use]
    pub fn has_locked_seat(&self) -> bool {
        self.seats.iter().any(|seat| seat.state.is_locked())
    }

    /// Whether it is over and no buyer has it, as far as anybody can know.
    #[must_use]
    pub fn has_ended_unsold(&self) -> bool {
        self.closing.is_some() && self.seats.iter().all(|seat| seat.state == SeatState::Open)
    }
}
