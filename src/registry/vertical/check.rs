//! What is wrong with a vertical: all of it at once, each fault with its place.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::VerticalFault;
use crate::domain::decimal::Decimal;
use crate::domain::vertical::{Bound, Exposure, Field, FieldType, PiiClass, Vertical};

/// The most fields of a vertical, those of list items included.
pub const FIELDS_MAX: usize = 300;
/// The longest name of a field, in bytes.
pub const FIELD_NAME_LENGTH_MAX: usize = 64;
/// The most values of an enum.
pub const ENUM_VALUES_MAX: usize = 500;
/// The longest value of an enum, in bytes.
pub const VALUE_LENGTH_MAX: usize = 64;
/// The most buckets of a number.
pub const BUCKETS_MAX: usize = 50;
/// The most items of a list.
pub const LIST_ITEMS_MAX: u32 = 50;
/// The longest text, in characters.
pub const TEXT_LENGTH_MAX: u32 = 8_000;
/// The longest name or description of a vertical or field, in bytes.
const DESCRIPTION_LENGTH_MAX: usize = 1_000;

/// Names with a meaning of their own in filters, disclosures and pings.
const RESERVED: [&str; 8] = [
    "age",
    "age_band",
    "zip3",
    "ip",
    "trustedform_cert_url",
    "jornaya_lead_id",
    "consent_text",
    "consent_user_agent",
];

/// All faults, in the order of the fields.
pub(super) fn faults(vertical: &Vertical) -> Vec<VerticalFault> {
    let mut check = Check { faults: Vec::new() };
    if vertical.name.trim().is_empty() {
        check.fault("name", "a vertical needs a name that people can read");
    }
    if vertical.name.len().max(vertical.description.len()) > DESCRIPTION_LENGTH_MAX {
        check.fault("description", "name and description have at most 1000 bytes each");
    }
    let distinct: BTreeSet<_> = vertical.consent.required.iter().collect();
    if distinct.len() < vertical.consent.required.len() {
        check.fault("consent.required", "an element is named twice");
    }
    let forbid = &vertical.disclosure.forbid;
    if forbid.iter().enumerate().any(|(at, class)| forbid[..at].contains(class)) {
        check.fault("disclosure.forbid", "a class is named twice");
    }
    let total = vertical.fields.iter().map(|field| 1 + field.item.len()).sum::<usize>();
    if total == 0 || total > FIELDS_MAX {
        check.fault("field", &format!("a vertical has 1 to {FIELDS_MAX} fields, items included"));
        return check.faults;
    }
    check.fields(&vertical.fields, None);
    check.faults
}

struct Check {
    faults: Vec<VerticalFault>,
}

impl Check {
    fn fault(&mut self, at: &str, detail: &str) {
        self.faults.push(VerticalFault { at: at.to_owned(), detail: detail.to_owned() });
    }

    /// The fields of a lead, or of the items of `list`.
    fn fields(&mut self, fields: &[Field], list: Option<&str>) {
        let mut names = BTreeSet::new();
        for field in fields {
            let at = place(field, list);
            if !names.insert(&*field.name) {
                self.fault(&at, "the name is used twice");
            }
            if list.is_some() && field.kind == FieldType::List {
                self.fault(&at, "a list cannot hold lists");
            }
            self.field(field, &at);
        }
        self.ping_keys(fields, &names, list);
    }

    fn field(&mut self, field: &Field, at: &str) {
        self.name(field, at);
        self.bounds(field, at);
        self.values(field, at);
        self.exposure(field, at);
        self.buckets(field, at);
        if field.description.len() > DESCRIPTION_LENGTH_MAX {
            self.fault(at, "a description has at most 1000 bytes");
        }
        if field.kind == FieldType::List {
            if field.item.is_empty() {
                self.fault(at, "a list needs `item`, the fields of each of its items");
            }
            self.fields(&field.item, Some(&field.name));
        } else if !field.item.is_empty() {
            self.fault(at, "only a list has `item`");
        }
        if let Some(fault) = field.example.as_ref().and_then(|value| example_fault(field, value)) {
            self.fault(at, &format!("the example {fault}"));
        }
    }

    fn name(&mut self, field: &Field, at: &str) {
        let name = field.name.as_bytes();
        let starts_well = name.first().is_some_and(u8::is_ascii_lowercase);
        let allowed =
            |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
        if !starts_well || !name.iter().all(allowed) || name.len() > FIELD_NAME_LENGTH_MAX {
            self.fault(at, "a name is `[a-z][a-z0-9_]*` with at most 64 characters");
        }
        if RESERVED.contains(&&*field.name) {
            self.fault(at, "the name is reserved: filters, disclosures and pings use it");
        }
    }

    fn bounds(&mut self, field: &Field, at: &str) {
        for (key, bound) in [("min", field.min), ("max", field.max)] {
            if let Some(fault) = bound.and_then(|bound| bound_fault(field.kind, bound)) {
                self.fault(at, &format!("`{key}` {fault}"));
            }
        }
        let reversed = match (field.min, field.max) {
            (Some(Bound::Number(min)), Some(Bound::Number(max))) => min > max,
            (Some(Bound::Date(min)), Some(Bound::Date(max))) => min > max,
            _ => false,
        };
        if reversed {
            self.fault(at, "`min` is above `max`");
        }
    }

    fn values(&mut self, field: &Field, at: &str) {
        if field.kind != FieldType::Enum {
            if !field.values.is_empty() {
                self.fault(at, "only an enum has `values`");
            }
            return;
        }
        if field.values.is_empty() || field.values.len() > ENUM_VALUES_MAX {
            self.fault(at, &format!("an enum has 1 to {ENUM_VALUES_MAX} `values`"));
        }
        let mut spellings = BTreeSet::new();
        for value in &field.values {
            let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            let trimmed = value.trim_matches([' ', '_', '-']) == value;
            let spelling = spelling(value);
            if spelling.is_empty() || !printable || !trimmed || value.len() > VALUE_LENGTH_MAX {
                let rule = "is 1 to 64 printable ASCII characters, not a separator at either end";
                self.fault(at, &format!("a value {rule}: {value:?}"));
            } else if !spellings.insert(spelling) {
                let rule = "differs from another only by case, spaces, hyphens or underscores";
                self.fault(at, &format!("a value {rule}: {value:?}"));
            }
        }
    }

    fn exposure(&mut self, field: &Field, at: &str) {
        let direct = matches!(field.kind, FieldType::Phone | FieldType::Email);
        if direct && matches!(field.pii, PiiClass::None | PiiClass::Quasi) {
            self.fault(at, "a phone or e-mail address is `pii = \"contact\"`");
        }
        if field.exposure == Exposure::Never {
            return;
        }
        if field.pii == PiiClass::Contact {
            self.fault(at, "contact data never appears in a ping: `exposure = \"never\"`");
            return;
        }
        let allowed = allowed_exposures(field);
        if !allowed.contains(&field.exposure) {
            let names: Vec<_> = allowed.iter().copied().map(exposure_name).collect();
            let rule = match names.is_empty() {
                true => "`never`, since free text may say anything".to_owned(),
                false => format!("`never`, `{}`", names.join("`, `")),
            };
            self.fault(at, &format!("the exposure of this field is one of {rule}"));
        }
    }

    fn buckets(&mut self, field: &Field, at: &str) {
        let ascending = field.buckets.is_sorted_by(|low, high| low < high);
        match (field.exposure, field.buckets.len()) {
            (Exposure::Bucket, 0) => self.fault(at, "`exposure = \"bucket\"` needs `buckets`"),
            (Exposure::Bucket, many) if many > BUCKETS_MAX => {
                self.fault(at, &format!("there are at most {BUCKETS_MAX} buckets"));
            }
            (Exposure::Bucket, _) if !ascending => {
                self.fault(at, "`buckets` are lower edges in ascending order");
            }
            (Exposure::Bucket, _) | (_, 0) => {}
            (_, _) => self.fault(at, "`buckets` go with `exposure = \"bucket\"`"),
        }
    }

    /// A coarse value must not take the name of a field or of another coarse value.
    fn ping_keys(&mut self, fields: &[Field], names: &BTreeSet<&str>, list: Option<&str>) {
        let mut derived = BTreeSet::new();
        for field in fields {
            let key = match field.exposure {
                Exposure::Never | Exposure::AsIs => continue,
                Exposure::Zip3 => "zip3".to_owned(),
                Exposure::AgeBand => "age_band".to_owned(),
                Exposure::Year => format!("{}_year", field.name),
                Exposure::Bucket => format!("{}_bucket", field.name),
            };
            let at = place(field, list);
            if names.contains(&*key) {
                self.fault(&at, &format!("a ping would show `{key}`, the name of another field"));
            } else if !derived.insert(key.clone()) {
                self.fault(&at, &format!("a ping would show `{key}` twice"));
            }
        }
    }
}

/// Where a field stands, for faults.
fn place(field: &Field, list: Option<&str>) -> String {
    match list {
        Some(list) => format!("field {list}.{}", field.name),
        None => format!("field {}", field.name),
    }
}

/// A value in lower case without spaces, hyphens and underscores: two values of an enum differ in
/// it, so that a vendor's spelling fits one at most.
fn spelling(value: &str) -> String {
    let kept = value.chars().filter(|letter| !matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// What a field may show in a ping besides nothing.
fn allowed_exposures(field: &Field) -> &'static [Exposure] {
    match field.kind {
        FieldType::Text | FieldType::Name | FieldType::Phone | FieldType::Email => &[],
        FieldType::State | FieldType::Boolean | FieldType::Enum | FieldType::List => {
            &[Exposure::AsIs]
        }
        FieldType::Zip => &[Exposure::Zip3],
        FieldType::Date if field.pii == PiiClass::None => {
            &[Exposure::AsIs, Exposure::AgeBand, Exposure::Year]
        }
        FieldType::Date => &[Exposure::AgeBand, Exposure::Year],
        FieldType::Integer | FieldType::Decimal | FieldType::Money => {
            &[Exposure::AsIs, Exposure::Bucket]
        }
    }
}

const fn exposure_name(exposure: Exposure) -> &'static str {
    match exposure {
        Exposure::Never => "never",
        Exposure::AsIs => "as_is",
        Exposure::Zip3 => "zip3",
        Exposure::AgeBand => "age_band",
        Exposure::Year => "year",
        Exposure::Bucket => "bucket",
    }
}

fn bound_fault(kind: FieldType, bound: Bound) -> Option<String> {
    let whole_up_to = |limit: u32| match bound {
        Bound::Number(number) => {
            let fits = number.to_integer().is_some_and(|n| (0..=i64::from(limit)).contains(&n));
            (!fits).then(|| format!("of this type is a whole number from 0 to {limit}"))
        }
        Bound::Date(_) => Some("of this type is a number".to_owned()),
    };
    match (kind, bound) {
        (FieldType::Text | FieldType::Name, _) => whole_up_to(TEXT_LENGTH_MAX),
        (FieldType::List, _) => whole_up_to(LIST_ITEMS_MAX),
        (FieldType::Integer, Bound::Number(number)) => {
            number.to_integer().is_none().then(|| "of an integer is a whole number".to_owned())
        }
        (FieldType::Money, Bound::Number(number)) => {
            (number < Decimal::default()).then(|| "of money is not negative".to_owned())
        }
        (FieldType::Decimal, Bound::Number(_)) | (FieldType::Date, Bound::Date(_)) => None,
        (FieldType::Integer | FieldType::Money | FieldType::Decimal, Bound::Date(_)) => {
            Some("of this type is a number".to_owned())
        }
        (FieldType::Date, Bound::Number(_)) => {
            Some("of a date is a date such as \"1957-03-02\"".to_owned())
        }
        (
            FieldType::Phone
            | FieldType::Email
            | FieldType::State
            | FieldType::Zip
            | FieldType::Boolean
            | FieldType::Enum,
            _,
        ) => Some("has no meaning for this type".to_owned()),
    }
}

/// What an example is not, if it is of the wrong kind or out of bounds. That intake accepts it
/// too is checked by `intake::sample`.
fn example_fault(field: &Field, example: &Json) -> Option<String> {
    let text = example.as_str();
    match field.kind {
        FieldType::Text | FieldType::Name => match text {
            None => Some("is a text".to_owned()),
            Some(text) => {
                let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
                outside(field, Decimal::from_integer(length))
            }
        },
        FieldType::Phone | FieldType::Email | FieldType::State => {
            text.is_none().then(|| "is a text".to_owned())
        }
        FieldType::Zip => {
            let digits = text.is_some_and(|zip| {
                zip.len() == 5 && zip.bytes().all(|digit| digit.is_ascii_digit())
            });
            (!digits).then(|| "is a text of five digits".to_owned())
        }
        FieldType::Date => match text.and_then(|date| date.parse::<jiff::civil::Date>().ok()) {
            None => Some("is a date such as \"1957-03-02\"".to_owned()),
            Some(date) => {
                let below = matches!(field.min, Some(Bound::Date(min)) if date < min);
                let above = matches!(field.max, Some(Bound::Date(max)) if date > max);
                (below || above).then(|| "lies outside `min` and `max`".to_owned())
            }
        },
        FieldType::Boolean => {
            example.as_bool().is_none().then(|| "is true or false, without quotes".to_owned())
        }
        FieldType::Enum => {
            let known = text.is_some_and(|text| field.values.iter().any(|value| value == text));
            (!known).then(|| "is one of `values`".to_owned())
        }
        FieldType::Integer => match example.as_i64() {
            None => Some("is a whole number, without quotes".to_owned()),
            Some(number) => outside(field, Decimal::from_integer(number)),
        },
        FieldType::Decimal => outside(field, number_of(example)),
        FieldType::Money => match text {
            None => Some("is a text such as \"12.50\"".to_owned()),
            Some(_) => outside(field, number_of(example)),
        },
        FieldType::List => Some("of a list stands in its `item` fields".to_owned()),
    }
}

fn number_of(example: &Json) -> Option<Decimal> {
    match example {
        Json::String(text) => Decimal::parse(text).ok(),
        Json::Number(number) => Decimal::parse(&number.to_string()).ok(),
        _ => None,
    }
}

fn outside(field: &Field, number: Option<Decimal>) -> Option<String> {
    let Some(number) = number else {
        return Some("is a number with at most 4 decimals".to_owned());
    };
    let below = matches!(field.min, Some(Bound::Number(min)) if number < min);
    let above = matches!(field.max, Some(Bound::Number(max)) if number > max);
    (below || above).then(|| "lies outside `min` and `max`".to_owned())
}
