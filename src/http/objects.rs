//! The registry's objects, one at a time: vendors, buyers, campaigns, trees.
//!
//! Operators describe them with the fields of the files; what is wrong is told field by field and
//! nothing is changed. A buyer reads its own account and campaigns, and nothing of others'.

mod given_secrets;
mod operations;
mod view;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::Api;
use super::auth::{Holder, Principal};
use super::body::Body;
use super::conditions;
use super::error::{ApiError, Code, Fault};
use super::object_body::ObjectForm;
use super::paging::{Filters, Page};
use crate::domain::campaign::CampaignState;
use crate::domain::object::ObjectKind;
use crate::domain::slug::{BuyerId, CampaignId, Slug, VendorId, VerticalId};
use crate::flow::administer::{AdminError, Described};
use crate::registry::fault::RegistryFault;

pub(super) use operations::*;
pub(super) use view::{BuyerView, CampaignView, TreeView, VendorView};
use view::{
    ObjectPutView, buyer_view, buyer_views, campaign_view, campaign_views, tree_view, tree_views,
    vendor_view, vendor_views,
};

/// What is read of a vendor, a buyer or a tree.
const PLAIN: ObjectForm = ObjectForm { told: &["id", "archived"] };
/// What is read of a campaign.
pub(super) const CAMPAIGN: ObjectForm =
    ObjectForm { told: &["id", "archived", "state", "paused_by", "endpoints", "limits"] };

/// `PUT /v1/vendors/{vendor_id}`.
pub(super) async fn put_vendor(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let vendor = Described::Vendor(slug(&path)?, PLAIN.read(&body)?.0);
    put(&api, &principal, &request, vendor).await
}

/// `PUT /v1/buyers/{buyer_id}`.
pub(super) async fn put_buyer(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let buyer = Described::Buyer(slug(&path)?, PLAIN.read(&body)?.0);
    put(&api, &principal, &request, buyer).await
}

/// `PUT /v1/campaigns/{campaign_id}`.
pub(super) async fn put_campaign(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (body, profile_secrets) = given_secrets::take(body)?;
    let (campaign, fields) = CAMPAIGN.read(&body)?;
    let campaign = Described::Campaign {
        id: slug(&path)?,
        campaign: Box::new(campaign),
        names_verification: fields.contains_key("verification"),
        profile_secrets,
    };
    put(&api, &principal, &request, campaign).await
}

/// `PUT /v1/trees/{vertical}`.
pub(super) async fn put_tree(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let tree = Described::Tree(slug(&path)?, PLAIN.read(&body)?.0);
    put(&api, &principal, &request, tree).await
}

async fn put(
    api: &Api,
    principal: &Principal,
    request: &HttpRequest,
    object: Described,
) -> Result<HttpResponse, ApiError> {
    let precondition = conditions::of(request.headers())?;
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id;
    let put = api
        .ask(async move {
            let administration = exchange.administration();
            let put = administration.put_object(&object, &precondition, actor.as_str()).await;
            put.map_err(|error| refused(error, object.name(), Code::InvalidRegistry))
        })
        .await?;
    let change = &put.done.change;
    let objects = &api.exchange.snapshot().objects;
    let state = || {
        let id = CampaignId::parse(&change.id).ok()?;
        let campaign = objects.campaigns.get(&id)?;
        Some(objects.state_of(&id, campaign))
    };
    let view = ObjectPutView {
        id: &change.id,
        version: put.version,
        action: change.action,
        fields: &change.fields,
        kept: &change.kept,
        state: if change.kind == ObjectKind::Campaign { state() } else { None },
        secret: put.done.secret.as_ref(),
    };
    let is_new = change.action == crate::registry::plan::PlanAction::Create;
    let response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(conditions::tagged(response, objects.tag(change.kind, &change.id), view))
}

/// `DELETE /v1/vendors/{vendor_id}`.
pub(super) async fn archive_vendor(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    archive(&api, &principal, &request, (ObjectKind::Vendor, path.into_inner())).await
}

/// `DELETE /v1/buyers/{buyer_id}`.
pub(super) async fn archive_buyer(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    archive(&api, &principal, &request, (ObjectKind::Buyer, path.into_inner())).await
}

/// `DELETE /v1/campaigns/{campaign_id}`.
pub(super) async fn archive_campaign(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    archive(&api, &principal, &request, (ObjectKind::Campaign, path.into_inner())).await
}

/// `DELETE /v1/trees/{vertical}`.
pub(super) async fn archive_tree(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    archive(&api, &principal, &request, (ObjectKind::Tree, path.into_inner())).await
}

async fn archive(
    api: &Api,
    principal: &Principal,
    request: &HttpRequest,
    (kind, id): (ObjectKind, String),
) -> Result<HttpResponse, ApiError> {
    let precondition = conditions::of(request.headers())?;
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id;
    api.ask(async move {
        let administration = exchange.administration();
        let name = (kind, id.as_str());
        let archived = administration.archive_object(name, &precondition, actor.as_str()).await;
        archived.map(drop).map_err(|error| refused(error, name, Code::InvalidRegistry))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /v1/vendors/{vendor_id}`.
pub(super) async fn show_vendor(
    api: web::Data<Api>,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let objects = &api.exchange.snapshot().objects;
    let id: VendorId = slug(&path)?;
    shown(objects.tag(ObjectKind::Vendor, id.as_str()), vendor_view(objects, &id))
}

/// `GET /v1/buyers/{buyer_id}`: a buyer sees itself alone.
pub(super) async fn show_buyer(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let objects = &api.exchange.snapshot().objects;
    let id: BuyerId = slug(&path)?;
    if buyer_of(&principal)?.is_some_and(|own| own != id) {
        return Err(ApiError::not_found());
    }
    shown(objects.tag(ObjectKind::Buyer, id.as_str()), buyer_view(objects, &id))
}

/// `GET /v1/campaigns/{campaign_id}`: a buyer sees its own.
pub(super) async fn show_campaign(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let objects = &api.exchange.snapshot().objects;
    let id: CampaignId = slug(&path)?;
    let own = buyer_of(&principal)?;
    let view =
        campaign_view(objects, &id).filter(|view| own.as_ref().is_none_or(|own| view.is_of(own)));
    shown(objects.tag(ObjectKind::Campaign, id.as_str()), view)
}

/// `GET /v1/trees/{vertical}`.
pub(super) async fn show_tree(
    api: web::Data<Api>,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let objects = &api.exchange.snapshot().objects;
    let id: VerticalId = slug(&path)?;
    shown(objects.tag(ObjectKind::Tree, id.as_str()), tree_view(objects, &id))
}

fn shown<T: Serialize>(tag: Option<String>, view: Option<T>) -> Result<HttpResponse, ApiError> {
    let view = view.ok_or_else(ApiError::not_found)?;
    Ok(conditions::tagged(HttpResponse::Ok(), tag, view))
}

/// `GET /v1/vendors`.
pub(super) async fn list_vendors(
    api: web::Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let objects = &api.exchange.snapshot().objects;
    listed(&request, vendor_views(objects), |view| (view.id.as_str(), view.archived))
}

/// `GET /v1/buyers`.
pub(super) async fn list_buyers(
    api: web::Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let objects = &api.exchange.snapshot().objects;
    listed(&request, buyer_views(objects), |view| (view.id.as_str(), view.archived))
}

/// `GET /v1/trees`.
pub(super) async fn list_trees(
    api: web::Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let objects = &api.exchange.snapshot().objects;
    listed(&request, tree_views(objects), |view| (view.id.as_str(), view.archived))
}

/// One page of views, of which `named` tells the id and whether they are archived.
fn listed<V: Serialize>(
    request: &HttpRequest,
    views: impl Iterator<Item = V>,
    named: impl Fn(&V) -> (&str, bool),
) -> Result<HttpResponse, ApiError> {
    let (page, filters) = Page::filtered(request, &["archived"])?;
    let archived = is_archived(&filters)?;
    let views = views.filter(|view| named(view).1 == archived);
    Ok(HttpResponse::Ok().json(page.cut(views, |view| named(view).0.to_owned())))
}

/// `GET /v1/campaigns`: a buyer's own, or everybody's for an operator.
pub(super) async fn list_campaigns(
    api: web::Data<Api>,
    principal: Principal,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let names: &[&str] = &["archived", "buyer_id", "state", "vertical"];
    let (page, filters) = Page::filtered(&request, names)?;
    let state: Option<CampaignState> =
        filters.read("state", |text| serde_json::from_value(text.into()).ok())?;
    let buyer: Option<BuyerId> = filters.read("buyer_id", |text| BuyerId::parse(text).ok())?;
    let vertical: Option<VerticalId> =
        filters.read("vertical", |text| VerticalId::parse(text).ok())?;
    let archived = is_archived(&filters)? || state == Some(CampaignState::Archived);
    let own = buyer_of(&principal)?;
    let objects = &api.exchange.snapshot().objects;
    let views = campaign_views(objects)
        .filter(|view| view.archived == archived)
        .filter(|view| [&own, &buyer].into_iter().flatten().all(|buyer| view.is_of(buyer)))
        .filter(|view| state.is_none_or(|state| view.state == state))
        .filter(|view| vertical.as_ref().is_none_or(|vertical| view.is_in(vertical)));
    Ok(HttpResponse::Ok().json(page.cut(views, |view| view.id.to_string())))
}

fn is_archived(filters: &Filters) -> Result<bool, ApiError> {
    Ok(filters.read("archived", |text| text.parse().ok())?.unwrap_or(false))
}

/// A slug of a path; what cannot be one names nothing.
pub(super) fn slug<K>(text: &str) -> Result<Slug<K>, ApiError> {
    Slug::parse(text).map_err(|_| ApiError::not_found())
}

/// The buyer that asks; `None` for an operator.
pub(super) fn buyer_of(principal: &Principal) -> Result<Option<BuyerId>, ApiError> {
    match &principal.holder {
        Holder::Buyer(buyer) => Ok(Some(buyer.clone())),
        Holder::Operator => Ok(None),
        Holder::Vendor(_) => Err(ApiError::internal("a vendor on a buyers' route")),
    }
}

/// The answer to a change that was refused: faults of the object itself point into the body, those
/// of others name it.
pub(super) fn refused(error: AdminError, (kind, id): (ObjectKind, &str), code: Code) -> ApiError {
    let AdminError::Refused(faults) = error else { return error.into() };
    let detail = match &*faults {
        [fault] => format!("It cannot be so: {}.", fault.detail),
        faults => format!("It would have {} faults.", faults.len()),
    };
    let placed = |fault: RegistryFault| {
        if fault.kind == kind && fault.id == id {
            let pointer = fault.field.split('.').filter(|step| !step.is_empty());
            let pointer = pointer.map(|step| format!("/{step}")).collect();
            return Fault::of(pointer, fault.rule.as_str(), fault.detail);
        }
        Fault::of(String::new(), fault.rule.as_str(), fault.to_string())
    };
    ApiError::new(code, detail).with_faults(faults.into_iter().map(placed).collect())
}
