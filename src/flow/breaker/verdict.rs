//! What a call says about the endpoint it went to.
//!
//! An endpoint that answers, works, whatever it answers: a refusal is business. Against it count
//! time-outs, connections that fail, server errors and answers that cannot be read.

use super::machine::CallResult;
use crate::domain::bid::{Bid, NoBid};
use crate::domain::post::PostOutcome;
use crate::ports::buyer_wire::{WireFailure, WireOutcome};

/// What a ping says. `None` if it was kept back by our own limit of calls in flight.
#[must_use]
pub fn ping_result(
    outcome: &WireOutcome,
    bids: &Result<Vec<Bid>, NoBid>,
    is_late: bool,
) -> Option<CallResult> {
    match &outcome.result {
        Err(error) => of_failure(error.failure),
        Ok(_) if is_late => Some(CallResult::Late),
        Ok(reply) if is_server_error(reply.status) => Some(CallResult::Failed),
        Ok(_) => Some(match bids {
            Err(NoBid::Malformed | NoBid::Compressed | NoBid::Oversized | NoBid::Redirect) => {
                CallResult::Failed
            }
            Ok(_) | Err(_) => CallResult::Answered,
        }),
    }
}

/// What one attempt at a post says. `None` if it was kept back by our own limit of calls in flight.
#[must_use]
pub fn post_result(outcome: &WireOutcome, post: &PostOutcome) -> Option<CallResult> {
    match &outcome.result {
        Err(error) => of_failure(error.failure),
        Ok(reply) if is_server_error(reply.status) => Some(CallResult::Failed),
        // An answer that no rule could read.
        Ok(_) if matches!(post, PostOutcome::Unknown { .. }) => Some(CallResult::Failed),
        Ok(_) => Some(CallResult::Answered),
    }
}

const fn of_failure(failure: WireFailure) -> Option<CallResult> {
    match failure {
        WireFailure::Bulkhead => None,
        WireFailure::Timeout => Some(CallResult::TimedOut),
        WireFailure::Refused
        | WireFailure::Dns
        | WireFailure::Connect
        | WireFailure::Tls
        | WireFailure::Broken
        | WireFailure::Oversized => Some(CallResult::Failed),
    }
}

/// 5xx, and 429: the server says itself that it does not keep up.
const fn is_server_error(status: u16) -> bool {
    status >= 500 || status == 429
}
