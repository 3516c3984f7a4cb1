//! What may be forgotten, and when: idempotency keys, claims, finished holds and credits, counters
//! of past windows, and whole days of closed leads.
//!
//! Rows that end name their time in an index; a run walks it in slices, so that commands need
//! not wait for the whole of it. Nothing that keeps a settlement from happening twice goes while
//! an old outbox entry waits.

use jiff::Timestamp;

use super::rows::{self, CreditRow, DuplicateRow, HoldRow, KeyRow};
use super::{Result, State};
use crate::domain::time::plus_ms;
use crate::ports::auction_store::StoreError;
use crate::store::embedded::engine::{Table, successor};

/// Index entries one slice looks at.
const SLICE_ROWS: usize = 500;
/// When a row that cannot go yet is looked at again, in milliseconds.
const RETRY_MS: i64 = rows::DAY_MS;

/// How far a run has come.
#[derive(Debug, Default)]
pub(in super::super) struct ExpiryCursor {
    from: Vec<u8>,
}

impl State {
    /// Notes that a row may go at `at`; looked at again then.
    pub(super) fn expire_later(&mut self, at: Timestamp, table: Table, key: &[u8]) {
        let Some(tag) = tag_of(table) else { return };
        let at_ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
        let mut entry = at_ms.to_be_bytes().to_vec();
        entry.push(tag);
        entry.extend_from_slice(key);
        self.changes.put(Table::Expiry, entry, bytes::Bytes::new());
    }

    /// Walks one slice of the index from the cursor on; `None` once nothing more is over. Must run
    /// with no change uncommitted.
    pub(in super::super) fn expire_slice(
        &mut self,
        now: Timestamp,
        cursor: ExpiryCursor,
    ) -> Result<Option<ExpiryCursor>> {
        debug_assert!(self.changes.is_empty(), "the index is read from the engine alone");
        let now_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let page = self.engine.scan(Table::Expiry, &cursor.from, SLICE_ROWS)?;
        let mut next = None;
        for row in &page {
            let entry = parse_entry(&row.key)?;
            if entry.at_ms > now_ms {
                return Ok(None);
            }
            if !self.expire_row(now, entry.table, entry.key)? {
                self.expire_later(plus_ms(now, RETRY_MS), entry.table, entry.key);
            }
            self.changes.remove(Table::Expiry, row.key.clone());
            next = Some(ExpiryCursor { from: successor(&row.key) });
        }
        Ok(next)
    }

    /// Drops a row whose time is over. Returns false if it must be looked at again.
    fn expire_row(&mut self, now: Timestamp, table: Table, key: &[u8]) -> Result<bool> {
        let is_over = match table {
            Table::Keys => self.row::<KeyRow>(table, key)?.is_some_and(|row| row.expires_at <= now),
            Table::Duplicates => {
                self.row::<DuplicateRow>(table, key)?.is_some_and(|row| row.expires_at <= now)
            }
            Table::Caps => return self.drop_cap(now, key),
            Table::Holds | Table::Credits if self.settlement_is_late(now) => return Ok(false),
            Table::Holds => match self.row::<HoldRow>(table, key)? {
                Some(HoldRow::Captured { expires_at } | HoldRow::Voided { expires_at }) => {
                    expires_at <= now
                }
                Some(HoldRow::Held(_)) | None => false,
            },
            Table::Credits => {
                self.row::<CreditRow>(table, key)?.is_some_and(|row| row.expires_at <= now)
            }
            _ => false,
        };
        if is_over {
            self.changes.remove(table, key.to_vec());
        }
        Ok(true)
    }

    fn settlement_is_late(&self, now: Timestamp) -> bool {
        self.has_waiting_before(now.as_millisecond() - self.retention.settled_ms() / 2)
    }

    /// Drops the days whose closed leads are all older than the retention, except where a lead of
    /// the day is still open.
    pub(in super::super) fn drop_days(&mut self, now: Timestamp) -> Result<()> {
        let open = self.open_days();
        for day in self.engine.days() {
            if self.retention.is_dropped(day, now) && !open.contains(&day) {
                self.engine.drop_day(day)?;
            }
        }
        Ok(())
    }
}

const TAGGED: [(Table, u8); 5] = [
    (Table::Keys, b'K'),
    (Table::Duplicates, b'D'),
    (Table::Caps, b'C'),
    (Table::Holds, b'H'),
    (Table::Credits, b'R'),
];

fn tag_of(table: Table) -> Option<u8> {
    TAGGED.iter().find(|(known, _)| *known == table).map(|(_, tag)| *tag)
}

/// One entry of the index.
struct Entry<'a> {
    at_ms: u64,
    table: Table,
    key: &'a [u8],
}

fn parse_entry(entry: &[u8]) -> Result<Entry<'_>> {
    let corrupt = || StoreError::Corrupt("a key of expiry names no row".to_owned());
    let (at_ms, rest) = entry.split_first_chunk::<8>().ok_or_else(corrupt)?;
    let (tag, key) = rest.split_first().ok_or_else(corrupt)?;
    let (table, _) = TAGGED.iter().find(|(_, known)| known == tag).ok_or_else(corrupt)?;
    Ok(Entry { at_ms: u64::from_be_bytes(*at_ms), table: *table, key })
}
