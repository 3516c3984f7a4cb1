//! Sending one post: signed anew for each attempt, repeated only while it cannot have been seen.

use std::time::Duration;

use tokio::time::Instant;

use super::breaker::machine::CallResult;
use super::breaker::post_result;
use super::by_profile::Captured;
use super::cascade::Turn;
use super::exchange::Exchange;
use super::run::Run;
use crate::domain::campaign::OnUnmatched;
use crate::domain::ids::PostId;
use crate::domain::post::{PostOutcome, StatusAnswer};
use crate::domain::record::PostAttempt;
use crate::domain::reply::RawReply;
use crate::domain::time::plus_ms;
use crate::faults::planted;
use crate::ports::buyer_wire::{
    CallClass, Callee, WireError, WireFailure, WireOutcome, WireRequest,
};
use crate::post::native;
use crate::post::rendered::RenderedPost;
use crate::registry::snapshot::CompiledCampaign;
use crate::signing;

/// Attempts at one delivery as long as none can have been seen by the buyer.
const TRIES_MAX: u32 = 3;
/// Pause after the first attempt that was not sent; doubles.
const PAUSE: Duration = Duration::from_millis(100);

/// Whom a call for `campaign` goes to.
pub(super) fn callee(campaign: &CompiledCampaign) -> Callee {
    Callee::Campaign { buyer: campaign.buyer_id.clone(), campaign: campaign.id.clone() }
}

/// Signature headers for one attempt at a message, as of a time, and what is left until another.
pub(super) fn signed_headers(
    campaign: &CompiledCampaign,
    (id, now): (&str, jiff::Timestamp),
    body: &[u8],
    until: Instant,
) -> Option<Vec<(String, String)>> {
    let signed = match signing::sign(&campaign.secrets, id, now.as_second(), body) {
        Ok(signed) => signed,
        Err(error) => {
            tracing::error!(campaign = %campaign.id, %error, "sign.failed");
            return None;
        }
    };
    let left = until.saturating_duration_since(Instant::now());
    let mut headers = Vec::with_capacity(8);
    headers.extend(signed.into_pairs());
    headers.push(("gavel-deadline-ms".to_owned(), left.as_millis().to_string()));
    Some(headers)
}

/// What became of a delivery.
pub struct Delivery {
    /// The outcome.
    pub outcome: PostOutcome,
    /// Its attempts.
    pub attempts: Vec<PostAttempt>,
    /// What the last of them says about the endpoint: health is counted once per delivery.
    pub health: Option<CallResult>,
    /// What the last reply brought for calls that follow.
    pub(super) replied: Captured,
}

impl Delivery {
    /// A delivery that says nothing of an endpoint.
    pub(super) const fn of(outcome: PostOutcome, attempts: Vec<PostAttempt>) -> Self {
        Self { outcome, attempts, health: None, replied: Captured::new() }
    }
}

/// A post to be sent.
#[derive(Clone, Copy)]
pub(super) struct PostOrder<'a> {
    /// Whose it is.
    pub(super) campaign: &'a CompiledCampaign,
    /// The candidate whose turn it is.
    pub(super) turn: &'a Turn,
    /// The bytes.
    pub(super) post: &'a RenderedPost,
    /// Whether the same post may have been seen before.
    pub(super) is_repeat: bool,
    /// When it must be over.
    pub(super) deadline: Instant,
}

/// One attempt at a delivery.
pub(super) struct Attempted {
    outcome: PostOutcome,
    attempt: PostAttempt,
    health: Option<CallResult>,
    replied: Captured,
}

impl Attempted {
    /// An attempt that a call made.
    pub(super) fn of(at: jiff::Timestamp, came: &WireOutcome, outcome: PostOutcome) -> Self {
        let status = match &came.result {
            Ok(reply) => Some(reply.status),
            Err(error) => error.status,
        };
        let attempt = attempt_of(at, &outcome, status, came.elapsed_us);
        let health = post_result(came, &outcome);
        Self { outcome, attempt, health, replied: Captured::new() }
    }

    /// The same with the buyer's own words and what its reply brought.
    pub(super) fn saying(mut self, words: Option<String>, replied: Captured) -> Self {
        self.attempt.words = words;
        Self { replied, ..self }
    }

    /// An attempt that ended before its call.
    pub(super) fn unanswered(at: jiff::Timestamp, outcome: PostOutcome) -> Self {
        let attempt = attempt_of(at, &outcome, None, 0);
        Self { outcome, attempt, health: None, replied: Captured::new() }
    }

    /// An attempt that never left.
    pub(super) fn not_sent(at: jiff::Timestamp, reason: &str) -> Self {
        Self::unanswered(at, PostOutcome::NotSent { reason: reason.to_owned() })
    }
}

impl Exchange {
    /// Sends a post and reads the answer, by its deadline.
    pub(super) async fn deliver(&self, run: &Run, order: PostOrder<'_>) -> Delivery {
        if order.turn.is_by_call() {
            return self.delivery_by_call(run, &order);
        }
        let deadline = order.deadline;
        let mut attempts = Vec::new();
        let mut pause = PAUSE;
        loop {
            let Attempted { outcome, attempt, health, replied } =
                self.deliver_once(run, order).await;
            attempts.push(attempt);
            let is_last = attempts.len() >= TRIES_MAX as usize;
            let resume_at = Instant::now() + pause;
            if is_last || resume_at >= deadline || !may_repeat(&outcome) {
                return Delivery { outcome, attempts, health, replied };
            }
            tokio::time::sleep_until(resume_at).await;
            pause *= 2;
        }
    }

    async fn deliver_once(&self, run: &Run, order: PostOrder<'_>) -> Attempted {
        let at = self.now();
        let PostOrder { campaign, turn, post, is_repeat, deadline } = order;
        if !campaign.campaign.is_native() {
            return self.deliver_by_profile(run, order, at).await;
        }
        let id = turn.post_id.to_string();
        let Some(mut headers) = self.signed_headers(campaign, &id, &post.body, deadline) else {
            return Attempted::not_sent(at, "unsigned");
        };
        headers.extend(post.headers.iter().cloned());
        let request = WireRequest {
            callee: callee(campaign),
            class: CallClass::Post,
            method: post.method.clone(),
            url: post.url.clone(),
            headers,
            body: post.body.clone(),
            deadline,
            reply_bytes_max: self.limits.post_reply_bytes_max,
        };
        let came = self.call_with_post(campaign, request).await;
        let on_unmatched = campaign.campaign.on_unmatched;
        let outcome = match &came.result {
            Ok(reply) => {
                let content_encoding = reply.header("content-encoding");
                let raw = RawReply { status: reply.status, content_encoding, body: &reply.body };
                let is_repeat = is_repeat && !planted("duplicate_is_refusal");
                native::read(raw, is_repeat, on_unmatched)
            }
            Err(error) => outcome_of(*error, is_repeat, on_unmatched),
        };
        Attempted::of(at, &came, outcome)
    }

    /// Makes the call of a post and counts how long it took.
    pub(super) async fn call_with_post(
        &self,
        campaign: &CompiledCampaign,
        request: WireRequest,
    ) -> WireOutcome {
        let came = self.wire.call(request).await;
        self.metrics.post_seconds(&campaign.buyer_id, Duration::from_micros(came.elapsed_us));
        came
    }

    /// Signature headers for one attempt, with a fresh timestamp, and the time that is left.
    pub(super) fn signed_headers(
        &self,
        campaign: &CompiledCampaign,
        id: &str,
        body: &[u8],
        until: Instant,
    ) -> Option<Vec<(String, String)>> {
        signed_headers(campaign, (id, self.now()), body, until)
    }

    /// Asks the buyer's status URL what became of a post.
    pub(super) async fn inquire(
        &self,
        campaign: &CompiledCampaign,
        status_url: &str,
        post_id: PostId,
    ) -> (StatusAnswer, PostAttempt) {
        let at = self.now();
        let deadline = Instant::now() + Duration::from_millis(self.limits.post_ms);
        let id = post_id.to_string();
        let headers = self.signed_headers(campaign, &id, b"", deadline).unwrap_or_default();
        let request = WireRequest {
            callee: callee(campaign),
            class: CallClass::Status,
            method: "GET".to_owned(),
            url: native::status_url(status_url, post_id),
            headers,
            body: bytes::Bytes::new(),
            deadline,
            reply_bytes_max: self.limits.post_reply_bytes_max,
        };
        let came = self.wire.call(request).await;
        let answer = match &came.result {
            Ok(reply) => {
                let content_encoding = reply.header("content-encoding");
                let raw = RawReply { status: reply.status, content_encoding, body: &reply.body };
                native::read_status(raw)
            }
            Err(_) => StatusAnswer::Unclear,
        };
        let attempt = inquiry_attempt(at, &answer, &came);
        (answer, attempt)
    }

    /// Asks the buyer in its own format what became of a post; `None` if it has no such question.
    pub(super) async fn inquire_by_profile(
        &self,
        run: &Run,
        campaign: &CompiledCampaign,
        turn: &Turn,
    ) -> Option<(StatusAnswer, PostAttempt)> {
        let at = self.now();
        let deadline = Instant::now() + Duration::from_millis(self.limits.post_ms);
        let (answer, came) = self.ask_by_profile(run, campaign, turn, deadline).await?;
        let attempt = inquiry_attempt(at, &answer, &came);
        Some((answer, attempt))
    }

    /// By when a post that begins now must be over.
    pub(super) fn post_deadline(&self, campaign: &CompiledCampaign, auction: Instant) -> Instant {
        let post_ms = campaign.campaign.post_ms.unwrap_or(self.limits.post_ms);
        let post_ms = post_ms.min(self.limits.post_ms);
        (Instant::now() + Duration::from_millis(post_ms)).min(auction)
    }

    /// When to look at an unknown post again, given how long ago it was sent: half a second later at
    /// first, twice as long each time, and hourly after 15 minutes (PROTOCOL a7). Which node has
    /// looked before does not matter.
    pub(super) fn next_look(&self, age_ms: i64) -> jiff::Timestamp {
        const QUICK_WINDOW_MS: i64 = 900_000;
        const HOUR_MS: i64 = 3_600_000;
        let doubled = 500 + age_ms.max(0);
        let step_ms = if age_ms >= QUICK_WINDOW_MS { HOUR_MS } else { doubled };
        let mut random = [0; 2];
        self.entropy.fill(&mut random);
        let jitter_ms = step_ms / 10 * i64::from(u16::from_be_bytes(random)) / i64::from(u16::MAX);
        plus_ms(self.now(), step_ms + jitter_ms)
    }
}

/// Whether the buyer cannot have seen the post.
fn may_repeat(outcome: &PostOutcome) -> bool {
    let is_unknown = matches!(outcome, PostOutcome::Unknown { .. });
    matches!(outcome, PostOutcome::NotSent { .. }) || (is_unknown && planted("retry_after_sending"))
}

/// The class of a delivery without a whole reply (PROTOCOL a6). What cannot be read says nothing
/// about an earlier delivery.
pub(super) fn outcome_of(
    error: WireError,
    is_repeat: bool,
    on_unmatched: OnUnmatched,
) -> PostOutcome {
    let reason = error.failure.as_str().to_owned();
    if !error.sent {
        return PostOutcome::NotSent { reason };
    }
    let is_unreadable = error.failure == WireFailure::Oversized && !is_repeat;
    match (is_unreadable, error.status, on_unmatched) {
        // Of 408, 425 and 429 the status alone is no refusal.
        (true, Some(400..=407 | 409..=424 | 426..=428 | 430..=499), _)
        | (true, Some(_), OnUnmatched::Rejected) => PostOutcome::Rejected { reason },
        _ => PostOutcome::Unknown { reason },
    }
}

fn inquiry_attempt(at: jiff::Timestamp, answer: &StatusAnswer, came: &WireOutcome) -> PostAttempt {
    let (result, http_status) = match &came.result {
        Ok(reply) => {
            let text = match answer {
                StatusAnswer::Accepted(_) => "status:accepted",
                StatusAnswer::Rejected => "status:rejected",
                StatusAnswer::NotFound => "status:not_found",
                StatusAnswer::Unclear => "status:unclear",
            };
            (text.to_owned(), Some(reply.status))
        }
        Err(error) => (format!("status:{}", error.failure.as_str()), error.status),
    };
    let elapsed_ms = i64::try_from(came.elapsed_us / 1_000).unwrap_or(i64::MAX);
    PostAttempt { at, result, words: None, http_status, elapsed_ms }
}

fn attempt_of(
    at: jiff::Timestamp,
    outcome: &PostOutcome,
    http_status: Option<u16>,
    elapsed_us: u64,
) -> PostAttempt {
    let result = match outcome {
        PostOutcome::Accepted(_) => "accepted".to_owned(),
        PostOutcome::Rejected { reason } => format!("rejected:{reason}"),
        PostOutcome::NotSent { reason } => format!("not_sent:{reason}"),
        PostOutcome::Unknown { reason } => format!("unknown:{reason}"),
    };
    let elapsed_ms = i64::try_from(elapsed_us / 1_000).unwrap_or(i64::MAX);
    PostAttempt { at, result, words: None, http_status, elapsed_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_too_large_to_read_is_a_refusal_only_of_a_first_delivery() {
        let check = |status: u16, is_repeat: bool, on_unmatched: OnUnmatched, is_refusal: bool| {
            let failure = WireFailure::Oversized;
            let error = WireError { failure, sent: true, status: Some(status) };
            let reason = "oversized".to_owned();
            let expect = match is_refusal {
                true => PostOutcome::Rejected { reason },
                false => PostOutcome::Unknown { reason },
            };
            assert_eq!(outcome_of(error, is_repeat, on_unmatched), expect, "{status} {is_repeat}");
        };
        check(400, false, OnUnmatched::Unknown, true);
        check(400, true, OnUnmatched::Unknown, false);
        check(408, false, OnUnmatched::Unknown, false);
        check(429, false, OnUnmatched::Unknown, false);
        check(200, false, OnUnmatched::Unknown, false);
        check(200, false, OnUnmatched::Rejected, true);
        check(500, true, OnUnmatched::Rejected, false);
    }
}
