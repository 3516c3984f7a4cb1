//! Reading a request's body: of the right kind, not too large, in time.
//!
//! All three are checked before anything looks at what the body says, and the size is held while
//! the bytes come in: a body that announces itself as small does not get in as a large one. What
//! the bytes mean is for the routes.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::{Payload, RequestHead};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::error::{ApiError, Code};
use super::headers;
use super::object_body;
use crate::intake::ContentKind;

/// What kinds of body a route reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// None; whatever comes is left unread.
    Nothing,
    /// `application/json`.
    Json,
    /// `application/json`, or nothing at all, which says the same as `{}`.
    OptionalJson,
    /// `application/json` with the limit of a whole registry.
    RegistryJson,
    /// `application/json` with the limit of a profile with its cases.
    ProfileJson,
    /// `application/json` or `application/x-www-form-urlencoded`.
    JsonOrForm,
    /// What the vendor's inbound profile says.
    ByProfile,
}

/// A body that was read whole. No `Debug`: it may say anything about a person.
#[derive(Clone)]
pub struct Body {
    /// What it says it is.
    pub kind: ContentKind,
    /// Its bytes as they came.
    pub bytes: Bytes,
}

/// How large a body may be and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// In bytes.
    pub bytes_max: usize,
    /// From its first byte to its last.
    pub timeout: Duration,
}

/// Reads the body of a request to a route that reads `accepts`.
///
/// # Errors
/// [`Code::UnsupportedMediaType`], [`Code::BodyTooLarge`], [`Code::BodyTimeout`], and
/// [`Code::MalformedBody`] when the connection broke or the framing is wrong.
pub(super) async fn read(
    head: &RequestHead,
    payload: Payload,
    accepts: Accepts,
    limits: BodyLimits,
) -> Result<Body, ApiError> {
    let kind = kind_of(head.headers(), accepts);
    let kind = if accepts == Accepts::OptionalJson { kind } else { Ok(kind?) };
    let bytes = read_bytes(head, payload, limits).await?;
    // Nothing needs no content type.
    let kind = if bytes.is_empty() { kind.unwrap_or(ContentKind::Json) } else { kind? };
    Ok(Body { kind, bytes })
}

/// Reads the bytes of a body, of whatever kind.
///
/// # Errors
/// [`Code::BodyTooLarge`], [`Code::BodyTimeout`], [`Code::MalformedBody`], and
/// [`Code::UnsupportedMediaType`] if they are compressed.
pub(super) async fn read_bytes(
    head: &RequestHead,
    payload: Payload,
    limits: BodyLimits,
) -> Result<Bytes, ApiError> {
    check_encoding(head.headers())?;
    let announced = announced_length(head.headers())?;
    if announced.is_some_and(|length| length > limits.bytes_max) {
        return Err(too_large(limits.bytes_max));
    }
    let expected = announced.unwrap_or(0);
    match tokio::time::timeout(limits.timeout, collect(payload, expected, limits.bytes_max)).await {
        Ok(bytes) => bytes,
        Err(_) => {
            let seconds = limits.timeout.as_secs_f64();
            let detail = format!("The body was not here whole after {seconds} s.");
            Err(ApiError::new(Code::BodyTimeout, detail).closing())
        }
    }
}

async fn collect(
    mut payload: Payload,
    expected: usize,
    bytes_max: usize,
) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::with_capacity(expected);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if bytes.len() + chunk.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn too_large(bytes_max: usize) -> ApiError {
    let detail = format!("The body has more than {bytes_max} bytes.");
    ApiError::new(Code::BodyTooLarge, detail).closing()
}

fn broken(error: &PayloadError) -> ApiError {
    ApiError::new(Code::MalformedBody, "The body ended too early or is framed wrongly.")
        .caused_by(error)
        .closing()
}

fn announced_length(headers: &HeaderMap) -> Result<Option<usize>, ApiError> {
    let Some(text) = headers::single(headers, &CONTENT_LENGTH)? else { return Ok(None) };
    let unreadable = || ApiError::new(Code::MalformedRequest, "Content-Length is not a number.");
    text.parse().map(Some).map_err(|_| unreadable().closing())
}

fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let encoding = headers::single(headers, &CONTENT_ENCODING)?;
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(unsupported("Compressed bodies are not read."));
    }
    Ok(())
}

/// What the body is by its content type, if the route reads that.
fn kind_of(headers: &HeaderMap, accepts: Accepts) -> Result<ContentKind, ApiError> {
    check_encoding(headers)?;
    let content_type = headers::single(headers, &CONTENT_TYPE)?.unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    if !parts.all(is_understood) {
        return Err(unsupported("Bodies are read as UTF-8 only."));
    }
    let reads_forms = accepts == Accepts::JsonOrForm;
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(ContentKind::Json)
    } else if reads_forms && essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(ContentKind::Form)
    } else if reads_forms {
        Err(unsupported("Send application/json or application/x-www-form-urlencoded."))
    } else {
        Err(unsupported("Send application/json."))
    }
}

/// A parameter of a content type, unless it asks for another character set than ours.
fn is_understood(parameter: &str) -> bool {
    match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            let charset = value.trim().trim_matches('"');
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        }
        _ => true,
    }
}

pub(super) fn unsupported(detail: &'static str) -> ApiError {
    ApiError::new(Code::UnsupportedMediaType, detail)
}

impl Body {
    /// The body as its route reads it: where nothing may be sent, nothing is `{}`.
    #[must_use]
    pub(super) fn read_as(self, accepts: Accepts) -> Self {
        if accepts == Accepts::OptionalJson && self.bytes.is_empty() {
            return Self { bytes: Bytes::from_static(b"{}"), ..self };
        }
        self
    }

    /// Reads an administrative body: JSON with the fields of `T` and no others.
    ///
    /// # Errors
    /// [`Code::MalformedBody`] when it is no JSON, [`Code::InvalidRequest`] with every faulty
    /// field when it is not a `T`.
    /// The parser's words are told: such bodies hold no consumer's data.
    pub fn parse<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, ApiError> {
        object_body::read(&self.bytes)
    }
}

/// Hands a handler the body that the gate has read.
impl FromRequest for Body {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let body = request.extensions_mut().remove::<Self>();
        ready(body.ok_or_else(|| ApiError::internal("the route's body was not read")))
    }
}

#[cfg(test)]
mod tests;
