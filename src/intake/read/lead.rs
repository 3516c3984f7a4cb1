//! The fields of a lead, and of the items of its lists.

use super::{Contact, Object, Reader};
use crate::domain::lead::{Fields, Value};
use crate::domain::vertical::{Bound, PiiClass};
use crate::intake::document::Node;
use crate::intake::fault::{FaultCode, Refusal};
use crate::intake::{fields, zip_states};
use crate::registry::vertical::{CompiledField, FieldList, LIST_ITEMS_MAX};

/// Reads the fields of one object in the order of the vertical.
pub(super) fn fields(reader: &mut Reader<'_>, list: &FieldList, object: &Object<'_>) -> Fields {
    let known = list.as_slice();
    let mut nodes: Vec<Option<&Node>> = vec![None; known.len()];
    for (key, node) in object.entries {
        match list.find(key) {
            Some((at, _)) => nodes[at] = Some(node),
            None => reader.unknown(&object.pointer, key),
        }
    }
    let read = known.iter().zip(nodes);
    let values: Vec<Option<Value>> =
        read.map(|(field, node)| value(reader, field, node, object.place(&field.name))).collect();
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
    let present = node.filter(|node| !fields::is_blank(node) && !is_empty_list(node, compiled));
    let Some(node) = present else {
        if is_required(reader, compiled) {
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

/// An empty list is as good as none.
fn is_empty_list(node: &Node, compiled: &CompiledField) -> bool {
    let is_empty = matches!(node, Node::Array(items) if items.is_empty());
    is_empty && !compiled.items.as_slice().is_empty()
}

fn is_required(reader: &Reader<'_>, compiled: &CompiledField) -> bool {
    let is_contact = compiled.field.pii == PiiClass::Contact;
    compiled.field.required && !(is_contact && reader.context.contact == Contact::Optional)
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
        fields(reader, &compiled.items, &Object { entries, pointer })
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
