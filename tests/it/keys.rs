//! Keys while the exchange runs: two at once, revoked from anywhere, and nowhere to be found.

use std::time::Duration;

use aho_corasick::AhoCorasick;
use gavel::demo::stub_buyer::{Reply, Script};
use gavel::domain::key::KeyId;
use gavel::ports::Clock as _;
use gavel::ports::Records as _;
use gavel::ports::records::RegistryChange;
use gavel::records::{Sqlite, SqliteSettings};
use gavel::system::SystemClock;
use tokio::time::Instant;

use crate::support::{Installation, buyer, exchange, files_below, key_id, lead, until};

/// How long a revoked key may still work.
const REVOKED_WITHIN: Duration = Duration::from_secs(5);

async fn works(gavel: &Installation, key: &str) -> bool {
    match gavel.get("/v1/leads/lead_x", key).await.status {
        404 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// Waits until `key` is refused, and says how long that took.
async fn refused_after(gavel: &Installation, key: &str) -> Duration {
    let began = Instant::now();
    until("the key is refused", async || (!works(gavel, key).await).then_some(())).await;
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_with_two_live_keys_replaces_one_without_a_gap() {
    let mut gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[], ""));
    let old = gavel.key("vendor", "acme", &[]);
    let new = gavel.key("vendor", "acme", &[]);
    assert!(works(&gavel, &old).await && works(&gavel, &new).await);
    gavel.gavel_ok(&["key", "revoke", key_id(&old)]);
    assert!(!works(&gavel, &old).await, "on the node that revoked it, at once");
    assert!(works(&gavel, &new).await);
    gavel.stop();
    gavel.serve().await;
    assert!(!works(&gavel, &old).await && works(&gavel, &new).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_revoked_by_another_node_stops_working_here_within_five_seconds() {
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[], ""));
    let [revoked, kept] = ["", ""].map(|_| gavel.key("vendor", "acme", &[]));
    let elsewhere = Sqlite::open(SqliteSettings::at(gavel.path("data/records.db"))).await.unwrap();
    let version = elsewhere.registry_version().await.unwrap();
    let now = SystemClock.now();
    let mut change = RegistryChange::new(version, "elsewhere", "a key revoked elsewhere", now);
    change.keys_revoked.push(KeyId::parse(key_id(&revoked)).unwrap());
    elsewhere.change_registry(change).await.unwrap();
    let elapsed = refused_after(&gavel, &revoked).await;
    assert!(elapsed < REVOKED_WITHIN, "{elapsed:?}");
    assert!(works(&gavel, &kept).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_and_no_secret_is_kept_as_it_was_shown() {
    let life_co = buyer(Script::always(Reply::bid("8.00"))).await;
    let mut gavel = Installation::start(&[]).await;
    let mut shown: Vec<String> =
        gavel.apply(&exchange(&[("life-co", &life_co, "")], "")).into_values().collect();
    let issue = ["key", "create", "--role", "vendor", "--owner", "acme", "--require-signature"];
    shown.extend(gavel.gavel_ok(&issue).lines().map(str::to_owned));
    let vendor = gavel.key("vendor", "other", &[]);
    shown.extend([vendor.clone(), gavel.operator_key()]);
    assert_eq!(gavel.post_json("/v1/leads", &vendor, &lead(1)).await.text("/disposition"), "sold");
    assert!(!works(&gavel, &format!("{}x", &vendor[..vendor.len() - 1])).await);
    let metrics = gavel.metrics().await;
    let log = gavel.log();
    gavel.stop();

    let mut hidden: Vec<Vec<u8>> = Vec::new();
    for text in shown {
        // The whole text, and the part that is secret, without what goes before and after it.
        let secret = match text.strip_prefix("whsec_") {
            Some(secret) => secret.trim_end_matches('=').to_owned(),
            None => text.rsplit('_').next().unwrap()[..43].to_owned(),
        };
        hidden.extend([text.into_bytes(), secret.into_bytes()]);
    }
    assert_eq!(hidden.len(), 10, "a campaign's secret, three keys and a key's signing secret");
    let search = AhoCorasick::new(&hidden).unwrap();
    assert!(!search.is_match(&metrics) && !search.is_match(&log), "metrics or log");
    let files = files_below(&gavel.path("data"));
    assert!(files.iter().any(|file| file.ends_with("records.db")), "{files:?}");
    assert!(files.iter().any(|file| file.starts_with(gavel.path("data/store"))), "{files:?}");
    for file in files {
        assert!(!search.is_match(&std::fs::read(&file).unwrap()), "{}", file.display());
    }
}
