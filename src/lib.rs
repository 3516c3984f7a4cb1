//! Gavel: a ping/post lead exchange.
//!
//! The modules stand in the order in which a lead travels; `docs/ARCHITECTURE.md` is the map.

pub mod domain;
pub mod metrics;
pub mod ports;
pub mod signing;
pub mod system;
pub mod vault;
