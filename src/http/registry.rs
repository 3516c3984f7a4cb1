//! The registry: operators apply whole bundles of objects to it.
//!
//! What would be wrong with the registry afterwards is told in full and nothing is changed; unknown
//! fields are refused, for a mistyped setting must not pass as one left out.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Api;
use super::auth::Principal;
use super::body::Body;
use super::error::{ApiError, Code};
use super::openapi::{Operation, Tag};
use crate::flow::administer::{ApplyOptions, ApplyReport};
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
