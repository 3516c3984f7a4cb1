//! What an operator may set of the store on Redis.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::ids::PARTITION_BITS;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Settings of the store on Redis. Every limit has a default that suits servers nearby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSettings {
    /// The server, or some servers of the cluster: `redis://host:port`, `rediss://` with TLS.
    pub urls: Vec<ServerUrl>,
    /// Whether the servers are a cluster.
    pub cluster: bool,
    /// What an acknowledged write must survive; the servers are checked for it at the start.
    pub durability: Durability,
    /// Whether this is the only node, so that the records may be in SQLite.
    pub single_node: bool,
    /// The file that holds the password; it must not be in `urls` then.
    pub password_file: Option<PathBuf>,
    /// How many partitions ids are spread over; fixed when the store is made.
    pub partitions: u16,
    /// How long a connection may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long a reply may take, in milliseconds: longer than a slow fsync.
    pub reply_timeout_ms: u64,
    /// How long an operation that got no reply is repeated before it fails, in milliseconds.
    pub repeat_ms: u64,
    /// Commands on their way at once; further ones wait.
    pub commands_in_flight_max: usize,
    /// Days that closed leads, and what keeps their settlement from happening twice, are kept.
    pub closed_retention_days: u16,
    /// Days that operation ids of deposits, adjustments and returns are kept.
    pub operation_retention_days: u16,
    /// Ties the data to the installation that made it (a digest of its secret). Not part of a
    /// file: the application fills it in. The first mark given is kept and must stay the same.
    #[serde(skip)]
    pub install_mark: Option<[u8; 32]>,
}

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The death of the server and of its machine's power: every write is on the disk before its
    /// reply.
    #[default]
    Durable,
    /// Nothing in particular: writes may be lost when the server dies.
    Relaxed,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            cluster: false,
            durability: Durability::Durable,
            single_node: false,
            password_file: None,
            partitions: 64,
            connect_timeout_ms: 2_000,
            reply_timeout_ms: 5_000,
            repeat_ms: 1_000,
            commands_in_flight_max: 4_096,
            closed_retention_days: 30,
            operation_retention_days: 400,
            install_mark: None,
        }
    }
}

impl RedisSettings {
    /// Everything that is wrong with the settings: the key, and a sentence without it.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut check = |is_right: bool, key, fault: String| {
            if !is_right {
                faults.push((key, fault));
            }
        };
        check(!self.urls.is_empty(), "urls", "must name a server".to_owned());
        let is_one = self.cluster || self.urls.len() <= 1;
        check(is_one, "urls", "names several servers, but `cluster` is false".to_owned());
        let has_database = |url: &ServerUrl| url.database() != 0;
        let is_first = !self.cluster || !self.urls.iter().any(has_database);
        check(is_first, "urls", "names a database, but a cluster has only the first".to_owned());
        let has_two = self.password_file.is_some() && self.urls.iter().any(ServerUrl::has_password);
        check(!has_two, "password_file", "is given beside a password in `urls`".to_owned());
        let mut bounds = |key, value: u64, least: u64, most: u64| {
            let is_within = (least..=most).contains(&value);
            check(is_within, key, format!("is {value}, but must be {least} to {most}"));
        };
        bounds("partitions", self.partitions.into(), 1, 1 << PARTITION_BITS);
        bounds("connect_timeout_ms", self.connect_timeout_ms, 10, 60_000);
        bounds("reply_timeout_ms", self.reply_timeout_ms, 100, 60_000);
        bounds("repeat_ms", self.repeat_ms, 0, 60_000);
        let commands = u64::try_from(self.commands_in_flight_max).unwrap_or(u64::MAX);
        bounds("commands_in_flight_max", commands, 8, 1_000_000);
        bounds("closed_retention_days", self.closed_retention_days.into(), 1, u16::MAX.into());
        let (closed, operation) = (self.closed_retention_days, self.operation_retention_days);
        bounds("operation_retention_days", operation.into(), closed.into(), u16::MAX.into());
        faults
    }

    /// How long a closed lead is kept, in milliseconds.
    pub(super) fn closed_ms(&self) -> i64 {
        i64::from(self.closed_retention_days) * DAY_MS
    }

    /// How long a finished hold or a payout is remembered, in milliseconds.
    pub(super) fn settled_ms(&self) -> i64 {
        self.closed_ms() + DAY_MS
    }

    /// How long an operator's or a buyer's operation id is remembered, in milliseconds.
    pub(super) fn operations_ms(&self) -> i64 {
        i64::from(self.operation_retention_days) * DAY_MS
    }
}

/// Where a server is. The password it may hold is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(url::Url);

impl ServerUrl {
    /// Reads `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS.
    ///
    /// # Errors
    /// A sentence that shows nothing of the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "is not of the form redis://host:port or rediss://host:port".to_owned();
        let url = url::Url::parse(text).map_err(|_| invalid())?;
        let is_known = matches!(url.scheme(), "redis" | "rediss");
        let is_plain = url.query().is_none() && url.fragment().is_none();
        let database = url.path().trim_matches('/');
        let has_database = database.is_empty() || database.parse::<u16>().is_ok();
        let is_right = is_known && is_plain && has_database && url.has_host();
        if is_right { Ok(Self(url)) } else { Err(invalid()) }
    }

    /// Whether it has a password in it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.0.password().is_some()
    }

    fn database(&self) -> u16 {
        self.0.path().trim_matches('/').parse().unwrap_or(0)
    }

    /// The text with its password, for the client library alone.
    pub(super) fn with_password(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        // Both fail only for a URL without a host, which `parse` refuses.
        if shown.password().is_some() {
            let _ = shown.set_password(Some("***"));
        }
        out.write_str(shown.as_str())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{self}\"")
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ServerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
