//! The nouns of a lead exchange, as types: what a lead, a campaign, a bid, an auction *is*.
//!
//! Every other part of Gavel speaks in these types. This module holds no rules about who wins, no
//! input or output, no clock and no randomness: a value here is built from other values only.

pub mod address;
pub mod auction;
pub mod bid;
pub mod breaker;
pub mod buyer;
pub mod campaign;
pub mod decimal;
pub mod disclosure;
pub mod disposition;
pub mod event;
pub mod event_settings;
pub mod filter;
pub mod ids;
pub mod key;
pub mod lead;
pub mod limits;
pub mod money;
pub mod object;
pub mod offer;
pub mod outcome;
pub mod party;
pub mod pii;
pub mod ping;
pub mod post;
pub mod profile;
pub mod record;
pub mod reply;
pub mod schema;
pub mod slug;
pub mod standing;
pub mod time;
pub mod tree;
pub mod us_state;
pub mod vendor;
pub mod vertical;
