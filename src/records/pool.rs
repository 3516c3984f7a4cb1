//! The seam between the records and the databases they can be kept in.
//!
//! Everything above it writes one SQL for all databases; everything below it (one module for each
//! database) opens connections, runs statements and names errors. A database that joins adds a
//! variant here, a module and a folder of migrations.

use crate::ports::records::RecordsError;

use super::postgres::{Postgres, PostgresTransaction};
use super::sql::{Row, Statement};
use super::sqlite::{Sqlite, SqliteTransaction};
use crate::domain::ids::{EndpointId, Partition};

/// Connections to the database in use.
#[derive(Debug)]
pub(super) enum Pool {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// What a writer reads and then relies on: nobody else who names the same writes beside it.
///
/// Whoever relies only on what a statement checks by itself (a key that is free, a version in a
/// `WHERE`) needs none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// The parts of the leads of a partition: their summaries are worked out from all of them.
    Parts(Partition),
    /// The events of an endpoint: which is due, and who has it.
    Events(EndpointId),
    /// Which events are the oldest.
    Forgetting,
}

impl Pool {
    /// Runs one statement that only reads.
    pub(super) async fn fetch(&self, statement: Statement) -> Result<Vec<Row>, RecordsError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.fetch(statement).await,
            Self::Postgres(postgres) => postgres.fetch(statement).await,
        }
    }

    /// Begins to read; all that is read sees the database at one moment.
    pub(super) async fn snapshot(&self) -> Result<Transaction, RecordsError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.snapshot().await.map(Transaction::Sqlite),
            Self::Postgres(postgres) => postgres.snapshot().await.map(Transaction::Postgres),
        }
    }

    /// Begins to write, after every other writer that named one of `turns` has ended, in this
    /// process or another: it may rely on what it reads of them. Dropped without
    /// [`Transaction::commit`], it has changed nothing.
    ///
    /// Turns are given all at once, so that no two writers can wait for each other. SQLite lets in
    /// one writer at a time, whatever its turns.
    pub(super) async fn write(&self, turns: &[Turn]) -> Result<Transaction, RecordsError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.write().await.map(Transaction::Sqlite),
            Self::Postgres(postgres) => postgres.write(turns).await.map(Transaction::Postgres),
        }
    }

    /// Closes every connection, after what is running on it.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}

/// Statements that belong together.
#[derive(Debug)]
pub(super) enum Transaction {
    Sqlite(SqliteTransaction),
    Postgres(PostgresTransaction),
}

impl Transaction {
    /// Runs a statement and gives its rows.
    pub(super) async fn fetch(&mut self, statement: Statement) -> Result<Vec<Row>, RecordsError> {
        match self {
            Self::Sqlite(transaction) => transaction.fetch(statement).await,
            Self::Postgres(transaction) => transaction.fetch(statement).await,
        }
    }

    /// Runs a statement and says how many rows it changed.
    pub(super) async fn run(&mut self, statement: Statement) -> Result<u64, RecordsError> {
        match self {
            Self::Sqlite(transaction) => transaction.run(statement).await,
            Self::Postgres(transaction) => transaction.run(statement).await,
        }
    }

    /// Runs statements one after the other and says how many rows they changed together.
    pub(super) async fn run_all(
        &mut self,
        statements: Vec<Statement>,
    ) -> Result<u64, RecordsError> {
        let mut changed = 0;
        for statement in statements {
            changed += self.run(statement).await?;
        }
        Ok(changed)
    }

    /// Makes what was written durable and visible, or reports that it is not known to be.
    pub(super) async fn commit(self) -> Result<(), RecordsError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}
