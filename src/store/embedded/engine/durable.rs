//! The engine on disk: fjall's append-only journal before log-structured trees.
//!
//! One commit is one batch in the journal and one `fdatasync`; trees are written behind it. After
//! a power cut the journal ends with at most one batch that was not acknowledged, whole or torn; a
//! torn one is cut off before the files are opened. All files are compared with what was written before
//! the engine sees them: it looks at some of their checksums only. docs/decisions/0002-embedded-store-engine.md has
//! the measurements behind the choice.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::mark::{self, Acknowledged, Mark};
use super::roots::{RootFault, Roots};
use super::stamp::{STAMP_KEY, Stamp};
use super::{Changes, Day, Engine, Row, Table, journal, tables};
use crate::ports::auction_store::StoreError;
use crate::store::embedded::OpenError;

/// Rows that live as long as a lead is open or a buyer has an account: few, changed often.
const OPEN_SPACE: &str = "open";
/// Rows that are written once or twice and kept for weeks.
const KEPT_SPACE: &str = "kept";
const DAY_PREFIX: &str = "day-";
const LOCK_FILE: &str = "gavel.lock";
const ENGINE_FOLDER: &str = "engine";
/// Blocks and index blocks kept in memory.
const CACHE_BYTES: u64 = 64 << 20;
/// One table's changes in memory before they become a file of their tree.
const TABLE_BUFFER_BYTES: u64 = 16 << 20;
/// Journals together; at most that much is replayed at a start.
const JOURNAL_BYTES_MAX: u64 = 128 << 20;

/// fjall in a directory of its own, under an exclusive lock.
///
/// Tables share a keyspace with others of the same life, a byte before their keys apart: each
/// keyspace has buffers and files of its own, and one that is rarely written to would hold on to
/// old journals. Fields drop in this order: the lock goes last.
pub(in super::super) struct DurableEngine {
    days: BTreeMap<Day, Keyspace>,
    open: Keyspace,
    kept: Keyspace,
    database: Database,
    /// What the next commit is stamped with.
    next: Stamp,
    mark: Mark,
    roots: Roots,
    /// The newest journal that was seen.
    journal: u64,
    path: PathBuf,
    _lock: File,
}

impl DurableEngine {
    /// Locks the directory and opens the files in it, making both if there are none.
    ///
    /// # Errors
    /// [`OpenError::Locked`] if anybody has the directory open, [`OpenError::Engine`] if the files
    /// cannot be read.
    pub(in super::super) fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |error: String| OpenError::Engine { path: path.to_owned(), error };
        make_directory(path).map_err(|error| failed(error.to_string()))?;
        let lock = lock(path)?;
        let folder = path.join(ENGINE_FOLDER);
        let acknowledged = mark::read(path).map_err(|error| failed(error.to_string()))?;
        let found = journal::mend(&folder, acknowledged);
        let found = found.map_err(|error| failed(error.to_string()))?;
        let listed = Roots::check(path, &folder).map_err(|error| failed(error.to_string()))?;
        tables::check(&folder).map_err(|error| failed(error.to_string()))?;
        let database = open_files(folder.clone()).map_err(failed)?;
        let keyspace = |name: &str| {
            database.keyspace(name, options).map_err(|error| failed(error.to_string()))
        };
        let (open, kept) = (keyspace(OPEN_SPACE)?, keyspace(KEPT_SPACE)?);
        let mut days = BTreeMap::new();
        for name in database.list_keyspace_names() {
            if let Some(day) = name.strip_prefix(DAY_PREFIX).and_then(|day| day.parse().ok()) {
                days.insert(day, keyspace(&name)?);
            }
        }
        let roots = Roots::of([&open, &kept].into_iter().chain(days.values()).map(Keyspace::id));
        if listed.as_ref() != Some(&roots) {
            roots.write(path).map_err(|error| failed(error.to_string()))?;
        }
        let number = last_number(&open).map_err(failed)?;
        check_acknowledged(number, found.number, acknowledged).map_err(failed)?;
        let after = database.seqno();
        let next = Stamp { number: number + 1, before: after, previous_after: after };
        let journal = journal::newest(&folder).map_err(|error| failed(error.to_string()))?;
        let known = acknowledged.filter(|known| known.number == number);
        let known = known.unwrap_or(Acknowledged { number, after, journal: found.journal });
        let mark = Mark::open(path, known).map_err(|error| failed(error.to_string()))?;
        let path = path.to_owned();
        Ok(Self { days, open, kept, database, next, mark, roots, journal, path, _lock: lock })
    }

    /// The keyspace of a table, if it is there: a day's is made by its first row.
    fn keyspace(&self, table: Table) -> Option<&Keyspace> {
        match place(table) {
            Place::Open(_) => Some(&self.open),
            Place::Kept(_) => Some(&self.kept),
            Place::Day(day) => self.days.get(&day),
        }
    }

    /// Says durably which trees there must be.
    fn list(&mut self, roots: Roots) -> Result<(), StoreError> {
        let unlisted =
            |fault: RootFault| StoreError::Unavailable(format!("a table is not listed: {fault}"));
        roots.write(&self.path).map_err(unlisted)?;
        self.roots = roots;
        Ok(())
    }

    fn make_days(&mut self, changes: &Changes) -> Result<(), StoreError> {
        for (table, _, _) in changes.iter() {
            if let Table::Day(day) = table
                && !self.days.contains_key(&day)
            {
                let name = format!("{DAY_PREFIX}{day}");
                let made = self.database.keyspace(&name, options).map_err(unavailable)?;
                self.list(self.roots.with(made.id()))?;
                self.days.insert(day, made);
            }
        }
        Ok(())
    }
}

/// Lets the engine open its files. They are what it wrote; should it panic over them all the same, the
/// store does not open.
fn open_files(folder: PathBuf) -> Result<Database, String> {
    let open = move || {
        Database::builder(folder)
            .cache_size(CACHE_BYTES)
            .worker_threads(1)
            .max_journaling_size(JOURNAL_BYTES_MAX)
            .open()
    };
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(opened) => opened.map_err(|error| error.to_string()),
        Err(_) => Err("the engine panicked over its files".to_owned()),
    }
}

/// The number of the last commit in the engine; 0 before the first.
fn last_number(open: &Keyspace) -> Result<u64, String> {
    let Some(row) = open.get(STAMP_KEY).map_err(|error| error.to_string())? else { return Ok(0) };
    let stamp = Stamp::from_bytes(&row).ok_or("the last commit has no number")?;
    Ok(stamp.number)
}

/// The engine must be where its journals end, and no commit may be missing that was acknowledged.
fn check_acknowledged(
    number: u64,
    in_journals: Option<u64>,
    acknowledged: Option<Acknowledged>,
) -> Result<(), String> {
    if in_journals.is_some_and(|last| last != number) {
        return Err(format!("the journal ends at commit {in_journals:?}, the rows at {number}"));
    }
    match acknowledged {
        Some(acknowledged) if acknowledged.number > number => {
            let acknowledged = acknowledged.number;
            Err(format!(
                "it ends at commit {number}; commits up to {acknowledged} were acknowledged"
            ))
        }
        None if number > 0 => Err("the mark of what was acknowledged is missing".to_owned()),
        _ => Ok(()),
    }
}

/// Where a table is: in which keyspace, and behind which byte before its keys.
enum Place {
    Open(u8),
    Kept(u8),
    Day(Day),
}

fn place(table: Table) -> Place {
    match table {
        Table::Meta => Place::Open(b'M'),
        Table::Leads => Place::Open(b'L'),
        Table::Runs => Place::Open(b'R'),
        Table::Ranks => Place::Open(b'K'),
        Table::Accounts => Place::Open(b'A'),
        Table::Caps => Place::Open(b'C'),
        Table::Journal => Place::Open(b'J'),
        Table::Outbox => Place::Open(b'O'),
        Table::Keys => Place::Kept(b'K'),
        Table::Duplicates => Place::Kept(b'D'),
        Table::Expiry => Place::Kept(b'E'),
        Table::Holds => Place::Kept(b'H'),
        Table::Credits => Place::Kept(b'C'),
        Table::Day(day) => Place::Day(day),
    }
}

/// The key as the engine has it.
fn full_key(table: Table, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(key.len() + 1);
    if let Place::Open(tag) | Place::Kept(tag) = place(table) {
        full.push(tag);
    }
    full.extend_from_slice(key);
    full
}

/// Makes the directory, for its owner alone where the system knows owners.
fn make_directory(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Takes the directory's lock, which the operating system gives back when the process ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    let failed = |error: std::io::Error| OpenError::Engine {
        path: path.to_owned(),
        error: error.to_string(),
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK_FILE))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().max_memtable_size(TABLE_BUFFER_BYTES)
}

fn unavailable(error: fjall::Error) -> StoreError {
    StoreError::Unavailable(format!("the engine failed: {error}"))
}

impl Engine for DurableEngine {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let Some(keyspace) = self.keyspace(table) else { return Ok(None) };
        let value = keyspace.get(full_key(table, key)).map_err(unavailable)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let Some(keyspace) = self.keyspace(table) else { return Ok(Vec::new()) };
        let mut rows = Vec::new();
        let prefix = full_key(table, &[]);
        for guard in keyspace.range(full_key(table, from)..).take(limit) {
            let (key, value) = guard.into_inner().map_err(unavailable)?;
            let Some(key) = key.strip_prefix(&*prefix) else { break };
            rows.push(Row { key: key.to_vec(), value: Bytes::copy_from_slice(&value) });
        }
        Ok(rows)
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.make_days(changes)?;
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (table, key, value) in changes.iter() {
            let keyspace = self.keyspace(table).ok_or_else(|| {
                StoreError::Unavailable(format!("the table {} is not open", table.name()))
            })?;
            match value {
                Some(value) => batch.insert(keyspace, full_key(table, key), &**value),
                None => batch.remove(keyspace, full_key(table, key)),
            }
        }
        while journal::path_of(&self.path.join(ENGINE_FOLDER), self.journal + 1).exists() {
            self.journal += 1;
        }
        self.next.before = self.database.seqno();
        batch.insert(&self.open, STAMP_KEY, self.next.to_bytes());
        batch.commit().map_err(unavailable)?;
        let (number, after) = (self.next.number, self.database.seqno());
        let acknowledged = Acknowledged { number, after, journal: self.journal };
        self.next =
            Stamp { number: self.next.number + 1, before: 0, previous_after: acknowledged.after };
        self.mark.write(acknowledged).map_err(|error| {
            StoreError::Unavailable(format!("what is acknowledged cannot be noted: {error}"))
        })
    }

    fn days(&self) -> Vec<Day> {
        self.days.keys().copied().collect()
    }

    fn drop_day(&mut self, day: Day) -> Result<(), StoreError> {
        let Some(keyspace) = self.days.remove(&day) else { return Ok(()) };
        self.list(self.roots.without(keyspace.id()))?;
        self.database.delete_keyspace(keyspace).map_err(unavailable)
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        fs4::available_space(&self.path)
            .map_err(|error| StoreError::Unavailable(format!("free space is not known: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const DAY: Table = Table::Day(20_783);

    /// The engine itself would take such a table for one that was never finished, and go on without it.
    #[test]
    fn a_store_that_lost_the_root_of_a_table_is_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let mut engine = DurableEngine::open(path).unwrap();
        let mut changes = Changes::default();
        for table in [Table::Leads, Table::Keys, DAY] {
            changes.put(table, b"key".to_vec(), Bytes::from_static(b"row"));
        }
        engine.commit(&changes).unwrap();
        drop(engine);
        let folder = path.join(ENGINE_FOLDER).join(tables::KEYSPACES_FOLDER);
        let trees: Vec<_> =
            fs::read_dir(folder).unwrap().map(|tree| tree.unwrap().path()).collect();
        assert_eq!(trees.len(), 4, "{trees:?}");
        for tree in trees {
            let (root, aside) = (tree.join(tables::CURRENT_FILE), path.join("aside"));
            fs::rename(&root, &aside).unwrap();
            let refused = DurableEngine::open(path).err().unwrap().to_string();
            assert!(refused.contains("what its tree holds would be lost"), "{refused}");
            fs::rename(&aside, &root).unwrap();
        }
        let mut engine = DurableEngine::open(path).unwrap();
        assert_eq!(engine.row(DAY, b"key").unwrap().as_deref(), Some(&b"row"[..]));
        engine.drop_day(20_783).unwrap();
        drop(engine);
        let engine = DurableEngine::open(path).unwrap();
        assert_eq!(engine.row(DAY, b"key").unwrap(), None, "it was dropped");
        assert_eq!(engine.row(Table::Keys, b"key").unwrap().as_deref(), Some(&b"row"[..]));
    }
}
