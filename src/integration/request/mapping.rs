//! Values and trees outside a request to a buyer: what is read of a vendor's request, and what the
//! vendor is told. They are written and made as those of a request are, from the fields at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::super::input::{Frame, SecretText, Seen};
use super::super::section::{Entry, Section};
use super::condition::Condition;
use super::document;
use super::effort::Effort;
use super::make::Scalar;
use super::node::{Content, Document, Format, Nesting, Node, Part, Value, Walk, Within};
use super::parse::Parser;
use super::refused::RenderRefused;
use super::scope::Scope;
use super::source::Source;
use crate::domain::slug::CampaignId;

static NO_TEXTS: BTreeMap<String, String> = BTreeMap::new();
static NO_SECRETS: BTreeMap<String, SecretText> = BTreeMap::new();
/// Stands where a request to a buyer has its campaign; no source of a vendor's reaches it.
static NOBODY: LazyLock<CampaignId> =
    LazyLock::new(|| CampaignId::parse("inbound").expect("it is a slug"));

/// What values are made from. No `Debug`: it may say anything about a person.
#[derive(Clone, Copy)]
pub(in crate::integration) struct Given<'a> {
    /// The fields at hand.
    pub(in crate::integration) fields: &'a Map<String, Json>,
    /// The present time.
    pub(in crate::integration) now: Timestamp,
}

impl<'a> Given<'a> {
    fn seen(&self) -> Seen<'a> {
        let frame = Frame {
            campaign_id: &NOBODY,
            url: None,
            currency: "",
            now: self.now,
            request_id: "",
            settings: &NO_TEXTS,
            secrets: &NO_SECRETS,
            captured: &NO_TEXTS,
        };
        Seen { given: Some(self.fields), ..Seen::from(&frame) }
    }
}

const fn scope<'a>(seen: &'a Seen<'a>, effort: &'a Effort) -> Scope<'a> {
    Scope { seen, references: &NO_TEXTS, effort, item: None, position: 0 }
}

/// One value.
#[derive(Debug, Clone)]
pub(in crate::integration) struct Single(Value);

/// Fields of ours, each made of the fields at hand.
#[derive(Debug, Clone)]
pub(in crate::integration) struct Mapping(Document);

/// A body in each shape in which it can be written.
#[derive(Debug, Clone)]
pub(in crate::integration) struct Shapes {
    json: Document,
    xml: Option<Document>,
    text: Option<Single>,
}

impl Parser<'_, '_> {
    /// One value.
    pub(in crate::integration) fn single(&mut self, entry: Entry<'_>) -> Option<Single> {
        self.value(entry).map(Single)
    }

    /// A condition.
    pub(in crate::integration) fn condition(&mut self, entry: Entry<'_>) -> Option<Condition> {
        Condition::parse(entry, self.terms, self.faults)
    }

    /// Fields of ours, from a table of them.
    pub(in crate::integration) fn mapping(&mut self, section: Section<'_>) -> Mapping {
        Mapping(document_of(Vec::new(), self.plain_nodes(section, Format::Json), false))
    }

    /// A body: `fields` with `wrap` and `root`, or `text`.
    pub(in crate::integration) fn shapes(&mut self, section: &mut Section<'_>) -> Shapes {
        let types = section.word("types", &[("own", false), ("text", true)], self.faults);
        let all_text = types.is_some_and(|types| types.value);
        let root = section.text("root", self.faults).map(|root| root.value);
        let wrap = section.texts("wrap", self.faults);
        let wrap: Vec<String> = wrap.into_iter().map(|name| name.value).collect();
        let text = section.take("text").and_then(|entry| {
            let text = entry.into_text(self.faults)?;
            let pieces = self.pieces(&text)?;
            Some(Single(Value::of(super::node::Origin::Text(pieces))))
        });
        let around: Vec<String> = root.into_iter().chain(wrap.iter().cloned()).collect();
        let format = if around.is_empty() { Format::Json } else { Format::Xml };
        let fields = section.table("fields", self.faults);
        if fields.is_none() && text.is_none() {
            let message = "nothing says what the answer holds";
            self.faults.error_with(
                section.place(),
                message,
                "write fields = { .. } or text = \"..\"",
            );
        }
        let nodes = fields.map(|fields| self.plain_nodes(fields, format)).unwrap_or_default();
        let xml = (format == Format::Xml)
            .then(|| Document { format, ..document_of(around, nodes.clone(), all_text) });
        if let Some(document) = &xml {
            self.check_whole(document, &[]);
        }
        Shapes { json: document_of(wrap, nodes, all_text), xml, text }
    }
}

const fn document_of(wrap: Vec<String>, nodes: Vec<Node>, all_text: bool) -> Document {
    Document {
        format: Format::Json,
        wrap,
        attributes: Vec::new(),
        nodes,
        all_text,
        nesting: Nesting::Flat,
        declares: true,
    }
}

impl Single {
    /// The value: a text, or true or false; none if it is missing.
    pub(in crate::integration) fn make(&self, given: &Given<'_>) -> Option<Json> {
        let seen = given.seen();
        let effort = Effort::default();
        let scalar = self.0.make(&scope(&seen, &effort), "").ok()??;
        Some(match scalar {
            Scalar::Boolean(truth) => Json::Bool(truth),
            Scalar::Null => return None,
            scalar => Json::String(scalar.as_text().to_owned()),
        })
    }

    /// The value as a text.
    pub(in crate::integration) fn text(&self, given: &Given<'_>) -> Option<String> {
        match self.make(given)? {
            Json::String(text) => Some(text),
            Json::Bool(truth) => Some(truth.to_string()),
            _ => None,
        }
    }

    /// The field it is made of, or the first of several.
    pub(in crate::integration) fn field(&self) -> Option<String> {
        first_source(&self.0).and_then(name_of)
    }

    /// Adds the fields it is made of.
    pub(in crate::integration) fn note_fields(&self, into: &mut BTreeSet<String>) {
        note(&self.0, into);
    }
}

impl Mapping {
    /// No fields.
    pub(in crate::integration) const fn empty() -> Self {
        Self(document_of(Vec::new(), Vec::new(), false))
    }

    /// The fields of ours.
    ///
    /// # Errors
    /// If something required is missing, or they are too large.
    pub(in crate::integration) fn make(
        &self,
        given: &Given<'_>,
    ) -> Result<Map<String, Json>, RenderRefused> {
        let seen = given.seen();
        let effort = Effort::default();
        let text = document::text(&self.0, &scope(&seen, &effort))?;
        Ok(serde_json::from_str(&text).expect("the writer of JSON writes an object"))
    }

    /// Adds the fields of another one that have no name in this one.
    pub(in crate::integration) fn include(&mut self, base: &Self) {
        let is_new = |node: &&Node| self.0.nodes.iter().all(|own| own.name != node.name);
        let added: Vec<Node> = base.0.nodes.iter().filter(is_new).cloned().collect();
        self.0.nodes.extend(added);
    }

    /// The names of its fields, with where each stands.
    pub(in crate::integration) fn names(
        &self,
    ) -> impl Iterator<Item = (&str, super::super::fault::Place<'_>)> {
        self.0.nodes.iter().map(|node| (node.name.text.as_str(), node.place.place()))
    }

    /// Adds the fields it is made of.
    pub(in crate::integration) fn note_fields(&self, into: &mut BTreeSet<String>) {
        note(&self.0, into);
    }

    /// How the vendor calls the field of ours that a path leads to, steps into lists counted from 0.
    pub(in crate::integration) fn field(&self, path: &[&str]) -> Option<String> {
        field_in(&self.0.nodes, path)
    }
}

impl Shapes {
    /// Adds the fields it is made of.
    pub(in crate::integration) fn note_fields(&self, into: &mut BTreeSet<String>) {
        note(&self.json, into);
        self.text.iter().for_each(|text| text.note_fields(into));
    }

    /// The body in a format, or in the one there is, with its media type.
    pub(in crate::integration) fn write(
        &self,
        format: &str,
        given: &Given<'_>,
    ) -> Result<(&'static str, String), RenderRefused> {
        let seen = given.seen();
        let effort = Effort::default();
        let scope = scope(&seen, &effort);
        if let Some(text) = &self.text {
            return Ok(("text/plain; charset=utf-8", text.text(given).unwrap_or_default()));
        }
        match &self.xml {
            Some(xml) if format == "xml" => {
                Ok(("text/xml; charset=utf-8", document::text(xml, &scope)?))
            }
            _ => Ok(("application/json", document::text(&self.json, &scope)?)),
        }
    }
}

impl Condition {
    /// Whether it holds for the fields at hand.
    pub(in crate::integration) fn is_met(&self, given: &Given<'_>) -> bool {
        let seen = given.seen();
        let effort = Effort::default();
        let scope = scope(&seen, &effort);
        self.holds(&|source| scope.read(source))
    }

    /// Adds the fields it asks for.
    pub(in crate::integration) fn note_fields(&self, into: &mut BTreeSet<String>) {
        into.extend(self.tests().into_iter().filter_map(|(source, _)| top_name(&source.value)));
    }
}

/// The name of the field at the top through which a source leads.
fn top_name(source: &Source) -> Option<String> {
    match source {
        Source::Given(path) if path.first().is_some_and(|first| first == "given") => {
            path.get(1).cloned()
        }
        Source::Given(path) => path.first().cloned(),
        _ => None,
    }
}

fn note(part: &impl Walk, into: &mut BTreeSet<String>) {
    part.walk(Within::Nothing, &mut |part, _| {
        if let Part::Source(source) = part {
            into.extend(top_name(&source.value));
        }
    });
}

fn first_source(value: &Value) -> Option<&Source> {
    let mut first = None;
    value.walk(Within::Nothing, &mut |part, _| {
        if let (Part::Source(source), None) = (part, first) {
            first = Some(&source.value);
        }
    });
    first
}

/// What the vendor calls a source.
fn name_of(source: &Source) -> Option<String> {
    match source {
        Source::Given(path) => Some(path.join("/")),
        Source::Item(name) => Some(name.clone()),
        _ => None,
    }
}

fn field_in(nodes: &[Node], path: &[&str]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let node = nodes.iter().find(|node| node.name.text == *first)?;
    match (&node.content, rest) {
        (Content::Value(value), _) => first_source(value).and_then(name_of),
        (Content::Object(object), rest) => field_in(&object.nodes, rest),
        (Content::Each(each), []) => name_of(&each.list.value),
        (Content::Each(each), [at, rest @ ..]) => {
            let list = name_of(&each.list.value)?;
            let number = at.parse::<usize>().ok()? + 1;
            let inner = match &*each.content {
                Content::Object(object) => field_in(&object.nodes, rest),
                _ => None,
            };
            Some(
                inner
                    .map_or(format!("{list}.{number}"), |inner| format!("{list}.{number}.{inner}")),
            )
        }
        (Content::Items(_) | Content::Whole(_) | Content::Omitted, _) => None,
    }
}
