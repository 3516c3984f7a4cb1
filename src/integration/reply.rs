//! Reading a buyer's reply by configuration: format, preparation, extraction, ordered rules, and what
//! they come to: bids, the outcome of a post, the answer to a status question, a token.
//!
//! A [`ReplyReader`] is compiled once from the `reply` table of a profile and is a plain value that
//! many tasks read at once. Reading never fails and never panics: whatever a buyer sends is an
//! outcome. What no rule names is no accident either: a ping brings no bid, a post goes by the
//! campaign's `on_unmatched`, as a native one does.

mod answer;
mod bid;
mod compile;
mod condition;
mod decode;
mod form;
mod json;
mod limits;
mod lint;
mod number;
mod operator;
mod pattern;
mod price;
mod reading;
mod rule;
mod scanner;
mod source;
mod step;
mod visits;
mod xml;

use self::answer::AnswerReader;
use self::bid::BidReader;
use self::rule::Rule;
use self::source::{Name, SourceId, Sources};
use crate::domain::reply::RawReply;

pub use self::answer::{PingReading, PostReading, PostSettings, Sign, Token, TokenFailure, Told};
pub use self::bid::{Life, ProfileBid, Terms};
pub(super) use self::compile::compile;
pub use self::compile::{CompiledReply, Role};
pub(super) use self::decode::decode;
pub(super) use self::json::JsonTree;
pub use self::rule::Outcome;
pub(super) use self::xml::XmlTree;

/// A whole reply with its headers.
#[derive(Clone, Copy)]
pub struct HttpReply<'a> {
    /// Status, encoding and body.
    pub raw: RawReply<'a>,
    /// The headers, by their lower-case names.
    pub headers: &'a [(String, String)],
}

impl HttpReply<'_> {
    /// The first header of this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// How the replies to one kind of request are read.
#[derive(Debug, Default)]
pub struct ReplyReader {
    sources: Sources,
    rules: Vec<Rule>,
    /// Places that say why, in the buyer's words.
    reason: Option<SourceId>,
    retry_after: Option<SourceId>,
    /// Texts that a further call needs, by their names.
    captures: Vec<(Name, SourceId)>,
    bid: BidReader,
    answer: AnswerReader,
}

impl ReplyReader {
    /// The names of the parts of a bid's reference, as a post may ask for them.
    pub fn reference_names(&self) -> impl Iterator<Item = &str> {
        self.bid.references.iter().map(|(name, _)| &**name)
    }

    /// The names of the captured texts, as a further call may ask for them.
    pub fn capture_names(&self) -> impl Iterator<Item = &str> {
        self.captures.iter().map(|(name, _)| &**name)
    }

    /// The names of the further calls that its rules ask for.
    pub fn next_steps(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| rule.step.as_deref())
    }

    /// Whether a bid says where its call is connected to.
    #[must_use]
    pub const fn brings_phone_number(&self) -> bool {
        self.bid.phone_number.is_some()
    }

    /// Whether a rule leads to this outcome.
    #[must_use]
    pub fn can_mean(&self, outcome: Outcome) -> bool {
        self.rules.iter().any(|rule| rule.outcome == outcome)
    }
}

#[cfg(test)]
mod tests;
