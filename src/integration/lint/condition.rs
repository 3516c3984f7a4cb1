//! Conditions that never hold, whatever the lead.

use super::super::fault::Faults;
use super::super::nearest::hint;
use super::super::request::{CONSENT_KINDS, Consent, Source, Test, Within};
use super::super::section::At;
use super::Lint;
use crate::domain::vertical::{Field, FieldType};

impl Lint<'_> {
    /// Warns where a test asks for what a source never is.
    pub(super) fn test(
        &self,
        (at, test): (&At<Source>, &Test),
        within: Within<'_>,
        faults: &mut Faults<'_>,
    ) {
        let field = self.field_at(&at.value, within);
        let (name, known) = match (&at.value, field) {
            (Source::Consent(element), _) => {
                (format!("consent.{}", element.as_str()), words_of_consent(*element))
            }
            (_, Some(field)) => (field.name.clone(), words_of(field)),
            _ => return,
        };
        match test {
            Test::In(words) => {
                let Some(known) = known else { return };
                for word in words.iter().filter(|word| !known.contains(&word.as_str())) {
                    let message = format!("`{name}` is never `{word}`");
                    faults.warning(at.place(), message, hint(word, &known));
                }
            }
            Test::Between(..) if field.is_some_and(is_no_number) => {
                let message = format!("`{name}` is no number, so that the condition never holds");
                faults.warning(at.place(), message, None);
            }
            Test::Between(..) => {}
        }
    }
}

/// The only values that an element of consent can have, if they are listed.
fn words_of_consent(element: Consent) -> Option<Vec<&'static str>> {
    match element {
        Consent::Kind => Some(CONSENT_KINDS.to_vec()),
        Consent::HasTrustedformCert | Consent::HasJornayaLeadId => Some(vec!["true", "false"]),
        _ => None,
    }
}

/// The only values that a field can have, if they are listed.
fn words_of(field: &Field) -> Option<Vec<&str>> {
    match field.kind {
        FieldType::Enum => Some(field.values.iter().map(String::as_str).collect()),
        FieldType::Boolean => Some(vec!["true", "false"]),
        _ => None,
    }
}

/// Whether no value of the field is a number; texts may be some.
const fn is_no_number(field: &Field) -> bool {
    matches!(
        field.kind,
        FieldType::Enum
            | FieldType::Boolean
            | FieldType::Date
            | FieldType::Email
            | FieldType::List
            | FieldType::Name
            | FieldType::Phone
            | FieldType::State
    )
}
