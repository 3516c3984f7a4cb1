//! The store without a disk and without a thread: the same rules, durable when it is told.
//!
//! The simulator decides what a commit is, and when a power cut takes back what was not committed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::engine::VolatileEngine;
use super::queue::{Admission, Queue};
use super::settings::EmbeddedSettings;
use super::state::State;
use super::{EmbeddedStore, OpenError, open_error, refuse_faults};
use crate::ports::Clock;
use crate::ports::auction_store::{StoreError, StoreFuture};

/// A store whose operations take effect at once, and become durable at [`ModelStore::commit`].
pub type ModelStore = EmbeddedStore<Model>;

/// The state, and what of it is durable.
pub struct Model {
    settings: EmbeddedSettings,
    clock: Arc<dyn Clock>,
    disk: VolatileEngine,
    state: Mutex<State>,
}

impl Model {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue for Model {
    fn submit<T: Send + 'static>(
        &self,
        _: Admission,
        apply: impl FnOnce(&mut State, Timestamp) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move { apply(&mut self.state(), self.clock.now()) })
    }
}

impl ModelStore {
    /// An empty store.
    ///
    /// # Errors
    /// [`OpenError::Settings`].
    pub fn model(
        settings: EmbeddedSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        refuse_faults(&settings)?;
        let disk = VolatileEngine::default();
        let state = recover(&disk, &settings, clock.now())?;
        let partitions = settings.partitions;
        let queue = Model { settings, clock, disk, state: Mutex::new(state) };
        Ok(Arc::new(Self { partitions, queue }))
    }

    /// Makes everything durable that was applied so far.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] after a row could not be read.
    pub fn commit(&self) -> Result<(), StoreError> {
        self.queue.state().commit()
    }

    /// Loses what was not committed, as a store does that starts again. Leases stay as they are
    /// if their owners may live on; they are over if the store's process was also theirs.
    ///
    /// # Errors
    /// [`OpenError`] when what is durable cannot be read.
    pub fn restart(&self, owners_live: bool) -> Result<(), OpenError> {
        let Model { settings, clock, disk, state } = &self.queue;
        let leases_end_by = if owners_live { Timestamp::MAX } else { clock.now() };
        let recovered = recover(disk, settings, leases_end_by)?;
        *state.lock().unwrap_or_else(PoisonError::into_inner) = recovered;
        Ok(())
    }
}

fn recover(
    disk: &VolatileEngine,
    settings: &EmbeddedSettings,
    leases_end_by: Timestamp,
) -> Result<State, OpenError> {
    State::recover(Box::new(disk.clone()), settings, leases_end_by)
        .map_err(|error| open_error(settings, error))
}
