//! A cursor over canonical text that passes over what nobody asked for without reading it.
//!
//! It trusts nothing: on text that is not JSON of the expected shape every method answers `None`, and `at` says where. It does
//! not prove that a text is canonical (`Content::parse` does).

use std::borrow::Cow;

pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// A string as it stands between its quotes.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) text: &'a str,
    escaped: bool,
}

/// An AnyValue as it stands in the text.
#[derive(Clone, Copy)]
pub(super) enum Any<'a> {
    /// What its `stringValue` is.
    Text(Raw<'a>),
    /// Any other, with its braces.
    Json(&'a str),
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Byte at which the scan stands: after a `None`, where it could not go on.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    pub(super) fn remaining(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Passes over `literal` if it comes next.
    // Inlined, the comparison with a literal is one or two of words; as a call it is a `memcmp`.
    #[inline(always)]
    pub(super) fn take(&mut self, literal: &str) -> bool {
        let next = self.rest().starts_with(literal.as_bytes());
        self.at += if next { literal.len() } else { 0 };
        next
    }

    /// As `take`, where nothing else may come.
    #[inline(always)]
    pub(super) fn expect(&mut self, literal: &str) -> Option<()> {
        self.take(literal).then_some(())
    }

    /// Passes over the name of an object's next member, with its colon, if that is what comes. `any`: whether one was read.
    #[inline(always)]
    pub(super) fn member(&mut self, any: &mut bool, name: &str) -> bool {
        let rest = self.rest();
        let behind = if *any { rest.strip_prefix(b",") } else { Some(rest) };
        if !behind.is_some_and(|rest| rest.starts_with(name.as_bytes())) {
            return false;
        }
        self.at += usize::from(*any) + name.len();
        *any = true;
        true
    }

    /// A string, from its quote to its quote.
    #[inline]
    pub(super) fn string(&mut self) -> Option<Raw<'a>> {
        self.expect("\"")?;
        self.rest_of_string()
    }

    /// As `string`, from behind its first quote.
    #[inline]
    pub(super) fn rest_of_string(&mut self) -> Option<Raw<'a>> {
        let bytes = self.text.as_bytes();
        let (start, mut end, mut escaped) = (self.at, self.at, false);
        loop {
            end += plain_len(bytes.get(end..)?);
            if *bytes.get(end)? == b'"' {
                break;
            }
            escaped = true;
            end += 2;
        }
        let text = self.text.get(start..end)?;
        self.at = end + 1;
        Some(Raw { text, escaped })
    }

    /// Any value, as it stands in the text. Counts brackets, so depth costs no stack.
    pub(super) fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'"' => {
                    self.string()?;
                    if depth == 0 {
                        break;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => break,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        break;
                    }
                }
                b',' if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        self.text.get(start..self.at).filter(|value| !value.is_empty())
    }

    /// An AnyValue, quick for the texts that most of them are.
    #[inline]
    pub(super) fn any_value(&mut self) -> Option<Any<'a>> {
        if !self.take(r#"{"stringValue":"#) {
            return self.value().map(Any::Json);
        }
        let text = self.string()?;
        self.expect("}")?;
        Some(Any::Text(text))
    }

    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

impl<'a> Raw<'a> {
    /// What the string says.
    pub(super) fn unescape(self) -> Option<Cow<'a, str>> {
        if self.escaped { unescape(self.text).map(Cow::Owned) } else { Some(Cow::Borrowed(self.text)) }
    }
}

/// Bytes before the first quote or backslash, eight at a time: most strings are short, and a call would cost more than the
/// search. The high bit of each byte of `marks` says whether that byte is one of the two; a borrow may set the mark of a byte
/// above a true one, never below, and the lowest is what is asked for.
#[inline]
fn plain_len(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (at, chunk) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        let marks = zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c));
        if marks != 0 {
            return 8 * at + (marks.trailing_zeros() / 8) as usize;
        }
    }
    8 * chunks.len() + rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len())
}

/// Takes back the escapes that RFC 8785 writes (3.2.2.2); there are no others in canonical text.
fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut characters = behind.chars();
        plain.push(match characters.next()? {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            '"' => '"',
            '\\' => '\\',
            'u' => {
                let code = characters.as_str().get(..4)?;
                characters = characters.as_str().get(4..)?.chars();
                char::from(u8::from_str_radix(code.strip_prefix("00")?, 16).ok()?)
            }
            _ => return None,
        });
        rest = characters.as_str();
    }
    plain.push_str(rest);
    Some(plain)
}
