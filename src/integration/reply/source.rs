//! Where a value of a reply comes from, as a profile says it and as it was compiled.

use std::sync::Arc;

use super::form::FormSigns;
use super::json::JsonPath;
use super::pattern::Pattern;
use super::step::Step;
use super::xml::XmlPath;

/// A source among all of one reply.
pub(super) type SourceId = usize;

/// A document among all of one reply: the reply itself or a text in it, read in one way.
pub(super) type DocumentId = usize;

/// How a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Json,
    Xml,
    Form,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// The source whose text it is; `None` for the reply's body.
    pub(super) text: Option<SourceId>,
    pub(super) dialect: Dialect,
}

/// Where a value stands before anything is done to it.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The values that a path finds.
    Json(DocumentId, JsonPath),
    /// The texts that a path finds.
    Xml(DocumentId, XmlPath),
    /// The values of a name.
    Form(DocumentId, Box<str>),
    /// Another source's text.
    Source(SourceId),
    /// The whole text of the reply.
    Body,
    /// A header, by its lower-case name.
    Header(Box<str>),
    /// The HTTP status.
    Status,
    /// The first of several sources that says something.
    FirstOf(Vec<SourceId>),
    /// Everything that several sources say.
    AllOf(Vec<SourceId>),
}

/// What is done to a text that was found.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// Keeps what a pattern's group matches.
    Pattern(Pattern, usize),
    /// Keeps one part of a text that is split, from the end if the number is negative.
    Split(Box<str>, i64),
    /// Replaces `%20` and its like.
    UrlDecode,
    /// Replaces `&lt;` and its like.
    Unescape,
}

/// A source.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) origin: Origin,
    /// Joins all that was found; else the first counts.
    pub(super) join: Option<Box<str>>,
    pub(super) edits: Vec<Edit>,
    /// Whether it looks at the item at hand.
    pub(super) is_relative: bool,
    /// Whether it, or one that it is made from, looks at the item at hand.
    pub(super) is_of_item: bool,
    /// Whether it is the HTTP status, or made from it.
    pub(super) is_of_status: bool,
    /// How many sources stand between it and the reply.
    pub(super) depth: usize,
}

impl Source {
    /// A source with what follows from those that it is made from, which stand in the list before
    /// it: asked for once, since a chain of lists has more ways than anybody could go.
    pub(super) fn new(origin: Origin, join: Option<Box<str>>, known: &Sources) -> Self {
        let source = |id: &SourceId| &known.list[*id];
        let made_from: Vec<&Self> = match &origin {
            Origin::Source(id) => vec![source(id)],
            Origin::FirstOf(ids) | Origin::AllOf(ids) => ids.iter().map(source).collect(),
            _ => Vec::new(),
        };
        let text_of = match &origin {
            Origin::Json(id, _) | Origin::Xml(id, _) | Origin::Form(id, _) => {
                known.documents[*id].text.as_ref().map(source)
            }
            _ => None,
        };
        let is_relative = match &origin {
            Origin::Json(_, path) => path.is_relative,
            Origin::Xml(_, path) => path.is_relative,
            _ => false,
        };
        let depth = made_from.iter().copied().chain(text_of).map(|source| source.depth + 1).max();
        Self {
            is_relative,
            is_of_item: is_relative || made_from.iter().any(|source| source.is_of_item),
            is_of_status: matches!(origin, Origin::Status)
                || made_from.iter().any(|source| source.is_of_status),
            depth: depth.unwrap_or_default(),
            origin,
            join,
            edits: Vec::new(),
        }
    }
}

/// All that one reply is read for, and how its text is prepared.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) charset: Option<&'static encoding_rs::Encoding>,
    pub(super) steps: Vec<Step>,
    pub(super) signs: FormSigns,
    pub(super) documents: Vec<Document>,
    pub(super) list: Vec<Source>,
}

/// A text that many replies share.
pub(super) type Name = Arc<str>;
