//! Enums: one of the values of a field, in the vendor's spelling.

use super::BLANK;
use crate::intake::document::Node;
use crate::intake::fault::{FaultCode, Refusal};

/// The values a refusal names; more than these are left to the posting spec.
const VALUES_NAMED_MAX: usize = 12;

/// What stands between the words of a value. Vendors write `Part time`, `part-time`, `PART_TIME`.
pub const SEPARATORS: [char; 3] = [' ', '_', '-'];

/// Finds the value that is meant, whatever the case and whatever separates its words. A JSON number
/// may stand for a value that is written like it (`20` for `"20"`).
///
/// # Errors
/// [`FaultCode::NotInValues`], or [`FaultCode::Type`] for other JSON types.
pub fn one_of<'v>(values: &'v [String], node: &Node) -> Result<&'v str, Refusal> {
    let spelled = match node {
        Node::Text(text) => text.trim_matches(BLANK),
        Node::Number(number) => number,
        _ => return Err(Refusal::new(FaultCode::Type, "one of the field's values, in quotes")),
    };
    let exact = values.iter().find(|value| *value == spelled);
    let meant = exact.or_else(|| values.iter().find(|value| means(value, spelled)));
    meant.map(String::as_str).ok_or_else(|| {
        let named: Vec<&str> = values.iter().take(VALUES_NAMED_MAX).map(String::as_str).collect();
        let more = if values.len() > VALUES_NAMED_MAX { ", ..." } else { "" };
        Refusal::new(FaultCode::NotInValues, format!("one of {}{more}", named.join(", ")))
    })
}

/// Whether `spelled` is `value` but for case and for what stands where `value` has a separator:
/// there any number of separators will do, also none.
fn means(value: &str, spelled: &str) -> bool {
    let mut rest = spelled;
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        if SEPARATORS.contains(&letter) {
            while letters.next_if(|next| SEPARATORS.contains(next)).is_some() {}
            rest = rest.trim_start_matches(SEPARATORS);
            continue;
        }
        let mut spelled = rest.chars();
        if !spelled.next().is_some_and(|next| next.eq_ignore_ascii_case(&letter)) {
            return false;
        }
        rest = spelled.as_str();
    }
    rest.is_empty()
}
