//! Finding: one pass over a view collects candidates (numbers, `@`), validators and the words before them decide.
//!
//! Work is linear: a number looks back at most a fixed window, a group of digits belongs to at most a fixed number of
//! groupings, a token is judged once. Evidence: a sound number of a sound length with clean borders is enough, unless the
//! nearest word before it says that it is an id; a key or word that says card (phone, id card) also lifts what is less sound.

pub(super) mod cn_id;
pub(super) mod email;
mod number;
pub(super) mod pan;
pub(super) mod phone;
pub(super) mod token;
mod track;

use super::keys::{Facts, KeyCache};
use super::rules::{Named, RuleSet, Validator};
use super::signs::Signs;

/// What a rule found in a view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    /// Bytes `start..end` of the view.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rule: u8,
    /// Which view of the text.
    pub(super) view: u8,
    pub(super) shape: Shape,
}

/// How a finding is hidden where its action shows something of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// Digits and letters are hidden, separators stay.
    Signs,
    /// The local part is hidden, the domain stays.
    Email,
    /// Nothing of it can be shown: it is encoded, or not written digit by digit.
    Whole,
}

/// The pass over one view.
pub(super) struct Scan<'s, 'v> {
    pub(super) rules: &'s RuleSet,
    pub(super) keys: &'s mut KeyCache,
    /// Rules that are in force at this place.
    pub(super) active: u64,
    /// What the attribute's own key says.
    pub(super) key: Facts,
    pub(super) bytes: &'v [u8],
    /// Where its digits are, and where words end in it.
    pub(super) signs: &'s mut Signs,
    pub(super) view: u8,
    pub(super) found: &'s mut Vec<Finding>,
    /// The last token that was judged.
    pub(super) token: Token,
    /// End of the last token whose EMV tags were read.
    pub(super) emv_until: usize,
    /// Up to where ends of keys were looked for, and the last one that may be there.
    pub(super) keys_until: usize,
    pub(super) last_key: Option<usize>,
}

/// A run of letters and digits.
#[derive(Clone, Copy, Default)]
pub(super) struct Token {
    start: usize,
    end: usize,
    /// Hexadecimal digits only, and a letter among them; once that was asked.
    hex: Option<bool>,
    /// Was looked at as a keyed value.
    judged: bool,
}

/// What stands before a candidate.
#[derive(Clone, Copy, Default)]
pub(super) struct Before {
    /// Rules that a key vouches for.
    lift: u64,
    /// Rules that the nearest word speaks for.
    near: u64,
    /// Rules that the nearest word speaks against.
    against: u64,
    /// No other word stands between.
    adjacent: bool,
}

impl Scan<'_, '_> {
    pub(super) fn run(&mut self) {
        let (mut at, mut address) = (0, self.next_address(0));
        loop {
            at = match (self.signs.next_digit(at), address) {
                (Some(number), address) if address.is_none_or(|sign| number < sign) => self.number(number),
                (_, Some(sign)) => {
                    self.email(sign);
                    address = self.next_address(sign + 1);
                    sign + 1
                }
                (_, None) => break,
            };
        }
    }

    /// The first `@` from `at` on.
    fn next_address(&self, at: usize) -> Option<usize> {
        Some(at + memchr::memchr(b'@', self.bytes.get(at..)?)?)
    }

    fn email(&mut self, at: usize) {
        let Some(rule) = self.first(self.with(Validator::Email)) else { return };
        if let Some((start, end)) = email::around(self.bytes, at) {
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Email });
        }
    }

    /// Active rules with this validator.
    fn with(&self, validator: Validator) -> u64 {
        self.active & self.rules.with(validator)
    }

    /// The first rule of a set.
    fn first(&self, rules: u64) -> Option<u8> {
        (rules != 0).then(|| rules.trailing_zeros() as u8)
    }

    fn hit(&mut self, start: usize, end: usize, rule: u8) {
        self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Signs });
    }

    #[inline]
    fn byte_before(&self, at: usize) -> u8 {
        at.checked_sub(1).and_then(|before| self.bytes.get(before)).copied().unwrap_or(b' ')
    }

    #[inline]
    fn byte_at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b' ')
    }

    /// Whether `start..end` is all that the value holds, but for space and quotes around it.
    fn is_bare(&self, start: usize, end: usize) -> bool {
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'"' | b'\'' | b'(' | b')' | b'+' | b'-' | b'[' | b']');
        const MARGIN: usize = 16;
        start <= MARGIN
            && self.bytes.len() - end.min(self.bytes.len()) <= MARGIN
            && self.bytes.iter().take(start).all(blank)
            && self.bytes.iter().skip(end).all(blank)
    }

    /// The token around `at`.
    fn token_at(&mut self, at: usize) -> Token {
        if at >= self.token.start && at < self.token.end {
            return self.token;
        }
        let (start, end) = self.signs.word(self.bytes, at);
        self.token = Token { start, end, hex: None, judged: false };
        self.token
    }

    fn is_hex(&mut self, token: Token) -> bool {
        token.hex.unwrap_or_else(|| {
            let signs = self.bytes.get(token.start..token.end).unwrap_or_default();
            let hex = signs.iter().all(u8::is_ascii_hexdigit) && signs.iter().any(u8::is_ascii_alphabetic);
            if self.token.start == token.start && self.token.end == token.end {
                self.token.hex = Some(hex);
            }
            hex
        })
    }

    /// Whether a token begins with `0x`.
    fn is_prefixed(&self, token: Token) -> bool {
        matches!(self.bytes.get(token.start..token.end), Some([b'0', b'x' | b'X', ..]))
    }

    /// What the nearest word within the window before `at` says for or against `rules`, and the attribute's own key.
    fn before(&mut self, at: usize, bare: bool, rules: u64) -> Before {
        let mut before = Before {
            lift: self.key.lift,
            near: self.key.near,
            against: if bare { self.key.against } else { 0 },
            adjacent: true,
        };
        let mut words = Words { low: at.saturating_sub(self.rules.window), end: at };
        let mut adjacent = true;
        for _ in 0..5 {
            let Some((start, end)) = words.next(self.bytes) else { break };
            let word = self.bytes.get(start..end).unwrap_or_default();
            let facts = self.keys.facts(self.rules, word);
            if (facts.lift | facts.near | facts.against) & rules != 0 {
                before = Before { lift: before.lift | facts.lift, near: facts.near, against: facts.against, adjacent };
                break;
            }
            adjacent &= facts.filler;
        }
        before
    }

    /// Whether a key may stand before `at`, as `keyed` looks for it. Most values end here.
    fn may_be_keyed(&mut self, at: usize) -> bool {
        self.may_be_named(at, KEY + TAG) || self.may_be_given(at)
    }

    /// The rule whose key stands right before `at` and whose value fits `token`.
    fn keyed(&mut self, at: usize, token: &[u8]) -> Option<u8> {
        let rules = self.rules.fitting(self.active & self.rules.keyed_in_text, token);
        if rules == 0 {
            return None;
        }
        if let Some((start, end)) = self.name_of(at) {
            let facts = self.keys.facts(self.rules, self.bytes.get(start..end)?);
            if let Some(rule) = self.first(facts.keyed & rules) {
                return Some(rule);
            }
        }
        let tagged = memchr::memrchr(b'>', self.bytes.get(at.saturating_sub(KEY)..at)?).is_some();
        if !self.may_be_named(at, if tagged { KEY + TAG } else { KEY }) {
            return None;
        }
        // When a place before the last one is asked for, all that is known is that a key ends before it.
        let last_key = self.last_key.filter(|_| at >= self.keys_until).unwrap_or(at);
        let (end, weak) = self.key_end(at);
        let mut words = Words { low: at.saturating_sub(KEY), end };
        // Where a key may end of which more words may follow.
        let mut ends = [0usize; 4];
        let mut open = 0;
        let mut ends_here = true;
        for _ in 0..4 {
            let (start, end) = match self.tag_before(words.end) {
                Some(tag) => {
                    words.end = 0;
                    tag
                }
                None => words.next(self.bytes)?,
            };
            let end = start + without_filler(self.bytes.get(start..end)?);
            if ends_here {
                *ends.get_mut(open)? = end;
                open += 1;
            }
            let mut kept = 0;
            for at in 0..open {
                let end = *ends.get(at)?;
                let named = self.named(start, end, last_key)?;
                if let Some(rule) = self.first(named.rules & rules) {
                    return Some(rule);
                }
                *ends.get_mut(kept)? = end;
                kept += usize::from(named.longer);
            }
            open = kept;
            // Behind a word that fills, the key may end; behind another, only a key of several words may.
            ends_here = !weak && is_filler(self.bytes.get(start..end)?);
        }
        None
    }

    /// What the rules say about the name `start..end`: nothing where it ends behind the last end of a key.
    fn named(&mut self, start: usize, end: usize, last_key: usize) -> Option<Named> {
        let name = self.bytes.get(start..end)?;
        if end > last_key && name.is_ascii() {
            return Some(Named { rules: 0, longer: false });
        }
        Some(self.rules.named(name).unwrap_or_else(|| {
            let facts = self.keys.facts(self.rules, name);
            Named { rules: facts.keyed | facts.lift, longer: true }
        }))
    }

    /// Whether a key of a rule may end within `reach` before `at`. Each place is asked once over the whole pass.
    #[inline]
    fn may_be_named(&mut self, at: usize, reach: usize) -> bool {
        /// No key is looked for farther away.
        const MAX_REACH: usize = 256;
        if at > self.keys_until {
            let from = (self.keys_until + 1).max(at.saturating_sub(MAX_REACH));
            self.last_key = self.rules.last_name_end(self.bytes, self.signs, from, at).or(self.last_key);
        }
        self.keys_until = self.keys_until.max(at);
        self.last_key.is_some_and(|end| end + reach >= at)
    }

    /// Where the key of a value at `at` ends, and whether the sign behind it is a weak one (`cvv, 737`, `cvv|737`): the key
    /// must stand right before that. A line may end behind `:`, `=` or a tag, a remark in brackets may stand before them.
    fn key_end(&self, at: usize) -> (usize, bool) {
        const REMARK: usize = 24;
        let low = at.saturating_sub(64);
        let before = self.bytes.get(low..at).unwrap_or_default();
        let blank = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'\\');
        let signs = before.iter().rev().take_while(|b| blank(b)).count();
        let end = at - signs;
        match self.byte_before(end) {
            b',' | b'|' if is_word(self.byte_before(end.saturating_sub(1))) => (end - 1, true),
            sign @ (b':' | b'=' | b'>') => {
                let head = before.get(..before.len().saturating_sub(signs + 1)).unwrap_or_default().trim_ascii_end();
                let remark = head.iter().rev().take(REMARK).position(|&b| b == b'(');
                match remark {
                    Some(length) if sign != b'>' && head.ends_with(b")") => (low + head.len() - length - 1, false),
                    _ => (end, false),
                }
            }
            _ => (at, false),
        }
    }

    /// Whether a value at `at` may stand behind `"value":`, another of `VALUES` of `name_of`, or a tag: what these end with.
    fn may_be_given(&self, at: usize) -> bool {
        let before = self.bytes.get(at.saturating_sub(REACH)..at).unwrap_or_default();
        let sign = before.iter().rev().find(|sign| !is_given_by(**sign));
        matches!(sign, Some(b'>' | b'e' | b'l' | b'a' | b't' | b'E' | b'L' | b'A' | b'T'))
    }

    /// The name that is given to a value at `at`: `{"name": "cvv", "value": "737"}`, `<field name="cvv">737`.
    fn name_of(&self, at: usize) -> Option<(usize, usize)> {
        const NAMES: [&[u8]; 6] = [b"name", b"key", b"field", b"param", b"label", b"id"];
        const VALUES: [&[u8]; 4] = [b"value", b"val", b"data", b"content"];
        let is_one_of = |word: &[u8], names: &[&[u8]]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        if !self.may_be_given(at) {
            return None;
        }
        let low = at.saturating_sub(REACH);
        let before = self.bytes.get(low..at)?;
        let end = before.iter().rposition(|b| !is_given_by(*b))? + 1;
        let (open, close) = if before.get(end - 1) == Some(&b'>') {
            (b'<', at)
        } else {
            let word = before.get(..end)?.iter().rev().take_while(|b| is_word(**b)).count();
            if !is_one_of(before.get(end - word..end)?, &VALUES) {
                return None;
            }
            (b'{', at + self.bytes.get(at..)?.iter().take(REACH).take_while(|b| **b != b'}').count())
        };
        let mut from = low + before.iter().rposition(|&b| b == open)? + 1;
        while from < close {
            let length = |from: usize, is: &dyn Fn(u8) -> bool| {
                self.bytes.get(from..close).unwrap_or_default().iter().take_while(|b| is(**b)).count()
            };
            let word = from + length(from, &is_word);
            let value = word + length(word, &is_given_by);
            let given = self.bytes.get(word..value)?.iter().any(|b| matches!(b, b':' | b'='));
            if given && is_one_of(self.bytes.get(from..word)?, &NAMES) {
                return Some((value, value + length(value, &|b| !matches!(b, b'"' | b'\'' | b'\\' | b'>' | b'<'))));
            }
            from = word.max(from + 1);
        }
        None
    }

    /// Name of the XML tag that ends right before `at`.
    fn tag_before(&self, at: usize) -> Option<(usize, usize)> {
        if self.byte_before(at) != b'>' {
            return None;
        }
        let low = at.saturating_sub(96);
        let open = low + self.bytes.get(low..at)?.iter().rposition(|&b| b == b'<')? + 1;
        let name = self
            .bytes
            .get(open..at - 1)?
            .iter()
            .take_while(|b| is_word(**b) || matches!(b, b':' | b'-' | b'.'))
            .count();
        (name > 0).then_some((open, open + name))
    }
}

/// Bytes before a value that words of its key may take, and a tag before them.
const KEY: usize = 64;
const TAG: usize = 96;
/// Bytes before and behind a value in which its name may be given.
const REACH: usize = 96;

/// Whether it may stand between `"value"` and the value.
fn is_given_by(sign: u8) -> bool {
    sign.is_ascii_whitespace() || matches!(sign, b'"' | b'\'' | b'\\' | b':' | b'=')
}

/// Walks the words before a place, the nearest first; ends at what parts one field from the next, and at another value.
struct Words {
    low: usize,
    end: usize,
}

impl Words {
    fn next(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        let mut end = self.end;
        loop {
            let sign = *bytes.get(end.checked_sub(1)?)?;
            let sign = SIGNS[usize::from(sign)];
            if end <= self.low || sign & PARTS != 0 {
                return None;
            }
            if sign & WORD != 0 {
                break;
            }
            end -= 1;
        }
        // A word with two digits or more is another value (an id, an amount); Chinese may follow it without a space.
        let mut start = end;
        let mut digits = 0;
        while start > self.low {
            let sign = bytes.get(start - 1).map_or(0, |byte| SIGNS[usize::from(*byte)]);
            if sign & WORD == 0 {
                break;
            }
            digits += usize::from(sign & DIGIT);
            if digits == 2 {
                let cut = start + usize::from(bytes.get(start).is_some_and(u8::is_ascii_digit));
                self.end = self.low;
                return bytes.get(cut..end)?.first().is_some_and(|b| *b >= 0x80).then_some((cut, end));
            }
            start -= 1;
        }
        self.end = start;
        let value = bytes.get(start..end)?.iter().all(u8::is_ascii_digit);
        (!value).then_some((start, end))
    }
}

/// What a byte is among words.
const DIGIT: u8 = 1;
const WORD: u8 = 2;
/// Parts one field from the next.
const PARTS: u8 = 4;
/// May stand between two groups of a number.
const SEPARATOR: u8 = 8;
const SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        signs[byte] = match byte as u8 {
            b'0'..=b'9' => WORD | DIGIT,
            b'_' => WORD | SEPARATOR,
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => WORD,
            b' ' | b'\t' | b'-' | b'.' | b'/' | b'+' | b'(' | b')' => SEPARATOR,
            b'\n' | b';' | b'|' | b'}' | b'&' | b',' | b'*' | b']' | b'!' => PARTS,
            _ => 0,
        };
        byte += 1;
    }
    signs
};

fn is_word(byte: u8) -> bool {
    SIGNS[usize::from(byte)] & WORD != 0
}

/// Length of a word without the Chinese "is" or the `_` that is written together with it.
fn without_filler(word: &[u8]) -> usize {
    const JOINED: [&str; 6] = ["是", "为", "為", "值", "就是", "应为"];
    let word = word.get(..word.iter().rposition(|&b| b != b'_').map_or(0, |last| last + 1)).unwrap_or_default();
    JOINED.iter().filter_map(|joined| word.strip_suffix(joined.as_bytes())).map(<[u8]>::len).min().unwrap_or(word.len())
}

/// Whether a word may stand between a key and its value.
pub(super) fn is_filler(word: &[u8]) -> bool {
    let names: &[&str] = match word.len() {
        1 => &["b"],
        2 => &["is", "no", "nr", "td"],
        3 => &["was", "num", "val", "are", "the", "int", "str", "是", "为", "值", "号", "码"],
        4 => &["code", "data", "text"],
        5 => &["value"],
        6 => &["number", "string", "号码"],
        7 => &["content"],
        8 => &["intvalue"],
        11 => &["stringvalue"],
        _ => &[],
    };
    let first = word.first().map_or(0, u8::to_ascii_lowercase);
    names.iter().any(|name| name.as_bytes().first() == Some(&first) && word.eq_ignore_ascii_case(name.as_bytes()))
}
