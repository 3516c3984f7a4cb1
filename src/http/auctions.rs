//! Auctions: how one came to its end.
//!
//! An operator sees the whole decision record. A vendor sees its own auctions only, and of them
//! what it was paid and how many were asked: no buyer, no price, no margin (PROTOCOL S2).

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Api;
use super::auth::{Holder, Principal};
use super::error::{ApiError, Code};
use super::openapi::{Operation, Tag};
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::LeadId;
use crate::domain::money::Money;
use crate::domain::record::{AuctionRecord, CandidateVerdict};
use crate::domain::schema::UtcTime;
use crate::domain::slug::{VendorId, VerticalId};

/// The longest text that can be an id of anything in an auction, in bytes.
const ID_LENGTH_MAX: usize = 64;

/// `GET /v1/auctions/{id}`: the decision record, by any id of the auction.
pub(super) async fn read(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path.into_inner();
    if id.len() > ID_LENGTH_MAX {
        return Err(ApiError::not_found());
    }
    let vendor = match &principal.holder {
        Holder::Operator => None,
        Holder::Vendor(_) | Holder::Buyer(_) => Some(principal.vendor()?.clone()),
    };
    let is_whole = vendor.is_none();
    let exchange = Arc::clone(&api.exchange);
    let found = api.ask(async move { exchange.auction(vendor.as_ref(), &id).await }).await?;
    let record = found.ok_or_else(ApiError::not_found)?;
    if is_whole {
        Ok(HttpResponse::Ok().json(record))
    } else {
        Ok(HttpResponse::Ok().json(VendorView::of(&record)))
    }
}

/// What [`read`] is to whoever reads the document of the API.
pub(super) fn read_operation() -> Operation {
    Operation::new(Tag::Auctions, "readAuction", "Read how an auction came to its end")
        .says(
            "By any id of the auction. An operator reads the whole decision record: every campaign \
             considered with its verdict and rule, each ping and bid, each post, the money. A \
             vendor reads its side of its own auctions.",
        )
        .answers::<View<'_>>(200, "The decision record, or the vendor's side of it.")
        .fails(&[Code::Overloaded, Code::StoreUnavailable, Code::RecordsUnavailable])
}

/// What reading an auction answers, by the caller's role.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum View<'a> {
    Operator(Box<AuctionRecord>),
    Vendor(VendorView<'a>),
}

/// What a vendor sees of its auction.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "AuctionOfVendor")]
struct VendorView<'a> {
    id: &'a str,
    lead_id: LeadId,
    vendor_id: &'a VendorId,
    vertical: &'a VerticalId,
    registry_version: i64,
    state: &'a str,
    disposition: Disposition,
    reason: Option<Reason>,
    floor: Money,
    test: bool,
    #[schemars(with = "UtcTime")]
    received_at: Timestamp,
    #[schemars(with = "Option<UtcTime>")]
    closed_at: Option<Timestamp>,
    elapsed_ms: Option<i64>,
    pinged: usize,
    bids: usize,
    sales: Vec<Sale>,
}

/// One seat that was sold.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "SaleOfVendor")]
struct Sale {
    seat: u8,
    payout: Money,
}

impl<'a> VendorView<'a> {
    fn of(record: &'a AuctionRecord) -> Self {
        let candidates = || record.candidates.iter();
        let was_pinged = CandidateVerdict::Pinged;
        Self {
            id: &record.id,
            lead_id: record.lead_id,
            vendor_id: &record.vendor_id,
            vertical: &record.vertical,
            registry_version: record.registry_version,
            state: &record.state,
            disposition: record.disposition,
            reason: record.reason,
            floor: record.floor,
            test: record.test,
            received_at: record.received_at,
            closed_at: record.closed_at,
            elapsed_ms: record.elapsed_ms,
            pinged: candidates().filter(|candidate| candidate.verdict == was_pinged).count(),
            bids: candidates().filter(|candidate| candidate.bid.is_some()).count(),
            sales: record
                .money
                .iter()
                .map(|money| Sale { seat: money.seat, payout: money.payout })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
