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
use serde::Serialize;

use super::Api;
use super::auth::{Holder, Principal};
use super::body::Body;
use super::error::{ApiError, Code};
use super::headers::{IDEMPOTENT_REPLAYED, PREFERENCE_APPLIED};
use super::idempotency;
use crate::domain::auction::StoredAnswer;
use crate::domain::disposition::Disposition;
use crate::domain::ids::LeadId;
use crate::domain::key::KeyMode;
use crate::domain::lead::Submission;
use crate::domain::limits::Limits;
use crate::domain::slug::VerticalId;
use crate::flow::sell::SellReply;
use crate::intake::fault::FaultCode;
use crate::intake::{self, Contact, IntakeContext, IntakeLimits};

/// When it is worth asking again for a lead that is pending, in seconds.
const PENDING_RETRY_S: u32 = 1;

/// The warning about a field that the vertical does not have.
const UNKNOWN_FIELD: &str = FaultCode::UnknownField.as_str();

/// `POST /v1/leads`: sells one lead and answers with what became of it.
pub(super) async fn submit(
    api: web::Data<Api>,
    principal: Principal,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let vendor = principal.vendor()?.clone();
    let idempotency_key = idempotency::key_of(request.headers())?;
    let submission = read_submission(&api, &principal, &body)?;
    let is_async = idempotency::prefers_async(request.headers());
    let wait =
        if is_async { Duration::ZERO } else { wait_of(submission.wait_ms, api.exchange.limits()) };
    let exchange = Arc::clone(&api.exchange);
    let sale = api
        .ask(async move { exchange.sell(&vendor, submission, idempotency_key, wait).await })
        .await?;
    let mut response = match sale {
        SellReply::Answer { answer, is_replay, .. } => stored(answer, is_replay)?,
        SellReply::Pending { lead_id } => accepted(lead_id),
        SellReply::KeyMismatch => {
            let detail = "This Idempotency-Key came with another body before; use a new one.";
            return Err(ApiError::new(Code::IdempotencyKeyMismatch, detail));
        }
    };
    if is_async {
        let applied = (PREFERENCE_APPLIED, HeaderValue::from_static("respond-async"));
        response.headers_mut().insert(applied.0, applied.1);
    }
    Ok(response)
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

/// Takes a body apart by the rules of its vertical.
fn read_submission(api: &Api, principal: &Principal, body: &Body) -> Result<Submission, ApiError> {
    let snapshot = api.exchange.snapshot();
    let find = |vertical: &VerticalId| snapshot.verticals.get(vertical).cloned();
    let context = IntakeContext {
        verticals: &find,
        strict: principal.is_strict,
        is_test_key: principal.mode == KeyMode::Test,
        contact: Contact::Required,
        limits: &IntakeLimits::from(api.exchange.limits()),
        now: api.exchange.clock().now(),
    };
    let body = intake::Body { content: body.kind, bytes: &body.bytes };
    let submission = intake::read(body, &context)?;
    let unknown = submission.warnings.iter().filter(|warning| warning.code == UNKNOWN_FIELD);
    api.exchange.metrics().unknown_fields.inc_by(unknown.count() as u64);
    Ok(submission)
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

#[derive(Serialize)]
struct Pending {
    lead_id: LeadId,
    disposition: Disposition,
    status_url: String,
}

/// That there is no answer yet, and where there will be one.
fn pending(status: StatusCode, lead_id: LeadId) -> HttpResponse {
    let body =
        Pending { lead_id, disposition: Disposition::Pending, status_url: status_url(lead_id) };
    HttpResponse::build(status).insert_header((RETRY_AFTER, PENDING_RETRY_S)).json(body)
}

/// That a lead was taken in and has no answer yet.
fn accepted(lead_id: LeadId) -> HttpResponse {
    let mut response = pending(StatusCode::ACCEPTED, lead_id);
    let location = HeaderValue::try_from(status_url(lead_id))
        .expect("an id is a prefix and letters and digits");
    response.headers_mut().insert(LOCATION, location);
    response
}

fn status_url(lead_id: LeadId) -> String {
    format!("/v1/leads/{lead_id}")
}

#[cfg(test)]
mod tests;
