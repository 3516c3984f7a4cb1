//! An XML reply as a flat list of its elements and texts.
//!
//! Buyers' XML is often not quite XML: prefixes that nobody declares, two roots, text after the last
//! tag, an element around escaped markup. All of that is read here; the document itself is the parent
//! of whatever stands at the top. What makes XML dangerous or ambiguous is not: document types and
//! their entities, tags that do not match, an attribute that stands twice, depth and size without end.

mod path;
mod texts;

use std::borrow::Cow;

use super::json::Broken;
use super::limits::{ATTRIBUTES_MAX, DEPTH_MAX, NODES_MAX};
use super::step::unescape;
use super::visits::Visits;

pub use path::XmlPath;

/// How many bytes of a text count as a visit.
const BYTES_PER_VISIT: usize = 32;

/// How many bytes an element or text takes, as a rule.
const BYTES_PER_NODE: usize = 12;

/// A place that a path finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XmlPlace {
    /// An element, or the document.
    Element(usize),
    /// The text that stands directly in an element.
    TextOf(usize),
    /// An attribute, by its place among all.
    Attribute(usize),
}

#[derive(Debug)]
enum Kind<'t> {
    /// With the range of its attributes.
    Element {
        name: &'t str,
        attributes: std::ops::Range<usize>,
    },
    Text(Cow<'t, str>),
}

#[derive(Debug)]
struct Node<'t> {
    kind: Kind<'t>,
    parent: usize,
    /// The index after the last node inside this one.
    end: usize,
}

#[derive(Debug)]
struct Attribute<'t> {
    name: &'t str,
    /// As it came.
    raw: &'t str,
}

/// The elements and texts of a document, parents before what is in them.
#[derive(Debug)]
pub struct XmlTree<'t> {
    nodes: Vec<Node<'t>>,
    attributes: Vec<Attribute<'t>>,
    /// How many nodes were visited on the ways of paths.
    visits: Visits,
}

impl<'t> XmlTree<'t> {
    /// The document: it holds what stands at the top.
    pub const ROOT: XmlPlace = XmlPlace::Element(0);

    /// Reads a document or a piece of one.
    ///
    /// # Errors
    /// [`Broken`] when it holds no element, is not well-formed, has a document type, or is beyond
    /// [`DEPTH_MAX`], [`NODES_MAX`] or [`ATTRIBUTES_MAX`].
    pub fn read(text: &'t str) -> Result<Self, Broken> {
        let document = Kind::Element { name: "", attributes: 0..0 };
        let root = Node { kind: document, parent: 0, end: 1 };
        // About as many as there are, and never many for nothing.
        let mut nodes = Vec::with_capacity((text.len() / BYTES_PER_NODE).clamp(8, NODES_MAX / 8));
        nodes.push(root);
        let tree = Self { nodes, attributes: Vec::new(), visits: Visits::default() };
        Reader { rest: text, tree, open: vec![0] }.read()
    }

    /// What a place says: of an element all text in it; `None` for one that is marked `nil`.
    pub fn text(&self, place: XmlPlace) -> Option<Cow<'_, str>> {
        match place {
            XmlPlace::Attribute(at) => Some(unescape(self.attributes[at].raw.into())),
            XmlPlace::TextOf(of) => {
                Some(self.joined(self.children(of).filter(|at| self.name(*at).is_none())))
            }
            XmlPlace::Element(of) => {
                let is_nil = |attribute: &Attribute<'_>| {
                    local(attribute.name) == "nil" && matches!(attribute.raw, "true" | "1")
                };
                if self.attributes_of(of).any(|at| is_nil(&self.attributes[at])) {
                    return None;
                }
                Some(self.joined(of + 1..self.nodes[of].end))
            }
        }
    }

    /// The texts among these nodes, one space between those that stand apart. They count as visits, so
    /// that no predicate can go over all of the document again and again.
    fn joined(&self, nodes: impl Iterator<Item = usize>) -> Cow<'_, str> {
        let nodes = nodes.take_while(|_| self.visits.add(1));
        let mut parts = nodes.filter_map(|at| match &self.nodes[at].kind {
            Kind::Text(text) => {
                self.visits.add(text.len() / BYTES_PER_VISIT);
                Some((at, text.as_ref()))
            }
            Kind::Element { .. } => None,
        });
        let Some((mut last, first)) = parts.next() else { return Cow::Borrowed("") };
        let mut all = Cow::Borrowed(first);
        for (at, text) in parts {
            // Two texts side by side are one that a comment or a section split.
            if at != last + 1 {
                all.to_mut().push(' ');
            }
            all.to_mut().push_str(text);
            last = at;
        }
        match all {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }
    }

    /// The name of an element without its prefix; `None` for a text.
    fn name(&self, node: usize) -> Option<&'t str> {
        match self.nodes[node].kind {
            Kind::Element { name, .. } => Some(local(name)),
            Kind::Text(_) => None,
        }
    }

    /// Where the attributes of a node stand.
    fn attributes_of(&self, node: usize) -> std::ops::Range<usize> {
        match &self.nodes[node].kind {
            Kind::Element { attributes, .. } => attributes.clone(),
            Kind::Text(_) => 0..0,
        }
    }

    /// The elements and texts directly inside a node.
    fn children(&self, of: usize) -> impl Iterator<Item = usize> {
        self.visits.inside(of, self.nodes[of].end, |at| self.nodes[at].end)
    }
}

/// A name without its prefix: a buyer's namespaces come and go.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

struct Reader<'t> {
    rest: &'t str,
    tree: XmlTree<'t>,
    /// The elements that are open, the document first.
    open: Vec<usize>,
}

impl<'t> Reader<'t> {
    fn read(mut self) -> Result<XmlTree<'t>, Broken> {
        while let Some((text, markup)) = self.rest.split_once('<') {
            self.text(text)?;
            self.rest = markup;
            self.markup()?;
        }
        let after = self.rest;
        self.text(after)?;
        if self.open.len() != 1 || self.tree.nodes.iter().skip(1).all(is_text) {
            return Err(Broken);
        }
        self.tree.nodes[0].end = self.tree.nodes.len();
        Ok(self.tree)
    }

    /// What follows `<`.
    fn markup(&mut self) -> Result<(), Broken> {
        if self.take("!--") {
            return self.past("-->").map(drop);
        }
        if self.take("![CDATA[") {
            let text = self.past("]]>")?;
            return self.add(Kind::Text(text.into())).map(drop);
        }
        if self.take("?") {
            return self.past("?>").map(drop);
        }
        if self.take("/") {
            let name = self.past(">")?.trim_end();
            return self.close(name);
        }
        self.element()
    }

    fn element(&mut self) -> Result<(), Broken> {
        let name = self.name()?;
        if self.open.len() > DEPTH_MAX {
            return Err(Broken);
        }
        let first = self.tree.attributes.len();
        let is_empty = self.attributes(first)?;
        let attributes = first..self.tree.attributes.len();
        let node = self.add(Kind::Element { name, attributes })?;
        if !is_empty {
            self.open.push(node);
        }
        Ok(())
    }

    /// Reads attributes up to the end of the tag; the answer says whether the element ends there.
    fn attributes(&mut self, first: usize) -> Result<bool, Broken> {
        loop {
            let spaced = self.rest.trim_start();
            let has_space = spaced.len() < self.rest.len();
            self.rest = spaced;
            if self.take(">") {
                return Ok(false);
            }
            if self.take("/>") {
                return Ok(true);
            }
            if !has_space {
                return Err(Broken);
            }
            let attribute = self.attribute()?;
            let others = &self.tree.attributes[first..];
            let is_known = others.iter().any(|other| other.name == attribute.name);
            if is_known || others.len() >= ATTRIBUTES_MAX {
                return Err(Broken);
            }
            self.tree.attributes.push(attribute);
        }
    }

    fn attribute(&mut self) -> Result<Attribute<'t>, Broken> {
        let name = self.name()?;
        self.rest = self.rest.trim_start();
        if !self.take("=") {
            return Err(Broken);
        }
        self.rest = self.rest.trim_start();
        let quote = if self.take("\"") {
            "\""
        } else if self.take("'") {
            "'"
        } else {
            return Err(Broken);
        };
        let raw = self.past(quote)?;
        if raw.contains('<') { Err(Broken) } else { Ok(Attribute { name, raw }) }
    }

    fn name(&mut self) -> Result<&'t str, Broken> {
        let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
        let is_part = |c: char| is_first(c) || c.is_ascii_digit() || matches!(c, '-' | '.' | ':');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if !name.starts_with(is_first) {
            return Err(Broken);
        }
        self.rest = rest;
        Ok(name)
    }

    fn close(&mut self, name: &str) -> Result<(), Broken> {
        let node = self.open.pop().filter(|node| *node != 0).ok_or(Broken)?;
        let end = self.tree.nodes.len();
        let node = &mut self.tree.nodes[node];
        node.end = end;
        match node.kind {
            Kind::Element { name: opened, .. } if opened == name => Ok(()),
            _ => Err(Broken),
        }
    }

    fn text(&mut self, text: &'t str) -> Result<(), Broken> {
        if text.bytes().all(|byte| byte.is_ascii_whitespace()) {
            return Ok(());
        }
        self.add(Kind::Text(unescape(text.into()))).map(drop)
    }

    fn add(&mut self, kind: Kind<'t>) -> Result<usize, Broken> {
        let node = self.tree.nodes.len();
        if node > NODES_MAX {
            return Err(Broken);
        }
        let parent = self.open.last().copied().ok_or(Broken)?;
        self.tree.nodes.push(Node { kind, parent, end: node + 1 });
        Ok(node)
    }

    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// What stands before `sign`, which must come.
    fn past(&mut self, sign: &str) -> Result<&'t str, Broken> {
        let (before, after) = self.rest.split_once(sign).ok_or(Broken)?;
        self.rest = after;
        Ok(before)
    }
}

fn is_text(node: &Node<'_>) -> bool {
    matches!(node.kind, Kind::Text(_))
}

#[cfg(test)]
mod tests;
