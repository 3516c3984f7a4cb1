//! The types of fields: what a vendor may write for each, and the one value it comes to.
//!
//! Each function takes one value and returns it normalized, or refuses it with a code and a
//! sentence. None knows where the value stands, and none repeats it. What is accepted here is what
//! `intake::schema` documents; a property test holds the two together.

pub mod date;
pub mod email;
pub mod evidence;
pub mod number;
pub mod phone;
pub mod place;
pub mod text;
pub mod truth;
pub mod values;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::Node;
use super::fault::{FaultCode, Refusal};
use crate::domain::lead::Value;
use crate::domain::vertical::{Exposure, Field, FieldType};

/// White space that is cut from both ends of a text before it is looked at. Other white space of
/// Unicode is a character like any other, so that the documented patterns mean the same everywhere.
pub const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

/// What readers need to know besides the value.
#[derive(Debug, Clone, Copy)]
pub struct FieldContext {
    /// Whether the lead is a test, so that fictional telephone numbers pass.
    pub is_test: bool,
    /// The present instant.
    pub now: Timestamp,
}

/// Whether a value counts as absent: null, or a text of nothing but white space.
#[must_use]
pub fn is_blank(node: &Node) -> bool {
    match node {
        Node::Null => true,
        Node::Text(text) => text.trim_matches(BLANK).is_empty(),
        _ => false,
    }
}

/// Reads one value of any type but a list.
///
/// # Errors
/// A refusal that names neither the place nor the value.
pub fn read(field: &Field, node: &Node, context: &FieldContext) -> Result<Value, Refusal> {
    match field.kind {
        FieldType::Text => text::text(field, text_of(node)?).map(Value::Text),
        FieldType::Name => text::name(field, text_of(node)?).map(Value::Text),
        FieldType::Phone => phone::phone(text_of(node)?, context.is_test).map(Value::Text),
        FieldType::Email => email::email(text_of(node)?).map(Value::Text),
        FieldType::State => place::state(text_of(node)?).map(|state| Value::Text(state.to_owned())),
        FieldType::Zip => place::zip(text_of(node)?).map(Value::Text),
        FieldType::Date => {
            let date = date::date(field, text_of(node)?)?;
            // A band of ages is only made from a birth date.
            let today = context.now.to_zoned_datetime(TimeZone::UTC).date();
            if field.exposure == Exposure::AgeBand && date > today {
                return Err(Refusal::new(FaultCode::InFuture, "a birth date is not in the future"));
            }
            Ok(Value::Date(date))
        }
        FieldType::Integer => number::integer(field, node).map(Value::Integer),
        FieldType::Decimal => number::decimal(field, node).map(Value::Decimal),
        FieldType::Money => number::money(field, node).map(Value::Money),
        FieldType::Boolean => truth::boolean(node).map(Value::Boolean),
        FieldType::Enum => {
            values::one_of(&field.values, node).map(|value| Value::Text(value.to_owned()))
        }
        FieldType::List => Err(Refusal::new(FaultCode::Type, "a list of objects")),
    }
}

/// The text of a value that must be one.
///
/// # Errors
/// [`FaultCode::Type`] for every other JSON type. Numbers are refused on purpose: a ZIP code or a
/// telephone number written as one has lost its leading zero before it arrived.
pub fn text_of(node: &Node) -> Result<&str, Refusal> {
    match node {
        Node::Text(text) => Ok(text),
        _ => Err(Refusal::new(FaultCode::Type, "a text, in quotes")),
    }
}

#[cfg(test)]
mod tests;
