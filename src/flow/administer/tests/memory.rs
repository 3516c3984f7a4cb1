//! Records that keep a registry in memory, and let somebody else be faster.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::auction::Account;
use crate::domain::ids::{EndpointId, EventId, LeadId};
use crate::domain::record::AuctionRecord;
use crate::ports::Records;
use crate::ports::auction_store::JournalEntry;
use crate::ports::records::events::{
    AttemptKey, AttemptRow, Backlog, EventView, EventWork, Forgetting, NewEvent, WorkReply,
};
use crate::ports::records::{
    AuctionFilter, AuctionSummary, BookTotals, ChangeRow, Committed, CreditNote, DayKeyRow,
    LeadParts, LedgerLine, NotedEntry, ObjectKind, ObjectVersion, RecordPart, RecordsError,
    RecordsFuture, RegistryChange, RegistryObject, RegistryRows, SealedSecret,
};

/// The registry's part of the records; everything else is out of reach.
#[derive(Default)]
pub struct MemoryRecords {
    rows: Mutex<RegistryRows>,
    history: Mutex<Vec<ChangeRow>>,
    /// How many of the next changes come too late.
    late: AtomicUsize,
    is_down: Mutex<bool>,
    /// The objects after each change.
    past: Mutex<BTreeMap<i64, Vec<RegistryObject>>>,
}

impl MemoryRecords {
    /// Lets somebody else be faster than each of the next `count` changes.
    pub fn be_late(&self, count: usize) {
        self.late.store(count, Ordering::SeqCst);
    }

    /// Takes the records down, or puts them up again.
    pub fn set_down(&self, is_down: bool) {
        *self.is_down.lock().unwrap() = is_down;
    }

    /// The rows as they are.
    pub fn rows(&self) -> RegistryRows {
        self.rows.lock().unwrap().clone()
    }

    /// Changes the rows by other means than a change.
    pub fn edit(&self, edit: impl FnOnce(&mut RegistryRows)) {
        let mut rows = self.rows.lock().unwrap();
        edit(&mut rows);
        rows.version += 1;
    }

    /// The last line of the audit.
    pub fn last_change(&self) -> ChangeRow {
        self.history.lock().unwrap().last().unwrap().clone()
    }

    fn if_up<T>(&self, value: impl FnOnce() -> T) -> Result<T, RecordsError> {
        if *self.is_down.lock().unwrap() { unavailable() } else { Ok(value()) }
    }

    fn change(&self, change: RegistryChange) -> Committed {
        let mut rows = self.rows.lock().unwrap();
        let is_late = self
            .late
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |late| late.checked_sub(1))
            .is_ok();
        if is_late {
            rows.version += 1;
        }
        if rows.version != change.base_version {
            return Committed::Stale { current: rows.version };
        }
        rows.version += 1;
        for object in change.objects {
            rows.objects.retain(|known| (known.kind, &known.id) != (object.kind, &object.id));
            rows.objects.push(object);
        }
        add_secrets(&mut rows.secrets, change.secrets, change.at);
        rows.keys.extend(change.keys_added);
        for key in &mut rows.keys {
            if change.keys_revoked.contains(&key.key_id) && key.revoked_at.is_none() {
                key.revoked_at = Some(change.at);
            }
        }
        self.past.lock().unwrap().insert(rows.version, rows.objects.clone());
        let (version, actor, summary, at) = (rows.version, change.actor, change.summary, change.at);
        self.history.lock().unwrap().push(ChangeRow { version, actor, summary, at });
        Committed::Version(version)
    }
}

/// Those that are named are added or get another end; all others of the same owners end now.
fn add_secrets(rows: &mut Vec<SealedSecret>, added: Vec<SealedSecret>, at: Timestamp) {
    let named: BTreeMap<_, _> =
        added.into_iter().map(|row| ((row.owner.clone(), row.valid_from), row)).collect();
    for row in rows.iter_mut() {
        let is_of_owner = named.keys().any(|(owner, _)| *owner == row.owner);
        if is_of_owner && row.valid_until.is_none_or(|end| end > at) {
            row.valid_until = Some(at);
        }
    }
    rows.retain(|row| !named.contains_key(&(row.owner.clone(), row.valid_from)));
    rows.extend(named.into_values());
}

fn unavailable<T>() -> Result<T, RecordsError> {
    Err(RecordsError::Unavailable("down".to_owned()))
}

impl Records for MemoryRecords {
    fn registry_version(&self) -> RecordsFuture<'_, i64> {
        async { self.if_up(|| self.rows().version) }.boxed()
    }
    fn registry(&self) -> RecordsFuture<'_, RegistryRows> {
        async { self.if_up(|| self.rows()) }.boxed()
    }
    fn claim_installation(&self, _: Vec<u8>) -> RecordsFuture<'_, Vec<u8>> {
        async { unavailable() }.boxed()
    }
    fn day_keys(&self) -> RecordsFuture<'_, Vec<DayKeyRow>> {
        async { unavailable() }.boxed()
    }
    fn offer_day_key(&self, _: Date, _: Vec<u8>) -> RecordsFuture<'_, DayKeyRow> {
        async { unavailable() }.boxed()
    }
    fn destroy_day_key(&self, _: Date) -> RecordsFuture<'_, ()> {
        async { unavailable() }.boxed()
    }
    fn change_registry(&self, change: RegistryChange) -> RecordsFuture<'_, Committed> {
        async { self.if_up(|| self.change(change)) }.boxed()
    }
    fn registry_objects_at(&self, version: i64) -> RecordsFuture<'_, Vec<RegistryObject>> {
        let at = self.past.lock().unwrap().get(&version).cloned();
        async move { at.map_or_else(unavailable, Ok) }.boxed()
    }
    fn object_versions(
        &self,
        (kind, id): (ObjectKind, String),
        _: Option<i64>,
        _: usize,
    ) -> RecordsFuture<'_, Vec<ObjectVersion>> {
        let past = self.past.lock().unwrap().clone();
        let found = move |(version, objects): (i64, Vec<RegistryObject>)| {
            let known = objects.into_iter().find(|known| known.kind == kind && known.id == id)?;
            Some((version, known))
        };
        let mut versions: Vec<ObjectVersion> = Vec::new();
        let mut last = None;
        for (version, known) in past.into_iter().filter_map(found) {
            if last.as_ref() != Some(&known) {
                let (is_archived, at) = (known.is_archived, Timestamp::UNIX_EPOCH);
                versions.push(ObjectVersion { version, is_archived, at });
            }
            last = Some(known);
        }
        versions.reverse();
        async move { Ok(versions) }.boxed()
    }
    fn registry_history(&self, _: Option<i64>, _: usize) -> RecordsFuture<'_, Vec<ChangeRow>> {
        async { unavailable() }.boxed()
    }
    fn add_parts(&self, _: Vec<RecordPart>) -> RecordsFuture<'_, ()> {
        async { unavailable() }.boxed()
    }
    fn add_ledger(&self, _: Vec<LedgerLine>) -> RecordsFuture<'_, ()> {
        async { unavailable() }.boxed()
    }
    fn ledger(&self, _: Account, _: u64, _: usize) -> RecordsFuture<'_, Vec<JournalEntry>> {
        async { unavailable() }.boxed()
    }
    fn note_credit(&self, _: CreditNote) -> RecordsFuture<'_, ()> {
        async { unavailable() }.boxed()
    }
    fn noted_ledger(&self, _: Account, _: u64, _: usize) -> RecordsFuture<'_, Vec<NotedEntry>> {
        async { unavailable() }.boxed()
    }
    fn find_lead(&self, _: String) -> RecordsFuture<'_, Option<LeadId>> {
        async { unavailable() }.boxed()
    }
    fn auction(&self, _: LeadId) -> RecordsFuture<'_, Option<AuctionRecord>> {
        async { unavailable() }.boxed()
    }
    fn auctions(&self, _: AuctionFilter) -> RecordsFuture<'_, Vec<AuctionSummary>> {
        async { unavailable() }.boxed()
    }
    fn book_totals(&self) -> RecordsFuture<'_, BookTotals> {
        async { unavailable() }.boxed()
    }
    fn parts_of(&self, _: Vec<LeadId>) -> RecordsFuture<'_, Vec<LeadParts>> {
        async { unavailable() }.boxed()
    }
    fn add_events(&self, _: Vec<NewEvent>) -> RecordsFuture<'_, ()> {
        async { unavailable() }.boxed()
    }
    fn work_events(&self, _: EventWork) -> RecordsFuture<'_, WorkReply> {
        async { unavailable() }.boxed()
    }
    fn event(&self, _: EventId) -> RecordsFuture<'_, Option<EventView>> {
        async { unavailable() }.boxed()
    }
    fn resend_event(&self, _: EventId, _: Timestamp) -> RecordsFuture<'_, ()> {
        async { unavailable() }.boxed()
    }
    fn event_attempts(
        &self,
        _: EndpointId,
        _: usize,
        _: Option<AttemptKey>,
    ) -> RecordsFuture<'_, Vec<AttemptRow>> {
        async { unavailable() }.boxed()
    }
    fn event_backlog(&self) -> RecordsFuture<'_, Vec<Backlog>> {
        async { unavailable() }.boxed()
    }
    fn forget_events(&self, _: Forgetting) -> RecordsFuture<'_, u64> {
        async { unavailable() }.boxed()
    }
}
