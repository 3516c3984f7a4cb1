//! Secrets that campaigns give for their profiles: which are new, and which are missing.

use std::collections::BTreeMap;

use super::{PlanAction, Planned};
use crate::domain::object::ObjectKind;
use crate::domain::slug::CampaignId;
use crate::registry::fault::{FaultRule, RegistryFault};
use crate::registry::objects::RegistryObjects;
use crate::registry::profile::ProfileSecret;

/// The name of a campaign's profile secrets among its changed fields.
const FIELD: &str = "profile_secrets";

/// Secrets of profiles, by campaign and name.
pub type ProfileSecrets = BTreeMap<CampaignId, BTreeMap<String, ProfileSecret>>;

impl Planned {
    /// Takes the secrets that were given along; `known` are those that are kept already. Notes each
    /// that differs, each that has no place, and each that a campaign names and nobody gave.
    pub fn take_profile_secrets(&mut self, given: &ProfileSecrets, known: &ProfileSecrets) {
        for (id, secrets) in given {
            let named = self.next.campaigns.get(id).and_then(|campaign| campaign.as_live());
            let known = known.get(id);
            for (name, secret) in secrets {
                if named.is_none_or(|campaign| !campaign.profile_secrets.contains(name)) {
                    let detail = format!("the campaign names no profile secret `{name}`");
                    self.faults.push(fault(id, detail));
                } else if known.and_then(|known| known.get(name)) != Some(secret) {
                    let changed = self.profile_secrets.entry(id.clone()).or_default();
                    changed.insert(name.clone(), secret.clone());
                }
            }
        }
        self.note_changes();
        self.faults.extend(missing_profile_secrets(&self.next, &[given, known]));
    }

    /// A campaign that gets another secret changes, whatever its description says.
    fn note_changes(&mut self) {
        let campaigns =
            self.plan.changes.iter_mut().filter(|change| change.kind == ObjectKind::Campaign);
        for change in campaigns {
            let is_new = matches!(change.action, PlanAction::Create | PlanAction::Archive);
            if is_new || !self.profile_secrets.contains_key(change.id.as_str()) {
                continue;
            }
            if change.action == PlanAction::Unchanged {
                change.action = PlanAction::Update;
            }
            if !change.fields.iter().any(|field| field == FIELD) {
                change.fields.push(FIELD.to_owned());
                change.fields.sort();
            }
        }
    }
}

/// The secrets that campaigns in use name for their profiles and that are in none of `given`.
#[must_use]
pub fn missing_profile_secrets(
    objects: &RegistryObjects,
    given: &[&ProfileSecrets],
) -> Vec<RegistryFault> {
    let mut faults = Vec::new();
    for (id, campaign) in &objects.campaigns {
        let Some(campaign) = campaign.as_live() else { continue };
        let is_given = |name: &String| {
            let mut of_it = given.iter().filter_map(|secrets| secrets.get(id));
            of_it.any(|secrets| secrets.contains_key(name))
        };
        for name in campaign.profile_secrets.iter().filter(|name| !is_given(name)) {
            let detail = format!("the profile secret `{name}` is named and not given");
            faults.push(fault(id, detail));
        }
    }
    faults
}

fn fault(id: &CampaignId, detail: String) -> RegistryFault {
    RegistryFault {
        kind: ObjectKind::Campaign,
        id: id.to_string(),
        field: FIELD.to_owned(),
        rule: FaultRule::NoSecret,
        detail,
    }
}
