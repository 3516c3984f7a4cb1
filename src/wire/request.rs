//! From a call to the head of an HTTP request.

use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use hyper::{Method, Request, Uri};

use crate::domain::address::{AddressPolicy, UrlRefused};
use crate::ports::buyer_wire::WireRequest;

/// Headers of the connection, not of the message: a call that names one is sent without it, since
/// the wire frames messages itself. (A `content-length` copied into a profile must not be able to
/// make the buyer read half a request.)
const OWNED_BY_THE_WIRE: [HeaderName; 10] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Why a call cannot be put into HTTP. Holds nothing of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotSendable {
    #[error(transparent)]
    Url(#[from] UrlRefused),
    #[error("not an HTTP method")]
    Method,
    #[error("not an HTTP header")]
    Header,
}

/// The head of the request for `call`; its URL in the form that was judged.
pub(super) fn compose(
    policy: &AddressPolicy,
    call: &WireRequest,
) -> Result<Request<()>, NotSendable> {
    let url = policy.parse_url(&call.url)?;
    let mut request = Request::new(());
    *request.uri_mut() = Uri::try_from(url.as_str()).map_err(|_| UrlRefused::Malformed)?;
    let method = Method::from_bytes(call.method.as_bytes()).map_err(|_| NotSendable::Method)?;
    if method == Method::CONNECT {
        return Err(NotSendable::Method);
    }
    // hyper states the length of a body that is there; "none" must be said by us (RFC 9110, 8.6).
    let says_empty = call.body.is_empty() && (method == Method::POST || method == Method::PUT);
    *request.method_mut() = method;
    let headers = request.headers_mut();
    headers.try_reserve(call.headers.len() + 3).map_err(|_| NotSendable::Header)?;
    for (name, value) in &call.headers {
        append(headers, name, value)?;
    }
    if says_empty {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("gavel"));
    Ok(request)
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), NotSendable> {
    let name: HeaderName = name.parse().map_err(|_| NotSendable::Header)?;
    let value: HeaderValue = value.parse().map_err(|_| NotSendable::Header)?;
    if !OWNED_BY_THE_WIRE.contains(&name) {
        headers.try_append(name, value).map_err(|_| NotSendable::Header)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
