//! One value on its way from a lead into a request.
//!
//! A whole lead has typed values; a ping has JSON, since that is all that redaction lets through.
//! Both are read here into one type, borrowed as far as can be.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value as Json;

use super::section::Literal;
use crate::domain::decimal::Decimal;
use crate::domain::lead::{Fields, Value};
use crate::domain::money::Money;

/// A value that is being made. No `Debug`: most values say something about a person.
#[derive(Clone)]
pub(super) enum Datum<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A number with up to four decimals.
    Decimal(Decimal),
    /// An amount.
    Money(Money),
    /// A number that a profile writes by its digits.
    Digits(&'a str),
    /// True or false.
    Boolean(bool),
    /// A calendar date.
    Date(Date),
    /// A point in time.
    Moment(Timestamp),
    /// Several items.
    List(Items<'a>),
}

/// The items of a list.
#[derive(Clone, Copy)]
pub(super) enum Items<'a> {
    /// Of a whole lead.
    Fields(&'a [Fields]),
    /// Of a ping.
    Json(&'a [Json]),
    /// Plain texts.
    Texts(&'a [String]),
}

/// One item of a list.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    /// Of a whole lead.
    Fields(&'a Fields),
    /// Of a ping.
    Json(&'a Json),
    /// A plain text.
    Text(&'a str),
}

impl<'a> Items<'a> {
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Fields(items) => items.len(),
            Self::Json(items) => items.len(),
            Self::Texts(items) => items.len(),
        }
    }

    /// The item at a position, from 0.
    pub(super) fn at(self, position: usize) -> Option<Item<'a>> {
        match self {
            Self::Fields(items) => items.get(position).map(Item::Fields),
            Self::Json(items) => items.get(position).map(Item::Json),
            Self::Texts(items) => items.get(position).map(|text| Item::Text(text)),
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Item<'a>> {
        (0..self.len()).filter_map(move |position| self.at(position))
    }
}

impl<'a> Item<'a> {
    /// The value of a field of the item.
    pub(super) fn value(self, name: &str) -> Option<Datum<'a>> {
        match self {
            Self::Fields(fields) => fields.value(name).map(Datum::of_lead),
            Self::Json(item) => item.get(name).and_then(Datum::of_json),
            Self::Text(_) => None,
        }
    }

    /// The item itself, where it is a plain value.
    pub(super) fn itself(self) -> Option<Datum<'a>> {
        match self {
            Self::Fields(_) => None,
            Self::Json(item) => Datum::of_json(item),
            Self::Text(text) => Some(Datum::text(text)),
        }
    }
}

impl<'a> Datum<'a> {
    /// A borrowed text.
    pub(super) const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A text made here.
    pub(super) const fn owned(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }

    /// A value of a whole lead.
    pub(super) fn of_lead(value: &'a Value) -> Self {
        match value {
            Value::Text(text) => Self::text(text),
            Value::Integer(number) => Self::Integer(*number),
            Value::Decimal(number) => Self::Decimal(*number),
            Value::Money(money) => Self::Money(*money),
            Value::Boolean(truth) => Self::Boolean(*truth),
            Value::Date(date) => Self::Date(*date),
            Value::List(items) => Self::List(Items::Fields(items)),
        }
    }

    /// A value of a ping; none for null and for objects.
    pub(super) fn of_json(value: &'a Json) -> Option<Self> {
        Some(match value {
            Json::String(text) => Self::text(text),
            Json::Bool(truth) => Self::Boolean(*truth),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Self::Integer(number),
                None => Self::owned(number.to_string()).into_decimal()?,
            },
            Json::Array(items) => Self::List(Items::Json(items)),
            Json::Null | Json::Object(_) => return None,
        })
    }

    /// A constant of a profile.
    pub(super) fn of_literal(literal: &'a Literal) -> Self {
        match literal {
            Literal::Text(text) => Self::text(text),
            Literal::Number(digits) => Self::Digits(digits),
            Literal::Boolean(truth) => Self::Boolean(*truth),
        }
    }

    /// The value as plain text; none for a list.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Text(text) => text,
            Self::Digits(digits) => Cow::Borrowed(digits),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Decimal(number) => Cow::Owned(number.to_string()),
            Self::Money(money) => Cow::Owned(money.to_string()),
            Self::Boolean(truth) => Cow::Borrowed(if truth { "true" } else { "false" }),
            Self::Date(date) => Cow::Owned(date.to_string()),
            Self::Moment(instant) => Cow::Owned(instant.to_string()),
            Self::List(_) => return None,
        })
    }

    /// The value as a number, if it is one: texts are read, money is taken by its amount.
    pub(super) fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Integer(number) => Decimal::from_integer(*number),
            Self::Decimal(number) => Some(*number),
            Self::Money(money) => Some(Decimal::from(*money)),
            Self::Digits(digits) => Decimal::parse(digits).ok(),
            Self::Text(text) => Decimal::parse(text.trim()).ok(),
            Self::Boolean(_) | Self::Date(_) | Self::Moment(_) | Self::List(_) => None,
        }
    }

    fn into_decimal(self) -> Option<Self> {
        self.to_decimal().map(Self::Decimal)
    }

    /// The value as a calendar date; of a point in time, its day in UTC.
    pub(super) fn to_date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Moment(instant) => Some(jiff::tz::Offset::UTC.to_datetime(*instant).date()),
            Self::Text(text) if text.len() == 10 => text.parse().ok(),
            _ => None,
        }
    }

    /// The value as a point in time.
    pub(super) fn to_instant(&self) -> Option<Timestamp> {
        match self {
            Self::Moment(instant) => Some(*instant),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The value as true or false: of a text, by the usual words.
    pub(super) fn to_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(truth) => Some(*truth),
            Self::Integer(0) => Some(false),
            Self::Integer(1) => Some(true),
            Self::Text(text) => match &**text {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a condition takes the value for true: anything that is there, but `false`, an empty
    /// text and an empty list.
    pub(super) fn is_truthy(&self) -> bool {
        match self {
            Self::Boolean(truth) => *truth,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => items.len() > 0,
            _ => true,
        }
    }
}
