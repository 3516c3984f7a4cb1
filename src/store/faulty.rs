//! A store that fails as asked, for tests of what the exchange makes of it.
//!
//! [`Weather`] says what becomes of each operation until it is told otherwise: the store cannot be
//! reached, its replies are lost after the operation was applied, it has no room for new leads, it
//! is slow, or it gives no sign at all. One weather for each node shows a node that is cut off;
//! one for all nodes shows a store that is away. Only under the feature `faults`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::watch;

use super::around::{Around, Surrounded};
use crate::ports::AuctionStore;
use crate::ports::auction_store::{StoreError, StoreFuture};

/// What becomes of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused before it can have any effect.
    Away,
    /// It is applied, and the reply is lost.
    ReplyLost,
    /// Leads find no room; everything else is done.
    Full,
    /// It is done so much later.
    Slow(Duration),
    /// Nothing comes back until the weather changes; then it is refused.
    Silent,
}

/// One fault, for whom and how often.
#[derive(Debug, Clone, Copy)]
struct Spell {
    fault: Fault,
    /// The operation it is for; `None` = every one.
    operation: Option<&'static str>,
    /// How many operations it is still for; `None` = until it is lifted.
    left: Option<u64>,
}

/// How a store behaves now.
#[derive(Debug)]
pub struct Weather {
    spell: Mutex<Option<Spell>>,
    /// Counts the changes, for operations that wait for one.
    changes: watch::Sender<u64>,
}

impl Default for Weather {
    fn default() -> Self {
        Self { spell: Mutex::new(None), changes: watch::Sender::new(0) }
    }
}

impl Weather {
    /// Every operation is done as ever.
    pub fn clear(&self) {
        self.change(None);
    }

    /// `fault` for every operation until it is told otherwise.
    pub fn set(&self, fault: Fault) {
        self.change(Some(Spell { fault, operation: None, left: None }));
    }

    /// `fault` for the next `count` operations of that name.
    pub fn set_for(&self, fault: Fault, operation: &'static str, count: u64) {
        self.change(Some(Spell { fault, operation: Some(operation), left: Some(count) }));
    }

    /// `fault` for the next `count` operations of any name.
    pub fn set_for_next(&self, fault: Fault, count: u64) {
        self.change(Some(Spell { fault, operation: None, left: Some(count) }));
    }

    fn spell(&self) -> MutexGuard<'_, Option<Spell>> {
        self.spell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, spell: Option<Spell>) {
        *self.spell() = spell;
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// What becomes of the next operation of that name.
    fn next(&self, operation: &str) -> Option<Fault> {
        let mut spell = self.spell();
        let now = spell.as_mut()?;
        if now.operation.is_some_and(|meant| meant != operation) {
            return None;
        }
        let fault = now.fault;
        if let Some(left) = &mut now.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                *spell = None;
            }
        }
        Some(fault)
    }
}

/// `store` in `weather`.
pub fn in_weather(store: Arc<dyn AuctionStore>, weather: Arc<Weather>) -> Arc<dyn AuctionStore> {
    Surrounded::new(store, weather)
}

impl Around for Arc<Weather> {
    fn pass<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        async move {
            let away = || StoreError::Unavailable("it is made not to answer".to_owned());
            let mut changes = self.changes.subscribe();
            match self.next(operation) {
                None => call().await,
                Some(Fault::Away) => Err(away()),
                Some(Fault::ReplyLost) => {
                    call().await?;
                    Err(StoreError::Unavailable("the reply is made to get lost".to_owned()))
                }
                Some(Fault::Full) if operation == "create" => {
                    Err(StoreError::Full("it is made to have no room".to_owned()))
                }
                Some(Fault::Full) => call().await,
                Some(Fault::Slow(by)) => {
                    tokio::time::sleep(by).await;
                    call().await
                }
                Some(Fault::Silent) => {
                    // The weather is never dropped while its store is in use.
                    let _ = changes.changed().await;
                    Err(away())
                }
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spell_is_for_its_operation_and_ends_after_its_count() {
        let weather = Weather::default();
        assert_eq!(weather.next("create"), None);
        weather.set_for(Fault::Away, "outcome", 2);
        let seen = ["create", "outcome", "outcome", "outcome"].map(|name| weather.next(name));
        assert_eq!(seen, [None, Some(Fault::Away), Some(Fault::Away), None]);
        weather.set_for_next(Fault::ReplyLost, 1);
        assert_eq!(weather.next("renew"), Some(Fault::ReplyLost));
        assert_eq!(weather.next("renew"), None);
    }

    #[test]
    fn a_lasting_spell_ends_when_it_is_lifted() {
        let weather = Weather::default();
        weather.set(Fault::Full);
        assert_eq!(weather.next("due"), Some(Fault::Full));
        assert_eq!(weather.next("create"), Some(Fault::Full));
        weather.clear();
        assert_eq!(weather.next("create"), None);
    }
}
