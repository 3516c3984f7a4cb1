//! The administration of the registry: what may change it, and how a change reaches the auctions.
//!
//! Everything is worked out against one version and written only if that is still the version: two
//! who change the registry at once never overwrite each other, the slower one works it out again.
//! A change that would leave the registry with any fault is refused whole, so a version that is
//! written can always be compiled. Secrets are sealed before they are written and shown once. This
//! module must not know where the registry is kept, nor how its files or requests look.

mod apply;
mod campaigns;
mod change;
pub mod endpoints;
mod keys;
mod load;
mod objects;
mod order;
mod profiles;
mod proof;
mod rollback;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::domain::event::ENDPOINTS_PER_OWNER_MAX;
use crate::metrics::Metrics;
use crate::ports::records::RecordsError;
use crate::ports::{Clock, Entropy, Records};
use crate::registry::compile::Surroundings;
use crate::registry::endpoints::EndpointFault;
use crate::registry::fault::RegistryFault;
use crate::registry::snapshot::Snapshot;
use crate::vault::{Vault, VaultError};

pub use apply::{ApplyOptions, ApplyReport, ShownSecret};
pub use campaigns::{CampaignStanding, EndpointsSet, SECRET_OVERLAP_S_MAX};
pub use change::Changed;
pub use keys::{KeyOrder, LIVE_KEYS_PER_OWNER_MAX, NewKey};
pub use objects::{Described, ObjectPut, Precondition};
pub use order::{CampaignOrder, Order, ProfileOrder};
pub use profiles::{ProfileFault, ProfilePut, Tested, TestedVertical};
pub use proof::{REHEARSAL_TIME_MAX, REHEARSALS_MAX};
pub use secrets::SECRET_OVERLAP_S;

/// How often a change is worked out again because somebody else was faster.
pub const CHANGE_ATTEMPTS_MAX: usize = 10;

/// Why the registry was not changed, or not read.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The registry would have faults, or has them.
    #[error("the registry has {} fault(s), the first: {}", .0.len(), first(.0))]
    Refused(Vec<RegistryFault>),
    /// A key is for a vendor or buyer that does not exist or is archived.
    #[error("there is no {role} `{owner}`, or it is archived")]
    UnknownOwner {
        /// What the owner would be.
        role: crate::domain::key::Role,
        /// The slug that was given.
        owner: String,
    },
    /// A vendor's or a buyer's key names no owner.
    #[error("a key of a {role} needs the {role} it is for")]
    OwnerMissing {
        /// What the owner would be.
        role: crate::domain::key::Role,
    },
    /// An operator's key names an owner.
    #[error("an operator's key has no owner; leave it out")]
    OwnerOfOperator,
    /// An operator's key is to be a test key.
    #[error("an operator's key cannot be a test key: what operators do is never a test")]
    OperatorTest,
    /// The owner has as many live keys as one may have.
    #[error("there are {LIVE_KEYS_PER_OWNER_MAX} live keys of this owner; revoke one first")]
    TooManyKeys,
    /// There is no key of that id.
    #[error("there is no such key")]
    UnknownKey,
    /// There is no such object, or it is not in use, or it is another's.
    #[error("there is no such object")]
    UnknownObject,
    /// The registry had no such version.
    #[error("there is no version {asked} of the registry; the present one is {present}")]
    UnknownVersion {
        /// The version that was asked for.
        asked: i64,
        /// The newest one.
        present: i64,
    },
    /// The object is not, or not any more, as the caller says.
    #[error("the object is not as the condition says")]
    Precondition,
    /// The campaign speaks through a profile, so that its endpoints cannot answer a challenge.
    #[error("endpoints behind a profile cannot answer a challenge")]
    NotChallengeable,
    /// The campaign has no endpoints that an operator could vouch for.
    #[error("the campaign has no endpoints yet")]
    EndpointsMissing,
    /// The registry has faults of its own, which are not the caller's.
    #[error("the registry has a fault: {first}")]
    Broken {
        /// The first of them.
        first: String,
    },
    /// There is no endpoint of that id.
    #[error("there is no such endpoint")]
    UnknownEndpoint,
    /// The owner has as many endpoints as one may have.
    #[error("there are {ENDPOINTS_PER_OWNER_MAX} endpoints of this owner; delete one first")]
    TooManyEndpoints,
    /// An endpoint cannot be as it was described.
    #[error(transparent)]
    Endpoint(#[from] EndpointFault),
    /// As many challenges of the same owner run as may run at once.
    #[error("a challenge of the same owner has not ended yet")]
    ChallengeRunning {
        /// When it is over at the latest, in seconds.
        retry_after_s: u32,
    },
    /// The files of a profile have faults.
    #[error("the profile has {} fault(s)", .0.len())]
    InvalidProfile(Vec<ProfileFault>),
    /// Another buyer's profile is being tried.
    #[error("another profile is being tried; try again")]
    Busy,
    /// A task of our own ended before it was done.
    #[error("a task ended: {0}")]
    Ended(#[from] JoinError),
    /// Others changed the registry each time before this change was written.
    #[error("the registry is being changed by others; try again")]
    Contended,
    /// The records gave no answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What was opened as a secret is none: our own fault.
    #[error("the secret of {owner} opens and is no secret")]
    NotASecret {
        /// Whose it is.
        owner: String,
    },
}

fn count(faults: usize) -> i64 {
    i64::try_from(faults).unwrap_or(i64::MAX)
}

fn first(faults: &[RegistryFault]) -> String {
    faults.first().map(ToString::to_string).unwrap_or_default()
}

/// What an administration is made of.
pub struct AdministrationParts {
    /// Where the registry is kept.
    pub records: Arc<dyn Records>,
    /// What seals its secrets.
    pub vault: Arc<Vault>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for keys and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// The exchange the registry belongs to.
    pub surroundings: Surroundings,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The registry's administration, and the snapshot auctions take.
pub struct Administration {
    records: Arc<dyn Records>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    surroundings: Arc<Surroundings>,
    metrics: Arc<Metrics>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    /// Held by the one request of a buyer that has a profile compiled or its cases run.
    trying: Semaphore,
    /// Held while a profile is compiled or its cases are run: they may be anybody's.
    rehearsing: Semaphore,
    /// Held while a newer snapshot is made, so that an older one never replaces it.
    refreshing: Mutex<()>,
}

impl Administration {
    /// An administration whose snapshot is empty until [`Administration::refresh`].
    #[must_use]
    pub fn new(parts: AdministrationParts) -> Self {
        let empty = Snapshot::empty(&parts.surroundings.currency);
        Self {
            records: parts.records,
            vault: parts.vault,
            clock: parts.clock,
            entropy: parts.entropy,
            surroundings: Arc::new(parts.surroundings),
            metrics: parts.metrics,
            trying: Semaphore::new(1),
            rehearsing: Semaphore::new(REHEARSALS_MAX),
            snapshot: Arc::new(ArcSwap::from_pointee(empty)),
            refreshing: Mutex::new(()),
        }
    }

    /// The snapshot, replaced as the registry changes.
    #[must_use]
    pub fn snapshot(&self) -> Arc<ArcSwap<Snapshot>> {
        Arc::clone(&self.snapshot)
    }

    /// Replaces the snapshot if the registry has another version, or if a secret in it ended.
    ///
    /// # Errors
    /// [`AdminError`]; the snapshot stays as it was.
    pub async fn refresh(&self) -> Result<(), AdminError> {
        let _guard = self.refreshing.lock().await;
        let version = self.records.registry_version().await?;
        let current = self.snapshot.load();
        let has_ended = current.ends_at.is_some_and(|ends_at| ends_at <= self.clock.now());
        if current.version == version && !has_ended {
            return Ok(());
        }
        let snapshot = match self.load_snapshot().await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                if let AdminError::Refused(faults) = &error {
                    self.metrics.registry_faults.set(count(faults.len()));
                }
                return Err(error);
            }
        };
        self.metrics.registry_faults.set(0);
        self.metrics.registry_version.set(snapshot.version);
        tracing::info!(
            version = snapshot.version,
            campaigns = snapshot.campaigns.len(),
            "registry.loaded"
        );
        self.snapshot.store(snapshot);
        Ok(())
    }

    /// Refreshes the snapshot every `period` until `stop`.
    ///
    /// A registry that cannot be read or compiled leaves the snapshot as it is: what runs, goes on
    /// running. It is logged once and not at every look.
    pub async fn watch(&self, period: Duration, stop: CancellationToken) {
        let mut last_trouble = None;
        while stop.run_until_cancelled(tokio::time::sleep(period)).await.is_some() {
            let trouble = self.refresh().await.err().map(|error| error.to_string());
            if trouble == last_trouble {
                continue;
            }
            match &trouble {
                Some(error) => tracing::error!(error, "registry.refresh_failed"),
                None => tracing::info!("registry.refresh_recovered"),
            }
            last_trouble = trouble;
        }
    }

    /// After a change: the node that made it uses it at once, others within their period.
    async fn refresh_after_change(&self, version: i64) {
        if let Err(error) = self.refresh().await {
            tracing::error!(version, error = error.to_string(), "registry.refresh_failed");
        }
    }
}

#[cfg(test)]
mod tests;
