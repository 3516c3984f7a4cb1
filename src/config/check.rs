//! What single values cannot tell: whether they fit together.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::layers::Layers;
use super::{Config, EventSettings, Exchange, Limits, Log, RecordsSettings, StoreSettings};

/// The longest pause between two looks at the registry, in milliseconds: a revoked key works as long.
const REGISTRY_POLL_MS_MAX: u64 = 5_000;
/// With the time in which the store must answer, less than two seconds.
const STORE_PROBE_MS_MAX: u64 = 400;

/// The shortest lease, in milliseconds: orphans are looked for twice in it.
const LEASE_MS_MIN: u64 = 1_000;

/// Checks that the currency can be one.
pub(super) fn exchange(exchange: Option<&Exchange>, layers: &mut Layers) {
    let Some(Exchange { currency }) = exchange else { return };
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        let message = format!("`{currency}` is not a currency code such as USD");
        layers.fault_at("exchange", Some("currency"), message);
    }
}

/// Checks that the log's level can be read as one.
pub(super) fn log(log: Option<&Log>, layers: &mut Layers) {
    let parsed = log.map(|log| tracing_subscriber::EnvFilter::try_new(&log.level));
    if let Some(Err(error)) = parsed {
        layers.fault_at("log", Some("level"), error.to_string());
    }
}

/// Checks that no two listeners want one address.
pub(super) fn listeners<const N: usize>(
    listeners: [(&str, Option<SocketAddr>); N],
    layers: &mut Layers,
) {
    for (index, (name, address)) in listeners.iter().enumerate() {
        let Some(address) = address.filter(|address| address.port() != 0) else { continue };
        let taken = listeners[..index].iter().find(|(_, other)| *other == Some(address));
        if let Some((other, _)) = taken {
            layers.fault_at(name, Some("listen"), format!("{address} is {other}.listen too"));
        }
    }
}

/// Checks that the limits fit together.
pub(super) fn limits(limits: Option<&Limits>, layers: &mut Layers) {
    for (key, message) in limits.map(limit_errors).unwrap_or_default() {
        layers.fault_at("limits", Some(key), message);
    }
}

/// Checks the settings of events.
pub(super) fn events(events: Option<&EventSettings>, layers: &mut Layers) {
    for (key, message) in events.map(EventSettings::faults).unwrap_or_default() {
        layers.fault_at("events", Some(key), message);
    }
}

/// Checks that the store keeps a closed lead as long as its idempotency key is promised to be known.
pub(super) fn retention(
    limits: Option<&Limits>,
    store: Option<&StoreSettings>,
    layers: &mut Layers,
) {
    let (Some(limits), Some(store)) = (limits, store) else { return };
    let kept_days = match store {
        StoreSettings::Embedded(store) => store.closed_retention_days,
        StoreSettings::Redis(store) => store.closed_retention_days,
    };
    if u32::from(kept_days) < limits.idempotency_days {
        let message = format!(
            "{kept_days} is shorter than limits.idempotency_days = {}: answers could not be repeated \
             so long",
            limits.idempotency_days
        );
        layers.fault_at("store", Some("closed_retention_days"), message);
    }
}

/// Checks that nodes which share a store share their records too.
pub(super) fn nodes(
    store: Option<&StoreSettings>,
    records: Option<&RecordsSettings>,
    layers: &mut Layers,
) {
    let (Some(StoreSettings::Redis(store)), Some(RecordsSettings::Sqlite(_))) = (store, records)
    else {
        return;
    };
    if !store.single_node {
        let message = "is shared by nodes, but records in SQLite are not: set records.kind = \
                       \"postgres\", or store.single_node = true for one node";
        layers.fault_at("store", Some("kind"), message.to_owned());
    }
}

/// Keys of `limits` with what is wrong about them.
fn limit_errors(limits: &Limits) -> Vec<(&'static str, String)> {
    let mut errors: Vec<(&'static str, String)> = positive(limits)
        .into_iter()
        .filter(|(_, value)| *value == 0)
        .map(|(key, _)| (key, "must be above 0".to_owned()))
        .chain(lease_errors(limits.lease_ms, limits.renew_ms))
        .collect();
    let mut need = |holds: bool, key: &'static str, message: String| {
        if !holds {
            errors.push((key, message));
        }
    };
    let Limits { ping_round_ms, post_ms, auction_ms, wait_ms_min, wait_ms_max, .. } = *limits;
    need(
        ping_round_ms.saturating_add(post_ms) <= auction_ms,
        "auction_ms",
        format!(
            "{auction_ms} leaves no time for one ping round and one post: \
             ping_round_ms + post_ms = {}",
            ping_round_ms.saturating_add(post_ms)
        ),
    );
    need(
        limits.unresolved_after_s.saturating_mul(1_000) >= auction_ms,
        "unresolved_after_s",
        format!("{} s end before the auction does ({auction_ms} ms)", limits.unresolved_after_s),
    );
    need(
        (wait_ms_min..=wait_ms_max).contains(&limits.wait_ms_default),
        "wait_ms_default",
        format!("{} is not within {wait_ms_min} to {wait_ms_max}", limits.wait_ms_default),
    );
    need(
        limits.registry_poll_ms <= REGISTRY_POLL_MS_MAX,
        "registry_poll_ms",
        format!(
            "{} is more than {REGISTRY_POLL_MS_MAX}: a revoked key would work for too long",
            limits.registry_poll_ms
        ),
    );
    need(
        limits.store_probe_ms <= STORE_PROBE_MS_MAX,
        "store_probe_ms",
        format!(
            "{} is more than {STORE_PROBE_MS_MAX}: a store that is away must be known to be within \
             two seconds",
            limits.store_probe_ms
        ),
    );
    need(
        limits.breaker_pause_ms <= limits.breaker_pause_max_ms,
        "breaker_pause_max_ms",
        format!(
            "{} is shorter than breaker_pause_ms = {}",
            limits.breaker_pause_max_ms, limits.breaker_pause_ms
        ),
    );
    let shares = [
        ("breaker_failure_percent", limits.breaker_failure_percent),
        ("throttle_timeout_percent", limits.throttle_timeout_percent),
        ("throttle_pass_percent", limits.throttle_pass_percent),
    ];
    for (key, percent) in shares {
        need(percent <= 100, key, format!("{percent} is more than 100"));
    }
    errors
}

/// What is wrong about leases and their renewal.
fn lease_errors(lease_ms: u64, renew_ms: u64) -> Vec<(&'static str, String)> {
    let mut errors = Vec::new();
    if lease_ms < LEASE_MS_MIN {
        let why = "a pause of a moment would lose the lead";
        errors.push(("lease_ms", format!("{lease_ms} is less than {LEASE_MS_MIN}: {why}")));
    }
    if renew_ms.saturating_mul(2) > lease_ms {
        let why = "one slow renewal would lose the lead";
        let message = format!("{renew_ms} is more than half of lease_ms = {lease_ms}: {why}");
        errors.push(("renew_ms", message));
    }
    errors
}

/// The limits that make no sense at zero.
fn positive(limits: &Limits) -> Vec<(&'static str, u64)> {
    let size = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    vec![
        ("ping_round_ms", limits.ping_round_ms),
        ("post_ms", limits.post_ms),
        ("auction_ms", limits.auction_ms),
        ("unresolved_after_s", limits.unresolved_after_s),
        ("bid_ttl_ms", limits.bid_ttl_ms),
        ("offer_ttl_ms", limits.offer_ttl_ms),
        ("bid_max", limits.bid_max.ten_thousandths().max(0).unsigned_abs()),
        ("challenge_ms", limits.challenge_ms),
        ("ping_reply_bytes_max", size(limits.ping_reply_bytes_max)),
        ("post_reply_bytes_max", size(limits.post_reply_bytes_max)),
        ("auctions_in_flight_max", size(limits.auctions_in_flight_max)),
        ("breaker_ping_window_ms", limits.breaker_ping_window_ms),
        ("breaker_ping_sample_min", limits.breaker_ping_sample_min.into()),
        ("breaker_post_window_ms", limits.breaker_post_window_ms),
        ("breaker_post_sample_min", limits.breaker_post_sample_min.into()),
        ("breaker_failure_percent", limits.breaker_failure_percent.into()),
        ("breaker_pause_ms", limits.breaker_pause_ms),
        ("breaker_probes", limits.breaker_probes.into()),
        ("throttle_timeout_percent", limits.throttle_timeout_percent.into()),
        ("throttle_pass_percent", limits.throttle_pass_percent.into()),
        ("throttle_release_answers", limits.throttle_release_answers.into()),
        ("wait_ms_min", limits.wait_ms_min),
        ("body_bytes_max", size(limits.body_bytes_max)),
        ("body_timeout_ms", limits.body_timeout_ms),
        ("header_timeout_ms", limits.header_timeout_ms),
        ("headers_max", size(limits.headers_max)),
        ("header_bytes_max", size(limits.header_bytes_max)),
        ("json_depth_max", size(limits.json_depth_max)),
        ("json_keys_max", size(limits.json_keys_max)),
        ("json_string_bytes_max", size(limits.json_string_bytes_max)),
        ("idempotency_days", u64::from(limits.idempotency_days)),
        ("auto_key_window_s", limits.auto_key_window_s),
        ("failures_per_address_max", u64::from(limits.failures_per_address_max)),
        ("failures_per_key_max", u64::from(limits.failures_per_key_max)),
        ("requests_per_key_per_s", u64::from(limits.requests_per_key_per_s)),
        ("requests_per_key_burst", u64::from(limits.requests_per_key_burst)),
        ("changes_per_owner_per_min", u64::from(limits.changes_per_owner_per_min)),
        ("changes_per_owner_burst", u64::from(limits.changes_per_owner_burst)),
        ("challenges_per_owner_max", size(limits.challenges_per_owner_max)),
        ("signature_tolerance_s", limits.signature_tolerance_s),
        ("renew_ms", limits.renew_ms),
        ("registry_poll_ms", limits.registry_poll_ms),
        ("store_probe_ms", limits.store_probe_ms),
    ]
}

/// Says what can work but is hardly meant.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let limits = &config.limits;
    let day_s = 86_400;
    let is_local = |network: &IpNet| network.network().is_loopback();
    let checks = [
        (
            !config.wire.allow_networks.iter().all(is_local),
            "wire.allow_networks goes beyond this machine: leads may be sent there without TLS",
        ),
        (
            limits.drain_ms < limits.ping_round_ms.saturating_add(limits.post_ms),
            "limits.drain_ms is shorter than one ping round and one post: stopping will leave \
             auctions to be recovered at the next start",
        ),
        (
            u64::from(limits.idempotency_days) * day_s < limits.unresolved_after_s,
            "limits.idempotency_days is shorter than limits.unresolved_after_s: a vendor's retry \
             could sell a lead whose post is still unresolved",
        ),
        (
            limits.bid_ttl_ms < limits.post_ms,
            "limits.bid_ttl_ms is shorter than limits.post_ms: after one slow post no other bid \
             holds any more",
        ),
        (
            limits.wait_ms_default < limits.ping_round_ms,
            "limits.wait_ms_default is shorter than limits.ping_round_ms: most vendors will be \
             answered `pending`",
        ),
    ];
    checks.iter().filter(|(holds, _)| *holds).map(|(_, text)| (*text).to_owned()).collect()
}
