//! The objects of a registry, typed, before anything is checked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::snapshot::KeyEntry;
use crate::domain::buyer::Buyer;
use crate::domain::campaign::{Campaign, CampaignState, Cap};
use crate::domain::event::Endpoint;
use crate::domain::ids::EndpointId;
use crate::domain::key::KeyId;
use crate::domain::object::ObjectKind;
use crate::domain::profile::ProfileFiles;
use crate::domain::slug::{BuyerId, CampaignId, ProfileId, VendorId, VerticalId};
use crate::domain::standing::{Endpoints, Standing};
use crate::domain::tree::Tree;
use crate::domain::vendor::Vendor;
use crate::domain::vertical::Vertical;
use crate::integration::SecretText;
use crate::signing::SigningKeys;

/// An object and whether it was archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// The object as it was described last.
    pub value: T,
    /// Whether it was taken out of use.
    pub is_archived: bool,
}

impl<T> Stored<T> {
    /// An object in use.
    pub const fn live(value: T) -> Self {
        Self { value, is_archived: false }
    }

    /// The object if it is in use.
    pub const fn as_live(&self) -> Option<&T> {
        if self.is_archived { None } else { Some(&self.value) }
    }
}

/// All objects of a registry by their slugs, archived ones included.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RegistryObjects {
    /// Product lines of this exchange's own; they go before those that come with the program.
    pub verticals: BTreeMap<VerticalId, Stored<Vertical>>,
    /// Vendors.
    pub vendors: BTreeMap<VendorId, Stored<Vendor>>,
    /// Buyers.
    pub buyers: BTreeMap<BuyerId, Stored<Buyer>>,
    /// Campaigns.
    pub campaigns: BTreeMap<CampaignId, Stored<Campaign>>,
    /// Ping trees.
    pub trees: BTreeMap<VerticalId, Stored<Tree>>,
    /// Profiles of this exchange's own; they go before those that come with the program.
    pub profiles: BTreeMap<ProfileId, Stored<ProfileFiles>>,
    /// What people set for campaigns beside their descriptions; no file holds it.
    pub standings: BTreeMap<CampaignId, Standing>,
    /// Endpoints of events; no file holds them.
    pub endpoints: BTreeMap<EndpointId, Stored<Endpoint>>,
}

impl RegistryObjects {
    /// Where a campaign stands.
    #[must_use]
    pub fn state_of(&self, id: &CampaignId, campaign: &Stored<Campaign>) -> CampaignState {
        match (campaign.as_live(), self.standings.get(id)) {
            (None, _) => CampaignState::Archived,
            (Some(campaign), Some(standing)) => standing.state_of(campaign),
            (Some(campaign), None) => Standing::default().state_of(campaign),
        }
    }

    /// A tag of an object, for telling whether it was changed meanwhile: another one after every
    /// change of it, of its standing, or of whether it is in use. `None` if there is no such object.
    #[must_use]
    pub fn tag(&self, kind: ObjectKind, id: &str) -> Option<String> {
        match kind {
            ObjectKind::Vertical => self.verticals.get(id).map(|known| tag_of(known, None)),
            ObjectKind::Vendor => self.vendors.get(id).map(|known| tag_of(known, None)),
            ObjectKind::Buyer => self.buyers.get(id).map(|known| tag_of(known, None)),
            ObjectKind::Tree => self.trees.get(id).map(|known| tag_of(known, None)),
            ObjectKind::Profile => self.profiles.get(id).map(|known| tag_of(known, None)),
            ObjectKind::Campaign => {
                let standing = self.standings.get(id);
                self.campaigns.get(id).map(|known| tag_of(known, standing))
            }
            ObjectKind::Standing | ObjectKind::EventEndpoint => None,
        }
    }

    /// The limits on what a campaign buys.
    #[must_use]
    pub fn caps_of(&self, id: &CampaignId, campaign: &Campaign) -> Vec<Cap> {
        match self.standings.get(id) {
            Some(standing) => standing.caps_of(campaign),
            None => campaign.caps.clone(),
        }
    }

    /// Where the leads of a campaign go.
    #[must_use]
    pub fn endpoints_of(&self, id: &CampaignId, campaign: &Campaign) -> Endpoints {
        match self.standings.get(id) {
            Some(standing) => standing.endpoints_of(campaign),
            None => campaign.endpoints(),
        }
    }
}

/// Hexadecimal digits of a tag.
const TAG_LENGTH: usize = 24;

fn tag_of<T: Serialize>(known: &Stored<T>, standing: Option<&Standing>) -> String {
    let whole = serde_json::to_vec(&(&known.value, known.is_archived, standing))
        .expect("registry objects are structs of texts, numbers and lists");
    let mut tag: String = Sha256::digest(&whole).iter().map(|byte| format!("{byte:02x}")).collect();
    tag.truncate(TAG_LENGTH);
    tag
}

/// The secrets of a registry, opened and ready to sign, and the keys that hold some of them.
#[derive(Default)]
pub struct OpenedSecrets {
    /// What each campaign's pings and posts are signed with.
    pub campaigns: BTreeMap<CampaignId, SigningKeys>,
    /// What each campaign gives for its profile, by name.
    pub profiles: BTreeMap<CampaignId, BTreeMap<String, SecretText>>,
    /// What each endpoint's events are signed with.
    pub endpoints: BTreeMap<EndpointId, SigningKeys>,
    /// The API keys.
    pub keys: BTreeMap<KeyId, KeyEntry>,
    /// When the first of the secrets ends.
    pub ends_at: Option<Timestamp>,
}
