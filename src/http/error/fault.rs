//! One faulty part of a request, as errors name it.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

/// What is wrong with a part of an administrative body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum FaultCode {
    /// The field is needed and not there.
    Required,
    /// There is no such field, or not here.
    UnknownField,
    /// The value is not of the field's kind, or is none of its words.
    Invalid,
    /// A number or an amount is outside its range.
    OutOfRange,
    /// A text is longer than it may be.
    TooLong,
    /// The time is over already.
    InPast,
    /// The time has not come yet.
    InFuture,
    /// There is no such vendor or buyer, or it is archived.
    UnknownOwner,
    /// The owner has as many live keys as one may have.
    TooManyKeys,
    /// The owner has as many event endpoints as one may have.
    TooManyEndpoints,
    /// The URL may not be used.
    InvalidUrl,
    /// A type of event that is not for this owner.
    NotForOwner,
    /// Something that operators do not have, or that is their owner's alone.
    NotForOperators,
}

impl FaultCode {
    /// The code on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::UnknownField => "unknown_field",
            Self::Invalid => "invalid",
            Self::OutOfRange => "out_of_range",
            Self::TooLong => "too_long",
            Self::InPast => "in_past",
            Self::InFuture => "in_future",
            Self::UnknownOwner => "unknown_owner",
            Self::TooManyKeys => "too_many_keys",
            Self::TooManyEndpoints => "too_many_endpoints",
            Self::InvalidUrl => "invalid_url",
            Self::NotForOwner => "not_for_owner",
            Self::NotForOperators => "not_for_operators",
        }
    }
}

/// One faulty part of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// JSON pointer to it.
    pub pointer: String,
    /// Stable code, such as `required`.
    pub code: Cow<'static, str>,
    /// One sentence that does not repeat the value.
    pub detail: Cow<'static, str>,
    /// Where in the text, for a value that is a file's text.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<TextPlace>,
}

/// A place in the text of a file, and what belongs there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TextPlace {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The table or value there, as the file names it; empty for the file.
    pub at: String,
    /// What to write instead, where that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Fault {
    /// A fault of an administrative body.
    #[must_use]
    pub fn at(pointer: &str, code: FaultCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(pointer.to_owned(), code.as_str(), detail)
    }

    /// A fault by its code.
    #[must_use]
    pub fn of(
        pointer: String,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { pointer, code: code.into(), detail: detail.into(), place: None }
    }
}
