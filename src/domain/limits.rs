//! Every limit of the process, by name, with its unit and its default.
//!
//! The operator sets them in the `limits` section of `gavel.toml`. This type only carries them:
//! whether they fit together is checked by `config`, and each is enforced where the thing it bounds
//! is handled.

use serde::{Deserialize, Serialize};

use super::money::Money;

/// The limits of one node. Durations are whole and carry their unit in the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    // The auction.
    /// How long a ping round waits for bids, in milliseconds.
    pub ping_round_ms: u64,
    /// How long a reply may come after its round closed and still be counted as late, in
    /// milliseconds. It never becomes a bid.
    pub late_reply_ms: u64,
    /// How long one post may take, in milliseconds.
    pub post_ms: u64,
    /// How long a whole auction may take, in milliseconds.
    pub auction_ms: u64,
    /// After how many seconds a post of unknown fate is final as `unresolved`.
    pub unresolved_after_s: u64,
    /// For how many milliseconds a bid holds after its round.
    pub bid_ttl_ms: u64,
    /// For how many milliseconds an offer to a vendor's ping binds; always ends before its bid.
    pub offer_ttl_ms: u64,
    /// How many ranked bids beyond the seats a round needs before it may close early.
    pub fallback_depth: u16,
    /// The highest price taken for a bid; above it the price is invalid.
    pub bid_max: Money,
    /// How long an endpoint has to answer a challenge, in milliseconds.
    pub challenge_ms: u64,
    /// The largest reply to a ping, in bytes.
    pub ping_reply_bytes_max: usize,
    /// The largest reply to a post or a status inquiry, in bytes.
    pub post_reply_bytes_max: usize,
    /// How many auctions one node runs at once; a lead beyond them gets 503.
    pub auctions_in_flight_max: usize,

    // Endpoints that do not work.
    /// How far back pings count for their endpoint's breaker, in milliseconds.
    pub breaker_ping_window_ms: u64,
    /// Pings in the window without which nothing is concluded.
    pub breaker_ping_sample_min: u32,
    /// How far back posts count for their endpoint's breaker, in milliseconds.
    pub breaker_post_window_ms: u64,
    /// Posts in the window without which nothing is concluded.
    pub breaker_post_sample_min: u32,
    /// Share of failed calls at which a breaker opens, in percent.
    pub breaker_failure_percent: u32,
    /// The first pause of an open breaker, in milliseconds; each further one is twice as long.
    pub breaker_pause_ms: u64,
    /// The longest pause of an open breaker, in milliseconds.
    pub breaker_pause_max_ms: u64,
    /// Calls let out after a pause, all of which must be answered.
    pub breaker_probes: u32,
    /// Share of pings not answered in time at which an endpoint is throttled, in percent.
    pub throttle_timeout_percent: u32,
    /// Share of its pings that a throttled endpoint still gets, in percent.
    pub throttle_pass_percent: u32,
    /// Answers in time, one after another, that end the throttling.
    pub throttle_release_answers: u32,

    // The vendor's request.
    /// How long a vendor waits for the result unless it says otherwise, in milliseconds.
    pub wait_ms_default: u64,
    /// The shortest wait a vendor may ask for, in milliseconds.
    pub wait_ms_min: u64,
    /// The longest wait a vendor may ask for, in milliseconds.
    pub wait_ms_max: u64,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// How long a request's body may take to arrive, in milliseconds.
    pub body_timeout_ms: u64,
    /// How long a request's headers may take to arrive, in milliseconds.
    pub header_timeout_ms: u64,
    /// How many headers a request may have.
    pub headers_max: usize,
    /// How large a request's headers may be together, in bytes.
    pub header_bytes_max: usize,
    /// How deep the JSON of a body may be nested.
    pub json_depth_max: usize,
    /// How many keys the JSON of a body may have in all its objects together.
    pub json_keys_max: usize,
    /// How long one string in the JSON of a body may be, in bytes.
    pub json_string_bytes_max: usize,
    /// How many days an idempotency key is known.
    pub idempotency_days: u32,
    /// For how many seconds a request without a key is known by its body.
    pub auto_key_window_s: u64,
    /// How many requests with keys that do not work an address may make within a minute.
    pub failures_per_address_max: u32,
    /// How many of them may name one key id within a minute.
    pub failures_per_key_max: u32,
    /// How many requests a key may make each second over a long time.
    pub requests_per_key_per_s: u32,
    /// How many requests a key may make at once after a rest.
    pub requests_per_key_burst: u32,
    /// How many changes of the registry a vendor or buyer may ask for each minute over a long time,
    /// with all its keys together.
    pub changes_per_owner_per_min: u32,
    /// How many changes of the registry a vendor or buyer may ask for at once after a rest.
    pub changes_per_owner_burst: u32,
    /// How many requests of a vendor or buyer may challenge endpoints at once; each challenges three
    /// URLs at most.
    pub challenges_per_owner_max: usize,
    /// How far a signed request's timestamp may be from our clock, in seconds.
    pub signature_tolerance_s: u64,

    // The node.
    /// How long a stopping node waits for its auctions, in milliseconds.
    pub drain_ms: u64,
    /// How long a node owns a lead without renewing, in milliseconds.
    pub lease_ms: u64,
    /// How often a node renews what it owns, in milliseconds.
    pub renew_ms: u64,
    /// How often a node looks for a new version of the registry, in milliseconds.
    pub registry_poll_ms: u64,
    /// Pause between two questions of a node whether the store answers, in milliseconds.
    pub store_probe_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ping_round_ms: 2_000,
            late_reply_ms: 2_000,
            post_ms: 15_000,
            auction_ms: 60_000,
            unresolved_after_s: 86_400,
            bid_ttl_ms: 60_000,
            offer_ttl_ms: 45_000,
            fallback_depth: 2,
            bid_max: BID_MAX_DEFAULT,
            challenge_ms: 5_000,
            ping_reply_bytes_max: 65_536,
            post_reply_bytes_max: 65_536,
            auctions_in_flight_max: 1_000,
            breaker_ping_window_ms: 30_000,
            breaker_ping_sample_min: 20,
            breaker_post_window_ms: 600_000,
            breaker_post_sample_min: 5,
            breaker_failure_percent: 75,
            breaker_pause_ms: 5_000,
            breaker_pause_max_ms: 300_000,
            breaker_probes: 3,
            throttle_timeout_percent: 50,
            throttle_pass_percent: 25,
            throttle_release_answers: 5,
            wait_ms_default: 30_000,
            wait_ms_min: 100,
            wait_ms_max: 300_000,
            body_bytes_max: 262_144,
            body_timeout_ms: 10_000,
            header_timeout_ms: 5_000,
            headers_max: 64,
            header_bytes_max: 16_384,
            json_depth_max: 32,
            json_keys_max: 512,
            json_string_bytes_max: 8_192,
            idempotency_days: 30,
            auto_key_window_s: 600,
            failures_per_address_max: 60,
            failures_per_key_max: 20,
            requests_per_key_per_s: 5_000,
            requests_per_key_burst: 10_000,
            changes_per_owner_per_min: 20,
            changes_per_owner_burst: 100,
            challenges_per_owner_max: 1,
            signature_tolerance_s: 300,
            drain_ms: 30_000,
            lease_ms: 10_000,
            renew_ms: 3_000,
            registry_poll_ms: 500,
            store_probe_ms: 250,
        }
    }
}

/// 100,000 units of the currency: far above any lead's worth, far below an overflow.
const BID_MAX_DEFAULT: Money = match Money::from_ten_thousandths(1_000_000_000) {
    Some(amount) => amount,
    None => Money::MAX,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_may_set_any_limit_and_leaves_the_others_at_their_default() {
        let limits: Limits = toml::from_str("post_ms = 9000\nbid_max = \"250.00\"").unwrap();
        let bid_max = Money::parse("250").unwrap();
        assert_eq!(limits, Limits { post_ms: 9_000, bid_max, ..Limits::default() });
    }

    #[test]
    fn a_misspelt_limit_is_refused() {
        let error = toml::from_str::<Limits>("post_s = 9").unwrap_err();
        assert!(error.message().contains("unknown field `post_s`"), "{error}");
    }

    #[test]
    fn the_default_ceiling_of_a_bid_is_100_000() {
        assert_eq!(Limits::default().bid_max.to_string(), "100000.00");
    }
}
