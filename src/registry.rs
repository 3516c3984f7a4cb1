//! The compiled, immutable picture of an exchange: what an auction reads and never changes.

pub mod fault;
pub mod filter;
pub mod snapshot;
pub mod vertical;
