//! The money of buyers: operators pay in and correct, and a buyer may read its own balance.
//!
//! What an account may do and when it is full is decided by the store; this file only keeps an
//! operator from sending what cannot be meant.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Api;
use super::auth::{Holder, Principal};
use super::body::Body;
use super::error::{ApiError, Code, FaultCode};
use super::idempotency;
use super::openapi::{Operation, Tag};
use super::paging::{List, Page};
use super::posts::check_note;
use crate::domain::money::Money;
use crate::domain::schema::UtcTime;
use crate::domain::slug::BuyerId;
use crate::flow;
use crate::flow::exchange::CreditReply;
use crate::ports::auction_store::{AccountView, CreditKind};

/// What an operator may credit a buyer for; the other kinds are the exchange's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OperatorCredit {
    Deposit,
    Adjustment,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CreditOrder {
    kind: OperatorCredit,
    /// Above zero for a deposit; an adjustment may be below it.
    amount: Money,
    /// For whoever keeps the request.
    #[serde(default)]
    #[schemars(length(max = 500))]
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct CreditDone<'a> {
    op_id: &'a str,
    balance: Money,
}

/// What [`credit`] is to whoever reads the document of the API.
pub(super) fn credit_operation() -> Operation {
    Operation::new(Tag::Accounts, "creditBuyer", "Pay money in, or correct an account")
        .says("The `Idempotency-Key` becomes the operation's id and makes it happen once.")
        .idempotent(true)
        .body::<CreditOrder>()
        .answers::<CreditDone<'_>>(201, "The operation and the balance after it.")
        .fails(&[
            Code::AmountOutOfRange,
            Code::Overloaded,
            Code::StoreUnavailable,
            Code::RecordsUnavailable,
        ])
}

/// What [`balance`] is to whoever reads the document of the API.
pub(super) fn balance_operation() -> Operation {
    Operation::new(Tag::Accounts, "readBalance", "Read a buyer's account")
        .says("A buyer reads its own account alone.")
        .answers::<Balance<'_>>(200, "The account.")
        .fails(&[Code::Overloaded, Code::StoreUnavailable])
}

/// `POST /v1/buyers/{buyer_id}/credits`: pays money in, or corrects an account.
pub(super) async fn credit(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let buyer = BuyerId::parse(&path).map_err(|_| ApiError::not_found())?;
    let op_id = idempotency::key_of(request.headers())?.ok_or_else(|| {
        let detail = "Send an Idempotency-Key: it makes the credit happen once.";
        ApiError::new(Code::IdempotencyKeyMissing, detail)
    })?;
    let CreditOrder { kind, amount, note } = body.parse()?;
    check_note(note.as_deref())?;
    let kind = check_amount(kind, amount)?;
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id.to_string();
    let order = flow::exchange::CreditOrder { kind, amount, op_id: op_id.clone(), note, actor };
    let asked = buyer.clone();
    match api.ask(async move { exchange.credit(&asked, order).await }).await? {
        CreditReply::Credited(account) => {
            let (buyer, kind, actor) = (buyer.as_str(), kind.as_str(), principal.key_id.as_str());
            tracing::info!(buyer, op_id, kind, %amount, actor, "account.credited");
            let done = CreditDone { op_id: &op_id, balance: balance_of(&account)? };
            Ok(HttpResponse::Created().json(done))
        }
        CreditReply::Mismatch => {
            let detail = "This Idempotency-Key was used for another credit; use a new one.";
            Err(ApiError::new(Code::IdempotencyKeyMismatch, detail))
        }
        CreditReply::OutOfRange => {
            let detail = "The account would go beyond the largest amount.";
            Err(ApiError::new(Code::AmountOutOfRange, detail))
        }
        CreditReply::UnknownBuyer => Err(ApiError::not_found()),
    }
}

/// A deposit is above zero; an adjustment may be below it, and either moves something.
fn check_amount(kind: OperatorCredit, amount: Money) -> Result<CreditKind, ApiError> {
    let (kind, is_fine, detail) = match kind {
        OperatorCredit::Deposit => {
            (CreditKind::Deposit, amount > Money::ZERO, "A deposit is above 0.")
        }
        OperatorCredit::Adjustment => {
            (CreditKind::Adjustment, amount != Money::ZERO, "An adjustment is not 0.")
        }
    };
    if is_fine {
        return Ok(kind);
    }
    Err(ApiError::at("/amount", FaultCode::OutOfRange, detail))
}

#[derive(Serialize, JsonSchema)]
struct Balance<'a> {
    buyer_id: &'a BuyerId,
    /// What was deposited less what was bought.
    balance: Money,
    /// Set aside for posts under way.
    held: Money,
    /// What was paid in.
    deposited: Money,
    /// What was bought.
    posted: Money,
    /// How far the balance may go below zero; null: without limit.
    credit_limit: Option<Money>,
}

/// One line of an account.
#[derive(Serialize, JsonSchema)]
struct LedgerRow {
    /// From 1, without gaps.
    sequence: u64,
    /// When it was booked.
    #[schemars(with = "UtcTime")]
    at: Timestamp,
    /// `deposit`, `adjustment` or `capture`.
    kind: String,
    /// The operation; of a capture, the seat.
    op_id: String,
    /// Captures are negative.
    amount: Money,
    /// What was written beside a credit; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Whose key a credit was made under; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
}

/// `GET /v1/buyers/{buyer_id}/ledger`: the lines of an account, oldest first.
pub(super) async fn ledger(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let buyer = readable(&principal, &path)?;
    let page = Page::of(&request)?;
    let after = page.after.as_deref().unwrap_or("0").parse().map_err(|_| {
        ApiError::new(Code::MalformedRequest, "after is a sequence: the next of the page before.")
    })?;
    if !api.exchange.snapshot().buyers.contains_key(&buyer) {
        return Err(ApiError::not_found());
    }
    let exchange = Arc::clone(&api.exchange);
    let limit = page.limit;
    let lines = api.ask(async move { exchange.ledger(&buyer, after, limit + 1).await }).await?;
    let is_operator = principal.holder == Holder::Operator;
    let rows = lines.into_iter().map(|line| LedgerRow {
        sequence: line.entry.sequence,
        at: line.entry.at,
        kind: line.entry.kind,
        op_id: line.entry.op_id,
        amount: line.entry.amount,
        note: line.note.filter(|_| is_operator),
        actor: line.actor.filter(|_| is_operator),
    });
    Ok(HttpResponse::Ok().json(List::first(limit, rows, |row| row.sequence.to_string())))
}

/// What [`ledger`] is to whoever reads the document of the API.
pub(super) fn ledger_operation() -> Operation {
    Operation::new(Tag::Accounts, "readLedger", "Read the lines of a buyer's account")
        .says("A buyer reads its own account alone.")
        .lists()
        .answers::<List<LedgerRow>>(200, "The lines, oldest first.")
        .fails(&[Code::NotFound, Code::RecordsUnavailable])
}

/// The buyer of a path, if the caller may read its account.
fn readable(principal: &Principal, path: &str) -> Result<BuyerId, ApiError> {
    let buyer = BuyerId::parse(path).map_err(|_| ApiError::not_found())?;
    let may_read = match &principal.holder {
        Holder::Operator => true,
        Holder::Buyer(own) => *own == buyer,
        Holder::Vendor(_) => false,
    };
    if may_read { Ok(buyer) } else { Err(ApiError::not_found()) }
}

/// `GET /v1/buyers/{buyer_id}/balance`: a buyer's account; a buyer sees its own alone.
pub(super) async fn balance(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let buyer = readable(&principal, &path)?;
    let snapshot = api.exchange.snapshot();
    let described = snapshot.buyers.get(&buyer).ok_or_else(ApiError::not_found)?;
    let exchange = Arc::clone(&api.exchange);
    let asked = buyer.clone();
    let account = api.ask(async move { exchange.balance(&asked).await }).await?;
    Ok(HttpResponse::Ok().json(Balance {
        buyer_id: &buyer,
        balance: balance_of(&account)?,
        held: account.held,
        deposited: account.deposited,
        posted: account.posted,
        credit_limit: described.credit_limit,
    }))
}

/// What was paid in less what was bought; holds are not taken off it.
fn balance_of(account: &AccountView) -> Result<Money, ApiError> {
    account
        .deposited
        .checked_sub(account.posted)
        .ok_or_else(|| ApiError::internal("a balance beyond the largest amount"))
}
