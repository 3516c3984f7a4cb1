//! A bounded memory of what happened lately.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// Remembers values by key for at least one span and at most two, and at most `capacity` keys of
/// each span.
///
/// There are two generations: the present one and the one before it. When the present one is a span
/// old, or full, it becomes the one before, and what was that is forgotten whole. So memory is
/// bounded whatever comes in, no entry is ever searched for to make room, and a flood of new keys
/// can only shorten the memory, to no less than `capacity` keys.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    span: SignedDuration,
    capacity: usize,
    turned_at: Timestamp,
    present: BTreeMap<K, V>,
    before: BTreeMap<K, V>,
}

impl<K: Ord, V> Recent<K, V> {
    /// An empty memory.
    pub const fn new(span: SignedDuration, capacity: usize) -> Self {
        let turned_at = Timestamp::MIN;
        Self { span, capacity, turned_at, present: BTreeMap::new(), before: BTreeMap::new() }
    }

    /// Turns the generations if it is time. A clock that was set back starts a new span.
    fn turn(&mut self, now: Timestamp) {
        let age = now.duration_since(self.turned_at);
        let is_late = age >= self.span + self.span;
        let is_due = age >= self.span;
        if is_due || age < SignedDuration::ZERO || self.present.len() >= self.capacity {
            self.before = std::mem::take(&mut self.present);
            // The new span begins where the old one ended, not where somebody asked next.
            self.turned_at = if is_due && !is_late { self.turned_at + self.span } else { now };
        }
        if is_late {
            self.before.clear();
        }
    }

    /// What is remembered under `key` from the present span and the one before, in this order.
    pub fn recall(&mut self, key: &K, now: Timestamp) -> [Option<&V>; 2] {
        self.turn(now);
        [self.present.get(key), self.before.get(key)]
    }

    /// The value of the present span under `key`, which is `first` if there is none yet.
    pub fn note(&mut self, key: K, first: V, now: Timestamp) -> &mut V {
        self.turn(now);
        self.present.entry(key).or_insert(first)
    }

    /// Seconds until the present span ends, at least 1.
    pub fn seconds_left(&self, now: Timestamp) -> u32 {
        let left = self.span - now.duration_since(self.turned_at);
        u32::try_from(left.as_secs().max(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
