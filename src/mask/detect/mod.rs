//! Finding: one pass over a view collects candidates (numbers, `@`), validators and the words before them decide.
//!
//! Work is linear: a number looks back at most a fixed window, a group of digits belongs to at most a fixed number of
//! groupings, a token is judged once. Evidence: a sound number of a sound length with clean borders is enough, unless the
//! nearest word before it says that it is an id; a key or word that says card (phone, id card) also lifts what is less sound.

mod answers;
mod before;
mod blocks;
mod bound;
mod called;
pub(super) mod check_code;
pub(super) mod cn_id;
mod columns;
mod dump;
pub(super) mod email;
mod emphasis;
mod evidence;
pub(super) mod given;
mod groupings;
mod hexadecimal;
mod iban;
mod iso8583;
mod joins;
mod key_ends;
mod keyed;
mod lists;
pub(super) mod marker;
mod national;
mod number;
pub(super) mod pan;
pub(super) mod parents;
pub(super) mod phone;
mod placed;
pub(super) mod postal;
mod remote_keys;
mod series;
pub(super) mod shapes;
mod states;
mod tables;
pub(super) mod token;
mod track;
mod tracks;
mod words;
mod wrapped;

#[cfg(test)]
mod tests;

use super::keys::{Facts, KeyCache};
use super::rules::{RuleSet, Validator};
use super::signs::Signs;
use key_ends::KeyEnds;
pub(super) use number::{Group, MAX_DIGITS};
pub(super) use words::{Glue, glue, is_filler};

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
    /// The same, of a number that no word speaks for: in a view with fewer escapes, a word may speak against it.
    Unnamed,
    /// The local part is hidden, the domain stays.
    Email,
    /// Nothing of it can be shown: it is encoded, or not written digit by digit.
    Whole,
}

/// A number at `start..end` of a view which the name of an id before it keeps.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    pub(super) view: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What bytes `start..end` of a view stand for: a token, or bytes that are written one by one.
pub(super) struct Encoded {
    pub(super) view: u8,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) decoded: Vec<u8>,
}

/// The pass over one view.
pub(super) struct Scan<'s, 'v> {
    pub(super) rules: &'s RuleSet,
    pub(super) keys: &'s mut KeyCache,
    /// Rules that are in force at this place.
    pub(super) active: u64,
    /// What the attribute's own key says.
    pub(super) key: &'v Facts,
    pub(super) bytes: &'v [u8],
    /// Where its digits are.
    pub(super) signs: &'s mut Signs,
    pub(super) view: u8,
    pub(super) found: &'s mut Vec<Finding>,
    /// Numbers that the name of an id keeps.
    pub(super) kept: &'s mut Vec<Kept>,
    pub(super) encoded: &'s mut Vec<Encoded>,
    /// The last token that was judged.
    pub(super) token: Token,
    /// End of the last token whose EMV tags were read.
    pub(super) emv_until: usize,
    pub(super) key_ends: KeyEnds,
    /// Up to where tables were looked for.
    pub(super) tables_until: usize,
    /// Numbers in tables that stand under the name of an id, and the rules that it speaks against.
    pub(super) id_cells: Vec<(usize, u64)>,
    /// Up to where bytes were read that are written one by one.
    pub(super) rows_until: usize,
    /// An equals sign was read that is written as quoted-printable does, or a line that it breaks within a number.
    pub(super) quoted: bool,
    /// A tab or a line break was read as rsyslog escapes them.
    pub(super) logged: bool,
    /// A colour code was read.
    pub(super) coloured: bool,
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

impl Scan<'_, '_> {
    /// `numbers`: one may be of interest; `addresses`: an `@` may stand in the view.
    pub(super) fn run(&mut self, numbers: bool, addresses: bool) {
        // Each is looked for once: a text of `@` alone has no digit up to its end, and a text of digits no `@`.
        let mut digit = if numbers { self.signs.next_digit(0) } else { None };
        let mut address = if addresses { self.next_address(0) } else { None };
        loop {
            match (digit, address) {
                (Some(number), address) if address.is_none_or(|sign| number < sign) => {
                    let at = self.number(number);
                    digit = self.signs.next_digit(at);
                }
                (_, Some(sign)) => {
                    self.email(sign);
                    address = self.next_address(sign + 1);
                }
                (_, None) => break,
            }
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

    /// The same of a number that no word speaks for.
    fn hit_unnamed(&mut self, start: usize, end: usize, rule: u8) {
        self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Unnamed });
    }

    /// Notes that a sound number is an id, by the word before it.
    fn keep(&mut self, start: usize, end: usize) {
        self.kept.push(Kept { view: self.view, start, end });
    }

    #[inline]
    fn byte_before(&self, at: usize) -> u8 {
        // Nothing stands at what is below 0.
        self.bytes.get(at.wrapping_sub(1)).copied().unwrap_or(b' ')
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

    /// Whether a token is as long as hashes and ids are, from 128 bits up.
    fn is_hash(&mut self, token: Token) -> bool {
        token.end - token.start >= 32 && self.is_hex(token)
    }

    /// Whether a token begins with `0x`.
    fn is_prefixed(&self, token: Token) -> bool {
        matches!(self.bytes.get(token.start..token.end), Some([b'0', b'x' | b'X', ..]))
    }
}
