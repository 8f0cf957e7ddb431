//! The messages of the stream (FORMAT.md, "Stream"): records of a chain as an `ExportLogsServiceRequest`, and back.

use std::borrow::Cow;

use super::encode::{self, Nested, field_len, nested_long};
use super::link_form::LinkForm;
use super::{Malformed, Visit, read};
use crate::content::parse::{Pairs, read_log_into, read_origin, read_tail};
use crate::content::{Auth, By, Context, KeyValue, LogRecord, Origin, ParseError, Record, Value};
use crate::link::{ChainName, Checksum, Hash, Link, Sequence, UnixNanos};

/// The seven attributes that bind a record to its place, in their order; no record has them before it is in the stream.
pub(super) const LINK_KEYS: [&str; 7] = [
    "sealtrail.chain",
    "sealtrail.sequence",
    "sealtrail.observed",
    "sealtrail.prev_hash",
    "sealtrail.checksum",
    "sealtrail.hash",
    "sealtrail.received",
];

/// Writes `ExportLogsServiceRequest` messages for the stream: records in chain order, only adjacent ones sharing a
/// `ResourceLogs`, each with the seven attributes of its link at the end.
#[derive(Default)]
pub struct Writer {
    /// The message so far; `None` as long as it holds no record.
    open: Option<Open>,
    /// Its bytes, but for the lengths of what is open.
    out: Vec<u8>,
    /// The last field of each, known already: the schema URL.
    scopes_end: Vec<u8>,
    records_end: Vec<u8>,
    /// Attributes of the record that is being written, which the text says first and protobuf later.
    attributes: Vec<u8>,
    /// Raw parts of the content of the last record.
    tail: String,
    resource: String,
    scope: String,
    link: LinkForm,
    /// Memory of messages that are done with.
    spare: Vec<Vec<u8>>,
}

/// Where the open `ResourceLogs`, and in it the open `ScopeLogs`, begin.
#[derive(Clone, Copy)]
struct Open {
    resource: Nested,
    scope: Nested,
}

impl Writer {
    /// Adds a record, its content as canonical text (from which the record is read again); an error leaves the writer as it was.
    pub fn push(&mut self, chain: &ChainName, link: &Link, content: &str) -> Result<(), ParseError> {
        self.attributes.clear();
        let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
        let ids = [&mut trace_id[..], &mut span_id];
        let (log, at) = read_log_into(content, ids, &mut Attributes(&mut self.attributes))?;
        if self.open.is_none() || content.get(at..) != Some(&self.tail) {
            self.turn_to(content, at)?;
        }
        nested_long(&mut self.out, 2, |out| {
            encode::log(out, &log, &self.attributes);
            self.link.push(out, chain, link);
        });
        Ok(())
    }

    /// Bytes that `finish` would return now.
    pub fn len(&self) -> usize {
        let Some(Open { resource, scope }) = self.open else { return 0 };
        let in_scope = scope.len(&self.out) + self.records_end.len();
        let in_resource = resource.len_before(scope) + field_len(in_scope) + self.scopes_end.len();
        resource.field_at() + field_len(in_resource)
    }

    /// Whether no record was added since the last `finish`.
    pub fn is_empty(&self) -> bool {
        self.open.is_none()
    }

    /// The message; the writer is empty again.
    pub fn finish(&mut self) -> Vec<u8> {
        self.close_resource();
        let next = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(self.out.len()));
        std::mem::replace(&mut self.out, next)
    }

    /// Takes back the memory of a message, for one to come: fresh memory costs more than what is written into it.
    pub fn give_back(&mut self, mut message: Vec<u8>) {
        message.clear();
        self.spare.push(message);
    }

    /// Opens what the next record needs: a new `ResourceLogs` or `ScopeLogs`, or only another `received`.
    fn turn_to(&mut self, content: &str, at: usize) -> Result<(), ParseError> {
        let (context, parts) = read_tail(content, at)?;
        let same_resource = self.open.filter(|_| parts.resource == self.resource);
        if same_resource.is_none() || parts.scope != self.scope {
            let resource = match same_resource {
                Some(Open { resource, scope }) => {
                    self.close_scope(scope);
                    resource
                }
                None => {
                    self.close_resource();
                    let resource = Nested::open(&mut self.out, 1);
                    encode::resource(&mut self.out, &context.resource);
                    encode::text(&mut self.scopes_end, 3, &context.resource_schema_url);
                    resource
                }
            };
            let scope = Nested::open(&mut self.out, 2);
            encode::scope(&mut self.out, &context.scope);
            encode::text(&mut self.records_end, 3, &context.scope_schema_url);
            self.open = Some(Open { resource, scope });
        }
        for (kept, part) in
            [(&mut self.tail, parts.tail), (&mut self.resource, parts.resource), (&mut self.scope, parts.scope)]
        {
            kept.clear();
            kept.push_str(part);
        }
        self.link.receive(parts.received);
        Ok(())
    }

    /// Closes the open `ScopeLogs`; another of the same `ResourceLogs` follows.
    fn close_scope(&mut self, scope: Nested) {
        self.out.append(&mut self.records_end);
        scope.close(&mut self.out);
    }

    /// Closes the open `ResourceLogs`, if one is open, with its `ScopeLogs`.
    fn close_resource(&mut self) {
        let Some(Open { resource, scope }) = self.open.take() else { return };
        self.close_scope(scope);
        self.out.append(&mut self.scopes_end);
        resource.close(&mut self.out);
    }
}

/// Attributes on their way from text to protobuf.
struct Attributes<'o>(&'o mut Vec<u8>);

impl<'a> Pairs<'a> for Attributes<'_> {
    #[inline]
    fn plain(&mut self, key: &'a str, text: &'a str) {
        encode::text_attribute(self.0, key, text);
    }
    fn other(&mut self, pair: KeyValue<'a>) {
        encode::attribute(self.0, &pair);
    }
}

/// Bytes that a stream message of one record with a content of this length takes at most; what exceeds the limit of a
/// message is refused before the WAL.
///
/// Each part of a record takes at least as many bytes in canonical text as in protobuf: a text has the same bytes or
/// escapes, in quotes under a name, against at most six bytes of tag and length for each message around it; bytes grow by a
/// third in base64; a null is two bytes in both. What protobuf adds are the seven attributes: the chain's name, three hashes
/// in hex, two numbers, keys and framing, together under 500 bytes. (`received` is in the content, too.)
pub fn message_bound(content_len: usize) -> usize {
    content_len.saturating_add(1024)
}

/// A record as it stands in the stream: the last seven attributes cut off and read.
pub struct Streamed<'a> {
    pub chain: &'a str,
    pub link: Link,
    pub record: Record<'a>,
}

/// Why a message of the stream can't be read as records of a chain; `record` counts within the message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StreamError {
    #[error("not an ExportLogsServiceRequest: {0}")]
    Malformed(#[from] Malformed),
    #[error("record {record} lacks the attribute `{attribute}` at its place, or it has another type")]
    Attribute { record: usize, attribute: &'static str },
    #[error("record {record} holds a field that the format does not know")]
    UnknownField { record: usize },
}

/// Reads the records of one stream message, in order. At the first error it ends; records before it were handed on.
pub fn read_stream<'a>(value: &'a [u8], each: &mut dyn FnMut(Streamed<'a>)) -> Result<(), StreamError> {
    // Each record's own `received` takes its place.
    let received = Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None };
    let mut reader = StreamReader { each, context: None, records: 0, error: None };
    read(value, &received, &mut reader)?;
    reader.error.map_or(Ok(()), Err)
}

struct StreamReader<'a, 'e> {
    each: &'e mut dyn FnMut(Streamed<'a>),
    context: Option<Context<'a>>,
    records: usize,
    error: Option<StreamError>,
}

impl<'a> Visit<'a> for StreamReader<'a, '_> {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        match context {
            Ok(context) => self.context = Some(context),
            Err(malformed) => drop(self.error.get_or_insert(malformed.into())),
        }
    }

    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        if self.error.is_some() {
            return;
        }
        let streamed = match (record, &self.context) {
            (Ok(log), Some(context)) => streamed(log, context, self.records),
            (Err(malformed), _) => Err(malformed.into()),
            (Ok(_), None) => return,
        };
        match streamed {
            Ok(streamed) => (self.each)(streamed),
            Err(error) => self.error = Some(error),
        }
        self.records += 1;
    }

    fn unknown_fields(&mut self, _: u64) {
        // Said before the record that holds it, or before the first of those that share it.
        let record = self.records;
        self.error.get_or_insert(StreamError::UnknownField { record });
    }
}

/// Cuts the seven attributes off and reads them. `record`: its number within the message, for errors.
fn streamed<'a>(mut log: LogRecord<'a>, context: &Context<'a>, record: usize) -> Result<Streamed<'a>, StreamError> {
    let first = log.attributes.len().checked_sub(LINK_KEYS.len());
    let first = first.ok_or(StreamError::Attribute { record, attribute: LINK_KEYS[0] })?;
    let mut attributes = LinkAttributes { rest: log.attributes.drain(first..), next: 0, record };
    let chain = attributes.text()?;
    let sequence = Sequence::new(attributes.number()?);
    let observed = UnixNanos(attributes.number()?);
    let previous: Hash = attributes.parsed()?;
    let checksum: Checksum = attributes.parsed()?;
    let hash: Hash = attributes.parsed()?;
    let received = attributes.origin()?;
    drop(attributes);
    let context = Context { received, ..context.clone() };
    let link = Link { sequence, observed, previous, checksum, hash };
    Ok(Streamed { chain, link, record: Record { log, context } })
}

/// The last seven attributes of a record, taken in their order.
struct LinkAttributes<'l, 'a> {
    rest: std::vec::Drain<'l, KeyValue<'a>>,
    next: usize,
    record: usize,
}

impl<'a> LinkAttributes<'_, 'a> {
    fn value(&mut self) -> Result<Value<'a>, StreamError> {
        let wrong = self.wrong(self.next);
        self.next += 1;
        match (self.rest.next(), LINK_KEYS.get(self.next - 1)) {
            (Some(pair), Some(key)) if pair.key == *key => Ok(pair.value),
            _ => Err(wrong),
        }
    }

    fn text(&mut self) -> Result<&'a str, StreamError> {
        match self.value()? {
            Value::String(Cow::Borrowed(text)) => Ok(text),
            // An owned text was not UTF-8, so it was not written by us.
            _ => Err(self.wrong(self.next - 1)),
        }
    }

    fn number(&mut self) -> Result<u64, StreamError> {
        match self.value()? {
            Value::Int(number) => number.try_into().map_err(|_| self.wrong(self.next - 1)),
            _ => Err(self.wrong(self.next - 1)),
        }
    }

    fn parsed<T: std::str::FromStr>(&mut self) -> Result<T, StreamError> {
        self.text()?.parse().map_err(|_| self.wrong(self.next - 1))
    }

    fn origin(&mut self) -> Result<Origin, StreamError> {
        read_origin(self.text()?).map_err(|_| self.wrong(self.next - 1))
    }

    fn wrong(&self, key: usize) -> StreamError {
        let attribute = LINK_KEYS.get(key).copied().unwrap_or_default();
        StreamError::Attribute { record: self.record, attribute }
    }
}
