//! The engines behind one small interface: look up a row, commit many changes durably.
//!
//! Rows are laid out as the store does it: three spaces of the engine by how long rows live, and a
//! byte before each key for the kind of row.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{ReadOnlyTable, ReadableDatabase, TableDefinition};

/// The kinds of rows.
#[derive(Clone, Copy)]
pub enum Table {
    Leads,
    Runs,
    Ranks,
    Accounts,
    Caps,
    Journal,
    Outbox,
    Keys,
    Duplicates,
    Expiry,
    Holds,
    Sealed,
    Posts,
    Closed,
}

/// The engine's spaces.
const SPACES: [&str; 3] = ["open", "kept", "day"];

impl Table {
    fn space(self) -> usize {
        match self {
            Self::Leads
            | Self::Runs
            | Self::Ranks
            | Self::Accounts
            | Self::Caps
            | Self::Journal
            | Self::Outbox => 0,
            Self::Keys | Self::Duplicates | Self::Expiry | Self::Holds => 1,
            Self::Sealed | Self::Posts | Self::Closed => 2,
        }
    }

    fn key(self, key: &[u8]) -> Vec<u8> {
        let mut full = Vec::with_capacity(key.len() + 1);
        full.push(self as u8);
        full.extend_from_slice(key);
        full
    }
}

/// One changed row; no value removes it.
pub struct Change {
    space: usize,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl Change {
    /// Writes a row.
    pub fn put(table: Table, key: &[u8], value: Vec<u8>) -> Self {
        Self { space: table.space(), key: table.key(key), value: Some(value) }
    }

    /// Removes a row.
    pub fn remove(table: Table, key: &[u8]) -> Self {
        Self { space: table.space(), key: table.key(key), value: None }
    }
}

/// An embedded key-value engine.
pub trait Engine {
    /// The committed row.
    fn get(&mut self, table: Table, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>>;
    /// Makes all changes durable at once.
    fn commit(&mut self, changes: &[Change]) -> anyhow::Result<()>;
}

/// fjall: an append-only journal before log-structured trees.
pub struct Fjall {
    keyspaces: Vec<Keyspace>,
    database: Database,
}

impl Fjall {
    /// Opens or creates the database.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let database = Database::builder(directory)
            .cache_size(64 << 20)
            .worker_threads(1)
            .max_journaling_size(128 << 20)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(16 << 20);
        let keyspaces = SPACES
            .iter()
            .map(|name| database.keyspace(name, options))
            .collect::<fjall::Result<Vec<_>>>()?;
        Ok(Self { keyspaces, database })
    }
}

impl Engine for Fjall {
    fn get(&mut self, table: Table, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        let value = self.keyspaces[table.space()].get(table.key(key))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn commit(&mut self, changes: &[Change]) -> anyhow::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for change in changes {
            let keyspace = &self.keyspaces[change.space];
            match &change.value {
                Some(value) => batch.insert(keyspace, &*change.key, &**value),
                None => batch.remove(keyspace, &*change.key),
            }
        }
        Ok(batch.commit()?)
    }
}

/// redb: copy-on-write B-trees in one file.
pub struct Redb {
    /// What was committed last, as read transactions see it; opened by the first look-up.
    committed: Vec<ReadOnlyTable<&'static [u8], &'static [u8]>>,
    database: redb::Database,
    quick_repair: bool,
}

const TABLES: [TableDefinition<&[u8], &[u8]>; 3] = [
    TableDefinition::new(SPACES[0]),
    TableDefinition::new(SPACES[1]),
    TableDefinition::new(SPACES[2]),
];

impl Redb {
    /// Opens or creates the database.
    pub fn open(directory: &Path, quick_repair: bool) -> anyhow::Result<Self> {
        let mut builder = redb::Builder::new();
        builder.set_cache_size(64 << 20);
        let database = builder.create(directory.join("store.redb"))?;
        let transaction = database.begin_write()?;
        for table in TABLES {
            transaction.open_table(table)?;
        }
        transaction.commit()?;
        Ok(Self { committed: Vec::new(), database, quick_repair })
    }
}

impl Engine for Redb {
    fn get(&mut self, table: Table, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        if self.committed.is_empty() {
            let transaction = self.database.begin_read()?;
            for definition in TABLES {
                self.committed.push(transaction.open_table(definition)?);
            }
        }
        let value = self.committed[table.space()].get(&*table.key(key))?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn commit(&mut self, changes: &[Change]) -> anyhow::Result<()> {
        self.committed.clear();
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(self.quick_repair);
        {
            let mut tables = Vec::with_capacity(TABLES.len());
            for table in TABLES {
                tables.push(transaction.open_table(table)?);
            }
            for change in changes {
                let rows = &mut tables[change.space];
                match &change.value {
                    Some(value) => drop(rows.insert(&*change.key, &**value)?),
                    None => drop(rows.remove(&*change.key)?),
                }
            }
        }
        Ok(transaction.commit()?)
    }
}
