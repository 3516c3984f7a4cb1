//! Records in a Postgres database: several nodes, one history.
//!
//! Writers do not wait for each other in general. One that relies on what it reads names its turns,
//! and takes a lock of the transaction for each; what a statement checks by itself needs none. So
//! batches of the outbox go on beside each other and beside a change of the registry. A transaction
//! that writes sees each statement's newest rows (`READ COMMITTED`), as it must after it has waited
//! for its turn; one that only reads sees one moment (`REPEATABLE READ`). A commit is on disk, or the
//! server is refused at the start.

mod address;
mod connections;
mod failure;
mod schema;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Executor as _, Row as _, TypeInfo as _,
};

use self::connections::{Connections, Lease, Times};
use super::SqlRecords;
use super::pool::{Pool, Turn};
use super::sql::{Cell, Row, Statement, Value};
use crate::ports::records::RecordsError;
use crate::vault::read_private_line;

pub use address::{PostgresUrl, PostgresUrlError};

/// Prepared statements kept per connection; all fixed texts of this module fit.
const STATEMENTS_KEPT: usize = 64;

/// Locks that one kind of turn is spread over: two that share a lock wait for each other without
/// need, and more locks would crowd the server's table of them.
const LOCKS_PER_KIND: u64 = 64;

/// The first of our locks among those of the database: nothing else should have them.
const LOCKS_FROM: i64 = 0x6761_7665_6c00_0000;

/// How long the server may take beyond its own time-out before it counts as away.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);

/// Where the records are, and how they are reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresSettings {
    /// Where the database is; either this or `url_file`.
    #[serde(default)]
    pub url: Option<PostgresUrl>,
    /// A file of one line, the URL, readable by its owner alone.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// Connections of this node, at least 1.
    #[serde(default = "connections_max")]
    pub connections_max: u32,
    /// How long connecting may take, TLS and the password included, in milliseconds.
    #[serde(default = "connect_timeout_ms")]
    pub connect_timeout_ms: u64,
    /// How long to wait for another writer, or for a free connection, in milliseconds.
    #[serde(default = "busy_timeout_ms")]
    pub busy_timeout_ms: u64,
    /// How long one statement may take, in milliseconds.
    #[serde(default = "statement_timeout_ms")]
    pub statement_timeout_ms: u64,
}

const fn connections_max() -> u32 {
    10
}

const fn connect_timeout_ms() -> u64 {
    3_000
}

const fn busy_timeout_ms() -> u64 {
    5_000
}

const fn statement_timeout_ms() -> u64 {
    30_000
}

impl PostgresSettings {
    /// The database at `url`, everything else as it usually is.
    #[must_use]
    pub const fn at(url: PostgresUrl) -> Self {
        Self {
            url: Some(url),
            url_file: None,
            connections_max: connections_max(),
            connect_timeout_ms: connect_timeout_ms(),
            busy_timeout_ms: busy_timeout_ms(),
            statement_timeout_ms: statement_timeout_ms(),
        }
    }

    /// Settings that cannot be, each with what is wrong about it.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut need = |holds: bool, key: &'static str, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        let (url, file) = (self.url.is_some(), self.url_file.is_some());
        need(url || file, "url_file", "must be set, or `url`: where the database is");
        need(!(url && file), "url", "is set beside `url_file`: one of them says it");
        need(self.connections_max > 0, "connections_max", "must be above 0");
        need(self.connect_timeout_ms > 0, "connect_timeout_ms", "must be above 0");
        need(self.busy_timeout_ms > 0, "busy_timeout_ms", "must be above 0");
        need(self.statement_timeout_ms > 0, "statement_timeout_ms", "must be above 0");
        faults
    }

    /// The URL, read from its file if it stands in one.
    fn read_url(&self) -> Result<PostgresUrl, RecordsError> {
        let unusable = |what: String| RecordsError::Unavailable(what);
        match (&self.url, &self.url_file) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(file)) => read_url_file(file),
            (None, None) => Err(unusable("no URL of a database is set".to_owned())),
        }
    }

    fn times(&self) -> Times {
        let statement = Duration::from_millis(self.statement_timeout_ms);
        Times {
            connect: Duration::from_millis(self.connect_timeout_ms),
            busy: Duration::from_millis(self.busy_timeout_ms),
            answer: statement.saturating_add(ANSWER_MARGIN),
        }
    }

    /// How each session is set up; the server gives up a node that holds locks and says nothing.
    fn options(&self, url: &PostgresUrl) -> Result<PgConnectOptions, RecordsError> {
        let named = |error| RecordsError::Unavailable(format!("the URL cannot be used: {error}"));
        let session = [
            ("statement_timeout", self.statement_timeout_ms),
            ("lock_timeout", self.busy_timeout_ms),
            ("idle_in_transaction_session_timeout", self.statement_timeout_ms),
        ];
        let options = url.options().map_err(named)?;
        Ok(options
            .application_name("gavel")
            .options(session)
            .statement_cache_capacity(STATEMENTS_KEPT)
            .disable_statement_logging())
    }
}

fn read_url_file(file: &Path) -> Result<PostgresUrl, RecordsError> {
    let line =
        read_private_line(file).map_err(|error| RecordsError::Unavailable(error.to_string()))?;
    line.parse().map_err(|error: PostgresUrlError| {
        RecordsError::Unavailable(format!("`{}` {error}", file.display()))
    })
}

/// Connections to one database.
#[derive(Debug)]
pub struct Postgres {
    connections: Arc<Connections>,
}

impl Postgres {
    /// Reaches the records, and makes them or brings them up to date first. Nodes that start at the
    /// same time do it one after the other.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`] when the database cannot be reached, cannot keep what it is
    /// given, or was written by a newer version; [`RecordsError::Corrupt`] when its schema is not ours.
    pub async fn open(settings: PostgresSettings) -> Result<Arc<SqlRecords>, RecordsError> {
        let url = settings.read_url()?;
        let options = settings.options(&url)?;
        let connections = Connections::new(options, settings.connections_max, settings.times());
        schema::prepare(&connections).await?;
        Ok(Arc::new(SqlRecords::on(Pool::Postgres(Self { connections }))))
    }

    pub(super) async fn fetch(&self, statement: Statement) -> Result<Vec<Row>, RecordsError> {
        let mut lease = self.connections.lease().await?;
        fetch(&mut lease, statement).await
    }

    pub(super) async fn snapshot(&self) -> Result<PostgresTransaction, RecordsError> {
        self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY".to_owned()).await
    }

    pub(super) async fn write(&self, turns: &[Turn]) -> Result<PostgresTransaction, RecordsError> {
        let mut text = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE".to_owned();
        // In one order for all writers, so that no two of them wait for each other.
        for lock in turns.iter().copied().map(lock_of).collect::<BTreeSet<i64>>() {
            text.push_str(&format!("; SELECT pg_advisory_xact_lock({lock})"));
        }
        self.begin(text).await
    }

    async fn begin(&self, text: String) -> Result<PostgresTransaction, RecordsError> {
        let mut lease = self.connections.lease().await?;
        lease.begin(async move |connection| run_plain(connection, text).await).await?;
        Ok(PostgresTransaction { lease })
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }
}

/// The number of a turn's lock.
fn lock_of(turn: Turn) -> i64 {
    let (kind, what) = match turn {
        Turn::Parts(partition) => (0, u64::from(partition.0)),
        Turn::Events(endpoint_id) => (1, (endpoint_id.bits() & u128::from(u64::MAX)) as u64),
        Turn::Forgetting => (2, 0),
    };
    LOCKS_FROM + kind * (LOCKS_PER_KIND as i64) + (what % LOCKS_PER_KIND) as i64
}

/// A transaction on one connection; rolled back if it is dropped.
#[derive(Debug)]
pub(super) struct PostgresTransaction {
    lease: Lease,
}

impl PostgresTransaction {
    pub(super) async fn fetch(&mut self, statement: Statement) -> Result<Vec<Row>, RecordsError> {
        fetch(&mut self.lease, statement).await
    }

    pub(super) async fn run(&mut self, statement: Statement) -> Result<u64, RecordsError> {
        let done = self
            .lease
            .ask(async |connection: &mut PgConnection| query(statement).execute(connection).await);
        Ok(done.await?.rows_affected())
    }

    pub(super) async fn commit(mut self) -> Result<(), RecordsError> {
        self.lease.commit().await
    }
}

async fn fetch(lease: &mut Lease, statement: Statement) -> Result<Vec<Row>, RecordsError> {
    let rows = lease
        .ask(async |connection: &mut PgConnection| query(statement).fetch_all(connection).await);
    rows.await?.iter().map(row).collect()
}

/// Runs statements without values, as they stand, in one trip.
async fn run_plain(connection: &mut PgConnection, text: String) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.map(drop)
}

fn query(statement: Statement) -> Query<'static, sqlx::Postgres, PgArguments> {
    let is_fixed = statement.is_fixed();
    let text = numbered(statement.text);
    let query = sqlx::query(AssertSqlSafe(text)).persistent(is_fixed);
    statement.values.into_iter().fold(query, |query, value| match value {
        Value::Integer(integer) => query.bind(integer),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// Numbers the placeholders of rows of values; no text of ours has a `?` for anything else.
fn numbered(text: Cow<'static, str>) -> Cow<'static, str> {
    if !text.contains('?') {
        return text;
    }
    let mut out = String::with_capacity(text.len() * 2);
    for (number, piece) in text.split('?').enumerate() {
        if number > 0 {
            out.push_str(&format!("${number}"));
        }
        out.push_str(piece);
    }
    Cow::Owned(out)
}

fn row(row: &PgRow) -> Result<Row, RecordsError> {
    let cells: Result<Vec<Cell>, RecordsError> =
        row.columns().iter().map(|column| cell(row, column.ordinal())).collect();
    cells.map(Row::new)
}

fn cell(row: &PgRow, index: usize) -> Result<Cell, RecordsError> {
    let read = match row.column(index).type_info().name() {
        "INT8" => row.try_get::<Option<i64>, _>(index).map(|value| value.map(Cell::Integer)),
        "TEXT" => row.try_get::<Option<String>, _>(index).map(|value| value.map(Cell::Text)),
        "BYTEA" => row.try_get::<Option<Vec<u8>>, _>(index).map(|value| value.map(Cell::Bytes)),
        other => return Err(RecordsError::Corrupt(format!("a column of type {other}"))),
    };
    read.map(|value| value.unwrap_or(Cell::Null)).map_err(|error| failure::named(&error))
}

#[cfg(test)]
mod tests;
