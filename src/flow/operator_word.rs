//! An operator's word on a post whose fate is unknown, or that was left unresolved (PROTOCOL a7).
//!
//! A word that comes while the seat is locked settles the post as the buyer's own would. One that
//! comes after the window only books what is owed: the answer to the vendor stays.

use std::sync::Arc;

use super::cascade::SEAT;
use super::exchange::{Exchange, FlowError};
use super::news::News;
use super::plan::{AuctionPlan, Notes};
use super::recover::Claim;
use super::resolve::{fact, unknown_turn};
use super::run::part_bytes;
use crate::domain::auction::{Account, Attempt, LeadView, SeatState};
use crate::domain::ids::{LeadId, PostId};
use crate::domain::money::Money;
use crate::domain::record::Part;
use crate::ports::auction_store::{CreditKind, Effect};
use crate::settle::sale::{payout_op, split};

/// How long an operator's note may be, in characters.
pub const NOTE_CHARACTERS_MAX: usize = 1_000;

/// What an operator's word on a post did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveReply {
    /// It settled the post.
    Resolved {
        /// The outcome now.
        outcome: &'static str,
    },
    /// The post was settled before.
    AlreadyResolved {
        /// The outcome that stands.
        outcome: &'static str,
    },
    /// There is no such post.
    Unknown,
}

impl Exchange {
    /// Settles a post by an operator's word.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::Records`].
    pub async fn resolve_post(
        self: &Arc<Self>,
        post_id: PostId,
        accepted: bool,
        note: Option<String>,
        actor: &str,
    ) -> Result<ResolveReply, FlowError> {
        let Some(view) = self.lead_of(post_id).await? else { return Ok(ResolveReply::Unknown) };
        let seat = view.seats.first();
        let attempt =
            seat.and_then(|seat| seat.attempts.iter().find(|attempt| attempt.post_id == post_id));
        let Some(attempt) = attempt else { return Ok(ResolveReply::Unknown) };
        let state = seat.map(|seat| seat.state);
        if state == Some(SeatState::Unresolved { k: attempt.k }) {
            return self.adjudicate(&view, attempt, accepted, (note, actor)).await;
        }
        if let Some(verdict) = attempt.verdict.filter(|verdict| verdict.is_definite()) {
            return Ok(ResolveReply::AlreadyResolved { outcome: verdict.as_str() });
        }
        // Somebody is at it: a repeat or an inquiry is on its way and may settle it.
        let busy = || FlowError::Overloaded { retry_after_s: 1 };
        let active = self.waiting.enter(view.lead_id).ok_or_else(busy)?;
        let Claim::Ours(run) = self.take_over(view.lead_id).await? else { return Err(busy()) };
        let mut run = *run;
        // Since it was read, another candidate's post may have become the unknown one.
        let turn = run.view.as_deref().and_then(unknown_turn);
        let turn = turn.filter(|turn| turn.post_id == post_id).ok_or_else(busy)?;
        let note = note_of(note, actor);
        let said = fact("resolved_by_operator", self.now(), post_id, Some(note));
        run.parts.push(Part::Fact(said));
        let attempts = self.unknown.attempts(run.lead.id);
        let news = News::by_operator(accepted, attempts);
        let verdict = news.verdict;
        self.record_verdict(&mut run, &turn, news).await?;
        let exchange = Arc::clone(self);
        self.tasks.spawn(&self.auctions, async move {
            let (lead_id, fence) = (run.lead.id, run.fence);
            let work = Box::pin(exchange.go_on(&mut run));
            let ended = exchange.with_lease(lead_id, fence, work).await;
            exchange.conclude(run, &active, ended);
        });
        Ok(ResolveReply::Resolved { outcome: verdict.as_str() })
    }

    async fn lead_of(&self, post_id: PostId) -> Result<Option<Arc<LeadView>>, FlowError> {
        if post_id.partition().0 >= self.store.partitions() {
            return Ok(None);
        }
        let kept = self.timed("sealed_post", self.store.sealed_post(post_id)).await?;
        let lead_id: Option<LeadId> = match kept {
            Some(kept) => Some(kept.lead_id),
            None => self.records.find_lead(post_id.to_string()).await?,
        };
        let Some(lead_id) = lead_id else { return Ok(None) };
        Ok(self.timed("read", self.store.read(lead_id)).await?.lead)
    }

    /// A proof that came after the window: appended, like a return. The answer to the vendor stays.
    async fn adjudicate(
        &self,
        view: &LeadView,
        attempt: &Attempt,
        accepted: bool,
        (note, actor): (Option<String>, &str),
    ) -> Result<ResolveReply, FlowError> {
        let outcome = if accepted { "accepted" } else { "rejected" };
        let post_id = attempt.post_id;
        let note = format!("{outcome}: {}", note_of(note, actor));
        let part = part_bytes(&Part::Fact(fact("adjudicated", self.now(), post_id, Some(note))));
        let mut effects = vec![Effect::Record(part.clone())];
        let plan = AuctionPlan::from_bytes(&view.plan);
        let entry = view.rank.get(usize::from(attempt.k));
        if let (true, Some(plan), Some(entry)) = (accepted, plan, entry)
            && !plan.test
        {
            let money = split(SEAT, entry.price, plan.margin);
            let op_id = format!("adjudicated:{post_id}");
            let owed = Money::ZERO.checked_sub(entry.price);
            effects.push(Effect::Credit {
                account: Account::Buyer(entry.buyer.clone()),
                op_id,
                kind: CreditKind::Adjustment,
                amount: owed.unwrap_or_default(),
            });
            // Under the sale's own name: a vendor that was paid at our risk is not paid again.
            effects.push(Effect::Credit {
                account: Account::Vendor(view.vendor.clone()),
                op_id: payout_op(view.lead_id, SEAT),
                kind: CreditKind::Payout,
                amount: money.payout,
            });
        }
        let fact_id = format!("adjudicated:{post_id}");
        let append = self.store.append(view.lead_id, fact_id, part.clone(), effects);
        let lead = self.timed("append", append).await?.lead;
        // The first word holds; ours is among the facts only if it was that.
        let is_new = lead.is_some_and(|lead| lead.facts.contains(&part));
        self.outbox.mark(view.lead_id);
        let reply = if is_new {
            ResolveReply::Resolved { outcome }
        } else {
            ResolveReply::AlreadyResolved { outcome: "adjudicated" }
        };
        Ok(reply)
    }
}

fn note_of(note: Option<String>, actor: &str) -> String {
    let note: String = note.unwrap_or_default().chars().take(NOTE_CHARACTERS_MAX).collect();
    format!("{actor}: {note}")
}
