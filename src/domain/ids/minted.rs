//! Ids of 128 bits under a prefix, random or a digest: one type with a kind.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{InvalidId, TextId, deserialize_id, parse_random, write_random};

/// What a [`MintedId`] names.
pub trait MintedKind: 'static {
    /// What its texts begin with.
    const PREFIX: &'static str;
}

/// 128 bits under the prefix of their kind.
pub struct MintedId<K>(u128, PhantomData<fn() -> K>);

/// One event to one endpoint: a digest of what it tells and to whom, so that whoever derives it
/// again finds the same id. It is the `webhook-id` of every attempt.
pub type EventId = MintedId<OfEvent>;
/// Where a vendor or a buyer hears of events: random.
pub type EndpointId = MintedId<OfEndpoint>;
/// What a buyer reported of a lead it bought: a digest of the report's idempotency key.
pub type OutcomeId = MintedId<OfOutcome>;

/// See [`EventId`].
#[derive(Debug, Clone, Copy)]
pub struct OfEvent;
/// See [`EndpointId`].
#[derive(Debug, Clone, Copy)]
pub struct OfEndpoint;
/// See [`OutcomeId`].
#[derive(Debug, Clone, Copy)]
pub struct OfOutcome;

impl MintedKind for OfEvent {
    const PREFIX: &'static str = "evt_";
}
impl MintedKind for OfEndpoint {
    const PREFIX: &'static str = "ep_";
}
impl MintedKind for OfOutcome {
    const PREFIX: &'static str = "out_";
}

impl<K: MintedKind> MintedId<K> {
    /// Takes 128 random bits, or those of a digest.
    #[must_use]
    pub const fn new(bits: u128) -> Self {
        Self(bits, PhantomData)
    }

    /// The 128 bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Reads the prefix of the kind and 26 characters.
    ///
    /// # Errors
    /// [`InvalidId`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        parse_random(text, K::PREFIX).map(Self::new)
    }
}

impl<K: MintedKind> TextId for MintedId<K> {
    fn text(&self) -> String {
        write_random(K::PREFIX, self.0)
    }
    fn parse_text(text: &str) -> Result<Self, InvalidId> {
        Self::parse(text)
    }
}

impl<K> Clone for MintedId<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for MintedId<K> {}
impl<K> PartialEq for MintedId<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for MintedId<K> {}
impl<K> PartialOrd for MintedId<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for MintedId<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for MintedId<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K: MintedKind> fmt::Display for MintedId<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl<K: MintedKind> fmt::Debug for MintedId<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text())
    }
}
impl<K: MintedKind> Serialize for MintedId<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}
impl<'de, K: MintedKind> Deserialize<'de> for MintedId<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_id(deserializer)
    }
}
