//! A request that is another one with differences.

use super::super::section::Section;
use super::node::{Content, Document, Node, Object};
use super::parse::Parser;
use super::{Body, Soap};

impl Parser<'_, '_> {
    /// Changes an included body by what the table says of it.
    pub(super) fn include_body(&mut self, section: &mut Section<'_>, body: &mut Body) {
        let keys = ["fields", "wrap", "attributes", "missing", "types", "nesting", "declaration"];
        let says_something = keys.iter().any(|key| section.has(key));
        if let Body::Soap(Soap { action, .. }) = body
            && let Some(text) = section.text("soap_action", self.faults)
        {
            *action = Some(text.value);
        }
        let Some(document) = body.document_mut() else {
            if says_something {
                let message = "what is included has no fields that could be changed";
                self.faults.error(section.place(), message);
            }
            return;
        };
        if !says_something {
            return;
        }
        let says = keys.map(|key| section.has(key));
        let [_, wraps, _, _, types, nests, declares] = says;
        let Some(part) = self.part_of_document(section, document.format) else { return };
        if wraps {
            document.wrap.clone_from(&part.wrap);
        }
        if types {
            document.all_text = part.all_text;
        }
        if nests {
            document.nesting = part.nesting;
        }
        if declares {
            document.declares = part.declares;
        }
        merge(document, part);
    }
}

fn merge(document: &mut Document, part: Document) {
    for attribute in part.attributes {
        match document.attributes.iter_mut().find(|known| known.name == attribute.name) {
            Some(known) => *known = attribute,
            None => document.attributes.push(attribute),
        }
    }
    merge_nodes(&mut document.nodes, part.nodes);
}

/// Puts fields over others: a field takes the place of one of its name, objects of one name become
/// one, and what is omitted goes.
fn merge_nodes(nodes: &mut Vec<Node>, over: Vec<Node>) {
    for node in over {
        let Some(at) = nodes.iter().position(|known| known.name == node.name) else {
            if !matches!(node.content, Content::Omitted) {
                nodes.push(node);
            }
            continue;
        };
        match (&mut nodes[at].content, node) {
            (_, Node { content: Content::Omitted, .. }) => {
                nodes.remove(at);
            }
            (
                Content::Object(Object { nodes: known, .. }),
                Node { content: Content::Object(Object { nodes: over, .. }), attributes, .. },
            ) => {
                merge_nodes(known, over);
                let known = &mut nodes[at].attributes;
                for attribute in attributes {
                    known.retain(|known| known.name != attribute.name);
                    known.push(attribute);
                }
            }
            (_, node) => nodes[at] = node,
        }
    }
}
