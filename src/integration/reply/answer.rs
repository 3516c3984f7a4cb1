//! From a reply to what it means for the ping, the post, the status question or the login.

use std::borrow::Cow;
use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::bid::{Life, LifeReader, PriceReader, ProfileBid, Terms};
use super::limits::{ANSWER_TEXT_BYTES_MAX, LIFE_S_MAX, REASON_BYTES_MAX};
use super::reading::{Reading, read};
use super::rule::{self, Outcome, Rule};
use super::source::{Name, SourceId};
use super::{HttpReply, ReplyReader};
use crate::domain::bid::NoBid;
use crate::domain::campaign::OnUnmatched;
use crate::domain::money::Money;
use crate::domain::pii::Pii;
use crate::domain::post::{Acceptance, PostOutcome, StatusAnswer};

/// What is read of an answer to a post, a status question or a login.
#[derive(Debug, Clone, Default)]
pub(super) struct AnswerReader {
    pub(super) buyer_lead_id: Option<SourceId>,
    pub(super) redirect_url: Option<SourceId>,
    /// The price that the buyer names with its answer.
    pub(super) price: Option<PriceReader>,
    /// A duplicate in answer to our own repeat says that the buyer has taken the lead.
    pub(super) duplicate_is_acceptance: bool,
    /// Instead of the campaign's.
    pub(super) on_unmatched: Option<OnUnmatched>,
    pub(super) token: Option<SourceId>,
    pub(super) life: Option<LifeReader>,
}

/// What a reply said beside its outcome, for records, alarms and further calls.
#[derive(Clone, Default)]
pub struct Told {
    /// The place of the rule that applied, from 0.
    pub rule: Option<usize>,
    /// Its outcome; `unknown` where the HTTP status contradicts it.
    pub outcome: Option<Outcome>,
    /// Why, in the buyer's own words, which may repeat the consumer's data.
    pub reason: Option<Pii<String>>,
    /// The call that the buyer wants next.
    pub next_step: Option<Name>,
    /// After how many seconds the request may be sent again, if the buyer said so.
    pub retry_after_s: Option<u32>,
    /// Texts for a further call; they may repeat the consumer's data.
    pub captures: Vec<(Name, Pii<String>)>,
}

impl Told {
    /// The captured texts, by the names under which a further call asks for them: with `prefix`
    /// before each.
    #[must_use]
    pub fn captured(&self, prefix: &str) -> BTreeMap<String, String> {
        let name =
            |(name, text): &(Name, Pii<String>)| (format!("{prefix}{name}"), text.expose().clone());
        self.captures.iter().map(name).collect()
    }
}

/// What a reply to a ping means.
#[derive(Clone)]
pub struct PingReading {
    /// Every valid bid, or the reason why there is none.
    pub bids: Result<Vec<ProfileBid>, NoBid>,
    /// What else it said.
    pub told: Told,
}

/// What an answer to a post means.
#[derive(Clone)]
pub struct PostReading {
    /// The outcome.
    pub outcome: PostOutcome,
    /// The price that the buyer named; the bid holds all the same.
    pub price: Option<Money>,
    /// What else it said.
    pub told: Told,
}

/// What an answer to a post is held against.
#[derive(Debug, Clone, Copy)]
pub struct PostSettings {
    /// Whether the same post was sent before without a definite answer.
    pub is_repeat: bool,
    /// What an answer means that no rule matches, unless the profile says it.
    pub on_unmatched: OnUnmatched,
    /// Whether the lead is a test.
    pub is_test: bool,
}

/// A token of a login.
#[derive(Clone)]
pub struct Token {
    /// The token; a secret.
    pub text: Zeroizing<String>,
    /// How long it holds, if the buyer said so.
    pub life: Option<Life>,
    /// What the reply said beside it.
    pub told: Told,
}

/// Why a login brought no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFailure {
    /// The buyer refused it.
    Refused,
    /// Nothing to be made of the reply.
    Unclear,
}

/// Whether a call that only tells the buyer something was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It was.
    Taken,
    /// The buyer refused it.
    Refused,
    /// It may be sent again.
    Retry,
    /// Nothing to be made of the reply.
    Unclear,
}

impl ReplyReader {
    /// Reads a whole reply to a ping.
    #[must_use]
    pub fn read_ping(&self, reply: &HttpReply<'_>, terms: Terms<'_>) -> PingReading {
        if reply.raw.is_compressed() {
            return PingReading { bids: Err(NoBid::Compressed), told: Told::default() };
        }
        read(&self.sources, reply, |reading| {
            let first = rule::first(&self.rules, reading);
            let bids = match first {
                Some((_, rule)) if rule.contradicts(reading.status()) => Err(NoBid::HttpStatus),
                Some((_, rule)) => match rule.outcome {
                    Outcome::Accept => self.bid.read(reading, terms),
                    Outcome::Test if terms.is_test => self.bid.read(reading, terms),
                    _ => Err(NoBid::Declined),
                },
                None => Err(unmatched_ping(reading)),
            };
            PingReading { bids, told: self.told(reading, first) }
        })
    }

    /// Reads a whole answer to a post, with the meaning of repeats and of unmatched answers that a
    /// native one has.
    #[must_use]
    pub fn read_post(&self, reply: &HttpReply<'_>, settings: PostSettings) -> PostReading {
        let unmatched = Unmatched::new(self.answer.on_unmatched, settings);
        if reply.raw.is_compressed() {
            let outcome = unmatched.outcome("compressed");
            return PostReading { outcome, price: None, told: Told::default() };
        }
        read(&self.sources, reply, |reading| {
            let first = rule::first(&self.rules, reading);
            let outcome = match first {
                Some((_, rule)) if rule.contradicts(reading.status()) => {
                    PostOutcome::Unknown { reason: "contradictory".to_owned() }
                }
                Some((_, rule)) => self.ruled(rule, reading, settings),
                None => unmatched.read(reading),
            };
            // What a buyer names is only noted, so one that cannot be read is as good as none.
            let price = self.answer.price.as_ref();
            let price = price.and_then(|price| price.read(reading, None).ok().flatten());
            PostReading { outcome, price, told: self.told(reading, first) }
        })
    }

    fn ruled(&self, rule: &Rule, reading: &Reading<'_>, settings: PostSettings) -> PostOutcome {
        let rejected = |reason: &str| PostOutcome::Rejected { reason: reason.to_owned() };
        let unknown = |reason: &str| PostOutcome::Unknown { reason: reason.to_owned() };
        match rule.outcome {
            Outcome::Accept => PostOutcome::Accepted(self.acceptance(reading)),
            Outcome::Test if settings.is_test => PostOutcome::Accepted(self.acceptance(reading)),
            Outcome::Duplicate if settings.is_repeat => match self.answer.duplicate_is_acceptance {
                true => PostOutcome::Accepted(self.acceptance(reading)),
                false => unknown("duplicate_of_repeat"),
            },
            // It did not look at the repeat, and says nothing of the first.
            Outcome::AuthFailed if settings.is_repeat => unknown("auth_failed"),
            Outcome::Refuse => rejected(rule.reason.unwrap_or("other")),
            Outcome::Duplicate => rejected("duplicate"),
            Outcome::Invalid => rejected("invalid"),
            Outcome::AuthFailed => rejected("auth_failed"),
            Outcome::Quota => rejected("capped"),
            Outcome::Test => rejected("test"),
            Outcome::Retry => PostOutcome::NotSent { reason: "retry_later".to_owned() },
            Outcome::Pending => unknown("pending"),
            Outcome::NextStep => unknown("next_step"),
            Outcome::Unknown | Outcome::NotFound => unknown("unclear"),
        }
    }

    /// Reads a whole answer of a status question.
    #[must_use]
    pub fn read_status(&self, reply: &HttpReply<'_>) -> StatusAnswer {
        if reply.raw.is_compressed() {
            return StatusAnswer::Unclear;
        }
        read(&self.sources, reply, |reading| match rule::first(&self.rules, reading) {
            Some((_, rule)) => match rule.outcome_under(reading.status()) {
                Outcome::Accept => StatusAnswer::Accepted(self.acceptance(reading)),
                Outcome::Refuse | Outcome::Invalid | Outcome::Quota => StatusAnswer::Rejected,
                Outcome::NotFound => StatusAnswer::NotFound,
                _ => StatusAnswer::Unclear,
            },
            None => StatusAnswer::Unclear,
        })
    }

    /// Reads a whole answer to a login. Without rules any 2xx with a token in it is one.
    ///
    /// # Errors
    /// Whether the buyer refused or said nothing clear.
    pub fn read_token(&self, reply: &HttpReply<'_>) -> Result<Token, TokenFailure> {
        read(&self.sources, reply, |reading| {
            match self.sign(reading, reply) {
                Sign::Taken => {}
                Sign::Refused => return Err(TokenFailure::Refused),
                Sign::Retry | Sign::Unclear => return Err(TokenFailure::Unclear),
            }
            let text = self.answer.token.and_then(|token| self.short(reading, token));
            let text = Zeroizing::new(text.ok_or(TokenFailure::Unclear)?);
            let life = self.answer.life.as_ref();
            let life = life.and_then(|life| life.read(reading, None).ok().flatten());
            Ok(Token { text, life, told: self.told_in(reading, reply) })
        })
    }

    /// What a whole reply of any call says beside its outcome.
    #[must_use]
    pub fn told_by(&self, reply: &HttpReply<'_>) -> Told {
        read(&self.sources, reply, |reading| self.told_in(reading, reply))
    }

    fn told_in(&self, reading: &Reading<'_>, reply: &HttpReply<'_>) -> Told {
        if reply.raw.is_compressed() {
            return Told::default();
        }
        self.told(reading, rule::first(&self.rules, reading))
    }

    /// Reads a whole answer to a call that only tells the buyer something, and what it says beside
    /// that. Without rules any 2xx takes it.
    #[must_use]
    pub fn read_sign(&self, reply: &HttpReply<'_>) -> (Sign, Told) {
        read(&self.sources, reply, |reading| {
            (self.sign(reading, reply), self.told_in(reading, reply))
        })
    }

    fn sign(&self, reading: &Reading<'_>, reply: &HttpReply<'_>) -> Sign {
        if reply.raw.is_compressed() {
            return Sign::Unclear;
        }
        match rule::first(&self.rules, reading) {
            Some((_, rule)) => match rule.outcome_under(reading.status()) {
                Outcome::Accept | Outcome::Test | Outcome::Duplicate => Sign::Taken,
                Outcome::Retry => Sign::Retry,
                Outcome::Pending | Outcome::Unknown | Outcome::NextStep => Sign::Unclear,
                _ => Sign::Refused,
            },
            None => match reading.status() {
                200..=299 if self.rules.is_empty() => Sign::Taken,
                425 | 429 => Sign::Retry,
                // It may have looked at the call, or not.
                408 => Sign::Unclear,
                400..=499 => Sign::Refused,
                _ => Sign::Unclear,
            },
        }
    }

    fn acceptance(&self, reading: &Reading<'_>) -> Acceptance {
        let is_web = |text: &String| text.starts_with("https://") || text.starts_with("http://");
        let short = |source: Option<SourceId>| source.and_then(|id| self.short(reading, id));
        Acceptance {
            buyer_lead_id: short(self.answer.buyer_lead_id),
            redirect_url: short(self.answer.redirect_url).filter(is_web),
        }
    }

    /// What a source says, if it is not empty and not too long to be kept.
    fn short(&self, reading: &Reading<'_>, source: SourceId) -> Option<String> {
        let text = reading.text(source, None).ok().flatten()?;
        let text = text.trim();
        let is_kept = !text.is_empty() && text.len() <= ANSWER_TEXT_BYTES_MAX;
        is_kept.then(|| text.to_owned())
    }

    fn told(&self, reading: &Reading<'_>, first: Option<(usize, &Rule)>) -> Told {
        let text = |source: Option<SourceId>| {
            source.and_then(|source| reading.text(source, None).ok().flatten())
        };
        let reason = text(self.reason).map(kept).filter(|reason| !reason.is_empty());
        let retry_after = text(self.retry_after).and_then(|text| text.trim().parse().ok());
        let capture = |(name, source): &(Name, SourceId)| {
            Some((Name::clone(name), Pii::new(self.short(reading, *source)?)))
        };
        Told {
            rule: first.map(|(place, _)| place),
            outcome: first.map(|(_, rule)| rule.outcome_under(reading.status())),
            reason: reason.map(Pii::new),
            next_step: first.and_then(|(_, rule)| rule.step.clone()),
            retry_after_s: retry_after.map(|seconds: u32| seconds.min(LIFE_S_MAX)),
            captures: self.captures.iter().filter_map(capture).collect(),
        }
    }
}

/// As much of a buyer's words as is kept: on one line, and bounded.
fn kept(text: Cow<'_, str>) -> String {
    let mut kept = String::with_capacity(text.len().min(REASON_BYTES_MAX));
    for word in text.split(|sign: char| sign.is_whitespace() || sign.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(word);
        if kept.len() > REASON_BYTES_MAX {
            kept.truncate(kept.floor_char_boundary(REASON_BYTES_MAX));
            break;
        }
    }
    kept
}

/// Why a reply to a ping that no rule matches is no bid.
fn unmatched_ping(reading: &Reading<'_>) -> NoBid {
    match reading.status() {
        204 => NoBid::Declined,
        200..=299 if reading.is_empty() => NoBid::Empty,
        200..=299 => NoBid::Malformed,
        300..=399 => NoBid::Redirect,
        _ => NoBid::HttpStatus,
    }
}

/// What an answer to a post means that no rule matches (PROTOCOL a6).
#[derive(Clone, Copy)]
struct Unmatched {
    /// What the profile says of it, or else the campaign.
    usual: OnUnmatched,
    /// What becomes of an answer that says that the request is at fault: no delivery, unless the
    /// profile knows better of its buyer.
    faulty: OnUnmatched,
}

impl Unmatched {
    fn new(by_profile: Option<OnUnmatched>, settings: PostSettings) -> Self {
        // An answer to a repeat says nothing of the first delivery.
        let first = |meant: OnUnmatched| match settings.is_repeat {
            true => OnUnmatched::Unknown,
            false => meant,
        };
        Self {
            usual: first(by_profile.unwrap_or(settings.on_unmatched)),
            faulty: first(by_profile.unwrap_or(OnUnmatched::Rejected)),
        }
    }

    fn read(self, reading: &Reading<'_>) -> PostOutcome {
        match reading.status() {
            // Too early, too many: by their definition the buyer has not looked at it.
            425 => PostOutcome::NotSent { reason: "http_425".to_owned() },
            429 => PostOutcome::NotSent { reason: "http_429".to_owned() },
            // Something on the way gave up waiting, perhaps for the buyer.
            408 => self.outcome("http_408"),
            400..=499 => unmatched("http_4xx", self.faulty),
            300..=399 => self.outcome("redirect"),
            500..=599 => self.outcome("http_5xx"),
            _ if reading.is_readable() => self.outcome("unmatched"),
            _ => self.outcome("malformed"),
        }
    }

    fn outcome(self, what: &str) -> PostOutcome {
        unmatched(what, self.usual)
    }
}

fn unmatched(what: &str, on_unmatched: OnUnmatched) -> PostOutcome {
    let reason = what.to_owned();
    match on_unmatched {
        OnUnmatched::Unknown => PostOutcome::Unknown { reason },
        OnUnmatched::Rejected => PostOutcome::Rejected { reason },
    }
}
