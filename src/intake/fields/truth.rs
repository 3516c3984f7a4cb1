//! True and false.

use super::BLANK;
use crate::intake::document::Node;
use crate::intake::fault::{FaultCode, Refusal};

/// The spellings of true, in any case.
pub const TRUE: [&str; 6] = ["true", "yes", "y", "t", "on", "1"];
/// The spellings of false, in any case.
pub const FALSE: [&str; 6] = ["false", "no", "n", "f", "off", "0"];

/// Reads JSON's `true` and `false`, `1` and `0`, and the usual spellings as texts.
///
/// # Errors
/// [`FaultCode::InvalidBoolean`], or [`FaultCode::Type`] for an object or array.
pub fn boolean(node: &Node) -> Result<bool, Refusal> {
    let spelled = match node {
        Node::Bool(truth) => return Ok(*truth),
        Node::Number(number) => number.as_str(),
        Node::Text(text) => text.trim_matches(BLANK),
        Node::Null | Node::Array(_) | Node::Object(_) => {
            return Err(Refusal::new(FaultCode::Type, "true or false"));
        }
    };
    let is_one_of = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(spelled));
    match (is_one_of(&TRUE), is_one_of(&FALSE)) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Refusal::new(FaultCode::InvalidBoolean, "true or false")),
    }
}
