//! A signed decimal with four places: the bounds of fields and the operands of filters.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::money::{InvalidMoney, Money};

/// A number in ten-thousandths, at most 2^53 - 1 of them either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(i64);

impl Decimal {
    /// Reads `-12.5`: an optional minus and a plain decimal with at most four places.
    ///
    /// # Errors
    /// [`InvalidMoney`], as amounts are read.
    pub fn parse(text: &str) -> Result<Self, InvalidMoney> {
        match text.strip_prefix('-') {
            Some(rest) => Ok(Self(-Money::parse(rest)?.ten_thousandths())),
            None => Ok(Self(Money::parse(text)?.ten_thousandths())),
        }
    }

    /// A whole number, if it is within the range.
    #[must_use]
    pub const fn from_integer(number: i64) -> Option<Self> {
        match number.checked_mul(10_000) {
            Some(scaled) if scaled.unsigned_abs() < 1 << 53 => Some(Self(scaled)),
            _ => None,
        }
    }

    /// The number in ten-thousandths.
    #[must_use]
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// The number if it is whole.
    #[must_use]
    pub const fn to_integer(self) -> Option<i64> {
        if self.0 % 10_000 == 0 { Some(self.0 / 10_000) } else { None }
    }
}

impl From<Money> for Decimal {
    fn from(money: Money) -> Self {
        Self(money.ten_thousandths())
    }
}

impl fmt::Display for Decimal {
    /// Prints as few places as the number needs: `12`, `-12.5`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 10_000, self.0.unsigned_abs() % 10_000);
        if rest == 0 {
            return write!(out, "{sign}{whole}");
        }
        let places = format!("{rest:04}");
        write!(out, "{sign}{whole}.{}", places.trim_end_matches('0'))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.to_integer() {
            Some(whole) => serializer.serialize_i64(whole),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Decimal {
    /// Reads a whole number, a text, or a float by its shortest text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Decimal;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a number with at most 4 decimals")
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Decimal, E> {
                Decimal::from_integer(number).ok_or_else(|| E::custom("number out of range"))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Decimal, E> {
                self.visit_i64(i64::try_from(number).map_err(E::custom)?)
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Decimal, E> {
                Decimal::parse(&number.to_string()).map_err(E::custom)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Decimal, E> {
                Decimal::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
