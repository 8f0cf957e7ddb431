//! Tables in values: a map that holds a list of names and, under another key, rows of as many values, as drivers of databases and
//! services that answer queries write them (`{"columns": [id, cvv], "rows": [[1, 737]]}`).
//!
//! The name of a column is the key of its values. A value that a rule drops leaves its place empty, so that the row keeps its shape.

use sealtrail_chain::content::{KeyValue, Value};

use super::engine::Session;
use super::keys::Facts;
use super::rules::Place;

/// Columns of a table.
const MAX_COLUMNS: usize = 64;

impl Session<'_> {
    /// Masks the rows of the table that a map is, whose key says `above`; which of its entries they are.
    pub(super) fn grid(
        &mut self,
        entries: &mut [KeyValue<'_>],
        above: Facts,
        place: Place,
        depth: usize,
    ) -> Option<usize> {
        let rows = entries.iter().position(|entry| columns(&entry.value).is_some())?;
        let width = columns(&entries.get(rows)?.value)?;
        let names = entries.iter().filter_map(|entry| names(&entry.value)).find(|names| names.len() == width)?;
        let columns: Vec<(String, Facts)> = names
            .into_iter()
            .map(|name| (name.to_owned(), self.keys.facts(self.engine.rules(), name.as_bytes())))
            .collect();
        if columns.iter().all(|(_, facts)| facts.keyed | facts.lift | facts.against == 0) {
            return None;
        }
        let Value::Array(elements) = &mut entries.get_mut(rows)?.value else { return None };
        for row in elements {
            let Value::Array(cells) = row else { continue };
            for (cell, (name, own)) in cells.iter_mut().zip(&columns) {
                self.keyed_value(name, cell, own.or(above), place, depth + 2);
            }
        }
        Some(rows)
    }
}

/// How many columns a list of rows has, if it is one.
fn columns(value: &Value<'_>) -> Option<usize> {
    let Value::Array(rows) = value else { return None };
    let width = |row: &Value<'_>| match row {
        Value::Array(cells) => Some(cells.len()),
        _ => None,
    };
    let first = width(rows.first()?)?;
    rows.iter().all(|row| width(row) == Some(first)).then_some(first)
}

/// The names in a list of nothing else.
fn names<'v>(value: &'v Value<'_>) -> Option<Vec<&'v str>> {
    let Value::Array(elements) = value else { return None };
    let name = |element: &'v Value<'_>| match element {
        Value::String(name) => Some(name.as_ref()),
        Value::Map(entries) => entries.iter().find(|entry| entry.key == "name").and_then(|entry| match &entry.value {
            Value::String(name) => Some(name.as_ref()),
            _ => None,
        }),
        _ => None,
    };
    if !(1..=MAX_COLUMNS).contains(&elements.len()) {
        return None;
    }
    elements.iter().map(name).collect()
}
