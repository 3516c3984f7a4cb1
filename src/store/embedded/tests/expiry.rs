//! What is forgotten, when, and what is not; and the free-space floor.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use jiff::SignedDuration;

use super::{beginning, clock, open_on, settings};
use crate::domain::auction::{Account, Closing, HoldId, StoredAnswer};
use crate::domain::disposition::Disposition;
use crate::domain::ids::{LeadId, Partition};
use crate::domain::money::Money;
use crate::domain::time::plus_ms;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{
    CapCharge, Captured, Create, Created, Credit, CreditKind, Credited, DuplicateClaim, Effect,
    Fenced, Finished, Held, Hold, NodeId, StoreError, Voided,
};
use crate::store::embedded::engine::{Table, VolatileEngine};
use crate::store::embedded::{EmbeddedSettings, EmbeddedStore};
use crate::system::FixedClock;

const DAY_MS: i64 = 86_400_000;

struct Stand {
    engine: VolatileEngine,
    clock: Arc<FixedClock>,
    store: Arc<EmbeddedStore>,
}

impl Stand {
    fn new() -> Self {
        let (engine, clock) = (VolatileEngine::default(), clock());
        let store = open_on(&engine, &clock);
        Self { engine, clock, store }
    }

    async fn after_days(&self, days: i64) {
        self.clock.set(plus_ms(beginning(), days * DAY_MS));
        self.store.expire().await.unwrap();
    }

    fn rows(&self, table: Table) -> usize {
        self.engine.dump().keys().filter(|(of, _)| *of == table).count()
    }

    fn day_rows(&self) -> usize {
        let rows = self.engine.dump();
        rows.keys().filter(|(table, _)| matches!(table, Table::Day(_))).count()
    }

    async fn finish(&self, lead_id: LeadId, effects: Vec<Effect>) {
        let finished = self.store.finish(lead_id, 1, unsold(), effects).await.unwrap();
        assert_eq!(finished.reply, Fenced::Ok(Finished::Closed));
    }
}

fn unsold() -> Closing {
    let answer = StoredAnswer { status: 200, body: Bytes::from_static(b"{}") };
    Closing { disposition: Disposition::Unsold, answer }
}

fn lead_id(number: u8) -> LeadId {
    let minted = beginning().as_millisecond() as u128;
    LeadId::new(Partition(0), minted << 80 | u128::from(number))
}

fn create(number: u8) -> Create {
    Create {
        key_digest: [number; 32],
        key_ttl_ms: 30 * DAY_MS as u64,
        lead_id: lead_id(number),
        vendor: "acme".parse().unwrap(),
        fingerprint: [number; 32],
        sealed: Bytes::from_static(b"sealed"),
        plan: Bytes::new(),
        registry_version: 1,
        seats: 1,
        node: NodeId(1),
        lease_ms: 1_000,
        closing: None,
        effects: Vec::new(),
    }
}

fn account() -> Account {
    Account::Buyer("beta".parse().unwrap())
}

fn money(amount: i64) -> Money {
    Money::from_ten_thousandths(amount).unwrap()
}

fn hold_id(number: u8) -> HoldId {
    HoldId { lead_id: lead_id(number), seat: 1, campaign: "beta-tx".parse().unwrap() }
}

fn hold(number: u8) -> Hold {
    let cap = CapCharge {
        rule: "cap:day".to_owned(),
        counter: "beta-tx|leads|day".to_owned(),
        limit: 10,
        add: 1,
        ends_at: Some(plus_ms(beginning(), DAY_MS)),
    };
    Hold {
        account: account(),
        hold: hold_id(number),
        amount: money(5),
        credit_limit: None,
        caps: vec![cap],
    }
}

#[tokio::test]
async fn days_of_closed_leads_are_dropped_whole_after_the_retention() {
    let stand = Stand::new();
    for number in 1..=3 {
        stand.store.create(create(number)).await.unwrap();
    }
    stand.finish(lead_id(1), Vec::new()).await;
    stand.finish(lead_id(2), Vec::new()).await;
    stand.after_days(30).await;
    assert!(stand.store.read(lead_id(1)).await.unwrap().lead.is_some(), "30 days are kept");
    stand.after_days(31).await;
    assert!(stand.store.read(lead_id(1)).await.unwrap().lead.is_some(), "one is still open");
    stand.finish(lead_id(3), Vec::new()).await;
    stand.after_days(31).await;
    for number in 1..=3 {
        assert_eq!(stand.store.read(lead_id(number)).await.unwrap().lead, None);
        assert_eq!(stand.store.sealed_lead(lead_id(number)).await.unwrap(), None);
    }
    assert_eq!(stand.day_rows(), 0);
}

#[tokio::test]
async fn keys_and_claims_go_when_their_time_is_over() {
    let stand = Stand::new();
    stand.store.create(create(1)).await.unwrap();
    let claim = stand.store.claim_duplicate([1; 32], lead_id(1), 2 * DAY_MS as u64);
    assert_eq!(claim.await.unwrap(), DuplicateClaim::Claimed);
    stand.after_days(1).await;
    assert_eq!((stand.rows(Table::Keys), stand.rows(Table::Duplicates)), (1, 1));
    stand.after_days(2).await;
    assert_eq!((stand.rows(Table::Keys), stand.rows(Table::Duplicates)), (1, 0));
    stand.after_days(30).await;
    assert_eq!((stand.rows(Table::Keys), stand.rows(Table::Expiry)), (0, 0));
}

#[tokio::test]
async fn a_key_used_anew_lives_its_second_time() {
    let stand = Stand::new();
    let brief = Create { key_ttl_ms: DAY_MS as u64, ..create(1) };
    stand.store.create(brief).await.unwrap();
    stand.clock.set(plus_ms(beginning(), DAY_MS));
    let again = Create { key_ttl_ms: 5 * DAY_MS as u64, lead_id: lead_id(2), ..create(1) };
    let created = stand.store.create(again.clone()).await.unwrap();
    assert_eq!(created.reply, Created::Created { fence: 1 });
    stand.after_days(5).await;
    let retry = Create { lead_id: lead_id(3), ..again };
    assert_eq!(stand.store.create(retry).await.unwrap().reply, Created::Same);
}

#[tokio::test]
async fn finished_holds_are_remembered_as_long_as_closed_leads() {
    let stand = Stand::new();
    for number in 1..=3 {
        assert_eq!(stand.store.hold(hold(number)).await.unwrap().reply, Held::Held);
    }
    stand.store.capture(account(), hold_id(1), money(5)).await.unwrap();
    stand.store.void(account(), hold_id(2)).await.unwrap();
    stand.after_days(30).await;
    let again = stand.store.capture(account(), hold_id(1), money(5)).await.unwrap();
    assert_eq!(again.reply, Captured::Already);
    assert_eq!(stand.store.void(account(), hold_id(2)).await.unwrap().reply, Voided::Already);
    stand.after_days(31).await;
    assert_eq!(stand.rows(Table::Holds), 1, "no clock ends an open hold");
    let held = stand.store.balance(account()).await.unwrap().account;
    assert_eq!((held.posted, held.held), (money(5), money(5)));
}

#[tokio::test]
async fn nothing_that_settles_once_is_forgotten_while_an_old_outbox_entry_waits() {
    let stand = Stand::new();
    stand.store.create(create(1)).await.unwrap();
    stand.store.hold(hold(1)).await.unwrap();
    let capture = Effect::Capture { account: account(), hold: hold_id(1), amount: money(5) };
    stand.finish(lead_id(1), vec![capture]).await;
    stand.store.capture(account(), hold_id(1), money(5)).await.unwrap();
    stand.after_days(40).await;
    let again = stand.store.capture(account(), hold_id(1), money(5)).await.unwrap();
    assert_eq!(again.reply, Captured::Already, "the entry may be done again at any time");
    stand.store.outbox_ack(Partition(0), vec![1]).await.unwrap();
    stand.after_days(41).await;
    assert_eq!(stand.rows(Table::Holds), 0);
}

#[tokio::test]
async fn counters_of_past_windows_go_once_no_hold_counts_on_them() {
    let stand = Stand::new();
    stand.store.hold(hold(1)).await.unwrap();
    let used = || stand.store.cap_used(account(), vec!["beta-tx|leads|day".to_owned()]);
    stand.after_days(8).await;
    assert_eq!(used().await.unwrap(), [1], "a hold still counts on it");
    stand.store.void(account(), hold_id(1)).await.unwrap();
    stand.store.hold(hold(2)).await.unwrap();
    stand.store.capture(account(), hold_id(2), money(5)).await.unwrap();
    assert_eq!(used().await.unwrap(), [1]);
    stand.after_days(9).await;
    assert_eq!((used().await.unwrap(), stand.rows(Table::Caps)), (vec![0], 0));
}

#[tokio::test]
async fn operation_ids_of_deposits_outlive_those_of_payouts() {
    let stand = Stand::new();
    let credit = |kind, op_id: &str| Credit {
        account: account(),
        op_id: op_id.to_owned(),
        kind,
        amount: money(1),
    };
    let deposit = || credit(CreditKind::Deposit, "deposit");
    stand.store.credit(deposit()).await.unwrap();
    stand.store.credit(credit(CreditKind::Payout, "payout")).await.unwrap();
    stand.after_days(31).await;
    assert_eq!(stand.rows(Table::Credits), 1);
    assert_eq!(stand.store.credit(deposit()).await.unwrap().reply, Credited::Already);
    stand.after_days(400).await;
    assert_eq!(stand.rows(Table::Credits), 0);
}

#[tokio::test]
async fn a_long_expiry_is_done_in_slices_and_misses_nothing() {
    let stand = Stand::new();
    for number in 0..1_300_u32 {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        let window_ms = u64::from(number % 7) * 1_000 + 1;
        let claim = stand.store.claim_duplicate(digest, lead_id(1), window_ms);
        claim.await.unwrap();
    }
    assert_eq!(stand.rows(Table::Duplicates), 1_300);
    stand.after_days(1).await;
    assert_eq!((stand.rows(Table::Duplicates), stand.rows(Table::Expiry)), (0, 0));
}

#[tokio::test]
async fn the_writer_expires_by_itself_every_hour() {
    let stand = Stand::new();
    let claim = stand.store.claim_duplicate([1; 32], lead_id(1), 1_000);
    claim.await.unwrap();
    // The first run, at the start, is over once another one is.
    stand.store.expire().await.unwrap();
    stand.clock.advance(SignedDuration::from_mins(59));
    stand.store.balance(account()).await.unwrap();
    stand.store.balance(account()).await.unwrap();
    assert_eq!(stand.rows(Table::Duplicates), 1);
    stand.clock.advance(SignedDuration::from_mins(2));
    while stand.rows(Table::Duplicates) > 0 {
        stand.store.balance(account()).await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_is_stepped_far_ahead_makes_the_writer_forget_a_day_at_most() {
    let stand = Stand::new();
    for (number, window_ms) in [(1, 1_000), (2, 3 * 86_400_000)] {
        stand.store.claim_duplicate([number; 32], lead_id(1), window_ms).await.unwrap();
    }
    stand.store.expire().await.unwrap();
    stand.clock.advance(SignedDuration::from_hours(40 * 24));
    // One run: it comes to both, and the second would be over by the wall.
    while stand.rows(Table::Duplicates) == 2 {
        stand.store.balance(account()).await.unwrap();
    }
    assert_eq!(stand.rows(Table::Duplicates), 1);
    stand.store.expire().await.unwrap();
    assert_eq!(stand.rows(Table::Duplicates), 0, "who asks for it means the wall clock");
}

#[tokio::test]
async fn a_full_disk_refuses_new_leads_and_lets_everything_else_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let roomy = settings(directory.path());
    let store = EmbeddedStore::open(roomy.clone(), clock()).unwrap();
    store.create(create(1)).await.unwrap();
    store.close();
    let full = EmbeddedSettings { free_bytes_min: u64::MAX, ..roomy };
    let store = EmbeddedStore::open(full, clock()).unwrap();
    let refused = store.create(create(2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    let retry = Create { lead_id: lead_id(2), ..create(1) };
    assert_eq!(store.create(retry).await.unwrap().reply, Created::Same);
    let finished = store.finish(lead_id(1), 1, unsold(), Vec::new()).await.unwrap();
    assert_eq!(finished.reply, Fenced::Ok(Finished::Closed));
    let enough = EmbeddedSettings { free_bytes_min: 1, ..settings(Path::new("none")) };
    let volatile = EmbeddedStore::volatile(enough, clock()).unwrap();
    volatile.create(create(1)).await.unwrap();
}
