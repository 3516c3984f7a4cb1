//! The objects of a registry, typed, before anything is checked.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::snapshot::KeyEntry;
use crate::domain::buyer::Buyer;
use crate::domain::campaign::{Campaign, CampaignState, Verification};
use crate::domain::key::KeyId;
use crate::domain::slug::{BuyerId, CampaignId, VendorId, VerticalId};
use crate::domain::tree::Tree;
use crate::domain::vendor::Vendor;
use crate::domain::vertical::Vertical;
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
    /// States of campaigns that were set by somebody; no file holds them.
    pub states: BTreeMap<CampaignId, CampaignState>,
}

impl RegistryObjects {
    /// Where a campaign stands: archived, or as somebody set it, or as its verification begins.
    #[must_use]
    pub fn state_of(&self, id: &CampaignId, campaign: &Stored<Campaign>) -> CampaignState {
        if campaign.is_archived {
            return CampaignState::Archived;
        }
        self.states.get(id).copied().unwrap_or(match campaign.value.verification {
            Verification::Operator => CampaignState::Active,
            Verification::Challenge => CampaignState::PendingVerification,
        })
    }
}

/// The secrets of a registry, opened and ready to sign, and the keys that hold some of them.
#[derive(Default)]
pub struct OpenedSecrets {
    /// What each campaign's pings and posts are signed with.
    pub campaigns: BTreeMap<CampaignId, SigningKeys>,
    /// The API keys.
    pub keys: BTreeMap<KeyId, KeyEntry>,
    /// When the first of the secrets ends.
    pub ends_at: Option<Timestamp>,
}
