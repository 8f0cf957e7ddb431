//! A cursor over canonical text that passes over what nobody asked for without reading it.
//!
//! It trusts nothing: on text that is not JSON of the expected shape every method answers `None`, and `at` says where. It does
//! not prove that a text is canonical (`Content::parse` does).

use std::borrow::Cow;

use memchr::memchr2;

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

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Byte at which the scan stands: after a `None`, where it could not go on.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Passes over `literal` if it comes next.
    pub(super) fn take(&mut self, literal: &str) -> bool {
        let next = self.rest().starts_with(literal.as_bytes());
        self.at += if next { literal.len() } else { 0 };
        next
    }

    /// As `take`, where nothing else may come.
    pub(super) fn expect(&mut self, literal: &str) -> Option<()> {
        self.take(literal).then_some(())
    }

    /// A string, from its quote to its quote.
    pub(super) fn string(&mut self) -> Option<Raw<'a>> {
        self.expect("\"")?;
        let bytes = self.text.as_bytes();
        let (start, mut end, mut escaped) = (self.at, self.at, false);
        loop {
            end += memchr2(b'"', b'\\', bytes.get(end..)?)?;
            if bytes.get(end) == Some(&b'"') {
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

    /// As `value`, quick for the strings that most values of OTLP are.
    pub(super) fn any_value(&mut self) -> Option<&'a str> {
        let start = self.at;
        if !self.take(r#"{"stringValue":"#) {
            return self.value();
        }
        self.string()?;
        self.expect("}")?;
        self.text.get(start..self.at)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

impl<'a> Raw<'a> {
    /// A string with its quotes, as a value that was cut out of a text.
    pub(super) fn quoted(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('"')?.strip_suffix('"')?;
        Some(Self { text, escaped: text.contains('\\') })
    }

    /// What the string says.
    pub(super) fn unescape(self) -> Option<Cow<'a, str>> {
        if self.escaped { unescape(self.text).map(Cow::Owned) } else { Some(Cow::Borrowed(self.text)) }
    }
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
