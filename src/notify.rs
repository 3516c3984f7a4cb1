//! The notify stage: what the parties are told. It must not know how anything was decided.

pub mod answer;
pub mod challenge;
pub mod events;
pub mod retry;
