//! What went wrong with a command, and what that says of its effect.
//!
//! A server that refuses a command has not carried it out: scripts are refused before their first
//! write, or they check everything before it. A connection that breaks and a reply that does not
//! come say nothing. Either way the command may be repeated, since every operation may be.

use redis::{ErrorKind, RedisError};

use crate::ports::auction_store::StoreError;

/// Why a command gave no reply of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server does not know the script: it must be sent whole. Nothing was done.
    UnknownScript,
    /// The server cannot do it now. Nothing was done.
    Refused,
    /// The server has no memory for more. Nothing was done.
    Full,
    /// Nobody knows whether it was done: no connection, or no reply in time.
    Unknown,
    /// A script found what it cannot have written, or a key has the wrong type. Nothing was done.
    Corrupt,
    /// The server does not take the command: our own fault. Nothing was done.
    Wrong,
}

/// Codes of servers that cannot do it now, each with what an operator may want to know.
const REFUSALS: [(&str, &str); 17] = [
    ("LOADING", "the server is reading its data"),
    ("BUSY", "the server is busy with a script"),
    ("MISCONF", "the server cannot write to its disk"),
    ("READONLY", "the server is a replica"),
    ("MASTERDOWN", "the server is a replica without its master"),
    ("NOREPLICAS", "the server misses replicas"),
    ("CLUSTERDOWN", "the cluster does not serve all slots"),
    ("MOVED", "the slot is at another server: set `cluster = true` for a cluster"),
    ("ASK", "the slot is on its way to another server"),
    ("TRYAGAIN", "the slot is on its way to another server"),
    ("UNBLOCKED", "the server became a replica"),
    ("NOAUTH", "the server wants a password"),
    ("WRONGPASS", "the server takes another password"),
    ("NOPERM", "the user may not run this command"),
    ("NOTREADY", "the server is not ready"),
    ("FAILOVER", "the server hands over to another"),
    ("EXECABORT", "the server discarded it"),
];

impl Failure {
    /// What an error means.
    pub(super) fn of(error: &RedisError) -> Self {
        let detail = error.detail().unwrap_or_default();
        match error.code() {
            Some("NOSCRIPT") => Self::UnknownScript,
            Some("OOM") => Self::Full,
            Some("WRONGTYPE") => Self::Corrupt,
            Some(code) if REFUSALS.iter().any(|(known, _)| *known == code) => Self::Refused,
            Some(_) if detail.contains("CORRUPT ") => Self::Corrupt,
            Some(_) => Self::Wrong,
            None => match error.kind() {
                ErrorKind::Io | ErrorKind::ClusterConnectionNotFound | ErrorKind::Parse => {
                    Self::Unknown
                }
                ErrorKind::AuthenticationFailed => Self::Refused,
                _ => Self::Wrong,
            },
        }
    }

    /// Whether the same command may do better in a moment.
    pub(super) const fn may_pass(self) -> bool {
        matches!(self, Self::UnknownScript | Self::Refused | Self::Unknown)
    }

    /// The error the port knows.
    pub(super) fn into_store_error(self, operation: &str, error: &RedisError) -> StoreError {
        let hint = error.code().and_then(|code| REFUSALS.iter().find(|(known, _)| *known == code));
        let text = match hint {
            Some((_, hint)) => format!("{operation}: {error} ({hint})"),
            None => format!("{operation}: {error}"),
        };
        match self {
            Self::Refused | Self::Unknown | Self::UnknownScript => StoreError::Unavailable(text),
            Self::Full => StoreError::Full(text),
            Self::Corrupt => StoreError::Corrupt(text),
            Self::Wrong => StoreError::Limit(text),
        }
    }
}
