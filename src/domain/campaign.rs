//! Campaigns: a buyer's standing orders.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::money::Money;
use super::slug::{BuyerId, VerticalId};
use super::standing::Endpoints;

/// A campaign, as its buyer's file or the registry API describes it; its slug stands beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Who pays.
    pub buyer_id: BuyerId,
    /// What it buys.
    pub vertical: VerticalId,
    /// The wire format: `native`, or a profile's name.
    #[serde(default = "native")]
    pub profile: String,
    /// What it sets for its profile, by the names of the profile's settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profile_settings: BTreeMap<String, String>,
    /// The names of the secrets that it has given for its profile. The secrets themselves are kept
    /// sealed beside it and never shown.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub profile_secrets: BTreeSet<String>,
    /// Where pings go; absent for fixed-price campaigns, and until its buyer registers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping_url: Option<String>,
    /// Where posts go; absent until its buyer registers its endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_url: Option<String>,
    /// Where a post's fate is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
    /// How the endpoints are proved to belong to the buyer. Left out of a file or a bundle it is
    /// `operator`; left out of a `PUT`, a new campaign is proved by `challenge`, and a known one
    /// stays as it was.
    #[serde(default)]
    pub verification: Verification,
    /// How it names its price.
    pub price: Price,
    /// Which leads it wants; absent = all of the vertical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Limits on what it buys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<Cap>,
    /// What its pings may show beyond the vertical's exposures: field names, `age`, parts of the
    /// consent (`ip`, `consent_text`), traces of contact data (`email_domain`, `phone_area`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disclosures: Vec<String>,
    /// What a repeated post means to the buyer.
    #[serde(default)]
    pub post_semantics: PostSemantics,
    /// What a reply means that no rule matches.
    #[serde(default)]
    pub on_unmatched: OnUnmatched,
    /// What happens to a post whose fate stays unknown.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// Time for one post, in milliseconds, instead of the exchange's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_ms: Option<u64>,
}

/// The wire format of the exchange's own.
pub const NATIVE_PROFILE: &str = "native";

fn native() -> String {
    NATIVE_PROFILE.to_owned()
}

impl Campaign {
    /// The endpoints that are described.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            ping_url: self.ping_url.clone(),
            post_url: self.post_url.clone(),
            status_url: self.status_url.clone(),
        }
    }

    /// Whether it speaks the exchange's own format.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.profile == NATIVE_PROFILE
    }

    /// Whether its endpoints can answer a challenge: behind a profile nobody can.
    #[must_use]
    pub fn can_answer_challenges(&self) -> bool {
        self.is_native()
    }
}

/// How the endpoints of a campaign are proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// The operator vouches for them.
    #[default]
    Operator,
    /// They must echo a signed challenge first.
    Challenge,
}

/// How a campaign names its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Price {
    /// It is pinged and bids.
    Bid {
        /// The most it will ever bid; absent = no ceiling.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_bid: Option<Money>,
    },
    /// It pays this for every lead, without a ping.
    Fixed(Money),
}

/// One limit on what a campaign buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// The window, in the buyer's time zone.
    pub per: CapWindow,
    /// At most so many leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<u32>,
    /// At most so much money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend: Option<Money>,
}

/// The window of a cap.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CapWindow {
    /// A calendar day of the buyer.
    Day,
    /// The campaign's life.
    Total,
}

impl CapWindow {
    /// The window's name in rules, such as `cap:day`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Total => "total",
        }
    }
}

/// What a repeated post means to the buyer (PROTOCOL a7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostSemantics {
    /// The buyer knows the key again; a repeat is safe and tells the fate.
    Idempotent,
    /// The buyer tells the fate at its status URL.
    Queryable,
    /// Neither; a repeat could sell twice, so none is made.
    #[default]
    AtMostOnce,
}

/// What a reply means that no rule matches (PROTOCOL a6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnmatched {
    /// The fate is unknown.
    #[default]
    Unknown,
    /// The buyer is taken to have refused.
    Rejected,
}

/// What happens to a post whose fate stays unknown (PROTOCOL a7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// The seat stays locked to the buyer until the fate is known or the window ends.
    #[default]
    Hold,
    /// The vendor is paid at the exchange's own risk when the window ends.
    PayVendor,
    /// The seat is given to the next candidate after so many seconds: a possible double sale, by
    /// contract.
    ResellAfterS(u64),
}

/// Where a campaign stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// An endpoint that it needs is not registered yet.
    Draft,
    /// Its endpoints are not proved yet.
    PendingVerification,
    /// It takes part.
    Active,
    /// It stands aside for now.
    Paused,
    /// It is gone, kept for the records.
    Archived,
}

impl CampaignState {
    /// The state as in API and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::PendingVerification => "pending_verification",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Archived => "archived",
        }
    }
}
