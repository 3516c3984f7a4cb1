//! Vendors: the parties that submit leads and are paid.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::money::{Money, Percent};
use super::time::Zone;

/// A vendor, as its file or the registry API describes it; its slug stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// The name people read.
    pub name: String,
    /// Where its days begin.
    #[serde(default)]
    pub time_zone: Zone,
    /// The exchange's share of each price, instead of the tree's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_percent: Option<Percent>,
    /// The lowest payout it takes when a lead names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Money>,
    /// Whether it can connect a consumer's call to the number that a sale names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("default" = false))]
    pub takes_calls: bool,
}
