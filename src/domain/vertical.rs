//! Verticals: a product line's field list, with what each field may show in a ping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use super::schema::CalendarDate;
use super::slug::VerticalId;

/// One product line, as its file describes it.
// `registry::vertical` checks it before use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vertical {
    /// The slug.
    pub id: VerticalId,
    /// The name people read.
    pub name: String,
    /// A sentence or two for the posting spec.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What consent must carry.
    #[serde(default)]
    pub consent: ConsentRule,
    /// What no campaign may be shown, whatever it is granted.
    #[serde(default, skip_serializing_if = "DisclosureRule::is_empty")]
    pub disclosure: DisclosureRule,
    /// The fields of `lead`, in the order of the spec.
    #[serde(rename = "field")]
    pub fields: Vec<Field>,
}

impl Vertical {
    /// The top-level field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// What a vertical requires of `consent`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRule {
    /// Elements without which a lead is refused (`consent_missing`).
    #[serde(default)]
    pub required: Vec<ConsentElement>,
}

/// What a vertical says of disclosures.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisclosureRule {
    /// Classes of which no campaign may be shown more than the exposures say.
    #[serde(default)]
    pub forbid: Vec<PiiClass>,
}

impl DisclosureRule {
    const fn is_empty(&self) -> bool {
        self.forbid.is_empty()
    }
}

/// One element of `consent`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ConsentElement {
    /// The words the consumer agreed to.
    Text,
    /// When.
    GivenAt,
    /// From which address.
    Ip,
    /// On which page.
    PageUrl,
    /// A `TrustedForm` certificate.
    TrustedformCertUrl,
    /// A Jornaya `LeadiD`.
    JornayaLeadId,
    /// The sellers named to the consumer.
    Sellers,
    /// The consumer's browser, in its own words.
    UserAgent,
}

/// One field of a lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The name in bodies, `[a-z][a-z0-9_]*`.
    pub name: String,
    /// What a value is.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Whether a lead without it is invalid.
    #[serde(default)]
    pub required: bool,
    /// The least value, length (text, name) or number of items (list).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Bound>,
    /// The greatest value, length (text, name) or number of items (list).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Bound>,
    /// The values of an enum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// What the value says about the person.
    #[serde(default)]
    pub pii: PiiClass,
    /// How the field may appear in a ping when no disclosure says more.
    #[serde(default)]
    pub exposure: Exposure,
    /// Lower edges of the buckets, ascending, for `exposure = "bucket"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<Decimal>,
    /// A sentence for the posting spec.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A valid value for the posting spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<serde_json::Value>,
    /// The fields of each item of a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub item: Vec<Self>,
}

/// What a field's value is, after normalizing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Free text.
    Text,
    /// A part of a person's name.
    Name,
    /// A US telephone number, kept as E.164.
    Phone,
    /// An e-mail address, its domain in lower case.
    Email,
    /// A USPS state code.
    State,
    /// A five-digit ZIP code.
    Zip,
    /// A calendar date.
    Date,
    /// A whole number.
    Integer,
    /// A number with at most four decimals.
    Decimal,
    /// An amount in the exchange's currency.
    Money,
    /// True or false.
    Boolean,
    /// One of `values`.
    Enum,
    /// Items with the fields `item`.
    List,
}

/// A bound of a number or of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Bound {
    /// Of a number, a length or a count.
    Number(Decimal),
    /// Of a date.
    Date(#[schemars(with = "CalendarDate")] jiff::civil::Date),
}

/// What a value says about the person it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PiiClass {
    /// Nothing.
    None,
    /// Something that narrows down who it is, with other values (ZIP, birth date).
    Quasi,
    /// A way to reach the person.
    Contact,
    /// Something the law or decency protects; the class of a field that names none.
    #[default]
    Sensitive,
}

impl PiiClass {
    /// The class as files name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quasi => "quasi",
            Self::Contact => "contact",
            Self::Sensitive => "sensitive",
        }
    }
}

/// How a field may appear in a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exposure {
    /// Not at all; the default.
    #[default]
    Never,
    /// The value itself; for lists, the items with their own exposures.
    AsIs,
    /// `zip3`: the first three digits.
    Zip3,
    /// `age_band`: five years, from a birth date.
    AgeBand,
    /// `<field>_year`: the year of a date.
    Year,
    /// `<field>_bucket`: the bucket a number falls into.
    Bucket,
}
