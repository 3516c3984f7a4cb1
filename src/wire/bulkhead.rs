//! Bulkheads: a party that hangs holds at most its own places, never another's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::domain::party::Party;
use crate::ports::buyer_wire::{CallClass, WireFailure, WireRequest};

/// Places for calls in flight, per party; as many entries as the registry has had parties that were called.
pub(super) struct Bulkheads {
    places: usize,
    by_party: Mutex<HashMap<Party, Arc<Semaphore>>>,
}

impl Bulkheads {
    pub(super) fn new(places: usize) -> Self {
        Self { places, by_party: Mutex::default() }
    }

    /// Takes a place until the permit is dropped. A ping that finds none fails at once, because it
    /// would be late anyway; any other call stands in line, before any ping, until its
    /// deadline.
    pub(super) async fn enter(
        &self,
        call: &WireRequest,
    ) -> Result<OwnedSemaphorePermit, WireFailure> {
        let places = self.of(&call.party);
        let taken = match call.class {
            CallClass::Ping => places.try_acquire_owned().ok(),
            CallClass::Post | CallClass::Status | CallClass::Challenge => {
                let waited = timeout_at(call.deadline, places.acquire_owned()).await;
                waited.ok().and_then(Result::ok)
            }
        };
        taken.ok_or(WireFailure::Bulkhead)
    }

    fn of(&self, party: &Party) -> Arc<Semaphore> {
        let mut by_party = self.by_party.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = by_party.get(party) {
            return places.clone();
        }
        let places = Arc::new(Semaphore::new(self.places));
        by_party.insert(party.clone(), places.clone());
        places
    }
}
