//! What the exchange counts about itself, for Prometheus.
//!
//! One [`Metrics`] value per process owns its registry: there are no globals, so two exchanges in
//! one test process never share a counter. The doc comment of each method and field is the metric's
//! help text. Labels are bounded: closed lists by their types, names of buyers, campaigns, vendors
//! and verticals by [`LABEL_VALUES_MAX`]. A label is never a URL, a lead or free text.
//!
//! This module only counts. It does not know when something happens, and nothing in the exchange
//! ever decides by what is counted here.

mod endpoints;
mod family;
mod market;
mod node;
mod register;

use prometheus::process_collector::ProcessCollector;
use prometheus::{Gauge, IntCounter, IntGauge, PullingGauge, Registry, TextEncoder};
use tokio::runtime::RuntimeMetrics;

pub use family::{LABEL_VALUES_MAX, OTHER};

use endpoints::Endpoints;
use market::Market;
use node::Node;
use register::Register;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// What became of a request to hold a buyer's money and cap room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldResult {
    /// It was held.
    Held,
    /// There was no room.
    Refused,
    /// It was given back.
    Voided,
    /// It became a debit.
    Captured,
}

impl HoldResult {
    const ALL: [Self; 4] = [Self::Held, Self::Refused, Self::Voided, Self::Captured];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Refused => "refused",
            Self::Voided => "voided",
            Self::Captured => "captured",
        }
    }
}

/// What became of the offers to a vendor's ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferResult {
    /// They were made.
    Made,
    /// The vendor's post took one or more.
    Taken,
    /// They ran out.
    Expired,
}

impl OfferResult {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Taken => "taken",
            Self::Expired => "expired",
        }
    }
}

/// All metrics of one process. Share it behind an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    market: Market,
    endpoints: Endpoints,
    node: Node,

    /// Auctions this node is running now.
    pub auctions_in_flight: IntGauge,
    /// Ping rounds closed early, because no outstanding bid could still have won.
    pub early_closes: IntCounter,
    /// Posts that a buyer accepted after another definite verdict; never billed.
    pub conflicts: IntCounter,
    /// Captures that found no hold, which only lost writes can cause.
    pub unheld_captures: IntCounter,
    /// Posts whose fate is unknown now.
    pub unknown_posts: IntGauge,
    /// Age of the oldest post whose fate is unknown.
    pub unknown_post_oldest: Gauge,
    /// Effects that wait in the outbox.
    pub outbox_entries: IntGauge,
    /// Age of the oldest effect in the outbox.
    pub outbox_oldest: Gauge,
    /// Requests answered with the stored answer of an earlier one.
    pub replays: IntCounter,
    /// Leads refused because the consumer was sold recently or is being sold.
    pub duplicates: IntCounter,
    /// Fields of submitted leads that their vertical does not know.
    pub unknown_fields: IntCounter,
    /// Events that wait for active endpoints.
    pub events_waiting: IntGauge,
    /// How long the oldest event whose turn it is has been due.
    pub events_oldest_due: Gauge,
    /// Endpoints of events that are disabled.
    pub endpoints_disabled: IntGauge,
    /// Version of the registry that new auctions run on.
    pub registry_version: IntGauge,
    /// Faults of a newer registry, which is not used because of them.
    pub registry_faults: IntGauge,
}

impl Metrics {
    /// Makes every metric at zero, and those of the process itself.
    #[must_use]
    pub fn new() -> Self {
        let register = Register::new();
        register.process(ProcessCollector::for_self());
        register
            .facts("build_info", "version", "The version of the running program.")
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let counter = |name, help| register.counter(name, help);
        let gauge = |name, help| register.gauge(name, help);
        let seconds = |name, help| register.seconds(name, help);
        Self {
            market: Market::new(&register),
            endpoints: Endpoints::new(&register),
            node: Node::new(&register),
            auctions_in_flight: gauge("auctions_in_flight", "Auctions this node is running now."),
            early_closes: counter(
                "early_closes_total",
                "Ping rounds closed early, because no outstanding bid could still have won.",
            ),
            conflicts: counter(
                "conflicts_total",
                "Posts that a buyer accepted after another definite verdict; never billed.",
            ),
            unheld_captures: counter(
                "unheld_captures_total",
                "Captures that found no hold, which only lost writes can cause.",
            ),
            unknown_posts: gauge("unknown_posts", "Posts whose fate is unknown now."),
            unknown_post_oldest: seconds(
                "unknown_post_oldest_seconds",
                "Age of the oldest post whose fate is unknown.",
            ),
            outbox_entries: gauge("outbox_entries", "Effects that wait in the outbox."),
            outbox_oldest: seconds(
                "outbox_oldest_seconds",
                "Age of the oldest effect in the outbox.",
            ),
            replays: counter(
                "replays_total",
                "Requests answered with the stored answer of an earlier one.",
            ),
            duplicates: counter(
                "duplicates_total",
                "Leads refused because the consumer was sold recently or is being sold.",
            ),
            unknown_fields: counter(
                "unknown_fields_total",
                "Fields of submitted leads that their vertical does not know.",
            ),
            events_waiting: gauge("events_waiting", "Events that wait for active endpoints."),
            events_oldest_due: seconds(
                "events_oldest_due_seconds",
                "How long the oldest event whose turn it is has been due.",
            ),
            endpoints_disabled: gauge(
                "event_endpoints_disabled",
                "Endpoints of events that are disabled.",
            ),
            registry_version: gauge(
                "registry_version",
                "Version of the registry that new auctions run on.",
            ),
            registry_faults: gauge(
                "registry_faults",
                "Faults of a newer registry, which is not used because of them.",
            ),
            registry: register.0,
        }
    }

    /// Shows the load of the runtime that carries the auctions, read at each scrape. Further calls
    /// change nothing.
    pub fn watch_runtime(&self, runtime: &RuntimeMetrics) {
        let tasks = runtime.clone();
        let queued = runtime.clone();
        self.pull(
            "gavel_runtime_tasks",
            "Tasks alive on the runtime that carries the auctions.",
            move || tasks.num_alive_tasks(),
        );
        self.pull(
            "gavel_runtime_queued_tasks",
            "Tasks that wait in the runtime's shared queue.",
            move || queued.global_queue_depth(),
        );
    }

    fn pull(&self, name: &str, help: &str, read: impl Fn() -> usize + Send + Sync + 'static) {
        #[expect(clippy::cast_precision_loss, reason = "nobody runs 2^52 tasks")]
        let gauge = PullingGauge::new(name, help, Box::new(move || read() as f64));
        if let Ok(gauge) = gauge {
            // Refused only where it is registered already, and then it shows the same runtime.
            drop(self.registry.register(Box::new(gauge)));
        }
    }

    /// All metrics in Prometheus' text format (`text/plain; version=0.0.4`).
    #[must_use]
    pub fn render(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("writing into a String does not fail, and every family has a name and a type")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
