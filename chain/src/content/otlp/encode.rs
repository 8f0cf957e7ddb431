//! Records to OTLP protobuf. Absent and default are not written; lengths and numbers take their fewest bytes.

use crate::content::{KeyValue, LogRecord, Resource, Scope, Value};

/// Appends the fields of a log record whose `attributes` are protobuf already, each as `attribute` writes it.
pub(super) fn log(out: &mut Vec<u8>, log: &LogRecord<'_>, attributes: &[u8]) {
    fixed64(out, 1, log.time_unix_nano);
    int(out, 2, i64::from(log.severity_number) as u64);
    text(out, 3, &log.severity_text);
    if log.body != Value::Null {
        nested_value(out, 5, &log.body);
    }
    out.extend_from_slice(attributes);
    int(out, 7, log.dropped_attributes_count.into());
    if log.flags != 0 {
        tag(out, 8, FIXED32);
        out.extend_from_slice(&log.flags.to_le_bytes());
    }
    bytes(out, 9, &log.trace_id);
    bytes(out, 10, &log.span_id);
    fixed64(out, 11, log.observed_time_unix_nano);
    text(out, 12, &log.event_name);
}

/// Appends the field `resource` of a `ResourceLogs`.
pub(super) fn resource(out: &mut Vec<u8>, resource: &Resource<'_>) {
    if *resource != Resource::default() {
        nested(out, 1, |out| {
            pairs(out, 1, &resource.attributes);
            int(out, 2, resource.dropped_attributes_count.into());
        });
    }
}

/// Appends the field `scope` of a `ScopeLogs`.
pub(super) fn scope(out: &mut Vec<u8>, scope: &Scope<'_>) {
    if *scope != Scope::default() {
        nested(out, 1, |out| {
            text(out, 1, &scope.name);
            text(out, 2, &scope.version);
            pairs(out, 3, &scope.attributes);
            int(out, 4, scope.dropped_attributes_count.into());
        });
    }
}

/// Appends one attribute of a log record.
pub(super) fn attribute(out: &mut Vec<u8>, attribute: &KeyValue<'_>) {
    pair(out, 6, attribute);
}

/// Appends one attribute of a log record whose value is a text; gives where it ends.
#[inline(always)]
pub(super) fn text_attribute(out: &mut Vec<u8>, key: &str, value: &str) -> usize {
    text_pair(out, 6, key, value);
    out.len()
}

/// Appends one attribute of a log record whose value is an integer; gives where it ends.
pub(super) fn int_attribute(out: &mut Vec<u8>, key: &str, number: u64) -> usize {
    let value_len = 1 + varint_len(number);
    prefix(out, 6, field_len(key.len()) + field_len(value_len));
    text(out, 1, key);
    prefix(out, 2, value_len);
    set_int(out, 3, number);
    out.len()
}

/// Appends a text, unless it is empty.
pub(super) fn text(out: &mut Vec<u8>, field: u8, text: &str) {
    bytes(out, field, text.as_bytes());
}

/// Appends an embedded message, written by `write`.
///
/// Its length is known only behind it: one byte is kept free, and a message of 128 bytes or more is moved to make room.
/// That is cheaper than measuring each message first.
#[inline]
fn nested(out: &mut Vec<u8>, field: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let at = open::<1>(out, field);
    write(out);
    close::<1>(out, at);
}

/// As `nested`, with two bytes kept free: for messages that mostly take between 128 bytes and 16 KiB.
#[inline]
pub(super) fn nested_long(out: &mut Vec<u8>, field: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let at = open::<2>(out, field);
    write(out);
    close::<2>(out, at);
}

/// An embedded message that stays open for a while, with three bytes kept free: for those between 16 KiB and 2 MiB. Where
/// it begins: behind the bytes that are kept free.
#[derive(Clone, Copy)]
pub(super) struct Nested(usize);

impl Nested {
    const ROOM: usize = 3;

    pub(super) fn open(out: &mut Vec<u8>, field: u8) -> Self {
        Self(open::<{ Self::ROOM }>(out, field) + Self::ROOM)
    }

    /// Where its field begins.
    pub(super) fn field_at(self) -> usize {
        self.0 - Self::ROOM - 1
    }

    /// Bytes so far.
    pub(super) fn len(self, out: &[u8]) -> usize {
        out.len() - self.0
    }

    /// Bytes of it that stand before `inner`.
    pub(super) fn len_before(self, inner: Self) -> usize {
        inner.field_at() - self.0
    }

    /// Ends it. What was opened in it was closed before.
    pub(super) fn close(self, out: &mut Vec<u8>) {
        close::<{ Self::ROOM }>(out, self.0 - Self::ROOM);
    }
}

/// Writes a tag and keeps `ROOM` bytes free for a length; gives where they are.
#[inline]
fn open<const ROOM: usize>(out: &mut Vec<u8>, field: u8) -> usize {
    tag(out, field, LENGTH);
    let at = out.len();
    out.extend_from_slice(&[0; ROOM]);
    at
}

/// Fills in the length for which `ROOM` bytes are kept at `at`; where it takes more or fewer, all behind it is moved.
#[inline]
fn close<const ROOM: usize>(out: &mut Vec<u8>, at: usize) {
    let length = out.len() - at - ROOM;
    let need = varint_len(length as u64);
    if need != ROOM {
        move_behind(out, at + ROOM, at + need);
    }
    fill_varint(&mut out[at..at + need], length as u64);
}

/// Writes a number into exactly the bytes that it takes.
#[inline]
pub(super) fn fill_varint(room: &mut [u8], number: u64) {
    let Some((last, before)) = room.split_last_mut() else { return };
    let mut rest = number;
    for byte in before {
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    *last = rest as u8;
}

/// Appends tag and length of an embedded message of `length` bytes.
#[inline]
pub(super) fn prefix(out: &mut Vec<u8>, field: u8, length: usize) {
    if length < 0x80 {
        out.extend_from_slice(&[field << 3 | LENGTH, length as u8]);
    } else {
        tag(out, field, LENGTH);
        varint(out, length as u64);
    }
}

/// Bytes of an embedded message of `length` bytes with its tag and length.
pub(super) fn field_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

/// Moves all from `from` on to `to`.
fn move_behind(out: &mut Vec<u8>, from: usize, to: usize) {
    let end = out.len();
    out.resize(end.max(end + to - from), 0);
    out.copy_within(from..end, to);
    out.truncate(end + to - from);
}

fn pairs(out: &mut Vec<u8>, field: u8, pairs: &[KeyValue<'_>]) {
    for one in pairs {
        pair(out, field, one);
    }
}

#[inline]
fn pair(out: &mut Vec<u8>, field: u8, pair: &KeyValue<'_>) {
    if let Value::String(value) = &pair.value {
        return text_pair(out, field, &pair.key, value);
    }
    nested(out, field, |out| {
        text(out, 1, &pair.key);
        if pair.value != Value::Null {
            nested_value(out, 2, &pair.value);
        }
    });
}

/// A key and a text, which most pairs are: all lengths are known beforehand, so nothing is moved, and where they are short,
/// as nearly all are, each is one byte.
#[inline(always)]
fn text_pair(out: &mut Vec<u8>, field: u8, key: &str, value: &str) {
    let length = key.len() + value.len() + 6;
    if length >= 0x80 || key.is_empty() {
        return long_text_pair(out, field, key, value);
    }
    out.extend_from_slice(&[field << 3 | LENGTH, length as u8, 1 << 3 | LENGTH, key.len() as u8]);
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(&[2 << 3 | LENGTH, value.len() as u8 + 2, 1 << 3 | LENGTH, value.len() as u8]);
    out.extend_from_slice(value.as_bytes());
}

fn long_text_pair(out: &mut Vec<u8>, field: u8, key: &str, value: &str) {
    let value_len = field_len(value.len());
    let key_len = if key.is_empty() { 0 } else { field_len(key.len()) };
    prefix(out, field, key_len + field_len(value_len));
    text(out, 1, key);
    prefix(out, 2, value_len);
    set_bytes(out, 1, value.as_bytes());
}

/// Appends an `AnyValue`. The length of a text is known beforehand, so that a long one is not moved.
fn nested_value(out: &mut Vec<u8>, field: u8, any: &Value<'_>) {
    match any {
        Value::String(text) => {
            prefix(out, field, field_len(text.len()));
            set_bytes(out, 1, text.as_bytes());
        }
        other => nested(out, field, |out| value(out, other)),
    }
}

/// Appends the one member of an `AnyValue` that is set, even to its default.
fn value(out: &mut Vec<u8>, set: &Value<'_>) {
    match set {
        Value::Null => {}
        Value::String(text) => set_bytes(out, 1, text.as_bytes()),
        Value::Bool(yes) => set_int(out, 2, (*yes).into()),
        Value::Int(number) => set_int(out, 3, *number as u64),
        Value::Double(number) => {
            tag(out, 4, FIXED64);
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Value::Array(values) => nested(out, 5, |out| {
            for element in values {
                nested_value(out, 1, element);
            }
        }),
        Value::Map(entries) => nested(out, 6, |out| pairs(out, 1, entries)),
        Value::Bytes(bytes) => set_bytes(out, 7, bytes),
    }
}

fn bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        set_bytes(out, field, bytes);
    }
}

#[inline]
fn set_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    prefix(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

fn int(out: &mut Vec<u8>, field: u8, number: u64) {
    if number != 0 {
        set_int(out, field, number);
    }
}

fn set_int(out: &mut Vec<u8>, field: u8, number: u64) {
    tag(out, field, VARINT);
    varint(out, number);
}

fn fixed64(out: &mut Vec<u8>, field: u8, number: u64) {
    if number != 0 {
        tag(out, field, FIXED64);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

/// All of OTLP's fields for logs are below 16, so a tag is one byte.
fn tag(out: &mut Vec<u8>, field: u8, wire: u8) {
    out.push(field << 3 | wire);
}

#[inline]
fn varint(out: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

pub(super) fn varint_len(number: u64) -> usize {
    let bits = u64::BITS - (number | 1).leading_zeros();
    bits.div_ceil(7) as usize
}
