//! Endpoints that are spared: breakers, throttling, and what was not sent because of them.

use super::Metrics;
use super::family::{Counters, Gauges};
use super::register::Register;
use crate::domain::breaker::{BreakerCall, BreakerState, SkipReason};
use crate::domain::slug::CampaignId;

/// The labelled families of endpoints.
#[derive(Debug)]
pub(super) struct Endpoints {
    breaker_state: Gauges<2>,
    breaker_opened: Counters<2>,
    ping_throttled: Gauges<1>,
    calls_skipped: Counters<3>,
}

impl Endpoints {
    pub(super) fn new(register: &Register) -> Self {
        Self {
            breaker_state: register.gauges(
                "breaker_state",
                ["campaign", "call"],
                "The breaker of an endpoint: 0 closed, 1 half open, 2 open.",
            ),
            breaker_opened: register.counters(
                "breaker_opened_total",
                ["campaign", "call"],
                "Times the breaker of an endpoint opened.",
            ),
            ping_throttled: register.gauges(
                "ping_throttled",
                ["campaign"],
                "1 while an endpoint gets only a share of its pings.",
            ),
            calls_skipped: register.counters(
                "calls_skipped_total",
                ["campaign", "call", "reason"],
                "Pings and posts not sent to spare an endpoint, by reason.",
            ),
        }
    }
}

impl Metrics {
    /// The breaker of an endpoint: 0 closed, 1 half open, 2 open.
    pub fn breaker_state(&self, campaign: &CampaignId, call: BreakerCall, state: BreakerState) {
        let labels = [campaign.as_str(), call.as_str()];
        self.endpoints.breaker_state.of(labels).set(state as i64);
    }

    /// Times the breaker of an endpoint opened.
    pub fn breaker_opened(&self, campaign: &CampaignId, call: BreakerCall) {
        self.endpoints.breaker_opened.of([campaign.as_str(), call.as_str()]).inc();
    }

    /// 1 while an endpoint gets only a share of its pings.
    pub fn ping_throttled(&self, campaign: &CampaignId, is_throttled: bool) {
        self.endpoints.ping_throttled.of([campaign.as_str()]).set(is_throttled.into());
    }

    /// Pings and posts not sent to spare an endpoint, by reason.
    pub fn calls_skipped(&self, campaign: &CampaignId, call: BreakerCall, reason: SkipReason) {
        let labels = [campaign.as_str(), call.as_str(), reason.as_str()];
        self.endpoints.calls_skipped.of(labels).inc();
    }
}
