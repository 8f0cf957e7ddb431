//! OTLP protobuf to record and back, read from the wire so that ill-formed UTF-8, unknown fields and over-deep nesting
//! are each known and cost no neighbour.

use super::{Context, LogRecord, Record};
use crate::link::{ChainName, Link};

/// What was wrong with one record's bytes (the record alone is refused).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a field is cut short")]
    Truncated,
    #[error("a field has the wrong wire type")]
    WireType,
    #[error("values are nested deeper than 24")]
    TooDeep,
}

/// Walks the bytes of an `ExportLogsServiceRequest`.
///
/// `scope` is called once for each `ScopeLogs` with what its records share (`received` as given by the caller), then
/// `record` for each of its log records. A malformed record is handed on as such; a request whose outer structure can't be
/// followed is an error as a whole, found before the first call.
pub trait Visit<'a> {
    /// One `ScopeLogs` begins; `Err`: its resource or scope is malformed, so all of its records are.
    fn scope(&mut self, context: Result<Context<'a>, Malformed>);
    /// One log record of the last scope.
    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>);
    /// A field that this version doesn't know was dropped, `count` times.
    fn unknown_fields(&mut self, count: u64);
}

/// Reads a request. `received` is what the contexts carry.
pub fn read<'a>(bytes: &'a [u8], received: &super::Origin, visit: &mut dyn Visit<'a>) -> Result<(), Malformed> {
    let _ = (bytes, received, visit);
    todo!()
}

/// Writes `ExportLogsServiceRequest` messages for the stream: records in chain order, only adjacent ones sharing a
/// `ResourceLogs`, each with the seven attributes of its link at the end.
#[derive(Default)]
pub struct Writer {}

impl Writer {
    /// Adds a record, its content as canonical text (from which the record is read again); an error leaves the writer as it was.
    pub fn push(&mut self, chain: &ChainName, link: &Link, content: &str) -> Result<(), super::ParseError> {
        let _ = (chain, link, content);
        todo!()
    }
    /// Bytes that `finish` would return now.
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// The message; the writer is empty again and keeps its memory.
    pub fn finish(&mut self) -> Vec<u8> {
        todo!()
    }
}

/// Bytes that `link` and `content` may add to a stream message at most; what exceeds the limit of a message is refused before the WAL.
pub fn message_bound(content_len: usize) -> usize {
    content_len + 1024
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

/// Reads the records of one stream message, in order.
pub fn read_stream<'a>(value: &'a [u8], each: &mut dyn FnMut(Streamed<'a>)) -> Result<(), StreamError> {
    let _ = (value, each);
    todo!()
}
