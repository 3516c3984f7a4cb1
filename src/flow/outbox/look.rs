//! One look through the outbox of a partition: where it goes on, what had to stay, and up to where
//! nothing but parts of records is left.

use std::collections::BTreeSet;

use super::pending::Whose;
use crate::ports::auction_store::{Effect, OutboxEntry};

/// How far an outbox was looked through for money: of what stands up to there only parts of records
/// are left. Entries are numbered in the order in which they come, so nothing new appears before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Passed {
    /// The last entry of that stretch.
    pub(super) until: u64,
    /// Parts that were left in it.
    pub(super) parts: usize,
}

/// What counts of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its id.
    pub(super) id: u64,
    is_part: bool,
    is_meant: bool,
}

impl Seen {
    /// What counts of `entry`.
    pub(super) fn of(entry: &OutboxEntry, whose: &Whose) -> Self {
        let is_part = matches!(entry.effect, Effect::Record(_));
        Self { id: entry.id, is_part, is_meant: whose.means(entry) }
    }
}

/// A look under way.
#[derive(Debug)]
pub(super) struct Look {
    /// What earlier looks have passed.
    before: Passed,
    /// What this one has.
    passed: Passed,
    /// Whether nothing but parts was left so far.
    is_unbroken: bool,
    wants_parts: bool,
    after: u64,
    left: usize,
}

impl Look {
    /// Begins at the first entry if parts of records are wanted; for money alone, behind what was
    /// passed `before`.
    pub(super) const fn begin(wants_parts: bool, before: Passed) -> Self {
        let passed = if wants_parts { Passed { until: 0, parts: 0 } } else { before };
        let (after, left) = (passed.until, passed.parts);
        Self { before, passed, is_unbroken: true, wants_parts, after, left }
    }

    /// The entry behind which the next page begins.
    pub(super) const fn after(&self) -> u64 {
        self.after
    }

    /// Whether the records are to be given parts.
    pub(super) const fn wants_parts(&self) -> bool {
        self.wants_parts
    }

    /// How many entries had to stay of those that were meant.
    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// The last entry of all.
    pub(super) fn newest(&self) -> Option<u64> {
        (self.after > 0).then_some(self.after)
    }

    /// What is known of the outbox from now on; `None` if the records have answered throughout.
    pub(super) fn passed(&self) -> Option<Passed> {
        (!self.wants_parts).then_some(self.passed)
    }

    /// Counts a page of which `done` is gone. Once the records give no answer, the look goes on for
    /// money alone, behind what was passed before.
    pub(super) fn saw(&mut self, page: &[Seen], done: &BTreeSet<u64>, do_records_answer: bool) {
        let is_first = self.after == 0;
        if is_first && page.first().is_none_or(|first| first.id > self.before.until) {
            // Another node has given them to the records.
            self.before.parts = 0;
        }
        for entry in page {
            let stays = !done.contains(&entry.id);
            self.left += usize::from(stays && entry.is_meant);
            self.is_unbroken &= entry.is_part || !stays;
            if self.is_unbroken {
                self.passed.until = entry.id;
                self.passed.parts += usize::from(stays);
            }
        }
        self.after = page.last().map_or(self.after, |last| last.id);
        if self.wants_parts && !do_records_answer {
            self.wants_parts = false;
            if self.before.until > self.after {
                self.passed = self.before;
                self.after = self.before.until;
                self.is_unbroken = true;
                self.left = self.left.max(self.before.parts);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page as letters: `p` a part, `m` money, capital if it is not meant; numbered from `first`.
    fn page(first: u64, letters: &str) -> Vec<Seen> {
        let seen = |(id, letter): (u64, char)| Seen {
            id,
            is_part: letter.eq_ignore_ascii_case(&'p'),
            is_meant: letter.is_ascii_lowercase(),
        };
        (first..).zip(letters.chars()).map(seen).collect()
    }

    fn done(ids: &[u64]) -> BTreeSet<u64> {
        ids.iter().copied().collect()
    }

    #[test]
    fn while_the_records_answer_nothing_is_remembered() {
        let mut look = Look::begin(true, Passed::default());
        look.saw(&page(1, "pmp"), &done(&[1, 2, 3]), true);
        look.saw(&page(4, "pM"), &done(&[4]), true);
        assert_eq!((look.left(), look.newest(), look.passed()), (0, Some(5), None));
    }

    #[test]
    fn without_an_answer_money_goes_on_and_what_is_passed_ends_before_money_that_stays() {
        let mut look = Look::begin(true, Passed::default());
        look.saw(&page(1, "pmp"), &done(&[2]), false);
        assert!(!look.wants_parts());
        look.saw(&page(4, "pmP"), &done(&[5]), true);
        look.saw(&page(7, "Mpm"), &done(&[9]), true);
        assert_eq!((look.left(), look.newest()), (4, Some(9)));
        assert_eq!(look.passed(), Some(Passed { until: 6, parts: 4 }));
    }

    #[test]
    fn for_money_alone_what_was_passed_is_not_read_again() {
        let before = Passed { until: 6, parts: 4 };
        let mut look = Look::begin(false, before);
        assert_eq!(look.after(), 6);
        look.saw(&page(7, "mp"), &done(&[7]), true);
        assert_eq!((look.left(), look.passed()), (5, Some(Passed { until: 8, parts: 5 })));
        let mut look = Look::begin(false, before);
        look.saw(&[], &done(&[]), true);
        assert_eq!((look.left(), look.newest(), look.passed()), (4, Some(6), Some(before)));
    }

    #[test]
    fn records_that_still_do_not_answer_are_asked_for_one_page() {
        let before = Passed { until: 900, parts: 700 };
        let mut look = Look::begin(true, before);
        assert_eq!(look.after(), 0);
        look.saw(&page(1, "ppp"), &done(&[]), false);
        assert_eq!(look.after(), 900);
        look.saw(&page(901, "mp"), &done(&[901]), true);
        assert_eq!(look.passed(), Some(Passed { until: 902, parts: 701 }));
        assert_eq!(look.left(), 701);
    }

    #[test]
    fn parts_that_another_node_gave_to_the_records_are_counted_no_more() {
        let before = Passed { until: 900, parts: 700 };
        let mut look = Look::begin(true, before);
        look.saw(&page(901, "pm"), &done(&[902]), false);
        assert_eq!((look.left(), look.passed()), (1, Some(Passed { until: 902, parts: 1 })));
        let mut look = Look::begin(true, before);
        look.saw(&[], &done(&[]), true);
        assert_eq!((look.left(), look.newest(), look.passed()), (0, None, None));
    }
}
