//! How far the commits go that somebody was told of, in a file beside the engine's.
//!
//! A journal whose end is cut away or zeroed looks like one that was never longer. The mark is written
//! after each commit, before anybody is told, and handed to the operating system without a sync of its
//! own: it is exact whatever happens to the process, and after a power cut at most as old as the
//! system leaves pages unwritten (half a minute on Linux). It takes turns between two places a page
//! apart, so that a write that is torn leaves the one before.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

const MARK_FILE: &str = "acknowledged";
const MAGIC: [u8; 8] = *b"gavel-a1";
/// Magic, number, sequence number, journal; then a checksum of these.
const SAID_BYTES: usize = 8 + 8 + 8 + 8;
const ENTRY_BYTES: usize = SAID_BYTES + 8;
/// The distance of the two places: a page.
const PLACE_BYTES: u64 = 4_096;
const PLACES: u64 = 2;

/// Up to where commits were acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub(super) struct Acknowledged {
    /// The number of the last commit that somebody may have been told of; 0 = none.
    pub(super) number: u64,
    /// The engine's next sequence number after it: its own is lower.
    pub(super) after: u64,
    /// The newest journal just before it: it is in this one, or in a newer one.
    pub(super) journal: u64,
}

/// Why there is no mark.
#[derive(Debug, thiserror::Error)]
pub(super) enum MarkFault {
    /// The file system failed.
    #[error("{} cannot be used: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Neither place can be read.
    #[error("{} is damaged: it does not say how far commits were acknowledged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// The file, open.
pub(super) struct Mark {
    file: File,
}

/// What the mark in `directory` says; `None` if there is no such file.
///
/// # Errors
/// [`MarkFault`].
pub(super) fn read(directory: &Path) -> Result<Option<Acknowledged>, MarkFault> {
    let path = directory.join(MARK_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(MarkFault::Io { path, error }),
    };
    let places = bytes.chunks(PLACE_BYTES as usize).take(PLACES as usize);
    let known = places.filter_map(parse).max();
    known.map(Some).ok_or(MarkFault::Damaged { path })
}

fn parse(place: &[u8]) -> Option<Acknowledged> {
    let entry: &[u8; ENTRY_BYTES] = place.first_chunk()?;
    let (parts, _) = entry.as_chunks::<8>();
    let [magic, number, after, journal, checksum] = *parts else { return None };
    let is_whole = magic == MAGIC && xxh3_64(&entry[..SAID_BYTES]) == u64::from_le_bytes(checksum);
    let [number, after, journal] = [number, after, journal].map(u64::from_le_bytes);
    is_whole.then_some(Acknowledged { number, after, journal })
}

impl Mark {
    /// Opens the mark in `directory`, or makes one that says `acknowledged`, durably.
    ///
    /// # Errors
    /// [`MarkFault::Io`].
    pub(super) fn open(directory: &Path, acknowledged: Acknowledged) -> Result<Self, MarkFault> {
        let path = directory.join(MARK_FILE);
        let open = || {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            file.set_len(PLACE_BYTES * PLACES)?;
            let mark = Self { file };
            mark.write(acknowledged)?;
            mark.file.sync_all()?;
            #[cfg(unix)]
            File::open(directory)?.sync_all()?;
            Ok(mark)
        };
        open().map_err(|error| MarkFault::Io { path: path.clone(), error })
    }

    /// Says how far commits are acknowledged from here on.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn write(&self, acknowledged: Acknowledged) -> io::Result<()> {
        let Acknowledged { number, after, journal } = acknowledged;
        let mut entry = [0; ENTRY_BYTES];
        entry[..8].copy_from_slice(&MAGIC);
        let numbers = entry[8..SAID_BYTES].chunks_exact_mut(8);
        for (place, number) in numbers.zip([number, after, journal]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let checksum = xxh3_64(&entry[..SAID_BYTES]);
        entry[SAID_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        let mut file = &self.file;
        file.seek(SeekFrom::Start(number % PLACES * PLACE_BYTES))?;
        file.write_all(&entry)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // It would be exact without, unless the power fails next.
        drop(self.file.sync_data());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_is_torn_says_what_it_said_before() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read(directory.path()).unwrap(), None);
        let said = |number| Acknowledged { number, after: 10 * number, journal: 2 };
        let mark = Mark::open(directory.path(), said(7)).unwrap();
        mark.write(said(8)).unwrap();
        drop(mark);
        assert_eq!(read(directory.path()).unwrap(), Some(said(8)));
        let path = directory.path().join(MARK_FILE);
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len(), 8_192);
        for at in 0..ENTRY_BYTES {
            let mut torn = whole.clone();
            torn[at] ^= 0x10;
            std::fs::write(&path, &torn).unwrap();
            assert_eq!(read(directory.path()).unwrap(), Some(said(7)), "byte {at}");
            torn[4_096 + at] ^= 0x10;
            std::fs::write(&path, &torn).unwrap();
            assert!(matches!(read(directory.path()), Err(MarkFault::Damaged { .. })), "byte {at}");
        }
    }
}
