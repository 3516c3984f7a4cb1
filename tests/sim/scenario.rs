//! What a seed stands for: who takes part, what they do, and what goes wrong.

use gavel::domain::campaign::{OnUnknown, PostSemantics};
use gavel::domain::limits::Limits;
use gavel::domain::money::Money;
use gavel::registry::exchange_files::SourceFile;
use jiff::Timestamp;

use crate::dice::Dice;

pub const VERTICAL: &str = "final_expense";
const ZONES: [&str; 3] = ["America/Chicago", "America/New_York", "America/Los_Angeles"];

/// How often each thing goes wrong, of a thousand. Zero for what does not go wrong in this run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// The store refuses an operation without a trace.
    pub store_refuses: u64,
    /// The store does an operation and its reply is lost.
    pub store_loses_reply: u64,
    /// An operation is told to have failed, and is done a while later.
    pub store_does_late: u64,
    /// The store is slow for once.
    pub store_slow: u64,
    pub records_fail: u64,
    /// The records do what they are asked and their answer is lost.
    pub records_lose_answer: u64,
    pub ping_fails: u64,
    pub ping_late: u64,
    pub ping_nonsense: u64,
    /// A post does not leave.
    pub post_not_sent: u64,
    /// A post leaves and does not arrive.
    pub post_lost: u64,
    /// A post arrives long after it left, perhaps after its own repeat.
    pub post_delayed: u64,
    /// A post arrives and its answer does not.
    pub answer_lost: u64,
    /// A post's answer comes after the deadline.
    pub answer_late: u64,
    /// A post's answer cannot be read.
    pub answer_nonsense: u64,
    /// A post arrives twice.
    pub post_doubled: u64,
    /// A repeat is called a duplicate.
    pub says_duplicate: u64,
    /// The vendor hangs up.
    pub vendor_hangs_up: u64,
    /// The vendor asks twice at once.
    pub vendor_asks_twice: u64,
}

/// What a buyer is like.
#[derive(Debug, Clone)]
pub struct BuyerPlan {
    pub id: String,
    pub zone: &'static str,
    pub credit_limit: Option<Money>,
    pub deposit: Option<Money>,
}

/// What a campaign is like.
#[derive(Debug, Clone)]
pub struct CampaignPlan {
    pub id: String,
    pub buyer: usize,
    pub fixed: Option<Money>,
    pub max_bid: Option<Money>,
    /// Bids lie between these, in cents.
    pub bid_cents: (u64, u64),
    pub total_leads: Option<u32>,
    pub day_leads: Option<u32>,
    pub total_spend: Option<Money>,
    pub semantics: PostSemantics,
    pub on_unknown: OnUnknown,
    pub unmatched_is_refusal: bool,
    /// How many of a thousand posts it takes.
    pub accepts: u64,
    /// How long it usually thinks about a ping and a post, in milliseconds.
    pub ping_ms: u64,
    pub post_ms: u64,
}

/// How a vendor sells one lead.
#[derive(Debug, Clone)]
pub struct LeadPlan {
    pub number: usize,
    pub at_ms: u64,
    pub vendor: String,
    pub pings_first: bool,
    pub key: Option<String>,
    /// Whose data it has.
    pub consumer: u64,
    pub test: bool,
    pub wait_ms: u64,
}

/// What happens to a node, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// It dies and comes back after so many milliseconds.
    Crash { back_ms: u64 },
    /// It stands still for so long.
    Freeze { for_ms: u64 },
    /// It stops in order and comes back.
    Drain { back_ms: u64 },
    /// Its clock is wrong by so much from now on.
    Clock { offset_ms: i64 },
}

/// When a blow falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    At {
        ms: u64,
    },
    /// When a node takes a step of the store, the records or the wire for so many-th time: right
    /// before it, or right after it.
    Passing {
        step: &'static str,
        side: &'static str,
        pass: u64,
    },
}

#[derive(Debug, Clone, Copy)]
pub struct NodeFault {
    pub node: usize,
    pub when: When,
    pub blow: Blow,
}

/// A change of the registry.
#[derive(Debug, Clone, Copy)]
pub struct RegistryFault {
    pub at_ms: u64,
    pub campaign: usize,
    pub change: RegistryTurn,
}

#[derive(Debug, Clone, Copy)]
pub enum RegistryTurn {
    Pause,
    Resume,
    MoveEndpoint,
    Margin(u64),
}

/// Everything a seed decides before the run.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub seed: u64,
    pub began_at: Timestamp,
    pub limits: Limits,
    pub partitions: u16,
    pub nodes: usize,
    /// Whether the store is a part of the only node: then they fall together.
    pub is_embedded: bool,
    pub rates: Rates,
    pub floor_cents: u64,
    pub margin_percent: u64,
    pub duplicate_window_s: Option<u64>,
    pub buyers: Vec<BuyerPlan>,
    pub campaigns: Vec<CampaignPlan>,
    pub leads: Vec<LeadPlan>,
    pub node_faults: Vec<NodeFault>,
    /// When the store starts again and forgets what it did not promise, in milliseconds.
    pub store_restarts: Vec<u64>,
    /// When the store's clock is set, and how wrong it is from then on, both in milliseconds.
    pub store_clock: Vec<(u64, i64)>,
    /// Campaigns whose endpoints cannot be reached: which, from, to.
    pub buyers_away: Vec<(usize, u64, u64)>,
    /// When the records are out of reach: from, to.
    pub records_down: Vec<(u64, u64)>,
    pub registry_faults: Vec<RegistryFault>,
    pub operator_at_ms: Vec<u64>,
    /// When nothing goes wrong any more.
    pub calm_at_ms: u64,
}

/// What a long day is longer by, in milliseconds.
const LONG_DAY_MS: u64 = 80_000;

/// How wrong the store's clock may be, in milliseconds, and what it may be set to.
pub const STORE_CLOCK_OFF_MS: i64 = 20_000;
const STORE_CLOCK_STEPS: [i64; 4] = [-STORE_CLOCK_OFF_MS, -2_000, 2_000, STORE_CLOCK_OFF_MS];

/// Where blows hurt most: around the steps that must come one before the other.
const POINTS: [(&str, &str); 19] = [
    ("create", "before"),
    ("create", "after"),
    ("decide", "after"),
    ("hold", "after"),
    ("intent", "before"),
    ("intent", "after"),
    ("post", "send"),
    ("post", "send"),
    ("outcome", "before"),
    ("outcome", "after"),
    ("finish", "before"),
    ("offer", "after"),
    ("take", "after"),
    ("capture", "after"),
    ("credit", "after"),
    ("outbox_ack", "before"),
    ("claim", "after"),
    ("unresolved", "after"),
    ("journal_ack", "before"),
];

/// All steps that change something or lead to it, with how often a run may take them.
const STEPS: [(&str, u64); 26] = [
    ("create", 40),
    ("read", 20),
    ("sealed_lead", 10),
    ("sealed_post", 10),
    ("claim", 20),
    ("renew", 20),
    ("decide", 20),
    ("offer", 8),
    ("take", 6),
    ("expire_offer", 3),
    ("intent", 20),
    ("outcome", 20),
    ("finish", 10),
    ("unresolved", 2),
    ("postpone", 8),
    ("append", 2),
    ("hold", 20),
    ("capture", 10),
    ("void", 10),
    ("credit", 10),
    ("outbox_read", 40),
    ("outbox_ack", 40),
    ("journal_ack", 20),
    ("claim_duplicate", 20),
    ("free_duplicate", 4),
    ("add_parts", 20),
];

pub fn cents(amount: u64) -> Money {
    Money::from_ten_thousandths(i64::try_from(amount * 100).expect("small")).expect("small")
}

impl Scenario {
    /// When a run may begin.
    pub fn beginnings() -> impl Iterator<Item = Timestamp> {
        EVENINGS.into_iter().chain([NOON]).map(second)
    }

    pub fn draw(seed: u64, leads: usize) -> Self {
        let root = Dice::new(seed);
        let mut dice = root.fork("world", 0);
        let limits = limits(&mut dice);
        let is_embedded = dice.permille(300);
        let nodes =
            if is_embedded { 1 } else { usize::from(dice.permille(900)) + dice.below(3) as usize };
        let nodes = nodes.max(1);
        let buyers = buyers(&mut root.fork("buyers", 0));
        let campaigns = campaigns(&mut root.fork("campaigns", 0), buyers.len(), &limits);
        let leads = lead_plans(&mut root.fork("leads", 0), leads);
        let busy_ms = leads.last().map_or(0, |lead| lead.at_ms) + 8_000;
        // Some days are long enough for a node that stands still for more than a minute.
        let is_long = dice.permille(80);
        let calm_at_ms = busy_ms + dice.below(20_000) + if is_long { LONG_DAY_MS } else { 0 };
        let is_quiet = dice.permille(60);
        let mut faults = root.fork("faults", 0);
        let rates = if is_quiet { Rates::default() } else { rates(&mut faults) };
        let mut scenario = Self {
            seed,
            began_at: began_at(&mut dice),
            limits,
            partitions: 1 + dice.below(3) as u16,
            nodes,
            is_embedded,
            rates,
            floor_cents: dice.below(12) * 100,
            margin_percent: dice.below(30),
            duplicate_window_s: dice.permille(500).then(|| dice.between(20, 400)),
            buyers,
            campaigns,
            leads,
            node_faults: Vec::new(),
            store_restarts: Vec::new(),
            store_clock: Vec::new(),
            buyers_away: Vec::new(),
            records_down: Vec::new(),
            registry_faults: Vec::new(),
            operator_at_ms: Vec::new(),
            calm_at_ms,
        };
        if !is_quiet {
            scenario.draw_faults(&mut faults);
            if is_long {
                scenario.draw_long_freeze(&mut faults);
            }
        }
        scenario
    }

    /// Whether the store's clock is ever set.
    pub fn moves_store_clock(&self) -> bool {
        let is_clock = |fault: &NodeFault| matches!(fault.blow, Blow::Clock { .. });
        !self.store_clock.is_empty() || (self.is_embedded && self.node_faults.iter().any(is_clock))
    }

    /// A node that stands still right before it sends, for longer than a buyer is waited for.
    fn draw_long_freeze(&mut self, dice: &mut Dice) {
        let node = dice.below(self.nodes as u64) as usize;
        let when = When::Passing { step: "post", side: "send", pass: dice.between(1, 10) };
        let blow = Blow::Freeze { for_ms: dice.between(61_000, LONG_DAY_MS) };
        self.node_faults.push(NodeFault { node, when, blow });
    }

    fn draw_faults(&mut self, dice: &mut Dice) {
        let end_ms = self.calm_at_ms;
        if dice.permille(700) {
            for _ in 0..dice.between(1, 2 + self.leads.len() as u64 / 5) {
                let node = dice.below(self.nodes as u64) as usize;
                let when = if dice.permille(400) {
                    When::At { ms: dice.below(end_ms) }
                } else {
                    passing(dice)
                };
                let blow = blow(dice, when, &self.limits, self.is_embedded);
                self.node_faults.push(NodeFault { node, when, blow });
            }
        }
        if dice.permille(400) {
            let restarts = dice.between(1, 3);
            self.store_restarts = (0..restarts).map(|_| dice.below(end_ms)).collect();
            self.store_restarts.sort_unstable();
        }
        if !self.is_embedded && dice.permille(150) {
            let steps = dice.between(1, 3);
            let mut steps: Vec<_> =
                (0..steps).map(|_| (dice.below(end_ms), *dice.pick(&STORE_CLOCK_STEPS))).collect();
            steps.sort_unstable();
            self.store_clock = steps;
        }
        if dice.permille(400) {
            for _ in 0..dice.between(1, 3) {
                let campaign = dice.below(self.campaigns.len() as u64) as usize;
                let from = dice.below(end_ms);
                self.buyers_away.push((campaign, from, from + dice.between(200, 8_000)));
            }
        }
        if dice.permille(300) {
            let from = dice.below(end_ms);
            self.records_down.push((from, from + dice.between(500, 15_000)));
        }
        if dice.permille(500) {
            for _ in 0..dice.between(1, 4) {
                let campaign = dice.below(self.campaigns.len() as u64) as usize;
                let change = match dice.below(4) {
                    0 => RegistryTurn::Pause,
                    1 => RegistryTurn::Resume,
                    2 => RegistryTurn::MoveEndpoint,
                    _ => RegistryTurn::Margin(dice.below(30)),
                };
                let at_ms = dice.below(end_ms);
                self.registry_faults.push(RegistryFault { at_ms, campaign, change });
            }
            self.registry_faults.sort_by_key(|fault| fault.at_ms);
        }
        if dice.permille(400) {
            let times = dice.between(1, 6);
            self.operator_at_ms = (0..times).map(|_| dice.below(end_ms + 30_000)).collect();
            self.operator_at_ms.sort_unstable();
        }
    }

    /// Whether nothing stands still or gets lost but what is a buyer's or a vendor's.
    pub fn is_prompt(&self) -> bool {
        let Rates { store_refuses, store_loses_reply, store_does_late, store_slow, .. } =
            self.rates;
        let has_steps = self
            .node_faults
            .iter()
            .any(|fault| !matches!(fault.blow, Blow::Crash { .. } | Blow::Drain { .. }));
        store_refuses + store_loses_reply + store_does_late + store_slow == 0
            && !has_steps
            && self.store_restarts.is_empty()
            && self.store_clock.is_empty()
    }

    /// The exchange's files, with `moved` campaigns at other addresses and another margin.
    pub fn files(&self, margin_percent: u64, moved: &[usize]) -> Vec<SourceFile> {
        let file = |path: String, text: String| SourceFile { path, text };
        let window = self.duplicate_window_s;
        let window = window.map_or(String::new(), |s| format!("duplicate_window_s = {s}\n"));
        let tree = format!(
            "margin_percent = \"{margin_percent}\"\nfloor = \"{}\"\n{window}",
            cents(self.floor_cents)
        );
        let mut files = vec![file(format!("trees/{VERTICAL}.toml"), tree)];
        for vendor in ["vendor-a", "vendor-b"] {
            let text = format!("name = \"{vendor}\"\ntime_zone = \"America/New_York\"\n");
            files.push(file(format!("vendors/{vendor}.toml"), text));
        }
        for (index, buyer) in self.buyers.iter().enumerate() {
            let mut text = format!("name = \"{}\"\ntime_zone = \"{}\"\n", buyer.id, buyer.zone);
            if let Some(limit) = buyer.credit_limit {
                text.push_str(&format!("credit_limit = \"{limit}\"\n"));
            }
            for (at, campaign) in self.campaigns.iter().enumerate() {
                if campaign.buyer == index {
                    text.push_str(&campaign.toml(moved.contains(&at)));
                }
            }
            files.push(file(format!("buyers/{}.toml", buyer.id), text));
        }
        files
    }
}

impl CampaignPlan {
    fn toml(&self, is_moved: bool) -> String {
        let host = if is_moved { "moved" } else { "bids" };
        let id = &self.id;
        let mut text = format!(
            "\n[[campaign]]\nid = \"{id}\"\nvertical = \"{VERTICAL}\"\n\
             post_url = \"https://{host}.example/{id}/post\"\n\
             status_url = \"https://{host}.example/{id}/status\"\n"
        );
        match (self.fixed, self.max_bid) {
            (Some(price), _) => text.push_str(&format!("price = {{ fixed = \"{price}\" }}\n")),
            (None, max_bid) => {
                text.push_str(&format!("ping_url = \"https://{host}.example/{id}/ping\"\n"));
                let max = max_bid.map_or(String::new(), |max| format!("max_bid = \"{max}\""));
                text.push_str(&format!("price = {{ bid = {{ {max} }} }}\n"));
            }
        }
        let mut caps = Vec::new();
        let leads = |per: &str, leads: u32| format!("{{ per = \"{per}\", leads = {leads} }}");
        caps.extend(self.day_leads.map(|count| leads("day", count)));
        match (self.total_leads, self.total_spend) {
            (None, None) => {}
            (count, spend) => {
                let count = count.map_or(String::new(), |count| format!(", leads = {count}"));
                let spend = spend.map_or(String::new(), |spend| format!(", spend = \"{spend}\""));
                caps.push(format!("{{ per = \"total\"{count}{spend} }}"));
            }
        }
        text.push_str(&format!("caps = [{}]\n", caps.join(", ")));
        let semantics = match self.semantics {
            PostSemantics::Idempotent => "idempotent",
            PostSemantics::Queryable => "queryable",
            PostSemantics::AtMostOnce => "at_most_once",
        };
        text.push_str(&format!("post_semantics = \"{semantics}\"\n"));
        if self.unmatched_is_refusal {
            text.push_str("on_unmatched = \"rejected\"\n");
        }
        match self.on_unknown {
            OnUnknown::Hold => {}
            OnUnknown::PayVendor => text.push_str("on_unknown = \"pay_vendor\"\n"),
            OnUnknown::ResellAfterS(after_s) => {
                text.push_str(&format!("on_unknown = {{ resell_after_s = {after_s} }}\n"));
            }
        }
        text
    }
}

/// When most runs begin.
const NOON: i64 = 1_772_463_600;
/// Shortly before a day of some buyers ends.
const EVENINGS: [i64; 3] = [1_772_517_570, 1_772_513_980, 1_772_524_770];

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a second of 2026")
}

fn began_at(dice: &mut Dice) -> Timestamp {
    second(if dice.permille(300) { *dice.pick(&EVENINGS) } else { NOON })
}

fn limits(dice: &mut Dice) -> Limits {
    let lease_ms = dice.between(3_000, 10_000);
    Limits {
        ping_round_ms: dice.between(300, 1_500),
        late_reply_ms: dice.between(100, 1_000),
        post_ms: dice.between(800, 4_000),
        auction_ms: dice.between(6_000, 20_000),
        unresolved_after_s: *dice.pick(&[15, 20, 90, 150, 400]),
        bid_ttl_ms: *dice.pick(&[2_000, 10_000, 60_000]),
        offer_ttl_ms: dice.between(1_500, 15_000),
        fallback_depth: dice.below(3) as u16,
        auctions_in_flight_max: if dice.permille(100) { 3 } else { 1_000 },
        breaker_ping_sample_min: *dice.pick(&[5, 20]),
        breaker_pause_ms: *dice.pick(&[500, 5_000]),
        breaker_pause_max_ms: 10_000,
        drain_ms: *dice.pick(&[200, 5_000]),
        lease_ms,
        renew_ms: lease_ms / 3,
        registry_poll_ms: *dice.pick(&[500, 2_000]),
        // Seldom, since most of a run is waiting.
        store_probe_ms: *dice.pick(&[250, 2_000, 2_000]),
        ..Limits::default()
    }
}

fn buyers(dice: &mut Dice) -> Vec<BuyerPlan> {
    let count = dice.between(1, 4);
    let plan = |number| BuyerPlan {
        id: format!("buyer-{number}"),
        zone: dice.pick::<&str>(&ZONES),
        credit_limit: dice.permille(500).then(|| cents(dice.between(0, 200) * 100)),
        deposit: dice.permille(600).then(|| cents(dice.between(1, 150) * 100)),
    };
    (0..count).map(plan).collect()
}

fn campaigns(dice: &mut Dice, buyers: usize, limits: &Limits) -> Vec<CampaignPlan> {
    let mut plans = Vec::new();
    for buyer in 0..buyers {
        for _ in 0..dice.between(1, 2) {
            let low = dice.between(300, 2_500);
            let high = low + dice.below(2_000);
            let semantics = *dice.pick(&[
                PostSemantics::Idempotent,
                PostSemantics::Idempotent,
                PostSemantics::Queryable,
                PostSemantics::AtMostOnce,
            ]);
            let resell_s = dice.between(5, 40);
            let on_unknown = match dice.below(10) {
                0 => OnUnknown::PayVendor,
                1 => OnUnknown::ResellAfterS(resell_s),
                _ => OnUnknown::Hold,
            };
            let fixed = dice.permille(250).then(|| cents(low));
            let max_bid = dice.permille(500).then(|| cents(high - dice.below(high - low + 1) / 4));
            plans.push(CampaignPlan {
                id: format!("camp-{}", plans.len()),
                buyer,
                fixed,
                max_bid,
                bid_cents: (low, high),
                total_leads: dice.permille(250).then(|| dice.between(1, 5) as u32),
                day_leads: dice.permille(250).then(|| dice.between(1, 5) as u32),
                total_spend: dice.permille(150).then(|| cents(dice.between(10, 100) * 100)),
                semantics,
                on_unknown,
                unmatched_is_refusal: dice.permille(150),
                accepts: *dice.pick(&[1_000, 900, 700, 300]),
                ping_ms: dice.between(5, limits.ping_round_ms * 3 / 4),
                post_ms: dice.between(5, limits.post_ms / 2),
            });
        }
    }
    plans
}

fn lead_plans(dice: &mut Dice, count: usize) -> Vec<LeadPlan> {
    let pace_ms = *dice.pick(&[30, 200, 800]);
    let twins = if dice.permille(500) { 250 } else { 0 };
    let mut at_ms = 300;
    (0..count)
        .map(|number| {
            at_ms += dice.below(pace_ms * 2);
            let is_twin = number > 0 && dice.permille(twins);
            let consumer = if is_twin { dice.below(number as u64) } else { number as u64 };
            let pings_first = dice.permille(300);
            let has_key = pings_first || dice.permille(800);
            LeadPlan {
                number,
                at_ms,
                vendor: (*dice.pick(&["vendor-a", "vendor-b"])).to_owned(),
                pings_first,
                key: has_key.then(|| format!("key-{number}")),
                consumer,
                test: dice.permille(30),
                wait_ms: *dice.pick(&[100, 1_000, 8_000, 30_000]),
            }
        })
        .collect()
}

/// Each thing goes wrong in some runs only, so that no fault hides behind another one.
fn rates(dice: &mut Dice) -> Rates {
    let mut rate = |at_most: u64| {
        if dice.permille(450) { 0 } else { dice.between(1, at_most) }
    };
    Rates {
        store_refuses: rate(60),
        store_loses_reply: rate(60),
        store_does_late: rate(30),
        store_slow: rate(50),
        records_fail: rate(150),
        records_lose_answer: rate(100),
        ping_fails: rate(150),
        ping_late: rate(150),
        ping_nonsense: rate(150),
        post_not_sent: rate(150),
        post_lost: rate(150),
        post_delayed: rate(100),
        answer_lost: rate(250),
        answer_late: rate(150),
        answer_nonsense: rate(200),
        post_doubled: rate(60),
        says_duplicate: rate(400),
        vendor_hangs_up: rate(300),
        vendor_asks_twice: rate(200),
    }
}

/// A step of a node, of those that matter most or of all.
fn passing(dice: &mut Dice) -> When {
    if dice.permille(500) {
        let (step, side) = *dice.pick(&POINTS);
        let most = *dice.pick(&[4, 12, 40]);
        return When::Passing { step, side, pass: dice.between(1, most) };
    }
    let (step, most) = *dice.pick(&STEPS);
    let side = if dice.permille(500) { "before" } else { "after" };
    When::Passing { step, side, pass: dice.between(1, most) }
}

fn blow(dice: &mut Dice, when: When, limits: &Limits, is_embedded: bool) -> Blow {
    // Where something is about to be done, whoever stands still does it when it is another's.
    let is_still = matches!(when, When::Passing { side: "before" | "send", .. });
    if is_still && dice.permille(400) {
        let lease_ms = limits.lease_ms.max(limits.post_ms + 2_000);
        return Blow::Freeze { for_ms: lease_ms + dice.below(lease_ms) };
    }
    match dice.below(10) {
        0..=3 => Blow::Crash { back_ms: dice.between(10, 12_000) },
        4..=6 => {
            let lease_ms = limits.lease_ms.max(limits.post_ms + 2_000);
            let long = *dice.pick(&[lease_ms / 3, lease_ms + 1_500, lease_ms * 3, 75_000]);
            Blow::Freeze { for_ms: dice.between(50, long) }
        }
        7 => Blow::Drain { back_ms: dice.between(10, 3_000) },
        _ => {
            let steps = [-3_600_000, -30_000, -2_000, 2_000, 30_000, 3_600_000];
            let offset_ms = *dice.pick(&steps);
            // A node's own store goes by the node's clock.
            let most_ms = if is_embedded { STORE_CLOCK_OFF_MS } else { i64::MAX };
            Blow::Clock { offset_ms: offset_ms.clamp(-most_ms, most_ms) }
        }
    }
}
