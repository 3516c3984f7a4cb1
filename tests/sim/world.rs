//! One run: everybody who takes part, and what ties them together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use gavel::domain::address::AddressPolicy;
use gavel::domain::event_settings::EventSettings;
use gavel::domain::ids::Partition;
use gavel::domain::slug::VerticalId;
use gavel::flow::administer::{Administration, AdministrationParts, ApplyOptions};
use gavel::flow::tasks::Tasks;
use gavel::flow::{Exchange, ExchangeParts};
use gavel::metrics::Metrics;
use gavel::ports::buyer_wire::{WireError, WireReply, WireRequest};
use gavel::ports::{AuctionStore as _, Entropy as _};
use gavel::registry::compile::{Surroundings, shipped_verticals};
use gavel::registry::exchange_files;
use gavel::registry::profile::ProfileMemo;
use gavel::registry::vertical::CompiledVertical;
use gavel::store::embedded::ModelStore;
use gavel::system::SeededEntropy;
use gavel::vault::{MasterKey, Vault};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::buyers::{Market, SimWire};
use crate::cell::{Cell, Life};
use crate::check::Checker;
use crate::check::deed::Done;
use crate::check::posts::Sending;
use crate::clock::SimClock;
use crate::dice::Dice;
use crate::records::{Archive, SimRecords};
use crate::scenario::{Blow, NodeFault, Rates, Scenario, When};
use crate::store::{SimStore, Warehouse};
use crate::trace::Trace;

/// The verticals, which are read once for all runs.
pub static VERTICALS: LazyLock<BTreeMap<VerticalId, Arc<CompiledVertical>>> =
    LazyLock::new(shipped_verticals);

/// Held by whoever is at the folder of day keys.
static DAY_KEYS: Mutex<()> = Mutex::new(());

/// The days on which leads of a run may come in, wrong clocks allowed for.
fn days_of(began_at: Timestamp) -> BTreeSet<Date> {
    let hours = [-2, 3].map(|hours| began_at + hours.hours());
    hours.map(|at| TimeZone::UTC.to_datetime(at).date()).into()
}

/// Makes the keys of the days, once for all runs.
pub fn make_day_keys(day_keys: &Path) {
    let random = Box::new(|bytes: &mut [u8]| bytes.fill(9));
    let vault = Vault::open(&MasterKey::new([7; 32]), day_keys.to_path_buf(), random)
        .expect("the folder of day keys is ours");
    for began_at in Scenario::beginnings() {
        for day in days_of(began_at) {
            vault.prepare_day(day).expect("the folder of day keys is ours");
        }
    }
}

fn surroundings() -> Surroundings {
    let (currency, addresses) = ("USD".to_owned(), AddressPolicy::default());
    let (shipped_profiles, memo) = (BTreeMap::new(), ProfileMemo::default());
    let (shipped, shipped_inbound) = (VERTICALS.clone(), BTreeMap::new());
    Surroundings { currency, addresses, shipped, shipped_profiles, shipped_inbound, memo }
}

/// Entries of an outbox looked through for what is to be acknowledged.
const OUTBOX_MAX: usize = 100_000;

/// Who asks: a node, in one of its lives.
#[derive(Clone)]
pub struct Sender {
    pub node: usize,
    pub life: u64,
    pub cell: Arc<Cell>,
}

impl Sender {
    fn name(&self) -> String {
        format!("n{}.{}", self.node, self.life)
    }

    pub fn is(&self, other: &Self) -> bool {
        (self.node, self.life) == (other.node, other.life)
    }
}

/// A node as the world knows it.
#[derive(Default)]
struct Place {
    sender: Option<Sender>,
    exchange: Option<Arc<Exchange>>,
    lives: u64,
    /// When it was up.
    up_at: Option<Instant>,
    passes: BTreeMap<(&'static str, &'static str), u64>,
}

/// Everything there is.
pub struct World {
    pub scenario: Scenario,
    pub began: Instant,
    pub store: Warehouse,
    pub archive: Archive,
    pub market: Market,
    pub vault: Arc<Vault>,
    runtime: Handle,
    clocks: Vec<Arc<SimClock>>,
    places: Mutex<Vec<Place>>,
    faults: Mutex<Vec<NodeFault>>,
    checker: Mutex<Checker>,
    trace: Mutex<Trace>,
    is_calm: AtomicBool,
    violation: Mutex<Option<String>>,
    violated: Notify,
    vendors_left: AtomicU64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// A world in which nothing runs yet. `day_keys` is where the keys of days are.
    pub fn new(scenario: Scenario, day_keys: &Path, is_traced: bool) -> Arc<Self> {
        let root = Dice::new(scenario.seed);
        let began = Instant::now();
        let clock = || Arc::new(SimClock::new(began, scenario.began_at));
        let entropy = SeededEntropy::new(root.fork("vault", 0).bits());
        let random = Box::new(move |bytes: &mut [u8]| entropy.fill(bytes));
        let vault = Vault::open(&MasterKey::new([7; 32]), day_keys.to_path_buf(), random)
            .expect("the folder of day keys is ours");
        // Runs of one seed name their temporary files alike.
        let one_by_one = locked(&DAY_KEYS);
        for day in days_of(scenario.began_at) {
            let key = vault.propose_day_key(day).expect("the days' keys are there");
            vault.give_day_key(day, &key).expect("all runs share the days' keys");
        }
        drop(one_by_one);
        let market = Market::new(&scenario.campaigns, &root.fork("market", 0));
        let store = Warehouse::new(scenario.partitions, clock(), root.fork("store", 0));
        let checker = Checker::new(&scenario);
        Arc::new(Self {
            began,
            store,
            archive: Archive::new(root.fork("records", 0)),
            market,
            vault: Arc::new(vault),
            runtime: Handle::current(),
            clocks: (0..scenario.nodes).map(|_| clock()).collect(),
            places: Mutex::new((0..scenario.nodes).map(|_| Place::default()).collect()),
            faults: Mutex::new(scenario.node_faults.clone()),
            checker: Mutex::new(checker),
            trace: Mutex::new(Trace::new(is_traced)),
            is_calm: AtomicBool::new(false),
            violation: Mutex::new(None),
            violated: Notify::new(),
            vendors_left: AtomicU64::new(0),
            scenario,
        })
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(task));
    }

    pub fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How often things go wrong now.
    pub fn rates(&self) -> Rates {
        if self.is_calm() { Rates::default() } else { self.scenario.rates }
    }

    pub fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    /// Whether a campaign's endpoints cannot be reached.
    pub fn is_away(&self, campaign: &str) -> bool {
        let now = self.ms();
        let Scenario { campaigns, buyers_away, .. } = &self.scenario;
        let is_away = |(at, from, to): &(usize, u64, u64)| {
            campaigns[*at].id == campaign && (*from..*to).contains(&now)
        };
        !self.is_calm() && buyers_away.iter().any(is_away)
    }

    pub fn are_records_down(&self) -> bool {
        let now = self.ms();
        let is_down = |(from, to): &(u64, u64)| (*from..*to).contains(&now);
        !self.is_calm() && self.scenario.records_down.iter().any(is_down)
    }

    // What is noted, and what is wrong.

    pub fn step(&self, who: &str, what: &str) {
        let ms = self.ms();
        locked(&self.trace).step(ms, who, what);
    }

    pub fn note(&self, sender: &Sender, what: impl FnOnce() -> String) {
        self.step(&sender.name(), &what());
    }

    pub fn tell_trace(&self, campaign: &str, what: impl FnOnce() -> String) {
        self.step("buyer", &format!("{campaign} {}", what()));
    }

    pub fn trace_sum(&self) -> (u64, u64) {
        locked(&self.trace).sum()
    }

    pub fn last_lines(&self) -> Vec<String> {
        locked(&self.trace).last_lines()
    }

    /// Notes the first thing that must not be.
    pub fn violate(&self, what: String) {
        let mut violation = locked(&self.violation);
        if violation.is_none() {
            self.step("CHECK", &what);
            *violation = Some(what);
            self.violated.notify_one();
        }
    }

    pub fn violation(&self) -> Option<String> {
        locked(&self.violation).clone()
    }

    pub async fn until_violated(&self) {
        self.violated.notified().await;
    }

    /// Lets the checker look, and notes what it finds and says.
    pub fn check<T>(&self, look: impl FnOnce(&mut Checker) -> T) -> T {
        let (answer, said, found) = {
            let mut checker = locked(&self.checker);
            let answer = look(&mut checker);
            (answer, checker.take_said(), checker.take_found())
        };
        for (who, what) in said {
            self.step(&who, &what);
        }
        for what in found {
            self.violate(what);
        }
        answer
    }

    pub fn saw(&self, done: Done) {
        let shelves = self.archive.shelves();
        self.check(|checker| checker.saw(&done, &shelves));
    }

    pub fn before_ack(&self, model: &ModelStore, partition: Partition, ids: &[u64]) {
        let entries = model.outbox_read(partition, 0, OUTBOX_MAX).now_or_never();
        let entries = entries.expect("the model answers at once").unwrap_or_default();
        let acked = entries.into_iter().filter(|entry| ids.contains(&entry.id));
        let shelves = self.archive.shelves();
        self.check(|checker| acked.for_each(|entry| checker.acknowledges(&entry, &shelves)));
    }

    pub fn sent(&self, sender: &Sender, request: &WireRequest) -> Sending {
        self.check(|checker| checker.sent(sender, request))
    }

    pub fn quoted(&self, request: &WireRequest, answer: &Result<WireReply, WireError>) {
        let ms = self.ms();
        self.check(|checker| checker.quoted(ms, request, answer));
    }

    pub fn received(&self, post: (&str, &str), sending: Sending, receipts: u32) {
        self.check(|checker| checker.received(post, sending, receipts));
    }

    pub fn booked(&self, post: (&str, &str), sending: Sending, is_taken: bool) {
        self.check(|checker| checker.booked(post, sending, is_taken));
    }

    // Nodes.

    /// The exchange of a node, while it lives, and who it is.
    pub fn node(&self, node: usize) -> Option<(Sender, Arc<Exchange>)> {
        let places = locked(&self.places);
        let place = places.get(node)?;
        Some((place.sender.clone()?, place.exchange.clone()?))
    }

    /// Starts a node that is down.
    pub fn boot(self: &Arc<Self>, node: usize) {
        let sender = {
            let mut places = locked(&self.places);
            let place = &mut places[node];
            place.lives += 1;
            let sender = Sender { node, life: place.lives, cell: Cell::new() };
            place.sender = Some(sender.clone());
            place.exchange = None;
            place.up_at = None;
            sender
        };
        let world = Arc::clone(self);
        let cell = Arc::clone(&sender.cell);
        self.spawn(cell.hold(async move { world.come_up(sender).await }.boxed()));
    }

    async fn come_up(self: Arc<Self>, sender: Sender) {
        let seed = Dice::new(self.scenario.seed).fork("node", sender.node as u64);
        let seed = seed.fork("life", sender.life).bits();
        let entropy = Arc::new(SeededEntropy::new(seed));
        let records = Arc::new(SimRecords { world: Arc::clone(&self), sender: sender.clone() });
        let clock = Arc::clone(&self.clocks[sender.node]);
        let metrics = Arc::new(Metrics::new());
        let administration = Arc::new(Administration::new(AdministrationParts {
            records: records.clone(),
            vault: Arc::clone(&self.vault),
            clock: clock.clone(),
            entropy: entropy.clone(),
            surroundings: surroundings(),
            metrics: Arc::clone(&metrics),
        }));
        while administration.refresh().await.is_err() {
            sleep(Duration::from_millis(200)).await;
        }
        let cell = Arc::clone(&sender.cell);
        let around = Arc::new(move |task| cell.hold(task));
        let exchange = Exchange::new(ExchangeParts {
            store: Arc::new(SimStore { world: Arc::clone(&self), sender: sender.clone() }),
            records,
            wire: Arc::new(SimWire { world: Arc::clone(&self), sender: sender.clone() }),
            clock,
            entropy,
            vault: Arc::clone(&self.vault),
            metrics,
            limits: self.scenario.limits.clone(),
            event_settings: EventSettings::default(),
            endpoint_places: 4,
            administration,
            tasks: Tasks::within(self.runtime.clone(), around),
        });
        exchange.start();
        self.note(&sender, || "up".to_owned());
        let place = &mut locked(&self.places)[sender.node];
        place.exchange = Some(exchange);
        place.up_at = Some(Instant::now());
    }

    /// Nodes that have been up for long and are not ready, though nothing goes wrong any more.
    pub fn not_ready(&self, for_long: Duration) -> Vec<String> {
        let mut found = Vec::new();
        for (node, place) in locked(&self.places).iter().enumerate() {
            let is_old = place.up_at.is_some_and(|up_at| up_at.elapsed() >= for_long);
            let Some(exchange) = place.exchange.as_ref().filter(|_| is_old) else { continue };
            let health = exchange.health();
            if !health.ready && !exchange.is_draining() {
                found.push(format!("n{node} is not ready: {:?}", health.reasons));
            }
        }
        found
    }

    /// Counts that a node takes a step, lets a blow fall there, and waits while it stands still.
    pub async fn pass(self: &Arc<Self>, sender: &Sender, step: &'static str, side: &'static str) {
        self.count_pass(sender, step, side);
        if sender.cell.life() != Life::Running {
            tokio::task::yield_now().await;
        }
    }

    fn count_pass(self: &Arc<Self>, sender: &Sender, step: &'static str, side: &'static str) {
        if sender.node >= self.scenario.nodes {
            return;
        }
        let fault = {
            let mut places = locked(&self.places);
            let place = &mut places[sender.node];
            let passes = place.passes.entry((step, side)).or_default();
            *passes += 1;
            let here = When::Passing { step, side, pass: *passes };
            let is_meant = |fault: &NodeFault| fault.node == sender.node && fault.when == here;
            let mut faults = locked(&self.faults);
            faults.iter().position(is_meant).map(|at| faults.remove(at))
        };
        if let Some(fault) = fault
            && !self.is_calm()
        {
            self.note(sender, || format!("passes {step}:{side}"));
            self.strike(fault.node, fault.blow);
        }
    }

    /// Lets a blow fall on a node.
    pub fn strike(self: &Arc<Self>, node: usize, blow: Blow) {
        let Some(sender) = locked(&self.places)[node].sender.clone() else { return };
        let name = sender.name();
        self.step(&name, &format!("{blow:?}"));
        match blow {
            Blow::Crash { back_ms } => self.kill(&sender, back_ms),
            Blow::Freeze { for_ms } => {
                if sender.cell.set(Life::Frozen) {
                    let world = Arc::clone(self);
                    self.spawn(async move {
                        sleep(Duration::from_millis(for_ms)).await;
                        if sender.cell.set(Life::Running) {
                            world.note(&sender, || "goes on".to_owned());
                        }
                    });
                }
            }
            Blow::Drain { back_ms } => {
                let Some((sender, exchange)) = self.node(node) else { return };
                let world = Arc::clone(self);
                let cell = Arc::clone(&sender.cell);
                let drain = async move {
                    exchange.drain().await;
                    world.note(&sender, || "has stopped in order".to_owned());
                    world.kill(&sender, back_ms);
                };
                self.spawn(cell.hold(drain.boxed()));
            }
            Blow::Clock { offset_ms } => {
                self.clocks[node].set_offset(offset_ms);
                if self.scenario.is_embedded {
                    self.store.clock.set_offset(offset_ms);
                }
            }
        }
    }

    fn kill(self: &Arc<Self>, sender: &Sender, back_ms: u64) {
        if !sender.cell.set(Life::Dead) {
            return;
        }
        {
            let mut places = locked(&self.places);
            let place = &mut places[sender.node];
            place.sender = None;
            place.exchange = None;
        }
        if self.scenario.is_embedded {
            self.store.fall(false);
        }
        let (world, node) = (Arc::clone(self), sender.node);
        self.spawn(async move {
            sleep(Duration::from_millis(back_ms)).await;
            if world.scenario.is_embedded {
                world.store.rise();
            }
            world.boot(node);
        });
    }

    // The course of a run.

    /// Writes the registry and the accounts' deposits as an operator would before anything runs.
    pub async fn prepare(self: &Arc<Self>) {
        let records = SimRecords { world: Arc::clone(self), sender: self.office() };
        let administration = self.administration(Arc::new(records));
        let bundle = self.bundle(self.scenario.margin_percent, &[]);
        while administration.apply(&bundle, ApplyOptions::default(), "sim").await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
        self.check(|checker| checker.deposits()).into_iter().for_each(|credit| {
            let reply = self.store.model.credit(credit).now_or_never();
            reply.expect("the model answers at once").expect("a deposit is in range");
        });
        self.store.model.commit().expect("the model has no disk that could fail");
    }

    /// Somebody who is no node.
    pub fn office(&self) -> Sender {
        Sender { node: 99, life: 0, cell: Cell::new() }
    }

    fn administration(&self, records: Arc<SimRecords>) -> Administration {
        let seed = Dice::new(self.scenario.seed).fork("office", 0).bits();
        Administration::new(AdministrationParts {
            records,
            vault: Arc::clone(&self.vault),
            clock: Arc::new(SimClock::new(self.began, self.scenario.began_at)),
            entropy: Arc::new(SeededEntropy::new(seed)),
            surroundings: surroundings(),
            metrics: Arc::new(Metrics::new()),
        })
    }

    pub fn bundle(&self, margin: u64, moved: &[usize]) -> gavel::registry::bundle::Bundle {
        let files = self.scenario.files(margin, moved);
        let parsed = exchange_files::parse(&files);
        parsed.unwrap_or_else(|faults| panic!("the scenario's files: {faults:?}")).bundle
    }

    /// From now on nothing goes wrong: nodes run, clocks are right, buyers answer.
    pub fn calm_down(self: &Arc<Self>) {
        self.is_calm.store(true, Ordering::Relaxed);
        self.step("world", "calm");
        locked(&self.faults).clear();
        let senders: Vec<Sender> =
            locked(&self.places).iter().filter_map(|place| place.sender.clone()).collect();
        for sender in senders {
            sender.cell.set(Life::Running);
        }
        self.clocks.iter().for_each(|clock| clock.set_offset(0));
        self.store.clock.set_offset(0);
    }

    pub fn vendor_comes(&self) {
        self.vendors_left.fetch_add(1, Ordering::Relaxed);
    }

    pub fn vendor_goes(&self) {
        self.vendors_left.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn vendors_left(&self) -> u64 {
        self.vendors_left.load(Ordering::Relaxed)
    }

    /// Takes everything apart, so that nothing holds anything any more.
    pub fn end(&self) {
        let places = std::mem::take(&mut *locked(&self.places));
        for place in places {
            if let Some(sender) = place.sender {
                sender.cell.set(Life::Dead);
            }
        }
    }
}
