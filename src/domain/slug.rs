//! Slugs: the names people give to vendors, buyers, campaigns, verticals, trees and profiles.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest slug, in bytes.
pub const SLUG_LENGTH_MAX: usize = 63;

/// Why a text is not a slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a slug: 1 to 63 characters of a-z, 0-9, `-` and `_`, starting with a letter or digit"
)]
pub struct InvalidSlug {
    /// The text as given, cut to 80 characters.
    pub text: String,
}

fn check(text: &str) -> Result<(), InvalidSlug> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let starts_well = text.bytes().next().is_some_and(plain);
    let all_allowed = text.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'_');
    if starts_well && all_allowed && text.len() <= SLUG_LENGTH_MAX {
        return Ok(());
    }
    Err(InvalidSlug { text: text.chars().take(80).collect() })
}

/// The shared representation: cheap to clone, compared by text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Text(Arc<str>);

/// A slug of kind `K`, so that a buyer is never passed for a campaign; use the aliases below.
pub struct Slug<K>(Text, std::marker::PhantomData<fn() -> K>);

impl<K> Slug<K> {
    /// Takes `text` if it is `[a-z0-9][a-z0-9_-]{0,62}`.
    ///
    /// # Errors
    /// [`InvalidSlug`] with the text, which is never a consumer's data.
    pub fn parse(text: &str) -> Result<Self, InvalidSlug> {
        check(text)?;
        Ok(Self(Text(Arc::from(text)), std::marker::PhantomData))
    }

    /// The slug's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.0
    }
}

impl<K> Clone for Slug<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), std::marker::PhantomData)
    }
}
impl<K> PartialEq for Slug<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Slug<K> {}
impl<K> PartialOrd for Slug<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Slug<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> std::hash::Hash for Slug<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> std::borrow::Borrow<str> for Slug<K> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}
impl<K> fmt::Display for Slug<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
impl<K> fmt::Debug for Slug<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), out)
    }
}
impl<K> std::str::FromStr for Slug<K> {
    type Err = InvalidSlug;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
impl<K> Serialize for Slug<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
impl<'de, K> Deserialize<'de> for Slug<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Marks the slugs of vendors.
pub enum OfVendor {}
/// Marks the slugs of buyers.
pub enum OfBuyer {}
/// Marks the slugs of campaigns.
pub enum OfCampaign {}
/// Marks the slugs of verticals.
pub enum OfVertical {}
/// Marks the slugs of integration profiles.
pub enum OfProfile {}

/// A vendor's slug.
pub type VendorId = Slug<OfVendor>;
/// A buyer's slug.
pub type BuyerId = Slug<OfBuyer>;
/// A campaign's slug, unique in the exchange.
pub type CampaignId = Slug<OfCampaign>;
/// A vertical's slug; the ping tree of a vertical has the same one.
pub type VerticalId = Slug<OfVertical>;
/// A profile's slug.
pub type ProfileId = Slug<OfProfile>;
