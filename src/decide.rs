//! The decide stage: which bids may win, and in what order they are asked to take the lead.
//!
//! The order is total and does not depend on arrival. This stage must not know how bids came in,
//! what the time is, or what happens to a winner.

pub mod early_close;
pub mod offer;
pub mod rank;
