//! Records in one SQLite file.
//!
//! One connection writes, a few read; other processes (the command line beside a server) may have
//! the file open too. The write-ahead log lets readers go on beside the writer; writers wait for
//! each other up to the busy time-out. Nothing is reported as written before it is on disk.

mod turn;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row as _, SqlSafeStr, TypeInfo, Value as _,
    ValueRef as _,
};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use self::turn::Gate;
use super::SqlRecords;
use super::pool::Pool;
use super::sql::{Cell, Row, Statement, Value};
use crate::ports::records::RecordsError;

/// Pages in the write-ahead log after which they are moved into the file: 16 MB. Fewer would make
/// commits wait more often, more would make readers slower.
const CHECKPOINT_PAGES: &str = "4000";

/// To how many bytes the write-ahead log is cut when it has grown beside a long read.
const LOG_BYTES_KEPT: &str = "67108864";

/// Prepared statements kept per connection; all fixed texts of this module fit.
const STATEMENTS_KEPT: usize = 64;

/// Result codes (primary) that say the file itself is damaged or is no database.
const DAMAGED: [i64; 2] = [11, 26];

/// The result code (primary) of a writer whose turn did not come in time.
const BUSY: i64 = 5;

/// The result code (primary) of a row that breaks a constraint.
const CONSTRAINT: i64 = 19;

/// Where the records are, and how they are opened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqliteSettings {
    /// The file; made, with its folders, if it is not there. Two more stand beside it while it is
    /// open.
    pub path: PathBuf,
    /// Connections that read, at least 1.
    #[serde(default = "read_connections_max")]
    pub read_connections_max: u32,
    /// How long to wait for another writer, or for a free connection, in milliseconds.
    #[serde(default = "busy_timeout_ms")]
    pub busy_timeout_ms: u64,
}

const fn read_connections_max() -> u32 {
    4
}

const fn busy_timeout_ms() -> u64 {
    5_000
}

impl SqliteSettings {
    /// The file at `path`, everything else as it usually is.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self {
            path,
            read_connections_max: read_connections_max(),
            busy_timeout_ms: busy_timeout_ms(),
        }
    }
}

/// Connections to one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Held while a transaction of ours writes.
    gate: Arc<Mutex<Gate>>,
    busy: Duration,
}

impl Sqlite {
    /// Opens the records, and makes them or brings them up to date first.
    ///
    /// The file is made readable by its owner alone: it holds prices, accounts and digests of keys.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`] when the file cannot be opened, or was written by a newer
    /// version; [`RecordsError::Corrupt`] when it is no such file.
    pub async fn open(settings: SqliteSettings) -> Result<Arc<SqlRecords>, RecordsError> {
        make_file(&settings.path).await?;
        let busy = Duration::from_millis(settings.busy_timeout_ms);
        let options = SqliteConnectOptions::new()
            .filename(&settings.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(busy)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", LOG_BYTES_KEPT)
            .statement_cache_capacity(STATEMENTS_KEPT)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(busy)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        let gate = Gate::before(&settings.path);
        let writer = {
            // Those who open a new file at the same time would all make it.
            let _turn = gate.enter(Instant::now() + busy).await;
            let writer = pool.clone().max_connections(1).connect_with(options.clone()).await;
            let writer = writer.map_err(named)?;
            migrate(&writer).await?;
            writer
        };
        let readers = pool
            .max_connections(settings.read_connections_max.max(1))
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(named)?;
        let gate = Arc::new(Mutex::new(gate));
        Ok(Arc::new(SqlRecords::on(Pool::Sqlite(Self { writer, readers, gate, busy }))))
    }

    pub(super) async fn fetch(&self, statement: Statement) -> Result<Vec<Row>, RecordsError> {
        let rows = query(statement).fetch_all(&self.readers).await.map_err(named)?;
        rows.iter().map(row).collect()
    }

    pub(super) async fn snapshot(&self) -> Result<SqliteTransaction, RecordsError> {
        let begun = self.readers.begin().await.map_err(named)?;
        Ok(SqliteTransaction { begun, _writing: None })
    }

    /// Takes the file's only write lock at once: a transaction that read first could not wait for
    /// it any more. Writers of all programs come in turn.
    pub(super) async fn write(&self) -> Result<SqliteTransaction, RecordsError> {
        let until = Instant::now() + self.busy;
        // Our own earlier writers first: whoever stands in the gate must need nothing but the file.
        let writing = tokio::time::timeout_at(until, Arc::clone(&self.gate).lock_owned()).await;
        let gate = writing.map_err(|_| named(sqlx::Error::PoolTimedOut))?;
        let begun = {
            let _turn = gate.enter(until).await;
            self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(named)?
        };
        Ok(SqliteTransaction { begun, _writing: Some(gate) })
    }

    /// The writer goes last: the last connection moves the write-ahead log into the file.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes the file and its folders, so that nobody but its owner can read it.
async fn make_file(path: &Path) -> Result<(), RecordsError> {
    let failed =
        |error: std::io::Error| RecordsError::Unavailable(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(failed)?;
    }
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await.map(drop).map_err(failed)
}

/// The schema's steps, oldest first. One that has been released never changes.
fn migrations() -> Migrator {
    let step = |version, description, text: &'static str| {
        let description = Cow::Borrowed(description);
        Migration::new(version, description, MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        step(1, "records", include_str!("migrations/sqlite/0001_records.sql")),
        step(2, "registry_api", include_str!("migrations/sqlite/0002_registry_api.sql")),
        step(3, "events", include_str!("migrations/sqlite/0003_events.sql")),
        step(4, "current_objects", include_str!("migrations/sqlite/0004_current_objects.sql")),
        step(5, "forgetting", include_str!("migrations/sqlite/0005_forgetting_events.sql")),
        step(6, "day_keys", include_str!("migrations/sqlite/0006_day_keys.sql")),
    ])
}

/// Brings the schema up to date in one transaction, so that two processes that open a new file at
/// the same time do not both make it.
async fn migrate(writer: &SqlitePool) -> Result<(), RecordsError> {
    let mut connection = writer.acquire().await.map_err(named)?;
    let connection: &mut SqliteConnection = &mut connection;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(named)?;
    let connection: &mut SqliteConnection = &mut transaction;
    match migrations().run(connection).await {
        Ok(()) => transaction.commit().await.map_err(named),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            Err(named(error))
        }
        Err(MigrateError::VersionMissing(version)) => Err(RecordsError::Unavailable(format!(
            "the file has schema {version}, which is of a newer version of this program"
        ))),
        Err(error) => Err(RecordsError::Corrupt(error.to_string())),
    }
}

/// A transaction on one connection.
#[derive(Debug)]
pub(super) struct SqliteTransaction {
    begun: sqlx::SqliteTransaction<'static>,
    /// What keeps other writers of this process out; after `begun`, so that it is dropped last.
    _writing: Option<OwnedMutexGuard<Gate>>,
}

impl SqliteTransaction {
    pub(super) async fn fetch(&mut self, statement: Statement) -> Result<Vec<Row>, RecordsError> {
        let rows = query(statement).fetch_all(&mut *self.begun).await.map_err(named)?;
        rows.iter().map(row).collect()
    }

    pub(super) async fn run(&mut self, statement: Statement) -> Result<u64, RecordsError> {
        let done = query(statement).execute(&mut *self.begun).await.map_err(named)?;
        Ok(done.rows_affected())
    }

    pub(super) async fn commit(self) -> Result<(), RecordsError> {
        self.begun.commit().await.map_err(named)
    }
}

fn query(statement: Statement) -> Query<'static, sqlx::Sqlite, SqliteArguments> {
    let is_fixed = statement.is_fixed();
    let query = sqlx::query(AssertSqlSafe(statement.text)).persistent(is_fixed);
    statement.values.into_iter().fold(query, |query, value| match value {
        Value::Integer(integer) => query.bind(integer),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn row(row: &SqliteRow) -> Result<Row, RecordsError> {
    let cells: Result<Vec<Cell>, RecordsError> =
        (0..row.columns().len()).map(|index| cell(row, index)).collect();
    cells.map(Row::new)
}

fn cell(row: &SqliteRow, index: usize) -> Result<Cell, RecordsError> {
    let value = row.try_get_raw(index).map_err(named)?.to_owned();
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let cell = match value.type_info().name() {
        "INTEGER" => value.try_decode().map(Cell::Integer),
        "TEXT" => value.try_decode().map(Cell::Text),
        "BLOB" => value.try_decode().map(Cell::Bytes),
        other => return Err(RecordsError::Corrupt(format!("a column of type {other}"))),
    };
    cell.map_err(named)
}

/// Names an error in our words. SQLite's own messages name tables and constraints, never values;
/// anything else is named by its kind alone.
fn named(error: sqlx::Error) -> RecordsError {
    let text = match &error {
        sqlx::Error::Database(refusal) => {
            let code = refusal.code().and_then(|code| code.parse::<i64>().ok()).unwrap_or(0);
            let text = format!("SQLite {code}: {}", refusal.message());
            return match code & 0xff {
                primary if DAMAGED.contains(&primary) => RecordsError::Corrupt(text),
                BUSY => RecordsError::Busy(text),
                CONSTRAINT => RecordsError::Refused(text),
                _ => RecordsError::Unavailable(text),
            };
        }
        sqlx::Error::PoolTimedOut => {
            return RecordsError::Busy("no free connection in time".to_owned());
        }
        sqlx::Error::PoolClosed => "they are closed".to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::WorkerCrashed => "the connection's thread has ended".to_owned(),
        sqlx::Error::ColumnDecode { index, .. } => {
            return RecordsError::Corrupt(format!("column {index} cannot be read"));
        }
        sqlx::Error::Decode(_) => {
            return RecordsError::Corrupt("a column cannot be read".to_owned());
        }
        _ => "the driver failed".to_owned(),
    };
    RecordsError::Unavailable(text)
}
