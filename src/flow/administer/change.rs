//! One change of the registry: worked out against a version, written if that is still the version.

use jiff::Timestamp;

use super::load::{Loaded, overwrite};
use super::{AdminError, Administration, CHANGE_ATTEMPTS_MAX};
use crate::domain::object::ObjectKind;
use crate::ports::records::{Committed, RegistryChange};
use crate::registry::compile::check;
use crate::registry::fault::RegistryFault;
use crate::registry::objects::RegistryObjects;

/// What a change comes to against one version of the registry.
pub(super) enum Worked<T> {
    /// Everything is so already.
    Same(T),
    /// This would be so: it is checked and not written.
    Plan(Box<RegistryObjects>, T),
    /// This is to be written.
    Change(Box<RegistryChange>, T),
}

/// A change that was made, or that nothing was left of.
pub struct Changed<T> {
    /// The registry's version now.
    pub version: i64,
    /// What came of it.
    pub done: T,
}

impl Administration {
    /// Makes the change that `work` comes to. It is worked out anew when others were faster.
    pub(super) async fn change<T>(
        &self,
        work: impl Fn(&Loaded, Timestamp) -> Result<Worked<T>, AdminError>,
    ) -> Result<Changed<T>, AdminError> {
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let loaded = self.load().await?;
            let (change, done) = match work(&loaded, self.clock.now())? {
                Worked::Same(done) => return Ok(Changed { version: loaded.version, done }),
                Worked::Plan(next, done) => {
                    self.refuse_unproved(&loaded.objects, &next).await?;
                    return Ok(Changed { version: loaded.version, done });
                }
                Worked::Change(change, done) => (change, done),
            };
            let mut next = loaded.objects.clone();
            overwrite(&mut next, &change.objects);
            self.refuse_unproved(&loaded.objects, &next).await?;
            let (actor, summary) = (change.actor.clone(), change.summary.clone());
            if let Committed::Version(version) = self.records.change_registry(*change).await? {
                tracing::info!(version, actor, summary, "registry.changed");
                self.refresh_after_change(version).await;
                return Ok(Changed { version, done });
            }
        }
        Err(AdminError::Contended)
    }

    /// Refuses objects of which one campaign is at fault. Its buyer asked for the change and must not
    /// be told of faults in what belongs to others.
    pub(super) fn refuse_faults_of(
        &self,
        id: &str,
        objects: &RegistryObjects,
    ) -> Result<(), AdminError> {
        let is_own = |fault: &RegistryFault| fault.kind == ObjectKind::Campaign && fault.id == id;
        let faults = check(objects, &self.surroundings);
        let (own, others): (Vec<_>, Vec<_>) = faults.into_iter().partition(is_own);
        match others.first() {
            _ if !own.is_empty() => Err(AdminError::Refused(own)),
            Some(first) => Err(AdminError::Broken { first: first.to_string() }),
            None => Ok(()),
        }
    }
}
