//! Calendar dates and instants.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::BLANK;
use crate::domain::vertical::{Bound, Field};
use crate::intake::fault::{FaultCode, Refusal};

/// How far a vendor's clock may run ahead of ours, in seconds.
pub const CLOCK_SLACK_S: i64 = 300;

/// Reads `1957-03-02` or, as Americans write it, `03/02/1957` or `3/2/1957`.
///
/// # Errors
/// [`FaultCode::InvalidDate`], or [`FaultCode::OutOfRange`] outside the field's bounds.
pub fn date(field: &Field, text: &str) -> Result<Date, Refusal> {
    let invalid = || {
        let rule = "a date as 1957-03-02 or, month first, 03/02/1957";
        Refusal::new(FaultCode::InvalidDate, rule)
    };
    let date = parse(text.trim_matches(BLANK)).ok_or_else(invalid)?;
    let below = matches!(field.min, Some(Bound::Date(min)) if date < min);
    let above = matches!(field.max, Some(Bound::Date(max)) if date > max);
    if below || above {
        let rule = match (field.min, field.max) {
            (Some(Bound::Date(min)), Some(Bound::Date(max))) => format!("from {min} to {max}"),
            (Some(Bound::Date(min)), _) => format!("{min} or later"),
            (_, Some(Bound::Date(max))) => format!("{max} or earlier"),
            _ => "within the field's bounds".to_owned(),
        };
        return Err(Refusal::new(FaultCode::OutOfRange, rule));
    }
    Ok(date)
}

fn parse(text: &str) -> Option<Date> {
    let month_first = text.contains('/');
    let mut parts = text.split(if month_first { '/' } else { '-' });
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) =
        if month_first { (third, first, second) } else { (first, second, third) };
    let short = |part: &str| part.len() == 2 || (month_first && part.len() == 1);
    if year.len() != 4 || !short(month) || !short(day) {
        return None;
    }
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if ![year, month, day].into_iter().all(digits) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Reads an instant as RFC 3339 has it, `2026-11-23T14:00:00Z` or with `-06:00`, not later than a
/// few minutes from `now`.
///
/// # Errors
/// [`FaultCode::InvalidTimestamp`], or [`FaultCode::InFuture`] beyond [`CLOCK_SLACK_S`].
pub fn past_instant(text: &str, now: Timestamp) -> Result<Timestamp, Refusal> {
    let invalid = || {
        let rule = "an RFC 3339 time with an offset, such as 2026-11-23T14:00:00Z";
        Refusal::new(FaultCode::InvalidTimestamp, rule)
    };
    let trimmed = text.trim_matches(BLANK);
    if !has_rfc3339_shape(trimmed.as_bytes()) {
        return Err(invalid());
    }
    let instant: Timestamp = trimmed.parse().map_err(|_| invalid())?;
    let latest = now.saturating_add(SignedDuration::from_secs(CLOCK_SLACK_S)).unwrap_or(now);
    if instant > latest {
        return Err(Refusal::new(FaultCode::InFuture, "a time that has passed"));
    }
    Ok(instant)
}

/// `dddd-dd-ddTdd:dd:dd[.d+](Z|+dd:dd|-dd:dd)`: the calendar is checked by the parser, which takes
/// more shapes than RFC 3339 has.
fn has_rfc3339_shape(text: &[u8]) -> bool {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let fits = |(shape, byte): (&u8, &u8)| match shape {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        other => other == byte,
    };
    let Some((start, rest)) = text.split_at_checked(SHAPE.len()) else { return false };
    if !SHAPE.iter().zip(start).all(fits) {
        return false;
    }
    let offset = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            fraction.split_at(digits).1
        }
    };
    match offset {
        b"Z" | b"z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            [h1, h2, m1, m2].into_iter().all(|digit| digit.is_ascii_digit())
        }
        _ => false,
    }
}
