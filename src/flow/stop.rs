//! Why work on a lead ends before the lead does.

use super::custody::CustodyError;
use super::exchange::FlowError;
use crate::ports::auction_store::StoreError;
use crate::vault::VaultError;

/// Why a node stops working on a lead before its end. The lead stays durable, and whoever claims
/// it next goes on.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Another owner has taken over.
    #[error("another owner has taken over")]
    Fenced,
    /// The store gave no reply.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There is no key for the lead's day.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The node is stopping and waits no longer.
    #[error("the node is stopping")]
    Abandoned,
    /// Our own fault.
    #[error("internal fault: {0}")]
    Bug(String),
}

impl From<Stop> for FlowError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Store(error) => Self::Store(error),
            Stop::Abandoned => Self::Draining,
            Stop::Custody(CustodyError::Records(error)) => Self::Records(error),
            Stop::Custody(error) => Self::Bug(error.to_string()),
            Stop::Fenced | Stop::Vault(_) | Stop::Bug(_) => Self::Bug(stop.to_string()),
        }
    }
}
