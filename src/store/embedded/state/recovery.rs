//! Rebuilding memory from the engine at a start.
//!
//! The directory's lock proves that no owner of a lead lives any more, so every lease is over.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::accounts::AccountState;
use super::lead::Lead;
use super::outbox::PartitionOutbox;
use super::rows::{self, AccountRow, CapRow, HeadRow, HoldRow, META_KEY, MetaRow, RankRow, RunRow};
use super::{Result, State, decode};
use crate::domain::auction::LeadView;
use crate::domain::ids::Partition;
use crate::ports::auction_store::{OutboxEntry, StoreError};
use crate::store::embedded::engine::{Changes, Engine, Row, Table, read_table};
use crate::store::embedded::settings::EmbeddedSettings;

impl State {
    /// The state in the engine's rows.
    ///
    /// # Errors
    /// When the engine fails or a row cannot be read.
    pub(in super::super) fn recover(
        engine: Box<dyn Engine>,
        settings: &EmbeddedSettings,
        now: Timestamp,
    ) -> Result<Self> {
        let partitions = usize::from(settings.partitions);
        let mut state = Self {
            engine,
            changes: Changes::default(),
            read_failure: Cell::new(None),
            retention: settings.retention(),
            free_bytes_min: settings.free_bytes_min,
            free_space: None,
            open: HashMap::new(),
            due: vec![BTreeSet::new(); partitions],
            outbox: (0..partitions).map(|_| PartitionOutbox::default()).collect(),
            accounts: BTreeMap::new(),
        };
        state.recover_leads(now)?;
        state.recover_outbox()?;
        state.recover_accounts()?;
        Ok(state)
    }

    /// The install's marks, if the store was made before.
    pub(in super::super) fn meta(engine: &dyn Engine) -> Result<Option<MetaRow>> {
        let bytes = engine.row(Table::Meta, META_KEY)?;
        bytes.map(|bytes| decode(Table::Meta, &bytes)).transpose()
    }

    fn recover_leads(&mut self, now: Timestamp) -> Result<()> {
        let mut leads = Vec::new();
        read_table(&*self.engine, Table::Leads, &mut |row| {
            leads.push(row);
            Ok(())
        })?;
        for row in leads {
            let lead = self.recover_lead(&row, now)?;
            self.partition(lead.view.lead_id.partition())?;
            self.keep_open(lead);
        }
        Ok(())
    }

    fn recover_lead(&self, row: &Row, now: Timestamp) -> Result<Lead> {
        let lead_id = rows::parse_lead_key(Table::Leads, &row.key)?;
        let head: HeadRow = decode(Table::Leads, &row.value)?;
        let gone = || StoreError::Corrupt(format!("{lead_id} has no run"));
        let run: RunRow = self.row(Table::Runs, &row.key)?.ok_or_else(gone)?;
        let rank: RankRow = self.row(Table::Ranks, &row.key)?.unwrap_or_default();
        let view = LeadView {
            lead_id,
            vendor: head.vendor,
            state: run.state,
            fence: run.fence,
            lease_until: run.lease_until.min(now),
            fingerprint: head.fingerprint,
            registry_version: head.registry_version,
            seats: run.seats,
            rounds: run.rounds,
            rank: rank.rank,
            closing: None,
            plan: head.plan,
            offers: rank.offers,
            taken: run.taken,
            created_at: head.created_at,
            closed_at: None,
            facts: Vec::new(),
        };
        Ok(Lead { view: view.into(), notes: run.notes })
    }

    fn recover_outbox(&mut self) -> Result<()> {
        for index in 0..self.outbox.len() {
            let partition = Partition(u16::try_from(index).unwrap_or(u16::MAX));
            if let Some(next) = self.row(Table::Meta, &rows::outbox_next_key(partition))? {
                self.outbox[index].next = next;
            }
        }
        let outbox = &mut self.outbox;
        read_table(&*self.engine, Table::Outbox, &mut |row| {
            let entry: OutboxEntry = decode(Table::Outbox, &row.value)?;
            let place = usize::from(entry.lead_id.partition().0);
            let lost = || StoreError::Corrupt(format!("outbox entry of partition {place}"));
            let waiting = &mut outbox.get_mut(place).ok_or_else(lost)?.waiting;
            waiting.insert(entry.id, entry.lead_id);
            Ok(())
        })
    }

    fn recover_accounts(&mut self) -> Result<()> {
        let accounts = &mut self.accounts;
        read_table(&*self.engine, Table::Accounts, &mut |row| {
            let (account, _) = rows::parse_account_key(Table::Accounts, &row.key)?;
            let known: AccountRow = decode(Table::Accounts, &row.value)?;
            accounts.insert(account, AccountState { row: known, ..AccountState::default() });
            Ok(())
        })?;
        read_table(&*self.engine, Table::Caps, &mut |row| {
            let (account, counter) = rows::parse_account_key(Table::Caps, &row.key)?;
            let counter = String::from_utf8_lossy(counter).into_owned();
            let counted: CapRow = decode(Table::Caps, &row.value)?;
            accounts.entry(account).or_default().caps.insert(counter, counted);
            Ok(())
        })?;
        read_table(&*self.engine, Table::Holds, &mut |row| {
            let HoldRow::Held(open) = decode(Table::Holds, &row.value)? else { return Ok(()) };
            let (account, rest) = rows::parse_account_key(Table::Holds, &row.key)?;
            let hold = rows::parse_hold_key(rest)?;
            let known = accounts.entry(account).or_default();
            known.by_age.insert((open.taken_at, hold.clone()));
            known.open.insert(hold, open);
            Ok(())
        })
    }
}
