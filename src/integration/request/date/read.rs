//! Dates as a vendor writes them, read by the same patterns.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use super::{DatePattern, Form, MONTHS, Token};

/// Years of two digits below this are of this century, the others of the last one.
const CENTURY_PIVOT: i16 = 40;

/// What was read of a date so far.
#[derive(Default)]
struct Parts {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    hour: Option<i8>,
    minute: i8,
    second: i8,
    is_afternoon: Option<bool>,
    offset_s: Option<i32>,
}

impl DatePattern {
    /// The day, or the point in time, that a text in this form says: as RFC 3339 writes it. None if
    /// the text is not in this form.
    pub(in crate::integration) fn read(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let tokens = match &self.form {
            Form::Unix => return instant(Timestamp::from_second(text.parse().ok()?)),
            Form::UnixMs => return instant(Timestamp::from_millisecond(text.parse().ok()?)),
            Form::Tokens(tokens) => tokens,
        };
        let mut parts = Parts::default();
        let mut rest = text;
        for token in tokens {
            rest = parts.take(*token, rest)?;
        }
        if !rest.is_empty() {
            return None;
        }
        let date = Date::new(parts.year?, parts.month?, parts.day?).ok()?;
        let Some(at) = parts.time(date)? else { return Some(date.to_string()) };
        match parts.offset_s {
            Some(offset_s) => instant(Offset::from_seconds(offset_s).ok()?.to_timestamp(at)),
            None => self.zone.instant(at).map(|instant| instant.to_string()),
        }
    }
}

fn instant<E>(instant: Result<Timestamp, E>) -> Option<String> {
    instant.ok().map(|instant| instant.to_string())
}

impl Parts {
    /// Takes what a token stands for off the beginning of a text; gives the rest.
    fn take<'t>(&mut self, token: Token, text: &'t str) -> Option<&'t str> {
        let (rest, two) = match token {
            Token::Year => {
                let (year, rest) = digits(text, 4)?;
                self.year = Some(year);
                return (text.len() - rest.len() == 4).then_some(rest);
            }
            Token::ShortYear => {
                let (year, rest) = digits::<i16>(text, 2)?;
                self.year = Some(if year < CENTURY_PIVOT { 2000 + year } else { 1900 + year });
                return Some(rest);
            }
            Token::Literal(c) => return text.strip_prefix(c),
            Token::MonthName => {
                let name = text.get(..3)?;
                let at = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
                self.month = i8::try_from(at + 1).ok();
                return text.get(3..);
            }
            Token::HalfDay => {
                let half = text.get(..2)?;
                let is_afternoon = half.eq_ignore_ascii_case("pm");
                self.is_afternoon = Some(is_afternoon);
                let is_half = is_afternoon || half.eq_ignore_ascii_case("am");
                return is_half.then(|| text.get(2..)).flatten();
            }
            Token::Offset(_) => {
                let (offset_s, rest) = offset(text)?;
                self.offset_s = Some(offset_s);
                return Some(rest);
            }
            Token::Month(_) | Token::Day(_) | Token::Hour | Token::Minute | Token::Second => {
                let (two, rest) = digits(text, 2)?;
                (rest, two)
            }
        };
        match token {
            Token::Month(_) => self.month = Some(two),
            Token::Day(_) => self.day = Some(two),
            Token::Hour => self.hour = Some(two),
            Token::Minute => self.minute = two,
            _ => self.second = two,
        }
        Some(rest)
    }

    /// The time of the day, if the form has one; none at all if there is no such time.
    #[expect(clippy::option_option, reason = "no time is asked for, or the one that came is none")]
    fn time(&self, date: Date) -> Option<Option<DateTime>> {
        let Some(hour) = self.hour else { return Some(None) };
        let hour = match self.is_afternoon {
            None => hour,
            Some(_) if !(1..=12).contains(&hour) => return None,
            Some(is_afternoon) => hour % 12 + if is_afternoon { 12 } else { 0 },
        };
        let time = Time::new(hour, self.minute, self.second, 0).ok()?;
        Some(Some(date.to_datetime(time)))
    }
}

/// A number of at most so many digits, and what follows it.
fn digits<T: FromStr>(text: &str, most: usize) -> Option<(T, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(count);
    Some((number.parse().ok()?, rest))
}

/// `+hhmm`, `+hh:mm` or `Z`, in seconds, and what follows it.
fn offset(text: &str) -> Option<(i32, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((0, rest));
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = digits::<i32>(rest, 2)?;
    let (minutes, rest) = digits::<i32>(rest.strip_prefix(':').unwrap_or(rest), 2)?;
    Some((sign * (hours * 60 + minutes) * 60, rest))
}

#[cfg(test)]
mod tests {
    use crate::domain::time::Zone;

    use super::*;

    fn check(pattern: &str, text: &str, expect: Option<&str>) {
        let zone = Zone::parse("America/New_York").unwrap();
        let pattern = DatePattern::parse(pattern, &zone).unwrap();
        assert_eq!(pattern.read(text).as_deref(), expect, "{text}");
    }

    #[test]
    fn dates_are_read_as_the_vendor_writes_them() {
        check("MM/DD/YYYY", "03/02/1957", Some("1957-03-02"));
        check("MM/DD/YYYY", " 3/2/1957 ", Some("1957-03-02"));
        check("YYYYMMDD", "19570302", Some("1957-03-02"));
        check("D MMM YY", "2 mar 57", Some("1957-03-02"));
        check("MM/DD/YY", "03/02/07", Some("2007-03-02"));
        check("MM/DD/YYYY hh:mm:ss", "11/23/2026 09:00:00", Some("2026-11-23T14:00:00Z"));
        check("MM/DD/YYYY hh:mm AM", "11/23/2026 12:05 pm", Some("2026-11-23T17:05:00Z"));
        check(
            "YYYY-MM-DDThh:mm:ss+hh:mm",
            "2026-11-23T09:00:00-05:00",
            Some("2026-11-23T14:00:00Z"),
        );
        check("YYYY-MM-DD hh:mm:ss+hhmm", "2026-11-23 09:00:00Z", Some("2026-11-23T09:00:00Z"));
        check("YYYY-MM-DDThh:mm:ssZ", "2026-11-23T14:00:00Z", Some("2026-11-23T14:00:00Z"));
        check("unix", "1783134245", Some("2026-07-04T03:04:05Z"));
        check("unix_ms", "1783134245250", Some("2026-07-04T03:04:05.25Z"));
    }

    #[test]
    fn what_is_not_in_the_form_is_not_read() {
        for text in ["", "1957-03-02", "02/30/1957", "03/02/57", "03/02/1957x", "é3/02/1957"] {
            check("MM/DD/YYYY", text, None);
        }
        check("MM/DD/YYYY hh:mm AM", "11/23/2026 13:05 PM", None);
        check("MM/DD/YYYY hh:mm", "11/23/2026 24:05", None);
        check("unix", "soon", None);
        check("MMM D YYYY", "éa 2 1957", None);
    }
}
