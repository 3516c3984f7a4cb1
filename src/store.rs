//! The in-flight store: auctions, idempotency keys, holds, caps, duplicate claims and the outbox.
//!
//! `embedded` is the store of one node: all open state in memory, every change durable in an
//! embedded engine before its reply. `redis` is the store that several nodes share. What any store
//! must do is written down in `ports::auction_store`, and `contract` holds every implementation to
//! it. Nothing here knows what a lead, a bid or a post means to people: sealed and opaque bytes stay
//! closed.

pub mod embedded;
pub mod limits;
pub mod redis;

#[cfg(feature = "faults")]
pub mod around;
#[cfg(any(test, feature = "faults"))]
pub mod contract;
#[cfg(feature = "faults")]
pub mod crash_points;
#[cfg(any(test, feature = "faults"))]
pub mod differential;
#[cfg(feature = "faults")]
pub mod faulty;
