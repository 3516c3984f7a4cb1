//! Going on where somebody stopped: a dead process, another node, or this one before a pause.
//!
//! Every open lead has a time at which somebody must look at it. Looking means claiming it (a new
//! fence; the old owner can change nothing any more) and going on from its durable state. A post
//! that was on its way counts as unknown (PROTOCOL a9).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::cascade::{SEAT, post_record};
use super::exchange::{Exchange, FlowError};
use super::plan::{AuctionPlan, Notes, OfferNotes, TakenNotes};
use super::resolve::turn_at;
use super::run::{Run, Stop};
use crate::domain::auction::{Account, HoldId, LeadState, LeadView, SeatState};
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::LeadId;
use crate::domain::post::Verdict;
use crate::domain::record::{Part, PostResult};
use crate::domain::time::plus_ms;
use crate::ports::auction_store::{Claimed, DuplicateClaim, Fenced, Outcome};

/// Pause between two sweeps for what nobody looks after.
const SWEEP_PAUSE: Duration = Duration::from_secs(2);
/// Leads taken up per partition and sweep.
const DUE_MAX: usize = 64;
/// Sweeps between two searches for holds of dead attempts.
const SWEEPS_PER_HOLD_SEARCH: u64 = 30;
/// A hold younger than this is not doubted, in milliseconds.
const HOLD_AGE_MIN_MS: i64 = 60_000;
/// Holds doubted per account and search.
const HOLDS_MAX: usize = 256;

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
        loop {
            self.sweep().await;
            self.unknown.count(self.now(), &self.metrics);
            self.breakers.count();
            if sweeps.is_multiple_of(SWEEPS_PER_HOLD_SEARCH) {
                self.free_dead_holds().await;
            }
            sweeps += 1;
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(SWEEP_PAUSE) => {}
            }
        }
    }

    /// One pass over all partitions.
    async fn sweep(self: &Arc<Self>) {
        if self.draining.is_cancelled() {
            return;
        }
        for partition in self.partitions() {
            match self.timed("due", self.store.due(partition, DUE_MAX)).await {
                Ok(due) => {
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
            Ok(Claim::NotOurs) => self.unknown.note(lead_id, None),
            Err(error) => tracing::error!(lead = %lead_id, %error, "resume.failed"),
        }
    }

    /// Claims a lead and opens what is known of it.
    pub(super) async fn take_over(&self, lead_id: LeadId) -> Result<Claim, FlowError> {
        let claim = self.store.claim(lead_id, self.node, self.post_lease_ms());
        let reply = self.timed("claim", claim).await?;
        match (reply.reply, reply.lead) {
            (Claimed::Claimed { fence }, Some(view)) => {
                let mut run = self.open(Arc::clone(&view)).await?;
                run.own(view, fence);
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
        let lead = self.vault.open_whole_lead(lead_id, &sealed).map_err(Stop::from)?;
        let mut run = Run::with_plan(self, lead, plan, self.snapshot());
        if let Some(taken) = TakenNotes::from_bytes(&view.taken) {
            run.go_on_taken(self, taken, OfferNotes::from_bytes(&view.offers));
        }
        run.view = Some(view);
        Ok(run)
    }

    async fn go_on_from(&self, run: &mut Run) -> Result<(), Stop> {
        let view = Arc::clone(run.view()?);
        match view.state {
            LeadState::Received if run.plan.deadline <= self.now() => {
                self.finish(run, Disposition::Unsold, Reason::Deadline).await
            }
            LeadState::Received => {
                // The claim is asked for beside `create`; its owner may have stopped in between.
                let claimed = self.claim_duplicate(run, false).await?;
                if matches!(claimed, Some(DuplicateClaim::Taken(_))) {
                    return self.refuse_duplicate(run).await;
                }
                run.invite_again(self);
                Box::pin(self.hold_auction(run)).await
            }
            LeadState::Decided => {
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
            verdict: Verdict::Unknown,
            due_at: Some(self.now()),
            closing: None,
            effects: run.take_parts(),
            record: None,
        };
        let reply = self.insist("outcome", || self.store.outcome(outcome.clone())).await?;
        run.refresh(reply.lead)
    }

    /// Does `work` while the lease is kept up.
    pub(super) async fn with_lease<T>(
        &self,
        lead_id: LeadId,
        fence: u64,
        work: impl Future<Output = T>,
    ) -> T {
        // Side by side: a slow renewal must not keep the work from its deadlines.
        tokio::select! {
            biased;
            done = work => done,
            never = self.keep_lease(lead_id, fence) => match never {},
        }
    }

    async fn keep_lease(&self, lead_id: LeadId, fence: u64) -> Infallible {
        let pause = Duration::from_millis(self.limits.renew_ms);
        loop {
            tokio::time::sleep(pause).await;
            let renew = self.store.renew(lead_id, fence, self.post_lease_ms());
            match self.timed("renew", renew).await {
                Ok(reply) if reply.reply == Fenced::Fenced => {
                    tracing::warn!(lead = %lead_id, "lease.lost");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(lead = %lead_id, %error, "lease.unrenewed"),
            }
        }
    }

    /// Gives holds back whose attempt is provably dead. A clock alone never ends a hold.
    async fn free_dead_holds(&self) {
        let until = plus_ms(self.now(), -HOLD_AGE_MIN_MS);
        for buyer in self.snapshot().buyers.keys() {
            let account = Account::Buyer(buyer.clone());
            let open = self.store.open_holds(account.clone(), until, HOLDS_MAX);
            let Ok(holds) = self.timed("open_holds", open).await else { return };
            for hold in holds {
                if let Err(error) = self.free_if_dead(&account, hold).await {
                    tracing::warn!(%error, "hold.unchecked");
                    return;
                }
            }
        }
    }

    async fn free_if_dead(&self, account: &Account, hold: HoldId) -> Result<(), FlowError> {
        let lead = self.timed("read", self.store.read(hold.lead_id)).await?.lead;
        let is_dead = match lead {
            None => true,
            Some(lead) => is_dead(&lead, &hold),
        };
        if is_dead {
            tracing::info!(lead = %hold.lead_id, campaign = %hold.campaign, "hold.freed");
            self.timed("void", self.store.void(account.clone(), hold)).await?;
        }
        Ok(())
    }
}

/// Whether a hold belongs to nothing that could still be sold to its campaign, and was not.
fn is_dead(lead: &LeadView, hold: &HoldId) -> bool {
    let Some(seat) = lead.seats.get(usize::from(hold.seat.saturating_sub(1))) else { return true };
    let campaign_at = |k: u16| lead.rank.get(usize::from(k)).map(|entry| &entry.campaign);
    if let SeatState::Sold { k } = seat.state {
        return campaign_at(k) != Some(&hold.campaign);
    }
    if lead.closing.is_some() {
        return true;
    }
    let place = lead.rank.iter().rposition(|entry| entry.campaign == hold.campaign);
    match (place, seat.last()) {
        (None, _) => lead.state == LeadState::Decided,
        (Some(place), Some(last)) => usize::from(last.k) > place,
        (Some(_), None) => false,
    }
}
