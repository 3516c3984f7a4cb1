//! Verticals, checked: a field list that intake, filters and pings can rely on.
//!
//! This module decides whether a vertical makes sense (names, bounds, values, what a ping may show)
//! and puts its fields where they are found fast. It reads no file: it is given the text, and the
//! verticals that come with the program are part of it. It knows no lead and no value of one; the
//! rules by which values are read stand in `intake`.

mod check;
mod file;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::domain::slug::VerticalId;
use crate::domain::vertical::{Field, FieldType, Vertical};

pub use check::{
    BUCKETS_MAX, ENUM_VALUES_MAX, FIELD_NAME_LENGTH_MAX, FIELDS_MAX, LIST_ITEMS_MAX,
    TEXT_LENGTH_MAX, VALUE_LENGTH_MAX,
};
pub use file::{InvalidVerticalFile, VERTICAL_FILE_BYTES_MAX, parse_toml, shipped};

/// Something in a vertical that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerticalFault {
    /// Where: `field drivers.age`, `consent.required`, `name`.
    pub at: String,
    /// What is wrong and what would be right, in one sentence.
    pub detail: String,
}

impl fmt::Display for VerticalFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.at, self.detail)
    }
}

/// A vertical that passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct CompiledVertical {
    vertical: Vertical,
    fields: FieldList,
}

impl CompiledVertical {
    /// The slug.
    #[must_use]
    pub const fn id(&self) -> &VerticalId {
        &self.vertical.id
    }

    /// The vertical as it was described.
    #[must_use]
    pub const fn vertical(&self) -> &Vertical {
        &self.vertical
    }

    /// The fields of `lead`.
    #[must_use]
    pub const fn fields(&self) -> &FieldList {
        &self.fields
    }

    /// The top-level field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.find(name).map(|(_, compiled)| &compiled.field)
    }
}

/// The fields of a lead, or of one item of a list, in the order of the vertical.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FieldList {
    fields: Vec<CompiledField>,
    by_name: HashMap<Arc<str>, usize>,
}

impl FieldList {
    fn new(fields: &[Field]) -> Self {
        let by_name: HashMap<Arc<str>, usize> =
            fields.iter().enumerate().map(|(at, field)| (Arc::from(&*field.name), at)).collect();
        let compile = |field: &Field| CompiledField {
            name: Arc::from(&*field.name),
            items: Self::new(&field.item),
            state: state_beside(field).and_then(|name| by_name.get(&*name).copied()),
            field: field.clone(),
        };
        Self { fields: fields.iter().map(compile).collect(), by_name }
    }

    /// Place and field of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(usize, &CompiledField)> {
        let at = *self.by_name.get(name)?;
        Some((at, self.fields.get(at)?))
    }

    /// The fields in the order of the vertical.
    #[must_use]
    pub fn as_slice(&self) -> &[CompiledField] {
        &self.fields
    }
}

/// One field with what is looked up for every lead.
#[derive(Debug, Clone, PartialEq)]
pub struct CompiledField {
    /// The name, ready to be shared by the leads that have the field.
    pub name: Arc<str>,
    /// The field as it was described.
    pub field: Field,
    /// The fields of each item of a list; empty for every other type.
    pub items: FieldList,
    /// Of a ZIP code: the place, in the same list, of the state it must lie in. `zip` goes with
    /// `state`, `garaging_zip` with `garaging_state`.
    pub state: Option<usize>,
}

fn state_beside(field: &Field) -> Option<String> {
    let prefix = field.name.strip_suffix("zip").filter(|_| field.kind == FieldType::Zip)?;
    Some(format!("{prefix}state"))
}

/// Checks `vertical` and makes it ready for use.
///
/// # Errors
/// Every fault there is, in the order of the fields.
pub fn compile(vertical: Vertical) -> Result<CompiledVertical, Vec<VerticalFault>> {
    let faults = check::faults(&vertical);
    if !faults.is_empty() {
        return Err(faults);
    }
    let fields = FieldList::new(&vertical.fields);
    Ok(CompiledVertical { vertical, fields })
}

#[cfg(test)]
mod tests;
