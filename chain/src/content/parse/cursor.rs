//! The letters of canonical text: literals, the members of a message, and texts, numbers, ids and bytes, each in the one writing
//! that it has.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ParseError;
use crate::content::hex::lower_hex;
use crate::content::number::{canonical_double, canonical_signed, canonical_unsigned};
use crate::content::write::plain_len;

/// A text, and how far it has been read.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    /// What is left to read. It begins at a character's border: only ASCII or whole runs between ASCII are passed over.
    rest: &'a str,
    /// Where the text ends.
    end: usize,
}

/// Whether a member of the message at hand has been read: all but the first have a comma in front.
#[derive(Default)]
pub(super) struct Members {
    any: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        let rest = text.get(at..).unwrap_or_default();
        Self { rest, end: at + rest.len() }
    }

    pub(super) fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, ParseError> {
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

    pub(super) fn filled_text(&mut self) -> Result<Cow<'a, str>, ParseError> {
        let at = self.at();
        match self.text()? {
            text if text.is_empty() => Err(ParseError { at, expected: "a text that is not empty" }),
            text => Ok(text),
        }
    }

    /// A text in which no escape may stand, and its last quote.
    pub(super) fn plain(&mut self) -> Result<&'a str, ParseError> {
        let run = self.run();
        self.expect("\"", "`\"`")?;
        Ok(run)
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        const SHORTEST: &str = "a character as it is, or the shortest escape of one that needs it";
        let [b'\\', letter, ..] = self.rest.as_bytes() else { return self.fail(SHORTEST) };
        let (escaped, length) = match letter {
            b'"' | b'\\' => (*letter, 2),
            b'b' => (0x08, 2),
            b't' => (b'\t', 2),
            b'n' => (b'\n', 2),
            b'f' => (0x0c, 2),
            b'r' => (b'\r', 2),
            b'u' => match self.rest.as_bytes() {
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
        self.pass(length);
        Ok(escaped.into())
    }

    pub(super) fn int32(&mut self) -> Result<i32, ParseError> {
        let at = self.at();
        let number = canonical_signed(self.number()).and_then(|number| i32::try_from(number).ok());
        number.filter(|number| *number != 0).ok_or(ParseError { at, expected: "a 32-bit integer other than 0" })
    }

    pub(super) fn uint32(&mut self) -> Result<u32, ParseError> {
        let at = self.at();
        let number = canonical_unsigned(self.number()).and_then(|number| u32::try_from(number).ok());
        number.filter(|number| *number != 0).ok_or(ParseError { at, expected: "a 32-bit integer above 0" })
    }

    /// The rest of a 64-bit integer behind its first quote.
    pub(super) fn int64(&mut self) -> Result<i64, ParseError> {
        let at = self.at();
        let number = canonical_signed(self.plain()?);
        number.ok_or(ParseError { at, expected: "a 64-bit integer in its shortest form" })
    }

    pub(super) fn uint64(&mut self) -> Result<u64, ParseError> {
        self.expect("\"", "`\"`")?;
        let at = self.at();
        let number = canonical_unsigned(self.plain()?).filter(|number| *number != 0);
        number.ok_or(ParseError { at, expected: "a 64-bit integer above 0" })
    }

    pub(super) fn double(&mut self) -> Result<f64, ParseError> {
        if self.eat("\"") {
            let names = [("NaN\"", f64::NAN), ("Infinity\"", f64::INFINITY), ("-Infinity\"", f64::NEG_INFINITY)];
            return self.one_of(names, "`NaN`, `Infinity` or `-Infinity`");
        }
        let at = self.at();
        canonical_double(self.number()).ok_or(ParseError { at, expected: "a double as RFC 8785 writes it" })
    }

    /// What may belong to a number, from here on.
    fn number(&mut self) -> &'a str {
        let length =
            self.rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e')).count();
        self.pass(length)
    }

    /// An id, whose bytes stand in `room` where they fit.
    pub(super) fn id(&mut self, room: &'a mut [u8]) -> Result<Cow<'a, [u8]>, ParseError> {
        self.expect("\"", "`\"`")?;
        let at = self.at();
        let bytes = lower_hex(self.plain()?, room).filter(|bytes| !bytes.is_empty());
        bytes.ok_or(ParseError { at, expected: "pairs of lower-case hex digits" })
    }

    /// The rest of a base64 text behind its first quote. The decoder refuses missing padding and stray last bits.
    pub(super) fn base64(&mut self) -> Result<Cow<'a, [u8]>, ParseError> {
        let at = self.at();
        let bytes = STANDARD.decode(self.plain()?);
        bytes.map(Cow::Owned).map_err(|_| ParseError { at, expected: "padded standard base64" })
    }

    pub(super) fn one_of<T: Copy, const N: usize>(
        &mut self,
        words: [(&str, T); N],
        expected: &'static str,
    ) -> Result<T, ParseError> {
        match words.iter().find(|(word, _)| self.eat(word)) {
            Some((_, value)) => Ok(*value),
            None => self.fail(expected),
        }
    }

    pub(super) fn open(&mut self) -> Result<Members, ParseError> {
        self.expect("{", "`{`")?;
        Ok(Members::default())
    }

    /// Passes over a member's name, if that is what comes next.
    #[inline(always)]
    pub(super) fn member(&mut self, members: &mut Members, name: &str) -> bool {
        let named = if members.any { self.rest.strip_prefix(',') } else { Some(self.rest) };
        let Some(rest) = named.and_then(|named| named.strip_prefix(name)) else { return false };
        self.rest = rest;
        members.any = true;
        true
    }

    /// The last brace of a message that is left out when it is empty.
    pub(super) fn close_filled(&mut self, members: &Members, expected: &'static str) -> Result<(), ParseError> {
        if members.any { self.expect("}", expected) } else { self.fail(expected) }
    }

    /// What needs no escape, from here on.
    #[inline]
    pub(super) fn run(&mut self) -> &'a str {
        self.pass(plain_len(self.rest.as_bytes()))
    }

    #[inline]
    fn pass(&mut self, length: usize) -> &'a str {
        let (passed, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        self.rest = rest;
        passed
    }

    // Inlined, the comparison with a literal is one or two of words; as a call it is a `memcmp`.
    #[inline(always)]
    pub(super) fn eat(&mut self, literal: &str) -> bool {
        let behind = self.rest.strip_prefix(literal);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    #[inline(always)]
    pub(super) fn expect(&mut self, literal: &str, expected: &'static str) -> Result<(), ParseError> {
        if self.eat(literal) { Ok(()) } else { self.fail(expected) }
    }

    pub(super) fn end(&self) -> Result<(), ParseError> {
        if self.rest.is_empty() { Ok(()) } else { self.fail("the end") }
    }

    #[cold]
    pub(super) fn fail<T>(&self, expected: &'static str) -> Result<T, ParseError> {
        Err(ParseError { at: self.at(), expected })
    }
}
