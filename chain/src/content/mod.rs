//! The canonical text of a record (`content` in FORMAT.md) and its mapping from and to OTLP.

pub mod otlp;
mod number;
mod parse;
mod record;
mod write;

pub use parse::ParseError;
pub use record::{Auth, By, Context, KeyValue, LogRecord, Origin, Record, Resource, Scope, Value};
pub use write::{Tail, is_reserved};

use crate::link::Checksum;

/// Deepest nesting of values within a record: a body or an attribute's value is at depth 1.
pub const MAX_DEPTH: usize = 24;

/// Canonical text of one masked record. Made only by writing a record or by parsing, which checks the form.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// Writes the canonical text of one log record under what its neighbours share.
    pub fn write(log: &LogRecord<'_>, tail: &Tail) -> Self {
        let _ = (log, tail);
        todo!()
    }
    /// Takes text that claims to be canonical; an error says where it is not.
    pub fn parse(text: String) -> Result<Self, ParseError> {
        let _ = text;
        todo!()
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// SHA-256 of the text.
    pub fn checksum(&self) -> Checksum {
        Checksum::of(self.0.as_bytes())
    }
    /// The record that the text says, borrowed from it where no escape stands in the way.
    pub fn record(&self) -> Record<'_> {
        todo!()
    }
}
