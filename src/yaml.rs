//! YAML as a tree in which every value knows its line, for files that people write: the configuration and the rule files.
//!
//! Reading a file into such a tree first lets a reader name the place of each mistake, and all mistakes at once. A key that
//! stands twice in one mapping is refused here; what a value means is for the module that reads it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A value with its line (1-based; 0 where it is not known).
pub(crate) struct Node {
    pub(crate) line: u64,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Double(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Of the key.
    pub(crate) line: u64,
    pub(crate) node: Node,
}

/// Why a text is no tree, and where (1-based; 0 where it is not known).
pub(crate) struct Error {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) twice: bool,
    /// The parser's words. They may repeat the text: not for a file that may hold a secret.
    pub(crate) message: String,
}

/// Reads a whole text.
pub(crate) fn parse(text: &str) -> Result<Node, Error> {
    match serde_saphyr::from_str::<Spanned<Value>>(text) {
        Ok(root) => Ok(Node::from(root)),
        Err(error) => {
            let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
            let text = error.to_string();
            Err(Error {
                line,
                column,
                twice: text.contains("duplicate mapping key"),
                message: text.lines().next().unwrap_or_default().to_owned(),
            })
        }
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self { line: spanned.referenced.line(), value: spanned.value }
    }
}

impl Node {
    /// The value of a key, where this is a mapping that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// A whole number, 0 or more.
    pub(crate) fn count(&self) -> Option<u64> {
        match self.value {
            Value::Int(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// The line of the value that `keys` lead to, or of the last one on the way that exists. A key of a list is an index.
    pub(crate) fn line_of<'k>(&self, keys: impl Iterator<Item = &'k str>) -> u64 {
        let mut node = self;
        for key in keys {
            let next = match &node.value {
                Value::List(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => node.entry(key),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.line
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
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
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Int(value.into()))
    }
    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Int(value))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Double(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(item.into());
        }
        Ok(Value::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let node = map.next_value::<Spanned<Value>>()?.into();
            entries.push(Entry { key: key.value, line: key.referenced.line(), node });
        }
        Ok(Value::Map(entries))
    }
}
