//! JSON as values of a record and back: how a line of `rules test --jsonl` writes what an attribute holds.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sealtrail_chain::content::{KeyValue, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What a value is to be taken for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    String,
    Int,
    Double,
    Bool,
    Bytes,
    Json,
}

impl Kind {
    /// A kind by its name, by OTLP's name of it, and as languages call it.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Some(match name.strip_suffix("value").unwrap_or(&name).trim_end_matches('_') {
            "" | "string" | "str" | "text" => Self::String,
            "int" | "integer" | "int64" | "long" => Self::Int,
            "double" | "float" | "float64" | "number" => Self::Double,
            "bool" | "boolean" => Self::Bool,
            "bytes" | "binary" => Self::Bytes,
            "json" | "map" | "kvlist" | "object" | "array" | "list" => Self::Json,
            _ => return None,
        })
    }
}

/// The value that a line's `text` stands for. What is not of the kind that it claims to be is a string, as it is written.
pub(super) fn value_of(raw: &RawValue, kind: Option<Kind>) -> Value<'static> {
    let written = raw.get();
    let quoted = written.starts_with('"');
    let text = if quoted { text_of(raw).unwrap_or_default() } else { written.to_owned() };
    let kind = kind.unwrap_or(match written.as_bytes() {
        [b'"', ..] => Kind::String,
        [b't' | b'f', ..] => Kind::Bool,
        [b'-' | b'0'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => Kind::Int,
        [b'-' | b'0'..=b'9', ..] => Kind::Double,
        _ => Kind::Json,
    });
    let trimmed = text.trim();
    let value = match kind {
        Kind::String => None,
        Kind::Int => trimmed.parse().ok().map(Value::Int),
        Kind::Double => trimmed.parse().ok().filter(|double: &f64| double.is_finite()).map(Value::Double),
        Kind::Bool => trimmed.parse().ok().map(Value::Bool),
        Kind::Bytes => Some(Value::Bytes(Cow::Owned(bytes_of(trimmed).unwrap_or_else(|| text.clone().into_bytes())))),
        Kind::Json => serde_json::from_str(trimmed).ok().map(|Tree(value)| value),
    };
    value.unwrap_or(Value::String(Cow::Owned(text)))
}

/// The bytes that base64 stands for, when they are text themselves. Else the text is that of the bytes.
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    let is_text = |text: &str| text.chars().all(|sign| !sign.is_control() || sign.is_whitespace());
    std::str::from_utf8(&bytes).is_ok_and(is_text).then_some(bytes)
}

/// A masked value in place of `raw`: within quotes where that was, in base64 where the bytes were.
pub(super) fn written(value: &Value<'_>, raw: &RawValue, kind: Option<Kind>) -> String {
    if kind == Some(Kind::Bytes)
        && let Value::String(text) = value
        && text_of(raw).and_then(|before| bytes_of(before.trim())).is_some()
    {
        return quoted(&BASE64_STANDARD.encode(text.as_bytes()));
    }
    let raw = raw.get();
    let mut json = String::new();
    push(value, &mut json);
    if raw.starts_with('"') && !json.starts_with('"') { quoted(&json) } else { json }
}

/// A JSON string as text; other values as they are written, `null` as none. Of a lone surrogate U+FFFD are left.
pub(super) fn text_of(raw: &RawValue) -> Option<String> {
    if raw.get() == "null" {
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    // As bytes: as a string, serde_json refuses a lone surrogate.
    Some(deserializer.deserialize_bytes(Lossy).unwrap_or_else(|_| raw.get().to_owned()))
}

struct Lossy;

impl Visitor<'_> for Lossy {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string is JSON")
}

/// Writes a value as JSON; bytes as their text, which is all that is left of them once masked.
fn push(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::String(text) => out.push_str(&quoted(text)),
        Value::Bool(bool) => out.push_str(if *bool { "true" } else { "false" }),
        Value::Int(int) => out.push_str(&int.to_string()),
        Value::Double(double) => out.push_str(&serde_json::to_string(double).unwrap_or_default()),
        Value::Bytes(bytes) => out.push_str(&quoted(&String::from_utf8_lossy(bytes))),
        Value::Array(elements) => list(out, ['[', ']'], elements, |element, out| push(element, out)),
        Value::Map(entries) => list(out, ['{', '}'], entries, |entry, out| {
            out.push_str(&quoted(&entry.key));
            out.push(':');
            push(&entry.value, out);
        }),
    }
}

fn list<T>(out: &mut String, [open, close]: [char; 2], items: &[T], mut push: impl FnMut(&T, &mut String)) {
    out.push(open);
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        push(item, out);
    }
    out.push(close);
}

/// Any JSON as a value.
struct Tree(Value<'static>);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, bool: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(bool))
    }
    fn visit_i64<E>(self, int: i64) -> Result<Self::Value, E> {
        Ok(Value::Int(int))
    }
    fn visit_u64<E>(self, int: u64) -> Result<Self::Value, E> {
        // OTLP has no larger integers: as a text, no digit is lost.
        Ok(i64::try_from(int).map_or_else(|_| Value::String(Cow::Owned(int.to_string())), Value::Int))
    }
    fn visit_f64<E>(self, double: f64) -> Result<Self::Value, E> {
        Ok(Value::Double(double))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(Tree(element)) = items.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, Tree(value))) = map.next_entry::<String, _>()? {
            entries.push(KeyValue { key: Cow::Owned(key), value });
        }
        Ok(Value::Map(entries))
    }
}
