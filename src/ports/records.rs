//! The permanent records: registry versions, finished auctions, the money book, keys.
//!
//! Never on the path of an auction: the outbox feeds them, at least once, and every write here is
//! idempotent. Times are kept to the microsecond, except inside the parts of a decision record,
//! which are kept as they were written.

pub mod events;

use futures::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::auction_store::JournalEntry;
use crate::domain::auction::Account;
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::{EndpointId, EventId, LeadId};
use crate::domain::key::{KeyId, KeyRecord};
use crate::domain::money::Money;
use crate::domain::record::{AuctionRecord, Part};
use crate::domain::slug::{VendorId, VerticalId};

pub use crate::domain::object::ObjectKind;

/// The most rows one list gives; a larger limit is taken for this one. It is one more than an answer
/// of the API holds: that one tells whether there are more.
pub const LIST_LIMIT_MAX: usize = 1_001;

/// Why the records gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// They cannot be reached, or the connection broke: whether a change was made is not known.
    /// Trying again may help once somebody has looked.
    #[error("the records are unavailable: {0}")]
    Unavailable(String),
    /// They are there and there was no turn in time: no free connection, a lock, a statement that
    /// took too long, two changes that met. Nothing was changed; trying again helps.
    #[error("the records are busy: {0}")]
    Busy(String),
    /// They do not take what they were given: it breaks a rule of the schema. Nothing was changed,
    /// and trying again does not help.
    #[error("the records refuse: {0}")]
    Refused(String),
    /// They hold, or were given, something that cannot be true: a part that cannot be read, a line
    /// of the book that says otherwise than the one kept. Trying again does not help.
    #[error("the records are corrupt: {0}")]
    Corrupt(String),
}

/// One registry object as stored: its body is the JSON of the domain's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its slug.
    pub id: String,
    /// Its JSON.
    pub body: String,
    /// Whether it was archived (files removed with `--prune`).
    pub is_archived: bool,
}

/// A sealed signing secret; owner and `valid_from` name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Whose: `campaign:<id>`, `key:<key id>` or `endpoint:<id>`.
    pub owner: String,
    /// The sealed bytes.
    pub sealed: Vec<u8>,
    /// From when it signs.
    pub valid_from: Timestamp,
    /// Until when it still signs beside a newer one; `None` = it is the current one.
    pub valid_until: Option<Timestamp>,
}

/// The current registry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryRows {
    /// Grows with each change of anything in it.
    pub version: i64,
    /// The current objects, archived ones included.
    pub objects: Vec<RegistryObject>,
    /// Secrets that had not ended at the last change. The records have no clock: whoever signs
    /// compares `valid_until` with its own.
    pub secrets: Vec<SealedSecret>,
    /// Keys, revoked ones included.
    pub keys: Vec<KeyRecord>,
}

/// One change of the registry, applied whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryChange {
    /// The version it was worked out against.
    pub base_version: i64,
    /// Objects that are new or different.
    pub objects: Vec<RegistryObject>,
    /// Secrets to add or to give another end. All other secrets of the same owners end at `at`:
    /// for an overlap, name the old one too, with its end.
    pub secrets: Vec<SealedSecret>,
    /// Keys to add.
    pub keys_added: Vec<KeyRecord>,
    /// Keys to revoke, at `at`; one that is revoked already stays as it is.
    pub keys_revoked: Vec<KeyId>,
    /// Who did it, for the audit: a key id, or `cli`.
    pub actor: String,
    /// What was done, for the audit: one sentence.
    pub summary: String,
    /// When.
    pub at: Timestamp,
}

impl RegistryChange {
    /// A change of nothing yet, by `actor` at `at`.
    #[must_use]
    pub fn new(base_version: i64, actor: &str, summary: &str, at: Timestamp) -> Self {
        Self {
            base_version,
            objects: Vec::new(),
            secrets: Vec::new(),
            keys_added: Vec::new(),
            keys_revoked: Vec::new(),
            actor: actor.to_owned(),
            summary: summary.to_owned(),
            at,
        }
    }
}

/// One version of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectVersion {
    /// The registry's version that brought it.
    pub version: i64,
    /// Whether the object was taken out of use by it.
    pub is_archived: bool,
    /// When.
    pub at: Timestamp,
}

/// One line of the registry's audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// The version the change made.
    pub version: i64,
    /// Who did it: a key id, or `cli`.
    pub actor: String,
    /// What was done.
    pub summary: String,
    /// When.
    pub at: Timestamp,
}

/// Reply to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// Applied; this is the new version.
    Version(i64),
    /// Somebody else changed the registry meanwhile: nothing was applied.
    Stale {
        /// The version now.
        current: i64,
    },
}

/// One part of a decision record on its way into the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPart {
    /// The lead.
    pub lead_id: LeadId,
    /// The outbox sequence within the lead: with the lead it makes the write idempotent.
    pub sequence: u32,
    /// JSON of `domain::record::Part`.
    pub part: Vec<u8>,
}

/// One line of the money book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLine {
    /// Whose.
    pub account: Account,
    /// The journal's entry; account and sequence make the write idempotent.
    pub entry: JournalEntry,
}

/// What an operator wrote beside a credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNote {
    /// Whose account was credited.
    pub account: Account,
    /// The credit's operation id; with the account it names the credit.
    pub op_id: String,
    /// The note, if there is one.
    pub note: Option<String>,
    /// Who credited: a key id, or `cli`.
    pub actor: String,
}

/// A line of the money book and what was written beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotedEntry {
    /// The line.
    pub entry: JournalEntry,
    /// The note of a credit.
    pub note: Option<String>,
    /// Who credited; `None` for what the exchange booked itself.
    pub actor: Option<String>,
}

/// Which auctions to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuctionFilter {
    /// Only this vendor's.
    pub vendor: Option<VendorId>,
    /// Only those that ended so, or that have not ended.
    pub disposition: Option<Disposition>,
    /// Only those of this vertical.
    pub vertical: Option<VerticalId>,
    /// Only those received at this time or later.
    pub since: Option<Timestamp>,
    /// At most so many, and at most [`LIST_LIMIT_MAX`].
    pub limit: usize,
    /// Only those that come after this one in the list; none if there is no such auction, or it is
    /// not of the vendor.
    pub after: Option<LeadId>,
}

impl AuctionFilter {
    /// The newest `limit` auctions.
    #[must_use]
    pub const fn newest(limit: usize) -> Self {
        Self { vendor: None, disposition: None, vertical: None, since: None, limit, after: None }
    }
}

/// An auction in a list: its decision record in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuctionSummary {
    /// The lead; the auction's id has the same bits.
    pub lead_id: LeadId,
    /// Who submitted it.
    pub vendor_id: VendorId,
    /// The product line.
    pub vertical: VerticalId,
    /// How it ended, or `pending`.
    pub disposition: Disposition,
    /// Why it was not sold.
    pub reason: Option<Reason>,
    /// Whether it is a test lead.
    pub test: bool,
    /// When it came in.
    pub received_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// From intake to the end.
    pub elapsed_ms: Option<i64>,
    /// Campaigns that were pinged.
    pub pinged: u32,
    /// Bids that came, fixed prices included.
    pub bids: u32,
    /// What the buyers pay, over all seats.
    pub price: Money,
    /// What the exchange keeps, over all seats.
    pub margin: Money,
    /// What the vendor gets, over all seats.
    pub payout: Money,
}

/// The key of a day as the records have it: wrapped by the master key, which they do not have.
#[derive(Clone, PartialEq, Eq)]
pub struct DayKeyRow {
    /// The day, in UTC.
    pub day: Date,
    /// The wrapped key; `None` = it was destroyed, and the day never gets another.
    pub wrapped: Option<Vec<u8>>,
}

impl std::fmt::Debug for DayKeyRow {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "DayKeyRow({}, {})", self.day, self.wrapped.is_some())
    }
}

/// Totals of the money book, for reconciling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookTotals {
    /// Sum of captures from buyers, in ten-thousandths, positive.
    pub buyer_debits: i64,
    /// Sum of payouts to vendors, in ten-thousandths.
    pub vendor_payouts: i64,
}

/// The parts of one decision record with their sequences, in order.
pub type LeadParts = (LeadId, Vec<(u32, Part)>);

/// What the records give.
pub type RecordsFuture<'a, T> = BoxFuture<'a, Result<T, RecordsError>>;

/// The permanent records.
pub trait Records: Send + Sync + 'static {
    /// The registry's version; cheap, polled.
    fn registry_version(&self) -> RecordsFuture<'_, i64>;

    /// The whole current registry.
    fn registry(&self) -> RecordsFuture<'_, RegistryRows>;

    /// Marks the records as those of an installation, if nobody has; gives the mark they have.
    fn claim_installation(&self, mark: Vec<u8>) -> RecordsFuture<'_, Vec<u8>>;

    /// The keys of all days, destroyed ones included, oldest first.
    fn day_keys(&self) -> RecordsFuture<'_, Vec<DayKeyRow>>;

    /// Keeps the key of a day unless it has one, or had; gives the one that holds.
    fn offer_day_key(&self, day: Date, wrapped: Vec<u8>) -> RecordsFuture<'_, DayKeyRow>;

    /// Destroys the key of a day for good, whether or not it had one.
    fn destroy_day_key(&self, day: Date) -> RecordsFuture<'_, ()>;

    /// Applies a change if the registry is still at `base_version`.
    fn change_registry(&self, change: RegistryChange) -> RecordsFuture<'_, Committed>;

    /// The objects as they were at an earlier version, for going back to it; those that came later
    /// are not among them. Secrets and keys have no history.
    fn registry_objects_at(&self, version: i64) -> RecordsFuture<'_, Vec<RegistryObject>>;

    /// The versions of one object before `before` (from the newest on if there is none), newest first;
    /// at most [`LIST_LIMIT_MAX`].
    fn object_versions(
        &self,
        object: (ObjectKind, String),
        before: Option<i64>,
        limit: usize,
    ) -> RecordsFuture<'_, Vec<ObjectVersion>>;

    /// The last changes of the registry before `before` (from the last one on if there is none),
    /// newest first; at most [`LIST_LIMIT_MAX`].
    fn registry_history(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> RecordsFuture<'_, Vec<ChangeRow>>;

    /// Adds parts of decision records, all or none; parts that are there already are left as they
    /// are. They may come in any order.
    ///
    /// A part that cannot be read is [`RecordsError::Corrupt`].
    fn add_parts(&self, parts: Vec<RecordPart>) -> RecordsFuture<'_, ()>;

    /// Adds lines to the money book, all or none; lines that are there already are left as they
    /// are.
    ///
    /// A line that differs from the one kept under its account and sequence is
    /// [`RecordsError::Corrupt`]: the book belongs to another store, or to an earlier life of it.
    fn add_ledger(&self, lines: Vec<LedgerLine>) -> RecordsFuture<'_, ()>;

    /// The lines of an account after `after_sequence` (0 = from the first), oldest first; at most
    /// [`LIST_LIMIT_MAX`].
    fn ledger(
        &self,
        account: Account,
        after_sequence: u64,
        limit: usize,
    ) -> RecordsFuture<'_, Vec<JournalEntry>>;

    /// Keeps what an operator wrote beside a credit; one that is kept already stays as it is.
    fn note_credit(&self, note: CreditNote) -> RecordsFuture<'_, ()>;

    /// As [`Records::ledger`], with the notes beside credits.
    fn noted_ledger(
        &self,
        account: Account,
        after_sequence: u64,
        limit: usize,
    ) -> RecordsFuture<'_, Vec<NotedEntry>>;

    /// The lead an id belongs to: `ping_` and `bid_` of a buyer, `post_`, or any id with a lead's
    /// bits. `None` for an auction the records do not have.
    fn find_lead(&self, id: String) -> RecordsFuture<'_, Option<LeadId>>;

    /// A whole decision record; `None` until its first part is there.
    fn auction(&self, lead_id: LeadId) -> RecordsFuture<'_, Option<AuctionRecord>>;

    /// Auctions, newest first by the time they were received.
    fn auctions(&self, filter: AuctionFilter) -> RecordsFuture<'_, Vec<AuctionSummary>>;

    /// Totals of the money book.
    fn book_totals(&self) -> RecordsFuture<'_, BookTotals>;

    /// The parts of decision records as they were added, by lead and in order; nothing for a lead
    /// that is not known.
    fn parts_of(&self, leads: Vec<LeadId>) -> RecordsFuture<'_, Vec<LeadParts>>;

    /// Adds events to be delivered, all or none; those that are there already are left as they are.
    fn add_events(&self, events: Vec<events::NewEvent>) -> RecordsFuture<'_, ()>;

    /// Writes down attempts that are over and gives out what is due. The same attempts again change
    /// nothing.
    fn work_events(&self, work: events::EventWork) -> RecordsFuture<'_, events::WorkReply>;

    /// Where an event stands.
    fn event(&self, event_id: EventId) -> RecordsFuture<'_, Option<events::EventView>>;

    /// Makes an event wait again, due at `at`, from the start of its retry list. Within its subject it
    /// keeps its place: it waits for an earlier one that waits, and later ones that are not on their
    /// way wait for it. One that is on its way is left alone.
    fn resend_event(&self, event_id: EventId, at: Timestamp) -> RecordsFuture<'_, ()>;

    /// Attempts to deliver to an endpoint, newest first; at most [`LIST_LIMIT_MAX`].
    fn event_attempts(
        &self,
        endpoint_id: EndpointId,
        limit: usize,
        after: Option<events::AttemptKey>,
    ) -> RecordsFuture<'_, Vec<events::AttemptRow>>;

    /// What waits, by endpoint; endpoints for which nothing waits are not there.
    fn event_backlog(&self) -> RecordsFuture<'_, Vec<events::Backlog>>;

    /// Forgets events with their attempts; gives how many. An event that waits is forgotten only
    /// where the order names its endpoint, and the next one of its subject gets its turn.
    fn forget_events(&self, order: events::Forgetting) -> RecordsFuture<'_, u64>;
}
