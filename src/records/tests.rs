//! The records on real SQLite files; what the tests of their parts share.

mod auctions;
mod book;
mod events;
mod files;
mod plans;
mod processes;
mod registry;
mod sample;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::ports::records::{RecordsError, RegistryChange};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The records in `folder`.
pub(super) async fn open(folder: &Path) -> Arc<SqlRecords> {
    Sqlite::open(SqliteSettings::at(folder.join("records.db"))).await.unwrap()
}

/// A change by `cli` that changes nothing.
pub(super) fn change(base_version: i64) -> RegistryChange {
    RegistryChange::new(base_version, "cli", "apply", at("2026-11-23T14:00:00Z"))
}

/// Whether an answer is `Corrupt`, with this text.
pub(super) fn is_corrupt<T: std::fmt::Debug>(answer: Result<T, RecordsError>, text: &str) {
    match answer {
        Err(RecordsError::Corrupt(found)) => assert_eq!(found, text),
        other => panic!("not corrupt: {other:?}"),
    }
}
