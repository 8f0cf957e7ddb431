//! OTLP protobuf to records, by the rules of protobuf: fields in any order, the last scalar wins, an embedded message that
//! comes in pieces is merged.

use std::borrow::Cow;

use super::wire::{Fields, Wire};
use super::{MAX_VALUES, Malformed, Visit};
use crate::content::{Context, KeyValue, LogRecord, MAX_DEPTH, Origin, Resource, Scope, Value};

/// Reads a request. `received` is what the contexts carry.
///
/// An error: the outer structure (request, `ResourceLogs`, `ScopeLogs`) can't be followed. Then `visit` was not called.
pub fn read<'a>(bytes: &'a [u8], received: &Origin, visit: &mut dyn Visit<'a>) -> Result<(), Malformed> {
    let unknown = check_outline(bytes)?;
    if unknown > 0 {
        visit.unknown_fields(unknown);
    }
    let mut request = Fields::new(bytes);
    while let Some((field, wire)) = request.next()? {
        match field {
            1 => resource_logs(request.bytes(wire)?, received, visit)?,
            _ => request.skip(field, wire)?,
        }
    }
    Ok(())
}

/// Follows the outer structure to its end, so that no record is handed on from a request that is refused as a whole.
/// Returns how many unknown fields it holds.
fn check_outline(bytes: &[u8]) -> Result<u64, Malformed> {
    let mut unknown = 0;
    let mut request = Fields::new(bytes);
    while let Some((field, wire)) = request.next()? {
        match field {
            1 => unknown += check_logs(request.bytes(wire)?, true)?,
            _ => {
                request.skip(field, wire)?;
                unknown += 1;
            }
        }
    }
    Ok(unknown)
}

/// `ResourceLogs` and `ScopeLogs` have the same shape: what is shared in 1, the list in 2, a schema URL in 3.
fn check_logs(bytes: &[u8], of_resource: bool) -> Result<u64, Malformed> {
    let mut unknown = 0;
    let mut logs = Fields::new(bytes);
    while let Some((field, wire)) = logs.next()? {
        match field {
            2 if of_resource => unknown += check_logs(logs.bytes(wire)?, false)?,
            1..=3 => drop(logs.bytes(wire)?),
            _ => {
                logs.skip(field, wire)?;
                unknown += 1;
            }
        }
    }
    Ok(unknown)
}

/// What is noticed while a message is read.
#[derive(Default)]
struct Seen {
    /// Fields that are not known.
    unknown: u64,
    /// Attributes and list elements.
    values: u32,
}

impl Seen {
    #[inline]
    fn value(&mut self) -> Result<(), Malformed> {
        self.values += 1;
        if self.values > MAX_VALUES { Err(Malformed::TooMany) } else { Ok(()) }
    }
}

/// What the records of one `ResourceLogs` or `ScopeLogs` share.
#[derive(Default)]
struct Shared<T> {
    value: T,
    seen: Seen,
}

fn resource_logs<'a>(bytes: &'a [u8], received: &Origin, visit: &mut dyn Visit<'a>) -> Result<(), Malformed> {
    // The resource may stand behind the records that it describes.
    let mut resource: Result<Shared<Resource<'a>>, Malformed> = Ok(Shared::default());
    let mut schema_url = Cow::Borrowed("");
    let mut scopes = 0;
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => resource = merged(resource, fields.bytes(wire)?, merge_resource),
            2 => {
                fields.bytes(wire)?;
                scopes += 1;
            }
            3 => schema_url = text(fields.bytes(wire)?),
            _ => fields.skip(field, wire)?,
        }
    }
    if let Ok(Shared { seen: Seen { unknown: unknown @ 1.., .. }, .. }) = resource {
        visit.unknown_fields(unknown);
    }
    let mut resource = resource.map(|shared| shared.value);
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        if field != 2 {
            fields.skip(field, wire)?;
            continue;
        }
        if visit.is_done() {
            return Ok(());
        }
        scopes -= 1;
        scope_logs(fields.bytes(wire)?, received, &mut resource, scopes == 0, schema_url.clone(), visit)?;
    }
    Ok(())
}

fn scope_logs<'a>(
    bytes: &'a [u8],
    received: &Origin,
    resource: &mut Result<Resource<'a>, Malformed>,
    is_last: bool,
    resource_schema_url: Cow<'a, str>,
    visit: &mut dyn Visit<'a>,
) -> Result<(), Malformed> {
    let mut scope: Result<Shared<Scope<'a>>, Malformed> = Ok(Shared::default());
    let mut scope_schema_url = Cow::Borrowed("");
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => scope = merged(scope, fields.bytes(wire)?, merge_scope),
            3 => scope_schema_url = text(fields.bytes(wire)?),
            _ => fields.skip(field, wire)?,
        }
    }
    if let Ok(Shared { seen: Seen { unknown: unknown @ 1.., .. }, .. }) = scope {
        visit.unknown_fields(unknown);
    }
    // The last scope takes what the others have to copy; mostly there is but one. A malformed scope copies nothing.
    let context = scope.and_then(|Shared { value: scope, .. }| {
        let resource = resource.as_mut().map_err(|malformed| *malformed)?;
        let resource = if is_last { std::mem::take(resource) } else { resource.clone() };
        Ok(Context { received: received.clone(), resource, resource_schema_url, scope, scope_schema_url })
    });
    let without_context = context.as_ref().err().copied();
    visit.scope(context);
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()?.filter(|_| !visit.is_done()) {
        match (field, without_context) {
            (2, None) => log_record(fields.bytes(wire)?, visit),
            (2, Some(malformed)) => {
                fields.bytes(wire)?;
                visit.record(Err(malformed));
            }
            _ => fields.skip(field, wire)?,
        }
    }
    Ok(())
}

fn log_record<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    let mut seen = Seen::default();
    let log = read_log_record(bytes, &mut seen);
    if seen.unknown > 0 && log.is_ok() {
        visit.unknown_fields(seen.unknown);
    }
    visit.record(log);
}

fn read_log_record<'a>(bytes: &'a [u8], seen: &mut Seen) -> Result<LogRecord<'a>, Malformed> {
    let mut log = LogRecord::default();
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => log.time_unix_nano = fields.fixed64(wire)?,
            2 => log.severity_number = fields.varint(wire)? as i32,
            3 => log.severity_text = text(fields.bytes(wire)?),
            5 => merge_value(&mut log.body, fields.bytes(wire)?, 1, seen)?,
            6 => {
                if log.attributes.capacity() == 0 {
                    log.attributes.reserve(16);
                }
                log.attributes.push(pair(fields.bytes(wire)?, 1, seen)?);
            }
            7 => log.dropped_attributes_count = fields.varint(wire)? as u32,
            8 => log.flags = fields.fixed32(wire)?,
            9 => log.trace_id = Cow::Borrowed(fields.bytes(wire)?),
            10 => log.span_id = Cow::Borrowed(fields.bytes(wire)?),
            11 => log.observed_time_unix_nano = fields.fixed64(wire)?,
            12 => log.event_name = text(fields.bytes(wire)?),
            _ => skip(&mut fields, field, wire, seen)?,
        }
    }
    Ok(log)
}

fn merged<'a, T>(
    shared: Result<Shared<T>, Malformed>,
    bytes: &'a [u8],
    merge: fn(&mut T, &'a [u8], &mut Seen) -> Result<(), Malformed>,
) -> Result<Shared<T>, Malformed> {
    let mut shared = shared?;
    merge(&mut shared.value, bytes, &mut shared.seen)?;
    Ok(shared)
}

fn merge_resource<'a>(resource: &mut Resource<'a>, bytes: &'a [u8], seen: &mut Seen) -> Result<(), Malformed> {
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => resource.attributes.push(pair(fields.bytes(wire)?, 1, seen)?),
            2 => resource.dropped_attributes_count = fields.varint(wire)? as u32,
            _ => skip(&mut fields, field, wire, seen)?,
        }
    }
    Ok(())
}

fn merge_scope<'a>(scope: &mut Scope<'a>, bytes: &'a [u8], seen: &mut Seen) -> Result<(), Malformed> {
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => scope.name = text(fields.bytes(wire)?),
            2 => scope.version = text(fields.bytes(wire)?),
            3 => scope.attributes.push(pair(fields.bytes(wire)?, 1, seen)?),
            4 => scope.dropped_attributes_count = fields.varint(wire)? as u32,
            _ => skip(&mut fields, field, wire, seen)?,
        }
    }
    Ok(())
}

fn pair<'a>(bytes: &'a [u8], depth: usize, seen: &mut Seen) -> Result<KeyValue<'a>, Malformed> {
    seen.value()?;
    if let Some(pair) = short_text_pair(bytes) {
        return Ok(pair);
    }
    let mut pair = KeyValue { key: Cow::Borrowed(""), value: Value::Null };
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => pair.key = text(fields.bytes(wire)?),
            2 => merge_value(&mut pair.value, fields.bytes(wire)?, depth, seen)?,
            _ => skip(&mut fields, field, wire, seen)?,
        }
    }
    Ok(pair)
}

/// A key and a short text written as every encoder writes them, which nearly all attributes are: its lengths are bytes
/// below 0x80, so the message is UTF-8 where its two texts are, and one look decides for both.
fn short_text_pair(message: &[u8]) -> Option<KeyValue<'_>> {
    let [0x0a, key_length @ ..0x80, rest @ ..] = message else { return None };
    let (key, value) = rest.split_at_checked(usize::from(*key_length))?;
    let [0x12, value_length @ ..0x80, 0x0a, text_length @ ..0x80, text @ ..] = value else { return None };
    if usize::from(*text_length) != text.len() || usize::from(*value_length) != text.len() + 2 {
        return None;
    }
    let whole = std::str::from_utf8(message).ok()?;
    let (key, text) = (whole.get(2..2 + key.len())?, whole.get(6 + key.len()..)?);
    Some(KeyValue { key: Cow::Borrowed(key), value: Value::String(Cow::Borrowed(text)) })
}

/// Merges an `AnyValue`: of its members the last one set counts, and a list that is set again is added to.
fn merge_value<'a>(value: &mut Value<'a>, bytes: &'a [u8], depth: usize, seen: &mut Seen) -> Result<(), Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed::TooDeep);
    }
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => *value = Value::String(text(fields.bytes(wire)?)),
            2 => *value = Value::Bool(fields.varint(wire)? != 0),
            3 => *value = Value::Int(fields.varint(wire)? as i64),
            4 => *value = Value::Double(f64::from_bits(fields.fixed64(wire)?)),
            5 => merge_array(value, fields.bytes(wire)?, depth + 1, seen)?,
            6 => merge_map(value, fields.bytes(wire)?, depth + 1, seen)?,
            7 => *value = Value::Bytes(Cow::Borrowed(fields.bytes(wire)?)),
            _ => skip(&mut fields, field, wire, seen)?,
        }
    }
    Ok(())
}

fn merge_array<'a>(value: &mut Value<'a>, bytes: &'a [u8], depth: usize, seen: &mut Seen) -> Result<(), Malformed> {
    let mut values = if let Value::Array(values) = value { std::mem::take(values) } else { Vec::new() };
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => {
                seen.value()?;
                let mut element = Value::Null;
                merge_value(&mut element, fields.bytes(wire)?, depth, seen)?;
                values.push(element);
            }
            _ => skip(&mut fields, field, wire, seen)?,
        }
    }
    *value = Value::Array(values);
    Ok(())
}

fn merge_map<'a>(value: &mut Value<'a>, bytes: &'a [u8], depth: usize, seen: &mut Seen) -> Result<(), Malformed> {
    let mut pairs = if let Value::Map(pairs) = value { std::mem::take(pairs) } else { Vec::new() };
    let mut fields = Fields::new(bytes);
    while let Some((field, wire)) = fields.next()? {
        match field {
            1 => pairs.push(pair(fields.bytes(wire)?, depth, seen)?),
            _ => skip(&mut fields, field, wire, seen)?,
        }
    }
    *value = Value::Map(pairs);
    Ok(())
}

fn skip(fields: &mut Fields<'_>, field: u32, wire: Wire, seen: &mut Seen) -> Result<(), Malformed> {
    seen.unknown += 1;
    fields.skip(field, wire)
}

/// A text; what is not UTF-8 in it becomes U+FFFD.
#[inline]
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
