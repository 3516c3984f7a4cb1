//! Names of XML elements, attributes and namespaces.

use std::collections::BTreeSet;

use super::super::fault::Faults;
use super::super::section::Literal;
use super::node::{Attribute, Content, Document, Node, Object, Origin};

/// Namespaces that nothing may be bound to.
const RESERVED: [&str; 2] =
    ["http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"];

/// Whether a text can name an element or an attribute: letters, digits, `_`, `-`, `.`, with one
/// prefix at most.
pub(super) fn is_element_name(name: &str) -> bool {
    let is_plain = |part: &str| {
        let mut chars = part.chars();
        chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    match name.split_once(':') {
        None => is_plain(name),
        Some((prefix, local)) => is_plain(prefix) && is_plain(local),
    }
}

/// Notes every prefix that is bound to no namespace, where `bound` are bound around the document.
pub(super) fn check_names(document: &Document, bound: &[&str], faults: &mut Faults<'_>) {
    let mut prefixes: BTreeSet<&str> = bound.iter().copied().collect();
    prefixes.insert("xml");
    let root = super::super::fault::Place { at: 0, path: "" };
    let place = document.nodes.first().map_or(root, |node| node.place.place());
    declare(&document.attributes, &mut prefixes, |message| faults.error(place, message));
    for name in &document.wrap {
        check_element(name, &prefixes, |message| faults.error(place, message));
    }
    check_attributes(&document.attributes, &prefixes, |message| faults.error(place, message));
    document.nodes.iter().for_each(|node| check_node(node, &prefixes, faults));
}

fn check_node(node: &Node, around: &BTreeSet<&str>, faults: &mut Faults<'_>) {
    let mut prefixes = around.clone();
    let mut note = |message| faults.error(node.place.place(), message);
    declare(&node.attributes, &mut prefixes, &mut note);
    check_attributes(&node.attributes, &prefixes, &mut note);
    let content = match &node.content {
        Content::Each(each) => &each.content,
        content => content,
    };
    let is_flat = matches!(content, Content::Object(object) if object.is_flat);
    if !is_flat || node.name.is_numbered {
        check_element(&node.name.text, &prefixes, &mut note);
    }
    let (Content::Object(Object { nodes, .. }) | Content::Items(nodes)) = content else { return };
    nodes.iter().for_each(|node| check_node(node, &prefixes, faults));
}

/// Adds the prefixes that attributes bind.
fn declare<'n>(
    attributes: &'n [Attribute],
    prefixes: &mut BTreeSet<&'n str>,
    mut note: impl FnMut(String),
) {
    for attribute in attributes {
        let prefix = attribute.name.strip_prefix("xmlns:");
        if prefix.is_none() && attribute.name != "xmlns" {
            continue;
        }
        let namespace = match &attribute.value.origin {
            Origin::Constant(Literal::Text(namespace)) => namespace.as_str(),
            _ => "",
        };
        let is_bad = namespace.is_empty() || RESERVED.contains(&namespace);
        if is_bad || matches!(prefix, Some("xml" | "xmlns")) || attribute.value.when.is_some() {
            note(format!("`{}` is a constant text: the namespace's name", attribute.name));
        }
        prefixes.extend(prefix);
    }
}

fn check_element(name: &str, prefixes: &BTreeSet<&str>, mut note: impl FnMut(String)) {
    let prefix = name.split_once(':').map(|(prefix, _)| prefix);
    match prefix {
        Some("xmlns" | "xml") => note(format!("`{name}` cannot name an element")),
        Some(prefix) if !prefixes.contains(prefix) => note(unbound(prefix)),
        _ if name == "xmlns" => note("`xmlns` cannot name an element".to_owned()),
        _ => {}
    }
}

fn check_attributes(
    attributes: &[Attribute],
    prefixes: &BTreeSet<&str>,
    mut note: impl FnMut(String),
) {
    for attribute in attributes {
        let prefix = attribute.name.split_once(':').map(|(prefix, _)| prefix);
        if let Some(prefix) = prefix
            && prefix != "xmlns"
            && !prefixes.contains(prefix)
        {
            note(unbound(prefix));
        }
    }
}

fn unbound(prefix: &str) -> String {
    format!("the prefix `{prefix}` is bound to no namespace; add the attribute `xmlns:{prefix}`")
}
