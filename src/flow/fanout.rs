//! The ping round: everybody is asked at once, under one absolute deadline.
//!
//! The round closes when all have answered, at the deadline, or early. Replies that are still on
//! their way run on for a short while, to keep the connection and to learn how slow the buyer
//! really is; they never become bids.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::time::Instant;

use super::breaker::{Ticket, ping_result};
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
use crate::domain::ping::AnonymizedPing;
use crate::domain::reply::RawReply;
use crate::domain::time::plus_ms;
use crate::ping::native::{self, BidTerms, PingFrame};
use crate::ports::buyer_wire::{CallClass, WireFailure, WireOutcome, WireRequest};
use crate::registry::snapshot::CompiledCampaign;
use crate::signing;

/// Seats of one lead.
const SEATS: usize = 1;

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
    /// The reply's status.
    pub http_status: Option<u16>,
    /// From sending to the reply's end, or to the end of the round.
    pub elapsed_ms: i64,
    /// Whether the round closed early before it answered.
    pub is_cut_off: bool,
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
    outcome: WireOutcome,
    ticket: Ticket,
}

impl Exchange {
    /// Asks everybody invited and comes back by the end of the round.
    pub(super) async fn ask_all(&self, run: &Run) -> Asked {
        let began = Instant::now();
        let round = Duration::from_millis(self.limits.ping_round_ms);
        let closes_at = (began + round).min(run.deadline);
        let mut answers: Vec<Answer> =
            run.invited.iter().map(|invited| self.unanswered(invited)).collect();
        let mut calls = self.send_pings(run, &mut answers, closes_at);
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
            let asked = (run.plan.currency.as_str(), &run.invited[index]);
            self.take_answer(asked, &mut answers[index], returned, is_late);
        }
        let waited = if run.plan.pinged == 0 { Duration::ZERO } else { began.elapsed() };
        self.cut_off(run, &mut answers, is_early, waited);
        self.let_run_on(run, calls, closes_at);
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
            }]),
            Price::Bid { .. } => Err(NoBid::Timeout),
        };
        Answer {
            ping_id: invited.ping.as_ref().map(|_| PingId::new(self.entropy.bits())),
            bid_id: BidId::new(self.entropy.bits()),
            bids,
            detail: None,
            http_status: None,
            elapsed_ms: -1,
            is_cut_off: false,
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
            let Some(request) = self.ping_request(run, invited, (ping_id, ping), closes_at) else {
                self.leave_out(campaign, answer, "unsigned");
                continue;
            };
            self.metrics.pings_sent(&campaign.id, &campaign.buyer_id);
            let wire = std::sync::Arc::clone(&self.wire);
            let call: BoxFuture<'static, _> =
                Box::pin(
                    async move { Returned { index, outcome: wire.call(request).await, ticket } },
                );
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
            seats_max: SEATS as u8,
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

    /// Signature headers for one attempt, with a fresh timestamp, and the time that is left.
    pub(super) fn signed_headers(
        &self,
        campaign: &CompiledCampaign,
        id: &str,
        body: &[u8],
        until: Instant,
    ) -> Option<Vec<(String, String)>> {
        let timestamp_s = self.now().as_second();
        let signed = match signing::sign(&campaign.secrets, id, timestamp_s, body) {
            Ok(signed) => signed,
            Err(error) => {
                tracing::error!(campaign = %campaign.id, %error, "sign.failed");
                return None;
            }
        };
        let left = until.saturating_duration_since(Instant::now());
        let mut headers = Vec::with_capacity(8);
        headers.extend(signed.into_pairs());
        headers.push(("gavel-deadline-ms".to_owned(), left.as_millis().to_string()));
        Some(headers)
    }

    fn take_answer(
        &self,
        (currency, invited): (&str, &Invited),
        answer: &mut Answer,
        returned: Returned,
        is_late: bool,
    ) {
        let Returned { outcome, ticket, .. } = returned;
        let campaign = &invited.campaign;
        answer.elapsed_ms = i64::try_from(outcome.elapsed_us / 1_000).unwrap_or(i64::MAX);
        self.metrics.ping_seconds(&campaign.buyer_id, Duration::from_micros(outcome.elapsed_us));
        let terms = bid_terms(currency, campaign, self.limits.bid_max);
        answer.bids = if is_late && outcome.result.is_ok() {
            Err(NoBid::Late)
        } else {
            read_bids(&outcome, terms)
        };
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
        let kept = SEATS + usize::from(self.limits.fallback_depth);
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
        let metrics = std::sync::Arc::clone(&self.metrics);
        let campaigns: Vec<_> =
            run.invited.iter().map(|invited| std::sync::Arc::clone(&invited.campaign)).collect();
        let (currency, bid_max) = (run.plan.currency.clone(), self.limits.bid_max);
        self.tasks.spawn(&self.auctions, async move {
            while let Some(Returned { index, outcome, ticket }) = calls.next().await {
                let campaign = &campaigns[index];
                let elapsed = Duration::from_micros(outcome.elapsed_us);
                metrics.ping_seconds(&campaign.buyer_id, elapsed);
                if outcome.result.is_ok() {
                    metrics.late_replies(&campaign.id);
                }
                let is_late = Instant::now() > closes_at;
                let bids = read_bids(&outcome, bid_terms(&currency, campaign, bid_max));
                ticket.report(ping_result(&outcome, &bids, is_late));
            }
        });
    }
}

/// What the answer to a ping says in the campaign's format.
fn read_bids(outcome: &WireOutcome, terms: BidTerms<'_>) -> Result<Vec<Bid>, NoBid> {
    match &outcome.result {
        Ok(reply) => {
            let content_encoding = reply.header("content-encoding");
            let raw = RawReply { status: reply.status, content_encoding, body: &reply.body };
            native::read(raw, terms)
        }
        Err(error) => Err(match error.failure {
            _ if !error.sent => NoBid::NotSent,
            WireFailure::Oversized => NoBid::Oversized,
            WireFailure::Timeout => NoBid::Timeout,
            _ => NoBid::Malformed,
        }),
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
