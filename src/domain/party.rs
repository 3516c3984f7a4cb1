//! A party: whoever the exchange calls over HTTP.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::slug::{BuyerId, VendorId};

/// A vendor or a buyer, as the other side of a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A buyer: its pings, posts and events.
    Buyer(BuyerId),
    /// A vendor: its events.
    Vendor(VendorId),
}

impl From<BuyerId> for Party {
    fn from(buyer: BuyerId) -> Self {
        Self::Buyer(buyer)
    }
}

impl From<VendorId> for Party {
    fn from(vendor: VendorId) -> Self {
        Self::Vendor(vendor)
    }
}

/// As in logs: `buyer acme`.
impl fmt::Display for Party {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Buyer(buyer) => write!(out, "buyer {buyer}"),
            Self::Vendor(vendor) => write!(out, "vendor {vendor}"),
        }
    }
}
