//! Lists of leads and of auctions, from the permanent records.
//!
//! They follow the auctions by a moment. A vendor sees its own leads and what it was paid; an operator
//! sees everybody's, with prices and margins.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::Api;
use super::auth::{Holder, Principal};
use super::error::{ApiError, Code};
use super::openapi::{Operation, Parameter, Tag};
use super::paging::{List, Page};
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::LeadId;
use crate::domain::money::Money;
use crate::domain::schema::UtcTime;
use crate::domain::slug::{VendorId, VerticalId};
use crate::ports::records::{AuctionFilter, AuctionSummary};

/// A lead in a list.
#[derive(Serialize, JsonSchema)]
struct LeadRow {
    lead_id: LeadId,
    /// Who submitted it; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_id: Option<VendorId>,
    vertical: VerticalId,
    disposition: Disposition,
    reason: Option<Reason>,
    /// What the vendor gets.
    payout: Money,
    test: bool,
    #[schemars(with = "UtcTime")]
    received_at: Timestamp,
    #[schemars(with = "Option<UtcTime>")]
    closed_at: Option<Timestamp>,
    elapsed_ms: Option<i64>,
}

/// An auction in a list, with its money.
#[derive(Serialize, JsonSchema)]
struct AuctionRow {
    /// The auction.
    id: String,
    lead_id: LeadId,
    vendor_id: VendorId,
    vertical: VerticalId,
    disposition: Disposition,
    reason: Option<Reason>,
    test: bool,
    #[schemars(with = "UtcTime")]
    received_at: Timestamp,
    #[schemars(with = "Option<UtcTime>")]
    closed_at: Option<Timestamp>,
    elapsed_ms: Option<i64>,
    /// Campaigns that were pinged.
    pinged: u32,
    /// Bids that came, fixed prices included.
    bids: u32,
    /// What the buyers pay.
    price: Money,
    /// What the exchange keeps.
    margin: Money,
    /// What the vendor gets.
    payout: Money,
}

/// `GET /v1/leads`: a vendor's own leads, or everybody's for an operator.
pub(super) async fn leads(
    api: web::Data<Api>,
    principal: Principal,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let own = match &principal.holder {
        Holder::Operator => None,
        Holder::Vendor(_) | Holder::Buyer(_) => Some(principal.vendor()?.clone()),
    };
    let is_operator = own.is_none();
    let names: &'static [&'static str] = if is_operator { OF_OPERATORS } else { OF_VENDORS };
    let (limit, filter) = filter_of(&request, names)?;
    let vendor = own.or(filter.vendor.clone());
    let rows = ask(&api, AuctionFilter { vendor, ..filter }).await?;
    let rows = rows.into_iter().map(|row| LeadRow {
        lead_id: row.lead_id,
        vendor_id: is_operator.then_some(row.vendor_id),
        vertical: row.vertical,
        disposition: row.disposition,
        reason: row.reason,
        payout: row.payout,
        test: row.test,
        received_at: row.received_at,
        closed_at: row.closed_at,
        elapsed_ms: row.elapsed_ms,
    });
    Ok(HttpResponse::Ok().json(List::first(limit, rows, |row| row.lead_id.to_string())))
}

/// `GET /v1/auctions`: everybody's auctions.
pub(super) async fn auctions(
    api: web::Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (limit, filter) = filter_of(&request, OF_OPERATORS)?;
    let rows = ask(&api, filter).await?;
    let rows = rows.into_iter().map(|row| AuctionRow {
        id: row.lead_id.auction_id(),
        lead_id: row.lead_id,
        vendor_id: row.vendor_id,
        vertical: row.vertical,
        disposition: row.disposition,
        reason: row.reason,
        test: row.test,
        received_at: row.received_at,
        closed_at: row.closed_at,
        elapsed_ms: row.elapsed_ms,
        pinged: row.pinged,
        bids: row.bids,
        price: row.price,
        margin: row.margin,
        payout: row.payout,
    });
    Ok(HttpResponse::Ok().json(List::first(limit, rows, |row| row.lead_id.to_string())))
}

const OF_VENDORS: &[&str] = &["disposition", "since", "vertical"];
const OF_OPERATORS: &[&str] = &["disposition", "since", "vendor_id", "vertical"];

/// The page's limit, and the filter that asks for one row more.
fn filter_of(
    request: &HttpRequest,
    names: &'static [&'static str],
) -> Result<(usize, AuctionFilter), ApiError> {
    let (page, filters) = Page::filtered(request, names)?;
    let after = page.after.as_deref().map(LeadId::parse).transpose().map_err(|_| {
        ApiError::new(Code::MalformedRequest, "after is the next of the page before.")
    })?;
    let disposition =
        filters.read("disposition", |text| serde_json::from_value(text.into()).ok())?;
    let filter = AuctionFilter {
        vendor: filters.read("vendor_id", |text| VendorId::parse(text).ok())?,
        disposition,
        vertical: filters.read("vertical", |text| VerticalId::parse(text).ok())?,
        since: filters.read("since", |text| text.parse().ok())?,
        limit: page.limit + 1,
        after,
    };
    Ok((page.limit, filter))
}

async fn ask(api: &Api, filter: AuctionFilter) -> Result<Vec<AuctionSummary>, ApiError> {
    let exchange = Arc::clone(&api.exchange);
    api.ask(async move { exchange.auctions(filter).await }).await
}

/// How `GET /v1/leads` is described.
pub(super) fn leads_operation() -> Operation {
    filtered(Operation::new(Tag::Leads, "listLeads", "List leads"))
        .says("A vendor's own leads, newest first; an operator gets everybody's.")
        .answers::<List<LeadRow>>(200, "The leads, newest first.")
}

/// How `GET /v1/auctions` is described.
pub(super) fn auctions_operation() -> Operation {
    filtered(Operation::new(Tag::Auctions, "listAuctions", "List auctions"))
        .says("Everybody's, newest first, with prices and margins.")
        .answers::<List<AuctionRow>>(200, "The auctions, newest first.")
}

fn filtered(operation: Operation) -> Operation {
    let text = || json!({"type": "string"});
    let time = json!({"type": "string", "format": "date-time"});
    let ends = json!({"type": "string", "enum": [
        "pending", "sold", "unsold", "refused", "unresolved", "expired",
    ]});
    operation
        .lists()
        .takes(Parameter::query("since", time, "Only those received at this time or later."))
        .takes(Parameter::query("disposition", ends, "Only those that ended so, or are pending."))
        .takes(Parameter::query("vertical", text(), "Only those of this vertical."))
        .takes(Parameter::query("vendor_id", text(), "Only this vendor's; for operators."))
        .fails(&[Code::RecordsUnavailable])
}
