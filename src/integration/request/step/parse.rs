//! Steps as a profile writes them.

use std::collections::BTreeMap;

use super::super::super::fault::{Faults, Place};
use super::super::super::nearest::hint;
use super::super::super::section::{At, Entry, Literal, Section};
use super::super::condition::parse_number;
use super::super::date::DatePattern;
use super::super::source::Vocabulary;
use super::super::terms::Terms;
use super::{Algorithm, Case, DigitPattern, EmailPart, Step, Unit};
use crate::domain::decimal::Decimal;

/// The keys of steps in the order in which they are taken.
pub(in crate::integration) const STEP_KEYS: [&str; 20] = [
    "count",
    "sum",
    "join",
    "since",
    "times",
    "divided_by",
    "clamp",
    "map",
    "bands",
    "email",
    "phone",
    "digits",
    "date",
    "decimals",
    "cents",
    "boolean",
    "case",
    "max_chars",
    "hash",
    "unmapped",
];

/// Steps of which one at most can be taken: what comes out of it is nothing for another.
const EXCLUSIVE: [&[&str]; 2] =
    [&["count", "sum", "join"], &["email", "phone", "date", "boolean", "decimals", "cents"]];

/// The most words of one map.
const MAP_WORDS_MAX: usize = 5_000;

/// Words for words, over one value or over two.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::integration) enum ValueMap {
    /// By one value.
    One {
        /// What is written for each value.
        words: BTreeMap<String, Literal>,
        /// Whether other values are written as they are.
        keeps: bool,
    },
    /// By a value and a second one beside it.
    Two {
        /// What is written for each pair of values.
        words: BTreeMap<String, BTreeMap<String, Literal>>,
        /// Whether other values are written as they are.
        keeps: bool,
    },
}

impl ValueMap {
    /// Whether other values are written as they are.
    pub(in crate::integration) const fn keeps_unmapped(&self) -> bool {
        match self {
            Self::One { keeps, .. } | Self::Two { keeps, .. } => *keeps,
        }
    }

    fn keeping(mut self) -> Self {
        match &mut self {
            Self::One { keeps, .. } | Self::Two { keeps, .. } => *keeps = true,
        }
        self
    }

    /// Whether it goes by two values.
    pub(in crate::integration) const fn is_over_two(&self) -> bool {
        matches!(self, Self::Two { .. })
    }

    /// The values that have a word, of the first where there are two.
    pub(in crate::integration) fn values(&self) -> Vec<&str> {
        match self {
            Self::One { words, .. } => words.keys().map(String::as_str).collect(),
            Self::Two { words, .. } => words.keys().map(String::as_str).collect(),
        }
    }

    /// Reads a table of words, or of tables of words.
    fn parse(section: Section<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let (at, path) = (section.place().at, section.place().path.to_owned());
        let place = Place { at, path: &path };
        let (mut one, mut two) = (BTreeMap::new(), BTreeMap::new());
        for (name, entry) in section.into_entries() {
            if entry.is_table() {
                let inner = entry.into_section(faults)?;
                let words = words(inner, faults);
                two.insert(name.value, words);
            } else if let Some(literal) = entry.into_literal(faults) {
                one.insert(name.value, literal.value);
            }
        }
        match (one.is_empty(), two.is_empty()) {
            (true, true) => faults.error(place, "a map has at least one value"),
            (false, false) => faults.error(
                place,
                "a map has a word for each value, or a table for each value, not both",
            ),
            _ if one.len() + two.len() > MAP_WORDS_MAX => {
                faults.error(place, format!("a map has at most {MAP_WORDS_MAX} values"));
            }
            (false, true) => return Some(Self::One { words: one, keeps: false }),
            (true, false) => return Some(Self::Two { words: two, keeps: false }),
        }
        None
    }
}

fn words(section: Section<'_>, faults: &mut Faults<'_>) -> BTreeMap<String, Literal> {
    let entries = section.into_entries().into_iter();
    entries
        .filter_map(|(name, entry)| Some((name.value, entry.into_literal(faults)?.value)))
        .collect()
}

/// Reads `[value_maps]`: maps that fields use by name.
pub(in crate::integration) fn parse_maps(
    section: Section<'_>,
    faults: &mut Faults<'_>,
) -> BTreeMap<String, ValueMap> {
    let mut maps = BTreeMap::new();
    for (name, entry) in section.into_entries() {
        let Some(inner) = entry.into_section(faults) else { continue };
        if let Some(map) = ValueMap::parse(inner, faults) {
            maps.insert(name.value, map);
        }
    }
    maps
}

/// Takes the steps out of a field's table, in their order.
pub(in crate::integration) fn parse_steps(
    section: &mut Section<'_>,
    terms: &Terms,
    faults: &mut Faults<'_>,
) -> Vec<Step> {
    check_exclusive(section, faults);
    let mut steps = Vec::new();
    if let Some(count) = section.boolean("count", faults)
        && count.value
    {
        steps.push(Step::Count);
    }
    steps.extend(section.text("sum", faults).map(|name| Step::Sum(name.value)));
    steps.extend(section.text("join", faults).map(|between| Step::Join(between.value)));
    let units = [
        ("years", Unit::Years),
        ("months", Unit::Months),
        ("days", Unit::Days),
        ("seconds", Unit::Seconds),
    ];
    steps.extend(section.word("since", &units, faults).map(|unit| Step::Since(unit.value)));
    steps.extend(section.integer("times", 1..1_000_001, faults).map(|by| Step::Times(by.value)));
    let by = section.integer("divided_by", 1..1_000_001, faults);
    steps.extend(by.map(|by| Step::DividedBy(by.value)));
    steps.extend(section.table("clamp", faults).and_then(|table| clamp(table, faults)));
    steps.extend(map_step(section, terms, faults));
    steps.extend(section.table("bands", faults).and_then(|table| bands(table, faults)));
    written(section, terms, &mut steps, faults);
    let cases = [("upper", Case::Upper), ("lower", Case::Lower), ("title", Case::Title)];
    steps.extend(section.word("case", &cases, faults).map(|case| Step::Case(case.value)));
    let max = section.integer("max_chars", 1..10_001, faults);
    steps.extend(max.and_then(|max| Some(Step::MaxChars(usize::try_from(max.value).ok()?))));
    let algorithms =
        [("md5", Algorithm::Md5), ("sha1", Algorithm::Sha1), ("sha256", Algorithm::Sha256)];
    steps.extend(section.word("hash", &algorithms, faults).map(|hash| Step::Hash(hash.value)));
    steps
}

fn check_exclusive(section: &Section<'_>, faults: &mut Faults<'_>) {
    for keys in EXCLUSIVE {
        let there: Vec<&str> = keys.iter().copied().filter(|key| section.has(key)).collect();
        if let [first, second, ..] = there[..] {
            let message = format!("`{first}` and `{second}` do not go together");
            faults.error_with(section.place(), message, "leave one of them out");
        }
    }
}

fn clamp(mut section: Section<'_>, faults: &mut Faults<'_>) -> Option<Step> {
    let is_empty = !section.has("at_least") && !section.has("at_most");
    let from = parse_number(section.take("at_least"), faults);
    let to = parse_number(section.take("at_most"), faults);
    let is_crossed = from.is_some_and(|from| to.is_some_and(|to| to < from));
    // A misspelt bound is told below.
    if is_empty && section.is_empty() || is_crossed {
        let message = if is_empty { "no bound is named" } else { "no number is within the bounds" };
        let hint = "write clamp = { at_least = 0, at_most = 100 }, or one of the two";
        faults.error_with(section.place(), message, hint);
    }
    section.finish(faults);
    Some(Step::Clamp(from, to))
}

/// The steps that say how a value of a certain type is written.
fn written(
    section: &mut Section<'_>,
    terms: &Terms,
    steps: &mut Vec<Step>,
    faults: &mut Faults<'_>,
) {
    let reads = terms.vocabulary == Vocabulary::Vendor;
    for key in ["email", "phone", "cents"].into_iter().filter(|key| reads && section.has(key)) {
        let message = format!("`{key}` is a step of what is sent; this is read as it comes");
        faults.error(section.place(), message);
    }
    let parts = [("domain", EmailPart::Domain), ("local", EmailPart::Local)];
    steps.extend(section.word("email", &parts, faults).map(|part| Step::Email(part.value)));
    steps.extend(section.text("phone", faults).and_then(|text| phone(&text, faults)));
    steps.extend(section.text("digits", faults).and_then(|text| digits(&text, faults)));
    if let Some(text) = section.text("date", faults) {
        match DatePattern::parse(&text.value, &terms.zone) {
            Ok(pattern) if reads => steps.push(Step::ReadDate(pattern)),
            Ok(pattern) => steps.push(Step::Date(pattern)),
            Err(message) => faults.error(text.place(), message),
        }
    }
    let places = section.integer("decimals", 0..5, faults);
    steps.extend(places.and_then(|places| Some(Step::Decimals(u32::try_from(places.value).ok()?))));
    if let Some(cents) = section.boolean("cents", faults)
        && cents.value
    {
        steps.push(Step::Cents);
    }
    let boolean = section.list("boolean", faults).and_then(|list| boolean(list, faults));
    steps.extend(boolean.map(|step| match step {
        Step::Boolean { yes, no } if reads => Step::ReadBoolean { yes, no },
        step => step,
    }));
}

fn map_step(section: &mut Section<'_>, terms: &Terms, faults: &mut Faults<'_>) -> Option<Step> {
    let keeps = section.word("unmapped", &[("keep", ())], faults);
    let Some(entry) = section.take("map") else {
        if let Some(keeps) = keeps {
            faults.error(keeps.place(), "`unmapped` stands beside a `map` only");
        }
        return None;
    };
    let map = if entry.is_text() {
        let name = entry.into_text(faults)?;
        let Some(map) = terms.maps.get(&name.value) else {
            let known: Vec<&str> = terms.maps.keys().map(String::as_str).collect();
            let hint = hint(&name.value, &known)
                .unwrap_or_else(|| format!("write [value_maps.{}]", name.value));
            let message = format!("there is no map `{}`", name.value);
            faults.error_with(name.place(), message, hint);
            return None;
        };
        map.clone()
    } else {
        ValueMap::parse(entry.into_section(faults)?, faults)?
    };
    Some(Step::Map(if keeps.is_some() { map.keeping() } else { map }))
}

fn bands(section: Section<'_>, faults: &mut Faults<'_>) -> Option<Step> {
    let mut bands = Vec::new();
    for (from, entry) in section.into_entries() {
        let Ok(number) = Decimal::parse(&from.value) else {
            faults.error_with(
                from.place(),
                format!("`{}` is no number", from.value),
                "write the lowest number of each band and its code: { 0 = \"A\", 5000 = \"B\" }",
            );
            continue;
        };
        let literal = entry.into_literal(faults)?;
        bands.push((number, literal.value));
    }
    bands.sort_by_key(|(from, _)| *from);
    (!bands.is_empty()).then_some(Step::Bands(bands))
}

fn phone(text: &At<String>, faults: &mut Faults<'_>) -> Option<Step> {
    let pattern = match text.value.as_str() {
        "e164" => return Some(Step::E164),
        "digits" => DigitPattern::part(0, 10),
        "area" => DigitPattern::part(0, 3),
        "exchange" => DigitPattern::part(3, 3),
        "last4" => DigitPattern::last(4),
        pattern => match DigitPattern::parse(pattern) {
            Ok(pattern) if pattern.is_exactly(10) => pattern,
            _ => {
                faults.error_with(
                    text.place(),
                    "a telephone number has ten digits",
                    "write digits, e164, area, exchange, last4 or a pattern such as `NNN-NNN-NNNN`",
                );
                return None;
            }
        },
    };
    Some(Step::Phone(pattern))
}

fn digits(text: &At<String>, faults: &mut Faults<'_>) -> Option<Step> {
    let last = text.value.strip_prefix("last").and_then(|count| count.parse::<usize>().ok());
    if let Some(count @ 1..=20) = last {
        return Some(Step::Digits(DigitPattern::last(count)));
    }
    match DigitPattern::parse(&text.value) {
        Ok(pattern) => Some(Step::Digits(pattern)),
        Err(message) => {
            faults.error(text.place(), message);
            None
        }
    }
}

fn boolean(list: At<Vec<Entry<'_>>>, faults: &mut Faults<'_>) -> Option<Step> {
    let At { value, at, path } = list;
    let mut words = value.into_iter().filter_map(|entry| entry.into_literal(faults));
    match (words.next(), words.next(), words.next()) {
        (Some(yes), Some(no), None) => Some(Step::Boolean { yes: yes.value, no: no.value }),
        _ => {
            drop(words);
            faults.error_with(
                Place { at, path: &path },
                "two constants stand here, for true and for false",
                "write [\"Y\", \"N\"]",
            );
            None
        }
    }
}
