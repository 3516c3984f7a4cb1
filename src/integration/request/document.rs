//! From a tree of values to the bytes of a document.
//!
//! One walk decides what is written; a writer for each format decides how. A writer takes every text
//! as data and escapes it, so that no value, whoever wrote it, can end the place it stands in.

mod form;
mod json;
mod xml;

use std::borrow::Cow;

use super::super::datum::Datum;
use super::make::{Scalar, plain};
use super::node::{Attribute, Content, Document, Each, Format, Missing, Node};
use super::refused::RenderRefused;
use super::scope::Scope;
use crate::domain::lead::{Fields, Value};

pub(super) use form::FormWriter;
pub(super) use json::{JsonWriter, push_text};
pub(super) use xml::{XmlWriter, push_escaped};

/// The largest document, in bytes.
pub const RENDERED_BYTES_MAX: usize = 262_144;

/// The name under which something is written.
#[derive(Clone, Copy)]
pub(super) enum Key<'k> {
    /// None: the outermost object of JSON.
    Root,
    Name(&'k str),
    /// An item of a list of that name.
    Item {
        name: &'k str,
        position: usize,
    },
}

/// What is opened and closed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    List,
}

/// A place to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) length: usize,
    pub(super) is_first: bool,
}

/// Attributes that have a value.
pub(super) type Attributes<'a> = [(&'a str, Scalar<'a>)];

/// Writes one format.
pub(super) trait Writer {
    fn mark(&self) -> Mark;
    /// Takes back what was written since.
    fn roll_back(&mut self, mark: Mark);
    fn scalar(&mut self, key: Key<'_>, attributes: &Attributes<'_>, value: &Scalar<'_>);
    fn open(&mut self, key: Key<'_>, attributes: &Attributes<'_>, shape: Shape);
    fn close(&mut self, key: Key<'_>, shape: Shape);
}

/// The document as text.
///
/// # Errors
/// If something required is missing, or the document is too large.
pub(super) fn text<'a>(document: &'a Document, scope: &Scope<'a>) -> Result<String, RenderRefused> {
    let mut out = String::with_capacity(512);
    match document.format {
        Format::Json => {
            let mut writer = JsonWriter::new(&mut out);
            write(document, scope, &mut writer)?;
        }
        Format::Xml => {
            if document.declares {
                out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
            }
            write(document, scope, &mut XmlWriter::new(&mut out))?;
        }
        Format::Form => {
            write(document, scope, &mut FormWriter::new(&mut out, document.nesting))?;
        }
    }
    Ok(out)
}

/// Writes everything of the document through `out`.
pub(super) fn write<'a, W: Writer>(
    document: &'a Document,
    scope: &Scope<'a>,
    out: &mut W,
) -> Result<(), RenderRefused> {
    let walk = Walker { all_text: document.all_text };
    let is_json = document.format == Format::Json;
    if is_json {
        out.open(Key::Root, &[], Shape::Object);
    }
    for (index, name) in document.wrap.iter().enumerate() {
        let attributes = if index == 0 { &document.attributes[..] } else { &[] };
        let attributes = made(attributes, scope)?;
        out.open(Key::Name(name), &attributes, Shape::Object);
    }
    walk.nodes(&document.nodes, scope, out)?;
    for name in document.wrap.iter().rev() {
        out.close(Key::Name(name), Shape::Object);
    }
    if is_json {
        out.close(Key::Root, Shape::Object);
    }
    if out.mark().length > RENDERED_BYTES_MAX { Err(RenderRefused::TooLarge) } else { Ok(()) }
}

struct Walker {
    /// Whether every value is written as a text.
    all_text: bool,
}

impl Walker {
    /// Writes fields side by side; tells whether any was written.
    fn nodes<'a, W: Writer>(
        &self,
        nodes: &'a [Node],
        scope: &Scope<'a>,
        out: &mut W,
    ) -> Result<bool, RenderRefused> {
        let mut any = false;
        for node in nodes {
            scope.effort.step()?;
            if out.mark().length > RENDERED_BYTES_MAX {
                return Err(RenderRefused::TooLarge);
            }
            any |= match &node.content {
                Content::Omitted => false,
                Content::Each(each) => self.each(node, each, scope, out)?,
                Content::Items(items) => {
                    is_wanted(node, scope) && self.items(node, items, scope, out)?
                }
                content => {
                    let name = node.name.at(scope.position);
                    is_wanted(node, scope)
                        && self.member((node, content), Key::Name(&name), scope, out)?
                }
            };
        }
        Ok(any)
    }

    /// Writes one value or object under a key; tells whether it was written.
    fn member<'a, W: Writer>(
        &self,
        (node, content): (&'a Node, &'a Content),
        key: Key<'_>,
        scope: &Scope<'a>,
        out: &mut W,
    ) -> Result<bool, RenderRefused> {
        let object = match content {
            Content::Value(value) => {
                if !value.is_wanted(scope) {
                    return Ok(false);
                }
                return match value.make(scope, &node.name.text)? {
                    Some(scalar) => {
                        out.scalar(key, &made(&node.attributes, scope)?, &self.typed(scalar));
                        Ok(true)
                    }
                    None => self.missing(node, key, scope, out),
                };
            }
            Content::Object(object) => object,
            Content::Whole(_) => {
                let Some(lead) = scope.seen.lead else {
                    return self.missing(node, key, scope, out);
                };
                out.open(key, &made(&node.attributes, scope)?, Shape::Object);
                self.fields(lead.fields.expose(), out);
                out.close(key, Shape::Object);
                return Ok(true);
            }
            Content::Each(_) | Content::Items(_) | Content::Omitted => return Ok(false),
        };
        if object.is_flat && !node.name.is_numbered {
            return self.nodes(&object.nodes, scope, out);
        }
        let mark = out.mark();
        let attributes = made(&node.attributes, scope)?;
        out.open(key, &attributes, Shape::Object);
        let any = self.nodes(&object.nodes, scope, out)? || !attributes.is_empty();
        out.close(key, Shape::Object);
        if any || node.missing == Missing::Empty {
            return Ok(true);
        }
        out.roll_back(mark);
        self.missing(node, key, scope, out)
    }

    fn each<'a, W: Writer>(
        &self,
        node: &'a Node,
        each: &'a Each,
        scope: &Scope<'a>,
        out: &mut W,
    ) -> Result<bool, RenderRefused> {
        let Some(Datum::List(items)) = scope.read(&each.list.value) else {
            return self.no_items(node, scope, out);
        };
        let is_flat = matches!(&*each.content, Content::Object(object) if object.is_flat);
        let is_side_by_side = node.name.is_numbered || is_flat;
        let list = node.name.at(scope.position);
        let mark = out.mark();
        if !is_side_by_side {
            out.open(Key::Name(&list), &[], Shape::List);
        }
        let mut written = 0;
        for item in items.iter().take(each.limit()) {
            scope.effort.step()?;
            let scope = scope.at(item, written);
            let name;
            let key = if is_side_by_side {
                name = node.name.at(written);
                Key::Name(&name)
            } else {
                Key::Item { name: &list, position: written }
            };
            let is_there =
                is_wanted(node, &scope) && self.member((node, &*each.content), key, &scope, out)?;
            written += usize::from(is_there);
        }
        if !is_side_by_side {
            out.close(Key::Name(&list), Shape::List);
        }
        if written > 0 {
            return Ok(true);
        }
        out.roll_back(mark);
        self.no_items(node, scope, out)
    }

    /// Writes the items that the profile has, as far as they are there.
    fn items<'a, W: Writer>(
        &self,
        node: &'a Node,
        items: &'a [Node],
        scope: &Scope<'a>,
        out: &mut W,
    ) -> Result<bool, RenderRefused> {
        let list = node.name.at(scope.position);
        let mark = out.mark();
        if !node.name.is_numbered {
            out.open(Key::Name(&list), &[], Shape::List);
        }
        let mut written = 0;
        for item in items {
            scope.effort.step()?;
            let name;
            let key = if node.name.is_numbered {
                name = node.name.at(written);
                Key::Name(&name)
            } else {
                Key::Item { name: &list, position: written }
            };
            let is_there =
                is_wanted(item, scope) && self.member((item, &item.content), key, scope, out)?;
            written += usize::from(is_there);
        }
        if !node.name.is_numbered {
            out.close(Key::Name(&list), Shape::List);
        }
        if written > 0 {
            return Ok(true);
        }
        out.roll_back(mark);
        self.no_items(node, scope, out)
    }

    /// Writes every field of a lead, or of an item of one of its lists, under its own name.
    fn fields<W: Writer>(&self, fields: &Fields, out: &mut W) {
        for (name, value) in fields.iter() {
            let key = Key::Name(name);
            let Value::List(items) = value else {
                let scalar = plain(Datum::of_lead(value)).map(|scalar| self.typed(scalar));
                out.scalar(key, &[], &scalar.unwrap_or(Scalar::Null));
                continue;
            };
            out.open(key, &[], Shape::List);
            for (position, item) in items.iter().enumerate() {
                let item_key = Key::Item { name, position };
                out.open(item_key, &[], Shape::Object);
                self.fields(item, out);
                out.close(item_key, Shape::Object);
            }
            out.close(key, Shape::List);
        }
    }

    /// What stands for a list without items.
    fn no_items<'a, W: Writer>(
        &self,
        node: &'a Node,
        scope: &Scope<'a>,
        out: &mut W,
    ) -> Result<bool, RenderRefused> {
        let name = node.name.at(scope.position);
        match node.missing {
            Missing::Empty if !node.name.is_numbered => {
                out.open(Key::Name(&name), &[], Shape::List);
                out.close(Key::Name(&name), Shape::List);
                Ok(true)
            }
            Missing::Null if !node.name.is_numbered => {
                out.scalar(Key::Name(&name), &[], &Scalar::Null);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// What stands for a value that is missing.
    fn missing<'a, W: Writer>(
        &self,
        node: &'a Node,
        key: Key<'_>,
        scope: &Scope<'a>,
        out: &mut W,
    ) -> Result<bool, RenderRefused> {
        let empty = match node.missing {
            Missing::Omit => return Ok(false),
            Missing::Null => Scalar::Null,
            Missing::Empty => Scalar::Text(Cow::Borrowed("")),
        };
        out.scalar(key, &made(&node.attributes, scope)?, &empty);
        Ok(true)
    }

    fn typed<'a>(&self, scalar: Scalar<'a>) -> Scalar<'a> {
        match scalar {
            Scalar::Number(digits) if self.all_text => Scalar::Text(digits),
            Scalar::Boolean(truth) if self.all_text => {
                Scalar::Text(Cow::Borrowed(if truth { "true" } else { "false" }))
            }
            scalar => scalar,
        }
    }
}

fn is_wanted<'a>(node: &'a Node, scope: &Scope<'a>) -> bool {
    node.when.as_ref().is_none_or(|when| when.holds(&|source| scope.read(source)))
}

/// The attributes that have a value.
fn made<'a>(
    attributes: &'a [Attribute],
    scope: &Scope<'a>,
) -> Result<Vec<(&'a str, Scalar<'a>)>, RenderRefused> {
    let mut out = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        if let Some(value) = attribute.value.make(scope, &attribute.name)? {
            out.push((attribute.name.as_str(), value));
        }
    }
    Ok(out)
}
