//! A buyer's own words for the record, without the person they may be about.
//!
//! A buyer explains itself in free text and may repeat what it was sent. A decision record holds
//! nothing of a consumer, so every word that could be of the lead is left out before it is kept.

use std::collections::BTreeSet;

use crate::domain::lead::{Fields, Lead, Value};
use crate::domain::pii::Pii;
use crate::domain::vertical::{PiiClass, Vertical};

/// Stands for what was left out.
const LEFT_OUT: &str = "[..]";
/// From so many letters on a value of the lead is looked for within words, too.
const INNER_LENGTH_MIN: usize = 4;
/// A word with so many digits may be a number of the person, a date or a code.
const DIGITS_MIN: usize = 3;
/// The longest text that is kept, in characters.
const CHARACTERS_MAX: usize = 200;

/// The words as a record may keep them; `None` if nothing is left.
#[must_use]
pub fn without_person(words: &Pii<String>, lead: &Lead, vertical: &Vertical) -> Option<String> {
    without(&known_words(lead.fields.expose(), vertical), words.expose())
}

/// Every word of the lead's texts, in small letters, but of fields that say nothing of a person.
fn known_words(fields: &Fields, vertical: &Vertical) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for (name, value) in fields.iter() {
        let is_open = vertical.field(name).is_some_and(|field| field.pii == PiiClass::None);
        if !is_open || matches!(value, Value::List(_)) {
            add_words(value, &mut known);
        }
    }
    known
}

fn add_words(value: &Value, known: &mut BTreeSet<String>) {
    match value {
        Value::Text(text) => known.extend(parts(&text.to_lowercase()).map(str::to_owned)),
        Value::List(items) => {
            for (_, value) in items.iter().flat_map(Fields::iter) {
                add_words(value, known);
            }
        }
        // Numbers and dates go by their digits; true and false are nobody's.
        _ => {}
    }
}

/// The runs of letters and digits of a text, single letters apart.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|sign: char| !sign.is_alphanumeric());
    parts.filter(|part| part.chars().nth(1).is_some())
}

fn without(known: &BTreeSet<String>, words: &str) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    for word in words.split_whitespace() {
        match is_of_lead(known, word) {
            false => kept.push(word),
            true if kept.last() == Some(&LEFT_OUT) => {}
            true => kept.push(LEFT_OUT),
        }
    }
    let says_something = kept.iter().any(|word| *word != LEFT_OUT);
    says_something.then(|| kept.join(" ").chars().take(CHARACTERS_MAX).collect())
}

fn is_of_lead(known: &BTreeSet<String>, word: &str) -> bool {
    let digits = word.chars().filter(|sign| sign.is_numeric()).count();
    let lower = word.to_lowercase();
    digits >= DIGITS_MIN
        || word.contains('@')
        || word.contains("://")
        || parts(&lower).any(|part| known.contains(part))
        || known.iter().any(|known| {
            known.chars().count() >= INNER_LENGTH_MIN && lower.contains(known.as_str())
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_reason_is_kept_without_what_the_lead_says() {
        let vertical: Vertical = serde_json::from_value(serde_json::json!({
            "id": "t", "name": "T", "field": [
                {"name": "first_name", "type": "name", "pii": "contact"},
                {"name": "last_name", "type": "name", "pii": "contact"},
                {"name": "city", "type": "text"},
                {"name": "roof", "type": "enum", "values": ["flat"], "pii": "none"},
                {"name": "drivers", "type": "list", "pii": "none", "item": [
                    {"name": "name", "type": "name", "pii": "contact"}]}
            ]
        }))
        .unwrap();
        let mut driver = Fields::new();
        driver.push(Arc::from("name"), Value::Text("Tom O'Hara".to_owned()));
        let mut fields = Fields::new();
        for (name, text) in
            [("first_name", "Grace"), ("last_name", "Li"), ("city", "St. Paul"), ("roof", "flat")]
        {
            fields.push(Arc::from(name), Value::Text(text.to_owned()));
        }
        fields.push(Arc::from("drivers"), Value::List(vec![driver]));
        let known = known_words(&fields, &vertical);
        let check = |words: &str, expect: Option<&str>| {
            assert_eq!(without(&known, words).as_deref(), expect, "{words}");
        };
        check("Duplicate lead", Some("Duplicate lead"));
        check("we take no flat roofs", Some("we take no flat roofs"));
        check("GRACE Li: duplicate", Some("[..] duplicate"));
        check("duplicate of graceli (Paul)", Some("duplicate of [..]"));
        check("phone 214-555-7312 is known", Some("phone [..] is known"));
        check("zip 75201, older than 30 days", Some("zip [..] older than 30 days"));
        check("mail to a@b.example or https://b.example/x", Some("mail to [..] or [..]"));
        check("driver o'hara", Some("driver [..]"));
        check("Grace Li", None);
        check("", None);
        check(&"ab ".repeat(200), Some(&"ab ".repeat(67)[..200]));
    }
}
