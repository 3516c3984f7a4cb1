//! Logs: one line per event on standard error, as JSON or as text.
//!
//! A log line holds ids, counts, durations and reasons, never a consumer's field (PROTOCOL S18).
//! Three things hold that up: personal data has no `Debug` and no `Display`; only fields of
//! [`LOGGED_FIELDS`] are written with their value; and what other crates log is heard only from
//! warnings up, since at finer levels they may print what they carry. A panic is logged with its
//! place and without its message. This module does not know who logs what, or when.

mod lines;

use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::Mutex;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use crate::config::{Log, LogFormat};
use crate::ports::Clock;

use lines::LineLayer;

/// Names of fields whose values are written. Any other field is written as [`WITHHELD`], so that it
/// is noticed and added here once somebody has made sure that it never holds a consumer's data.
pub const LOGGED_FIELDS: &[&str] = &[
    "account",
    "active",
    "actor",
    "address",
    "addresses",
    "allowed",
    "amount",
    "attempt",
    "attempts",
    "auction_id",
    "bid_id",
    "bids",
    "buyer",
    "buyer_id",
    "bytes",
    "call",
    "callee",
    "campaign",
    "campaign_id",
    "campaigns",
    "candidates",
    "cause",
    "class",
    "code",
    "count",
    "deadline_ms",
    "detail",
    "disposition",
    "due_at",
    "durability",
    "elapsed_ms",
    "elapsed_us",
    "endpoint_id",
    "entries",
    "error",
    "failure",
    "faults",
    "fence",
    "for_s",
    "host",
    "id",
    "k",
    "key_id",
    "kind",
    "lead",
    "lead_id",
    "level",
    "limit",
    "listener",
    "location",
    "method",
    "mode",
    "name",
    "node",
    "op_id",
    "operation",
    "outcome",
    "overhead_ms",
    "owner",
    "partition",
    "path",
    "ping_id",
    "pinged",
    "post",
    "post_id",
    "price",
    "reason",
    "registry_version",
    "reply",
    "request_id",
    "role",
    "round",
    "route",
    "rule",
    "seat",
    "sequence",
    "signal",
    "state",
    "status",
    "stop",
    "summary",
    "task",
    "thread",
    "throttled",
    "vendor",
    "vendor_id",
    "verdict",
    "version",
    "vertical",
];

/// What stands for the value of a field that is not in [`LOGGED_FIELDS`].
pub const WITHHELD: &str = "[withheld]";

/// Logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is not one, nor directives.
    #[error("log.level cannot be read: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// This process logs already.
    #[error("logging was started before")]
    Started,
}

/// Starts logging for the whole process; `clock` stamps the lines.
///
/// # Errors
/// [`TelemetryError`], with nothing changed.
pub fn start<C: Clock>(log: &Log, clock: C) -> Result<(), TelemetryError> {
    let subscriber = subscriber(log, clock, std::io::stderr())?;
    subscriber.try_init().map_err(|_| TelemetryError::Started)
}

/// What [`start`] installs, writing to `out`.
fn subscriber<C: Clock, W: Write + Send + 'static>(
    log: &Log,
    clock: C,
    out: W,
) -> Result<impl tracing::Subscriber + Send + Sync, TelemetryError> {
    let filter = EnvFilter::try_new(&log.level)?;
    let is_json = log.format == LogFormat::Json;
    let lines = LineLayer { is_json, clock, out: Mutex::new(out) };
    Ok(Registry::default().with(filter).with(lines))
}

/// From here on a panic is reported by its place alone: its message may hold anything.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(report_panic));
}

fn report_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    if tracing::dispatcher::has_been_set() {
        tracing::error!(location, thread, "a thread panicked");
    } else {
        drop(writeln!(std::io::stderr(), "gavel: internal error at {location}"));
    }
}

#[cfg(test)]
mod tests;
