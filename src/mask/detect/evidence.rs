//! Evidence: whether a candidate is a card number, an identity number or a phone, by its own digits, what is written
//! together with it and the words before it.

use super::before::Before;
use super::iso8583::{self, data_element};
use super::keyed::KEY;
use super::number::Group;
use super::pan::{self, Fit};
use super::words::is_word;
use super::{Scan, Token, cn_id, phone};
use crate::mask::rules::Validator;

impl Scan<'_, '_> {
    /// ISO 8583 LLVAR: two digits that tell the length stand before the card number. Only 16 and 19 do so by themselves: a
    /// time in nanoseconds begins with 17; 14 and 15 behind a card's name, all where the text says that a length stands here.
    pub(super) fn length_prefixed(&mut self, start: usize, end: usize, digits: &[u8]) -> bool {
        let length = digits.iter().take(2).fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
        let number = digits.get(2..).unwrap_or_default();
        if length != number.len() || !pan::luhn(number) {
            return false;
        }
        let named = data_element(self.bytes, start) == Some(iso8583::CARD) || iso8583::is_variable(self.bytes, start);
        let told = named
            || matches!(length, 16 | 19)
            || matches!(length, 14 | 15) && self.is_named_card(start)
            || length >= pan::MIN && iso8583::is_message_before(self.bytes, start);
        told && self.card_behind(start, start + 2, end, number, named, false)
    }

    /// The card number that a longer run of digits begins with, its length before it: the first field of a message, of which more
    /// follow. Only where the text says so: any other run of digits may hold one.
    pub(super) fn first_field(&mut self, start: usize, digits: &[u8]) -> bool {
        /// The next element, the processing code.
        const NEXT: usize = 6;
        let [b'1', ones @ b'2'..=b'9', rest @ ..] = digits else { return false };
        let length = 10 + usize::from(ones - b'0');
        let Some(number) = rest.get(..length) else { return false };
        rest.len() >= length + NEXT
            && pan::luhn(number)
            && pan::fit(number, pan::Brands::ALL) == Fit::Strong
            && (data_element(self.bytes, start) == Some(iso8583::CARD)
                || iso8583::is_variable(self.bytes, start)
                || iso8583::is_message_before(self.bytes, start))
            && self.card(start + 2, start + 2 + length, number, true, false)
    }

    /// The card number within `group` of an ISO 8583 message that begins at `at`.
    pub(super) fn message(&mut self, group: Group, at: usize) -> bool {
        let bytes = self.bytes;
        let Some((from, to)) = bytes.get(at..).and_then(iso8583::card_of_message) else { return false };
        let number = bytes.get(at + from..at + to).unwrap_or_default();
        at + from >= group.start
            && at + to <= group.end
            && pan::luhn(number)
            && pan::fit(number, pan::Brands::ALL) == Fit::Strong
            && self.card(at + from, at + to, number, true, false)
    }

    /// Card numbers without anything between them: only when they fill the run.
    pub(super) fn side_by_side(&mut self, start: usize, end: usize) {
        let bytes = self.bytes;
        let mut lengths = [0; MAX_CARDS];
        if !parts(bytes.get(start..end).unwrap_or_default(), &mut lengths) {
            return;
        }
        let mut at = start;
        for length in lengths.into_iter().take_while(|length| *length > 0) {
            self.card(at, at + length, bytes.get(at..at + length).unwrap_or_default(), true, false);
            at += length;
        }
    }

    /// A candidate for a card number: `start..end` of the view holds `digits`.
    pub(super) fn card(&mut self, start: usize, end: usize, digits: &[u8], grouped: bool, hex: bool) -> bool {
        self.card_behind(start, start, end, digits, grouped, hex)
    }

    /// The same, where the words that speak for or against it stand before `head`.
    fn card_behind(&mut self, head: usize, start: usize, end: usize, digits: &[u8], grouped: bool, hex: bool) -> bool {
        let rules = self.with(Validator::Pan);
        let fit = pan::fit(digits, pan::Brands::ALL);
        let luhn = pan::luhn(digits);
        if rules == 0 || (fit == Fit::No && self.key.lift & rules == 0) {
            return false;
        }
        let bare = self.is_bare(head, end);
        let before = self.before(head, bare, rules);
        let mut left = rules;
        while left != 0 {
            let rule = left.trailing_zeros() as u8;
            let fit = if self.rules.brands(rule) == pan::Brands::ALL {
                fit
            } else {
                pan::fit(digits, self.rules.brands(rule))
            };
            let evidence = Evidence::of(before, rule, bare, grouped);
            let silent = !evidence.lift && !evidence.near;
            let found = is_card(fit, luhn, evidence, digits.len(), hex);
            if found && !(silent && !grouped && self.is_id_elsewhere(start, end, rule)) {
                if silent {
                    self.hit_unnamed(start, end, rule)
                } else {
                    self.hit(start, end, rule)
                }
                self.code_behind(end, digits);
                return true;
            }
            if (found || evidence.against) && luhn {
                self.keep(start, end);
            }
            left &= left - 1;
        }
        (fit == Fit::Strong || (fit == Fit::Weak && luhn)) && !hex && self.paired_card(head, start, end, before)
    }

    /// A card number, however unsound, whose key is the other half of a pair: `('pan', '4242…')`.
    fn paired_card(&mut self, head: usize, start: usize, end: usize, before: Before) -> bool {
        let rules = self.with(Validator::Pan);
        if (before.lift | before.near | before.against) & rules != 0 || !may_be_paired(self.bytes, head) {
            return false;
        }
        let digits = self.bytes.get(start..end).unwrap_or_default();
        let rule = self.keyed_beside(head, start, digits, rules);
        if let Some(rule) = rule {
            self.hit(start, end, rule);
        }
        rule.is_some()
    }

    /// Whether a number of which no word before it tells what it is is an id by the head of its column, of its list, or behind it.
    fn is_id_elsewhere(&mut self, start: usize, end: usize, rule: u8) -> bool {
        self.is_id_cell(start, rule) || self.is_listed_id(start, rule) || self.is_id_behind(end, rule)
    }

    /// Whether a token is an IBAN (ISO 13616): country, check digits, account, and the whole is 1 modulo 97.
    pub(super) fn is_iban(&self, token: Token) -> bool {
        let signs = self.bytes.get(token.start..token.end).unwrap_or_default();
        let [a, b, c, d, account @ ..] = signs else { return false };
        let shaped = (15..=34).contains(&signs.len())
            && a.is_ascii_uppercase()
            && b.is_ascii_uppercase()
            && c.is_ascii_digit()
            && d.is_ascii_digit();
        let value = |sign: u8| (sign as char).to_digit(36).unwrap_or(0);
        let rest = |rest: u32, sign: &u8| match value(*sign) {
            digit @ 0..=9 => (rest * 10 + digit) % 97,
            letter => (rest * 100 + letter) % 97,
        };
        shaped && account.iter().chain([a, b, c, d]).fold(0, rest) == 1
    }

    /// Whether what follows says that a number counts something: `13999999999 bytes`.
    pub(super) fn is_measured(&self, end: usize) -> bool {
        self.unit(end).is_some()
    }

    /// The unit behind a number that ends there.
    pub(super) fn unit(&self, end: usize) -> Option<&[u8]> {
        const UNITS: [&str; 22] = [
            "bytes", "byte", "b", "kb", "ns", "us", "ms", "s", "sec", "secs", "seconds", "cents", "rows", "records",
            "cycles", "ticks", "items", "hz", "keys", "objects", "entries", "packets",
        ];
        let rest = self.bytes.get(end..).unwrap_or_default();
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let unit = rest.get(..rest.iter().take(8).take_while(|b| b.is_ascii_alphabetic()).count()).unwrap_or_default();
        if unit.is_empty() {
            return None;
        }
        UNITS.iter().any(|name| unit.eq_ignore_ascii_case(name.as_bytes())).then_some(unit)
    }

    /// A candidate for an identity number: 18 digits, 17 and an `X`, or 15 where a key vouches for it.
    pub(super) fn identity(&mut self, start: usize, end: usize, hex: bool) -> bool {
        let rules = self.with(Validator::CnId);
        let with_x = end - start == 17
            && matches!(self.byte_at(end), b'X' | b'x')
            && !self.byte_at(end + 1).is_ascii_digit()
            && (!self.byte_at(end + 1).is_ascii_alphabetic()
                || cn_id::is_valid(self.bytes.get(start..=end).unwrap_or_default()));
        let end = end + usize::from(with_x);
        if rules == 0 || !matches!(end - start, 15 | 18) || hex {
            return false;
        }
        let signs = self.bytes.get(start..end).unwrap_or_default();
        let rule = if cn_id::is_valid(signs) {
            // Region, date and check digit are evidence enough: no word speaks against it.
            self.first(rules)
        } else {
            let bare = self.is_bare(start, end);
            let lift = self.before(start, bare, rules);
            let vouched = (lift.lift | if lift.adjacent { lift.near } else { 0 }) & rules;
            self.first(if cn_id::has_shape(signs) || cn_id::is_old_form(signs) || (bare && signs.len() == 18) {
                vouched
            } else {
                0
            })
        };
        if let Some(rule) = rule {
            self.hit(start, end, rule);
        }
        rule.is_some()
    }

    /// Whether the number at `start` is the neighbour of a counter that is named before it: `seq=13685082451 next=13685082452`.
    fn goes_on(&mut self, start: usize) -> bool {
        const NEIGHBOURS: [&str; 16] = [
            "next", "prev", "previous", "last", "first", "current", "cur", "until", "upto", "max", "min", "begin",
            "end", "head", "tail", "expected",
        ];
        const REACH: usize = 16;
        let rules = self.with(Validator::Phone);
        let before = self.bytes.get(..start).unwrap_or_default();
        let cut = |text: &[u8], is_it: &dyn Fn(u8) -> bool| {
            text.len() - text.iter().rev().take(REACH).take_while(|sign| is_it(**sign)).count()
        };
        let end = cut(before, &|sign| matches!(sign, b'=' | b':' | b' ' | b'"' | b'\''));
        let name = before.get(..end).unwrap_or_default();
        let from = cut(name, &|sign| sign.is_ascii_alphabetic());
        let word = name.get(from..).unwrap_or_default();
        if !NEIGHBOURS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())) {
            return false;
        }
        let name = name.get(..from).unwrap_or_default();
        let other = cut(name, &|sign| matches!(sign, b' ' | b',' | b';' | b'"' | b'\'' | b'('));
        let number = name.get(..other).unwrap_or_default();
        let head = cut(number, &|sign| sign.is_ascii_digit());
        other - head >= 11 && {
            let before = self.before(head, false, rules);
            before.beside && before.against & rules != 0
        }
    }

    /// A mainland mobile number; its country code stays.
    pub(super) fn mobile(&mut self, start: usize, end: usize) -> bool {
        let rules = self.with(Validator::Phone);
        let digits = self.bytes.get(start..end).unwrap_or_default();
        let Some(code) = phone::mainland(digits) else { return false };
        let before = self.before(start, self.is_bare(start, end), rules);
        // Letters glued to it make an id of it (`SN13912345678`), unless they speak for it.
        let glued = self.byte_before(start).is_ascii_uppercase() || self.byte_at(end).is_ascii_uppercase();
        // Decimals make an amount of it; `.0` is how a double is written.
        let (first, second) = (self.byte_at(end + 1), self.byte_at(end + 2));
        let decimal = self.byte_at(end) == b'.' && first.is_ascii_digit() && (first != b'0' || second.is_ascii_digit());
        // A minus behind a blank is a sign: `delta -17315564061`.
        let negative = self.byte_before(start) == b'-'
            && matches!(self.byte_before(start - 1), b' ' | b'\t' | b'\n' | b'=' | b':' | b',' | b'(' | b'[');
        let vouched = (before.lift | before.near) & rules;
        if vouched == 0 && before.beside && before.against & rules != 0 {
            self.keep(start + code, end);
        }
        let rules = if vouched != 0 {
            vouched
        } else if glued
            || self.follows_hash(start)
            || decimal
            || negative
            || self.is_measured(end)
            || is_size(digits)
            || self.goes_on(start)
        {
            0
        } else if before.beside {
            rules & !before.against
        } else {
            rules
        };
        let Some(rule) = self.first(rules) else { return false };
        if vouched != 0 {
            self.hit(start + code, end, rule);
        } else if self.is_id_elsewhere(start, end, rule) {
            self.keep(start + code, end);
            return false;
        } else {
            self.hit_unnamed(start + code, end, rule);
        }
        true
    }
}

/// Whether a number is that of bytes in whole MiB, as limits of memory are: one telephone in a million is.
fn is_size(digits: &[u8]) -> bool {
    const MIB: u64 = 1 << 20;
    digits.iter().fold(0u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))) % MIB == 0
}

/// Whether a comma parts a number in quotes at `at` from what may be its name: in quotes too, or right behind a bracket. A name alone
/// would do for a code; `card` also tells how something is paid.
fn may_be_paired(bytes: &[u8], at: usize) -> bool {
    let is_quote = |sign: &u8| matches!(sign, b'"' | b'\'');
    let before = bytes.get(..at).unwrap_or_default();
    let Some((sign, before)) = before.split_last() else { return false };
    let Some(name) = before.strip_suffix(b",").or_else(|| before.strip_suffix(b", ")).filter(|_| is_quote(sign)) else {
        return false;
    };
    let word = name.iter().rev().take(KEY).take_while(|sign| is_word(**sign)).count();
    name.last().is_some_and(is_quote)
        || word > 0 && matches!(name.get(..name.len() - word).and_then(<[u8]>::last), Some(b'(' | b'{' | b'['))
}

/// Card numbers that are looked for in one run.
const MAX_CARDS: usize = 4;

/// Whether `digits` are sound card numbers and nothing else; how long each of them is.
fn parts(digits: &[u8], lengths: &mut [usize]) -> bool {
    let Some((length, rest)) = lengths.split_first_mut() else { return digits.is_empty() };
    if digits.is_empty() {
        *length = 0;
        return true;
    }
    [16, 19, 15].into_iter().any(|size| {
        let Some((number, others)) = digits.split_at_checked(size) else { return false };
        *length = size;
        pan::luhn(number) && pan::fit(number, pan::Brands::ALL) == Fit::Strong && parts(others, rest)
    })
}

/// What speaks for and against one candidate under one rule.
#[derive(Clone, Copy)]
struct Evidence {
    lift: bool,
    near: bool,
    against: bool,
    /// What speaks for it stands right before it, or is its own key.
    adjacent: bool,
    /// Words that join it to the number may stand between.
    glued: bool,
    beside: bool,
    bare: bool,
    grouped: bool,
}

impl Evidence {
    fn of(before: Before, rule: u8, bare: bool, grouped: bool) -> Self {
        let has = |bits: u64| bits & (1 << rule) != 0;
        Self {
            lift: has(before.lift),
            near: has(before.near),
            against: has(before.against),
            adjacent: before.adjacent,
            glued: before.glued,
            beside: before.beside,
            bare,
            grouped,
        }
    }
}

fn is_card(fit: Fit, luhn: bool, evidence: Evidence, length: usize, hex: bool) -> bool {
    let Evidence { lift, near, against, adjacent, glued, beside, bare, grouped } = evidence;
    let speaks = lift || (near && !against);
    match (fit, luhn) {
        (Fit::Strong, true) if hex => speaks,
        // A word speaks against a sound number only when it stands right before it, as the name of an id does.
        (Fit::Strong, true) => lift || near || !(against && beside) || grouped,
        // `pan must be valid: …`: over such words a key speaks for a typing error too, but no other word.
        (Fit::Weak, true) | (Fit::Strong, false) => ((speaks && adjacent) || (lift && glued && !against)) && !hex,
        (Fit::Weak, false) => lift && adjacent,
        (Fit::No, _) => lift && bare && length >= 13,
    }
}
