//! Gavel: a ping/post lead exchange.
//!
//! The modules stand in the order in which a lead travels; `docs/ARCHITECTURE.md` is the map.

pub mod app;
pub mod cli;
pub mod config;
pub mod decide;
pub mod demo;
pub mod domain;
pub mod eligibility;
pub mod faults;
pub mod flow;
pub mod http;
pub mod intake;
pub mod integration;
pub mod metrics;
pub mod notify;
pub mod ping;
pub mod ports;
pub mod post;
pub mod records;
pub mod registry;
#[cfg(any(test, feature = "servers"))]
pub mod servers;
pub mod settle;
pub mod signing;
pub mod store;
pub mod system;
pub mod telemetry;
pub mod vault;
pub mod wire;
