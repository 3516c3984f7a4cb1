//! Whether a server can keep the records, and the steps that bring its schema up to date.

use std::borrow::Cow;
use std::sync::Arc;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _, SqlSafeStr as _};

use super::connections::Connections;
use super::failure::named;
use super::run_plain;
use crate::ports::records::RecordsError;

/// The oldest server that is tried by tests, as it numbers itself.
const SERVER_VERSION_MIN: u32 = 150_000;

/// Checks the server and brings the schema up to date, on a connection of its own.
///
/// Whoever comes while another node does the same waits for it, however long that takes.
pub(super) async fn prepare(connections: &Arc<Connections>) -> Result<(), RecordsError> {
    let mut connection = connections.connect().await?;
    check(&mut connection).await?;
    let patient = "SET statement_timeout = 0; SET lock_timeout = 0".to_owned();
    run_plain(&mut connection, patient).await.map_err(|error| named(&error))?;
    migrate(&mut connection).await?;
    // The work is done; one that cannot say goodbye is gone all the same.
    drop(connection.close().await);
    Ok(())
}

/// Refuses a server that could lose what it has acknowledged, or would sort or keep texts otherwise.
async fn check(connection: &mut PgConnection) -> Result<(), RecordsError> {
    let refused = |what: &str| Err(RecordsError::Unavailable(what.to_owned()));
    if connection.server_version_num().is_some_and(|version| version < SERVER_VERSION_MIN) {
        return refused("the server is older than Postgres 15");
    }
    let asked = sqlx::query(
        "SELECT current_setting('server_encoding'), current_setting('fsync'), \
         current_setting('synchronous_commit'), pg_is_in_recovery()",
    );
    let row = asked.fetch_one(connection).await.map_err(|error| named(&error))?;
    let text = |index: usize| row.try_get::<String, _>(index).map_err(|error| named(&error));
    if text(0)? != "UTF8" {
        return refused("the database does not have the encoding UTF8");
    }
    if text(1)? == "off" {
        return refused("the server has fsync = off: it could lose what it has acknowledged");
    }
    if text(2)? == "off" {
        let what = "synchronous_commit = off for this user or database: the server could lose what \
                    it has acknowledged";
        return refused(what);
    }
    if row.try_get::<bool, _>(3).map_err(|error| named(&error))? {
        return refused("the server is a standby, which takes no changes");
    }
    Ok(())
}

/// The schema's steps, oldest first. One that has been released never changes.
fn migrations() -> Migrator {
    let step = |version, description, text: &'static str| {
        let description = Cow::Borrowed(description);
        Migration::new(version, description, MigrationType::Simple, text.into_sql_str(), false)
    };
    let steps = vec![
        step(1, "records", include_str!("../migrations/postgres/0001_records.sql")),
        step(2, "current_objects", include_str!("../migrations/postgres/0002_current_objects.sql")),
        step(3, "forgetting", include_str!("../migrations/postgres/0003_forgetting_events.sql")),
        step(4, "day_keys", include_str!("../migrations/postgres/0004_day_keys.sql")),
    ];
    Migrator::with_migrations(steps)
}

/// Each step in a transaction of its own; the driver locks the database against other nodes.
async fn migrate(connection: &mut PgConnection) -> Result<(), RecordsError> {
    match migrations().run(connection).await {
        Ok(()) => Ok(()),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            Err(named(&error))
        }
        Err(MigrateError::VersionMissing(version)) => Err(RecordsError::Unavailable(format!(
            "the database has schema {version}, which is of a newer version of this program"
        ))),
        Err(error) => Err(RecordsError::Corrupt(error.to_string())),
    }
}
