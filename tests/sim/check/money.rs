//! Accounts, holds and caps, counted a second time.

use std::collections::BTreeMap;

use gavel::domain::auction::{Account, HoldId, SeatState};
use gavel::domain::ids::LeadId;
use gavel::domain::money::Money;
use gavel::domain::time::plus_ms;
use gavel::ports::auction_store::{
    AccountView, Captured, Credit, CreditKind, Credited, Held, Hold, Voided,
};

use jiff::Timestamp;

use super::deed::{Deed, Done};
use super::{Checker, units};

/// How long a hold may take from its caps' windows to the store, in milliseconds.
const HOLD_UNDERWAY_MS: i64 = 600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HoldState {
    Held,
    Captured,
    Voided,
}

struct HoldFile {
    state: HoldState,
    amount: i64,
    counters: Vec<(String, i64)>,
}

#[derive(Default)]
pub struct AccountFile {
    pub deposited: i64,
    pub posted: i64,
    held: i64,
    holds: BTreeMap<HoldId, HoldFile>,
    credits: BTreeMap<String, (CreditKind, i64)>,
    /// What each counter of a cap must have used and held.
    pub counters: BTreeMap<String, i64>,
}

/// What the accounts must be.
#[derive(Default)]
pub struct MoneyBook {
    pub accounts: BTreeMap<Account, AccountFile>,
}

impl MoneyBook {
    pub fn deposit(&mut self, credit: &Credit) {
        let account = self.accounts.entry(credit.account.clone()).or_default();
        account.deposited += units(credit.amount);
        account.credits.insert(credit.op_id.clone(), (credit.kind, units(credit.amount)));
    }

    fn state(&self, account: &Account, hold: &HoldId) -> Option<HoldState> {
        Some(self.accounts.get(account)?.holds.get(hold)?.state)
    }

    pub fn is_captured(&self, account: &Account, hold: &HoldId) -> bool {
        self.state(account, hold) == Some(HoldState::Captured)
    }

    pub fn is_over(&self, account: &Account, hold: &HoldId) -> bool {
        matches!(self.state(account, hold), Some(HoldState::Captured | HoldState::Voided))
    }

    pub fn is_credited(&self, account: &Account, op_id: &str) -> bool {
        self.accounts.get(account).is_some_and(|known| known.credits.contains_key(op_id))
    }

    /// The amount held for a candidate, while it is.
    pub fn held(&self, account: &Account, hold: &HoldId) -> Option<i64> {
        let file = self.accounts.get(account)?.holds.get(hold)?;
        (file.state == HoldState::Held).then_some(file.amount)
    }

    pub fn credit_of(&self, account: &Account, op_id: &str) -> Option<i64> {
        self.accounts.get(account)?.credits.get(op_id).map(|(_, amount)| *amount)
    }

    /// The captures of one lead.
    pub fn captures(&self, lead_id: LeadId) -> Vec<(Account, HoldId, i64)> {
        let mut captures = Vec::new();
        for (account, file) in &self.accounts {
            for (hold, known) in &file.holds {
                if hold.lead_id == lead_id && known.state == HoldState::Captured {
                    captures.push((account.clone(), hold.clone(), known.amount));
                }
            }
        }
        captures
    }

    /// What was deposited, posted and is held.
    pub fn view_of(&self, account: &Account) -> (i64, i64, i64) {
        self.accounts
            .get(account)
            .map_or((0, 0, 0), |file| (file.deposited, file.posted, file.held))
    }
}

impl Checker {
    pub(super) fn saw_money(&mut self, done: &Done) {
        match &done.deed {
            Deed::Hold(hold, reply, view) => {
                let name = self.name(hold.hold.lead_id);
                self.say(
                    &done.sender,
                    format!("hold {name} {} {}: {reply:?}", hold.hold.campaign, hold.amount),
                );
                if *reply == Held::Held {
                    self.saw_held(done.at, hold);
                }
                self.compare(&hold.account, *view, done.name);
            }
            Deed::Capture { account, hold, amount, reply, view } => {
                let name = self.name(hold.lead_id);
                self.say(
                    &done.sender,
                    format!("capture {name} {} {amount}: {reply:?}", hold.campaign),
                );
                if *reply != Captured::Already {
                    self.saw_captured(account, hold, *amount, *reply);
                }
                self.compare(account, *view, done.name);
            }
            Deed::Void(account, hold, reply, view) => {
                let name = self.name(hold.lead_id);
                self.say(&done.sender, format!("void {name} {}: {reply:?}", hold.campaign));
                if *reply == Voided::Done {
                    self.saw_voided(account, hold);
                }
                self.compare(account, *view, done.name);
            }
            Deed::Credit(credit, reply, view) => {
                self.say(
                    &done.sender,
                    format!("credit {} {}: {reply:?}", credit.op_id, credit.amount),
                );
                self.hold(matches!(reply, Credited::Done | Credited::Already), || {
                    format!("a credit was refused: {credit:?}: {reply:?}")
                });
                if *reply == Credited::Done {
                    let is_new = !self.money.is_credited(&credit.account, &credit.op_id);
                    self.hold(is_new, || format!("{} is credited again", credit.op_id));
                    self.money.deposit(credit);
                }
                self.compare(&credit.account, *view, done.name);
            }
            _ => {}
        }
    }

    fn saw_held(&mut self, at: Timestamp, hold: &Hold) {
        let campaign = hold.hold.campaign.to_string();
        let account = self.money.accounts.entry(hold.account.clone()).or_default();
        if let Some(known) = account.holds.get(&hold.hold) {
            let state = known.state;
            return self.hold(state == HoldState::Held, || {
                format!("{campaign}: a hold is taken that is {state:?}")
            });
        }
        let amount = units(hold.amount);
        account.held += amount;
        let mut counters = Vec::new();
        let mut over = Vec::new();
        for cap in &hold.caps {
            let counted = account.counters.entry(cap.counter.clone()).or_default();
            *counted += cap.add;
            if *counted > cap.limit {
                over.push(format!("{} of {}: {counted}", cap.counter, cap.limit));
            }
            counters.push((cap.counter.clone(), cap.add));
        }
        let used = account.posted + account.held;
        let limit = hold.credit_limit.map(|limit| account.deposited + units(limit));
        let file = HoldFile { state: HoldState::Held, amount, counters };
        account.holds.insert(hold.hold.clone(), file);
        self.hold(over.is_empty(), || format!("caps are exceeded: {over:?}"));
        self.hold(limit.is_none_or(|limit| used <= limit), || {
            format!("{campaign}: {used} posted and held of {limit:?}")
        });
        self.check_terms(at, hold);
    }

    /// A hold charges every cap of its campaign, with the campaign's own limits.
    fn check_terms(&mut self, at: Timestamp, hold: &Hold) {
        let campaign = hold.hold.campaign.to_string();
        let Some(known) = self.campaigns.get(&campaign) else { return };
        let plan = &known.plan;
        let mut wanted = Vec::new();
        wanted.extend(plan.day_leads.map(|limit| ("leads|day", i64::from(limit), 1)));
        wanted.extend(plan.total_leads.map(|limit| ("leads|total", i64::from(limit), 1)));
        let spend = plan.total_spend.map(|limit| ("spend|total", units(limit), units(hold.amount)));
        wanted.extend(spend);
        let is_charged = |(what, limit, add): &(&str, i64, i64)| {
            let start = format!("{campaign}|{what}");
            hold.caps.iter().any(|cap| {
                cap.counter.starts_with(&start) && (cap.limit, cap.add) == (*limit, *add)
            })
        };
        let limit = known.credit_limit;
        let holds = wanted.iter().all(is_charged) && wanted.len() == hold.caps.len();
        // By the store's clock, which tells all nodes the same; a hold may be on its way for long.
        let day = |ms: i64| known.zone.to_datetime(plus_ms(at, ms)).date().to_string();
        let days = [day(-HOLD_UNDERWAY_MS), day(0), day(2 * self.clock_off_ms)];
        let is_of_day = |counter: &str| {
            let window = counter.rsplit_once("|day|");
            window.is_none_or(|(_, at)| days.iter().any(|day| day == at))
        };
        let is_in_window = hold.caps.iter().all(|cap| is_of_day(&cap.counter));
        self.hold(hold.credit_limit == limit, || {
            format!("{campaign}: a hold has the limit {:?}, its buyer {limit:?}", hold.credit_limit)
        });
        self.hold(holds, || format!("{campaign}: a hold charges {:?}, not {wanted:?}", hold.caps));
        self.hold(is_in_window, || {
            format!("{campaign}: a hold at {at} charges {:?}, it was {days:?}", hold.caps)
        });
    }

    fn saw_captured(&mut self, account: &Account, hold: &HoldId, amount: Money, reply: Captured) {
        let name = self.name(hold.lead_id);
        self.hold(reply == Captured::Done { was_held: true }, || {
            format!("{name}: captured from {account:?} without a hold: {reply:?}")
        });
        let state = self.money.state(account, hold);
        self.hold(state == Some(HoldState::Held), || {
            format!("{name}: captured from {account:?}, and the hold is {state:?}")
        });
        let sold = self.leads.get(&hold.lead_id).and_then(|file| {
            let seat = file.view.seats.get(usize::from(hold.seat.checked_sub(1)?))?;
            let SeatState::Sold { k } = seat.state else { return None };
            file.view.rank.get(usize::from(k)).cloned()
        });
        let is_sold = sold
            .as_ref()
            .is_some_and(|entry| entry.campaign == hold.campaign && entry.price == amount);
        self.hold(is_sold, || format!("{name}: captured {amount} for {hold:?}, sold: {sold:?}"));
        let file = self.money.accounts.entry(account.clone()).or_default();
        file.posted += units(amount);
        match file.holds.get_mut(hold) {
            Some(known) => {
                if known.state == HoldState::Held {
                    file.held -= known.amount;
                }
                known.state = HoldState::Captured;
                known.amount = units(amount);
            }
            None => {
                let state = HoldState::Captured;
                let known = HoldFile { state, amount: units(amount), counters: Vec::new() };
                file.holds.insert(hold.clone(), known);
            }
        }
    }

    fn saw_voided(&mut self, account: &Account, hold: &HoldId) {
        let name = self.name(hold.lead_id);
        let was_held = self.money.held(account, hold).is_some();
        let seat = self.leads.get(&hold.lead_id).and_then(|file| {
            let seat = file.view.seats.get(usize::from(hold.seat.checked_sub(1)?))?;
            let k = match seat.state {
                SeatState::Sold { k } | SeatState::Posting { k } | SeatState::Unknown { k } => k,
                SeatState::Open | SeatState::Unresolved { .. } => return None,
            };
            file.view.rank.get(usize::from(k)).map(|entry| entry.campaign.clone())
        });
        self.hold(!was_held || seat.as_ref() != Some(&hold.campaign), || {
            format!(
                "{name}: the hold of {} is given back, and it has or may have the lead",
                hold.campaign
            )
        });
        let file = self.money.accounts.entry(account.clone()).or_default();
        if let Some(known) = file.holds.get_mut(hold) {
            if known.state == HoldState::Held {
                file.held -= known.amount;
                for (counter, add) in &known.counters {
                    *file.counters.entry(counter.clone()).or_default() -= add;
                }
            }
            known.state = HoldState::Voided;
        } else {
            let known = HoldFile { state: HoldState::Voided, amount: 0, counters: Vec::new() };
            file.holds.insert(hold.clone(), known);
        }
    }

    fn compare(&mut self, account: &Account, view: AccountView, name: &str) {
        let told = (units(view.deposited), units(view.posted), units(view.held));
        let counted = self.money.view_of(account);
        self.hold(told == counted, || {
            format!(
                "after {name} {account:?} has (deposited, posted, held) {told:?}, not {counted:?}"
            )
        });
    }
}
