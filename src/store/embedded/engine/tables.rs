//! A look at the engine's trees before the engine opens them: are they the files that it wrote?
//!
//! The engine writes a checksum of each tree's manifest beside its number, and of each table into the
//! manifest, and never looks at either: a manifest with another table in it, or a table with two equal
//! blocks swapped, is opened. Here both are compared. The layout is that of lsm-tree, format 3
//! (`version/persist.rs` and `version/mod.rs` in its source).

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

pub(super) const KEYSPACES_FOLDER: &str = "keyspaces";
const TABLES_FOLDER: &str = "tables";
/// The file with the manifest's number, its checksum, and the kind of that.
pub(super) const CURRENT_FILE: &str = "current";
const CURRENT_BYTES: usize = 8 + 16 + 1;
const CHECKSUM_XXH3: u8 = 0;
const TABLES_SECTION: &[u8] = b"tables";
/// How much of a table is read at once.
const READ_BYTES: usize = 1 << 20;

/// Why the trees cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum TreeFault {
    /// The file system failed.
    #[error("{} cannot be read: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not what the engine wrote.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In what way.
        why: &'static str,
    },
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> TreeFault {
    let path = path.to_owned();
    move |error| TreeFault::Io { path, error }
}

fn damaged(path: &Path, why: &'static str) -> TreeFault {
    TreeFault::Damaged { path: path.to_owned(), why }
}

/// Compares every tree of the engine's directory with its checksums; gives how many bytes it read.
///
/// # Errors
/// [`TreeFault`] for the first file that is not as it was written.
pub(super) fn check(directory: &Path) -> Result<u64, TreeFault> {
    let keyspaces = directory.join(KEYSPACES_FOLDER);
    let entries = match std::fs::read_dir(&keyspaces) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(unreadable(&keyspaces)(error)),
    };
    let mut bytes_read = 0;
    for entry in entries {
        let tree = entry.map_err(unreadable(&keyspaces))?.path();
        // One without it was never finished, and has no row: the engine removes it. What must have one
        // is looked for before (`roots.rs`).
        if tree.join(CURRENT_FILE).exists() {
            bytes_read += check_tree(&tree)?;
        }
    }
    Ok(bytes_read)
}

fn check_tree(tree: &Path) -> Result<u64, TreeFault> {
    let path = tree.join(CURRENT_FILE);
    let bytes = std::fs::read(&path).map_err(unreadable(&path))?;
    let current: &[u8; CURRENT_BYTES] =
        bytes.as_slice().try_into().map_err(|_| damaged(&path, "it does not name a manifest"))?;
    let (number, rest) = current.split_first_chunk::<8>().expect("it is longer");
    let (checksum, kind) = rest.split_first_chunk::<16>().expect("it is longer");
    if kind != [CHECKSUM_XXH3] {
        return Err(damaged(&path, "its kind of checksum is not known"));
    }
    let manifest = tree.join(format!("v{}", u64::from_le_bytes(*number)));
    let bytes = std::fs::read(&manifest).map_err(unreadable(&manifest))?;
    if xxh3_128(&bytes) != u128::from_le_bytes(*checksum) {
        return Err(damaged(&manifest, "it is not the manifest that was written"));
    }
    let tables = tables(&manifest).map_err(|_| damaged(&manifest, "its tables cannot be read"))?;
    let mut bytes_read = 0;
    for Listed { number, checksum } in tables {
        let path = tree.join(TABLES_FOLDER).join(number.to_string());
        let (length, found) = checksum_of(&path).map_err(unreadable(&path))?;
        if found != checksum {
            return Err(damaged(&path, "it is not the table that was written"));
        }
        bytes_read += length;
    }
    Ok(bytes_read)
}

/// A table as its manifest names it.
struct Listed {
    number: u64,
    checksum: u128,
}

fn tables(manifest: &Path) -> io::Result<Vec<Listed>> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let archive = sfa::Reader::new(manifest).map_err(|_| broken())?;
    let section = archive.toc().section(TABLES_SECTION).ok_or_else(broken)?;
    let mut reader = section.buf_reader(manifest)?;
    let mut tables = Vec::new();
    let [levels] = number(&mut reader)?;
    for _ in 0..levels {
        let [runs] = number(&mut reader)?;
        for _ in 0..runs {
            for _ in 0..u32::from_le_bytes(number(&mut reader)?) {
                let table = u64::from_le_bytes(number(&mut reader)?);
                let [_kind] = number(&mut reader)?;
                let checksum = u128::from_le_bytes(number(&mut reader)?);
                let _sequence: [u8; 8] = number(&mut reader)?;
                tables.push(Listed { number: table, checksum });
            }
        }
    }
    Ok(tables)
}

fn number<const N: usize>(reader: &mut impl BufRead) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn checksum_of(path: &Path) -> io::Result<(u64, u128)> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; READ_BYTES];
    let (mut hash, mut length) = (Xxh3::new(), 0);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((length, hash.digest128()));
        }
        hash.update(&buffer[..count]);
        length += count as u64;
    }
}
