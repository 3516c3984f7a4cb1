//! What a reply means: the outcomes, and the ordered rules that lead to them.

use super::condition::Condition;
use super::reading::Reading;
use super::source::Name;

/// What a reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The buyer bids, or takes the lead.
    Accept,
    /// It does not.
    Refuse,
    /// It has the lead already.
    Duplicate,
    /// It calls the request faulty: something is wrong with the profile.
    Invalid,
    /// It does not know us.
    AuthFailed,
    /// It takes no more for now.
    Quota,
    /// It has the lead and will say later whether it takes it.
    Pending,
    /// Nobody can say what it did.
    Unknown,
    /// It treated the lead as a test.
    Test,
    /// It has not looked at the request; it may be sent again.
    Retry,
    /// It wants a further call first.
    NextStep,
    /// It knows nothing of the lead; an answer to a status question alone.
    NotFound,
}

impl Outcome {
    /// Every outcome by its name in a profile.
    pub const NAMES: [(&'static str, Self); 12] = [
        ("accept", Self::Accept),
        ("refuse", Self::Refuse),
        ("duplicate", Self::Duplicate),
        ("invalid", Self::Invalid),
        ("auth_failed", Self::AuthFailed),
        ("quota", Self::Quota),
        ("pending", Self::Pending),
        ("unknown", Self::Unknown),
        ("test", Self::Test),
        ("retry", Self::Retry),
        ("next_step", Self::NextStep),
        ("not_found", Self::NotFound),
    ];

    /// The outcome as in profiles, cases and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let known = Self::NAMES.iter().find(|(_, outcome)| *outcome == self);
        known.map_or("unknown", |(name, _)| name)
    }
}

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// What must hold; nothing for a rule that always applies.
    pub(super) when: Option<Condition>,
    pub(super) outcome: Outcome,
    /// Why the buyer refuses, from [`REJECTION_REASONS`](crate::domain::post::REJECTION_REASONS).
    pub(super) reason: Option<&'static str>,
    /// The call to make next, of [`Outcome::NextStep`].
    pub(super) step: Option<Name>,
    /// Whether it holds only under HTTP statuses that it names.
    pub(super) names_status: bool,
}

/// The first rule that applies, by its place; none where one before it could not be judged for all the
/// matching that the reply needs.
pub(super) fn first<'r>(rules: &'r [Rule], reading: &Reading<'_>) -> Option<(usize, &'r Rule)> {
    let applies =
        |rule: &Rule| rule.when.as_ref().is_none_or(|when| when.holds(reading, None) == Some(true));
    let first = rules.iter().enumerate().find(|(_, rule)| applies(rule));
    first.filter(|_| !reading.is_spent())
}

impl Rule {
    /// Whether it makes something definite of a reply whose HTTP status says otherwise, and that it
    /// is not about: an acceptance under anything but 2xx, and a refusal under 5xx, where the buyer
    /// says that it failed and may have taken the lead before it did.
    pub(super) fn contradicts(&self, status: u16) -> bool {
        let is_contrary = match self.outcome {
            Outcome::Accept | Outcome::Test => !(200..=299).contains(&status),
            Outcome::Refuse
            | Outcome::Duplicate
            | Outcome::Invalid
            | Outcome::AuthFailed
            | Outcome::Quota
            | Outcome::Retry
            | Outcome::NotFound => status >= 500,
            Outcome::Pending | Outcome::Unknown | Outcome::NextStep => false,
        };
        is_contrary && !self.names_status
    }

    /// What counts of its outcome under a status.
    pub(super) fn outcome_under(&self, status: u16) -> Outcome {
        if self.contradicts(status) { Outcome::Unknown } else { self.outcome }
    }
}
