//! Several programs on one database: nodes, and commands beside them.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use super::sample::{End, Sample};
use super::*;

/// Where [`another_process`] finds the file, and how often it changes the registry.
const FOLDER: &str = "GAVEL_TEST_RECORDS_FOLDER";
const CHANGES_EACH: usize = 20;

/// Changes the registry, however often others were faster.
async fn change_in_turn(records: &SqlRecords, actor: &str) {
    let mut base = records.registry_version().await.unwrap();
    for _ in 0..CHANGES_EACH {
        loop {
            let change = RegistryChange { actor: actor.to_owned(), ..change(base) };
            match records.change_registry(change).await.unwrap() {
                Committed::Version(version) => break base = version,
                Committed::Stale { current } => base = current,
            }
        }
    }
}

/// Who made how many of the changes.
async fn changes_by(records: &SqlRecords, actor: &str) -> usize {
    let history = records.registry_history(None, usize::MAX).await.unwrap();
    history.iter().filter(|row| row.actor == actor).count()
}

#[tokio::test]
async fn two_handles_on_one_database_change_it_in_turn() {
    for bench in Bench::each().await {
        let (one, two) = tokio::join!(bench.open(), bench.open());
        let samples: Vec<Sample> = (0..20).map(|one| Sample::new(one, "acme", End::Sold)).collect();
        let write_parts = async {
            for sample in &samples {
                two.add_parts(sample.parts()).await.unwrap();
            }
        };
        let changes = (change_in_turn(&one, "one"), change_in_turn(&two, "two"));
        tokio::join!(changes.0, changes.1, write_parts);
        assert_eq!(one.registry_version().await, Ok(2 * CHANGES_EACH as i64));
        assert_eq!(changes_by(&one, "one").await, CHANGES_EACH);
        assert_eq!(changes_by(&one, "two").await, CHANGES_EACH);
        assert_eq!(one.auctions(AuctionFilter::newest(100)).await.unwrap().len(), samples.len());
    }
}

#[tokio::test]
async fn a_writer_gets_its_turn_beside_one_that_never_rests() {
    let folder = tempfile::tempdir().unwrap();
    let restless = open(folder.path()).await;
    let path = folder.path().join("records.db");
    let patient = SqliteSettings { busy_timeout_ms: 60_000, ..SqliteSettings::at(path) };
    let patient = Sqlite::open(patient).await.unwrap();
    let mut written = 0_u16;
    // Two at a time, so that one always waits to begin when the other ends.
    let writing = async {
        loop {
            let pair = (
                Sample::new(written, "acme", End::Sold),
                Sample::new(written + 1, "acme", End::Sold),
            );
            let (one, two) = tokio::join!(
                restless.add_parts(pair.0.parts()),
                restless.add_parts(pair.1.parts())
            );
            one.and(two).unwrap();
            written += 2;
        }
    };
    tokio::select! {
        () = writing => unreachable!("it never rests"),
        () = change_in_turn(&patient, "patient") => {}
    }
    assert_eq!(changes_by(&patient, "patient").await, CHANGES_EACH);
    assert!(usize::from(written) < 50 * CHANGES_EACH, "{written} writes of the other in between");
}

#[tokio::test]
async fn what_one_handle_has_written_the_other_reads_at_once() {
    for bench in Bench::each().await {
        let (one, two) = (bench.open().await, bench.open().await);
        for version in 1..=10 {
            one.change_registry(change(version - 1)).await.unwrap();
            assert_eq!(two.registry_version().await, Ok(version));
        }
    }
}

#[tokio::test]
async fn many_programs_may_open_a_new_file_at_the_same_time() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let handles = futures::future::join_all((0..6).map(|_| open(folder.path()))).await;
        for handle in handles {
            assert_eq!(handle.registry_version().await, Ok(0));
        }
    }
}

#[tokio::test]
async fn a_writer_that_waits_too_long_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    let records = open(folder.path()).await;
    let hasty = SqliteSettings { busy_timeout_ms: 20, ..SqliteSettings::at(path) };
    let hasty = Sqlite::open(hasty).await.unwrap();
    let busy = records.pool.write(&[]).await.unwrap();
    let refusal = hasty.change_registry(change(0));
    let refused = tokio::time::timeout(Duration::from_secs(3), refusal).await.unwrap();
    let text = "SQLite 5: database is locked";
    assert_eq!(refused, Err(RecordsError::Busy(text.to_owned())));
    assert_eq!(hasty.registry_version().await, Ok(0), "readers do not wait");
    drop(busy);
    assert_eq!(records.change_registry(change(0)).await, Ok(Committed::Version(1)));
    assert_eq!(hasty.registry_version().await, Ok(1));
}

/// Not a test of its own: the other process of the one below.
#[tokio::test]
#[ignore = "run by several_processes_change_one_file_in_turn"]
async fn another_process() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("run by the test below"));
    let records = open(&folder).await;
    change_in_turn(&records, &std::process::id().to_string()).await;
    records.close().await;
}

fn start_another_process(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "records::tests::processes::another_process", "--ignored"])
        .env(FOLDER, folder)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn several_processes_change_one_file_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let mut others: Vec<Child> = (0..3).map(|_| start_another_process(folder.path())).collect();
    let records = open(folder.path()).await;
    change_in_turn(&records, "mine").await;
    let names: Vec<String> = others.iter().map(|other| other.id().to_string()).collect();
    for other in &mut others {
        assert!(other.wait().unwrap().success());
    }
    for name in names.iter().map(String::as_str).chain(["mine"]) {
        assert_eq!(changes_by(&records, name).await, CHANGES_EACH, "{name}");
    }
    assert_eq!(records.registry_version().await, Ok(4 * CHANGES_EACH as i64));
}
