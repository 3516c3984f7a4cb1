//! The outermost layer: each request's id, its one line in the log, and the last word on its answer.
//!
//! The id is minted here and never taken from the caller. Errors become problem bodies here, and
//! what they say to the log is logged here, once. A line holds method, route pattern, status, time
//! and key id; never a path as it came, a query, a header or a body.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, web};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Api;
use super::auth::Principal;
use super::connections::{UnderWay, Watched};
use super::error::{ApiError, Code};
use super::headers::{self, HeaderLimits, REQUEST_ID};
use crate::domain::ids::RequestId;
use crate::domain::key::KeyId;

/// The route of a request that met none.
const NO_ROUTE: &str = "-";

/// The routes whose refusals are counted, where something is submitted.
const SUBMISSIONS: [&str; 3] = ["/v1/leads", "/v1/pings", "/v1/posts"];

/// The route of vendors with a format of their own, who submit by whatever method.
const BY_PROFILE: &str = "/in/{profile}/{call}";

/// Routes that machines ask every few seconds: their answers are logged at debug level.
const QUIET_ROUTES: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// The API that the servers were built with.
///
/// # Errors
/// [`Code::Internal`] when a server was built without one.
pub(super) fn api_of(request: &ServiceRequest) -> Result<Arc<Api>, ApiError> {
    let api = request.app_data::<web::Data<Api>>().cloned();
    api.map(web::Data::into_inner).ok_or_else(|| ApiError::internal("a server without its API"))
}

/// Answers a request: gives it its id, lets it through and finishes its answer.
pub(super) async fn answer(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let api = api_of(&request)?;
    let limits = api.exchange.limits();
    let limits = HeaderLimits { count_max: limits.headers_max, bytes_max: limits.header_bytes_max };
    let mut line = Line {
        request_id: RequestId::new(api.exchange.entropy().bits()),
        method: request.method().clone(),
        began: Instant::now(),
        route: None,
        key_id: None,
        api,
    };
    if let Err(error) = headers::check(request.head(), limits) {
        let response = line.finish_error(&error);
        return Ok(request.into_response(response));
    }
    let mut under_way = request.conn_data::<Watched>().map(Watched::begin);
    let span = tracing::info_span!("request", request_id = %line.request_id);
    match next.call(request).instrument(span).await {
        Ok(response) => {
            line.route = response.request().match_pattern();
            let principal = response.request().extensions().get::<Principal>().cloned();
            line.key_id = principal.map(|principal| principal.key_id);
            let is_draining = line.api.exchange.is_draining();
            let mut response = line.finish(response);
            if is_draining {
                // The next request is for another node.
                response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
            if response.response().head().connection_type() == ConnectionType::Close {
                under_way.iter_mut().for_each(UnderWay::is_last);
            }
            Ok(response)
        }
        // Only a fault of the framework's own comes this way: our layers answer what they refuse.
        Err(error) => {
            let response = line.finish_error(&problem_of(&error));
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// What is known of a request for its line in the log.
struct Line {
    api: Arc<Api>,
    request_id: RequestId,
    method: Method,
    began: Instant,
    route: Option<String>,
    key_id: Option<KeyId>,
}

impl Line {
    /// Turns an error into its body, adds the headers that every answer has, and logs.
    fn finish(&self, mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        let rendered = response.response().error().map(|error| match error.as_error() {
            Some(problem) => self.finish_error(problem),
            None => self.finish_error(&problem_of(error)),
        });
        if let Some(rendered) = rendered {
            return response.into_response(rendered);
        }
        self.log(response.status().as_u16(), None);
        self.complete(response.headers_mut());
        response
    }

    fn finish_error(&self, error: &ApiError) -> HttpResponse {
        let is_submission = self.route.as_deref().is_some_and(|route| SUBMISSIONS.contains(&route));
        let is_by_profile = self.route.as_deref() == Some(BY_PROFILE);
        if is_by_profile || (self.method == Method::POST && is_submission) {
            self.api.exchange.metrics().leads_refused_by_http(error.code().as_str());
        }
        let mut response = error.render(self.request_id);
        self.log(response.status().as_u16(), Some(error));
        self.complete(response.headers_mut());
        response
    }

    fn complete(&self, headers: &mut HeaderMap) {
        let id = HeaderValue::try_from(self.request_id.to_string())
            .expect("an id is a prefix and letters and digits");
        headers.insert(REQUEST_ID, id);
        headers::secure(headers);
    }

    fn log(&self, status: u16, error: Option<&ApiError>) {
        let request_id = self.request_id;
        let method = self.method.as_str();
        let route = self.route.as_deref().unwrap_or(NO_ROUTE);
        let elapsed_ms = millis(self.began.elapsed());
        let key_id = self.key_id.map(tracing::field::display);
        let code = error.map(|error| error.code().as_str());
        let cause = error.and_then(ApiError::cause);
        let is_quiet = QUIET_ROUTES.contains(&route) && error.is_none();
        if status >= 500 && !is_quiet {
            tracing::error!(
                %request_id, method, route, status, elapsed_ms, key_id, code, cause,
                "http.request.failed"
            );
        } else if is_quiet {
            tracing::debug!(%request_id, method, route, status, elapsed_ms, "http.request");
        } else {
            tracing::info!(
                %request_id, method, route, status, elapsed_ms, key_id, code, cause,
                "http.request"
            );
        }
    }
}

/// An error that is none of ours, by its status alone; its text may repeat what the caller sent.
fn problem_of(error: &Error) -> ApiError {
    let status = error.as_response_error().status_code();
    if status.is_server_error() {
        ApiError::internal(format!("the framework refused with {status}"))
    } else {
        ApiError::new(Code::MalformedRequest, "The request cannot be read.")
    }
}

/// Milliseconds with three places.
fn millis(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests;
