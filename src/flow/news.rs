//! What was learned about a post.

use super::by_profile::Captured;
use crate::domain::post::{Acceptance, Verdict};
use crate::domain::record::PostAttempt;

/// What was learned about a post.
pub(super) struct News {
    /// The verdict.
    pub(super) verdict: Verdict,
    /// Why it was not accepted.
    pub(super) reason: Option<String>,
    /// The attempts behind it.
    pub(super) attempts: Vec<PostAttempt>,
    /// Where the consumer may be sent next.
    pub(super) redirect_url: Option<String>,
    /// What the reply brought for calls that follow.
    pub(super) replied: Captured,
}

impl News {
    /// The buyer has taken the lead.
    pub(super) fn accepted(acceptance: Acceptance, attempts: Vec<PostAttempt>) -> Self {
        let (redirect_url, replied) = (acceptance.redirect_url, Captured::new());
        Self { verdict: Verdict::Accepted, reason: None, attempts, redirect_url, replied }
    }

    /// The same, with what the reply brought for calls that follow.
    pub(super) fn bringing(self, replied: Captured) -> Self {
        Self { replied, ..self }
    }

    /// An operator's word.
    pub(super) fn by_operator(has_it: bool, attempts: Vec<PostAttempt>) -> Self {
        match has_it {
            true => Self::accepted(Acceptance::default(), attempts),
            false => Self::of(Verdict::Rejected, "operator", attempts),
        }
    }

    /// Anything else.
    pub(super) fn of(verdict: Verdict, reason: &str, attempts: Vec<PostAttempt>) -> Self {
        let reason = Some(reason.to_owned());
        Self { verdict, reason, attempts, redirect_url: None, replied: Captured::new() }
    }
}
