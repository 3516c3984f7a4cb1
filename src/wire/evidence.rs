//! What is known about whether a request has left: the ground of `WireError::sent`.
//!
//! `sent = false` promises that the buyer cannot have seen the request, and the lead may then go to
//! the next buyer; a wrong `false` can sell a lead twice. So `false` needs one of these proofs, and
//! everything else is `true`:
//!
//! 1. **No connection was chosen for it.** The pool tells our [`CaptureConnection`] which connection
//!    it hands the request to *before* handing it over, in the call's own task. As long as nothing
//!    was told, the request is still in our hands, and ends with our future. This covers the guard,
//!    DNS, TCP, TLS, the wait for a place, and a deadline that passes in any of them.
//! 2. **The call ended with an error, and the connection never asked for the body.** HTTP cannot
//!    encode a head before it knows whether a body follows and how long it is, and only the body
//!    knows that; so hyper asks it first, and [`RequestBody`] notes the question.
//!    An error means that hyper has let go of the request. (A passed deadline is no such proof: the
//!    connection's task may be at work on another core at that very moment. Then `sent` is `true`.)
//! 3. **HTTP/1, asked, but no write was tried since** ([`ConnectionTrace`] counts tries): the stream
//!    found the kept connection closed before the first byte. HTTP/1 carries one request at a time,
//!    so writes of others cannot be missed, only counted too many.
//! 4. **HTTP/2, and the buyer says so**: RST_STREAM with REFUSED_STREAM, or a GOAWAY below our
//!    stream (RFC 9113 sections 6.8 and 8.7). h2 gives a stream the remote GOAWAY as its error only
//!    if its id is above the last one the buyer will process.
//!
//! A reply, even half of one, is `sent = true`.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use hyper::http::Extensions;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

use crate::wire::stream::ConnectionTrace;

/// What happened to one request, noted by those who touch it.
#[derive(Default)]
pub(super) struct Evidence {
    connection: OnceLock<CaptureConnection>,
    asked: OnceLock<Asked>,
}

/// What became of a request that ended with an error instead of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The buyer cannot have seen it, or says that its connection was closing before it.
    Unseen,
    /// The buyer says that it refused to look at it.
    TurnedAway,
    /// The buyer may have seen it.
    MayHaveLeft,
}

/// The connection asked for the body: from now on it may write.
struct Asked {
    connection: Option<ConnectionTrace>,
    writes_before: u64,
}

impl Evidence {
    /// Has the pool tell which connection `request` goes to.
    pub(super) fn watch(&self, request: &mut Request<RequestBody>) {
        self.connection.get_or_init(|| capture_connection(request));
    }

    /// Whether a connection was chosen, so that the request is out of our hands.
    pub(super) fn was_handed_over(&self) -> bool {
        self.connection.get().is_some_and(|captured| captured.connection_metadata().is_some())
    }

    /// What became of the request, once the client has given it up with `error`.
    pub(super) fn fate(&self, error: &legacy::Error) -> Fate {
        let Some(asked) = self.asked.get() else {
            return Fate::Unseen;
        };
        match &asked.connection {
            Some(connection) if connection.is_http2() => fate_by_http2(error),
            Some(connection) if connection.writes() == asked.writes_before => Fate::Unseen,
            _ => Fate::MayHaveLeft,
        }
    }

    /// Whether the connection had served another request before this one.
    pub(super) fn on_used_connection(&self) -> bool {
        let own = u64::from(self.asked.get().is_some());
        self.trace().is_some_and(|connection| connection.requests() > own)
    }

    /// Keeps the connection from serving anybody else.
    pub(super) fn forbid_reuse(&self) {
        if let Some(captured) = self.connection.get()
            && let Some(connected) = &*captured.connection_metadata()
        {
            connected.poison();
        }
    }

    fn note_asked(&self) {
        self.asked.get_or_init(|| {
            let connection = self.trace();
            let writes_before = connection.as_ref().map_or(0, ConnectionTrace::begin_request);
            Asked { connection, writes_before }
        });
    }

    fn trace(&self) -> Option<ConnectionTrace> {
        let metadata = self.connection.get()?.connection_metadata();
        let mut extras = Extensions::new();
        (*metadata).as_ref()?.get_extras(&mut extras);
        extras.remove()
    }
}

/// What HTTP/2 says of the request's stream.
fn fate_by_http2(error: &legacy::Error) -> Fate {
    let mut cause = error.source();
    while let Some(current) = cause {
        if let Some(error) = current.downcast_ref::<h2::Error>() {
            let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            return match error.is_remote() {
                true if error.is_go_away() => Fate::Unseen,
                true if refused => Fate::TurnedAway,
                _ => Fate::MayHaveLeft,
            };
        }
        cause = current.source();
    }
    Fate::MayHaveLeft
}

/// A request's body, whole in memory, that notes when a connection asks for it.
pub(super) struct RequestBody {
    bytes: Option<Bytes>,
    evidence: Arc<Evidence>,
}

impl RequestBody {
    pub(super) fn new(bytes: Bytes, evidence: Arc<Evidence>) -> Self {
        Self { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), evidence }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.evidence.note_asked();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.evidence.note_asked();
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.evidence.note_asked();
        let length = self.bytes.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}
