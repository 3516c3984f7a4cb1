//! Endpoints of events: vendors and buyers register where they hear of what happens, prove it, and
//! read what became of each attempt. A secret is shown once.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Api;
use super::auth::Principal;
use super::body::Body;
use super::error::{ApiError, Code, FaultCode};
use super::openapi::{Operation, Tag};
use super::paging::{List, Page};
use crate::domain::event::{DisabledReason, Endpoint, EndpointState, EventType};
use crate::domain::ids::{EndpointId, EventId};
use crate::domain::party::Party;
use crate::domain::schema::UtcTime;
use crate::domain::slug::{BuyerId, VendorId};
use crate::flow::administer::{SECRET_OVERLAP_S, SECRET_OVERLAP_S_MAX};
use crate::flow::challenge::ChallengeFailure;
use crate::flow::event_endpoints::{Asker, EndpointChange, EndpointError, EndpointReply};
use crate::ports::records::events::{AttemptKey, AttemptRow, EventState};

/// The failures of calls that concern the registry and the records.
const CHANGES_FAIL: [Code; 2] = [Code::RegistryChanged, Code::RecordsUnavailable];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EndpointRequest {
    /// Where events go: https, a public name.
    url: String,
    /// What it hears of.
    types: BTreeSet<EventType>,
}

/// What an endpoint can be set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Switch {
    /// It is challenged, and hears of events if it passes.
    Active,
    /// It hears of nothing.
    Disabled,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EndpointPatch {
    /// Another URL, which is challenged.
    #[serde(default)]
    url: Option<String>,
    /// Other types.
    #[serde(default)]
    types: Option<BTreeSet<EventType>>,
    /// Whether it hears of events.
    #[serde(default)]
    state: Option<Switch>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// For how many seconds the present secret signs beside the new one; a week at most.
    #[serde(default = "overlap_default")]
    #[schemars(range(min = 0, max = 604_800))]
    overlap_s: u32,
}

fn overlap_default() -> u32 {
    u32::try_from(SECRET_OVERLAP_S).expect("a day is not beyond 136 years")
}

/// An endpoint as its owner and operators see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventEndpoint")]
struct EndpointView<'a> {
    id: EndpointId,
    /// Whose it is, if a vendor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_id: Option<VendorId>,
    /// Whose it is, if a buyer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_id: Option<BuyerId>,
    url: String,
    types: BTreeSet<EventType>,
    state: EndpointState,
    disabled_reason: Option<DisabledReason>,
    #[schemars(with = "UtcTime")]
    created_at: Timestamp,
    /// Why it did not pass the challenge that was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<Verification>,
    /// What its events are signed with; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

/// A challenge that was not passed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FailedVerification")]
struct Verification {
    code: &'static str,
    detail: &'static str,
}

impl EndpointView<'_> {
    fn of(id: EndpointId, endpoint: &Endpoint) -> Self {
        let (vendor_id, buyer_id) = match &endpoint.owner {
            Party::Vendor(vendor) => (Some(vendor.clone()), None),
            Party::Buyer(buyer) => (None, Some(buyer.clone())),
        };
        Self {
            id,
            vendor_id,
            buyer_id,
            url: endpoint.url.clone(),
            types: endpoint.types.clone(),
            state: endpoint.state,
            disabled_reason: endpoint.disabled_reason,
            created_at: endpoint.created_at,
            verification: None,
            secret: None,
        }
    }
}

impl<'a> EndpointView<'a> {
    fn after(reply: &'a EndpointReply) -> Self {
        let told = |failure: ChallengeFailure| Verification {
            code: failure.code(),
            detail: failure.public_text(),
        };
        EndpointView {
            verification: reply.failure.map(told),
            secret: reply.secret.as_deref().map(String::as_str),
            ..EndpointView::of(reply.endpoint_id, &reply.endpoint)
        }
    }
}

impl From<EndpointError> for ApiError {
    fn from(error: EndpointError) -> Self {
        match error {
            EndpointError::Unknown => Self::not_found(),
            EndpointError::DisabledByOperator => {
                let detail = "An operator has disabled the endpoint; only an operator enables it.";
                Self::new(Code::EndpointNotActive, detail)
            }
            EndpointError::NotActive => {
                let detail = "The endpoint is not active; verify it first.";
                Self::new(Code::EndpointNotActive, detail)
            }
            EndpointError::Admin(error) => Self::from(error),
            EndpointError::Records(error) => Self::from(error),
        }
    }
}

/// Whose endpoints a caller may see: its own, or everybody's.
fn asker(principal: &Principal) -> Asker {
    principal.holder.party()
}

fn endpoint_id(path: &str) -> Result<EndpointId, ApiError> {
    EndpointId::parse(path).map_err(|_| ApiError::not_found())
}

/// `POST /v1/event-endpoints`: registers an endpoint and challenges it.
pub(super) async fn create(
    api: web::Data<Api>,
    principal: Principal,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let EndpointRequest { url, types } = body.parse()?;
    let owner = asker(&principal)
        .ok_or_else(|| ApiError::internal("an operator on a route of vendors and buyers"))?;
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id;
    let reply = api
        .ask(async move { exchange.register_endpoint(owner, url, types, actor.as_str()).await })
        .await?;
    Ok(HttpResponse::Created().json(EndpointView::after(&reply)))
}

/// What [`create`] is to whoever reads the document of the API.
pub(super) fn create_operation() -> Operation {
    Operation::new(Tag::Events, "createEventEndpoint", "Register an endpoint of events")
        .says(
            "It is challenged at once and hears of events from the moment it passes. The secret is \
             shown this once, also if the challenge could not be finished \
             (`challenge_unfinished`). A vendor hears of its leads, a buyer of its bids.",
        )
        .body::<EndpointRequest>()
        .answers::<EndpointView<'_>>(201, "The endpoint, with its secret.")
        .fails(&CHANGES_FAIL)
        .fails(&[Code::ChallengeRunning])
}

/// `GET /v1/event-endpoints`: the caller's endpoints; for an operator, everybody's.
pub(super) async fn list(
    api: web::Data<Api>,
    principal: Principal,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let page = Page::of(&request)?;
    let snapshot = api.exchange.snapshot();
    let asker = asker(&principal);
    let views = snapshot
        .endpoints
        .iter()
        .filter(|known| asker.as_ref().is_none_or(|party| known.endpoint.owner == *party))
        .map(|known| EndpointView::of(known.id, &known.endpoint));
    Ok(HttpResponse::Ok().json(page.cut(views, |view| view.id.to_string())))
}

/// What [`list`] is to whoever reads the document of the API.
pub(super) fn list_operation() -> Operation {
    Operation::new(Tag::Events, "listEventEndpoints", "List endpoints of events")
        .says("A vendor or a buyer lists its own, an operator everybody's; by id, without secrets.")
        .lists()
        .answers::<List<EndpointView<'_>>>(200, "One page of endpoints.")
}

/// `GET /v1/event-endpoints/{endpoint_id}`: one endpoint.
pub(super) async fn read(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let snapshot = api.exchange.snapshot();
    let asker = asker(&principal);
    let known = snapshot.endpoints.get(id);
    let known = known
        .filter(|known| asker.as_ref().is_none_or(|party| known.endpoint.owner == *party))
        .ok_or_else(ApiError::not_found)?;
    Ok(HttpResponse::Ok().json(EndpointView::of(id, &known.endpoint)))
}

/// What [`read`] is to whoever reads the document of the API.
pub(super) fn read_operation() -> Operation {
    Operation::new(Tag::Events, "readEventEndpoint", "Read an endpoint of events")
        .says("Its owner or an operator reads it; the secret is not in it.")
        .answers::<EndpointView<'_>>(200, "The endpoint.")
}

/// `PATCH /v1/event-endpoints/{endpoint_id}`: changes an endpoint.
pub(super) async fn change(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let EndpointPatch { url, types, state } = body.parse()?;
    let is_enabled = state.map(|state| state == Switch::Active);
    let asker = asker(&principal);
    if asker.is_none() && (url.is_some() || types.is_some()) {
        let detail = "An operator sets the state alone; the rest is its owner's.";
        return Err(ApiError::at("", FaultCode::NotForOperators, detail));
    }
    let change = EndpointChange { url, types, is_enabled };
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id;
    let reply = api
        .ask(async move { exchange.change_endpoint(&asker, id, change, actor.as_str()).await })
        .await?;
    Ok(HttpResponse::Ok().json(EndpointView::after(&reply)))
}

/// What [`change`] is to whoever reads the document of the API.
pub(super) fn change_operation() -> Operation {
    Operation::new(Tag::Events, "changeEventEndpoint", "Change an endpoint of events")
        .says(
            "What is absent stays. A new URL is challenged before it hears of anything, and so is \
             an endpoint that is enabled again. An operator may set the state alone; what an \
             operator has disabled, only an operator enables.",
        )
        .body::<EndpointPatch>()
        .answers::<EndpointView<'_>>(200, "The endpoint after it.")
        .fails(&CHANGES_FAIL)
        .fails(&[Code::EndpointNotActive, Code::ChallengeRunning])
}

/// `DELETE /v1/event-endpoints/{endpoint_id}`: takes an endpoint away.
pub(super) async fn delete(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let (asker, actor) = (asker(&principal), principal.key_id);
    let exchange = Arc::clone(&api.exchange);
    api.ask(async move { exchange.delete_endpoint(&asker, id, actor.as_str()).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What [`delete`] is to whoever reads the document of the API.
pub(super) fn delete_operation() -> Operation {
    Operation::new(Tag::Events, "deleteEventEndpoint", "Delete an endpoint of events")
        .says("For good; what waits for it is not sent any more.")
        .answers_nothing(204, "The endpoint is gone.")
        .fails(&CHANGES_FAIL)
}

/// `POST /v1/event-endpoints/{endpoint_id}/verify`: challenges an endpoint again.
pub(super) async fn verify(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let (asker, actor) = (asker(&principal), principal.key_id);
    let exchange = Arc::clone(&api.exchange);
    let reply =
        api.ask(async move { exchange.verify_endpoint(&asker, id, actor.as_str()).await }).await?;
    Ok(HttpResponse::Ok().json(EndpointView::after(&reply)))
}

/// What [`verify`] is to whoever reads the document of the API.
pub(super) fn verify_operation() -> Operation {
    Operation::new(Tag::Events, "verifyEventEndpoint", "Challenge an endpoint of events again")
        .says(
            "It is active after it if it passes, also if it had been disabled; `verification` says \
             why it did not.",
        )
        .answers::<EndpointView<'_>>(200, "The endpoint after it.")
        .fails(&CHANGES_FAIL)
        .fails(&[Code::EndpointNotActive, Code::InvalidRequest, Code::ChallengeRunning])
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RotatedSecret")]
struct Rotated<'a> {
    secret: &'a str,
}

/// `POST /v1/event-endpoints/{endpoint_id}/rotate-secret`: gives an endpoint a new secret.
pub(super) async fn rotate_secret(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let Rotation { overlap_s } = body.parse()?;
    if overlap_s > SECRET_OVERLAP_S_MAX {
        let detail = format!("The overlap is 0 to {SECRET_OVERLAP_S_MAX} seconds.");
        return Err(ApiError::at("/overlap_s", FaultCode::OutOfRange, detail));
    }
    let (asker, actor) = (asker(&principal), principal.key_id);
    let exchange = Arc::clone(&api.exchange);
    let secret = api
        .ask(async move { exchange.rotate_endpoint(&asker, id, overlap_s, actor.as_str()).await })
        .await?;
    Ok(HttpResponse::Ok().json(Rotated { secret: &secret }))
}

/// What [`rotate_secret`] is to whoever reads the document of the API.
pub(super) fn rotate_secret_operation() -> Operation {
    Operation::new(Tag::Events, "rotateEventEndpointSecret", "Replace an endpoint's secret")
        .says(
            "Every event carries the signatures of both until the overlap ends. The new secret is \
             shown this once.",
        )
        .body::<Rotation>()
        .answers::<Rotated<'_>>(200, "The new secret.")
        .fails(&CHANGES_FAIL)
}

/// `GET /v1/event-endpoints/{endpoint_id}/attempts`: what became of each attempt, newest first.
pub(super) async fn attempts(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = endpoint_id(&path)?;
    let Page { limit, after } = Page::of(&request)?;
    let after = match after.as_deref().map(read_cursor) {
        Some(None) => {
            let detail = "after is the `next` of the page before.";
            return Err(ApiError::new(Code::MalformedRequest, detail));
        }
        known => known.flatten(),
    };
    let (asker, exchange) = (asker(&principal), Arc::clone(&api.exchange));
    let rows =
        api.ask(async move { exchange.endpoint_attempts(&asker, id, limit, after).await }).await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(cursor);
    Ok(HttpResponse::Ok().json(List::new(rows, next)))
}

/// What [`attempts`] is to whoever reads the document of the API.
pub(super) fn attempts_operation() -> Operation {
    Operation::new(Tag::Events, "listEventAttempts", "List the attempts to tell an endpoint")
        .says(
            "Newest first, as long as events are kept. Of what the endpoint said, only the status.",
        )
        .lists()
        .answers::<List<AttemptRow>>(200, "One page of attempts.")
        .fails(&[Code::RecordsUnavailable])
}

fn cursor(row: &AttemptRow) -> String {
    format!("{}.{}.{}", row.at.as_microsecond(), row.event_id, row.attempt)
}

fn read_cursor(text: &str) -> Option<AttemptKey> {
    let mut parts = text.split('.');
    let key = AttemptKey {
        at: Timestamp::from_microsecond(parts.next()?.parse().ok()?).ok()?,
        event_id: EventId::parse(parts.next()?).ok()?,
        attempt: parts.next()?.parse().ok()?,
    };
    parts.next().is_none().then_some(key)
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ResentEvent")]
struct Resent {
    event_id: EventId,
    state: EventState,
}

/// `POST /v1/events/{event_id}/resend`: sends an event again, under its own id.
pub(super) async fn resend(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let event_id = EventId::parse(&path).map_err(|_| ApiError::not_found())?;
    let (asker, exchange) = (asker(&principal), Arc::clone(&api.exchange));
    api.ask(async move { exchange.resend_event(&asker, event_id).await }).await?;
    Ok(HttpResponse::Accepted().json(Resent { event_id, state: EventState::Waiting }))
}

/// What [`resend`] is to whoever reads the document of the API.
pub(super) fn resend_operation() -> Operation {
    Operation::new(Tag::Events, "resendEvent", "Send an event again")
        .says(
            "Delivered or not, it goes out once more under its own id, with a new timestamp and \
             signature, from the head of the retry list.",
        )
        .answers::<Resent>(202, "The event waits.")
        .fails(&[Code::EndpointNotActive, Code::RecordsUnavailable])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let row = AttemptRow {
            event_id: EventId::new(77),
            event_type: EventType::LeadSold,
            attempt: 3,
            at: "2026-11-23T14:00:00.123456Z".parse().unwrap(),
            result: "delivered".to_owned(),
            http_status: Some(200),
            elapsed_ms: 5,
            state: EventState::Delivered,
        };
        let text = cursor(&row);
        let AttemptRow { event_id, attempt, at, .. } = row;
        assert_eq!(read_cursor(&text), Some(AttemptKey { at, event_id, attempt }));
        for wrong in ["", "1.2.3", &text[1..text.len() - 2], &format!("{text}.1"), "x"] {
            assert_eq!(read_cursor(wrong), None, "{wrong}");
        }
    }
}
