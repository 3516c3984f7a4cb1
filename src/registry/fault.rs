//! What can be wrong with a registry, and where.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::object::ObjectKind;

/// One thing in a registry that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryFault {
    /// The kind of the object at fault.
    pub kind: ObjectKind,
    /// Its slug.
    pub id: String,
    /// The field in it, as files name it: `filter.all.0`, `caps`, `ping_url`. Empty for the object
    /// as a whole.
    pub field: String,
    /// The rule it breaks.
    pub rule: FaultRule,
    /// What is wrong and what would be right, in one sentence.
    pub detail: String,
}

impl fmt::Display for RegistryFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}: ", self.kind, self.id)?;
        if !self.field.is_empty() {
            write!(out, "{}: ", self.field)?;
        }
        out.write_str(&self.detail)
    }
}

/// The rules a registry must keep, by stable codes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FaultRule {
    /// A name people read is empty or too long.
    Name,
    /// An amount or a number is outside its range.
    OutOfRange,
    /// The vertical does not exist.
    UnknownVertical,
    /// The buyer does not exist or is archived.
    UnknownBuyer,
    /// The campaign, or the profile, belongs to another buyer.
    OtherBuyer,
    /// The profile does not exist.
    UnknownProfile,
    /// A profile is not sound in itself.
    InvalidProfile,
    /// A recorded case of a profile cannot be read.
    InvalidCase,
    /// A profile's cases do not pass, or do not show what they must before leads are sold by it.
    ProfileUnproved,
    /// A campaign does not give what its profile needs, or asks of it what it does not have.
    ProfileUnfit,
    /// A vertical is not sound in itself.
    InvalidVertical,
    /// The object's own slug differs from the one it is stored under.
    OtherId,
    /// A URL is needed here.
    UrlMissing,
    /// A URL has no use here.
    UrlUnused,
    /// The URL may not be used.
    InvalidUrl,
    /// A cap limits nothing, or everything.
    EmptyCap,
    /// Something is named twice.
    Duplicate,
    /// A filter or a disclosure names a field that the vertical does not have.
    UnknownField,
    /// A filter compares with something that is not of the field's type.
    WrongOperand,
    /// A filter asks something of a field that its type has no answer to.
    WrongTest,
    /// Contact data would be told, or told of.
    ContactField,
    /// A disclosure is of a class that the vertical forbids.
    ForbiddenDisclosure,
    /// A filter is too large.
    FilterLimits,
    /// A campaign has no secret to sign with, or names one for its profile that nobody gave.
    NoSecret,
    /// What is kept of the object cannot be read by this version of the program.
    Unreadable,
}

impl FaultRule {
    /// The rule's stable code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::OutOfRange => "out_of_range",
            Self::UnknownVertical => "unknown_vertical",
            Self::UnknownBuyer => "unknown_buyer",
            Self::OtherBuyer => "other_buyer",
            Self::UnknownProfile => "unknown_profile",
            Self::InvalidProfile => "invalid_profile",
            Self::InvalidCase => "invalid_case",
            Self::ProfileUnproved => "profile_unproved",
            Self::ProfileUnfit => "profile_unfit",
            Self::InvalidVertical => "invalid_vertical",
            Self::OtherId => "other_id",
            Self::UrlMissing => "url_missing",
            Self::UrlUnused => "url_unused",
            Self::InvalidUrl => "invalid_url",
            Self::EmptyCap => "empty_cap",
            Self::Duplicate => "duplicate",
            Self::UnknownField => "unknown_field",
            Self::WrongOperand => "wrong_operand",
            Self::WrongTest => "wrong_test",
            Self::ContactField => "contact_field",
            Self::ForbiddenDisclosure => "forbidden_disclosure",
            Self::FilterLimits => "filter_limits",
            Self::NoSecret => "no_secret",
            Self::Unreadable => "unreadable",
        }
    }
}
