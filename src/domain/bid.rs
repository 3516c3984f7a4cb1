//! Bids: a buyer's price for a pinged lead, and the reasons why there is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::money::Money;

/// Which seats a bid is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeatsWanted {
    /// The only seat.
    #[default]
    Exclusive,
    /// One of several seats.
    Shared,
}

/// A valid bid, as read from a buyer's reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bid {
    /// What the buyer pays if it gets the lead.
    pub price: Money,
    /// Which seats it is for.
    pub seats: SeatsWanted,
    /// With how many others the buyer would share, itself included.
    pub max_shared: Option<u8>,
    /// The buyer's own reference, given back in the post.
    pub reference: Option<String>,
    /// The legal entity the buyer names for this bid.
    pub legal_name: Option<String>,
    /// The buyer's number to connect a call to, of a bid for a call.
    pub phone_number: Option<String>,
}

/// Why a ping brought no bid.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoBid {
    /// The buyer said no.
    Declined,
    /// No whole reply before the round closed.
    Timeout,
    /// The ping could not be sent.
    NotSent,
    /// A status other than 200 and 204, redirects apart.
    HttpStatus,
    /// A redirect; never followed.
    Redirect,
    /// A 200 without a body.
    Empty,
    /// A reply that is not of the format.
    Malformed,
    /// A body over the limit.
    Oversized,
    /// A compressed body.
    Compressed,
    /// A price that is no valid amount.
    InvalidPrice,
    /// A price in another currency.
    OtherCurrency,
    /// A price above the campaign's own ceiling.
    AboveMaxBid,
    /// A price below the floor.
    BelowFloor,
    /// Seats that this lead does not offer.
    SeatsNotOffered,
    /// A whole reply after the round closed.
    Late,
}

impl NoBid {
    /// The reason as in API, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::Timeout => "timeout",
            Self::NotSent => "not_sent",
            Self::HttpStatus => "http_status",
            Self::Redirect => "redirect",
            Self::Empty => "empty",
            Self::Malformed => "malformed",
            Self::Oversized => "oversized",
            Self::Compressed => "compressed",
            Self::InvalidPrice => "invalid_price",
            Self::OtherCurrency => "other_currency",
            Self::AboveMaxBid => "above_max_bid",
            Self::BelowFloor => "below_floor",
            Self::SeatsNotOffered => "seats_not_offered",
            Self::Late => "late",
        }
    }
}

/// Why a bid, or a candidate, did not win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// Another bid ranked higher and took the seat.
    Outbid,
    /// The price is below the floor.
    BelowFloor,
    /// The round closed early: nothing the buyer could still bid would have won.
    ClosedEarly,
    /// Its account or a cap had no room when its turn came.
    NoCapacity,
    /// It refused the post.
    PostRejected,
    /// The post could not be delivered.
    PostNotSent,
    /// The post's fate stayed unknown and was given up.
    PostUnknown,
    /// The bid was no longer valid, or time had run out, when its turn came.
    Expired,
    /// The vendor's post took other offers than the one that stood on it.
    NotTaken,
}

impl Lost {
    /// The reason as in API, records and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outbid => "outbid",
            Self::BelowFloor => "below_floor",
            Self::ClosedEarly => "closed_early",
            Self::NoCapacity => "no_capacity",
            Self::PostRejected => "post_rejected",
            Self::PostNotSent => "post_not_sent",
            Self::PostUnknown => "post_unknown",
            Self::Expired => "expired",
            Self::NotTaken => "not_taken",
        }
    }
}
