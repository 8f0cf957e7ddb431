//! OTLP protobuf to record and back, read from the wire so that ill-formed UTF-8, unknown fields and over-deep nesting
//! are each known and cost no neighbour.
//!
//! What protobuf's own rules accept is accepted here (the generated types of `opentelemetry-proto` are the oracle in the
//! tests), but for nesting deeper than [`MAX_DEPTH`](super::MAX_DEPTH). Nothing recurses deeper than that, whatever the bytes say. What is read
//! borrows from the request; no text is copied but one that is not UTF-8.

mod encode;
mod link_form;
mod read;
mod stream;
mod text_pairs;
mod wire;

pub use read::{Request, read};
pub use stream::{StreamError, Streamed, Writer, message_bound, read_stream};

use super::{Context, LogRecord};

/// What was wrong with one record's bytes (the record alone is refused).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a field is cut short")]
    Truncated,
    #[error("a field has a wrong wire type, or a tag or varint that is none")]
    WireType,
    #[error("values are nested deeper than 24")]
    TooDeep,
    #[error("it holds more than 100,000 attributes and list elements")]
    TooMany,
}

/// Attributes and list elements of one record at most, of all depths together; of a resource or scope as well. The shortest
/// takes two bytes on the wire and more than fifty in memory: without a bound, a request of 16 MiB takes a gigabyte.
pub const MAX_VALUES: u32 = 100_000;

/// Takes what `read` finds in the bytes of an `ExportLogsServiceRequest`.
///
/// `scope` is called once for each `ScopeLogs` with what its records share (`received` as given by the caller), then
/// `record` for each of its log records. A malformed record is handed on as such; a request whose outer structure can't be
/// followed is an error as a whole, found before the first call.
pub trait Visit<'a> {
    /// One `ScopeLogs` begins; `Err`: its resource or scope is malformed, so all of its records are (and are handed on as such).
    fn scope(&mut self, context: Result<Context<'a>, Malformed>);
    /// One log record of the last scope.
    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>);
    /// Fields that this version doesn't know were dropped, `count` of them; said before the call for what held them.
    fn unknown_fields(&mut self, count: u64);
    /// Nothing of what is left is wanted any more: `read` ends as if it were not there.
    fn is_done(&self) -> bool {
        false
    }
}
