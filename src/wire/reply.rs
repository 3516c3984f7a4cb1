//! From an HTTP response to a whole reply, never more than was asked for.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::http::response::Parts;
use hyper::{HeaderMap, StatusCode};

use crate::ports::buyer_wire::{WireFailure, WireReply};
use crate::wire::late::End;

/// What a reply may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReplyLimits {
    pub(super) headers_max: usize,
    pub(super) bytes_max: usize,
    pub(super) end: End,
}

/// Reads `body` to its end and adds `head`. After a failure the connection must not be used again;
/// the body is left to the caller, since dropping it may hand the connection back.
pub(super) async fn read(
    head: &Parts,
    body: &mut Incoming,
    limits: ReplyLimits,
) -> Result<WireReply, WireFailure> {
    // We never ask to leave HTTP, and HTTP/2 bounds only the size of all headers together.
    if head.status == StatusCode::SWITCHING_PROTOCOLS || head.headers.len() > limits.headers_max {
        return Err(WireFailure::Broken);
    }
    let body = limits
        .end
        .bound(collect(body, limits.bytes_max))
        .await
        .map_err(|_| WireFailure::Timeout)??;
    Ok(WireReply { status: head.status.as_u16(), headers: text_headers(&head.headers), body })
}

async fn collect(body: &mut Incoming, bytes_max: usize) -> Result<Bytes, WireFailure> {
    let fits = |length: u64| usize::try_from(length).is_ok_and(|length| length <= bytes_max);
    if !fits(body.size_hint().lower()) {
        return Err(WireFailure::Oversized);
    }
    let mut whole: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| WireFailure::Broken)?;
        let Ok(chunk) = frame.into_data() else {
            continue; // trailers say nothing that a buyer's format knows
        };
        if chunk.len() > bytes_max - whole.len() {
            return Err(WireFailure::Oversized);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

/// The headers whose values are text, by their lower-case names.
pub(super) fn text_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| std::str::from_utf8(value).ok().map(str::to_owned);
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value.as_bytes())?)))
        .collect()
}
