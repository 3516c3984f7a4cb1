//! Money as an integer: ten-thousandths of the exchange currency's unit.
//!
//! There is one strict parser and one printer. Nothing is ever clamped or rounded up.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in ten-thousandths of the currency's unit, at most 2^53 - 1 either way, so that it is
/// exact in every store and language it passes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoney {
    /// Anything but `digits[.digits]`: signs, exponents, separators, symbols, spaces, nothing.
    #[error("not a plain decimal amount such as 12.50")]
    NotDecimal,
    /// More than four digits after the point.
    #[error("more than 4 decimals")]
    TooPrecise,
    /// Above 2^53 - 1 ten-thousandths.
    #[error("above the largest amount")]
    TooLarge,
}

/// Ten-thousandths in one unit of the currency.
const SCALE: i64 = 10_000;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount: 2^53 - 1 ten-thousandths.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// An amount from ten-thousandths of the unit, if it is within [`Money::MAX`] either way.
    #[must_use]
    pub const fn from_ten_thousandths(amount: i64) -> Option<Self> {
        if amount > Self::MAX.0 || amount < -Self::MAX.0 { None } else { Some(Self(amount)) }
    }

    /// The amount in ten-thousandths of the unit.
    #[must_use]
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// Reads a non-negative plain decimal with at most four decimals: `12`, `12.5`, `12.5050`.
    ///
    /// # Errors
    /// [`InvalidMoney`]; the text is not echoed, since it may come from anybody.
    pub fn parse(text: &str) -> Result<Self, InvalidMoney> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(InvalidMoney::NotDecimal),
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(InvalidMoney::NotDecimal);
        }
        if fraction.len() > 4 {
            return Err(InvalidMoney::TooPrecise);
        }
        let significant = whole.trim_start_matches('0');
        if significant.len() > 12 {
            return Err(InvalidMoney::TooLarge);
        }
        let number =
            |part: &str| part.bytes().fold(0_i64, |sum, byte| sum * 10 + i64::from(byte - b'0'));
        let padding = 10_i64.pow(4 - fraction.len() as u32);
        let amount = number(significant) * SCALE + number(fraction) * padding;
        Self::from_ten_thousandths(amount).ok_or(InvalidMoney::TooLarge)
    }

    /// The sum, or `None` beyond [`Money::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_ten_thousandths(self.0 + other.0)
    }

    /// The difference (it may be negative), or `None` beyond [`Money::MAX`].
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_ten_thousandths(self.0 - other.0)
    }
}

impl fmt::Display for Money {
    /// Prints two to four decimals: `12.50`, `12.505`, `-0.0001`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let (whole, rest) = (amount / SCALE as u64, amount % SCALE as u64);
        if rest % 100 == 0 {
            write!(out, "{sign}{whole}.{:02}", rest / 100)
        } else if rest % 10 == 0 {
            write!(out, "{sign}{whole}.{:03}", rest / 10)
        } else {
            write!(out, "{sign}{whole}.{rest:04}")
        }
    }
}

impl std::str::FromStr for Money {
    type Err = InvalidMoney;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    /// Reads the text form, with a leading `-` allowed, since our own records hold balances.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let parsed = match text.strip_prefix('-') {
            Some(positive) => Self::parse(positive).map(|amount| Self(-amount.0)),
            None => Self::parse(&text),
        };
        parsed.map_err(serde::de::Error::custom)
    }
}

/// A share of a price in percent, from 0 up to but not including 100, with at most four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Percent(i64);

/// Ten-thousandths of a percent in one hundred percent.
const WHOLE: i64 = 100 * SCALE;

impl Percent {
    /// No share at all.
    pub const ZERO: Self = Self(0);

    /// Reads `12.5`: a plain decimal below 100.
    ///
    /// # Errors
    /// [`InvalidMoney`]; 100 and above is [`InvalidMoney::TooLarge`].
    pub fn parse(text: &str) -> Result<Self, InvalidMoney> {
        let share = Money::parse(text)?.0;
        if share >= WHOLE { Err(InvalidMoney::TooLarge) } else { Ok(Self(share)) }
    }

    /// What remains of `price` after this share, rounded down to a ten-thousandth: the payout when
    /// the share is the margin.
    ///
    /// `price` must not be negative.
    #[must_use]
    pub fn rest_of(self, price: Money) -> Money {
        debug_assert!(price.0 >= 0, "prices are never negative");
        let rest = i128::from(price.0) * i128::from(WHOLE - self.0) / i128::from(WHOLE);
        Money(i64::try_from(rest).unwrap_or(price.0))
    }

    /// The lowest price whose rest is at least `payout`, or `None` beyond [`Money::MAX`].
    #[must_use]
    pub fn gross_up(self, payout: Money) -> Option<Money> {
        let rest = i128::from(WHOLE - self.0);
        let needed = i128::from(payout.0) * i128::from(WHOLE);
        let price = (needed + rest - 1).div_euclid(rest);
        Money::from_ten_thousandths(i64::try_from(price).ok()?)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Money(self.0).to_string();
        out.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| match error {
            InvalidMoney::TooLarge => serde::de::Error::custom("a share is 0 up to but not 100"),
            other => serde::de::Error::custom(other),
        })
    }
}

#[cfg(test)]
mod tests;
