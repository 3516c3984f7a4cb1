//! Going on where somebody stopped: a dead process, another node, or this one before a pause.
//!
//! Every open lead has a time at which somebody must look at it. Looking means claiming it (a new
//! fence; the old owner can change nothing any more) and going on from its durable state. A post
//! that was on its way counts as unknown (PROTOCOL a9).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use super::cascade::{SEAT, post_record};
use super::exchange::{Exchange, FlowError};
use super::holds::HoldSearch;
use super::plan::{AuctionPlan, Notes, OfferNotes, TakenNotes};
use super::resolve::turn_at;
use super::run::{Run, Stop};
use super::store_watch::jittered;
use super::waiting::Progress;
use crate::domain::auction::{LeadState, LeadView, Seat, SeatState};
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::{LeadId, Partition};
use crate::domain::post::Verdict;
use crate::domain::record::{Part, PostResult};
use crate::faults::planted;
use crate::ports::auction_store::{Claimed, DuplicateClaim, Fenced, Outcome, StoreError};

/// Longest pause between two sweeps for what nobody looks after; half a lease where that is less,
/// so that an orphan is found within two leases.
const SWEEP_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Partitions asked at once what is due in them.
const PARTITIONS_AT_ONCE: usize = 16;
/// Leads taken up per partition and sweep.
const DUE_MAX: usize = 64;
/// Sweeps between two searches for holds of dead attempts.
const SWEEPS_PER_HOLD_SEARCH: u64 = 30;

/// What came of claiming a lead.
pub(super) enum Claim {
    /// It is ours.
    Ours(Box<Run>),
    /// It waits for the vendor's post, as of this time of the store.
    Offered(Arc<LeadView>, Timestamp),
    /// It is over or another's.
    NotOurs,
}

impl Exchange {
    /// Takes up what is due, for ever; ends when the node stops.
    pub(super) async fn sweep_for_ever(self: &Arc<Self>) {
        let mut sweeps: u64 = 0;
        let mut search = HoldSearch::default();
        loop {
            self.sweep().await;
            self.recall_unknown().await;
            self.unknown.count(self.now(), &self.metrics);
            self.breakers.count();
            if sweeps.is_multiple_of(SWEEPS_PER_HOLD_SEARCH) {
                self.free_dead_holds(&mut search).await;
            }
            sweeps += 1;
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(self.sweep_pause()) => {}
            }
        }
    }

    fn sweep_pause(&self) -> Duration {
        let half_a_lease = Duration::from_millis(self.limits.lease_ms) / 2;
        jittered(half_a_lease.min(SWEEP_PAUSE_MAX * 3 / 4), &*self.entropy)
    }

    /// One pass over all partitions, each time in another order: nodes that sweep at the same time
    /// do not all reach for the same leads.
    async fn sweep(self: &Arc<Self>) {
        if self.draining.is_cancelled() || self.store_watch.away().is_some() {
            return;
        }
        let mut looks = stream::iter(self.shuffled_partitions())
            .map(async |partition| self.timed("due", self.store.due(partition, DUE_MAX)).await)
            .buffer_unordered(PARTITIONS_AT_ONCE);
        while let Some(look) = looks.next().await {
            match look {
                Ok(due) => {
                    let due = due.into_iter().filter(|_| !planted("orphans_left"));
                    for lead in due {
                        let exchange = Arc::clone(self);
                        let work = async move { exchange.resume(lead.lead_id).await };
                        self.tasks.spawn(&self.auctions, work);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "sweep.failed");
                    return;
                }
            }
        }
    }

    /// All partitions in a random order (Fisher and Yates).
    fn shuffled_partitions(&self) -> Vec<Partition> {
        let mut partitions: Vec<Partition> = self.partitions().collect();
        let mut random = vec![0; partitions.len() * 2];
        self.entropy.fill(&mut random);
        for (place, bytes) in random.chunks_exact(2).enumerate().skip(1) {
            let other = usize::from(u16::from_be_bytes([bytes[0], bytes[1]])) % (place + 1);
            partitions.swap(place, other);
        }
        partitions
    }

    /// Looks up the unknown posts that somebody else should have looked at by now: another node
    /// may have settled them.
    async fn recall_unknown(&self) {
        for lead_id in self.unknown.unheard_of(self.now()) {
            let Ok(reply) = self.timed("read", self.store.read(lead_id)).await else { return };
            self.unknown.look_up(lead_id, reply.lead.as_deref(), self.now());
        }
    }

    /// Goes on with a lead, unless this node is at it or another owns it.
    pub(super) async fn resume(self: &Arc<Self>, lead_id: LeadId) {
        let Some(active) = self.waiting.enter(lead_id) else { return };
        match self.take_over(lead_id).await {
            Ok(Claim::Ours(mut run)) => {
                let fence = run.fence;
                let work = Box::pin(self.go_on_from(&mut run));
                let ended = self.with_lease(lead_id, fence, work).await;
                self.conclude(*run, &active, ended);
            }
            Ok(Claim::Offered(view, now)) => {
                if let Err(error) = self.expire_if_over(view, now).await {
                    tracing::error!(lead = %lead_id, %error, "expire.failed");
                }
            }
            Ok(Claim::NotOurs) => {
                // Who joined in this moment must not wait for an answer of ours.
                active.publish(Progress::Elsewhere);
                self.unknown.note(lead_id, None);
            }
            Err(error) => {
                active.publish(Progress::Elsewhere);
                tracing::error!(lead = %lead_id, %error, "resume.failed");
            }
        }
    }

    /// Claims a lead and opens what is known of it.
    pub(super) async fn take_over(&self, lead_id: LeadId) -> Result<Claim, FlowError> {
        let (asked_at, lease_ms) = (Instant::now(), self.limits.lease_ms);
        let claim = self.store.claim(lead_id, self.node, lease_ms);
        let reply = self.timed("claim", claim).await?;
        match (reply.reply, reply.lead) {
            (Claimed::Claimed { fence }, Some(view)) => {
                self.leases.hold(lead_id, fence, (asked_at, lease_ms));
                let is_parked = |seat: &Seat| matches!(seat.state, SeatState::Unknown { .. });
                if !view.seats.iter().any(is_parked) {
                    self.metrics.take_overs();
                    tracing::info!(lead = %lead_id, "lead.taken_over");
                }
                let mut run = self.open(Arc::clone(&view)).await?;
                run.own(reply.now, view, fence);
                run.keep_deadline(self);
                Ok(Claim::Ours(Box::new(run)))
            }
            (_, Some(view)) if matches!(view.state, LeadState::Offered { .. }) => {
                Ok(Claim::Offered(view, reply.now))
            }
            _ => Ok(Claim::NotOurs),
        }
    }

    /// Opens what is kept of a lead.
    pub(super) async fn open(&self, view: Arc<LeadView>) -> Result<Run, FlowError> {
        let lead_id = view.lead_id;
        let sealed = self.timed("sealed_lead", self.store.sealed_lead(lead_id)).await?;
        let plan = AuctionPlan::from_bytes(&view.plan);
        let (Some(sealed), Some(plan)) = (sealed, plan) else {
            return Err(FlowError::Bug("an open lead has lost its data or its plan".to_owned()));
        };
        self.meet_registry_of(&view).await;
        let lead = self.with_day_key(|| self.vault.open_whole_lead(lead_id, &sealed)).await?;
        let mut run = Run::with_plan(self, lead, plan, self.snapshot());
        if let Some(taken) = TakenNotes::from_bytes(&view.taken) {
            run.go_on_taken(self, taken, OfferNotes::from_bytes(&view.offers));
        }
        run.view = Some(view);
        Ok(run)
    }

    /// Makes sure that this node knows the registry that a lead was taken in under: it may be newer
    /// than the one that was read last.
    async fn meet_registry_of(&self, view: &LeadView) {
        if view.registry_version > self.snapshot().version
            && let Err(error) = self.administration().refresh().await
        {
            tracing::warn!(error = error.to_string(), "registry.refresh_failed");
        }
    }

    async fn go_on_from(&self, run: &mut Run) -> Result<(), Stop> {
        let view = Arc::clone(run.view()?);
        match view.state {
            LeadState::Received if run.deadline <= Instant::now() => {
                self.finish(run, Disposition::Unsold, Reason::Deadline).await
            }
            LeadState::Received => {
                // The claim is asked for beside `create`; its owner may have stopped in between.
                let claimed = self.claim_duplicate_surely(run).await?;
                if matches!(claimed, Some(DuplicateClaim::Taken(_))) {
                    return self.refuse_duplicate(run).await;
                }
                run.invite_again(self);
                Box::pin(self.hold_auction(run)).await
            }
            LeadState::Decided => {
                if planted("ranked_again") && view.seats.iter().all(|seat| seat.attempts.is_empty())
                {
                    run.invite_again(self);
                    return Box::pin(self.hold_auction(run)).await;
                }
                self.doubt_posting(run, &view).await?;
                if run.view()?.has_locked_seat() {
                    Box::pin(self.look_again(run)).await
                } else if run.is_just_taken() {
                    Box::pin(self.sell_taken(run)).await
                } else {
                    Box::pin(self.go_on_anew(run)).await
                }
            }
            LeadState::Offered { .. } | LeadState::Closed => Ok(()),
        }
    }

    /// A post that was on its way when its owner stopped counts as unknown.
    async fn doubt_posting(&self, run: &mut Run, view: &LeadView) -> Result<(), Stop> {
        let state = view.seats.first().map(|seat| seat.state);
        let Some(SeatState::Posting { k }) = state else { return Ok(()) };
        if let Some(turn) = turn_at(view, k) {
            let reason = Some("interrupted".to_owned());
            let post = post_record(&turn, PostResult::Unknown, reason, Vec::new());
            run.parts.push(Part::Posted(post));
        }
        let outcome = Outcome {
            lead_id: run.lead.id,
            seat: SEAT,
            k,
            verdict: match planted("interrupted_is_not_sent") {
                true => Verdict::NotSent,
                false => Verdict::Unknown,
            },
            fence: None,
            due_at: Some(run.store_now(self)),
            closing: None,
            effects: run.take_parts(),
            late_record: Vec::new(),
        };
        let reply = self.insist("outcome", || self.store.outcome(outcome.clone())).await?;
        run.refresh(reply.lead)
    }

    /// Does `work` while the lease is kept up, until it is done or the node must stop.
    ///
    /// A lease that is lost does not end the work: whatever it does next in the store is refused,
    /// except for the outcome of a post that is on its way, which is a fact.
    pub(super) async fn with_lease(
        &self,
        lead_id: LeadId,
        fence: u64,
        work: impl Future<Output = Result<(), Stop>>,
    ) -> Result<(), Stop> {
        // Side by side: a slow renewal must not keep the work from its deadlines.
        tokio::select! {
            biased;
            done = work => done,
            () = self.abandoned.cancelled() => Err(Stop::Abandoned),
            never = self.keep_lease(lead_id, fence) => match never {},
        }
    }

    async fn keep_lease(&self, lead_id: LeadId, fence: u64) -> Infallible {
        let pause = Duration::from_millis(self.limits.renew_ms);
        loop {
            tokio::time::sleep(pause).await;
            match self.renew(lead_id, fence).await {
                Ok(()) => {}
                Err(Stop::Fenced) => std::future::pending().await,
                // Counted, and told once for all leads: see `store_watch`.
                Err(stop) => tracing::debug!(lead = %lead_id, %stop, "lease.unrenewed"),
            }
        }
    }

    /// Moves the end of a lease of ours; it stays as long as a call under way needs it.
    async fn renew(&self, lead_id: LeadId, fence: u64) -> Result<(), Stop> {
        let lease_ms = self.leases.wanted_ms(lead_id, self.limits.lease_ms);
        let asked_at = Instant::now();
        let reply = self.timed("renew", self.store.renew(lead_id, fence, lease_ms)).await?;
        match reply.reply {
            Fenced::Ok(()) => {
                self.leases.extend(lead_id, fence, (asked_at, lease_ms));
                Ok(())
            }
            Fenced::Fenced => {
                self.leases.end(lead_id, fence);
                self.metrics.leases_lost();
                tracing::warn!(lead = %lead_id, "lease.lost");
                Err(Stop::Fenced)
            }
        }
    }

    /// Makes sure that a lead is ours for as long as a call until `until` may take.
    pub(super) async fn cover(&self, run: &Run, until: Instant) -> Result<(), Stop> {
        let (lead_id, fence) = (run.lead.id, run.fence);
        self.leases.call_begins(lead_id, until);
        while !self.leases.covers(lead_id, fence, until) {
            match self.renew(lead_id, fence).await {
                Err(Stop::Store(StoreError::Unavailable(_) | StoreError::Full(_))) => {
                    self.store_is_back().await;
                }
                renewed => return renewed,
            }
        }
        Ok(())
    }

    /// Ends a lease of ours at once, so that whoever looks next may have the lead.
    pub(super) async fn release(&self, lead_id: LeadId, fence: u64) {
        self.leases.end(lead_id, fence);
        if let Err(error) = self.timed("renew", self.store.renew(lead_id, fence, 0)).await {
            tracing::debug!(lead = %lead_id, %error, "lease.not_handed_back");
        }
    }
}
