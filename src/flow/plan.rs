//! The notes an auction keeps with itself in the store, so that any node can go on with it.

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::bid::SeatsWanted;
use crate::domain::ids::{OfferId, PingId};
use crate::domain::lead::Warning;
use crate::domain::money::{Money, Percent};
use crate::domain::offer::Offer;
use crate::domain::slug::{CampaignId, VerticalId};

/// Notes in the form in which the store keeps them, which it does not look into.
pub trait Notes: Serialize + DeserializeOwned {
    /// That form.
    #[must_use]
    fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("notes are structs of texts and numbers").into()
    }

    /// Reads [`Notes::to_bytes`]; `None` for anything else, such as no notes at all.
    #[must_use]
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

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
    /// Whether a vendor's ping brought it in, so that it is offered before it is posted.
    #[serde(default)]
    pub is_ping: bool,
}

impl Notes for AuctionPlan {}

/// What a post needs of its bid beside the price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostTerms {
    /// The ping the bid answered; none for a fixed price.
    pub ping_id: Option<PingId>,
    /// The buyer's own reference.
    pub reference: Option<String>,
    /// What is sold.
    pub seats: SeatsWanted,
    /// The legal entity the bid named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_name: Option<String>,
    /// The buyer's number to connect a call to, of a bid for a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Whether connecting the call is all that the buyer gets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_call: bool,
    /// The round it was bid in, from 1.
    #[serde(default)]
    pub round: u16,
}

impl Notes for PostTerms {}

/// What a vendor's ping was answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferNotes {
    /// The answer's body, sent byte for byte on each repeat of the ping.
    pub answer: String,
    /// The offers, in the order of the ranking.
    pub offers: Vec<Offer>,
    /// When they were made.
    pub offered_at: Timestamp,
    /// How long buyers were waited for before, in milliseconds.
    pub waited_ms: u64,
}

impl Notes for OfferNotes {}

/// What a vendor's post took, and what it fixed for the rest of the auction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenNotes {
    /// Keyed fingerprint of the post's canonical body.
    pub fingerprint: [u8; 32],
    /// The offers, best first.
    pub offer_ids: Vec<OfferId>,
    /// Their places in the ranking.
    pub places: Vec<u16>,
    /// From what payout on anybody else may get the lead.
    pub min_payout: Money,
    /// When.
    pub taken_at: Timestamp,
    /// When the auction must be over, unknown posts apart.
    pub deadline: Timestamp,
    /// Whether consent lacks what the vertical requires.
    pub is_consent_missing: bool,
    /// What the vendor is told was left aside of its post.
    pub warnings: Vec<Warning>,
    /// The duplicate claim that belongs to the lead.
    pub duplicate: Option<[u8; 32]>,
}

impl Notes for TakenNotes {}
