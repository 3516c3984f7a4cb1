//! What only a server can do to its clients: stop, refuse, be late, let several in.

mod nodes;
mod plans;

use std::os::unix::fs::PermissionsExt as _;
use tokio::time::Instant;

use futures::future::join_all;

use super::*;
use crate::domain::ids::Partition;
use crate::domain::key::{KeyId, KeyMode, KeyRecord, Role};
use crate::ports::Records as _;
use crate::ports::records::{Committed, RegistryChange};
use crate::records::tests::bench::{Bench, patient, settings};
use crate::records::tests::change;
use crate::records::tests::sample::{End, Sample};
use crate::servers::postgres::{PASSWORD, PostgresServer};

const VERSION: &str = "SELECT version FROM registry_version WHERE id = 1";

/// The settings of a database that only this test uses.
async fn own_database() -> PostgresSettings {
    let name = tokio::task::spawn_blocking(|| PostgresServer::shared().database()).await.unwrap();
    settings(&name)
}

/// The settings of a server that only this test uses.
async fn own_server() -> (Arc<PostgresServer>, PostgresSettings) {
    let server = tokio::task::spawn_blocking(PostgresServer::start).await.unwrap();
    let settings = patient(&server.url(&server.database()));
    (Arc::new(server), settings)
}

async fn on_server(server: &Arc<PostgresServer>, act: fn(&PostgresServer)) {
    let server = Arc::clone(server);
    tokio::task::spawn_blocking(move || act(&server)).await.unwrap();
}

/// Waits until the records answer again.
async fn until_they_answer(records: &SqlRecords) {
    let give_up_at = Instant::now() + Duration::from_secs(60);
    while let Err(error) = records.registry_version().await {
        assert!(Instant::now() < give_up_at, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn statement(text: &str) -> Statement {
    Statement { text: text.to_owned().into(), values: Vec::new() }
}

/// Whether an answer is this error.
#[track_caller]
fn is<T: std::fmt::Debug + PartialEq>(answer: Result<T, RecordsError>, expect: RecordsError) {
    assert_eq!(answer, Err(expect));
}

fn busy(text: &str) -> RecordsError {
    RecordsError::Busy(text.to_owned())
}

fn unavailable(text: &str) -> RecordsError {
    RecordsError::Unavailable(text.to_owned())
}

#[test]
fn placeholders_of_rows_are_numbered_and_others_stay() {
    let check = |text: &'static str, expect: &str| {
        assert_eq!(numbered(Cow::Borrowed(text)), expect);
    };
    check(
        "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON",
        "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON",
    );
    check("SELECT a FROM t WHERE a = $1", "SELECT a FROM t WHERE a = $1");
}

#[test]
fn turns_are_spread_over_few_locks_that_no_other_kind_has() {
    let partition = |number| lock_of(Turn::Parts(Partition(number)));
    assert_eq!(partition(1), partition(65));
    assert_ne!(partition(1), partition(2));
    let endpoint = lock_of(Turn::Events(crate::domain::ids::EndpointId::new(1)));
    let all: BTreeSet<i64> =
        (0..1_024).map(partition).chain([endpoint, lock_of(Turn::Forgetting)]).collect();
    assert_eq!(all.len() as u64, LOCKS_PER_KIND + 2);
}

#[tokio::test]
async fn a_connection_that_is_cut_is_replaced() {
    let bench = Bench::postgres().await;
    let records = bench.open().await;
    let mut cut = records.pool.write(&[]).await.unwrap();
    let backend = cut.fetch(statement("SELECT pg_backend_pid()::BIGINT")).await.unwrap();
    let pid = backend.into_iter().next().unwrap().integer().unwrap();
    let Bench::Postgres(name) = &bench else { unreachable!("it is one") };
    let kill = format!("SELECT pg_terminate_backend({pid}, 10000)");
    let name = name.clone();
    tokio::task::spawn_blocking(move || PostgresServer::shared().sql(&name, &[&kill]))
        .await
        .unwrap();
    let text = "Postgres 57P01: terminating connection due to administrator command";
    is(cut.run(statement(VERSION)).await, unavailable(text));
    is(cut.run(statement(VERSION)).await, unavailable("the connection broke before"));
    drop(cut);
    assert_eq!(records.registry_version().await, Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_noticed_at_once_and_found_again() {
    let (server, settings) = own_server().await;
    let records = Postgres::open(settings).await.unwrap();
    let sample = Sample::new(1, "acme", End::Sold);
    for stop in [PostgresServer::stop, PostgresServer::crash] {
        let mut open = records.pool.write(&[]).await.unwrap();
        open.run(statement("UPDATE registry_version SET version = 77")).await.unwrap();
        on_server(&server, stop).await;
        assert!(matches!(open.commit().await, Err(RecordsError::Unavailable(_))));
        let since = Instant::now();
        for _ in 0..100 {
            let refused = records.add_parts(sample.parts()).await;
            assert!(matches!(refused, Err(RecordsError::Unavailable(_))), "{refused:?}");
        }
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
        on_server(&server, PostgresServer::resume).await;
        until_they_answer(&records).await;
        assert_eq!(records.registry_version().await, Ok(0), "nothing of it was kept");
    }
    records.add_parts(sample.parts()).await.unwrap();
    assert!(records.auction(sample.lead_id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_one_wait() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://gavel@{}/records", silent.local_addr().unwrap());
    let settings = PostgresSettings::at(url.parse().unwrap());
    let settings = PostgresSettings { connect_timeout_ms: 300, ..settings };
    let options = settings.options(settings.url.as_ref().unwrap()).unwrap();
    let connections = Connections::new(options, 4, settings.times());
    let since = Instant::now();
    for _ in 0..50 {
        let refused = connections.lease().await.map(drop);
        is(refused, unavailable("no connection within 300 ms"));
    }
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_connection_whose_answer_does_not_come_is_not_used_again() {
    let settings = own_database().await;
    let options = settings.options(settings.url.as_ref().unwrap()).unwrap();
    let times = Times { answer: Duration::from_millis(300), ..settings.times() };
    let connections = Connections::new(options, 1, times);
    let mut lease = connections.lease().await.unwrap();
    let slow = lease.ask(async |connection: &mut PgConnection| {
        run_plain(connection, "SELECT pg_sleep(60)".to_owned()).await
    });
    is(slow.await, unavailable("no answer within 300 ms"));
    let again = lease.ask(async |connection: &mut PgConnection| {
        run_plain(connection, "SELECT 1".to_owned()).await
    });
    is(again.await, unavailable("the connection broke before"));
    drop(lease);
    // Whoever comes next hears of it at once, and a moment later gets another connection.
    is(connections.lease().await.map(drop), unavailable("no answer within 300 ms"));
    let give_up_at = Instant::now() + Duration::from_secs(60);
    while let Err(error) = connections.lease().await {
        assert!(Instant::now() < give_up_at, "{error}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What a server is told by an address with this end, as `user@host/database` would be.
async fn open_with(
    server: &Arc<PostgresServer>,
    host: &str,
    end: &str,
) -> Result<i64, RecordsError> {
    let making = Arc::clone(server);
    let url = tokio::task::spawn_blocking(move || making.url(&making.database())).await.unwrap();
    let url = format!("{}{end}", url.replace("127.0.0.1", host));
    let records = Postgres::open(patient(&url)).await?;
    let text = "SELECT ssl::INT::BIGINT FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    records.pool.fetch(statement(text)).await?.into_iter().next().unwrap().integer()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_proves_who_it_is_or_is_not_told_the_password() {
    let (server, _) = own_server().await;
    let without = open_with(&server, "localhost", "?sslmode=verify-full").await;
    is(without, unavailable("TLS: server does not support TLS"));
    assert_eq!(open_with(&server, "127.0.0.1", "").await, Ok(0));

    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, &certificate).unwrap();
    let securing = Arc::clone(&server);
    let secured = tokio::task::spawn_blocking(move || {
        securing.secure(&certificate, &key.serialize_pem());
    });
    secured.await.unwrap();

    let known = format!("sslrootcert={}", authority.display());
    let full = format!("?sslmode=verify-full&{known}");
    assert_eq!(open_with(&server, "localhost", &full).await, Ok(1));
    let check = async |host: &str, end: &str, expect: &str| {
        let refused = open_with(&server, host, end).await.unwrap_err().to_string();
        assert!(refused.contains(expect) && !refused.contains(PASSWORD), "{host}{end}: {refused}");
    };
    check("localhost", "?sslmode=verify-full", "invalid peer certificate: UnknownIssuer").await;
    check("127.0.0.1", &full, "invalid peer certificate: certificate not valid for name").await;
    let any_name = format!("?sslmode=verify-ca&{known}");
    assert_eq!(open_with(&server, "127.0.0.1", &any_name).await, Ok(1));
    assert_eq!(open_with(&server, "127.0.0.1", "?sslmode=require").await, Ok(1));
    assert_eq!(open_with(&server, "127.0.0.1", "?sslmode=disable").await, Ok(0));
}

#[tokio::test]
async fn two_changes_that_meet_are_busy() {
    let bench = Bench::postgres().await;
    let records = bench.open().await;
    let (mut one, mut two) =
        (records.pool.write(&[]).await.unwrap(), records.pool.write(&[]).await.unwrap());
    one.run(statement("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")).await.unwrap();
    one.fetch(statement(VERSION)).await.unwrap();
    let change = "UPDATE registry_version SET version = version + 1";
    two.run(statement(change)).await.unwrap();
    two.commit().await.unwrap();
    let text = "Postgres 40001: could not serialize access due to concurrent update";
    is(one.run(statement(change)).await, busy(text));
    assert_eq!(records.registry_version().await, Ok(1));
}

#[tokio::test]
async fn two_writers_that_wait_for_each_other_are_parted() {
    let bench = Bench::postgres().await;
    let records = bench.open().await;
    let insert = |owner: &str| {
        statement(&format!("INSERT INTO auction_ids (id, lead_id) VALUES ('{owner}', 'x')"))
    };
    let (mut one, mut two) =
        (records.pool.write(&[]).await.unwrap(), records.pool.write(&[]).await.unwrap());
    one.run(insert("a")).await.unwrap();
    two.run(insert("b")).await.unwrap();
    // Whoever loses is rolled back at once, or the other would wait on.
    let cross = |mut writer: super::super::pool::Transaction, text: Statement| async move {
        let done = writer.run(text).await;
        done.map(drop)
    };
    let (first, second) = tokio::join!(cross(one, insert("b")), cross(two, insert("a")));
    let losers: Vec<_> = [first, second].into_iter().filter_map(Result::err).collect();
    assert_eq!(losers, [busy("Postgres 40P01: deadlock detected")]);
}

#[tokio::test]
async fn what_breaks_a_rule_of_the_schema_is_refused_by_its_name() {
    let bench = Bench::postgres().await;
    let records = bench.open().await;
    let key = KeyRecord {
        key_id: KeyId::parse("AAAAAAAA").unwrap(),
        role: Role::Vendor,
        mode: KeyMode::Test,
        owner: "acme".to_owned(),
        digest: [1; 32],
        strict: true,
        require_signature: false,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        revoked_at: None,
        expires_at: None,
    };
    let twice = RegistryChange { keys_added: vec![key.clone(), key], ..change(0) };
    let text = "Postgres 23505: constraint keys_pkey";
    is(records.change_registry(twice).await, RecordsError::Refused(text.to_owned()));
    // SQLite keeps it. Nothing that the exchange takes in holds one.
    let zero = RegistryChange { summary: "a\0b".to_owned(), ..change(0) };
    let refused = records.change_registry(zero).await;
    is(refused, RecordsError::Refused("Postgres 22021".to_owned()));
    assert_eq!(records.change_registry(change(0)).await, Ok(Committed::Version(1)));
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_busy() {
    let settings = PostgresSettings { statement_timeout_ms: 3_000, ..own_database().await };
    let records = Postgres::open(settings).await.unwrap();
    let slow = records.pool.fetch(statement("SELECT 1 FROM pg_sleep(60)")).await;
    let text = "Postgres 57014: canceling statement due to statement timeout";
    assert_eq!(slow.map(|rows| rows.len()), Err(busy(text)));
    assert_eq!(records.registry_version().await, Ok(0));
}

#[tokio::test]
async fn a_node_that_begins_and_says_no_more_does_not_hold_up_the_others() {
    let settings = PostgresSettings { statement_timeout_ms: 3_000, ..own_database().await };
    let records = Postgres::open(settings).await.unwrap();
    let turn = [Turn::Parts(Partition(1))];
    let mut hanging = records.pool.write(&turn).await.unwrap();
    let other = async {
        loop {
            match records.pool.write(&turn).await {
                Ok(other) => break other.commit().await.unwrap(),
                Err(error) => assert!(matches!(error, RecordsError::Busy(_)), "{error}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), other).await.unwrap();
    let text = "Postgres 25P03: terminating connection due to idle-in-transaction timeout";
    is(hanging.run(statement(VERSION)).await, unavailable(text));
}

#[tokio::test]
async fn a_pool_that_is_in_use_is_busy_and_not_away() {
    let usual = own_database().await;
    let records =
        Postgres::open(PostgresSettings { connections_max: 1, busy_timeout_ms: 50, ..usual });
    let records = records.await.unwrap();
    let held = records.pool.write(&[]).await.unwrap();
    let text = "none of 1 connections was free within 50 ms";
    is(records.registry_version().await, busy(text));
    drop(held);
    until_they_answer(&records).await;
    records.close().await;
    is(records.registry_version().await, unavailable("they are closed"));
}

#[tokio::test]
async fn what_was_not_committed_is_rolled_back_and_the_connection_used_again() {
    let usual = own_database().await;
    let records = Postgres::open(PostgresSettings { connections_max: 1, ..usual }).await.unwrap();
    let pid = async || {
        let rows = records.pool.fetch(statement("SELECT pg_backend_pid()::BIGINT")).await.unwrap();
        rows.into_iter().next().unwrap().integer().unwrap()
    };
    let before = pid().await;
    let mut dropped = records.pool.write(&[]).await.unwrap();
    dropped.run(statement("UPDATE registry_version SET version = 77")).await.unwrap();
    drop(dropped);
    assert_eq!(records.registry_version().await, Ok(0));
    assert_eq!(pid().await, before);
    // A question whose answer nobody waits for: its connection is not used again.
    let slow = records.pool.fetch(statement("SELECT 1 FROM pg_sleep(60)"));
    assert!(tokio::time::timeout(Duration::from_millis(50), slow).await.is_err());
    assert_ne!(pid().await, before);
}

#[tokio::test]
async fn a_snapshot_sees_one_moment() {
    let bench = Bench::postgres().await;
    let records = bench.open().await;
    let mut snapshot = records.pool.snapshot().await.unwrap();
    snapshot.fetch(statement(VERSION)).await.unwrap();
    records.change_registry(change(0)).await.unwrap();
    let row = snapshot.fetch(statement(VERSION)).await.unwrap().into_iter().next();
    assert_eq!(row.unwrap().integer(), Ok(0));
    let text = "Postgres 25006: cannot execute UPDATE in a read-only transaction";
    let write = snapshot.run(statement("UPDATE registry_version SET version = 77")).await;
    is(write, unavailable(text));
}

#[tokio::test]
async fn writers_wait_only_for_those_with_the_same_turn() {
    let bench = Bench::postgres().await;
    let (records, hasty) = (bench.open().await, bench.open_hasty(100).await);
    let (mine, other) = (Sample::new(1, "acme", End::Sold), Sample::new(2, "acme", End::Sold));
    let held = records.pool.write(&[Turn::Parts(mine.lead_id().partition())]).await.unwrap();
    let text = "Postgres 55P03: canceling statement due to lock timeout";
    is(hasty.add_parts(mine.parts()).await, busy(text));
    assert_eq!(hasty.add_parts(other.parts()).await, Ok(()));
    assert_eq!(hasty.change_registry(change(0)).await, Ok(Committed::Version(1)));
    assert_eq!(hasty.add_events(vec![]).await, Ok(()));
    drop(held);
    hasty.pool.write(&[]).await.unwrap().commit().await.unwrap();
    assert_eq!(records.add_parts(mine.parts()).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_one_lead_that_two_nodes_add_at_once_make_one_whole_summary() {
    let bench = Bench::postgres().await;
    let nodes = [bench.open().await, bench.open().await];
    for number in 0..20 {
        let sample = Sample::new(number, "acme", End::Sold);
        let parts = sample.parts().into_iter().enumerate();
        let adding = parts.map(|(index, part)| nodes[index % 2].add_parts(vec![part]));
        join_all(adding).await.into_iter().for_each(|added| added.unwrap());
        let filter = crate::ports::records::AuctionFilter::newest(1);
        let summary = nodes[0].auctions(filter).await.unwrap().remove(0);
        assert_eq!(summary.lead_id, sample.lead_id());
        assert_eq!((summary.bids, summary.closed_at.is_some()), (1, true), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_make_the_schema_once() {
    let settings = own_database().await;
    let nodes = join_all((0..3).map(|_| Postgres::open(settings.clone()))).await;
    for node in nodes {
        assert_eq!(node.unwrap().registry_version().await, Ok(0));
    }
}

/// Opens a database, called `DB` here, after the server's owner has done something to it.
async fn open_after(texts: &'static [&str]) -> Result<(), RecordsError> {
    let settings = tokio::task::spawn_blocking(move || {
        let server = PostgresServer::shared();
        let name = server.database();
        let texts: Vec<String> = texts.iter().map(|text| text.replace("DB", &name)).collect();
        server.sql("postgres", &texts.iter().map(String::as_str).collect::<Vec<_>>());
        settings(&name)
    });
    Postgres::open(settings.await.unwrap()).await.map(drop)
}

#[tokio::test]
async fn a_server_that_cannot_keep_what_it_is_given_is_refused() {
    let check = async |texts: &'static [&str], expect: &str| {
        assert_eq!(open_after(texts).await, Err(unavailable(expect)), "{texts:?}");
    };
    let relaxed = "synchronous_commit = off for this user or database: the server could lose what \
                   it has acknowledged";
    check(&["ALTER DATABASE DB SET synchronous_commit = off"], relaxed).await;
    let ascii = &[
        "DROP DATABASE DB",
        "CREATE DATABASE DB OWNER gavel ENCODING 'SQL_ASCII' TEMPLATE template0",
    ];
    check(ascii, "the database does not have the encoding UTF8").await;
    let text = "Postgres 42501: permission denied for schema public";
    check(&["ALTER DATABASE DB OWNER TO postgres"], text).await;
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_left_alone() {
    let settings = own_database().await;
    let records = Postgres::open(settings.clone()).await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, '', 0)";
    let mut writer = records.pool.write(&[]).await.unwrap();
    writer.run(statement(later)).await.unwrap();
    writer.commit().await.unwrap();
    let text = "the database has schema 9999, which is of a newer version of this program";
    is(Postgres::open(settings).await.map(drop), unavailable(text));
}

#[tokio::test]
async fn a_wrong_password_is_said_and_no_password_is() {
    let right = own_database().await.url.unwrap();
    let wrong = right.options().unwrap();
    let wrong = format!(
        "postgres://gavel:wr0ng@127.0.0.1:{}/{}",
        wrong.get_port(),
        wrong.get_database().unwrap()
    );
    let refused = Postgres::open(patient(&wrong)).await.map(drop);
    let text = "Postgres 28P01: password authentication failed for user \"gavel\"";
    is(refused, unavailable(text));
    let settings = PostgresSettings { url: Some(right), ..own_database().await };
    assert!(!format!("{settings:?}").contains(PASSWORD));
    let records = Postgres::open(settings).await.unwrap();
    assert!(!format!("{records:?}").contains(PASSWORD));
    let held = records.pool.write(&[]).await.unwrap();
    assert!(!format!("{held:?}").contains(PASSWORD));
}

#[tokio::test]
async fn the_url_may_stand_in_a_file_that_nobody_else_reads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records.url");
    let PostgresSettings { url, .. } = own_database().await;
    let options = url.unwrap().options().unwrap();
    let database = options.get_database().unwrap();
    let url = PostgresServer::shared().url(database);
    let open = async |text: &str, mode: u32| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let usual = settings(database);
        let settings = PostgresSettings { url: None, url_file: Some(file.clone()), ..usual };
        let opened = Postgres::open(settings).await;
        opened.map(drop).map_err(|error| error.to_string().replace(file.to_str().unwrap(), "FILE"))
    };
    assert_eq!(open(&format!("{url}\n"), 0o600).await, Ok(()));
    let exposed = "the records are unavailable: `FILE` has mode 0644: others than its owner may use \
                   it; run `chmod 600` on it";
    assert_eq!(open(&url, 0o644).await, Err(exposed.to_owned()));
    let form = "the records are unavailable: `FILE` is not of the form \
                postgres://user:password@host:port/database";
    assert_eq!(open(PASSWORD, 0o600).await, Err(form.to_owned()));
}

#[test]
fn settings_need_one_place_of_the_url_and_nothing_else() {
    let read = |text: &str| toml::from_str::<PostgresSettings>(text);
    let url = "postgres://gavel@db.example/records";
    let settings = read(&format!("url = '{url}'")).unwrap();
    assert_eq!(settings, PostgresSettings::at(url.parse().unwrap()));
    assert_eq!(settings.faults(), []);
    assert_eq!(read("url_file = 'records.url'").unwrap().faults(), []);
    let keys = |text: &str| -> Vec<&str> {
        read(text).unwrap().faults().into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(""), ["url_file"]);
    assert_eq!(keys(&format!("url_file = 'a'\nurl = '{url}'")), ["url"]);
    let zero = "url_file = 'a'\nconnections_max = 0\nconnect_timeout_ms = 0\nbusy_timeout_ms = 0\n\
                statement_timeout_ms = 0";
    let named =
        ["connections_max", "connect_timeout_ms", "busy_timeout_ms", "statement_timeout_ms"];
    assert_eq!(keys(zero), named);
    assert!(read("url_file = 'a'\npool = 2").is_err());
}
