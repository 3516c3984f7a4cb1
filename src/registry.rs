//! The compiled, immutable picture of an exchange: what an auction reads and never changes.

pub mod bundle;
pub mod compile;
pub mod endpoints;
pub mod exchange_files;
pub mod fault;
pub mod filter;
pub mod objects;
pub mod plan;
pub mod profile;
pub mod snapshot;
pub mod vertical;
