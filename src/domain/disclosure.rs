//! Disclosures: what the pings of a campaign may show beyond the exposures of its vertical, by name.

use super::vertical::{Field, FieldType, PiiClass, Vertical};

/// The age in years, counted from [`BIRTH_DATE`].
pub const AGE: &str = "age";
/// The field that ages are counted from.
pub const BIRTH_DATE: &str = "date_of_birth";

/// Disclosures of parts of the consent: their names, and what a ping calls the part. A vertical's
/// `forbid` counts them as `quasi`, as it does the age.
pub const OF_CONSENT: [(&str, &str); 5] = [
    ("ip", "ip"),
    ("trustedform_cert_url", "trustedform_cert_url"),
    ("jornaya_lead_id", "jornaya_lead_id"),
    ("consent_text", "text"),
    ("consent_user_agent", "user_agent"),
];

/// What may be shown of a way to reach the person in place of the way itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactTrace {
    /// The domain of an e-mail address.
    Domain,
    /// The area code of a telephone number.
    Area,
    /// The MD5 hash of the normal form.
    Md5,
    /// The SHA-1 hash of the normal form.
    Sha1,
    /// The SHA-256 hash of the normal form.
    Sha256,
}

/// The traces by the ends of their names, which begin with the field's.
const TRACES: [(&str, ContactTrace); 5] = [
    ("_domain", ContactTrace::Domain),
    ("_area", ContactTrace::Area),
    ("_md5", ContactTrace::Md5),
    ("_sha1", ContactTrace::Sha1),
    ("_sha256", ContactTrace::Sha256),
];

impl ContactTrace {
    /// The trace of this name and its field: `email_domain`, `phone_sha256`. A field of the vertical
    /// that has the name itself goes first.
    #[must_use]
    pub fn find<'v>(vertical: &'v Vertical, name: &str) -> Option<(&'v Field, Self)> {
        if vertical.field(name).is_some() {
            return None;
        }
        TRACES.iter().find_map(|(end, trace)| {
            let field = vertical.field(name.strip_suffix(end)?)?;
            trace.suits(field.kind).then_some((field, *trace))
        })
    }

    const fn suits(self, kind: FieldType) -> bool {
        match self {
            Self::Domain => matches!(kind, FieldType::Email),
            Self::Area => matches!(kind, FieldType::Phone),
            Self::Md5 | Self::Sha1 | Self::Sha256 => {
                matches!(kind, FieldType::Email | FieldType::Phone)
            }
        }
    }
}

impl Vertical {
    /// The class for which no campaign may be shown what a disclosure of this name adds, if there is
    /// one: of the field, of its items or of the field that is traced; of a part of the consent and
    /// of the age, `quasi`.
    #[must_use]
    pub fn forbidden_class(&self, disclosure: &str) -> Option<PiiClass> {
        let forbid = &self.disclosure.forbid;
        let is_forbidden = |class: &PiiClass| forbid.contains(class);
        if let Some(field) = self.field(disclosure) {
            let classes = field.item.iter().map(|inner| inner.pii);
            return std::iter::once(field.pii).chain(classes).find(is_forbidden);
        }
        match ContactTrace::find(self, disclosure) {
            // Whatever the vertical calls the field, it is a way to reach the person.
            Some(_) => Some(PiiClass::Contact).filter(is_forbidden),
            None => Some(PiiClass::Quasi).filter(is_forbidden),
        }
    }
}
