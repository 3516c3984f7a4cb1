//! Wall time, injected. Durations inside one process are measured by the runtime instead.

use jiff::Timestamp;

/// Tells the wall time in UTC: for ids, signatures, windows of caps and records.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}
