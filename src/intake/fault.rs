//! What can be wrong with a submission: stable codes, places, and sentences without values.

use schemars::JsonSchema;
use serde::Serialize;

/// The most faults one answer lists.
pub const FAULTS_MAX: usize = 100;

/// Why a body is not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct InvalidSubmission {
    /// Which of the API's errors it is.
    pub kind: FaultKind,
    /// One sentence without values.
    pub detail: String,
    /// Every fault found, in the order of the vertical, at most [`FAULTS_MAX`].
    pub errors: Vec<FieldFault>,
}

/// Which of the API's errors an [`InvalidSubmission`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The bytes cannot be read, or exceed a limit: 400 `malformed_body`.
    MalformedBody,
    /// Something in it is missing or wrong: 422 `invalid_lead`.
    InvalidLead,
    /// There is no such vertical: 422 `unknown_vertical`.
    UnknownVertical,
    /// It is too long: 413 `body_too_large`.
    BodyTooLarge,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// JSON pointer (RFC 6901) into the body; of a form, into what its names spell out.
    pub pointer: String,
    /// Stable code, one of [`codes`].
    pub code: &'static str,
    /// One sentence saying what would be right; never the value.
    pub detail: String,
}

/// A code with its meaning, for the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CodeMeaning {
    /// The stable code.
    pub code: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
}

/// The codes of [`FieldFault`]s and of warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each code is explained once, in `meaning`, for users as well")]
pub enum FaultCode {
    Syntax,
    InvalidUtf8,
    TooLong,
    TooDeep,
    TooManyKeys,
    DuplicateKey,
    InvalidName,
    InvalidIndex,
    InvalidCharacter,
    Required,
    Type,
    TooShort,
    OutOfRange,
    InvalidNumber,
    InvalidBoolean,
    NotInValues,
    InvalidPhone,
    FictionalPhone,
    InvalidEmail,
    InvalidState,
    InvalidZip,
    ZipNotInState,
    InvalidDate,
    InFuture,
    TooFewItems,
    TooManyItems,
    UnknownField,
    ContactInPing,
    Frozen,
    UnknownVertical,
    InvalidTimestamp,
    InvalidIp,
    InvalidUrl,
    InvalidCertificate,
    InvalidLeadId,
}

impl FaultCode {
    const ALL: [Self; 35] = [
        Self::Syntax,
        Self::InvalidUtf8,
        Self::TooLong,
        Self::TooDeep,
        Self::TooManyKeys,
        Self::DuplicateKey,
        Self::InvalidName,
        Self::InvalidIndex,
        Self::InvalidCharacter,
        Self::Required,
        Self::Type,
        Self::TooShort,
        Self::OutOfRange,
        Self::InvalidNumber,
        Self::InvalidBoolean,
        Self::NotInValues,
        Self::InvalidPhone,
        Self::FictionalPhone,
        Self::InvalidEmail,
        Self::InvalidState,
        Self::InvalidZip,
        Self::ZipNotInState,
        Self::InvalidDate,
        Self::InFuture,
        Self::TooFewItems,
        Self::TooManyItems,
        Self::UnknownField,
        Self::ContactInPing,
        Self::Frozen,
        Self::UnknownVertical,
        Self::InvalidTimestamp,
        Self::InvalidIp,
        Self::InvalidUrl,
        Self::InvalidCertificate,
        Self::InvalidLeadId,
    ];

    /// The stable code, as it stands in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TooLong => "too_long",
            Self::TooDeep => "too_deep",
            Self::TooManyKeys => "too_many_keys",
            Self::DuplicateKey => "duplicate_key",
            Self::InvalidName => "invalid_name",
            Self::InvalidIndex => "invalid_index",
            Self::InvalidCharacter => "invalid_character",
            Self::Required => "required",
            Self::Type => "type",
            Self::TooShort => "too_short",
            Self::OutOfRange => "out_of_range",
            Self::InvalidNumber => "invalid_number",
            Self::InvalidBoolean => "invalid_boolean",
            Self::NotInValues => "not_in_values",
            Self::InvalidPhone => "invalid_phone",
            Self::FictionalPhone => "fictional_phone",
            Self::InvalidEmail => "invalid_email",
            Self::InvalidState => "invalid_state",
            Self::InvalidZip => "invalid_zip",
            Self::ZipNotInState => "zip_not_in_state",
            Self::InvalidDate => "invalid_date",
            Self::InFuture => "in_future",
            Self::TooFewItems => "too_few_items",
            Self::TooManyItems => "too_many_items",
            Self::UnknownField => "unknown_field",
            Self::ContactInPing => "contact_in_ping",
            Self::Frozen => "frozen",
            Self::UnknownVertical => "unknown_vertical",
            Self::InvalidTimestamp => "invalid_timestamp",
            Self::InvalidIp => "invalid_ip",
            Self::InvalidUrl => "invalid_url",
            Self::InvalidCertificate => "invalid_certificate",
            Self::InvalidLeadId => "invalid_jornaya_lead_id",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Syntax => "The body is not JSON, or not a JSON object; or a form name is broken.",
            Self::InvalidUtf8 => "The body, or a value of a form, is not UTF-8.",
            Self::TooLong => "A body, a text, a name or a number is longer than allowed.",
            Self::TooDeep => "Objects and arrays are nested too deeply.",
            Self::TooManyKeys => "The body has too many keys or values.",
            Self::DuplicateKey => "The same key stands twice in one object or form.",
            Self::InvalidName => "A key is too long, empty or has a NUL character.",
            Self::InvalidIndex => "The items of a list in a form are not counted 0, 1, 2 ...",
            Self::InvalidCharacter => "A control character, or one that hides or turns text.",
            Self::Required => "A required field is missing, null or empty.",
            Self::Type => "The JSON type is not one this field takes.",
            Self::TooShort => "A text is shorter than the field's minimum.",
            Self::OutOfRange => "A number or date lies outside the field's bounds.",
            Self::InvalidNumber => "Not a plain number: no exponent, no separator, no symbol.",
            Self::InvalidBoolean => "Neither true nor false nor one of their spellings.",
            Self::NotInValues => "Not one of the values of the field.",
            Self::InvalidPhone => "Not a telephone number of a person in the United States.",
            Self::FictionalPhone => "A 555-01XX number, which only tests may use.",
            Self::InvalidEmail => "Not an e-mail address.",
            Self::InvalidState => "Neither a USPS state code nor a state's name.",
            Self::InvalidZip => "Not a ZIP code, or its first three digits are not assigned.",
            Self::ZipNotInState => "The ZIP code does not lie in the state given.",
            Self::InvalidDate => "Not a calendar date in one of the accepted forms.",
            Self::InFuture => "The date or time lies in the future.",
            Self::TooFewItems => "A list has fewer items than the field's minimum.",
            Self::TooManyItems => "A list has more items than the field's maximum.",
            Self::UnknownField => "No such field: a warning, or an error for strict keys.",
            Self::ContactInPing => "Contact data in a ping is left aside; it comes with the post.",
            Self::Frozen => "The ping has fixed this field; its post cannot change or add it.",
            Self::UnknownVertical => "No vertical of that name exists here.",
            Self::InvalidTimestamp => "Not an RFC 3339 time with an offset.",
            Self::InvalidIp => "Not an IPv4 or IPv6 address.",
            Self::InvalidUrl => "Not an absolute http or https URL.",
            Self::InvalidCertificate => "Not an https URL on cert.trustedform.com.",
            Self::InvalidLeadId => "Not a LeadiD: 36 characters, as a UUID is written.",
        }
    }
}

/// Every code of a fault or warning with its meaning, for the documentation.
pub fn codes() -> impl Iterator<Item = CodeMeaning> {
    let entry = |code: FaultCode| CodeMeaning { code: code.as_str(), meaning: code.meaning() };
    FaultCode::ALL.into_iter().map(entry)
}

/// What a field's reader says against a value: no place, no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which fault it is.
    pub code: FaultCode,
    /// One sentence saying what would be right.
    pub detail: String,
}

impl Refusal {
    /// A refusal with a sentence.
    #[must_use]
    pub fn new(code: FaultCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The refusal at its place.
    #[must_use]
    pub fn at(self, pointer: String) -> FieldFault {
        FieldFault { pointer, code: self.code.as_str(), detail: self.detail }
    }
}

/// `pointer` with one more step, if `key` looks like the name of a field; else `pointer` itself. A
/// key that does not may be a value in the wrong place, and values are never repeated.
#[must_use]
pub fn plain_step(pointer: &str, key: &str) -> String {
    if looks_like_a_name(key) { format!("{pointer}/{key}") } else { pointer.to_owned() }
}

/// Letters, `_`, `-`, `.` and at most four digits, a letter or `_` first, at most 64 of them: no
/// escaping is needed in a pointer.
fn looks_like_a_name(key: &str) -> bool {
    let starts_well = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    starts_well && key.bytes().all(allowed) && digits <= 4 && key.len() <= 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_with_its_meaning() {
        let codes: Vec<_> = codes().map(|entry| entry.code).collect();
        let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(distinct.len(), codes.len());
        for code in codes {
            assert!(code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')));
        }
    }

    #[test]
    fn a_key_is_repeated_only_if_it_looks_like_a_name() {
        let check = |key: &str, expect: &str| assert_eq!(plain_step("/lead", key), expect);
        check("first_name", "/lead/first_name");
        check("utm-source.v2", "/lead/utm-source.v2");
        check("2145557312", "/lead");
        check("x2145557312", "/lead");
        check("margaret@example.com", "/lead");
        check("Margaret Ellison", "/lead");
        check("a/b~c", "/lead");
        check("", "/lead");
    }
}
