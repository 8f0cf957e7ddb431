//! Canonical text to record: message by message here, letter by letter in `cursor`. The grammar is what `write` writes and
//! nothing else: fixed order of members, no spaces, the shortest escapes and numbers, no member that holds its default. So a
//! text that is read here is written back as it was.

mod cursor;

use std::borrow::Cow;

use super::{Auth, By, Context, KeyValue, LogRecord, MAX_DEPTH, Origin, Record, Resource, Scope, Value};
use cursor::Cursor;

/// Where a text stops being canonical.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not canonical at byte {at}: expected {expected}")]
pub struct ParseError {
    pub at: usize,
    pub expected: &'static str,
}

/// The raw slices of a content. Records of one `ResourceLogs` have the same `resource`, of one `ScopeLogs` also the same
/// `scope`; where `tail` equals that of the record before, all that is not in its `logRecord` does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// From the comma behind the log record to the last brace.
    pub tail: &'a str,
    /// The object `received`.
    pub received: &'a str,
    /// The members `resource` and `resourceSchemaUrl` with their commas in front; empty when both are absent.
    pub resource: &'a str,
    /// The members `scope` and `scopeSchemaUrl` with their commas in front; empty when both are absent.
    pub scope: &'a str,
}

/// The record that a content says, borrowed from it where no escape stands in the way.
pub fn read(text: &str) -> Result<Record<'_>, ParseError> {
    Ok(read_parts(text)?.0)
}

/// As `read`; says also where in the text its shared parts lie.
pub fn read_parts(text: &str) -> Result<(Record<'_>, Parts<'_>), ParseError> {
    let (log, at) = read_log(text)?;
    let (context, parts) = read_tail(text, at)?;
    Ok((Record { log, context }, parts))
}

/// The log record of a content and where its tail begins; the tail is not looked at.
pub fn read_log(text: &str) -> Result<(LogRecord<'_>, usize), ParseError> {
    let mut attributes = Vec::new();
    let (mut log, at) = read_log_each(text, |pair| {
        if attributes.is_empty() {
            attributes.reserve(12);
        }
        attributes.push(pair);
    })?;
    log.attributes = attributes;
    Ok((log, at))
}

/// As `read_log`, but hands each attribute over as it is read instead of keeping them all.
pub fn read_log_each<'a>(
    text: &'a str,
    attribute: impl FnMut(KeyValue<'a>),
) -> Result<(LogRecord<'a>, usize), ParseError> {
    read_log_into(text, [&mut [], &mut []], &mut Each(attribute))
}

/// As `read_log_each`, for who does not need every pair as one value, and has room for a trace id and a span id.
pub(super) fn read_log_into<'a>(
    text: &'a str,
    ids: [&'a mut [u8]; 2],
    attributes: &mut impl Pairs<'a>,
) -> Result<(LogRecord<'a>, usize), ParseError> {
    let mut cursor = Cursor::new(text, 0);
    cursor.expect("{\"logRecord\":", "`{\"logRecord\":`")?;
    let log = cursor.log(ids, attributes)?;
    Ok((log, cursor.at()))
}

/// Takes a list of key and value, pair by pair as it is read.
pub(super) trait Pairs<'a> {
    /// A key that is not empty and a text, both without escapes: what nearly all pairs are.
    fn plain(&mut self, key: &'a str, text: &'a str);
    /// Any other pair.
    fn other(&mut self, pair: KeyValue<'a>);
}

/// Hands each pair on.
struct Each<F>(F);

impl<'a, F: FnMut(KeyValue<'a>)> Pairs<'a> for Each<F> {
    #[inline]
    fn plain(&mut self, key: &'a str, text: &'a str) {
        self.0(KeyValue { key: Cow::Borrowed(key), value: Value::String(Cow::Borrowed(text)) });
    }
    fn other(&mut self, pair: KeyValue<'a>) {
        self.0(pair);
    }
}

/// What stands behind the log record of a content, from `at` as `read_log` gave it.
pub fn read_tail(text: &str, at: usize) -> Result<(Context<'_>, Parts<'_>), ParseError> {
    let mut cursor = Cursor::new(text, at);
    let slice = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    cursor.expect(",\"received\":", "`,\"received\":`")?;
    let received_at = cursor.at();
    let received = cursor.origin()?;
    let resource_at = cursor.at();
    let resource = if cursor.eat(",\"resource\":") { cursor.resource()? } else { Resource::default() };
    let resource_schema_url = cursor.tail_text(",\"resourceSchemaUrl\":")?;
    let scope_at = cursor.at();
    let scope = if cursor.eat(",\"scope\":") { cursor.scope()? } else { Scope::default() };
    let scope_schema_url = cursor.tail_text(",\"scopeSchemaUrl\":")?;
    let end = cursor.at();
    cursor.expect("}", "the next member of the record in its place, or its `}`")?;
    cursor.end()?;
    let parts = Parts {
        tail: slice(at, cursor.at()),
        received: slice(received_at, resource_at),
        resource: slice(resource_at, scope_at),
        scope: slice(scope_at, end),
    };
    Ok((Context { received, resource, resource_schema_url, scope, scope_schema_url }, parts))
}

/// The object `received` alone, as it stands in an attribute of the stream.
pub(super) fn read_origin(text: &str) -> Result<Origin, ParseError> {
    let mut cursor = Cursor::new(text, 0);
    let origin = cursor.origin()?;
    cursor.end()?;
    Ok(origin)
}

/// The messages of a content, each with its members in their one order.
impl<'a> Cursor<'a> {
    /// A log record but for its attributes, which go to `attributes`.
    fn log(
        &mut self,
        [trace_id, span_id]: [&'a mut [u8]; 2],
        attributes: &mut impl Pairs<'a>,
    ) -> Result<LogRecord<'a>, ParseError> {
        let mut members = self.open()?;
        let mut log = LogRecord::default();
        if self.member(&mut members, "\"attributes\":") {
            self.pairs_into(1, attributes)?;
        }
        if self.member(&mut members, "\"body\":") {
            log.body = self.set_value(1)?;
        }
        if self.member(&mut members, "\"droppedAttributesCount\":") {
            log.dropped_attributes_count = self.uint32()?;
        }
        if self.member(&mut members, "\"eventName\":") {
            log.event_name = self.filled_text()?;
        }
        if self.member(&mut members, "\"flags\":") {
            log.flags = self.uint32()?;
        }
        if self.member(&mut members, "\"observedTimeUnixNano\":") {
            log.observed_time_unix_nano = self.uint64()?;
        }
        if self.member(&mut members, "\"severityNumber\":") {
            log.severity_number = self.int32()?;
        }
        if self.member(&mut members, "\"severityText\":") {
            log.severity_text = self.filled_text()?;
        }
        if self.member(&mut members, "\"spanId\":") {
            log.span_id = self.id(span_id)?;
        }
        if self.member(&mut members, "\"timeUnixNano\":") {
            log.time_unix_nano = self.uint64()?;
        }
        if self.member(&mut members, "\"traceId\":") {
            log.trace_id = self.id(trace_id)?;
        }
        self.expect("}", "the next member of `logRecord` in its place, or its `}`")?;
        Ok(log)
    }

    fn origin(&mut self) -> Result<Origin, ParseError> {
        self.expect("{\"auth\":\"", "`{\"auth\":\"`")?;
        let auth = self.one_of(
            [("mtls\"", Auth::Mtls), ("token\"", Auth::Token), ("none\"", Auth::None)],
            "`mtls`, `token` or `none`",
        )?;
        self.expect(",\"by\":\"", "`,\"by\":\"`")?;
        let by = self.one_of(
            [("sender\"", By::Sender), ("access\"", By::Access), ("self\"", By::Own)],
            "`sender`, `access` or `self`",
        )?;
        let peer = self.known_text(",\"peer\":")?;
        let subject = self.known_text(",\"subject\":")?;
        self.expect("}", "the next member of `received` in its place, or its `}`")?;
        Ok(Origin { auth, by, peer, subject })
    }

    fn resource(&mut self) -> Result<Resource<'a>, ParseError> {
        let mut members = self.open()?;
        let mut resource = Resource::default();
        if self.member(&mut members, "\"attributes\":") {
            resource.attributes = self.pairs(1)?;
        }
        if self.member(&mut members, "\"droppedAttributesCount\":") {
            resource.dropped_attributes_count = self.uint32()?;
        }
        self.close_filled(&members, "the next member of `resource` in its place, or its `}`")?;
        Ok(resource)
    }

    fn scope(&mut self) -> Result<Scope<'a>, ParseError> {
        let mut members = self.open()?;
        let mut scope = Scope::default();
        if self.member(&mut members, "\"attributes\":") {
            scope.attributes = self.pairs(1)?;
        }
        if self.member(&mut members, "\"droppedAttributesCount\":") {
            scope.dropped_attributes_count = self.uint32()?;
        }
        if self.member(&mut members, "\"name\":") {
            scope.name = self.filled_text()?;
        }
        if self.member(&mut members, "\"version\":") {
            scope.version = self.filled_text()?;
        }
        self.close_filled(&members, "the next member of `scope` in its place, or its `}`")?;
        Ok(scope)
    }

    /// A list of key and value that holds at least one; its values are at `depth`.
    fn pairs(&mut self, depth: usize) -> Result<Vec<KeyValue<'a>>, ParseError> {
        let mut pairs = Vec::new();
        self.pairs_into(depth, &mut Each(|pair| pairs.push(pair)))?;
        Ok(pairs)
    }

    fn pairs_into(&mut self, depth: usize, pairs: &mut impl Pairs<'a>) -> Result<(), ParseError> {
        self.expect("[", "`[`")?;
        loop {
            match self.plain_pair().filter(|_| depth <= MAX_DEPTH) {
                Some((key, text, behind)) => {
                    *self = behind;
                    pairs.plain(key, text);
                }
                None => pairs.other(self.pair(depth)?),
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect("]", "`,` or `]`")
    }

    /// Key and text of a pair that has nothing else and no escapes, and where it ends; anything else is left to `pair`.
    #[inline(always)]
    fn plain_pair(mut self) -> Option<(&'a str, &'a str, Self)> {
        if !self.eat("{\"key\":\"") {
            return None;
        }
        let key = self.run();
        if key.is_empty() || !self.eat("\",\"value\":{\"stringValue\":\"") {
            return None;
        }
        let text = self.run();
        self.eat("\"}}").then_some((key, text, self))
    }

    fn pair(&mut self, depth: usize) -> Result<KeyValue<'a>, ParseError> {
        let mut members = self.open()?;
        let key = if self.member(&mut members, "\"key\":") { self.filled_text()? } else { Cow::Borrowed("") };
        let value = if self.member(&mut members, "\"value\":") { self.set_value(depth)? } else { Value::Null };
        self.expect("}", "the next member of a key and value in its place, or its `}`")?;
        Ok(KeyValue { key, value })
    }

    /// A value where null would have been left out.
    fn set_value(&mut self, depth: usize) -> Result<Value<'a>, ParseError> {
        let at = self.at();
        match self.value(depth)? {
            Value::Null => Err(ParseError { at, expected: "a value that is not null" }),
            value => Ok(value),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, ParseError> {
        if depth > MAX_DEPTH {
            return self.fail("values nested no deeper than 24");
        }
        self.expect("{", "`{`")?;
        if self.eat("}") {
            return Ok(Value::Null);
        }
        let value = if self.eat("\"stringValue\":") {
            Value::String(self.text()?)
        } else if self.eat("\"intValue\":\"") {
            Value::Int(self.int64()?)
        } else if self.eat("\"boolValue\":") {
            Value::Bool(self.one_of([("true", true), ("false", false)], "`true` or `false`")?)
        } else if self.eat("\"doubleValue\":") {
            Value::Double(self.double()?)
        } else if self.eat("\"kvlistValue\":{") {
            Value::Map(self.list(|cursor| cursor.pairs(depth + 1))?)
        } else if self.eat("\"arrayValue\":{") {
            Value::Array(self.list(|cursor| cursor.values(depth + 1))?)
        } else if self.eat("\"bytesValue\":\"") {
            Value::Bytes(self.base64()?)
        } else {
            return self.fail("the one member of a value");
        };
        self.expect("}", "`}` behind the one member of a value")?;
        Ok(value)
    }

    /// The rest of `{"values":[…]}` or `{}` behind its first brace.
    fn list<T>(&mut self, list: impl FnOnce(&mut Self) -> Result<Vec<T>, ParseError>) -> Result<Vec<T>, ParseError> {
        if self.eat("}") {
            return Ok(Vec::new());
        }
        self.expect("\"values\":", "`\"values\":` or `}`")?;
        let values = list(self)?;
        self.expect("}", "`}`")?;
        Ok(values)
    }

    fn values(&mut self, depth: usize) -> Result<Vec<Value<'a>>, ParseError> {
        self.expect("[", "`[`")?;
        let mut values = vec![self.value(depth)?];
        while self.eat(",") {
            values.push(self.value(depth)?);
        }
        self.expect("]", "`,` or `]`")?;
        Ok(values)
    }

    fn tail_text(&mut self, name: &str) -> Result<Cow<'a, str>, ParseError> {
        if self.eat(name) { self.filled_text() } else { Ok(Cow::Borrowed("")) }
    }

    fn known_text(&mut self, name: &str) -> Result<Option<String>, ParseError> {
        if self.eat(name) { Ok(Some(self.text()?.into_owned())) } else { Ok(None) }
    }
}
