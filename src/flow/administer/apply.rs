//! Applying a bundle: plan, check, seal, write; or only plan and check.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::load::Loaded;
use super::secrets::Overlap;
use super::{AdminError, Administration, CHANGE_ATTEMPTS_MAX, secrets};
use crate::domain::object::ObjectKind;
use crate::domain::slug::{CampaignId, Slug};
use crate::domain::standing::Standing;
use crate::ports::records::{Committed, RegistryChange, RegistryObject};
use crate::registry::bundle::{Bundle, SecretText};
use crate::registry::compile::check;
use crate::registry::fault::RegistryFault;
use crate::registry::objects::{RegistryObjects, Stored};
use crate::registry::plan::{Plan, PlanAction, Planned, SecretChange, plan};
use crate::signing::SigningSecret;

/// How a bundle is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApplyOptions {
    /// Tell what would change, and change nothing.
    pub plan_only: bool,
    /// Archive vendors, buyers, campaigns and trees that the bundle does not name.
    pub prune: bool,
}

/// A secret that the exchange made; it is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShownSecret {
    /// Whose it is.
    pub campaign: CampaignId,
    /// The secret.
    pub secret: SecretText,
}

/// What applying a bundle did.
// It has no `Debug`, because it may hold secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplyReport {
    /// The registry's version now: a new one if anything changed.
    pub version: i64,
    /// What changed, or would change.
    pub plan: Plan,
    /// The secrets that were made, by campaign; none if it was only planned.
    pub secrets: Vec<ShownSecret>,
}

/// A change ready to be written, and the secrets to show once it is.
pub(super) struct Prepared {
    pub(super) change: RegistryChange,
    pub(super) shown: Vec<ShownSecret>,
}

impl Administration {
    /// Applies `bundle`, for the audit in the name of `actor` (a key id, or `cli`).
    ///
    /// # Errors
    /// [`AdminError::Refused`] with every fault the registry would have: nothing is changed then.
    /// [`AdminError::Contended`] after [`CHANGE_ATTEMPTS_MAX`] attempts.
    pub async fn apply(
        &self,
        bundle: &Bundle,
        options: ApplyOptions,
        actor: &str,
    ) -> Result<ApplyReport, AdminError> {
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let loaded = self.load().await?;
            let planned = planned(&loaded, bundle, options.prune);
            self.compile_profiles(&planned.next).await?;
            self.refuse_faults(&loaded, &planned, bundle)?;
            self.refuse_unproved(&loaded.objects, &planned.next).await?;
            if options.plan_only || planned.plan.is_empty() {
                let (version, plan) = (loaded.version, planned.plan);
                return Ok(ApplyReport { version, plan, secrets: Vec::new() });
            }
            let Prepared { change, shown } = {
                let summary = format!("apply: {}", planned.plan.audit());
                self.prepare(&loaded, &planned, bundle, (actor, &summary))?
            };
            let summary = change.summary.clone();
            if let Committed::Version(version) = self.records.change_registry(change).await? {
                tracing::info!(version, actor, summary, "registry.applied");
                self.refresh_after_change(version).await;
                return Ok(ApplyReport { version, plan: planned.plan, secrets: shown });
            }
        }
        Err(AdminError::Contended)
    }

    /// Refuses a registry that would have any fault.
    pub(super) fn refuse_faults(
        &self,
        loaded: &Loaded,
        planned: &Planned,
        bundle: &Bundle,
    ) -> Result<(), AdminError> {
        let stays = |fault: &&RegistryFault| !names(bundle, fault.kind, &fault.id);
        let mut faults: Vec<_> = loaded.unreadable.iter().filter(stays).cloned().collect();
        faults.extend(planned.faults.iter().cloned());
        faults.extend(check(&planned.next, &self.surroundings));
        if faults.is_empty() { Ok(()) } else { Err(AdminError::Refused(faults)) }
    }

    /// The rows of what was planned, for the audit by whom and in one sentence.
    pub(super) fn prepare(
        &self,
        loaded: &Loaded,
        planned: &Planned,
        bundle: &Bundle,
        (actor, summary): (&str, &str),
    ) -> Result<Prepared, AdminError> {
        let now = self.clock.now();
        let mut change = RegistryChange::new(loaded.version, actor, summary, now);
        let changed = planned.plan.changes.iter();
        change.objects = changed
            .filter(|change| change.action != PlanAction::Unchanged)
            .filter_map(|change| row(&planned.next, change.kind, &change.id))
            .collect();
        let standings = planned.standings.iter();
        change.objects.extend(standings.map(|(id, standing)| standing_row(id, standing)));
        let mut shown = Vec::new();
        for (id, kind) in &planned.secrets {
            let secret = match (kind, bundle.secrets.get(id)) {
                (SecretChange::Given, Some(given)) => given.0.clone(),
                _ => {
                    let secret = self.mint_secret();
                    let campaign = id.clone();
                    shown.push(ShownSecret { campaign, secret: SecretText(secret.clone()) });
                    secret
                }
            };
            let owner = secrets::owner_of_campaign(id);
            let known = loaded.secrets.get(&owner).map_or(&[][..], Vec::as_slice);
            change.secrets.extend(self.replace_secret(
                &owner,
                &secret,
                known,
                Overlap::usual(now),
            )?);
        }
        change.secrets.extend(self.profile_secret_rows(&planned.profile_secrets, now)?);
        Ok(Prepared { change, shown })
    }
}

/// What applying `bundle` to what was loaded would change.
pub(super) fn planned(loaded: &Loaded, bundle: &Bundle, is_pruning: bool) -> Planned {
    let mut planned = plan(&loaded.objects, &current_secrets(loaded), bundle, is_pruning);
    planned.take_profile_secrets(&bundle.profile_secrets, &loaded.profile_secrets);
    planned
}

/// The secret each campaign signs with now.
fn current_secrets(loaded: &Loaded) -> BTreeMap<CampaignId, SigningSecret> {
    let current = |id: &CampaignId| {
        let secrets = loaded.secrets.get(&secrets::owner_of_campaign(id))?;
        Some((id.clone(), secrets.first()?.secret.clone()))
    };
    loaded.objects.campaigns.keys().filter_map(current).collect()
}

/// Whether the bundle brings an object of its own for this one.
fn names(bundle: &Bundle, kind: ObjectKind, id: &str) -> bool {
    match kind {
        ObjectKind::Vertical => bundle.verticals.contains_key(id),
        ObjectKind::Vendor => bundle.vendors.contains_key(id),
        ObjectKind::Buyer => bundle.buyers.contains_key(id),
        ObjectKind::Campaign => bundle.campaigns.contains_key(id),
        ObjectKind::Tree => bundle.trees.contains_key(id),
        ObjectKind::Profile => bundle.profiles.contains_key(id),
        ObjectKind::Standing => false,
        ObjectKind::EventEndpoint => false,
    }
}

/// An object as it is kept.
pub(super) fn row(objects: &RegistryObjects, kind: ObjectKind, id: &str) -> Option<RegistryObject> {
    match kind {
        ObjectKind::Vertical => row_in(&objects.verticals, kind, id),
        ObjectKind::Vendor => row_in(&objects.vendors, kind, id),
        ObjectKind::Buyer => row_in(&objects.buyers, kind, id),
        ObjectKind::Campaign => row_in(&objects.campaigns, kind, id),
        ObjectKind::Tree => row_in(&objects.trees, kind, id),
        ObjectKind::Profile => row_in(&objects.profiles, kind, id),
        ObjectKind::Standing => None,
        // No file brings one.
        ObjectKind::EventEndpoint => None,
    }
}

fn row_in<K, T: Serialize>(
    objects: &BTreeMap<Slug<K>, Stored<T>>,
    kind: ObjectKind,
    id: &str,
) -> Option<RegistryObject> {
    let stored = objects.get(id)?;
    let body = serde_json::to_string(&stored.value)
        .expect("registry objects are structs of texts, numbers and lists");
    Some(RegistryObject { kind, id: id.to_owned(), body, is_archived: stored.is_archived })
}

/// A campaign's standing as it is kept.
pub(super) fn standing_row(id: &CampaignId, standing: &Standing) -> RegistryObject {
    let body = serde_json::to_string(standing).expect("a standing is made of texts and flags");
    let kind = ObjectKind::Standing;
    RegistryObject { kind, id: id.to_string(), body, is_archived: false }
}
