use super::sample::{End, Sample};
use super::*;
use crate::ports::records::ObjectKind;

fn buyer() -> RegistryObject {
    RegistryObject {
        kind: ObjectKind::Buyer,
        id: "acme".to_owned(),
        body: "{}".to_owned(),
        is_archived: false,
    }
}

#[tokio::test]
async fn what_was_written_is_there_when_the_file_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::new(1, "acme", End::Sold);
    let (registry, auction) = {
        let records = open(folder.path()).await;
        let change = RegistryChange { objects: vec![buyer()], ..change(0) };
        records.change_registry(change).await.unwrap();
        records.add_parts(sample.parts()).await.unwrap();
        (records.registry().await, records.auction(sample.lead_id()).await)
    };
    assert_eq!(registry.as_ref().unwrap().objects, [buyer()]);
    assert!(auction.as_ref().unwrap().is_some());
    let records = open(folder.path()).await;
    assert_eq!(records.registry().await, registry);
    assert_eq!(records.auction(sample.lead_id()).await, auction);
}

#[tokio::test]
async fn closing_leaves_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let records = open(&folder.path().join("new/folders")).await;
    records.change_registry(change(0)).await.unwrap();
    records.close().await;
    assert!(matches!(records.registry_version().await, Err(RecordsError::Unavailable(_))));
    let left: Vec<_> = std::fs::read_dir(folder.path().join("new/folders"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["records.db"]);
    assert_eq!(open(&folder.path().join("new/folders")).await.registry_version().await, Ok(1));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let records = open(folder.path()).await;
    records.change_registry(change(0)).await.unwrap();
    for name in ["records.db", "records.db-wal", "records.db-shm"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn another_kind_of_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    std::fs::write(
        &path,
        "not a database, and longer than its header of a hundred bytes. ".repeat(9),
    )
    .unwrap();
    let refused = Sqlite::open(SqliteSettings::at(path)).await;
    is_corrupt(refused, "SQLite 26: file is not a database");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "").unwrap();
    let path = path.join("records.db");
    let Err(RecordsError::Unavailable(text)) = Sqlite::open(SqliteSettings::at(path.clone())).await
    else {
        panic!("opened below a file")
    };
    assert!(text.starts_with(&path.display().to_string()), "{text}");
}

/// Runs SQL on a file that nobody has open.
async fn run(path: &Path, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_file_that_does_not_say_which_versions_are_current_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let records = open(folder.path()).await;
    for base in 0..3 {
        let newer = RegistryObject { body: base.to_string(), ..buyer() };
        let change = RegistryChange { objects: vec![newer], ..change(base) };
        records.change_registry(change).await.unwrap();
    }
    let before = records.registry().await;
    assert_eq!(before.as_ref().unwrap().objects[0].body, "2");
    records.close().await;
    let without = "DROP TABLE current_objects; DROP INDEX secrets_by_end; \
                   DELETE FROM _sqlx_migrations WHERE version = 4";
    run(&folder.path().join("records.db"), without).await;
    assert_eq!(open(folder.path()).await.registry().await, before);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    open(folder.path()).await.close().await;
    let later = "INSERT INTO _sqlx_migrations \
                 (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, X'00', 0)";
    run(&path, later).await;
    let refused = Sqlite::open(SqliteSettings::at(path)).await.map(drop);
    let text = "the file has schema 9999, which is of a newer version of this program";
    assert_eq!(refused, Err(RecordsError::Unavailable(text.to_owned())));
}

#[test]
fn settings_need_a_path_and_nothing_else() {
    let read = |text: &str| toml::from_str::<SqliteSettings>(text);
    assert_eq!(read("path = 'a.db'").unwrap(), SqliteSettings::at("a.db".into()));
    let all = read("path = 'a.db'\nread_connections_max = 2\nbusy_timeout_ms = 50").unwrap();
    assert_eq!((all.read_connections_max, all.busy_timeout_ms), (2, 50));
    assert!(read("").is_err());
    assert!(read("path = 'a.db'\nreaders = 2").is_err());
}
