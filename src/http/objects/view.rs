//! Registry objects as people are shown them: the fields of the files, and what is known beside.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::buyer::Buyer;
use crate::domain::campaign::{Campaign, CampaignState, Cap};
use crate::domain::slug::{BuyerId, CampaignId, VendorId, VerticalId};
use crate::domain::standing::{Endpoints, PausedBy, Standing};
use crate::domain::tree::Tree;
use crate::domain::vendor::Vendor;
use crate::registry::bundle::SecretText;
use crate::registry::objects::{RegistryObjects, Stored};
use crate::registry::plan::PlanAction;

/// A vendor.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VendorObject")]
pub(in crate::http) struct VendorView<'a> {
    /// Its slug.
    pub id: &'a VendorId,
    /// Whether it was taken out of use.
    pub archived: bool,
    #[serde(flatten)]
    vendor: &'a Vendor,
}

/// A buyer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BuyerObject")]
pub(in crate::http) struct BuyerView<'a> {
    /// Its slug.
    pub id: &'a BuyerId,
    /// Whether it was taken out of use.
    pub archived: bool,
    #[serde(flatten)]
    buyer: &'a Buyer,
}

/// A vertical's tree.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TreeObject")]
pub(in crate::http) struct TreeView<'a> {
    /// The vertical.
    pub id: &'a VerticalId,
    /// Whether it was taken out of use.
    pub archived: bool,
    #[serde(flatten)]
    tree: &'a Tree,
}

/// A campaign, as it is described and as it stands.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CampaignObject")]
pub(in crate::http) struct CampaignView<'a> {
    /// Its slug.
    pub id: &'a CampaignId,
    /// Whether it was taken out of use.
    pub archived: bool,
    /// Where it stands.
    pub state: CampaignState,
    /// Who has paused it.
    paused_by: BTreeSet<PausedBy>,
    /// Where its leads go.
    endpoints: EndpointsView,
    /// Its buyer's own limits; of them and `caps` the stricter one counts.
    limits: Vec<Cap>,
    #[serde(flatten)]
    campaign: &'a Campaign,
}

/// Where the leads of a campaign go.
#[derive(Serialize, JsonSchema)]
struct EndpointsView {
    #[serde(flatten)]
    endpoints: Endpoints,
    /// Who named them.
    registered_by: RegisteredBy,
    /// Those that must still answer a challenge.
    unproved: Vec<&'static str>,
}

/// Who named a campaign's endpoints.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RegisteredBy {
    /// Its buyer, over the API.
    Buyer,
    /// An operator: in a file, or over the API.
    Operator,
}

impl CampaignView<'_> {
    /// Whether it is this buyer's.
    pub fn is_of(&self, buyer: &BuyerId) -> bool {
        self.campaign.buyer_id == *buyer
    }

    /// Whether it buys this.
    pub fn is_in(&self, vertical: &VerticalId) -> bool {
        self.campaign.vertical == *vertical
    }
}

/// What putting an object did.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct ObjectPutView<'a> {
    /// The object.
    pub id: &'a str,
    /// The registry's version now.
    pub version: i64,
    /// What happened to the object.
    pub action: PlanAction,
    /// The fields that changed.
    pub fields: &'a [String],
    /// What was set over the API and goes on before what the body says.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub kept: &'a [String],
    /// Where a campaign stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<CampaignState>,
    /// What a new campaign's pings and posts are signed with; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<&'a SecretText>,
}

pub(super) fn vendor_view<'a>(
    objects: &'a RegistryObjects,
    id: &VendorId,
) -> Option<VendorView<'a>> {
    objects.vendors.get_key_value(id).map(vendor)
}

pub(super) fn vendor_views(objects: &RegistryObjects) -> impl Iterator<Item = VendorView<'_>> {
    objects.vendors.iter().map(vendor)
}

fn vendor<'a>((id, stored): (&'a VendorId, &'a Stored<Vendor>)) -> VendorView<'a> {
    VendorView { id, archived: stored.is_archived, vendor: &stored.value }
}

pub(super) fn buyer_view<'a>(objects: &'a RegistryObjects, id: &BuyerId) -> Option<BuyerView<'a>> {
    objects.buyers.get_key_value(id).map(buyer)
}

pub(super) fn buyer_views(objects: &RegistryObjects) -> impl Iterator<Item = BuyerView<'_>> {
    objects.buyers.iter().map(buyer)
}

fn buyer<'a>((id, stored): (&'a BuyerId, &'a Stored<Buyer>)) -> BuyerView<'a> {
    BuyerView { id, archived: stored.is_archived, buyer: &stored.value }
}

pub(super) fn tree_view<'a>(objects: &'a RegistryObjects, id: &VerticalId) -> Option<TreeView<'a>> {
    objects.trees.get_key_value(id).map(tree)
}

pub(super) fn tree_views(objects: &RegistryObjects) -> impl Iterator<Item = TreeView<'_>> {
    objects.trees.iter().map(tree)
}

fn tree<'a>((id, stored): (&'a VerticalId, &'a Stored<Tree>)) -> TreeView<'a> {
    TreeView { id, archived: stored.is_archived, tree: &stored.value }
}

pub(super) fn campaign_view<'a>(
    objects: &'a RegistryObjects,
    id: &CampaignId,
) -> Option<CampaignView<'a>> {
    objects.campaigns.get_key_value(id).map(|known| campaign(objects, known))
}

pub(super) fn campaign_views(objects: &RegistryObjects) -> impl Iterator<Item = CampaignView<'_>> {
    objects.campaigns.iter().map(|known| campaign(objects, known))
}

fn campaign<'a>(
    objects: &RegistryObjects,
    (id, stored): (&'a CampaignId, &'a Stored<Campaign>),
) -> CampaignView<'a> {
    let none = Standing::default();
    let standing = objects.standings.get(id).unwrap_or(&none);
    let is_own = standing.endpoints.is_some();
    let unproved = standing.unproved(&stored.value);
    CampaignView {
        id,
        archived: stored.is_archived,
        state: objects.state_of(id, stored),
        paused_by: standing.paused_by.clone(),
        endpoints: EndpointsView {
            endpoints: standing.endpoints_of(&stored.value),
            registered_by: if is_own { RegisteredBy::Buyer } else { RegisteredBy::Operator },
            unproved: unproved.named().map(|(name, _)| name).collect(),
        },
        limits: standing.caps.clone(),
        campaign: &stored.value,
    }
}
