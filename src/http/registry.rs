//! The registry: operators apply whole bundles of objects to it.
//!
//! What would be wrong with the registry afterwards is told in full and nothing is changed; unknown
//! fields are refused, for a mistyped setting must not pass as one left out.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Api;
use super::auth::Principal;
use super::body::Body;
use super::error::{ApiError, Code};
use super::openapi::{Operation, Tag};
use super::paging::{List, Page};
use crate::domain::schema::UtcTime;
use crate::flow::administer::{ApplyOptions, ApplyReport};
use crate::ports::records::ChangeRow;
use crate::registry::bundle::Bundle;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RegistryApplication")]
struct Application {
    bundle: Bundle,
    /// Only tell what would change.
    #[serde(default)]
    plan: bool,
    /// Archive what the bundle does not name.
    #[serde(default)]
    prune: bool,
}

/// What [`apply`] is to whoever reads the document of the API.
pub(super) fn apply_operation() -> Operation {
    Operation::new(Tag::Registry, "applyRegistry", "Apply objects to the registry")
        .says(
            "Applies a bundle of objects whole or not at all, or tells what that would change. \
             Secrets that the exchange made are shown this once.",
        )
        .body::<Application>()
        .answers::<ApplyReport>(200, "What changed, or would change.")
        .fails(&[Code::InvalidRegistry, Code::RegistryChanged, Code::RecordsUnavailable])
}

/// `POST /v1/registry/apply`: applies a bundle whole, or tells what that would change.
pub(super) async fn apply(
    api: web::Data<Api>,
    principal: Principal,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let Application { bundle, plan, prune } = body.parse()?;
    let options = ApplyOptions { plan_only: plan, prune };
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id;
    let report = api
        .ask(async move { exchange.administration().apply(&bundle, options, actor.as_str()).await })
        .await?;
    Ok(HttpResponse::Ok().json(report))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rollback {
    /// The version to go back to.
    version: i64,
    /// Only tell what would change.
    #[serde(default)]
    plan: bool,
}

/// `POST /v1/registry/rollback`: makes every object what it was at an earlier version.
pub(super) async fn rollback(
    api: web::Data<Api>,
    principal: Principal,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let Rollback { version, plan } = body.parse()?;
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id;
    let report = api
        .ask(
            async move { exchange.administration().roll_back(version, plan, actor.as_str()).await },
        )
        .await?;
    Ok(HttpResponse::Ok().json(report))
}

/// How `POST /v1/registry/rollback` is described.
pub(super) fn rollback_operation() -> Operation {
    Operation::new(Tag::Registry, "rollbackRegistry", "Go back to an earlier version")
        .says(
            "Every object becomes what it was; what came later is archived. What was set beside \
             descriptions stays: endpoints registered by buyers, pauses, secrets, keys.",
        )
        .body::<Rollback>()
        .answers::<ApplyReport>(200, "What changed, or would change.")
        .fails(&[
            Code::NotFound,
            Code::InvalidRequest,
            Code::InvalidRegistry,
            Code::RegistryChanged,
            Code::RecordsUnavailable,
        ])
}

/// One change of the registry.
#[derive(Serialize, JsonSchema)]
struct ChangeView {
    /// The version it made.
    version: i64,
    /// The id of the key under which it was made, or `cli`.
    actor: String,
    /// What was done.
    summary: String,
    /// When.
    #[schemars(with = "UtcTime")]
    at: Timestamp,
}

/// `GET /v1/registry/changes`: who changed what, newest first.
pub(super) async fn changes(
    api: web::Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let page = Page::of(&request)?;
    let before = page.before_version()?;
    let exchange = Arc::clone(&api.exchange);
    // One more than is shown tells whether there is a next page.
    let limit = page.limit;
    let rows =
        api.ask(async move { exchange.administration().history(before, limit + 1).await }).await?;
    let rows = rows.into_iter().map(|row| {
        let ChangeRow { version, actor, summary, at } = row;
        ChangeView { version, actor, summary, at }
    });
    Ok(HttpResponse::Ok().json(List::first(limit, rows, |row| row.version.to_string())))
}

/// How `GET /v1/registry/changes` is described.
pub(super) fn changes_operation() -> Operation {
    Operation::new(Tag::Registry, "listChanges", "Who changed what")
        .says("Every change of the registry, newest first, with the key it was made under.")
        .lists()
        .answers::<List<ChangeView>>(200, "The changes, newest first.")
        .fails(&[Code::RecordsUnavailable])
}
