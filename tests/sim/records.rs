//! The permanent records in memory: slow, failing at times, and always all or nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use gavel::domain::auction::Account;
use gavel::domain::ids::{EndpointId, EventId, LeadId};
use gavel::domain::record::{AuctionRecord, Part};
use gavel::ports::Records;
use gavel::ports::auction_store::JournalEntry;
use gavel::ports::records::events::{
    AttemptKey, AttemptRow, Backlog, EventView, EventWork, Forgetting, NewEvent, WorkReply,
};
use gavel::ports::records::{
    AuctionFilter, AuctionSummary, BookTotals, ChangeRow, Committed, CreditNote, DayKeyRow,
    LeadParts, LedgerLine, NotedEntry, ObjectKind, ObjectVersion, RecordPart, RecordsError,
    RecordsFuture, RegistryChange, RegistryObject, RegistryRows, SealedSecret,
};
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::dice::Dice;
use crate::world::{Sender, World};

/// What the records hold.
#[derive(Default)]
pub struct Shelves {
    pub registry: RegistryRows,
    pub parts: BTreeMap<LeadId, BTreeMap<u32, Vec<u8>>>,
    pub book: BTreeMap<Account, BTreeMap<u64, JournalEntry>>,
}

/// The records themselves.
pub struct Archive {
    shelves: Mutex<Shelves>,
    dice: Mutex<Dice>,
}

impl Archive {
    pub fn new(dice: Dice) -> Self {
        Self { shelves: Mutex::default(), dice: Mutex::new(dice) }
    }

    pub fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    pub fn record(&self, lead_id: LeadId) -> Option<AuctionRecord> {
        let parts = self.parts.get(&lead_id)?;
        AuctionRecord::assemble(
            parts
                .values()
                .map(|part| serde_json::from_slice(part).expect("parts were read before")),
        )
    }

    fn add_parts(&mut self, parts: Vec<RecordPart>) -> Result<(), RecordsError> {
        let is_readable = |part: &RecordPart| serde_json::from_slice::<Part>(&part.part).is_ok();
        if !parts.iter().all(is_readable) {
            return Err(RecordsError::Corrupt("a part cannot be read".to_owned()));
        }
        for RecordPart { lead_id, sequence, part } in parts {
            self.parts.entry(lead_id).or_default().entry(sequence).or_insert(part);
        }
        Ok(())
    }

    fn add_ledger(&mut self, lines: Vec<LedgerLine>) -> Result<(), RecordsError> {
        for LedgerLine { account, entry } in &lines {
            let kept = self.book.get(account).and_then(|book| book.get(&entry.sequence));
            if kept.is_some_and(|kept| kept != entry) {
                return Err(RecordsError::Corrupt(format!("line {} differs", entry.sequence)));
            }
        }
        for LedgerLine { account, entry } in lines {
            self.book.entry(account).or_default().insert(entry.sequence, entry);
        }
        Ok(())
    }

    fn change(&mut self, change: RegistryChange) -> Committed {
        let rows = &mut self.registry;
        if rows.version != change.base_version {
            return Committed::Stale { current: rows.version };
        }
        rows.version += 1;
        for object in change.objects {
            rows.objects.retain(|known| (known.kind, &known.id) != (object.kind, &object.id));
            rows.objects.push(object);
        }
        replace_secrets(&mut rows.secrets, change.secrets, change.at);
        Committed::Version(rows.version)
    }

    fn find_lead(&self, id: &str) -> Option<LeadId> {
        let holds = |part: &Vec<u8>| String::from_utf8_lossy(part).contains(id);
        self.parts.iter().find(|(_, parts)| parts.values().any(holds)).map(|(lead, _)| *lead)
    }
}

/// Those that are named are added or get another end; all others of the same owners end now.
fn replace_secrets(rows: &mut Vec<SealedSecret>, added: Vec<SealedSecret>, at: Timestamp) {
    for row in rows.iter_mut() {
        let is_of_owner = added.iter().any(|new| new.owner == row.owner);
        if is_of_owner && row.valid_until.is_none_or(|end| end > at) {
            row.valid_until = Some(at);
        }
    }
    rows.retain(|row| {
        !added.iter().any(|new| (&new.owner, new.valid_from) == (&row.owner, row.valid_from))
    });
    rows.extend(added);
}

/// One node's way to the records.
pub struct SimRecords {
    pub world: Arc<World>,
    pub sender: Sender,
}

fn down<T>() -> Result<T, RecordsError> {
    Err(RecordsError::Unavailable("down".to_owned()))
}

impl SimRecords {
    fn ask<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut Shelves) -> Result<T, RecordsError> + Send + 'static,
    ) -> RecordsFuture<'_, T> {
        async move {
            let (tell, told) = oneshot::channel();
            let (world, sender) = (Arc::clone(&self.world), self.sender.clone());
            self.world.pass(&self.sender, name, "before").await;
            self.world.spawn(async move {
                drop(tell.send(carry_out(&world, &sender, name, work).await));
            });
            let answer = told.await;
            self.world.pass(&self.sender, name, "after").await;
            answer.unwrap_or_else(|_| down())
        }
        .boxed()
    }
}

async fn carry_out<T>(
    world: &World,
    sender: &Sender,
    name: &'static str,
    work: impl FnOnce(&mut Shelves) -> Result<T, RecordsError>,
) -> Result<T, RecordsError> {
    let rates = world.rates();
    let (fails, loses, there_ms, back_ms) = {
        let mut dice = world.archive.dice();
        let fails = dice.permille(rates.records_fail);
        let loses = dice.permille(rates.records_lose_answer);
        (fails, loses, dice.below(6), dice.below(4))
    };
    sleep(Duration::from_millis(there_ms)).await;
    if fails || world.are_records_down() {
        world.note(sender, || format!("records {name}: down"));
        return down();
    }
    let answer = work(&mut world.archive.shelves());
    if let Err(error) = &answer {
        world.note(sender, || format!("records {name}: {error}"));
    }
    sleep(Duration::from_millis(back_ms)).await;
    if loses {
        world.note(sender, || format!("records {name}: done, answer lost"));
        return down();
    }
    answer
}

impl Records for SimRecords {
    fn registry_version(&self) -> RecordsFuture<'_, i64> {
        self.ask("registry_version", |shelves| Ok(shelves.registry.version))
    }
    fn registry(&self) -> RecordsFuture<'_, RegistryRows> {
        self.ask("registry", |shelves| Ok(shelves.registry.clone()))
    }
    fn claim_installation(&self, mark: Vec<u8>) -> RecordsFuture<'_, Vec<u8>> {
        async { Ok(mark) }.boxed()
    }
    fn day_keys(&self) -> RecordsFuture<'_, Vec<DayKeyRow>> {
        async { down() }.boxed()
    }
    fn offer_day_key(&self, _: Date, _: Vec<u8>) -> RecordsFuture<'_, DayKeyRow> {
        async { down() }.boxed()
    }
    fn destroy_day_key(&self, _: Date) -> RecordsFuture<'_, ()> {
        async { down() }.boxed()
    }
    fn change_registry(&self, change: RegistryChange) -> RecordsFuture<'_, Committed> {
        self.ask("change_registry", move |shelves| Ok(shelves.change(change)))
    }
    fn registry_objects_at(&self, _: i64) -> RecordsFuture<'_, Vec<RegistryObject>> {
        async { down() }.boxed()
    }
    fn object_versions(
        &self,
        _: (ObjectKind, String),
        _: Option<i64>,
        _: usize,
    ) -> RecordsFuture<'_, Vec<ObjectVersion>> {
        async { down() }.boxed()
    }
    fn registry_history(&self, _: Option<i64>, _: usize) -> RecordsFuture<'_, Vec<ChangeRow>> {
        async { down() }.boxed()
    }
    fn add_parts(&self, parts: Vec<RecordPart>) -> RecordsFuture<'_, ()> {
        self.ask("add_parts", move |shelves| shelves.add_parts(parts))
    }
    fn add_ledger(&self, lines: Vec<LedgerLine>) -> RecordsFuture<'_, ()> {
        self.ask("add_ledger", move |shelves| shelves.add_ledger(lines))
    }
    fn ledger(&self, _: Account, _: u64, _: usize) -> RecordsFuture<'_, Vec<JournalEntry>> {
        async { down() }.boxed()
    }
    fn note_credit(&self, _: CreditNote) -> RecordsFuture<'_, ()> {
        self.ask("note_credit", |_| Ok(()))
    }
    fn noted_ledger(&self, _: Account, _: u64, _: usize) -> RecordsFuture<'_, Vec<NotedEntry>> {
        async { down() }.boxed()
    }
    fn find_lead(&self, id: String) -> RecordsFuture<'_, Option<LeadId>> {
        self.ask("find_lead", move |shelves| Ok(shelves.find_lead(&id)))
    }
    fn auction(&self, lead_id: LeadId) -> RecordsFuture<'_, Option<AuctionRecord>> {
        self.ask("auction", move |shelves| Ok(shelves.record(lead_id)))
    }
    fn auctions(&self, _: AuctionFilter) -> RecordsFuture<'_, Vec<AuctionSummary>> {
        async { down() }.boxed()
    }
    fn book_totals(&self) -> RecordsFuture<'_, BookTotals> {
        async { down() }.boxed()
    }
    fn parts_of(&self, leads: Vec<LeadId>) -> RecordsFuture<'_, Vec<LeadParts>> {
        self.ask("parts_of", move |shelves| {
            let parts_of = |lead: LeadId| {
                let parts = shelves.parts.get(&lead)?.iter();
                let read =
                    |part: &Vec<u8>| serde_json::from_slice(part).expect("it was read before");
                Some((lead, parts.map(|(at, part)| (*at, read(part))).collect()))
            };
            Ok(leads.into_iter().filter_map(parts_of).collect())
        })
    }
    fn add_events(&self, _: Vec<NewEvent>) -> RecordsFuture<'_, ()> {
        async { down() }.boxed()
    }
    fn work_events(&self, _: EventWork) -> RecordsFuture<'_, WorkReply> {
        self.ask("work_events", |_| Ok(WorkReply::default()))
    }
    fn event(&self, _: EventId) -> RecordsFuture<'_, Option<EventView>> {
        async { down() }.boxed()
    }
    fn resend_event(&self, _: EventId, _: Timestamp) -> RecordsFuture<'_, ()> {
        async { down() }.boxed()
    }
    fn event_attempts(
        &self,
        _: EndpointId,
        _: usize,
        _: Option<AttemptKey>,
    ) -> RecordsFuture<'_, Vec<AttemptRow>> {
        async { down() }.boxed()
    }
    fn event_backlog(&self) -> RecordsFuture<'_, Vec<Backlog>> {
        self.ask("event_backlog", |_| Ok(Vec::new()))
    }
    fn forget_events(&self, _: Forgetting) -> RecordsFuture<'_, u64> {
        self.ask("forget_events", |_| Ok(0))
    }
}
