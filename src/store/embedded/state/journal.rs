//! Journals: every debit and credit of an account, numbered without gaps, on the way to the
//! permanent book. Memory knows which wait; their contents are read by key.

use jiff::Timestamp;

use super::{Result, State, rows};
use crate::domain::auction::Account;
use crate::domain::money::Money;
use crate::ports::auction_store::{JournalEntry, StoreError};
use crate::store::embedded::engine::Table;
use crate::store::limits;

impl State {
    /// Adds an entry: its kind and operation id, its amount and whether no hold stood behind it.
    /// The caller saves the account.
    pub(super) fn add_journal(
        &mut self,
        now: Timestamp,
        account: &Account,
        what: (&str, String),
        amount: (Money, bool),
    ) {
        let ((kind, op_id), (amount, is_unheld)) = (what, amount);
        let row = &mut self.accounts.entry(account.clone()).or_default().row;
        let sequence = row.journal_next;
        row.journal_next += 1;
        let entry =
            JournalEntry { sequence, at: now, kind: kind.to_owned(), op_id, amount, is_unheld };
        let key = rows::under_account(account, &sequence.to_be_bytes());
        self.put(Table::Journal, key, &entry);
    }

    /// Accounts with entries waiting.
    pub(in super::super) fn journal_accounts(&self) -> Vec<Account> {
        let waits = self
            .accounts
            .iter()
            .filter(|(_, account)| account.row.journal_first < account.row.journal_next);
        waits.map(|(account, _)| account.clone()).collect()
    }

    /// The oldest waiting entries of an account.
    pub(in super::super) fn journal_read(
        &self,
        account: &Account,
        limit: usize,
    ) -> Result<Vec<JournalEntry>> {
        let Some(known) = self.accounts.get(account) else { return Ok(Vec::new()) };
        let waiting = known.row.journal_first..known.row.journal_next;
        let mut entries = Vec::new();
        for sequence in waiting.take(limit.min(limits::READ_MAX)) {
            let key = rows::under_account(account, &sequence.to_be_bytes());
            let missing = || StoreError::Corrupt(format!("journal entry {sequence} is gone"));
            entries.push(self.row(Table::Journal, &key)?.ok_or_else(missing)?);
        }
        Ok(entries)
    }

    /// Removes entries up to and including `sequence`.
    pub(in super::super) fn journal_ack(&mut self, account: &Account, sequence: u64) {
        let Some(known) = self.accounts.get_mut(account) else { return };
        let first = known.row.journal_first;
        let end = sequence.saturating_add(1).min(known.row.journal_next);
        if end <= first {
            return;
        }
        known.row.journal_first = end;
        for done in first..end {
            let key = rows::under_account(account, &done.to_be_bytes());
            self.changes.remove(Table::Journal, key);
        }
        self.save_account(account);
    }
}
