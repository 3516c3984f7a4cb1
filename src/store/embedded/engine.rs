//! The few things the store asks of an embedded key-value engine: look up a row, read a table in
//! order, and make a set of changes durable at once.
//!
//! An engine knows tables, keys and bytes; it never looks into a row.

mod durable;
mod journal;
mod mark;
mod roots;
mod stamp;
mod tables;
mod volatile;

use std::collections::BTreeMap;

use bytes::Bytes;

pub(super) use self::durable::DurableEngine;
pub(super) use self::volatile::VolatileEngine;
use crate::ports::auction_store::StoreError;

/// A calendar day in UTC: days since 1970-01-01.
pub(super) type Day = u32;

/// Where a row lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Table {
    /// Format, partition count, install mark; the outbox's counters.
    Meta,
    /// The unchanging part of an open lead.
    Leads,
    /// The changing part of an open lead.
    Runs,
    /// An open lead's ranking and offers.
    Ranks,
    /// Idempotency keys.
    Keys,
    /// Claims on consumers.
    Duplicates,
    /// Which row may go when: time, table, key.
    Expiry,
    /// Accounts.
    Accounts,
    /// Counters of caps.
    Caps,
    /// Holds: held, captured, voided.
    Holds,
    /// Operation ids of credits.
    Credits,
    /// Journal entries on their way to the permanent book.
    Journal,
    /// Outbox entries.
    Outbox,
    /// What belongs to the leads minted on one day: closed leads, sealed leads, posts. Dropped as
    /// a whole.
    Day(Day),
}

impl Table {
    /// The table's name in messages.
    pub(super) fn name(self) -> String {
        match self {
            Self::Day(day) => format!("day {day}"),
            fixed => format!("{fixed:?}").to_lowercase(),
        }
    }
}

/// Changes that become durable together; the last change of a row counts.
#[derive(Debug, Default)]
pub(super) struct Changes {
    rows: BTreeMap<(Table, Vec<u8>), Option<Bytes>>,
}

impl Changes {
    /// Writes a row.
    pub(super) fn put(&mut self, table: Table, key: Vec<u8>, value: Bytes) {
        self.rows.insert((table, key), Some(value));
    }

    /// Removes a row.
    pub(super) fn remove(&mut self, table: Table, key: Vec<u8>) {
        self.rows.insert((table, key), None);
    }

    /// The row as changed here; `None` if it is not.
    pub(super) fn row(&self, table: Table, key: &[u8]) -> Option<&Option<Bytes>> {
        if self.rows.is_empty() {
            return None;
        }
        self.rows.get(&(table, key.to_vec()))
    }

    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows change.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The changed rows, by table and key; no value removes the row.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Table, &[u8], Option<&Bytes>)> {
        self.rows.iter().map(|((table, key), value)| (*table, key.as_slice(), value.as_ref()))
    }
}

/// One row as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The key.
    pub(super) key: Vec<u8>,
    /// The value.
    pub(super) value: Bytes,
}

/// An embedded key-value engine with one writer.
///
/// Every error is [`StoreError::Unavailable`]: after one, nothing more may be asked of the engine.
pub(super) trait Engine: Send {
    /// The committed row.
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// At most `limit` committed rows whose keys are at or after `from`, in the order of keys.
    fn scan(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;

    /// Makes the changes durable, all or none. After an error nobody knows which: it is never
    /// tried again.
    fn commit(&mut self, changes: &Changes) -> Result<(), StoreError>;

    /// The days that have a table.
    fn days(&self) -> Vec<Day>;

    /// Drops a day's table whole.
    fn drop_day(&mut self, day: Day) -> Result<(), StoreError>;

    /// Bytes the file system can still take.
    fn free_bytes(&self) -> Result<u64, StoreError>;
}

/// Reads a whole table in pages.
pub(super) fn read_table(
    engine: &dyn Engine,
    table: Table,
    visit: &mut dyn FnMut(Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    const PAGE_ROWS: usize = 1_000;
    let mut from = Vec::new();
    loop {
        let page = engine.scan(table, &from, PAGE_ROWS)?;
        let Some(last) = page.last() else { return Ok(()) };
        from = successor(&last.key);
        for row in page {
            visit(row)?;
        }
    }
}

/// The smallest key after `key`.
pub(super) fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}
