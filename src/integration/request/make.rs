//! Making one value: origin, steps, default, type.

use std::borrow::Cow;

use super::super::datum::Datum;
use super::document::{self, RENDERED_BYTES_MAX};
use super::node::{Kind, Origin, Piece, Value};
use super::refused::RenderRefused;
use super::scope::Scope;
use super::source::Source;

/// A value ready to be written.
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    /// A number by its digits.
    Number(Cow<'a, str>),
    Boolean(bool),
    Null,
}

impl Scalar<'_> {
    /// The value where all there is are texts.
    pub(super) fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
            Self::Null => "",
        }
    }
}

impl Value {
    /// Whether the value is there at all.
    pub(super) fn is_wanted<'a>(&'a self, scope: &Scope<'a>) -> bool {
        self.when.as_ref().is_none_or(|when| when.holds(&|source| scope.read(source)))
    }

    /// The value for a request; none if it is missing.
    ///
    /// # Errors
    /// If it is missing and required, or if what it is made from fails.
    pub(super) fn make<'a>(
        &'a self,
        scope: &Scope<'a>,
        name: &str,
    ) -> Result<Option<Scalar<'a>>, RenderRefused> {
        if !self.is_wanted(scope) {
            return Ok(None);
        }
        let default = || self.default.as_ref().map(Datum::of_literal);
        let made = self.made(scope, name)?.or_else(default);
        let scalar = made.and_then(|value| typed(value, self.kind));
        match scalar {
            None if self.is_required => Err(self.is_missing(name)),
            scalar => Ok(scalar),
        }
    }

    fn is_missing(&self, name: &str) -> RenderRefused {
        let name = match &self.origin {
            Origin::Source(source) => match &source.value {
                Source::Lead(path) => &path.name,
                _ => name,
            },
            _ => name,
        };
        RenderRefused::Missing { name: name.to_owned() }
    }

    fn made<'a>(
        &'a self,
        scope: &Scope<'a>,
        name: &str,
    ) -> Result<Option<Datum<'a>>, RenderRefused> {
        let mut beside = None;
        let origin = match &self.origin {
            Origin::Source(source) => scope.read(&source.value),
            Origin::Pair(first, second) => {
                beside = scope.read(&second.value);
                scope.read(&first.value)
            }
            Origin::Constant(literal) => Some(Datum::of_literal(literal)),
            Origin::Text(pieces) => joined(pieces, scope)?,
            Origin::Months { years, months } => {
                months_of(scope.read(&years.value), scope.read(&months.value))
            }
            Origin::First(values) => {
                let mut found = None;
                for value in values {
                    found = value.make(scope, name)?.map(Datum::from);
                    if found.is_some() {
                        break;
                    }
                }
                found
            }
            Origin::Template(template) => Some(Datum::owned(template.render(scope)?)),
            Origin::Document(document) => Some(Datum::owned(document::text(document, scope)?)),
        };
        if let Some(Datum::Text(text)) = &origin {
            scope.effort.add_text(text);
        }
        scope.effort.step()?;
        let mut value = origin;
        for step in &self.steps {
            value = match value {
                Some(value) => {
                    let kept = self.keeps_unread.then(|| value.clone());
                    step.take(value, beside.as_ref(), scope.seen.frame.now).or(kept)
                }
                None => break,
            };
        }
        Ok(value)
    }
}

impl<'a> From<Scalar<'a>> for Datum<'a> {
    /// A value that was made already, as the beginning of another.
    fn from(scalar: Scalar<'a>) -> Self {
        match scalar {
            Scalar::Text(text) => Self::Text(text),
            Scalar::Number(Cow::Borrowed(digits)) => Self::Digits(digits),
            Scalar::Number(Cow::Owned(digits)) => match digits.parse() {
                Ok(number) => Self::Integer(number),
                Err(_) => Self::Text(Cow::Owned(digits)),
            },
            Scalar::Boolean(truth) => Self::Boolean(truth),
            Scalar::Null => Self::Text(Cow::Borrowed("")),
        }
    }
}

fn joined<'a>(pieces: &'a [Piece], scope: &Scope<'a>) -> Result<Option<Datum<'a>>, RenderRefused> {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Source(source) => {
                let value = scope.read(&source.value).and_then(|value| value.into_text());
                let Some(value) = value else { return Ok(None) };
                out.push_str(&value);
            }
        }
        if out.len() > RENDERED_BYTES_MAX {
            return Err(RenderRefused::TooLarge);
        }
    }
    Ok(Some(Datum::owned(out)))
}

fn months_of<'a>(years: Option<Datum<'_>>, months: Option<Datum<'_>>) -> Option<Datum<'a>> {
    let whole = |value: Option<Datum<'_>>| value.and_then(|value| value.to_decimal()?.to_integer());
    let (years, months) = (whole(years), whole(months));
    if years.is_none() && months.is_none() {
        return None;
    }
    let total = years.unwrap_or(0).checked_mul(12)?.checked_add(months.unwrap_or(0))?;
    Some(Datum::Integer(total))
}

/// A value of the lead as it is.
pub(super) fn plain(value: Datum<'_>) -> Option<Scalar<'_>> {
    typed(value, None)
}

/// The value in the type it is to be written in; none if it cannot be.
fn typed(value: Datum<'_>, kind: Option<Kind>) -> Option<Scalar<'_>> {
    match kind {
        Some(Kind::Text) => value.into_text().map(Scalar::Text),
        Some(Kind::Boolean) => value.to_boolean().map(Scalar::Boolean),
        Some(Kind::Number) => number(value.into_text()?).map(Scalar::Number),
        None => match value {
            Datum::Boolean(truth) => Some(Scalar::Boolean(truth)),
            Datum::Integer(_) | Datum::Decimal(_) | Datum::Digits(_) => {
                value.into_text().map(Scalar::Number)
            }
            value => value.into_text().map(Scalar::Text),
        },
    }
}

/// A text as a number by its digits: without what JSON does not allow before them.
fn number(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let plain = text.trim();
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain),
    };
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let all_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !fraction.is_none_or(all_digits) {
        return None;
    }
    let significant = whole.trim_start_matches('0');
    if significant.len() == whole.len() && plain.len() == text.len() {
        return Some(text);
    }
    let whole = if significant.is_empty() { "0" } else { significant };
    let fraction = fraction.map(|fraction| format!(".{fraction}")).unwrap_or_default();
    Some(Cow::Owned(format!("{sign}{whole}{fraction}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_digits_becomes_a_number_of_json() {
        let check = |text: &str, expect: Option<&str>| {
            let made = number(Cow::Borrowed(text));
            assert_eq!(made.as_deref(), expect, "{text}");
            if let Some(made) = made {
                serde_json::from_str::<serde_json::Number>(&made).unwrap();
            }
        };
        check("75201", Some("75201"));
        check("07001", Some("7001"));
        check("000", Some("0"));
        check("-012.50", Some("-12.50"));
        check(" 12 ", Some("12"));
        check("1234567890123456789012", Some("1234567890123456789012"));
        for text in ["", "-", "1.", ".5", "1e5", "+1", "12a", "1.2.3", "٣"] {
            check(text, None);
        }
    }
}
