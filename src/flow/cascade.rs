//! Filling a seat: candidate after candidate, until one has the lead or nobody is left.
//!
//! Per candidate: money held, intent written, post sent, outcome written. A post whose fate is
//! unknown locks the seat: nobody else is asked until it is cleared up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::closing::PaidSeat;
use super::deliver::{Delivery, PostOrder};
use super::exchange::Exchange;
use super::news::News;
use super::run::{Run, Stop, part_bytes};
use crate::domain::auction::{Account, LeadView, RankEntry};
use crate::domain::bid::Lost;
use crate::domain::breaker::BreakerCall;
use crate::domain::campaign::CampaignState;
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::PostId;
use crate::domain::post::{PostOutcome, Verdict};
use crate::domain::record::{Fact, Part, PostAttempt, PostRecord, PostResult, Skipped};
use crate::faults::planted;
use crate::metrics::HoldResult;
use crate::ports::auction_store::{
    CapCharge, Credit, CreditKind, Decide, Effect, Fenced, Held, Hold, Intended, Intent, Outcome,
    Recorded, StoreError,
};
use crate::post::rendered::RenderedPost;
use crate::registry::snapshot::CompiledCampaign;
use crate::settle::caps::Charge;
use crate::settle::sale::{payout_op, split};
use crate::vault::lead_day;

/// The only seat of an exclusive lead.
pub(super) const SEAT: u8 = 1;
/// A post that has less time than this is not begun.
const POST_TIME_MIN: Duration = Duration::from_millis(250);

/// A charge in the store's words.
pub(super) fn charge_of(charge: Charge) -> CapCharge {
    let Charge { rule, counter, limit, add, ends_at } = charge;
    CapCharge { rule, counter, limit, add, ends_at }
}

/// One candidate whose turn it is.
pub(super) struct Turn {
    /// Index into the ranking.
    pub k: u16,
    /// Its place in the ranking.
    pub entry: RankEntry,
    /// The post's id.
    pub post_id: PostId,
}

/// Whether the campaign may still get leads: a lead that is gone on with after a restart meets the
/// registry as it is now.
const fn may_get_leads(campaign: &CompiledCampaign) -> bool {
    matches!(campaign.state, CampaignState::Active | CampaignState::Paused)
}

/// What came of a candidate's turn.
enum Tried {
    /// The seat is sold, or locked to this candidate.
    Settled,
    /// The next one's turn.
    Next,
    /// Time is up.
    OutOfTime,
}

impl Exchange {
    /// Writes a round's ranking; gives the lead with the ranking that holds.
    pub(super) async fn decide(&self, decide: Decide) -> Result<Option<Arc<LeadView>>, Stop> {
        let reply = self.insist("decide", || self.store.decide(decide.clone())).await?;
        match reply.reply {
            Fenced::Ok(_) => Ok(reply.lead),
            Fenced::Fenced => Err(Stop::Fenced),
        }
    }

    /// Holds money and cap room; test leads are out of both.
    pub(super) async fn hold(&self, hold: Hold, is_test: bool) -> Result<Held, StoreError> {
        if is_test {
            return Ok(Held::Held);
        }
        let (campaign, price) = (hold.hold.campaign.clone(), hold.amount);
        let held = match self.insist("hold", || self.store.hold(hold.clone())).await {
            // Such as a hold of another amount, left by a round that was never ranked. One
            // candidate's trouble must not keep the lead from the others.
            Err(error @ StoreError::Limit(_)) => {
                tracing::error!(%error, "hold.impossible");
                Held::Refused("hold".to_owned())
            }
            reply => {
                let held = reply?.reply;
                match &held {
                    Held::Held => self.no_room.bought(&campaign),
                    Held::Refused(rule) => self.no_room.refused(&campaign, rule, price),
                    Held::Voided | Held::Captured => {}
                }
                held
            }
        };
        self.metrics.holds(match held {
            Held::Held => HoldResult::Held,
            Held::Refused(_) | Held::Voided | Held::Captured => HoldResult::Refused,
        });
        Ok(held)
    }

    /// Asks the candidates from `k` on to take the lead. `first_hold` is the reply of a hold that
    /// was asked for candidate `k` already.
    pub(super) async fn cascade(
        &self,
        run: &mut Run,
        mut k: u16,
        mut first_hold: Option<Held>,
    ) -> Result<(), Stop> {
        loop {
            let view = Arc::clone(run.view()?);
            let Some(entry) = view.rank.get(usize::from(k)) else {
                let reason = unsold_reason(run, &view);
                return self.finish(run, Disposition::Unsold, reason).await;
            };
            let digest = self.vault.post_digest(run.lead.id, SEAT, &entry.campaign);
            let post_id = PostId::new(run.lead.id.partition(), digest);
            let turn = Turn { k, entry: entry.clone(), post_id };
            if let Some((lost_reason, rule)) = run.passed_over(k, entry) {
                if first_hold.take() == Some(Held::Held) {
                    run.give_back(&turn);
                }
                run.skip(&turn, lost_reason, rule.map(str::to_owned));
                k += 1;
                continue;
            }
            match self.try_candidate(run, &turn, first_hold.take()).await? {
                Tried::Settled => return Ok(()),
                Tried::Next => k += 1,
                Tried::OutOfTime => {
                    return self.finish(run, Disposition::Unsold, Reason::Deadline).await;
                }
            }
        }
    }

    async fn try_candidate(
        &self,
        run: &mut Run,
        turn: &Turn,
        first_hold: Option<Held>,
    ) -> Result<Tried, Stop> {
        let was_held = first_hold == Some(Held::Held);
        let is_out_of_time = Instant::now() + POST_TIME_MIN >= run.deadline;
        let is_expired = turn.entry.valid_until <= run.store_now(self);
        let campaign = run.snapshot.campaigns.get(&turn.entry.campaign).cloned();
        let campaign = campaign.filter(|campaign| may_get_leads(campaign));
        let campaign = match campaign {
            Some(campaign) if !is_out_of_time && !is_expired => campaign,
            _ => {
                if was_held {
                    run.give_back(turn);
                }
                if is_out_of_time {
                    return Ok(Tried::OutOfTime);
                }
                run.skip(turn, Lost::Expired, None);
                return Ok(Tried::Next);
            }
        };
        let post = match self.post_of(run, turn, &campaign).await {
            Ok(post) => post,
            Err(rule) => return Ok(Self::unsent(run, turn, was_held, rule)),
        };
        let ticket = match self.breakers.admit(&campaign, BreakerCall::Post, &*self.entropy) {
            Ok(ticket) => ticket,
            Err(reason) => {
                return Ok(Self::unsent(run, turn, was_held, reason.as_str().to_owned()));
            }
        };
        let held = match first_hold {
            Some(held) => held,
            None if planted("post_without_hold") => Held::Held,
            None => self.hold(run.hold_of(&turn.entry, run.store_now(self)), run.plan.test).await?,
        };
        if let Some(tried) = Self::without_hold(run, turn, held) {
            return Ok(tried);
        }
        // Counted from before the intent, which begins the lease: a post that is held up until
        // another owner may have taken over does not leave any more.
        let deadline = self.post_deadline(&campaign, run.deadline);
        self.intend(run, turn, (&post, deadline)).await?;
        let began = Instant::now();
        let (campaign, post, is_repeat) = (&*campaign, &post, false);
        let order = PostOrder { campaign, turn, post, is_repeat, deadline };
        let delivery = self.deliver(run, order).await;
        run.waited += began.elapsed();
        self.leases.call_is_over(run.lead.id);
        ticket.report(delivery.health);
        if self.may_be_of_another(run, &delivery.outcome) {
            self.make_sure_it_is_ours(run).await?;
        }
        self.record_delivery(run, turn, delivery).await?;
        let is_over = run.view()?.closing.is_some() || run.view()?.has_locked_seat();
        Ok(if is_over { Tried::Settled } else { Tried::Next })
    }

    /// Passes a candidate over whose post does not leave.
    fn unsent(run: &mut Run, turn: &Turn, was_held: bool, rule: String) -> Tried {
        if was_held {
            run.give_back(turn);
        }
        run.has_spared_post = true;
        run.skip(turn, Lost::PostNotSent, Some(rule));
        Tried::Next
    }

    /// Whether another owner may have posted meanwhile, so that what this post heard is not the whole
    /// truth: a buyer that has taken the other's refuses ours, as a duplicate.
    fn may_be_of_another(&self, run: &Run, outcome: &PostOutcome) -> bool {
        matches!(outcome, PostOutcome::Rejected { .. })
            && !self.leases.covers(run.lead.id, run.fence, Instant::now())
    }

    /// What comes of a candidate that cannot be posted to after its hold; `None` if it can.
    fn without_hold(run: &mut Run, turn: &Turn, held: Held) -> Option<Tried> {
        match held {
            // The store took its time.
            Held::Held if Instant::now() + POST_TIME_MIN >= run.deadline => {
                run.give_back(turn);
                Some(Tried::OutOfTime)
            }
            Held::Held => None,
            Held::Refused(rule) => {
                run.has_no_room = true;
                run.skip(turn, Lost::NoCapacity, Some(rule));
                Some(Tried::Next)
            }
            Held::Voided | Held::Captured => {
                run.skip(turn, Lost::Expired, Some("hold".to_owned()));
                Some(Tried::Next)
            }
        }
    }

    /// Renews the lease, or stops: what a buyer says to us is the whole truth only as long as nobody
    /// else may have sent the post.
    async fn make_sure_it_is_ours(&self, run: &Run) -> Result<(), Stop> {
        let (lead_id, fence, lease_ms) = (run.lead.id, run.fence, self.limits.lease_ms);
        let renew = || self.store.renew(lead_id, fence, lease_ms);
        match self.insist("renew", renew).await?.reply {
            Fenced::Ok(()) => Ok(()),
            Fenced::Fenced => Err(Stop::Fenced),
        }
    }

    /// Trip 3: after it, and only after it, the post may leave. The lease it begins outlives the
    /// post, which must be over by `deadline`.
    async fn intend(
        &self,
        run: &mut Run,
        turn: &Turn,
        (post, deadline): (&RenderedPost, Instant),
    ) -> Result<(), Stop> {
        if planted("post_before_intent") {
            return Ok(());
        }
        let day = lead_day(run.lead.id);
        self.prepare_day(day).await?;
        let sealed = self.vault.seal_post(turn.post_id, day, &post.to_bytes())?;
        let (lead_id, fence, asked_at) = (run.lead.id, run.fence, Instant::now());
        self.leases.call_begins(lead_id, deadline);
        let lease_ms = self.leases.wanted_ms(lead_id, self.limits.lease_ms);
        let intent = Intent {
            lead_id,
            fence,
            seat: SEAT,
            k: turn.k,
            campaign: turn.entry.campaign.clone(),
            post_id: turn.post_id,
            sealed_post: sealed.into(),
            lease_ms,
        };
        let reply = self.insist("intent", || self.store.intent(intent.clone())).await?;
        match reply.reply {
            Fenced::Ok(Intended::Ok) => {
                self.leases.extend(lead_id, fence, (asked_at, lease_ms));
                run.refresh(reply.lead)
            }
            Fenced::Ok(refused) => Err(Stop::Bug(format!("an intent was refused: {refused:?}"))),
            Fenced::Fenced => Err(Stop::Fenced),
        }
    }

    /// Trip 4: writes what became of a delivery; after it, and only after it, the vendor is told.
    pub(super) async fn record_delivery(
        &self,
        run: &mut Run,
        turn: &Turn,
        delivery: Delivery,
    ) -> Result<(), Stop> {
        let Delivery { outcome, attempts, health: _, replied } = delivery;
        let news = match outcome {
            PostOutcome::Accepted(acceptance) => {
                News::accepted(acceptance, attempts).bringing(replied)
            }
            PostOutcome::Rejected { reason } => News::of(Verdict::Rejected, &reason, attempts),
            PostOutcome::NotSent { reason } => News::of(Verdict::NotSent, &reason, attempts),
            PostOutcome::Unknown { reason } if planted("timeout_is_refusal") => {
                News::of(Verdict::Rejected, &reason, attempts)
            }
            PostOutcome::Unknown { reason } => {
                self.unknown.sent(run.lead.id);
                News::of(Verdict::Unknown, &reason, attempts)
            }
        };
        self.record_verdict(run, turn, news).await
    }

    /// Writes a verdict with all that follows from it.
    pub(super) async fn record_verdict(
        &self,
        run: &mut Run,
        turn: &Turn,
        news: News,
    ) -> Result<(), Stop> {
        let News { verdict, reason, attempts, redirect_url, replied } = news;
        let hold = run.hold_id(&turn.entry.campaign);
        let account = Account::Buyer(turn.entry.buyer.clone());
        let post = post_record(turn, result_of(verdict), reason, attempts);
        // Only the store knows whether another verdict stands: this node may have been frozen.
        let late_record = match verdict {
            Verdict::Accepted => self.conflict(&post),
            _ => Vec::new(),
        };
        run.parts.push(Part::Posted(post));
        let mut closing = None;
        let mut effects = Vec::new();
        match verdict {
            Verdict::Accepted => {
                let money = split(SEAT, turn.entry.price, run.plan.margin);
                let seats = [PaidSeat::sold(money, redirect_url, &turn.entry)];
                closing = Some(self.closing(run, Disposition::Sold, None, &seats));
                if !run.plan.test {
                    effects.push(Effect::Capture { account, hold, amount: turn.entry.price });
                    let is_paid = !planted("payout_forgotten");
                    effects.extend(is_paid.then(|| payout(run, money.payout)));
                }
            }
            Verdict::Rejected | Verdict::NotSent | Verdict::GivenUp => {
                if !run.plan.test && !planted("hold_not_voided") {
                    effects.push(Effect::Void { account, hold });
                }
            }
            Verdict::Unknown => {}
        }
        effects.extend(run.take_parts());
        run.due_at = (verdict == Verdict::Unknown).then(|| run.by_store(self, self.next_look(0)));
        let outcome = Outcome {
            lead_id: run.lead.id,
            seat: SEAT,
            k: turn.k,
            verdict,
            fence: fence_of(run, turn, verdict),
            due_at: run.due_at,
            closing,
            effects,
            late_record,
        };
        let Some(outcome) = self.unless_told_already(run, outcome)? else { return Ok(()) };
        let reply = self.insist("outcome", || self.store.outcome(outcome.clone())).await?;
        self.metrics.posts(&turn.entry.campaign, verdict);
        if reply.lead.as_ref().is_some_and(|lead| lead.fence != run.fence) {
            // Another owner's end of it, which that one counts.
            run.ended = None;
        }
        match reply.reply {
            Recorded::Recorded => self.after_verdict(run, turn, (verdict, replied)),
            Recorded::Already | Recorded::Stands(_) => {}
            Recorded::Conflict => {
                run.ended = None;
                self.metrics.conflicts.inc();
                tracing::error!(post = %turn.post_id, "post.conflict: accepted after another verdict");
            }
            Recorded::Fenced => return Err(Stop::Fenced),
            Recorded::Missing => return Err(Stop::Bug("there is no such attempt".to_owned())),
        }
        self.outbox.mark(run.lead.id);
        run.refresh(reply.lead)
    }

    /// What the record says of an acceptance that comes after another definite verdict.
    fn conflict(&self, post: &PostRecord) -> Vec<Bytes> {
        let (kind, at) = ("conflict".to_owned(), self.now());
        let fact = Fact { kind, at, post_id: Some(post.post_id), note: None, outcome: None };
        let post = PostRecord { outcome: PostResult::Conflict, ..post.clone() };
        [Part::Posted(post), Part::Fact(fact)].iter().map(part_bytes).collect()
    }
}

/// The credit of the vendor's share.
pub(super) fn payout(run: &Run, amount: crate::domain::money::Money) -> Effect {
    let Credit { account, op_id, kind, amount } = Credit {
        account: Account::Vendor(run.lead.vendor.clone()),
        op_id: payout_op(run.lead.id, SEAT),
        kind: CreditKind::Payout,
        amount,
    };
    Effect::Credit { account, op_id, kind, amount }
}

/// A post as recorded.
pub(super) fn post_record(
    turn: &Turn,
    outcome: PostResult,
    reason: Option<String>,
    attempts: Vec<PostAttempt>,
) -> PostRecord {
    PostRecord {
        post_id: turn.post_id,
        seat: SEAT,
        k: turn.k,
        campaign_id: turn.entry.campaign.clone(),
        buyer_id: turn.entry.buyer.clone(),
        price: turn.entry.price,
        outcome,
        reason,
        attempts,
    }
}

const fn result_of(verdict: Verdict) -> PostResult {
    match verdict {
        Verdict::Accepted => PostResult::Accepted,
        Verdict::Rejected => PostResult::Rejected,
        Verdict::NotSent => PostResult::NotSent,
        Verdict::Unknown => PostResult::Unknown,
        Verdict::GivenUp => PostResult::GivenUp,
    }
}

/// Why nobody took a lead that had bids.
fn unsold_reason(run: &Run, view: &LeadView) -> Reason {
    let was_posted = view.seats.iter().any(|seat| !seat.attempts.is_empty());
    if was_posted || run.has_spared_post {
        Reason::AllPostsRejected
    } else if run.has_no_room {
        Reason::NoCapacity
    } else {
        Reason::Deadline
    }
}

impl Run {
    /// Gives the hold of a candidate that is passed over back with the next write.
    fn give_back(&mut self, turn: &Turn) {
        if !self.plan.test {
            let account = Account::Buyer(turn.entry.buyer.clone());
            let hold = self.hold_id(&turn.entry.campaign);
            self.pending_effects.push(Effect::Void { account, hold });
        }
    }

    /// Notes that a candidate was passed over.
    fn skip(&mut self, turn: &Turn, lost_reason: Lost, rule: Option<String>) {
        let campaign_id = turn.entry.campaign.clone();
        self.parts.push(Part::Skipped(Skipped { campaign_id, lost_reason, rule }));
    }
}

/// The fence that a verdict needs: that nothing left is for the owner alone to say, since another
/// one may have sent the post since; and so is that a call is sold, which no buyer has said.
fn fence_of(run: &Run, turn: &Turn, verdict: Verdict) -> Option<u64> {
    let is_unsent = verdict == Verdict::NotSent && !planted("not_sent_whoever_owns");
    let is_ours_to_say = verdict == Verdict::Accepted && turn.is_by_call();
    (is_unsent || is_ours_to_say).then_some(run.fence)
}
