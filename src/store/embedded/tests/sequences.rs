//! Random sequences of operations: against a naive reference for money, against the invariants
//! for leads, each operation twice, and against a state rebuilt from the rows.

mod leads;
mod money;

use std::future::Future;
use std::sync::Arc;

use super::super::engine::VolatileEngine;
use super::{clock, open_on};
use crate::store::embedded::EmbeddedStore;
use crate::system::FixedClock;

/// A store whose rows can be looked at, and which can be started again.
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

    /// Ends the store and starts it again from its rows.
    fn restart(&mut self) {
        self.store.close();
        self.store = open_on(&self.engine, &self.clock);
    }
}

/// Runs a sequence on a runtime of its own.
fn run<T>(sequence: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(sequence)
}
