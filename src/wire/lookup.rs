//! From names to addresses.
//!
//! The system's resolver blocks a thread and cannot be stopped, so a name whose servers are slow
//! could use up every thread of the process while calls to it give up and come again. Therefore all
//! calls to one name share one lookup, the number of lookups is bounded, and a lookup keeps its
//! place until the resolver is really done, whoever still waits for it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// The name has no address, or nobody could say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host name does not resolve")]
pub struct LookupFailed;

/// All addresses of a name, at least one.
pub type Answer = Result<Vec<IpAddr>, LookupFailed>;

/// Resolves names. What it answers is judged afterwards, every address of it.
pub trait Lookup: Send + Sync + 'static {
    /// All addresses of `name`, an ASCII host name without a final dot.
    fn lookup(&self, name: &str) -> BoxFuture<'static, Answer>;
}

/// The machine's own resolver (hosts file, DNS, whatever it is set up for).
pub struct SystemLookup {
    shared: Arc<Running>,
    /// The lookups that run, whether or not anybody still waits for them.
    tasks: TaskTracker,
}

struct Running {
    places: Semaphore,
    by_name: Mutex<HashMap<String, Shared<BoxFuture<'static, Answer>>>>,
}

impl SystemLookup {
    /// Runs at most `in_flight_max` lookups at once; further names wait their turn.
    #[must_use]
    pub fn new(in_flight_max: usize) -> Self {
        let places = Semaphore::new(in_flight_max);
        let shared = Arc::new(Running { places, by_name: Mutex::default() });
        Self { shared, tasks: TaskTracker::new() }
    }
}

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> BoxFuture<'static, Answer> {
        let mut by_name = self.shared.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended may still stand here, if the runtime it ran on was stopped.
        if let Some(running) = by_name.get(name).filter(|running| running.peek().is_none()) {
            return running.clone().boxed();
        }
        let task = self.tasks.spawn(self.shared.clone().resolve(name.to_owned()));
        let answer = async move { task.await.unwrap_or(Err(LookupFailed)) }.boxed().shared();
        by_name.insert(name.to_owned(), answer.clone());
        answer.boxed()
    }
}

impl Running {
    async fn resolve(self: Arc<Self>, name: String) -> Answer {
        let place = self.places.acquire().await.map_err(|_| LookupFailed)?;
        let found = tokio::net::lookup_host((name.as_str(), 0)).await;
        drop(place);
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        let addresses: Vec<IpAddr> =
            found.map_err(|_| LookupFailed)?.map(|socket| socket.ip()).collect();
        if addresses.is_empty() { Err(LookupFailed) } else { Ok(addresses) }
    }
}

#[cfg(test)]
mod tests;
