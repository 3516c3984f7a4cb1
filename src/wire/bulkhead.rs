//! Bulkheads: a buyer that hangs holds at most its own places, never another buyer's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::domain::slug::BuyerId;
use crate::ports::buyer_wire::{CallClass, WireFailure, WireRequest};

/// Places for calls in flight, per buyer; as many entries as the registry has had buyers.
pub(super) struct Bulkheads {
    places: usize,
    by_buyer: Mutex<HashMap<BuyerId, Arc<Semaphore>>>,
}

impl Bulkheads {
    pub(super) fn new(places: usize) -> Self {
        Self { places, by_buyer: Mutex::default() }
    }

    /// Takes a place until the permit is dropped. A ping that finds none fails at once, because it
    /// would be late anyway; a post or status call stands in line, before any ping, until its
    /// deadline.
    pub(super) async fn enter(
        &self,
        call: &WireRequest,
    ) -> Result<OwnedSemaphorePermit, WireFailure> {
        let places = self.of(&call.buyer);
        let taken = match call.class {
            CallClass::Ping => places.try_acquire_owned().ok(),
            CallClass::Post | CallClass::Status => {
                let waited = timeout_at(call.deadline, places.acquire_owned()).await;
                waited.ok().and_then(Result::ok)
            }
        };
        taken.ok_or(WireFailure::Bulkhead)
    }

    fn of(&self, buyer: &BuyerId) -> Arc<Semaphore> {
        let mut by_buyer = self.by_buyer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = by_buyer.get(buyer) {
            return places.clone();
        }
        let places = Arc::new(Semaphore::new(self.places));
        by_buyer.insert(buyer.clone(), places.clone());
        places
    }
}
