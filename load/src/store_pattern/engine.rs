//! The engines behind one small interface: look up a row, commit many changes durably.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{ReadOnlyTable, ReadableDatabase, TableDefinition};

/// The rows' tables, one keyspace or table of the engine each.
#[derive(Clone, Copy)]
pub enum Table {
    Leads,
    Runs,
    Ranks,
    Sealed,
    Posts,
    Closed,
    Keys,
    Duplicates,
    Expiry,
    Accounts,
    Caps,
    Holds,
    Journal,
    Outbox,
}

const NAMES: [&str; 14] = [
    "leads",
    "runs",
    "ranks",
    "sealed",
    "posts",
    "closed",
    "keys",
    "duplicates",
    "expiry",
    "accounts",
    "caps",
    "holds",
    "journal",
    "outbox",
];

/// One changed row; no value removes it.
pub struct Change {
    table: Table,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl Change {
    /// Writes a row.
    pub fn put(table: Table, key: &[u8], value: Vec<u8>) -> Self {
        Self { table, key: key.to_vec(), value: Some(value) }
    }

    /// Removes a row.
    pub fn remove(table: Table, key: &[u8]) -> Self {
        Self { table, key: key.to_vec(), value: None }
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
            .max_journaling_size(256 << 20)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(16 << 20);
        let keyspaces = NAMES
            .iter()
            .map(|name| database.keyspace(name, options))
            .collect::<fjall::Result<Vec<_>>>()?;
        Ok(Self { keyspaces, database })
    }
}

impl Engine for Fjall {
    fn get(&mut self, table: Table, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.keyspaces[table as usize].get(key)?.map(|value| value.to_vec()))
    }

    fn commit(&mut self, changes: &[Change]) -> anyhow::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for change in changes {
            let keyspace = &self.keyspaces[change.table as usize];
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
    committed: Vec<ReadOnlyTable<&'static [u8], &'static [u8]>>,
    database: redb::Database,
    quick_repair: bool,
}

const TABLES: [TableDefinition<&[u8], &[u8]>; 14] = {
    let mut tables = [TableDefinition::new("leads"); 14];
    let mut index = 0;
    while index < tables.len() {
        tables[index] = TableDefinition::new(NAMES[index]);
        index += 1;
    }
    tables
};

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
        Ok(self.committed[table as usize].get(key)?.map(|value| value.value().to_vec()))
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
                let rows = &mut tables[change.table as usize];
                match &change.value {
                    Some(value) => drop(rows.insert(&*change.key, &**value)?),
                    None => drop(rows.remove(&*change.key)?),
                }
            }
        }
        Ok(transaction.commit()?)
    }
}
