//! The six comparisons that paths and rules know.

use std::cmp::Ordering;

use super::scanner::Scanner;

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Operator {
    /// Goes past an operator if one stands here; `equal` is how the path language writes equality.
    pub(super) fn take(scanner: &mut Scanner<'_>, equal: &str) -> Option<Self> {
        // Each before those that it begins with.
        let signs = [
            (equal, Self::Equal),
            ("!=", Self::Unequal),
            ("<=", Self::AtMost),
            (">=", Self::AtLeast),
            ("<", Self::Less),
            (">", Self::More),
        ];
        signs.into_iter().find(|(sign, _)| scanner.take(sign)).map(|(_, operator)| operator)
    }

    /// Whether it holds of two values in this order; `None` for values that have none.
    pub(super) fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::Unequal => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::AtMost => order.is_some_and(Ordering::is_le),
            Self::More => order == Some(Ordering::Greater),
            Self::AtLeast => order.is_some_and(Ordering::is_ge),
        }
    }
}
