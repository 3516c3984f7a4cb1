//! Free text and names.

use super::BLANK;
use crate::domain::vertical::{Bound, Field};
use crate::intake::fault::{FaultCode, Refusal};

/// The most characters of a text whose field names no maximum.
pub const TEXT_LENGTH_DEFAULT: usize = 1_000;
/// The most characters of a name whose field names no maximum.
pub const NAME_LENGTH_DEFAULT: usize = 100;

/// Reads free text: trimmed, line breaks and tabs kept.
///
/// # Errors
/// Too long before trimming, too short after it, or a control character.
pub fn text(field: &Field, text: &str) -> Result<String, Refusal> {
    let trimmed = bounded(field, text, TEXT_LENGTH_DEFAULT)?;
    if trimmed.chars().any(|letter| is_forbidden(letter) && !BLANK.contains(&letter)) {
        return Err(forbidden());
    }
    Ok(trimmed.to_owned())
}

/// Reads a part of a name: trimmed, runs of white space as one space, at least one letter.
///
/// # Errors
/// Too long before trimming, too short after it, a control character, or no letter at all.
pub fn name(field: &Field, text: &str) -> Result<String, Refusal> {
    let trimmed = bounded(field, text, NAME_LENGTH_DEFAULT)?;
    if trimmed.chars().any(is_forbidden) {
        return Err(forbidden());
    }
    if !trimmed.chars().any(char::is_alphabetic) {
        return Err(Refusal::new(FaultCode::InvalidCharacter, "a name has at least one letter"));
    }
    Ok(trimmed.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Reads text of at most `limit` characters that belongs to no field of a vertical.
///
/// # Errors
/// Too long, or a control character.
pub fn plain(text: &str, limit: usize) -> Result<String, Refusal> {
    if text.chars().count() > limit {
        return Err(too_long(limit));
    }
    let trimmed = text.trim_matches(BLANK);
    if trimmed.chars().any(|letter| is_forbidden(letter) && !BLANK.contains(&letter)) {
        return Err(forbidden());
    }
    Ok(trimmed.to_owned())
}

/// The most characters a text or name of this field has.
#[must_use]
pub fn length_max(field: &Field, default: usize) -> usize {
    length(field.max).unwrap_or(default)
}

/// The fewest characters a text or name of this field has.
#[must_use]
pub fn length_min(field: &Field) -> usize {
    length(field.min).unwrap_or(0).max(1)
}

fn length(bound: Option<Bound>) -> Option<usize> {
    match bound {
        Some(Bound::Number(number)) => usize::try_from(number.to_integer()?).ok(),
        _ => None,
    }
}

/// The maximum is held against the text as it came, so that the documented `maxLength` is exact.
fn bounded<'t>(field: &Field, text: &'t str, default: usize) -> Result<&'t str, Refusal> {
    let max = length_max(field, default);
    if text.chars().count() > max {
        return Err(too_long(max));
    }
    let trimmed = text.trim_matches(BLANK);
    let min = length_min(field);
    if trimmed.chars().count() < min {
        return Err(Refusal::new(FaultCode::TooShort, format!("at least {min} characters")));
    }
    Ok(trimmed)
}

fn too_long(max: usize) -> Refusal {
    Refusal::new(FaultCode::TooLong, format!("at most {max} characters"))
}

/// Control characters, and those that turn or hide text where a person reads it.
fn is_forbidden(letter: char) -> bool {
    let turns = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let hides = matches!(letter, '\u{200b}' | '\u{2060}' | '\u{feff}');
    letter.is_control() || turns || hides
}

fn forbidden() -> Refusal {
    Refusal::new(FaultCode::InvalidCharacter, "no control characters or hidden ones")
}
