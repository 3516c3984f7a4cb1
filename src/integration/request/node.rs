//! What a request is made of: values, and the tree in which they stand.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::section::{At, Literal};
use super::condition::{Condition, Test};
use super::source::Source;
use super::step::Step;
use super::template::Template;

/// The most items of a list that are written.
pub(super) const ITEMS_MAX: usize = 100;

/// How one value is made.
#[derive(Debug, Clone)]
pub(in crate::integration) struct Value {
    pub(super) origin: Origin,
    /// What is done with it, in order.
    pub(super) steps: Vec<Step>,
    /// What stands there if there is no value.
    pub(super) default: Option<Literal>,
    /// The type in which it is written, if not its own.
    pub(super) kind: Option<Kind>,
    /// Whether a request without it is not sent at all.
    pub(super) is_required: bool,
    /// Whether a value that a step cannot take stays as it came: what a vendor sends wrongly is
    /// refused under its name, not lost.
    pub(super) keeps_unread: bool,
    /// When it has a value at all.
    pub(super) when: Option<Condition>,
}

/// Where a value begins.
#[derive(Debug, Clone)]
pub(in crate::integration) enum Origin {
    /// One source.
    Source(At<Source>),
    /// A source, and a second one for a map over two.
    Pair(At<Source>, At<Source>),
    /// A constant.
    Constant(Literal),
    /// A text with sources in it; without a value if one of them has none.
    Text(Vec<Piece>),
    /// The first of several that has a value.
    First(Vec<Value>),
    /// Years and months as months; one of the two may be missing.
    Months { years: At<Source>, months: At<Source> },
    /// A template.
    Template(Arc<Template>),
    /// A document of its own, as a text.
    Document(Box<Document>),
}

/// A part of a text.
#[derive(Debug, Clone)]
pub(in crate::integration) enum Piece {
    Text(String),
    Source(At<Source>),
}

/// Types in which a value can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::integration) enum Kind {
    Text,
    Number,
    Boolean,
}

/// What becomes of a field without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::integration) enum Missing {
    /// It is left out.
    #[default]
    Omit,
    /// It is null: in JSON the word, elsewhere empty.
    Null,
    /// It is empty: `""`, `[]`, `{}`, `<x/>`.
    Empty,
}

/// A named part of a document.
#[derive(Debug, Clone)]
pub(in crate::integration) struct Node {
    pub(super) name: Name,
    pub(super) content: Content,
    pub(super) attributes: Vec<Attribute>,
    pub(super) when: Option<Condition>,
    pub(super) missing: Missing,
    /// Where it stands in the file.
    pub(super) place: At<()>,
}

/// An attribute of an XML element.
#[derive(Debug, Clone)]
pub(in crate::integration) struct Attribute {
    pub(super) name: String,
    pub(super) value: Value,
}

/// What stands under a name.
#[derive(Debug, Clone)]
pub(in crate::integration) enum Content {
    /// One value.
    Value(Box<Value>),
    /// Parts of its own.
    Object(Object),
    /// The same for each item of a list.
    Each(Each),
    /// A list whose items the profile writes one by one; each is a value or has parts.
    Items(Vec<Node>),
    /// Every field of the lead under its own name.
    Whole(At<Source>),
    /// Nothing: what a post takes out of what it has from the ping.
    Omitted,
}

/// Parts that belong together.
#[derive(Debug, Clone)]
pub(in crate::integration) struct Object {
    pub(super) nodes: Vec<Node>,
    /// Whether they stand in what is around them, without a name of their own.
    pub(super) is_flat: bool,
}

/// The same content for each item of a list.
#[derive(Debug, Clone)]
pub(in crate::integration) struct Each {
    pub(super) list: At<Source>,
    /// How many items at most, if the file says so.
    pub(super) at_most: Option<usize>,
    pub(super) content: Box<Content>,
}

/// A name, which may have the number of an item in it: `driver{n}_gender`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::integration) struct Name {
    pub(super) text: String,
    pub(super) is_numbered: bool,
}

impl Name {
    pub(super) fn new(text: String) -> Self {
        let is_numbered = text.contains("{n}") || text.contains("{i}");
        Self { text, is_numbered }
    }

    /// The name at an item, whose position counts from 0.
    pub(super) fn at(&self, position: usize) -> Cow<'_, str> {
        if !self.is_numbered {
            return Cow::Borrowed(&self.text);
        }
        let number = self.text.replace("{n}", &(position + 1).to_string());
        Cow::Owned(number.replace("{i}", &position.to_string()))
    }
}

/// The formats in which documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::integration) enum Format {
    Json,
    Xml,
    Form,
}

/// How the names of parts of parts are written in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::integration) enum Nesting {
    /// By their own name alone.
    #[default]
    Flat,
    /// `driver[0][gender]`
    Brackets,
    /// `driver.0.gender`
    Dots,
}

/// A tree of values in a format.
#[derive(Debug, Clone)]
pub(in crate::integration) struct Document {
    pub(super) format: Format,
    /// Objects or elements around everything, from the outside in.
    pub(super) wrap: Vec<String>,
    /// Attributes of the outermost element.
    pub(super) attributes: Vec<Attribute>,
    pub(super) nodes: Vec<Node>,
    /// Whether every value is written as a text.
    pub(super) all_text: bool,
    pub(super) nesting: Nesting,
    /// Whether an XML declaration stands before the root.
    pub(super) declares: bool,
}

/// What is met on a walk through a request.
#[derive(Clone, Copy)]
pub(in crate::integration) enum Part<'s> {
    /// A value, before what is in it.
    Value(&'s Value),
    /// A source that is read, of whatever.
    Source(&'s At<Source>),
    /// A test that a condition makes of a source, after the source.
    Test(&'s At<Source>, &'s Test),
}

/// The list whose items are at hand on a walk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::integration) enum Within<'s> {
    /// None.
    Nothing,
    /// A list of the lead.
    List(&'s str),
    /// Another one: in items of a list, or no field of the lead.
    Other,
}

/// Told of every part, and of the list it stands in.
pub(in crate::integration) type Visit<'v, 's> = dyn FnMut(Part<'s>, Within<'s>) + 'v;

/// Something with sources in it, walked through for checks and lists.
pub(in crate::integration) trait Walk {
    /// Visits everything inside, what is outside first.
    fn walk<'s>(&'s self, within: Within<'s>, visit: &mut Visit<'_, 's>);
}

impl Walk for Value {
    fn walk<'s>(&'s self, within: Within<'s>, visit: &mut Visit<'_, 's>) {
        visit(Part::Value(self), within);
        self.when.walk(within, visit);
        match &self.origin {
            Origin::Source(source) => visit(Part::Source(source), within),
            Origin::Pair(first, second) | Origin::Months { years: first, months: second } => {
                visit(Part::Source(first), within);
                visit(Part::Source(second), within);
            }
            Origin::Text(pieces) => {
                for piece in pieces {
                    if let Piece::Source(source) = piece {
                        visit(Part::Source(source), within);
                    }
                }
            }
            Origin::First(values) => values.iter().for_each(|value| value.walk(within, visit)),
            Origin::Document(document) => document.walk(within, visit),
            Origin::Template(template) => {
                template.sources().iter().for_each(|source| visit(Part::Source(source), within));
            }
            Origin::Constant(_) => {}
        }
    }
}

impl Walk for Option<Condition> {
    fn walk<'s>(&'s self, within: Within<'s>, visit: &mut Visit<'_, 's>) {
        for (source, test) in self.iter().flat_map(Condition::tests) {
            visit(Part::Source(source), within);
            if let Some(test) = test {
                visit(Part::Test(source, test), within);
            }
        }
    }
}

impl Walk for Node {
    fn walk<'s>(&'s self, within: Within<'s>, visit: &mut Visit<'_, 's>) {
        self.when.walk(within, visit);
        let within_item = match &self.content {
            Content::Each(each) => each.within(within),
            _ => within,
        };
        self.attributes.iter().for_each(|attribute| attribute.value.walk(within_item, visit));
        self.content.walk(within, visit);
    }
}

impl Each {
    /// How many items are written at most.
    pub(super) fn limit(&self) -> usize {
        self.at_most.unwrap_or(ITEMS_MAX)
    }

    fn within<'s>(&'s self, around: Within<'s>) -> Within<'s> {
        match &self.list.value {
            Source::Lead(path) if path.inner.is_none() && around == Within::Nothing => {
                Within::List(&path.name)
            }
            _ => Within::Other,
        }
    }
}

impl Walk for Content {
    fn walk<'s>(&'s self, within: Within<'s>, visit: &mut Visit<'_, 's>) {
        match self {
            Self::Value(value) => value.walk(within, visit),
            Self::Object(object) => object.nodes.iter().for_each(|node| node.walk(within, visit)),
            Self::Each(each) => {
                visit(Part::Source(&each.list), within);
                each.content.walk(each.within(within), visit);
            }
            Self::Items(items) => items.iter().for_each(|item| item.walk(within, visit)),
            Self::Whole(source) => visit(Part::Source(source), within),
            Self::Omitted => {}
        }
    }
}

impl Walk for Document {
    fn walk<'s>(&'s self, within: Within<'s>, visit: &mut Visit<'_, 's>) {
        self.attributes.iter().for_each(|attribute| attribute.value.walk(within, visit));
        self.nodes.iter().for_each(|node| node.walk(within, visit));
    }
}

/// What is asked of a value when it is held against a vertical.
impl Value {
    /// The one source it is made from, if there is just one.
    pub(in crate::integration) const fn single_source(&self) -> Option<&At<Source>> {
        match &self.origin {
            Origin::Source(source) | Origin::Pair(source, _) => Some(source),
            _ => None,
        }
    }

    /// Whether nothing is sent without it.
    pub(in crate::integration) const fn is_required(&self) -> bool {
        self.is_required && self.default.is_none() && self.when.is_none()
    }

    /// What is done with it first.
    pub(in crate::integration) fn first_step(&self) -> Option<&Step> {
        self.steps.first()
    }

    /// Whether something stands there in any case.
    pub(in crate::integration) const fn has_default(&self) -> bool {
        self.default.is_some()
    }

    /// Whether values without a word in its map are written as they are.
    pub(in crate::integration) fn keeps_unmapped(&self) -> bool {
        matches!(self.first_step(), Some(Step::Map(map)) if map.keeps_unmapped())
    }
}
