//! The registry: who sells, who buys, what, and by which rules.
//!
//! Its objects come from files or requests (`exchange_files`, `bundle`), are compared with what is
//! there (`plan`), checked as a whole (`compile`, `filter`, `vertical`) and become one immutable
//! [`snapshot`] that an auction reads and never changes. Nothing here knows where the registry is
//! kept, who may change it or what the time is: `flow::administer` puts the steps in order.

pub mod bundle;
pub mod compile;
pub mod exchange_files;
pub mod fault;
pub mod filter;
pub mod objects;
pub mod plan;
pub mod snapshot;
pub mod vertical;
