//! Posts: the full lead on its way to a winner, and what became of it (PROTOCOL a6).

use serde::{Deserialize, Serialize};

/// Reasons for a refusal, as a native buyer gives them and as the rule of a profile may; anything else
/// is recorded as `other`.
pub const REJECTION_REASONS: [&str; 12] = [
    "duplicate",
    "invalid",
    "capped",
    "balance",
    "closed",
    "filtered",
    "expired",
    "suppressed",
    "consent",
    "price",
    "paused",
    "other",
];

/// How one attempt to deliver a post ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostOutcome {
    /// The buyer has taken the lead.
    Accepted(Acceptance),
    /// The buyer has definitely refused the lead.
    Rejected {
        /// Its reason, from a closed list or `other`.
        reason: String,
    },
    /// The buyer cannot have seen the lead.
    NotSent {
        /// Why, from the wire's list.
        reason: String,
    },
    /// The buyer may or may not have the lead.
    Unknown {
        /// What was seen instead of an answer.
        reason: String,
    },
}

/// What a buyer said when it took a lead.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Acceptance {
    /// The buyer's own id of the lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_lead_id: Option<String>,
    /// Where the consumer may be sent next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
}

/// What a buyer's status URL says of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusAnswer {
    /// The buyer has the lead.
    Accepted(Acceptance),
    /// It refused it.
    Rejected,
    /// It knows nothing of it; counts only after a quiet time.
    NotFound,
    /// Nothing to be made of the reply.
    Unclear,
}

/// A verdict on one attempt of a seat, as the store keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Sold.
    Accepted,
    /// Refused by the buyer.
    Rejected,
    /// Never delivered, and given up.
    NotSent,
    /// Not known; the seat stays locked.
    Unknown,
    /// Not known, and left by policy (`on_unknown`).
    GivenUp,
}

impl Verdict {
    /// The verdict as in API, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::NotSent => "not_sent",
            Self::Unknown => "unknown",
            Self::GivenUp => "given_up",
        }
    }

    /// Whether nothing but an adjudication can change it.
    #[must_use]
    pub const fn is_definite(self) -> bool {
        !matches!(self, Self::Unknown)
    }
}
