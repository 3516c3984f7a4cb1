//! How the node itself is doing: its store, its records, what it refuses at the door.

use std::time::Duration;

use prometheus::{IntCounter, IntGauge, IntGaugeVec};

use super::Metrics;
use super::family::{Counters, Histograms};
use super::register::Register;
use crate::domain::event::EventType;

/// One durable write on a fast disk takes a tenth of a millisecond, on a bad day a second.
const STORE_BUCKETS: [f64; 14] =
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// The labelled families of the node.
#[derive(Debug)]
pub(super) struct Node {
    store_seconds: Histograms<1>,
    store_errors: Counters<1>,
    store_durability: IntGaugeVec,
    records_errors: Counters<1>,
    refused_by_http: Counters<1>,
    event_attempts: Counters<2>,
    take_overs: IntCounter,
    leases_lost: IntCounter,
    store_away: IntGauge,
}

impl Node {
    pub(super) fn new(register: &Register) -> Self {
        Self {
            store_seconds: register.histograms(
                "store_seconds",
                "operation",
                &STORE_BUCKETS,
                "How long an operation of the auction store took.",
            ),
            store_errors: register.counters(
                "store_errors_total",
                ["operation"],
                "Operations of the auction store that gave no reply.",
            ),
            store_durability: register.facts(
                "store_durability",
                "level",
                "The durability the auction store gives: the level whose value is 1.",
            ),
            records_errors: register.counters(
                "records_errors_total",
                ["operation"],
                "Operations of the records that failed.",
            ),
            refused_by_http: register.counters(
                "leads_refused_by_http_total",
                ["code"],
                "Submissions refused before an auction, by error code.",
            ),
            event_attempts: register.counters(
                "event_attempts_total",
                ["type", "result"],
                "Attempts to tell endpoints of events, by how they went.",
            ),
            take_overs: register.counter(
                "take_overs_total",
                "Leads taken over from a node that had stopped looking after them.",
            ),
            leases_lost: register.counter(
                "leases_lost_total",
                "Leads that another node took over while this one was at them.",
            ),
            store_away: register.gauge(
                "store_away",
                "1 while the auction store does not answer, or takes too long to.",
            ),
        }
    }
}

impl Metrics {
    /// Leads taken over from a node that had stopped looking after them.
    pub fn take_overs(&self) {
        self.node.take_overs.inc();
    }

    /// Leads that another node took over while this one was at them.
    pub fn leases_lost(&self) {
        self.node.leases_lost.inc();
    }

    /// 1 while the auction store does not answer, or takes too long to.
    pub fn store_away(&self, is_away: bool) {
        self.node.store_away.set(i64::from(is_away));
    }

    /// How long an operation of the auction store took.
    pub fn store_seconds(&self, operation: &'static str, elapsed: Duration) {
        self.node.store_seconds.of([operation]).observe(elapsed.as_secs_f64());
    }

    /// Operations of the auction store that gave no reply.
    pub fn store_errors(&self, operation: &'static str) {
        self.node.store_errors.of([operation]).inc();
    }

    /// The durability the auction store gives: the level whose value is 1.
    pub fn store_durability(&self, level: &'static str) {
        self.node.store_durability.reset();
        self.node.store_durability.with_label_values(&[level]).set(1);
    }

    /// Operations of the records that failed.
    pub fn records_errors(&self, operation: &'static str) {
        self.node.records_errors.of([operation]).inc();
    }

    /// Submissions refused before an auction, by error code.
    pub fn leads_refused_by_http(&self, code: &'static str) {
        self.node.refused_by_http.of([code]).inc();
    }

    /// Attempts to tell endpoints of events, by how they went.
    pub fn event_attempts(&self, event_type: EventType, result: &str) {
        self.node.event_attempts.of([event_type.as_str(), result]).inc();
    }
}
