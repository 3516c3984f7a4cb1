//! What settles although much stands before it: money behind parts of records that nobody takes, and
//! dead holds behind holds that live.

use std::sync::Arc;

use bytes::Bytes;
use gavel::demo::stub_buyer::{Reply, Script};
use gavel::domain::auction::{Account, HoldId};
use gavel::domain::ids::{LeadId, Partition};
use gavel::domain::limits::Limits;
use gavel::domain::money::Money;
use gavel::ports::AuctionStore;
use gavel::ports::auction_store::{Create, Effect, Hold, NodeId};
use gavel::store::embedded::{EmbeddedSettings, EmbeddedStore};
use gavel::system::{FixedClock, SystemClock};
use jiff::SignedDuration;

use super::fleet::{Fleet, hasty, now};
use crate::support::{buyer, lead, until};

/// Parts that wait before the money of a sale.
const PARTS: usize = 6_000;
/// More holds that live than one search looks at.
const LIVE: u128 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn money_is_settled_behind_any_number_of_parts_that_the_records_do_not_take() {
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    let settings = EmbeddedSettings { partitions: 1, ..EmbeddedSettings::default() };
    let store = EmbeddedStore::volatile(settings, Arc::new(SystemClock)).unwrap();
    let mut fleet = Fleet::over(store, &[("alpha", &alpha, "")], hasty()).await;
    fleet.nodes[0].records.close().await;
    let first = fleet.submit(0, "first", &lead(1)).await;
    assert_eq!(first.text("/disposition"), "sold", "{first:?}");
    let entries = fleet.store.outbox_read(Partition(0), 0, 1_000).await.unwrap();
    let is_part = |effect: &Effect| matches!(effect, Effect::Record(_));
    let part = entries.into_iter().map(|entry| entry.effect).rfind(is_part).unwrap();
    let lead_id = LeadId::parse(&first.text("/lead_id")).unwrap();
    for fact in 0..3 {
        let parts = vec![part.clone(); PARTS / 3];
        let appended = fleet.store.append(lead_id, format!("fact {fact}"), Bytes::new(), parts);
        assert!(appended.await.unwrap().reply);
    }
    let second = fleet.submit(0, "second", &lead(2)).await;
    assert_eq!(second.text("/disposition"), "sold", "{second:?}");
    let alpha_id = "alpha".parse().unwrap();
    until("both sales are captured", async || {
        let balance = fleet.nodes[0].exchange.balance(&alpha_id).await.unwrap();
        (balance.posted.to_string() == "40.00" && balance.held == Money::ZERO).then_some(())
    })
    .await;
    until("all that waits is counted", async || {
        (fleet.nodes[0].metric("gavel_outbox_entries") >= PARTS as f64).then_some(())
    })
    .await;
    assert!(fleet.readiness(0).await.1.contains("\"records\""));
    // One whose records answer carries on.
    fleet.add_node().await;
    until("nothing waits", async || {
        let waiting = fleet.store.outbox_read(Partition(0), 0, 1).await.unwrap();
        waiting.is_empty().then_some(())
    })
    .await;
}

fn hold(number: u128) -> Hold {
    let lead_id = LeadId::new(Partition(3), number);
    Hold {
        account: Account::Buyer("alpha".parse().unwrap()),
        hold: HoldId { lead_id, seat: 1, campaign: "alpha-fe".parse().unwrap() },
        amount: Money::from_ten_thousandths(10_000).unwrap(),
        credit_limit: None,
        caps: Vec::new(),
    }
}

fn create(number: u128) -> Create {
    let mut key_digest = [3; 32];
    key_digest[..16].copy_from_slice(&number.to_be_bytes());
    Create {
        key_digest,
        key_ttl_ms: 3_600_000,
        lead_id: LeadId::new(Partition(3), number),
        vendor: "acme".parse().unwrap(),
        fingerprint: [1; 32],
        sealed: Bytes::from_static(b"sealed"),
        plan: Bytes::from_static(b"plan"),
        registry_version: 1,
        seats: 1,
        node: NodeId(1),
        lease_ms: 3_600_000,
        closing: None,
        effects: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_hold_behind_many_that_live_is_given_back() {
    let clock = Arc::new(FixedClock::at(now() - SignedDuration::from_mins(2)));
    let store = EmbeddedStore::volatile(EmbeddedSettings::default(), clock.clone()).unwrap();
    for number in 1..=LIVE {
        store.create(create(number)).await.unwrap();
        store.hold(hold(number)).await.unwrap();
        clock.advance(SignedDuration::from_millis(1));
    }
    // Of a lead that was never taken in.
    store.hold(hold(LIVE + 1)).await.unwrap();
    clock.set(now());
    let alpha = buyer(Script::always(Reply::bid("20.00"))).await;
    // Short leases make for frequent searches.
    let limits = Limits { lease_ms: 100, renew_ms: 50, ..Limits::default() };
    let fleet = Fleet::over(store, &[("alpha", &alpha, "")], limits).await;
    let alpha_id = "alpha".parse().unwrap();
    until("the dead hold is given back", async || {
        let balance = fleet.nodes[0].exchange.balance(&alpha_id).await.unwrap();
        (balance.held.to_string() == format!("{LIVE}.00")).then_some(())
    })
    .await;
    let open = fleet.store.open_holds(hold(1).account, now(), 0, 1_000).await.unwrap();
    assert_eq!(open.len() as u128, LIVE, "what lives stays");
}
