//! The post stage: the full lead as a winner gets it, and what the winner's answer means.
//!
//! This stage must not know who else bid, what the time is, or how bytes travel.

pub mod native;
pub mod rendered;
pub mod words;
