//! Profiles in the registry: those that come with the program, those that were described, and what a
//! campaign gives for its own.

mod memo;
mod shipped;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::domain::profile::PROFILE_SECRET_BYTES_MAX;
use crate::integration::{Profile, SecretText};

pub use memo::ProfileMemo;
pub use shipped::{ShippedProfile, shipped, shipped_profile, shipped_profiles};

/// What a campaign speaks through, if not natively: its profile with what it gives for it.
pub struct CampaignProfile {
    /// The profile.
    pub profile: Arc<Profile>,
    /// Its settings, with those the campaign leaves to the profile.
    pub settings: BTreeMap<String, String>,
    /// Its secrets.
    pub secrets: BTreeMap<String, SecretText>,
    /// Fields without which a ping cannot be made, by their places in the vertical.
    pub ping_needs: Vec<Need>,
    /// Fields without which a post cannot be made.
    pub post_needs: Vec<Need>,
}

/// A field that a profile requires of every lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The rule that excludes a lead without it: `profile:<field>`.
    pub rule: String,
    /// Places of fields in the vertical, of which the lead needs one.
    pub places: Vec<usize>,
    /// Whether it is contact data, which a vendor's ping does not have yet.
    pub is_contact: bool,
}

/// Why a text is no secret for a profile; it holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidProfileSecret;

impl fmt::Display for InvalidProfileSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "a secret of a profile has 1 to {PROFILE_SECRET_BYTES_MAX} bytes on one line, without \
             control characters"
        )
    }
}

impl std::error::Error for InvalidProfileSecret {}

/// A secret that a campaign gives for its profile. It has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProfileSecret(Zeroizing<String>);

impl ProfileSecret {
    /// Takes a text of one line.
    ///
    /// # Errors
    /// [`InvalidProfileSecret`].
    pub fn parse(text: &str) -> Result<Self, InvalidProfileSecret> {
        let fits = (1..=PROFILE_SECRET_BYTES_MAX).contains(&text.len());
        if !fits || text.chars().any(char::is_control) {
            return Err(InvalidProfileSecret);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, to be sealed or sent.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for ProfileSecret {
    fn schema_name() -> Cow<'static, str> {
        "ProfileSecret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A secret that a buyer gave for its format.",
            "minLength": 1,
            "maxLength": PROFILE_SECRET_BYTES_MAX,
        })
    }
}

impl Serialize for ProfileSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProfileSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_of_limited_length() {
        let check = |text: &str, is_taken: bool| {
            assert_eq!(ProfileSecret::parse(text).is_ok(), is_taken, "{} bytes", text.len());
        };
        check("k", true);
        check("a key with spaces & signs", true);
        check(&"k".repeat(PROFILE_SECRET_BYTES_MAX), true);
        check("", false);
        check("two\nlines", false);
        check(&"k".repeat(PROFILE_SECRET_BYTES_MAX + 1), false);
    }
}
