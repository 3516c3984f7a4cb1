//! What buyers and operators do with a campaign beside describing it: endpoints and proofs of them,
//! limits, pauses, secrets.
//!
//! A buyer reaches its own campaigns alone; another's looks like none. What an endpoint failed at is
//! told in general terms here and exactly in the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Api;
use super::asked::Asked;
use super::auth::Principal;
use super::body::Body;
use super::error::{ApiError, Code, Fault, FaultCode};
use super::objects::refused;
use super::openapi::{Operation, Tag};
use crate::domain::campaign::{CampaignState, Cap};
use crate::domain::object::ObjectKind;
use crate::domain::slug::CampaignId;
use crate::domain::standing::{Endpoints, PausedBy};
use crate::flow::administer::{CampaignStanding, SECRET_OVERLAP_S, SECRET_OVERLAP_S_MAX};
use crate::flow::endpoints::EndpointsReply;
use crate::registry::bundle::SecretText;

/// Where a campaign stands after its endpoints were challenged.
#[derive(Serialize, JsonSchema)]
struct EndpointsAnswer<'a> {
    campaign_id: &'a CampaignId,
    /// `pending_verification` until every endpoint has answered a challenge.
    state: CampaignState,
    /// What pings and posts are signed with; with the first registration only.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a SecretText>,
    /// The endpoints that did not answer the challenge.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// `PUT /v1/campaigns/{campaign_id}/endpoints`: registers a buyer's endpoints and challenges them.
pub(super) async fn register(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Campaign, &principal, &path)?;
    let endpoints: Endpoints = body.parse()?;
    let exchange = Arc::clone(&api.exchange);
    let (asked, reply) = api
        .ask(async move {
            match exchange.register_endpoints(asked.order(), &endpoints).await {
                Ok(reply) => Ok((asked, reply)),
                Err(error) => {
                    let name = (ObjectKind::Campaign, asked.id.as_str());
                    Err(refused(error, name, Code::InvalidRequest))
                }
            }
        })
        .await?;
    Ok(challenged(&asked.id, &reply))
}

/// How `PUT /v1/campaigns/{campaign_id}/endpoints` is described.
pub(super) fn register_operation() -> Operation {
    Operation::new(Tag::Registry, "registerEndpoints", "Register a campaign's endpoints")
        .says(
            "Each endpoint that is new is challenged, signed, and gets no ping and no post until it \
             has answered. A post that is under way keeps the endpoint it left for. Endpoints that \
             did not pass are named in `errors`; register others, or ask for another challenge. The \
             registration stands, and its secret is in the answer, also if the challenge could not \
             be finished (`challenge_unfinished`).",
        )
        .body::<Endpoints>()
        .answers::<EndpointsAnswer<'static>>(200, "Where the campaign stands.")
        .fails(&[
            Code::NotFound,
            Code::AttestationNeeded,
            Code::InvalidRequest,
            Code::ChallengeRunning,
            Code::RegistryChanged,
            Code::RecordsUnavailable,
        ])
}

/// `POST /v1/campaigns/{campaign_id}/verify`: challenges the endpoints that are not proved.
pub(super) async fn verify(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Campaign, &principal, &path)?;
    let exchange = Arc::clone(&api.exchange);
    let (asked, reply) =
        api.ask(async move {
            exchange.verify_endpoints(asked.order()).await.map(|reply| (asked, reply))
        })
        .await?;
    Ok(challenged(&asked.id, &reply))
}

/// How `POST /v1/campaigns/{campaign_id}/verify` is described.
pub(super) fn verify_operation() -> Operation {
    Operation::new(Tag::Registry, "verifyEndpoints", "Challenge a campaign's endpoints again")
        .says("Those that have passed are not challenged again.")
        .answers::<EndpointsAnswer<'static>>(200, "Where the campaign stands.")
        .fails(&[
            Code::NotFound,
            Code::AttestationNeeded,
            Code::ChallengeRunning,
            Code::RegistryChanged,
            Code::RecordsUnavailable,
        ])
}

fn challenged(id: &CampaignId, reply: &EndpointsReply) -> HttpResponse {
    let fault = |failed: &crate::flow::endpoints::FailedEndpoint| {
        let (code, detail) = (failed.failure.code(), failed.failure.public_text());
        Fault::of(format!("/{}", failed.field), code, detail)
    };
    HttpResponse::Ok().json(EndpointsAnswer {
        campaign_id: id,
        state: reply.state,
        secret: reply.secret.as_ref(),
        errors: reply.failed.iter().map(fault).collect(),
    })
}

/// A buyer's own limits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OwnLimits {
    /// One for each window; an empty list takes them away.
    caps: Vec<Cap>,
}

/// The limits that count.
#[derive(Serialize, JsonSchema)]
struct LimitsAnswer<'a> {
    campaign_id: &'a CampaignId,
    /// Of the described limits and the buyer's own, the stricter one of each window.
    caps: Vec<Cap>,
}

/// `PUT /v1/campaigns/{campaign_id}/limits`: sets a buyer's own limits.
pub(super) async fn limit(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Campaign, &principal, &path)?;
    let OwnLimits { caps } = body.parse()?;
    let exchange = Arc::clone(&api.exchange);
    let (asked, set) = api
        .ask(async move {
            match exchange.administration().set_limits(asked.order(), &caps).await {
                Ok(set) => Ok((asked, set)),
                Err(error) => {
                    let name = (ObjectKind::Campaign, asked.id.as_str());
                    Err(refused(error, name, Code::InvalidRequest))
                }
            }
        })
        .await?;
    Ok(HttpResponse::Ok().json(LimitsAnswer { campaign_id: &asked.id, caps: set.done }))
}

/// How `PUT /v1/campaigns/{campaign_id}/limits` is described.
pub(super) fn limit_operation() -> Operation {
    Operation::new(Tag::Registry, "limitCampaign", "Set a buyer's own limits")
        .says("They stand beside the limits that the operator describes; the stricter one counts.")
        .body::<OwnLimits>()
        .answers::<LimitsAnswer<'static>>(200, "The limits that count.")
        .fails(&[
            Code::NotFound,
            Code::InvalidRequest,
            Code::RegistryChanged,
            Code::RecordsUnavailable,
        ])
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// For how many seconds the secrets before still sign beside the new one.
    #[serde(default = "usual_overlap")]
    #[schemars(range(max = 604_800))]
    overlap_s: u32,
}

fn usual_overlap() -> u32 {
    u32::try_from(SECRET_OVERLAP_S).expect("a day is not beyond 136 years")
}

/// A new secret.
#[derive(Serialize, JsonSchema)]
struct Rotated {
    /// The secret; shown this once.
    secret: SecretText,
}

/// `POST /v1/campaigns/{campaign_id}/rotate-secret`: replaces the secret.
pub(super) async fn rotate_secret(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Campaign, &principal, &path)?;
    let Rotation { overlap_s } = body.parse()?;
    if overlap_s > SECRET_OVERLAP_S_MAX {
        let detail = format!("The overlap is 0 to {SECRET_OVERLAP_S_MAX} seconds.");
        return Err(ApiError::at("/overlap_s", FaultCode::OutOfRange, detail));
    }
    let exchange = Arc::clone(&api.exchange);
    let rotated = api
        .ask(async move { exchange.administration().rotate_secret(asked.order(), overlap_s).await })
        .await?;
    Ok(HttpResponse::Ok().json(Rotated { secret: rotated.done }))
}

/// How `POST /v1/campaigns/{campaign_id}/rotate-secret` is described.
pub(super) fn rotate_secret_operation() -> Operation {
    Operation::new(Tag::Registry, "rotateSecret", "Replace a campaign's secret")
        .says(
            "For `overlap_s` seconds every request is signed with the old secrets too, so that \
             nothing is lost while the receiver changes over.",
        )
        .body::<Rotation>()
        .answers::<Rotated>(200, "The new secret; it is shown this once.")
        .fails(&[
            Code::NotFound,
            Code::InvalidRequest,
            Code::RegistryChanged,
            Code::RecordsUnavailable,
        ])
}

/// Where a campaign stands.
#[derive(Serialize, JsonSchema)]
struct StandingAnswer<'a> {
    campaign_id: &'a CampaignId,
    /// Its state.
    state: CampaignState,
    /// Who has paused it.
    paused_by: &'a BTreeSet<PausedBy>,
}

fn stands(id: &CampaignId, standing: &CampaignStanding) -> HttpResponse {
    let (state, paused_by) = (standing.state, &standing.paused_by);
    HttpResponse::Ok().json(StandingAnswer { campaign_id: id, state, paused_by })
}

/// `POST /v1/campaigns/{campaign_id}/pause`.
pub(super) async fn pause(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Campaign, &principal, &path)?;
    let exchange = Arc::clone(&api.exchange);
    let (asked, paused) = api
        .ask(async move {
            exchange.administration().pause(asked.order()).await.map(|done| (asked, done))
        })
        .await?;
    Ok(stands(&asked.id, &paused.done))
}

/// `POST /v1/campaigns/{campaign_id}/resume`.
pub(super) async fn resume(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Campaign, &principal, &path)?;
    let exchange = Arc::clone(&api.exchange);
    let (asked, resumed) = api
        .ask(async move {
            match exchange.administration().resume(asked.order()).await {
                Ok(done) => Ok((asked, done)),
                Err(error) => Err(asked.refused(error)),
            }
        })
        .await?;
    Ok(stands(&asked.id, &resumed.done))
}

/// `POST /v1/campaigns/{campaign_id}/activate`.
pub(super) async fn activate(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Campaign, &principal, &path)?;
    let exchange = Arc::clone(&api.exchange);
    let (asked, activated) = api
        .ask(async move {
            match exchange.administration().activate(asked.order()).await {
                Ok(done) => Ok((asked, done)),
                Err(error) => Err(asked.refused(error)),
            }
        })
        .await?;
    Ok(stands(&asked.id, &activated.done))
}

/// How `POST /v1/campaigns/{campaign_id}/pause` is described.
pub(super) fn pause_operation() -> Operation {
    standing_operation("pauseCampaign", "Pause a campaign").says(
        "It gets no more pings and wins nothing until it is resumed. Posts under way are cleared up \
         all the same.",
    )
}

/// How `POST /v1/campaigns/{campaign_id}/resume` is described.
pub(super) fn resume_operation() -> Operation {
    standing_operation("resumeCampaign", "Resume a campaign")
        .says("A buyer lifts its own pause, an operator every pause.")
        .fails(&[Code::InvalidRegistry])
}

/// How `POST /v1/campaigns/{campaign_id}/activate` is described.
pub(super) fn activate_operation() -> Operation {
    standing_operation("activateCampaign", "Vouch for a campaign's endpoints")
        .says(
            "An operator's word that the endpoints are the buyer's, without a challenge. It lifts \
             every pause too.",
        )
        .fails(&[Code::EndpointsMissing, Code::InvalidRegistry])
}

fn standing_operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(Tag::Registry, id, summary)
        .answers::<StandingAnswer<'static>>(200, "Where the campaign stands.")
        .fails(&[Code::NotFound, Code::RegistryChanged, Code::RecordsUnavailable])
}
