//! The kinds of objects a registry is made of.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of thing a registry object is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A product line.
    Vertical,
    /// A vendor.
    Vendor,
    /// A buyer.
    Buyer,
    /// A campaign.
    Campaign,
    /// A ping tree.
    Tree,
    /// An integration profile.
    Profile,
    /// What people set for a campaign beside its description, under the campaign's slug.
    Standing,
    /// An endpoint of events.
    EventEndpoint,
}

impl ObjectKind {
    /// The kind as in API, records and audit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vertical => "vertical",
            Self::Vendor => "vendor",
            Self::Buyer => "buyer",
            Self::Campaign => "campaign",
            Self::Tree => "tree",
            Self::Profile => "profile",
            Self::Standing => "standing",
            Self::EventEndpoint => "event_endpoint",
        }
    }

    /// Reads what [`ObjectKind::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Vertical,
            Self::Vendor,
            Self::Buyer,
            Self::Campaign,
            Self::Tree,
            Self::Profile,
            Self::Standing,
            Self::EventEndpoint,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
