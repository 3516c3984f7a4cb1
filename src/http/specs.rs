//! Posting specs: what a vendor must send, as a page for people, as JSON and as JSON Schema.
//!
//! They hold nothing of anybody's, so they need no key.

use actix_web::http::header::{
    ACCEPT, Accept, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ContentType, Header as _, VARY,
};
use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use serde::Serialize;

use super::Api;
use super::error::ApiError;
use super::openapi::{Operation, Tag, any_object, any_text};
use super::paging::{List, Page};
use crate::domain::slug::VerticalId;
use crate::intake::IntakeLimits;
use crate::intake::spec::{PostingSpec, content_security_policy, page, posting_spec};
use crate::registry::vertical::CompiledVertical;

/// The media type of a JSON Schema.
const SCHEMA_JSON: &str = "application/schema+json";

/// One line of the list.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct SpecEntry {
    vertical: String,
    name: String,
    description: String,
    url: String,
}

impl SpecEntry {
    fn of(vertical: &CompiledVertical) -> Self {
        let described = vertical.vertical();
        Self {
            vertical: vertical.id().to_string(),
            name: described.name.clone(),
            description: described.description.clone(),
            url: format!("/v1/specs/{}", vertical.id()),
        }
    }
}

/// How a spec may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Schema,
    Page,
}

impl Form {
    /// The form that the caller likes best; JSON if it likes none of them, or says nothing.
    fn preferred(request: &HttpRequest) -> Self {
        let accepted = Accept::parse(request).map(|accept| accept.ranked()).unwrap_or_default();
        let known = |essence: &str| match essence {
            "text/html" => Some(Self::Page),
            SCHEMA_JSON => Some(Self::Schema),
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            _ => None,
        };
        accepted.iter().find_map(|media| known(media.essence_str())).unwrap_or(Self::Json)
    }
}

/// `GET /v1/specs`: the verticals of this exchange.
pub(super) async fn list(
    api: web::Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let page = Page::of(&request)?;
    let snapshot = api.exchange.snapshot();
    let specs = snapshot.verticals.values().map(|vertical| SpecEntry::of(vertical));
    Ok(HttpResponse::Ok().json(page.cut(specs, |spec| spec.vertical.clone())))
}

/// `GET /v1/specs/{vertical}`: the posting spec of one vertical, by `Accept` as page, JSON or JSON
/// Schema.
pub(super) async fn read(
    api: web::Data<Api>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = VerticalId::parse(&path).map_err(|_| ApiError::not_found())?;
    let snapshot = api.exchange.snapshot();
    let vertical = snapshot.verticals.get(&id).ok_or_else(ApiError::not_found)?;
    let limits = IntakeLimits::from(api.exchange.limits());
    let spec = posting_spec(vertical, &base_url(&request), &limits);
    let mut response = HttpResponse::Ok();
    response.insert_header((VARY, ACCEPT.as_str()));
    Ok(match Form::preferred(&request) {
        Form::Json => response.json(spec),
        Form::Schema => {
            response.insert_header((CONTENT_TYPE, SCHEMA_JSON)).body(spec.schema.to_string())
        }
        Form::Page => response
            .insert_header(ContentType::html())
            .insert_header((CONTENT_SECURITY_POLICY, content_security_policy()))
            .body(page(&spec)),
    })
}

/// What [`list`] is to whoever reads the document of the API.
pub(super) fn list_operation() -> Operation {
    Operation::new(Tag::Specs, "listSpecs", "List the verticals")
        .says("The product lines of this exchange, each with the address of its posting spec.")
        .lists()
        .answers::<List<SpecEntry>>(200, "One page of verticals.")
}

/// What [`read`] is to whoever reads the document of the API.
pub(super) fn read_operation() -> Operation {
    Operation::new(Tag::Specs, "readSpec", "Read a posting spec")
        .says(
            "Everything a vendor must know to submit leads of a vertical: as data, as JSON Schema \
             or as a page for people, by `Accept`.",
        )
        .answers::<PostingSpec>(200, "The posting spec.")
        .answers_as(200, SCHEMA_JSON, "", any_object)
        .answers_as(200, "text/html; charset=utf-8", "", any_text)
}

/// Scheme and host under which the caller knows this exchange; nothing but an example depends on
/// it.
fn base_url(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    let scheme = if connection.scheme() == "https" { "https" } else { "http" };
    let host = connection.host();
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    let host = if host.bytes().all(is_plain) { host } else { "localhost" };
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_browser_gets_the_page_and_a_program_json() {
        let cases = [
            ("", Form::Json),
            ("*/*", Form::Json),
            ("application/json", Form::Json),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Form::Page),
            ("application/json;q=0.5, text/html", Form::Page),
            ("application/json, text/html;q=0.5", Form::Json),
            ("application/schema+json", Form::Schema),
            ("image/png", Form::Json),
        ];
        for (accept, expect) in cases {
            let request = TestRequest::get().insert_header((ACCEPT, accept)).to_http_request();
            assert_eq!(Form::preferred(&request), expect, "{accept}");
        }
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        let url = |host: &str| {
            let request = TestRequest::get().insert_header(("host", host)).to_http_request();
            base_url(&request)
        };
        assert_eq!(url("leads.example:8443"), "http://leads.example:8443");
        assert_eq!(url("[::1]:8080"), "http://[::1]:8080");
        assert_eq!(url("<script>"), "http://localhost");
    }
}
