//! Filters of JSON paths: `[?@.status == 'won' && @.price > 0]`, `[?@.error]`, `[?!(@.a || @.b)]`.

use std::cmp::Ordering;

use super::{Broken, JsonNode, JsonTree, Kind};
use crate::integration::reply::number;
use crate::integration::reply::operator::Operator;
use crate::integration::reply::scanner::{PathFault, Scanner};

/// The deepest nesting of parentheses and `!`.
const DEPTH_MAX: usize = 8;
/// The most comparisons of one filter.
const TERMS_MAX: usize = 16;

/// What an item must fulfil.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Term);

#[derive(Debug, Clone, PartialEq)]
enum Term {
    Any(Vec<Term>),
    All(Vec<Term>),
    Not(Box<Term>),
    Exists(Members),
    Compare(Operand, Operator, Operand),
}

/// The way from the item to a value in it.
type Members = Vec<Box<str>>;

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Members(Members),
    Text(Box<str>),
    Number(Box<str>),
    Bool(bool),
    Null,
}

/// Reads a filter up to the bracket that ends it.
pub(super) fn parse(scanner: &mut Scanner<'_>) -> Result<Filter, PathFault> {
    let mut parser = Parser { scanner, depth: 0, terms: 0 };
    Ok(Filter(parser.any()?))
}

struct Parser<'c, 't> {
    scanner: &'c mut Scanner<'t>,
    depth: usize,
    terms: usize,
}

impl Parser<'_, '_> {
    fn any(&mut self) -> Result<Term, PathFault> {
        let mut terms = vec![self.all()?];
        while self.sign("||") {
            terms.push(self.all()?);
        }
        Ok(single(terms, Term::Any))
    }

    fn all(&mut self) -> Result<Term, PathFault> {
        let mut terms = vec![self.term()?];
        while self.sign("&&") {
            terms.push(self.term()?);
        }
        Ok(single(terms, Term::All))
    }

    fn term(&mut self) -> Result<Term, PathFault> {
        self.terms += 1;
        if self.terms > TERMS_MAX || self.depth > DEPTH_MAX {
            return Err(self.scanner.fault("the filter is too long", "compare fewer things"));
        }
        if self.sign("!") {
            self.depth += 1;
            let inner = self.term()?;
            self.depth -= 1;
            return Ok(Term::Not(Box::new(inner)));
        }
        if self.sign("(") {
            self.depth += 1;
            let inner = self.any()?;
            self.depth -= 1;
            if !self.sign(")") {
                return Err(self.scanner.fault("`)` is missing", "close what `(` opened"));
            }
            return Ok(inner);
        }
        let left = self.operand()?;
        self.scanner.skip_spaces();
        match (Operator::take(self.scanner, "=="), left) {
            (Some(operator), left) => {
                let right = self.operand()?;
                Ok(Term::Compare(left, operator, right))
            }
            (None, Operand::Members(members)) => Ok(Term::Exists(members)),
            (None, _) => {
                let hint = "compare it: `@.name == 'value'`";
                Err(self.scanner.fault("a value alone is no comparison", hint))
            }
        }
    }

    fn operand(&mut self) -> Result<Operand, PathFault> {
        self.scanner.skip_spaces();
        match self.scanner.peek() {
            Some('@') => {
                self.scanner.next();
                Ok(Operand::Members(self.members()?))
            }
            Some('\'' | '"') => Ok(Operand::Text(self.scanner.quoted()?.into())),
            Some('-' | '0'..='9') => Ok(Operand::Number(self.scanner.decimal()?.into())),
            _ => match self.scanner.name() {
                "true" => Ok(Operand::Bool(true)),
                "false" => Ok(Operand::Bool(false)),
                "null" => Ok(Operand::Null),
                _ => {
                    let hint = "write `@.name`, a text in quotes, a number, true, false or null";
                    Err(self.scanner.fault("nothing that can be compared", hint))
                }
            },
        }
    }

    fn members(&mut self) -> Result<Members, PathFault> {
        let mut members = Vec::new();
        loop {
            if self.scanner.take(".") {
                let name = self.scanner.name();
                if name.is_empty() {
                    return Err(self.scanner.fault("a name is missing", "write `@.name`"));
                }
                members.push(name.into());
            } else if self.scanner.take("[") {
                members.push(self.scanner.quoted()?.into());
                if !self.scanner.take("]") {
                    return Err(self.scanner.fault("`]` is missing", "write `@['a name']`"));
                }
            } else {
                return Ok(members);
            }
        }
    }

    fn sign(&mut self, sign: &str) -> bool {
        self.scanner.skip_spaces();
        self.scanner.take(sign)
    }
}

fn single(mut terms: Vec<Term>, many: fn(Vec<Term>) -> Term) -> Term {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        Some(last) => {
            terms.push(last);
            many(terms)
        }
        None => many(terms),
    }
}

impl Filter {
    /// Whether an item fulfils it.
    pub(super) fn holds(&self, tree: &JsonTree<'_>, item: JsonNode) -> Result<bool, Broken> {
        self.0.holds(tree, item)
    }
}

impl Term {
    fn holds(&self, tree: &JsonTree<'_>, item: JsonNode) -> Result<bool, Broken> {
        match self {
            Self::Any(terms) => {
                for term in terms {
                    if term.holds(tree, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::All(terms) => {
                for term in terms {
                    if !term.holds(tree, item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(term) => Ok(!term.holds(tree, item)?),
            Self::Exists(members) => Ok(walk(tree, item, members)?.is_some()),
            Self::Compare(left, operator, right) => {
                let (left, right) = (left.value(tree, item)?, right.value(tree, item)?);
                Ok(operator.holds(order(left.as_ref(), right.as_ref())))
            }
        }
    }
}

fn walk(tree: &JsonTree<'_>, item: JsonNode, way: &Members) -> Result<Option<JsonNode>, Broken> {
    let mut at = item;
    for name in way {
        match tree.member(at, name)? {
            Some(member) => at = member,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// A value with its kind, so that a text is never equal to a number.
#[derive(Debug, PartialEq)]
enum Compared<'v> {
    Text(std::borrow::Cow<'v, str>),
    Number(&'v str),
    Bool(bool),
    Null,
    Other(&'v str),
}

impl Operand {
    /// `None` for a place that is not there.
    fn value<'v>(
        &'v self,
        tree: &JsonTree<'v>,
        item: JsonNode,
    ) -> Result<Option<Compared<'v>>, Broken> {
        Ok(Some(match self {
            Self::Text(text) => Compared::Text(text.as_ref().into()),
            Self::Number(digits) => Compared::Number(digits),
            Self::Bool(bool) => Compared::Bool(*bool),
            Self::Null => Compared::Null,
            Self::Members(members) => match walk(tree, item, members)? {
                None => return Ok(None),
                Some(node) => {
                    let raw = tree.nodes[node].raw;
                    match tree.nodes[node].kind {
                        Kind::Text => Compared::Text(super::unescaped(raw)),
                        Kind::Number => Compared::Number(raw),
                        Kind::Bool => Compared::Bool(raw == "true"),
                        Kind::Null => Compared::Null,
                        Kind::Object | Kind::Array => Compared::Other(raw),
                    }
                }
            },
        }))
    }
}

/// The order of two values of one kind; of others only whether they are the same.
fn order(left: Option<&Compared<'_>>, right: Option<&Compared<'_>>) -> Option<Ordering> {
    match (left, right) {
        (Some(Compared::Number(left)), Some(Compared::Number(right))) => {
            number::compare(left, right)
        }
        (Some(Compared::Text(left)), Some(Compared::Text(right))) => Some(left.cmp(right)),
        (left, right) => (left == right).then_some(Ordering::Equal),
    }
}
