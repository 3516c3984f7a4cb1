//! Breakers: what is said of an endpoint that is spared for a while.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The calls a campaign has a breaker for; each leads to an endpoint of its own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BreakerCall {
    /// Pings.
    Ping,
    /// Posts.
    Post,
}

impl BreakerCall {
    /// Both, in the order of their places in arrays.
    pub const ALL: [Self; 2] = [Self::Ping, Self::Post];

    /// The call as in API and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Post => "post",
        }
    }
}

/// Whether calls go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// They do.
    Closed,
    /// A few do, to find out whether the endpoint works again.
    HalfOpen,
    /// None does.
    Open,
}

impl BreakerState {
    /// The state as in API and log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// What an operator orders for a while, whatever the endpoint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForcedState {
    /// No call goes out.
    Open,
    /// Every call goes out.
    Closed,
}

impl ForcedState {
    /// The order as in API and log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// Why a call was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SkipReason {
    /// The breaker of its endpoint is open.
    BreakerOpen,
    /// The endpoint gets only a share of its calls.
    Throttled,
}

impl SkipReason {
    /// The reason as in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BreakerOpen => "breaker_open",
            Self::Throttled => "throttled",
        }
    }
}
