//! Day keys are the same at every node, whoever made them, and gone everywhere once destroyed.

use std::sync::Arc;

use gavel::demo::stub_buyer::{Reply, Script};
use gavel::domain::ids::{LeadId, Partition};
use gavel::domain::limits::Limits;
use gavel::flow::custody::{Custody, claim_installation};
use gavel::ports::{Entropy, Records};
use gavel::system::SystemEntropy;
use gavel::vault::{MasterKey, Vault};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::fleet::{Fleet, now};
use crate::support::buyer;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_seals_under_the_same_key_and_opens_what_others_sealed() {
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    let fleet = Fleet::start(3, &[("alpha", &alpha, "")], Limits::default()).await;
    let today = TimeZone::UTC.to_datetime(now()).date();
    let yesterday = today.yesterday().unwrap();
    let lead_id = LeadId::new(Partition(1), 7);
    let sealed = fleet.nodes[0].vault.seal_lead(lead_id, today, b"the lead").unwrap();
    for node in &fleet.nodes {
        let opened = node.vault.open_lead(lead_id, sealed.as_bytes()).unwrap();
        assert_eq!(opened.as_slice(), b"the lead");
        let refused = node.vault.seal_lead(lead_id, yesterday, b"x").map(drop);
        assert!(refused.is_err(), "nobody has agreed on the key of {yesterday}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_two_propose_at_once_is_one() {
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    let fleet = Fleet::start(3, &[("alpha", &alpha, "")], Limits::default()).await;
    let far = day("2031-05-06");
    let agreed = fleet.nodes.iter().map(|node| node.exchange.custody().agree(far));
    for result in futures::future::join_all(agreed).await {
        result.unwrap();
    }
    let lead_id = LeadId::new(Partition(1), 7);
    for from in &fleet.nodes {
        let sealed = from.vault.seal_lead(lead_id, far, b"x").unwrap();
        for to in &fleet.nodes {
            assert!(to.vault.open_lead(lead_id, sealed.as_bytes()).is_ok());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_destroyed_disappears_from_every_node_and_never_comes_back() {
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    let fleet = Fleet::start(2, &[("alpha", &alpha, "")], Limits::default()).await;
    let old = day("2026-01-02");
    let lead_id = LeadId::new(Partition(1), 7);
    for node in &fleet.nodes {
        node.exchange.custody().agree(old).await.unwrap();
    }
    let sealed = fleet.nodes[0].vault.seal_lead(lead_id, old, b"x").unwrap();
    fleet.nodes[0].records.destroy_day_key(old).await.unwrap();
    for node in &fleet.nodes {
        node.exchange.custody().keep(&[]).await.unwrap();
        assert!(!node.vault.days().unwrap().contains(&old));
        assert!(node.vault.open_lead(lead_id, sealed.as_bytes()).is_err());
        node.exchange.custody().agree(old).await.unwrap();
        assert!(node.vault.seal_lead(lead_id, old, b"y").is_err(), "the day has no key any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_an_installation_that_had_one_node_are_offered_to_the_others() {
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    let fleet = Fleet::start(1, &[("alpha", &alpha, "")], Limits::default()).await;
    let old = day("2026-01-02");
    let lead_id = LeadId::new(Partition(1), 7);
    // A vault on its own, as a node before it knew of others.
    let folder = tempfile::tempdir().unwrap();
    let entropy = SystemEntropy::new().unwrap();
    let random = move || Box::new(move |bytes: &mut [u8]| entropy.fill(bytes));
    let keys = folder.path().join("day-keys");
    let alone = Vault::open(&MasterKey::new([7; 32]), keys, random()).unwrap();
    let sealed = alone.seal_lead(lead_id, old, b"x").unwrap();
    let records = fleet.nodes[0].records.clone();
    let custody = Custody::new(records, Arc::new(alone));
    custody.keep(&[]).await.unwrap();
    let node = &fleet.nodes[0];
    assert!(node.vault.open_lead(lead_id, sealed.as_bytes()).is_err());
    node.exchange.custody().keep(&[]).await.unwrap();
    assert_eq!(node.vault.open_lead(lead_id, sealed.as_bytes()).unwrap().as_slice(), b"x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_master_key_is_refused() {
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    let fleet = Fleet::start(1, &[("alpha", &alpha, "")], Limits::default()).await;
    let records = &*fleet.nodes[0].records;
    let vault_of = |byte: u8, folder: &tempfile::TempDir| {
        let entropy = SystemEntropy::new().unwrap();
        let random = Box::new(move |bytes: &mut [u8]| entropy.fill(bytes));
        Vault::open(&MasterKey::new([byte; 32]), folder.path().join("keys"), random).unwrap()
    };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    claim_installation(records, &vault_of(7, &first)).await.unwrap();
    claim_installation(records, &vault_of(7, &first)).await.unwrap();
    let refused = claim_installation(records, &vault_of(8, &second)).await.unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("another master key") && text.contains("gavel.key"), "{text}");
}
