//! Buyers: the paying accounts behind campaigns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::money::Money;
use super::time::Zone;

/// A buyer, as its file or the registry API describes it; slug and campaigns stand beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Buyer {
    /// The name people read.
    pub name: String,
    /// The legal entity; two buyers of one entity never get seats of one lead. Absent: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_name: Option<String>,
    /// Where the windows of its caps begin and end.
    #[serde(default)]
    pub time_zone: Zone,
    /// How far posted and held money may exceed deposits; absent = without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_limit: Option<Money>,
}

impl Buyer {
    /// The legal entity's name.
    #[must_use]
    pub fn legal_entity(&self) -> &str {
        self.legal_name.as_deref().unwrap_or(&self.name)
    }
}
