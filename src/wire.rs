//! Outbound HTTP: pings, posts and status questions to buyers; events and challenges.
//!
//! One pooled client serves every buyer's pings, posts and status questions, so that a ping warms
//! the connection its post will use; another one (`event_client`) serves events and challenges,
//! behind the same guard, with the same limits. Below the first stands our own connector: every address is judged when a
//! connection is made (`guard`), and a pooled connection serves only its own scheme, host and
//! port, so what was judged then holds for every call it carries. Nothing is followed, taken from
//! the environment, decompressed or read beyond its limit, and one absolute deadline covers a call
//! from the wait for a free place to the last byte of the reply.
//!
//! A call goes out once. The one exception: when a kept-alive connection turns out to be closed and
//! the request provably never left (`evidence` says how that is known), it goes out again, once,
//! on a connection made for it, because a buyer that closes idle connections must not cost a ping.
//!
//! This module knows nothing of auctions, profiles or what a reply means.

mod bulkhead;
mod connect;
mod event_client;
mod evidence;
#[cfg(feature = "faults")]
pub mod freeze_points;
mod guard;
mod late;
pub mod lookup;
mod reply;
mod request;
pub mod settings;
mod stream;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use hyper::Request;
use hyper_util::client::legacy::{self, Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::domain::address::AddressPolicy;
use crate::ports::buyer_wire::{
    BuyerWire, CallClass, WireError, WireFailure, WireOutcome, WireReply, WireRequest,
};
use crate::wire::bulkhead::Bulkheads;
use crate::wire::connect::{BuyerConnector, ConnectFailure};
use crate::wire::event_client::EventClient;
pub use crate::wire::event_client::HTTP1_HEAD_BYTES_READ_MAX;
use crate::wire::evidence::{Evidence, Fate, RequestBody};
use crate::wire::guard::Guard;
use crate::wire::late::End;
use crate::wire::lookup::{Lookup, SystemLookup};
use crate::wire::reply::ReplyLimits;
pub use crate::wire::settings::{WireSettings, WireSetupError};

/// What one HTTP/2 reply may have in flight before we read it, in bytes; a whole connection may
/// have [`HTTP2_CONNECTION_WINDOW_BYTES`].
const HTTP2_STREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// See [`HTTP2_STREAM_WINDOW_BYTES`].
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
/// While calls wait on an HTTP/2 connection, it must show a sign of life this often ...
const HTTP2_PING_EVERY: Duration = Duration::from_secs(10);
/// ... or within this time after being asked for one.
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(5);

type HttpClient = Client<BuyerConnector, RequestBody>;

/// The HTTP client for buyers and endpoints; cheap to share behind an `Arc`, to be made once per process.
pub struct BuyerClient {
    policy: AddressPolicy,
    bulkheads: Bulkheads,
    reply_headers_max: usize,
    pooled: HttpClient,
    /// Keeps nothing: each request gets a connection of its own.
    unpooled: HttpClient,
    events: EventClient,
}

/// A call that failed, and whether a connection of its own could still carry it.
struct Failed {
    error: WireError,
    stale_connection: bool,
}

impl BuyerClient {
    /// A client that resolves names as the machine does.
    ///
    /// # Errors
    /// [`WireSetupError`] if a setting is out of its bounds or `extra_ca_file` cannot be used. A
    /// machine without any certificate authorities is only a warning: then every https call fails
    /// as [`WireFailure::Tls`].
    pub fn new(settings: &WireSettings) -> Result<Self, WireSetupError> {
        settings.check()?;
        Self::with_lookup(settings, Arc::new(SystemLookup::new(settings.lookups_in_flight_max)))
    }

    /// As [`new`](Self::new), with another source of addresses.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_lookup(
        settings: &WireSettings,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, WireSetupError> {
        settings.check()?;
        let policy = settings.address_policy();
        let guard = Guard::new(policy.clone(), lookup);
        let tls = tls::client_config(settings.extra_ca_file.as_deref())?;
        let events = EventClient::new(&guard, &tls, settings)?;
        let connector = BuyerConnector::new(guard, tls, settings);
        let mut builder = client_builder(settings);
        let pooled = builder.build(connector.clone());
        let unpooled = builder.pool_max_idle_per_host(0).build(connector);
        let bulkheads = Bulkheads::new(settings);
        let reply_headers_max = settings.reply_headers_max;
        Ok(Self { policy, bulkheads, reply_headers_max, pooled, unpooled, events })
    }

    async fn carry(&self, call: &WireRequest) -> Result<WireReply, WireError> {
        let class = call.class.as_str();
        let head = request::compose(&self.policy, call).map_err(|reason| {
            tracing::warn!(callee = %call.callee, class, %reason, "call refused");
            not_sent(WireFailure::Refused)
        })?;
        if Instant::now() >= call.deadline {
            return Err(not_sent(WireFailure::Timeout));
        }
        let _place = self.bulkheads.enter(call).await.map_err(not_sent)?;
        let result = match call.class {
            CallClass::Event | CallClass::Challenge => self.events.carry(head, call).await,
            CallClass::Ping
            | CallClass::Post
            | CallClass::Status
            | CallClass::Login
            | CallClass::Notice => self.ask(head, call).await,
        };
        result.inspect_err(|error| {
            if error.failure == WireFailure::Refused {
                tracing::warn!(callee = %call.callee, class, "address refused");
            }
        })
    }

    /// One request to a buyer; anew, if a kept connection turns out to be closed.
    async fn ask(&self, head: Request<()>, call: &WireRequest) -> Result<WireReply, WireError> {
        let mut outcome = self.exchange(&self.pooled, head.clone(), call).await;
        if outcome.as_ref().is_err_and(|failed| failed.stale_connection) {
            tracing::debug!(callee = %call.callee, "kept connection was closed, sending anew");
            outcome = self.exchange(&self.unpooled, head, call).await;
        }
        outcome.map_err(|failed| failed.error)
    }

    /// One request and its reply on one connection.
    async fn exchange(
        &self,
        client: &HttpClient,
        head: Request<()>,
        call: &WireRequest,
    ) -> Result<WireReply, Failed> {
        let evidence = Arc::new(Evidence::default());
        let body = RequestBody::new(call.body.clone(), evidence.clone());
        let mut request = head.map(|()| body);
        evidence.watch(&mut request);
        let end = End::of(call.class, call.deadline);
        let response = match end.bound(client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(without_reply(&evidence, &error)),
            Err(_) => {
                let sent = evidence.was_handed_over();
                let error = WireError { failure: WireFailure::Timeout, sent, status: None };
                return Err(Failed { error, stale_connection: false });
            }
        };
        let limits = ReplyLimits {
            headers_max: self.reply_headers_max,
            bytes_max: call.reply_bytes_max,
            end,
        };
        let (head, mut body) = response.into_parts();
        reply::read(&head, &mut body, limits).await.map_err(|failure| {
            // A slow reply says nothing against an HTTP/2 connection; HTTP/1 closes by itself.
            if failure != WireFailure::Timeout {
                evidence.forbid_reuse();
            }
            let error = WireError { failure, sent: true, status: Some(head.status.as_u16()) };
            Failed { error, stale_connection: false }
        })
    }
}

/// The client gave the request up before any reply.
fn without_reply(evidence: &Evidence, error: &legacy::Error) -> Failed {
    let failure = if evidence.was_handed_over() {
        WireFailure::Broken
    } else {
        ConnectFailure::within(error).into()
    };
    let fate = evidence.fate(error);
    let error = WireError { failure, sent: fate == Fate::MayHaveLeft, status: None };
    let stale_connection = fate == Fate::Unseen && evidence.on_used_connection();
    Failed { error, stale_connection }
}

impl BuyerWire for BuyerClient {
    fn call(&self, request: WireRequest) -> BoxFuture<'_, WireOutcome> {
        Box::pin(async move {
            #[cfg(feature = "faults")]
            if request.class == CallClass::Post {
                freeze_points::before_call(&request.url);
            }
            let started = Instant::now();
            let result = self.carry(&request).await;
            let elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            WireOutcome { result, elapsed_us }
        })
    }
}

const fn not_sent(failure: WireFailure) -> WireError {
    WireError { failure, sent: false, status: None }
}

fn client_builder(settings: &WireSettings) -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_millis(settings.idle_timeout_ms))
        .pool_max_idle_per_host(settings.idle_connections_per_host_max)
        .retry_canceled_requests(false)
        .http1_max_headers(settings.reply_headers_max)
        .http1_max_buf_size(settings.reply_headers_bytes_max)
        .http2_max_header_list_size(
            u32::try_from(settings.reply_headers_bytes_max).unwrap_or(u32::MAX),
        )
        .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(HTTP2_PING_EVERY)
        .http2_keep_alive_timeout(HTTP2_PING_TIMEOUT);
    builder
}

#[cfg(test)]
mod tests;
