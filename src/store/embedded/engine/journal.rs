//! A look at the engine's journals before the engine opens them: mends what a power cut may leave,
//! refuses what it cannot.
//!
//! Every commit is synced before the next one begins, so a power cut leaves at most one batch that
//! is not whole, at the very end of the newest journal, and nobody was told of it: it is cut off.
//! Anything else that cannot be read was acknowledged once. The engine by itself would cut such a
//! journal at the first bad byte and go on with older balances, and would refuse to open over some
//! torn ends; both are worse than what is done here. The layout is that of fjall's journal, format
//! 3 (`journal/entry.rs` in its source); another format is left to the engine to refuse.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

const VERSION_FILE: &str = "version";
const KNOWN_VERSION: [u8; 4] = *b"FJL\x03";
const TRAILER: [u8; 4] = *b"FJL\x03";
const JOURNAL_EXTENSION: &str = "jnl";
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
/// Tag, number of entries, sequence number.
const START_BYTES: usize = 1 + 4 + 8;
/// Tag, kind of value, compression, keyspace, lengths of key, value and stored value.
const ITEM_BYTES: usize = 1 + 1 + 1 + 8 + 2 + 4 + 4;
const CLEAR_BYTES: usize = 1 + 8;
/// Tag, checksum, trailer.
const END_BYTES: usize = 1 + 8 + 4;

/// Why the journals cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalFault {
    /// The file system failed.
    #[error("the journal cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Acknowledged changes cannot be read.
    #[error("{} is damaged at byte {at}; what follows was acknowledged", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Where the last readable batch ends.
        at: usize,
    },
}

/// Checks all journals of the engine's directory and cuts a torn end off the newest.
pub(super) fn mend(directory: &Path) -> Result<(), JournalFault> {
    if !is_known_format(directory)? {
        return Ok(());
    }
    let journals = journals(directory)?;
    for (index, path) in journals.iter().enumerate() {
        let bytes = std::fs::read(path)?;
        let end = readable_end(&bytes);
        let rest = &bytes[end..];
        if rest.iter().all(|byte| *byte == 0) {
            continue;
        }
        let is_newest = index + 1 == journals.len();
        if !is_newest || has_batch(rest) {
            return Err(JournalFault::Damaged { path: path.clone(), at: end });
        }
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(end as u64)?;
        file.sync_all()?;
        tracing::warn!(bytes = rest.len(), "cut a torn last write off the store's journal");
    }
    Ok(())
}

fn is_known_format(directory: &Path) -> io::Result<bool> {
    match std::fs::read(directory.join(VERSION_FILE)) {
        Ok(bytes) => Ok(bytes.starts_with(&KNOWN_VERSION)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The journals, oldest first.
fn journals(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut journals = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == JOURNAL_EXTENSION) {
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            journals.extend(number.map(|number| (number, path)));
        }
    }
    journals.sort_unstable();
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

/// Where the batches that can be read one after the other end.
fn readable_end(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some(length) = batch_length(&bytes[end..]) {
        end += length;
    }
    end
}

/// Whether a whole batch begins anywhere in `bytes`.
fn has_batch(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| batch_length(&bytes[at..]).is_some())
}

/// The length of the whole batch that `bytes` begin with; its checksum must be right.
fn batch_length(bytes: &[u8]) -> Option<usize> {
    if *bytes.first()? != START {
        return None;
    }
    let entries = u32::from_le_bytes(number(bytes, 1)?);
    let mut at = START_BYTES;
    let mut hash = Xxh3::new();
    for _ in 0..entries {
        let entry = bytes.get(at..)?;
        let length = entry_length(entry)?;
        hash.update(entry.get(..length)?);
        at += length;
    }
    let end = bytes.get(at..at + END_BYTES)?;
    let checksum = u64::from_le_bytes(number(end, 1)?);
    let is_whole = end[0] == END && end[9..] == TRAILER && hash.digest() == checksum;
    is_whole.then_some(at + END_BYTES)
}

fn entry_length(entry: &[u8]) -> Option<usize> {
    match *entry.first()? {
        ITEM => {
            let key = u16::from_le_bytes(number(entry, 11)?);
            let stored = u32::from_le_bytes(number(entry, 17)?);
            Some(ITEM_BYTES + usize::from(key) + usize::try_from(stored).ok()?)
        }
        CLEAR => Some(CLEAR_BYTES),
        _ => None,
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
