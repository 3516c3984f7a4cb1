//! API keys: who holds one, what it looks like, and what the exchange keeps of it.
//!
//! A key's text is known to its holder alone; the exchange keeps a [`KeyRecord`] with a keyed
//! digest of the secret. This module forms and reads keys and says when a record is live. It does
//! not compute digests (`vault` holds the pepper) and does not know where records are kept.

mod api_key;
mod base62;

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use api_key::{ApiKey, InvalidKey, KEY_RANDOM_BYTES, KEY_SECRET_LENGTH};

/// Base62 digits of a [`KeyId`].
pub const KEY_ID_LENGTH: usize = 8;

/// What the holder of a key is to the exchange, and so which routes it may call.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Submits leads and reads its own.
    Vendor,
    /// Bids, and reads the seats it bought.
    Buyer,
    /// Runs the exchange.
    Operator,
}

impl Role {
    /// The role as it stands in a key, in JSON and in commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Buyer => "buyer",
            Self::Operator => "operator",
        }
    }

    /// Reads what [`Role::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Vendor, Self::Buyer, Self::Operator].into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Whether what is done with a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyMode {
    /// Real leads and real money.
    Live,
    /// Everything runs, outside caps, money and reports.
    Test,
}

impl KeyMode {
    /// The mode as it stands in a key and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Reads what [`KeyMode::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Live, Self::Test].into_iter().find(|mode| mode.as_str() == text)
    }
}

impl fmt::Display for KeyMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The text is not 8 base62 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 8 letters and digits")]
pub struct InvalidKeyId;

/// The public name of a key: 8 base62 digits, in lists, logs and `gavel key revoke`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KEY_ID_LENGTH]);

impl KeyId {
    /// Reads 8 base62 digits.
    ///
    /// # Errors
    /// [`InvalidKeyId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyId> {
        let digits = text.as_bytes().try_into().map_err(|_| InvalidKeyId)?;
        if base62::is_base62(text.as_bytes()) { Ok(Self(digits)) } else { Err(InvalidKeyId) }
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a key id is made of ASCII letters and digits only")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
impl std::str::FromStr for KeyId {
    type Err = InvalidKeyId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The owner of every operator key.
pub const OPERATOR_OWNER: &str = "exchange";

/// What the exchange keeps of a key. The secret cannot be computed from it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The key's public name.
    pub key_id: KeyId,
    /// What its holder may do.
    pub role: Role,
    /// Whether what it does counts.
    pub mode: KeyMode,
    /// The slug of the vendor or buyer that holds it; [`OPERATOR_OWNER`] for an operator.
    pub owner: String,
    /// The keyed digest of the secret, made and compared by `vault`.
    pub digest: [u8; 32],
    /// Whether unknown fields in a lead refuse it instead of being warned about.
    pub strict: bool,
    /// Whether a request must carry a signature beside the key.
    pub require_signature: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was withdrawn, if it was.
    pub revoked_at: Option<Timestamp>,
    /// From when on it no longer works, if it was made to end.
    pub expires_at: Option<Timestamp>,
}

impl KeyRecord {
    /// Whether the key works at `now`.
    ///
    /// A revoked key is dead whatever the clock says: a node whose clock is behind the one that
    /// revoked it must not let it live on. It stops working at the very instant it expires.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// Everything but the digest, which has no business in a log.
impl fmt::Debug for KeyRecord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KeyRecord")
            .field("key_id", &self.key_id)
            .field("role", &self.role)
            .field("mode", &self.mode)
            .field("owner", &self.owner)
            .field("strict", &self.strict)
            .field("require_signature", &self.require_signature)
            .field("created_at", &self.created_at)
            .field("revoked_at", &self.revoked_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
