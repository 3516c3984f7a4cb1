//! `gavel buyer fields`

use serde::Serialize;

use super::folder::{vertical_of, verticals};
use super::{BuyerError, Fields, Findings};
use crate::domain::disclosure::ContactTrace;
use crate::domain::vertical::{Exposure, Field, PiiClass, Vertical};
use crate::integration::coarse_name;

/// Tells what leads of a vertical have, and what of it a ping shows.
pub(super) fn fields(order: &Fields) -> Result<Findings, BuyerError> {
    let verticals = verticals(order.verticals.as_deref())?;
    let vertical = vertical_of(&verticals, &order.vertical).map_err(BuyerError::Asked)?;
    Ok(Findings { text: table(vertical.vertical()), failure: None })
}

/// One line for each field, its parts in columns.
fn table(vertical: &Vertical) -> String {
    let heads = ["field", "type", "", "class", "in a ping", "values"];
    let mut rows = vec![heads.map(str::to_owned)];
    for field in &vertical.fields {
        rows.push(row(field.name.clone(), (field, None), vertical));
        let name = |inner: &Field| format!("  {}.{}", field.name, inner.name);
        rows.extend(
            field.item.iter().map(|inner| row(name(inner), (inner, Some(field)), vertical)),
        );
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = format!("{}: {}\n\n", vertical.id, vertical.name);
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<String>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let required = vertical.consent.required.iter().map(word);
    let required: Vec<String> = required.collect();
    if !required.is_empty() {
        text.push_str(&format!("\nof the consent there has to be: {}\n", required.join(", ")));
    }
    text
}

fn row(name: String, (field, list): (&Field, Option<&Field>), vertical: &Vertical) -> [String; 6] {
    let required = if field.required { "required" } else { "" };
    let shown = in_ping((field, list), vertical);
    let values = field.values.join(", ");
    [name, word(field.kind), required.to_owned(), word(field.pii), shown, values]
}

/// How the field goes into a ping: as it is, by a coarser name, by disclosure, or never.
fn in_ping((field, list): (&Field, Option<&Field>), vertical: &Vertical) -> String {
    let disclosed = list.unwrap_or(field);
    let is_contact = |field: &Field| field.pii == PiiClass::Contact;
    // A list is disclosed whole, so that one with contact data in it never is.
    let is_forbidden = vertical.forbidden_class(&disclosed.name).is_some();
    let can_be_disclosed =
        !is_forbidden && !is_contact(disclosed) && !disclosed.item.iter().any(is_contact);
    let by_disclosure = format!("with the disclosure `{}`", disclosed.name);
    let is_list_shown = list.is_none_or(|list| list.exposure == Exposure::AsIs);
    let coarse = coarse_name(field).filter(|_| is_list_shown && !is_contact(field));
    match (field.exposure, coarse) {
        _ if is_contact(field) => traces(field, vertical),
        (Exposure::AsIs, _) if is_list_shown => "as it is".to_owned(),
        (_, Some(coarse)) if can_be_disclosed => format!("as `{coarse}`, or {by_disclosure}"),
        (_, Some(coarse)) => format!("as `{coarse}`"),
        (_, None) if can_be_disclosed => by_disclosure,
        (_, None) => "never".to_owned(),
    }
}

/// What stands for contact data by disclosure: never the value itself.
fn traces(field: &Field, vertical: &Vertical) -> String {
    let names =
        ["domain", "area", "md5", "sha1", "sha256"].map(|end| format!("{}_{end}", field.name));
    let is_there = |name: &&String| {
        let found = ContactTrace::find(vertical, name);
        found.is_some_and(|(of, _)| of == field) && vertical.forbidden_class(name).is_none()
    };
    let names: Vec<&str> = names.iter().filter(is_there).map(String::as_str).collect();
    match names.as_slice() {
        [] => "never".to_owned(),
        names => format!("never; with disclosures `{}`", names.join("`, `")),
    }
}

/// A word as files have it.
fn word(value: impl Serialize) -> String {
    let written = serde_json::to_value(value).ok();
    written.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned()
}
