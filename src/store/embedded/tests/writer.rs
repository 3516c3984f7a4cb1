//! The queue, the group commit, and the end after an engine's failure.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;

use super::{clock, open_on, settings};
use crate::domain::auction::Account;
use crate::domain::money::Money;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{
    AccountReply, Credit, CreditKind, Credited, StoreError, StoreFuture,
};
use crate::store::embedded::engine::{Changes, Day, Engine, Row, Table, VolatileEngine};
use crate::store::embedded::queue::{Admission, Queue as _};
use crate::store::embedded::{EmbeddedSettings, EmbeddedStore};

fn account() -> Account {
    Account::Buyer("beta".parse().unwrap())
}

fn deposit(number: usize) -> Credit {
    Credit {
        account: account(),
        op_id: format!("deposit-{number}"),
        kind: CreditKind::Deposit,
        amount: Money::from_ten_thousandths(1).unwrap(),
    }
}

/// An engine whose commits wait for a word each.
struct Gate {
    inner: VolatileEngine,
    word: Mutex<mpsc::Receiver<()>>,
    waits: Arc<AtomicBool>,
}

impl Engine for Gate {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.inner.row(table, key)
    }

    fn scan(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(table, from, limit)
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.waits.store(true, Ordering::SeqCst);
        self.word.lock().unwrap().recv().unwrap();
        self.waits.store(false, Ordering::SeqCst);
        self.inner.commit(changes)
    }

    fn days(&self) -> Vec<Day> {
        self.inner.days()
    }

    fn drop_day(&mut self, day: Day) -> Result<(), StoreError> {
        self.inner.drop_day(day)
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        self.inner.free_bytes()
    }
}

/// A store on such an engine, and who gives the word: dropped first, so that a test that fails
/// does not wait for it.
struct Gated {
    word: mpsc::Sender<()>,
    store: Arc<EmbeddedStore>,
    waits: Arc<AtomicBool>,
}

fn gated(queue_commands_max: usize) -> Gated {
    let (word, receiver) = mpsc::channel();
    let waits = Arc::new(AtomicBool::new(false));
    let inner = VolatileEngine::default();
    let gate = Gate { inner, word: Mutex::new(receiver), waits: Arc::clone(&waits) };
    let settings = EmbeddedSettings { queue_commands_max, ..settings(Path::new("none")) };
    word.send(()).unwrap();
    let store = EmbeddedStore::start(Box::new(gate), &settings, clock()).unwrap();
    Gated { word, store, waits }
}

impl Gated {
    /// Starts a deposit and waits until its commit waits for the word.
    async fn begin(&self, number: usize) -> StoreFuture<'_, AccountReply<Credited>> {
        let mut credit = self.store.credit(deposit(number));
        assert!(credit.as_mut().now_or_never().is_none());
        while !self.waits.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        credit
    }
}

#[tokio::test]
async fn nothing_is_answered_before_its_commit_and_reads_show_only_durable_state() {
    let gated = gated(64);
    let mut credit = gated.begin(1).await;
    let mut read = gated.store.balance(account());
    assert!(read.as_mut().now_or_never().is_none());
    assert!(credit.as_mut().now_or_never().is_none(), "the commit has not happened");
    gated.word.send(()).unwrap();
    let replies = futures::future::join(credit, read).await;
    assert_eq!(replies.0.unwrap().account, replies.1.unwrap().account);
}

#[tokio::test]
async fn many_operations_share_a_commit() {
    let gated = gated(4_096);
    let first = gated.begin(0).await;
    let mut others = join_all((1..=300).map(|number| gated.store.credit(deposit(number))));
    assert!((&mut others).now_or_never().is_none());
    gated.word.send(()).unwrap();
    gated.word.send(()).unwrap();
    first.await.unwrap();
    assert!(others.await.iter().all(Result::is_ok));
    let counters = gated.store.counters();
    assert_eq!((counters.commands, counters.commits), (301, 2));
}

#[tokio::test]
async fn a_full_queue_refuses_new_work_first_and_then_everything() {
    let gated = gated(16);
    let blocking = gated.begin(0).await;
    let queue = |admission| {
        let mut future = gated.store.queue.submit(admission, |_, _| Ok(()));
        let refused = future.as_mut().now_or_never();
        (refused.and_then(Result::err), future)
    };
    let full = Some(StoreError::Unavailable("16 operations wait".to_owned()));
    let mut waiting = Vec::new();
    for _ in 0..14 {
        let (refused, future) = queue(Admission::NewWork);
        assert_eq!(refused, None);
        waiting.push(future);
    }
    assert_eq!(queue(Admission::NewWork).0, full);
    for _ in 0..2 {
        let (refused, future) = queue(Admission::Always);
        assert_eq!(refused, None);
        waiting.push(future);
    }
    assert_eq!(queue(Admission::Always).0, full);
    gated.word.send(()).unwrap();
    blocking.await.unwrap();
    assert!(join_all(waiting).await.iter().all(Result::is_ok), "what was taken in is done");
    assert_eq!(queue(Admission::NewWork).0, None);
}

#[tokio::test]
async fn a_failed_commit_ends_the_store_for_good() {
    let engine = VolatileEngine::default();
    let store = open_on(&engine, &clock());
    store.credit(deposit(1)).await.unwrap();
    let mut fatal = store.fatal();
    assert_eq!(*fatal.borrow(), None);
    engine.fail();
    let failed = store.credit(deposit(2)).await.unwrap_err();
    let why = "the store has stopped: the auction store is unavailable: told to fail";
    assert_eq!(failed, StoreError::Unavailable(why.to_owned()));
    fatal.changed().await.unwrap();
    assert_eq!(fatal.borrow().as_deref(), Some(why));
    assert_eq!(store.balance(account()).await.unwrap_err(), failed, "not even a read");
    store.close();
    assert_eq!(store.balance(account()).await.unwrap_err(), failed);
}

#[tokio::test]
async fn a_panicking_operation_ends_the_store_for_good() {
    let store = open_on(&VolatileEngine::default(), &clock());
    let mut fatal = store.fatal();
    let panics = store.queue.submit(Admission::Always, |_, _| -> Result<(), StoreError> {
        panic!("a bug planted by a test")
    });
    assert!(matches!(panics.await, Err(StoreError::Unavailable(_))));
    fatal.changed().await.unwrap();
    assert!(fatal.borrow().as_deref().unwrap().contains("panicked"));
    assert!(store.balance(account()).await.is_err());
}

#[tokio::test]
async fn closing_finishes_what_waits() {
    let gated = gated(64);
    let store = &gated.store;
    let first = gated.begin(1).await;
    let mut second = store.credit(deposit(2));
    assert!(second.as_mut().now_or_never().is_none());
    let closing = Arc::clone(store);
    let closer = std::thread::spawn(move || closing.close());
    gated.word.send(()).unwrap();
    gated.word.send(()).unwrap();
    assert!(first.await.is_ok());
    assert!(second.await.is_ok());
    closer.join().unwrap();
    store.close();
    let after = store.credit(deposit(3)).await.unwrap_err();
    assert_eq!(after, StoreError::Unavailable("the store is closed".to_owned()));
}

#[tokio::test]
async fn a_dropped_store_abandons_what_waits() {
    let engine = VolatileEngine::default();
    let store = open_on(&engine, &clock());
    store.credit(deposit(1)).await.unwrap();
    let rows = engine.dump();
    drop(store);
    assert_eq!(engine.dump(), rows);
    let again = open_on(&engine, &clock());
    let balance = again.balance(account()).await.unwrap().account;
    assert_eq!(balance.deposited, Money::from_ten_thousandths(1).unwrap());
}
