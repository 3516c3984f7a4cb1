//! Conditions as a profile writes them: `{ "$.status" = "success", price = { above = 0 } }`.

use super::super::condition::{Comparison, Condition, Word};
use super::super::limits::{COMPARISONS_MAX, CONDITION_DEPTH_MAX};
use super::super::number;
use super::super::operator::Operator;
use super::super::source::{Origin, SourceId};
use super::Compiler;
use crate::integration::section::{At, Entry, Literal, Section};

impl Compiler<'_, '_> {
    /// Compiles a table of what must hold; `None` if it has a fault.
    pub(super) fn condition(&mut self, entry: Entry<'_>) -> Option<Condition> {
        self.nested(entry, 0)
    }

    fn nested(&mut self, entry: Entry<'_>, depth: usize) -> Option<Condition> {
        let table = entry.into_section(self.faults)?;
        if depth > CONDITION_DEPTH_MAX {
            self.error(table.place(), "conditions stand too deep in each other", "flatten them");
            return None;
        }
        let place = At { value: (), at: table.place().at, path: table.place().path.to_owned() };
        let entries = table.into_entries();
        if entries.is_empty() {
            let hint = "write { \"$.status\" = \"success\" }, or leave `when` out for all replies";
            self.error(place.place(), "the condition is empty", hint);
            return None;
        }
        let (mut all, mut is_whole) = (Vec::new(), true);
        for (key, entry) in entries {
            let part = match key.value.as_str() {
                "any" => self.alternatives(entry, depth).map(Condition::Any),
                "all" => self.alternatives(entry, depth).map(Condition::All),
                "not" => self.nested(entry, depth + 1).map(|not| Condition::Not(Box::new(not))),
                _ => self.compared(&key, entry),
            };
            is_whole &= part.is_some();
            all.extend(part);
        }
        match all.len() {
            _ if !is_whole => None,
            1 => all.pop(),
            _ => Some(Condition::All(all)),
        }
    }

    fn alternatives(&mut self, entry: Entry<'_>, depth: usize) -> Option<Vec<Condition>> {
        let list = entry.into_list(self.faults)?;
        if list.value.is_empty() {
            self.error(list.place(), "an empty list", "write at least one table in it");
            return None;
        }
        let each: Vec<_> =
            list.value.into_iter().map(|entry| self.nested(entry, depth + 1)).collect();
        each.into_iter().collect()
    }

    fn compared(&mut self, key: &At<String>, entry: Entry<'_>) -> Option<Condition> {
        self.comparisons += 1;
        if self.comparisons > COMPARISONS_MAX {
            let message = format!("more than {COMPARISONS_MAX} comparisons in one rule");
            self.error(key.place(), &message, "write several rules");
            return None;
        }
        let source = self.spelled(key);
        let comparisons = self.comparisons(source, entry)?;
        Some(Condition::Source(source?, comparisons))
    }

    fn comparisons(
        &mut self,
        source: Option<SourceId>,
        entry: Entry<'_>,
    ) -> Option<Vec<Comparison>> {
        if entry.is_list() {
            return Some(vec![Comparison::Is(self.words(source, entry)?)]);
        }
        if !entry.is_table() {
            let word = self.word(source, entry)?;
            return Some(vec![Comparison::Is(vec![word])]);
        }
        let mut table = entry.into_section(self.faults)?;
        let comparisons = self.operators(source, &mut table);
        // What is left of the table is told below as unknown.
        if comparisons.is_empty() && table.is_empty() {
            let hint = "write { is = \"word\" }, { present = true }, { above = 0 } or another one";
            self.error(table.place(), "nothing is compared", hint);
        }
        let is_whole = !comparisons.is_empty() && comparisons.iter().all(Option::is_some);
        table.finish(self.faults);
        if is_whole { comparisons.into_iter().collect() } else { None }
    }

    /// Every comparison of a table, `None` for one that has a fault.
    fn operators(
        &mut self,
        source: Option<SourceId>,
        table: &mut Section<'_>,
    ) -> Vec<Option<Comparison>> {
        let mut all = Vec::new();
        for (key, is_list, is_not) in [
            ("is", false, false),
            ("in", true, false),
            ("is_not", false, true),
            ("not_in", true, true),
        ] {
            if let Some(entry) = table.take(key) {
                let words = match is_list {
                    true => self.words(source, entry),
                    false => self.word(source, entry).map(|word| vec![word]),
                };
                all.push(words.map(|words| match is_not {
                    true => Comparison::IsNot(words),
                    false => Comparison::Is(words),
                }));
            }
        }
        for (key, comparison) in [
            ("exactly", Comparison::Exactly as fn(Vec<Box<str>>) -> Comparison),
            ("contains", Comparison::Contains),
            ("starts_with", Comparison::StartsWith),
        ] {
            if let Some(entry) = table.take(key) {
                let texts = entry.into_texts(self.faults);
                let texts: Vec<Box<str>> =
                    texts.into_iter().map(|text| text.value.into()).collect();
                all.push((!texts.is_empty()).then(|| comparison(texts)));
            }
        }
        if let Some(pattern) = table.text("matches", self.faults) {
            all.push(self.pattern(&pattern).map(Comparison::Matches));
        }
        if let Some(present) = table.boolean("present", self.faults) {
            all.push(Some(Comparison::Present(present.value)));
        }
        for (key, operator) in [
            ("above", Operator::More),
            ("at_least", Operator::AtLeast),
            ("below", Operator::Less),
            ("at_most", Operator::AtMost),
        ] {
            if let Some(entry) = table.take(key) {
                let number = self.number(entry);
                all.push(number.map(|number| Comparison::Number(operator, number)));
            }
        }
        all
    }

    fn words(&mut self, source: Option<SourceId>, entry: Entry<'_>) -> Option<Vec<Word>> {
        let list = entry.into_list(self.faults)?;
        if list.value.is_empty() {
            self.error(list.place(), "an empty list", "write at least one word in it");
            return None;
        }
        let words: Vec<_> = list.value.into_iter().map(|entry| self.word(source, entry)).collect();
        words.into_iter().collect()
    }

    fn word(&mut self, source: Option<SourceId>, entry: Entry<'_>) -> Option<Word> {
        let literal = entry.into_literal(self.faults)?;
        let is_status =
            source.is_some_and(|source| matches!(self.sources.list[source].origin, Origin::Status));
        Some(match &literal.value {
            Literal::Number(digits) => Word::Number(digits.as_str().into()),
            Literal::Text(text) if is_status => match hundreds(text) {
                Some(hundreds) => Word::Hundreds(hundreds),
                None => {
                    let hint = "write a number such as 201, or \"4xx\"";
                    self.error(literal.place(), "not an HTTP status", hint);
                    return None;
                }
            },
            literal => Word::Text(literal.as_text().trim().into()),
        })
    }

    fn number(&mut self, entry: Entry<'_>) -> Option<Box<str>> {
        let literal = entry.into_literal(self.faults)?;
        let text = literal.value.as_text();
        if number::compare(text, "0").is_some() {
            return Some(text.into());
        }
        self.error(literal.place(), "not a number", "write a number such as 0 or \"12.50\"");
        None
    }
}

/// `4xx`.
fn hundreds(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [digit @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => Some(digit - b'0'),
        _ => None,
    }
}
