//! What a ping may never show, whatever a campaign is granted.
//!
//! A disclosure is a named exception for values that narrow down who a person is. Values that are
//! the person (contact data, names, the street) are no exception's matter: with them a ping would
//! be the lead.

use std::collections::BTreeSet;

use super::Noting;
use crate::domain::disclosure::{AGE, BIRTH_DATE, ContactTrace, OF_CONSENT};
use crate::domain::vertical::{Field, FieldType, PiiClass};
use crate::registry::fault::FaultRule;
use crate::registry::vertical::CompiledVertical;

/// Fields that are the person, by their usual names: a vertical that gives one of them a wrong
/// class must not open it.
const PERSON: [&str; 20] = [
    "name",
    "full_name",
    "first_name",
    "middle_name",
    "last_name",
    "surname",
    "maiden_name",
    "phone",
    "phone2",
    "mobile_phone",
    "home_phone",
    "work_phone",
    "email",
    "address",
    "address1",
    "address2",
    "street",
    "street_address",
    "ssn",
    "medicare_number",
];

pub(super) fn check_disclosures(
    disclosures: &[String],
    vertical: &CompiledVertical,
    noting: &mut Noting<'_>,
) {
    let mut seen = BTreeSet::new();
    for name in disclosures {
        if !seen.insert(name) {
            let detail = format!("`{name}` is named twice");
            noting.fault("disclosures", FaultRule::Duplicate, detail);
            continue;
        }
        if let Some(class) = vertical.vertical().forbidden_class(name) {
            let class = class.as_str();
            let detail = format!("the vertical {} forbids to disclose {class} data", vertical.id());
            noting.fault("disclosures", FaultRule::ForbiddenDisclosure, detail);
            continue;
        }
        let is_of_consent = OF_CONSENT.iter().any(|(known, _)| known == name);
        if is_of_consent || ContactTrace::find(vertical.vertical(), name).is_some() {
            continue;
        }
        let has_birth_date =
            || vertical.field(BIRTH_DATE).is_some_and(|field| field.kind == FieldType::Date);
        if name == AGE && has_birth_date() {
            continue;
        }
        match vertical.field(name) {
            None => {
                let detail = format!(
                    "the vertical {} has no `{name}`; a disclosure is one of its fields, `age`, a \
                     part of the consent such as `ip`, or a trace of contact data such as \
                     `email_domain` or `phone_area`",
                    vertical.id()
                );
                noting.fault("disclosures", FaultRule::UnknownField, detail);
            }
            Some(field) => {
                if let Some(person) = person_in(field) {
                    let detail = format!("a ping never shows `{person}`: it would name the person");
                    noting.fault("disclosures", FaultRule::ContactField, detail);
                }
            }
        }
    }
}

/// The part of a field that is the person: the field itself, or a field of its items, since a list
/// is disclosed whole.
fn person_in(field: &Field) -> Option<String> {
    if is_person(field) {
        return Some(field.name.clone());
    }
    let inner = field.item.iter().find(|inner| is_person(inner))?;
    Some(format!("{}.{}", field.name, inner.name))
}

fn is_person(field: &Field) -> bool {
    field.pii == PiiClass::Contact
        || matches!(field.kind, FieldType::Phone | FieldType::Email)
        || PERSON.contains(&&*field.name)
}
