//! Why a request is not sent.

/// Why no request could be rendered. It names what a profile names, and holds nothing of a lead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderRefused {
    /// The profile describes no such call.
    #[error("the profile has no such request")]
    NoSuchRequest,
    /// The lead has no value for a field that the buyer requires.
    #[error("a required value is missing: {name}")]
    Missing {
        /// The lead's field if one is meant, else the buyer's.
        name: String,
    },
    /// The lead has a value for none of several fields of which the buyer requires one.
    #[error("one of these is required: {}", names.join(", "))]
    NoneOf {
        /// The buyer's names.
        names: Vec<String>,
    },
    /// The campaign gives no value for a setting, or no secret.
    #[error("the campaign does not set {name}")]
    NotSet {
        /// `setting.x` or `secret.x`.
        name: String,
    },
    /// There is no URL, or a value cannot stand in it.
    #[error("the URL cannot be made: {why}")]
    Url {
        /// What is missing or cannot stand there.
        why: &'static str,
    },
    /// A value cannot stand in a header.
    #[error("a value cannot stand in the header {name}")]
    Header {
        /// The header.
        name: String,
    },
    /// A template failed, or what it wrote is not of the format.
    #[error("the template failed: {why}")]
    Template {
        /// What happened.
        why: &'static str,
    },
    /// The request is larger than any request may be, or takes more than any may take.
    #[error("the request is too large, or takes too much to make")]
    TooLarge,
}

impl RenderRefused {
    /// The reason as in records and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoSuchRequest => "no_such_request",
            Self::Missing { .. } | Self::NoneOf { .. } => "missing_field",
            Self::NotSet { .. } => "not_set",
            Self::Url { .. } => "url",
            Self::Header { .. } => "header",
            Self::Template { .. } => "template",
            Self::TooLarge => "too_large",
        }
    }
}
