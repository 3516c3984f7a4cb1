//! Breakers: who sees which endpoint is spared, and operators' orders about it.

use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Api;
use super::auth::{Holder, Principal};
use super::body::Body;
use super::error::{ApiError, FaultCode};
use super::openapi::{Operation, Tag};
use super::paging::{List, Page};
use super::posts::check_note;
use crate::domain::breaker::{BreakerCall, ForcedState};
use crate::domain::slug::CampaignId;
use crate::flow::breaker::{BreakerView, FORCED_S_MAX, Order};

/// `GET /v1/breakers`: the breakers of all campaigns on this node.
pub(super) async fn list(
    api: web::Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = |view: &BreakerView| format!("{}:{}", view.campaign_id, view.call.as_str());
    let page = Page::of(&request)?;
    let mut all = api.exchange.breakers();
    all.sort_by_key(id);
    Ok(HttpResponse::Ok().json(page.cut(all.into_iter(), id)))
}

/// `GET /v1/campaigns/{campaign_id}/breakers`: those of one campaign; a buyer sees its own alone.
pub(super) async fn of_campaign(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let campaign = CampaignId::parse(&path).map_err(|_| ApiError::not_found())?;
    let page = Page::of(&request)?;
    let breakers = api.exchange.breakers_of(&campaign);
    let may_read = |view: &BreakerView| match &principal.holder {
        Holder::Operator => true,
        Holder::Buyer(own) => *own == view.buyer_id,
        Holder::Vendor(_) => false,
    };
    if !breakers.first().is_some_and(may_read) {
        return Err(ApiError::not_found());
    }
    let is_operator = principal.holder == Holder::Operator;
    let shown = |view: BreakerView| if is_operator { view } else { view.for_buyer() };
    let id = |view: &BreakerView| view.call.as_str().to_owned();
    Ok(HttpResponse::Ok().json(page.cut(breakers.into_iter().map(shown), id)))
}

/// What an operator wants of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    /// No call goes out.
    Open,
    /// Every call goes out.
    Closed,
    /// As the endpoint does.
    Automatic,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BreakerOrder {
    call: BreakerCall,
    state: Wanted,
    /// For how many seconds; not with `automatic`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 86_400))]
    for_s: Option<u64>,
    /// Why; operators see it with the breaker.
    #[serde(default)]
    #[schemars(length(max = 500))]
    note: Option<String>,
}

/// What [`list`] is to whoever reads the document of the API.
pub(super) fn list_operation() -> Operation {
    Operation::new(Tag::Breakers, "listBreakers", "List the breakers")
        .says("The breakers of all campaigns, as this node sees them.")
        .lists()
        .answers::<List<BreakerView>>(200, "One page of breakers.")
}

/// What [`of_campaign`] is to whoever reads the document of the API.
pub(super) fn of_campaign_operation() -> Operation {
    Operation::new(Tag::Breakers, "readBreakers", "Read a campaign's breakers")
        .says("One for its pings and one for its posts; a buyer reads its own campaigns' alone, and of an \
             order neither whose it is nor why.")
        .lists()
        .answers::<List<BreakerView>>(200, "The breakers.")
}

/// What [`force`] is to whoever reads the document of the API.
pub(super) fn force_operation() -> Operation {
    Operation::new(Tag::Breakers, "forceBreaker", "Force a breaker for a while")
        .says(
            "Opens or closes it, or leaves it to itself again. Repeats and status questions of \
             unknown posts go out all the same.",
        )
        .body::<BreakerOrder>()
        .answers::<BreakerView>(200, "The breaker after it.")
}

/// `POST /v1/campaigns/{campaign_id}/breakers/force`: forces a breaker for a while, or leaves it to
/// itself again.
pub(super) async fn force(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let campaign = CampaignId::parse(&path).map_err(|_| ApiError::not_found())?;
    let order: BreakerOrder = body.parse()?;
    let call = order.call;
    let order = read_order(order)?;
    let view = api.exchange.force_breaker(&campaign, call, order, principal.key_id.as_str());
    Ok(HttpResponse::Ok().json(view.ok_or_else(ApiError::not_found)?))
}

/// An order ends by itself, so it says when; taking one back does not.
fn read_order(wanted: BreakerOrder) -> Result<Option<Order>, ApiError> {
    let BreakerOrder { call: _, state, for_s, note } = wanted;
    check_note(note.as_deref())?;
    let state = match state {
        Wanted::Open => ForcedState::Open,
        Wanted::Closed => ForcedState::Closed,
        Wanted::Automatic if for_s.is_none() => return Ok(None),
        Wanted::Automatic => {
            let detail = "A breaker left to itself is so without an end.";
            return Err(ApiError::at("/for_s", FaultCode::UnknownField, detail));
        }
    };
    match for_s {
        Some(for_s) if (1..=FORCED_S_MAX).contains(&for_s) => {
            Ok(Some(Order { state, for_s, note }))
        }
        Some(_) => {
            let detail = format!("An order holds for 1 to {FORCED_S_MAX} seconds.");
            Err(ApiError::at("/for_s", FaultCode::OutOfRange, detail))
        }
        None => {
            Err(ApiError::at("/for_s", FaultCode::Required, "Say for how many seconds it holds."))
        }
    }
}
