//! Makes metrics and enters them in one registry.

use prometheus::core::Collector;
use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

use super::family::{Counters, Gauges, Histograms};

/// Why making and registering cannot fail: both depend on literals of this module alone.
const CHECKED: &str = "names, labels and buckets are literals that every test of a process checks";

/// Makes metrics whose names start with `gavel_`.
pub(super) struct Register(pub(super) Registry);

impl Register {
    pub(super) fn new() -> Self {
        Self(Registry::new())
    }

    fn enter<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let metric = made.expect(CHECKED);
        self.0.register(Box::new(metric.clone())).expect(CHECKED);
        metric
    }

    fn opts(name: &str, help: &str) -> Opts {
        Opts::new(name, help).namespace("gavel")
    }

    /// Enters metrics that name themselves, such as those of the process.
    pub(super) fn process(&self, collector: impl Collector + 'static) {
        self.0.register(Box::new(collector)).expect(CHECKED);
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.enter(IntCounter::with_opts(Self::opts(name, help)))
    }

    pub(super) fn counters<const N: usize>(
        &self,
        name: &str,
        labels: [&str; N],
        help: &str,
    ) -> Counters<N> {
        Counters::new(self.enter(IntCounterVec::new(Self::opts(name, help), &labels)))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.enter(IntGauge::with_opts(Self::opts(name, help)))
    }

    pub(super) fn gauges<const N: usize>(
        &self,
        name: &str,
        labels: [&str; N],
        help: &str,
    ) -> Gauges<N> {
        Gauges::new(self.enter(IntGaugeVec::new(Self::opts(name, help), &labels)))
    }

    pub(super) fn seconds(&self, name: &str, help: &str) -> Gauge {
        self.enter(Gauge::with_opts(Self::opts(name, help)))
    }

    pub(super) fn facts(&self, name: &str, label: &str, help: &str) -> IntGaugeVec {
        self.enter(IntGaugeVec::new(Self::opts(name, help), &[label]))
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        label: &str,
        buckets: &[f64],
        help: &str,
    ) -> Histograms<1> {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(buckets.to_vec());
        Histograms::new(self.enter(HistogramVec::new(opts, &[label])))
    }
}
