//! Accounts: holds before a post, captures and voids after it, credits.
//!
//! Each hold ends exactly once, as captured or voided, and is remembered: a second capture finds
//! the first, and a hold that comes after its own void is refused. No clock ends a hold.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::caps::{self, Room};
use super::rows::{self, AccountRow, CapRow, CreditRow, HoldRow, OpenHold};
use super::{Result, State};
use crate::domain::auction::{Account, HoldId};
use crate::domain::money::Money;
use crate::domain::time::plus_ms;
use crate::faults::planted;
use crate::ports::auction_store::{
    AccountReply, AccountView, Captured, Credit, CreditKind, Credited, Held, Hold, StoreError,
    Voided,
};
use crate::store::embedded::engine::Table;
use crate::store::limits;

/// One account in memory.
#[derive(Debug)]
pub(super) struct AccountState {
    /// Counters and journal positions.
    pub(super) row: AccountRow,
    /// Holds neither captured nor voided.
    pub(super) open: BTreeMap<HoldId, OpenHold>,
    /// The same by age.
    pub(super) by_age: BTreeSet<(Timestamp, HoldId)>,
    /// Counters of its caps.
    pub(super) caps: BTreeMap<String, CapRow>,
}

impl Default for AccountState {
    fn default() -> Self {
        let row = AccountRow { view: AccountView::default(), journal_first: 1, journal_next: 1 };
        Self { row, open: BTreeMap::new(), by_age: BTreeSet::new(), caps: BTreeMap::new() }
    }
}

impl State {
    /// Holds money and cap room, if there is enough of both.
    pub(in super::super) fn hold(
        &mut self,
        now: Timestamp,
        hold: Hold,
    ) -> Result<AccountReply<Held>> {
        refuse_negative("hold", hold.amount)?;
        caps::check(&hold.caps)?;
        match self.hold_row(&hold.account, &hold.hold)? {
            Some(HoldRow::Held(before)) if before.amount != hold.amount => {
                return Err(StoreError::Limit("a hold of another amount is there".to_owned()));
            }
            Some(HoldRow::Held(_)) => {
                return Ok(self.account_reply(now, &hold.account, Held::Held));
            }
            Some(HoldRow::Captured { .. }) => {
                return Ok(self.account_reply(now, &hold.account, Held::Captured));
            }
            Some(HoldRow::Voided { .. }) => {
                return Ok(self.account_reply(now, &hold.account, Held::Voided));
            }
            None => {}
        }
        let view = self.account(&hold.account);
        let Some(held) = room_for(view, hold.amount, hold.credit_limit) else {
            let refused = Held::Refused("balance".to_owned());
            return Ok(self.account_reply(now, &hold.account, refused));
        };
        if let Some(rule) = self.cap_without_room(&hold.account, &hold.caps) {
            return Ok(self.account_reply(now, &hold.account, Held::Refused(rule)));
        }
        let charged = if planted("cap_checked_not_charged") { &[] } else { &hold.caps[..] };
        let charges = self.charge_caps(&hold.account, charged);
        let open = OpenHold { amount: hold.amount, taken_at: now, charges };
        let key = rows::hold_key(&hold.account, &hold.hold);
        self.put(Table::Holds, key, &HoldRow::Held(open.clone()));
        let account = self.accounts.entry(hold.account.clone()).or_default();
        account.by_age.insert((now, hold.hold.clone()));
        account.open.insert(hold.hold, open);
        account.row.view.held = held;
        self.save_account(&hold.account);
        Ok(self.account_reply(now, &hold.account, Held::Held))
    }

    /// Debits an account, from its hold if there is one.
    pub(in super::super) fn capture(
        &mut self,
        now: Timestamp,
        account: &Account,
        hold: &HoldId,
        amount: Money,
    ) -> Result<AccountReply<Captured>> {
        refuse_negative("capture", amount)?;
        let before = self.hold_row(account, hold)?;
        let is_again = matches!(before, Some(HoldRow::Captured { .. }));
        let before = before.filter(|_| !(is_again && planted("captured_twice")));
        let captured = match &before {
            Some(HoldRow::Captured { .. }) => {
                return Ok(self.account_reply(now, account, Captured::Already));
            }
            Some(HoldRow::Held(open)) if open.amount < amount => {
                return Err(StoreError::Limit("a capture above the held amount".to_owned()));
            }
            Some(HoldRow::Held(_)) => Captured::Done { was_held: true },
            Some(HoldRow::Voided { .. }) => Captured::AfterVoid,
            None => Captured::Done { was_held: false },
        };
        let view = self.account(account);
        let posted = view.posted.checked_add(amount).ok_or_else(beyond_money)?;
        let debit = Money::ZERO.checked_sub(amount).ok_or_else(beyond_money)?;
        if let Some(HoldRow::Held(open)) = &before {
            self.end_hold(account, hold, open, Room::Used);
        }
        self.accounts.entry(account.clone()).or_default().row.view.posted = posted;
        let is_unheld = captured != Captured::Done { was_held: true };
        let expires_at = plus_ms(now, self.retention.settled_ms());
        self.finish_hold(account, hold, &HoldRow::Captured { expires_at }, expires_at);
        self.add_journal(now, account, ("capture", hold_text(hold)), (debit, is_unheld));
        self.save_account(account);
        Ok(self.account_reply(now, account, captured))
    }

    /// Gives a hold back, or forbids one that has not come.
    pub(in super::super) fn void(
        &mut self,
        now: Timestamp,
        account: &Account,
        hold: &HoldId,
    ) -> Result<AccountReply<Voided>> {
        match self.hold_row(account, hold)? {
            Some(HoldRow::Captured { .. }) => {
                return Ok(self.account_reply(now, account, Voided::Captured));
            }
            Some(HoldRow::Voided { .. }) => {
                return Ok(self.account_reply(now, account, Voided::Already));
            }
            Some(HoldRow::Held(mut open)) => {
                if planted("window_recomputed") {
                    open.charges.iter_mut().for_each(|charge| caps::move_to_today(charge, now));
                }
                self.end_hold(account, hold, &open, Room::Free);
                self.save_account(account);
            }
            None => {}
        }
        if planted("void_without_tombstone") {
            self.changes.remove(Table::Holds, rows::hold_key(account, hold));
            return Ok(self.account_reply(now, account, Voided::Done));
        }
        let expires_at = plus_ms(now, self.retention.settled_ms());
        self.finish_hold(account, hold, &HoldRow::Voided { expires_at }, expires_at);
        Ok(self.account_reply(now, account, Voided::Done))
    }

    /// Credits an account, once per operation id.
    pub(in super::super) fn credit(
        &mut self,
        now: Timestamp,
        credit: &Credit,
    ) -> Result<AccountReply<Credited>> {
        let Credit { account, op_id, kind, amount } = credit;
        limits::text("operation id", op_id)?;
        let key = rows::under_account(account, op_id.as_bytes());
        let before = self.row::<CreditRow>(Table::Credits, &key)?;
        if let Some(before) = before.filter(|_| !planted("credited_twice")) {
            let same = (before.kind, before.amount) == (*kind, *amount);
            let credited = if same { Credited::Already } else { Credited::Mismatch };
            return Ok(self.account_reply(now, account, credited));
        }
        let Some(deposited) = self.account(account).deposited.checked_add(*amount) else {
            return Ok(self.account_reply(now, account, Credited::OutOfRange));
        };
        let kept_ms = match kind {
            CreditKind::Payout => self.retention.settled_ms(),
            CreditKind::Deposit | CreditKind::Adjustment | CreditKind::Return => {
                self.retention.operations_ms()
            }
        };
        let row = CreditRow { kind: *kind, amount: *amount, expires_at: plus_ms(now, kept_ms) };
        self.expire_later(row.expires_at, Table::Credits, &key);
        self.put(Table::Credits, key, &row);
        self.accounts.entry(account.clone()).or_default().row.view.deposited = deposited;
        self.add_journal(now, account, (kind.as_str(), op_id.clone()), (*amount, false));
        self.save_account(account);
        Ok(self.account_reply(now, account, Credited::Done))
    }

    /// An account's counters.
    pub(in super::super) fn balance(&self, now: Timestamp, account: &Account) -> AccountReply<()> {
        self.account_reply(now, account, ())
    }

    /// Holds taken at or before `until` and still held, oldest first but for the first `skip`.
    pub(in super::super) fn open_holds(
        &self,
        account: &Account,
        until: Timestamp,
        skip: usize,
        limit: usize,
    ) -> Vec<HoldId> {
        let Some(account) = self.accounts.get(account) else { return Vec::new() };
        let old = account.by_age.iter().take_while(|(taken_at, _)| *taken_at <= until);
        let page = old.skip(skip).take(limit.min(limits::READ_MAX));
        page.map(|(_, hold)| hold.clone()).collect()
    }

    fn account(&self, account: &Account) -> AccountView {
        self.accounts.get(account).map(|account| account.row.view).unwrap_or_default()
    }

    fn account_reply<T>(&self, now: Timestamp, account: &Account, reply: T) -> AccountReply<T> {
        AccountReply { now, account: self.account(account), reply }
    }

    /// Writes an account's row.
    pub(super) fn save_account(&mut self, account: &Account) {
        let row = self.accounts.entry(account.clone()).or_default().row;
        self.put(Table::Accounts, rows::account_key(account), &row);
    }

    fn hold_row(&self, account: &Account, hold: &HoldId) -> Result<Option<HoldRow>> {
        let open = self.accounts.get(account).and_then(|account| account.open.get(hold));
        match open {
            Some(open) => Ok(Some(HoldRow::Held(open.clone()))),
            None => self.row(Table::Holds, &rows::hold_key(account, hold)),
        }
    }

    /// Takes an open hold out of memory and settles its room and its money's "held" part.
    fn end_hold(&mut self, account: &Account, hold: &HoldId, open: &OpenHold, room: Room) {
        self.settle_caps(account, &open.charges, room);
        let known = self.accounts.entry(account.clone()).or_default();
        known.open.remove(hold);
        known.by_age.remove(&(open.taken_at, hold.clone()));
        let held = known.row.view.held.checked_sub(open.amount);
        known.row.view.held = held.expect("held is the sum of the open holds");
    }

    /// Remembers how a hold ended, for as long as anybody may ask.
    fn finish_hold(
        &mut self,
        account: &Account,
        hold: &HoldId,
        row: &HoldRow,
        expires_at: Timestamp,
    ) {
        let key = rows::hold_key(account, hold);
        self.expire_later(expires_at, Table::Holds, &key);
        self.put(Table::Holds, key, row);
    }
}

/// What would be held with `amount` more, or `None` if that goes beyond deposits and credit.
fn room_for(view: AccountView, amount: Money, credit_limit: Option<Money>) -> Option<Money> {
    let held = view.held.checked_add(amount)?;
    let owed = view.posted.checked_add(held)?;
    let Some(limit) = credit_limit else { return Some(held) };
    let funds = i128::from(view.deposited.ten_thousandths()) + i128::from(limit.ten_thousandths());
    let has_room = i128::from(owed.ten_thousandths()) <= funds;
    (has_room || planted("balance_not_checked")).then_some(held)
}

fn refuse_negative(what: &str, amount: Money) -> Result<()> {
    if amount < Money::ZERO {
        return Err(StoreError::Limit(format!("a negative {what}")));
    }
    Ok(())
}

fn beyond_money() -> StoreError {
    StoreError::Limit("an account beyond the largest amount".to_owned())
}

/// A hold as journals name it: `lead_..:1:acme-tx`.
fn hold_text(hold: &HoldId) -> String {
    format!("{}:{}:{}", hold.lead_id, hold.seat, hold.campaign)
}
