//! The JSON Schema (2020-12) of a submission, generated from the vertical's fields.
//!
//! It documents what `intake::read` does and never replaces it. The two are held together by a
//! property test: whatever the schema refuses, the reader refuses, so a vendor whose bodies fail
//! the schema has found a real fault. The other way round the schema is looser, in the points that
//! [`LOOSER`] lists and the schema itself repeats.

use serde_json::{Map, Value as Json, json};

use super::fields::email::EMAIL_LENGTH_MAX;
use super::fields::evidence::URL_LENGTH_MAX;
use super::fields::phone::PHONE_LENGTH_MAX;
use super::fields::place::{STATE_LENGTH_MAX, STATES};
use super::fields::text::{NAME_LENGTH_DEFAULT, TEXT_LENGTH_DEFAULT, length_max};
use super::fields::truth::{FALSE, TRUE};
use super::fields::values::SEPARATORS;
use super::read::consent::{
    CONSENT_TEXT_LENGTH_MAX, SELLER_LENGTH_MAX, SELLERS_MAX, USER_AGENT_LENGTH_MAX,
};
use super::read::lead::{items_max, items_min};
use super::read::{IntakeLimits, SOURCE_LENGTH_MAX};
use crate::domain::decimal::Decimal;
use crate::domain::vertical::{Bound, Field, FieldType};
use crate::registry::vertical::{CompiledField, CompiledVertical, FieldList};

/// What the reader checks and the schema cannot say.
pub const LOOSER: [&str; 8] = [
    "Keys must be distinct, numbers written without exponents, and the body within its limits.",
    "A telephone number must be a person's in the United States; 555-01XX passes in tests only.",
    "An e-mail address must be complete; a state's name must be spelled in full.",
    "A ZIP code must exist and lie in the state beside it.",
    "A date must be in the calendar and within the field's bounds; birth dates and times of consent \
     must have passed.",
    "A number sent as a text must be within the same bounds, and have four decimals at most.",
    "Texts are trimmed before their minimum is checked, and hold no control characters.",
    "Unknown fields are left aside with a warning; strict keys refuse them.",
];

/// White space that is trimmed.
const PAD: &str = r"[ \t\r\n]*";

/// The schema of a body for `vertical`, under these limits.
#[must_use]
pub fn schema(vertical: &CompiledVertical, limits: &IntakeLimits) -> Json {
    let described = vertical.vertical();
    let looser = LOOSER.map(|line| format!("- {line}")).join("\n");
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Lead: {}", described.name),
        "description": format!("{}\n\nBeyond this schema:\n{looser}", described.description),
        "type": "object",
        "required": ["vertical", "lead"],
        "properties": {
            "vertical": {"const": vertical.id()},
            "lead": object(vertical.fields()),
            "consent": optional(&consent(), "What the consumer agreed to, and proof of it."),
            "source": optional(&source(), "Where the lead comes from; none of it is shown as is."),
            "submitted_at": optional(&reference("instant"), "When the consumer sent the form."),
            "floor": optional(&amount(None, None), "The lowest payout you take for this lead."),
            "wait_ms": optional(
                &whole(Some(json!(limits.wait_ms.start())), Some(json!(limits.wait_ms.end()))),
                "How long you wait for the result, in milliseconds.",
            ),
            "test": optional(&reference("boolean"), "Whether nothing is to be sold or counted."),
        },
        "$defs": definitions(),
    })
}

fn object(fields: &FieldList) -> Json {
    let properties: Map<String, Json> =
        fields.as_slice().iter().map(|field| (field.field.name.clone(), property(field))).collect();
    let required: Vec<&str> = fields
        .as_slice()
        .iter()
        .filter(|field| field.field.required)
        .map(|field| field.field.name.as_str())
        .collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn property(compiled: &CompiledField) -> Json {
    let field = &compiled.field;
    let value = value(compiled);
    let mut property = match (field.required, field.kind) {
        (true, _) => value,
        (false, FieldType::List) => {
            json!({"anyOf": [value, {"type": "array", "maxItems": 0}, reference("blank")]})
        }
        (false, _) => json!({"anyOf": [value, reference("blank")]}),
    };
    if !field.description.is_empty() {
        property["description"] = json!(field.description);
    }
    if let Some(example) = &field.example {
        property["examples"] = json!([example]);
    }
    property
}

fn value(compiled: &CompiledField) -> Json {
    let field = &compiled.field;
    match field.kind {
        FieldType::Text => text(field, TEXT_LENGTH_DEFAULT),
        FieldType::Name => text(field, NAME_LENGTH_DEFAULT),
        FieldType::Phone => reference("phone"),
        FieldType::Email => reference("email"),
        FieldType::State => reference("state"),
        FieldType::Zip => reference("zip"),
        FieldType::Date => reference("date"),
        FieldType::Integer => whole(number(field.min), number(field.max)),
        FieldType::Decimal => decimal(number(field.min), number(field.max), "-?"),
        FieldType::Money => amount(number(field.min), number(field.max)),
        FieldType::Boolean => reference("boolean"),
        FieldType::Enum => one_of(&field.values),
        FieldType::List => {
            let min = items_min(compiled).max(usize::from(field.required));
            json!({"type": "array", "minItems": min, "maxItems": items_max(compiled),
                   "items": object(&compiled.items)})
        }
    }
}

fn text(field: &Field, default: usize) -> Json {
    json!({"type": "string", "minLength": super::fields::text::length_min(field),
           "maxLength": length_max(field, default)})
}

fn one_of(values: &[String]) -> Json {
    // A value that is written like a number may come as one.
    let numbers = values.iter().filter_map(|value| value.parse().ok().map(Json::Number));
    let listed: Vec<Json> = values.iter().map(|value| json!(value)).chain(numbers).collect();
    let spellings: Vec<String> = values.iter().map(|value| spelling(value)).collect();
    let pattern = format!("^{PAD}(?:{}){PAD}$", spellings.join("|"));
    json!({"anyOf": [{"enum": listed}, {"type": "string", "pattern": pattern}]})
}

/// A pattern for a value in any case, with any separators or none where it has one.
fn spelling(value: &str) -> String {
    let mut pattern = String::new();
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            separator if SEPARATORS.contains(&separator) => {
                while letters.next_if(|next| SEPARATORS.contains(next)).is_some() {}
                pattern.push_str("[ _-]*");
            }
            'a'..='z' | 'A'..='Z' => {
                let (upper, lower) = (letter.to_ascii_uppercase(), letter.to_ascii_lowercase());
                pattern.extend(['[', upper, lower, ']']);
            }
            '0'..='9' => pattern.push(letter),
            // A class of one is literal, save for the characters that mean something in a class.
            '\\' | ']' | '^' | '[' => pattern.extend(['\\', letter]),
            other => pattern.extend(['[', other, ']']),
        }
    }
    pattern
}

fn any_case(words: &[&str]) -> String {
    words.iter().map(|word| spelling(word)).collect::<Vec<_>>().join("|")
}

fn whole(min: Option<Json>, max: Option<Json>) -> Json {
    bounded("integer", min, max, &format!(r"^{PAD}-?[0-9]+(?:\.0+)?{PAD}$"))
}

fn amount(min: Option<Json>, max: Option<Json>) -> Json {
    decimal(Some(min.unwrap_or(json!(0))), max, "")
}

fn decimal(min: Option<Json>, max: Option<Json>, sign: &str) -> Json {
    bounded("number", min, max, &format!(r"^{PAD}{sign}[0-9]+(?:\.[0-9]{{1,4}})?{PAD}$"))
}

fn bounded(kind: &str, min: Option<Json>, max: Option<Json>, pattern: &str) -> Json {
    let mut number = json!({"type": kind});
    for (key, bound) in [("minimum", min), ("maximum", max)] {
        if let Some(bound) = bound {
            number[key] = bound;
        }
    }
    json!({"anyOf": [number, {"type": "string", "pattern": pattern}]})
}

/// A bound as a JSON number. The nearest float keeps the order of decimals, so that the schema
/// never refuses what the reader takes.
fn number(bound: Option<Bound>) -> Option<Json> {
    let Some(Bound::Number(number)) = bound else { return None };
    match number.to_integer() {
        Some(whole) => Some(json!(whole)),
        None => Decimal::to_string(&number).parse::<f64>().ok().map(|float| json!(float)),
    }
}

fn consent() -> Json {
    let words = json!({"type": "string", "maxLength": CONSENT_TEXT_LENGTH_MAX});
    let browser = json!({"type": "string", "maxLength": USER_AGENT_LENGTH_MAX});
    let url = json!({"type": "string", "maxLength": URL_LENGTH_MAX + 64,
                     "pattern": format!("^{PAD}[Hh][Tt][Tt][Pp][Ss]?://")});
    let certificate = json!({"type": "string", "maxLength": URL_LENGTH_MAX + 64,
        "pattern": format!("^{PAD}(?:{})", spelling("https://cert.trustedform.com/"))});
    let hex = "[0-9A-Fa-f]";
    let lead_id = json!({"type": "string",
        "pattern": format!("^{PAD}{hex}{{8}}(?:-{hex}{{4}}){{3}}-{hex}{{12}}{PAD}$")});
    let sellers = json!({"type": "array", "maxItems": SELLERS_MAX,
        "items": {"type": "string", "maxLength": SELLER_LENGTH_MAX, "pattern": r"[^ \t\r\n]"}});
    let address = json!({"type": "string", "pattern": format!("^{PAD}[0-9A-Fa-f:.]+{PAD}$")});
    json!({"type": "object", "properties": {
        "text": optional(&words, "The words the consumer agreed to."),
        "given_at": optional(&reference("instant"), "When."),
        "ip": optional(&address, "The consumer's address, IPv4 or IPv6."),
        "page_url": optional(&url, "The page with the form."),
        "trustedform_cert_url": optional(&certificate, "The TrustedForm certificate."),
        "jornaya_lead_id": optional(&lead_id, "The Jornaya LeadiD."),
        "sellers": optional(&sellers, "The sellers named to the consumer."),
        "user_agent": optional(&browser, "The consumer's browser: its User-Agent."),
    }})
}

fn source() -> Json {
    let name = json!({"type": ["string", "number"], "maxLength": SOURCE_LENGTH_MAX});
    json!({"type": "object", "properties": {
        "sub_id": optional(&name, "Your sub-source; buyers see a pseudonym."),
        "click_id": optional(&name, "Your click id; never leaves the exchange."),
    }})
}

/// A value that may also be blank.
fn optional(value: &Json, description: &str) -> Json {
    json!({"anyOf": [value, reference("blank")], "description": description})
}

fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/$defs/{name}")})
}

/// The types that several fields share.
fn definitions() -> Json {
    let codes: Vec<&str> = STATES.iter().map(|(code, _)| *code).collect();
    let lower: Vec<String> = codes.iter().map(|code| spelling(code)).collect();
    let truths = format!("^{PAD}(?:{}|{}){PAD}$", any_case(&TRUE), any_case(&FALSE));
    json!({
        "blank": {"type": ["string", "null"], "pattern": format!("^{PAD}$"),
            "description": "Null and empty texts count as absent."},
        "phone": {"type": "string", "minLength": 10, "maxLength": PHONE_LENGTH_MAX,
            "pattern": r"^[0-9+().\-/ \t\r\n]+$",
            "description": "A US telephone number of a person, such as +12145557312."},
        "email": {"type": "string", "maxLength": EMAIL_LENGTH_MAX, "pattern": ".@.+[.].",
            "description": "An e-mail address."},
        "state": {"description": "A USPS code, or the state's full name.", "anyOf": [
            {"enum": codes},
            {"type": "string", "maxLength": STATE_LENGTH_MAX,
             "pattern": format!("^{PAD}(?:{}|[A-Za-z][A-Za-z ]{{2,}}[A-Za-z]){PAD}$",
                                lower.join("|"))},
        ]},
        "zip": {"type": "string", "pattern": format!("^{PAD}[0-9]{{5}}(?:-?[0-9]{{4}})?{PAD}$"),
            "description": "A ZIP code as a text: five digits, or ZIP+4."},
        "date": {"type": "string",
            "pattern": format!("^{PAD}(?:[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|\
                                [0-9]{{1,2}}/[0-9]{{1,2}}/[0-9]{{4}}){PAD}$"),
            "description": "A date: 1957-03-02 or, month first, 03/02/1957."},
        "instant": {"type": "string",
            "pattern": format!(r"^{PAD}[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]{{1,9}})?(?:[Zz]|[+-][0-9]{{2}}:[0-9]{{2}}){PAD}$"),
            "description": "An RFC 3339 time with an offset, such as 2026-11-23T14:00:00Z."},
        "boolean": {"description": "True or false, or a usual spelling of either.", "anyOf": [
            {"type": "boolean"}, {"enum": [0, 1]}, {"type": "string", "pattern": truths},
        ]},
    })
}

#[cfg(test)]
mod tests;
