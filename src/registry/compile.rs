//! From a registry's objects to a [`Snapshot`], or to everything that is wrong with them.
//!
//! This module decides whether the objects fit together: every name leads somewhere, every filter
//! fits its vertical, every URL may be used, no ping can tell what it must not. It looks at all of
//! them before it gives up, so that whoever wrote them sees every fault at once. Archived objects
//! are not checked: nobody uses them, and an archived campaign only stays to be answered for. It
//! knows neither where objects are kept nor who changes them.

mod campaign;
mod disclosure;
mod own_profile;
mod profile;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::endpoints::EndpointTable;
use super::fault::{FaultRule, RegistryFault};
use super::filter::CompiledFilter;
use super::objects::{OpenedSecrets, RegistryObjects};
use super::profile::{CampaignProfile, ProfileMemo, shipped_profiles};
use super::snapshot::{CompiledCampaign, Snapshot, SnapshotParts};
use super::vertical::{self, CompiledVertical};
use crate::domain::address::AddressPolicy;
use crate::domain::buyer::Buyer;
use crate::domain::campaign::Campaign;
use crate::domain::money::Money;
use crate::domain::object::ObjectKind;
use crate::domain::party::Party;
use crate::domain::slug::{CampaignId, ProfileId, VerticalId};
use crate::domain::tree::Tree;
use crate::domain::vendor::Vendor;
use crate::integration::inbound::{self, Inbound};
use crate::integration::{Profile, SecretText};

pub use campaign::{POST_MS_MAX, POST_MS_MIN, RESELL_AFTER_S_MAX};

/// The longest name people read, in bytes.
pub const NAME_LENGTH_MAX: usize = 200;
/// The longest time a phone number stays taken after a sale, in seconds: one year.
pub const DUPLICATE_WINDOW_S_MAX: u64 = 366 * 86_400;

/// What a registry is compiled within: the exchange it belongs to.
pub struct Surroundings {
    /// The exchange's one currency.
    pub currency: String,
    /// Where the exchange may send.
    pub addresses: AddressPolicy,
    /// The verticals that come with the program.
    pub shipped: BTreeMap<VerticalId, Arc<CompiledVertical>>,
    /// The profiles that come with the program.
    pub shipped_profiles: BTreeMap<ProfileId, Arc<Profile>>,
    /// The inbound profiles that come with the program.
    pub shipped_inbound: BTreeMap<ProfileId, Arc<Inbound>>,
    /// Profiles of the registry as they were compiled last.
    pub memo: ProfileMemo,
}

impl Surroundings {
    /// The surroundings of an exchange with this `currency` and these `addresses`.
    #[must_use]
    pub fn new(currency: &str, addresses: AddressPolicy) -> Self {
        Self {
            currency: currency.to_owned(),
            addresses,
            shipped: shipped_verticals(),
            shipped_profiles: shipped_profiles(),
            shipped_inbound: shipped_inbound(),
            memo: ProfileMemo::default(),
        }
    }
}

/// The verticals that come with the program, ready for use.
#[must_use]
pub fn shipped_verticals() -> BTreeMap<VerticalId, Arc<CompiledVertical>> {
    let compile = |(_, text): &(&str, &str)| {
        let parsed = vertical::parse_toml(text).expect("shipped files are parsed by their tests");
        let compiled =
            vertical::compile(parsed).expect("shipped files are compiled by their tests");
        (compiled.id().clone(), Arc::new(compiled))
    };
    vertical::shipped().iter().map(compile).collect()
}

/// The inbound profiles that come with the program, ready for use.
fn shipped_inbound() -> BTreeMap<ProfileId, Arc<Inbound>> {
    let named = |(name, _)| Some((ProfileId::parse(name).ok()?, Arc::new(inbound::shipped(name)?)));
    inbound::SHIPPED.into_iter().filter_map(named).collect()
}

/// Everything that is wrong with the objects, in the order of kinds and ids; secrets apart.
#[must_use]
pub fn check(objects: &RegistryObjects, surroundings: &Surroundings) -> Vec<RegistryFault> {
    Compiler::run(objects, surroundings).faults
}

/// Makes the snapshot of `version`.
///
/// # Errors
/// Everything that is wrong, in the order of kinds and ids; a campaign in use without a secret
/// included.
pub fn compile(
    version: i64,
    objects: &RegistryObjects,
    secrets: OpenedSecrets,
    surroundings: &Surroundings,
) -> Result<Snapshot, Vec<RegistryFault>> {
    let mut compiler = Compiler::run(objects, surroundings);
    let campaigns = compiler.campaigns(secrets.campaigns, secrets.profiles);
    if !compiler.faults.is_empty() {
        return Err(compiler.faults);
    }
    let (vendors, buyers) = (live(&objects.vendors), live(&objects.buyers));
    let is_in_use = |owner: &Party| match owner {
        Party::Vendor(vendor) => vendors.contains_key(vendor),
        Party::Buyer(buyer) => buyers.contains_key(buyer),
    };
    let endpoints = EndpointTable::new(&objects.endpoints, secrets.endpoints, is_in_use);
    Ok(Snapshot::new(SnapshotParts {
        version,
        currency: surroundings.currency.clone(),
        verticals: compiler.verticals,
        vendors,
        buyers,
        campaigns,
        trees: live(&objects.trees),
        profiles: compiler.profiles,
        inbound: compiler.inbound,
        keys: secrets.keys,
        endpoints,
        ends_at: secrets.ends_at,
        objects: Arc::new(objects.clone()),
    }))
}

fn live<K: Ord + Clone, T: Clone>(
    objects: &BTreeMap<K, super::objects::Stored<T>>,
) -> BTreeMap<K, Arc<T>> {
    let in_use = |(id, stored): (&K, &super::objects::Stored<T>)| {
        stored.as_live().map(|object| (id.clone(), Arc::new(object.clone())))
    };
    objects.iter().filter_map(in_use).collect()
}

struct Compiler<'a> {
    objects: &'a RegistryObjects,
    surroundings: &'a Surroundings,
    verticals: BTreeMap<VerticalId, Arc<CompiledVertical>>,
    profiles: BTreeMap<ProfileId, Arc<Profile>>,
    inbound: BTreeMap<ProfileId, Arc<Inbound>>,
    filters: BTreeMap<CampaignId, CompiledFilter>,
    faults: Vec<RegistryFault>,
}

/// Notes the faults of one object.
struct Noting<'a> {
    kind: ObjectKind,
    id: &'a str,
    faults: &'a mut Vec<RegistryFault>,
}

impl Noting<'_> {
    fn fault(&mut self, field: &str, rule: FaultRule, detail: impl Into<String>) {
        self.faults.push(RegistryFault {
            kind: self.kind,
            id: self.id.to_owned(),
            field: field.to_owned(),
            rule,
            detail: detail.into(),
        });
    }

    fn name(&mut self, field: &str, name: &str) {
        if name.trim().is_empty() || name.len() > NAME_LENGTH_MAX {
            let detail = format!("a name has 1 to {NAME_LENGTH_MAX} bytes");
            self.fault(field, FaultRule::Name, detail);
        }
    }

    fn not_negative(&mut self, field: &str, amount: Option<Money>) {
        if amount.is_some_and(|amount| amount < Money::ZERO) {
            self.fault(field, FaultRule::OutOfRange, "the amount is 0 or more");
        }
    }
}

impl<'a> Compiler<'a> {
    fn run(objects: &'a RegistryObjects, surroundings: &'a Surroundings) -> Self {
        let mut compiler = Self {
            objects,
            surroundings,
            verticals: surroundings.shipped.clone(),
            profiles: surroundings.shipped_profiles.clone(),
            inbound: surroundings.shipped_inbound.clone(),
            filters: BTreeMap::new(),
            faults: Vec::new(),
        };
        compiler.verticals();
        compiler.profiles();
        for (id, stored) in &objects.vendors {
            if let Some(vendor) = stored.as_live() {
                check_vendor(vendor, &mut compiler.noting(ObjectKind::Vendor, id.as_str()));
            }
        }
        for (id, stored) in &objects.buyers {
            if let Some(buyer) = stored.as_live() {
                check_buyer(buyer, &mut compiler.noting(ObjectKind::Buyer, id.as_str()));
            }
        }
        for (id, stored) in &objects.campaigns {
            if let Some(campaign) = stored.as_live() {
                compiler.check_campaign(id, campaign);
            }
        }
        for (id, stored) in &objects.trees {
            if let Some(tree) = stored.as_live() {
                let is_known = compiler.verticals.contains_key(id);
                let mut noting = compiler.noting(ObjectKind::Tree, id.as_str());
                if !is_known {
                    let detail = "a tree has the id of the vertical it is for";
                    noting.fault("", FaultRule::UnknownVertical, detail);
                }
                check_tree(tree, &mut noting);
            }
        }
        compiler
    }

    fn noting<'b>(&'b mut self, kind: ObjectKind, id: &'b str) -> Noting<'b> {
        Noting { kind, id, faults: &mut self.faults }
    }

    fn verticals(&mut self) {
        for (id, stored) in &self.objects.verticals {
            let Some(vertical) = stored.as_live() else { continue };
            let compiled = vertical::compile(vertical.clone());
            let mut noting =
                Noting { kind: ObjectKind::Vertical, id: id.as_str(), faults: &mut self.faults };
            if vertical.id != *id {
                noting.fault("id", FaultRule::OtherId, "the id differs from the vertical's name");
            }
            match compiled {
                Ok(compiled) => {
                    self.verticals.insert(id.clone(), Arc::new(compiled));
                }
                Err(faults) => {
                    for fault in faults {
                        noting.fault(&fault.at, FaultRule::InvalidVertical, fault.detail);
                    }
                    // Its campaigns are not blamed for a vertical that cannot be read.
                    self.verticals.remove(id);
                }
            }
        }
    }

    /// Whether the vertical is there but cannot be used.
    fn is_broken(&self, id: &VerticalId) -> bool {
        !self.verticals.contains_key(id)
            && self.objects.verticals.get(id).is_some_and(|stored| !stored.is_archived)
    }

    /// The campaigns with all that belongs to them.
    fn campaigns(
        &mut self,
        mut secrets: BTreeMap<CampaignId, crate::signing::SigningKeys>,
        mut profile_secrets: BTreeMap<CampaignId, BTreeMap<String, SecretText>>,
    ) -> BTreeMap<CampaignId, Arc<CompiledCampaign>> {
        let buyers: BTreeMap<_, _> = self.objects.buyers.iter().collect();
        let shared: BTreeMap<_, Arc<Buyer>> =
            buyers.iter().map(|(id, stored)| (*id, Arc::new(stored.value.clone()))).collect();
        let mut compiled = BTreeMap::new();
        for (id, stored) in &self.objects.campaigns {
            let Some(buyer) = shared.get(&stored.value.buyer_id) else { continue };
            let Some(secrets) = secrets.remove(id) else {
                if !stored.is_archived {
                    let detail = "the campaign has no secret to sign with";
                    let mut noting = Noting {
                        kind: ObjectKind::Campaign,
                        id: id.as_str(),
                        faults: &mut self.faults,
                    };
                    noting.fault("secret", FaultRule::NoSecret, detail);
                }
                continue;
            };
            let endpoints = self.objects.endpoints_of(id, &stored.value);
            let given = profile_secrets.remove(id).unwrap_or_default();
            let profile = self.profile_of(&stored.value, given);
            if !stored.is_archived && !stored.value.is_native() && profile.is_none() {
                let detail = "a secret of its profile is missing, or the profile itself";
                let mut noting = Noting {
                    kind: ObjectKind::Campaign,
                    id: id.as_str(),
                    faults: &mut self.faults,
                };
                noting.fault("profile_secrets", FaultRule::NoSecret, detail);
                continue;
            }
            let campaign = CompiledCampaign {
                id: id.clone(),
                buyer_id: stored.value.buyer_id.clone(),
                campaign: Campaign {
                    ping_url: endpoints.ping_url,
                    post_url: endpoints.post_url,
                    status_url: endpoints.status_url,
                    caps: self.objects.caps_of(id, &stored.value),
                    ..stored.value.clone()
                },
                buyer: Arc::clone(buyer),
                state: self.objects.state_of(id, stored),
                filter: self.filters.remove(id),
                secrets,
                profile,
            };
            compiled.insert(id.clone(), Arc::new(campaign));
        }
        compiled
    }
}

impl Compiler<'_> {
    /// What the campaign speaks through; `None` for the native format, and where a profile, a
    /// vertical or a secret is missing.
    fn profile_of(
        &self,
        campaign: &Campaign,
        mut given: BTreeMap<String, SecretText>,
    ) -> Option<CampaignProfile> {
        let known =
            self.profiles.get(campaign.profile.as_str()).filter(|_| !campaign.is_native())?;
        let vertical = self.verticals.get(&campaign.vertical)?;
        let take = |name: &String| Some((name.clone(), given.remove(name)?));
        let secrets: Option<BTreeMap<_, _>> = known.secrets().iter().map(take).collect();
        Some(profile::campaign_profile(campaign, known, secrets?, vertical))
    }
}

fn check_vendor(vendor: &Vendor, noting: &mut Noting<'_>) {
    noting.name("name", &vendor.name);
    noting.not_negative("floor", vendor.floor);
}

fn check_buyer(buyer: &Buyer, noting: &mut Noting<'_>) {
    noting.name("name", &buyer.name);
    if let Some(legal_name) = &buyer.legal_name {
        noting.name("legal_name", legal_name);
    }
    noting.not_negative("credit_limit", buyer.credit_limit);
}

fn check_tree(tree: &Tree, noting: &mut Noting<'_>) {
    noting.not_negative("floor", Some(tree.floor));
    let window = tree.duplicate_window_s;
    if window.is_some_and(|window_s| !(1..=DUPLICATE_WINDOW_S_MAX).contains(&window_s)) {
        let detail = format!("the window is 1 to {DUPLICATE_WINDOW_S_MAX} seconds");
        noting.fault("duplicate_window_s", FaultRule::OutOfRange, detail);
    }
}

#[cfg(test)]
mod tests;
