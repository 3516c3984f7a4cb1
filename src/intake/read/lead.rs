//! The fields of a lead, and of the items of its lists.

use super::{Contact, Object, Reader};
use crate::domain::lead::{Fields, Value};
use crate::domain::vertical::{Bound, PiiClass};
use crate::intake::document::Node;
use crate::intake::fault::{FaultCode, Refusal};
use crate::intake::{fields, zip_states};
use crate::registry::vertical::{CompiledField, FieldList, LIST_ITEMS_MAX};

/// Reads the fields of one object in the order of the vertical.
///
/// With `pinged`, what a ping said of it is fixed: only contact fields are new.
pub(super) fn fields(
    reader: &mut Reader<'_>,
    list: &FieldList,
    object: &Object<'_>,
    pinged: Option<&Fields>,
) -> Fields {
    let known = list.as_slice();
    let mut nodes: Vec<Option<&Node>> = vec![None; known.len()];
    for (key, node) in object.entries {
        match list.find(key) {
            Some((at, _)) => nodes[at] = Some(node),
            None => reader.unknown(&object.pointer, key),
        }
    }
    let read = known.iter().zip(nodes);
    let values: Vec<Option<Value>> = read
        .map(|(field, node)| {
            let place = object.place(&field.name);
            match pinged.filter(|_| !is_contact(field)) {
                Some(pinged) => fixed(reader, field, (pinged.value(&field.name), node), place),
                None => value(reader, field, node, place),
            }
        })
        .collect();
    for (field, value) in known.iter().zip(&values) {
        let state = field.state.and_then(|at| values.get(at)?.as_ref());
        if let (Some(Value::Text(zip)), Some(Value::Text(state))) = (value, state)
            && !zip_states::lies_in(zip, state)
        {
            let rule = "the ZIP code lies in another state than the one given";
            let refusal = Refusal::new(FaultCode::ZipNotInState, rule);
            reader.fault(refusal, object.place(&field.name));
        }
    }
    let mut fields = Fields::new();
    for (field, value) in known.iter().zip(values) {
        if let Some(value) = value {
            fields.push(field.name.clone(), value);
        }
    }
    fields
}

fn value(
    reader: &mut Reader<'_>,
    compiled: &CompiledField,
    node: Option<&Node>,
    pointer: String,
) -> Option<Value> {
    let present = present(node, compiled);
    if is_contact(compiled) && reader.context.contact == Contact::LeftAside {
        if present.is_some() {
            reader.contact_in_ping(pointer);
        }
        return None;
    }
    let Some(node) = present else {
        if compiled.field.required {
            reader.required(pointer);
        }
        return None;
    };
    if compiled.items.as_slice().is_empty() {
        let read = fields::read(&compiled.field, node, &reader.field);
        return reader.keep(read, pointer);
    }
    list(reader, compiled, node, pointer)
}

/// A field that the ping has fixed: as it was, or left out. The contact fields of a list's items
/// come with the post, item by item.
fn fixed(
    reader: &mut Reader<'_>,
    compiled: &CompiledField,
    (pinged, node): (Option<&Value>, Option<&Node>),
    pointer: String,
) -> Option<Value> {
    let node = present(node, compiled);
    if let Some(Value::List(items)) = pinged {
        return Some(Value::List(fixed_items(reader, compiled, (items, node), pointer)));
    }
    let Some(node) = node else { return pinged.cloned() };
    if !compiled.items.as_slice().is_empty() {
        reader.frozen(pointer);
        return None;
    }
    let read = fields::read(&compiled.field, node, &reader.field);
    let value = reader.keep(read, pointer.clone())?;
    if pinged != Some(&value) {
        reader.frozen(pointer);
    }
    Some(value)
}

fn fixed_items(
    reader: &mut Reader<'_>,
    compiled: &CompiledField,
    (pinged, node): (&[Fields], Option<&Node>),
    pointer: String,
) -> Vec<Fields> {
    let nodes: Vec<Option<&Node>> = match node {
        None => vec![None; pinged.len()],
        Some(Node::Array(nodes)) if nodes.len() == pinged.len() => nodes.iter().map(Some).collect(),
        Some(_) => {
            reader.frozen(pointer);
            return Vec::new();
        }
    };
    let read = pinged.iter().zip(nodes).enumerate().map(|(at, (pinged, node))| {
        let pointer = format!("{pointer}/{at}");
        let entries = match node {
            None => &[][..],
            Some(Node::Object(entries)) => entries,
            Some(_) => {
                reader.fault(Refusal::new(FaultCode::Type, "an object"), pointer);
                return Fields::new();
            }
        };
        fields(reader, &compiled.items, &Object { entries, pointer }, Some(pinged))
    });
    read.collect()
}

/// The value of a field, unless it is as good as none.
fn present<'n>(node: Option<&'n Node>, compiled: &CompiledField) -> Option<&'n Node> {
    node.filter(|node| !fields::is_blank(node) && !is_empty_list(node, compiled))
}

fn is_contact(compiled: &CompiledField) -> bool {
    compiled.field.pii == PiiClass::Contact
}

/// An empty list is as good as none.
fn is_empty_list(node: &Node, compiled: &CompiledField) -> bool {
    let is_empty = matches!(node, Node::Array(items) if items.is_empty());
    is_empty && !compiled.items.as_slice().is_empty()
}

fn list(
    reader: &mut Reader<'_>,
    compiled: &CompiledField,
    node: &Node,
    pointer: String,
) -> Option<Value> {
    let Node::Array(items) = node else {
        reader.fault(Refusal::new(FaultCode::Type, "a list of objects"), pointer);
        return None;
    };
    let (min, max) = (items_min(compiled), items_max(compiled));
    if items.len() > max {
        let refusal = Refusal::new(FaultCode::TooManyItems, format!("at most {max} items"));
        reader.fault(refusal, pointer);
        return None;
    }
    if items.len() < min {
        let refusal = Refusal::new(FaultCode::TooFewItems, format!("at least {min} items"));
        reader.fault(refusal, pointer.clone());
    }
    let read = items.iter().enumerate().map(|(at, item)| {
        let pointer = format!("{pointer}/{at}");
        let Node::Object(entries) = item else {
            reader.fault(Refusal::new(FaultCode::Type, "an object"), pointer);
            return Fields::new();
        };
        fields(reader, &compiled.items, &Object { entries, pointer }, None)
    });
    Some(Value::List(read.collect()))
}

/// The fewest items a list has if it is there.
pub fn items_min(compiled: &CompiledField) -> usize {
    count(compiled.field.min).unwrap_or(0)
}

/// The most items a list has.
pub fn items_max(compiled: &CompiledField) -> usize {
    count(compiled.field.max).unwrap_or(LIST_ITEMS_MAX as usize)
}

fn count(bound: Option<Bound>) -> Option<usize> {
    match bound {
        Some(Bound::Number(number)) => usize::try_from(number.to_integer()?).ok(),
        _ => None,
    }
}
