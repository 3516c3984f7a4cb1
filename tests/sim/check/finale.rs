//! What must be true in the end, after everything has been calm for long enough.

use futures::FutureExt as _;
use gavel::domain::auction::{Account, HoldId, LeadView, RankEntry, SeatState};
use gavel::domain::campaign::{OnUnknown, PostSemantics};
use gavel::domain::disposition::Disposition;
use gavel::domain::ids::{LeadId, Partition, PostId};
use gavel::domain::money::{Money, Percent};
use gavel::domain::post::Verdict;
use gavel::domain::record::{Part, PostResult};
use gavel::domain::time::{ms_between, plus_ms};
use gavel::ports::AuctionStore as _;
use gavel::ports::auction_store::Effect;
use gavel::settle::sale::payout_op;
use gavel::store::embedded::ModelStore;
use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Checker, LeadFile, units};
use crate::records::Shelves;

/// How long a look at an unknown post may take beyond its pause, in milliseconds.
const LOOK_MS: i64 = 25_000;
/// By when the outbox of a lead that is over is settled, in milliseconds.
const SETTLED_MS: i64 = 25_000;
/// How long a sweep may take to come by, in milliseconds.
const SWEEP_MS: i64 = 10_000;
/// By when all nodes are up after the last fault, in milliseconds.
const BACK_MS: i64 = 14_000;
/// Due leads looked at.
const DUE_MAX: usize = 256;
/// How long "not found" is not believed, in milliseconds.
const QUIET_MS: i64 = 60_000;

impl Checker {
    /// What is not over yet; nothing means that the exchange has come to rest.
    pub fn unrest(&self, model: &ModelStore) -> Vec<String> {
        let mut unrest = Vec::new();
        for file in self.leads.values().filter(|file| file.view.closing.is_none()) {
            unrest.push(format!("lead {} is {:?}", file.number, file.view.state));
        }
        for partition in (0..model.partitions()).map(Partition) {
            let entries = model.outbox_read(partition, 0, 1).now_or_never();
            if let Some(Ok(entries)) = entries
                && let Some(entry) = entries.first()
            {
                let what = match &entry.effect {
                    Effect::Record(_) => "a part of a record".to_owned(),
                    money => format!("{money:?}"),
                };
                unrest.push(format!("the outbox holds {what}"));
            }
        }
        let journals = model.journal_accounts().now_or_never();
        if let Some(Ok(accounts)) = journals
            && !accounts.is_empty()
        {
            unrest.push(format!("journals of {accounts:?} are not in the book"));
        }
        for account in self.money.accounts.keys() {
            let held = self.money.view_of(account).2;
            if held != 0 {
                unrest.push(format!("{account:?} has {held} held"));
            }
        }
        unrest
    }

    /// Holds of candidates that are out of the race, a while after their lead is over.
    pub fn stale_holds(&mut self, now: Timestamp, calm_at: Timestamp) {
        let mut stale = Vec::new();
        for file in self.leads.values() {
            let Some(closed_at) = file.view.closed_at else { continue };
            if ms_between(closed_at.max(calm_at), now) < SETTLED_MS {
                continue;
            }
            for attempt in file.view.seats.iter().flat_map(|seat| &seat.attempts) {
                let is_out = attempt.verdict.is_some_and(|verdict| verdict != Verdict::Accepted);
                let Some(entry) = file.view.rank.get(usize::from(attempt.k)) else { continue };
                let account = Account::Buyer(entry.buyer.clone());
                let (lead_id, campaign) = (file.view.lead_id, attempt.campaign.clone());
                let hold = HoldId { lead_id, seat: 1, campaign };
                if is_out && self.money.held(&account, &hold).is_some() {
                    stale.push(format!(
                        "lead {}: {} still has it held",
                        file.number, attempt.campaign
                    ));
                }
            }
        }
        self.found.append(&mut stale);
    }

    /// What somebody should have looked at long ago: no lead stays with a node that is dead.
    pub fn overdue(&mut self, model: &ModelStore, now: Timestamp, calm_at: Timestamp) {
        let lease_ms = self.limits.lease_ms.max(self.limits.post_ms + 2_000);
        let most_ms = i64::try_from(2 * lease_ms).unwrap_or(i64::MAX) + SWEEP_MS;
        let from = plus_ms(calm_at, BACK_MS);
        for partition in (0..model.partitions()).map(Partition) {
            let Some(Ok(due)) = model.due(partition, DUE_MAX).now_or_never() else { continue };
            for lead in due {
                let waits_ms = ms_between(lead.at.max(from), now);
                let name = self.name(lead.lead_id);
                self.hold(waits_ms <= most_ms, || {
                    format!("{name}: due for {waits_ms} ms, and nobody looks")
                });
            }
        }
    }

    /// Compares all sides.
    pub fn finale(&mut self, model: &ModelStore, shelves: &Shelves, calm_at: Timestamp) {
        let leads: Vec<LeadId> = self.leads.keys().copied().collect();
        for lead_id in leads {
            self.finale_of_lead(lead_id, shelves, calm_at);
        }
        let accounts: Vec<Account> = self.money.accounts.keys().cloned().collect();
        for account in accounts {
            self.finale_of_account(&account, model, shelves);
        }
        self.finale_of_claims();
        for ((number, kind), told) in &self.told {
            let end = self.leads.get(&told.lead_id).and_then(|file| file.view.closing.as_ref());
            let end = end.map(|end| String::from_utf8_lossy(&end.answer.body).into_owned());
            if *kind == "sale" && end.as_ref() != Some(&told.body) {
                let what =
                    format!("vendor's lead {number}: told {}, in the end {end:?}", told.body);
                self.found.push(what);
            }
        }
    }

    fn finale_of_lead(&mut self, lead_id: LeadId, shelves: &Shelves, calm_at: Timestamp) {
        let Some(file) = self.leads.get(&lead_id) else { return };
        let mut faults = Vec::new();
        let view = &file.view;
        let Some(closing) = &view.closing else { return };
        self.compare_money(lead_id, file, &mut faults);
        compare_record(lead_id, view, shelves, &mut faults);
        let answer: Json = serde_json::from_slice(&closing.answer.body).unwrap_or(Json::Null);
        if answer["disposition"].as_str() != Some(closing.disposition.as_str()) {
            faults.push(format!("answered {answer}, and is {:?}", closing.disposition));
        }
        self.compare_truth(lead_id, view, &mut faults);
        if closing.disposition == Disposition::Unresolved {
            self.judge_unresolved(view, calm_at, &mut faults);
        }
        let number = file.number;
        self.found.extend(faults.into_iter().map(|fault| format!("lead {number}: {fault}")));
    }

    /// One capture for one sale, at its price; one payout, its share.
    fn compare_money(&self, lead_id: LeadId, file: &LeadFile, faults: &mut Vec<String>) {
        let view = &file.view;
        let seat = view.seats.first().map(|seat| seat.state);
        let sold = match seat {
            Some(SeatState::Sold { k }) => view.rank.get(usize::from(k)),
            _ => None,
        };
        let at_risk = match seat {
            Some(SeatState::Unresolved { k }) => view.rank.get(usize::from(k)).filter(|entry| {
                let known = self.campaigns.get(entry.campaign.as_str());
                known.is_some_and(|known| known.plan.on_unknown == OnUnknown::PayVendor)
            }),
            _ => None,
        };
        let captures = self.money.captures(lead_id);
        let amounts: Vec<i64> = captures.iter().map(|(_, _, amount)| *amount).collect();
        let is_paid = !file.plan.test;
        let wanted: Vec<i64> =
            sold.iter().filter(|_| is_paid).map(|entry| units(entry.price)).collect();
        if amounts != wanted {
            faults.push(format!("sold for {wanted:?}, captured {amounts:?}"));
        }
        let adjudicated = adjudicated(view).filter(|_| is_paid);
        if let Some((post_id, entry)) = adjudicated {
            let buyer = Account::Buyer(entry.buyer.clone());
            let charged = self.money.credit_of(&buyer, &format!("adjudicated:{post_id}"));
            if charged != Some(-units(entry.price)) {
                faults.push(format!("adjudicated at {:?}, charged {charged:?}", entry.price));
            }
            if self.posts.get(&post_id.to_string()).is_none_or(|post| post.is_taken != Some(true)) {
                faults.push(format!("{} was charged for a lead it has not", entry.campaign));
            }
        }
        let late = adjudicated.map(|(_, entry)| entry);
        let owed = sold.or(at_risk).filter(|_| is_paid).or(late);
        let owed = owed.map(|entry| payout_of(entry.price, file.plan.margin));
        let vendor = Account::Vendor(view.vendor.clone());
        let paid = self.money.credit_of(&vendor, &payout_op(lead_id, 1));
        if paid.filter(|paid| *paid != 0) != owed.filter(|owed| *owed != 0) {
            faults.push(format!("the vendor is owed {owed:?} and was paid {paid:?}"));
        }
        let is_sold = view.closing.as_ref().is_some_and(|end| end.disposition == Disposition::Sold);
        if is_sold != sold.is_some() {
            faults.push(format!("it ended as {:?} with seat {seat:?}", view.closing));
        }
    }

    /// Nobody has the lead but whom it was sold to, and those we know we cannot know about.
    fn compare_truth(&self, lead_id: LeadId, view: &LeadView, faults: &mut Vec<String>) {
        let seat = view.seats.first().map(|seat| seat.state);
        for (post_id, post) in self.posts.iter().filter(|(_, post)| post.lead_id == lead_id) {
            if post.is_taken != Some(true) {
                continue;
            }
            let is_sold = seat == Some(SeatState::Sold { k: post.k });
            let is_open = seat == Some(SeatState::Unresolved { k: post.k });
            let is_given_up = self.verdict_of(post_id) == Some(Verdict::GivenUp);
            if !(is_sold || is_open || is_given_up || post.is_taken_from_stray) {
                let verdict = self.verdict_of(post_id);
                faults.push(format!("{} has it, the exchange says {verdict:?}", post.campaign));
            }
        }
    }

    /// A post stays unresolved only if nobody could tell.
    fn judge_unresolved(&self, view: &LeadView, calm_at: Timestamp, faults: &mut Vec<String>) {
        let Some(last) = view.seats.first().and_then(|seat| seat.last()) else { return };
        let Some(known) = self.campaigns.get(last.campaign.as_str()) else { return };
        let quiet_ms = match known.plan.semantics {
            PostSemantics::Idempotent => 0,
            PostSemantics::Queryable => QUIET_MS,
            PostSemantics::AtMostOnce => return,
        };
        let window_ms = i64::try_from(self.limits.unresolved_after_s).unwrap_or(i64::MAX) * 1_000;
        let calm_age_ms = ms_between(last.intended_at, calm_at).max(0);
        let needed_ms = (calm_age_ms.max(quiet_ms) * 13 / 5) + LOOK_MS + 4 * self.clock_off_ms;
        if window_ms > needed_ms {
            let what = format!(
                "unresolved, though {} answered from {calm_age_ms} ms after the intent on",
                last.campaign
            );
            faults.push(what);
        }
    }

    /// Counters of caps hold what was captured, and nothing of what was given back.
    fn compare_counters(&mut self, account: &Account, model: &ModelStore) {
        let Some(file) = self.money.accounts.get(account) else { return };
        let names: Vec<String> = file.counters.keys().cloned().collect();
        let wanted: Vec<i64> = file.counters.values().copied().collect();
        let used = model.cap_used(account.clone(), names.clone()).now_or_never();
        let Some(Ok(used)) = used else { return };
        self.hold(used == wanted, || {
            format!("{account:?}: {names:?} have used {used:?}, counted {wanted:?}")
        });
    }

    /// A consumer stays claimed by a lead that was sold, or may have been.
    fn finale_of_claims(&mut self) {
        let mut faults = Vec::new();
        for (digest, (lead_id, _)) in &self.claims {
            let Some(file) = self.leads.get(lead_id) else { continue };
            if self.late_claims.contains(&(*digest, *lead_id)) {
                continue;
            }
            let disposition = file.view.closing.as_ref().map(|end| end.disposition);
            if !matches!(disposition, Some(Disposition::Sold | Disposition::Unresolved)) {
                faults.push(format!("lead {} is {disposition:?}, and claims", file.number));
            }
        }
        self.found.append(&mut faults);
    }

    fn finale_of_account(&mut self, account: &Account, model: &ModelStore, shelves: &Shelves) {
        let balance = model.balance(account.clone()).now_or_never();
        let Some(Ok(balance)) = balance else { return };
        let view = balance.account;
        let told = (units(view.deposited), units(view.posted), units(view.held));
        let counted = self.money.view_of(account);
        self.hold(told == counted, || format!("{account:?} has {told:?}, counted {counted:?}"));
        self.compare_counters(account, model);
        let empty = std::collections::BTreeMap::new();
        let book = shelves.book.get(account).unwrap_or(&empty);
        let is_whole = book.keys().copied().eq(1..=book.len() as u64);
        self.hold(is_whole, || format!("the book of {account:?} has a gap"));
        let sum = |is_capture: bool| -> i64 {
            let lines = book.values().filter(|line| (line.kind == "capture") == is_capture);
            lines.map(|line| units(line.amount)).sum()
        };
        let booked = (sum(false), -sum(true));
        self.hold(booked == (counted.0, counted.1), || {
            format!("the book of {account:?} sums to {booked:?}, the account is {counted:?}")
        });
    }
}

/// The post that an operator said was taken, after the lead was given up as unresolved.
fn adjudicated(view: &LeadView) -> Option<(PostId, &RankEntry)> {
    let seat = view.seats.first()?;
    let SeatState::Unresolved { k } = seat.state else { return None };
    let post_id = seat.attempts.iter().find(|attempt| attempt.k == k)?.post_id;
    let is_said = |part: &[u8]| match serde_json::from_slice(part) {
        Ok(Part::Fact(fact)) => {
            let note = fact.note.unwrap_or_default();
            fact.kind == "adjudicated"
                && fact.post_id == Some(post_id)
                && note.starts_with("accepted")
        }
        _ => false,
    };
    view.facts.iter().any(|part| is_said(part)).then_some(())?;
    Some((post_id, view.rank.get(usize::from(k))?))
}

fn compare_record(lead_id: LeadId, view: &LeadView, shelves: &Shelves, faults: &mut Vec<String>) {
    let (Some(record), Some(closing)) = (shelves.record(lead_id), &view.closing) else {
        return faults.push("the records have nothing of it".to_owned());
    };
    if (record.state.as_str(), record.disposition) != ("closed", closing.disposition) {
        faults.push(format!("recorded as {} {:?}", record.state, record.disposition));
    }
    let accepted = record.posts.iter().filter(|post| post.outcome == PostResult::Accepted);
    let accepted: Vec<_> = accepted.map(|post| (post.k, post.price)).collect();
    let sold: Vec<_> = match view.seats.first().map(|seat| seat.state) {
        Some(SeatState::Sold { k }) => {
            view.rank.get(usize::from(k)).map(|entry| (k, entry.price)).into_iter().collect()
        }
        _ => Vec::new(),
    };
    if accepted != sold {
        faults.push(format!("recorded as sold {accepted:?}, sold {sold:?}"));
    }
    let posted = view.seats.iter().flat_map(|seat| &seat.attempts).count();
    if record.posts.len() != posted {
        faults.push(format!("{} posts are recorded of {posted}", record.posts.len()));
    }
}

/// What is left of a price for the vendor, in ten-thousandths, never rounded up.
fn payout_of(price: Money, margin: Percent) -> i64 {
    let mut digits = margin.to_string();
    let places = digits.split_once('.').map_or(0, |(_, places)| places.len());
    digits.retain(|sign| sign != '.');
    let whole = 100 * 10_i128.pow(places as u32);
    let share: i128 = digits.parse().unwrap_or(whole);
    ((i128::from(units(price)) * (whole - share)).div_euclid(whole)) as i64
}
