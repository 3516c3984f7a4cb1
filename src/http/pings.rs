//! A vendor's ping, and the post that takes its offer.
//!
//! A ping is a submission without contact data and is read as one. A post is read against its ping:
//! first it is asked how the ping stands, then the body is held against what the ping has fixed, and
//! then the offer is taken. Which of several posts takes it is decided by the store.

use std::sync::Arc;

use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::Api;
use super::auth::Principal;
use super::body::Body;
use super::error::{ApiError, Code, Fault};
use super::leads::{
    PENDING_RETRY_S, Patience, Pending, SOLD_LATER, SOLD_NOW, Submitted, accepted,
    answers_now_or_later, count_unknown_fields, located, status_url,
};
use super::openapi::{Operation, Tag};
use crate::domain::disposition::Disposition;
use crate::domain::ids::{LeadId, OfferId};
use crate::domain::key::KeyMode;
use crate::domain::money::Money;
use crate::domain::offer::OFFERS_MAX;
use crate::domain::slug::VerticalId;
use crate::flow::sell::{FinalAnswer, PingAnswer};
use crate::flow::take::{
    InvalidChoice, OpenOffer, PostFrom, PostRefusal, PostReply, Posted, Standing,
};
use crate::intake::{self, Contact, IntakeContext, IntakeLimits, Pinged, PostDocument};

/// `POST /v1/pings`: what a lead would bring, without saying who the consumer is.
pub(super) async fn ping(
    api: web::Data<Api>,
    principal: Principal,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let submitted = Submitted::read(&api, &principal, (&body, &request), Contact::LeftAside)?;
    let Submitted { vendor, submission, idempotency_key, patience } = submitted;
    let exchange = Arc::clone(&api.exchange);
    let reply = api
        .ask(
            async move { exchange.ping(&vendor, submission, idempotency_key, patience.wait).await },
        )
        .await?;
    patience.respond(reply, pinging)
}

/// `POST /v1/posts`: takes an offer of a ping, and sells the lead.
pub(super) async fn post(
    api: web::Data<Api>,
    principal: Principal,
    body: Body,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let limits = IntakeLimits::from(api.exchange.limits());
    let content = intake::Body { content: body.kind, bytes: &body.bytes };
    let document = PostDocument::parse(content, &limits)?;
    let from = PostFrom {
        vendor: principal.vendor()?.clone(),
        is_test_key: principal.mode == KeyMode::Test,
        lead_id: LeadId::parse_ping(document.ping_id()).map_err(|_| unknown_ping())?,
        fingerprint: api.exchange.vault().fingerprint(document.canonical()),
    };
    let patience = Patience::of(&request, document.wait_ms(), api.exchange.limits());
    let wait = patience.wait;
    let exchange = Arc::clone(&api.exchange);
    let asked = from.clone();
    let standing = api.ask(async move { exchange.ping_standing(&asked, wait).await }).await?;
    let reply = match standing {
        Standing::Told(reply) => PostReply::Sale(reply),
        Standing::Refused(refusal) => PostReply::Refused(refusal),
        Standing::Open(open) => {
            let posted = read_post(&api, &principal, (&document, &limits), &open)?;
            let exchange = Arc::clone(&api.exchange);
            api.ask(async move { exchange.take_offer(&from, *open, posted, wait).await }).await?
        }
    };
    match reply {
        PostReply::Sale(sale) => patience.respond(sale, accepted),
        PostReply::Refused(refusal) => Err(ApiError::from(refusal)),
    }
}

/// What [`ping`] is to whoever reads the document of the API.
pub(super) fn ping_operation() -> Operation {
    let operation = Operation::new(Tag::Pings, "submitPing", "Ask what a lead would bring")
        .says(
            "Answers with offers that bind until they expire. Contact fields are not needed and not \
             kept; they come with the post. The same ping under the same key gets the same answer, \
             byte for byte.",
        )
        .idempotent(false)
        .body::<PingBody>()
        .fails(&[Code::UnknownVertical]);
    let now = "The offers, best first, or why there is none.";
    let later = "The ping is safe and its round still runs.";
    answers_now_or_later::<PingAnswer<'_>, Pinging>(operation, now, later)
}

/// What [`post`] is to whoever reads the document of the API.
pub(super) fn post_operation() -> Operation {
    let operation = Operation::new(Tag::Pings, "submitPost", "Take an offer and sell the lead")
        .says(
            "Brings the contact data of a lead that was pinged, and answers with what became of it. \
             The ping is the key: the same post again gets the same answer, byte for byte, and \
             another one is refused.",
        )
        .body::<PostBody>()
        .fails(&[Code::PingUnknown, Code::PingUsed, Code::PingExpired, Code::OfferUnknown]);
    answers_now_or_later::<FinalAnswer<'_>, Pending>(operation, SOLD_NOW, SOLD_LATER)
}

/// A ping as the document describes it; it is read as any submission.
#[derive(JsonSchema)]
#[schemars(rename = "SubmittedPing")]
#[expect(dead_code, reason = "only its schema is used")]
struct PingBody {
    /// The product line.
    vertical: VerticalId,
    /// The fields of the vertical, without contact fields.
    lead: Map<String, Json>,
    /// Proof of consent, as far as it is to be shown or known already.
    consent: Option<Map<String, Json>>,
    /// `sub_id` and `click_id`.
    source: Option<Map<String, Json>>,
    /// When the consumer submitted the form.
    submitted_at: Option<String>,
    /// The lowest payout you take.
    floor: Option<Money>,
    /// How long you wait for the answer, in milliseconds.
    wait_ms: Option<u64>,
    /// Whether it is a test.
    test: Option<bool>,
}

/// A vendor's post as the document describes it; it is read against its ping.
#[derive(JsonSchema)]
#[schemars(rename = "SubmittedPost")]
#[expect(dead_code, reason = "only its schema is used")]
struct PostBody {
    /// The ping.
    ping_id: String,
    /// The offers you take; the best one if absent.
    #[schemars(length(min = 1, max = OFFERS_MAX))]
    offer_ids: Option<Vec<OfferId>>,
    /// From what payout on anybody else may get the lead.
    min_payout: Option<Money>,
    /// The contact fields.
    lead: Option<Map<String, Json>>,
    /// Proof of consent that the ping did not have.
    consent: Option<Map<String, Json>>,
    /// How long you wait for the answer, in milliseconds.
    wait_ms: Option<u64>,
}

/// Holds a post against its ping.
fn read_post(
    api: &Api,
    principal: &Principal,
    (document, limits): (&PostDocument, &IntakeLimits),
    open: &OpenOffer,
) -> Result<Posted, ApiError> {
    let context = IntakeContext {
        verticals: &|_| None,
        strict: principal.is_strict,
        is_test_key: open.lead.test,
        contact: Contact::Required,
        limits,
        now: api.exchange.clock().now(),
    };
    let pinged =
        Pinged { vertical: &open.vertical, fields: &open.lead.fields, consent: &open.lead.consent };
    let post = document.read(&pinged, &context)?;
    count_unknown_fields(api, &post.warnings);
    Ok(Posted {
        fields: post.fields,
        consent: post.consent,
        is_consent_missing: !post.consent_missing.is_empty(),
        offer_ids: post.offer_ids,
        min_payout: post.min_payout,
        warnings: post.warnings,
    })
}

/// The body of a ping without an answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PendingPing")]
struct Pinging {
    /// The ping.
    ping_id: String,
    /// The lead.
    lead_id: LeadId,
    /// That there is no answer yet.
    #[schemars(extend("const" = "pending"))]
    disposition: Disposition,
    /// Where the answer will be.
    status_url: String,
}

/// That a ping was taken in and its round still runs.
fn pinging(lead_id: LeadId) -> HttpResponse {
    let body = Pinging {
        ping_id: lead_id.ping_id(),
        lead_id,
        disposition: Disposition::Pending,
        status_url: status_url(lead_id),
    };
    let retry = (RETRY_AFTER, PENDING_RETRY_S);
    located(HttpResponse::Accepted().insert_header(retry).json(body), lead_id)
}

fn unknown_ping() -> ApiError {
    ApiError::new(Code::PingUnknown, "There is no such ping under this key.")
}

impl From<PostRefusal> for ApiError {
    fn from(refusal: PostRefusal) -> Self {
        match refusal {
            PostRefusal::UnknownPing => unknown_ping(),
            PostRefusal::NoOffer => {
                let detail =
                    "The ping has no offer to take: it still runs, or it ended without one.";
                Self::new(Code::OfferUnknown, detail)
            }
            PostRefusal::Expired => {
                let detail = "The offer is over; ping again for a new one.";
                Self::new(Code::PingExpired, detail)
            }
            PostRefusal::Used => {
                let detail = "The ping was used by a post with another body; that one stands.";
                Self::new(Code::PingUsed, detail)
            }
            PostRefusal::Choice(InvalidChoice::UnknownOffer { at }) => {
                let detail = "The ping was not answered with this offer.";
                Self::new(Code::OfferUnknown, "The post takes an offer that was not made.")
                    .with_faults(vec![fault(format!("/offer_ids/{at}"), "offer_unknown", detail)])
            }
            PostRefusal::Choice(InvalidChoice::AbovePayout) => {
                let detail = "at most what each offer that is taken pays";
                Self::new(Code::InvalidLead, "one field is missing or wrong")
                    .with_faults(vec![fault("/min_payout".to_owned(), "out_of_range", detail)])
            }
        }
    }
}

fn fault(pointer: String, code: &'static str, detail: &'static str) -> Fault {
    Fault::of(pointer, code, detail)
}
