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
        above: &Facts,
        place: Place,
        depth: usize,
    ) -> Option<usize> {
        let rows = entries.iter().position(|entry| columns(&entry.value).is_some())?;
        let width = columns(&entries.get(rows)?.value)?;
        let above = self.keys.facts(self.engine.rules(), entries.get(rows)?.key.as_bytes()).inherited().or(above);
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
                self.keyed_value(name, cell, own.or(&above), place, depth + 2);
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::path::Path;

    use super::super::{Config, Engine, Tried};
    use super::*;

    fn value(json: &serde_json::Value) -> Value<'static> {
        match json {
            serde_json::Value::Array(elements) => Value::Array(elements.iter().map(value).collect()),
            serde_json::Value::Object(entries) => Value::Map(
                entries.iter().map(|(key, of)| KeyValue { key: Cow::Owned(key.clone()), value: value(of) }).collect(),
            ),
            serde_json::Value::Number(number) => Value::Int(number.as_i64().expect("a whole number")),
            json => Value::String(Cow::Owned(json.as_str().expect("a text").to_owned())),
        }
    }

    fn texts(value: &Value<'_>) -> Vec<String> {
        match value {
            Value::String(text) => vec![text.to_string()],
            Value::Array(elements) => elements.iter().flat_map(texts).collect(),
            Value::Map(entries) => entries.iter().flat_map(|entry| texts(&entry.value)).collect(),
            _ => Vec::new(),
        }
    }

    fn masked(json: serde_json::Value) -> String {
        let engine = Engine::load(&Config::default(), Path::new("."), &"grid".parse().expect("a name"));
        match engine.unwrap_or_else(|errors| panic!("{errors:?}")).trial().mask(None, value(&json)) {
            Tried::Kept(value) | Tried::Masked(value) => texts(&value).join(" "),
            Tried::Dropped => String::new(),
        }
    }

    #[test]
    fn a_column_is_masked_by_its_name() {
        let rows = serde_json::json!([["737", "ok", "5394218385245965"], ["738", "ok", "5394218385245965"]]);
        let columns = serde_json::json!(["cvv", "state", "order_no"]);
        let said = masked(serde_json::json!({ "columns": columns, "rows": rows.clone() }));
        assert!(!said.contains("737") && !said.contains("738"), "{said}");
        assert!(said.matches("5394218385245965").count() == 2 && said.matches("ok").count() == 2, "{said}");
        let named = serde_json::json!([{ "name": "id" }, { "name": "state" }, { "name": "pan" }]);
        let said = masked(serde_json::json!({ "fields": named, "data": rows }));
        assert!(said.contains("737") && !said.contains("5394218385245965"), "{said}");
        // The key of the rows counts as it does without names beside them.
        let said = masked(serde_json::json!({ "a": ["cvv", "x"], "card_number": [["737", "4242424242424241"]] }));
        assert!(!said.contains("4242424242424241"), "{said}");
    }
}
