//! Outcomes: a buyer reports what came of a lead it bought, and the vendor reads it.
//!
//! A report is read field by field, and no fault repeats what stood there: whoever puts a
//! consumer's data into it gets it refused, not logged or sent back.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::Api;
use super::auth::{Holder, Principal};
use super::body::Body;
use super::error::{ApiError, Code, Fault, FaultCode};
use super::headers::IDEMPOTENT_REPLAYED;
use super::idempotency;
use super::openapi::{Operation, Tag};
use super::paging::{List, Page};
use crate::domain::ids::{LeadId, OutcomeId};
use crate::domain::outcome::{Outcome, OutcomeDetails, OutcomeType};
use crate::domain::schema::UtcTime;
use crate::flow::outcomes::{OutcomeReply, OutcomeReport, outcomes_of};

/// How far `occurred_at` may lie ahead of our clock, in seconds.
const AHEAD_S_MAX: i64 = 300;

/// The body of a report; only its schema is used, because a body is read field by field.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OutcomeReport")]
#[expect(dead_code, reason = "only its schema is used")]
struct ReportBody {
    /// What happened.
    #[serde(rename = "type")]
    outcome_type: OutcomeType,
    /// When.
    #[schemars(with = "UtcTime")]
    occurred_at: Timestamp,
    /// Figures, of these fields alone.
    #[serde(default)]
    data: OutcomeDetails,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeptOutcome")]
struct Kept {
    outcome_id: OutcomeId,
}

/// An outcome as the vendor sees it: not who reports.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OutcomeOfLead")]
struct OutcomeView<'a> {
    outcome_id: OutcomeId,
    #[serde(rename = "type")]
    outcome_type: OutcomeType,
    #[schemars(with = "UtcTime")]
    occurred_at: Timestamp,
    data: &'a OutcomeDetails,
}

impl<'a> OutcomeView<'a> {
    const fn of(outcome: &'a Outcome) -> Self {
        Self {
            outcome_id: outcome.outcome_id,
            outcome_type: outcome.outcome_type,
            occurred_at: outcome.occurred_at,
            data: &outcome.data,
        }
    }
}

/// `POST /v1/leads/{lead_id}/outcomes`: takes a buyer's report of a lead it bought.
pub(super) async fn report(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let lead_id = LeadId::parse(&path).map_err(|_| ApiError::not_found())?;
    let Holder::Buyer(buyer) = principal.holder else {
        return Err(ApiError::internal("another role on a buyer's route"));
    };
    let idempotency_key = idempotency::key_of(request.headers())?.ok_or_else(|| {
        let detail = "Send an Idempotency-Key: it makes the report count once.";
        ApiError::new(Code::IdempotencyKeyMissing, detail)
    })?;
    let now = api.exchange.clock().now();
    let report = read_report(&body.bytes, idempotency_key, now)?;
    let exchange = Arc::clone(&api.exchange);
    let reply =
        api.ask(async move { exchange.report_outcome(&buyer, lead_id, report).await }).await?;
    match reply {
        OutcomeReply::Kept { outcome_id, is_replay } => {
            let mut response = HttpResponse::Created();
            if is_replay {
                response.insert_header((IDEMPOTENT_REPLAYED, "true"));
            }
            Ok(response.json(Kept { outcome_id }))
        }
        OutcomeReply::Mismatch => {
            let detail = "This Idempotency-Key was used for another report; use a new one.";
            Err(ApiError::new(Code::IdempotencyKeyMismatch, detail))
        }
        OutcomeReply::Open => {
            let detail = "The lead has not ended yet; report again when it has.";
            Err(ApiError::new(Code::LeadOpen, detail))
        }
        OutcomeReply::Over => {
            let detail = "The lead ended too long ago, or has too many reports, to take more.";
            Err(ApiError::new(Code::LeadOver, detail))
        }
        OutcomeReply::Unknown => Err(ApiError::not_found()),
    }
}

/// What [`report`] is to whoever reads the document of the API.
pub(super) fn report_operation() -> Operation {
    Operation::new(Tag::Leads, "reportOutcome", "Report what came of a lead")
        .says(
            "The buyer that has the lead reports; the vendor hears of it as an event. Nothing about \
             the consumer may be in it, and nothing but these fields is taken.",
        )
        .idempotent(true)
        .body::<ReportBody>()
        .answers::<Kept>(201, "The report is kept.")
        .with_header("idempotent-replayed", "`true` when it was kept before.")
        .fails(&[
            Code::LeadOpen,
            Code::LeadOver,
            Code::Overloaded,
            Code::StoreUnavailable,
            Code::RecordsUnavailable,
        ])
}

/// `GET /v1/leads/{lead_id}/outcomes`: what buyers have reported of a lead.
pub(super) async fn list(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let lead_id = LeadId::parse(&path).map_err(|_| ApiError::not_found())?;
    let Page { limit, after } = Page::of(&request)?;
    let vendor = match &principal.holder {
        Holder::Operator => None,
        Holder::Vendor(_) | Holder::Buyer(_) => Some(principal.vendor()?.clone()),
    };
    let exchange = Arc::clone(&api.exchange);
    let id = lead_id.to_string();
    let found = api.ask(async move { exchange.auction(vendor.as_ref(), &id).await }).await?;
    let record = found.ok_or_else(ApiError::not_found)?;
    let mut later = outcomes_of(&record).map(OutcomeView::of);
    if let Some(after) = after {
        // In the order in which they came, so the cursor is looked for and not compared.
        later.by_ref().find(|view| view.outcome_id.to_string() == after);
    }
    let rows: Vec<OutcomeView<'_>> = later.by_ref().take(limit).collect();
    let has_more = later.next().is_some();
    let next = rows.last().filter(|_| has_more).map(|view| view.outcome_id.to_string());
    Ok(HttpResponse::Ok().json(List::new(rows, next)))
}

/// What [`list`] is to whoever reads the document of the API.
pub(super) fn list_operation() -> Operation {
    Operation::new(Tag::Leads, "listOutcomes", "List what came of a lead")
        .says("What buyers have reported of the vendor's lead, in the order in which it came.")
        .lists()
        .answers::<List<OutcomeView<'_>>>(200, "One page of outcomes.")
        .fails(&[Code::Overloaded, Code::StoreUnavailable, Code::RecordsUnavailable])
}

/// Reads a report, or names every faulty field.
fn read_report(
    bytes: &[u8],
    idempotency_key: String,
    now: Timestamp,
) -> Result<OutcomeReport, Refused> {
    let body: Map<String, Json> =
        serde_json::from_slice(bytes).map_err(|_| Refused::NotAnObject)?;
    let mut faults = Vec::new();
    let known = ["type", "occurred_at", "data"];
    if body.keys().any(|name| !known.contains(&name.as_str())) {
        faults.push(fault(
            "",
            FaultCode::UnknownField,
            "The fields are type, occurred_at and data.",
        ));
    }
    let outcome_type = field(&body, "type", "/type", "One of the types of outcomes.", &mut faults);
    let occurred_at: Option<Timestamp> =
        field(&body, "occurred_at", "/occurred_at", "An RFC 3339 time.", &mut faults);
    let latest = now.saturating_add(SignedDuration::from_secs(AHEAD_S_MAX));
    if occurred_at.is_some_and(|at| latest.is_ok_and(|latest| at > latest)) {
        faults.push(fault("/occurred_at", FaultCode::InFuture, "It has not happened yet."));
    }
    let data = match body.get("data") {
        None | Some(Json::Null) => OutcomeDetails::default(),
        Some(Json::Object(data)) => read_details(data, &mut faults),
        Some(_) => {
            faults.push(fault("/data", FaultCode::Invalid, "An object."));
            OutcomeDetails::default()
        }
    };
    match (outcome_type, occurred_at) {
        (Some(outcome_type), Some(occurred_at)) if faults.is_empty() => {
            Ok(OutcomeReport { outcome_type, occurred_at, data, idempotency_key })
        }
        _ => Err(Refused::Fields(faults)),
    }
}

/// Why a report was not read.
#[derive(Debug)]
enum Refused {
    NotAnObject,
    Fields(Vec<Fault>),
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotAnObject => {
                Self::new(Code::MalformedBody, "The body is not a JSON object.")
            }
            Refused::Fields(faults) => {
                let detail = "The report has fields that are missing, unknown or wrong.";
                Self::new(Code::InvalidRequest, detail).with_faults(faults)
            }
        }
    }
}

fn read_details(data: &Map<String, Json>, faults: &mut Vec<Fault>) -> OutcomeDetails {
    if data.keys().any(|name| !OutcomeDetails::FIELDS.contains(&name.as_str())) {
        let detail = "Only duration_s, appointment_at, premium_monthly, premium_annual and \
                      coverage_amount.";
        faults.push(fault("/data", FaultCode::UnknownField, detail));
    }
    let money = "An amount of 0 or more, as a text.";
    let seconds = "Whole seconds, up to a day.";
    let details = OutcomeDetails {
        duration_s: optional(data, "duration_s", seconds, faults),
        appointment_at: optional(data, "appointment_at", "An RFC 3339 time.", faults),
        premium_monthly: optional(data, "premium_monthly", money, faults),
        premium_annual: optional(data, "premium_annual", money, faults),
        coverage_amount: optional(data, "coverage_amount", money, faults),
    };
    for name in details.faults() {
        let detail = if name == "duration_s" { seconds } else { money };
        faults.push(fault(&format!("/data/{name}"), FaultCode::OutOfRange, detail));
    }
    details
}

fn optional<T: DeserializeOwned>(
    data: &Map<String, Json>,
    name: &str,
    detail: &'static str,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    match data.get(name) {
        None | Some(Json::Null) => None,
        Some(_) => field(data, name, &format!("/data/{name}"), detail, faults),
    }
}

/// A field, or a fault that says what it should be and nothing of what it is.
fn field<T: DeserializeOwned>(
    object: &Map<String, Json>,
    name: &str,
    pointer: &str,
    detail: &'static str,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let Some(value) = object.get(name) else {
        faults.push(fault(pointer, FaultCode::Required, detail));
        return None;
    };
    let read = T::deserialize(value).ok();
    if read.is_none() {
        faults.push(fault(pointer, FaultCode::Invalid, detail));
    }
    read
}

fn fault(pointer: &str, code: FaultCode, detail: &'static str) -> Fault {
    Fault::at(pointer, code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The report, or the pointers of its faults; `None` when it is no object.
    fn read(body: &str) -> Result<OutcomeReport, Option<Vec<String>>> {
        let now = "2026-11-26T12:00:00Z".parse().unwrap();
        read_report(body.as_bytes(), "key".to_owned(), now).map_err(|refused| match refused {
            Refused::NotAnObject => None,
            Refused::Fields(faults) => {
                for fault in &faults {
                    assert!(!format!("{fault:?}").contains("Grace"), "{fault:?}");
                }
                Some(faults.into_iter().map(|fault| fault.pointer).collect())
            }
        })
    }

    #[test]
    fn a_report_is_read_with_the_figures_it_may_have() {
        let report = read(
            r#"{"type":"policy.sold","occurred_at":"2026-11-26T11:00:00Z",
                "data":{"premium_monthly":"41.5","coverage_amount":"15000","duration_s":null}}"#,
        );
        let report = report.unwrap();
        assert_eq!(report.outcome_type, OutcomeType::PolicySold);
        let premium = report.data.premium_monthly.unwrap();
        assert_eq!(premium.to_string(), "41.50");
        assert_eq!(report.data.duration_s, None);
        assert!(read(r#"{"type":"contacted","occurred_at":"2026-11-26T12:04:59Z"}"#).is_ok());
    }

    #[test]
    fn every_faulty_field_is_named_and_no_value_is_repeated() {
        for (body, pointers) in [
            ("{}", vec!["/type", "/occurred_at"]),
            (
                r#"{"type":"Grace","occurred_at":"Grace","data":"Grace","Grace":1}"#,
                vec!["", "/type", "/occurred_at", "/data"],
            ),
            (
                r#"{"type":"contacted","occurred_at":"2026-11-26T11:00:00Z","data":{
                    "duration_s":"Grace","appointment_at":"Grace","premium_monthly":"Grace",
                    "premium_annual":-1,"coverage_amount":{"name":"Grace"},"note":"Grace"}}"#,
                vec![
                    "/data",
                    "/data/duration_s",
                    "/data/appointment_at",
                    "/data/premium_monthly",
                    "/data/premium_annual",
                    "/data/coverage_amount",
                ],
            ),
            (
                r#"{"type":"contacted","occurred_at":"2026-11-26T12:05:01Z","data":{"duration_s":86401}}"#,
                vec!["/occurred_at", "/data/duration_s"],
            ),
        ] {
            let pointers = pointers.into_iter().map(str::to_owned).collect();
            assert_eq!(read(body), Err(Some(pointers)), "{body}");
        }
        assert_eq!(read("[\"Grace\"]"), Err(None));
        assert_eq!(read("Grace"), Err(None));
    }
}
