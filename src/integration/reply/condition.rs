//! What a reply must say for a rule to apply.
//!
//! A comparison with a document that cannot be read is neither true nor false: nothing can be
//! concluded from what a broken reply does *not* say, so a rule that depends on it does not apply.

use std::cmp::Ordering;

use super::number;
use super::operator::Operator;
use super::pattern::Pattern;
use super::reading::{Item, Reading};
use super::source::SourceId;

/// A condition.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// All of the comparisons with one source.
    Source(SourceId, Vec<Comparison>),
}

/// A comparison with what one source says.
#[derive(Debug, Clone)]
pub(super) enum Comparison {
    /// One of these words, whatever their case.
    Is(Vec<Word>),
    /// None of these words; also when the source says nothing.
    IsNot(Vec<Word>),
    /// One of these words, letter for letter.
    Exactly(Vec<Box<str>>),
    /// One of these pieces is in it, whatever their case.
    Contains(Vec<Box<str>>),
    /// It begins with one of these, whatever their case.
    StartsWith(Vec<Box<str>>),
    /// The pattern matches somewhere.
    Matches(Pattern),
    /// It says something at all, or not.
    Present(bool),
    /// It is a number in this order to another.
    Number(Operator, Box<str>),
}

/// A word that a source is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    Text(Box<str>),
    /// Compared as a number: `1` is `1.0`.
    Number(Box<str>),
    /// `4xx`: any number of this many hundreds.
    Hundreds(u8),
}

impl Condition {
    /// Whether it holds; `None` when that depends on a document that cannot be read.
    pub(super) fn holds(&self, reading: &Reading<'_>, item: Option<Item>) -> Option<bool> {
        match self {
            Self::All(conditions) => {
                let mut all = Some(true);
                for condition in conditions {
                    match condition.holds(reading, item) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => all = None,
                    }
                }
                all
            }
            Self::Any(conditions) => {
                let mut any = Some(false);
                for condition in conditions {
                    match condition.holds(reading, item) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => any = None,
                    }
                }
                any
            }
            Self::Not(condition) => condition.holds(reading, item).map(|holds| !holds),
            Self::Source(source, comparisons) => {
                let text = reading.text(*source, item).ok()?;
                let text = text.as_deref().map(str::trim);
                for comparison in comparisons {
                    let holds = match (comparison, text) {
                        (Comparison::Matches(pattern), Some(text)) => {
                            reading.matches(pattern, text).ok()?
                        }
                        (comparison, text) => comparison.holds(text),
                    };
                    if !holds {
                        return Some(false);
                    }
                }
                Some(true)
            }
        }
    }
}

impl Comparison {
    /// Whether a text, trimmed, fulfils it; a pattern is for the reading to match.
    pub(super) fn holds(&self, text: Option<&str>) -> bool {
        match (self, text) {
            (Self::Present(wanted), text) => text.is_some_and(|text| !text.is_empty()) == *wanted,
            (Self::IsNot(words), Some(text)) => !words.iter().any(|word| word.is(text)),
            (Self::IsNot(_), None) => true,
            (_, None) => false,
            (Self::Is(words), Some(text)) => words.iter().any(|word| word.is(text)),
            (Self::Exactly(words), Some(text)) => words.iter().any(|word| **word == *text),
            (Self::Contains(pieces), Some(text)) => {
                pieces.iter().any(|piece| position(text, piece).is_some())
            }
            (Self::StartsWith(pieces), Some(text)) => {
                pieces.iter().any(|piece| begins(text, piece))
            }
            (Self::Matches(_), Some(_)) => false,
            (Self::Number(operator, to), Some(text)) => {
                let order = number::compare(&plain(text), to);
                order.is_some() && operator.holds(order)
            }
        }
    }
}

impl Word {
    pub(super) fn is(&self, text: &str) -> bool {
        match self {
            Self::Text(word) => word.eq_ignore_ascii_case(text),
            Self::Number(word) => number::compare(text, word) == Some(Ordering::Equal),
            Self::Hundreds(hundreds) => {
                text.parse::<u16>().is_ok_and(|number| number / 100 == u16::from(*hundreds))
            }
        }
    }
}

/// A number without a currency sign and thousands signs.
fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    let text = text.strip_prefix('$').unwrap_or(text).trim_start();
    if text.contains(',') { text.replace(',', "").into() } else { text.into() }
}

fn begins(text: &str, piece: &str) -> bool {
    text.as_bytes()
        .get(..piece.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(piece.as_bytes()))
}

fn position(text: &str, piece: &str) -> Option<usize> {
    let starts = text.char_indices().map(|(at, _)| at);
    starts.chain([text.len()]).find(|at| begins(&text[*at..], piece))
}
