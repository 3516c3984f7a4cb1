//! Offers: the priced, expiring answer to a vendor's ping, and what the vendor's post makes of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bid::SeatsWanted;
use super::ids::OfferId;
use super::money::Money;
use super::schema::UtcTime;
use super::slug::CampaignId;

/// The most offers that answer one ping.
pub const OFFERS_MAX: usize = 10;

/// One offer, as the vendor sees it. Offers of one ping are alternatives, best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// Names it in the vendor's post.
    pub offer_id: OfferId,
    /// What the vendor gets if the lead is sold to it: never less.
    pub payout: Money,
    /// Which seats it is for.
    pub seats: SeatsWanted,
    /// The legal entity that its bid named; absent unless the buyer shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_name: Option<String>,
}

/// The part of a decision record about offers that were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offered {
    /// When.
    #[schemars(with = "UtcTime")]
    pub offered_at: Timestamp,
    /// Until when they bind.
    #[schemars(with = "UtcTime")]
    pub expires_at: Timestamp,
    /// The offers, best first.
    pub offers: Vec<OfferRecord>,
}

/// One offer, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferRecord {
    /// The offer.
    pub offer_id: OfferId,
    /// Whose bid stands behind it.
    pub campaign_id: CampaignId,
    /// What the vendor was offered.
    pub payout: Money,
}

/// The part of a decision record about the vendor's post that took offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OfferTaken")]
pub struct Taken {
    /// When.
    #[schemars(with = "UtcTime")]
    pub taken_at: Timestamp,
    /// Which, best first.
    pub offer_ids: Vec<OfferId>,
    /// From what payout on anybody else may get the lead.
    pub min_payout: Money,
}

/// A vendor's ping in a whole decision record: what was offered, and what was taken of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PingAndPost {
    /// What was offered.
    #[serde(flatten)]
    pub offered: Offered,
    /// What the vendor took, once it has.
    #[serde(default)]
    pub taken: Option<Taken>,
}
