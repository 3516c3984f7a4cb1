//! XML paths: the part of XPath that replies need. `/a/b` or `//b` from the document, `./b` from the
//! item at hand, then `*`, `..`, `@attribute`, `text()`, and predicates `[2]`, `[last()]`,
//! `[@kind='x']`, `[child='x']`, `[child/@kind]`, `[. != 'x']`, `[price > 0]`. Prefixes say nothing.

use std::cmp::Ordering;

use super::{Broken, XmlPlace, XmlTree, local};
use crate::integration::reply::limits::{MATCHES_MAX, PATH_STEPS_MAX};
use crate::integration::reply::number;
use crate::integration::reply::operator::Operator;
use crate::integration::reply::scanner::{PathFault, Scanner};

/// A path that has been read.
#[derive(Debug, Clone, PartialEq)]
pub struct XmlPath {
    /// Whether it starts at the item at hand (`.`) and not at the document (`/`).
    pub is_relative: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Descendants,
    Parent,
    Child(Option<Box<str>>),
    Attribute(Option<Box<str>>),
    Text,
    /// Keeps some of the places that the step before it found in one element.
    Where(Predicate),
}

#[derive(Debug, Clone, PartialEq)]
enum Predicate {
    Position(usize),
    Last,
    Exists(Vec<Step>),
    Compare(Vec<Step>, Operator, Literal),
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Text(Box<str>),
    Number(Box<str>),
}

impl XmlPath {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, PathFault> {
        let mut scanner = Scanner::new(text)?;
        let is_relative = match scanner.peek() {
            Some('/') => false,
            Some('.') => true,
            _ => {
                let hint = "begin with `/` for the whole reply or `./` for the item at hand";
                return Err(PathFault::at(0, "an XML path begins with `/` or `.`", hint));
            }
        };
        let mut steps = Vec::new();
        if is_relative {
            match scanner.take("..") {
                true => steps.push(Step::Parent),
                false => drop(scanner.next()),
            }
        }
        while !scanner.is_over() {
            if scanner.take("//") {
                if steps.contains(&Step::Descendants) {
                    let hint = "say the way after the first `//` in full";
                    return Err(scanner.fault("`//` stands twice", hint));
                }
                steps.push(Step::Descendants);
            } else if !scanner.take("/") {
                return Err(scanner.fault("not a step of an XML path", "write `/name`"));
            }
            steps.push(step(&mut scanner)?);
            predicates(&mut scanner, &mut steps)?;
            if steps.len() > PATH_STEPS_MAX {
                return Err(scanner.fault("too many steps", "name fewer places on the way"));
            }
        }
        Ok(Self { is_relative, steps })
    }

    /// The places that the path finds from `from`, in the document's order, at most
    /// [`MATCHES_MAX`].
    ///
    /// # Errors
    /// [`Broken`] when the document's paths need more than
    /// [`VISITS_MAX`](crate::integration::reply::limits::VISITS_MAX).
    pub fn select(&self, tree: &XmlTree<'_>, from: XmlPlace) -> Result<Vec<XmlPlace>, Broken> {
        let XmlPlace::Element(from) = from else { return Ok(Vec::new()) };
        let found = follow(tree, &self.steps, from);
        tree.visits.unless_spent(found)
    }

    /// The first of the places that [`XmlPath::select`] finds. Most paths only name elements on the way
    /// down, and need no lists of places for that.
    ///
    /// # Errors
    /// As [`XmlPath::select`].
    pub fn first(&self, tree: &XmlTree<'_>, from: XmlPlace) -> Result<Option<XmlPlace>, Broken> {
        let is_plain = |step: &Step| matches!(step, Step::Child(_));
        let XmlPlace::Element(of) = from else { return Ok(None) };
        if !self.steps.iter().all(is_plain) {
            return Ok(self.select(tree, from)?.first().copied());
        }
        let found = first_below(tree, &self.steps, of);
        tree.visits.unless_spent(found)
    }
}

/// The first element that a way of names leads to; goes no deeper than a path has steps.
fn first_below(tree: &XmlTree<'_>, way: &[Step], of: usize) -> Option<XmlPlace> {
    let Some((step, rest)) = way.split_first() else { return Some(XmlPlace::Element(of)) };
    let Step::Child(name) = step else { return None };
    let mut named =
        tree.children(of).filter(|at| tree.name(*at).is_some_and(|found| is_named(name, found)));
    named.find_map(|child| first_below(tree, rest, child))
}

fn step(scanner: &mut Scanner<'_>) -> Result<Step, PathFault> {
    if scanner.take("..") {
        return Ok(Step::Parent);
    }
    if scanner.take("@") {
        return Ok(Step::Attribute(name(scanner)?));
    }
    if scanner.take("text()") {
        return Ok(Step::Text);
    }
    Ok(Step::Child(name(scanner)?))
}

/// A name without its prefix; `None` for `*`.
fn name(scanner: &mut Scanner<'_>) -> Result<Option<Box<str>>, PathFault> {
    if scanner.take("*") {
        return Ok(None);
    }
    let mut name = scanner.dotted_name();
    if scanner.take(":") {
        name = scanner.dotted_name();
    }
    match name {
        "" => Err(scanner.fault("a name is missing", "write the name of an element, or `*`")),
        name => Ok(Some(name.into())),
    }
}

fn predicates(scanner: &mut Scanner<'_>, steps: &mut Vec<Step>) -> Result<(), PathFault> {
    while scanner.take("[") {
        scanner.skip_spaces();
        steps.push(Step::Where(predicate(scanner)?));
        scanner.skip_spaces();
        if !scanner.take("]") {
            let hint = "compare one thing between brackets; `[a='1'][b='2']` for two";
            return Err(scanner.fault("`]` is missing", hint));
        }
    }
    Ok(())
}

fn predicate(scanner: &mut Scanner<'_>) -> Result<Predicate, PathFault> {
    if scanner.take("last()") {
        return Ok(Predicate::Last);
    }
    if scanner.peek().is_some_and(|sign| sign.is_ascii_digit()) {
        return match usize::try_from(scanner.integer()?) {
            Ok(position) if position > 0 => Ok(Predicate::Position(position)),
            _ => Err(scanner.fault("not a position", "the first place has the number 1")),
        };
    }
    let mut way = Vec::new();
    if scanner.take("..") {
        return Err(scanner.fault("`..` in a predicate", "compare what is inside the element"));
    }
    if !scanner.take(".") {
        way.push(step(scanner)?);
        while scanner.take("/") {
            way.push(step(scanner)?);
        }
        if way.contains(&Step::Parent) {
            return Err(scanner.fault("`..` in a predicate", "compare what is inside the element"));
        }
        if way.len() > PATH_STEPS_MAX {
            return Err(scanner.fault("too many steps", "name fewer places on the way"));
        }
    }
    scanner.skip_spaces();
    match Operator::take(scanner, "=") {
        None => Ok(Predicate::Exists(way)),
        Some(operator) => {
            scanner.skip_spaces();
            let literal = match scanner.peek() {
                Some('\'' | '"') => Literal::Text(scanner.quoted()?.into()),
                _ => Literal::Number(scanner.decimal()?.into()),
            };
            Ok(Predicate::Compare(way, operator, literal))
        }
    }
}

/// The places at the end of a way.
fn follow(tree: &XmlTree<'_>, steps: &[Step], from: usize) -> Vec<XmlPlace> {
    let mut found = vec![XmlPlace::Element(from)];
    let mut steps = steps;
    while let Some((step, rest)) = steps.split_first() {
        let kept = rest.iter().take_while(|step| matches!(step, Step::Where(_))).count();
        let (predicates, rest) = rest.split_at(kept);
        steps = rest;
        let mut next = Vec::new();
        for place in found {
            let XmlPlace::Element(of) = place else { continue };
            let mut places = places(tree, step, of);
            for predicate in predicates {
                if let Step::Where(predicate) = predicate {
                    predicate.keep(tree, &mut places);
                }
            }
            next.append(&mut places);
            // Bounded by the document where it looks at all of it, which it does once.
            if next.len() >= MATCHES_MAX && *step != Step::Descendants {
                next.truncate(MATCHES_MAX);
                break;
            }
        }
        found = next;
    }
    found
}

/// Whether a step's name, which may be any, is the one that was found.
fn is_named(name: &Option<Box<str>>, found: &str) -> bool {
    name.as_deref().is_none_or(|name| name == found)
}

/// What one step finds from one element.
fn places(tree: &XmlTree<'_>, step: &Step, of: usize) -> Vec<XmlPlace> {
    match step {
        Step::Descendants => {
            let all = of..tree.nodes[of].end;
            tree.visits.add(all.len());
            all.filter(|at| tree.name(*at).is_some()).map(XmlPlace::Element).collect()
        }
        Step::Parent if of == 0 => Vec::new(),
        Step::Parent => vec![XmlPlace::Element(tree.nodes[of].parent)],
        Step::Child(name) => tree
            .children(of)
            .filter(|at| tree.name(*at).is_some_and(|found| is_named(name, found)))
            .map(XmlPlace::Element)
            .collect(),
        Step::Attribute(name) => tree
            .attributes_of(of)
            .filter(|at| is_named(name, local(tree.attributes[*at].name)))
            .map(XmlPlace::Attribute)
            .collect(),
        Step::Text => {
            let has_text = tree.children(of).any(|at| tree.name(at).is_none());
            has_text.then_some(XmlPlace::TextOf(of)).into_iter().collect()
        }
        Step::Where(_) => Vec::new(),
    }
}

impl Predicate {
    fn keep(&self, tree: &XmlTree<'_>, places: &mut Vec<XmlPlace>) {
        let at = |index: Option<usize>, places: &[XmlPlace]| {
            index.and_then(|index| places.get(index)).copied().into_iter().collect()
        };
        match self {
            Self::Position(position) => *places = at(position.checked_sub(1), places),
            Self::Last => *places = at(places.len().checked_sub(1), places),
            Self::Exists(way) => places.retain(|place| !ends(tree, way, *place).is_empty()),
            Self::Compare(way, operator, literal) => places.retain(|place| {
                let ends = ends(tree, way, *place);
                let mut texts = ends.into_iter().filter_map(|end| tree.text(end));
                texts.any(|text| operator.holds(order(&text, literal)))
            }),
        }
    }
}

fn ends(tree: &XmlTree<'_>, way: &[Step], from: XmlPlace) -> Vec<XmlPlace> {
    match from {
        XmlPlace::Element(of) => follow(tree, way, of),
        _ if way.is_empty() => vec![from],
        _ => Vec::new(),
    }
}

fn order(text: &str, literal: &Literal) -> Option<Ordering> {
    match literal {
        Literal::Text(literal) => Some(text.cmp(literal)),
        Literal::Number(literal) => number::compare(text.trim(), literal),
    }
}
