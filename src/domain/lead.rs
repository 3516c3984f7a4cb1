//! Leads: the consumer's full record, as it stands after intake.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::decimal::Decimal;
use super::ids::LeadId;
use super::money::Money;
use super::pii::Pii;
use super::slug::{VendorId, VerticalId};

/// One normalized value of a field. No `Debug`: most values say something about a person.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub enum Value {
    /// Text, a name, a phone (E.164), an e-mail address, a state, a ZIP code, an enum's value.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with up to four decimals.
    Decimal(Decimal),
    /// An amount.
    Money(Money),
    /// True or false.
    Boolean(bool),
    /// A calendar date.
    Date(Date),
    /// Items of a list.
    List(Vec<Fields>),
}

impl Value {
    /// The whole value as JSON: dates and amounts as texts, numbers as numbers.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Integer(number) => json!(number),
            Self::Decimal(number) => json!(number),
            Self::Money(money) => json!(money),
            Self::Boolean(truth) => json!(truth),
            Self::Date(date) => json!(date.to_string()),
            Self::List(items) => items.iter().map(Fields::to_json).collect(),
        }
    }
}

/// Names and values in the order of the vertical. No `Debug`, as for [`Value`].
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub struct Fields(Vec<(Arc<str>, Value)>);

impl Fields {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a value; each name is added once at most.
    pub fn push(&mut self, name: Arc<str>, value: Value) {
        debug_assert!(self.value(&name).is_none(), "a field is set once");
        self.0.push((name, value));
    }

    /// The value of a field, if the lead has it.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// Everything as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect()
    }

    /// All names and values, in the order of the vertical.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

/// The elements of a consent, by the names that vendors give them.
pub const CONSENT_KEYS: [&str; 8] = [
    "text",
    "given_at",
    "ip",
    "page_url",
    "trustedform_cert_url",
    "jornaya_lead_id",
    "sellers",
    "user_agent",
];

/// Proof of the consumer's consent, as the vendor gave it.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub struct Consent {
    /// The words the consumer agreed to.
    pub text: Option<String>,
    /// When.
    pub given_at: Option<Timestamp>,
    /// The consumer's address.
    pub ip: Option<IpAddr>,
    /// The page.
    pub page_url: Option<String>,
    /// The `TrustedForm` certificate.
    pub trustedform_cert_url: Option<String>,
    /// The Jornaya `LeadiD`.
    pub jornaya_lead_id: Option<String>,
    /// Sellers named to the consumer.
    pub sellers: Vec<String>,
    /// The consumer's browser, as its `User-Agent` names it.
    pub user_agent: Option<String>,
}

/// Where the vendor has the lead from, in the vendor's own words.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub struct Source {
    /// The vendor's sub-source.
    pub sub_id: Option<String>,
    /// The vendor's click id; never leaves the exchange.
    pub click_id: Option<String>,
}

/// Something in a body that was left aside without refusing the lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// JSON pointer to it.
    pub pointer: String,
    /// Stable code, such as `unknown_field`.
    pub code: String,
    /// One sentence, without the value.
    pub detail: String,
}

/// What a vendor submitted, normalized and valid, before the exchange takes it in.
#[derive(Clone)]
pub struct Submission {
    /// The product line.
    pub vertical: VerticalId,
    /// The consumer's data.
    pub fields: Pii<Fields>,
    /// The consumer's consent.
    pub consent: Pii<Consent>,
    /// Elements of consent that the vertical requires and that are not there; not empty means the
    /// lead is refused as `consent_missing`.
    pub consent_missing: Vec<super::vertical::ConsentElement>,
    /// Where it comes from.
    pub source: Source,
    /// When the consumer submitted the form, if the vendor says.
    pub submitted_at: Option<Timestamp>,
    /// The lowest payout the vendor takes.
    pub floor: Option<Money>,
    /// How long the vendor waits for an answer, if it says.
    pub wait_ms: Option<u64>,
    /// Whether this is a test lead: out of caps, money and reports.
    pub test: bool,
    /// What was left aside.
    pub warnings: Vec<Warning>,
    /// The canonical body without `wait_ms`, for fingerprints and automatic keys.
    pub canonical: Pii<Vec<u8>>,
}

/// A lead in the exchange.
#[derive(Clone)]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// Who submitted it.
    pub vendor: VendorId,
    /// The product line.
    pub vertical: VerticalId,
    /// The consumer's data.
    pub fields: Pii<Fields>,
    /// The consumer's consent.
    pub consent: Pii<Consent>,
    /// Where it comes from.
    pub source: Source,
    /// When the consumer submitted the form, if the vendor says.
    pub submitted_at: Option<Timestamp>,
    /// The lowest payout the vendor takes; zero if it names none.
    pub floor: Money,
    /// When the exchange took it in.
    pub received_at: Timestamp,
    /// Whether this is a test lead.
    pub test: bool,
}
