//! A vendor's post: it takes offers of a ping, brings the contact data, and the lead is sold.
//!
//! The ping is the key: the store takes an offer once, and a post with the same canonical body is
//! a repeat that gets the same answer. From there on everything is as for any lead that is ranked,
//! but that nobody may have it for less than the vendor was promised.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio::time::Instant;

use super::cascade::SEAT;
use super::exchange::{Exchange, FlowError};
use super::offer::is_ping;
use super::plan::{AuctionPlan, Notes, OfferNotes, TakenNotes};
use super::run::{Run, Stop};
use super::sell::{Purpose, RETRY_AFTER_S, SellReply};
use super::waiting::Progress;
pub use crate::decide::offer::InvalidChoice;
use crate::decide::offer::{self as choice, Choice, choose};
use crate::domain::auction::{LeadState, LeadView, RankEntry};
use crate::domain::bid::Lost;
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::LeadId;
use crate::domain::lead::{Consent, Fields, Lead, Warning};
use crate::domain::money::Money;
use crate::domain::offer;
use crate::domain::pii::Pii;
use crate::domain::record::Part;
use crate::domain::slug::VendorId;
use crate::domain::time::plus_ms;
use crate::metrics::OfferResult;
use crate::ports::auction_store::{DuplicateClaim, Effect, Take, Taken};
use crate::registry::vertical::CompiledVertical;
use crate::settle::sale::split;
use crate::vault::lead_day;

/// Pause between two looks at a lead that another post is about to take.
const RACE_PAUSE: Duration = Duration::from_millis(10);

/// The rule by which a candidate is passed over that would bring less than the vendor takes.
const MIN_PAYOUT: &str = "min_payout";

/// Whose post it is, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostFrom {
    /// The vendor.
    pub vendor: VendorId,
    /// Whether it came under a test key, which must not sell a live lead.
    pub is_test_key: bool,
    /// The lead whose ping it names.
    pub lead_id: LeadId,
    /// Keyed fingerprint of the canonical body.
    pub fingerprint: [u8; 32],
}

/// Why a post is refused. Nothing was changed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostRefusal {
    /// There is no such ping of this vendor.
    UnknownPing,
    /// The ping has no offer to take: it still runs, or it ended without one.
    NoOffer,
    /// The offer is over.
    Expired,
    /// Another post has taken the offer.
    Used,
    /// The post's choice cannot be followed.
    Choice(InvalidChoice),
}

/// How a ping stands for a post that names it.
pub enum Standing {
    /// Its offer may be taken.
    Open(Box<OpenOffer>),
    /// This very post took it before.
    Told(SellReply),
    /// It may not be taken.
    Refused(PostRefusal),
}

/// An offer that may be taken.
pub struct OpenOffer {
    /// The lead, as the ping has fixed it.
    pub lead: Lead,
    /// Its vertical.
    pub vertical: Arc<CompiledVertical>,
    view: Arc<LeadView>,
}

/// What a post brings. No `Debug`: it holds a consumer's data.
pub struct Posted {
    /// The whole lead's fields.
    pub fields: Pii<Fields>,
    /// The whole proof of consent.
    pub consent: Pii<Consent>,
    /// Whether consent lacks what the vertical requires.
    pub is_consent_missing: bool,
    /// The offers it takes, as it writes them.
    pub offer_ids: Option<Vec<String>>,
    /// From what payout on anybody else may get the lead.
    pub min_payout: Option<Money>,
    /// What was left aside.
    pub warnings: Vec<Warning>,
}

/// Reply of [`Exchange::take_offer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostReply {
    /// The offer was taken, now or before by the same post.
    Sale(SellReply),
    /// It was not.
    Refused(PostRefusal),
}

/// A post that is about to take its offer, as a task of its own has it.
struct Taking {
    lead: Lead,
    view: Arc<LeadView>,
    notes: TakenNotes,
    permit: OwnedSemaphorePermit,
}

/// How the store took it.
enum Opening {
    Ours {
        progress: watch::Receiver<Progress>,
    },
    /// Another post, or the end of the offer, was first.
    TooLate,
}

impl Exchange {
    /// How the ping stands that a post names.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn ping_standing(
        &self,
        from: &PostFrom,
        wait: Duration,
    ) -> Result<Standing, FlowError> {
        let answer_by = Instant::now() + wait;
        match self.look_at_ping(from).await? {
            Look::Open(view) => self.open_offer(view).await,
            Look::Taken(view) => {
                Ok(Standing::Told(self.join(Purpose::Sale, &view, answer_by).await?))
            }
            Look::Refused(refusal) => Ok(Standing::Refused(refusal)),
        }
    }

    async fn look_at_ping(&self, from: &PostFrom) -> Result<Look, FlowError> {
        let unknown = Ok(Look::Refused(PostRefusal::UnknownPing));
        if from.lead_id.partition().0 >= self.store.partitions() {
            return unknown;
        }
        let reply = self.timed("read", self.store.read(from.lead_id)).await;
        let reply = reply.map_err(|error| self.outage(error.into()))?;
        let Some(view) = reply.lead.filter(|lead| lead.vendor == from.vendor) else {
            return unknown;
        };
        let plan = AuctionPlan::from_bytes(&view.plan);
        let is_live = plan.as_ref().is_some_and(|plan| !plan.test);
        if !is_ping(plan.as_ref()) || (from.is_test_key && is_live) {
            return unknown;
        }
        let view = self.expire_if_over(view, reply.now).await?;
        if let Some(taken) = TakenNotes::from_bytes(&view.taken) {
            let is_repeat = taken.fingerprint == from.fingerprint;
            return Ok(if is_repeat {
                Look::Taken(view)
            } else {
                Look::Refused(PostRefusal::Used)
            });
        }
        let disposition = view.closing.as_ref().map(|closing| closing.disposition);
        Ok(match (view.state, disposition) {
            (LeadState::Offered { .. }, _) => Look::Open(view),
            (_, Some(Disposition::Expired)) => Look::Refused(PostRefusal::Expired),
            _ => Look::Refused(PostRefusal::NoOffer),
        })
    }

    async fn open_offer(&self, view: Arc<LeadView>) -> Result<Standing, FlowError> {
        let lead = self.open(Arc::clone(&view)).await?.lead;
        let vertical = self.snapshot().verticals.get(&lead.vertical).cloned();
        // A vertical that is gone meanwhile: nothing says any more what its leads must have.
        let Some(vertical) = vertical else { return Ok(Standing::Refused(PostRefusal::NoOffer)) };
        Ok(Standing::Open(Box::new(OpenOffer { lead, vertical, view })))
    }

    /// Takes an offer and waits up to `wait` for what becomes of the lead; the sale goes on without
    /// the caller.
    ///
    /// # Errors
    /// As [`Exchange::sell`].
    pub async fn take_offer(
        self: &Arc<Self>,
        from: &PostFrom,
        open: OpenOffer,
        posted: Posted,
        wait: Duration,
    ) -> Result<PostReply, FlowError> {
        let permit = self.admit()?;
        let answer_by = Instant::now() + wait;
        let offers = OfferNotes::from_bytes(&open.view.offers).map(|notes| notes.offers);
        let choice =
            choose(&offers.unwrap_or_default(), posted.offer_ids.as_deref(), posted.min_payout);
        let choice = match choice {
            Ok(choice) => choice,
            Err(invalid) => return Ok(PostReply::Refused(PostRefusal::Choice(invalid))),
        };
        let OpenOffer { lead, view, .. } = open;
        let lead = Lead { fields: posted.fields, consent: posted.consent, ..lead };
        let taken_at = self.now();
        let auction_ms = i64::try_from(self.limits.auction_ms).unwrap_or(i64::MAX);
        let Choice { offer_ids, places, min_payout } = choice;
        let notes = TakenNotes {
            fingerprint: from.fingerprint,
            offer_ids,
            places,
            min_payout,
            taken_at,
            deadline: plus_ms(taken_at, auction_ms),
            is_consent_missing: posted.is_consent_missing,
            warnings: posted.warnings,
            duplicate: self.duplicate_of(&self.snapshot(), &lead),
        };
        let (opened, opening) = oneshot::channel();
        let exchange = Arc::clone(self);
        let taking = Taking { lead, view, notes, permit };
        let sale = async move { Box::pin(exchange.run_taking(taking, opened)).await };
        self.tasks.spawn(&self.auctions, sale);
        let died = |_| FlowError::Bug("a post's task ended before it took its offer".to_owned());
        match opening.await.map_err(died)?.map_err(|error| self.outage(error))? {
            Opening::Ours { progress } => {
                let reply = self.await_answer(Purpose::Sale, from.lead_id, progress, answer_by);
                Ok(PostReply::Sale(reply.await))
            }
            Opening::TooLate => self.after_race(from, answer_by).await,
        }
    }

    /// What a post gets that came a moment after another one, or after the end of the offer.
    async fn after_race(
        &self,
        from: &PostFrom,
        answer_by: Instant,
    ) -> Result<PostReply, FlowError> {
        loop {
            match self.look_at_ping(from).await? {
                Look::Taken(view) => {
                    let reply = self.join(Purpose::Sale, &view, answer_by).await?;
                    return Ok(PostReply::Sale(reply));
                }
                Look::Refused(refusal) => return Ok(PostReply::Refused(refusal)),
                Look::Open(_) if Instant::now() >= answer_by => {
                    return Err(FlowError::Overloaded { retry_after_s: RETRY_AFTER_S });
                }
                Look::Open(_) => tokio::time::sleep(RACE_PAUSE).await,
            }
        }
    }

    /// The task: takes the offer, tells the caller, and sells.
    async fn run_taking(
        self: Arc<Self>,
        taking: Taking,
        opened: oneshot::Sender<Result<Opening, FlowError>>,
    ) {
        let Taking { lead, view, notes, permit: _permit } = taking;
        let Some(active) = self.waiting.enter(lead.id) else {
            let _ = opened.send(Ok(Opening::TooLate));
            return;
        };
        let prepared = match self.prepare_day(lead_day(lead.id)).await {
            Ok(()) => self.prepare_take(lead, &view, notes),
            Err(stop) => Err(stop),
        };
        let (mut run, take) = match prepared {
            Ok(prepared) => prepared,
            Err(stop) => {
                let _ = opened.send(Err(stop.into()));
                return;
            }
        };
        let asked_at = Instant::now();
        let opening = match self.timed("take", self.store.take(take)).await {
            Err(error) => Err(error.into()),
            Ok(reply) => match (reply.reply, reply.lead) {
                (Taken::Taken { fence }, Some(view)) => {
                    self.leases.hold(view.lead_id, fence, (asked_at, self.limits.lease_ms));
                    run.own(reply.now, view, fence);
                    Ok(Opening::Ours { progress: active.subscribe() })
                }
                _ => Ok(Opening::TooLate),
            },
        };
        let is_ours = matches!(opening, Ok(Opening::Ours { .. }));
        let _ = opened.send(opening);
        if !is_ours {
            // Who joined in this moment must not wait for an answer of ours.
            active.publish(Progress::Elsewhere);
            return;
        }
        self.metrics.offers(&run.lead.vertical, OfferResult::Taken);
        self.outbox.mark(run.lead.id);
        self.metrics.auctions_in_flight.inc();
        let (lead_id, fence) = (run.lead.id, run.fence);
        let work = Box::pin(self.sell_taken(&mut run));
        let ended = self.with_lease(lead_id, fence, work).await;
        self.metrics.auctions_in_flight.dec();
        self.conclude(run, &active, ended);
    }

    fn prepare_take(
        &self,
        lead: Lead,
        view: &Arc<LeadView>,
        notes: TakenNotes,
    ) -> Result<(Run, Take), Stop> {
        let sealed = self.vault.seal_whole_lead(&lead, lead_day(lead.id))?;
        let plan = AuctionPlan::from_bytes(&view.plan)
            .ok_or_else(|| Stop::Bug("an offered lead has lost its plan".to_owned()))?;
        let part = Part::Taken(offer::Taken {
            taken_at: notes.taken_at,
            offer_ids: notes.offer_ids.clone(),
            min_payout: notes.min_payout,
        });
        let take = Take {
            lead_id: lead.id,
            fingerprint: notes.fingerprint,
            sealed: sealed.into(),
            offer_ids: notes.to_bytes(),
            node: self.node,
            lease_ms: self.limits.lease_ms,
            effects: vec![Effect::Record(super::run::part_bytes(&part))],
        };
        let mut run = Run::with_plan(self, lead, plan, self.snapshot());
        run.go_on_taken(self, notes, OfferNotes::from_bytes(&view.offers));
        Ok((run, take))
    }

    /// Sells a lead whose offer was taken and that nobody was posted to yet.
    pub(super) async fn sell_taken(&self, run: &mut Run) -> Result<(), Stop> {
        if run.is_consent_missing() {
            return self.finish(run, Disposition::Refused, Reason::ConsentMissing).await;
        }
        // Only now it is known who the consumer is. Not beside `take`: a claim of a post that came
        // too late would belong to a lead that has another consumer.
        let claimed = self.claim_duplicate_surely(run).await?;
        if matches!(claimed, Some(DuplicateClaim::Taken(_))) {
            return self.refuse_duplicate(run).await;
        }
        self.cascade(run, 0, None).await
    }
}

/// What a ping is to a post that names it.
enum Look {
    Open(Arc<LeadView>),
    Taken(Arc<LeadView>),
    Refused(PostRefusal),
}

impl Run {
    /// Goes on with an offer that was taken.
    pub(super) fn go_on_taken(
        &mut self,
        exchange: &Exchange,
        taken: TakenNotes,
        offered: Option<OfferNotes>,
    ) {
        if let Some(offered) = offered {
            self.waited = Duration::from_millis(offered.waited_ms);
            self.pause(offered.offered_at, taken.taken_at);
        }
        self.deadline = exchange.instant_of(taken.deadline);
        self.plan.deadline = taken.deadline;
        self.plan.warnings.clone_from(&taken.warnings);
        self.plan.duplicate = taken.duplicate;
        self.taken = Some(taken);
    }

    fn is_consent_missing(&self) -> bool {
        self.taken.as_ref().is_some_and(|taken| taken.is_consent_missing)
    }

    /// Whether the lead was taken and nobody was posted to yet.
    pub(super) fn is_just_taken(&self) -> bool {
        let seats = self.view.as_ref().map_or(&[][..], |view| &view.seats);
        self.taken.is_some() && seats.iter().all(|seat| seat.attempts.is_empty())
    }

    /// Why the candidate at place `k` may not have the lead by the vendor's choice, and by which
    /// rule.
    pub(super) fn passed_over(
        &self,
        k: u16,
        entry: &RankEntry,
    ) -> Option<(Lost, Option<&'static str>)> {
        let taken = self.taken.as_ref()?;
        let payout = split(SEAT, entry.price, self.plan.margin).payout;
        match choice::standing(&taken.places, taken.min_payout, (k, payout)) {
            choice::Standing::Welcome => None,
            choice::Standing::NotTaken => Some((Lost::NotTaken, None)),
            choice::Standing::BelowMinPayout => Some((Lost::BelowFloor, Some(MIN_PAYOUT))),
        }
    }
}
