//! Date patterns: how a buyer writes days and times.

mod read;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::super::datum::Datum;
use crate::domain::time::Zone;

/// The longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 64;

/// What a pattern may be made of, longest first.
const TOKENS: [(&str, Token); 13] = [
    ("+hh:mm", Token::Offset(true)),
    ("+hhmm", Token::Offset(false)),
    ("YYYY", Token::Year),
    ("YY", Token::ShortYear),
    ("MMM", Token::MonthName),
    ("MM", Token::Month(2)),
    ("DD", Token::Day(2)),
    ("AM", Token::HalfDay),
    ("hh", Token::Hour),
    ("mm", Token::Minute),
    ("ss", Token::Second),
    ("M", Token::Month(1)),
    ("D", Token::Day(1)),
];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Year,
    ShortYear,
    Month(usize),
    MonthName,
    Day(usize),
    Hour,
    Minute,
    Second,
    HalfDay,
    /// With a colon or without.
    Offset(bool),
    Literal(char),
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::integration) struct DatePattern {
    form: Form,
    /// The zone in which points in time are shown.
    zone: Zone,
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Tokens(Vec<Token>),
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
}

impl DatePattern {
    /// Reads `MM/DD/YYYY`, `YYYY-MM-DDThh:mm:ssZ`, `unix` ..; `zone` is the profile's.
    pub(in crate::integration) fn parse(text: &str, zone: &Zone) -> Result<Self, String> {
        let form = match text {
            "unix" => Form::Unix,
            "unix_ms" => Form::UnixMs,
            _ => Form::Tokens(tokens(text)?),
        };
        // A time that ends in Z says that it is UTC, so it is.
        let zone = if text.ends_with('Z') { Zone::utc() } else { zone.clone() };
        Ok(Self { form, zone })
    }

    /// The value in this form; none if it is no date.
    pub(in crate::integration) fn write(&self, value: &Datum<'_>) -> Option<String> {
        let instant = value.to_instant();
        let tokens = match &self.form {
            Form::Tokens(tokens) => tokens,
            Form::Unix => return Some(instant?.as_second().to_string()),
            Form::UnixMs => return Some(instant?.as_millisecond().to_string()),
        };
        match instant {
            Some(instant) => Some(self.write_instant(tokens, instant)),
            None => {
                let date: Date = value.to_date()?;
                Some(write(tokens, date.at(0, 0, 0, 0), 0))
            }
        }
    }

    fn write_instant(&self, tokens: &[Token], instant: Timestamp) -> String {
        let local = self.zone.local(instant);
        write(tokens, local.datetime(), local.offset().seconds())
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    if text.is_empty() || text.len() > PATTERN_BYTES_MAX {
        return Err(format!("a date pattern has 1 to {PATTERN_BYTES_MAX} bytes"));
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((written, token)) = TOKENS.iter().find(|(written, _)| rest.starts_with(written))
        {
            tokens.push(*token);
            rest = &rest[written.len()..];
            continue;
        }
        if first.is_alphanumeric() && first != 'T' && first != 'Z' {
            return Err(format!(
                "`{first}` means nothing in a date; write YYYY YY MM M MMM DD D hh mm ss AM +hhmm \
                 +hh:mm, or `unix`"
            ));
        }
        tokens.push(Token::Literal(first));
        rest = &rest[first.len_utf8()..];
    }
    Ok(tokens)
}

fn write(tokens: &[Token], at: DateTime, offset_s: i32) -> String {
    use std::fmt::Write;
    let is_halved = tokens.contains(&Token::HalfDay);
    let hour = match i32::from(at.hour()) {
        hour if !is_halved => hour,
        0 | 12 => 12,
        hour => hour % 12,
    };
    let mut out = String::with_capacity(24);
    for token in tokens {
        let written = match *token {
            Token::Year => write!(out, "{:04}", at.year()),
            Token::ShortYear => write!(out, "{:02}", at.year().rem_euclid(100)),
            Token::Month(width) => write!(out, "{:0width$}", at.month()),
            Token::MonthName => {
                let index = usize::from(at.month().unsigned_abs()).saturating_sub(1);
                out.write_str(MONTHS.get(index).copied().unwrap_or_default())
            }
            Token::Day(width) => write!(out, "{:0width$}", at.day()),
            Token::Hour => write!(out, "{hour:02}"),
            Token::Minute => write!(out, "{:02}", at.minute()),
            Token::Second => write!(out, "{:02}", at.second()),
            Token::HalfDay => out.write_str(if at.hour() < 12 { "AM" } else { "PM" }),
            Token::Offset(has_colon) => {
                let sign = if offset_s < 0 { '-' } else { '+' };
                let minutes = offset_s.abs() / 60;
                let colon = if has_colon { ":" } else { "" };
                write!(out, "{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
            }
            Token::Literal(c) => out.write_char(c),
        };
        written.expect("writing into a text never fails");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, value: Datum<'_>, expect: Option<&str>) {
        let zone = Zone::parse("America/New_York").unwrap();
        let pattern = DatePattern::parse(pattern, &zone).unwrap();
        assert_eq!(pattern.write(&value).as_deref(), expect, "{pattern:?}");
    }

    fn day() -> Datum<'static> {
        Datum::Date(jiff::civil::date(1957, 3, 2))
    }

    fn instant() -> Datum<'static> {
        Datum::Moment("2026-07-04T03:04:05Z".parse().unwrap())
    }

    #[test]
    fn capability_11_dates_are_written_as_the_buyer_writes_them() {
        check("MM/DD/YYYY", day(), Some("03/02/1957"));
        check("YYYY-MM-DD", day(), Some("1957-03-02"));
        check("YYYYMMDD", Datum::text("1957-03-02"), Some("19570302"));
        check("YYYY-MM-DD hh:mm:ss", day(), Some("1957-03-02 00:00:00"));
        check("M", day(), Some("3"));
        check("DD", day(), Some("02"));
        check("YYYY", day(), Some("1957"));
        check("D MMM YY", day(), Some("2 Mar 57"));
    }

    #[test]
    fn capability_11_times_stand_in_the_zone_of_the_profile_and_with_z_in_utc() {
        check("MM/DD/YYYY hh:mm:ss+hhmm", instant(), Some("07/03/2026 23:04:05-0400"));
        check("YYYY-MM-DDThh:mm:ss+hh:mm", instant(), Some("2026-07-03T23:04:05-04:00"));
        check("YYYY-MM-DDThh:mm:ssZ", instant(), Some("2026-07-04T03:04:05Z"));
        check("MM/DD/YYYY hh:mm AM", instant(), Some("07/03/2026 11:04 PM"));
        check("unix", instant(), Some("1783134245"));
        check("unix_ms", Datum::text("2026-07-04T03:04:05.250Z"), Some("1783134245250"));
    }

    #[test]
    fn what_is_no_date_is_not_written() {
        check("YYYY", Datum::text("soon"), None);
        check("YYYY", Datum::text("éééééé"), None);
        check("YYYY", Datum::Integer(1957), None);
        check("unix", day(), None);
    }

    #[test]
    fn a_pattern_with_a_letter_of_no_meaning_is_refused() {
        for pattern in ["yyyy-MM-DD", "", "DD.MM.YYYY W", &"Y".repeat(65)] {
            assert!(DatePattern::parse(pattern, &Zone::utc()).is_err(), "{pattern}");
        }
    }
}
