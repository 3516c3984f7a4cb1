//! The ping round: everybody is asked at once, under one absolute deadline.
//!
//! The round closes when all have answered, at the deadline, or early. Replies that are still on
//! their way run on for a short while, to keep the connection and to learn how slow the buyer
//! really is; they never become bids.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::Instant;

use super::breaker::{Ticket, ping_result};
use super::by_profile::{self, Bids, Captured, NotMade, PingMatter, PingOrder};
use super::deliver::callee;
use super::exchange::Exchange;
use super::run::{Invited, Run};
use crate::decide::early_close::{Outstanding, may_close};
use crate::decide::rank::{Standing, rank};
use crate::domain::bid::{Bid, NoBid, SeatsWanted};
use crate::domain::breaker::BreakerCall;
use crate::domain::campaign::Price;
use crate::domain::ids::{BidId, PingId};
use crate::domain::money::Money;
use crate::domain::pii::Pii;
use crate::domain::ping::AnonymizedPing;
use crate::domain::reply::RawReply;
use crate::domain::time::plus_ms;
use crate::faults::planted;
use crate::integration::reply::Terms;
use crate::ping::native::{self, BidTerms, PingFrame};
use crate::ports::buyer_wire::{CallClass, WireFailure, WireOutcome, WireRequest};
use crate::registry::snapshot::CompiledCampaign;

/// Seats of one lead.
pub(super) const SEATS: u8 = 1;

/// What one invited campaign said.
pub struct Answer {
    /// Its ping; `None` for a fixed price.
    pub ping_id: Option<PingId>,
    /// The id its bid gets, should there be one.
    pub bid_id: BidId,
    /// Its bids, or why there are none.
    pub bids: Result<Vec<Bid>, NoBid>,
    /// More about a ping that was not answered: why it was not sent, or what broke.
    pub detail: Option<&'static str>,
    /// Why, in the buyer's own words.
    pub words: Option<Pii<String>>,
    /// The reply's status.
    pub http_status: Option<u16>,
    /// From sending to the reply's end, or to the end of the round.
    pub elapsed_ms: i64,
    /// Whether the round closed early before it answered.
    pub is_cut_off: bool,
    /// When each of its bids ends by the store's clock, where the buyer said so.
    pub ends: Vec<Option<Timestamp>>,
}

impl Answer {
    /// Until when the bid at this place holds; all bids end by `valid_until`.
    #[must_use]
    pub fn holds_until(&self, place: usize, valid_until: Timestamp) -> Timestamp {
        let end = self.ends.get(place).copied().flatten();
        end.map_or(valid_until, |end| end.min(valid_until))
    }
}

/// What a round brought: one answer per invited campaign, in their order.
pub struct Asked {
    /// The answers.
    pub answers: Vec<Answer>,
    /// Until when the bids hold.
    pub bids_valid_until: Timestamp,
    /// How long buyers were waited for.
    pub waited: Duration,
}

type Calls = FuturesUnordered<BoxFuture<'static, Returned>>;

/// A ping that came back, in whatever way.
struct Returned {
    index: usize,
    /// How the call went, or why it was not made.
    came: Result<WireOutcome, NotMade>,
    ticket: Ticket,
}

impl Exchange {
    /// Asks everybody invited and comes back by the end of the round.
    pub(super) async fn ask_all(&self, run: &Run) -> Asked {
        let began = Instant::now();
        let round = Duration::from_millis(self.limits.ping_round_ms);
        let mut closes_at = (began + round).min(run.deadline);
        let mut answers: Vec<Answer> =
            run.invited.iter().map(|invited| self.unanswered(invited)).collect();
        let mut calls = self.send_pings(run, &mut answers, closes_at);
        if planted("late_bid_wins") {
            closes_at += Duration::from_millis(self.limits.late_reply_ms);
        }
        let mut is_early = false;
        while !calls.is_empty() {
            if self.nothing_still_matters(run, &answers) {
                is_early = true;
                break;
            }
            let next = tokio::select! {
                biased;
                () = tokio::time::sleep_until(closes_at) => None,
                next = calls.next() => next,
            };
            let Some(returned) = next else { break };
            let is_late = Instant::now() > closes_at;
            let index = returned.index;
            let asked = (run, &run.invited[index]);
            self.take_answer(asked, &mut answers[index], returned, is_late);
        }
        let waited = if run.plan.pinged == 0 { Duration::ZERO } else { began.elapsed() };
        self.cut_off(run, &mut answers, is_early, waited);
        self.let_run_on(run, calls, closes_at);
        for answer in &mut answers {
            for end in answer.ends.iter_mut().flatten() {
                *end = run.by_store(self, *end);
            }
        }
        let bid_ttl_ms = i64::try_from(self.limits.bid_ttl_ms).unwrap_or(i64::MAX);
        Asked { answers, bids_valid_until: plus_ms(run.store_now(self), bid_ttl_ms), waited }
    }

    /// The state before any reply: fixed prices are bids already.
    fn unanswered(&self, invited: &Invited) -> Answer {
        let bids = match invited.campaign.campaign.price {
            Price::Fixed(price) => Ok(vec![Bid {
                price,
                seats: SeatsWanted::Exclusive,
                max_shared: None,
                reference: None,
                legal_name: None,
                phone_number: None,
            }]),
            Price::Bid { .. } => Err(NoBid::Timeout),
        };
        Answer {
            ping_id: invited.ping.as_ref().map(|_| PingId::new(self.entropy.bits())),
            bid_id: BidId::new(self.entropy.bits()),
            bids,
            detail: None,
            words: None,
            http_status: None,
            elapsed_ms: -1,
            is_cut_off: false,
            ends: Vec::new(),
        }
    }

    /// Sends every ping that may go out; one that may not is answered already.
    fn send_pings(&self, run: &Run, answers: &mut [Answer], closes_at: Instant) -> Calls {
        let calls = FuturesUnordered::new();
        for (index, (invited, answer)) in run.invited.iter().zip(answers).enumerate() {
            let (Some(ping), Some(ping_id)) = (&invited.ping, answer.ping_id) else { continue };
            let campaign = &invited.campaign;
            let ticket = match self.breakers.admit(campaign, BreakerCall::Ping, &*self.entropy) {
                Ok(ticket) => ticket,
                Err(reason) => {
                    self.leave_out(campaign, answer, reason.as_str());
                    continue;
                }
            };
            let wire = Arc::clone(&self.wire);
            let call: BoxFuture<'static, _> =
                match self.made(run, invited, (ping_id, ping), closes_at) {
                    Ok(Made::Request(request)) => Box::pin(async move {
                        Returned { index, came: Ok(wire.call(*request).await), ticket }
                    }),
                    Ok(Made::Order(order)) => {
                        let profiles = Arc::clone(&self.profiles);
                        Box::pin(async move {
                            Returned { index, came: profiles.ping(*order).await, ticket }
                        })
                    }
                    Err(detail) => {
                        self.leave_out(campaign, answer, detail);
                        continue;
                    }
                };
            self.metrics.pings_sent(&campaign.id, &campaign.buyer_id);
            calls.push(call);
        }
        calls
    }

    /// A ping that is not sent is a no-bid at once: nobody waits for it.
    fn leave_out(&self, campaign: &CompiledCampaign, answer: &mut Answer, detail: &'static str) {
        answer.bids = Err(NoBid::NotSent);
        answer.detail = Some(detail);
        answer.elapsed_ms = 0;
        self.metrics.no_bids(&campaign.id, NoBid::NotSent);
    }

    /// A ping in the campaign's format, or why it is not made.
    fn made(
        &self,
        run: &Run,
        invited: &Invited,
        (ping_id, ping): (PingId, &Arc<AnonymizedPing>),
        closes_at: Instant,
    ) -> Result<Made, NotMade> {
        if invited.campaign.campaign.is_native() {
            let request = self.ping_request(run, invited, (ping_id, ping), closes_at);
            return request.map(|request| Made::Request(Box::new(request))).ok_or("unsigned");
        }
        let (campaign, vendor) = (&invited.campaign, &run.lead.vendor);
        let sub_id = run.lead.source.sub_id.as_deref();
        let sub_ref = |sub_id| self.vault.sub_ref(&campaign.buyer_id, vendor, sub_id);
        let order = PingOrder {
            campaign: Arc::clone(campaign),
            ping: Arc::clone(ping),
            ping_id,
            matter: PingMatter {
                vertical: run.lead.vertical.clone(),
                test: run.lead.test,
                source_ref: self.vault.source_ref(&campaign.buyer_id, vendor),
                sub_ref: sub_id.map(sub_ref),
                floor: run.plan.price_floor,
                currency: run.plan.currency.clone(),
                sold_to: by_profile::sold_to(run),
            },
            closes_at,
            deadline: closes_at + Duration::from_millis(self.limits.late_reply_ms),
        };
        if order.has_calls_before() {
            return Ok(Made::Order(Box::new(order)));
        }
        let request = self.profiles.ping_request(&order, &Captured::new())?;
        Ok(Made::Request(Box::new(request)))
    }

    fn ping_request(
        &self,
        run: &Run,
        invited: &Invited,
        (ping_id, ping): (PingId, &AnonymizedPing),
        closes_at: Instant,
    ) -> Option<WireRequest> {
        let campaign = &invited.campaign;
        let (buyer, vendor) = (&campaign.buyer_id, &run.lead.vendor);
        let sub_id = run.lead.source.sub_id.as_deref();
        let sub_ref = sub_id.map(|sub_id| self.vault.sub_ref(buyer, vendor, sub_id));
        let frame = PingFrame {
            ping_id,
            campaign_id: &campaign.id,
            vertical: &run.lead.vertical,
            source_ref: &self.vault.source_ref(buyer, vendor),
            sub_ref: sub_ref.as_deref(),
            floor: run.plan.price_floor,
            currency: &run.plan.currency,
            seats_max: SEATS,
            test: run.lead.test,
        };
        let body = Bytes::from(native::body(&frame, ping));
        let mut headers = self.signed_headers(campaign, &ping_id.to_string(), &body, closes_at)?;
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        Some(WireRequest {
            callee: callee(campaign),
            class: CallClass::Ping,
            method: "POST".to_owned(),
            url: campaign.campaign.ping_url.clone()?,
            headers,
            body,
            deadline: closes_at + Duration::from_millis(self.limits.late_reply_ms),
            reply_bytes_max: self.limits.ping_reply_bytes_max,
        })
    }

    fn take_answer(
        &self,
        (run, invited): (&Run, &Invited),
        answer: &mut Answer,
        returned: Returned,
        is_late: bool,
    ) {
        let Returned { came, ticket, .. } = returned;
        let campaign = &invited.campaign;
        let outcome = match came {
            Ok(outcome) => outcome,
            Err(detail) => {
                ticket.report(None);
                return self.leave_out(campaign, answer, detail);
            }
        };
        answer.elapsed_ms = i64::try_from(outcome.elapsed_us / 1_000).unwrap_or(i64::MAX);
        self.metrics.ping_seconds(&campaign.buyer_id, Duration::from_micros(outcome.elapsed_us));
        let terms = bid_terms(&run.plan.currency, campaign, self.limits.bid_max);
        if is_late && outcome.result.is_ok() {
            answer.bids = Err(NoBid::Late);
        } else {
            let reader = Reader { campaign, is_test: run.lead.test, now: self.now() };
            let Bids { bids, ends, detail, words } = reader.read(&outcome, terms);
            (answer.bids, answer.ends, answer.detail) = (bids, ends, detail);
            answer.words = words;
        }
        match &outcome.result {
            Ok(reply) => answer.http_status = Some(reply.status).filter(|_| !is_late),
            Err(error) => {
                answer.http_status = error.status;
                answer.detail = Some(error.failure.as_str());
            }
        }
        ticket.report(ping_result(&outcome, &answer.bids, is_late));
        match &answer.bids {
            Ok(_) => self.metrics.bids(&campaign.id, &campaign.buyer_id),
            Err(reason) => self.metrics.no_bids(&campaign.id, *reason),
        }
    }

    /// Whether no reply still awaited could change the seats or the fallbacks.
    fn nothing_still_matters(&self, run: &Run, answers: &[Answer]) -> bool {
        let floor = run.plan.price_floor;
        let mut standings: Vec<Standing> = Vec::new();
        let mut outstanding = Vec::new();
        for (invited, answer) in run.invited.iter().zip(answers) {
            match &answer.bids {
                Ok(bids) => {
                    let best = bids.iter().map(|bid| bid.price).max();
                    standings.extend(best.map(|price| invited.standing(price)));
                }
                Err(_) if answer.elapsed_ms < 0 => {
                    let best = ceiling(&invited.campaign).map(|price| invited.standing(price));
                    outstanding.push(Outstanding { best });
                }
                Err(_) => {}
            }
        }
        let ranking = rank(standings, floor, |standing| standing);
        let ranked: Vec<&Standing> = ranking.ranked.iter().collect();
        let kept = usize::from(SEATS) + usize::from(self.limits.fallback_depth);
        !outstanding.is_empty() && may_close(&ranked, &outstanding, floor, kept)
    }

    /// Marks who has not answered when the round closes.
    fn cut_off(&self, run: &Run, answers: &mut [Answer], is_early: bool, waited: Duration) {
        if is_early {
            self.metrics.early_closes.inc();
        }
        for (invited, answer) in run.invited.iter().zip(answers) {
            if answer.elapsed_ms >= 0 {
                continue;
            }
            answer.elapsed_ms = i64::try_from(waited.as_millis()).unwrap_or(i64::MAX);
            if answer.ping_id.is_some() {
                answer.is_cut_off = is_early;
                self.metrics.no_bids(&invited.campaign.id, NoBid::Timeout);
            }
        }
    }

    /// Lets outstanding calls end by themselves; each has its own deadline. What they bring is no
    /// bid any more, but it tells how the endpoint does.
    fn let_run_on(&self, run: &Run, mut calls: Calls, closes_at: Instant) {
        if calls.is_empty() {
            return;
        }
        let metrics = Arc::clone(&self.metrics);
        let campaigns: Vec<_> =
            run.invited.iter().map(|invited| Arc::clone(&invited.campaign)).collect();
        let (currency, bid_max) = (run.plan.currency.clone(), self.limits.bid_max);
        let (is_test, now) = (run.lead.test, self.now());
        self.tasks.spawn(&self.auctions, async move {
            while let Some(Returned { index, came, ticket }) = calls.next().await {
                let campaign = &campaigns[index];
                let Ok(outcome) = came else {
                    ticket.report(None);
                    continue;
                };
                let elapsed = Duration::from_micros(outcome.elapsed_us);
                metrics.ping_seconds(&campaign.buyer_id, elapsed);
                if outcome.result.is_ok() {
                    metrics.late_replies(&campaign.id);
                }
                let is_late = Instant::now() > closes_at;
                let reader = Reader { campaign, is_test, now };
                let read = reader.read(&outcome, bid_terms(&currency, campaign, bid_max));
                ticket.report(ping_result(&outcome, &read.bids, is_late));
            }
        });
    }
}

/// A ping ready to be sent.
enum Made {
    /// The request alone.
    Request(Box<WireRequest>),
    /// A ping before which its profile calls something else.
    Order(Box<PingOrder>),
}

/// How the replies of one campaign are read.
struct Reader<'a> {
    campaign: &'a CompiledCampaign,
    is_test: bool,
    now: Timestamp,
}

impl Reader<'_> {
    /// What the answer to a ping says in the campaign's format.
    fn read(&self, outcome: &WireOutcome, terms: BidTerms<'_>) -> Bids {
        let bids = match (&outcome.result, &self.campaign.profile) {
            (Ok(reply), Some(profile)) => {
                let BidTerms { currency, max_bid, bid_max, offers_shared } = terms;
                let is_test = self.is_test;
                let terms = Terms { currency, max_bid, bid_max, offers_shared, is_test };
                return by_profile::read_bids(profile, reply, terms, self.now);
            }
            (Ok(reply), None) => {
                let content_encoding = reply.header("content-encoding");
                let raw = RawReply { status: reply.status, content_encoding, body: &reply.body };
                native::read(raw, terms)
            }
            (Err(error), _) => Err(match error.failure {
                _ if !error.sent => NoBid::NotSent,
                WireFailure::Oversized => NoBid::Oversized,
                WireFailure::Timeout => NoBid::Timeout,
                _ => NoBid::Malformed,
            }),
        };
        Bids { bids, ends: Vec::new(), detail: None, words: None }
    }
}

const fn bid_terms<'a>(
    currency: &'a str,
    campaign: &CompiledCampaign,
    bid_max: Money,
) -> BidTerms<'a> {
    BidTerms { currency, max_bid: ceiling(campaign), bid_max, offers_shared: SEATS > 1 }
}

/// The most a campaign can pay; `None` = no ceiling.
const fn ceiling(campaign: &CompiledCampaign) -> Option<Money> {
    match campaign.campaign.price {
        Price::Bid { max_bid } => max_bid,
        Price::Fixed(price) => Some(price),
    }
}
