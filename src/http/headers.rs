//! Headers: the limits on those that come in, and those that every answer carries.
//!
//! Limits are checked before anything is routed or read. The security headers say what a browser
//! may do with an answer (nothing, unless a page says more); there is no CORS and no banner that
//! names the program or its version (PROTOCOL S34). This module knows no route.

use actix_web::dev::RequestHead;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use super::error::{ApiError, Code};

/// The id of the request, on every answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Names the operation that a request asks for, so that a repeat of it is one.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// `true` on an answer that was given before and is repeated byte for byte.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How the caller wants to be answered (RFC 7240).
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Which preference was followed (RFC 7240).
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// What an answer that is no page may load and who may frame it: nothing and nobody.
const CSP_OF_DATA: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// What every answer carries unless it says otherwise itself.
const ON_EVERY_ANSWER: [(HeaderName, HeaderValue); 6] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (CONTENT_SECURITY_POLICY, CSP_OF_DATA),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

/// Adds the security headers that `headers` does not have yet.
pub(super) fn secure(headers: &mut HeaderMap) {
    for (name, value) in ON_EVERY_ANSWER {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
}

/// How many headers a request may have, and how large its path and headers may be together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderLimits {
    /// How many headers, repeated ones counted each time.
    pub count_max: usize,
    /// Bytes of path, query, names and values together.
    pub bytes_max: usize,
}

/// Refuses a request with too many or too large headers.
///
/// # Errors
/// [`Code::HeadersTooLarge`], naming the limit.
pub(super) fn check(head: &RequestHead, limits: HeaderLimits) -> Result<(), ApiError> {
    let refuse = |detail: String| Err(ApiError::new(Code::HeadersTooLarge, detail).closing());
    let count = head.headers().len();
    if count > limits.count_max {
        return refuse(format!(
            "The request has {count} headers; the limit is {}.",
            limits.count_max
        ));
    }
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let sizes = head.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    let bytes = target + sizes.sum::<usize>();
    if bytes > limits.bytes_max {
        return refuse(format!(
            "Path and headers have {bytes} bytes together; the limit is {}.",
            limits.bytes_max
        ));
    }
    Ok(())
}

/// The value of a header that may come once at most; `None` if it did not come.
///
/// Which of two values counts would be up to whoever reads them, so a repeated header is refused.
///
/// # Errors
/// [`Code::MalformedRequest`] when it came twice or is not visible ASCII.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        let detail = format!("The header {name} came more than once.");
        return Err(ApiError::new(Code::MalformedRequest, detail));
    }
    match value.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => {
            let detail = format!("The header {name} has characters that are not visible ASCII.");
            Err(ApiError::new(Code::MalformedRequest, detail))
        }
    }
}

#[cfg(test)]
mod tests;
