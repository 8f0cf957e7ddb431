//! The YAML as a tree that knows the line of every value.

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::ConfigError;

/// A YAML value with its line (1-based; 0 where it is not known).
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) value: Value,
}

pub(super) enum Value {
    Null,
    Scalar(serde_json::Value),
    Sequence(Vec<Node>),
    Mapping(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        if text.trim().is_empty() {
            return Ok(Self { line: 1, value: Value::Mapping(Vec::new()) });
        }
        serde_saphyr::from_str::<Self>(text).map_err(|error| {
            let path = path.to_owned();
            let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
            // The message is only looked at, never shown: it may repeat the file's text.
            if error.to_string().contains("duplicate mapping key") {
                ConfigError::Twice { path, line, column }
            } else {
                ConfigError::Yaml { path, line, column }
            }
        })
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Scalar(scalar) => scalar.clone(),
            Value::Sequence(items) => items.iter().map(Self::to_json).collect(),
            // An empty section (`wal:`) means its defaults.
            Value::Mapping(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .filter(|(_, node)| !matches!(node.value, Value::Null))
                    .map(|(key, node)| (key.clone(), node.to_json()))
                    .collect(),
            ),
        }
    }

    /// The line of the value that `keys` lead to, or of the last one on the way that exists.
    pub(super) fn line_of<'k>(&self, keys: impl Iterator<Item = &'k str>) -> u64 {
        let mut node = self;
        for key in keys {
            let next = match &node.value {
                Value::Mapping(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
                Value::Sequence(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
                Value::Null | Value::Scalar(_) => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.line
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { line: spanned.referenced.line(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element::<Node>()? {
            nodes.push(node);
        }
        Ok(Value::Sequence(nodes))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(entry) = entries.next_entry::<String, Node>()? {
            nodes.push(entry);
        }
        Ok(Value::Mapping(nodes))
    }
}
