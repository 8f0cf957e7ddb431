//! Views of a text in which digits are ASCII digits and escapes are read, with the way back to the original bytes.
//!
//! A view is what the detectors see; what they find is replaced in the original, through `View::original`. A text that is
//! plain ASCII is its own view and costs nothing. Folding (digits of any script, full-width signs, spaces, dashes,
//! zero-width signs) never loses anything. Unescaping can (`%41` in `100%4111…`), so a text is looked at both before and
//! after each step.

/// Steps of unescaping that are looked at: JSON in JSON in a URL.
pub(super) const MAX_STEPS: usize = 3;

/// A folded text: byte `i` stands for `map[i]..map[i + 1]` of the original.
#[derive(Default)]
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    /// One more than `bytes`; empty where the view is the original itself.
    map: Vec<u32>,
}

impl View {
    fn clear(&mut self) {
        self.bytes.clear();
        self.map.clear();
    }

    fn push(&mut self, byte: u8, at: u32) {
        self.bytes.push(byte);
        self.map.push(at);
    }

    fn close(&mut self, end: u32) {
        self.map.push(end);
    }

    /// Where byte `at` of the view begins in the original (`at` may be the end).
    pub(super) fn original(&self, at: usize) -> usize {
        self.map.get(at).map_or(at, |&original| original as usize)
    }

    /// Folds `text` into this view.
    pub(super) fn fold_text(&mut self, text: &str) {
        self.clear();
        for (at, character) in text.char_indices() {
            fold(character, &mut |byte| self.push(byte, at as u32));
        }
        self.close(text.len() as u32);
    }

    /// Reads one level of escapes (percent, JSON and C, XML entities) of `source`, then folds. `false`: there were none.
    pub(super) fn unescape(&mut self, source: Source<'_>, raw: &mut View) -> bool {
        raw.clear();
        let mut changed = false;
        let mut at = 0;
        while let Some(&byte) = source.bytes.get(at) {
            let escape = if matches!(byte, b'%' | b'\\' | b'&') {
                read_escape(source.bytes.get(at..).unwrap_or_default())
            } else {
                None
            };
            match escape {
                Some((Unescaped::Byte(decoded), length)) => {
                    raw.push(decoded, source.original(at));
                    changed = true;
                    at += length;
                }
                Some((Unescaped::Char(decoded), length)) => {
                    for &b in decoded.encode_utf8(&mut [0; 4]).as_bytes() {
                        raw.push(b, source.original(at));
                    }
                    changed = true;
                    at += length;
                }
                None => {
                    raw.push(byte, source.original(at));
                    at += 1;
                }
            }
        }
        raw.close(source.original(source.bytes.len()));
        if changed {
            self.fold_bytes(raw);
        }
        changed
    }

    fn fold_bytes(&mut self, raw: &View) {
        self.clear();
        let mut at = 0;
        for chunk in raw.bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                let original = raw.original(at) as u32;
                fold(character, &mut |byte| self.push(byte, original));
                at += character.len_utf8();
            }
            for _ in chunk.invalid() {
                self.push(0xFF, raw.original(at) as u32);
                at += 1;
            }
        }
        self.close(raw.original(raw.bytes.len()) as u32);
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { bytes: &self.bytes, view: Some(self) }
    }
}

/// What a view is made from: the original text, or another view of it.
#[derive(Clone, Copy)]
pub(super) struct Source<'v> {
    pub(super) bytes: &'v [u8],
    pub(super) view: Option<&'v View>,
}

impl Source<'_> {
    fn original(&self, at: usize) -> u32 {
        self.view.map_or(at, |view| view.original(at)) as u32
    }
}

enum Unescaped {
    Byte(u8),
    Char(char),
}

/// The escape that `bytes` begin with, and its length.
fn read_escape(bytes: &[u8]) -> Option<(Unescaped, usize)> {
    match bytes {
        [b'%', high, low, ..] => Some((Unescaped::Byte(hex(*high)? << 4 | hex(*low)?), 3)),
        [b'\\', b'u' | b'U', rest @ ..] => {
            read_unicode(rest).map(|(character, length)| (Unescaped::Char(character), length + 2))
        }
        [b'\\', b'x', high, low, ..] => Some((Unescaped::Byte(hex(*high)? << 4 | hex(*low)?), 4)),
        [b'\\', b'n' | b'r', ..] => Some((Unescaped::Byte(b'\n'), 2)),
        [b'\\', b't', ..] => Some((Unescaped::Byte(b'\t'), 2)),
        [b'\\', sign @ (b'"' | b'\\' | b'/' | b'\''), ..] => Some((Unescaped::Byte(*sign), 2)),
        [b'&', b'#', rest @ ..] => {
            read_numeric_entity(rest).map(|(character, length)| (Unescaped::Char(character), length + 2))
        }
        [b'&', ..] => {
            const NAMED: [(&[u8], char); 9] = [
                (b"&quot;", '"'),
                (b"&amp;", '&'),
                (b"&lt;", '<'),
                (b"&gt;", '>'),
                (b"&apos;", '\''),
                (b"&nbsp;", ' '),
                (b"&commat;", '@'),
                (b"&period;", '.'),
                (b"&plus;", '+'),
            ];
            NAMED
                .iter()
                .find(|(name, _)| bytes.starts_with(name))
                .map(|(name, sign)| (Unescaped::Char(*sign), name.len()))
        }
        _ => None,
    }
}

/// `XXXX`, `{X…}`, or a pair of surrogates `XXXX\uXXXX`, after `\u`.
fn read_unicode(bytes: &[u8]) -> Option<(char, usize)> {
    if let [b'{', rest @ ..] = bytes {
        let digits = rest.iter().take(6).take_while(|b| hex(**b).is_some()).count();
        let closed = digits > 0 && rest.get(digits) == Some(&b'}');
        return if closed { Some((char::from_u32(hex_number(rest.get(..digits)?)?)?, digits + 2)) } else { None };
    }
    let first = hex_number(bytes.get(..4)?)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 4));
    }
    let pair = match bytes.get(4..10) {
        Some([b'\\', b'u', low @ ..]) => hex_number(low).filter(|low| (0xDC00..0xE000).contains(low) && first < 0xDC00),
        _ => None,
    };
    match pair {
        Some(low) => Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00))?, 10)),
        None => Some((char::REPLACEMENT_CHARACTER, 4)),
    }
}

/// `52;`, `x34;`, `X34;` after `&#`.
fn read_numeric_entity(bytes: &[u8]) -> Option<(char, usize)> {
    let end = bytes.iter().take(10).position(|&b| b == b';')?;
    let number = match bytes.get(..end)? {
        [b'x' | b'X', digits @ ..] => hex_number(digits)?,
        digits => std::str::from_utf8(digits).ok()?.parse().ok()?,
    };
    Some((char::from_u32(number)?, end + 1))
}

fn hex_number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |number, &digit| Some(number.checked_mul(16)? | u32::from(hex(digit)?)))
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// Gives the folded bytes of one character: none (zero-width), one, or its UTF-8.
fn fold(character: char, push: &mut impl FnMut(u8)) {
    if character.is_ascii() {
        return push(character as u8);
    }
    let code = character as u32;
    match code {
        // Zero-width signs, joiners, direction marks, combining marks, variation selectors, tags.
        0x00AD | 0x034F | 0x061C | 0x180E | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2069 | 0xFEFF => {}
        0x0300..=0x036F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F | 0xE0000..=0xE01EF => {}
        0x00A0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => push(b' '),
        0x2028 | 0x2029 | 0x0085 => push(b'\n'),
        0x2010..=0x2015 | 0x2043 | 0x2212 | 0x30FC | 0xFE58 | 0xFE63 | 0x2500 | 0x2501 => push(b'-'),
        0x00B7 | 0x2022 | 0x2024 | 0x30FB | 0xFF65 | 0xFF61 | 0xFE52 => push(b'.'),
        0x3001 => push(b','),
        0x3002 => push(b';'),
        0x3010 | 0x300C | 0x3014 => push(b'['),
        0x201C | 0x201D | 0x300A | 0x300B => push(b'"'),
        0xFE6B => push(b'@'),
        0xFF01..=0xFF5E => push((code - 0xFEE0) as u8),
        _ => match digit(code) {
            Some(value) => push(b'0' + value),
            None => character.encode_utf8(&mut [0; 4]).bytes().for_each(push),
        },
    }
}

/// The decimal value of a digit of any script (Unicode 16, general category Nd), or of a circled, raised or lowered one.
fn digit(code: u32) -> Option<u8> {
    const ZEROS: [u32; 63] = [
        0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50,
        0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
        0x2080, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0,
        0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50,
        0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1CCF0, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
    ];
    match code {
        0x1D7CE..=0x1D7FF => return Some(((code - 0x1D7CE) % 10) as u8),
        0x00B9 => return Some(1),
        0x00B2 | 0x00B3 => return Some((code - 0x00B0) as u8),
        0x2070 | 0x24EA | 0x24FF => return Some(0),
        0x2074..=0x2079 => return Some((code - 0x2070) as u8),
        0x2460..=0x2468 => return Some((code - 0x245F) as u8),
        0x2776..=0x277E => return Some((code - 0x2775) as u8),
        _ => {}
    }
    let below = ZEROS.partition_point(|&zero| zero <= code);
    let zero = ZEROS.get(below.checked_sub(1)?)?;
    (code - zero < 10).then_some((code - zero) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(text: &str) -> String {
        let (mut folded, mut raw, mut view) = (View::default(), View::default(), View::default());
        folded.fold_text(text);
        assert!(view.unescape(folded.source(), &mut raw), "{text}");
        String::from_utf8(view.bytes).unwrap()
    }

    #[test]
    fn digits_of_any_script_fold_to_ascii() {
        let mut view = View::default();
        view.fold_text("４２ ٤٢\u{200b}४२\u{a0}𝟒②—号");
        assert_eq!(view.bytes, "42 4242 42-号".as_bytes());
        assert_eq!(view.original(1), '４'.len_utf8());
    }

    #[test]
    fn one_level_of_every_escape_is_read() {
        for (text, expected) in [
            ("%34%31", "41"),
            (r"\u0034\uFF11", "41"),
            (r"\x34\ud835\udfd2", "44"),
            ("&#52;&#x31;&quot;", "41\""),
            (r#"\"cvv\":\"1\""#, r#""cvv":"1""#),
            ("%EF%BC%94", "4"),
            ("%2534", "%34"),
        ] {
            assert_eq!(unescaped(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_found_in_a_view_is_known_in_the_original() {
        let text = "a%34%31b";
        let (mut raw, mut view) = (View::default(), View::default());
        assert!(view.unescape(Source { bytes: text.as_bytes(), view: None }, &mut raw));
        assert_eq!((view.original(1), view.original(3)), (1, 7));
    }
}
