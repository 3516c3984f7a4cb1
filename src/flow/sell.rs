//! One lead, from the vendor's request to the vendor's answer: the order of the steps.
//!
//! ```text
//! take in -> who may buy it -> create (durable) -> ask them -> rank (durable, money held)
//!         -> for each candidate: intent (durable) -> post -> outcome (durable) -> answer
//! ```
//!
//! A sale runs as a task of its own on the main runtime: a vendor that hangs up does not end it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio::time::Instant;

use super::exchange::{Exchange, FlowError};
use super::offer::{answer_now, answer_to_ping};
use super::run::{Run, Stop};
use super::store_watch::jittered;
use super::waiting::{Active, Progress};
use crate::domain::auction::{LeadView, StoredAnswer};
use crate::domain::disposition::Disposition;
use crate::domain::ids::{LeadId, Partition};
use crate::domain::lead::{Lead, Submission};
use crate::domain::money::Money;
use crate::domain::slug::VendorId;
use crate::faults::planted;
use crate::ports::auction_store::{Created, DuplicateClaim};
use crate::vault::lead_day;

pub use crate::notify::answer::{Answer as FinalAnswer, PingAnswer};

/// First and longest pause between two looks at a lead that another node works on.
const POLL_PAUSE: Duration = Duration::from_millis(20);
/// See [`POLL_PAUSE`].
const POLL_PAUSE_MAX: Duration = Duration::from_millis(500);
/// How long the last look at a lead may take on top of the vendor's time: it is one read.
const LAST_LOOK: Duration = Duration::from_millis(25);
/// When to come again after an overload, in seconds.
pub(super) const RETRY_AFTER_S: u32 = 1;

/// What a vendor wants with what it submits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To sell it.
    Sale,
    /// To hear what it would bring.
    Offer,
}

impl Purpose {
    /// The route whose idempotency keys belong together.
    const fn route(self) -> &'static str {
        match self {
            Self::Sale => "/v1/leads",
            Self::Offer => "/v1/pings",
        }
    }

    /// The answer to a request with this purpose; `None` while there is none.
    fn answer(self, lead: &LeadView) -> Option<StoredAnswer> {
        match self {
            Self::Sale => lead.closing.as_ref().map(|closing| closing.answer.clone()),
            Self::Offer => answer_to_ping(lead),
        }
    }
}

/// What the vendor is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SellReply {
    /// The final answer.
    Answer {
        /// The lead.
        lead_id: LeadId,
        /// Status and body, byte for byte the same each time.
        answer: StoredAnswer,
        /// Whether this request repeats an earlier one.
        is_replay: bool,
    },
    /// There is no final answer yet.
    Pending {
        /// The lead.
        lead_id: LeadId,
    },
    /// The idempotency key is known with another body.
    KeyMismatch,
}

/// A request to sell a lead or to offer it, as a task of its own takes it.
struct Request {
    purpose: Purpose,
    vendor: VendorId,
    submission: Submission,
    idempotency_key: Option<String>,
    permit: OwnedSemaphorePermit,
}

/// How a request was taken in.
enum Opening {
    New { lead_id: LeadId, progress: watch::Receiver<Progress> },
    Known { lead: Arc<LeadView> },
    Mismatch,
}

impl Exchange {
    /// Sells a lead and waits up to `wait` for the answer; the sale goes on without the caller.
    ///
    /// # Errors
    /// [`FlowError::Overloaded`] and [`FlowError::Draining`] promise that nothing was taken in;
    /// after [`FlowError::Store`] and [`FlowError::StoreAway`] that is not known unless it says so,
    /// and the same request may be sent again.
    pub async fn sell(
        self: &Arc<Self>,
        vendor: &VendorId,
        submission: Submission,
        idempotency_key: Option<String>,
        wait: Duration,
    ) -> Result<SellReply, FlowError> {
        let (purpose, vendor, permit) = (Purpose::Sale, vendor.clone(), self.admit()?);
        let request = Request { purpose, vendor, submission, idempotency_key, permit };
        self.submit(request, wait).await.map_err(|error| self.outage(error))
    }

    /// Asks what a lead would bring and waits up to `wait` for the offers.
    ///
    /// # Errors
    /// As [`Exchange::sell`].
    pub async fn ping(
        self: &Arc<Self>,
        vendor: &VendorId,
        submission: Submission,
        idempotency_key: Option<String>,
        wait: Duration,
    ) -> Result<SellReply, FlowError> {
        let (purpose, vendor, permit) = (Purpose::Offer, vendor.clone(), self.admit()?);
        let request = Request { purpose, vendor, submission, idempotency_key, permit };
        self.submit(request, wait).await.map_err(|error| self.outage(error))
    }

    /// A place for one more auction on this node.
    pub(super) fn admit(&self) -> Result<OwnedSemaphorePermit, FlowError> {
        if self.draining.is_cancelled() {
            return Err(FlowError::Draining);
        }
        self.refuse_while_away()?;
        Arc::clone(&self.admission)
            .try_acquire_owned()
            .map_err(|_| FlowError::Overloaded { retry_after_s: RETRY_AFTER_S })
    }

    async fn submit(
        self: &Arc<Self>,
        request: Request,
        wait: Duration,
    ) -> Result<SellReply, FlowError> {
        let (purpose, answer_by) = (request.purpose, Instant::now() + wait);
        let (opened, opening) = oneshot::channel();
        let exchange = Arc::clone(self);
        let sale = async move { Box::pin(exchange.run_sale(request, opened)).await };
        self.tasks.spawn(&self.auctions, sale);
        let died =
            |_| FlowError::Bug("the sale's task ended before it took the lead in".to_owned());
        match opening.await.map_err(died)?? {
            Opening::New { lead_id, progress } => {
                Ok(self.await_answer(purpose, lead_id, progress, answer_by).await)
            }
            Opening::Known { lead } => self.join(purpose, &lead, answer_by).await,
            Opening::Mismatch => Ok(SellReply::KeyMismatch),
        }
    }

    /// The answer of a lead as it stands; `None` for an unknown lead or another vendor's.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn lead(
        &self,
        vendor: Option<&VendorId>,
        lead_id: LeadId,
    ) -> Result<Option<SellReply>, FlowError> {
        if lead_id.partition().0 >= self.store.partitions() {
            return Ok(None);
        }
        let reply = self.timed("read", self.store.read(lead_id)).await;
        let reply = reply.map_err(|error| self.outage(error.into()))?;
        let Some(lead) = reply.lead else { return Ok(None) };
        let is_own = vendor.is_none_or(|vendor| *vendor == lead.vendor);
        if !is_own && !planted("foreign_lead_shown") {
            return Ok(None);
        }
        let lead = self.expire_if_over(lead, reply.now).await?;
        Ok(Some(reply_of(lead_id, answer_now(&lead), false)))
    }

    /// The task: takes the lead in, tells the caller, and sells.
    async fn run_sale(
        self: Arc<Self>,
        request: Request,
        opened: oneshot::Sender<Result<Opening, FlowError>>,
    ) {
        let Request { purpose, vendor, submission, idempotency_key, permit: _permit } = request;
        let route = (&vendor, purpose.route());
        let key_digest = self.key_digest(route, &submission, idempotency_key.as_deref());
        let key_ttl_ms = self.key_ttl_ms(purpose, idempotency_key.is_some());
        let fingerprint = self.vault.fingerprint(&submission.canonical);
        let lead = self.mint(vendor, submission, &key_digest);
        let Some(active) = self.waiting.enter(lead.lead.id) else {
            let _ = opened.send(Err(FlowError::Bug("a lead id was minted twice".to_owned())));
            return;
        };
        // Consent comes with the post at the latest.
        let is_consent_missing = lead.consent_missing && purpose == Purpose::Sale;
        let mut run = Run::new(&self, lead.lead, lead.warnings, purpose);
        let refusal = run.consider(&self, is_consent_missing);
        let keyed = ((key_digest, key_ttl_ms), fingerprint);
        let create = match self.prepare_day(lead_day(run.lead.id)).await {
            Ok(()) => run.create(&self, keyed.0, keyed.1, refusal),
            Err(stop) => Err(stop),
        };
        let create = match create {
            Ok(create) => create,
            Err(stop) => {
                let _ = opened.send(Err(stop.into()));
                return;
            }
        };
        let is_closed = create.closing.is_some();
        let (asked_at, lease_ms) = (Instant::now(), create.lease_ms);
        let (created, claimed) = futures::join!(
            self.timed("create", self.store.create(create)),
            self.claim_duplicate(&run, is_closed)
        );
        let opening = match created {
            Err(error) => Err(error.into()),
            Ok(reply) => match (reply.reply, reply.lead) {
                (Created::Created { fence }, Some(view)) => {
                    if view.closing.is_none() {
                        self.leases.hold(view.lead_id, fence, (asked_at, lease_ms));
                    }
                    run.own(reply.now, view, fence);
                    Ok(Opening::New { lead_id: run.lead.id, progress: active.subscribe() })
                }
                (Created::Same, Some(lead)) => Ok(Opening::Known { lead }),
                (Created::Mismatch, _) => Ok(Opening::Mismatch),
                _ => Err(FlowError::Bug("the store created no lead".to_owned())),
            },
        };
        let is_new = matches!(opening, Ok(Opening::New { .. }));
        let has_failed = opening.is_err();
        let _ = opened.send(opening);
        if !is_new {
            // After an error the lead may be there all the same: the claim is its own then.
            if !has_failed || self.was_never_taken_in(run.lead.id).await {
                self.free_duplicate(&run).await;
            }
            return;
        }
        self.outbox.mark(run.lead.id);
        if is_closed {
            self.announce(&run, &active);
            return;
        }
        self.run_auction(run, claimed.ok(), &active).await;
    }

    /// Runs the auction of a lead that is ours; `claimed` is what came of claiming its consumer.
    async fn run_auction(
        self: &Arc<Self>,
        mut run: Run,
        claimed: Option<Option<DuplicateClaim>>,
        active: &Active,
    ) {
        self.metrics.auctions_in_flight.inc();
        let (lead_id, fence) = (run.lead.id, run.fence);
        let work = async {
            // Nobody is asked while it is not known whose consumer this is.
            let claimed = match claimed {
                Some(Some(claimed)) => Some(self.unless_ghost(&run, claimed).await?),
                Some(None) => None,
                None => self.claim_duplicate_surely(&run).await?,
            };
            match claimed {
                Some(DuplicateClaim::Taken(_)) if !planted("consumer_sold_twice") => {
                    self.refuse_duplicate(&mut run).await
                }
                _ => self.hold_auction(&mut run).await,
            }
        };
        let ended = self.with_lease(lead_id, fence, work).await;
        self.metrics.auctions_in_flight.dec();
        self.conclude(run, active, ended);
    }

    /// Asks, ranks, and fills the seat.
    pub(super) async fn hold_auction(&self, run: &mut Run) -> Result<(), Stop> {
        let round = self.ask_all(run).await;
        let Some(first) = run.rank(round) else {
            let reason = run.reason_without_rank();
            return self.finish(run, Disposition::Unsold, reason).await;
        };
        if run.wants_offer() {
            return self.make_offer(run).await;
        }
        let first_k = run.view()?.rank.len() as u16;
        let hold = run.hold_of(&first, run.store_now(self));
        let (decided, held) =
            futures::join!(self.decide(run.decide()), self.hold(hold, run.plan.test));
        run.refresh(decided?)?;
        // Another ranking may hold; and a hold without a reply is asked for again.
        let is_first = run.view()?.rank.get(usize::from(first_k)) == Some(&first);
        self.cascade(run, first_k, held.ok().filter(|_| is_first)).await
    }

    /// How long a request is known by its key: without one only while its answer is of use, so
    /// that a ping whose offer is over may be sent again as it was.
    fn key_ttl_ms(&self, purpose: Purpose, has_key: bool) -> u64 {
        let limits = &self.limits;
        match (has_key, purpose) {
            (true, _) => u64::from(limits.idempotency_days) * 86_400_000,
            (false, Purpose::Sale) => limits.auto_key_window_s * 1_000,
            (false, Purpose::Offer) => {
                let window_ms = limits.auto_key_window_s * 1_000;
                window_ms.min(limits.ping_round_ms + limits.offer_ttl_ms)
            }
        }
    }

    fn key_digest(
        &self,
        (vendor, route): (&VendorId, &str),
        submission: &Submission,
        idempotency_key: Option<&str>,
    ) -> [u8; 32] {
        match idempotency_key {
            Some(key) => self.vault.key_digest(vendor, route, key),
            None => {
                let fingerprint = self.vault.fingerprint(&submission.canonical);
                self.vault.automatic_key_digest(vendor, route, &fingerprint)
            }
        }
    }

    fn mint(&self, vendor: VendorId, submission: Submission, key_digest: &[u8; 32]) -> Minted {
        let received_at = self.now();
        let bits = u16::from_be_bytes([key_digest[0], key_digest[1]]);
        let partition = Partition(bits % self.store.partitions().max(1));
        let id = LeadId::new(partition, self.uuid_v7(received_at));
        let default_floor = self.snapshot().vendors.get(&vendor).and_then(|vendor| vendor.floor);
        let floor = submission.floor.or(default_floor).unwrap_or(Money::ZERO);
        let lead = Lead {
            id,
            vendor,
            vertical: submission.vertical,
            fields: submission.fields,
            consent: submission.consent,
            source: submission.source,
            submitted_at: submission.submitted_at,
            floor,
            received_at,
            test: submission.test,
        };
        let consent_missing = !submission.consent_missing.is_empty();
        Minted { lead, warnings: submission.warnings, consent_missing }
    }

    /// The bits of a `UUIDv7`: the millisecond, then randomness under version and variant.
    fn uuid_v7(&self, at: Timestamp) -> u128 {
        let ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid().as_u128()
    }

    /// Joins a lead that an earlier request with the same key brought in.
    pub(super) async fn join(
        &self,
        purpose: Purpose,
        lead: &LeadView,
        answer_by: Instant,
    ) -> Result<SellReply, FlowError> {
        let lead_id = lead.lead_id;
        if let Some(mut answer) = purpose.answer(lead) {
            if planted("replay_made_anew") {
                answer.body = [&answer.body[..], b" "].concat().into();
            }
            self.metrics.replays.inc();
            return Ok(SellReply::Answer { lead_id, answer, is_replay: true });
        }
        let reply = match self.waiting.join(lead_id) {
            Some(progress) => self.await_answer(purpose, lead_id, progress, answer_by).await,
            None => self.poll_answer(purpose, lead_id, answer_by).await,
        };
        Ok(reply.replayed())
    }

    /// Waits for the answer of a lead that this node works on.
    pub(super) async fn await_answer(
        &self,
        purpose: Purpose,
        lead_id: LeadId,
        mut progress: watch::Receiver<Progress>,
        answer_by: Instant,
    ) -> SellReply {
        let settled = progress.wait_for(|progress| *progress != Progress::Running);
        let settled = tokio::time::timeout_at(answer_by, settled).await;
        let heard = settled.ok().and_then(Result::ok).map(|progress| progress.clone());
        match heard {
            Some(Progress::Told(lead)) => match purpose.answer(&lead) {
                Some(answer) => SellReply::Answer { lead_id, answer, is_replay: false },
                None => self.poll_answer(purpose, lead_id, answer_by).await,
            },
            Some(Progress::Running | Progress::Parked) => SellReply::Pending { lead_id },
            Some(Progress::Elsewhere) => self.poll_answer(purpose, lead_id, answer_by).await,
            None => self.unheard(purpose, lead_id, progress).await,
        }
    }

    /// What is said to who waited in vain: pending, unless the lead ended elsewhere without a word.
    async fn unheard(
        &self,
        purpose: Purpose,
        lead_id: LeadId,
        progress: watch::Receiver<Progress>,
    ) -> SellReply {
        drop(progress);
        if self.waiting.forget_idle(lead_id) {
            let answer = self.look_for_answer(purpose, lead_id, Instant::now() + LAST_LOOK).await;
            return answer.unwrap_or(SellReply::Pending { lead_id });
        }
        SellReply::Pending { lead_id }
    }

    /// One look into the store for a lead's answer. That the lead is taken in is known, so a store
    /// that does not answer only means that there is no answer yet.
    async fn look_for_answer(
        &self,
        purpose: Purpose,
        lead_id: LeadId,
        until: Instant,
    ) -> Option<SellReply> {
        let read = self.timed("read", self.store.read(lead_id));
        let reply = tokio::time::timeout_at(until, read).await.ok()?.ok()?;
        let answer = purpose.answer(&*reply.lead?)?;
        Some(SellReply::Answer { lead_id, answer, is_replay: false })
    }

    /// Looks at a lead that nobody works on here until it has an answer or time is up.
    async fn poll_answer(
        &self,
        purpose: Purpose,
        lead_id: LeadId,
        answer_by: Instant,
    ) -> SellReply {
        let mut pause = POLL_PAUSE;
        loop {
            if let Some(answer) = self.look_for_answer(purpose, lead_id, answer_by).await {
                return answer;
            }
            let next = Instant::now() + jittered(pause, &*self.entropy);
            if next >= answer_by {
                return SellReply::Pending { lead_id };
            }
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return SellReply::Pending { lead_id },
                () = tokio::time::sleep_until(next) => {}
            }
            pause = (pause * 2).min(POLL_PAUSE_MAX);
        }
    }
}

/// A lead with its id, and what its submission said beside it.
struct Minted {
    lead: Lead,
    warnings: Vec<crate::domain::lead::Warning>,
    consent_missing: bool,
}

impl SellReply {
    /// The same to whoever repeats a request.
    fn replayed(self) -> Self {
        match self {
            Self::Answer { lead_id, answer, .. } => {
                Self::Answer { lead_id, answer, is_replay: true }
            }
            other => other,
        }
    }
}

fn reply_of(lead_id: LeadId, answer: Option<StoredAnswer>, is_replay: bool) -> SellReply {
    match answer {
        Some(answer) => SellReply::Answer { lead_id, answer, is_replay },
        None => SellReply::Pending { lead_id },
    }
}
