//! Which of the engine's trees there must be, in a file beside the engine's.
//!
//! The file `current` is the root of a tree. The engine takes a tree without one for a tree that was never
//! finished, removes it, and forgets what its journals have for it. Whether it was finished cannot be seen
//! from what is left, so it is written down: a tree comes in once it is made, before anything is committed
//! to it, and goes out before it is dropped.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::tables::{CURRENT_FILE, KEYSPACES_FOLDER};

const ROOTS_FILE: &str = "trees";
const NEW_FILE: &str = "trees.new";
const MAGIC: &str = "gavel-t1";
/// The tree in which the engine keeps the names of the others.
const NAMES_TREE: u64 = 0;

/// Why the trees cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum RootFault {
    /// The file system failed.
    #[error("{} cannot be used: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The list cannot be read.
    #[error("{} is damaged: it does not say which trees there are", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A tree has no root.
    #[error("{} is missing, and the file `trees` lists it: what its tree holds would be lost", path.display())]
    Missing {
        /// The file that is not there.
        path: PathBuf,
    },
}

/// The numbers of the trees there must be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Roots(BTreeSet<u64>);

impl Roots {
    /// These trees, and the one with their names.
    pub(super) fn of(trees: impl IntoIterator<Item = u64>) -> Self {
        Self(trees.into_iter().chain([NAMES_TREE]).collect())
    }

    /// The trees and another one.
    pub(super) fn with(&self, tree: u64) -> Self {
        Self::of(self.0.iter().copied().chain([tree]))
    }

    /// The trees but for one.
    pub(super) fn without(&self, tree: u64) -> Self {
        Self::of(self.0.iter().copied().filter(|other| *other != tree))
    }

    /// Reads the list in `directory`, and looks whether its trees are in `engine`. `None` if there is no
    /// list: a store that nobody has opened yet, or one of a time before lists.
    ///
    /// # Errors
    /// [`RootFault`].
    pub(super) fn check(directory: &Path, engine: &Path) -> Result<Option<Self>, RootFault> {
        let path = directory.join(ROOTS_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(RootFault::Damaged { path });
            }
            Err(error) => return Err(RootFault::Io { path, error }),
        };
        let roots = Self::parse(&text).ok_or(RootFault::Damaged { path })?;
        for tree in &roots.0 {
            let folder = engine.join(KEYSPACES_FOLDER).join(tree.to_string());
            let path = folder.join(CURRENT_FILE);
            let exists = path.try_exists();
            if !exists.map_err(|error| RootFault::Io { path: path.clone(), error })? {
                return Err(RootFault::Missing { path });
            }
        }
        Ok(Some(roots))
    }

    /// Writes the list, durably; whatever happens, the one before or this one is there.
    ///
    /// # Errors
    /// [`RootFault::Io`].
    pub(super) fn write(&self, directory: &Path) -> Result<(), RootFault> {
        let (new, path) = (directory.join(NEW_FILE), directory.join(ROOTS_FILE));
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(self.text().as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            #[cfg(unix)]
            File::open(directory)?.sync_all()?;
            Ok(())
        };
        write().map_err(|error| RootFault::Io { path: path.clone(), error })
    }

    /// `gavel-t1 0 1 2 <checksum>`.
    fn text(&self) -> String {
        let said = self.0.iter().fold(MAGIC.to_owned(), |said, tree| format!("{said} {tree}"));
        let checksum = xxh3_64(said.as_bytes());
        format!("{said} {checksum:016x}\n")
    }

    fn parse(text: &str) -> Option<Self> {
        let (said, _) = text.trim_end().rsplit_once(' ')?;
        let trees = said.strip_prefix(MAGIC)?.split_whitespace().map(|word| word.parse().ok());
        let roots = Self::of(trees.collect::<Option<Vec<u64>>>()?);
        (roots.text() == text).then_some(roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_was_written_or_is_refused() {
        let (directory, engine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let check = || Roots::check(directory.path(), engine.path());
        assert_eq!(check().unwrap(), None);
        for tree in [0, 1, 2, 17] {
            let folder = engine.path().join(KEYSPACES_FOLDER).join(tree.to_string());
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(CURRENT_FILE), "root").unwrap();
        }
        let roots = Roots::of([1, 2]).with(17);
        roots.write(directory.path()).unwrap();
        assert_eq!(check().unwrap(), Some(roots.clone()));
        let path = directory.path().join(ROOTS_FILE);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x01;
            fs::write(&path, &changed).unwrap();
            assert!(matches!(check(), Err(RootFault::Damaged { .. })), "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(matches!(check(), Err(RootFault::Damaged { .. })), "cut at {at}");
        }
        roots.write(directory.path()).unwrap();
        let root = engine.path().join(KEYSPACES_FOLDER).join("17").join(CURRENT_FILE);
        fs::remove_file(&root).unwrap();
        assert!(matches!(check(), Err(RootFault::Missing { path }) if path == root));
        roots.without(17).write(directory.path()).unwrap();
        assert_eq!(check().unwrap(), Some(Roots::of([1, 2])), "it was dropped");
    }
}
