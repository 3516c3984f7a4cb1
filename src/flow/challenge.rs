//! Challenging an endpoint: signed with its owner's secrets, sent once, and the answer judged.
//!
//! It serves the endpoints of campaigns and those of events alike. Whoever registered the URL hears
//! only that it did not pass and whether our call or its answer was at fault
//! ([`ChallengeFailure::code`]); what exactly went wrong ([`ChallengeFailure::reason`]) is for
//! operators, because it would tell a stranger what our network can reach.

mod turns;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::administer::AdminError;
use super::exchange::Exchange;
use crate::domain::ids::message_id;
use crate::domain::party::Party;
use crate::domain::reply::RawReply;
use crate::notify::challenge::{CHALLENGE_BYTES, Challenge, WrongEcho};
use crate::ports::buyer_wire::{CallClass, Callee, WireFailure, WireRequest};
use crate::ports::{BuyerWire, Clock, Entropy};
use crate::signing::{self, SigningKeys};

pub(super) use turns::{ChallengeTurns, Turn};

/// The largest answer to a challenge that is read, in bytes.
pub const CHALLENGE_REPLY_BYTES_MAX: usize = 4_096;

/// What every webhook-id of a challenge begins with.
const ID_PREFIX: &str = "chal_";

/// An endpoint to be challenged.
#[derive(Clone, Copy)]
pub struct ChallengeOrder<'a> {
    /// Whose endpoint it is.
    pub callee: &'a Callee,
    /// Which of its endpoints, by its field: `ping_url`, or `url` for an endpoint of events.
    pub field: &'static str,
    /// The endpoint.
    pub url: &'a str,
    /// What its owner checks our signatures with.
    pub keys: &'a SigningKeys,
}

/// Why an endpoint did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeFailure {
    /// There is no whole answer.
    Call(WireFailure),
    /// The answer is not the echo.
    Answer(WrongEcho),
    /// The challenge could not be signed: our own fault.
    Unsigned,
    /// It was not made, or that it was passed could not be written down: our own fault.
    Unfinished,
}

impl ChallengeFailure {
    /// What the endpoint's owner is told, as a stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Call(WireFailure::Timeout) => "challenge_timeout",
            Self::Call(_) | Self::Unsigned => "challenge_unreachable",
            Self::Answer(_) => "challenge_wrong_answer",
            Self::Unfinished => "challenge_unfinished",
        }
    }

    /// What the endpoint's owner is told, as a sentence. It names no address and does not say how
    /// far a call got.
    #[must_use]
    pub const fn public_text(self) -> &'static str {
        match self {
            Self::Call(WireFailure::Timeout) => "the endpoint did not answer the challenge in time",
            Self::Call(_) | Self::Unsigned => "the endpoint could not be called",
            Self::Answer(_) => {
                "the endpoint did not answer the challenge with status 200 and its text"
            }
            Self::Unfinished => {
                "the exchange could not finish the challenge; ask for another one in a while"
            }
        }
    }

    /// What exactly went wrong, for operators and the log.
    #[must_use]
    pub fn reason(self) -> String {
        match self {
            Self::Call(failure) => failure.as_str().to_owned(),
            Self::Answer(wrong) => wrong.to_string(),
            Self::Unsigned => "the challenge could not be signed".to_owned(),
            Self::Unfinished => "the challenge could not be finished".to_owned(),
        }
    }
}

impl fmt::Display for ChallengeFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.public_text())
    }
}

impl std::error::Error for ChallengeFailure {}

impl Exchange {
    /// Leave to challenge endpoints of `asker`; an operator, `None`, needs none.
    ///
    /// # Errors
    /// [`AdminError::ChallengeRunning`]: the asker challenges as many as it may already.
    pub(super) fn challenge_turn(&self, asker: Option<Party>) -> Result<Option<Turn>, AdminError> {
        let Some(asker) = asker else { return Ok(None) };
        let seconds = self.limits.challenge_ms.div_ceil(1_000);
        let retry_after_s = u32::try_from(seconds).unwrap_or(u32::MAX);
        let turn = self.challenge_turns.take(asker);
        turn.map(Some).ok_or(AdminError::ChallengeRunning { retry_after_s })
    }

    /// Challenges one endpoint, within `limits.challenge_ms`. A failure is in the log.
    ///
    /// # Errors
    /// [`ChallengeFailure`].
    pub async fn challenge(&self, order: ChallengeOrder<'_>) -> Result<(), ChallengeFailure> {
        let challenger = Challenger {
            wire: &*self.wire,
            clock: &*self.clock,
            entropy: &*self.entropy,
            patience: Duration::from_millis(self.limits.challenge_ms),
        };
        let passed = challenger.challenge(order).await;
        if let Err(failure) = passed {
            let reason = failure.reason();
            tracing::info!(callee = %order.callee, kind = order.field, reason, "challenge.failed");
        }
        passed
    }
}

/// What a challenge takes.
struct Challenger<'a> {
    wire: &'a dyn BuyerWire,
    clock: &'a dyn Clock,
    entropy: &'a dyn Entropy,
    patience: Duration,
}

impl Challenger<'_> {
    async fn challenge(&self, order: ChallengeOrder<'_>) -> Result<(), ChallengeFailure> {
        let deadline = Instant::now() + self.patience;
        let mut random = [0; CHALLENGE_BYTES];
        self.entropy.fill(&mut random);
        let challenge = Challenge::new(random);
        let body = Bytes::from(challenge.body());
        let id = message_id(ID_PREFIX, self.entropy.bits());
        let signed = signing::sign(order.keys, &id, self.clock.now().as_second(), &body)
            .map_err(|_| ChallengeFailure::Unsigned)?;
        let mut headers = Vec::from(signed.into_pairs());
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let request = WireRequest {
            callee: order.callee.clone(),
            class: CallClass::Challenge,
            method: "POST".to_owned(),
            url: order.url.to_owned(),
            headers,
            body,
            deadline,
            reply_bytes_max: CHALLENGE_REPLY_BYTES_MAX,
        };
        let reply = self.wire.call(request).await.result;
        let reply = reply.map_err(|error| ChallengeFailure::Call(error.failure))?;
        let content_encoding = reply.header("content-encoding");
        let raw = RawReply { status: reply.status, content_encoding, body: &reply.body };
        challenge.read(raw).map_err(ChallengeFailure::Answer)
    }
}

#[cfg(test)]
mod tests;
