//! JSON paths: the part of RFC 9535 that replies need. `$` (the reply) or `@` (an item), then
//! `.name`, `['name']`, `[0]`, `[-1]`, `[*]`, `.*`, one `..name`, and filters `[?@.a == 'b']`.

use super::filter::{self, Filter};
use super::{Broken, JsonNode, JsonTree};
use crate::integration::reply::limits::{MATCHES_MAX, PATH_STEPS_MAX};
use crate::integration::reply::scanner::{PathFault, Scanner};

/// A path that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath {
    /// Whether it starts at the item at hand (`@`) and not at the whole document (`$`).
    pub is_relative: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Member(Box<str>),
    Item(i64),
    All,
    Descendants,
    Filter(Filter),
}

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, PathFault> {
        let mut scanner = Scanner::new(text)?;
        let is_relative = match scanner.next() {
            Some('$') => false,
            Some('@') => true,
            _ => {
                let hint = "begin with `$` for the whole reply or `@` for the item at hand";
                return Err(PathFault::at(0, "a JSON path begins with `$` or `@`", hint));
            }
        };
        let mut path = Self { is_relative, steps: Vec::new() };
        while !scanner.is_over() {
            path.step(&mut scanner)?;
            if path.steps.len() > PATH_STEPS_MAX {
                return Err(scanner.fault("too many steps", "name fewer places on the way"));
            }
        }
        Ok(path)
    }

    fn step(&mut self, scanner: &mut Scanner<'_>) -> Result<(), PathFault> {
        if scanner.take("..") {
            if self.steps.contains(&Step::Descendants) {
                let hint = "say the way after the first `..` in full";
                return Err(scanner.fault("`..` stands twice", hint));
            }
            self.steps.push(Step::Descendants);
            let step = if scanner.take("[") { bracket(scanner)? } else { name(scanner)? };
            self.steps.push(step);
            return Ok(());
        }
        let step = if scanner.take(".") {
            name(scanner)?
        } else if scanner.take("[") {
            bracket(scanner)?
        } else {
            return Err(scanner.fault("not a step of a JSON path", "write `.name` or `['name']`"));
        };
        self.steps.push(step);
        Ok(())
    }

    /// Whether the path can find more than one place.
    pub fn finds_many(&self) -> bool {
        self.steps.iter().any(|step| !matches!(step, Step::Member(_) | Step::Item(_)))
    }

    /// The places that the path finds from `from`, in the document's order, at most
    /// [`MATCHES_MAX`].
    ///
    /// # Errors
    /// [`Broken`] when a member that it names stands twice, or when the document's paths need more
    /// than [`VISITS_MAX`](crate::integration::reply::limits::VISITS_MAX).
    pub fn select(&self, tree: &JsonTree<'_>, from: JsonNode) -> Result<Vec<JsonNode>, Broken> {
        let mut found = vec![from];
        for step in &self.steps {
            found = follow(tree, step, &found)?;
            if found.is_empty() {
                break;
            }
        }
        tree.visits.unless_spent(found)
    }

    /// The first of the places that [`JsonPath::select`] finds. Most paths lead to one at most, and need
    /// no lists of places for that.
    ///
    /// # Errors
    /// As [`JsonPath::select`].
    pub fn first(&self, tree: &JsonTree<'_>, from: JsonNode) -> Result<Option<JsonNode>, Broken> {
        if self.finds_many() {
            return Ok(self.select(tree, from)?.first().copied());
        }
        let mut found = Some(from);
        for step in &self.steps {
            let Some(at) = found else { break };
            found = match step {
                Step::Member(name) => tree.member(at, name)?,
                Step::Item(index) => tree.item(at, *index),
                Step::All | Step::Descendants | Step::Filter(_) => None,
            };
        }
        tree.visits.unless_spent(found)
    }
}

fn name(scanner: &mut Scanner<'_>) -> Result<Step, PathFault> {
    if scanner.take("*") {
        return Ok(Step::All);
    }
    let name = scanner.name();
    if name.is_empty() {
        let hint = "write `.name`, or `['a name']` for a name with other signs in it";
        return Err(scanner.fault("a name is missing", hint));
    }
    Ok(Step::Member(name.into()))
}

fn bracket(scanner: &mut Scanner<'_>) -> Result<Step, PathFault> {
    scanner.skip_spaces();
    let step = match scanner.peek() {
        Some('*') => {
            scanner.next();
            Step::All
        }
        Some('\'' | '"') => Step::Member(scanner.quoted()?.into()),
        Some('?') => {
            scanner.next();
            Step::Filter(filter::parse(scanner)?)
        }
        Some('-' | '0'..='9') => Step::Item(scanner.integer()?),
        _ => {
            let hint = "write a name in quotes, a number, `*`, or `?` and a comparison";
            return Err(scanner.fault("not a selector", hint));
        }
    };
    scanner.skip_spaces();
    if scanner.take("]") {
        return Ok(step);
    }
    Err(scanner.fault("`]` is missing", "one selector stands between brackets"))
}

fn follow(tree: &JsonTree<'_>, step: &Step, from: &[JsonNode]) -> Result<Vec<JsonNode>, Broken> {
    let mut found = Vec::new();
    for &node in from {
        match step {
            Step::Member(name) => found.extend(tree.member(node, name)?),
            Step::Item(index) => found.extend(tree.item(node, *index)),
            Step::All => found.extend(tree.children(node)),
            // Bounded by the document: it stands once in a path, before any number of places.
            Step::Descendants => {
                found.extend(tree.descendants(node));
                continue;
            }
            Step::Filter(filter) => {
                for child in tree.children(node) {
                    if filter.holds(tree, child)? {
                        found.push(child);
                    }
                }
            }
        }
        if found.len() >= MATCHES_MAX {
            found.truncate(MATCHES_MAX);
            break;
        }
    }
    Ok(found)
}
