//! The embedded store under the contract, on a real disk and without one, and what only it does:
//! locks, marks, limits, expiry, power cuts.

mod expiry;
mod marks;
mod power;
mod sequences;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use super::engine::VolatileEngine;
use super::{EmbeddedSettings, EmbeddedStore};
use crate::ports::AuctionStore;
use crate::store::contract::{self, StoreFactory};
use crate::system::FixedClock;

/// Where the clocks of these tests begin.
fn beginning() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(beginning()))
}

fn settings(path: &Path) -> EmbeddedSettings {
    EmbeddedSettings { path: path.to_owned(), free_bytes_min: 0, ..EmbeddedSettings::default() }
}

fn open_on(engine: &VolatileEngine, clock: &Arc<FixedClock>) -> Arc<EmbeddedStore> {
    let clock: Arc<FixedClock> = Arc::clone(clock);
    EmbeddedStore::start(Box::new(engine.clone()), &settings(Path::new("none")), clock).unwrap()
}

/// Stores in temporary directories, on a clock that only the checks move.
struct Disk {
    clock: Arc<FixedClock>,
    directories: Mutex<Vec<tempfile::TempDir>>,
}

impl Disk {
    fn new() -> Self {
        Self { clock: clock(), directories: Mutex::new(Vec::new()) }
    }

    fn current(&self) -> PathBuf {
        self.directories.lock().unwrap().last().unwrap().path().to_owned()
    }

    fn open(&self) -> Arc<dyn AuctionStore> {
        let clock: Arc<FixedClock> = Arc::clone(&self.clock);
        EmbeddedStore::open(settings(&self.current()), clock).unwrap()
    }
}

impl StoreFactory for Disk {
    fn fresh(&self) -> BoxFuture<'_, Arc<dyn AuctionStore>> {
        self.directories.lock().unwrap().push(tempfile::tempdir().unwrap());
        async { self.open() }.boxed()
    }

    fn restart(&self, store: Arc<dyn AuctionStore>) -> BoxFuture<'_, Arc<dyn AuctionStore>> {
        drop(store);
        async { self.open() }.boxed()
    }

    fn advance(&self, ms: u64) -> BoxFuture<'_, ()> {
        self.clock.advance(SignedDuration::from_millis(ms.cast_signed()));
        async {}.boxed()
    }
}

/// Stores without a disk: rows in memory that outlive the store.
struct Memory {
    clock: Arc<FixedClock>,
    engine: Mutex<VolatileEngine>,
}

impl StoreFactory for Memory {
    fn fresh(&self) -> BoxFuture<'_, Arc<dyn AuctionStore>> {
        *self.engine.lock().unwrap() = VolatileEngine::default();
        async { open_on(&self.engine.lock().unwrap(), &self.clock) as Arc<dyn AuctionStore> }
            .boxed()
    }

    fn restart(&self, store: Arc<dyn AuctionStore>) -> BoxFuture<'_, Arc<dyn AuctionStore>> {
        drop(store);
        async { open_on(&self.engine.lock().unwrap(), &self.clock) as Arc<dyn AuctionStore> }
            .boxed()
    }

    fn advance(&self, ms: u64) -> BoxFuture<'_, ()> {
        self.clock.advance(SignedDuration::from_millis(ms.cast_signed()));
        async {}.boxed()
    }
}

#[tokio::test]
async fn the_store_on_disk_keeps_the_contract() {
    contract::check_all(&Disk::new()).await;
}

#[tokio::test]
async fn the_store_without_a_disk_keeps_the_contract() {
    let memory = Memory { clock: clock(), engine: Mutex::default() };
    contract::check_all(&memory).await;
}
