//! Outbound HTTP towards buyers and the endpoints of events: any method, URL, headers and bytes, under one absolute deadline.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::domain::ids::EndpointId;
use crate::domain::slug::{BuyerId, CampaignId};

/// What a call is for: its metrics label, and whether it may wait for a free place (a ping may not).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallClass {
    /// Asks for a bid; never repeated.
    Ping,
    /// Sends the full lead to a winner, or repeats that very request.
    Post,
    /// Asks a buyer's status URL what became of a post.
    Status,
    /// Gets a token for other calls, or prepares a ping.
    Login,
    /// Tells a buyer how an auction went that it did not win.
    Notice,
    /// Tells an endpoint of an event; at least once.
    Event,
    /// Asks a URL to prove that it belongs to whoever registered it.
    Challenge,
}

impl CallClass {
    /// The class as a metrics label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Post => "post",
            Self::Status => "status",
            Self::Login => "login",
            Self::Notice => "notice",
            Self::Event => "event",
            Self::Challenge => "challenge",
        }
    }
}

/// Whom a call goes to: whose places and whose health it counts for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Callee {
    /// A buyer's ping, post or status URL; all campaigns of a buyer share its places.
    Campaign {
        /// The buyer.
        buyer: BuyerId,
        /// Which of its campaigns.
        campaign: CampaignId,
    },
    /// An endpoint of events; it has places of its own.
    Endpoint {
        /// Which.
        id: EndpointId,
    },
}

impl fmt::Display for Callee {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Campaign { campaign, .. } => campaign.fmt(out),
            Self::Endpoint { id } => id.fmt(out),
        }
    }
}

/// One request to a callee, complete to the byte.
#[derive(Clone)]
pub struct WireRequest {
    /// Whom it goes to.
    pub callee: Callee,
    /// What it is for.
    pub class: CallClass,
    /// The HTTP method, in upper case.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// Names (lower case) and values, in order. The wire adds `host`, `content-length`,
    /// `accept-encoding: identity` and, where it is missing, `user-agent`; it leaves out headers
    /// that belong to the connection (`transfer-encoding`, `connection` and their like).
    pub headers: Vec<(String, String)>,
    /// The body, empty for none.
    pub body: Bytes,
    /// Connect, TLS, request, headers and the last byte of the body must be over by then.
    pub deadline: Instant,
    /// The largest reply body taken, in bytes; a longer one ends the call.
    pub reply_bytes_max: usize,
}

/// A reply that came in whole.
#[derive(Clone, PartialEq, Eq)]
pub struct WireReply {
    /// The HTTP status; 3xx is returned, never followed.
    pub status: u16,
    /// Names (lower case) and values that are text, in order.
    pub headers: Vec<(String, String)>,
    /// The body, at most `reply_bytes_max` bytes, not decompressed.
    pub body: Bytes,
}

impl WireReply {
    /// The first header of that (lower case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no whole reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WireFailure {
    /// The URL or an address it leads to is not allowed; nothing was sent.
    Refused,
    /// The name does not resolve; nothing was sent.
    Dns,
    /// No connection could be made; nothing was sent.
    Connect,
    /// The TLS handshake failed; nothing was sent.
    Tls,
    /// The callee's own limit of calls in flight is reached; nothing was sent.
    Bulkhead,
    /// The deadline passed.
    Timeout,
    /// The connection broke before the reply was whole, or the reply was not HTTP.
    Broken,
    /// The reply's body went over `reply_bytes_max`.
    Oversized,
}

impl WireFailure {
    /// The failure as a reason in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "address_refused",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Bulkhead => "bulkhead",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Oversized => "oversized",
        }
    }
}

/// A call that ended without a whole reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireError {
    /// What went wrong.
    pub failure: WireFailure,
    /// Whether any byte of the request may have left. `false` is a promise: the buyer cannot have
    /// seen it (PROTOCOL a6, NOT SENT).
    pub sent: bool,
    /// The status line's code where one arrived before the failure.
    pub status: Option<u16>,
}

/// How a call went.
#[derive(Clone)]
pub struct WireOutcome {
    /// The reply, or why there is none.
    pub result: Result<WireReply, WireError>,
    /// From the call to its end, in microseconds.
    pub elapsed_us: u64,
}

/// Carries requests to buyers and endpoints.
pub trait BuyerWire: Send + Sync + 'static {
    /// Makes one call and always comes back by `request.deadline`. Never redirects, and never repeats
    /// a request of which any byte may have left.
    ///
    /// Dropping the future abandons the call.
    fn call(&self, request: WireRequest) -> BoxFuture<'_, WireOutcome>;
}
