//! Leads that could be real and are nobody's: for the demo, load, tests and the posting spec.
//!
//! The same vertical and seed always make the same lead, and different seeds make leads with
//! different telephone numbers, so that no duplicate check ever meets two of them. Numbers lie in
//! ranges that pass validation, never 555-01XX, which only tests may use. Nobody answers for what
//! such a number reaches: a sample is for test systems only.

mod person;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde_json::{Map, Value as Json, json};

use super::fields::text::{NAME_LENGTH_DEFAULT, TEXT_LENGTH_DEFAULT, length_max, length_min};
use super::read::lead::{items_max, items_min};
use crate::domain::decimal::Decimal;
use crate::domain::vertical::{Bound, Exposure, Field, FieldType};
use crate::registry::vertical::{CompiledField, CompiledVertical, FieldList};
use person::Person;

/// The instant around which samples stand unless another is given: 2026-01-05T15:00:00Z.
pub const SAMPLE_NOW: Timestamp = Timestamp::constant(1_767_625_200, 0);

/// The most items a sampled list has, if the field allows them.
const ITEMS_MAX: usize = 3;

/// A valid body of a submission, consented to shortly before [`SAMPLE_NOW`].
#[must_use]
pub fn sample(vertical: &CompiledVertical, seed: u64) -> Json {
    sample_at(vertical, seed, SAMPLE_NOW)
}

/// A valid body of a submission, consented to within the hour before `now`.
#[must_use]
pub fn sample_at(vertical: &CompiledVertical, seed: u64, now: Timestamp) -> Json {
    let mut dice = Dice::new(seed);
    let person = Person::draw(&mut dice, seed);
    let consented = now - (60 + i64::try_from(dice.below(3_000)).unwrap_or(0)).seconds();
    let mut draw = Draw { dice, person, today: now.to_zoned_datetime(TimeZone::UTC).date() };
    let lead = draw.fields(vertical.fields());
    json!({
        "vertical": vertical.id(),
        "lead": lead,
        "consent": {
            "text": "By pressing Get my quote I agree to be called and texted, also by automated \
                     means, by the sellers named here. Consent is no condition of purchase.",
            "given_at": consented.to_string(),
            "ip": format!("198.51.100.{}", draw.dice.below(254) + 1),
            "page_url": "https://quotes.example/start",
            "sellers": ["Example Insurance Agency LLC"],
        },
        "source": {"sub_id": format!("sub-{}", draw.dice.below(20))},
    })
}

/// A repeatable source of choices (SplitMix64). It decides nothing that must be secret.
struct Dice(u64);

impl Dice {
    const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including `end`; 0 if `end` is 0.
    fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included; `low` if they stand the other way round.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).saturating_add(1).max(1);
        let offset = self.below(u64::try_from(width).unwrap_or(1));
        low.saturating_add(i64::try_from(offset).unwrap_or(0))
    }

    fn choose<'o, T>(&mut self, options: &'o [T]) -> Option<&'o T> {
        let at = self.below(u64::try_from(options.len()).unwrap_or(0));
        options.get(usize::try_from(at).unwrap_or(0))
    }
}

struct Draw {
    dice: Dice,
    person: Person,
    today: Date,
}

impl Draw {
    fn fields(&mut self, list: &FieldList) -> Json {
        let mut fields = Map::new();
        for compiled in list.as_slice() {
            // Vendors leave out what they need not ask.
            if compiled.field.required || self.dice.below(4) > 0 {
                fields.insert(compiled.field.name.clone(), self.value(compiled));
            }
        }
        Json::Object(fields)
    }

    fn value(&mut self, compiled: &CompiledField) -> Json {
        let field = &compiled.field;
        match field.kind {
            FieldType::Text => json!(self.text(field)),
            FieldType::Name => json!(self.name(field)),
            FieldType::Phone => json!(self.person.phone),
            FieldType::Email => json!(self.person.email),
            FieldType::State => json!(self.person.place.state),
            FieldType::Zip => json!(self.person.place.zip),
            FieldType::Date => json!(self.date(field).to_string()),
            FieldType::Integer => json!(self.number(field)),
            FieldType::Decimal => json!(self.decimal(field)),
            FieldType::Money => json!(self.decimal(field).to_string()),
            FieldType::Boolean => json!(self.dice.below(2) == 1),
            FieldType::Enum => json!(self.choice(field)),
            FieldType::List => self.list(compiled),
        }
    }

    /// Items after the first are other people of the same household.
    fn list(&mut self, compiled: &CompiledField) -> Json {
        let most = items_max(compiled).min(ITEMS_MAX.max(items_min(compiled)));
        let fewest = items_min(compiled).max(1).min(most);
        let many = self.dice.between(fewest as i64, most as i64);
        let first = self.person.clone();
        let items = (0..many).map(|at| {
            if at > 0 {
                self.person = first.relative(&mut self.dice);
            }
            self.fields(&compiled.items)
        });
        let items: Vec<Json> = items.collect();
        self.person = first;
        Json::Array(items)
    }

    fn name(&self, field: &Field) -> String {
        let name = match field.name.as_str() {
            "city" => self.person.place.city,
            name if name.contains("last") => self.person.last_name,
            _ => self.person.first_name,
        };
        fit(field, name, NAME_LENGTH_DEFAULT)
    }

    fn text(&mut self, field: &Field) -> String {
        let text = match (field.name.as_str(), &field.example) {
            ("address", _) => person::street(&mut self.dice),
            (_, Some(Json::String(example))) => example.clone(),
            _ => "As described".to_owned(),
        };
        fit(field, &text, TEXT_LENGTH_DEFAULT)
    }

    fn choice(&mut self, field: &Field) -> String {
        let own = if field.name == "gender" { Some(self.person.gender) } else { None };
        let own = own.and_then(|own| field.values.iter().find(|value| *value == own));
        let value = own.or_else(|| self.dice.choose(&field.values));
        value.cloned().unwrap_or_default()
    }

    /// A date within ten years of the example, or of the middle of the bounds.
    fn date(&mut self, field: &Field) -> Date {
        let example = field.example.as_ref().and_then(|example| example.as_str()?.parse().ok());
        let around: Date = example.unwrap_or(self.today);
        let days = self.dice.between(-3_650, 3_650);
        let mut date = around.saturating_add(days.days());
        if field.exposure == Exposure::AgeBand {
            date = date.min(self.today.saturating_sub(1.day()));
        }
        if let Some(Bound::Date(max)) = field.max {
            date = date.min(max);
        }
        match field.min {
            Some(Bound::Date(min)) => date.max(min),
            _ => date,
        }
    }

    /// A whole number within a half of the example (a year within ten), inside the bounds.
    fn number(&mut self, field: &Field) -> i64 {
        let bound = |bound: Option<Bound>| match bound {
            Some(Bound::Number(number)) => Some(number.ten_thousandths()),
            _ => None,
        };
        // The bounds may fall between whole numbers.
        let min = bound(field.min).map_or(0, |min| -(-min).div_euclid(10_000));
        let max = bound(field.max).map_or(min.saturating_add(1_000), |max| max.div_euclid(10_000));
        let example = field.example.as_ref().and_then(whole_of).unwrap_or(min.midpoint(max));
        let number = match example {
            1_900..=2_100 => self.dice.between(example - 10, example + 4),
            1_000.. => {
                let step = 10_i64.pow(example.ilog10() - 1);
                self.dice.between(example / 2 / step, example / 2 * 3 / step) * step
            }
            0.. => self.dice.between(example / 2, example + example / 2 + 1),
            _ => self.dice.between(min, max),
        };
        number.clamp(min, max.max(min))
    }

    /// A number as [`Self::number`] has it, also if no whole one lies inside the bounds.
    fn decimal(&mut self, field: &Field) -> Decimal {
        let number = Decimal::from_integer(self.number(field)).unwrap_or_default();
        let number = match field.max {
            Some(Bound::Number(max)) => number.min(max),
            _ => number,
        };
        match field.min {
            Some(Bound::Number(min)) => number.max(min),
            _ => number,
        }
    }
}

/// The whole part of an example.
fn whole_of(example: &Json) -> Option<i64> {
    let text = match example {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(Decimal::parse(&text).ok()?.ten_thousandths().div_euclid(10_000))
}

/// The text cut or lengthened to the field's bounds.
fn fit(field: &Field, text: &str, default: usize) -> String {
    let (min, max) = (length_min(field), length_max(field, default));
    let fitted: String = text.chars().take(max).collect();
    let fitted = fitted.trim();
    let missing = min.saturating_sub(fitted.chars().count());
    format!("{fitted}{}", "x".repeat(missing))
}

#[cfg(test)]
mod tests;
