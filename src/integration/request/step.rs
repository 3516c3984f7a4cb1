//! Steps: what is done with a value between its source and the request, in a fixed order.
//!
//! A step that cannot be taken (the area code of something that is no phone) leaves no value: the
//! field is then as missing as if the lead did not have it, and never sent half made.

mod digits;
mod parse;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use jiff::civil::Date;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::super::datum::Datum;
use super::super::section::Literal;
use super::date::DatePattern;
use crate::domain::decimal::Decimal;
use crate::domain::money::Money;
use crate::domain::time::years_between;

pub(super) use digits::DigitPattern;
pub(in crate::integration) use parse::parse_maps;
pub(super) use parse::{STEP_KEYS, ValueMap, parse_steps};

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::integration) enum Step {
    /// How many items a list has.
    Count,
    /// The sum of a number in every item, or of the items of a list in every item.
    Sum(String),
    /// The items of a list of texts as one text.
    Join(String),
    /// Whole units since a date.
    Since(Unit),
    /// A number multiplied.
    Times(i64),
    /// A number divided, what is left dropped.
    DividedBy(i64),
    /// A number that is brought within bounds, both included.
    Clamp(Option<Decimal>, Option<Decimal>),
    /// Words for words.
    Map(ValueMap),
    /// Codes for ranges of numbers: the code of the greatest lower bound.
    Bands(Vec<(Decimal, Literal)>),
    /// A part of an e-mail address.
    Email(EmailPart),
    /// A telephone number without its country code.
    Phone(DigitPattern),
    /// A telephone number with country code and plus sign.
    E164,
    /// The digits of a text in a pattern.
    Digits(DigitPattern),
    /// A date in a pattern.
    Date(DatePattern),
    /// A date that came in a pattern, as the exchange writes dates.
    ReadDate(DatePattern),
    /// One of two words that came, as true or false.
    ReadBoolean { yes: Literal, no: Literal },
    /// A number with so many decimals, what is beyond them dropped.
    Decimals(u32),
    /// An amount in hundredths.
    Cents,
    /// Two constants for true and false.
    Boolean { yes: Literal, no: Literal },
    /// All letters alike.
    Case(Case),
    /// So many characters at most.
    MaxChars(usize),
    /// The hash of the text, in lower-case hexadecimal digits.
    Hash(Algorithm),
}

/// Units of spans of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::integration) enum Unit {
    Years,
    Months,
    Days,
    Seconds,
}

/// Parts of an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::integration) enum EmailPart {
    Domain,
    Local,
}

/// Capital and small letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::integration) enum Case {
    Upper,
    Lower,
    Title,
}

/// Hashes that buyers ask for. They are names for values, not protection: who has all phones has
/// all hashes of phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::integration) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
}

impl Step {
    /// Takes the step; `beside` is the second value of a map over two.
    pub(in crate::integration) fn take<'a>(
        &'a self,
        value: Datum<'a>,
        beside: Option<&Datum<'_>>,
        now: Timestamp,
    ) -> Option<Datum<'a>> {
        Some(match self {
            Self::Count => match value {
                Datum::List(items) => Datum::Integer(i64::try_from(items.len()).ok()?),
                _ => return None,
            },
            Self::Sum(name) => sum(&value, name)?,
            Self::Join(between) => Datum::owned(join(&value, between)?),
            Self::Since(unit) => Datum::Integer(unit.since(&value, now)?),
            Self::Times(factor) => scaled(&value, |number| number.checked_mul(*factor))?,
            Self::DividedBy(by) => scaled(&value, |number| number.checked_div(*by))?,
            Self::Clamp(from, to) => clamped(value, *from, *to)?,
            Self::Map(map) => return map.look_up(value, beside),
            Self::Bands(bands) => {
                let number = value.to_decimal()?;
                let band = bands.iter().rev().find(|(from, _)| *from <= number)?;
                Datum::of_literal(&band.1)
            }
            Self::Email(part) => part_of(value.into_text()?, *part)?,
            Self::Phone(pattern) => Datum::owned(pattern.write(national(&value.into_text()?)?)?),
            Self::E164 => Datum::owned(format!("+1{}", national(&value.into_text()?)?)),
            Self::Digits(pattern) => {
                let text = value.into_text()?;
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                Datum::owned(pattern.write(&digits)?)
            }
            Self::Date(pattern) => Datum::owned(pattern.write(&value)?),
            Self::ReadDate(pattern) => Datum::owned(pattern.read(&value.into_text()?)?),
            Self::ReadBoolean { yes, no } => {
                let text = value.into_text()?;
                let is = |word: &Literal| word.as_text().eq_ignore_ascii_case(text.trim());
                Datum::Boolean(if is(yes) { true } else { is(no).then_some(false)? })
            }
            Self::Decimals(places) => Datum::owned(with_decimals(value.to_decimal()?, *places)),
            Self::Cents => Datum::Integer(value.to_decimal()?.ten_thousandths() / 100),
            Self::Boolean { yes, no } => {
                Datum::of_literal(if value.to_boolean()? { yes } else { no })
            }
            Self::Case(case) => Datum::owned(case.of(&value.into_text()?)),
            Self::MaxChars(max) => cut(value.into_text()?, *max),
            Self::Hash(algorithm) => Datum::owned(algorithm.of(&value.into_text()?)),
        })
    }
}

impl ValueMap {
    fn look_up<'a>(&'a self, value: Datum<'a>, beside: Option<&Datum<'_>>) -> Option<Datum<'a>> {
        let found = {
            let key = value.clone().into_text()?;
            match self {
                Self::One { words, .. } => words.get(&*key),
                Self::Two { words, .. } => {
                    let second = beside?.clone().into_text()?;
                    words.get(&*key).and_then(|inner: &BTreeMap<_, _>| inner.get(&*second))
                }
            }
        };
        match found {
            Some(literal) => Some(Datum::of_literal(literal)),
            None if self.keeps_unmapped() => Some(value),
            None => None,
        }
    }
}

impl Unit {
    fn since(self, value: &Datum<'_>, now: Timestamp) -> Option<i64> {
        let today = jiff::tz::Offset::UTC.to_datetime(now).date();
        if self == Self::Seconds {
            return Some((now.as_second() - value.to_instant()?.as_second()).max(0));
        }
        let from = value.to_instant().map_or_else(
            || value.to_date(),
            |instant| Some(jiff::tz::Offset::UTC.to_datetime(instant).date()),
        )?;
        let units = match self {
            Self::Years => years_between(from, today),
            Self::Months => months_between(from, today),
            _ => i64::from((today - from).get_days()),
        };
        Some(units.max(0))
    }
}

/// Full months from one day to another.
fn months_between(from: Date, to: Date) -> i64 {
    let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
    let part = i64::from(to.day() < from.day());
    months(to) - months(from) - part
}

fn sum<'a>(value: &Datum<'_>, name: &str) -> Option<Datum<'a>> {
    let Datum::List(items) = value else { return None };
    let mut total = 0_i64;
    for item in items.iter() {
        let number = match item.value(name) {
            None => 0,
            Some(Datum::List(inner)) => i64::try_from(inner.len()).ok()? * 10_000,
            Some(Datum::Boolean(truth)) => i64::from(truth) * 10_000,
            Some(number) => number.to_decimal()?.ten_thousandths(),
        };
        total = total.checked_add(number)?;
    }
    number_of(total)
}

fn join(value: &Datum<'_>, between: &str) -> Option<String> {
    let Datum::List(items) = value else { return None };
    let texts: Option<Vec<_>> =
        items.iter().map(|item| item.itself().and_then(Datum::into_text)).collect();
    Some(texts?.join(between))
}

fn scaled<'a>(value: &Datum<'_>, change: impl Fn(i64) -> Option<i64>) -> Option<Datum<'a>> {
    let changed = change(value.to_decimal()?.ten_thousandths())?;
    if matches!(value, Datum::Money(_)) {
        return Money::from_ten_thousandths(changed).map(Datum::Money);
    }
    number_of(changed)
}

/// The number, or the bound that it is beyond, in the type of the number.
fn clamped(value: Datum<'_>, from: Option<Decimal>, to: Option<Decimal>) -> Option<Datum<'_>> {
    let number = value.to_decimal()?;
    let below = from.filter(|from| number < *from);
    let Some(bound) = below.or_else(|| to.filter(|to| *to < number)) else { return Some(value) };
    Some(match value {
        Datum::Money(_) => Money::from_ten_thousandths(bound.ten_thousandths())
            .map_or(Datum::Decimal(bound), Datum::Money),
        Datum::Text(_) => Datum::owned(bound.to_string()),
        _ => bound.to_integer().map_or(Datum::Decimal(bound), Datum::Integer),
    })
}

/// A number from ten-thousandths, whole if it can be.
fn number_of<'a>(ten_thousandths: i64) -> Option<Datum<'a>> {
    if ten_thousandths % 10_000 == 0 {
        return Some(Datum::Integer(ten_thousandths / 10_000));
    }
    let money = Money::from_ten_thousandths(ten_thousandths)?;
    Some(Datum::Decimal(Decimal::from(money)))
}

fn part_of(address: Cow<'_, str>, part: EmailPart) -> Option<Datum<'_>> {
    let (local, domain) = address.rsplit_once('@')?;
    let taken = match part {
        EmailPart::Domain => domain,
        EmailPart::Local => local,
    };
    Some(Datum::owned(taken.to_owned()))
}

/// The ten digits of a US number.
fn national(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("+1").unwrap_or(text);
    let is_national = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_national.then_some(digits)
}

fn with_decimals(number: Decimal, places: u32) -> String {
    let amount = number.ten_thousandths();
    let dropped = 10_i64.pow(4_u32.saturating_sub(places));
    let kept = amount / dropped * dropped;
    let sign = if kept < 0 { "-" } else { "" };
    let (whole, rest) = (kept.unsigned_abs() / 10_000, kept.unsigned_abs() % 10_000);
    if places == 0 {
        return format!("{sign}{whole}");
    }
    let rest = format!("{rest:04}");
    let shown = rest.get(..places as usize).unwrap_or(&rest);
    format!("{sign}{whole}.{shown}")
}

fn cut(text: Cow<'_, str>, max: usize) -> Datum<'_> {
    match text.char_indices().nth(max) {
        None => Datum::Text(text),
        Some((end, _)) => Datum::owned(text[..end].to_owned()),
    }
}

impl Case {
    fn of(self, text: &str) -> String {
        match self {
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
            Self::Title => {
                let mut out = String::with_capacity(text.len());
                let mut is_first = true;
                for c in text.chars() {
                    if is_first {
                        out.extend(c.to_uppercase());
                    } else {
                        out.extend(c.to_lowercase());
                    }
                    is_first = !c.is_alphanumeric();
                }
                out
            }
        }
    }
}

impl Algorithm {
    fn of(self, text: &str) -> String {
        match self {
            Self::Md5 => hexadecimal(&Md5::digest(text)),
            Self::Sha1 => hexadecimal(&Sha1::digest(text)),
            Self::Sha256 => hexadecimal(&Sha256::digest(text)),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(out, "{byte:02x}").expect("writing into a text never fails");
    }
    out
}

#[cfg(test)]
mod tests;
