//! Filters, compiled: every leaf knows where its value stands and what it is compared with.
//!
//! This module decides whether a filter fits its vertical (fields, types of operands, limits) and
//! turns texts into values once, so that a lead is tested without parsing or allocating. Two kinds
//! of fields exist for filters alone: `age`, counted from `date_of_birth`, and `<list>_count`. It
//! knows no lead: `eligibility` finds the values and asks [`Comparison::holds`].

mod compile;
mod describe;

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::civil::Date;

use crate::domain::decimal::Decimal;

pub use compile::{FilterFault, OPERANDS_MAX, compile};

/// A filter that fits its vertical.
#[derive(Debug, Clone, PartialEq)]
pub struct CompiledFilter {
    root: Node,
}

impl CompiledFilter {
    /// The tree.
    #[must_use]
    pub const fn root(&self) -> &Node {
        &self.root
    }
}

/// One node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// All hold.
    All(Vec<Self>),
    /// One holds at least.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A test of one value.
    Leaf(Leaf),
}

/// A test of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// The field's name as the filter gives it, for rules.
    pub field: Arc<str>,
    /// Which value is tested.
    pub subject: Subject,
    /// What is asked of it; without a value only `Exists(false)` holds.
    pub test: Predicate,
}

/// Where a leaf's value comes from. Places count in the vertical's field list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The field at this place.
    Field(usize),
    /// Full years since the date at this place.
    AgeFrom(usize),
    /// The number of items of the list at this place.
    CountOf(usize),
}

/// What is asked of a value, in the value's own type.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// Present or not.
    Exists(bool),
    /// A text, compared as its type asks.
    Text(Casing, Comparison<Box<str>>),
    /// A whole number, an age or a count.
    Integer(Comparison<i64>),
    /// A decimal or an amount.
    Decimal(Comparison<Decimal>),
    /// A calendar date.
    Date(Comparison<Date>),
    /// True or false.
    Boolean(bool),
}

/// Whether upper and lower case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Casing {
    /// They do: codes and values that intake brings into one spelling.
    Exact,
    /// ASCII letters are taken as lower case, operands are in lower case already: people's words.
    Folded,
}

impl Casing {
    /// How `operand` stands to `value`.
    #[must_use]
    pub fn order(self, operand: &str, value: &str) -> Ordering {
        match self {
            Self::Exact => operand.cmp(value),
            Self::Folded => {
                operand.bytes().cmp(value.bytes().map(|byte| byte.to_ascii_lowercase()))
            }
        }
    }
}

/// A comparison with operands of type `T`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison<T> {
    /// Equal.
    Eq(T),
    /// Not equal.
    Ne(T),
    /// One of, in ascending order.
    In(Box<[T]>),
    /// None of, in ascending order.
    NotIn(Box<[T]>),
    /// Less than.
    Lt(T),
    /// Less than or equal.
    Lte(T),
    /// Greater than.
    Gt(T),
    /// Greater than or equal.
    Gte(T),
    /// Within, both ends included.
    Between(T, T),
}

impl<T> Comparison<T> {
    /// Whether it holds for the value that `order` compares an operand with.
    ///
    /// `order` gives `operand.cmp(value)` in the order by which lists were sorted.
    pub fn holds(&self, order: impl Fn(&T) -> Ordering) -> bool {
        let is_in = |operands: &[T]| operands.binary_search_by(&order).is_ok();
        match self {
            Self::Eq(operand) => order(operand).is_eq(),
            Self::Ne(operand) => order(operand).is_ne(),
            Self::In(operands) => is_in(operands),
            Self::NotIn(operands) => !is_in(operands),
            Self::Lt(operand) => order(operand).is_gt(),
            Self::Lte(operand) => order(operand).is_ge(),
            Self::Gt(operand) => order(operand).is_lt(),
            Self::Gte(operand) => order(operand).is_le(),
            Self::Between(low, high) => order(low).is_le() && order(high).is_ge(),
        }
    }
}

#[cfg(test)]
mod tests;
