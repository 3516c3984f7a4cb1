//! The log of `unsynced.c`: every change of a file since the process began, and every fsync.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::{Context, bail};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 1.
    pub number: u64,
    pub kind: Kind,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `old` was overwritten, or cut away, from `offset` on; the file had `length` bytes before.
    Written { path: PathBuf, offset: u64, length: u64, old: Vec<u8> },
    /// A file was made.
    Made { path: PathBuf },
    /// A file got another name; what had that name before is kept.
    Renamed { from: PathBuf, to: PathBuf, kept: Option<PathBuf> },
    /// A file lost its name; its content is kept.
    Removed { path: PathBuf, kept: Option<PathBuf> },
    /// An fsync of a file succeeded; it began after change `until`.
    FileSynced { path: PathBuf, until: u64 },
    /// The same of a folder.
    FolderSynced { path: PathBuf, until: u64 },
}

/// Takes bytes off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("the log ends early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn path(&mut self, length: u32) -> anyhow::Result<PathBuf> {
        Ok(OsStr::from_bytes(self.take(usize::try_from(length)?)?).into())
    }
}

/// Reads a whole log.
pub fn read(bytes: &[u8]) -> anyhow::Result<Vec<Entry>> {
    let mut reader = Reader(bytes);
    let mut entries = Vec::new();
    while !reader.0.is_empty() {
        entries.push(entry(&mut reader)?);
    }
    Ok(entries)
}

fn entry(reader: &mut Reader<'_>) -> anyhow::Result<Entry> {
    let [kind] = reader.number::<1>()?;
    let [number, a, b] =
        [reader.number()?, reader.number()?, reader.number()?].map(u64::from_ne_bytes);
    let lengths = [reader.number()?, reader.number()?, reader.number()?].map(u32::from_ne_bytes);
    let (path, other) = (reader.path(lengths[0])?, reader.path(lengths[1])?);
    let bytes = reader.take(usize::try_from(lengths[2])?)?;
    let named = |path: PathBuf| (!path.as_os_str().is_empty()).then_some(path);
    let kind = match kind {
        b'W' => Kind::Written { path, offset: a, length: b, old: bytes.to_vec() },
        b'C' => Kind::Made { path },
        b'R' => {
            Kind::Renamed { from: path, to: other, kept: named(OsStr::from_bytes(bytes).into()) }
        }
        b'U' => Kind::Removed { path, kept: named(other) },
        b'S' => Kind::FileSynced { path, until: a },
        b'D' => Kind::FolderSynced { path, until: a },
        kind => bail!("{kind} is no kind of record"),
    };
    Ok(Entry { number, kind })
}
