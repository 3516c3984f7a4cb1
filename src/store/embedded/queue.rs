//! What stands between the contract's operations and the state they change.

use jiff::Timestamp;

use super::state::State;
use crate::ports::auction_store::{StoreError, StoreFuture};

/// Whether an operation may be refused early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Brings new work: not into the last eighth of the queue.
    NewWork,
    /// Finishes old work.
    Always,
}

/// Applies operations one after another.
pub trait Queue: Send + Sync + 'static {
    /// Applies an operation when its turn comes, and gives its reply.
    fn submit<T: Send + 'static>(
        &self,
        admission: Admission,
        apply: impl FnOnce(&mut State, Timestamp) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T>;
}
