//! Integration profiles over the API: uploaded, tried, brought back.
//!
//! Operators reach every profile. A buyer reaches those of its own, whose names begin with its slug; all
//! others look like none.

mod operations;
mod view;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Api;
use super::asked::Asked;
use super::auth::Principal;
use super::body::Body;
use super::conditions;
use super::error::ApiError;
use super::object_body::ObjectForm;
use super::objects::buyer_of;
use super::paging::{List, Page};
use crate::domain::object::ObjectKind;
use crate::domain::profile::ProfileFiles;
use crate::domain::slug::BuyerId;
use crate::ports::records::ObjectVersion;
use crate::registry::plan::PlanAction;

pub(super) use operations::*;
use view::{ProfilePutView, ProfileView, TestView, VersionRow, row_of, rows};

/// What is read of a profile.
const PROFILE: ObjectForm = ObjectForm { told: &["id", "archived", "shipped", "campaigns"] };

/// `GET /v1/profiles`: a buyer's own, or everybody's and those that come with the program.
pub(super) async fn list(
    api: web::Data<Api>,
    principal: Principal,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (page, filters) = Page::filtered(&request, &["archived", "buyer_id"])?;
    let archived = filters.read("archived", |text| text.parse().ok())?.unwrap_or(false);
    let of: Option<BuyerId> = filters.read("buyer_id", |text| BuyerId::parse(text).ok())?;
    let own = buyer_of(&principal)?;
    let objects = &api.exchange.snapshot().objects;
    let rows = rows(objects, own.is_none())
        .filter(|row| row.archived == archived)
        .filter(|row| [&own, &of].into_iter().flatten().all(|buyer| row.is_of(buyer)));
    Ok(HttpResponse::Ok().json(page.cut(rows, |row| row.id.to_string())))
}

/// `GET /v1/profiles/{profile_id}`.
pub(super) async fn show(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Profile, &principal, &path)?;
    let objects = &api.exchange.snapshot().objects;
    let files = asked.order().files(objects).ok_or_else(ApiError::not_found)?;
    let row = row_of(objects, &asked.id, &files);
    let tag = objects.tag(ObjectKind::Profile, asked.id.as_str());
    Ok(conditions::tagged(HttpResponse::Ok(), tag, ProfileView::of(row, &files)))
}

/// `PUT /v1/profiles/{profile_id}`.
pub(super) async fn put(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Profile, &principal, &path)?;
    let (files, _): (ProfileFiles, _) = PROFILE.read(&body)?;
    let precondition = conditions::of(request.headers())?;
    let exchange = Arc::clone(&api.exchange);
    let (asked, put) = api
        .ask(async move {
            let administration = exchange.administration();
            match administration.put_profile(asked.order(), &files, &precondition).await {
                Ok(put) => Ok((asked, put)),
                Err(error) => Err(asked.refused(error)),
            }
        })
        .await?;
    let is_new = put.done.change.action == PlanAction::Create;
    let response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    let tag = api.exchange.snapshot().objects.tag(ObjectKind::Profile, asked.id.as_str());
    let view = ProfilePutView::of(put.version, &put.done.change, &put.done.warnings);
    Ok(conditions::tagged(response, tag, view))
}

/// `DELETE /v1/profiles/{profile_id}`.
pub(super) async fn archive(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Profile, &principal, &path)?;
    let precondition = conditions::of(request.headers())?;
    let exchange = Arc::clone(&api.exchange);
    api.ask(async move {
        let administration = exchange.administration();
        let archived = administration.archive_profile(asked.order(), &precondition).await;
        archived.map(drop).map_err(|error| asked.refused(error))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /v1/profiles/{profile_id}/test`: runs the recorded cases; nothing is sent.
pub(super) async fn test(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Profile, &principal, &path)?;
    let exchange = Arc::clone(&api.exchange);
    let (asked, tested) = api
        .ask(async move {
            let tested = exchange.administration().test_profile(asked.order()).await;
            tested.map(|tested| (asked, tested))
        })
        .await?;
    Ok(HttpResponse::Ok().json(TestView::of(&asked.id, tested)))
}

/// `GET /v1/profiles/{profile_id}/versions`.
pub(super) async fn versions(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Profile, &principal, &path)?;
    let page = Page::of(&request)?;
    let before = page.before_version()?;
    let exchange = Arc::clone(&api.exchange);
    // One more than is shown tells whether there is a next page.
    let limit = page.limit;
    let versions = api
        .ask(async move {
            let administration = exchange.administration();
            administration.profile_versions(asked.order(), before, limit + 1).await
        })
        .await?;
    let rows = versions.into_iter().map(|version: ObjectVersion| VersionRow::from(version));
    Ok(HttpResponse::Ok().json(List::first(limit, rows, |row| row.version.to_string())))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ProfileRollback")]
struct Rollback {
    /// The version of the registry whose profile it becomes.
    version: i64,
}

/// `POST /v1/profiles/{profile_id}/rollback`.
pub(super) async fn rollback(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::of(ObjectKind::Profile, &principal, &path)?;
    let Rollback { version } = body.parse()?;
    let exchange = Arc::clone(&api.exchange);
    let back = api
        .ask(async move {
            let administration = exchange.administration();
            let back = administration.roll_back_profile(asked.order(), version).await;
            back.map_err(|error| asked.refused(error))
        })
        .await?;
    Ok(HttpResponse::Ok().json(ProfilePutView::of(back.version, &back.done.change, &[])))
}
