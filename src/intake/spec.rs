//! The posting spec of a vertical: what a vendor reads before it sends its first lead.
//!
//! It is generated from the same fields that intake reads by, as data for programs and as a page
//! for people. The page stands alone: no scripts, nothing loaded from elsewhere, and its one style
//! sheet is named by its hash in [`content_security_policy`].

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::fault::{CodeMeaning, codes};
use super::fields::text::{NAME_LENGTH_DEFAULT, TEXT_LENGTH_DEFAULT, length_max};
use super::read::IntakeLimits;
use super::read::consent::SELLERS_MAX;
use super::read::lead::{items_max, items_min};
use super::sample::sample;
use super::schema::{LOOSER, schema};
use crate::domain::vertical::{
    Bound, ConsentElement, ConsentRule, Exposure, Field, FieldType, PiiClass,
};
use crate::registry::vertical::{CompiledField, CompiledVertical, FieldList};

/// Everything a vendor must know to submit leads of one vertical.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PostingSpec {
    /// The slug, as it stands in bodies.
    pub vertical: String,
    /// The name people read.
    pub name: String,
    /// A sentence or two.
    pub description: String,
    /// Where leads are submitted.
    pub url: String,
    /// The fields of `lead`.
    pub fields: Vec<FieldSpec>,
    /// The elements of `consent`.
    pub consent: Vec<PartSpec>,
    /// The other keys of the body.
    pub body: Vec<PartSpec>,
    /// A valid body.
    pub example: Json,
    /// The same body as a command line.
    pub curl: String,
    /// JSON Schema 2020-12 of the body.
    pub schema: Json,
    /// What is checked beyond the schema.
    pub beyond_schema: Vec<&'static str>,
    /// The codes in `errors` and `warnings`.
    pub codes: Vec<CodeMeaning>,
}

/// One field of a lead or of an item.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FieldSpec {
    /// The key.
    pub name: String,
    /// The type's name.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Whether a lead without it is refused.
    pub required: bool,
    /// What it is.
    pub description: String,
    /// How a value is written, in words.
    pub accepts: String,
    /// The values of an enum.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// What a buyer sees of it before buying, in words.
    pub in_ping: String,
    /// What it says about the person.
    pub pii: PiiClass,
    /// A valid value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Json>,
    /// The fields of each item of a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Self>,
}

/// One key outside `lead`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PartSpec {
    /// The key.
    pub name: &'static str,
    /// Whether it must be there; a lead without required consent is refused as `consent_missing`.
    pub required: bool,
    /// What it is.
    pub description: String,
}

/// The spec of `vertical` on the exchange at `base_url` (scheme and host, no slash at the end).
#[must_use]
pub fn posting_spec(
    vertical: &CompiledVertical,
    base_url: &str,
    limits: &IntakeLimits,
) -> PostingSpec {
    let described = vertical.vertical();
    let url = format!("{base_url}/v1/leads");
    let example = example(vertical);
    PostingSpec {
        vertical: vertical.id().to_string(),
        name: described.name.clone(),
        description: described.description.clone(),
        fields: fields(vertical.fields()),
        consent: consent(&described.consent),
        body: body(limits),
        curl: curl(&url, &example),
        url,
        schema: schema(vertical, limits),
        beyond_schema: LOOSER.to_vec(),
        codes: codes().collect(),
        example,
    }
}

fn fields(list: &FieldList) -> Vec<FieldSpec> {
    let spec = |compiled: &CompiledField| {
        let field = &compiled.field;
        FieldSpec {
            name: field.name.clone(),
            kind: field.kind,
            required: field.required,
            description: field.description.clone(),
            accepts: accepts(compiled),
            values: field.values.clone(),
            in_ping: in_ping(field),
            pii: field.pii,
            example: field.example.clone(),
            items: fields(&compiled.items),
        }
    };
    list.as_slice().iter().map(spec).collect()
}

fn accepts(compiled: &CompiledField) -> String {
    let field = &compiled.field;
    match field.kind {
        FieldType::Text => length("Text", field, TEXT_LENGTH_DEFAULT),
        FieldType::Name => length("Name", field, NAME_LENGTH_DEFAULT),
        FieldType::Phone => "US telephone number in any usual notation, as a text".to_owned(),
        FieldType::Email => "E-mail address".to_owned(),
        FieldType::State => "USPS code or full name".to_owned(),
        FieldType::Zip => "Five digits or ZIP+4, as a text".to_owned(),
        FieldType::Date => range("1957-03-02 or 03/02/1957", field),
        FieldType::Integer => range("Whole number", field),
        FieldType::Decimal => range("Number, up to 4 decimals", field),
        FieldType::Money => range("Amount such as 12.50, without symbol", field),
        FieldType::Boolean => "true or false; also yes, no, y, n, 1, 0".to_owned(),
        FieldType::Enum => "One of the values; case and separators do not matter".to_owned(),
        FieldType::List => {
            let fewest = items_min(compiled).max(usize::from(field.required));
            format!("List of {fewest} to {} objects", items_max(compiled))
        }
    }
}

fn length(kind: &str, field: &Field, default: usize) -> String {
    let max = length_max(field, default);
    match super::fields::text::length_min(field) {
        1 => format!("{kind}, up to {max} characters"),
        min if min == max => format!("{kind} of {max} characters"),
        min => format!("{kind}, {min} to {max} characters"),
    }
}

fn range(kind: &str, field: &Field) -> String {
    let bound = |bound: Bound| match bound {
        Bound::Number(number) => number.to_string(),
        Bound::Date(date) => date.to_string(),
    };
    match (field.min.map(bound), field.max.map(bound)) {
        (Some(min), Some(max)) => format!("{kind}, {min} to {max}"),
        (Some(min), None) => format!("{kind}, from {min}"),
        (None, Some(max)) => format!("{kind}, up to {max}"),
        (None, None) => kind.to_owned(),
    }
}

fn in_ping(field: &Field) -> String {
    match field.exposure {
        Exposure::Never => "not shown".to_owned(),
        Exposure::AsIs if field.kind == FieldType::List => "item by item".to_owned(),
        Exposure::AsIs => "shown".to_owned(),
        Exposure::Zip3 => "first three digits".to_owned(),
        Exposure::AgeBand => "five-year age band".to_owned(),
        Exposure::Year => "the year".to_owned(),
        Exposure::Bucket => "a range".to_owned(),
    }
}

fn consent(rule: &ConsentRule) -> Vec<PartSpec> {
    let sellers = format!("Sellers named to the consumer, up to {SELLERS_MAX} names.");
    let elements = [
        (ConsentElement::Text, "text", "The words the consumer agreed to."),
        (ConsentElement::GivenAt, "given_at", "When: RFC 3339 with an offset, not in the future."),
        (ConsentElement::Ip, "ip", "The consumer's address, IPv4 or IPv6."),
        (ConsentElement::PageUrl, "page_url", "The page with the form, http or https."),
        (
            ConsentElement::TrustedformCertUrl,
            "trustedform_cert_url",
            "A TrustedForm certificate, https://cert.trustedform.com/...",
        ),
        (ConsentElement::JornayaLeadId, "jornaya_lead_id", "A Jornaya LeadiD, 36 characters."),
        (ConsentElement::Sellers, "sellers", &sellers),
        (ConsentElement::UserAgent, "user_agent", "The consumer's browser: its User-Agent."),
    ];
    let part = |(element, name, description): (ConsentElement, &'static str, &str)| PartSpec {
        name,
        required: rule.required.contains(&element),
        description: description.to_owned(),
    };
    elements.into_iter().map(part).collect()
}

fn body(limits: &IntakeLimits) -> Vec<PartSpec> {
    let part = |name, required, description: &str| PartSpec {
        name,
        required,
        description: description.to_owned(),
    };
    let (shortest, longest) = (limits.wait_ms.start(), limits.wait_ms.end());
    vec![
        part("vertical", true, "This vertical's slug."),
        part("lead", true, "The fields below."),
        part("consent", false, "Proof of consent, below."),
        part(
            "source",
            false,
            "sub_id (buyers see a pseudonym) and click_id (never leaves the exchange).",
        ),
        part("submitted_at", false, "When the consumer sent the form, RFC 3339 with an offset."),
        part("floor", false, "The lowest payout you take, such as \"10.00\"."),
        part(
            "wait_ms",
            false,
            &format!(
                "How long you wait for the result, {shortest} to {longest} milliseconds; the answer \
                 after that is 202 with a status URL."
            ),
        ),
        part("test", false, "true: everything runs, nothing is sold, counted or paid."),
    ]
}

/// A valid body made of the fields' examples; a required field without one borrows a sample's.
fn example(vertical: &CompiledVertical) -> Json {
    let borrowed = sample(vertical, 1);
    json!({
        "vertical": vertical.id(),
        "lead": example_fields(vertical.fields(), &borrowed["lead"]),
        "consent": {
            "text": "By pressing Get my quote I agree to be called and texted, also by automated \
                     means, by the sellers named here. Consent is no condition of purchase.",
            "given_at": "2026-01-05T14:58:00Z",
            "ip": "198.51.100.24",
            "page_url": "https://quotes.example/start",
            "sellers": ["Example Insurance Agency LLC"],
        },
        "source": {"sub_id": "newsletter-7", "click_id": "c-81723"},
        "floor": "10.00",
        "wait_ms": 8_000,
    })
}

fn example_fields(list: &FieldList, borrowed: &Json) -> Json {
    let mut fields = Map::new();
    for compiled in list.as_slice() {
        let field = &compiled.field;
        let lent = &borrowed[&*field.name];
        let value = match &field.example {
            Some(example) => Some(example.clone()),
            None if field.kind == FieldType::List => {
                let item = example_fields(&compiled.items, &lent[0]);
                let many = items_min(compiled).max(1);
                Some(Json::Array(vec![item; many]))
            }
            None => field.required.then(|| lent.clone()),
        };
        if let Some(value) = value {
            fields.insert(field.name.clone(), value);
        }
    }
    Json::Object(fields)
}

fn curl(url: &str, example: &Json) -> String {
    format!(
        "curl {url} \\\n  -H \"Authorization: Bearer $GAVEL_KEY\" \\\n  \
         -H \"Content-Type: application/json\" \\\n  \
         -H \"Idempotency-Key: $(uuidgen)\" \\\n  --data @- <<'EOF'\n{example:#}\nEOF"
    )
}

/// The page's one style sheet.
const STYLE: &str = include_str!("../../templates/spec.css");

#[derive(Template)]
#[template(path = "spec.html")]
struct Page<'s> {
    spec: &'s PostingSpec,
    style: &'static str,
    example: String,
    schema: String,
}

/// The page of a spec, complete HTML.
#[must_use]
pub fn page(spec: &PostingSpec) -> String {
    let page = Page {
        spec,
        style: STYLE,
        example: format!("{:#}", spec.example),
        schema: format!("{:#}", spec.schema),
    };
    page.render().expect("every value of the page can be written into a string")
}

/// The `Content-Security-Policy` under which the page looks as it should: nothing but its own style
/// sheet, named by its hash.
#[must_use]
pub fn content_security_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

impl PartSpec {
    const fn need(&self) -> &'static str {
        if self.required { "required" } else { "optional" }
    }
}

impl FieldSpec {
    const fn need(&self) -> &'static str {
        if self.required { "required" } else { "optional" }
    }

    fn example_text(&self) -> String {
        self.example.as_ref().map(Json::to_string).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
