//! The notes an auction keeps with itself in the store, so that any node can go on with it.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::bid::SeatsWanted;
use crate::domain::ids::PingId;
use crate::domain::lead::Warning;
use crate::domain::money::{Money, Percent};
use crate::domain::slug::{CampaignId, VerticalId};

/// What was fixed when the lead came in. No consumer's data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuctionPlan {
    /// The product line.
    pub vertical: VerticalId,
    /// The exchange's share of the price.
    pub margin: Percent,
    /// The lowest price that can win.
    pub price_floor: Money,
    /// The currency of all amounts.
    pub currency: String,
    /// When the lead came in.
    pub received_at: Timestamp,
    /// When the auction must be over, unknown posts apart.
    pub deadline: Timestamp,
    /// How many campaigns are pinged.
    pub pinged: u32,
    /// Who may be asked: whoever goes on with the lead asks nobody else.
    pub invited: Vec<CampaignId>,
    /// Whether it is a test lead.
    pub test: bool,
    /// What the vendor is told was left aside.
    pub warnings: Vec<Warning>,
    /// The duplicate claim that belongs to the lead.
    pub duplicate: Option<[u8; 32]>,
}

impl AuctionPlan {
    /// The form kept by the store.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("a struct of texts and numbers always serializes").into()
    }

    /// Reads [`AuctionPlan::to_bytes`]; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What a post needs of its bid beside the price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostTerms {
    /// The ping the bid answered; none for a fixed price.
    pub ping_id: Option<PingId>,
    /// The buyer's own reference.
    pub reference: Option<String>,
    /// What is sold.
    pub seats: SeatsWanted,
}

impl PostTerms {
    /// The form kept by the store.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("a struct of texts always serializes").into()
    }

    /// Reads [`PostTerms::to_bytes`]; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
