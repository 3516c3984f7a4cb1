//! Conditions: when a field or a block is part of a request.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::datum::Datum;
use super::super::fault::Faults;
use super::super::nearest::hint;
use super::super::section::{At, Entry, Section};
use super::source::Source;
use super::terms::Terms;
use crate::domain::decimal::Decimal;

/// How deep conditions may stand in each other.
const DEPTH_MAX: usize = 8;

/// A compiled condition.
#[derive(Debug, Clone)]
pub(in crate::integration) enum Condition {
    /// The source has a value that is not false and not empty.
    Has(At<Source>),
    /// The source's value passes a test; a source without a value passes none.
    Is(At<Source>, Test),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

/// A test of one value.
#[derive(Debug, Clone)]
pub(in crate::integration) enum Test {
    /// Its text is one of these.
    In(Arc<BTreeSet<String>>),
    /// Its number is within these, both included.
    Between(Option<Decimal>, Option<Decimal>),
}

impl Condition {
    /// Reads `when = "test"`, `when = "not test"`, or a table.
    pub(in crate::integration) fn parse(
        entry: Entry<'_>,
        terms: &Terms,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        Self::parse_at(entry, terms, 0, faults)
    }

    fn parse_at(
        entry: Entry<'_>,
        terms: &Terms,
        depth: usize,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        if depth > DEPTH_MAX {
            faults.error(entry.place(), "conditions stand too deep in each other");
            return None;
        }
        if entry.is_text() {
            let text = entry.into_text(faults)?;
            let (negated, name) = match text.value.strip_prefix("not ") {
                Some(name) => (true, name),
                None => (false, text.value.as_str()),
            };
            let source = Source::parse_in(terms.vocabulary, name.trim(), text.place(), faults)?;
            let has = Self::has(text.clone().map(|_| source), faults);
            return Some(if negated { Self::Not(Box::new(has)) } else { has });
        }
        let mut section = entry.into_section(faults)?;
        let condition = if section.has("from") {
            Self::parse_test(&mut section, terms, faults)
        } else {
            Self::parse_nodes(&mut section, terms, depth, faults)
        };
        section.finish(faults);
        condition
    }

    fn parse_nodes(
        section: &mut Section<'_>,
        terms: &Terms,
        depth: usize,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        let mut nodes = Vec::new();
        let inner = |entry, faults: &mut _| Self::parse_at(entry, terms, depth + 1, faults);
        if let Some(list) = section.list("all", faults) {
            let parsed = list.value.into_iter().filter_map(|entry| inner(entry, faults)).collect();
            nodes.push(Self::All(parsed));
        }
        if let Some(list) = section.list("any", faults) {
            let parsed = list.value.into_iter().filter_map(|entry| inner(entry, faults)).collect();
            nodes.push(Self::Any(parsed));
        }
        if let Some(entry) = section.take("not") {
            nodes.extend(inner(entry, faults).map(|node| Self::Not(Box::new(node))));
        }
        // Asked for here only so that a misspelt key is led to it.
        let _ = section.take("from");
        match (nodes.pop(), nodes.is_empty()) {
            (Some(node), true) => Some(node),
            (None, _) => {
                faults.error_with(
                    section.place(),
                    "this is no condition",
                    "write when = \"test\", { from = \"zip\", is = \"75201\" }, or all, any, not",
                );
                None
            }
            (Some(last), false) => {
                nodes.push(last);
                Some(Self::All(nodes))
            }
        }
    }

    fn parse_test(
        section: &mut Section<'_>,
        terms: &Terms,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        let name = section.text("from", faults)?;
        let source = Source::parse_in(terms.vocabulary, &name.value, name.place(), faults);
        let is = section.take("is").and_then(|entry| entry.into_literal(faults));
        let among = section.list("in", faults);
        let list = section.text("in_list", faults);
        let from = parse_number(section.take("at_least"), faults);
        let to = parse_number(section.take("at_most"), faults);
        let source = name.map(|_| ()).map(|()| source);
        let source = At { value: source.value?, at: source.at, path: source.path };
        let mut tests = Vec::new();
        if let Some(is) = is {
            tests.push(Test::In(Arc::new(BTreeSet::from([is.value.as_text().to_owned()]))));
        }
        if let Some(among) = among {
            let words = among.value.into_iter().filter_map(|entry| entry.into_literal(faults));
            tests.push(Test::In(Arc::new(
                words.map(|word| word.value.as_text().to_owned()).collect(),
            )));
        }
        if let Some(list) = list {
            match terms.lists.get(&list.value) {
                Some(words) => tests.push(Test::In(Arc::clone(words))),
                None => {
                    let known: Vec<&str> = terms.lists.keys().map(String::as_str).collect();
                    let hint = hint(&list.value, &known)
                        .unwrap_or_else(|| "write it under [lists]".to_owned());
                    faults.error_with(
                        list.place(),
                        format!("there is no list `{}`", list.value),
                        hint,
                    );
                }
            }
        }
        if from.is_some() || to.is_some() {
            tests.push(Test::Between(from, to));
        }
        let mut tests = tests.into_iter().map(|test| Self::Is(source.clone(), test));
        match (tests.next(), tests.next()) {
            (None, _) => Some(Self::has(source, faults)),
            (Some(test), None) => Some(test),
            (Some(first), Some(second)) => {
                Some(Self::All([first, second].into_iter().chain(tests).collect()))
            }
        }
    }

    /// Whether it holds, where `read` gives the values of sources.
    pub(in crate::integration) fn holds<'a>(
        &'a self,
        read: &dyn Fn(&'a Source) -> Option<Datum<'a>>,
    ) -> bool {
        match self {
            Self::Has(source) => read(&source.value).is_some_and(|value| value.is_truthy()),
            Self::Is(source, test) => read(&source.value).is_some_and(|value| test.passes(value)),
            Self::All(nodes) => nodes.iter().all(|node| node.holds(read)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(read)),
            Self::Not(node) => !node.holds(read),
        }
    }

    /// Every source that is asked, with the test that is made of it.
    pub(in crate::integration) fn tests(&self) -> Vec<(&At<Source>, Option<&Test>)> {
        match self {
            Self::Has(source) => vec![(source, None)],
            Self::Is(source, test) => vec![(source, Some(test))],
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().flat_map(Self::tests).collect(),
            Self::Not(node) => node.tests(),
        }
    }

    /// The condition that a source has a value; noted where it always has one.
    fn has(source: At<Source>, faults: &mut Faults<'_>) -> Self {
        if let Some(hint) = source.value.always_there() {
            let message = "it always has a value, so that the condition always holds";
            faults.warning(source.place(), message, Some(hint.to_owned()));
        }
        Self::Has(source)
    }
}

impl Test {
    fn passes(&self, value: Datum<'_>) -> bool {
        match self {
            Self::In(words) => value.into_text().is_some_and(|text| words.contains(&*text)),
            Self::Between(from, to) => value.to_decimal().is_some_and(|number| {
                from.is_none_or(|from| from <= number) && to.is_none_or(|to| number <= to)
            }),
        }
    }
}

/// A number that something is held against.
pub(super) fn parse_number(entry: Option<Entry<'_>>, faults: &mut Faults<'_>) -> Option<Decimal> {
    let literal = entry?.into_literal(faults)?;
    match Decimal::parse(literal.value.as_text()) {
        Ok(number) => Some(number),
        Err(_) => {
            faults.error(literal.place(), "a number with at most four decimals stands here");
            None
        }
    }
}
