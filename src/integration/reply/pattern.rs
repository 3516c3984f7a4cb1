//! Patterns, and how much matching one reply may take.
//!
//! A pattern takes time in proportion to its compiled size times the length of the text, and both come
//! from whoever wrote the profile or sent the reply. So their products are counted, and a reply that
//! needs more than [`MATCH_WORK_MAX`] is one that no rule applies to.

use std::cell::Cell;
use std::ops::Range;

use regex::{Error, Regex, RegexBuilder};

use super::json::Broken;
use super::limits::{MATCH_WORK_MAX, PATTERN_BYTES_MAX};

/// In which steps the size of patterns is known, in bytes.
const SIZE_STEP_BYTES: usize = 4_096;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Regex,
    /// Its compiled size in [`SIZE_STEP_BYTES`], rounded up to a power of two.
    weight: usize,
}

impl Pattern {
    /// Compiles a pattern of at most [`PATTERN_BYTES_MAX`].
    ///
    /// # Errors
    /// If it cannot be read or is too large.
    pub(super) fn new(text: &str) -> Result<Self, Error> {
        let mut weight = 1;
        loop {
            let bytes = weight * SIZE_STEP_BYTES;
            let mut builder = RegexBuilder::new(text);
            match builder.size_limit(bytes).dfa_size_limit(PATTERN_BYTES_MAX).build() {
                Err(Error::CompiledTooBig(_)) if bytes < PATTERN_BYTES_MAX => weight *= 2,
                built => return built.map(|regex| Self { regex, weight }),
            }
        }
    }

    /// As it was written.
    pub(super) fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// How many groups it has, the whole match counted.
    pub(super) fn groups(&self) -> usize {
        self.regex.captures_len()
    }

    /// Whether it matches somewhere.
    ///
    /// # Errors
    /// [`Broken`] if the reply needs too much matching.
    pub(super) fn is_match(&self, text: &str, work: &MatchWork) -> Result<bool, Broken> {
        work.add(self.weight, text)?;
        Ok(self.regex.is_match(text))
    }

    /// Where a group of the first match stands.
    ///
    /// # Errors
    /// [`Broken`] if the reply needs too much matching.
    pub(super) fn group(
        &self,
        group: usize,
        text: &str,
        work: &MatchWork,
    ) -> Result<Option<Range<usize>>, Broken> {
        work.add(self.weight, text)?;
        let found = self.regex.captures(text).and_then(|captures| captures.get(group));
        Ok(found.map(|found| found.range()))
    }
}

/// How much matching one reply took.
#[derive(Debug, Default)]
pub(super) struct MatchWork(Cell<usize>);

impl MatchWork {
    fn add(&self, weight: usize, text: &str) -> Result<(), Broken> {
        self.0.set(self.0.get().saturating_add(weight.saturating_mul(text.len())));
        if self.is_spent() { Err(Broken) } else { Ok(()) }
    }

    /// Whether it was more than [`MATCH_WORK_MAX`]: what was not matched then says nothing.
    pub(super) fn is_spent(&self) -> bool {
        self.0.get() > MATCH_WORK_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_patterns_weigh_little_and_large_ones_much() {
        let check = |text: &str, expect: usize| {
            assert_eq!(Pattern::new(text).unwrap().weight, expect, "{text}");
        };
        check("success", 1);
        check(r"price=([0-9.]+)", 1);
        check(r"(\d+\.\d\d)", 4);
        check(r"[\w-]+", 16);
        check("a[ab]{600}[a-zQ][ab]a{90}", 16);
        assert!(Pattern::new(r"\w{100}").is_err(), "it is too large");
    }

    #[test]
    fn matching_ends_where_it_was_too_much() {
        let pattern = Pattern::new("x").unwrap();
        let (work, text) = (MatchWork::default(), "a".repeat(MATCH_WORK_MAX / 4));
        for _ in 0..4 {
            assert_eq!(pattern.is_match(&text, &work), Ok(false));
        }
        assert!(!work.is_spent());
        assert_eq!(pattern.group(0, "x", &work), Err(Broken));
        assert!(work.is_spent());
    }
}
