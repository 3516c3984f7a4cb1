//! One reply while it is read: each document is parsed, and each source read, when it is first asked
//! for, and once.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::HttpReply;
use super::decode::decode;
use super::form::FormPairs;
use super::json::{Broken, JsonNode, JsonTree};
use super::limits::VALUE_BYTES_MAX;
use super::pattern::{MatchWork, Pattern};
use super::source::{Dialect, DocumentId, Edit, Origin, Source, SourceId, Sources};
use super::step::{unescape, url_decode};
use super::xml::{XmlPlace, XmlTree};

/// What a source says: nothing, a text, or that the document it stands in cannot be read.
pub(super) type Found<'r> = Result<Option<Cow<'r, str>>, Broken>;

/// What was read of a reply so far; a [`Reading`] borrows from it.
struct Kept<'t> {
    trees: Box<[OnceCell<Result<Tree<'t>, Broken>>]>,
    /// What each source says that does not look at an item.
    texts: Box<[OnceCell<Found<'t>>]>,
    matching: MatchWork,
}

/// A document that was parsed.
enum Tree<'t> {
    Json(JsonTree<'t>),
    Xml(XmlTree<'t>),
    Form(FormPairs<'t>),
}

/// An item among several of one kind, such as a bid among bids.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item {
    Json(DocumentId, JsonNode),
    Xml(DocumentId, XmlPlace),
}

/// A reply while it is read.
pub(super) struct Reading<'t> {
    sources: &'t Sources,
    reply: &'t HttpReply<'t>,
    /// The decoded body, after the steps that prepare it.
    body: &'t str,
    kept: &'t Kept<'t>,
}

/// Reads a reply with `look`.
pub(super) fn read<R>(
    sources: &Sources,
    reply: &HttpReply<'_>,
    look: impl FnOnce(&Reading<'_>) -> R,
) -> R {
    let decoded = decode(reply.raw.body, sources.charset, reply.header("content-type"));
    let body = sources.steps.iter().fold(decoded, |text, step| step.apply(text));
    let kept = Kept {
        trees: sources.documents.iter().map(|_| OnceCell::new()).collect(),
        texts: sources.list.iter().map(|_| OnceCell::new()).collect(),
        matching: MatchWork::default(),
    };
    look(&Reading { sources, reply, body: &body, kept: &kept })
}

impl<'t> Reading<'t> {
    pub(super) fn status(&self) -> u16 {
        self.reply.raw.status
    }

    /// Whether the reply says nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.body.trim().is_empty()
    }

    /// Whether the body can be read in the profile's format; true for formats without a form.
    pub(super) fn is_readable(&self) -> bool {
        let mut documents = self.sources.documents.iter().enumerate();
        let body = documents.find(|(_, document)| document.text.is_none());
        body.is_none_or(|(id, _)| self.tree(id).is_ok_and(|tree| tree.is_some()))
    }

    /// What a source says, of the item at hand if there is one.
    ///
    /// # Errors
    /// [`Broken`] when a document it needs cannot be read, or its text has no end.
    pub(super) fn text(&self, id: SourceId, item: Option<Item>) -> Found<'t> {
        match self.sources.list[id].is_of_item {
            true => self.made(id, item),
            false => Ok(self.kept(id)?.map(Cow::Borrowed)),
        }
    }

    /// What a source says of no item: read once, however many others are made from it.
    fn kept(&self, id: SourceId) -> Result<Option<&'t str>, Broken> {
        let cell: &'t OnceCell<Found<'t>> = &self.kept.texts[id];
        match cell.get_or_init(|| self.made(id, None)) {
            Ok(text) => Ok(text.as_deref()),
            Err(Broken) => Err(Broken),
        }
    }

    fn edited<'r>(&self, text: Cow<'r, str>, edit: &Edit) -> Found<'r> {
        Ok(match edit {
            Edit::UrlDecode => Some(url_decode(text)),
            Edit::Unescape => Some(unescape(text)),
            Edit::Pattern(pattern, group) => {
                let range = pattern.group(*group, &text, &self.kept.matching)?;
                range.map(|range| part(text, range))
            }
            Edit::Split(by, at) => nth_part(&text, by, *at).map(|range| part(text, range)),
        })
    }

    /// Whether a pattern matches a text of this reply.
    ///
    /// # Errors
    /// [`Broken`] if the reply needs too much matching.
    pub(super) fn matches(&self, pattern: &Pattern, text: &str) -> Result<bool, Broken> {
        pattern.is_match(text, &self.kept.matching)
    }

    /// Whether the reply needed too much matching: what was not matched says nothing of it.
    pub(super) fn is_spent(&self) -> bool {
        self.kept.matching.is_spent()
    }

    fn made(&self, id: SourceId, item: Option<Item>) -> Found<'t> {
        let source: &'t Source = &self.sources.list[id];
        let Some(mut text) = self.found(source, item)? else { return Ok(None) };
        for edit in &source.edits {
            match self.edited(text, edit)? {
                Some(next) => text = next,
                None => return Ok(None),
            }
        }
        if text.len() > VALUE_BYTES_MAX { Err(Broken) } else { Ok(Some(text)) }
    }

    /// The items that a source's path finds.
    pub(super) fn items(&self, id: SourceId) -> Result<Vec<Item>, Broken> {
        let source = &self.sources.list[id];
        Ok(match &source.origin {
            Origin::Json(document, path) => match self.tree(*document)? {
                Some(Tree::Json(tree)) => {
                    let places = path.select(tree, JsonTree::ROOT)?;
                    places.into_iter().map(|place| Item::Json(*document, place)).collect()
                }
                _ => Vec::new(),
            },
            Origin::Xml(document, path) => match self.tree(*document)? {
                Some(Tree::Xml(tree)) => {
                    let places = path.select(tree, XmlTree::ROOT)?;
                    places.into_iter().map(|place| Item::Xml(*document, place)).collect()
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        })
    }

    fn found(&self, source: &'t Source, item: Option<Item>) -> Found<'t> {
        let join = source.join.as_deref();
        match &source.origin {
            Origin::Json(document, path) => {
                let Some(Tree::Json(tree)) = self.tree(*document)? else { return Ok(None) };
                let from = match item {
                    Some(Item::Json(of, node)) if source.is_relative && of == *document => node,
                    _ if source.is_relative => return Ok(None),
                    _ => JsonTree::ROOT,
                };
                let Some(join) = join else {
                    return Ok(path.first(tree, from)?.and_then(|place| tree.text(place)));
                };
                let places = path.select(tree, from)?;
                Ok(joined(places.into_iter().map(|place| tree.text(place)), join))
            }
            Origin::Xml(document, path) => {
                let Some(Tree::Xml(tree)) = self.tree(*document)? else { return Ok(None) };
                let from = match item {
                    Some(Item::Xml(of, place)) if source.is_relative && of == *document => place,
                    _ if source.is_relative => return Ok(None),
                    _ => XmlTree::ROOT,
                };
                let Some(join) = join else {
                    return Ok(path.first(tree, from)?.and_then(|place| tree.text(place)));
                };
                let places = path.select(tree, from)?;
                Ok(joined(places.into_iter().map(|place| tree.text(place)), join))
            }
            Origin::Form(document, name) => {
                let Some(Tree::Form(pairs)) = self.tree(*document)? else { return Ok(None) };
                Ok(collected(pairs.values(name).map(|value| Some(value.into())), join))
            }
            Origin::Source(id) => self.text(*id, item),
            Origin::Body => Ok(Some(Cow::Borrowed(self.body))),
            Origin::Header(name) => Ok(self.reply.header(name).map(Cow::Borrowed)),
            Origin::Status => Ok(Some(Cow::Owned(self.status().to_string()))),
            Origin::FirstOf(sources) => self.first(sources, item),
            Origin::AllOf(sources) => {
                let mut texts = Vec::with_capacity(sources.len());
                for id in sources {
                    texts.push(self.text(*id, item)?);
                }
                Ok(collected(texts.into_iter(), join))
            }
        }
    }

    /// The first that says something; a document that cannot be read only counts if nothing does.
    fn first(&self, sources: &[SourceId], item: Option<Item>) -> Found<'t> {
        let mut is_broken = false;
        for id in sources {
            match self.text(*id, item) {
                Ok(Some(text)) if !text.trim().is_empty() => return Ok(Some(text)),
                Ok(_) => {}
                Err(Broken) => is_broken = true,
            }
        }
        if is_broken { Err(Broken) } else { Ok(None) }
    }

    /// A document, `None` if there is no text to it.
    fn tree(&self, id: DocumentId) -> Result<Option<&'t Tree<'t>>, Broken> {
        let document = &self.sources.documents[id];
        let text = match document.text {
            None => self.body,
            Some(source) => match self.kept(source)? {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        let cell: &'t OnceCell<Result<Tree<'t>, Broken>> = &self.kept.trees[id];
        let tree = cell.get_or_init(|| {
            Ok(match document.dialect {
                Dialect::Json => Tree::Json(JsonTree::read(text)?),
                Dialect::Xml => Tree::Xml(XmlTree::read(text)?),
                Dialect::Form => Tree::Form(FormPairs::read(text, &self.sources.signs)?),
            })
        });
        tree.as_ref().map(Some).map_err(|broken| *broken)
    }
}

/// The first text, or all that say something with `join` between them.
fn collected<'r>(
    mut texts: impl Iterator<Item = Option<Cow<'r, str>>>,
    join: Option<&str>,
) -> Option<Cow<'r, str>> {
    match join {
        None => texts.next().flatten(),
        Some(join) => joined(texts, join),
    }
}

/// All texts that say something, with `join` between them.
fn joined<'r>(
    texts: impl Iterator<Item = Option<Cow<'r, str>>>,
    join: &str,
) -> Option<Cow<'r, str>> {
    let mut all: Option<Cow<'r, str>> = None;
    for text in texts.flatten().filter(|text| !text.trim().is_empty()) {
        all = Some(match all {
            None => text,
            Some(before) if before.len() > VALUE_BYTES_MAX => return Some(before),
            Some(mut before) => {
                before.to_mut().push_str(join);
                before.to_mut().push_str(&text);
                before
            }
        });
    }
    all
}

/// Where the part number `at` stands, from 1, or from the end from -1.
fn nth_part(text: &str, by: &str, at: i64) -> Option<std::ops::Range<usize>> {
    let distance = usize::try_from(at.unsigned_abs()).ok()?;
    let index = match at < 0 {
        true => (text.matches(by).count() + 1).checked_sub(distance)?,
        false => distance.checked_sub(1)?,
    };
    let mut ends = text.match_indices(by).map(|(end, _)| end);
    let start = match index.checked_sub(1) {
        Some(before) => ends.nth(before)? + by.len(),
        None => 0,
    };
    Some(start..ends.next().unwrap_or(text.len()))
}

fn part(text: Cow<'_, str>, range: std::ops::Range<usize>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_owned()),
    }
}
