//! The compiled, immutable picture of an exchange: what an auction reads and never changes.

pub mod compile;
pub mod fault;
pub mod filter;
pub mod objects;
pub mod snapshot;
pub mod vertical;
