//! How a lead ends: the answer, the last part of the decision record, what is counted.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::exchange::Exchange;
use super::plan::{Notes, PostTerms};
use super::run::{Run, Stop};
use super::store_watch::jittered;
use super::waiting::{Active, Progress};
use crate::domain::auction::{Closing, LeadView, RankEntry, StoredAnswer};
use crate::domain::campaign::PostSemantics;
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::LeadId;
use crate::domain::lead::Lead;
use crate::domain::record::{Closed, Part, SeatMoney};
use crate::domain::time::ms_between;
use crate::faults::planted;
use crate::notify::answer::{Answer, AuctionSide, Sale, final_body, no_offer};
use crate::ports::auction_store::{DuplicateClaim, Effect, Fenced, Finished, Outcome, StoreError};
use crate::registry::snapshot::Snapshot;
use crate::settle::sale::total_payout;

/// How long a claim of a lead that nobody knows is doubted.
const GHOST_PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two looks at such a claim.
const GHOST_PAUSE: Duration = Duration::from_millis(20);
/// A lead that is older was taken in, or its claim would be free; in milliseconds.
const GHOST_AGE_MAX_MS: i64 = 120_000;

/// A seat that brings the vendor something.
#[derive(Debug, Clone)]
pub struct PaidSeat {
    /// What it brings.
    pub money: SeatMoney,
    /// Where the consumer may be sent next.
    pub redirect_url: Option<String>,
    /// Where a call is connected to.
    pub phone_number: Option<String>,
}

impl PaidSeat {
    /// A seat that is sold to a candidate.
    pub(super) fn sold(money: SeatMoney, redirect_url: Option<String>, entry: &RankEntry) -> Self {
        let terms = PostTerms::from_bytes(&entry.terms);
        let phone_number = terms.and_then(|terms| terms.phone_number);
        Self { money, redirect_url, phone_number }
    }
}

/// How an auction ended, for what is counted.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Why it was not sold.
    pub reason: Option<Reason>,
    /// From intake to the end.
    pub elapsed: Duration,
    /// The part of it that no buyer caused.
    pub overhead: Duration,
}

impl Exchange {
    /// Works out the end of a lead and adds it to the decision record.
    pub(super) fn closing(
        &self,
        run: &mut Run,
        disposition: Disposition,
        reason: Option<Reason>,
        seats: &[PaidSeat],
    ) -> Closing {
        let closed_at = self.now();
        let elapsed_ms = ms_between(run.plan.received_at, closed_at).max(0);
        let others_ms = i64::try_from((run.waited + run.paused).as_millis()).unwrap_or(i64::MAX);
        let overhead_ms = elapsed_ms.saturating_sub(others_ms).max(0);
        let money: Vec<SeatMoney> = seats.iter().map(|seat| seat.money).collect();
        let bids = run.view.as_ref().map_or(0, |view| view.rank.len());
        let sale = |seat: &PaidSeat| Sale {
            seat: seat.money.seat,
            payout: seat.money.payout,
            redirect_url: seat.redirect_url.clone(),
            phone_number: seat.phone_number.clone(),
        };
        let answer = Answer {
            lead_id: run.lead.id,
            disposition,
            reason,
            payout: total_payout(&money),
            currency: &run.plan.currency,
            sales: seats.iter().map(sale).collect(),
            warnings: &run.plan.warnings,
            auction: AuctionSide {
                id: run.lead.id.auction_id(),
                pinged: run.plan.pinged,
                bids: u32::try_from(bids).unwrap_or(u32::MAX),
                elapsed_ms,
            },
        };
        // A ping that brought no offer is answered as a ping, now and for ever.
        let is_ping_over = run.plan.is_ping && !run.was_offered();
        let body = if is_ping_over { no_offer(&answer) } else { final_body(&answer) };
        let elapsed = Duration::from_millis(elapsed_ms.unsigned_abs());
        run.ended = Some(Ended {
            reason,
            elapsed: elapsed.saturating_sub(run.paused),
            overhead: Duration::from_millis(overhead_ms.unsigned_abs()),
        });
        let closed = Closed { disposition, reason, closed_at, elapsed_ms, overhead_ms, money };
        run.parts.push(Part::Closed(closed));
        Closing { disposition, answer: StoredAnswer { status: 200, body: body.into() } }
    }

    /// The outcome as it is to be written. A planted bug tells the vendor of a sale first, while it is
    /// still being written.
    pub(super) fn unless_told_already(
        &self,
        run: &mut Run,
        outcome: Outcome,
    ) -> Result<Option<Outcome>, Stop> {
        if !planted("answer_before_durable") || outcome.closing.is_none() {
            return Ok(Some(outcome));
        }
        let mut view = LeadView::clone(run.view()?);
        view.closing.clone_from(&outcome.closing);
        run.view = Some(Arc::new(view));
        let store = Arc::clone(&self.store);
        self.tasks.spawn(&self.auctions, async move { drop(store.outcome(outcome).await) });
        Ok(None)
    }

    /// Ends a lead that brings nothing.
    pub(super) async fn finish(
        &self,
        run: &mut Run,
        disposition: Disposition,
        reason: Reason,
    ) -> Result<(), Stop> {
        let closing = self.closing(run, disposition, Some(reason), &[]);
        let mut effects = run.take_parts();
        effects.extend(run.plan.duplicate.map(|digest| Effect::FreeDuplicate { digest }));
        let (lead_id, fence) = (run.lead.id, run.fence);
        let finish = || self.store.finish(lead_id, fence, closing.clone(), effects.clone());
        let reply = self.insist("finish", finish).await?;
        match reply.reply {
            Fenced::Ok(Finished::Closed | Finished::Already) => run.refresh(reply.lead),
            Fenced::Ok(Finished::Busy) => {
                Err(Stop::Bug("a lead was to end while a post may be with a buyer".to_owned()))
            }
            Fenced::Fenced => Err(Stop::Fenced),
        }
    }

    /// The name under which a lead's consumer is claimed, where the tree asks for it.
    pub(super) fn duplicate_of(&self, snapshot: &Snapshot, lead: &Lead) -> Option<[u8; 32]> {
        let tree = snapshot.trees.get(&lead.vertical);
        tree.and_then(|tree| tree.duplicate_window_s).filter(|_| !lead.test)?;
        self.vault.lead_duplicate_digest(lead.vertical.as_str(), lead)
    }

    /// Claims the consumer for this lead, where the tree asks for it.
    pub(super) async fn claim_duplicate(
        &self,
        run: &Run,
        is_closed: bool,
    ) -> Result<Option<DuplicateClaim>, StoreError> {
        let (Some(digest), false) = (run.plan.duplicate, is_closed) else { return Ok(None) };
        let claim = self.store.claim_duplicate(digest, run.lead.id, duplicate_window_ms(run));
        self.timed("claim_duplicate", claim).await.map(Some)
    }

    /// As [`Exchange::claim_duplicate`], for a lead that is taken in: asks until it is known whose
    /// consumer this is.
    pub(super) async fn claim_duplicate_surely(
        &self,
        run: &Run,
    ) -> Result<Option<DuplicateClaim>, StoreError> {
        let Some(digest) = run.plan.duplicate else { return Ok(None) };
        let window_ms = duplicate_window_ms(run);
        let claim = || self.store.claim_duplicate(digest, run.lead.id, window_ms);
        let claimed = self.insist("claim_duplicate", claim).await?;
        self.unless_ghost(run, claimed).await.map(Some)
    }

    /// Sees through the claim of a lead that is not taken in: the same request at another node, or
    /// twice at this one, claims the consumer beside its `create`, and gives the claim back when
    /// it learns that its key is known.
    pub(super) async fn unless_ghost(
        &self,
        run: &Run,
        mut claimed: DuplicateClaim,
    ) -> Result<DuplicateClaim, StoreError> {
        let Some(digest) = run.plan.duplicate else { return Ok(claimed) };
        let believed_from = Instant::now() + GHOST_PATIENCE;
        loop {
            let DuplicateClaim::Taken(other) = claimed else { return Ok(claimed) };
            let minted = Timestamp::from_millisecond(other.minted_ms()).unwrap_or(Timestamp::MIN);
            if ms_between(minted, self.now()) > GHOST_AGE_MAX_MS || Instant::now() >= believed_from
            {
                return Ok(claimed);
            }
            if self.insist("read", || self.store.read(other)).await?.lead.is_some() {
                return Ok(claimed);
            }
            tokio::time::sleep(jittered(GHOST_PAUSE, &*self.entropy)).await;
            let window_ms = duplicate_window_ms(run);
            let claim = || self.store.claim_duplicate(digest, run.lead.id, window_ms);
            claimed = self.insist("claim_duplicate", claim).await?;
        }
    }

    /// Ends a lead whose consumer another lead has claimed.
    pub(super) async fn refuse_duplicate(&self, run: &mut Run) -> Result<(), Stop> {
        self.metrics.duplicates.inc();
        if run.round == 0 {
            run.plan.pinged = 0;
        }
        self.finish(run, Disposition::Refused, Reason::Duplicate).await
    }

    /// Whether the store says that there is no such lead.
    pub(super) async fn was_never_taken_in(&self, lead_id: LeadId) -> bool {
        let read = self.timed("read", self.store.read(lead_id)).await;
        read.is_ok_and(|reply| reply.lead.is_none())
    }

    /// Gives the claim of a lead that was not taken in back.
    pub(super) async fn free_duplicate(&self, run: &Run) {
        if let Some(digest) = run.plan.duplicate {
            let free = self.store.free_duplicate(digest, run.lead.id);
            let _ = self.timed("free_duplicate", free).await;
        }
    }

    /// Tells whoever waits, counts, and sees to what must be looked at again.
    pub(super) fn conclude(self: &Arc<Self>, run: Run, active: &Active, ended: Result<(), Stop>) {
        self.outbox.mark(run.lead.id);
        match ended {
            Ok(()) if run.is_offered() => self.announce_offer(&run, active),
            Ok(()) => self.announce(&run, active),
            Err(stop) => {
                match stop {
                    Stop::Fenced | Stop::Abandoned => {
                        tracing::info!(lead = %run.lead.id, %stop, "auction.left");
                    }
                    _ => tracing::error!(lead = %run.lead.id, %stop, "auction.stopped"),
                }
                // Whoever goes on with it, its answer will be in the store.
                active.publish(Progress::Elsewhere);
            }
        }
        if run.view.as_ref().is_some_and(|view| view.closing.is_some()) || run.is_offered() {
            self.leases.end(run.lead.id, run.fence);
        }
        self.unknown.note(run.lead.id, run.view.as_deref());
        self.unknown.count(self.now(), &self.metrics);
        let view = run.view.as_ref().filter(|view| view.closing.is_none());
        if let (Some(view), Some(due_at)) = (view, run.due_at)
            && view.has_locked_seat()
        {
            if !self.may_resolve_soon(&run) {
                active.publish(Progress::Parked);
            }
            // A later look is anybody's, by the sweep; a timer beside it would make two of one.
            let due = run.instant_by_store(self, due_at);
            if due <= Instant::now() + Duration::from_millis(self.limits.lease_ms) {
                self.schedule(run.lead.id, due);
            } else {
                let (exchange, lead_id, fence) = (Arc::clone(self), run.lead.id, run.fence);
                let release = async move { exchange.release(lead_id, fence).await };
                self.tasks.spawn(&self.auctions, release);
            }
        }
    }

    /// Publishes the final answer, if there is one, and counts the end.
    pub(super) fn announce(&self, run: &Run, active: &Active) {
        let Some(view) = &run.view else { return };
        let Some(closing) = &view.closing else { return };
        active.publish(Progress::Told(Arc::clone(view)));
        if let Some(ended) = run.ended {
            let (vertical, vendor) = (&run.lead.vertical, &run.lead.vendor);
            self.metrics.auctions(vertical, vendor, closing.disposition, ended.reason);
            self.metrics.auction_seconds(vertical, ended.elapsed);
            self.metrics.auction_overhead(vertical, ended.overhead);
            if closing.disposition == Disposition::Sold {
                self.metrics.submission_to_acceptance(vertical, ended.elapsed);
            }
        }
    }

    /// Whether an unknown post of this lead may be cleared up while the vendor waits.
    fn may_resolve_soon(&self, run: &Run) -> bool {
        let Some(view) = &run.view else { return false };
        let locked = view.seats.iter().filter(|seat| seat.state.is_locked());
        locked.filter_map(|seat| seat.last()).any(|attempt| {
            let campaign = run.snapshot.campaigns.get(&attempt.campaign);
            campaign.is_some_and(|campaign| {
                campaign.campaign.post_semantics != PostSemantics::AtMostOnce
            })
        })
    }

    /// Looks at a lead again at `due`, unless the node stops before.
    pub(super) fn schedule(self: &Arc<Self>, lead_id: LeadId, due: Instant) {
        let exchange = Arc::clone(self);
        self.tasks.spawn(&self.auctions, async move {
            tokio::select! {
                biased;
                () = exchange.draining.cancelled() => {}
                () = tokio::time::sleep_until(due) => exchange.resume(lead_id).await,
            }
        });
    }
}

fn duplicate_window_ms(run: &Run) -> u64 {
    let tree = run.snapshot.trees.get(&run.lead.vertical);
    let window_s = tree.and_then(|tree| tree.duplicate_window_s).unwrap_or(0);
    window_s.saturating_mul(1_000)
}
