//! Whole numbers, decimals and amounts, from JSON numbers by their text or from texts.

use super::BLANK;
use crate::domain::decimal::Decimal;
use crate::domain::money::{InvalidMoney, Money};
use crate::domain::vertical::{Bound, Field};
use crate::intake::document::Node;
use crate::intake::fault::{FaultCode, Refusal};

/// Reads a whole number; `12.0` is one, `1.2e1` is not.
///
/// # Errors
/// Another JSON type, anything but plain digits, or a number outside the field's bounds.
pub fn integer(field: &Field, node: &Node) -> Result<i64, Refusal> {
    let whole = parse(digits(node)?)?.to_integer();
    let whole = whole.ok_or_else(|| invalid("a whole number"))?;
    // Every whole number that a decimal holds is a decimal again.
    within(field, Decimal::from_integer(whole).unwrap_or_default())?;
    Ok(whole)
}

/// Reads a number with at most four decimals.
///
/// # Errors
/// Another JSON type, anything but a plain decimal, or a number outside the field's bounds.
pub fn decimal(field: &Field, node: &Node) -> Result<Decimal, Refusal> {
    let number = parse(digits(node)?)?;
    within(field, number)?;
    Ok(number)
}

/// Reads an amount of the exchange's currency, without symbol or separators.
///
/// # Errors
/// Another JSON type, anything but a plain decimal of at most four places that is not negative, or
/// an amount outside the field's bounds.
pub fn money(field: &Field, node: &Node) -> Result<Money, Refusal> {
    let amount = amount(node)?;
    within(field, Decimal::from(amount))?;
    Ok(amount)
}

/// Reads an amount that belongs to no field of a vertical.
///
/// # Errors
/// As [`money`], without bounds.
pub fn amount(node: &Node) -> Result<Money, Refusal> {
    Money::parse(digits(node)?).map_err(refusal)
}

/// Reads a whole number from `min` to `max` that belongs to no field of a vertical.
///
/// # Errors
/// As [`integer`].
pub fn whole_between(node: &Node, min: u64, max: u64) -> Result<u64, Refusal> {
    let whole = parse(digits(node)?)?.to_integer();
    let whole = whole.ok_or_else(|| invalid("a whole number"))?;
    match u64::try_from(whole) {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(Refusal::new(FaultCode::OutOfRange, format!("from {min} to {max}"))),
    }
}

/// The text of a number, whichever way it was written.
fn digits(node: &Node) -> Result<&str, Refusal> {
    match node {
        Node::Number(number) => Ok(number),
        Node::Text(text) => Ok(text.trim_matches(BLANK)),
        _ => Err(Refusal::new(FaultCode::Type, "a number")),
    }
}

fn parse(text: &str) -> Result<Decimal, Refusal> {
    Decimal::parse(text).map_err(refusal)
}

fn refusal(error: InvalidMoney) -> Refusal {
    match error {
        InvalidMoney::NotDecimal => {
            invalid("a plain number such as 1250 or 12.50: no exponent, separator or symbol")
        }
        InvalidMoney::TooPrecise => invalid("at most 4 decimals"),
        InvalidMoney::TooLarge => Refusal::new(FaultCode::OutOfRange, "a smaller number"),
    }
}

fn invalid(rule: &str) -> Refusal {
    Refusal::new(FaultCode::InvalidNumber, rule)
}

fn within(field: &Field, number: Decimal) -> Result<(), Refusal> {
    let below = matches!(field.min, Some(Bound::Number(min)) if number < min);
    let above = matches!(field.max, Some(Bound::Number(max)) if number > max);
    if !below && !above {
        return Ok(());
    }
    let rule = match (field.min, field.max) {
        (Some(Bound::Number(min)), Some(Bound::Number(max))) => format!("from {min} to {max}"),
        (Some(Bound::Number(min)), _) => format!("{min} or more"),
        (_, Some(Bound::Number(max))) => format!("{max} or less"),
        _ => "within the field's bounds".to_owned(),
    };
    Err(Refusal::new(FaultCode::OutOfRange, rule))
}
