//! The permanent records in SQL: registry versions, finished auctions, the money book, keys.
//!
//! What is written here came through the in-flight store's outbox, at least once; every write is
//! idempotent, whole batches are written or nothing of them. Parts of decision records are kept as
//! they were written; everything else about an auction is worked out from them again whenever one
//! is added, so that their order does not matter.
//!
//! This module knows no rule of the exchange, no clock, and no consumer's data: what it is given
//! holds none, and secrets come sealed. One text of each statement serves every database; what
//! differs between databases stands behind `pool`.

mod auctions;
mod column;
mod day_keys;
mod events;
mod ledger;
mod pool;
mod postgres;
mod registry;
mod sql;
mod sqlite;

use futures::FutureExt;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::auction::Account;
use crate::domain::ids::{EndpointId, EventId, LeadId};
use crate::domain::record::AuctionRecord;
use crate::ports::auction_store::JournalEntry;
use crate::ports::records::events::{
    AttemptKey, AttemptRow, Backlog, EventView, EventWork, Forgetting, NewEvent, WorkReply,
};
use crate::ports::records::{
    AuctionFilter, AuctionSummary, BookTotals, ChangeRow, Committed, CreditNote, DayKeyRow,
    LeadParts, LedgerLine, NotedEntry, ObjectKind, ObjectVersion, RecordPart, Records,
    RecordsFuture, RegistryChange, RegistryObject, RegistryRows,
};

pub use postgres::{Postgres, PostgresSettings, PostgresUrl, PostgresUrlError};
pub use sqlite::{Sqlite, SqliteSettings};

/// The records in a SQL database; made by [`Sqlite::open`] or [`Postgres::open`].
#[derive(Debug)]
pub struct SqlRecords {
    pool: pool::Pool,
}

impl SqlRecords {
    const fn on(pool: pool::Pool) -> Self {
        Self { pool }
    }

    /// Closes the database after what is running on it; every later call fails.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Records for SqlRecords {
    fn registry_version(&self) -> RecordsFuture<'_, i64> {
        registry::version(&self.pool).boxed()
    }

    fn registry(&self) -> RecordsFuture<'_, RegistryRows> {
        registry::current(&self.pool).boxed()
    }

    fn claim_installation(&self, mark: Vec<u8>) -> RecordsFuture<'_, Vec<u8>> {
        day_keys::claim_installation(&self.pool, mark).boxed()
    }

    fn day_keys(&self) -> RecordsFuture<'_, Vec<DayKeyRow>> {
        day_keys::all(&self.pool).boxed()
    }

    fn offer_day_key(&self, day: Date, wrapped: Vec<u8>) -> RecordsFuture<'_, DayKeyRow> {
        day_keys::offer(&self.pool, day, wrapped).boxed()
    }

    fn destroy_day_key(&self, day: Date) -> RecordsFuture<'_, ()> {
        day_keys::destroy(&self.pool, day).boxed()
    }

    fn change_registry(&self, change: RegistryChange) -> RecordsFuture<'_, Committed> {
        registry::change(&self.pool, change).boxed()
    }

    fn registry_objects_at(&self, version: i64) -> RecordsFuture<'_, Vec<RegistryObject>> {
        registry::objects_at(&self.pool, version).boxed()
    }

    fn object_versions(
        &self,
        (kind, id): (ObjectKind, String),
        before: Option<i64>,
        limit: usize,
    ) -> RecordsFuture<'_, Vec<ObjectVersion>> {
        registry::object_versions(&self.pool, (kind, id), before, limit).boxed()
    }

    fn registry_history(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> RecordsFuture<'_, Vec<ChangeRow>> {
        registry::history(&self.pool, before, limit).boxed()
    }

    fn add_parts(&self, parts: Vec<RecordPart>) -> RecordsFuture<'_, ()> {
        auctions::add(&self.pool, parts).boxed()
    }

    fn add_ledger(&self, lines: Vec<LedgerLine>) -> RecordsFuture<'_, ()> {
        ledger::add(&self.pool, lines).boxed()
    }

    fn ledger(
        &self,
        account: Account,
        after_sequence: u64,
        limit: usize,
    ) -> RecordsFuture<'_, Vec<JournalEntry>> {
        ledger::lines(&self.pool, account, after_sequence, limit).boxed()
    }

    fn note_credit(&self, note: CreditNote) -> RecordsFuture<'_, ()> {
        ledger::note(&self.pool, note).boxed()
    }

    fn noted_ledger(
        &self,
        account: Account,
        after_sequence: u64,
        limit: usize,
    ) -> RecordsFuture<'_, Vec<NotedEntry>> {
        ledger::noted_lines(&self.pool, account, after_sequence, limit).boxed()
    }

    fn find_lead(&self, id: String) -> RecordsFuture<'_, Option<LeadId>> {
        auctions::find(&self.pool, id).boxed()
    }

    fn auction(&self, lead_id: LeadId) -> RecordsFuture<'_, Option<AuctionRecord>> {
        auctions::read(&self.pool, lead_id).boxed()
    }

    fn auctions(&self, filter: AuctionFilter) -> RecordsFuture<'_, Vec<AuctionSummary>> {
        auctions::list(&self.pool, filter).boxed()
    }

    fn book_totals(&self) -> RecordsFuture<'_, BookTotals> {
        ledger::totals(&self.pool).boxed()
    }

    fn parts_of(&self, leads: Vec<LeadId>) -> RecordsFuture<'_, Vec<LeadParts>> {
        auctions::parts_of(&self.pool, leads).boxed()
    }

    fn add_events(&self, events: Vec<NewEvent>) -> RecordsFuture<'_, ()> {
        events::add(&self.pool, events).boxed()
    }

    fn work_events(&self, work: EventWork) -> RecordsFuture<'_, WorkReply> {
        events::work(&self.pool, work).boxed()
    }

    fn event(&self, event_id: EventId) -> RecordsFuture<'_, Option<EventView>> {
        events::one(&self.pool, event_id).boxed()
    }

    fn resend_event(&self, event_id: EventId, at: Timestamp) -> RecordsFuture<'_, ()> {
        events::resend(&self.pool, event_id, column::us(at)).boxed()
    }

    fn event_attempts(
        &self,
        endpoint_id: EndpointId,
        limit: usize,
        after: Option<AttemptKey>,
    ) -> RecordsFuture<'_, Vec<AttemptRow>> {
        events::attempts(&self.pool, endpoint_id, limit, after).boxed()
    }

    fn event_backlog(&self) -> RecordsFuture<'_, Vec<Backlog>> {
        events::backlog(&self.pool).boxed()
    }

    fn forget_events(&self, order: Forgetting) -> RecordsFuture<'_, u64> {
        events::forget(&self.pool, order).boxed()
    }
}

#[cfg(test)]
mod tests;
