//! The records on real databases; what the tests of their parts share.

mod auctions;
pub(in crate::records) mod bench;
mod book;
mod day_keys;
pub(in crate::records) mod events;
mod files;
mod plans;
mod processes;
mod registry;
pub(in crate::records) mod sample;
mod schema;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use self::bench::Bench;
use super::*;
use crate::ports::records::{RecordsError, RegistryChange};

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The records in a SQLite file in `folder`.
pub(super) async fn open(folder: &Path) -> Arc<SqlRecords> {
    Sqlite::open(SqliteSettings::at(folder.join("records.db"))).await.unwrap()
}

/// A change by `cli` that changes nothing.
pub(in crate::records) fn change(base_version: i64) -> RegistryChange {
    RegistryChange::new(base_version, "cli", "apply", at("2026-11-23T14:00:00Z"))
}

/// Whether an answer is `Corrupt`, with this text.
pub(super) fn is_corrupt<T: std::fmt::Debug>(answer: Result<T, RecordsError>, text: &str) {
    match answer {
        Err(RecordsError::Corrupt(found)) => assert_eq!(found, text),
        other => panic!("not corrupt: {other:?}"),
    }
}
