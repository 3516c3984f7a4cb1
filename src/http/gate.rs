//! The gate before each handler: key, role, body, signature, in this order.
//!
//! Nothing of a body is read before the key is known to work, so that strangers cost little; the
//! signature covers the body, so it comes last. What the table of routes does not allow does not
//! reach a handler.

use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse};
use jiff::Timestamp;

use super::Api;
use super::auth::{self, KeyCheck, Principal, SignatureCheck, SignedRequest};
use super::body::{self, Accepts, Body, BodyLimits};
use super::error::{ApiError, Code};
use super::idempotency;
use super::inbound;
use super::request_id::api_of;
use super::routes::{Access, Route};
use crate::domain::key::{KeyId, KeyRecord, Role};
use crate::domain::profile::CASE_BYTES_MAX;
use crate::intake::document::{self, DocumentLimits};
use crate::integration::PROFILE_BYTES_MAX;
use crate::registry::snapshot::Snapshot;

/// The largest body of a whole registry, in bytes.
pub const REGISTRY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The largest body of a profile with its cases, in bytes.
pub const PROFILE_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The largest body in which a vendor's key stands, in bytes: it is read and parsed before anybody
/// knows whose it is.
pub const KEY_IN_BODY_BYTES_MAX: usize = 65_536;

/// The most keys, and the most values, of a whole registry.
pub const REGISTRY_KEYS_MAX: usize = 500_000;

/// Lets a request through to `route`'s handler, or answers in its place.
pub(super) async fn pass(
    route: &'static Route,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match admit(route, &mut request).await {
        Ok(()) => next.call(request).await,
        Err(error) => {
            // Not `request.into_response`, which forgets the error that the outermost layer needs.
            let (request, _) = request.into_parts();
            Ok(ServiceResponse::new(request, HttpResponse::from_error(error)))
        }
    }
}

async fn admit(route: &Route, request: &mut ServiceRequest) -> Result<(), ApiError> {
    let api = api_of(request)?;
    if route.is_by_profile() {
        return inbound::admit(&api, route, request).await;
    }
    let principal = match route.access {
        Access::Everybody => None,
        Access::Roles(_) => Some(identify(&api, request)?),
    };
    if let Some(principal) = &principal {
        // Noted first, so that the log has the key of a request that is refused, too.
        request.extensions_mut().insert(principal.clone());
        check_role(route, principal)?;
        check_changes(&api, route, principal)?;
    }
    let body = match route.accepts {
        Accepts::Nothing => None,
        accepts => {
            let payload = request.take_payload();
            let limits = body_limits(&api, accepts);
            let body = body::read(request.head(), payload, accepts, limits).await?;
            check_shape(&api, accepts, &body)?;
            Some(body)
        }
    };
    if let Some(principal) = principal.filter(|principal| principal.must_sign) {
        let bytes = body.as_ref().map_or(&[][..], |body| &body.bytes);
        check_signature(&api, request, &principal, bytes)?;
    }
    if let Some(body) = body {
        request.extensions_mut().insert(body.read_as(route.accepts));
    }
    Ok(())
}

/// Refuses a key whose role may not call the route.
pub(super) fn check_role(route: &Route, principal: &Principal) -> Result<(), ApiError> {
    let role = principal.holder.role();
    if route.admits(role) {
        return Ok(());
    }
    let detail = format!("This route is not for keys of the role {role}.");
    Err(ApiError::new(Code::WrongRole, detail))
}

/// Says who is calling, by the key in the request's header, and counts the request.
pub(super) fn identify(api: &Api, request: &ServiceRequest) -> Result<Principal, ApiError> {
    let snapshot = api.exchange.snapshot();
    let check = key_check(api, request);
    let find = |key_id| record_of(&snapshot, key_id);
    let principal = auth::authenticate(request.headers(), &check, find)?;
    counted(api, principal, check.now)
}

/// The same by the text of a key, wherever it stood.
pub(super) fn identify_by(
    api: &Api,
    request: &ServiceRequest,
    key: Option<&str>,
) -> Result<Principal, ApiError> {
    let snapshot = api.exchange.snapshot();
    let check = key_check(api, request);
    let find = |key_id| record_of(&snapshot, key_id);
    let principal = auth::authenticate_text(key, &check, find)?;
    counted(api, principal, check.now)
}

/// Counts a request that told no key as one with a wrong key, and makes the answer to it.
pub(super) fn refuse_stranger(api: &Api, request: &ServiceRequest) -> ApiError {
    key_check(api, request).fail(None)
}

fn key_check<'a>(api: &'a Api, request: &ServiceRequest) -> KeyCheck<'a> {
    KeyCheck {
        vault: api.exchange.vault(),
        failures: &api.failures,
        address: request.peer_addr().map(|peer| peer.ip()),
        now: api.exchange.clock().now(),
    }
}

fn record_of(snapshot: &Snapshot, key_id: KeyId) -> Option<&KeyRecord> {
    let entry = snapshot.keys.get(&key_id)?;
    is_owned(snapshot, &entry.record).then_some(&entry.record)
}

fn counted(api: &Api, principal: Principal, now: Timestamp) -> Result<Principal, ApiError> {
    match api.rates.take(&principal.key_id, now) {
        Ok(()) => Ok(principal),
        Err(seconds) => {
            let detail = "Too many requests with this key.";
            Err(ApiError::new(Code::RateLimited, detail).retry_after(seconds))
        }
    }
}

/// Counts a change of the registry by its owner, whichever key it comes with: every change is kept
/// for ever and read by every node.
fn check_changes(api: &Api, route: &Route, principal: &Principal) -> Result<(), ApiError> {
    let Some(owner) = principal.holder.party().filter(|_| route.changes_registry) else {
        return Ok(());
    };
    api.changes.take(&owner, api.exchange.clock().now()).map_err(|seconds| {
        let detail = "Too many changes of the registry in a short time; nothing was changed.";
        ApiError::new(Code::TooManyChanges, detail).retry_after(seconds)
    })
}

/// Whether the key's owner is in use: the keys of an archived vendor or buyer are as none.
fn is_owned(snapshot: &Snapshot, record: &KeyRecord) -> bool {
    match record.role {
        Role::Vendor => snapshot.vendors.contains_key(record.owner.as_str()),
        Role::Buyer => snapshot.buyers.contains_key(record.owner.as_str()),
        Role::Operator => true,
    }
}

/// Refuses a JSON body that is nested too deeply, has a key twice, or is otherwise beyond the limits
/// of any body. Bodies that may be forms are read within the same limits by intake.
fn check_shape(api: &Api, accepts: Accepts, body: &Body) -> Result<(), ApiError> {
    let of_any = DocumentLimits::from(api.exchange.limits());
    // A file's text is one value.
    let string_bytes = of_any.string_bytes.max(CASE_BYTES_MAX).max(PROFILE_BYTES_MAX);
    let of_texts = DocumentLimits { string_bytes, ..of_any };
    let limits = match accepts {
        Accepts::Nothing | Accepts::JsonOrForm | Accepts::ByProfile => return Ok(()),
        Accepts::OptionalJson if body.bytes.is_empty() => return Ok(()),
        Accepts::Json | Accepts::OptionalJson => of_any,
        Accepts::RegistryJson => DocumentLimits {
            body_bytes: REGISTRY_BYTES_MAX,
            keys: REGISTRY_KEYS_MAX,
            values: REGISTRY_KEYS_MAX,
            ..of_texts
        },
        Accepts::ProfileJson => DocumentLimits { body_bytes: PROFILE_BODY_BYTES_MAX, ..of_texts },
    };
    document::parse(body.kind, &body.bytes, &limits)?;
    Ok(())
}

pub(super) fn body_limits(api: &Api, accepts: Accepts) -> BodyLimits {
    let limits = api.exchange.limits();
    let bytes_max = match accepts {
        Accepts::RegistryJson => REGISTRY_BYTES_MAX,
        Accepts::ProfileJson => PROFILE_BODY_BYTES_MAX,
        Accepts::Nothing
        | Accepts::Json
        | Accepts::OptionalJson
        | Accepts::JsonOrForm
        | Accepts::ByProfile => limits.body_bytes_max,
    };
    BodyLimits { bytes_max, timeout: Duration::from_millis(limits.body_timeout_ms) }
}

pub(super) fn check_signature(
    api: &Api,
    request: &ServiceRequest,
    principal: &Principal,
    body: &[u8],
) -> Result<(), ApiError> {
    let snapshot = api.exchange.snapshot();
    let entry = snapshot.keys.get(&principal.key_id);
    let Some(keys) = entry.and_then(|entry| entry.signing.as_ref()) else {
        let cause = format!("key {} must sign and has no signing secret", principal.key_id);
        return Err(ApiError::internal(cause));
    };
    let key = idempotency::key_of(request.headers())?;
    let signed = SignedRequest {
        key_id: principal.key_id,
        method: request.method(),
        path: request.path(),
        idempotency_key: key.as_deref(),
        body,
    };
    let tolerance_s = i64::try_from(api.exchange.limits().signature_tolerance_s);
    let check = SignatureCheck {
        keys,
        now: api.exchange.clock().now(),
        tolerance_s: tolerance_s.unwrap_or(i64::MAX),
    };
    api.seen_ids.check(request.headers(), &signed, &check)
}
