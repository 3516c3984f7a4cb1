//! A look at the engine's journals before the engine opens them: mends what a power cut may leave,
//! refuses what it cannot.
//!
//! Every commit is synced before the next one begins, so a power cut leaves at most one batch that
//! is not whole, at the very end of the newest journal, and nobody was told of it: it is cut off.
//! Anything else that cannot be read was acknowledged once. So was anything up to the mark
//! (`mark.rs`), and the stamps (`stamp.rs`) of all batches follow one another. The engine by itself would
//! cut such a journal at the first bad byte and go on with older balances, would believe a sequence
//! number that was changed, and would refuse to open over some torn ends; all are worse than what is
//! done here. The layout is that of fjall's journal, format 3 (`journal/entry.rs` in its source); another
//! format is left to the engine to refuse.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::mark::Acknowledged;
use super::stamp::{STAMP_KEY, Stamp};

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
/// A commit's sequence number is less than so far above the lowest it can be.
const SEQUENCE_STEP_MAX: u64 = 1 << 32;

/// Why the journals cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalFault {
    /// The file system failed.
    #[error("the journal cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Acknowledged changes cannot be read, or are not those that were written.
    #[error("{} is damaged at byte {at}: {why}", path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Where the last good batch ends.
        at: usize,
        /// In what way.
        why: &'static str,
    },
    /// Acknowledged changes are not there.
    #[error(
        "the journals do not have what was acknowledged: commit {acknowledged} (their last good one is {found})"
    )]
    Lost {
        /// The last commit in the journals.
        found: u64,
        /// The last one that somebody was told of.
        acknowledged: u64,
    },
}

/// One batch of a journal.
struct Batch {
    length: usize,
    sequence: u64,
    stamp: Option<Stamp>,
}

/// The batches so far, which must follow one another.
#[derive(Debug, Default)]
struct Chain {
    sequence: Option<u64>,
    /// The last stamp. Batches of a time before stamps have none.
    stamp: Option<Stamp>,
}

impl Chain {
    /// Takes the next batch, or says why it cannot be the next.
    fn add(&mut self, batch: &Batch) -> Result<(), &'static str> {
        let Batch { sequence, stamp, .. } = *batch;
        if self.sequence.is_some_and(|before| sequence <= before) {
            return Err("a commit is out of place");
        }
        match (stamp, self.stamp) {
            (None, None) => {}
            (None, Some(_)) => return Err("a commit without a number"),
            (Some(stamp), before) => {
                let bounds = stamp.before..stamp.before.saturating_add(SEQUENCE_STEP_MAX);
                if !bounds.contains(&sequence) {
                    return Err("a commit's sequence number was changed");
                }
                if before.is_some_and(|before| stamp.number != before.number + 1) {
                    return Err("a commit is missing");
                }
                if before.is_some() && self.sequence >= Some(stamp.previous_after) {
                    return Err("a commit's sequence number was changed");
                }
            }
        }
        (self.sequence, self.stamp) = (Some(sequence), stamp);
        Ok(())
    }
}

/// What the journals have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// The number of the last commit in them, if one has a number.
    pub(super) number: Option<u64>,
    /// The number of the journal that it is in; 0 if in none.
    pub(super) journal: u64,
}

/// Checks all journals of the engine's directory and cuts a torn end off the newest. Commits up to
/// `acknowledged` must be there.
pub(super) fn mend(
    directory: &Path,
    acknowledged: Option<Acknowledged>,
) -> Result<Found, JournalFault> {
    if !is_known_format(directory)? {
        return Ok(Found::default());
    }
    let journals = journals(directory)?;
    let mut chain = Chain::default();
    let mut torn = None;
    let mut last = 0;
    for (index, (number, path)) in journals.iter().enumerate() {
        let bytes = std::fs::read(path)?;
        let damaged = |at, why| JournalFault::Damaged { path: path.clone(), at, why };
        let mut end = 0;
        while let Some(batch) = batch(&bytes[end..]) {
            chain.add(&batch).map_err(|why| damaged(end, why))?;
            end += batch.length;
            last = *number;
        }
        let is_newest = index + 1 == journals.len();
        if !is_newest && end == 0 {
            return Err(damaged(end, "a journal before the newest is empty"));
        }
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if written <= end {
            continue;
        }
        if !is_newest || has_batch(&bytes[end..written]) {
            return Err(damaged(end, "what follows was acknowledged"));
        }
        torn = Some((path, end, written));
    }
    let newest = journals.last().map_or(0, |(number, _)| *number);
    check_acknowledged(&chain, newest, acknowledged)?;
    if let Some((path, end, written)) = torn {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(end as u64)?;
        file.sync_all()?;
        tracing::warn!(bytes = written - end, "cut a torn last write off the store's journal");
    }
    Ok(Found { number: chain.stamp.map(|stamp| stamp.number), journal: last })
}

/// Everything that somebody was told of must be in the journals, unless a newer journal was begun since
/// and the others are in the trees: then it is looked for there.
fn check_acknowledged(
    chain: &Chain,
    newest: u64,
    acknowledged: Option<Acknowledged>,
) -> Result<(), JournalFault> {
    let Some(known) = acknowledged.filter(|known| known.number > 0) else { return Ok(()) };
    let is_good = match chain.stamp {
        None => newest > known.journal,
        Some(stamp) if stamp.number == known.number => chain.sequence < Some(known.after),
        Some(stamp) => stamp.number > known.number,
    };
    let found = chain.stamp.map_or(0, |stamp| stamp.number);
    let lost = JournalFault::Lost { found, acknowledged: known.number };
    if is_good { Ok(()) } else { Err(lost) }
}

/// The number of the newest journal; 0 if there is none.
pub(super) fn newest(directory: &Path) -> io::Result<u64> {
    Ok(journals(directory)?.last().map_or(0, |(number, _)| *number))
}

/// Where the journal of this number is.
pub(super) fn path_of(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number}.{JOURNAL_EXTENSION}"))
}

fn is_known_format(directory: &Path) -> io::Result<bool> {
    match std::fs::read(directory.join(VERSION_FILE)) {
        Ok(bytes) => Ok(bytes.starts_with(&KNOWN_VERSION)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The journals with their numbers, oldest first.
fn journals(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut journals = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == JOURNAL_EXTENSION) {
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            journals.extend(number.map(|number| (number, path)));
        }
    }
    journals.sort_unstable();
    Ok(journals)
}

/// Whether a whole batch begins anywhere in `bytes`.
fn has_batch(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| batch(&bytes[at..]).is_some())
}

/// The whole batch that `bytes` begin with; its checksum must be right.
fn batch(bytes: &[u8]) -> Option<Batch> {
    if *bytes.first()? != START {
        return None;
    }
    let entries = u32::from_le_bytes(number(bytes, 1)?);
    let sequence = u64::from_le_bytes(number(bytes, 5)?);
    let mut at = START_BYTES;
    let mut hash = Xxh3::new();
    let mut stamp = None;
    for _ in 0..entries {
        let rest = bytes.get(at..)?;
        let entry = rest.get(..entry_length(rest)?)?;
        hash.update(entry);
        stamp = stamp.or_else(|| stamp_in(entry));
        at += entry.len();
    }
    let end = bytes.get(at..at + END_BYTES)?;
    let checksum = u64::from_le_bytes(number(end, 1)?);
    let is_whole = end[0] == END && end[9..] == TRAILER && hash.digest() == checksum;
    is_whole.then_some(Batch { length: at + END_BYTES, sequence, stamp })
}

/// The stamp, if this entry is its row.
fn stamp_in(entry: &[u8]) -> Option<Stamp> {
    let row = entry.get(ITEM_BYTES..).filter(|_| entry[0] == ITEM)?;
    Stamp::from_bytes(row.strip_prefix(STAMP_KEY)?)
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
