//! Requests that are signed beside their key (Standard Webhooks v1), and the ids already seen.
//!
//! The signature covers id, time and body, not the method, the path and the `Idempotency-Key`. So
//! an id is remembered with what it was used for: the same request may come again (it is a retry,
//! and idempotency makes it harmless), but a captured signature cannot carry its body to another
//! route or under another idempotency key (WEBHOOKS 5.9).

use std::sync::{Mutex, PoisonError};

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::recent::Recent;
use crate::domain::key::KeyId;
use crate::http::error::{ApiError, Code};
use crate::http::headers;
use crate::signing::{
    ID_HEADER, SIGNATURE_HEADER, SignatureHeaders, SigningKeys, TIMESTAMP_HEADER, Tolerance, verify,
};

/// For how many seconds at least an id is remembered, whatever the tolerance.
pub const SEEN_IDS_SPAN_MIN_S: i64 = 600;

/// How many ids are remembered at least, over all keys.
pub const SEEN_IDS_MAX: usize = 131_072;

/// The ids of signed requests, each with a digest of what it was used for.
pub struct SeenIds(Mutex<Recent<[u8; 32], [u8; 32]>>);

impl SeenIds {
    /// Nothing seen yet. Ids are remembered for the whole time in which a signature is taken, which
    /// is the tolerance on both sides, and for [`SEEN_IDS_SPAN_MIN_S`] at least.
    #[must_use]
    pub fn new(tolerance_s: i64) -> Self {
        let span_s = tolerance_s.saturating_mul(2).max(SEEN_IDS_SPAN_MIN_S);
        Self(Mutex::new(Recent::new(SignedDuration::from_secs(span_s), SEEN_IDS_MAX / 2)))
    }

    /// Remembers that `id` was used for `purpose`; false if it was used for something else.
    fn admit(&self, id: [u8; 32], purpose: [u8; 32], now: Timestamp) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.recall(&id, now).into_iter().flatten().next().copied();
        // Noted again when it was last seen in the span before, so that it is not forgotten early.
        let noted = *seen.note(id, known.unwrap_or(purpose), now);
        noted == purpose
    }
}

/// What a signature is checked against.
pub struct SignedRequest<'a> {
    /// The key that the request came with.
    pub key_id: KeyId,
    /// The request's method.
    pub method: &'a Method,
    /// The request's path.
    pub path: &'a str,
    /// The request's idempotency key, if it has one.
    pub idempotency_key: Option<&'a str>,
    /// The body as it came; empty if there is none.
    pub body: &'a [u8],
}

impl SignedRequest<'_> {
    /// A digest of all that the signature does not cover, and of the body.
    fn purpose(&self) -> [u8; 32] {
        let key = self.idempotency_key.unwrap_or_default();
        digest(&[self.method.as_str().as_bytes(), self.path.as_bytes(), key.as_bytes(), self.body])
    }
}

/// What a signature is checked with.
pub struct SignatureCheck<'a> {
    /// The key's signing secrets.
    pub keys: &'a SigningKeys,
    /// The present.
    pub now: Timestamp,
    /// How far the signature's time may be from it, either way, in seconds.
    pub tolerance_s: i64,
}

impl SeenIds {
    /// Checks the signature of a request whose key asks for one, and remembers its id.
    ///
    /// # Errors
    /// [`Code::InvalidSignature`] with the reason, which the holder of the key may know, and
    /// [`Code::MalformedRequest`] for a repeated header.
    pub(in crate::http) fn check(
        &self,
        headers: &HeaderMap,
        request: &SignedRequest<'_>,
        check: &SignatureCheck<'_>,
    ) -> Result<(), ApiError> {
        let signature = SignatureHeaders {
            id: needed(headers, ID_HEADER)?,
            timestamp: needed(headers, TIMESTAMP_HEADER)?,
            signature: needed(headers, SIGNATURE_HEADER)?,
        };
        let tolerance = Tolerance { past_s: check.tolerance_s, future_s: check.tolerance_s };
        verify(check.keys, signature, request.body, check.now.as_second(), tolerance)
            .map_err(|reason| refused(format!("The signature was not taken: {reason}.")))?;
        let id = digest(&[request.key_id.as_str().as_bytes(), signature.id.as_bytes()]);
        if self.admit(id, request.purpose(), check.now) {
            Ok(())
        } else {
            Err(refused(format!("This {ID_HEADER} was used for another request.")))
        }
    }
}

fn needed<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, ApiError> {
    headers::single(headers, &HeaderName::from_static(name))?
        .ok_or_else(|| refused(format!("This key needs the header {name} on each request.")))
}

fn refused(detail: String) -> ApiError {
    ApiError::new(Code::InvalidSignature, detail)
}

/// SHA-256 over the parts, each with its length before it, so that none runs into the next.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests;
