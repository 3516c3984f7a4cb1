//! A power cut, after the fact: undoes changes of files that no fsync had made durable.
//!
//! A change survives if an fsync of its file (for its bytes, and for its being there) or of its folder
//! (for names) began after it and succeeded. Of the others a disk may keep some: in each file, and in
//! each folder's names, those up to a random one survive, and of an append that does not, a random
//! part may. What is undone is undone in reverse order, from what the log has kept.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::log::{Entry, Kind};

/// A file, whatever it is called.
type Id = usize;

/// What belongs together: of one sequence a prefix survives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Sequence {
    Content(Id),
    Names(PathBuf),
}

/// A change, and whose it is.
struct Change {
    kind: Kind,
    number: u64,
    sequence: Sequence,
    file: Id,
    /// The file that had the name before.
    replaced: Option<Id>,
}

/// What the log says, by file.
#[derive(Default)]
struct History {
    names: BTreeMap<PathBuf, Id>,
    files: Id,
    changes: Vec<Change>,
    /// Up to which change each sequence is durable.
    durable: BTreeMap<Sequence, u64>,
}

/// How many changes were lost, of how many that were not durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    pub undone: usize,
    pub in_doubt: usize,
}

/// Undoes what a power cut takes away. Without `random` everything that is not durable is lost.
pub fn undo(entries: Vec<Entry>, random: Option<&mut ChaCha8Rng>) -> anyhow::Result<Lost> {
    let mut history = History::default();
    for entry in entries {
        history.add(entry);
    }
    history.undo(random)
}

fn folder(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

impl History {
    fn id(&mut self, path: &Path) -> Id {
        if let Some(id) = self.names.get(path) {
            return *id;
        }
        self.fresh(path)
    }

    fn fresh(&mut self, path: &Path) -> Id {
        self.files += 1;
        self.names.insert(path.to_owned(), self.files);
        self.files
    }

    fn add(&mut self, Entry { number, kind }: Entry) {
        let mut replaced = None;
        let (sequence, file) = match &kind {
            Kind::Written { path, .. } => {
                let file = self.id(path);
                (Sequence::Content(file), file)
            }
            Kind::Made { path } => (Sequence::Names(folder(path)), self.fresh(path)),
            Kind::Renamed { from, to, kept } => {
                if kept.is_some() {
                    // It may be older than the log.
                    self.id(to);
                }
                let file = self.id(from);
                self.names.remove(from);
                replaced = self.names.insert(to.clone(), file);
                (Sequence::Names(folder(to)), file)
            }
            Kind::Removed { path, .. } => {
                let file = self.id(path);
                self.names.remove(path);
                (Sequence::Names(folder(path)), file)
            }
            Kind::FileSynced { path, until } => {
                let file = self.id(path);
                self.is_durable(Sequence::Content(file), *until);
                // File systems write a new file's name with it.
                let made =
                    self.changes.iter().rev().find(|change| {
                        change.file == file && matches!(change.kind, Kind::Made { .. })
                    });
                if let Some((sequence, number)) =
                    made.map(|made| (made.sequence.clone(), made.number))
                {
                    self.is_durable(sequence, number);
                }
                return;
            }
            Kind::FolderSynced { path, until } => {
                return self.is_durable(Sequence::Names(path.clone()), *until);
            }
        };
        self.changes.push(Change { kind, number, sequence, file, replaced });
    }

    fn is_durable(&mut self, sequence: Sequence, until: u64) {
        let durable = self.durable.entry(sequence).or_default();
        *durable = until.max(*durable);
    }

    fn undo(self, mut random: Option<&mut ChaCha8Rng>) -> anyhow::Result<Lost> {
        let mut doubtful: BTreeMap<&Sequence, Vec<u64>> = BTreeMap::new();
        for change in &self.changes {
            if change.number > self.durable.get(&change.sequence).copied().unwrap_or(0) {
                doubtful.entry(&change.sequence).or_default().push(change.number);
            }
        }
        let mut lost = Lost::default();
        // By sequence, the first change that is lost.
        let mut first_lost: BTreeMap<&Sequence, u64> = BTreeMap::new();
        for (sequence, numbers) in doubtful {
            let survive = match &mut random {
                Some(random) => random.random_range(0..=numbers.len()),
                None => 0,
            };
            lost.in_doubt += numbers.len();
            lost.undone += numbers.len() - survive;
            if let Some(number) = numbers.get(survive) {
                first_lost.insert(sequence, *number);
            }
        }
        let mut places: BTreeMap<Id, PathBuf> =
            self.names.iter().map(|(path, file)| (*file, path.clone())).collect();
        for change in self.changes.iter().rev() {
            let Some(first) = first_lost.get(&change.sequence) else { continue };
            if change.number < *first {
                continue;
            }
            let tear = if change.number == *first { random.as_deref_mut() } else { None };
            take_back(change, &mut places, tear)
                .with_context(|| format!("{:?}", change.sequence))?;
        }
        Ok(lost)
    }
}

/// Undoes one change; of a torn append a part stays.
fn take_back(
    change: &Change,
    places: &mut BTreeMap<Id, PathBuf>,
    tear: Option<&mut ChaCha8Rng>,
) -> anyhow::Result<()> {
    match &change.kind {
        Kind::Written { offset, length, old, .. } => {
            // A file without a name is gone, and its content with it.
            let Some(place) = places.get(&change.file) else { return Ok(()) };
            let file = File::options().write(true).open(place)?;
            let now = file.metadata()?.len();
            let is_append = offset == length && now > *length;
            match tear {
                Some(random) if is_append => file.set_len(random.random_range(*length..now))?,
                _ => {
                    file.write_all_at(old, *offset)?;
                    file.set_len(*length)?;
                }
            }
        }
        Kind::Made { .. } => {
            if let Some(place) = places.remove(&change.file) {
                fs::remove_file(place)?;
            }
        }
        Kind::Renamed { from, to, kept } => {
            if let Some(place) = places.remove(&change.file) {
                put_back(&place, from)?;
                places.insert(change.file, from.clone());
            }
            if let (Some(kept), Some(replaced)) = (kept, change.replaced) {
                put_back(kept, to)?;
                places.insert(replaced, to.clone());
            }
        }
        Kind::Removed { path, kept } => {
            if let Some(kept) = kept {
                put_back(kept, path)?;
                places.insert(change.file, path.clone());
            }
        }
        Kind::FileSynced { .. } | Kind::FolderSynced { .. } => {}
    }
    Ok(())
}

/// Gives a file the name that it had. Its folder is made again where it went after its files: that it
/// went is no more durable than that they did.
fn put_back(place: &Path, name: &Path) -> std::io::Result<()> {
    if let Some(folder) = name.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(place, name)
}
