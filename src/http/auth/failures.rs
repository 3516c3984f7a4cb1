//! How many wrong keys an address may send, and how many may be tried on one key id.
//!
//! A secret has 256 bits, so no number of tries finds one; the limit keeps those who try from
//! being answered for ever, and shows them in the log. It is met by wrong keys alone: a key that
//! works is let in whatever its neighbours behind the same address do, or else a stranger could
//! lock a vendor out by sending nonsense under its key id.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::recent::Recent;
use crate::domain::key::KeyId;

/// How far back failures are counted, in seconds; up to twice as far, since spans are counted whole.
pub const FAILURE_WINDOW_S: i64 = 60;

/// How many addresses, and how many key ids, are counted at once.
const TABLE_CAPACITY: usize = 16_384;

/// Counts failures per address and per key id, in bounded memory.
pub struct FailureLimits {
    per_address_max: u32,
    per_key_max: u32,
    addresses: Mutex<Recent<IpAddr, u32>>,
    keys: Mutex<Recent<KeyId, u32>>,
}

impl FailureLimits {
    /// Nothing counted yet. After `per_address_max` failures an address is told to wait (an IPv6
    /// address counts by its /64), and after `per_key_max` on one key id, from anywhere, the next.
    #[must_use]
    pub const fn new(per_address_max: u32, per_key_max: u32) -> Self {
        let span = SignedDuration::from_secs(FAILURE_WINDOW_S);
        Self {
            per_address_max,
            per_key_max,
            addresses: Mutex::new(Recent::new(span, TABLE_CAPACITY)),
            keys: Mutex::new(Recent::new(span, TABLE_CAPACITY)),
        }
    }

    /// Counts one failure and says for how many seconds to wait, if there were too many.
    ///
    /// A key id is counted whether or not there is a key of that id.
    pub(super) fn count(
        &self,
        address: Option<IpAddr>,
        key_id: Option<KeyId>,
        now: Timestamp,
    ) -> Option<u32> {
        let of_address = address.and_then(|address| {
            count(&self.addresses, network_of(address), self.per_address_max, now)
        });
        let of_key = key_id.and_then(|key| count(&self.keys, key, self.per_key_max, now));
        of_address.max(of_key)
    }
}

/// Counts `key` unless it has reached `max` already; the waiting time, if it had.
fn count<K: Ord>(table: &Mutex<Recent<K, u32>>, key: K, max: u32, now: Timestamp) -> Option<u32> {
    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
    let failures: u32 = table.recall(&key, now).into_iter().flatten().sum();
    if failures >= max {
        return Some(table.seconds_left(now));
    }
    *table.note(key, 0, now) += 1;
    None
}

/// The address, or the /64 network of an IPv6 address: whoever has one has them all.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
