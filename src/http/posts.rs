//! Posts: an operator's word on one whose fate is unknown.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Api;
use super::auth::Principal;
use super::body::Body;
use super::error::{ApiError, Code, FaultCode};
use super::openapi::{Operation, Tag};
use crate::domain::ids::PostId;
use crate::flow::operator_word::ResolveReply;

/// The longest note of an operator, in characters.
pub const NOTE_LENGTH_MAX: usize = 500;

/// What became of the post, as the operator found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Finding {
    Accepted,
    Rejected,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Resolution {
    result: Finding,
    /// Kept in the decision record.
    #[serde(default)]
    #[schemars(length(max = 500))]
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Resolved {
    post_id: PostId,
    outcome: &'static str,
}

/// `POST /v1/posts/{post_id}/resolve`: settles a post whose fate is unknown.
pub(super) async fn resolve(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let post_id = PostId::parse(&path).map_err(|_| ApiError::not_found())?;
    let Resolution { result, note } = body.parse()?;
    check_note(note.as_deref())?;
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id;
    let reply = api
        .ask(async move {
            let is_accepted = result == Finding::Accepted;
            exchange.resolve_post(post_id, is_accepted, note, actor.as_str()).await
        })
        .await?;
    match reply {
        ResolveReply::Resolved { outcome } => {
            Ok(HttpResponse::Ok().json(Resolved { post_id, outcome }))
        }
        ResolveReply::AlreadyResolved { outcome } => {
            let detail = format!("The post is `{outcome}` already; that stands.");
            Err(ApiError::new(Code::AlreadyResolved, detail))
        }
        ResolveReply::Unknown => Err(ApiError::not_found()),
    }
}

/// What [`resolve`] is to whoever reads the document of the API.
pub(super) fn resolve_operation() -> Operation {
    Operation::new(Tag::Posts, "resolvePost", "Settle a post whose fate is unknown")
        .says("An operator's word on a post, after somebody asked the buyer.")
        .body::<Resolution>()
        .answers::<Resolved>(200, "The post's outcome.")
        .fails(&[Code::AlreadyResolved, Code::Overloaded, Code::StoreUnavailable])
        .fails(&[Code::RecordsUnavailable])
}

/// Refuses a note that is too long.
///
/// # Errors
/// [`Code::InvalidRequest`].
pub(super) fn check_note(note: Option<&str>) -> Result<(), ApiError> {
    if note.is_some_and(|note| note.chars().count() > NOTE_LENGTH_MAX) {
        let detail = format!("The note has more than {NOTE_LENGTH_MAX} characters.");
        return Err(ApiError::at("/note", FaultCode::TooLong, detail));
    }
    Ok(())
}
