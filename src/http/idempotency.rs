//! The `Idempotency-Key` and `Prefer` headers as callers write them.
//!
//! The IETF draft makes the key a structured-field string, so it is written with quotes; many
//! clients leave them away, and both spellings of one key are the same key. What a key is scoped to
//! and how long it is known is decided by the exchange.

use actix_web::http::header::HeaderMap;

use super::error::{ApiError, Code};
use super::headers::{self, IDEMPOTENCY_KEY, PREFER};

/// The longest idempotency key, in characters.
pub const IDEMPOTENCY_KEY_LENGTH_MAX: usize = 255;

/// Why a header's value is not an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdempotencyKey {
    /// There is nothing in it.
    #[error("The Idempotency-Key is empty.")]
    Empty,
    /// It has more than [`IDEMPOTENCY_KEY_LENGTH_MAX`] characters.
    #[error("The Idempotency-Key has more than 255 characters.")]
    TooLong,
    /// It has a space, a control character or a letter beyond ASCII.
    #[error("The Idempotency-Key has characters that are not visible ASCII.")]
    NotVisible,
    /// It begins with a quote and does not end with one, or the other way round, or goes on after
    /// it, or has a comma outside quotes: several keys joined by a proxy look like that.
    #[error("The Idempotency-Key is neither a quoted string nor a bare word.")]
    Form,
}

/// Reads a key, `"quoted"` (RFC 8941, 3.3.3) or bare, and returns it without quotes and escapes.
///
/// # Errors
/// [`InvalidIdempotencyKey`] with the first fault found.
pub fn parse_key(value: &str) -> Result<String, InvalidIdempotencyKey> {
    let key = match value.strip_prefix('"') {
        Some(rest) => unquote(rest)?,
        None if value.contains(['"', ',']) => return Err(InvalidIdempotencyKey::Form),
        None => value.to_owned(),
    };
    if key.is_empty() {
        return Err(InvalidIdempotencyKey::Empty);
    }
    if key.len() > IDEMPOTENCY_KEY_LENGTH_MAX {
        return Err(InvalidIdempotencyKey::TooLong);
    }
    if key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(key)
    } else {
        Err(InvalidIdempotencyKey::NotVisible)
    }
}

/// The text before the closing quote, which must be the last character; `\"` and `\\` are the only
/// escapes.
fn unquote(rest: &str) -> Result<String, InvalidIdempotencyKey> {
    let mut key = String::with_capacity(rest.len());
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.as_str().is_empty() => return Ok(key),
            '"' => return Err(InvalidIdempotencyKey::Form),
            '\\' => match characters.next() {
                Some(escaped @ ('"' | '\\')) => key.push(escaped),
                _ => return Err(InvalidIdempotencyKey::Form),
            },
            other => key.push(other),
        }
    }
    Err(InvalidIdempotencyKey::Form)
}

/// The request's idempotency key, if it has one.
///
/// # Errors
/// [`Code::MalformedRequest`] when the header came twice or holds no key.
pub(super) fn key_of(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers::single(headers, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    parse_key(value)
        .map(Some)
        .map_err(|error| ApiError::new(Code::MalformedRequest, error.to_string()))
}

/// Whether the caller asks to be answered at once (`Prefer: respond-async`, RFC 7240).
///
/// Preferences may come in several headers and in lists; those not known are passed over.
pub(super) fn prefers_async(headers: &HeaderMap) -> bool {
    headers
        .get_all(&PREFER)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|preference| preference.split(';').next())
        .any(|name| name.trim().eq_ignore_ascii_case("respond-async"))
}

#[cfg(test)]
mod tests;
