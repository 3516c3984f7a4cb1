//! The permanent records: registry versions, finished auctions, the money book, keys.
//!
//! Never on the path of an auction: the outbox feeds them, at least once, and every write here is
//! an idempotent upsert.

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::auction_store::JournalEntry;
use crate::domain::auction::Account;
use crate::domain::ids::LeadId;
use crate::domain::key::{KeyId, KeyRecord};
use crate::domain::record::AuctionRecord;

/// Why the records gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// They cannot be reached, or the database refused.
    #[error("the records are unavailable: {0}")]
    Unavailable(String),
    /// They hold something that cannot be read back.
    #[error("the records are corrupt: {0}")]
    Corrupt(String),
}

/// What kind of thing a registry object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A product line.
    Vertical,
    /// A vendor.
    Vendor,
    /// A buyer.
    Buyer,
    /// A campaign.
    Campaign,
    /// A ping tree.
    Tree,
}

impl ObjectKind {
    /// The kind as in API, records and audit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vertical => "vertical",
            Self::Vendor => "vendor",
            Self::Buyer => "buyer",
            Self::Campaign => "campaign",
            Self::Tree => "tree",
        }
    }
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

/// A campaign's sealed signing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Whose: `campaign:<id>` or `key:<key id>`.
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
    /// Pauses and other states of campaigns that files do not hold: campaign id and state.
    pub campaign_states: Vec<CampaignStateRow>,
    /// Secrets that still sign.
    pub secrets: Vec<SealedSecret>,
    /// Keys, revoked ones included.
    pub keys: Vec<KeyRecord>,
}

/// A campaign's state outside its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignStateRow {
    /// The campaign's slug.
    pub campaign: String,
    /// Its state.
    pub state: crate::domain::campaign::CampaignState,
}

/// One change of the registry, applied whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryChange {
    /// The version it was worked out against.
    pub base_version: i64,
    /// Objects that are new or different.
    pub objects: Vec<RegistryObject>,
    /// States that change.
    pub campaign_states: Vec<CampaignStateRow>,
    /// Secrets to add; an older one of the same owner ends now.
    pub secrets: Vec<SealedSecret>,
    /// Keys to add.
    pub keys_added: Vec<KeyRecord>,
    /// Keys to revoke.
    pub keys_revoked: Vec<KeyId>,
    /// Who did it, for the audit: a key id, or `cli`.
    pub actor: String,
    /// What was done, for the audit: one sentence.
    pub summary: String,
    /// When.
    pub at: Option<Timestamp>,
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

/// Totals of the money book, for reconciling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookTotals {
    /// Sum of captures from buyers, in ten-thousandths, positive.
    pub buyer_debits: i64,
    /// Sum of payouts to vendors, in ten-thousandths.
    pub vendor_payouts: i64,
}

/// What the records give.
pub type RecordsFuture<'a, T> = BoxFuture<'a, Result<T, RecordsError>>;

/// The permanent records.
pub trait Records: Send + Sync + 'static {
    /// The registry's version; cheap, polled.
    fn registry_version(&self) -> RecordsFuture<'_, i64>;

    /// The whole current registry.
    fn registry(&self) -> RecordsFuture<'_, RegistryRows>;

    /// Applies a change if the registry is still at `base_version`.
    fn change_registry(&self, change: RegistryChange) -> RecordsFuture<'_, Committed>;

    /// Adds parts of decision records; parts that are there already are left as they are.
    fn add_parts(&self, parts: Vec<RecordPart>) -> RecordsFuture<'_, ()>;

    /// Adds lines to the money book; lines that are there already are left as they are.
    fn add_ledger(&self, lines: Vec<LedgerLine>) -> RecordsFuture<'_, ()>;

    /// The lead an id belongs to: `ping_` and `bid_` of a buyer, `post_`, or any id with a lead's
    /// bits.
    fn find_lead(&self, id: String) -> RecordsFuture<'_, Option<LeadId>>;

    /// A whole decision record.
    fn auction(&self, lead_id: LeadId) -> RecordsFuture<'_, Option<AuctionRecord>>;

    /// Totals of the money book.
    fn book_totals(&self) -> RecordsFuture<'_, BookTotals>;
}
