//! The registry's rows: objects with all their versions, secrets, keys, and who changed
//! them.
//!
//! One number orders all changes. A change names the version it was worked out against and takes
//! the next one; of two that name the same version one is stale, whichever process it comes from.

use super::column;
use super::pool::{Pool, Transaction};
use super::sql::{ManyRows, Row, Statement, Value};
use crate::domain::key::{KeyId, KeyRecord};
use crate::ports::records::{
    ChangeRow, Committed, ObjectKind, ObjectVersion, RecordsError, RegistryChange, RegistryObject,
    RegistryRows, SealedSecret,
};

const VERSION: Statement = Statement::new("SELECT version FROM registry_version WHERE id = 1");

/// Compares and counts in one statement: a second writer waits here and then finds another number.
const NEXT_VERSION: Statement = Statement::new(
    "UPDATE registry_version SET version = version + 1 WHERE id = 1 AND version = $1 \
     RETURNING version",
);

const ADD_CHANGE: Statement = Statement::new(
    "INSERT INTO registry_changes (version, actor, summary, at_us) VALUES ($1, $2, $3, $4)",
);

const HISTORY: Statement = Statement::new(
    "SELECT version, actor, summary, at_us FROM registry_changes WHERE version < $1 \
     ORDER BY version DESC LIMIT $2",
);

const OBJECT_VERSIONS: Statement = Statement::new(
    "SELECT object.version, object.is_archived, change.at_us FROM registry_objects AS object \
     JOIN registry_changes AS change ON change.version = object.version \
     WHERE object.kind = $1 AND object.id = $2 AND object.version < $3 \
     ORDER BY object.version DESC LIMIT $4",
);

const ADD_OBJECTS: ManyRows = ManyRows {
    head: "INSERT INTO registry_objects (kind, id, version, body, is_archived) VALUES",
    tail: "",
};

const SET_CURRENT: ManyRows = ManyRows {
    head: "INSERT INTO current_objects (kind, id, version) VALUES",
    tail: " ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version",
};

/// Reads each object once, however many versions it has. The join goes from the short table to the
/// long one; SQLite takes a `CROSS JOIN` in the order in which it is written.
pub(super) const OBJECTS: Statement = Statement::new(
    "SELECT object.kind, object.id, object.body, object.is_archived FROM current_objects AS one \
     CROSS JOIN registry_objects AS object WHERE object.kind = one.kind AND object.id = one.id \
     AND object.version = one.version ORDER BY one.kind, one.id",
);

/// Looks for one version of each object that there ever was.
pub(super) const OBJECTS_AT: Statement = Statement::new(
    "SELECT object.kind, object.id, object.body, object.is_archived FROM current_objects AS one \
     CROSS JOIN registry_objects AS object WHERE object.kind = one.kind AND object.id = one.id \
     AND object.version = (SELECT MAX(other.version) FROM registry_objects AS other \
     WHERE other.kind = one.kind AND other.id = one.id AND other.version <= $1) \
     ORDER BY one.kind, one.id",
);

const END_SECRETS: Statement = Statement::new(
    "UPDATE secrets SET valid_until_us = $1 \
     WHERE owner = $2 AND (valid_until_us IS NULL OR valid_until_us > $1)",
);

const SET_SECRETS: ManyRows = ManyRows {
    head: "INSERT INTO secrets (owner, valid_from_us, valid_until_us, sealed) VALUES",
    tail: " ON CONFLICT (owner, valid_from_us) DO UPDATE \
           SET valid_until_us = excluded.valid_until_us, sealed = excluded.sealed",
};

/// Those that had not ended when version $1 was made.
pub(super) const SECRETS: Statement = Statement::new(
    "SELECT owner, valid_from_us, valid_until_us, sealed FROM secrets \
     WHERE valid_until_us IS NULL \
     OR valid_until_us > COALESCE((SELECT at_us FROM registry_changes WHERE version = $1), 0)",
);

const ADD_KEYS: ManyRows = ManyRows {
    head: "INSERT INTO keys (key_id, role, mode, owner, digest, is_strict, requires_signature, \
           created_at_us, revoked_at_us, expires_at_us) VALUES",
    tail: "",
};

const REVOKE_KEY: Statement = Statement::new(
    "UPDATE keys SET revoked_at_us = $1 WHERE key_id = $2 AND revoked_at_us IS NULL",
);

const KEYS: Statement = Statement::new(
    "SELECT key_id, role, mode, owner, digest, is_strict, requires_signature, created_at_us, \
     revoked_at_us, expires_at_us FROM keys ORDER BY created_at_us, key_id",
);

pub(super) async fn version(pool: &Pool) -> Result<i64, RecordsError> {
    only(pool.fetch(VERSION).await?)?.integer()
}

pub(super) async fn current(pool: &Pool) -> Result<RegistryRows, RecordsError> {
    let mut snapshot = pool.snapshot().await?;
    let version = only(snapshot.fetch(VERSION).await?)?.integer()?;
    let objects = snapshot.fetch(OBJECTS).await?;
    let secrets = snapshot.fetch(SECRETS.bind(version)).await?;
    let keys = snapshot.fetch(KEYS).await?;
    let mut secrets: Vec<_> = secrets.into_iter().map(secret).collect::<Result<_, _>>()?;
    secrets.sort_by(|a, b| (&a.owner, a.valid_from).cmp(&(&b.owner, b.valid_from)));
    Ok(RegistryRows {
        version,
        objects: objects.into_iter().map(object).collect::<Result<_, _>>()?,
        secrets,
        keys: keys.into_iter().map(key).collect::<Result<_, _>>()?,
    })
}

pub(super) async fn objects_at(
    pool: &Pool,
    version: i64,
) -> Result<Vec<RegistryObject>, RecordsError> {
    pool.fetch(OBJECTS_AT.bind(version)).await?.into_iter().map(object).collect()
}

pub(super) async fn object_versions(
    pool: &Pool,
    (kind, id): (ObjectKind, String),
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<ObjectVersion>, RecordsError> {
    let before = before.unwrap_or(i64::MAX);
    let named = OBJECT_VERSIONS.bind(kind.as_str()).bind(id);
    let rows = pool.fetch(named.bind(before).bind(column::limit(limit))).await?;
    let version = |mut row: Row| {
        Ok(ObjectVersion {
            version: row.integer()?,
            is_archived: row.flag()?,
            at: column::instant(row.integer()?)?,
        })
    };
    rows.into_iter().map(version).collect()
}

pub(super) async fn history(
    pool: &Pool,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<ChangeRow>, RecordsError> {
    let before = before.unwrap_or(i64::MAX);
    let rows = pool.fetch(HISTORY.bind(before).bind(column::limit(limit))).await?;
    rows.into_iter().map(change_row).collect()
}

pub(super) async fn change(pool: &Pool, change: RegistryChange) -> Result<Committed, RecordsError> {
    let mut transaction = pool.write(&[]).await?;
    let next = transaction.fetch(NEXT_VERSION.bind(change.base_version)).await?;
    let Some(mut next) = next.into_iter().next() else {
        let current = only(transaction.fetch(VERSION).await?)?.integer()?;
        return Ok(Committed::Stale { current });
    };
    let version = next.integer()?;
    write(&mut transaction, version, change).await?;
    transaction.commit().await?;
    Ok(Committed::Version(version))
}

async fn write(
    transaction: &mut Transaction,
    version: i64,
    change: RegistryChange,
) -> Result<(), RecordsError> {
    let at_us = column::us(change.at);
    let audit = ADD_CHANGE.bind(version).bind(change.actor).bind(change.summary).bind(at_us);
    transaction.run(audit).await?;

    let current = change.objects.iter().map(|object| current_values(object, version));
    transaction.run_all(SET_CURRENT.statements(current.collect())).await?;
    let objects = change.objects.into_iter().map(|object| object_values(object, version));
    transaction.run_all(ADD_OBJECTS.statements(objects.collect())).await?;

    for secret in &change.secrets {
        transaction.run(END_SECRETS.bind(at_us).bind(secret.owner.as_str())).await?;
    }
    let secrets = change.secrets.into_iter().map(secret_values).collect();
    transaction.run_all(SET_SECRETS.statements(secrets)).await?;

    let keys = change.keys_added.into_iter().map(key_values).collect();
    transaction.run_all(ADD_KEYS.statements(keys)).await?;
    for key_id in change.keys_revoked {
        transaction.run(REVOKE_KEY.bind(at_us).bind(key_id.as_str())).await?;
    }
    Ok(())
}

/// The row of a table that always has one.
fn only(rows: Vec<Row>) -> Result<Row, RecordsError> {
    let missing = || RecordsError::Corrupt("the registry has no version".to_owned());
    rows.into_iter().next().ok_or_else(missing)
}

fn change_row(mut row: Row) -> Result<ChangeRow, RecordsError> {
    Ok(ChangeRow {
        version: row.integer()?,
        actor: row.text()?,
        summary: row.text()?,
        at: column::instant(row.integer()?)?,
    })
}

fn current_values(object: &RegistryObject, version: i64) -> Vec<Value> {
    vec![object.kind.as_str().into(), object.id.as_str().into(), version.into()]
}

fn object_values(object: RegistryObject, version: i64) -> Vec<Value> {
    vec![
        object.kind.as_str().into(),
        object.id.into(),
        version.into(),
        object.body.into(),
        object.is_archived.into(),
    ]
}

fn object(mut row: Row) -> Result<RegistryObject, RecordsError> {
    let kind = row.text()?;
    let unknown = || RecordsError::Corrupt(format!("`{kind}` is no kind of registry object"));
    Ok(RegistryObject {
        kind: ObjectKind::parse(&kind).ok_or_else(unknown)?,
        id: row.text()?,
        body: row.text()?,
        is_archived: row.flag()?,
    })
}

fn secret_values(secret: SealedSecret) -> Vec<Value> {
    vec![
        secret.owner.into(),
        column::us(secret.valid_from).into(),
        secret.valid_until.map(column::us).into(),
        secret.sealed.into(),
    ]
}

fn secret(mut row: Row) -> Result<SealedSecret, RecordsError> {
    Ok(SealedSecret {
        owner: row.text()?,
        valid_from: column::instant(row.integer()?)?,
        valid_until: column::optional_instant(row.optional_integer()?)?,
        sealed: row.bytes()?,
    })
}

fn key_values(key: KeyRecord) -> Vec<Value> {
    vec![
        key.key_id.as_str().into(),
        key.role.as_str().into(),
        key.mode.as_str().into(),
        key.owner.into(),
        key.digest.to_vec().into(),
        key.strict.into(),
        key.require_signature.into(),
        column::us(key.created_at).into(),
        key.revoked_at.map(column::us).into(),
        key.expires_at.map(column::us).into(),
    ]
}

fn key(mut row: Row) -> Result<KeyRecord, RecordsError> {
    let corrupt = |_| RecordsError::Corrupt("a key with a wrong id or digest".to_owned());
    Ok(KeyRecord {
        key_id: KeyId::parse(&row.text()?).map_err(|_| corrupt(()))?,
        role: column::variant(&row.text()?)?,
        mode: column::variant(&row.text()?)?,
        owner: row.text()?,
        digest: row.bytes()?.try_into().map_err(|_| corrupt(()))?,
        strict: row.flag()?,
        require_signature: row.flag()?,
        created_at: column::instant(row.integer()?)?,
        revoked_at: column::optional_instant(row.optional_integer()?)?,
        expires_at: column::optional_instant(row.optional_integer()?)?,
    })
}
