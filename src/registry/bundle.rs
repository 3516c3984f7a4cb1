//! What somebody wants the registry to hold: objects as described, and secrets given along.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::profile::ProfileSecret;
use crate::domain::buyer::Buyer;
use crate::domain::campaign::Campaign;
use crate::domain::profile::ProfileFiles;
use crate::domain::slug::{BuyerId, CampaignId, ProfileId, VendorId, VerticalId};
use crate::domain::tree::Tree;
use crate::domain::vendor::Vendor;
use crate::domain::vertical::Vertical;
use crate::signing::{InvalidSecret, SigningSecret};

/// Objects to be applied to a registry.
// It travels as JSON from the command line to the server. It has no `Debug`, because it may hold
// secrets.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bundle {
    /// Product lines.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub verticals: BTreeMap<VerticalId, Vertical>,
    /// Vendors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vendors: BTreeMap<VendorId, Vendor>,
    /// Buyers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub buyers: BTreeMap<BuyerId, Buyer>,
    /// Campaigns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub campaigns: BTreeMap<CampaignId, Campaign>,
    /// Ping trees.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub trees: BTreeMap<VerticalId, Tree>,
    /// Integration profiles.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<ProfileId, ProfileFiles>,
    /// Secrets the campaigns shall sign with. A campaign not named here keeps the one it has, or
    /// gets a new one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<CampaignId, SecretText>,
    /// Secrets that campaigns give for their profiles, by their names. One not given here stays as it
    /// is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub profile_secrets: BTreeMap<CampaignId, BTreeMap<String, ProfileSecret>>,
}

/// A signing secret that is written out as its text, `whsec_...`. It has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(pub SigningSecret);

impl SecretText {
    /// Reads `whsec_<padded base64>`.
    ///
    /// # Errors
    /// [`InvalidSecret`], which holds nothing of the text.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        SigningSecret::parse(text).map(Self)
    }
}

impl JsonSchema for SecretText {
    fn schema_name() -> Cow<'static, str> {
        "SigningSecret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A secret of Standard Webhooks: `whsec_` and base64 of 24 to 64 bytes.",
            "pattern": "^whsec_[0-9A-Za-z+/]+={0,2}$",
        })
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
