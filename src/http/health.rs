//! Whether the process lives, whether it is ready for leads, and its metrics.
//!
//! `/livez` says that requests are answered, and nothing else: a store that is down must not get a
//! process restarted. `/readyz` says what is degraded and why, in a balancer's terms: 503 means
//! send leads elsewhere. None of it needs a key, so none of it names anybody.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;

use super::Api;
use super::openapi::{Operation, Tag, any_text};
use crate::metrics::CONTENT_TYPE as METRICS_TYPE;

#[derive(Serialize, JsonSchema)]
struct Live {
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct Readiness<'a> {
    status: &'static str,
    degraded: Vec<Degradation<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Degradation<'a> {
    what: &'a str,
    why: &'a str,
}

/// `GET /livez`
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Live { status: "live" })
}

/// `GET /readyz`
pub(super) async fn ready(api: web::Data<Api>) -> HttpResponse {
    let health = api.exchange.health();
    let degraded: Vec<_> = health
        .reasons
        .iter()
        .map(|reason| Degradation { what: reason.what, why: &reason.why })
        .collect();
    let (status, word) = match (health.ready, degraded.is_empty()) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
        (true, false) => (StatusCode::OK, "degraded"),
        (true, true) => (StatusCode::OK, "ready"),
    };
    HttpResponse::build(status).json(Readiness { status: word, degraded })
}

/// What [`live`] is to whoever reads the document of the API.
pub(super) fn live_operation() -> Operation {
    Operation::new(Tag::Health, "readLive", "Whether requests are answered")
        .says("It says nothing else: a store that is down must not get a process restarted.")
        .answers::<Live>(200, "They are.")
}

/// What [`ready`] is to whoever reads the document of the API.
pub(super) fn ready_operation() -> Operation {
    Operation::new(Tag::Health, "readReady", "Whether leads may be sent here")
        .says("What is degraded and why. 503 means: send leads elsewhere.")
        .answers::<Readiness<'_>>(200, "`ready`, or `degraded` with what and why.")
        .answers::<Readiness<'_>>(503, "`not_ready`, with what and why.")
}

/// What [`metrics`] is to whoever reads the document of the API.
pub(super) fn metrics_operation() -> Operation {
    Operation::new(Tag::Health, "readMetrics", "Read the metrics")
        .says("Prometheus' text format, on the listener for metrics alone.")
        .answers_as(200, METRICS_TYPE, "The metrics.", any_text)
}

/// `GET /metrics`
pub(super) async fn metrics(api: web::Data<Api>) -> HttpResponse {
    let text = api.exchange.metrics().render();
    HttpResponse::Ok().insert_header((CONTENT_TYPE, METRICS_TYPE)).body(text)
}
