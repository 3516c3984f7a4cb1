//! States and ZIP codes.

use super::BLANK;
pub use crate::domain::us_state::STATES;
use crate::intake::fault::{FaultCode, Refusal};
use crate::intake::zip_states;

/// The longest spelling of a state, in bytes.
pub const STATE_LENGTH_MAX: usize = 40;

/// Reads a state: its USPS code or its full name, in any case.
///
/// # Errors
/// [`FaultCode::InvalidState`].
pub fn state(text: &str) -> Result<&'static str, Refusal> {
    let invalid = || Refusal::new(FaultCode::InvalidState, "a USPS state code such as TX");
    if text.len() > STATE_LENGTH_MAX {
        return Err(invalid());
    }
    let words: Vec<&str> = text.trim_matches(BLANK).split(' ').filter(|w| !w.is_empty()).collect();
    let spelled = words.join(" ");
    let is_meant = |(code, name): &&(&str, &str)| {
        code.eq_ignore_ascii_case(&spelled) || name.eq_ignore_ascii_case(&spelled)
    };
    STATES.iter().find(is_meant).map(|(code, _)| *code).ok_or_else(invalid)
}

/// Reads `75201`, `75201-1234` or `752011234` and keeps the five digits.
///
/// # Errors
/// [`FaultCode::InvalidZip`], also if the first three digits are assigned to no state.
pub fn zip(text: &str) -> Result<String, Refusal> {
    let invalid = || Refusal::new(FaultCode::InvalidZip, "a ZIP code of five digits, as a text");
    let trimmed = text.trim_matches(BLANK);
    let (five, rest) = trimmed.split_at_checked(5).ok_or_else(invalid)?;
    let four = rest.strip_prefix('-').unwrap_or(rest);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(five) || !digits(four) || (!rest.is_empty() && four.len() != 4) {
        return Err(invalid());
    }
    if !zip_states::is_assigned(five) {
        return Err(invalid());
    }
    Ok(five.to_owned())
}
