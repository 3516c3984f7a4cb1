//! The store's state and what each operation does to it: all in memory, with the rows to persist
//! collected on the side.
//!
//! Every operation looks at everything it needs before it changes anything, so an operation that
//! fails has changed nothing. Time is an argument. The engine is only read here; making the
//! collected changes durable, and keeping replies back until then, is the writer's work.

mod accounts;
mod caps;
mod claims;
mod duplicates;
mod expiry;
mod journal;
mod lead;
mod leads;
mod offers;
mod outbox;
mod ranking;
mod recovery;
mod rows;
mod seats;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::accounts::AccountState;
pub(super) use self::expiry::ExpiryCursor;
use self::lead::Lead;
use self::outbox::PartitionOutbox;
pub(super) use self::rows::{DAY_MS, FORMAT_VERSION, META_KEY, MetaRow, decode, encode};
use super::engine::{Changes, Day, Engine, Table};
use super::settings::Retention;
use crate::domain::auction::{Account, LeadState};
use crate::domain::ids::{LeadId, Partition};
use crate::faults::planted;
use crate::ports::auction_store::{LeadReply, StoreError};

/// Everything the store knows: open leads, accounts and counters in memory, the rest by key.
pub struct State {
    engine: Box<dyn Engine>,
    changes: Changes,
    /// Why the engine could not be read, once that has happened: nothing is committed after it.
    read_failure: Cell<Option<StoreError>>,
    retention: Retention,
    free_bytes_min: u64,
    free_space: Option<FreeSpace>,
    open: HashMap<LeadId, OpenLead>,
    /// Per partition: when somebody must look at which open lead.
    due: Vec<BTreeSet<(Timestamp, LeadId)>>,
    outbox: Vec<PartitionOutbox>,
    accounts: BTreeMap<Account, AccountState>,
}

struct OpenLead {
    lead: Lead,
    due: Timestamp,
}

/// The answer to "is there room for new leads", kept for a second.
#[derive(Clone, Copy)]
struct FreeSpace {
    asked_at: Timestamp,
    bytes: u64,
}

/// What every operation replies with, or why it did nothing.
type Result<T> = std::result::Result<T, StoreError>;

impl State {
    /// Open leads.
    pub(super) fn open_leads(&self) -> usize {
        self.open.len()
    }

    /// Rows changed since the last commit.
    pub(super) fn changed_rows(&self) -> usize {
        self.changes.len()
    }

    /// Makes all changes since the last commit durable. After an error the state is ahead of the
    /// engine and must not be used any more.
    pub(super) fn commit(&mut self) -> Result<()> {
        if let Some(error) = self.read_failure.take() {
            return Err(error);
        }
        if self.changes.is_empty() {
            return Ok(());
        }
        self.engine.commit(&self.changes)?;
        self.changes = Changes::default();
        Ok(())
    }

    fn row<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Result<Option<T>> {
        self.bytes(table, key)?.map(|bytes| decode(table, &bytes)).transpose()
    }

    fn bytes(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        match self.changes.row(table, key) {
            Some(changed) => Ok(changed.clone()),
            None => {
                let row = self.engine.row(table, key);
                row.inspect_err(|error| self.read_failure.set(Some(error.clone())))
            }
        }
    }

    fn put<T: Serialize>(&mut self, table: Table, key: Vec<u8>, row: &T) {
        self.changes.put(table, key, encode(row));
    }

    /// The tables of a partition, or a refusal of a partition this installation does not have.
    fn partition(&self, partition: Partition) -> Result<usize> {
        let index = usize::from(partition.0);
        if index < self.outbox.len() {
            return Ok(index);
        }
        Err(StoreError::Limit(format!("partition {index} of {}", self.outbox.len())))
    }

    /// Refuses new leads while the file system has less room than the floor.
    fn check_free_space(&mut self, now: Timestamp) -> Result<()> {
        const KEPT_MS: i64 = 1_000;
        if self.free_bytes_min == 0 {
            return Ok(());
        }
        let fresh = self.free_space.filter(|known| {
            (now.as_millisecond() - known.asked_at.as_millisecond()).abs() < KEPT_MS
        });
        let bytes = match fresh {
            Some(known) => known.bytes,
            None => self.engine.free_bytes()?,
        };
        self.free_space =
            Some(FreeSpace { asked_at: fresh.map_or(now, |known| known.asked_at), bytes });
        if bytes >= self.free_bytes_min {
            return Ok(());
        }
        Err(StoreError::Full(format!(
            "{bytes} bytes free, at least {} wanted",
            self.free_bytes_min
        )))
    }

    /// A lead, open or closed, as a copy that may be changed and saved.
    fn lead(&self, lead_id: LeadId) -> Result<Option<Lead>> {
        self.partition(lead_id.partition())?;
        match self.open.get(&lead_id) {
            Some(open) => Ok(Some(open.lead.clone())),
            None => self.closed_lead(lead_id),
        }
    }

    fn closed_lead(&self, lead_id: LeadId) -> Result<Option<Lead>> {
        let row = self.row(rows::day_table(lead_id), &rows::closed_key(lead_id))?;
        Ok(row.map(|row: rows::ClosedRow| Lead { view: row.view.into(), notes: row.notes }))
    }

    /// Keeps a changed lead. A closed one leaves memory for the table of its day.
    fn save(&mut self, lead: Lead) {
        let lead_id = lead.view.lead_id;
        if lead.is_closed() {
            self.forget_open(lead_id);
            let view = std::sync::Arc::unwrap_or_clone(lead.view);
            let row = rows::ClosedRow { view, notes: lead.notes };
            self.put(rows::day_table(lead_id), rows::closed_key(lead_id), &row);
            return;
        }
        let row = rows::RunRow {
            state: lead.view.state,
            fence: lead.view.fence,
            lease_until: lead.view.lease_until,
            seats: lead.view.seats.clone(),
            rounds: lead.view.rounds,
            taken: lead.view.taken.clone(),
            notes: lead.notes.clone(),
        };
        self.put(Table::Runs, rows::lead_key(lead_id), &row);
        self.keep_open(lead);
    }

    /// Puts an open lead into memory and its next look into the index.
    fn keep_open(&mut self, lead: Lead) {
        let lead_id = lead.view.lead_id;
        let due = lead.next_look();
        let index = &mut self.due[usize::from(lead_id.partition().0)];
        if let Some(before) = self.open.get(&lead_id) {
            index.remove(&(before.due, lead_id));
        }
        index.insert((due, lead_id));
        self.open.insert(lead_id, OpenLead { lead, due });
    }

    fn forget_open(&mut self, lead_id: LeadId) {
        let Some(open) = self.open.remove(&lead_id) else { return };
        self.due[usize::from(lead_id.partition().0)].remove(&(open.due, lead_id));
        for table in [Table::Leads, Table::Runs, Table::Ranks] {
            self.changes.remove(table, rows::lead_key(lead_id));
        }
    }

    /// The days of open leads: their tables must stay.
    fn open_days(&self) -> BTreeSet<Day> {
        self.open.keys().map(|lead_id| rows::day_of(*lead_id)).collect()
    }
}

/// A reply about `lead` as it stands.
fn reply<T>(now: Timestamp, lead: Option<&Lead>, reply: T) -> LeadReply<T> {
    LeadReply { now, lead: lead.map(|lead| std::sync::Arc::clone(&lead.view)), reply }
}

/// Whether an owner with `fence` may change an open lead that is not waiting for the vendor.
fn owns(lead: &Lead, fence: u64) -> bool {
    let waits = matches!(lead.view.state, LeadState::Offered { .. } | LeadState::Closed);
    (lead.view.fence == fence || planted("fence_not_checked")) && !waits
}
