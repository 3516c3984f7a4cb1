//! The `[wire]` section of gavel.toml: where calls may go and what each may cost.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;

use crate::domain::address::{AddressPolicy, PORTS_DEFAULT};

/// Settings of the outbound client. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WireSettings {
    /// Networks that may be reached by plain http, as literals and on any port.
    pub allow_networks: Vec<IpNet>,
    /// Ports open outside `allow_networks`.
    pub ports: Vec<u16>,
    /// PEM file of certificate authorities trusted beside the machine's own.
    pub extra_ca_file: Option<PathBuf>,
    /// For resolving the name and the TCP connection together, in milliseconds.
    pub connect_timeout_ms: u64,
    /// For the TLS handshake, on top of `connect_timeout_ms`.
    pub handshake_timeout_ms: u64,
    /// Connections kept open per host while unused.
    pub idle_connections_per_host_max: usize,
    /// How long an unused connection is kept, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Calls in flight per buyer, of all classes together.
    pub calls_in_flight_max: usize,
    /// Calls in flight per endpoint of events.
    pub endpoint_calls_in_flight_max: usize,
    /// Names being resolved at once; calls to one name share one lookup.
    pub lookups_in_flight_max: usize,
    /// Headers of one reply.
    pub reply_headers_max: usize,
    /// The head of one reply in bytes; at least 8192.
    pub reply_headers_bytes_max: usize,
}

impl Default for WireSettings {
    fn default() -> Self {
        Self {
            allow_networks: Vec::new(),
            ports: PORTS_DEFAULT.to_vec(),
            extra_ca_file: None,
            connect_timeout_ms: 3000,
            handshake_timeout_ms: 3000,
            idle_connections_per_host_max: 64,
            idle_timeout_ms: 30_000,
            calls_in_flight_max: 256,
            endpoint_calls_in_flight_max: 4,
            lookups_in_flight_max: 64,
            reply_headers_max: 100,
            reply_headers_bytes_max: 16 * 1024,
        }
    }
}

impl WireSettings {
    /// The rule of where calls may go, for whoever takes URLs in.
    #[must_use]
    pub fn address_policy(&self) -> AddressPolicy {
        AddressPolicy::new(self.allow_networks.clone(), self.ports.clone())
    }

    /// Every setting that is out of its bounds, as [`WireSetupError::OutOfBounds`].
    #[must_use]
    pub fn faults(&self) -> Vec<WireSetupError> {
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let bounds: [(&'static str, u64, RangeInclusive<u64>); 9] = [
            ("connect_timeout_ms", self.connect_timeout_ms, 1..=60_000),
            ("handshake_timeout_ms", self.handshake_timeout_ms, 1..=60_000),
            (
                "idle_connections_per_host_max",
                count(self.idle_connections_per_host_max),
                1..=10_000,
            ),
            ("idle_timeout_ms", self.idle_timeout_ms, 1..=600_000),
            ("calls_in_flight_max", count(self.calls_in_flight_max), 1..=10_000),
            ("endpoint_calls_in_flight_max", count(self.endpoint_calls_in_flight_max), 1..=100),
            ("lookups_in_flight_max", count(self.lookups_in_flight_max), 1..=256),
            ("reply_headers_max", count(self.reply_headers_max), 1..=1000),
            ("reply_headers_bytes_max", count(self.reply_headers_bytes_max), 8192..=1_048_576),
        ];
        let out_of_bounds = |(name, value, range): (_, u64, RangeInclusive<u64>)| {
            let (least, most) = range.clone().into_inner();
            let fault = WireSetupError::OutOfBounds { name, value, least, most };
            (!range.contains(&value)).then_some(fault)
        };
        bounds.into_iter().filter_map(out_of_bounds).collect()
    }

    /// # Errors
    /// The first of [`WireSettings::faults`].
    pub(super) fn check(&self) -> Result<(), WireSetupError> {
        self.faults().into_iter().next().map_or(Ok(()), Err)
    }
}

/// Why the client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WireSetupError {
    /// A setting outside its bounds.
    #[error("wire.{name} is {value}, but must be {least} to {most}")]
    OutOfBounds {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: u64,
        /// The smallest value taken.
        least: u64,
        /// The largest value taken.
        most: u64,
    },
    /// `extra_ca_file` cannot be read or is not PEM.
    #[error("wire.extra_ca_file {path} cannot be read: {reason}")]
    ExtraCaUnreadable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: rustls::pki_types::pem::Error,
    },
    /// `extra_ca_file` holds no certificate.
    #[error("wire.extra_ca_file {path} holds no certificate")]
    ExtraCaEmpty {
        /// The file.
        path: PathBuf,
    },
    /// `extra_ca_file` holds a certificate that cannot be an authority.
    #[error("wire.extra_ca_file {path} holds a certificate that cannot be used: {reason}")]
    ExtraCaUnusable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: rustls::Error,
    },
    /// The client of events cannot be set up.
    #[error("the client of events cannot be set up: {0}")]
    Client(reqwest::Error),
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
}

#[cfg(test)]
mod tests;
