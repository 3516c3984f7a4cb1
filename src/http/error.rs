//! Every error the API can answer with: one list of codes, one table, one body (RFC 9457).
//!
//! A handler returns an [`ApiError`]; what it says to the caller and what it says to the log are
//! separate texts. The outermost layer (`request_id`) gives it the request's id, writes it to the
//! log once and to the wire once. Nothing else in the program knows HTTP statuses, and this module
//! does not know why a step failed beyond what it is told. No text here may hold a consumer's data.

mod causes;
mod fault;
mod problem;

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

pub(super) use problem::{Problem, Words};

pub use fault::{Fault, FaultCode, TextPlace};

/// The media type of every error body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The start of every problem's `type`; the code follows. It names the kind, it is no address.
pub const PROBLEM_TYPE: &str = "urn:gavel:error:";

/// The most faults listed in one error body; those beyond are cut.
pub const FAULTS_MAX: usize = 100;

/// What went wrong, as a stable word that programs may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Code {
    /// The body cannot be read as what its content type says.
    MalformedBody,
    /// A header, a path or a query is not understood.
    MalformedRequest,
    /// A route that changes money was called without an idempotency key.
    IdempotencyKeyMissing,
    /// There is no key, or it does not work.
    Unauthorized,
    /// The key needs a signature on each request, and this one's is missing or wrong.
    InvalidSignature,
    /// The key works, but its role may not call this route.
    WrongRole,
    /// There is nothing here, or nothing of the caller's.
    NotFound,
    /// There is no such ping of this vendor.
    PingUnknown,
    /// The route exists under other methods.
    MethodNotAllowed,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The post has a definite outcome already.
    AlreadyResolved,
    /// Another post has taken the ping's offer.
    PingUsed,
    /// The registry changed meanwhile.
    RegistryChanged,
    /// The campaign's endpoints cannot be proved by challenge.
    AttestationNeeded,
    /// The campaign has no endpoints.
    EndpointsMissing,
    /// The endpoint of events hears of nothing now.
    EndpointNotActive,
    /// The lead has not ended yet.
    LeadOpen,
    /// The lead ended too long ago.
    LeadOver,
    /// The ping's offer is over.
    PingExpired,
    /// The object is not as the request's condition says.
    PreconditionFailed,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The body is of a kind this route does not read.
    UnsupportedMediaType,
    /// The lead's fields are not what the vertical asks for.
    InvalidLead,
    /// The vertical is not known.
    UnknownVertical,
    /// The idempotency key was used with another body.
    IdempotencyKeyMismatch,
    /// The ping has no such offer.
    OfferUnknown,
    /// A field of an administrative body is missing, unknown or wrong.
    InvalidRequest,
    /// The registry's objects do not hold together.
    InvalidRegistry,
    /// The account would go beyond the largest amount.
    AmountOutOfRange,
    /// Too many failures, or too many calls.
    RateLimited,
    /// The owner changes the registry too often.
    TooManyChanges,
    /// Another challenge of the same owner has not ended yet.
    ChallengeRunning,
    /// There are too many headers, or they are too large.
    HeadersTooLarge,
    /// Our own fault.
    Internal,
    /// The node runs as many auctions as it may, or is stopping.
    Overloaded,
    /// The auction store gives no answer.
    StoreUnavailable,
    /// The permanent records give no answer.
    RecordsUnavailable,
}

/// One line of the table of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeRow {
    /// The code.
    pub code: Code,
    /// The code in a body.
    pub text: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The problem's title.
    pub title: &'static str,
}

const fn row(code: Code, text: &'static str, status: u16, title: &'static str) -> CodeRow {
    CodeRow { code, text, status, title }
}

/// Every code with its text, status and title, in the order of [`Code`]. `docs/API.md` has the
/// same list.
pub const ALL_CODES: [CodeRow; 37] = [
    row(Code::MalformedBody, "malformed_body", 400, "The body cannot be read"),
    row(Code::MalformedRequest, "malformed_request", 400, "The request is not understood"),
    row(
        Code::IdempotencyKeyMissing,
        "idempotency_key_missing",
        400,
        "This route needs an Idempotency-Key",
    ),
    row(Code::Unauthorized, "unauthorized", 401, "A valid API key is needed"),
    row(Code::InvalidSignature, "invalid_signature", 401, "A valid signature is needed"),
    row(Code::WrongRole, "wrong_role", 403, "The key's role may not do this"),
    row(Code::NotFound, "not_found", 404, "There is nothing here"),
    row(Code::PingUnknown, "ping_unknown", 404, "There is no such ping"),
    row(Code::MethodNotAllowed, "method_not_allowed", 405, "The method is not allowed here"),
    row(Code::BodyTimeout, "body_timeout", 408, "The body did not arrive in time"),
    row(Code::AlreadyResolved, "already_resolved", 409, "The post is already resolved"),
    row(Code::PingUsed, "ping_used", 409, "Another post has used this ping"),
    row(Code::RegistryChanged, "registry_changed", 409, "The registry changed meanwhile"),
    row(
        Code::AttestationNeeded,
        "attestation_needed",
        409,
        "An operator has to vouch for the endpoints",
    ),
    row(Code::EndpointsMissing, "endpoints_missing", 409, "The campaign has no endpoints yet"),
    row(Code::EndpointNotActive, "endpoint_not_active", 409, "The endpoint is not active"),
    row(Code::LeadOpen, "lead_open", 409, "The lead has not ended yet"),
    row(Code::LeadOver, "lead_over", 409, "The lead takes no more reports"),
    row(Code::PingExpired, "ping_expired", 410, "The offer is over"),
    row(Code::PreconditionFailed, "precondition_failed", 412, "The object was changed meanwhile"),
    row(Code::BodyTooLarge, "body_too_large", 413, "The body is too large"),
    row(
        Code::UnsupportedMediaType,
        "unsupported_media_type",
        415,
        "The content type is not supported here",
    ),
    row(Code::InvalidLead, "invalid_lead", 422, "The lead is not valid"),
    row(Code::UnknownVertical, "unknown_vertical", 422, "The vertical is not known"),
    row(
        Code::IdempotencyKeyMismatch,
        "idempotency_key_mismatch",
        422,
        "The Idempotency-Key was used with another body",
    ),
    row(Code::OfferUnknown, "offer_unknown", 422, "The ping has no such offer"),
    row(Code::InvalidRequest, "invalid_request", 422, "The request is not valid"),
    row(Code::InvalidRegistry, "invalid_registry", 422, "The registry is not valid"),
    row(Code::AmountOutOfRange, "amount_out_of_range", 422, "The amount is out of range"),
    row(Code::RateLimited, "rate_limited", 429, "Too many requests"),
    row(Code::TooManyChanges, "too_many_changes", 429, "Too many changes of the registry"),
    row(Code::ChallengeRunning, "challenge_running", 429, "A challenge is still running"),
    row(Code::HeadersTooLarge, "headers_too_large", 431, "The headers are too large"),
    row(Code::Internal, "internal", 500, "The exchange made a mistake"),
    row(Code::Overloaded, "overloaded", 503, "The exchange is busy"),
    row(Code::StoreUnavailable, "store_unavailable", 503, "The auction store is not available"),
    row(Code::RecordsUnavailable, "records_unavailable", 503, "The records are not available"),
];

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "What went wrong, as a stable word that programs may act on.",
            "enum": ALL_CODES.map(|row| row.text).to_vec(),
        })
    }
}

impl Code {
    /// The code's line of the table.
    #[must_use]
    pub const fn row(self) -> &'static CodeRow {
        &ALL_CODES[self as usize]
    }

    /// The code in a body, in logs and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().text
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// Whether an answer with it says when to try again.
    #[must_use]
    pub const fn says_when_to_retry(self) -> bool {
        matches!(
            self,
            Self::RegistryChanged
                | Self::RateLimited
                | Self::TooManyChanges
                | Self::ChallengeRunning
                | Self::Overloaded
                | Self::StoreUnavailable
                | Self::RecordsUnavailable
        )
    }
}

/// Why a request was not answered with what it asked for.
///
/// The public text goes to the caller; `internal` goes to the log and nowhere else.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    detail: Cow<'static, str>,
    internal: Option<String>,
    faults: Vec<Fault>,
    retry_after_s: Option<u32>,
    allow: Option<Cow<'static, str>>,
    must_close: bool,
    words: Option<Box<Words>>,
}

impl ApiError {
    /// An error with one sentence for the caller.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            internal: None,
            faults: Vec::new(),
            retry_after_s: None,
            allow: None,
            must_close: false,
            words: None,
        }
    }

    /// Our own fault: the caller learns nothing of it but the request's id.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal, "The request failed through no fault of yours; quote its id.")
            .caused_by(cause)
    }

    /// An administrative body with one fault.
    #[must_use]
    pub fn at(pointer: &str, code: FaultCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        let fault = Fault::at(pointer, code, detail.clone());
        Self::new(Code::InvalidRequest, detail).with_faults(vec![fault])
    }

    /// There is nothing of that name, or nothing that is the caller's: the same body for both, so
    /// that ids cannot be tried out.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here under this path and this key.")
    }

    /// The route exists under the methods of `allow` only.
    #[must_use]
    pub fn method_not_allowed(allow: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(
            Code::MethodNotAllowed,
            "This path exists, but not under this method; see the Allow header.",
        );
        error.allow = Some(allow.into());
        error
    }

    /// What the log gets beside the public text. It must hold no consumer's data.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.internal = Some(cause.to_string());
        self
    }

    /// The faulty parts of the body, of which the first [`FAULTS_MAX`] are told.
    #[must_use]
    pub fn with_faults(mut self, mut faults: Vec<Fault>) -> Self {
        faults.truncate(FAULTS_MAX);
        self.faults = faults;
        self
    }

    /// When it is worth trying again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Ends the connection after the answer, because the rest of the request was not read.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.must_close = true;
        self
    }

    /// The faulty parts of the body.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The text for the log, if there is one.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.internal.as_deref()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code.as_str(), self.detail)
    }
}

/// The framework asks for a response without knowing the request; the outermost layer replaces it
/// by `ApiError::render`.
impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status())
            .expect("the table holds registered statuses only, and a test reads it whole")
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

#[cfg(test)]
mod tests;
