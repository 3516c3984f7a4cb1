//! The databases that every test of the records runs on, one after the other.

use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::*;
use crate::records::{Postgres, PostgresSettings};
use crate::servers::postgres::{PostgresServer, ROLE};

/// Databases with our schema that no test uses at present.
static FREE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// One database without anything in it.
pub(in crate::records) enum Bench {
    Sqlite(TempDir),
    Postgres(String),
}

impl Bench {
    /// One of each kind.
    pub(in crate::records) async fn each() -> [Self; 2] {
        [Self::Sqlite(tempfile::tempdir().unwrap()), Self::postgres().await]
    }

    /// A database that was used before is cheaper than a new one.
    pub(in crate::records) async fn postgres() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let used = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let server = PostgresServer::shared();
        let template = TEMPLATE.get_or_init(|| async {
            let name = tokio::task::spawn_blocking(|| server.database()).await.unwrap();
            Postgres::open(settings(&name)).await.unwrap().close().await;
            name
        });
        let template = template.await;
        let ready = tokio::task::spawn_blocking(move || match used {
            Some(name) => {
                empty(server, &name);
                name
            }
            None => server.database_like(template),
        });
        Self::Postgres(ready.await.unwrap())
    }

    /// A handle on it; there may be several.
    pub(in crate::records) async fn open(&self) -> Arc<SqlRecords> {
        match self {
            Self::Sqlite(folder) => open(folder.path()).await,
            Self::Postgres(name) => Postgres::open(settings(name)).await.unwrap(),
        }
    }

    /// A handle that does not wait for other writers for long.
    pub(in crate::records) async fn open_hasty(&self, busy_timeout_ms: u64) -> Arc<SqlRecords> {
        match self {
            Self::Sqlite(folder) => {
                let usual = SqliteSettings::at(folder.path().join("records.db"));
                Sqlite::open(SqliteSettings { busy_timeout_ms, ..usual }).await.unwrap()
            }
            Self::Postgres(name) => {
                let usual = settings(name);
                Postgres::open(PostgresSettings { busy_timeout_ms, ..usual }).await.unwrap()
            }
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let kind = if matches!(self, Self::Sqlite(_)) { "SQLite" } else { "Postgres" };
        if std::thread::panicking() {
            eprintln!("this was on {kind}");
        } else if let Self::Postgres(name) = self {
            FREE.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(name));
        }
    }
}

/// The settings of a database of the shared server.
pub(in crate::records) fn settings(database: &str) -> PostgresSettings {
    patient(&PostgresServer::shared().url(database))
}

/// Settings with time for a machine that is busy with other things.
pub(in crate::records) fn patient(url: &str) -> PostgresSettings {
    PostgresSettings {
        connect_timeout_ms: 60_000,
        busy_timeout_ms: 60_000,
        statement_timeout_ms: 60_000,
        ..PostgresSettings::at(url.parse().unwrap())
    }
}

/// Cuts whoever is still connected, and empties every table of ours.
fn empty(server: &PostgresServer, database: &str) {
    let others = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let of_ours = format!(
        "DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') \
         FROM pg_tables WHERE tableowner = '{ROLE}' AND tablename NOT LIKE '\\_sqlx%'); END $$; \
         INSERT INTO registry_version (id, version) VALUES (1, 0)"
    );
    server.sql(database, &[others, &of_ours]);
}
