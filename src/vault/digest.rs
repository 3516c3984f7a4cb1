//! Keyed digests: names for things that must be found again but not be read.
//!
//! Each kind of digest has a key of its own, so equal inputs of two kinds share nothing. The
//! values are kept for years: the tests pin them.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::derive::{feed_parts, keyed, subkey};
use super::{MasterKey, Vault};
use crate::domain::ids::{EndpointId, LeadId};
use crate::domain::pii::Pii;
use crate::domain::slug::{BuyerId, CampaignId, VendorId};

/// The key of one kind of digest, its first block computed.
struct DigestKey(Hmac<Sha256>);

impl DigestKey {
    fn of(master: &MasterKey, purpose: &str) -> Self {
        Self(keyed(&subkey(master, purpose)))
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        feed_parts(parts, |bytes| mac.update(bytes));
        mac.finalize().into_bytes().into()
    }
}

/// The keys of all kinds of digests.
pub(super) struct DigestKeys {
    idempotency: DigestKey,
    automatic: DigestKey,
    fingerprint: DigestKey,
    post: DigestKey,
    duplicate: DigestKey,
    pseudonym: DigestKey,
    tie: DigestKey,
    api_key: DigestKey,
    install: DigestKey,
    event: DigestKey,
    outcome: DigestKey,
}

impl DigestKeys {
    pub(super) fn of(master: &MasterKey) -> Self {
        Self {
            idempotency: DigestKey::of(master, "idempotency-key"),
            automatic: DigestKey::of(master, "automatic-key"),
            fingerprint: DigestKey::of(master, "fingerprint"),
            post: DigestKey::of(master, "post"),
            duplicate: DigestKey::of(master, "duplicate"),
            pseudonym: DigestKey::of(master, "pseudonym"),
            tie: DigestKey::of(master, "tie"),
            api_key: DigestKey::of(master, "api-key"),
            install: DigestKey::of(master, "install"),
            event: DigestKey::of(master, "event"),
            outcome: DigestKey::of(master, "outcome"),
        }
    }
}

/// The first `N` bytes of a digest.
fn head<const N: usize>(digest: &[u8; 32]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&digest[..N]);
    bytes
}

fn lower_hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).expect("four bits are a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl Vault {
    /// The name of an explicit idempotency key: the same key of another vendor or route is another
    /// name (PROTOCOL a2).
    #[must_use]
    pub fn key_digest(&self, vendor: &VendorId, route: &str, idempotency_key: &str) -> [u8; 32] {
        let parts = [vendor.as_str().as_bytes(), route.as_bytes(), idempotency_key.as_bytes()];
        self.digests.idempotency.digest(&parts)
    }

    /// The name of a request that brought no idempotency key, from its [`Vault::fingerprint`].
    ///
    /// No explicit key can be chosen so that it gets the same name.
    #[must_use]
    pub fn automatic_key_digest(
        &self,
        vendor: &VendorId,
        route: &str,
        fingerprint: &[u8; 32],
    ) -> [u8; 32] {
        let parts: [&[u8]; 3] = [vendor.as_str().as_bytes(), route.as_bytes(), fingerprint];
        self.digests.automatic.digest(&parts)
    }

    /// What tells whether two requests under one key have the same canonical body.
    #[must_use]
    pub fn fingerprint<T: AsRef<[u8]>>(&self, canonical_body: &Pii<T>) -> [u8; 32] {
        self.digests.fingerprint.digest(&[canonical_body.expose().as_ref()])
    }

    /// The 128 bits of a `PostId`: a repeat by any node, at any time, finds the same id.
    ///
    /// `seat` counts from 1.
    #[must_use]
    pub fn post_digest(&self, lead: LeadId, seat: u8, campaign: &CampaignId) -> u128 {
        let parts: [&[u8]; 3] = [&lead.to_bytes(), &[seat], campaign.as_str().as_bytes()];
        u128::from_be_bytes(head(&self.digests.post.digest(&parts)))
    }

    /// The 128 bits of an `EventId`: which part of a lead's decision record told it, its place
    /// among what that part tells, and where it goes.
    #[must_use]
    pub fn event_digest(
        &self,
        lead: LeadId,
        (part, place): (u32, u32),
        endpoint: EndpointId,
    ) -> u128 {
        let (part, place) = (part.to_be_bytes(), place.to_be_bytes());
        let endpoint = endpoint.bits().to_be_bytes();
        let parts: [&[u8]; 5] = [b"lead", &lead.to_bytes(), &part, &place, &endpoint];
        u128::from_be_bytes(head(&self.digests.event.digest(&parts)))
    }

    /// The 128 bits of an `EventId` that tells of the endpoint `about`, at most one a `day`.
    #[must_use]
    pub fn endpoint_event_digest(&self, about: EndpointId, day: i64, endpoint: EndpointId) -> u128 {
        let (about, endpoint) = (about.bits().to_be_bytes(), endpoint.bits().to_be_bytes());
        let parts: [&[u8]; 4] = [b"endpoint", &about, &day.to_be_bytes(), &endpoint];
        u128::from_be_bytes(head(&self.digests.event.digest(&parts)))
    }

    /// The 128 bits of an `OutcomeId`: a repeat of the report finds the same one.
    #[must_use]
    pub fn outcome_digest(&self, lead: LeadId, buyer: &BuyerId, idempotency_key: &str) -> u128 {
        let parts: [&[u8]; 3] =
            [&lead.to_bytes(), buyer.as_str().as_bytes(), idempotency_key.as_bytes()];
        u128::from_be_bytes(head(&self.digests.outcome.digest(&parts)))
    }

    /// The name of a duplicate claim on one normalized value (a phone, an address) within `scope`.
    ///
    /// Only the key keeps a phone number from being found by trying all of them (PROTOCOL 0.9).
    #[must_use]
    pub fn duplicate_digest<T: AsRef<str>>(&self, scope: &str, normalized: &Pii<T>) -> [u8; 32] {
        let value = normalized.expose().as_ref();
        self.digests.duplicate.digest(&[scope.as_bytes(), value.as_bytes()])
    }

    /// What `buyer` sees instead of `value`: always the same text for it, and another text for
    /// every other buyer, so that two buyers cannot join what they know. 32 hexadecimal digits.
    #[must_use]
    pub fn pseudonym(&self, buyer: &BuyerId, kind: &str, value: &str) -> String {
        let parts = [buyer.as_str().as_bytes(), kind.as_bytes(), value.as_bytes()];
        let digest = self.digests.pseudonym.digest(&parts);
        lower_hex(&digest[..16])
    }

    /// The pseudonym of a vendor: `source_ref` in a ping.
    #[must_use]
    pub fn source_ref(&self, buyer: &BuyerId, vendor: &VendorId) -> String {
        self.pseudonym(buyer, "source", vendor.as_str())
    }

    /// The pseudonym of a vendor's sub-source: `sub_ref` in a ping. The same sub id of two vendors
    /// is two sub-sources.
    #[must_use]
    pub fn sub_ref(&self, buyer: &BuyerId, vendor: &VendorId, sub_id: &str) -> String {
        // A slug has no space, so vendor and sub id cannot run into each other.
        self.pseudonym(buyer, "sub", &format!("{vendor} {sub_id}"))
    }

    /// What decides between equal bids for a lead: fair over many leads, the same on every run and
    /// node, and known to no bidder.
    #[must_use]
    pub fn tie_key(&self, lead: LeadId, campaign: &CampaignId) -> u64 {
        let parts: [&[u8]; 2] = [&lead.to_bytes(), campaign.as_str().as_bytes()];
        u64::from_be_bytes(head(&self.digests.tie.digest(&parts)))
    }

    /// What is kept of an API key's secret (PROTOCOL S3). A fast digest is enough, since the
    /// secret has 256 random bits.
    #[must_use]
    pub fn api_key_digest(&self, secret: &str) -> [u8; 32] {
        self.digests.api_key.digest(&[secret.as_bytes()])
    }

    /// Whether `digest` is that of `secret`; the time taken tells nothing about either.
    #[must_use]
    pub fn api_key_matches(&self, secret: &str, digest: &[u8; 32]) -> bool {
        self.api_key_digest(secret).ct_eq(digest).into()
    }

    /// A public mark of the master key, for stores to keep: a node with another key file has
    /// another mark and must not use the store.
    #[must_use]
    pub fn install_mark(&self) -> [u8; 16] {
        head(&self.digests.install.digest(&[]))
    }
}

#[cfg(test)]
mod tests;
