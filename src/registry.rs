//! The compiled, immutable picture of an exchange: what an auction reads and never changes.

pub mod vertical;
