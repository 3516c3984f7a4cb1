//! Dispositions: how an auction ended, as the vendor is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an auction ended, or that it has not.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Not ended yet.
    Pending,
    /// A buyer has it.
    Sold,
    /// Nobody has it.
    Unsold,
    /// It was not put up for sale.
    Refused,
    /// A post's fate stayed unknown to the end of the window; the payout is zero.
    Unresolved,
    /// An offer ran out.
    Expired,
    /// Not ended yet: it is offered at a price, and waits for the vendor's post.
    Offered,
}

impl Disposition {
    /// The disposition as in API, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Offered => "offered",
            Self::Sold => "sold",
            Self::Unsold => "unsold",
            Self::Refused => "refused",
            Self::Unresolved => "unresolved",
            Self::Expired => "expired",
        }
    }
}

/// Why a lead was not sold or not put up for sale.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No campaign may take it.
    NoEligibleBuyer,
    /// Nobody bid.
    NoBid,
    /// Nobody bid enough.
    NoBidAboveFloor,
    /// No bidder had room left on its account or under its caps.
    NoCapacity,
    /// Every post was refused or could not be delivered.
    AllPostsRejected,
    /// Time ran out.
    Deadline,
    /// The consumer's lead was sold recently, or is being sold.
    Duplicate,
    /// Reserved: the consumer is on a suppression list.
    Suppressed,
    /// Consent lacks what the vertical requires.
    ConsentMissing,
}

impl Reason {
    /// The reason as in API, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoEligibleBuyer => "no_eligible_buyer",
            Self::NoBid => "no_bid",
            Self::NoBidAboveFloor => "no_bid_above_floor",
            Self::NoCapacity => "no_capacity",
            Self::AllPostsRejected => "all_posts_rejected",
            Self::Deadline => "deadline",
            Self::Duplicate => "duplicate",
            Self::Suppressed => "suppressed",
            Self::ConsentMissing => "consent_missing",
        }
    }
}
