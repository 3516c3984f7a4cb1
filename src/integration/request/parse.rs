//! Values as a profile writes them.

use std::sync::Arc;

use super::super::fault::{Faults, Place};
use super::super::section::{At, Entry, Section};
use super::condition::Condition;
use super::node::{Kind, Missing, Origin, Piece, Value};
use super::source::{Source, Vocabulary};
use super::step::{STEP_KEYS, Step, parse_steps};
use super::template::Template;
use super::terms::Terms;

/// The most values, objects and lists of one profile.
const PARTS_MAX: usize = 4_000;

/// How deep values and objects may stand in each other.
const DEPTH_MAX: usize = 24;

/// Compiles the requests of one profile.
pub(in crate::integration) struct Parser<'p, 't> {
    pub(in crate::integration) terms: &'p Terms,
    pub(in crate::integration) faults: &'p mut Faults<'t>,
    parts: usize,
    depth: usize,
}

impl<'p, 't> Parser<'p, 't> {
    pub(in crate::integration) const fn new(terms: &'p Terms, faults: &'p mut Faults<'t>) -> Self {
        Self { terms, faults, parts: 0, depth: 0 }
    }

    /// Goes one step deeper for `inner`, unless that is too deep or too much.
    pub(super) fn deeper<T>(
        &mut self,
        place: Place<'_>,
        inner: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        self.parts += 1;
        if self.parts > PARTS_MAX || self.depth >= DEPTH_MAX {
            if self.parts <= PARTS_MAX + 1 {
                let limits = format!("at most {PARTS_MAX} parts, {DEPTH_MAX} deep");
                self.faults.error(place, format!("a profile has {limits}"));
            }
            return None;
        }
        self.depth += 1;
        let made = inner(self);
        self.depth -= 1;
        made
    }

    /// A source by its name.
    pub(super) fn source(&mut self, text: At<String>) -> Option<At<Source>> {
        let source =
            Source::parse_in(self.terms.vocabulary, &text.value, text.place(), self.faults)?;
        Some(text.map(|_| source))
    }

    /// The source under a key.
    pub(super) fn source_at(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<At<Source>> {
        let text = section.text(key, self.faults)?;
        self.source(text)
    }

    /// A condition under `when`.
    pub(super) fn when(&mut self, section: &mut Section<'_>) -> Option<Condition> {
        Condition::parse(section.take("when")?, self.terms, self.faults)
    }

    /// What becomes of missing values, under `missing`.
    pub(super) fn missing(&mut self, section: &mut Section<'_>) -> Option<Missing> {
        let words = [("omit", Missing::Omit), ("null", Missing::Null), ("empty", Missing::Empty)];
        section.word("missing", &words, self.faults).map(|missing| missing.value)
    }

    /// A whole value: a source's name, or a table that is read to its end.
    pub(super) fn value(&mut self, entry: Entry<'_>) -> Option<Value> {
        let (at, path) = (entry.place().at, entry.place().path.to_owned());
        self.deeper(Place { at, path: &path }, |parser| {
            if entry.is_text() {
                let text = entry.into_text(parser.faults)?;
                let source = parser.source(text)?;
                return Some(Value::of(Origin::Source(source)));
            }
            if !entry.is_table() {
                let literal = entry.into_literal(parser.faults)?;
                parser.faults.error_with(
                    literal.place(),
                    "a constant stands where a source is meant",
                    format!("write {{ value = {} }}", literal.value.as_text()),
                );
                return None;
            }
            let mut section = entry.into_section(parser.faults)?;
            let value = parser.value_in(&mut section);
            section.finish(parser.faults);
            value
        })
    }

    /// The value that the keys of a table make; other keys are left in it.
    pub(super) fn value_in(&mut self, section: &mut Section<'_>) -> Option<Value> {
        self.check_bounds(section);
        let origin = self.origin(section);
        let steps = parse_steps(section, self.terms, self.faults);
        let default = section.take("default").and_then(|entry| entry.into_literal(self.faults));
        let kinds = [("text", Kind::Text), ("number", Kind::Number), ("boolean", Kind::Boolean)];
        let kind = section.word("as", &kinds, self.faults);
        let required = section.boolean("required", self.faults);
        let when = self.when(section);
        let origin = origin?;
        let is_map_over_two = matches!(steps.first(), Some(Step::Map(map)) if map.is_over_two());
        if matches!(origin, Origin::Pair(..)) != is_map_over_two {
            self.faults.error_with(
                section.place(),
                "two sources stand beside a map over two values, and only there",
                "write from = [\"first\", \"second\"] and [value_maps.name.VALUE] tables",
            );
            return None;
        }
        if !matches!(origin, Origin::Source(_) | Origin::Pair(..)) {
            self.check_steps_after(&origin, &steps, section.place());
        }
        Some(Value {
            origin,
            steps,
            default: default.map(|default| default.value),
            kind: kind.map(|kind| kind.value),
            is_required: required.is_some_and(|required| required.value),
            keeps_unread: self.terms.vocabulary == Vocabulary::Vendor,
            when,
        })
    }

    /// A number is bounded by `clamp`, and the items of a list by `at_most` beside `each`.
    pub(super) fn check_bounds(&mut self, section: &mut Section<'_>) {
        for key in ["at_least", "at_most"] {
            if !section.has(key) {
                continue;
            }
            let Some(entry) = section.take(key) else { continue };
            let hint = format!(
                "write clamp = {{ {key} = .. }} to bound a number, when = {{ from = \"..\", {key} = .. }} \
                 to send it only then, or `at_most` beside `each`"
            );
            self.faults.error_with(entry.place(), format!("`{key}` bounds nothing here"), hint);
        }
    }

    /// A constant needs no steps: it can be written as it shall be.
    fn check_steps_after(&mut self, origin: &Origin, steps: &[Step], place: Place<'_>) {
        if matches!(origin, Origin::Constant(_)) && !steps.is_empty() {
            self.faults.error(place, "a constant is written as it shall be sent, without steps");
        }
    }

    fn origin(&mut self, section: &mut Section<'_>) -> Option<Origin> {
        let place = (section.place().at, section.place().path.to_owned());
        let place = Place { at: place.0, path: &place.1 };
        let mut origins = Vec::new();
        let mut is_broken = false;
        let mut keep = |found: Option<Option<Origin>>| match found {
            Some(Some(origin)) => origins.push(origin),
            Some(None) => is_broken = true,
            None => {}
        };
        keep(section.take("from").map(|entry| self.from(entry)));
        let constant = section.take("value");
        keep(constant.map(|entry| {
            entry.into_literal(self.faults).map(|literal| Origin::Constant(literal.value))
        }));
        keep(section.take("text").map(|entry| self.text(entry)));
        keep(section.take("first").map(|entry| self.first(entry)));
        keep(section.take("months").map(|entry| self.months(entry)));
        keep(section.take("template").map(|entry| self.template(entry)));
        let document = section.has("document");
        keep(
            document
                .then(|| self.document_in(section, "document"))
                .map(|document| document.map(|document| Origin::Document(Box::new(document)))),
        );
        match (origins.pop(), origins.is_empty(), is_broken) {
            (Some(origin), true, _) => Some(origin),
            (None, _, true) => None,
            (None, _, false) => {
                self.faults.error_with(
                    place,
                    "nothing says where the value comes from",
                    "write one of from, value, text, first, months, document, template",
                );
                None
            }
            (Some(_), false, _) => {
                self.faults.error(
                    place,
                    "only one of from, value, text, first, months, document, template can stand here",
                );
                None
            }
        }
    }

    fn from(&mut self, entry: Entry<'_>) -> Option<Origin> {
        if entry.is_text() {
            let text = entry.into_text(self.faults)?;
            return self.source(text).map(Origin::Source);
        }
        let (at, path) = (entry.place().at, entry.place().path.to_owned());
        let mut names = entry.into_texts(self.faults).into_iter();
        match (names.next(), names.next(), names.next()) {
            (Some(first), Some(second), None) => {
                let (first, second) = (self.source(first), self.source(second));
                Some(Origin::Pair(first?, second?))
            }
            _ => {
                let message = "one source stands here, or two for a map over two values";
                self.faults.error(Place { at, path: &path }, message);
                None
            }
        }
    }

    /// A text with sources in braces.
    fn text(&mut self, entry: Entry<'_>) -> Option<Origin> {
        let text = entry.into_text(self.faults)?;
        self.pieces(&text).map(Origin::Text)
    }

    /// The pieces of a text; `{{` is a brace.
    pub(super) fn pieces(&mut self, text: &At<String>) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        let (mut plain, mut rest) = (String::new(), text.value.as_str());
        while let Some(brace) = rest.find(['{', '}']) {
            plain.push_str(&rest[..brace]);
            let after = &rest[brace + 1..];
            if after.starts_with(&rest[brace..=brace]) {
                plain.push_str(&rest[brace..=brace]);
                rest = &after[1..];
                continue;
            }
            let end = after.find('}').filter(|_| rest[brace..].starts_with('{'));
            let Some(end) = end else {
                self.faults.error_with(
                    text.place(),
                    "a brace without its other half",
                    "write {source}, and {{ or }} for a brace itself",
                );
                return None;
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            let name = At { value: after[..end].to_owned(), at: text.at, path: text.path.clone() };
            pieces.push(Piece::Source(self.source(name)?));
            rest = &after[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Some(pieces)
    }

    fn first(&mut self, entry: Entry<'_>) -> Option<Origin> {
        let list = entry.into_list(self.faults)?;
        let count = list.value.len();
        let (at, path) = (list.at, list.path);
        let values: Vec<Value> =
            list.value.into_iter().filter_map(|entry| self.value(entry)).collect();
        if count == 0 {
            self.faults.error(Place { at, path: &path }, "the list is empty");
        }
        (values.len() == count && count > 0).then_some(Origin::First(values))
    }

    fn months(&mut self, entry: Entry<'_>) -> Option<Origin> {
        let mut section = entry.into_section(self.faults)?;
        let years = self.source_at(&mut section, "years");
        let months = self.source_at(&mut section, "months");
        if years.is_none() || months.is_none() {
            self.faults.error_with(
                section.place(),
                "months are made of years and months",
                "write months = { years = \"source\", months = \"source\" }",
            );
        }
        section.finish(self.faults);
        Some(Origin::Months { years: years?, months: months? })
    }

    fn template(&mut self, entry: Entry<'_>) -> Option<Origin> {
        if self.terms.vocabulary != Vocabulary::Buyer {
            self.faults
                .error(entry.place(), "there are no templates for what vendors send and get");
            return None;
        }
        let text = entry.into_text(self.faults)?;
        let template = Template::compile(&text, None, self.faults)?;
        Some(Origin::Template(Arc::new(template)))
    }
}

impl Value {
    /// A value without steps.
    pub(super) const fn of(origin: Origin) -> Self {
        Self {
            origin,
            steps: Vec::new(),
            default: None,
            kind: None,
            is_required: false,
            keeps_unread: false,
            when: None,
        }
    }
}

/// Whether a table makes a value, by its keys.
pub(super) fn is_value(section: &Section<'_>) -> bool {
    let origins = ["from", "value", "text", "first", "months", "template", "document"];
    origins.iter().chain(STEP_KEYS.iter()).any(|key| section.has(key))
}
