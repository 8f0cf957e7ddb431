//! Record to canonical text: RFC 8785 over the OTLP/JSON mapping (FORMAT.md, "Content").
//!
//! The members of each message are written in a fixed order, which is the sorted one, so nothing is sorted here.
//! `parse` is the inverse and knows the same order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hex::push_hex;
use super::number::{push_double, push_integer};
use super::{Auth, By, Content, Context, KeyValue, LogRecord, Origin, Resource, Scope, Value};

/// The canonical text behind `"logRecord":{…}`, shared by the records of one `ScopeLogs`: from the comma to the last brace.
#[derive(Clone, PartialEq, Eq)]
pub struct Tail(pub(super) String);

impl Tail {
    /// Writes what the records of `context` share.
    pub fn write(context: &Context<'_>) -> Self {
        let mut out = String::with_capacity(512);
        out.push_str(",\"received\":");
        push_origin(&mut out, &context.received);
        push_resource(&mut out, &context.resource);
        push_text_member(&mut out, ",\"resourceSchemaUrl\":\"", &context.resource_schema_url);
        push_scope(&mut out, &context.scope);
        push_text_member(&mut out, ",\"scopeSchemaUrl\":\"", &context.scope_schema_url);
        out.push('}');
        Self(out)
    }

    /// Bytes of the text.
    #[allow(clippy::len_without_is_empty, reason = "it is never empty: `received` always stands in it")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Writes the canonical text of a record.
pub(super) fn content(log: &LogRecord<'_>, tail: &Tail) -> Content {
    let mut out = String::with_capacity(likely_len(log, tail));
    append(&mut out, log, tail);
    Content(out)
}

/// Appends the canonical text of one log record under what its neighbours share, as [`Content::write`] makes it.
pub fn append(out: &mut String, log: &LogRecord<'_>, tail: &Tail) {
    out.push_str("{\"logRecord\":");
    push_log(out, log);
    out.push_str(&tail.0);
}

impl Value<'_> {
    /// The value as its JSON stands in content: `{"intValue":"1"}`; of `Null`: `{}`.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        push_value(&mut out, self);
        out
    }
}

/// Whether a sender's event name, scope name or attribute key matches `(sender\.)*sealtrail\.` and so must get one more
/// `sender.` in front before it is sealed.
pub fn is_reserved(name: &str) -> bool {
    let mut rest = name;
    while let Some(inner) = rest.strip_prefix("sender.") {
        rest = inner;
    }
    rest.starts_with("sealtrail.")
}

/// A guess at the bytes of a record's canonical text, above them for all but texts full of escapes: so that it grows in one
/// piece.
pub fn likely_len(log: &LogRecord<'_>, tail: &Tail) -> usize {
    let attributes: usize = log.attributes.iter().map(|pair| 48 + pair.key.len() + likely_value_len(&pair.value)).sum();
    320 + 2 * (log.trace_id.len() + log.span_id.len())
        + log.severity_text.len()
        + log.event_name.len()
        + likely_value_len(&log.body)
        + attributes
        + tail.len()
}

fn likely_value_len(value: &Value<'_>) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len() / 3 * 4 + 8,
        Value::Array(values) => 64 * values.len(),
        Value::Map(pairs) => 96 * pairs.len(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Double(_) => 16,
    }
}

/// Writes the members of one message: the comma before all but the first is part of each name.
struct Members<'o> {
    out: &'o mut String,
    any: bool,
}

impl<'o> Members<'o> {
    fn open(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, any: false }
    }
    /// `name` with its comma in front, quotes and colon, and where the value is a text also with that text's first quote.
    fn name(&mut self, name: &'static str) -> &mut String {
        self.out.push_str(if self.any { name } else { &name[1..] });
        self.any = true;
        self.out
    }
    fn text(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            let out = self.name(name);
            push_escaped(out, text);
            out.push('"');
        }
    }
    fn hex(&mut self, name: &'static str, id: &[u8]) {
        if !id.is_empty() {
            let out = self.name(name);
            push_hex(out, id);
            out.push('"');
        }
    }
    /// A 64-bit integer: a decimal string.
    fn long(&mut self, name: &'static str, number: u64) {
        if number != 0 {
            let out = self.name(name);
            push_integer(out, number);
            out.push('"');
        }
    }
    /// A 32-bit integer or an enum: a number.
    fn int(&mut self, name: &'static str, number: i64) {
        if number != 0 {
            push_integer(self.name(name), number);
        }
    }
    fn pairs(&mut self, name: &'static str, pairs: &[KeyValue<'_>]) {
        if !pairs.is_empty() {
            push_pairs(self.name(name), pairs);
        }
    }
    fn close(self) {
        self.out.push('}');
    }
}

fn push_log(out: &mut String, log: &LogRecord<'_>) {
    let mut members = Members::open(out);
    members.pairs(",\"attributes\":", &log.attributes);
    if log.body != Value::Null {
        push_value(members.name(",\"body\":"), &log.body);
    }
    members.int(",\"droppedAttributesCount\":", log.dropped_attributes_count.into());
    members.text(",\"eventName\":\"", &log.event_name);
    members.int(",\"flags\":", log.flags.into());
    members.long(",\"observedTimeUnixNano\":\"", log.observed_time_unix_nano);
    members.int(",\"severityNumber\":", log.severity_number.into());
    members.text(",\"severityText\":\"", &log.severity_text);
    members.hex(",\"spanId\":\"", &log.span_id);
    members.long(",\"timeUnixNano\":\"", log.time_unix_nano);
    members.hex(",\"traceId\":\"", &log.trace_id);
    members.close();
}

fn push_origin(out: &mut String, origin: &Origin) {
    out.push_str(match origin.auth {
        Auth::Mtls => "{\"auth\":\"mtls\"",
        Auth::Token => "{\"auth\":\"token\"",
        Auth::None => "{\"auth\":\"none\"",
    });
    out.push_str(match origin.by {
        By::Sender => ",\"by\":\"sender\"",
        By::Access => ",\"by\":\"access\"",
        By::Own => ",\"by\":\"self\"",
    });
    for (name, text) in [(",\"peer\":\"", &origin.peer), (",\"subject\":\"", &origin.subject)] {
        if let Some(text) = text {
            out.push_str(name);
            push_escaped(out, text);
            out.push('"');
        }
    }
    out.push('}');
}

fn push_resource(out: &mut String, resource: &Resource<'_>) {
    if *resource == Resource::default() {
        return;
    }
    out.push_str(",\"resource\":");
    let mut members = Members::open(out);
    members.pairs(",\"attributes\":", &resource.attributes);
    members.int(",\"droppedAttributesCount\":", resource.dropped_attributes_count.into());
    members.close();
}

fn push_scope(out: &mut String, scope: &Scope<'_>) {
    if *scope == Scope::default() {
        return;
    }
    out.push_str(",\"scope\":");
    let mut members = Members::open(out);
    members.pairs(",\"attributes\":", &scope.attributes);
    members.int(",\"droppedAttributesCount\":", scope.dropped_attributes_count.into());
    members.text(",\"name\":\"", &scope.name);
    members.text(",\"version\":\"", &scope.version);
    members.close();
}

fn push_text_member(out: &mut String, name: &'static str, text: &str) {
    if !text.is_empty() {
        out.push_str(name);
        push_escaped(out, text);
        out.push('"');
    }
}

fn push_pairs(out: &mut String, pairs: &[KeyValue<'_>]) {
    let mut before = "[";
    for pair in pairs {
        out.push_str(before);
        push_pair(out, pair);
        before = ",";
    }
    out.push(']');
}

fn push_pair(out: &mut String, pair: &KeyValue<'_>) {
    match (pair.key.is_empty(), &pair.value) {
        (true, Value::Null) => out.push_str("{}"),
        (true, value) => {
            out.push_str("{\"value\":");
            push_value(out, value);
            out.push('}');
        }
        (false, value) => {
            out.push_str("{\"key\":\"");
            push_escaped(out, &pair.key);
            match value {
                Value::Null => out.push_str("\"}"),
                // Nearly every attribute is a text: its braces go out in as few pieces as can be.
                Value::String(text) => {
                    out.push_str("\",\"value\":{\"stringValue\":\"");
                    push_escaped(out, text);
                    out.push_str("\"}}");
                }
                value => {
                    out.push_str("\",\"value\":");
                    push_value(out, value);
                    out.push('}');
                }
            }
        }
    }
}

fn push_value(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => out.push_str("{}"),
        Value::String(text) => {
            out.push_str("{\"stringValue\":\"");
            push_escaped(out, text);
            out.push_str("\"}");
        }
        Value::Bool(true) => out.push_str("{\"boolValue\":true}"),
        Value::Bool(false) => out.push_str("{\"boolValue\":false}"),
        Value::Int(number) => {
            out.push_str("{\"intValue\":\"");
            push_integer(out, *number);
            out.push_str("\"}");
        }
        Value::Double(number) => {
            out.push_str("{\"doubleValue\":");
            push_double_or_name(out, *number);
            out.push('}');
        }
        Value::Bytes(bytes) => {
            out.push_str("{\"bytesValue\":\"");
            STANDARD.encode_string(bytes, out);
            out.push_str("\"}");
        }
        Value::Array(values) if values.is_empty() => out.push_str("{\"arrayValue\":{}}"),
        Value::Array(values) => {
            let mut before = "{\"arrayValue\":{\"values\":[";
            for value in values {
                out.push_str(before);
                push_value(out, value);
                before = ",";
            }
            out.push_str("]}}");
        }
        Value::Map(pairs) if pairs.is_empty() => out.push_str("{\"kvlistValue\":{}}"),
        Value::Map(pairs) => {
            out.push_str("{\"kvlistValue\":{\"values\":");
            push_pairs(out, pairs);
            out.push_str("}}");
        }
    }
}

/// JSON has no number for NaN and the infinities: protobuf JSON gives them names.
fn push_double_or_name(out: &mut String, number: f64) {
    if number.is_finite() {
        push_double(out, number);
    } else if number.is_nan() {
        out.push_str("\"NaN\"");
    } else {
        out.push_str(if number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    }
}

/// Appends `text` with the escapes of RFC 8785, 3.2.2.2, without the quotes around it.
#[inline]
fn push_escaped(out: &mut String, text: &str) {
    let plain = plain_len(text.as_bytes());
    if plain == text.len() {
        out.push_str(text);
    } else {
        push_with_escapes(out, text, plain);
    }
}

/// As `push_escaped`; the first escape stands behind `plain` bytes.
fn push_with_escapes(out: &mut String, text: &str, plain: usize) {
    let (mut rest, mut plain) = (text, plain);
    while let Some(byte) = rest.as_bytes().get(plain) {
        out.push_str(&rest[..plain]);
        push_escape(out, *byte);
        rest = &rest[plain + 1..];
        plain = plain_len(rest.as_bytes());
    }
    out.push_str(rest);
}

fn push_escape(out: &mut String, byte: u8) {
    out.push('\\');
    match byte {
        b'"' | b'\\' => out.push(byte.into()),
        0x08 => out.push('b'),
        b'\t' => out.push('t'),
        b'\n' => out.push('n'),
        0x0c => out.push('f'),
        b'\r' => out.push('r'),
        _ => {
            out.push_str("u00");
            push_hex(out, &[byte]);
        }
    }
}

/// How many bytes stand before the first that JSON escapes: a control, a quote or a backslash.
///
/// Eight bytes at a time: the high bit of each byte of `marks` says whether that byte stops the run. A borrow may set the
/// mark of a byte above a true one, never below, and the lowest is what is asked for.
#[inline]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    for chunk in bytes.as_chunks().0 {
        if let marks @ 1.. = marks(*chunk) {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    if at == bytes.len() { at } else { plain_len_behind(at, bytes) }
}

/// As `plain_len`, where none of the first `at` bytes stops the run; what is left of them is less than eight.
fn plain_len_behind(at: usize, bytes: &[u8]) -> usize {
    let to_end = match (bytes.last_chunk(), bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(last), ..) => marks(*last) == 0,
        (None, Some([a, b, c, d]), Some([e, f, g, h])) => marks([*a, *b, *c, *d, *e, *f, *g, *h]) == 0,
        _ => false,
    };
    if to_end {
        return bytes.len();
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')).unwrap_or(rest.len())
}

#[inline]
fn marks(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(bytes);
    // With its second bit turned, a quote is the one that follows the controls.
    let controls_and_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (controls_and_quote | backslash) & !word & (ONES * 0x80)
}
