//! How the state's parts are laid out as keys and rows (postcard). A change of anything here needs
//! a new format version.

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::engine::{Day, Table};
use super::lead::Notes;
use crate::domain::auction::{Account, HoldId, LeadState, LeadView, RankEntry, Seat};
use crate::domain::ids::{LeadId, Partition, PostId};
use crate::domain::money::Money;
use crate::domain::slug::VendorId;
use crate::ports::auction_store::{AccountView, CreditKind, StoreError};

/// The layout of keys and rows.
pub(in super::super) const FORMAT_VERSION: u32 = 1;
/// The key of [`MetaRow`].
pub(in super::super) const META_KEY: &[u8] = b"install";
/// Milliseconds of a day.
pub(in super::super) const DAY_MS: i64 = 86_400_000;

/// What the store was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct MetaRow {
    /// [`FORMAT_VERSION`] at the time.
    pub(in super::super) format_version: u32,
    /// How many partitions ids are spread over.
    pub(in super::super) partitions: u16,
    /// The install mark, once one was given.
    pub(in super::super) install_mark: Option<[u8; 32]>,
    /// When.
    pub(in super::super) created_at: Timestamp,
}

/// The part of an open lead that never changes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeadRow {
    pub(super) vendor: VendorId,
    pub(super) fingerprint: [u8; 32],
    pub(super) registry_version: i64,
    pub(super) plan: Bytes,
    pub(super) created_at: Timestamp,
}

/// The part of an open lead that most steps change.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunRow {
    pub(super) state: LeadState,
    pub(super) fence: u64,
    pub(super) lease_until: Timestamp,
    pub(super) seats: Vec<Seat>,
    pub(super) rounds: u16,
    pub(super) taken: Bytes,
    pub(super) notes: Notes,
}

/// An open lead's ranking.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct RankRow {
    pub(super) rank: Vec<RankEntry>,
    pub(super) offers: Bytes,
}

/// A closed lead.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ClosedRow {
    pub(super) view: LeadView,
    pub(super) notes: Notes,
}

/// An idempotency key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeyRow {
    pub(super) lead_id: LeadId,
    pub(super) fingerprint: [u8; 32],
    pub(super) expires_at: Timestamp,
}

/// A claim on a consumer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DuplicateRow {
    pub(super) lead_id: LeadId,
    pub(super) claimed_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// An account.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct AccountRow {
    pub(super) view: AccountView,
    /// The oldest journal entry that waits; equal to `journal_next` if none does.
    pub(super) journal_first: u64,
    /// The sequence of the next journal entry.
    pub(super) journal_next: u64,
}

/// One counter of a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CapRow {
    pub(super) used: i64,
    pub(super) held: i64,
    pub(super) ends_at: Option<Timestamp>,
}

/// What became of a hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum HoldRow {
    /// Money and room are held.
    Held(OpenHold),
    /// Debited, with or without a hold before.
    Captured { expires_at: Timestamp },
    /// Given back, or forbidden before it came.
    Voided { expires_at: Timestamp },
}

/// A hold that is neither captured nor voided.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OpenHold {
    pub(super) amount: Money,
    pub(super) taken_at: Timestamp,
    pub(super) charges: Vec<Charge>,
}

/// What a hold charged on one counter; the counter names the window, fixed when the hold was taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Charge {
    pub(super) counter: String,
    pub(super) add: i64,
}

/// A credit that was made.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CreditRow {
    pub(super) kind: CreditKind,
    pub(super) amount: Money,
    pub(super) expires_at: Timestamp,
}

/// A row's bytes.
pub(in super::super) fn encode<T: Serialize>(row: &T) -> Bytes {
    let bytes = postcard::to_allocvec(row);
    Bytes::from(bytes.expect("rows are plain structs and lists of known length"))
}

/// The row in `bytes`.
///
/// # Errors
/// [`StoreError::Corrupt`] naming the table.
pub(in super::super) fn decode<T: DeserializeOwned>(
    table: Table,
    bytes: &[u8],
) -> Result<T, StoreError> {
    postcard::from_bytes(bytes)
        .map_err(|error| StoreError::Corrupt(format!("a row of {}: {error}", table.name())))
}

/// The day a lead was minted on; its closed form, its sealed form and its posts live there.
pub(super) fn day_of(lead_id: LeadId) -> Day {
    Day::try_from(lead_id.minted_ms() / DAY_MS).unwrap_or(0)
}

/// The table of a lead's day.
pub(super) fn day_table(lead_id: LeadId) -> Table {
    Table::Day(day_of(lead_id))
}

/// The key of an open lead's rows.
pub(super) fn lead_key(lead_id: LeadId) -> Vec<u8> {
    lead_id.to_bytes().to_vec()
}

/// The lead an open lead's key names.
pub(super) fn parse_lead_key(table: Table, key: &[u8]) -> Result<LeadId, StoreError> {
    let bytes: [u8; 18] = key
        .try_into()
        .map_err(|_| StoreError::Corrupt(format!("a key of {} is no lead", table.name())))?;
    Ok(LeadId::from_bytes(bytes))
}

/// Keys in a day's table: closed leads.
pub(super) fn closed_key(lead_id: LeadId) -> Vec<u8> {
    prefixed(b'L', &lead_id.to_bytes())
}

/// Keys in a day's table: sealed leads.
pub(super) fn sealed_key(lead_id: LeadId) -> Vec<u8> {
    prefixed(b'S', &lead_id.to_bytes())
}

/// Keys in a day's table: posts.
pub(super) fn post_key(post_id: PostId) -> Vec<u8> {
    prefixed(b'P', post_id.to_string().as_bytes())
}

/// An outbox entry's key.
pub(super) fn outbox_key(partition: Partition, id: u64) -> Vec<u8> {
    let mut key = partition.0.to_be_bytes().to_vec();
    key.extend_from_slice(&id.to_be_bytes());
    key
}

/// The key of a partition's next outbox id in [`Table::Meta`].
pub(super) fn outbox_next_key(partition: Partition) -> Vec<u8> {
    prefixed(b'o', &partition.0.to_be_bytes())
}

/// An account's key. Slugs have no zero byte, so a zero ends it where more follows.
pub(super) fn account_key(account: &Account) -> Vec<u8> {
    match account {
        Account::Buyer(buyer) => prefixed(b'B', buyer.as_str().as_bytes()),
        Account::Vendor(vendor) => prefixed(b'V', vendor.as_str().as_bytes()),
    }
}

/// The account and the rest of a key made by [`under_account`] or [`account_key`].
pub(super) fn parse_account_key(table: Table, key: &[u8]) -> Result<(Account, &[u8]), StoreError> {
    let corrupt = || StoreError::Corrupt(format!("a key of {} names no account", table.name()));
    let (tag, rest) = key.split_first().ok_or_else(corrupt)?;
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let slug = std::str::from_utf8(&rest[..end]).map_err(|_| corrupt())?;
    let account = match tag {
        b'B' => Account::Buyer(slug.parse().map_err(|_| corrupt())?),
        b'V' => Account::Vendor(slug.parse().map_err(|_| corrupt())?),
        _ => return Err(corrupt()),
    };
    Ok((account, rest.get(end + 1..).unwrap_or_default()))
}

/// A key below an account.
pub(super) fn under_account(account: &Account, rest: &[u8]) -> Vec<u8> {
    let mut key = account_key(account);
    key.push(0);
    key.extend_from_slice(rest);
    key
}

/// A hold's key.
pub(super) fn hold_key(account: &Account, hold: &HoldId) -> Vec<u8> {
    let mut rest = hold.lead_id.to_bytes().to_vec();
    rest.push(hold.seat);
    rest.extend_from_slice(hold.campaign.as_str().as_bytes());
    under_account(account, &rest)
}

/// The hold named by the part of its key after the account.
pub(super) fn parse_hold_key(rest: &[u8]) -> Result<HoldId, StoreError> {
    let corrupt = || StoreError::Corrupt("a key of holds names no hold".to_owned());
    let (lead, rest) = rest.split_first_chunk::<18>().ok_or_else(corrupt)?;
    let (seat, campaign) = rest.split_first().ok_or_else(corrupt)?;
    let campaign = std::str::from_utf8(campaign).map_err(|_| corrupt())?;
    Ok(HoldId {
        lead_id: LeadId::from_bytes(*lead),
        seat: *seat,
        campaign: campaign.parse().map_err(|_| corrupt())?,
    })
}

fn prefixed(tag: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(rest.len() + 1);
    key.push(tag);
    key.extend_from_slice(rest);
    key
}
