//! A request that is another one with differences.

use super::super::nearest::hint;
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
        let part = self.part_of_document(section, document.format, document.nesting);
        let Some(part) = part else { return };
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
        self.merge(document, part);
    }

    /// Puts the fields of a query over those of an included one.
    pub(super) fn include_query(&mut self, known: &mut Option<Document>, over: Option<Document>) {
        match (known, over) {
            (_, None) => {}
            (Some(known), Some(over)) => self.merge_nodes(&mut known.nodes, over.nodes),
            (known, over) => *known = over,
        }
    }

    fn merge(&mut self, document: &mut Document, part: Document) {
        for attribute in part.attributes {
            match document.attributes.iter_mut().find(|known| known.name == attribute.name) {
                Some(known) => *known = attribute,
                None => document.attributes.push(attribute),
            }
        }
        self.merge_nodes(&mut document.nodes, part.nodes);
    }

    /// Puts fields over others: a field takes the place of one of its name, objects of one name
    /// become one, also those over the same list, and what is omitted goes.
    fn merge_nodes(&mut self, nodes: &mut Vec<Node>, over: Vec<Node>) {
        for node in over {
            let at = nodes.iter().position(|known| known.name == node.name);
            match (at, &node.content) {
                (Some(at), Content::Omitted) => drop(nodes.remove(at)),
                (None, Content::Omitted) => self.nothing_omitted(nodes, &node),
                (Some(at), _) => self.merge_node(&mut nodes[at], node),
                (None, _) => nodes.push(node),
            }
        }
    }

    fn merge_node(&mut self, known: &mut Node, over: Node) {
        if !are_one(&known.content, &over.content) {
            self.check_replaced(known, &over);
            *known = over;
            return;
        }
        let Node { content, attributes, when, .. } = over;
        match (&mut known.content, content) {
            (Content::Object(known), Content::Object(over)) => self.merge_objects(known, over),
            (Content::Each(each), Content::Each(over)) => {
                each.at_most = over.at_most.or(each.at_most);
                if let (Content::Object(inner), Content::Object(over)) =
                    (&mut *each.content, *over.content)
                {
                    self.merge_objects(inner, over);
                    if inner.is_flat && !known.name.is_numbered {
                        self.check_numbers(&inner.nodes);
                    }
                }
            }
            _ => {}
        }
        for attribute in attributes {
            known.attributes.retain(|known| known.name != attribute.name);
            known.attributes.push(attribute);
        }
        known.when = when.or(known.when.take());
    }

    fn merge_objects(&mut self, known: &mut Object, over: Object) {
        known.is_flat |= over.is_flat;
        self.merge_nodes(&mut known.nodes, over.nodes);
    }

    /// Warns of fields that vanish with what they stand in, which nobody sees in the file.
    fn check_replaced(&mut self, known: &Node, over: &Node) {
        let new: Vec<&str> = inner(&over.content).iter().map(|node| &*node.name.text).collect();
        let lost = inner(&known.content).iter().map(|node| &*node.name.text);
        let lost: Vec<&str> = lost.filter(|name| !new.contains(name)).collect();
        if lost.is_empty() {
            return;
        }
        let name = &over.name.text;
        let message = format!("it takes the place of `{name}`, and is without {}", lost.join(", "));
        let hint = format!(
            "write the same `each` to add to it; if it is meant, write {name} = {{ omit = true }} \
             and give this another name"
        );
        self.faults.warning(over.place.place(), message, Some(hint));
    }

    fn nothing_omitted(&mut self, nodes: &[Node], node: &Node) {
        let names: Vec<&str> = nodes.iter().map(|known| &*known.name.text).collect();
        let message = format!("there is no `{}` here that could be left out", node.name.text);
        self.faults.warning(node.place.place(), message, hint(&node.name.text, &names));
    }
}

/// Whether two parts of one name become one: objects, and objects for each item of the same list.
fn are_one(known: &Content, over: &Content) -> bool {
    match (known, over) {
        (Content::Object(_), Content::Object(_)) => true,
        (Content::Each(known), Content::Each(over)) => {
            known.list.value == over.list.value
                && matches!(*known.content, Content::Object(_))
                && matches!(*over.content, Content::Object(_))
        }
        _ => false,
    }
}

/// The fields that stand in a part.
fn inner(content: &Content) -> &[Node] {
    match content {
        Content::Object(object) => &object.nodes,
        Content::Each(each) => inner(&each.content),
        _ => &[],
    }
}
