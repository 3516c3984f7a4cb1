//! Finding out what became of a post whose fate is unknown (PROTOCOL a7).
//!
//! An idempotent buyer gets the same bytes under the same key again; a queryable one is asked at
//! its status URL; with any other, only an operator's word or the end of the window settles it.
//! Until then the seat stays locked: the lead goes to nobody else.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::cascade::{SEAT, Turn, payout, post_record};
use super::closing::PaidSeat;
use super::deliver::PostOrder;
use super::exchange::Exchange;
use super::news::News;
use super::plan::{Notes, PostTerms};
use super::run::{Invited, Run, Stop};
use super::unknown::QUIET;
use crate::domain::auction::{Account, Attempt, LeadView, SeatState};
use crate::domain::breaker::BreakerCall;
use crate::domain::campaign::{OnUnknown, PostSemantics};
use crate::domain::disposition::Disposition;
use crate::domain::ids::PostId;
use crate::domain::post::{PostOutcome, StatusAnswer, Verdict};
use crate::domain::record::{Fact, Part, PostAttempt, PostResult};
use crate::domain::time::{ms_between, plus_ms};
use crate::faults::planted;
use crate::ports::auction_store::{Effect, Fenced, Finished, Unresolved};
use crate::post::rendered::RenderedPost;
use crate::registry::snapshot::CompiledCampaign;
use crate::settle::sale::paid_at_own_risk;

/// What one look at an unknown post found.
enum Look {
    Verdict(News),
    StillUnknown(Option<PostAttempt>),
}

impl Exchange {
    /// Looks once at the unknown post of a lead that is ours, and goes on from what it finds.
    pub(super) async fn look_again(&self, run: &mut Run) -> Result<(), Stop> {
        let view = Arc::clone(run.view()?);
        let (Some(turn), Some(intended_at)) =
            (unknown_turn(&view), last_attempt(&view).map(|last| last.intended_at))
        else {
            return Ok(());
        };
        let age_ms = ms_between(intended_at, run.store_now(self));
        let since_ms = ms_between(run.plan.received_at, self.now());
        run.waited = Duration::from_millis(since_ms.unsigned_abs());
        if turn.is_by_call() {
            return self.settle_call(run, &turn).await;
        }
        let campaign = run.snapshot.campaigns.get(&turn.entry.campaign).cloned();
        let on_unknown = campaign.as_ref().map(|campaign| campaign.campaign.on_unknown);
        if let Some(OnUnknown::ResellAfterS(after_s)) = on_unknown
            && age_ms >= seconds_ms(after_s)
        {
            return self.give_up(run, &turn).await;
        }
        let is_over = age_ms >= seconds_ms(self.limits.unresolved_after_s);
        if is_over || (planted("unresolved_too_soon") && age_ms >= 5_000) {
            return self.unresolve(run, &turn, on_unknown).await;
        }
        let began = Instant::now();
        let look = match &campaign {
            Some(campaign) => self.look(run, campaign, &turn, age_ms).await?,
            None => Look::StillUnknown(None),
        };
        run.waited += began.elapsed();
        match look {
            Look::Verdict(mut news) => {
                news.attempts.splice(..0, self.unknown.attempts(run.lead.id));
                self.record_verdict(run, &turn, news).await?;
                self.go_on(run).await
            }
            Look::StillUnknown(attempt) => {
                self.look_later(run, (intended_at, on_unknown), attempt).await
            }
        }
    }

    /// After a verdict: nothing if the lead is over, else the candidates that are left.
    pub(super) async fn go_on(&self, run: &mut Run) -> Result<(), Stop> {
        let view = Arc::clone(run.view()?);
        if view.closing.is_some() || view.has_locked_seat() {
            return Ok(());
        }
        self.cascade(run, next_k(&view), None).await
    }

    async fn look(
        &self,
        run: &Run,
        campaign: &CompiledCampaign,
        turn: &Turn,
        age_ms: i64,
    ) -> Result<Look, Stop> {
        match campaign.campaign.post_semantics {
            PostSemantics::Idempotent if planted("never_repeated") => Ok(Look::StillUnknown(None)),
            PostSemantics::Queryable if planted("never_asked") => Ok(Look::StillUnknown(None)),
            PostSemantics::Idempotent => self.repeat(run, campaign, turn).await,
            PostSemantics::Queryable => self.ask(run, campaign, turn, age_ms).await,
            PostSemantics::AtMostOnce => Ok(Look::StillUnknown(None)),
        }
    }

    /// Asks the buyer at the URL that was registered when the post left.
    async fn ask(
        &self,
        run: &Run,
        campaign: &CompiledCampaign,
        turn: &Turn,
        age_ms: i64,
    ) -> Result<Look, Stop> {
        let is_quiet = is_quiet(age_ms) && self.unknown.is_quiet(run.lead.id);
        if !campaign.campaign.is_native() {
            let asked = self.inquire_by_profile(run, campaign, turn).await;
            return Ok(match asked {
                Some((answer, attempt)) => read_inquiry(answer, attempt, is_quiet),
                None => Look::StillUnknown(None),
            });
        }
        let post = self.kept_post(turn).await?;
        let Some(status_url) = post.and_then(|post| post.status_url) else {
            return Ok(Look::StillUnknown(None));
        };
        let (answer, attempt) = self.inquire(campaign, &status_url, turn.post_id).await;
        Ok(read_inquiry(answer, attempt, is_quiet))
    }

    /// The post as it left; `None` once its bytes are gone.
    async fn kept_post(&self, turn: &Turn) -> Result<Option<RenderedPost>, Stop> {
        let kept = self.insist("sealed_post", || self.store.sealed_post(turn.post_id)).await?;
        let Some(kept) = kept.filter(|kept| !kept.sealed.is_empty()) else { return Ok(None) };
        let open = || self.vault.open_post(turn.post_id, &kept.sealed);
        let opened = self.with_day_key(open).await?;
        match RenderedPost::from_bytes(&opened) {
            Some(post) => Ok(Some(post)),
            None => Err(Stop::Bug("a sealed post cannot be read".to_owned())),
        }
    }

    /// Sends the very same bytes under the same key again.
    async fn repeat(
        &self,
        run: &Run,
        campaign: &CompiledCampaign,
        turn: &Turn,
    ) -> Result<Look, Stop> {
        let Some(mut post) = self.kept_post(turn).await? else {
            return Ok(Look::StillUnknown(None));
        };
        if planted("repeat_differs") {
            post.body = [&post.body[..], b" "].concat().into();
        }
        let deadline = Instant::now() + Duration::from_millis(self.limits.post_ms);
        self.cover(run, deadline).await?;
        // A repeat clears up an unknown post, so no breaker keeps it back.
        let ticket = self.breakers.pass(campaign, BreakerCall::Post);
        let (post, is_repeat) = (&post, true);
        let order = PostOrder { campaign, turn, post, is_repeat, deadline };
        let delivery = self.deliver(run, order).await;
        self.leases.call_is_over(run.lead.id);
        ticket.report(delivery.health);
        let mut attempts = delivery.attempts;
        let news = match delivery.outcome {
            PostOutcome::Accepted(acceptance) => {
                News::accepted(acceptance, attempts).bringing(delivery.replied)
            }
            PostOutcome::Rejected { reason } => News::of(Verdict::Rejected, &reason, attempts),
            // A repeat that did not arrive says nothing about the first delivery.
            PostOutcome::NotSent { reason } if planted("repeat_not_sent_is_not_sent") => {
                News::of(Verdict::NotSent, &reason, attempts)
            }
            PostOutcome::NotSent { .. } | PostOutcome::Unknown { .. } => {
                return Ok(Look::StillUnknown(attempts.pop()));
            }
        };
        Ok(Look::Verdict(news))
    }

    /// Says when to look again. Without an attempt there is nothing to try: only an operator's
    /// word, or the end of the window, settles it.
    async fn look_later(
        &self,
        run: &mut Run,
        (intended_at, on_unknown): (Timestamp, Option<OnUnknown>),
        attempt: Option<PostAttempt>,
    ) -> Result<(), Stop> {
        let window_ends_at = plus_ms(intended_at, seconds_ms(self.limits.unresolved_after_s));
        let mut due_at = window_ends_at;
        if let Some(attempt) = attempt {
            self.unknown.remember(run.lead.id, attempt);
            let age_ms = ms_between(intended_at, run.store_now(self));
            due_at = due_at.min(run.by_store(self, self.next_look(age_ms)));
        }
        if let Some(OnUnknown::ResellAfterS(after_s)) = on_unknown {
            due_at = due_at.min(plus_ms(intended_at, seconds_ms(after_s)));
        }
        run.due_at = Some(due_at);
        let postpone = || self.store.postpone(run.lead.id, run.fence, due_at);
        let reply = self.insist("postpone", postpone).await?;
        match reply.reply {
            Fenced::Ok(()) => run.refresh(reply.lead),
            Fenced::Fenced => Err(Stop::Fenced),
        }
    }

    /// Leaves an unknown post by the campaign's contract and asks everybody else anew.
    async fn give_up(&self, run: &mut Run, turn: &Turn) -> Result<(), Stop> {
        run.parts.push(Part::Fact(fact("given_up", self.now(), turn.post_id, None)));
        let attempts = self.unknown.attempts(run.lead.id);
        let news = News::of(Verdict::GivenUp, "resell_after", attempts);
        self.record_verdict(run, turn, news).await?;
        if run.view()?.closing.is_some() {
            return Ok(());
        }
        self.ask_everybody_else(run).await
    }

    /// The round after a post that was given up: among everybody who may not have the lead already.
    pub(super) async fn ask_everybody_else(&self, run: &mut Run) -> Result<(), Stop> {
        let view = Arc::clone(run.view()?);
        run.invite_again(self);
        let may_have_it: Vec<_> =
            given_up(&view).filter_map(|attempt| view.rank.get(usize::from(attempt.k))).collect();
        run.invited.retain(|Invited { campaign, .. }| {
            may_have_it.iter().all(|entry| {
                campaign.buyer_id != entry.buyer
                    && campaign.buyer.legal_entity() != entry.legal_entity
            })
        });
        run.count_pinged();
        self.begin_anew(run);
        Box::pin(self.hold_auction(run)).await
    }

    /// Gives the round after a post that was given up the time of an auction of its own.
    fn begin_anew(&self, run: &mut Run) {
        run.deadline = Instant::now() + Duration::from_millis(self.limits.auction_ms);
    }

    /// Goes on with a lead that was taken over and has no post on its way.
    pub(super) async fn go_on_anew(&self, run: &mut Run) -> Result<(), Stop> {
        let view = Arc::clone(run.view()?);
        let rounds_given_up = given_up(&view).count();
        if rounds_given_up == 0 {
            return self.go_on(run).await;
        }
        let was_given_up = last_attempt(&view).and_then(|last| last.verdict);
        if was_given_up == Some(Verdict::GivenUp) && usize::from(view.rounds) <= rounds_given_up {
            return self.ask_everybody_else(run).await;
        }
        self.begin_anew(run);
        self.go_on(run).await
    }

    /// The end of the window: nobody is billed, the lead is not resold, the vendor is told.
    async fn unresolve(
        &self,
        run: &mut Run,
        turn: &Turn,
        on_unknown: Option<OnUnknown>,
    ) -> Result<(), Stop> {
        let mut effects = Vec::new();
        let mut seats = Vec::new();
        let (reason, attempts) = ("unresolved".to_owned(), self.unknown.attempts(run.lead.id));
        let post = post_record(turn, PostResult::Unknown, Some(reason), attempts);
        run.parts.push(Part::Posted(post));
        if on_unknown == Some(OnUnknown::PayVendor) {
            let money = paid_at_own_risk(SEAT, turn.entry.price, run.plan.margin);
            seats.push(PaidSeat { money, redirect_url: None, phone_number: None });
            if !run.plan.test {
                effects.push(payout(run, money.payout));
            }
            run.parts.push(Part::Fact(fact("paid_vendor", self.now(), turn.post_id, None)));
        }
        if !run.plan.test {
            let account = Account::Buyer(turn.entry.buyer.clone());
            let hold = run.hold_id(&turn.entry.campaign);
            effects.push(Effect::Void { account, hold });
        }
        let closing = self.closing(run, Disposition::Unresolved, None, &seats);
        effects.extend(run.take_parts());
        let unresolved = Unresolved {
            lead_id: run.lead.id,
            seat: SEAT,
            k: turn.k,
            closing: Some(closing),
            effects,
        };
        let end = || self.store.unresolved(unresolved.clone());
        let reply = self.insist("unresolved", end).await?;
        match reply.reply {
            Finished::Closed | Finished::Already => run.refresh(reply.lead),
            // It came to be known meanwhile: a word that was said to have failed was heard late.
            Finished::Busy => {
                run.refresh(reply.lead)?;
                Box::pin(self.go_on_anew(run)).await
            }
        }
    }
}

fn seconds_ms(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000)
}

pub(super) fn fact(kind: &str, at: Timestamp, post_id: PostId, note: Option<String>) -> Fact {
    Fact { kind: kind.to_owned(), at, post_id: Some(post_id), note, outcome: None }
}

/// The candidate whose post is unknown.
pub(super) fn unknown_turn(view: &LeadView) -> Option<Turn> {
    let seat = view.seats.first()?;
    let SeatState::Unknown { k } = seat.state else { return None };
    turn_at(view, k)
}

/// The candidate whose post is the last one, if that is `k`.
pub(super) fn turn_at(view: &LeadView, k: u16) -> Option<Turn> {
    let attempt = view.seats.first()?.last().filter(|attempt| attempt.k == k)?;
    let entry = view.rank.get(usize::from(k))?.clone();
    Some(Turn { k, entry, post_id: attempt.post_id })
}

fn last_attempt(view: &LeadView) -> Option<&Attempt> {
    view.seats.first()?.last()
}

/// Posts that were left unknown by contract, so that the lead may go to others.
pub(super) fn given_up(view: &LeadView) -> impl Iterator<Item = &Attempt> {
    let attempts = view.seats.iter().flat_map(|seat| &seat.attempts);
    attempts.filter(|attempt| attempt.verdict == Some(Verdict::GivenUp))
}

/// The place from which candidates are asked next. After a post that was given up these are the
/// ones of the new round: bids of the old one were asked for anew.
fn next_k(view: &LeadView) -> u16 {
    let Some(last) = last_attempt(view) else { return 0 };
    let is_next = |k: &u16| {
        let terms = view.rank.get(usize::from(*k)).map(|entry| PostTerms::from_bytes(&entry.terms));
        last.verdict != Some(Verdict::GivenUp)
            || terms.flatten().is_some_and(|terms| terms.round == view.rounds)
    };
    let places = view.rank.len() as u16;
    (last.k + 1..places).find(is_next).unwrap_or(places)
}

/// Whether a post is so old that a buyer which knows nothing of it never will.
fn is_quiet(age_ms: i64) -> bool {
    u64::try_from(age_ms).is_ok_and(|age_ms| Duration::from_millis(age_ms) >= QUIET)
}

fn read_inquiry(answer: StatusAnswer, attempt: PostAttempt, is_quiet: bool) -> Look {
    let attempts = vec![attempt];
    let news = match answer {
        StatusAnswer::Accepted(acceptance) => News::accepted(acceptance, attempts),
        StatusAnswer::Rejected => News::of(Verdict::Rejected, "status:rejected", attempts),
        StatusAnswer::NotFound if is_quiet || planted("not_found_at_once") => {
            News::of(Verdict::NotSent, "status:not_found", attempts)
        }
        StatusAnswer::NotFound | StatusAnswer::Unclear => {
            return Look::StillUnknown(attempts.into_iter().next());
        }
    };
    Look::Verdict(news)
}
