//! Canonical text to record. The grammar is what `write` writes and nothing else: fixed order of members, no spaces, the
//! shortest escapes and numbers, no member that holds its default. So a text that is read here is written back as it was.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hex::lower_hex;
use super::number::{canonical_double, canonical_signed, canonical_unsigned};
use super::write::plain_len;
use super::{Auth, By, Context, KeyValue, LogRecord, MAX_DEPTH, Origin, Record, Resource, Scope, Value};

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
    let mut parser = Parser { text, at: 0 };
    parser.expect("{\"logRecord\":", "`{\"logRecord\":`")?;
    let log = parser.log(attribute)?;
    Ok((log, parser.at))
}

/// What stands behind the log record of a content, from `at` as `read_log` gave it.
pub fn read_tail(text: &str, at: usize) -> Result<(Context<'_>, Parts<'_>), ParseError> {
    let mut parser = Parser { text, at };
    let slice = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    parser.expect(",\"received\":", "`,\"received\":`")?;
    let received_at = parser.at;
    let received = parser.origin()?;
    let resource_at = parser.at;
    let resource = if parser.eat(",\"resource\":") { parser.resource()? } else { Resource::default() };
    let resource_schema_url = parser.tail_text(",\"resourceSchemaUrl\":")?;
    let scope_at = parser.at;
    let scope = if parser.eat(",\"scope\":") { parser.scope()? } else { Scope::default() };
    let scope_schema_url = parser.tail_text(",\"scopeSchemaUrl\":")?;
    let end = parser.at;
    parser.expect("}", "the next member of the record in its place, or its `}`")?;
    parser.end()?;
    let parts = Parts {
        tail: slice(at, parser.at),
        received: slice(received_at, resource_at),
        resource: slice(resource_at, scope_at),
        scope: slice(scope_at, end),
    };
    Ok((Context { received, resource, resource_schema_url, scope, scope_schema_url }, parts))
}

/// The object `received` alone, as it stands in an attribute of the stream.
pub(super) fn read_origin(text: &str) -> Result<Origin, ParseError> {
    let mut parser = Parser { text, at: 0 };
    let origin = parser.origin()?;
    parser.end()?;
    Ok(origin)
}

struct Parser<'a> {
    text: &'a str,
    /// Always at a character's border: only ASCII or whole runs between ASCII are passed over.
    at: usize,
}

/// Whether a member of the message at hand has been read: all but the first have a comma in front.
#[derive(Default)]
struct Members {
    any: bool,
}

impl<'a> Parser<'a> {
    /// A log record but for its attributes, which go to `attribute`.
    fn log(&mut self, attribute: impl FnMut(KeyValue<'a>)) -> Result<LogRecord<'a>, ParseError> {
        let mut members = self.open()?;
        let mut log = LogRecord::default();
        if self.member(&mut members, "\"attributes\":") {
            self.pairs_each(1, attribute)?;
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
            log.span_id = self.id()?;
        }
        if self.member(&mut members, "\"timeUnixNano\":") {
            log.time_unix_nano = self.uint64()?;
        }
        if self.member(&mut members, "\"traceId\":") {
            log.trace_id = self.id()?;
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
        self.pairs_each(depth, |pair| pairs.push(pair))?;
        Ok(pairs)
    }

    fn pairs_each(&mut self, depth: usize, mut each: impl FnMut(KeyValue<'a>)) -> Result<(), ParseError> {
        self.expect("[", "`[`")?;
        loop {
            each(self.pair(depth)?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect("]", "`,` or `]`")
    }

    fn pair(&mut self, depth: usize) -> Result<KeyValue<'a>, ParseError> {
        if depth <= MAX_DEPTH
            && let Some(pair) = self.plain_pair()
        {
            return Ok(pair);
        }
        let mut members = self.open()?;
        let key = if self.member(&mut members, "\"key\":") { self.filled_text()? } else { Cow::Borrowed("") };
        let value = if self.member(&mut members, "\"value\":") { self.set_value(depth)? } else { Value::Null };
        self.expect("}", "the next member of a key and value in its place, or its `}`")?;
        Ok(KeyValue { key, value })
    }

    /// A key and a text without escapes, which nearly all attributes are; anything else is left for the long way.
    fn plain_pair(&mut self) -> Option<KeyValue<'a>> {
        let mut ahead = Parser { text: self.text, at: self.at };
        if !ahead.eat("{\"key\":\"") {
            return None;
        }
        let key = ahead.run();
        if key.is_empty() || !ahead.eat("\",\"value\":{\"stringValue\":\"") {
            return None;
        }
        let text = ahead.run();
        if !ahead.eat("\"}}") {
            return None;
        }
        self.at = ahead.at;
        Some(KeyValue { key: Cow::Borrowed(key), value: Value::String(Cow::Borrowed(text)) })
    }

    /// A value where null would have been left out.
    fn set_value(&mut self, depth: usize) -> Result<Value<'a>, ParseError> {
        let at = self.at;
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
            let at = self.at;
            let number = canonical_signed(self.plain()?);
            Value::Int(number.ok_or(ParseError { at, expected: "a 64-bit integer in its shortest form" })?)
        } else if self.eat("\"boolValue\":") {
            Value::Bool(self.one_of([("true", true), ("false", false)], "`true` or `false`")?)
        } else if self.eat("\"doubleValue\":") {
            Value::Double(self.double()?)
        } else if self.eat("\"kvlistValue\":{") {
            Value::Map(self.list(|parser| parser.pairs(depth + 1))?)
        } else if self.eat("\"arrayValue\":{") {
            Value::Array(self.list(|parser| parser.values(depth + 1))?)
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

    fn double(&mut self) -> Result<f64, ParseError> {
        if self.eat("\"") {
            let names = [("NaN\"", f64::NAN), ("Infinity\"", f64::INFINITY), ("-Infinity\"", f64::NEG_INFINITY)];
            return self.one_of(names, "`NaN`, `Infinity` or `-Infinity`");
        }
        let at = self.at;
        canonical_double(self.number()).ok_or(ParseError { at, expected: "a double as RFC 8785 writes it" })
    }

    fn uint32(&mut self) -> Result<u32, ParseError> {
        let at = self.at;
        let number = canonical_unsigned(self.number()).and_then(|number| u32::try_from(number).ok());
        number.filter(|number| *number != 0).ok_or(ParseError { at, expected: "a 32-bit integer above 0" })
    }

    fn int32(&mut self) -> Result<i32, ParseError> {
        let at = self.at;
        let number = canonical_signed(self.number()).and_then(|number| i32::try_from(number).ok());
        number.filter(|number| *number != 0).ok_or(ParseError { at, expected: "a 32-bit integer other than 0" })
    }

    fn uint64(&mut self) -> Result<u64, ParseError> {
        self.expect("\"", "`\"`")?;
        let at = self.at;
        let number = canonical_unsigned(self.plain()?).filter(|number| *number != 0);
        number.ok_or(ParseError { at, expected: "a 64-bit integer above 0" })
    }

    fn id(&mut self) -> Result<Cow<'a, [u8]>, ParseError> {
        self.expect("\"", "`\"`")?;
        let at = self.at;
        let bytes = lower_hex(self.plain()?).filter(|bytes| !bytes.is_empty());
        bytes.map(Cow::Owned).ok_or(ParseError { at, expected: "pairs of lower-case hex digits" })
    }

    /// The rest of a base64 text behind its first quote. The decoder refuses missing padding and stray last bits.
    fn base64(&mut self) -> Result<Cow<'a, [u8]>, ParseError> {
        let at = self.at;
        let bytes = STANDARD.decode(self.plain()?);
        bytes.map(Cow::Owned).map_err(|_| ParseError { at, expected: "padded standard base64" })
    }

    fn filled_text(&mut self) -> Result<Cow<'a, str>, ParseError> {
        let at = self.at;
        match self.text()? {
            text if text.is_empty() => Err(ParseError { at, expected: "a text that is not empty" }),
            text => Ok(text),
        }
    }

    fn tail_text(&mut self, name: &str) -> Result<Cow<'a, str>, ParseError> {
        if self.eat(name) { self.filled_text() } else { Ok(Cow::Borrowed("")) }
    }

    fn known_text(&mut self, name: &str) -> Result<Option<String>, ParseError> {
        if self.eat(name) { Ok(Some(self.text()?.into_owned())) } else { Ok(None) }
    }

    fn text(&mut self) -> Result<Cow<'a, str>, ParseError> {
        self.expect("\"", "`\"`")?;
        let plain = self.run();
        if self.eat("\"") {
            return Ok(Cow::Borrowed(plain));
        }
        // A text with one escape mostly has many.
        let mut text = String::with_capacity(plain.len() + 128);
        text.push_str(plain);
        while !self.eat("\"") {
            text.push(self.escape()?);
            text.push_str(self.run());
        }
        Ok(Cow::Owned(text))
    }

    /// A text in which no escape may stand, and its last quote.
    fn plain(&mut self) -> Result<&'a str, ParseError> {
        let run = self.run();
        self.expect("\"", "`\"`")?;
        Ok(run)
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        const SHORTEST: &str = "a character as it is, or the shortest escape of one that needs it";
        let [b'\\', letter, ..] = self.rest() else { return self.fail(SHORTEST) };
        let (escaped, length) = match letter {
            b'"' | b'\\' => (*letter, 2),
            b'b' => (0x08, 2),
            b't' => (b'\t', 2),
            b'n' => (b'\n', 2),
            b'f' => (0x0c, 2),
            b'r' => (b'\r', 2),
            b'u' => match self.rest() {
                [_, _, b'0', b'0', high @ b'0'..=b'1', low @ (b'0'..=b'9' | b'a'..=b'f'), ..] => {
                    let low = if low.is_ascii_digit() { low - b'0' } else { low - b'a' + 10 };
                    ((high - b'0') * 16 + low, 6)
                }
                _ => return self.fail(SHORTEST),
            },
            _ => return self.fail(SHORTEST),
        };
        if length == 6 && matches!(escaped, 0x08 | b'\t' | b'\n' | 0x0c | b'\r') {
            return self.fail(SHORTEST);
        }
        self.at += length;
        Ok(escaped.into())
    }

    fn open(&mut self) -> Result<Members, ParseError> {
        self.expect("{", "`{`")?;
        Ok(Members::default())
    }

    /// Passes over a member's name, if that is what comes next.
    #[inline(always)]
    fn member(&mut self, members: &mut Members, name: &str) -> bool {
        let rest = self.rest();
        let behind = if members.any { rest.strip_prefix(b",") } else { Some(rest) };
        if !behind.is_some_and(|rest| rest.starts_with(name.as_bytes())) {
            return false;
        }
        self.at += usize::from(members.any) + name.len();
        members.any = true;
        true
    }

    /// The last brace of a message that is left out when it is empty.
    fn close_filled(&mut self, members: &Members, expected: &'static str) -> Result<(), ParseError> {
        if members.any { self.expect("}", expected) } else { self.fail(expected) }
    }

    fn one_of<T: Copy, const N: usize>(
        &mut self,
        words: [(&str, T); N],
        expected: &'static str,
    ) -> Result<T, ParseError> {
        match words.iter().find(|(word, _)| self.eat(word)) {
            Some((_, value)) => Ok(*value),
            None => self.fail(expected),
        }
    }

    /// What may belong to a number, from here on.
    fn number(&mut self) -> &'a str {
        let length =
            self.rest().iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e')).count();
        self.pass(length)
    }

    /// What needs no escape, from here on.
    #[inline]
    fn run(&mut self) -> &'a str {
        self.pass(plain_len(self.rest()))
    }

    #[inline]
    fn pass(&mut self, length: usize) -> &'a str {
        let passed = self.text.get(self.at..self.at + length).unwrap_or_default();
        self.at += length;
        passed
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    // Inlined, the comparison with a literal is one or two of words; as a call it is a `memcmp`.
    #[inline(always)]
    fn eat(&mut self, literal: &str) -> bool {
        let next = self.rest().starts_with(literal.as_bytes());
        self.at += if next { literal.len() } else { 0 };
        next
    }

    #[inline(always)]
    fn expect(&mut self, literal: &str, expected: &'static str) -> Result<(), ParseError> {
        if self.eat(literal) { Ok(()) } else { self.fail(expected) }
    }

    fn end(&self) -> Result<(), ParseError> {
        if self.at == self.text.len() { Ok(()) } else { self.fail("the end") }
    }

    #[cold]
    fn fail<T>(&self, expected: &'static str) -> Result<T, ParseError> {
        Err(ParseError { at: self.at, expected })
    }
}
