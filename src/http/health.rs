//! Whether the process lives, whether it is ready for leads, and its metrics.
//!
//! `/livez` says that requests are answered, and nothing else: a store that is down must not get a
//! process restarted. `/readyz` says what is degraded and why, in a balancer's terms: 503 means
//! send leads elsewhere. None of it needs a key, so none of it names anybody.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::Api;
use crate::metrics::CONTENT_TYPE as METRICS_TYPE;

#[derive(Serialize)]
struct Live {
    status: &'static str,
}

#[derive(Serialize)]
struct Readiness<'a> {
    status: &'static str,
    degraded: Vec<Degradation<'a>>,
}

#[derive(Serialize)]
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

/// `GET /metrics`
pub(super) async fn metrics(api: web::Data<Api>) -> HttpResponse {
    let text = api.exchange.metrics().render();
    HttpResponse::Ok().insert_header((CONTENT_TYPE, METRICS_TYPE)).body(text)
}
