//! Everything that takes the exchange's own keys: sealing, opening, and keyed digests.
//!
//! One master key in a file is the root. From it come, each under its own label, the keys of the
//! digests by which things are found without being told (idempotency keys, duplicates, posts,
//! pseudonyms), the pepper of API keys, and the keys that seal secrets and day keys. A consumer's
//! data is sealed under a random key of its own, wrapped by a random key of its day: destroying
//! the day's key file makes the whole day unreadable, whatever copies of the store remain
//! (PROTOCOL S14, S15). The vault does not know where sealed bytes are kept, what is in them, or
//! what the time is; files are touched in `key_file` alone.

mod day_keys;
mod derive;
mod digest;
mod error;
mod key_file;
mod lead_image;
mod seal;

use std::path::PathBuf;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};

use crate::domain::ids::LeadId;

pub use day_keys::DAY_KEYS_CACHED_MAX;
pub use error::{KeyFileError, VaultError};
pub use key_file::{
    KEY_FILE_BYTES_MAX, MasterKey, create_key_file, read_key_file, read_private_line,
};
pub use seal::{SEALABLE_BYTES_MAX, Sealed};

use day_keys::DayKeys;
use derive::{SecretKey, subkey};
use digest::DigestKeys;

/// Fills bytes from a generator fit for keys. It is the vault's only source of randomness.
pub type RandomSource = Box<dyn Fn(&mut [u8]) + Send + Sync>;

/// The keys of one installation, ready for use.
///
/// It has no `Debug`; every key in it is erased from memory when it is dropped.
pub struct Vault {
    digests: DigestKeys,
    secrets: SecretKey,
    day_keys: DayKeys,
    random: RandomSource,
}

impl Vault {
    /// Derives the keys of `master` and opens the directory of day keys, making it (mode 0700) if
    /// it is not there.
    ///
    /// Blocks on the file system.
    ///
    /// # Errors
    /// [`VaultError::DayKeyRefused`] when the newest day key was not sealed under `master`, so that
    /// a wrong key file is found at start and not by the first lead; [`VaultError::KeyFile`] when
    /// the directory cannot be made or read.
    pub fn open(
        master: &MasterKey,
        day_key_directory: PathBuf,
        random: RandomSource,
    ) -> Result<Self, VaultError> {
        let day_keys = DayKeys::open(day_key_directory, subkey(master, "day-keys"))?;
        Ok(Self {
            digests: DigestKeys::of(master),
            secrets: subkey(master, "secrets"),
            day_keys,
            random,
        })
    }

    /// Makes the day's key now if it is not there yet, so that no lead waits for the disk.
    ///
    /// Blocks on the file system. A lead of a day that was not prepared makes the key itself.
    ///
    /// # Errors
    /// [`VaultError`] when the key can be neither read nor written.
    pub fn prepare_day(&self, day: Date) -> Result<(), VaultError> {
        self.day_keys.for_sealing(day, &self.random).map(|_| ())
    }

    /// From now on day keys are shared with other nodes: none is made here, and a lead is sealed
    /// only under a key that was given by [`Vault::give_day_key`].
    pub fn share_day_keys(&self) {
        self.day_keys.share();
    }

    /// Whether the shared key of `day` was given.
    #[must_use]
    pub fn has_shared_day_key(&self, day: Date) -> bool {
        self.day_keys.was_given(day)
    }

    /// What this node proposes as the key of `day`, wrapped by the master key: the key in its
    /// folder, or a new one that is kept nowhere yet. Blocks on the file system.
    ///
    /// # Errors
    /// [`VaultError::KeyFile`] when the folder cannot be read.
    pub fn propose_day_key(&self, day: Date) -> Result<Vec<u8>, VaultError> {
        self.day_keys.proposal(day, &self.random)
    }

    /// Takes the key of `day` that all nodes share, wrapped by the master key, and keeps a copy in
    /// the folder. Blocks on the file system.
    ///
    /// # Errors
    /// [`VaultError::DayKeyRefused`] when it was wrapped by another master key,
    /// [`VaultError::DayKeyDiffers`] when the folder has another key for that day,
    /// [`VaultError::KeyFile`] when the copy cannot be written.
    pub fn give_day_key(&self, day: Date, wrapped: &[u8]) -> Result<(), VaultError> {
        self.day_keys.give(day, wrapped, &self.random)
    }

    /// The days that have a key, oldest first.
    ///
    /// # Errors
    /// [`VaultError::KeyFile`] when the directory cannot be read.
    pub fn days(&self) -> Result<Vec<Date>, VaultError> {
        self.day_keys.days()
    }

    /// Destroys the key of `day`: nothing sealed on that day can be opened again by anyone.
    ///
    /// The file is overwritten before it is removed, which older copies in backups and the blocks
    /// of a copying file system survive; those have to expire on their own. Another process that
    /// has the key in memory keeps it until it ends. Blocks on the file system. A day without a
    /// key is left as it is.
    ///
    /// # Errors
    /// [`VaultError::KeyFile`] when a file could not be removed; the key may still be there.
    pub fn destroy_day(&self, day: Date) -> Result<(), VaultError> {
        self.day_keys.destroy(day)
    }
}

/// The day (UTC) under whose key a lead and its posts are sealed: that of its id.
///
/// It does not change while the lead lives, so one day's key opens all of the lead or nothing.
#[must_use]
pub fn lead_day(lead_id: LeadId) -> Date {
    let minted = Timestamp::from_millisecond(lead_id.minted_ms()).unwrap_or(Timestamp::MAX);
    TimeZone::UTC.to_datetime(minted).date()
}

#[cfg(test)]
mod tests;
