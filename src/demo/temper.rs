//! Buyers as they are found: how long they think, and how often something goes wrong with them.
//!
//! Each choice is drawn from the request's `webhook-id`, so the same request is always met in the
//! same way, and a run with one seed can be repeated.

use std::sync::Arc;

use bytes::Bytes;

use super::stub_buyer::{OnPost, Reply, ReplyBody, Script};

/// How long a buyer thinks over a ping.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// Always as long, in milliseconds.
    Fixed(u64),
    /// Anything between two bounds, in milliseconds.
    Uniform(u64, u64),
    /// Half of the time up to the first, one time in a hundred beyond the second, in milliseconds:
    /// the long tail of real bidders (log-normal).
    LongTail(u64, u64),
}

impl Delay {
    /// The delay at `share`, from 0 up to 1: 0.5 is the median.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "delays are positive and far below 2^52 milliseconds"
    )]
    pub fn at(self, share: f64) -> u64 {
        match self {
            Self::Fixed(ms) => ms,
            Self::Uniform(low, high) => {
                low + (high.saturating_sub(low) as f64 * share).round() as u64
            }
            Self::LongTail(median, p99) => {
                let median = median.max(1) as f64;
                // 2.326: how many deviations the 99th percentile is from the median.
                let deviation = (p99.max(1) as f64 / median).ln().max(0.0) / 2.326;
                (median * (deviation * probit(share)).exp()).round() as u64
            }
        }
    }
}

/// The quantile of the normal distribution, good to about 0.005 (the logistic approximation).
fn probit(share: f64) -> f64 {
    let share = share.clamp(0.000_1, 0.999_9);
    let odds = (share / (1.0 - share)).ln();
    // The tails of the logistic are longer; the cubic term draws them in.
    odds / 1.702 - 0.006 * odds.powi(3) / 1.702
}

/// How a buyer meets pings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Temper {
    /// How long it thinks.
    pub delay: Delay,
    /// Its lowest price, in whole units of the currency.
    pub price_min: u32,
    /// How many different prices it has.
    pub prices: u32,
    /// Of a thousand pings, how many it declines.
    pub declines: u32,
    /// Of a thousand pings, how many it never answers.
    pub silences: u32,
    /// Of a thousand pings, how many it answers with 500.
    pub errors: u32,
    /// Of a thousand pings, how many it answers with something that is no bid.
    pub garbled: u32,
}

impl Temper {
    /// A buyer without faults that bids on every ping.
    #[must_use]
    pub const fn steady(delay: Delay, price_min: u32, prices: u32) -> Self {
        Self { delay, price_min, prices, declines: 0, silences: 0, errors: 0, garbled: 0 }
    }

    /// Its answer to the ping of this `webhook-id`.
    #[must_use]
    pub fn answer(&self, id: &str) -> Reply {
        let draw = digest(id);
        let share = f64::from(u32::try_from(draw & 0xffff_ffff).unwrap_or(0)) / 4_294_967_296.0;
        let per_thousand = u32::try_from((draw >> 32) % 1_000).unwrap_or(0);
        let price = self.price_min
            + u32::try_from((draw >> 44) % 1_000_003).unwrap_or(0) % self.prices.max(1);
        let mut below = 0;
        let mut falls_in = |width: u32| {
            below += width;
            per_thousand < below
        };
        let reply = if falls_in(self.silences) {
            Reply::silence()
        } else if falls_in(self.errors) {
            Reply::no_bid("error").with_status(500)
        } else if falls_in(self.garbled) {
            Reply {
                body: ReplyBody::Whole(Bytes::from_static(b"<html>no bid here</html>")),
                ..Reply::no_bid("")
            }
        } else if falls_in(self.declines) {
            Reply::no_bid("filtered")
        } else {
            Reply::bid(&format!("{price}.50"))
        };
        reply.after_ms(self.delay.at(share))
    }

    /// The script of a buyer of this temper that takes every lead it gets.
    #[must_use]
    pub fn script(self) -> Script {
        let on_ping =
            Arc::new(move |seen: &super::stub_buyer::Seen| self.answer(seen.header("webhook-id")));
        Script { on_ping, on_post: OnPost::Accept }
    }
}

/// FNV-1a, mixed so that every bit depends on every byte.
fn digest(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(reply: &Reply) -> &'static str {
        match &reply.body {
            ReplyBody::Silence => "silence",
            _ if reply.status == 500 => "error",
            ReplyBody::Whole(body) if body.starts_with(b"<html>") => "garbled",
            ReplyBody::Whole(body) if body.windows(4).any(|part| part == b"null") => "declined",
            _ => "bid",
        }
    }

    #[test]
    fn a_buyer_has_its_faults_as_often_as_it_was_told() {
        let delay = Delay::LongTail(60, 400);
        let steady = Temper::steady(delay, 10, 20);
        let temper = Temper { declines: 300, silences: 50, errors: 20, garbled: 30, ..steady };
        let mut counts = std::collections::BTreeMap::new();
        let mut delays = Vec::new();
        for number in 0..20_000 {
            let reply = temper.answer(&format!("ping_{number}"));
            *counts.entry(kind(&reply)).or_insert(0_i32) += 1;
            delays.push(u64::try_from(reply.after.as_millis()).unwrap());
            assert_eq!(steady.answer(&format!("ping_{number}")).status, 200);
        }
        let check = |kind: &str, expect: i32| {
            let seen = counts[kind];
            assert!((seen - expect).abs() < expect / 5, "{kind}: {seen}, not {expect}");
        };
        check("silence", 1_000);
        check("error", 400);
        check("garbled", 600);
        check("declined", 6_000);
        check("bid", 12_000);
        delays.sort_unstable();
        assert!((55..=65).contains(&delays[10_000]), "{}", delays[10_000]);
        assert!((340..=460).contains(&delays[19_800]), "{}", delays[19_800]);
    }

    #[test]
    fn the_same_ping_is_always_met_in_the_same_way() {
        let temper = Temper { declines: 500, ..Temper::steady(Delay::Uniform(5, 50), 10, 20) };
        for number in 0..100 {
            let id = format!("ping_{number}");
            let (first, again) = (temper.answer(&id), temper.answer(&id));
            assert_eq!((kind(&first), first.after), (kind(&again), again.after));
            assert!((5..=50).contains(&first.after.as_millis()));
        }
    }

    #[test]
    fn delays_grow_with_their_share() {
        for delay in [Delay::Fixed(7), Delay::Uniform(5, 50), Delay::LongTail(60, 400)] {
            let at: Vec<u64> =
                (0..100_u8).map(|percent| delay.at(f64::from(percent) / 100.0)).collect();
            assert!(at.is_sorted(), "{delay:?}: {at:?}");
        }
    }
}
