//! OTLP protobuf to records, by the rules of protobuf: fields in any order, the last scalar wins, an embedded message that
//! comes in pieces is merged.

use std::borrow::Cow;
use std::ops::Range;

use super::text_pairs::{self, TextPairs};
use super::wire::{Fields, Wire};
use super::{MAX_VALUES, Malformed, Visit};
use crate::content::{Context, KeyValue, LogRecord, MAX_DEPTH, Origin, Resource, Scope, Value};

/// Reads a request. `received` is what the contexts carry.
///
/// An error: the outer structure (request, `ResourceLogs`, `ScopeLogs`) can't be followed. Then `visit` was not called.
pub fn read<'a>(bytes: &'a [u8], received: &Origin, visit: &mut dyn Visit<'a>) -> Result<(), Malformed> {
    let request = Request::follow(bytes)?;
    request.read(0..request.records(), received, visit)
}

/// A request whose outer structure was followed to its end, so that no record is handed on from one that is refused as a
/// whole. Its records can be read in parts, by several threads.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    bytes: &'a [u8],
    outline: Outline,
}

impl<'a> Request<'a> {
    /// Follows the outer structure (request, `ResourceLogs`, `ScopeLogs`); an error where it can't be.
    pub fn follow(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut outline = Outline::default();
        let mut request = Fields::new(bytes);
        while let Some((field, wire)) = request.next()? {
            match field {
                1 => outline.follow(request.bytes(wire)?, true)?,
                _ => {
                    request.skip(field, wire)?;
                    outline.unknown += 1;
                }
            }
        }
        Ok(Self { bytes, outline })
    }

    /// Records of all scopes together.
    pub fn records(&self) -> u64 {
        self.outline.records
    }

    /// Reads the records of these indices, counted over all scopes. Parts that together are `0..records()` show `visit`, one
    /// after the other, what reading the whole does; but a scope whose records lie in several parts is shown in each.
    pub fn read(&self, part: Range<u64>, received: &Origin, visit: &mut dyn Visit<'a>) -> Result<(), Malformed> {
        let mut part = Part { range: part, all: self.outline.records, next: 0 };
        if part.owns(0) && self.outline.unknown > 0 {
            visit.unknown_fields(self.outline.unknown);
        }
        let mut request = Fields::new(self.bytes);
        while let Some((field, wire)) = request.next()? {
            match field {
                1 => resource_logs(request.bytes(wire)?, received, &mut part, visit)?,
                _ => request.skip(field, wire)?,
            }
        }
        Ok(())
    }
}

/// What the outer structure holds.
#[derive(Debug, Clone, Copy, Default)]
struct Outline {
    records: u64,
    /// Fields that are not known.
    unknown: u64,
}

impl Outline {
    /// `ResourceLogs` and `ScopeLogs` have the same shape: what is shared in 1, the list in 2, a schema URL in 3.
    fn follow(&mut self, bytes: &[u8], of_resource: bool) -> Result<(), Malformed> {
        let mut logs = Fields::new(bytes);
        while let Some((field, wire)) = logs.next()? {
            match field {
                2 if of_resource => self.follow(logs.bytes(wire)?, false)?,
                1..=3 => {
                    logs.bytes(wire)?;
                    self.records += u64::from(field == 2);
                }
                _ => {
                    logs.skip(field, wire)?;
                    self.unknown += 1;
                }
            }
        }
        Ok(())
    }
}

/// Which records are read, and how far the reading has come.
struct Part {
    range: Range<u64>,
    /// Records of the request.
    all: u64,
    /// Index of the next record.
    next: u64,
}

impl Part {
    /// Whether what stands before the record of this index, or behind the last one, is this part's to tell: of all parts it
    /// is exactly one.
    fn owns(&self, index: u64) -> bool {
        self.range.contains(&index) || index == self.all && self.range.end == index
    }

    /// Whether a scope that holds the next `records` is to be shown.
    fn meets(&self, records: u64) -> bool {
        let meets = self.next < self.range.end && self.range.start < self.next + records;
        meets || records == 0 && self.owns(self.next)
    }
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

fn resource_logs<'a>(
    bytes: &'a [u8],
    received: &Origin,
    part: &mut Part,
    visit: &mut dyn Visit<'a>,
) -> Result<(), Malformed> {
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
    if let Ok(Shared { seen: Seen { unknown: unknown @ 1.., .. }, .. }) = resource
        && part.owns(part.next)
    {
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
        let shared =
            SharedByScopes { received, resource: &mut resource, schema_url: &schema_url, is_last: scopes == 0 };
        scope_logs(fields.bytes(wire)?, shared, part, visit)?;
    }
    Ok(())
}

/// What the scopes of one `ResourceLogs` share.
struct SharedByScopes<'r, 'a> {
    received: &'r Origin,
    resource: &'r mut Result<Resource<'a>, Malformed>,
    schema_url: &'r Cow<'a, str>,
    is_last: bool,
}

fn scope_logs<'a>(
    bytes: &'a [u8],
    shared: SharedByScopes<'_, 'a>,
    part: &mut Part,
    visit: &mut dyn Visit<'a>,
) -> Result<(), Malformed> {
    let mut scope: Result<Shared<Scope<'a>>, Malformed> = Ok(Shared::default());
    let mut scope_schema_url = Cow::Borrowed("");
    let (mut scope_fields, mut records) = (Fields::new(bytes), 0);
    while let Some((field, wire)) = scope_fields.next()? {
        match field {
            1 => scope = merged(scope, scope_fields.bytes(wire)?, merge_scope),
            2 => {
                scope_fields.bytes(wire)?;
                records += 1;
            }
            3 => scope_schema_url = text(scope_fields.bytes(wire)?),
            _ => scope_fields.skip(field, wire)?,
        }
    }
    if !part.meets(records) {
        part.next += records;
        return Ok(());
    }
    if let Ok(Shared { seen: Seen { unknown: unknown @ 1.., .. }, .. }) = scope
        && part.owns(part.next)
    {
        visit.unknown_fields(unknown);
    }
    // The last scope takes what the others have to copy; mostly there is but one. A malformed scope copies nothing.
    let context = scope.and_then(|Shared { value: scope, .. }| {
        let resource = shared.resource.as_mut().map_err(|malformed| *malformed)?;
        let resource = if shared.is_last { std::mem::take(resource) } else { resource.clone() };
        let (received, resource_schema_url) = (shared.received.clone(), shared.schema_url.clone());
        Ok(Context { received, resource, resource_schema_url, scope, scope_schema_url })
    });
    let without_context = context.as_ref().err().copied();
    visit.scope(context);
    let end = part.next + records;
    let mut fields = Fields::new(bytes);
    while part.next < part.range.end.min(end)
        && !visit.is_done()
        && let Some((field, wire)) = fields.next()?
    {
        if field != 2 {
            fields.skip(field, wire)?;
            continue;
        }
        let record = fields.bytes(wire)?;
        let wanted = part.range.contains(&part.next);
        part.next += 1;
        match without_context {
            _ if !wanted => {}
            None => log_record(record, visit),
            Some(malformed) => visit.record(Err(malformed)),
        }
    }
    part.next = end;
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
    loop {
        add_text_pairs(&mut log.attributes, &mut fields, 6, 1, seen)?;
        let Some((field, wire)) = fields.next()? else { return Ok(log) };
        match field {
            1 => log.time_unix_nano = fields.fixed64(wire)?,
            2 => log.severity_number = fields.varint(wire)? as i32,
            3 => log.severity_text = text(fields.bytes(wire)?),
            5 => merge_value(&mut log.body, fields.bytes(wire)?, 1, seen)?,
            6 => log.attributes.push(pair(fields.bytes(wire)?, 1, seen)?),
            7 => log.dropped_attributes_count = fields.varint(wire)? as u32,
            8 => log.flags = fields.fixed32(wire)?,
            9 => log.trace_id = Cow::Borrowed(fields.bytes(wire)?),
            10 => log.span_id = Cow::Borrowed(fields.bytes(wire)?),
            11 => log.observed_time_unix_nano = fields.fixed64(wire)?,
            12 => log.event_name = text(fields.bytes(wire)?),
            _ => skip(&mut fields, field, wire, seen)?,
        }
    }
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

/// Adds the texts that come next, if any do, each in a field of this number.
#[inline(always)]
fn add_text_pairs<'a>(
    pairs: &mut Vec<KeyValue<'a>>,
    fields: &mut Fields<'a>,
    field: u8,
    depth: usize,
    seen: &mut Seen,
) -> Result<(), Malformed> {
    // What is too deep is refused on the long way.
    let row = if depth > MAX_DEPTH { &[] } else { text_pairs::take(fields, field) };
    if row.is_empty() {
        return Ok(());
    }
    if pairs.capacity() == 0 && depth == 1 {
        pairs.reserve(16);
    }
    let Ok(text) = simdutf8::basic::from_utf8(row) else { return add_pairs(pairs, row, depth, seen) };
    for pair in TextPairs(text) {
        seen.value()?;
        pairs.push(pair);
    }
    Ok(())
}

/// Adds all pairs of a row one by one.
#[cold]
fn add_pairs<'a>(pairs: &mut Vec<KeyValue<'a>>, row: &'a [u8], depth: usize, seen: &mut Seen) -> Result<(), Malformed> {
    let mut fields = Fields::new(row);
    while let Some((_, wire)) = fields.next()? {
        pairs.push(pair(fields.bytes(wire)?, depth, seen)?);
    }
    Ok(())
}

fn pair<'a>(bytes: &'a [u8], depth: usize, seen: &mut Seen) -> Result<KeyValue<'a>, Malformed> {
    seen.value()?;
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
    loop {
        add_text_pairs(&mut pairs, &mut fields, 1, depth, seen)?;
        match fields.next()? {
            Some((1, wire)) => pairs.push(pair(fields.bytes(wire)?, depth, seen)?),
            Some((field, wire)) => skip(&mut fields, field, wire, seen)?,
            None => break,
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
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
