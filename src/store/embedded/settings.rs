//! What an operator may set of the embedded store, and what follows from it.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::engine::Day;
use super::state::DAY_MS;
use crate::domain::ids::PARTITION_BITS;

/// Settings of the embedded store. Every limit has a default that suits one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddedSettings {
    /// The directory; made if there is none. Only one process may have it open.
    pub path: PathBuf,
    /// How many partitions ids are spread over; fixed when the store is made.
    pub partitions: u16,
    /// Operations that may wait. Beyond it operations fail as unavailable; the last eighth is
    /// kept free of new leads, so that those taken in before can go on.
    pub queue_commands_max: usize,
    /// Operations made durable by one commit at most.
    pub batch_commands_max: usize,
    /// Days that closed leads, and what keeps their settlement from happening twice, are kept.
    pub closed_retention_days: u16,
    /// Days that operation ids of deposits, adjustments and returns are kept.
    pub operation_retention_days: u16,
    /// New leads are refused while the file system has less room than this, in bytes; 0 = never.
    pub free_bytes_min: u64,
    /// Ties the store to the installation it was made by (a digest of its secret). Not part of a
    /// file: the application fills it in. The first mark given is kept and must stay the same.
    #[serde(skip)]
    pub install_mark: Option<[u8; 32]>,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        Self {
            path: PathBuf::from("data/store"),
            partitions: 64,
            queue_commands_max: 8_192,
            batch_commands_max: 512,
            closed_retention_days: 30,
            operation_retention_days: 400,
            free_bytes_min: 256 << 20,
            install_mark: None,
        }
    }
}

impl EmbeddedSettings {
    /// Everything that is wrong with the settings, one sentence each.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |is_right: bool, fault: &str| {
            if !is_right {
                faults.push(fault.to_owned());
            }
        };
        let partitions_max = 1_u16 << PARTITION_BITS;
        check(!self.path.as_os_str().is_empty(), "path is empty");
        check((1..=partitions_max).contains(&self.partitions), "partitions must be from 1 to 1024");
        check(
            (8..=1_000_000).contains(&self.queue_commands_max),
            "queue_commands_max must be from 8 to 1000000",
        );
        check(
            (1..=100_000).contains(&self.batch_commands_max),
            "batch_commands_max must be from 1 to 100000",
        );
        check(self.closed_retention_days >= 1, "closed_retention_days must be at least 1");
        check(
            self.operation_retention_days >= self.closed_retention_days,
            "operation_retention_days must be at least closed_retention_days",
        );
        faults
    }

    pub(super) fn retention(&self) -> Retention {
        Retention {
            closed_days: self.closed_retention_days,
            operation_days: self.operation_retention_days,
        }
    }
}

/// How long what has ended is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    closed_days: u16,
    operation_days: u16,
}

impl Retention {
    /// Whether a whole day of closed leads is older than the retention.
    pub(super) fn is_dropped(self, day: Day, now: Timestamp) -> bool {
        let ends_ms = (i64::from(day) + 1) * DAY_MS;
        ends_ms + i64::from(self.closed_days) * DAY_MS <= now.as_millisecond()
    }

    /// How long a finished hold or a payout is remembered, in milliseconds.
    pub(super) fn settled_ms(self) -> i64 {
        (i64::from(self.closed_days) + 1) * DAY_MS
    }

    /// How long an operator's or a buyer's operation id is remembered, in milliseconds.
    pub(super) fn operations_ms(self) -> i64 {
        i64::from(self.operation_days) * DAY_MS
    }
}
