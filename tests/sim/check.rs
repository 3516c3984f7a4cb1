//! What must hold at every step and at the end (PROTOCOL b), worked out anew from what was seen:
//! the store's operations once they are durable, what leaves for buyers, what buyers have in their
//! own books, and what vendors are told.

mod auctions;
pub mod deed;
mod finale;
mod money;
pub mod posts;
mod rounds;
mod vendors;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gavel::domain::auction::{LeadView, Seat, SeatState};
use gavel::domain::ids::LeadId;
use gavel::domain::limits::Limits;
use gavel::domain::money::Money;
use gavel::flow::plan::AuctionPlan;
use gavel::ports::auction_store::{Credit, CreditKind, DuplicateClaim, Effect, OutboxEntry};

use jiff::tz::TimeZone;
use tokio::time::Instant;

use self::deed::{Deed, Done};
use self::money::MoneyBook;
use self::posts::PostFile;
use self::rounds::Quote;
use self::vendors::Telling;
use crate::records::Shelves;
use crate::scenario::{CampaignPlan, STORE_CLOCK_OFF_MS, Scenario, cents};
use crate::world::Sender;

/// How long after it was made a claim may be durable, in milliseconds.
const CLAIM_UNDERWAY_MS: i64 = 2_000;

/// One lead, as far as it is durable.
pub struct LeadFile {
    /// Its place among the leads, for people.
    number: usize,
    view: Arc<LeadView>,
    plan: AuctionPlan,
    /// Who holds the fence.
    owner: Option<Sender>,
    /// Since which operation.
    owned_since: u64,
    /// Whether the vendor's post took its offer.
    is_taken: bool,
}

/// A campaign and its buyer.
struct Known {
    plan: CampaignPlan,
    buyer: String,
    zone: TimeZone,
    credit_limit: Option<Money>,
}

/// The checker.
pub struct Checker {
    campaigns: BTreeMap<String, Known>,
    deposits: Vec<Credit>,
    limits: Limits,
    is_embedded: bool,
    /// What no lead may be sold below.
    floor: Money,
    /// For how long a consumer is claimed, in milliseconds.
    duplicate_window_ms: i64,
    /// Whether nodes and the store are always there, so that a vendor need never wait.
    is_prompt: bool,
    /// How far the store's clock may be from the world's, in milliseconds.
    clock_off_ms: i64,
    leads: BTreeMap<LeadId, LeadFile>,
    by_key: BTreeMap<[u8; 32], LeadId>,
    money: MoneyBook,
    posts: BTreeMap<String, PostFile>,
    /// Bids by ping.
    quotes: BTreeMap<String, Quote>,
    /// Whose a consumer is, and since when.
    claims: BTreeMap<[u8; 32], (LeadId, Instant)>,
    /// Claims that came on their way back from long ago, after their lead had ended: they end with
    /// their window.
    late_claims: BTreeSet<([u8; 32], LeadId)>,
    /// Consumers each lead was given.
    claimed: BTreeSet<([u8; 32], LeadId)>,
    told: BTreeMap<(usize, &'static str), Telling>,
    lead_of_plan: BTreeMap<usize, LeadId>,
    /// Personal data that no ping may hold.
    secrets: Vec<String>,
    /// How many operations were seen.
    seen: u64,
    said: Vec<(String, String)>,
    found: Vec<String>,
}

impl Checker {
    pub fn new(scenario: &Scenario) -> Self {
        let known = |plan: &CampaignPlan| {
            let buyer = &scenario.buyers[plan.buyer];
            let zone = TimeZone::get(buyer.zone).expect("the scenario's zones exist");
            let (buyer, credit_limit) = (buyer.id.clone(), buyer.credit_limit);
            (plan.id.clone(), Known { plan: plan.clone(), buyer, zone, credit_limit })
        };
        let deposits = scenario.buyers.iter().filter_map(|buyer| {
            let account = buyer.id.parse().expect("buyers have slugs");
            Some(Credit {
                account: gavel::domain::auction::Account::Buyer(account),
                op_id: "deposit".to_owned(),
                kind: CreditKind::Deposit,
                amount: buyer.deposit?,
            })
        });
        let deposits: Vec<Credit> = deposits.collect();
        let window_ms =
            i64::try_from(scenario.duplicate_window_s.unwrap_or(0)).unwrap_or(0) * 1_000;
        let mut money = MoneyBook::default();
        for credit in &deposits {
            money.deposit(credit);
        }
        Self {
            campaigns: scenario.campaigns.iter().map(known).collect(),
            deposits,
            limits: scenario.limits.clone(),
            is_embedded: scenario.is_embedded,
            floor: cents(scenario.floor_cents),
            duplicate_window_ms: window_ms,
            is_prompt: scenario.is_prompt(),
            clock_off_ms: if scenario.moves_store_clock() { STORE_CLOCK_OFF_MS } else { 0 },
            leads: BTreeMap::new(),
            by_key: BTreeMap::new(),
            money,
            posts: BTreeMap::new(),
            quotes: BTreeMap::new(),
            claims: BTreeMap::new(),
            late_claims: BTreeSet::new(),
            claimed: BTreeSet::new(),
            told: BTreeMap::new(),
            lead_of_plan: BTreeMap::new(),
            secrets: Vec::new(),
            seen: 0,
            said: Vec::new(),
            found: Vec::new(),
        }
    }

    /// What buyers paid in before anything ran.
    pub fn deposits(&self) -> Vec<Credit> {
        self.deposits.clone()
    }

    pub fn take_said(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.said)
    }

    pub fn take_found(&mut self) -> Vec<String> {
        std::mem::take(&mut self.found)
    }

    /// Notes what must not be, unless `holds`.
    fn hold(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.found.push(otherwise());
        }
    }

    fn say(&mut self, who: &Sender, what: String) {
        self.said.push((format!("n{}.{}", who.node, who.life), what));
    }

    /// A lead as people call it.
    fn name(&self, lead_id: LeadId) -> String {
        match self.leads.get(&lead_id) {
            Some(file) => format!("lead {}", file.number),
            None => format!("a lead nobody knows, {lead_id}"),
        }
    }

    /// Looks at one operation that is durable now.
    pub fn saw(&mut self, done: &Done, shelves: &Shelves) {
        self.seen += 1;
        match &done.deed {
            Deed::Hold(..) | Deed::Capture { .. } | Deed::Void(..) | Deed::Credit(..) => {
                self.saw_money(done);
            }
            Deed::JournalAck(account, sequence) => {
                let kept =
                    shelves.book.get(account).map_or(0, |book| book.range(..=sequence).count());
                self.hold(kept as u64 == *sequence, || {
                    format!("the journal of {account:?} was cut at {sequence}, the book has {kept}")
                });
            }
            Deed::ClaimDuplicate(digest, lead_id, claim) => {
                let name = self.name(*lead_id);
                self.say(&done.sender, format!("claim_duplicate {name}: {claim:?}"));
                if *claim == DuplicateClaim::Claimed {
                    self.saw_claim(digest, *lead_id);
                    let file = self.leads.get(lead_id);
                    if file.is_some_and(|file| file.view.closing.is_some()) {
                        self.late_claims.insert((*digest, *lead_id));
                    }
                    self.claimed.insert((*digest, *lead_id));
                }
            }
            Deed::FreeDuplicate(digest, lead_id) => {
                // Whoever asks may be heard late: the store must keep what the lead needs.
                let file = self.leads.get(lead_id);
                let is_needed = file.is_some_and(|file| {
                    let is_open = |seat: &Seat| seat.state == SeatState::Open;
                    file.view.closing.is_none() || !file.view.seats.iter().all(is_open)
                });
                if self.claimant(digest) == Some(*lead_id) && !is_needed {
                    self.claims.remove(digest);
                }
            }
            _ => self.saw_lead(done),
        }
    }

    /// An entry may leave the outbox only when its effect is done.
    pub fn acknowledges(&mut self, entry: &OutboxEntry, shelves: &Shelves) {
        let lead_id = entry.lead_id;
        let is_done = match &entry.effect {
            Effect::Capture { account, hold, .. } => self.money.is_captured(account, hold),
            Effect::Void { account, hold } => self.money.is_over(account, hold),
            Effect::Credit { account, op_id, .. } => self.money.is_credited(account, op_id),
            Effect::FreeDuplicate { digest } => {
                let is_late = self.late_claims.contains(&(*digest, lead_id));
                is_late || self.claimant(digest) != Some(lead_id)
            }
            Effect::Record(_) => {
                let parts = shelves.parts.get(&lead_id);
                parts.is_some_and(|parts| parts.contains_key(&entry.sequence))
            }
        };
        let name = self.name(lead_id);
        self.hold(is_done, || {
            format!("{name}: acknowledged before it was done: {:?}", entry.effect)
        });
    }

    /// The lead that a consumer is claimed by.
    fn claimant(&self, digest: &[u8; 32]) -> Option<LeadId> {
        self.claims.get(digest).map(|(lead_id, _)| *lead_id)
    }

    /// A consumer is one lead's until its window ends, or that lead frees it, or was never one.
    fn saw_claim(&mut self, digest: &[u8; 32], lead_id: LeadId) {
        let (name, window_ms) = (self.name(lead_id), self.duplicate_window_ms);
        let before = self.claims.get(digest).copied();
        let slack_ms = 2 * self.clock_off_ms + CLAIM_UNDERWAY_MS;
        let since_ms = before
            .map_or(0, |(_, since)| i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX));
        let other = before.map(|(other, _)| other).filter(|other| *other != lead_id);
        let is_known = other.is_some_and(|other| self.leads.contains_key(&other));
        let others = other.map(|other| self.name(other));
        self.hold(!is_known || since_ms + slack_ms >= window_ms, || {
            format!("{name}: claims the consumer of {others:?}")
        });
        // Claimed again by its lead, a claim ends when it did, unless it was over.
        let is_over = since_ms - slack_ms >= window_ms;
        if other.is_some() || before.is_none() || is_over {
            self.claims.insert(*digest, (lead_id, Instant::now()));
        }
    }

    /// What a node logs says nothing of a consumer.
    pub fn logged(&mut self, line: &str) {
        let shown = self.secrets.iter().find(|secret| line.contains(secret.as_str())).cloned();
        self.hold(shown.is_none(), || format!("a log line says who the consumer is: {line}"));
    }

    /// Whether the sender holds the fence of a lead.
    fn is_owner(&self, lead_id: LeadId, sender: &Sender) -> bool {
        let owner = self.leads.get(&lead_id).and_then(|file| file.owner.as_ref());
        owner.is_some_and(|owner| owner.is(sender))
    }
}

fn units(money: Money) -> i64 {
    money.ten_thousandths()
}
