//! Families of metrics whose labels cannot grow without bound.
//!
//! A label such as `buyer` has as many values as the exchange has buyers, and each value is a
//! series that Prometheus keeps. A family therefore takes the first [`LABEL_VALUES_MAX`] values it
//! sees of each label and counts everything beyond under [`OTHER`].

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

/// Distinct values of one label in one family; further ones are counted as [`OTHER`].
pub const LABEL_VALUES_MAX: usize = 1_000;

/// The label value that stands for all values beyond [`LABEL_VALUES_MAX`].
pub const OTHER: &str = "other";

/// The values one label of one family has taken so far.
#[derive(Debug, Default)]
struct LabelGuard(RwLock<HashSet<Box<str>>>);

impl LabelGuard {
    fn admit<'a>(&self, value: &'a str) -> &'a str {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(value) {
            return value;
        }
        let is_full = seen.len() >= LABEL_VALUES_MAX;
        drop(seen);
        if is_full {
            return OTHER;
        }
        let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < LABEL_VALUES_MAX || seen.contains(value) {
            seen.insert(value.into());
            return value;
        }
        OTHER
    }
}

/// One guard for each of `N` labels.
#[derive(Debug)]
struct Guards<const N: usize>([LabelGuard; N]);

impl<const N: usize> Guards<N> {
    fn new() -> Self {
        Self(std::array::from_fn(|_| LabelGuard::default()))
    }

    fn admit<'a>(&self, values: [&'a str; N]) -> [&'a str; N] {
        let mut admitted = values;
        for (value, guard) in admitted.iter_mut().zip(&self.0) {
            *value = guard.admit(value);
        }
        admitted
    }
}

/// Counters told apart by `N` labels.
#[derive(Debug)]
pub(super) struct Counters<const N: usize> {
    vec: IntCounterVec,
    guards: Guards<N>,
}

impl<const N: usize> Counters<N> {
    pub(super) fn new(vec: IntCounterVec) -> Self {
        Self { vec, guards: Guards::new() }
    }

    /// The counter of these label values, made at zero if it is new.
    pub(super) fn of(&self, values: [&str; N]) -> IntCounter {
        self.vec.with_label_values(&self.guards.admit(values))
    }
}

/// Gauges told apart by `N` labels.
#[derive(Debug)]
pub(super) struct Gauges<const N: usize> {
    vec: IntGaugeVec,
    guards: Guards<N>,
}

impl<const N: usize> Gauges<N> {
    pub(super) fn new(vec: IntGaugeVec) -> Self {
        Self { vec, guards: Guards::new() }
    }

    /// The gauge of these label values, made at zero if it is new.
    pub(super) fn of(&self, values: [&str; N]) -> IntGauge {
        self.vec.with_label_values(&self.guards.admit(values))
    }
}

/// Histograms told apart by `N` labels.
#[derive(Debug)]
pub(super) struct Histograms<const N: usize> {
    vec: HistogramVec,
    guards: Guards<N>,
}

impl<const N: usize> Histograms<N> {
    pub(super) fn new(vec: HistogramVec) -> Self {
        Self { vec, guards: Guards::new() }
    }

    /// The histogram of these label values, made empty if it is new.
    pub(super) fn of(&self, values: [&str; N]) -> Histogram {
        self.vec.with_label_values(&self.guards.admit(values))
    }
}
