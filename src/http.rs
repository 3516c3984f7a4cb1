//! The HTTP API: the only place that knows actix-web.
//!
//! A request passes, in this order: the limits on its headers, the table of routes, the key, the
//! body, the signature, and one handler that parses, calls the exchange and translates; on the way
//! back it gets its id, its security headers and one line in the log. Handlers decide nothing and
//! only await: a sale runs as its own task on the main runtime, so that a vendor that hangs up, or
//! a worker that stops, ends no sale. What a lead is, who may win it and what is kept is decided
//! elsewhere; statuses and error bodies are decided here and nowhere else.

mod accounts;
mod asked;
mod auctions;
mod auth;
mod body;
mod breakers;
mod campaigns;
mod conditions;
mod connections;
mod docs;
mod error;
mod event_endpoints;
mod gate;
mod headers;
mod health;
mod idempotency;
mod inbound;
mod keys;
mod leads;
mod lists;
mod object_body;
mod objects;
mod openapi;
mod outcomes;
mod paging;
mod pings;
mod posts;
mod profiles;
mod registry;
mod request_id;
mod routes;
mod server;
mod specs;

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::domain::key::KeyId;
use crate::domain::party::Party;
use crate::flow::exchange::Exchange;

pub use auth::{
    FAILURE_WINDOW_S, FailureLimits, Holder, Principal, RequestRates, SEEN_IDS_MAX,
    SEEN_IDS_SPAN_MIN_S, SeenIds,
};
pub use body::Accepts;
pub use error::{
    ALL_CODES, ApiError, Code, CodeRow, FAULTS_MAX, Fault, FaultCode, PROBLEM_JSON, PROBLEM_TYPE,
};
pub use gate::{PROFILE_BODY_BYTES_MAX, REGISTRY_BYTES_MAX, REGISTRY_KEYS_MAX};
pub use idempotency::{IDEMPOTENCY_KEY_LENGTH_MAX, InvalidIdempotencyKey, parse_key};
pub use paging::{LIMIT_DEFAULT, LIMIT_MAX};
pub use posts::NOTE_LENGTH_MAX;
pub use routes::{Access, Listener, Method, ROUTES, Route};
pub use server::{
    Addresses, CONNECTIONS_PER_WORKER_MAX, KEEP_ALIVE, ServerSettings, Servers, start,
};

/// What every handler works with: the exchange, and what the door itself remembers.
pub struct Api {
    exchange: Arc<Exchange>,
    runtime: Handle,
    failures: FailureLimits,
    rates: RequestRates<KeyId>,
    changes: RequestRates<Party>,
    seen_ids: SeenIds,
    documents: openapi::Documents,
}

impl Api {
    /// The API of `exchange`, whose calls run on `runtime`: the main one, to which the connections
    /// of store and records belong, and which outlives the workers.
    #[must_use]
    pub fn new(exchange: Arc<Exchange>, runtime: Handle) -> Self {
        let limits = exchange.limits();
        let tolerance_s = i64::try_from(limits.signature_tolerance_s);
        let failures =
            FailureLimits::new(limits.failures_per_address_max, limits.failures_per_key_max);
        let rates =
            RequestRates::per_second(limits.requests_per_key_per_s, limits.requests_per_key_burst);
        let changes = RequestRates::per_minute(
            limits.changes_per_owner_per_min,
            limits.changes_per_owner_burst,
        );
        Self {
            exchange,
            runtime,
            failures,
            rates,
            changes,
            seen_ids: SeenIds::new(tolerance_s.unwrap_or(i64::MAX)),
            documents: openapi::Documents::default(),
        }
    }

    /// The exchange behind this API.
    #[must_use]
    pub const fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// Runs `call` on the main runtime and waits for it here. It goes on when the caller hangs up.
    async fn ask<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, ApiError> {
        match self.runtime.spawn(call).await {
            Ok(reply) => reply.map_err(Into::into),
            Err(ended) => Err(ApiError::internal(ended)),
        }
    }
}

#[cfg(test)]
mod tests;
