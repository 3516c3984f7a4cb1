//! API keys: operators make, list and revoke them. A key and its signing secret are shown once.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Api;
use super::auth::Principal;
use super::body::Body;
use super::error::{ApiError, Code, FaultCode};
use super::openapi::{Operation, Tag};
use super::paging::{List, Page};
use crate::domain::key::{KeyId, KeyMode, KeyRecord, Role};
use crate::domain::schema::UtcTime;
use crate::flow::administer::KeyOrder;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyRequest {
    /// What its holder may do.
    role: Role,
    /// The vendor or buyer that holds it; an operator's key has none.
    #[serde(default)]
    owner: String,
    /// Whether what is done with it is only a test; an operator's key cannot be one.
    #[serde(default)]
    test: bool,
    /// Whether unknown fields refuse a lead.
    #[serde(default)]
    strict: bool,
    /// Whether each request needs a signature.
    #[serde(default)]
    require_signature: bool,
    /// When it stops working by itself.
    #[serde(default)]
    #[schemars(with = "Option<UtcTime>")]
    expires_at: Option<Timestamp>,
}

/// What is shown once.
// It has no `Debug`.
#[derive(Serialize, JsonSchema)]
struct IssuedKey<'a> {
    key_id: KeyId,
    /// The whole key.
    key: &'a str,
    /// What requests are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<&'a str>,
}

/// `POST /v1/keys`: makes a key.
pub(super) async fn create(
    api: web::Data<Api>,
    principal: Principal,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let request: KeyRequest = body.parse()?;
    if request.expires_at.is_some_and(|end| end <= api.exchange.clock().now()) {
        return Err(ApiError::at(
            "/expires_at",
            FaultCode::InPast,
            "The key would have ended already.",
        ));
    }
    let order = KeyOrder {
        role: request.role,
        owner: request.owner,
        mode: if request.test { KeyMode::Test } else { KeyMode::Live },
        strict: request.strict,
        require_signature: request.require_signature,
        expires_at: request.expires_at,
    };
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id;
    let made = api
        .ask(async move { exchange.administration().create_key(&order, actor.as_str()).await })
        .await?;
    let signing_secret = made.signing_secret.as_deref().map(String::as_str);
    let issued = IssuedKey { key_id: made.key_id, key: &made.key, signing_secret };
    Ok(HttpResponse::Created().json(issued))
}

/// What [`create`] is to whoever reads the document of the API.
pub(super) fn create_operation() -> Operation {
    Operation::new(Tag::Keys, "createKey", "Make a key")
        .says("The key, and its signing secret if it has one, are shown this once.")
        .body::<KeyRequest>()
        .answers::<IssuedKey<'_>>(201, "The key.")
        .fails(&[Code::RegistryChanged, Code::RecordsUnavailable])
}

/// What [`list`] is to whoever reads the document of the API.
pub(super) fn list_operation() -> Operation {
    Operation::new(Tag::Keys, "listKeys", "List the keys")
        .says("Every key, revoked ones included, in the order of their ids; no secret of any.")
        .lists()
        .answers::<List<KeyView>>(200, "One page of keys.")
}

/// What [`revoke`] is to whoever reads the document of the API.
pub(super) fn revoke_operation() -> Operation {
    Operation::new(Tag::Keys, "revokeKey", "Revoke a key")
        .says("For good, on every node within seconds; a key that is revoked stays so.")
        .answers_nothing(204, "The key is revoked.")
        .fails(&[Code::RegistryChanged, Code::RecordsUnavailable])
}

/// A key, as operators see it: all that is kept but the digest.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct KeyView {
    key_id: KeyId,
    role: Role,
    owner: String,
    test: bool,
    strict: bool,
    require_signature: bool,
    #[schemars(with = "UtcTime")]
    created_at: Timestamp,
    #[schemars(with = "Option<UtcTime>")]
    revoked_at: Option<Timestamp>,
    #[schemars(with = "Option<UtcTime>")]
    expires_at: Option<Timestamp>,
}

impl KeyView {
    fn of(record: &KeyRecord) -> Self {
        Self {
            key_id: record.key_id,
            role: record.role,
            owner: record.owner.clone(),
            test: record.mode == KeyMode::Test,
            strict: record.strict,
            require_signature: record.require_signature,
            created_at: record.created_at,
            revoked_at: record.revoked_at,
            expires_at: record.expires_at,
        }
    }
}

/// `GET /v1/keys`: the keys, revoked ones included, in the order of their ids.
pub(super) async fn list(
    api: web::Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let page = Page::of(&request)?;
    let snapshot = api.exchange.snapshot();
    let keys = snapshot.keys.values().map(|entry| KeyView::of(&entry.record));
    Ok(HttpResponse::Ok().json(page.cut(keys, |key| key.key_id.to_string())))
}

/// `DELETE /v1/keys/{key_id}`: revokes a key for good; one that is revoked stays so.
pub(super) async fn revoke(
    api: web::Data<Api>,
    principal: Principal,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let key_id = KeyId::parse(&path).map_err(|_| ApiError::not_found())?;
    let exchange = Arc::clone(&api.exchange);
    let actor = principal.key_id;
    api.ask(async move { exchange.administration().revoke_key(key_id, actor.as_str()).await })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
