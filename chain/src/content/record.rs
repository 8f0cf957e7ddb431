//! One OTLP log record with what surrounds it, borrowed from the bytes it was read from where that is possible.
//!
//! What holds a record's text has no `Debug` but in this crate's own tests, so that no log line can show one by accident.

use std::borrow::Cow;

/// OTLP `AnyValue`. `Null` is a value that is absent or has no member set.
#[derive(Clone, Default, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub enum Value<'a> {
    #[default]
    Null,
    String(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Cow<'a, [u8]>),
    Array(Vec<Value<'a>>),
    Map(Vec<KeyValue<'a>>),
}

#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub struct KeyValue<'a> {
    pub key: Cow<'a, str>,
    pub value: Value<'a>,
}

/// OTLP `LogRecord`; the fields of the format, in protobuf's order.
#[derive(Clone, Default, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub struct LogRecord<'a> {
    pub time_unix_nano: u64,
    pub observed_time_unix_nano: u64,
    pub severity_number: i32,
    pub severity_text: Cow<'a, str>,
    pub body: Value<'a>,
    pub attributes: Vec<KeyValue<'a>>,
    pub dropped_attributes_count: u32,
    pub flags: u32,
    pub trace_id: Cow<'a, [u8]>,
    pub span_id: Cow<'a, [u8]>,
    pub event_name: Cow<'a, str>,
}

#[derive(Clone, Default, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub struct Resource<'a> {
    pub attributes: Vec<KeyValue<'a>>,
    pub dropped_attributes_count: u32,
}

#[derive(Clone, Default, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub struct Scope<'a> {
    pub name: Cow<'a, str>,
    pub version: Cow<'a, str>,
    pub attributes: Vec<KeyValue<'a>>,
    pub dropped_attributes_count: u32,
}

/// How the sender proved who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Auth {
    Mtls,
    Token,
    None,
}

/// Who put the record into the chain; `Own` (written `self`) marks the collector's own records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    Sender,
    Access,
    Own,
}

/// `received` of the content: written by the collector alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    pub auth: Auth,
    pub by: By,
    /// Address of the sender without its port, when known.
    pub peer: Option<String>,
    /// Certificate name or the token's name, when known.
    pub subject: Option<String>,
}

/// What the records of one `ScopeLogs` share.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub struct Context<'a> {
    pub received: Origin,
    pub resource: Resource<'a>,
    pub resource_schema_url: Cow<'a, str>,
    pub scope: Scope<'a>,
    pub scope_schema_url: Cow<'a, str>,
}

/// A whole record: what the content of one record says.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub struct Record<'a> {
    pub log: LogRecord<'a>,
    pub context: Context<'a>,
}
