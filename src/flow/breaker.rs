//! Breakers: an endpoint that does not work is spared for a while, and so are the auctions that
//! would wait for it.
//!
//! Each campaign has two, one for pings and one for posts. What a call brought is judged here,
//! where it is known whether an answer could be read, and not in the wire, which only knows whether
//! one came. A spared ping is a no-bid, a spared post means the next candidate; repeats and status
//! questions of an unknown post always go out, because they are how it is cleared up. There is no
//! traffic of our own: an endpoint is tried again with real calls.
//!
//! All of it is memory of this node, forgotten when it stops, and so are operators' orders.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

pub mod machine;
mod verdict;

use super::exchange::Exchange;
use crate::domain::breaker::{BreakerCall, BreakerState, ForcedState, SkipReason};
use crate::domain::limits::Limits;
use crate::domain::schema::UtcTime;
use crate::domain::slug::{BuyerId, CampaignId};
use crate::domain::time::plus_ms;
use crate::metrics::Metrics;
use crate::ports::Entropy;
use crate::registry::snapshot::CompiledCampaign;
use machine::{Breaker, CallResult, Pass, Terms, ThrottleTerms};
pub use verdict::{ping_result, post_result};

/// The longest time an operator's order may hold, in seconds: a day, so that none is forgotten.
pub const FORCED_S_MAX: u64 = 86_400;

/// By how much the wall clock must disagree with what it said before, in milliseconds, to count as
/// set.
const CLOCK_SET_MS: u64 = 1_000;

/// An operator's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What is ordered.
    pub state: ForcedState,
    /// For how many seconds, up to [`FORCED_S_MAX`].
    pub for_s: u64,
    /// Why.
    pub note: Option<String>,
}

/// One breaker as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BreakerView {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Its buyer.
    pub buyer_id: BuyerId,
    /// Which calls.
    pub call: BreakerCall,
    /// Whether they go out; an order counts before what the endpoint does.
    pub state: BreakerState,
    /// Since when, the order left aside.
    #[schemars(with = "UtcTime")]
    pub since: Timestamp,
    /// When an open breaker lets calls out again.
    #[schemars(with = "Option<UtcTime>")]
    pub retry_at: Option<Timestamp>,
    /// Whether only a share of them goes out.
    pub throttled: bool,
    /// Calls of the window that have ended.
    pub calls: u32,
    /// Those of them that failed or timed out.
    pub failures: u32,
    /// Those of them that were not answered in time.
    pub timeouts: u32,
    /// The order that holds now.
    pub forced: Option<ForcedView>,
}

/// An order as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ForcedView {
    /// What is ordered.
    pub state: ForcedState,
    /// Until when.
    #[schemars(with = "UtcTime")]
    pub until: Timestamp,
    /// The id of the key that ordered it; operators alone see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why; operators alone see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl BreakerView {
    /// The breaker as a buyer sees it: of an order, that it holds and until when.
    #[must_use]
    pub fn for_buyer(mut self) -> Self {
        if let Some(forced) = &mut self.forced {
            (forced.by, forced.note) = (None, None);
        }
        self
    }
}

struct Forced {
    state: ForcedState,
    until_ms: u64,
    by: String,
    note: Option<String>,
}

/// The breaker of one endpoint: another URL is another endpoint, with nothing against it.
struct Endpoint {
    url: Box<str>,
    breaker: Breaker,
    forced: Option<Forced>,
}

impl Endpoint {
    fn forced(&mut self, now_ms: u64) -> Option<ForcedState> {
        self.forced.take_if(|forced| forced.until_ms <= now_ms);
        self.forced.as_ref().map(|forced| forced.state)
    }

    fn state(&mut self, now_ms: u64) -> BreakerState {
        match self.forced(now_ms) {
            Some(ForcedState::Open) => BreakerState::Open,
            Some(ForcedState::Closed) => BreakerState::Closed,
            None => self.breaker.state(now_ms),
        }
    }
}

/// The two breakers of a campaign.
struct Pair {
    campaign: CampaignId,
    endpoints: [Mutex<Endpoint>; 2],
}

impl Pair {
    fn of(&self, call: BreakerCall) -> MutexGuard<'_, Endpoint> {
        self.endpoints[call as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Shared {
    began: Instant,
    /// The wall time of `began`, in milliseconds, as it was read last.
    began_at_ms: AtomicI64,
    metrics: Arc<Metrics>,
}

impl Shared {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The wall time of `began` at a look when it is `now` by the wall and `now_ms` by us. Two looks
    /// say the same, although both clocks are cut to milliseconds at other moments, unless the wall
    /// clock was set meanwhile.
    fn began_at(&self, now: Timestamp, now_ms: u64) -> Timestamp {
        let apart_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let seen_ms = now.as_millisecond().saturating_sub(apart_ms);
        let known_ms = self.began_at_ms.load(Ordering::Relaxed);
        let is_same = seen_ms.abs_diff(known_ms) < CLOCK_SET_MS;
        let began_ms = if is_same { known_ms } else { seen_ms };
        self.began_at_ms.store(began_ms, Ordering::Relaxed);
        Timestamp::from_millisecond(began_ms).unwrap_or(now)
    }
}

/// All breakers of a node; as many as the registry has had campaigns.
pub struct Breakers {
    terms: [Terms; 2],
    shared: Arc<Shared>,
    by_campaign: RwLock<HashMap<CampaignId, Arc<Pair>>>,
}

impl Breakers {
    /// Breakers that have seen nothing.
    #[must_use]
    pub fn new(limits: &Limits, metrics: Arc<Metrics>) -> Self {
        let began_at_ms = AtomicI64::new(i64::MIN);
        let shared = Arc::new(Shared { began: Instant::now(), began_at_ms, metrics });
        Self { terms: terms(limits), shared, by_campaign: RwLock::default() }
    }

    /// Asks to make a call.
    ///
    /// # Errors
    /// Why it must not be made.
    pub fn admit(
        &self,
        campaign: &CompiledCampaign,
        call: BreakerCall,
        entropy: &dyn Entropy,
    ) -> Result<Ticket, SkipReason> {
        let pair = self.pair(campaign);
        let now_ms = self.shared.now_ms();
        let admitted = {
            let mut endpoint = self.endpoint(&pair, campaign, call);
            match endpoint.forced(now_ms) {
                Some(ForcedState::Open) => Err(SkipReason::BreakerOpen),
                Some(ForcedState::Closed) => Ok(endpoint.breaker.pass_ungated()),
                None => endpoint.breaker.admit(now_ms, || {
                    let mut draw = [0; 2];
                    entropy.fill(&mut draw);
                    u16::from_be_bytes(draw)
                }),
            }
        };
        match admitted {
            Ok(pass) => Ok(self.ticket(pair, call, pass)),
            Err(reason) => {
                self.shared.metrics.calls_skipped(&campaign.id, call, reason);
                Err(reason)
            }
        }
    }

    /// Leave for a repeat, which goes out whatever the breaker says.
    #[must_use]
    pub fn pass(&self, campaign: &CompiledCampaign, call: BreakerCall) -> Ticket {
        let pair = self.pair(campaign);
        let pass = self.endpoint(&pair, campaign, call).breaker.pass_repeat();
        self.ticket(pair, call, pass)
    }

    /// The breaker of a campaign's calls.
    #[must_use]
    pub fn view(
        &self,
        campaign: &CompiledCampaign,
        call: BreakerCall,
        now: Timestamp,
    ) -> BreakerView {
        let pair = self.pair(campaign);
        let now_ms = self.shared.now_ms();
        let began_at = self.shared.began_at(now, now_ms);
        let at = |ms: u64| plus_ms(began_at, i64::try_from(ms).unwrap_or(i64::MAX));
        let mut endpoint = self.endpoint(&pair, campaign, call);
        let state = endpoint.state(now_ms);
        let counts = endpoint.breaker.counts(now_ms);
        let shown = |forced: &Forced| ForcedView {
            state: forced.state,
            until: at(forced.until_ms),
            by: Some(forced.by.clone()),
            note: forced.note.clone(),
        };
        BreakerView {
            campaign_id: campaign.id.clone(),
            buyer_id: campaign.buyer_id.clone(),
            call,
            state,
            since: at(endpoint.breaker.since_ms()),
            retry_at: endpoint.breaker.paused_until_ms(now_ms).map(at),
            throttled: endpoint.breaker.is_throttled(),
            calls: counts.calls,
            failures: counts.failures,
            timeouts: counts.timeouts,
            forced: endpoint.forced.as_ref().map(shown),
        }
    }

    /// Carries out an operator's order, or takes one back.
    pub fn force(
        &self,
        campaign: &CompiledCampaign,
        call: BreakerCall,
        order: Option<Order>,
        actor: &str,
    ) {
        let pair = self.pair(campaign);
        let now_ms = self.shared.now_ms();
        let ordered = order.as_ref().map_or("automatic", |order| order.state.as_str());
        let for_s = order.as_ref().map_or(0, |order| order.for_s.min(FORCED_S_MAX));
        let (id, call_name) = (campaign.id.as_str(), call.as_str());
        tracing::info!(
            campaign = id,
            call = call_name,
            state = ordered,
            for_s,
            actor,
            "breaker.forced"
        );
        let mut endpoint = self.endpoint(&pair, campaign, call);
        endpoint.forced = order.map(|order| Forced {
            state: order.state,
            until_ms: now_ms.saturating_add(for_s.saturating_mul(1_000)),
            by: actor.to_owned(),
            note: order.note,
        });
        let state = endpoint.state(now_ms);
        self.shared.metrics.breaker_state(&campaign.id, call, state);
    }

    /// Sets the gauges: pauses and orders end without a call.
    pub fn count(&self) {
        let now_ms = self.shared.now_ms();
        let pairs = self.by_campaign.read().unwrap_or_else(PoisonError::into_inner);
        for pair in pairs.values() {
            for call in BreakerCall::ALL {
                let mut endpoint = pair.of(call);
                let (state, throttled) = (endpoint.state(now_ms), endpoint.breaker.is_throttled());
                drop(endpoint);
                self.shared.metrics.breaker_state(&pair.campaign, call, state);
                if call == BreakerCall::Ping {
                    self.shared.metrics.ping_throttled(&pair.campaign, throttled);
                }
            }
        }
    }

    fn ticket(&self, pair: Arc<Pair>, call: BreakerCall, pass: Pass) -> Ticket {
        Ticket { shared: Arc::clone(&self.shared), pair, call, pass: Some(pass) }
    }

    fn pair(&self, campaign: &CompiledCampaign) -> Arc<Pair> {
        let known = self.by_campaign.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = known.get(&campaign.id) {
            return Arc::clone(pair);
        }
        drop(known);
        let now_ms = self.shared.now_ms();
        let endpoints = BreakerCall::ALL.map(|call| {
            let breaker = Breaker::new(self.terms[call as usize], now_ms);
            Mutex::new(Endpoint { url: url_of(campaign, call).into(), breaker, forced: None })
        });
        let mut known = self.by_campaign.write().unwrap_or_else(PoisonError::into_inner);
        let pair = known
            .entry(campaign.id.clone())
            .or_insert_with(|| Arc::new(Pair { campaign: campaign.id.clone(), endpoints }));
        Arc::clone(pair)
    }

    /// The endpoint as the registry names it now.
    fn endpoint<'a>(
        &self,
        pair: &'a Pair,
        campaign: &CompiledCampaign,
        call: BreakerCall,
    ) -> MutexGuard<'a, Endpoint> {
        let mut endpoint = pair.of(call);
        let url = url_of(campaign, call);
        if *endpoint.url != *url {
            endpoint.url = url.into();
            endpoint.breaker.forget(self.shared.now_ms());
        }
        endpoint
    }
}

/// Leave to make one call, to be handed back with what became of it. Dropped, it says nothing.
pub struct Ticket {
    shared: Arc<Shared>,
    pair: Arc<Pair>,
    call: BreakerCall,
    pass: Option<Pass>,
}

impl Ticket {
    /// Tells what became of the call; `None` if it says nothing about the endpoint.
    pub fn report(mut self, result: Option<CallResult>) {
        let (Some(result), Some(pass)) = (result, self.pass.take_if(|_| result.is_some())) else {
            return;
        };
        let now_ms = self.shared.now_ms();
        let mut endpoint = self.pair.of(self.call);
        let before = (endpoint.breaker.state(now_ms), endpoint.breaker.is_throttled());
        endpoint.breaker.report(pass, now_ms, result);
        let after = (endpoint.breaker.state(now_ms), endpoint.breaker.is_throttled());
        let shown = endpoint.state(now_ms);
        drop(endpoint);
        if before != after {
            self.tell(before, after, shown);
        }
    }

    fn tell(&self, before: (BreakerState, bool), after: (BreakerState, bool), shown: BreakerState) {
        let (campaign, call) = (&self.pair.campaign, self.call);
        let metrics = &self.shared.metrics;
        metrics.breaker_state(campaign, call, shown);
        if before.0 != BreakerState::Open && after.0 == BreakerState::Open {
            metrics.breaker_opened(campaign, call);
        }
        if call == BreakerCall::Ping {
            metrics.ping_throttled(campaign, after.1);
        }
        let (state, throttled) = (after.0.as_str(), after.1);
        tracing::warn!(
            campaign = campaign.as_str(),
            call = call.as_str(),
            state,
            throttled,
            "breaker.changed"
        );
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.pair.of(self.call).breaker.abandon(pass);
        }
    }
}

impl Exchange {
    /// The breakers of a campaign, of its pings first; none for an unknown one.
    #[must_use]
    pub fn breakers_of(&self, campaign: &CampaignId) -> Vec<BreakerView> {
        let snapshot = self.snapshot();
        let campaign = snapshot.campaigns.get(campaign);
        campaign.map(|campaign| self.shown(campaign)).unwrap_or_default()
    }

    /// The breakers of all campaigns, in the order of their ids.
    #[must_use]
    pub fn breakers(&self) -> Vec<BreakerView> {
        let snapshot = self.snapshot();
        snapshot.campaigns.values().flat_map(|campaign| self.shown(campaign)).collect()
    }

    /// Carries out an operator's order about a breaker, or takes one back; gives the breaker after
    /// it, or `None` if the campaign has no such endpoint.
    #[must_use]
    pub fn force_breaker(
        &self,
        campaign: &CampaignId,
        call: BreakerCall,
        order: Option<Order>,
        actor: &str,
    ) -> Option<BreakerView> {
        let snapshot = self.snapshot();
        let campaign = snapshot.campaigns.get(campaign)?;
        if url_of(campaign, call).is_empty() {
            return None;
        }
        self.breakers.force(campaign, call, order, actor);
        Some(self.breakers.view(campaign, call, self.now()))
    }

    fn shown(&self, campaign: &CompiledCampaign) -> Vec<BreakerView> {
        let has_endpoint = |call: &BreakerCall| !url_of(campaign, *call).is_empty();
        let view = |call: BreakerCall| self.breakers.view(campaign, call, self.now());
        BreakerCall::ALL.into_iter().filter(has_endpoint).map(view).collect()
    }
}

/// Where a campaign's calls go; empty where there is no such endpoint.
fn url_of(campaign: &CompiledCampaign, call: BreakerCall) -> &str {
    match call {
        BreakerCall::Ping => campaign.campaign.ping_url.as_deref().unwrap_or_default(),
        BreakerCall::Post => campaign.campaign.post_url.as_deref().unwrap_or_default(),
    }
}

fn terms(limits: &Limits) -> [Terms; 2] {
    let ping = Terms {
        window_ms: limits.breaker_ping_window_ms,
        sample_min: limits.breaker_ping_sample_min,
        failure_percent: limits.breaker_failure_percent,
        pause_ms: limits.breaker_pause_ms,
        pause_max_ms: limits.breaker_pause_max_ms,
        probes: limits.breaker_probes,
        throttle: Some(ThrottleTerms {
            timeout_percent: limits.throttle_timeout_percent,
            pass_percent: limits.throttle_pass_percent,
            release_answers: limits.throttle_release_answers,
        }),
    };
    let post = Terms {
        window_ms: limits.breaker_post_window_ms,
        sample_min: limits.breaker_post_sample_min,
        throttle: None,
        ..ping
    };
    [ping, post]
}

#[cfg(test)]
mod tests;
