#![expect(clippy::unwrap_used, reason = "a test may panic where it cannot go on")]
//! The whole exchange from outside: the real binary, real sockets, real buyers.

mod auction;
mod bad_input;
mod breakers;
#[cfg(feature = "servers")]
mod compose;
mod conformance;
mod crash;
#[cfg(feature = "faults")]
mod crash_points;
mod docs_page;
mod event_delays;
mod event_endpoints;
mod events;
mod hostile;
mod idempotency;
mod inbound;
mod isolation;
mod keys;
mod monitoring;
#[cfg(feature = "faults")]
mod nodes;
mod ping_post;
mod postgres;
mod privacy;
mod profile_api;
mod profiles;
mod receiver;
#[cfg(feature = "servers")]
mod redis;
mod self_service;
mod signatures;
mod support;
mod unknown_posts;
