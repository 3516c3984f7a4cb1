//! Leaves as people read them: `state in TX, FL`, `age between 50 and 80`.

use std::fmt;

use super::{Comparison, Leaf, Predicate};

/// The most operands of a list that are spelled out.
const OPERANDS_SHOWN_MAX: usize = 20;

impl fmt::Display for Leaf {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.field, self.test)
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(true) => out.write_str("exists"),
            Self::Exists(false) => out.write_str("does not exist"),
            Self::Text(_, test) => test.fmt(out),
            Self::Integer(test) => test.fmt(out),
            Self::Decimal(test) => test.fmt(out),
            Self::Date(test) => test.fmt(out),
            Self::Boolean(truth) => write!(out, "eq {truth}"),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Comparison<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eq(operand) => write!(out, "eq {operand}"),
            Self::Ne(operand) => write!(out, "ne {operand}"),
            Self::In(operands) => write!(out, "in {}", Listed(operands)),
            Self::NotIn(operands) => write!(out, "not in {}", Listed(operands)),
            Self::Lt(operand) => write!(out, "lt {operand}"),
            Self::Lte(operand) => write!(out, "lte {operand}"),
            Self::Gt(operand) => write!(out, "gt {operand}"),
            Self::Gte(operand) => write!(out, "gte {operand}"),
            Self::Between(low, high) => write!(out, "between {low} and {high}"),
        }
    }
}

/// The first operands of a list and how many more there are.
struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, operand) in self.0.iter().take(OPERANDS_SHOWN_MAX).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(out, "{separator}{operand}")?;
        }
        match self.0.len().saturating_sub(OPERANDS_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(out, " and {more} more"),
        }
    }
}
