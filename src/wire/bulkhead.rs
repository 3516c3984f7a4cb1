//! Bulkheads: a callee that hangs holds at most its own places, never another's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::domain::ids::EndpointId;
use crate::domain::slug::BuyerId;
use crate::ports::buyer_wire::{CallClass, Callee, WireFailure, WireRequest};
use crate::wire::settings::WireSettings;

/// Above this many entries, those that nobody uses are dropped before another is added: endpoints
/// come and go by API.
const ENTRIES_KEPT: usize = 10_000;

/// Who shares places: all campaigns of a buyer, or the calls of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    Buyer(BuyerId),
    Endpoint(EndpointId),
}

/// Places for calls in flight.
pub(super) struct Bulkheads {
    places_per_buyer: usize,
    places_per_endpoint: usize,
    by_owner: Mutex<HashMap<Owner, Arc<Semaphore>>>,
}

impl Bulkheads {
    pub(super) fn new(settings: &WireSettings) -> Self {
        Self {
            places_per_buyer: settings.calls_in_flight_max,
            places_per_endpoint: settings.endpoint_calls_in_flight_max,
            by_owner: Mutex::default(),
        }
    }

    /// Takes a place until the permit is dropped. A ping that finds none fails at once, because it
    /// would be late anyway; every other call stands in line, before any ping, until its deadline.
    pub(super) async fn enter(
        &self,
        call: &WireRequest,
    ) -> Result<OwnedSemaphorePermit, WireFailure> {
        let places = self.of(&call.callee);
        let taken = match call.class {
            CallClass::Ping => places.try_acquire_owned().ok(),
            CallClass::Post
            | CallClass::Status
            | CallClass::Login
            | CallClass::Notice
            | CallClass::Event
            | CallClass::Challenge => {
                let waited = timeout_at(call.deadline, places.acquire_owned()).await;
                waited.ok().and_then(Result::ok)
            }
        };
        taken.ok_or(WireFailure::Bulkhead)
    }

    fn of(&self, callee: &Callee) -> Arc<Semaphore> {
        let (owner, places) = match callee {
            Callee::Campaign { buyer, .. } => (Owner::Buyer(buyer.clone()), self.places_per_buyer),
            Callee::Endpoint { id } => (Owner::Endpoint(*id), self.places_per_endpoint),
        };
        let mut by_owner = self.by_owner.lock().unwrap_or_else(PoisonError::into_inner);
        if by_owner.len() >= ENTRIES_KEPT && !by_owner.contains_key(&owner) {
            // A permit in use, or somebody in line, holds the semaphore too.
            by_owner.retain(|_, places| Arc::strong_count(places) > 1);
        }
        by_owner.entry(owner).or_insert_with(|| Arc::new(Semaphore::new(places))).clone()
    }
}
