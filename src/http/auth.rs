//! Who is calling: from `Authorization: Bearer <key>` to a [`Principal`].
//!
//! A key's text is checked offline first, then looked up by its id and compared by its keyed
//! digest. An unknown id, a wrong secret, a revoked and an expired key are one answer, at one cost:
//! whoever tries keys out learns nothing from either. Failures are counted per address and per key
//! id ([`FailureLimits`]). What a principal may call is said in the table of routes, and what it
//! may see is asked of the exchange by its id.

mod failures;
mod rates;
mod recent;
mod signature;

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use jiff::Timestamp;

use super::error::{ApiError, Code};
use super::headers;
use crate::domain::key::{ApiKey, KeyId, KeyMode, KeyRecord, Role};
use crate::domain::party::Party;
use crate::domain::slug::{BuyerId, VendorId};
use crate::vault::Vault;

pub use failures::{FAILURE_WINDOW_S, FailureLimits};
pub use rates::RequestRates;
pub use signature::{SEEN_IDS_MAX, SEEN_IDS_SPAN_MIN_S, SeenIds, SignatureCheck, SignedRequest};

/// Whoever holds the key of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A vendor.
    Vendor(VendorId),
    /// A buyer.
    Buyer(BuyerId),
    /// An operator of the exchange.
    Operator,
}

impl Holder {
    /// What the holder is to the exchange.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Vendor(_) => Role::Vendor,
            Self::Buyer(_) => Role::Buyer,
            Self::Operator => Role::Operator,
        }
    }

    /// The vendor or buyer whose things the key reaches; an operator reaches everybody's.
    #[must_use]
    pub fn party(&self) -> Option<Party> {
        match self {
            Self::Vendor(vendor) => Some(Party::Vendor(vendor.clone())),
            Self::Buyer(buyer) => Some(Party::Buyer(buyer.clone())),
            Self::Operator => None,
        }
    }

    /// The holder of a key record; `None` if its owner is not a slug, which only a damaged record
    /// can bring.
    fn of(record: &KeyRecord) -> Option<Self> {
        match record.role {
            Role::Vendor => VendorId::parse(&record.owner).ok().map(Self::Vendor),
            Role::Buyer => BuyerId::parse(&record.owner).ok().map(Self::Buyer),
            Role::Operator => Some(Self::Operator),
        }
    }
}

/// The caller of a request, as its key proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who holds the key.
    pub holder: Holder,
    /// The key's public name.
    pub key_id: KeyId,
    /// Whether what is done with the key counts.
    pub mode: KeyMode,
    /// Whether unknown fields refuse a lead.
    pub is_strict: bool,
    /// Whether each request needs a signature.
    pub must_sign: bool,
}

impl Principal {
    /// The vendor, if the holder is one.
    ///
    /// # Errors
    /// [`Code::Internal`]: the table of routes let another role in.
    pub fn vendor(&self) -> Result<&VendorId, ApiError> {
        match &self.holder {
            Holder::Vendor(vendor) => Ok(vendor),
            other => Err(ApiError::internal(format!("a {} on a vendor's route", other.role()))),
        }
    }
}

/// Hands a handler the caller that the gate has let in.
impl FromRequest for Principal {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let principal = request.extensions().get::<Self>().cloned();
        ready(principal.ok_or_else(|| ApiError::internal("the route lets anybody in")))
    }
}

/// What the check of a key needs beside the request's headers.
pub(super) struct KeyCheck<'a> {
    /// Compares secrets.
    pub vault: &'a Vault,
    /// Counts failures.
    pub failures: &'a FailureLimits,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// The present.
    pub now: Timestamp,
}

/// Says who is calling, by the request's `Authorization` header.
///
/// # Errors
/// [`Code::Unauthorized`] with one body for every reason, [`Code::RateLimited`] in its place once
/// there were too many, and [`Code::MalformedRequest`] for a repeated header.
pub(super) fn authenticate<'a>(
    headers: &HeaderMap,
    check: &KeyCheck<'_>,
    find: impl FnOnce(KeyId) -> Option<&'a KeyRecord>,
) -> Result<Principal, ApiError> {
    let value = headers::single(headers, &AUTHORIZATION)?;
    authenticate_text(value.and_then(bearer), check, find)
}

/// Says who is calling, by the text of a key, wherever it stood.
///
/// # Errors
/// As [`authenticate`], but for the header.
pub(super) fn authenticate_text<'a>(
    text: Option<&str>,
    check: &KeyCheck<'_>,
    find: impl FnOnce(KeyId) -> Option<&'a KeyRecord>,
) -> Result<Principal, ApiError> {
    let Some(key) = text.and_then(|text| ApiKey::parse(text).ok()) else {
        return Err(check.fail(None));
    };
    let record = find(key.key_id());
    // An unknown id costs the same comparison as a known one.
    let digest = record.map_or(&[0; 32], |record| &record.digest);
    let has_secret = check.vault.api_key_matches(key.secret(), digest);
    let Some(record) = record.filter(|record| has_secret && is_same(record, &key)) else {
        return Err(check.fail(Some(key.key_id())));
    };
    if !record.is_live(check.now) {
        // Whoever knows the secret is not trying keys out, but has missed a rotation.
        return Err(unauthorized());
    }
    let holder = Holder::of(record)
        .ok_or_else(|| ApiError::internal(format!("key {} has no owner", record.key_id)))?;
    Ok(Principal {
        holder,
        key_id: record.key_id,
        mode: record.mode,
        is_strict: record.strict,
        must_sign: record.require_signature,
    })
}

/// The digest covers the secret alone: role and mode in the text must be the record's too.
fn is_same(record: &KeyRecord, key: &ApiKey) -> bool {
    record.role == key.role() && record.mode == key.mode()
}

/// The credentials of a `Bearer` header (RFC 6750); the scheme's case does not matter.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, credentials) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim_start_matches(' '))
}

impl KeyCheck<'_> {
    /// Counts a failure and makes the answer to it.
    pub(super) fn fail(&self, key_id: Option<KeyId>) -> ApiError {
        match self.failures.count(self.address, key_id, self.now) {
            Some(seconds) => {
                ApiError::new(Code::RateLimited, "Too many requests with keys that do not work.")
                    .retry_after(seconds)
            }
            None => unauthorized(),
        }
    }
}

fn unauthorized() -> ApiError {
    ApiError::new(Code::Unauthorized, "Send `Authorization: Bearer <key>` with a key that works.")
}

#[cfg(test)]
mod tests;
