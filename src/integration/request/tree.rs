//! Trees of fields, and documents, as a profile writes them.

use super::super::fault::Place;
use super::super::section::{At, Entry, Section};
use super::node::{
    Attribute, Content, Document, Each, Format, ITEMS_MAX, Missing, Name, Nesting, Node, Object,
};
use super::parse::{Parser, is_value};
use super::source::Source;
use super::xml::{check_names, is_element_name};

/// The most items that a profile writes one by one.
const FIXED_ITEMS_MAX: usize = 100;

/// The deepest wrapping.
const WRAP_MAX: usize = 8;

/// What the fields of a document share.
#[derive(Clone, Copy)]
struct Shared {
    format: Format,
    nesting: Nesting,
    missing: Missing,
}

impl Parser<'_, '_> {
    /// The document that the keys of a table make, its format under `key`.
    pub(super) fn document_in(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Document> {
        let formats = [("json", Format::Json), ("xml", Format::Xml), ("form", Format::Form)];
        let format = section.word(key, &formats, self.faults)?;
        self.document(section, format.value)
    }

    /// The document of a format that the keys of a table make.
    pub(super) fn document(
        &mut self,
        section: &mut Section<'_>,
        format: Format,
    ) -> Option<Document> {
        if format == Format::Xml && !section.has("wrap") {
            self.faults.error_with(
                section.place(),
                "an XML document has a root element",
                "write wrap = \"Root\", or wrap = [\"Root\", \"Inner\"]",
            );
        }
        self.part_of_document(section, format, Nesting::default())
    }

    /// The same where the root may be that of another document, whose names are written as `nested`
    /// says.
    pub(super) fn part_of_document(
        &mut self,
        section: &mut Section<'_>,
        format: Format,
        nested: Nesting,
    ) -> Option<Document> {
        let (at, path) = (section.place().at, section.place().path.to_owned());
        let place = Place { at, path: &path };
        let nestings =
            [("flat", Nesting::Flat), ("brackets", Nesting::Brackets), ("dots", Nesting::Dots)];
        let nesting = section.word("nesting", &nestings, self.faults);
        let missing = self.missing(section).unwrap_or_default();
        let types = section.word("types", &[("own", false), ("text", true)], self.faults);
        let declaration = section.boolean("declaration", self.faults);
        let wrap: Vec<At<String>> = section.texts("wrap", self.faults);
        let attributes = self.attributes(section, format);
        self.check_document(format, &wrap, place);
        for (is_there, what, meant) in [
            (nesting.is_some(), "nesting", Format::Form),
            (declaration.is_some(), "declaration", Format::Xml),
        ] {
            if is_there && format != meant {
                self.faults.error(place, format!("`{what}` does not go with this format"));
            }
        }
        let nesting = nesting.map_or(nested, |nesting| nesting.value);
        let shared = Shared { format, nesting, missing };
        let fields = section.table("fields", self.faults);
        let nodes = fields.map(|fields| self.nodes(fields, shared)).unwrap_or_default();
        let document = Document {
            format,
            wrap: wrap.into_iter().map(|name| name.value).collect(),
            attributes,
            nodes,
            all_text: types.is_some_and(|types| types.value),
            nesting,
            declares: declaration.is_none_or(|declares| declares.value),
        };
        Some(document)
    }

    fn check_document(&mut self, format: Format, wrap: &[At<String>], place: Place<'_>) {
        match format {
            Format::Form if !wrap.is_empty() => {
                self.faults.error(place, "a form has nothing to `wrap` its fields in");
            }
            _ if wrap.len() > WRAP_MAX => {
                self.faults.error(place, format!("`wrap` has at most {WRAP_MAX} names"));
            }
            _ => {}
        }
        if format == Format::Xml {
            for name in wrap.iter().filter(|name| !is_element_name(&name.value)) {
                self.faults.error(name.place(), format!("`{}` is no name in XML", name.value));
            }
        }
    }

    /// Fields that stand side by side in a query.
    pub(super) fn query_nodes(&mut self, section: Section<'_>) -> Vec<Node> {
        let (format, nesting, missing) = (Format::Form, Nesting::Flat, Missing::Omit);
        self.nodes(section, Shared { format, nesting, missing })
    }

    /// Fields that stand side by side in a format, outside a request.
    pub(super) fn plain_nodes(&mut self, section: Section<'_>, format: Format) -> Vec<Node> {
        let (nesting, missing) = (Nesting::Flat, Missing::Omit);
        self.nodes(section, Shared { format, nesting, missing })
    }

    /// The fields of a table in the order of the file.
    fn nodes(&mut self, section: Section<'_>, shared: Shared) -> Vec<Node> {
        let entries = section.into_entries().into_iter();
        entries.filter_map(|(name, entry)| self.node(name, entry, shared)).collect()
    }

    fn node(&mut self, name: At<String>, entry: Entry<'_>, shared: Shared) -> Option<Node> {
        let (at, path) = (name.at, name.path.clone());
        self.check_name(&name, shared.format);
        let place = At { value: (), at, path: path.clone() };
        if entry.is_text() || !entry.is_table() {
            let value = self.value(entry)?;
            return Some(Node {
                name: Name::new(name.value),
                content: Content::Value(Box::new(value)),
                attributes: Vec::new(),
                when: None,
                missing: shared.missing,
                place,
            });
        }
        self.deeper(Place { at, path: &path }, |parser| {
            let mut section = entry.into_section(parser.faults)?;
            let omit = section.boolean("omit", parser.faults);
            if omit.is_some_and(|omit| omit.value) {
                section.finish(parser.faults);
                let (name, missing) = (Name::new(name.value), shared.missing);
                let content = Content::Omitted;
                return Some(Node {
                    name,
                    content,
                    attributes: Vec::new(),
                    when: None,
                    missing,
                    place,
                });
            }
            let missing = parser.missing(&mut section).unwrap_or(shared.missing);
            let attributes = if section.has("document") {
                Vec::new()
            } else {
                parser.attributes(&mut section, shared.format)
            };
            let name = Name::new(name.value);
            let made = parser.content(&mut section, &name, Shared { missing, ..shared });
            section.finish(parser.faults);
            let (content, when) = made?;
            Some(Node { name, content, attributes, when, missing, place })
        })
    }

    /// What stands under a name, and the condition of the whole of it.
    fn content(
        &mut self,
        section: &mut Section<'_>,
        name: &Name,
        shared: Shared,
    ) -> Option<(Content, Option<super::condition::Condition>)> {
        let says_items = section.has("items");
        let items = section.list("items", self.faults);
        if says_items {
            let when = self.when(section);
            return Some((self.items(items?, name, shared)?, when));
        }
        let whole = section.take("whole");
        if let Some(entry) = whole {
            let when = self.when(section);
            return Some((self.whole(entry, shared)?, when));
        }
        let each = self.each(section);
        let is_object = section.has("fields") && !section.has("document");
        if !is_object {
            if each.is_none() && !is_value(section) && section.has("each") {
                return None;
            }
            let mut value = self.value_in(section)?;
            let when = if each.is_some() { None } else { value.when.take() };
            return Some((wrapped(each, Content::Value(Box::new(value))), when));
        }
        self.check_bounds(section);
        let flat = section.boolean("flat", self.faults);
        let when = self.when(section);
        let is_form = shared.format == Format::Form && shared.nesting == Nesting::Flat;
        let is_flat = flat.is_some_and(|flat| flat.value) || is_form;
        let nodes = section.table("fields", self.faults).map(|fields| self.nodes(fields, shared));
        let nodes = nodes?;
        if each.is_some() && is_flat && !name.is_numbered {
            self.check_numbers(&nodes);
        }
        Some((wrapped(each, Content::Object(Object { nodes, is_flat })), when))
    }

    /// Items that the file has one by one, all under the list's own name.
    fn items(&mut self, list: At<Vec<Entry<'_>>>, name: &Name, shared: Shared) -> Option<Content> {
        let count = list.value.len();
        let mut items = Vec::with_capacity(count);
        for entry in list.value {
            let (at, path) = (entry.place().at, entry.place().path.to_owned());
            let item = self.node(At { value: name.text.clone(), at, path }, entry, shared)?;
            let is_form = shared.format == Format::Form && shared.nesting == Nesting::Flat;
            let fits = match &item.content {
                Content::Value(_) => true,
                Content::Object(object) => !object.is_flat || is_form,
                _ => false,
            };
            if !fits {
                let message = "an item is a value, or an object with a place of its own";
                self.faults.error(item.place.place(), message);
                return None;
            }
            items.push(item);
        }
        if items.is_empty() || items.len() > FIXED_ITEMS_MAX {
            let message = format!("there are 1 to {FIXED_ITEMS_MAX} items");
            self.faults.error(Place { at: list.at, path: &list.path }, message);
        }
        Some(Content::Items(items))
    }

    /// The lead with all its fields.
    fn whole(&mut self, entry: Entry<'_>, shared: Shared) -> Option<Content> {
        let word = entry.into_word(&[("lead", ())], self.faults)?;
        if shared.format == Format::Form && shared.nesting == Nesting::Flat {
            self.faults.error_with(
                word.place(),
                "a flat form has no place for a whole lead",
                "write nesting = \"brackets\" or \"dots\"",
            );
        }
        Some(Content::Whole(word.map(|()| Source::Whole)))
    }

    /// Fields that stand side by side for each item need the item's number in their names.
    pub(super) fn check_numbers(&mut self, nodes: &[Node]) {
        for node in nodes {
            let is_bare = match &node.content {
                Content::Object(object) if object.is_flat => false,
                Content::Omitted => false,
                _ => !node.name.is_numbered,
            };
            if is_bare {
                self.faults.error_with(
                    node.place.place(),
                    format!("`{}` would be there once for each item", node.name.text),
                    "put {n} (from 1) or {i} (from 0) into the name",
                );
            }
        }
    }

    fn each(&mut self, section: &mut Section<'_>) -> Option<(At<Source>, Option<usize>)> {
        let says_each = section.has("each");
        let list = self.source_at(section, "each");
        if !says_each {
            return None;
        }
        let bounds = 1..i64::try_from(ITEMS_MAX).unwrap_or(i64::MAX) + 1;
        let at_most = section.integer("at_most", bounds, self.faults);
        Some((list?, at_most.and_then(|at_most| usize::try_from(at_most.value).ok())))
    }

    /// Attributes of an XML element, in the order of the file.
    fn attributes(&mut self, section: &mut Section<'_>, format: Format) -> Vec<Attribute> {
        let Some(table) = section.table("attributes", self.faults) else { return Vec::new() };
        if format != Format::Xml {
            self.faults.error(table.place(), "only XML has attributes");
        }
        let mut attributes = Vec::new();
        for (name, entry) in table.into_entries() {
            if !is_element_name(&name.value) {
                self.faults.error(name.place(), format!("`{}` is no name in XML", name.value));
            }
            let value = self.value(entry);
            attributes.extend(value.map(|value| Attribute { name: name.value, value }));
        }
        attributes
    }

    fn check_name(&mut self, name: &At<String>, format: Format) {
        let plain = name.value.replace("{n}", "1").replace("{i}", "0");
        if format == Format::Xml && !is_element_name(&plain) {
            self.faults.error(name.place(), format!("`{}` is no name in XML", name.value));
        }
        if plain.len() > 200 || plain.chars().any(char::is_control) {
            self.faults
                .error(name.place(), "a name has at most 200 bytes and no control characters");
        }
    }

    /// Checks what can be checked only of a whole document: prefixes, and names that come twice.
    pub(super) fn check_whole(&mut self, document: &Document, bound: &[&str]) {
        if document.format == Format::Xml {
            check_names(document, bound, self.faults);
        } else {
            self.check_twice(&document.nodes);
        }
    }

    fn check_twice(&mut self, nodes: &[Node]) {
        let mut seen = std::collections::BTreeSet::new();
        let mut open: Vec<&Node> = nodes.iter().rev().collect();
        let mut inner = Vec::new();
        while let Some(node) = open.pop() {
            let content = match &node.content {
                Content::Each(each) => &each.content,
                content => content,
            };
            match content {
                Content::Object(object) if object.is_flat && !node.name.is_numbered => {
                    open.extend(object.nodes.iter().rev());
                    continue;
                }
                Content::Object(object) => inner.push(&object.nodes),
                Content::Items(items) => {
                    let objects = items.iter().filter_map(|item| match &item.content {
                        Content::Object(object) => Some(object),
                        _ => None,
                    });
                    for object in objects {
                        match object.is_flat && !node.name.is_numbered {
                            true => open.extend(object.nodes.iter().rev()),
                            false => inner.push(&object.nodes),
                        }
                    }
                }
                Content::Value(_) | Content::Each(_) | Content::Whole(_) | Content::Omitted => {}
            }
            if !seen.insert(&node.name.text) {
                let message = format!("`{}` would be there twice", node.name.text);
                self.faults.error(node.place.place(), message);
            }
        }
        inner.into_iter().for_each(|nodes| self.check_twice(nodes));
    }
}

fn wrapped(each: Option<(At<Source>, Option<usize>)>, content: Content) -> Content {
    match each {
        None => content,
        Some((list, at_most)) => Content::Each(Each { list, at_most, content: Box::new(content) }),
    }
}
