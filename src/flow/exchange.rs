//! The exchange as one value: what a sale needs at hand, and what the edges may ask of it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::administer::Administration;
use super::breaker::Breakers;
use super::by_profile::ProfileCalls;
use super::challenge::ChallengeTurns;
use super::custody::Custody;
use super::events::Events;
use super::leases::Leases;
use super::outbox::Outbox;
use super::room::NoRoom;
use super::store_watch::StoreWatch;
use super::tasks::Tasks;
use super::unknown::UnknownPosts;
use super::waiting::Waiting;
use crate::domain::auction::Account;
use crate::domain::event_settings::EventSettings;
use crate::domain::ids::{LeadId, Partition};
use crate::domain::limits::Limits;
use crate::domain::money::Money;
use crate::domain::record::AuctionRecord;
use crate::domain::slug::{BuyerId, VendorId};
use crate::domain::time::ms_between;
use crate::metrics::Metrics;
use crate::ports::auction_store::{
    AccountView, Credit, CreditKind, Credited, NodeId, RELAXED, StoreError,
};
use crate::ports::records::{AuctionFilter, AuctionSummary, CreditNote, NotedEntry, RecordsError};
use crate::ports::{AuctionStore, BuyerWire, Clock, Entropy, Records};
use crate::registry::snapshot::Snapshot;
use crate::vault::Vault;

/// How long auctions that are cut off may take to notice.
const ABANDON_PATIENCE: Duration = Duration::from_secs(1);
/// How long handing leases back may take; what is not handed back ends by itself.
const HAND_BACK_PATIENCE: Duration = Duration::from_secs(2);
/// How long a stopping node settles what its last auctions left.
const LAST_SETTLING: Duration = Duration::from_secs(5);
/// Leases handed back at once.
const HAND_BACKS_AT_ONCE: usize = 32;

/// Why the exchange could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// Too many auctions run already; nothing was taken in.
    #[error("too many auctions in flight")]
    Overloaded {
        /// When to come again, in seconds.
        retry_after_s: u32,
    },
    /// The node is stopping; nothing was taken in.
    #[error("the node is draining")]
    Draining,
    /// The store gave no reply.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is away, or has no room.
    #[error("nothing is taken in: {error}")]
    StoreAway {
        /// When to come again, in seconds.
        retry_after_s: u32,
        /// Whether it is certain that nothing was done.
        is_untouched: bool,
        /// What it met.
        error: StoreError,
    },
    /// The records gave no answer.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// Our own fault.
    #[error("internal fault: {0}")]
    Bug(String),
}

/// Something that does not work as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Degraded {
    /// What: `store`, `records`, `drain` ...
    pub what: &'static str,
    /// Why.
    pub why: String,
}

/// Whether the node may be given leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether it may.
    pub ready: bool,
    /// What is degraded, whether or not it may.
    pub reasons: Vec<Degraded>,
}

/// A credit to a buyer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditOrder {
    /// What for.
    pub kind: CreditKind,
    /// How much.
    pub amount: Money,
    /// Names the operation: it happens once.
    pub op_id: String,
    /// What is written beside it.
    pub note: Option<String>,
    /// Who credits: a key id, or `cli`.
    pub actor: String,
}

/// Reply of [`Exchange::credit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditReply {
    /// Credited, now or before under the same operation.
    Credited(AccountView),
    /// The operation is known with another kind or amount.
    Mismatch,
    /// The account would go beyond the largest amount.
    OutOfRange,
    /// There is no such buyer.
    UnknownBuyer,
}

/// What an exchange is made of.
pub struct ExchangeParts {
    /// The in-flight store.
    pub store: Arc<dyn AuctionStore>,
    /// The permanent records.
    pub records: Arc<dyn Records>,
    /// The way to buyers.
    pub wire: Arc<dyn BuyerWire>,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Sealing and keyed digests.
    pub vault: Arc<Vault>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What is limited.
    pub limits: Limits,
    /// How events are delivered.
    pub event_settings: EventSettings,
    /// Calls in flight per endpoint of events.
    pub endpoint_places: usize,
    /// The registry's administration, which keeps its compiled picture up to date.
    pub administration: Arc<Administration>,
    /// Where auctions run: on the main multi-thread runtime.
    pub tasks: Tasks,
}

/// The exchange.
pub struct Exchange {
    pub(super) store: Arc<dyn AuctionStore>,
    pub(super) records: Arc<dyn Records>,
    pub(super) wire: Arc<dyn BuyerWire>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) vault: Arc<Vault>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) limits: Limits,
    pub(super) event_settings: EventSettings,
    pub(super) endpoint_places: usize,
    pub(super) node: NodeId,
    pub(super) tasks: Tasks,
    /// Auctions and what follows them; drained before the node stops.
    pub(super) auctions: TaskTracker,
    /// The sweepers and the settler; stopped after the auctions.
    pub(super) workers: TaskTracker,
    pub(super) draining: CancellationToken,
    /// Ends auctions that are not over when the node must stop.
    pub(super) abandoned: CancellationToken,
    pub(super) stopping: CancellationToken,
    pub(super) admission: Arc<Semaphore>,
    pub(super) waiting: Arc<Waiting>,
    pub(super) no_room: NoRoom,
    pub(super) breakers: Breakers,
    pub(super) profiles: Arc<ProfileCalls>,
    pub(super) custody: Custody,
    pub(super) leases: Leases,
    pub(super) outbox: Outbox,
    pub(super) store_watch: StoreWatch,
    pub(super) unknown: UnknownPosts,
    pub(super) challenge_turns: ChallengeTurns,
    pub(super) events: Events,
    /// Attempts to tell of events; whatever is cut off comes again.
    pub(super) event_calls: TaskTracker,
    administration: Arc<Administration>,
    snapshot: Arc<ArcSwap<Snapshot>>,
}

impl Exchange {
    /// Puts an exchange together. Nothing runs until [`Exchange::start`].
    #[must_use]
    pub fn new(parts: ExchangeParts) -> Arc<Self> {
        let node = NodeId(parts.entropy.bits());
        let admission = Arc::new(Semaphore::new(parts.limits.auctions_in_flight_max));
        parts.metrics.store_durability(parts.store.durability());
        let challenge_turns = ChallengeTurns::new(parts.limits.challenges_per_owner_max);
        let breakers = Breakers::new(&parts.limits, Arc::clone(&parts.metrics));
        let auctions = TaskTracker::new();
        let profiles = ProfileCalls::new(&parts, &auctions);
        let custody = Custody::new(Arc::clone(&parts.records), Arc::clone(&parts.vault));
        Arc::new(Self {
            store: parts.store,
            records: parts.records,
            wire: parts.wire,
            clock: parts.clock,
            entropy: parts.entropy,
            vault: parts.vault,
            metrics: parts.metrics,
            limits: parts.limits,
            event_settings: parts.event_settings,
            endpoint_places: parts.endpoint_places,
            node,
            tasks: parts.tasks,
            auctions,
            workers: TaskTracker::new(),
            draining: CancellationToken::new(),
            abandoned: CancellationToken::new(),
            stopping: CancellationToken::new(),
            admission,
            waiting: Arc::new(Waiting::default()),
            no_room: NoRoom::default(),
            breakers,
            profiles,
            custody,
            leases: Leases::default(),
            outbox: Outbox::default(),
            store_watch: StoreWatch::default(),
            unknown: UnknownPosts::default(),
            challenge_turns,
            events: Events::default(),
            event_calls: TaskTracker::new(),
            snapshot: parts.administration.snapshot(),
            administration: parts.administration,
        })
    }

    /// Starts the workers: recovery of what an earlier process left, settling, telling, and
    /// watching the registry.
    pub fn start(self: &Arc<Self>) {
        let exchange = Arc::clone(self);
        let watch_store = async move { exchange.watch_store_for_ever().await };
        self.tasks.spawn(&self.workers, watch_store);
        let exchange = Arc::clone(self);
        self.tasks.spawn(&self.workers, async move { exchange.sweep_for_ever().await });
        let exchange = Arc::clone(self);
        self.tasks.spawn(&self.workers, async move { exchange.settle_for_ever().await });
        let exchange = Arc::clone(self);
        let look = async move { exchange.look_for_room_for_ever().await };
        self.tasks.spawn(&self.workers, look);
        let exchange = Arc::clone(self);
        let tell = async move { exchange.deliver_events_for_ever().await };
        self.tasks.spawn(&self.workers, tell);
        let administration = Arc::clone(&self.administration);
        let period = Duration::from_millis(self.limits.registry_poll_ms);
        let stop = self.stopping.clone();
        let watch = async move { administration.watch(period, stop).await };
        self.tasks.spawn(&self.workers, watch);
    }

    /// Stops: no new leads, wait for auctions up to `drain_ms`, hand back what is left, settle, end.
    ///
    /// What is not over by then stays durable; another node takes it up at once, or the next start.
    pub async fn drain(&self) {
        self.draining.cancel();
        self.auctions.close();
        let patience = Duration::from_millis(self.limits.drain_ms);
        if tokio::time::timeout(patience, self.auctions.wait()).await.is_err() {
            tracing::warn!(active = self.waiting.active(), "drain.timeout: auctions are left");
            self.abandoned.cancel();
            // A task that does not notice is as one of a node that died.
            let _ = tokio::time::timeout(ABANDON_PATIENCE, self.auctions.wait()).await;
        }
        self.hand_back().await;
        self.stopping.cancel();
        self.workers.close();
        self.workers.wait().await;
        // What is left is settled by another node, or at the next start.
        if tokio::time::timeout(LAST_SETTLING, self.settle_everything()).await.is_err() {
            tracing::warn!("drain.timeout: the outbox is not empty");
        }
    }

    /// Ends the leases of leads that are not over, so that others need not wait for their end.
    async fn hand_back(&self) {
        let running = self.leases.running();
        let count = running.len();
        let hand_back = stream::iter(running)
            .map(async |(lead_id, fence)| self.release(lead_id, fence).await)
            .buffer_unordered(HAND_BACKS_AT_ONCE)
            .collect::<()>();
        if tokio::time::timeout(HAND_BACK_PATIENCE, hand_back).await.is_err() {
            tracing::warn!(count, "drain.leases_left: they end by themselves");
        } else if count > 0 {
            tracing::info!(count, "drain.leases_handed_back");
        }
    }

    /// Whether the node takes no new work because it is stopping.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// The registry's picture now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The registry's administration.
    #[must_use]
    pub fn administration(&self) -> &Administration {
        &self.administration
    }

    /// Wall time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Randomness.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Sealing and keyed digests.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The keeping of day keys.
    #[must_use]
    pub const fn custody(&self) -> &Custody {
        &self.custody
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What is limited.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether the node may be given leads, and what is degraded.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut reasons: Vec<Degraded> = self.store_watch.degraded().into_iter().collect();
        reasons.extend(self.outbox.degraded());
        reasons.extend(self.events.degraded());
        if self.store.durability() == RELAXED {
            let why =
                "the store may lose what it acknowledged: store.durability is relaxed".to_owned();
            reasons.push(Degraded { what: "durability", why });
        }
        let is_draining = self.draining.is_cancelled();
        if is_draining {
            reasons.push(Degraded { what: "drain", why: "the node is stopping".to_owned() });
        }
        if self.admission.available_permits() == 0 {
            let why = "as many auctions are in flight as are allowed".to_owned();
            reasons.push(Degraded { what: "admission", why });
        }
        let is_store_down = reasons.iter().any(|reason| reason.what == "store");
        Health { ready: !is_draining && !is_store_down, reasons }
    }

    /// The whole decision record an id belongs to; with `vendor`, only that vendor's.
    ///
    /// # Errors
    /// [`FlowError::Records`].
    pub async fn auction(
        &self,
        vendor: Option<&VendorId>,
        id: &str,
    ) -> Result<Option<AuctionRecord>, FlowError> {
        let lead_id = match LeadId::parse_any(id) {
            Some(lead_id) => Some(lead_id),
            None => self.records.find_lead(id.to_owned()).await?,
        };
        let Some(lead_id) = lead_id else { return Ok(None) };
        if lead_id.partition().0 < self.store.partitions() {
            self.settle_lead(lead_id).await;
        }
        let record = self.records.auction(lead_id).await?;
        Ok(record.filter(|record| vendor.is_none_or(|vendor| record.vendor_id == *vendor)))
    }

    /// Credits a buyer's account, once per `op_id`.
    ///
    /// # Errors
    /// [`FlowError::Store`], and [`FlowError::Records`] when the credit happened and its note could
    /// not be kept: the same order again keeps it and credits nothing.
    pub async fn credit(
        &self,
        buyer: &BuyerId,
        order: CreditOrder,
    ) -> Result<CreditReply, FlowError> {
        if !self.snapshot().buyers.contains_key(buyer) {
            return Ok(CreditReply::UnknownBuyer);
        }
        let CreditOrder { kind, amount, op_id, note, actor } = order;
        let account = Account::Buyer(buyer.clone());
        let credit = Credit { account: account.clone(), op_id: op_id.clone(), kind, amount };
        let reply = self.timed("credit", self.store.credit(credit)).await?;
        self.outbox.book(account.clone());
        Ok(match reply.reply {
            Credited::Done | Credited::Already => {
                self.records.note_credit(CreditNote { account, op_id, note, actor }).await?;
                CreditReply::Credited(reply.account)
            }
            Credited::Mismatch => CreditReply::Mismatch,
            Credited::OutOfRange => CreditReply::OutOfRange,
        })
    }

    /// The lines of a buyer's account after `after_sequence`, oldest first.
    ///
    /// # Errors
    /// [`FlowError::Records`].
    pub async fn ledger(
        &self,
        buyer: &BuyerId,
        after_sequence: u64,
        limit: usize,
    ) -> Result<Vec<NotedEntry>, FlowError> {
        let account = Account::Buyer(buyer.clone());
        self.settle_journal(account.clone()).await;
        Ok(self.records.noted_ledger(account, after_sequence, limit).await?)
    }

    /// Auctions, newest first; those that ended a moment ago may not be among them yet.
    ///
    /// # Errors
    /// [`FlowError::Records`].
    pub async fn auctions(&self, filter: AuctionFilter) -> Result<Vec<AuctionSummary>, FlowError> {
        Ok(self.records.auctions(filter).await?)
    }

    /// A buyer's account.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn balance(&self, buyer: &BuyerId) -> Result<AccountView, FlowError> {
        let account = Account::Buyer(buyer.clone());
        Ok(self.timed("balance", self.store.balance(account)).await?.account)
    }

    /// The present instant.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The runtime's instant that corresponds to a wall time.
    pub(super) fn instant_of(&self, at: Timestamp) -> Instant {
        let left_ms = ms_between(self.now(), at);
        Instant::now() + Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
    }

    /// The partitions of the store.
    pub(super) fn partitions(&self) -> impl Iterator<Item = Partition> + use<> {
        (0..self.store.partitions()).map(Partition)
    }
}
