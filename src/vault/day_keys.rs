//! The random keys of the days: made once, kept sealed in a file each, cached, destroyed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::RandomSource;
use super::derive::{KEY_BYTES, SecretKey};
use super::error::VaultError;
use super::key_file;
use super::seal::{associated, open_under, seal_under};

/// The most day keys held in memory; beyond it the oldest is read from its file again when needed.
pub const DAY_KEYS_CACHED_MAX: usize = 64;

/// Separates sealed day keys from everything else that is sealed.
const LABEL: &str = "day-key";

/// The day keys of one directory.
///
/// One lock is held over a whole look-up, file and all: the first lead of a day makes the others
/// wait for its key instead of racing it to the disk.
pub(super) struct DayKeys {
    directory: PathBuf,
    sealing: SecretKey,
    cache: Mutex<BTreeMap<Date, SecretKey>>,
}

impl DayKeys {
    /// Opens `directory` and, as a proof of the master key, its newest day key.
    pub(super) fn open(directory: PathBuf, sealing: SecretKey) -> Result<Self, VaultError> {
        key_file::open_directory(&directory)?;
        let keys = Self { directory, sealing, cache: Mutex::default() };
        if let Some(newest) = keys.days()?.last() {
            keys.for_opening(*newest)?;
        }
        Ok(keys)
    }

    /// The key of `day`, made now if the day has none.
    pub(super) fn for_sealing(
        &self,
        day: Date,
        random: &RandomSource,
    ) -> Result<SecretKey, VaultError> {
        let mut cache = self.lock();
        if let Some(key) = self.find(&mut cache, day)? {
            return Ok(key);
        }
        let mut key: SecretKey = Zeroizing::new([0; KEY_BYTES]);
        random(key.as_mut_slice());
        let sealed = seal_under(&self.sealing, &associated(LABEL, "", day), key.as_slice(), random);
        if key_file::create_day(&self.directory, day, &sealed, random)? {
            remember(&mut cache, day, &key);
            return Ok(key);
        }
        // Another process made the day's key since we looked; that one is the day's.
        self.find(&mut cache, day)?.ok_or(VaultError::NoDayKey { day })
    }

    /// The key of `day`, which must be there.
    pub(super) fn for_opening(&self, day: Date) -> Result<SecretKey, VaultError> {
        self.find(&mut self.lock(), day)?.ok_or(VaultError::NoDayKey { day })
    }

    /// The days that have a key file, oldest first.
    pub(super) fn days(&self) -> Result<Vec<Date>, VaultError> {
        Ok(key_file::list_days(&self.directory)?)
    }

    /// Forgets the key of `day` and destroys its file.
    pub(super) fn destroy(&self, day: Date) -> Result<(), VaultError> {
        let mut cache = self.lock();
        cache.remove(&day);
        Ok(key_file::destroy_day(&self.directory, day)?)
    }

    fn find(
        &self,
        cache: &mut BTreeMap<Date, SecretKey>,
        day: Date,
    ) -> Result<Option<SecretKey>, VaultError> {
        if let Some(key) = cache.get(&day) {
            return Ok(Some(key.clone()));
        }
        let Some(sealed) = key_file::read_day(&self.directory, day)? else { return Ok(None) };
        let refused = VaultError::DayKeyRefused { day };
        let Ok(opened) = open_under(&self.sealing, &associated(LABEL, "", day), &sealed) else {
            return Err(refused);
        };
        let Ok(bytes) = <&[u8; KEY_BYTES]>::try_from(opened.as_slice()) else {
            return Err(refused);
        };
        let key = Zeroizing::new(*bytes);
        remember(cache, day, &key);
        Ok(Some(key))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Date, SecretKey>> {
        // A panic elsewhere leaves the cache as it was before or after one whole change.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn cached(&self) -> Vec<Date> {
        self.lock().keys().copied().collect()
    }
}

/// Adds a key and, over the limit, drops the oldest other one: today's leads are the busy ones.
fn remember(cache: &mut BTreeMap<Date, SecretKey>, day: Date, key: &SecretKey) {
    cache.insert(day, key.clone());
    if cache.len() > DAY_KEYS_CACHED_MAX {
        let oldest_other = cache.keys().copied().find(|cached| *cached != day);
        oldest_other.and_then(|oldest| cache.remove(&oldest));
    }
}

#[cfg(test)]
mod tests;
