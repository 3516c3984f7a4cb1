//! Ping trees: how the campaigns of one vertical compete.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::money::{Money, Percent};

/// The tree of one vertical; without one, all active campaigns form one tier at margin 0.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The exchange's share of each price.
    #[serde(default)]
    pub margin_percent: Percent,
    /// The lowest price that can win (the exchange's reserve).
    #[serde(default)]
    pub floor: Money,
    /// How long a consumer's phone number stays taken in this vertical after a sale, in seconds;
    /// absent = duplicates are not looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_window_s: Option<u64>,
}
