//! What applying a bundle would change: worked out before anything is, and shown to people.
//!
//! An object that the bundle does not name stays as it is, unless absent ones are pruned: then
//! vendors, buyers, campaigns, trees and profiles are archived (verticals stay: old leads have them). What is
//! archived and named again comes back. What people set over the API survives: pauses, secrets issued
//! to buyers, and the endpoints buyers registered, until the bundle names other ones than before.

mod back;
mod difference;
mod given;
mod kept;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bundle::Bundle;
use super::fault::{FaultRule, RegistryFault};
use super::objects::{RegistryObjects, Stored};
use crate::domain::object::ObjectKind;
use crate::domain::profile::ProfileFiles;
use crate::domain::slug::{CampaignId, Slug};
use crate::domain::standing::Standing;
use crate::signing::SigningSecret;

pub use back::back;
use difference::changed_fields;
pub use given::{ProfileSecrets, missing_profile_secrets};
use kept::{kept_fields, standing_after};

/// The name of a campaign's secret among its changed fields.
const SECRET_FIELD: &str = "secret";

/// What would happen to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanAction {
    /// It is new.
    Create,
    /// It is there and differs.
    Update,
    /// It was archived and comes back.
    Restore,
    /// It is there and the same.
    Unchanged,
    /// It is taken out of use.
    Archive,
}

impl PlanAction {
    /// The action as in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Restore => "restore",
            Self::Unchanged => "unchanged",
            Self::Archive => "archive",
        }
    }
}

/// The most objects that the audit's line of one change names.
pub const AUDIT_NAMES_MAX: usize = 10;

/// What would happen to one object, and to which of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanChange {
    /// What it is.
    pub kind: ObjectKind,
    /// Its slug.
    pub id: String,
    /// What happens.
    pub action: PlanAction,
    /// The fields that change, by name and in the order of the alphabet; every field of a new
    /// object is new and none is listed.
    pub fields: Vec<String>,
    /// What was set over the API and goes on before what the bundle says, by name and in the order
    /// of the alphabet: endpoints, `secret`, `state` (it stays paused).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
}

/// What would happen to every object that was named or is pruned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// By kind (verticals, vendors, buyers, campaigns, trees, profiles) and id.
    pub changes: Vec<PlanChange>,
}

impl Plan {
    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.action == PlanAction::Unchanged)
    }

    /// How many objects the action happens to.
    #[must_use]
    pub fn count(&self, action: PlanAction) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }

    /// One sentence for the audit: `2 created, 1 updated, 1 archived`.
    #[must_use]
    pub fn summary(&self) -> String {
        let counts = [
            (PlanAction::Create, "created"),
            (PlanAction::Update, "updated"),
            (PlanAction::Restore, "restored"),
            (PlanAction::Archive, "archived"),
        ];
        let parts: Vec<_> = counts
            .into_iter()
            .map(|(action, word)| (self.count(action), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if parts.is_empty() { "nothing changed".to_owned() } else { parts.join(", ") }
    }

    /// The summary with the first names of what changes: `1 created, 2 updated (vendor acme, ..)`.
    #[must_use]
    pub fn audit(&self) -> String {
        let changed = self.changes.iter().filter(|change| change.action != PlanAction::Unchanged);
        let mut names: Vec<String> =
            changed.map(|change| format!("{} {}", change.kind, change.id)).collect();
        if names.is_empty() {
            return self.summary();
        }
        if names.len() > AUDIT_NAMES_MAX {
            let more = names.len() - AUDIT_NAMES_MAX;
            names.truncate(AUDIT_NAMES_MAX);
            names.push(format!("and {more} more"));
        }
        format!("{} ({})", self.summary(), names.join(", "))
    }
}

/// A campaign that gets another secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretChange {
    /// The bundle gives one that is not the current one.
    Given,
    /// It has none and none was given.
    Generated,
}

/// A plan worked out, and the registry it leads to.
pub struct Planned {
    /// What people are shown.
    pub plan: Plan,
    /// The objects as they would be.
    pub next: RegistryObjects,
    /// The standings that would change; they are in `next` too.
    pub standings: BTreeMap<CampaignId, Standing>,
    /// The campaigns whose secret would change.
    pub secrets: BTreeMap<CampaignId, SecretChange>,
    /// The secrets of profiles that would change.
    pub profile_secrets: ProfileSecrets,
    /// What cannot be: campaigns that would change hands, and secrets that nobody gave.
    pub faults: Vec<RegistryFault>,
}

/// Works out what applying `bundle` to `current` would change.
///
/// `secrets` are the secrets that campaigns sign with now.
#[must_use]
pub fn plan(
    current: &RegistryObjects,
    secrets: &BTreeMap<CampaignId, SigningSecret>,
    bundle: &Bundle,
    is_pruning: bool,
) -> Planned {
    let mut planned = Planned {
        plan: Plan::default(),
        next: current.clone(),
        standings: BTreeMap::new(),
        secrets: secret_changes(current, bundle, secrets),
        profile_secrets: ProfileSecrets::new(),
        faults: Vec::new(),
    };
    planned.hands(current, bundle);
    planned.standings(current, bundle);
    let changes = &mut planned.plan.changes;
    let next = &mut planned.next;
    let merging = |kind, is_pruning| Merging { kind, is_pruning, secrets: &planned.secrets };
    // What a buyer uploaded stands in no file.
    let is_own = |profile: &ProfileFiles| profile.buyer_id.is_some();
    merging(ObjectKind::Vertical, false).merge(&mut next.verticals, &bundle.verticals, changes);
    merging(ObjectKind::Vendor, is_pruning).merge(&mut next.vendors, &bundle.vendors, changes);
    merging(ObjectKind::Buyer, is_pruning).merge(&mut next.buyers, &bundle.buyers, changes);
    merging(ObjectKind::Campaign, is_pruning).merge(
        &mut next.campaigns,
        &bundle.campaigns,
        changes,
    );
    merging(ObjectKind::Tree, is_pruning).merge(&mut next.trees, &bundle.trees, changes);
    let profiles = (&mut next.profiles, &bundle.profiles);
    merging(ObjectKind::Profile, is_pruning).merge_sparing(profiles, changes, is_own);
    planned.kept(bundle);
    planned
}

/// The secrets that change: a given one that is new, unless the campaign's buyer has its own, and
/// one for each campaign without any.
fn secret_changes(
    current: &RegistryObjects,
    bundle: &Bundle,
    secrets: &BTreeMap<CampaignId, SigningSecret>,
) -> BTreeMap<CampaignId, SecretChange> {
    let has_own =
        |id: &CampaignId| current.standings.get(id).is_some_and(|standing| standing.has_own_secret);
    let change = |id: &CampaignId| match (bundle.secrets.get(id), secrets.get(id)) {
        (Some(given), Some(current)) if given.0 == *current => None,
        (Some(_), Some(_)) if has_own(id) => None,
        (Some(_), _) => Some(SecretChange::Given),
        (None, Some(_)) => None,
        (None, None) => Some(SecretChange::Generated),
    };
    bundle.campaigns.keys().filter_map(|id| Some((id.clone(), change(id)?))).collect()
}

impl Planned {
    /// A campaign never changes hands: its holds, caps and book are its buyer's. Nor does a profile.
    fn hands(&mut self, current: &RegistryObjects, bundle: &Bundle) {
        for (id, profile) in &bundle.profiles {
            let known = current.profiles.get(id).map(|known| &known.value.buyer_id);
            if known.is_some_and(|known| *known != profile.buyer_id) {
                let whose = match known.and_then(Option::as_ref) {
                    Some(buyer) => format!("buyer {buyer}'s own"),
                    None => "the exchange's".to_owned(),
                };
                self.faults.push(RegistryFault {
                    kind: ObjectKind::Profile,
                    id: id.to_string(),
                    field: "buyer_id".to_owned(),
                    rule: FaultRule::OtherBuyer,
                    detail: format!(
                        "the profile is {whose} for good; give the new one another name"
                    ),
                });
            }
        }
        for (id, campaign) in &bundle.campaigns {
            let Some(known) = current.campaigns.get(id) else { continue };
            if known.value.buyer_id != campaign.buyer_id {
                self.faults.push(RegistryFault {
                    kind: ObjectKind::Campaign,
                    id: id.to_string(),
                    field: "buyer_id".to_owned(),
                    rule: FaultRule::OtherBuyer,
                    detail: format!(
                        "the campaign is buyer {}'s for good; give the new one another id",
                        known.value.buyer_id
                    ),
                });
            }
        }
    }

    fn standings(&mut self, current: &RegistryObjects, bundle: &Bundle) {
        for (id, campaign) in &bundle.campaigns {
            let standing = current.standings.get(id);
            if let Some(after) = standing.and_then(|standing| standing_after(standing, campaign)) {
                self.standings.insert(id.clone(), after.clone());
                self.next.standings.insert(id.clone(), after);
            }
        }
    }

    /// Notes what of the standings goes on before the bundle.
    fn kept(&mut self, bundle: &Bundle) {
        let campaigns = self.plan.changes.iter_mut();
        for change in campaigns.filter(|change| change.kind == ObjectKind::Campaign) {
            let id = change.id.as_str();
            let described = bundle.campaigns.get(id);
            if let (Some(campaign), Some(standing)) = (described, self.next.standings.get(id)) {
                change.kept = kept_fields(standing, campaign, bundle.secrets.contains_key(id));
            }
        }
    }
}

/// The objects of one kind.
type Kept<K, T> = BTreeMap<Slug<K>, Stored<T>>;

/// How the objects of one kind are merged.
struct Merging<'a> {
    kind: ObjectKind,
    is_pruning: bool,
    secrets: &'a BTreeMap<CampaignId, SecretChange>,
}

impl Merging<'_> {
    /// Puts the named objects into `objects`, archives the others if it is pruning, and notes what
    /// happens to each.
    fn merge<K, T: Clone + PartialEq + Serialize>(
        &self,
        objects: &mut BTreeMap<Slug<K>, Stored<T>>,
        named: &BTreeMap<Slug<K>, T>,
        changes: &mut Vec<PlanChange>,
    ) {
        self.merge_sparing((objects, named), changes, |_| false);
    }

    /// The same, but those that are spared are not archived.
    fn merge_sparing<K, T: Clone + PartialEq + Serialize>(
        &self,
        (objects, named): (&mut Kept<K, T>, &BTreeMap<Slug<K>, T>),
        changes: &mut Vec<PlanChange>,
        is_spared: impl Fn(&T) -> bool,
    ) {
        let mut noted = BTreeMap::new();
        for (id, object) in named {
            let change = self.change(id.as_str(), objects.get(id), object);
            objects.insert(id.clone(), Stored::live(object.clone()));
            noted.insert(id.clone(), change);
        }
        if self.is_pruning {
            for (id, stored) in objects.iter_mut() {
                let stays = named.contains_key(id) || is_spared(&stored.value);
                if !stored.is_archived && !stays {
                    stored.is_archived = true;
                    noted.insert(id.clone(), self.noted(id.as_str(), PlanAction::Archive));
                }
            }
        }
        changes.extend(noted.into_values());
    }

    fn change<T: PartialEq + Serialize>(
        &self,
        id: &str,
        known: Option<&Stored<T>>,
        object: &T,
    ) -> PlanChange {
        let Some(known) = known else { return self.noted(id, PlanAction::Create) };
        let mut fields = changed_fields(&known.value, object);
        let is_campaign = self.kind == ObjectKind::Campaign;
        if is_campaign && self.secrets.contains_key(id) {
            fields.push(SECRET_FIELD.to_owned());
            fields.sort();
        }
        let action = match (known.is_archived, fields.is_empty()) {
            (true, _) => PlanAction::Restore,
            (false, true) => PlanAction::Unchanged,
            (false, false) => PlanAction::Update,
        };
        PlanChange { fields, ..self.noted(id, action) }
    }

    fn noted(&self, id: &str, action: PlanAction) -> PlanChange {
        PlanChange {
            kind: self.kind,
            id: id.to_owned(),
            action,
            fields: Vec::new(),
            kept: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
