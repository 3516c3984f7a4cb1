//! Endpoints of events: registered, changed, disabled and taken away, each a version of the
//! registry like any other change.

use zeroize::Zeroizing;

use super::load::Loaded;
use super::secrets::Overlap;
use super::{AdminError, Administration, CHANGE_ATTEMPTS_MAX};
use crate::domain::event::{ENDPOINTS_PER_OWNER_MAX, Endpoint};
use crate::domain::ids::EndpointId;
use crate::domain::object::ObjectKind;
use crate::domain::party::Party;
use crate::ports::records::{Committed, RegistryChange, RegistryObject, SealedSecret};
use crate::registry::endpoints::check;

/// An endpoint as its owner gets it; the secret is shown this once.
pub struct NewEndpoint {
    /// Its id.
    pub endpoint_id: EndpointId,
    /// What its events are signed with (`whsec_...`).
    pub secret: Zeroizing<String>,
}

/// The name under which an endpoint's secrets are kept.
pub(super) fn owner_of_endpoint(id: EndpointId) -> String {
    format!("endpoint:{id}")
}

impl Administration {
    /// Registers an endpoint, for the audit in the name of `actor`.
    ///
    /// # Errors
    /// [`AdminError::Endpoint`], [`AdminError::TooManyEndpoints`], and as
    /// [`apply`](Administration::apply).
    pub async fn create_endpoint(
        &self,
        endpoint: &Endpoint,
        actor: &str,
    ) -> Result<NewEndpoint, AdminError> {
        check(endpoint, &self.surroundings)?;
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let loaded = self.load().await?;
            let id = EndpointId::new(self.entropy.bits());
            let own = loaded.objects.endpoints.values().filter_map(|stored| stored.as_live());
            if own.filter(|known| known.owner == endpoint.owner).count() >= ENDPOINTS_PER_OWNER_MAX
            {
                return Err(AdminError::TooManyEndpoints);
            }
            let secret = self.mint_secret();
            let owner = owner_of_endpoint(id);
            let now = self.clock.now();
            let summary = format!("event endpoint: {id} created for {}", endpoint.owner);
            let mut change = RegistryChange::new(loaded.version, actor, &summary, now);
            change.objects.push(row(id, endpoint, false));
            change.secrets = self.replace_secret(&owner, &secret, &[], Overlap::usual(now))?;
            if self.commit_endpoint(change).await? {
                return Ok(NewEndpoint { endpoint_id: id, secret: secret.text() });
            }
        }
        Err(AdminError::Contended)
    }

    /// Changes an endpoint by `edit`, which gives what to write into the audit, or nothing if
    /// there is nothing to change. Gives the endpoint after it.
    ///
    /// # Errors
    /// [`AdminError::UnknownEndpoint`], [`AdminError::Endpoint`], and as
    /// [`apply`](Administration::apply).
    pub async fn change_endpoint(
        &self,
        id: EndpointId,
        actor: &str,
        edit: impl Fn(&mut Endpoint) -> Option<&'static str>,
    ) -> Result<Endpoint, AdminError> {
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let loaded = self.load().await?;
            let mut endpoint = known(&loaded, id)?.clone();
            let Some(what) = edit(&mut endpoint) else { return Ok(endpoint) };
            check(&endpoint, &self.surroundings)?;
            let summary = format!("event endpoint: {id} {what}");
            let now = self.clock.now();
            let mut change = RegistryChange::new(loaded.version, actor, &summary, now);
            change.objects.push(row(id, &endpoint, false));
            if self.commit_endpoint(change).await? {
                return Ok(endpoint);
            }
        }
        Err(AdminError::Contended)
    }

    /// Takes an endpoint of `owner` (`None`: of anybody) away for good; one that is gone already
    /// stays so.
    ///
    /// # Errors
    /// [`AdminError::UnknownEndpoint`], and as [`apply`](Administration::apply).
    pub async fn archive_endpoint(
        &self,
        id: EndpointId,
        owner: Option<&Party>,
        actor: &str,
    ) -> Result<(), AdminError> {
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let loaded = self.load().await?;
            let stored = loaded.objects.endpoints.get(&id);
            let stored = stored.ok_or(AdminError::UnknownEndpoint)?;
            let endpoint = &stored.value;
            if owner.is_some_and(|owner| *owner != endpoint.owner) {
                return Err(AdminError::UnknownEndpoint);
            }
            if stored.is_archived {
                return Ok(());
            }
            let now = self.clock.now();
            let summary = format!("event endpoint: {id} deleted");
            let mut change = RegistryChange::new(loaded.version, actor, &summary, now);
            change.objects.push(row(id, endpoint, true));
            if self.commit_endpoint(change).await? {
                return Ok(());
            }
        }
        Err(AdminError::Contended)
    }

    /// Gives an endpoint a new secret; the present one signs beside it for `overlap_s` seconds.
    ///
    /// # Errors
    /// [`AdminError::UnknownEndpoint`], and as [`apply`](Administration::apply).
    pub async fn rotate_endpoint_secret(
        &self,
        id: EndpointId,
        overlap_s: u32,
        actor: &str,
    ) -> Result<NewEndpoint, AdminError> {
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let loaded = self.load().await?;
            known(&loaded, id)?;
            let owner = owner_of_endpoint(id);
            let secret = self.mint_secret();
            let now = self.clock.now();
            let before = loaded.secrets.get(&owner).map_or(&[][..], Vec::as_slice);
            let overlap = Overlap { from: now, seconds: overlap_s.into() };
            let rows = self.replace_secret(&owner, &secret, before, overlap)?;
            let summary = format!("event endpoint: {id} has a new secret");
            let mut change = RegistryChange::new(loaded.version, actor, &summary, now);
            // One without an overlap ends now, like every older one that is not named.
            let goes_on = |row: &SealedSecret| row.valid_until.is_none_or(|end| end > now);
            change.secrets = rows.into_iter().filter(goes_on).collect();
            if self.commit_endpoint(change).await? {
                return Ok(NewEndpoint { endpoint_id: id, secret: secret.text() });
            }
        }
        Err(AdminError::Contended)
    }

    async fn commit_endpoint(&self, change: RegistryChange) -> Result<bool, AdminError> {
        let (actor, summary) = (change.actor.clone(), change.summary.clone());
        let Committed::Version(version) = self.records.change_registry(change).await? else {
            return Ok(false);
        };
        tracing::info!(version, actor, summary, "registry.endpoint_changed");
        self.refresh_after_change(version).await;
        Ok(true)
    }
}

fn known(loaded: &Loaded, id: EndpointId) -> Result<&Endpoint, AdminError> {
    let live: Option<&Endpoint> =
        loaded.objects.endpoints.get(&id).and_then(|stored| stored.as_live());
    live.ok_or(AdminError::UnknownEndpoint)
}

fn row(id: EndpointId, endpoint: &Endpoint, is_archived: bool) -> RegistryObject {
    let body = serde_json::to_string(endpoint).expect("an endpoint is made of texts and times");
    RegistryObject { kind: ObjectKind::EventEndpoint, id: id.to_string(), body, is_archived }
}
