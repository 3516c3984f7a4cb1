//! The registry as one immutable value, ready for auctions.
//!
//! An auction takes a snapshot when it starts and keeps it to its end, whatever is changed
//! meanwhile. Everything in it passed every check of `compile`; nothing in it knows where it was
//! kept or how a newer one arrives. What is archived is not in it, except campaigns: a post to one
//! may still be under way when it is archived.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::endpoints::EndpointTable;
use super::filter::CompiledFilter;
use super::objects::RegistryObjects;
use super::profile::CampaignProfile;
use super::vertical::CompiledVertical;
use crate::domain::buyer::Buyer;
use crate::domain::campaign::{Campaign, CampaignState};
use crate::domain::key::{KeyId, KeyRecord};
use crate::domain::money::{Money, Percent};
use crate::domain::slug::{BuyerId, CampaignId, ProfileId, VendorId, VerticalId};
use crate::domain::tree::Tree;
use crate::domain::vendor::Vendor;
use crate::integration::Profile;
use crate::integration::inbound::Inbound;
use crate::signing::SigningKeys;

/// The registry at one version.
pub struct Snapshot {
    /// Grows with each change of anything in it.
    pub version: i64,
    /// The currency of every amount.
    pub currency: String,
    /// The product lines, those that come with the program included.
    pub verticals: BTreeMap<VerticalId, Arc<CompiledVertical>>,
    /// Who submits leads.
    pub vendors: BTreeMap<VendorId, Arc<Vendor>>,
    /// Who pays.
    pub buyers: BTreeMap<BuyerId, Arc<Buyer>>,
    /// The standing orders, in every state.
    pub campaigns: BTreeMap<CampaignId, Arc<CompiledCampaign>>,
    /// How campaigns compete, where that was said.
    pub trees: BTreeMap<VerticalId, Arc<Tree>>,
    /// The profiles, those that come with the program included.
    pub profiles: BTreeMap<ProfileId, Arc<Profile>>,
    /// The formats of vendors, those that come with the program included.
    pub inbound: BTreeMap<ProfileId, Arc<Inbound>>,
    /// The API keys, revoked ones included.
    pub keys: BTreeMap<KeyId, KeyEntry>,
    /// Where vendors and buyers hear of events.
    pub endpoints: EndpointTable,
    /// When the first of the secrets in it ends: from then on another picture of the same version
    /// is due.
    pub ends_at: Option<Timestamp>,
    /// The objects as they were described and set, archived ones included: what people are shown.
    pub objects: Arc<RegistryObjects>,
    by_vertical: BTreeMap<VerticalId, Vec<Arc<CompiledCampaign>>>,
}

/// One campaign, ready to be considered, pinged and posted to.
pub struct CompiledCampaign {
    /// Its slug.
    pub id: CampaignId,
    /// Who pays.
    pub buyer_id: BuyerId,
    /// The campaign as it was described, with the endpoints its leads go to and the
    /// limits that count.
    pub campaign: Campaign,
    /// The buyer as it was described.
    pub buyer: Arc<Buyer>,
    /// Where it stands.
    pub state: CampaignState,
    /// Which leads it wants; absent = all of its vertical.
    pub filter: Option<CompiledFilter>,
    /// What its pings and posts are signed with.
    pub secrets: SigningKeys,
    /// The profile it speaks through; absent for the native format.
    pub profile: Option<CampaignProfile>,
}

impl CompiledCampaign {
    /// Whether its bids are for calls, and it is posted nothing.
    #[must_use]
    pub fn is_for_calls(&self) -> bool {
        self.profile.as_ref().is_some_and(|known| known.profile.is_for_calls())
    }
}

/// One API key.
pub struct KeyEntry {
    /// What is kept of the key.
    pub record: KeyRecord,
    /// What requests under it are signed with, if the key has such a secret.
    pub signing: Option<SigningKeys>,
}

/// What a [`Snapshot`] is made of; its fields are explained there.
#[derive(Default)]
pub(super) struct SnapshotParts {
    pub(super) version: i64,
    pub(super) currency: String,
    pub(super) verticals: BTreeMap<VerticalId, Arc<CompiledVertical>>,
    pub(super) vendors: BTreeMap<VendorId, Arc<Vendor>>,
    pub(super) buyers: BTreeMap<BuyerId, Arc<Buyer>>,
    pub(super) campaigns: BTreeMap<CampaignId, Arc<CompiledCampaign>>,
    pub(super) trees: BTreeMap<VerticalId, Arc<Tree>>,
    pub(super) profiles: BTreeMap<ProfileId, Arc<Profile>>,
    pub(super) inbound: BTreeMap<ProfileId, Arc<Inbound>>,
    pub(super) keys: BTreeMap<KeyId, KeyEntry>,
    pub(super) endpoints: EndpointTable,
    pub(super) ends_at: Option<Timestamp>,
    pub(super) objects: Arc<RegistryObjects>,
}

/// The version of a snapshot that was made before any registry was read.
const VERSION_BEFORE_ANY: i64 = -1;

impl Snapshot {
    /// A snapshot with nothing in it, older than every version of a registry.
    #[must_use]
    pub fn empty(currency: &str) -> Self {
        Self::new(SnapshotParts {
            version: VERSION_BEFORE_ANY,
            currency: currency.to_owned(),
            ..SnapshotParts::default()
        })
    }

    pub(super) fn new(parts: SnapshotParts) -> Self {
        let mut by_vertical: BTreeMap<_, Vec<_>> = BTreeMap::new();
        // In the order of the map, so that each list is ordered by campaign.
        for campaign in parts.campaigns.values() {
            let vertical = campaign.campaign.vertical.clone();
            by_vertical.entry(vertical).or_default().push(Arc::clone(campaign));
        }
        Self {
            version: parts.version,
            currency: parts.currency,
            verticals: parts.verticals,
            vendors: parts.vendors,
            buyers: parts.buyers,
            campaigns: parts.campaigns,
            trees: parts.trees,
            profiles: parts.profiles,
            inbound: parts.inbound,
            keys: parts.keys,
            endpoints: parts.endpoints,
            ends_at: parts.ends_at,
            objects: parts.objects,
            by_vertical,
        }
    }

    /// The campaigns of a vertical in every state, ordered by id.
    #[must_use]
    pub fn campaigns_of(&self, vertical: &VerticalId) -> &[Arc<CompiledCampaign>] {
        self.by_vertical.get(vertical).map_or(&[], Vec::as_slice)
    }

    /// Whether the vendor can connect a consumer's call to a buyer.
    #[must_use]
    pub fn takes_calls(&self, vendor: &VendorId) -> bool {
        self.vendors.get(vendor).is_some_and(|vendor| vendor.takes_calls)
    }

    /// The exchange's share of each price: the vendor's own, else the tree's, else none.
    #[must_use]
    pub fn margin_for(&self, vendor: &VendorId, vertical: &VerticalId) -> Percent {
        let of_vendor = self.vendors.get(vendor).and_then(|vendor| vendor.margin_percent);
        let of_tree = || self.trees.get(vertical).map(|tree| tree.margin_percent);
        of_vendor.or_else(of_tree).unwrap_or_default()
    }

    /// The lowest price that can win: the lead's floor grossed up by the margin, or the tree's
    /// floor, whichever is higher. A lead that names no floor (zero) has its vendor's.
    ///
    /// `None` when no price could be that high.
    #[must_use]
    pub fn floor_price(
        &self,
        vendor: &VendorId,
        vertical: &VerticalId,
        lead_floor: Money,
    ) -> Option<Money> {
        let of_vendor = || self.vendors.get(vendor).and_then(|vendor| vendor.floor);
        let payout = match lead_floor {
            Money::ZERO => of_vendor().unwrap_or_default(),
            named => named,
        };
        let price = self.margin_for(vendor, vertical).gross_up(payout)?;
        let of_tree = self.trees.get(vertical).map(|tree| tree.floor).unwrap_or_default();
        Some(price.max(of_tree))
    }
}

#[cfg(test)]
mod tests;
