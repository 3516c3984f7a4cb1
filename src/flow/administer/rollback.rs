//! Going back to an earlier version of the registry, and the list of its changes.

use super::apply::{ApplyReport, row};
use super::change::Worked;
use super::load::read_objects;
use super::{AdminError, Administration};
use crate::ports::records::{ChangeRow, RegistryChange};
use crate::registry::compile::check;
use crate::registry::plan::{back, missing_profile_secrets};

impl Administration {
    /// Makes every object what it was at `version`, or only tells what that would change; for the
    /// audit in the name of `actor`. Standings, secrets and keys stay as they are.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`] for a version that is not there, and [`AdminError::Refused`]
    /// when the registry would have faults today.
    pub async fn roll_back(
        &self,
        version: i64,
        plan_only: bool,
        actor: &str,
    ) -> Result<ApplyReport, AdminError> {
        let present = self.records.registry_version().await?;
        if version < 1 || version > present {
            return Err(AdminError::UnknownVersion { asked: version, present });
        }
        let (then, unreadable) = read_objects(self.records.registry_objects_at(version).await?);
        if !unreadable.is_empty() {
            return Err(AdminError::Refused(unreadable));
        }
        let changed = self
            .change(|loaded, now| {
                let (plan, next) = back(&loaded.objects, &then);
                let mut faults = check(&next, &self.surroundings);
                faults.extend(missing_profile_secrets(&next, &[&loaded.profile_secrets]));
                if !faults.is_empty() {
                    return Err(AdminError::Refused(faults));
                }
                if plan.is_empty() {
                    return Ok(Worked::Same(plan));
                }
                if plan_only {
                    return Ok(Worked::Plan(Box::new(next), plan));
                }
                let summary = format!("rollback to {version}: {}", plan.audit());
                let mut change = RegistryChange::new(loaded.version, actor, &summary, now);
                let rows = plan.changes.iter();
                change.objects =
                    rows.filter_map(|change| row(&next, change.kind, &change.id)).collect();
                Ok(Worked::Change(Box::new(change), plan))
            })
            .await?;
        Ok(ApplyReport { version: changed.version, plan: changed.done, secrets: Vec::new() })
    }

    /// The last changes before `before`, newest first.
    ///
    /// # Errors
    /// [`AdminError::Records`].
    pub async fn history(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<ChangeRow>, AdminError> {
        Ok(self.records.registry_history(before, limit).await?)
    }
}
