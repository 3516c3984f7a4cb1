//! A vendor's ping: its round is ranked as any other, and then offered instead of posted.
//!
//! The offer is durable before the vendor hears of it and binds until it is over by the store's
//! time. Until the vendor's post takes it ([`super::take`]) nobody owns the lead, and no money is
//! held for it. The sweep ends what nobody took.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::cascade::SEAT;
use super::exchange::{Exchange, FlowError};
use super::plan::{AuctionPlan, Notes, OfferNotes, PostTerms};
use super::run::{Run, Stop};
use super::waiting::{Active, Progress};
use crate::domain::auction::{LeadState, LeadView, RankEntry, StoredAnswer};
use crate::domain::bid::SeatsWanted;
use crate::domain::disposition::Disposition;
use crate::domain::ids::OfferId;
use crate::domain::offer::{OFFERS_MAX, Offer, OfferRecord, Offered};
use crate::domain::record::Part;
use crate::domain::time::{ms_between, plus_ms};
use crate::metrics::OfferResult;
use crate::notify::answer::{PingAnswer, ping_body};
use crate::ports::auction_store::{self, Expired, Fenced};
use crate::settle::sale::split;

/// A bid holds so much longer than the offer that stands on it, in milliseconds, unless bids hold
/// for a moment only: a post at the last moment must still find it.
const BID_OUTLIVES_OFFER_MS: u64 = 1_000;

impl Exchange {
    /// Writes the ranking and what is offered on it, and leaves the lead to the vendor.
    pub(super) async fn make_offer(&self, run: &mut Run) -> Result<(), Stop> {
        let offered_at = run.store_now(self);
        let expires_at = plus_ms(offered_at, self.offer_ttl_ms());
        let shown = usize::from(SEAT) + usize::from(self.limits.fallback_depth);
        let offers: Vec<Offer> = run
            .pending_rank
            .iter()
            .take(shown.min(OFFERS_MAX))
            .map(|entry| self.offer_on(run, entry))
            .collect();
        let answer = ping_body(&PingAnswer {
            ping_id: run.lead.id.ping_id(),
            lead_id: run.lead.id,
            disposition: Disposition::Offered,
            reason: None,
            offers: &offers,
            currency: &run.plan.currency,
            expires_at: Some(expires_at),
            warnings: &run.plan.warnings,
        });
        let recorded = offers.iter().zip(&run.pending_rank).map(|(offer, entry)| OfferRecord {
            offer_id: offer.offer_id,
            campaign_id: entry.campaign.clone(),
            payout: offer.payout,
        });
        let recorded = Offered { offered_at, expires_at, offers: recorded.collect() };
        run.parts.push(Part::Offered(recorded));
        let waited_ms = u64::try_from(run.waited.as_millis()).unwrap_or(u64::MAX);
        let notes = OfferNotes { answer, offers, offered_at, waited_ms };
        let offer = auction_store::Offer {
            lead_id: run.lead.id,
            fence: run.fence,
            rank: std::mem::take(&mut run.pending_rank),
            offers: notes.to_bytes(),
            expires_at,
            effects: run.take_parts(),
        };
        let reply = self.insist("offer", || self.store.offer(offer.clone())).await?;
        match reply.reply {
            Fenced::Ok(_) => run.refresh(reply.lead),
            Fenced::Fenced => Err(Stop::Fenced),
        }
    }

    fn offer_on(&self, run: &Run, entry: &RankEntry) -> Offer {
        let terms = PostTerms::from_bytes(&entry.terms);
        Offer {
            offer_id: OfferId::new(self.entropy.bits()),
            payout: split(SEAT, entry.price, run.plan.margin).payout,
            seats: terms.as_ref().map_or(SeatsWanted::Exclusive, |terms| terms.seats),
            legal_name: terms.and_then(|terms| terms.legal_name),
        }
    }

    /// For how long an offer binds, in milliseconds.
    fn offer_ttl_ms(&self) -> i64 {
        let bid_ttl_ms = self.limits.bid_ttl_ms;
        let longest = bid_ttl_ms - BID_OUTLIVES_OFFER_MS.min(bid_ttl_ms / 2);
        i64::try_from(self.limits.offer_ttl_ms.min(longest)).unwrap_or(i64::MAX)
    }

    /// Tells whoever waits for the answer to the ping.
    pub(super) fn announce_offer(&self, run: &Run, active: &Active) {
        if let Some(view) = &run.view {
            active.publish(Progress::Told(Arc::clone(view)));
        }
        self.metrics.offers(&run.lead.vertical, OfferResult::Made);
    }

    /// Ends the offer of a lead if it is over; gives the lead as it stands then.
    pub(super) async fn expire_if_over(
        &self,
        view: Arc<LeadView>,
        now: Timestamp,
    ) -> Result<Arc<LeadView>, FlowError> {
        let LeadState::Offered { expires_at } = view.state else { return Ok(view) };
        if expires_at > now {
            return Ok(view);
        }
        let lead_id = view.lead_id;
        let mut run = self.open(Arc::clone(&view)).await?;
        let offered_at = OfferNotes::from_bytes(&view.offers).map(|notes| notes.offered_at);
        run.pause(offered_at.unwrap_or(expires_at), now);
        let closing = self.closing(&mut run, Disposition::Expired, None, &[]);
        let effects = run.take_parts();
        let expire = self.store.expire_offer(lead_id, closing.clone(), effects);
        let reply = self.timed("expire_offer", expire).await?;
        let stands =
            reply.lead.ok_or_else(|| FlowError::Bug("the store lost a lead".to_owned()))?;
        if reply.reply == Expired::Closed && stands.closing.as_ref() == Some(&closing) {
            self.metrics.offers(&run.lead.vertical, OfferResult::Expired);
            let reason = None;
            let vendor = &run.lead.vendor;
            self.metrics.auctions(&run.lead.vertical, vendor, closing.disposition, reason);
        }
        self.outbox.mark(lead_id);
        Ok(stands)
    }
}

impl Run {
    /// Whether the lead waits for the vendor's post.
    pub(super) fn is_offered(&self) -> bool {
        self.view.as_ref().is_some_and(|view| matches!(view.state, LeadState::Offered { .. }))
    }

    /// Whether the lead was ever offered.
    pub(super) fn was_offered(&self) -> bool {
        self.view.as_ref().is_some_and(|view| !view.offers.is_empty())
    }

    /// Whether this round is to be offered, not posted.
    pub(super) const fn wants_offer(&self) -> bool {
        self.plan.is_ping && self.taken.is_none()
    }

    /// Counts the time from `offered_at` to `until` as the vendor's.
    pub(super) fn pause(&mut self, offered_at: Timestamp, until: Timestamp) {
        self.paused = Duration::from_millis(ms_between(offered_at, until).max(0).unsigned_abs());
    }
}

/// What a ping is answered with, now and on each repeat; `None` while its round runs.
pub(super) fn answer_to_ping(view: &LeadView) -> Option<StoredAnswer> {
    if let Some(notes) = OfferNotes::from_bytes(&view.offers) {
        return Some(StoredAnswer { status: 200, body: notes.answer.into() });
    }
    view.closing.as_ref().map(|closing| closing.answer.clone())
}

/// What is said of a lead to whoever asks what became of it; `None` while there is no answer.
pub(super) fn answer_now(view: &LeadView) -> Option<StoredAnswer> {
    match (&view.closing, view.state) {
        (Some(closing), _) => Some(closing.answer.clone()),
        (None, LeadState::Offered { .. }) => answer_to_ping(view),
        (None, _) => None,
    }
}

/// Whether a vendor's ping brought the lead in.
pub(super) fn is_ping(plan: Option<&AuctionPlan>) -> bool {
    plan.is_some_and(|plan| plan.is_ping)
}
