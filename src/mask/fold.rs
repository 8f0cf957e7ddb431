//! Views of a text in which digits are ASCII digits and escapes are read, with the way back to the original bytes.
//!
//! A view is what the detectors see; what they find is replaced in the original, through `View::original`. A text that is
//! plain ASCII is its own view and costs nothing. Folding (digits of any script, full-width signs, spaces, dashes,
//! zero-width signs) never loses anything. Unescaping can (`%41` in `100%4111…`), so a text is looked at both before and
//! after each step.

use std::borrow::Cow;

use super::escapes::{Unescaped, hex, read_escape, read_quoted, read_syslog};
use super::{colour, signs};

/// Steps of unescaping that are looked at: JSON in JSON in a URL.
pub(super) const MAX_STEPS: usize = 3;

/// A folded text, and the way back to the original.
#[derive(Default)]
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    runs: Vec<Run>,
}

/// From byte `at` of a view on, bytes stand side by side in the original too, the first one at `original`.
#[derive(Clone, Copy, Default)]
struct Run {
    at: usize,
    original: usize,
}

impl View {
    fn clear(&mut self) {
        self.bytes.clear();
        self.runs.clear();
    }

    /// Bytes of memory that it holds.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.runs.capacity() * size_of::<Run>()
    }

    /// What is added next stands at `original`.
    fn stand(&mut self, original: usize) {
        let run = Run { at: self.bytes.len(), original };
        match self.runs.last_mut() {
            Some(last) if last.at == run.at => *last = run,
            Some(last) if last.original + run.at - last.at == original => {}
            None if run.at == original => {}
            _ => self.runs.push(run),
        }
    }

    /// Where the character that byte `at` of the view belongs to begins in the original (`at` may be the end).
    pub(super) fn original(&self, mut at: usize) -> usize {
        while self.bytes.get(at).is_some_and(|byte| (0x80..0xC0).contains(byte)) {
            at -= 1;
        }
        let below = self.runs.partition_point(|run| run.at <= at);
        let run = below.checked_sub(1).and_then(|last| self.runs.get(last)).copied().unwrap_or_default();
        run.original + at - run.at
    }

    /// Folds `text` into this view. `false`: that changes nothing, so that the text is its own view.
    pub(super) fn fold_text(&mut self, text: &str) -> bool {
        self.clear();
        let mut taken = 0;
        signs::foldable(text.as_bytes(), |at| {
            let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else { return };
            let folded = fold(character);
            if folded != Folded::Same {
                self.bytes.extend_from_slice(text.as_bytes().get(taken..at).unwrap_or_default());
                if let Folded::Sign(sign) = folded {
                    self.bytes.push(sign);
                }
                taken = at + character.len_utf8();
                self.stand(taken);
            }
        });
        self.bytes.extend_from_slice(text.as_bytes().get(taken..).unwrap_or_default());
        taken > 0
    }

    /// Reads one level of escapes (percent, JSON and C, XML entities) of `source`, then folds. `false`: there were none.
    pub(super) fn unescape(&mut self, source: Source<'_>, raw: &mut View) -> bool {
        self.read(source, raw, |rest| memchr::memchr3(b'%', b'\\', b'&', rest), read_escape)
    }

    /// The same of a form (application/x-www-form-urlencoded), in which each `+` that is written as it is stands for a blank. What
    /// there is else stands where it does in the view of `unescape`. `false`: the text can't be a form, or has no `+`.
    pub(super) fn unescape_form(&mut self, source: Source<'_>, raw: &mut View) -> bool {
        let escape = |bytes: &[u8]| match bytes.first() {
            Some(b'+') => Some((Unescaped::Byte(b' '), 1)),
            _ => read_escape(bytes),
        };
        let next = |rest: &[u8]| rest.iter().position(|sign| matches!(sign, b'%' | b'\\' | b'&' | b'+'));
        is_form(source.bytes) && self.read(source, raw, next, escape)
    }

    /// Reads `source` as quoted-printable, the transfer encoding of mail, then folds. `false`: there was nothing to read.
    pub(super) fn unquote(&mut self, source: Source<'_>, raw: &mut View) -> bool {
        self.read(source, raw, |rest| memchr::memchr(b'=', rest), read_quoted)
    }

    /// Reads the control characters of `source` that rsyslog escapes, then folds. `false`: there was nothing to read.
    pub(super) fn unescape_syslog(&mut self, source: Source<'_>, raw: &mut View) -> bool {
        self.read(source, raw, |rest| memchr::memchr(b'#', rest), read_syslog)
    }

    /// Takes `source` without the colour codes in it. `false`: there are none.
    pub(super) fn uncolour(&mut self, source: Source<'_>) -> bool {
        self.clear();
        let mut walk = source.walk();
        let (mut at, mut taken) = (0, 0);
        while let Some(rest) = source.bytes.get(at..)
            && let Some(open) = memchr::memchr(b'[', rest)
        {
            at += open + 1;
            if let Some((start, end)) = colour::around(source.bytes, at - 1).filter(|(start, _)| *start >= taken) {
                self.take(source.bytes, taken, start, &mut walk);
                (taken, at) = (end, end);
            }
        }
        self.take(source.bytes, taken, source.bytes.len(), &mut walk);
        self.stand(walk.original(source.bytes.len()));
        taken > 0
    }

    #[inline]
    fn read(
        &mut self,
        source: Source<'_>,
        raw: &mut View,
        next: impl Fn(&[u8]) -> Option<usize>,
        escape: impl Fn(&[u8]) -> Option<(Unescaped, usize)>,
    ) -> bool {
        raw.clear();
        let mut walk = source.walk();
        let (mut at, mut taken) = (0, 0);
        while let Some(rest) = source.bytes.get(at..)
            && let Some(next) = next(rest)
        {
            at += next;
            let Some((unescaped, length)) = escape(source.bytes.get(at..).unwrap_or_default()) else {
                at += 1;
                continue;
            };
            raw.take(source.bytes, taken, at, &mut walk);
            raw.stand(walk.original(at));
            match unescaped {
                Unescaped::Nothing => {}
                Unescaped::Byte(byte) => raw.bytes.push(byte),
                Unescaped::Char(character) => {
                    raw.bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes())
                }
            }
            at += length;
            taken = at;
        }
        if taken == 0 {
            return false;
        }
        raw.take(source.bytes, taken, source.bytes.len(), &mut walk);
        raw.stand(walk.original(source.bytes.len()));
        self.fold_bytes(raw);
        true
    }

    /// Adds `from..to` of `bytes` as they are.
    fn take(&mut self, bytes: &[u8], mut from: usize, to: usize, walk: &mut Walk<'_>) {
        while from < to {
            self.stand(walk.original(from));
            let end = walk.end().unwrap_or(to).min(to);
            self.bytes.extend_from_slice(bytes.get(from..end).unwrap_or_default());
            from = end;
        }
    }

    fn fold_bytes(&mut self, raw: &mut View) {
        if raw.bytes.is_ascii() {
            return std::mem::swap(self, raw);
        }
        self.clear();
        let mut walk = raw.source().walk();
        let mut at = 0;
        for chunk in raw.bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                match fold(character) {
                    Folded::Nothing => {}
                    Folded::Sign(sign) => {
                        self.stand(walk.original(at));
                        self.bytes.push(sign);
                    }
                    Folded::Same => {
                        self.stand(walk.original(at));
                        self.bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                at += character.len_utf8();
            }
            for _ in chunk.invalid() {
                self.stand(walk.original(at));
                self.bytes.push(0xFF);
                at += 1;
            }
        }
        self.stand(walk.original(raw.bytes.len()));
    }

    pub(super) fn source(&self) -> Source<'_> {
        Source { bytes: &self.bytes, view: Some(self) }
    }
}

/// A short text without its escapes, however deep they are followed.
pub(super) fn unescaped(text: &str) -> Cow<'_, [u8]> {
    let (mut view, mut next, mut raw) = (View::default(), View::default(), View::default());
    let mut steps = 0;
    while steps < MAX_STEPS {
        let source = if steps == 0 { Source { bytes: text.as_bytes(), view: None } } else { view.source() };
        if !next.unescape(source, &mut raw) {
            break;
        }
        std::mem::swap(&mut view, &mut next);
        steps += 1;
    }
    if steps == 0 { Cow::Borrowed(text.as_bytes()) } else { Cow::Owned(view.bytes) }
}

/// What a view is made from: the original text, or another view of it.
#[derive(Clone, Copy)]
pub(super) struct Source<'v> {
    pub(super) bytes: &'v [u8],
    pub(super) view: Option<&'v View>,
}

impl<'v> Source<'v> {
    fn walk(self) -> Walk<'v> {
        Walk { run: Run::default(), rest: self.view.map_or(&[], |view| &view.runs) }
    }
}

/// The way back to the original for places that only grow.
struct Walk<'v> {
    run: Run,
    rest: &'v [Run],
}

impl Walk<'_> {
    fn original(&mut self, at: usize) -> usize {
        while let [next, rest @ ..] = self.rest
            && next.at <= at
        {
            (self.run, self.rest) = (*next, rest);
        }
        self.run.original + at - self.run.at
    }

    /// Where the run ends that the last place is in, unless the text does.
    fn end(&self) -> Option<usize> {
        self.rest.first().map(|next| next.at)
    }
}

/// Whether a text may be a form's: it has a `+` and an escape.
fn is_form(bytes: &[u8]) -> bool {
    let escape = |at: usize| matches!(bytes.get(at + 1..at + 3), Some([high, low]) if hex(*high).is_some() && hex(*low).is_some());
    memchr::memchr(b'+', bytes).is_some() && memchr::memchr_iter(b'%', bytes).any(escape)
}

/// What a character folds to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Folded {
    Same,
    Nothing,
    Sign(u8),
}

fn fold(character: char) -> Folded {
    if character.is_ascii() {
        return Folded::Same;
    }
    let code = character as u32;
    let sign = match code {
        // Zero-width signs, joiners, direction marks, combining marks, variation selectors, tags.
        0x00AD | 0x034F | 0x061C | 0x180E | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2069 | 0xFEFF => {
            return Folded::Nothing;
        }
        0x0300..=0x036F | 0x20D0..=0x20FF | 0xFE00..=0xFE0F | 0xE0000..=0xE01EF => return Folded::Nothing,
        0x00A0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => b' ',
        0x2028 | 0x2029 | 0x0085 => b'\n',
        0x2010..=0x2015 | 0x2043 | 0x2212 | 0x30FC | 0xFE58 | 0xFE63 | 0x2500 | 0x2501 => b'-',
        0x00B7 | 0x2022 | 0x2024 | 0x30FB | 0xFF65 | 0xFF61 | 0xFE52 => b'.',
        0x3001 => b',',
        0x3002 => b';',
        0x3010 | 0x300C | 0x3014 => b'[',
        0x00AB | 0x00BB | 0x201C | 0x201D | 0x300A | 0x300B => b'"',
        0xFE6B => b'@',
        0xFF01..=0xFF5E => (code - 0xFEE0) as u8,
        _ => match digit(code) {
            Some(value) => b'0' + value,
            None => return Folded::Same,
        },
    };
    Folded::Sign(sign)
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
    fn a_text_in_which_nothing_folds_is_its_own_view() {
        let mut view = View::default();
        assert!(!view.fold_text("卡号4111 é Ж"));
        assert!(view.fold_text("卡号，4111"));
        let chinese = (0x4000..0xA000).filter_map(char::from_u32);
        assert!(chinese.clone().all(|character| fold(character) == Folded::Same));
        let text: String = chinese.collect();
        signs::foldable(text.as_bytes(), |at| panic!("{at}"));
    }

    #[test]
    fn within_a_character_the_original_is_where_it_begins() {
        let (mut folded, mut raw, mut view) = (View::default(), View::default(), View::default());
        folded.fold_text("a，%E5%8D%A1号%21%80%80");
        assert!(view.unescape(folded.source(), &mut raw));
        assert_eq!(view.bytes, [b"a,\xE5\x8D\xA1\xE5\x8F\xB7!\xFF\xFF".as_slice()].concat());
        let originals: Vec<_> = (0..=view.bytes.len()).map(|at| view.original(at)).collect();
        assert_eq!(originals, [0, 1, 4, 4, 4, 13, 13, 13, 16, 19, 22, 25]);
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
    fn quoted_printable_is_read() {
        let (mut raw, mut view) = (View::default(), View::default());
        let source = |text: &'static str| Source { bytes: text.as_bytes(), view: None };
        assert!(view.unquote(source("cvv=3D73=\r\n7 a=b =E5=8D=A1"), &mut raw));
        assert_eq!(view.bytes, "cvv=737 a=b 卡".as_bytes());
        assert_eq!([4, 5, 6].map(|at| view.original(at)), [6, 7, 11]);
        assert!(!view.unquote(source("cvv=737x"), &mut raw));
    }

    #[test]
    fn what_is_found_in_a_view_is_known_in_the_original() {
        let text = "a%34%31b";
        let (mut raw, mut view) = (View::default(), View::default());
        assert!(view.unescape(Source { bytes: text.as_bytes(), view: None }, &mut raw));
        assert_eq!((view.original(1), view.original(3)), (1, 7));
    }
}
