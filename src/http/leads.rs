//! Leads: submitting one, and what became of it.
//!
//! The answer to a submission is made by the exchange from what it has stored, and sent from here
//! byte for byte: now, on every repeat, and on every read. This file decides how long a vendor is
//! kept waiting, and says `pending` in its own words when there is no answer yet.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::Api;
use super::auth::{Holder, Principal};
use super::body::Body;
use super::error::{ApiError, Code};
use super::headers::{IDEMPOTENT_REPLAYED, PREFERENCE_APPLIED};
use super::idempotency;
use super::openapi::{Operation, Parameter, SubmittedLead, Tag};
use crate::domain::auction::StoredAnswer;
use crate::domain::disposition::Disposition;
use crate::domain::ids::LeadId;
use crate::domain::key::KeyMode;
use crate::domain::lead::{Submission, Warning};
use crate::domain::limits::Limits;
use crate::domain::slug::{VendorId, VerticalId};
use crate::flow::sell::{FinalAnswer, PingAnswer, SellReply};
use crate::intake::fault::FaultCode;
use crate::intake::{self, Contact, IntakeContext, IntakeLimits};

/// When it is worth asking again for a lead that is pending, in seconds.
pub(super) const PENDING_RETRY_S: u32 = 1;

/// What a lead that is submitted, or posted, is answered with.
pub(super) const SOLD_NOW: &str = "What became of the lead.";
/// What it is answered with meanwhile.
pub(super) const SOLD_LATER: &str = "The lead is safe and has no answer yet.";

/// The warning about a field that the vertical does not have.
const UNKNOWN_FIELD: &str = FaultCode::UnknownField.as_str();

/// `POST /v1/leads`: sells one lead and answers with what became of it.
pub(super) async fn submit(
    api: web::Data<Api>,
    principal: Principal,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let submitted = Submitted::read(&api, &principal, (&body, &request), Contact::Required)?;
    let Submitted { vendor, submission, idempotency_key, patience } = submitted;
    let exchange = Arc::clone(&api.exchange);
    let sale = api
        .ask(
            async move { exchange.sell(&vendor, submission, idempotency_key, patience.wait).await },
        )
        .await?;
    patience.respond(sale, accepted)
}

/// A lead or a ping of a vendor, as it came.
pub(super) struct Submitted {
    pub(super) vendor: VendorId,
    pub(super) submission: Submission,
    pub(super) idempotency_key: Option<String>,
    pub(super) patience: Patience,
}

impl Submitted {
    /// Takes a request apart by the rules of its vertical.
    pub(super) fn read(
        api: &Api,
        principal: &Principal,
        (body, request): (&Body, &HttpRequest),
        contact: Contact,
    ) -> Result<Self, ApiError> {
        let vendor = principal.vendor()?.clone();
        let idempotency_key = idempotency::key_of(request.headers())?;
        let submission = read_submission(api, principal, body, contact)?;
        let patience = Patience::of(request, submission.wait_ms, api.exchange.limits());
        Ok(Self { vendor, submission, idempotency_key, patience })
    }
}

/// How long a vendor waits for its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// At most so long; not at all if it prefers that.
    pub(super) wait: Duration,
    prefers_async: bool,
}

impl Patience {
    /// What the vendor asks for, within the limits.
    pub(super) fn of(request: &HttpRequest, wait_ms: Option<u64>, limits: &Limits) -> Self {
        let prefers_async = idempotency::prefers_async(request.headers());
        let wait = if prefers_async { Duration::ZERO } else { wait_of(wait_ms, limits) };
        Self { wait, prefers_async }
    }

    /// What the vendor is answered; `pending` says in its own words that there is no answer yet.
    pub(super) fn respond(
        self,
        sale: SellReply,
        pending: impl FnOnce(LeadId) -> HttpResponse,
    ) -> Result<HttpResponse, ApiError> {
        let mut response = match sale {
            SellReply::Answer { answer, is_replay, .. } => stored(answer, is_replay)?,
            SellReply::Pending { lead_id } => pending(lead_id),
            SellReply::KeyMismatch => {
                let detail = "This Idempotency-Key came with another body before; use a new one.";
                return Err(ApiError::new(Code::IdempotencyKeyMismatch, detail));
            }
        };
        if self.prefers_async {
            let applied = HeaderValue::from_static("respond-async");
            response.headers_mut().insert(PREFERENCE_APPLIED, applied);
        }
        Ok(response)
    }
}

/// `GET /v1/leads/{lead_id}`: what submitting the lead would answer now.
pub(super) async fn read(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let lead_id = LeadId::parse(&path).map_err(|_| ApiError::not_found())?;
    let vendor = match &principal.holder {
        Holder::Operator => None,
        Holder::Vendor(_) | Holder::Buyer(_) => Some(principal.vendor()?.clone()),
    };
    let exchange = Arc::clone(&api.exchange);
    let found = api.ask(async move { exchange.lead(vendor.as_ref(), lead_id).await }).await?;
    match found {
        Some(SellReply::Answer { answer, .. }) => stored(answer, false),
        Some(SellReply::Pending { lead_id }) => Ok(pending(StatusCode::OK, lead_id)),
        Some(SellReply::KeyMismatch) => {
            Err(ApiError::internal("a lead was read and its key found to mismatch"))
        }
        None => Err(ApiError::not_found()),
    }
}

/// An operation that answers with a `Now` (`now`) or, as long as there is none, with a `Later`
/// (`later`).
pub(super) fn answers_now_or_later<Now: JsonSchema, Later: JsonSchema>(
    operation: Operation,
    now: &'static str,
    later: &'static str,
) -> Operation {
    let preference = json!({"type": "string", "examples": ["respond-async"]});
    let prefer = "`respond-async`: answer 202 as soon as the lead is safe. Others are passed over.";
    let applied = ("preference-applied", "The preference that was followed.");
    operation
        .takes(Parameter::header("Prefer", preference, prefer))
        .answers::<Now>(200, now)
        .with_header("idempotent-replayed", "`true` on an answer that was given before.")
        .with_header(applied.0, applied.1)
        .answers::<Later>(202, later)
        .with_header("location", "Where the answer will be.")
        .with_header("retry-after", "When to ask for it, in seconds.")
        .with_header(applied.0, applied.1)
        .fails(&[Code::InvalidLead, Code::Overloaded])
        .fails(&[Code::StoreUnavailable, Code::RecordsUnavailable])
}

/// What [`submit`] is to whoever reads the document of the API.
pub(super) fn submit_operation() -> Operation {
    let operation = Operation::new(Tag::Leads, "submitLead", "Submit a lead")
        .says(
            "Sells one lead and answers with what became of it. The same lead under the same key \
             gets the same answer, byte for byte. What the fields of a lead must be beyond the \
             schema is in the posting spec of its vertical.",
        )
        .idempotent(false)
        .body::<SubmittedLead>()
        .fails(&[Code::UnknownVertical]);
    answers_now_or_later::<FinalAnswer<'_>, Pending>(operation, SOLD_NOW, SOLD_LATER)
}

/// What [`read`] is to whoever reads the document of the API.
pub(super) fn read_operation() -> Operation {
    Operation::new(Tag::Leads, "readLead", "Read what became of a lead")
        .says("Answers what submitting the lead, or its ping or post, would answer now. A vendor reads its own leads.")
        .answers::<LeadState<'_>>(200, "What became of the lead, or that it is pending or offered.")
        .with_header("retry-after", "When to ask again for a pending lead, in seconds.")
        .fails(&[Code::Overloaded, Code::StoreUnavailable])
}

/// Takes a body apart by the rules of its vertical.
fn read_submission(
    api: &Api,
    principal: &Principal,
    body: &Body,
    contact: Contact,
) -> Result<Submission, ApiError> {
    let snapshot = api.exchange.snapshot();
    let find = |vertical: &VerticalId| snapshot.verticals.get(vertical).cloned();
    let context = IntakeContext {
        verticals: &find,
        strict: principal.is_strict,
        is_test_key: principal.mode == KeyMode::Test,
        contact,
        limits: &IntakeLimits::from(api.exchange.limits()),
        now: api.exchange.clock().now(),
    };
    let body = intake::Body { content: body.kind, bytes: &body.bytes };
    let submission = intake::read(body, &context)?;
    count_unknown_fields(api, &submission.warnings);
    Ok(submission)
}

/// Counts the fields that were left aside because nobody knows them.
pub(super) fn count_unknown_fields(api: &Api, warnings: &[Warning]) {
    let unknown = warnings.iter().filter(|warning| warning.code == UNKNOWN_FIELD);
    api.exchange.metrics().unknown_fields.inc_by(unknown.count() as u64);
}

/// How long the vendor is kept waiting at most, within the limits.
fn wait_of(wait_ms: Option<u64>, limits: &Limits) -> Duration {
    let wait_ms = wait_ms.unwrap_or(limits.wait_ms_default);
    Duration::from_millis(wait_ms.clamp(limits.wait_ms_min, limits.wait_ms_max))
}

/// The stored answer, byte for byte.
fn stored(answer: StoredAnswer, is_replay: bool) -> Result<HttpResponse, ApiError> {
    let status = StatusCode::from_u16(answer.status)
        .map_err(|_| ApiError::internal(format!("stored status {}", answer.status)))?;
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/json"));
    if is_replay {
        response.insert_header((IDEMPOTENT_REPLAYED, "true"));
    }
    Ok(response.body(answer.body))
}

/// The body of a lead without an answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct Pending {
    lead_id: LeadId,
    #[schemars(extend("const" = "pending"))]
    disposition: Disposition,
    /// Where the answer will be.
    status_url: String,
}

/// What reading a lead answers.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used: the answers are stored bytes")]
enum LeadState<'a> {
    Final(FinalAnswer<'a>),
    Pinged(PingAnswer<'a>),
    Pending(Pending),
}

/// That there is no answer yet, and where there will be one.
fn pending(status: StatusCode, lead_id: LeadId) -> HttpResponse {
    let body =
        Pending { lead_id, disposition: Disposition::Pending, status_url: status_url(lead_id) };
    HttpResponse::build(status).insert_header((RETRY_AFTER, PENDING_RETRY_S)).json(body)
}

/// That a lead was taken in and has no answer yet.
pub(super) fn accepted(lead_id: LeadId) -> HttpResponse {
    located(pending(StatusCode::ACCEPTED, lead_id), lead_id)
}

/// The answer with the place where there will be more.
pub(super) fn located(mut response: HttpResponse, lead_id: LeadId) -> HttpResponse {
    let location = HeaderValue::try_from(status_url(lead_id))
        .expect("an id is a prefix and letters and digits");
    response.headers_mut().insert(LOCATION, location);
    response
}

/// Where a lead is read.
pub(super) fn status_url(lead_id: LeadId) -> String {
    format!("/v1/leads/{lead_id}")
}

#[cfg(test)]
mod tests;
