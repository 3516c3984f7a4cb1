//! Counters of caps: what finished sales used and what open holds may still use, per window.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::rows::{self, CapRow, Charge};
use super::{Result, State};
use crate::domain::auction::Account;
use crate::domain::time::plus_ms;
use crate::ports::auction_store::{CapCharge, StoreError};
use crate::store::embedded::engine::Table;
use crate::store::limits;

/// How long a counter outlives its window, in milliseconds: reports may still want it, and holds
/// of the last minute may still be open.
pub(super) const KEPT_AFTER_WINDOW_MS: i64 = 7 * rows::DAY_MS;

/// What becomes of the room a hold took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It counts as used.
    Used,
    /// It is free again.
    Free,
}

/// Refuses charges that are none.
pub(super) fn check(caps: &[CapCharge]) -> Result<()> {
    limits::within("caps", caps.len(), limits::CAPS_MAX)?;
    let mut counters = BTreeSet::new();
    for cap in caps {
        limits::text("cap rule", &cap.rule)?;
        limits::text("cap counter", &cap.counter)?;
        if cap.add < 0 {
            return Err(StoreError::Limit("a cap charge is negative".to_owned()));
        }
        if !counters.insert(&cap.counter) {
            return Err(StoreError::Limit("a counter is charged twice by one hold".to_owned()));
        }
    }
    Ok(())
}

/// A planted bug: the counter of today in place of the hold's.
pub(super) fn move_to_today(charge: &mut Charge, now: Timestamp) {
    if let Some((cap, _)) = charge.counter.rsplit_once("|day|") {
        let today = TimeZone::UTC.to_datetime(now).date();
        charge.counter = format!("{cap}|day|{today}");
    }
}

impl State {
    /// The rule of the first cap without room, if any.
    pub(super) fn cap_without_room(&self, account: &Account, caps: &[CapCharge]) -> Option<String> {
        let known = self.accounts.get(account);
        let is_full = |cap: &&CapCharge| {
            let counter = known.and_then(|account| account.caps.get(&cap.counter));
            let taken = counter.map_or(0, |row| row.used.saturating_add(row.held));
            taken.saturating_add(cap.add) > cap.limit
        };
        caps.iter().find(is_full).map(|cap| cap.rule.clone())
    }

    /// Takes the room; the caller has made sure that there is some.
    pub(super) fn charge_caps(&mut self, account: &Account, caps: &[CapCharge]) -> Vec<Charge> {
        for cap in caps {
            let new = CapRow { used: 0, held: 0, ends_at: cap.ends_at };
            let counters = &mut self.accounts.entry(account.clone()).or_default().caps;
            let is_new = !counters.contains_key(&cap.counter);
            let row = counters.entry(cap.counter.clone()).or_insert(new);
            row.held = row.held.saturating_add(cap.add);
            let row = *row;
            let key = rows::under_account(account, cap.counter.as_bytes());
            if let (true, Some(ends_at)) = (is_new, cap.ends_at) {
                self.expire_later(plus_ms(ends_at, KEPT_AFTER_WINDOW_MS), Table::Caps, &key);
            }
            self.put(Table::Caps, key, &row);
        }
        let charge = |cap: &CapCharge| Charge { counter: cap.counter.clone(), add: cap.add };
        caps.iter().map(charge).collect()
    }

    /// Ends what a hold took.
    pub(super) fn settle_caps(&mut self, account: &Account, charges: &[Charge], room: Room) {
        for charge in charges {
            let counters = &mut self.accounts.entry(account.clone()).or_default().caps;
            let Some(row) = counters.get_mut(&charge.counter) else { continue };
            row.held -= charge.add;
            if room == Room::Used {
                row.used = row.used.saturating_add(charge.add);
            }
            let row = *row;
            let key = rows::under_account(account, charge.counter.as_bytes());
            self.put(Table::Caps, key, &row);
        }
    }

    /// What counters have used and held; 0 for one that was never charged.
    pub(in super::super) fn cap_used(
        &self,
        account: &Account,
        counters: &[String],
    ) -> Result<Vec<i64>> {
        limits::within("counters", counters.len(), limits::READ_MAX)?;
        let known = self.accounts.get(account);
        let taken = |counter: &String| {
            let row = known.and_then(|account| account.caps.get(counter));
            row.map_or(0, |row| row.used.saturating_add(row.held))
        };
        Ok(counters.iter().map(taken).collect())
    }

    /// Drops a counter whose window is long over, unless a hold still counts on it.
    ///
    /// Returns whether it is gone.
    pub(super) fn drop_cap(&mut self, now: Timestamp, key: &[u8]) -> Result<bool> {
        let (account, counter) = rows::parse_account_key(Table::Caps, key)?;
        let counter = String::from_utf8_lossy(counter).into_owned();
        let Some(known) = self.accounts.get_mut(&account) else { return Ok(true) };
        let Some(row) = known.caps.get(&counter) else { return Ok(true) };
        let is_over = row.ends_at.is_some_and(|end| plus_ms(end, KEPT_AFTER_WINDOW_MS) <= now);
        if !is_over || row.held != 0 {
            return Ok(false);
        }
        known.caps.remove(&counter);
        self.changes.remove(Table::Caps, key.to_vec());
        Ok(true)
    }
}
