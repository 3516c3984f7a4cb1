//! A JSON reply as a flat list of its values, each with the very text it came as.
//!
//! `serde_json` says whether a text is JSON; what follows only notes where its values stand. Numbers
//! are never made into floats, so a price means what its digits say. Member names that a path asks
//! for and that stand twice in an object break the path: which of them is meant nobody can know.

mod filter;
mod path;
mod texts;

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::limits::{DEPTH_MAX, NODES_MAX};
use super::visits::Visits;

pub use path::JsonPath;

/// A text that is not the document it was taken for, or says two things at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// How many bytes a value takes, as a rule.
const BYTES_PER_NODE: usize = 16;

/// The place of a value in [`JsonTree`].
pub type JsonNode = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    Text,
    Number,
    Bool,
    Null,
}

#[derive(Debug)]
struct Node<'t> {
    kind: Kind,
    /// The member's name without its quotes, escapes as they came.
    key: Option<&'t str>,
    /// The whole text of the value; of a text without its quotes.
    raw: &'t str,
    /// The index after the last value inside this one.
    end: usize,
}

/// The values of a document, parents before what is in them.
#[derive(Debug)]
pub struct JsonTree<'t> {
    nodes: Vec<Node<'t>>,
    /// How many values were visited on the ways of paths.
    visits: Visits,
}

impl<'t> JsonTree<'t> {
    /// Reads a document.
    ///
    /// # Errors
    /// [`Broken`] when it is not JSON, or beyond [`DEPTH_MAX`] or [`NODES_MAX`].
    pub fn read(text: &'t str) -> Result<Self, Broken> {
        let valid: &RawValue = serde_json::from_str(text).map_err(|_| Broken)?;
        let text = valid.get();
        // About as many as there are, and never many for nothing.
        let nodes = Vec::with_capacity((text.len() / BYTES_PER_NODE).clamp(8, NODES_MAX / 8));
        Index { nodes, ..Index::default() }.read(text)
    }

    /// The whole document.
    pub const ROOT: JsonNode = 0;

    /// What a value says as a text: of a text its characters, of an object or array its JSON; `None`
    /// for null.
    pub fn text(&self, node: JsonNode) -> Option<Cow<'t, str>> {
        let node = &self.nodes[node];
        match node.kind {
            Kind::Null => None,
            Kind::Text => Some(unescaped(node.raw)),
            _ => Some(Cow::Borrowed(node.raw)),
        }
    }

    /// The values directly inside a value.
    fn children(&self, of: JsonNode) -> impl Iterator<Item = JsonNode> {
        self.visits.inside(of, self.nodes[of].end, |at| self.nodes[at].end)
    }

    /// The member of this name, if `of` is an object that has one.
    fn member(&self, of: JsonNode, name: &str) -> Result<Option<JsonNode>, Broken> {
        let is_named = |at: &JsonNode| self.nodes[*at].key.is_some_and(|key| names(key, name));
        let mut found = self.children(of).filter(is_named);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Broken),
            (found, None) => Ok(found),
        }
    }

    /// The item at `index`, from the end if it is negative, if `of` is an array that has one.
    fn item(&self, of: JsonNode, index: i64) -> Option<JsonNode> {
        if self.nodes[of].kind != Kind::Array {
            return None;
        }
        let distance = usize::try_from(index.unsigned_abs()).ok()?;
        if index >= 0 {
            return self.children(of).nth(distance);
        }
        let count = self.children(of).count();
        self.children(of).nth(count.checked_sub(distance)?)
    }

    /// All values inside a value, itself first.
    fn descendants(&self, of: JsonNode) -> std::ops::Range<JsonNode> {
        let all = of..self.nodes[of].end;
        self.visits.add(all.len());
        all
    }
}

/// Whether a key, escapes as they came, is this name.
fn names(key: &str, name: &str) -> bool {
    if key.contains('\\') { unescaped(key) == name } else { key == name }
}

/// The characters of a text; one with half a surrogate pair stays as it came.
fn unescaped(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    serde_json::from_str(&format!("\"{raw}\"")).map_or(Cow::Borrowed(raw), Cow::Owned)
}

/// Notes where the values of a valid document stand.
#[derive(Default)]
struct Index<'t> {
    nodes: Vec<Node<'t>>,
    /// The containers that are open, and where each began.
    open: Vec<(JsonNode, usize)>,
    /// The name of the member whose value comes next.
    key: Option<&'t str>,
}

impl<'t> Index<'t> {
    fn read(mut self, text: &'t str) -> Result<JsonTree<'t>, Broken> {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at = match byte {
                b'{' => self.enter(Kind::Object, at)?,
                b'[' => self.enter(Kind::Array, at)?,
                b'}' | b']' => self.leave(text, at)?,
                b'"' => {
                    let end = string_end(bytes, at + 1);
                    self.string(&text[at + 1..end])?;
                    end + 1
                }
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => at + 1,
                _ => {
                    let is_over = |byte: &u8| b",}] \t\r\n".contains(byte);
                    let length = bytes[at..].iter().position(is_over);
                    let end = length.map_or(bytes.len(), |length| at + length);
                    self.literal(byte, &text[at..end])?;
                    end
                }
            };
        }
        if self.nodes.is_empty() {
            return Err(Broken);
        }
        Ok(JsonTree { nodes: self.nodes, visits: Visits::default() })
    }

    fn add(&mut self, kind: Kind, raw: &'t str) -> Result<(), Broken> {
        if self.nodes.len() >= NODES_MAX {
            return Err(Broken);
        }
        let end = self.nodes.len() + 1;
        self.nodes.push(Node { kind, key: self.key.take(), raw, end });
        Ok(())
    }

    fn enter(&mut self, kind: Kind, at: usize) -> Result<usize, Broken> {
        if self.open.len() >= DEPTH_MAX {
            return Err(Broken);
        }
        self.open.push((self.nodes.len(), at));
        self.add(kind, "")?;
        Ok(at + 1)
    }

    fn leave(&mut self, text: &'t str, at: usize) -> Result<usize, Broken> {
        let (node, began) = self.open.pop().ok_or(Broken)?;
        let end = self.nodes.len();
        let node = &mut self.nodes[node];
        node.raw = &text[began..=at];
        node.end = end;
        Ok(at + 1)
    }

    /// A member's name, or a text.
    fn string(&mut self, raw: &'t str) -> Result<(), Broken> {
        let is_in_object =
            self.open.last().is_some_and(|(node, _)| self.nodes[*node].kind == Kind::Object);
        if is_in_object && self.key.is_none() {
            self.key = Some(raw);
            return Ok(());
        }
        self.add(Kind::Text, raw)
    }

    fn literal(&mut self, first: u8, raw: &'t str) -> Result<(), Broken> {
        let kind = match first {
            b't' | b'f' => Kind::Bool,
            b'n' => Kind::Null,
            _ => Kind::Number,
        };
        self.add(kind, raw)
    }
}

/// Where the quote stands that ends the string that began before `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests;
