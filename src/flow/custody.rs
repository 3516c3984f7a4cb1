//! Day keys of several nodes: one key for each day, agreed upon through the records.
//!
//! Whoever needs a day's key first proposes one, wrapped by the master key; the records keep the
//! first proposal, and everybody takes what they keep. So no node ever seals a lead under a key that
//! the others cannot have. The folder of a node is a copy; a key that was destroyed in the records
//! disappears from it at the next look.

use std::sync::Arc;

use jiff::civil::Date;
use tokio::task::{JoinError, spawn_blocking};

use super::exchange::Exchange;
use super::run::Stop;
use crate::ports::Records;
use crate::ports::records::{DayKeyRow, RecordsError};
use crate::vault::{Vault, VaultError};

/// Why the nodes could not agree on a key.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The records belong to an installation with another master key.
    #[error(
        "the records belong to an installation with another master key: every node needs a copy of \
         the same gavel.key"
    )]
    OtherInstallation,
    /// The records gave no answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A key could not be read, written or taken.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The work was cut off: our own fault.
    #[error("the work on day keys was cut off: {0}")]
    Ended(#[from] JoinError),
}

/// Makes sure that the records are those of this master key, or of nobody yet.
///
/// # Errors
/// [`CustodyError::OtherInstallation`], [`CustodyError::Records`].
pub async fn claim_installation(records: &dyn Records, vault: &Vault) -> Result<(), CustodyError> {
    let mark = vault.install_mark().to_vec();
    let known = records.claim_installation(mark.clone()).await?;
    if known == mark { Ok(()) } else { Err(CustodyError::OtherInstallation) }
}

/// The keys of this node, as far as others share them.
#[derive(Clone)]
pub struct Custody {
    records: Arc<dyn Records>,
    vault: Arc<Vault>,
}

impl Custody {
    /// From now on `vault` seals only under keys that `records` have.
    #[must_use]
    pub fn new(records: Arc<dyn Records>, vault: Arc<Vault>) -> Self {
        vault.share_day_keys();
        Self { records, vault }
    }

    /// Takes the keys that others agreed on, proposes those that only this node has, forgets those
    /// that were destroyed, and sees to it that `days` have keys.
    ///
    /// # Errors
    /// [`CustodyError`]; what was done until then holds.
    pub async fn keep(&self, days: &[Date]) -> Result<(), CustodyError> {
        let rows = self.records.day_keys().await?;
        for row in &rows {
            self.take(row.clone()).await?;
        }
        let vault = Arc::clone(&self.vault);
        let ours = spawn_blocking(move || vault.days()).await??;
        for day in ours.iter().chain(days) {
            if rows.iter().all(|row| row.day != *day) {
                self.agree(*day).await?;
            }
        }
        Ok(())
    }

    /// Agrees with the others on the key of `day`.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub async fn agree(&self, day: Date) -> Result<(), CustodyError> {
        let vault = Arc::clone(&self.vault);
        let proposal = spawn_blocking(move || vault.propose_day_key(day)).await??;
        self.take(self.records.offer_day_key(day, proposal).await?).await
    }

    /// Takes the key of `day` if the records have it.
    async fn fetch(&self, day: Date) -> Result<(), CustodyError> {
        let rows = self.records.day_keys().await?;
        match rows.into_iter().find(|row| row.day == day) {
            Some(row) => self.take(row).await,
            None => Ok(()),
        }
    }

    async fn take(&self, row: DayKeyRow) -> Result<(), CustodyError> {
        let DayKeyRow { day, wrapped } = row;
        let vault = Arc::clone(&self.vault);
        let take = move || match wrapped {
            Some(_) if vault.has_shared_day_key(day) => Ok(()),
            Some(wrapped) => vault.give_day_key(day, &wrapped),
            None => vault.destroy_day(day),
        };
        Ok(spawn_blocking(take).await??)
    }
}

impl Exchange {
    /// Opens something; if this node lacks the key of its day, fetches it from the others first.
    pub(super) async fn with_day_key<T>(
        &self,
        open: impl Fn() -> Result<T, VaultError>,
    ) -> Result<T, Stop> {
        match open() {
            Err(VaultError::NoDayKey { day }) => {
                self.custody.fetch(day).await?;
                Ok(open()?)
            }
            known => Ok(known?),
        }
    }

    /// Sees to it that leads of `day` can be sealed.
    pub(super) async fn prepare_day(&self, day: Date) -> Result<(), Stop> {
        if self.vault.has_shared_day_key(day) {
            return Ok(());
        }
        Ok(self.custody.agree(day).await?)
    }
}
