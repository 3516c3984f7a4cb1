//! The random keys of the days: made once, kept sealed in a file each, cached, destroyed.
//!
//! A vault on its own makes a day's key when it is first needed. One whose keys are shared makes
//! none: it seals only under keys that it was given, and the files are copies.

use std::collections::{BTreeMap, BTreeSet};
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
    known: Mutex<Known>,
}

/// What is in memory.
#[derive(Default)]
struct Known {
    cache: BTreeMap<Date, SecretKey>,
    /// The days whose keys were given, if keys are shared.
    shared: Option<BTreeSet<Date>>,
}

impl DayKeys {
    /// Opens `directory` and, as a proof of the master key, its newest day key.
    pub(super) fn open(directory: PathBuf, sealing: SecretKey) -> Result<Self, VaultError> {
        key_file::open_directory(&directory)?;
        let keys = Self { directory, sealing, known: Mutex::default() };
        if let Some(newest) = keys.days()?.last() {
            keys.for_opening(*newest)?;
        }
        Ok(keys)
    }

    /// The key of `day`, made now if the day has none and keys are not shared.
    pub(super) fn for_sealing(
        &self,
        day: Date,
        random: &RandomSource,
    ) -> Result<SecretKey, VaultError> {
        let mut known = self.lock();
        if known.shared.as_ref().is_some_and(|given| !given.contains(&day)) {
            return Err(VaultError::NoDayKey { day });
        }
        let is_shared = known.shared.is_some();
        if let Some(key) = self.find(&mut known.cache, day)? {
            return Ok(key);
        }
        if is_shared {
            return Err(VaultError::NoDayKey { day });
        }
        let (key, sealed) = self.draw(day, random);
        if key_file::create_day(&self.directory, day, &sealed, random)? {
            remember(&mut known.cache, day, &key);
            return Ok(key);
        }
        // Another process made the day's key since we looked; that one is the day's.
        self.find(&mut known.cache, day)?.ok_or(VaultError::NoDayKey { day })
    }

    /// A new key for `day`, and its sealed form.
    fn draw(&self, day: Date, random: &RandomSource) -> (SecretKey, Vec<u8>) {
        let mut key: SecretKey = Zeroizing::new([0; KEY_BYTES]);
        random(key.as_mut_slice());
        let sealed = seal_under(&self.sealing, &associated(LABEL, "", day), key.as_slice(), random);
        (key, sealed)
    }

    /// From now on no key is made here and none is used for sealing that was not given.
    pub(super) fn share(&self) {
        self.lock().shared.get_or_insert_default();
    }

    /// Whether the key of `day` was given.
    pub(super) fn was_given(&self, day: Date) -> bool {
        self.lock().shared.as_ref().is_some_and(|given| given.contains(&day))
    }

    /// What is proposed to others as the key of `day`, sealed: the one in the file, or a new one
    /// that is kept nowhere yet.
    pub(super) fn proposal(&self, day: Date, random: &RandomSource) -> Result<Vec<u8>, VaultError> {
        match key_file::read_day(&self.directory, day)? {
            Some(sealed) => Ok(sealed),
            None => Ok(self.draw(day, random).1),
        }
    }

    /// Takes the key of `day` that all share.
    pub(super) fn give(
        &self,
        day: Date,
        sealed: &[u8],
        random: &RandomSource,
    ) -> Result<(), VaultError> {
        let key = self.unseal(day, sealed)?;
        let mut known = self.lock();
        if !key_file::create_day(&self.directory, day, sealed, random)? {
            known.cache.remove(&day);
            let ours = self.find(&mut known.cache, day)?;
            if ours.is_some_and(|ours| *ours != *key) {
                return Err(VaultError::DayKeyDiffers { day });
            }
        }
        remember(&mut known.cache, day, &key);
        known.shared.get_or_insert_default().insert(day);
        Ok(())
    }

    fn unseal(&self, day: Date, sealed: &[u8]) -> Result<SecretKey, VaultError> {
        let refused = || VaultError::DayKeyRefused { day };
        let opened = open_under(&self.sealing, &associated(LABEL, "", day), sealed);
        let opened = opened.map_err(|_| refused())?;
        let bytes = <&[u8; KEY_BYTES]>::try_from(opened.as_slice()).map_err(|_| refused())?;
        Ok(Zeroizing::new(*bytes))
    }

    /// The key of `day`, which must be there.
    pub(super) fn for_opening(&self, day: Date) -> Result<SecretKey, VaultError> {
        self.find(&mut self.lock().cache, day)?.ok_or(VaultError::NoDayKey { day })
    }

    /// The days that have a key file, oldest first.
    pub(super) fn days(&self) -> Result<Vec<Date>, VaultError> {
        Ok(key_file::list_days(&self.directory)?)
    }

    /// Forgets the key of `day` and destroys its file.
    pub(super) fn destroy(&self, day: Date) -> Result<(), VaultError> {
        let mut known = self.lock();
        known.cache.remove(&day);
        if let Some(given) = &mut known.shared {
            given.remove(&day);
        }
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
        let key = self.unseal(day, &sealed)?;
        remember(cache, day, &key);
        Ok(Some(key))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere leaves it as it was before or after one whole change.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn cached(&self) -> Vec<Date> {
        self.lock().cache.keys().copied().collect()
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
