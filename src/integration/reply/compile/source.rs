//! Sources of a reply as a profile writes them: a text, a list of alternatives, or a table.
//!
//! As a text: `$.a` (JSON path), `/a/b` (XML path), `header:Name`, `http_status`, `body`, the name
//! of an extract, and in replies in form format the name of a pair.

use super::super::json::JsonPath;
use super::super::limits::{
    ALTERNATIVES_MAX, DOCUMENTS_MAX, PATH_BYTES_MAX, PATTERNS_MAX, SOURCE_DEPTH_MAX, SOURCES_MAX,
};
use super::super::pattern::Pattern;
use super::super::scanner::PathFault;
use super::super::source::{Dialect, Document, DocumentId, Edit, Origin, Source, SourceId};
use super::super::xml::XmlPath;
use super::{Compiler, Format};
use crate::integration::fault::Place;
use crate::integration::nearest::nearest;
use crate::integration::section::{At, Entry, Section};

const DECODINGS: [(&str, Edit); 2] = [("url", Edit::UrlDecode), ("xml", Edit::Unescape)];

/// What stands for something else than a path or an extract.
const WORDS: [&str; 2] = ["http_status", "body"];

/// A name that cannot be taken for anything else.
pub(super) fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_free = !WORDS.contains(&text) && !["any", "all", "not"].contains(&text);
    is_free && !text.is_empty() && text.len() <= 64 && text.chars().all(is_part)
}

impl Compiler<'_, '_> {
    /// Compiles a source of whatever shape.
    pub(super) fn source(&mut self, entry: Entry<'_>) -> Option<SourceId> {
        if entry.is_text() {
            let text = entry.into_text(self.faults)?;
            return self.spelled(&text);
        }
        if entry.is_list() {
            let list = entry.into_list(self.faults)?;
            if list.value.is_empty() {
                self.error(list.place(), "an empty list", "name at least one place");
                return None;
            }
            let place = At { value: (), at: list.at, path: list.path.clone() };
            let sources = self.several(list)?;
            return self.add(place.place(), Origin::FirstOf(sources), None);
        }
        let mut table = entry.into_section(self.faults)?;
        let source = self.source_table(&mut table);
        table.finish(self.faults);
        source
    }

    /// Compiles the keys of a source in a table that may have others.
    pub(super) fn source_table(&mut self, table: &mut Section<'_>) -> Option<SourceId> {
        let place = At { value: (), at: table.place().at, path: table.place().path.to_owned() };
        let from = match table.take("from") {
            Some(entry) => Some(self.source(entry)?),
            None => None,
        };
        let mut origins = Vec::new();
        if let Some(path) = table.text("json", self.faults) {
            origins.push(self.json(&path, from));
        }
        if let Some(path) = table.text("xml", self.faults) {
            origins.push(self.xml(&path, from));
        }
        if let Some(name) = table.text("pair", self.faults) {
            origins.push(self.form(&name, from));
        }
        if let Some(name) = table.text("header", self.faults) {
            origins.push(Some(Origin::Header(name.value.to_ascii_lowercase().into())));
        }
        if let Some(list) = table.list("all", self.faults) {
            origins.push(self.several(list).map(Origin::AllOf));
        }
        let mut join = table.text("join", self.faults).map(|join| join.value.into_boxed_str());
        let edits = self.edits(table)?;
        let origin = match (origins.pop(), from) {
            (Some(_), _) if !origins.is_empty() => {
                let hint = "keep one of json, xml, pair, header and all";
                self.error(place.place(), "a source is in one place", hint);
                return None;
            }
            (Some(origin), _) => origin?,
            (None, Some(from)) => Origin::Source(from),
            (None, None) if edits.is_empty() => {
                let hint = "say where it is: { json = \"$.price\" }";
                self.error(place.place(), "the source is nowhere", hint);
                return None;
            }
            (None, None) => Origin::Body,
        };
        if matches!(origin, Origin::AllOf(_)) && join.is_none() {
            join = Some("; ".into());
        }
        let source = self.add(place.place(), origin, join)?;
        self.sources.list[source].edits = edits;
        Some(source)
    }

    /// Compiles the sources of a list.
    fn several(&mut self, list: At<Vec<Entry<'_>>>) -> Option<Vec<SourceId>> {
        if list.value.len() > ALTERNATIVES_MAX {
            let message = format!("more than {ALTERNATIVES_MAX} places in one list");
            self.error(list.place(), &message, "name fewer places");
            return None;
        }
        let each: Vec<_> = list.value.into_iter().map(|entry| self.source(entry)).collect();
        each.into_iter().collect()
    }

    /// Adds a source, unless there are too many or it is made from others that are made from others
    /// without end.
    fn add(
        &mut self,
        place: Place<'_>,
        origin: Origin,
        join: Option<Box<str>>,
    ) -> Option<SourceId> {
        if self.sources.list.len() >= SOURCES_MAX {
            if !self.is_full {
                let message = format!("more than {SOURCES_MAX} sources in one reply");
                self.error(place, &message, "read less of the reply");
            }
            self.is_full = true;
            return None;
        }
        let source = Source::new(origin, join, &self.sources);
        if source.depth > SOURCE_DEPTH_MAX {
            let message = format!("more than {SOURCE_DEPTH_MAX} sources are made from each other");
            self.error(place, &message, "begin nearer to the reply");
            return None;
        }
        self.sources.list.push(source);
        Some(self.sources.list.len() - 1)
    }

    fn edits(&mut self, table: &mut Section<'_>) -> Option<Vec<Edit>> {
        let mut edits = Vec::new();
        let pattern = table.text("regex", self.faults);
        let group = table.integer("group", 0..100, self.faults);
        if let Some(pattern) = &pattern {
            let regex = self.pattern(pattern)?;
            let groups = regex.groups();
            let group = match group {
                Some(group) => {
                    let number = usize::try_from(group.value).unwrap_or(usize::MAX);
                    if number >= groups {
                        let message = format!("the pattern has no group {number}");
                        let hint = "put the part that counts in parentheses";
                        self.error(group.place(), &message, hint);
                        return None;
                    }
                    number
                }
                // The part in parentheses is what was meant, if there is one.
                None => usize::from(groups > 1),
            };
            edits.push(Edit::Pattern(regex, group));
        } else if let Some(group) = group {
            self.error(group.place(), "a group without a pattern", "write regex = \"..\"");
        }
        if let Some(mut split) = table.table("split", self.faults) {
            let by = split.text("by", self.faults);
            let at = split.integer("at", -1_000..1_001, self.faults);
            split.finish(self.faults);
            match (by, at) {
                (Some(by), Some(at)) if !by.value.is_empty() && at.value != 0 => {
                    edits.push(Edit::Split(by.value.into(), at.value));
                }
                _ => {
                    let hint =
                        "write split = { by = \"|\", at = 1 } for the first part, -1 for the last";
                    self.error(table.place(), "not a way to split", hint);
                    return None;
                }
            }
        }
        if let Some(decoding) = table.take("decode") {
            let known = ["url", "xml"].map(|name| (name, name));
            let word = decoding.into_word(&known, self.faults)?.value;
            edits.extend(DECODINGS.into_iter().find(|(name, _)| *name == word).map(|(_, e)| e));
        }
        Some(edits)
    }

    pub(super) fn pattern(&mut self, text: &At<String>) -> Option<Pattern> {
        if text.value.len() > PATH_BYTES_MAX {
            let message = format!("the pattern is longer than {PATH_BYTES_MAX} bytes");
            self.error(text.place(), &message, "match less of the reply");
            return None;
        }
        self.patterns += 1;
        if self.patterns > PATTERNS_MAX {
            if self.patterns == PATTERNS_MAX + 1 {
                let message = format!("more than {PATTERNS_MAX} patterns in one reply");
                self.error(
                    text.place(),
                    &message,
                    "compare words, or write one pattern for several",
                );
            }
            return None;
        }
        match Pattern::new(&text.value) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let told = error.to_string();
                let last = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let message = format!("not a pattern: {last}");
                let hint = "write a regular expression without look-around and back-references";
                self.error(text.place(), &message, hint);
                None
            }
        }
    }

    /// Compiles a source that stands as a text.
    pub(super) fn spelled(&mut self, text: &At<String>) -> Option<SourceId> {
        if let Some(named) = self.named.iter_mut().find(|named| named.name.value == text.value) {
            named.is_used = true;
            return Some(named.source);
        }
        let known = self.spelled.iter().find(|(known, _)| *known == text.value);
        if let Some((_, source)) = known {
            let (source, sign) = (*source, text.value.as_str());
            self.relative(text.place(), self.sources.list[source].is_relative, sign)?;
            return Some(source);
        }
        let origin = self.spelled_origin(text)?;
        let source = self.add(text.place(), origin, None)?;
        self.spelled.push((text.value.clone(), source));
        Some(source)
    }

    fn spelled_origin(&mut self, text: &At<String>) -> Option<Origin> {
        match text.value.as_str() {
            "http_status" => return Some(Origin::Status),
            "body" => return Some(Origin::Body),
            path if path.starts_with(['$', '@']) => return self.json(text, None),
            path if path.starts_with(['/', '.']) => return self.xml(text, None),
            _ => {}
        }
        if let Some(name) = text.value.strip_prefix("header:") {
            return Some(Origin::Header(name.trim().to_ascii_lowercase().into()));
        }
        if self.format == Format::Form {
            return self.form(text, None);
        }
        let known: Vec<&str> = self.named.iter().map(|named| named.name.value.as_str()).collect();
        let near = nearest(&text.value, known.into_iter().chain(WORDS));
        let example = match self.format {
            Format::Xml => "/a/b",
            _ => "$.a.b",
        };
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "write a path such as `{example}`, `header:name`, `http_status`, `body`, or the name \
                 of an extract that stands above"
            ),
        };
        self.error(text.place(), &format!("nothing here is called `{}`", text.value), &hint);
        None
    }

    fn json(&mut self, text: &At<String>, from: Option<SourceId>) -> Option<Origin> {
        let document = self.document(text.place(), from, Dialect::Json)?;
        let path = JsonPath::parse(&text.value).map_err(|fault| self.path(text, &fault)).ok()?;
        self.relative(text.place(), path.is_relative, "@")?;
        Some(Origin::Json(document, path))
    }

    fn xml(&mut self, text: &At<String>, from: Option<SourceId>) -> Option<Origin> {
        let document = self.document(text.place(), from, Dialect::Xml)?;
        let path = XmlPath::parse(&text.value).map_err(|fault| self.path(text, &fault)).ok()?;
        self.relative(text.place(), path.is_relative, ".")?;
        Some(Origin::Xml(document, path))
    }

    fn form(&mut self, name: &At<String>, from: Option<SourceId>) -> Option<Origin> {
        let document = self.document(name.place(), from, Dialect::Form)?;
        Some(Origin::Form(document, name.value.as_str().into()))
    }

    fn relative(&mut self, place: Place<'_>, is_relative: bool, sign: &str) -> Option<()> {
        if !is_relative || self.has_item {
            return Some(());
        }
        let message = format!("`{sign}` means the bid at hand, and there is none here");
        let hint = "begin with `$` or `/`, or say in `bid` where each bid is: each = \"$.bids[*]\"";
        self.error(place, &message, hint);
        None
    }

    /// The document of a text, or of the body, which must be of the reply's format.
    fn document(
        &mut self,
        place: Place<'_>,
        text: Option<SourceId>,
        dialect: Dialect,
    ) -> Option<DocumentId> {
        let fits = match self.format {
            Format::Json => dialect == Dialect::Json,
            Format::Xml => dialect == Dialect::Xml,
            Format::Form => dialect == Dialect::Form,
            Format::Text | Format::None => false,
        };
        if text.is_none() && !fits {
            let (kind, format) = match dialect {
                Dialect::Json => ("a JSON path", "json"),
                Dialect::Xml => ("an XML path", "xml"),
                Dialect::Form => ("the name of a pair", "form"),
            };
            let message = format!("{kind} in a reply that is something else");
            let hint = format!("write format = \"{format}\", or `from` for a text in the reply");
            self.error(place, &message, &hint);
            return None;
        }
        let document = Document { text, dialect };
        let known = self.sources.documents.iter().position(|known| *known == document);
        if known.is_some() {
            return known;
        }
        if self.sources.documents.len() >= DOCUMENTS_MAX {
            let message = format!("more than {DOCUMENTS_MAX} documents in one reply");
            self.error(
                place,
                &message,
                "take several values from one document: name its text once",
            );
            return None;
        }
        self.sources.documents.push(document);
        Some(self.sources.documents.len() - 1)
    }

    fn path(&mut self, text: &At<String>, fault: &PathFault) {
        // The path stands after a quote; an escape before the place moves it a little.
        let place = Place { at: text.at + 1 + fault.at, path: &text.path };
        self.error(place, &fault.message, &fault.hint);
    }
}
