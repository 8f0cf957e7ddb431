//! Values that only their key gives away (a card's code, a PIN): the words, the tag or the given name before them.
//!
//! Whether any key ends near is asked first; most numbers end there.

use super::blocks::{BLOCK, FOUR};
use super::number::{Group, MAX_DIGITS, MAX_SEPARATOR, is_separator};
use super::states::{self, Next, is_of_card};
use super::words::{Words, is_filler, is_word, without_filler};
use super::wrapped::unwrapped;
use super::{Finding, Scan, Shape, check_code, emphasis, given, marker, postal};
use crate::mask::rules::{Class, Named};

/// Bytes before a value that words of its key may take, and a tag before them.
pub(super) const KEY: usize = 64;
pub(super) const TAG: usize = 96;

/// What is asked of the words before a value.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) rules: u64,
    /// The value is a block, so that other words may stand between.
    pub(super) long: bool,
    /// Words of a code's state may stand between; where the value ends.
    pub(super) states: Option<usize>,
    /// Where keys end is known up to the value, and no farther.
    pub(super) known: bool,
}

impl Scan<'_, '_> {
    /// Short values that only their key gives away (a card's code, a PIN).
    pub(super) fn keyed_values(&mut self, groups: &[Group]) {
        let first = groups.first().copied().unwrap_or_default();
        self.keyed_value(first);
        for pair in groups.windows(2) {
            let [before, group] = pair else { continue };
            // The number before belongs to a word (`cvv2 123`); otherwise it is a value itself.
            if !self.byte_before(before.start).is_ascii_digit() && is_word(self.byte_before(before.start)) {
                self.keyed_value(*group);
            }
        }
    }

    pub(super) fn keyed_value(&mut self, group: Group) {
        // Where a key ends is of interest for tables too, whatever becomes of this number.
        self.key_ends.reach_to(self.rules, self.bytes, group.start);
        if self.is_behind_masked_card(group) && self.code_at(group.start, group.end) {
            return;
        }
        let sign = self.byte_before(group.start);
        let (keyed, quoted) = (self.may_be_keyed(group.start), matches!(sign, b'\'' | b'"' | b'[' | b'`'));
        let labelled = sign == b'=' && self.may_be_labelled(group.start);
        if !keyed && !quoted && !labelled && !self.may_be_in_objects(group.start) {
            return;
        }
        if keyed && group.len() == FOUR && self.block_in_fours(group.start) {
            return;
        }
        let mut end = group.end.min(group.start + MAX_DIGITS);
        while end - group.start < MAX_DIGITS && self.bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
            end += 1;
        }
        if end == group.end + 1 && matches!(self.byte_at(group.end), b'L' | b'n') {
            // A number of 64 bits or more: `737L`, `737n`.
            end = group.end;
        }
        if end - group.start < 3 || (is_masked_behind(self.bytes, end) && !emphasis::closes(self.bytes, end)) {
            return;
        }
        // Masked before: the escape of the sign before a value is no value.
        if self.is_logged(group.start) && self.bytes.get(end..).is_some_and(marker::begins) {
            return;
        }
        let before = self.found.len();
        if keyed {
            self.keyed_hit(group.start, group.start, end);
        }
        if self.found.len() == before && self.is_whole_value(group.start, end) {
            self.within_objects(group.start, end);
        }
        if labelled && self.found.len() == before {
            self.labelled(group.start, end);
        }
        if sign == b'\'' && self.byte_at(end) == b'\'' && self.found.len() == before {
            self.aliased(group.start, end);
        }
        if quoted && self.found.len() == before {
            self.named_behind(group.start, end);
        }
    }

    /// Whether `start..end` is all of a value in JSON: from quote to quote, or up to where the next member begins.
    fn is_whole_value(&self, start: usize, end: usize) -> bool {
        match self.byte_before(start) {
            quote @ (b'"' | b'\'') => matches!(self.byte_at(end), b'\\') || self.byte_at(end) == quote,
            _ => matches!(self.byte_at(end), b',' | b'}' | b' ' | b'\n' | b'\r'),
        }
    }

    fn within_objects(&mut self, start: usize, end: usize) {
        let value = self.bytes.get(start..end).unwrap_or_default();
        if let Some(rule) = self.keyed_by_objects(start, value) {
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Whole });
        }
    }

    /// Asks the words before `at` for a rule that takes `start..end`.
    pub(super) fn keyed_hit(&mut self, at: usize, start: usize, end: usize) {
        let value = self.bytes.get(start..end).unwrap_or_default();
        if let Some(rule) = self.keyed(at, value).filter(|_| !self.is_in_uuid(start, end)) {
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Whole });
        }
    }

    /// Whether a key may stand before `at`, as `keyed` looks for it. Most values end here.
    pub(super) fn may_be_keyed(&mut self, at: usize) -> bool {
        self.may_be_named(at, KEY + TAG) || self.may_be_given(at)
    }

    /// The rule whose key stands right before `at` and whose value fits `token`.
    pub(super) fn keyed(&mut self, at: usize, token: &[u8]) -> Option<u8> {
        let rules = self.rules.fitting(self.active & self.rules.keyed_in_text, token);
        if rules == 0 {
            return None;
        }
        let (value, behind) = (at, at + token.len());
        let at = unwrapped(self.bytes, at);
        // What is as long as a block is a card's number more often: it is worth a look at all that stands before it.
        if token.len() >= BLOCK && self.is_never_named(at, value, rules) {
            return None;
        }
        if let Some((start, end)) = self.name_of(at, rules) {
            let name = self.bytes.get(start..end)?;
            let facts = self.keys.facts(self.rules, name);
            if let Some(rule) = self.first(facts.keyed & rules) {
                return (!self.is_other(rule, name, token, b"")).then_some(rule);
            }
        }
        let (rule, at) = match self.keyed_beside(at, behind, token, rules) {
            // A logger's name: `[cvv] 200 OK`.
            Some(_) if self.bytes.get(at..value) == Some(b"] ") && self.is_status(behind) => return None,
            Some(rule) => (rule, at),
            None => self.keyed_over(value, token, rules)?,
        };
        if self.byte_before(value) == b' ' && self.bytes.get(behind..).is_some_and(is_measure) {
            return None;
        }
        // A blank, a quote or an arrow stands behind a path.
        if !matches!(self.byte_before(value), b':' | b'=' | b'>') && self.is_behind_path(value, behind) {
            return None;
        }
        let before = self.bytes.get(at.saturating_sub(postal::BEFORE)..at).unwrap_or_default();
        let after = self.bytes.get(behind..).unwrap_or_default();
        let after = after.get(..postal::AFTER).unwrap_or(after);
        (!self.is_other(rule, before, token, after)).then_some(rule)
    }

    /// Whether no key of one of `rules` stands before a value, wherever, nor may be given to it; what is put around it begins at `at`.
    /// Nobody can tell where a name may be cut within a character.
    fn is_never_named(&mut self, at: usize, value: usize, rules: u64) -> bool {
        self.key_ends.named_before(self.rules, self.bytes, value) & rules == 0
            && (value <= KEY || self.bytes.is_ascii())
            && !given::may_be_named(self.bytes, at)
            && (at == value || !given::may_be_named(self.bytes, value))
    }

    /// The rule whose key stands right before `at`, joined to a value by words, a tag, or a colon. The value ends at
    /// `behind`.
    pub(super) fn keyed_beside(&mut self, at: usize, behind: usize, token: &[u8], rules: u64) -> Option<u8> {
        if !self.may_be_named(at, KEY) {
            let tagged = memchr::memrchr(b'>', self.bytes.get(at.saturating_sub(KEY)..at)?).is_some();
            if !tagged || !self.may_be_named(at, KEY + TAG) {
                return None;
            }
        }
        // No other thing looks like a PIN block, but ids; so other words may stand between (`pin block under ZPK:`).
        let long = token.len() == BLOCK && !token.iter().all(u8::is_ascii_digit);
        let known = !self.key_ends.is_past(at);
        let (end, weak) = self.key_end(at, long);
        let low = at.saturating_sub(KEY);
        let states = (long || token.len() <= states::MAX_CODE).then_some(behind);
        let rule = self.keyed_by(Words { low, end }, weak, Wanted { rules, long, states, known });
        // A remark that was passed over may be the key: `验证码(CVV2)：467`.
        match rule {
            None if end < at && self.byte_at(end) == b'(' => {
                let close = end + self.bytes.get(end..at)?.iter().position(|sign| *sign == b')')?;
                let remark = Words { low: end + 1, end: close };
                self.keyed_by(remark, false, Wanted { rules, long: false, states: None, known })
            }
            rule => rule,
        }
    }

    /// The first of the wanted rules that one of the next `words`, or several of them together, are a key of.
    pub(super) fn keyed_by(&mut self, mut words: Words, weak: bool, wanted: Wanted) -> Option<u8> {
        /// Words of the longest key, with those that fill.
        const MAX_WORDS: usize = 9;
        const NUMBERING: [&[u8]; 4] = [b"no", b"nr", b"num", b"number"];
        let Wanted { rules, long, states, known } = wanted;
        // A sign joins what stands before it to the value.
        let mut next = Next { joined: matches!(self.byte_before(words.end), b':' | b'='), ..Next::default() };
        // Where a key may end of which more words may follow.
        let mut ends = [0usize; 4];
        let mut open = 0;
        let mut ends_here = true;
        for _ in 0..MAX_WORDS {
            if open == 0 && !ends_here {
                return None;
            }
            let (start, end) = match self.tag_before(words.end) {
                Some(tag) => {
                    // `<cvn><number>`: what only fills has its name from the element around it.
                    let inner = is_filler(self.bytes.get(tag.0..tag.1)?);
                    words.end = if inner { self.outer(tag.0) } else { 0 };
                    tag
                }
                None => words.next(self.bytes)?,
            };
            let end = start + without_filler(self.bytes.get(start..end)?);
            if ends_here && let Some(place) = ends.get_mut(open) {
                *place = end;
                open += 1;
            }
            let mut kept = 0;
            for at in 0..open {
                let end = *ends.get(at)?;
                let named = self.named(start, end, known)?;
                if let Some(rule) = self.first(named.rules & rules) {
                    return Some(rule);
                }
                *ends.get_mut(kept)? = end;
                kept += usize::from(named.longer);
            }
            open = kept;
            // Behind a word that fills, the key may end; behind another, only a key of several words may.
            let word = self.bytes.get(start..end)?;
            let filler = word.is_empty() || is_filler(word);
            let fills = filler
                || (states::may_be_state(word)
                    && states.is_some_and(|behind| self.is_state((start, end), behind, next)));
            if fills {
                next.coded = word.eq_ignore_ascii_case(b"code");
                next.owned = is_of_card(word);
                // `cvv request no 123` counts requests.
                next.joined |= !NUMBERING.iter().any(|name| word.eq_ignore_ascii_case(name));
            }
            // What the name of an id stands before is that id.
            if long && !fills && self.keys.facts(self.rules, word).against != 0 {
                return None;
            }
            ends_here = !weak && (fills || long);
        }
        None
    }

    /// Whether `token`, whose key `before` ends with, is what else goes by that name: an Indian postal code and no PIN, a check code
    /// and no card's.
    pub(super) fn is_other(&self, rule: u8, before: &[u8], token: &[u8], after: &[u8]) -> bool {
        match self.rules.get(rule).map(|rule| rule.class) {
            Some(Class::SadPin | Class::SadCvv) if is_counted(token, after) => true,
            Some(Class::SadPin) => {
                postal::is_code(before, token, after)
                    || is_too_long(before, token)
                    || check_code::is_code(before, token, after)
            }
            Some(Class::SadCvv) => check_code::is_code(before, token, after),
            _ => false,
        }
    }

    /// What the rules say about the name `start..end`: nothing where it is `known` to end behind the last end of a key.
    fn named(&mut self, start: usize, end: usize, known: bool) -> Option<Named> {
        let name = self.bytes.get(start..end)?;
        if known && self.key_ends.last_from(self.rules, self.bytes, end).is_none() && name.is_ascii() {
            return Some(Named { rules: 0, longer: false });
        }
        Some(self.rules.named(name).unwrap_or_else(|| {
            let facts = self.keys.facts(self.rules, name);
            Named { rules: facts.keyed | facts.lift, longer: true }
        }))
    }

    /// Whether a key of a rule may end within `reach` before `at`.
    pub(super) fn may_be_named(&mut self, at: usize, reach: usize) -> bool {
        self.key_ends.reach_to(self.rules, self.bytes, at);
        self.key_ends.last_from(self.rules, self.bytes, at.saturating_sub(reach)).is_some()
    }

    /// Where the key of a value at `at` ends, and whether the sign behind it is a weak one (`cvv, 737`, `cvv|737`): the key
    /// must stand right before that. A line may end behind `:`, `=` or a tag, a remark in brackets may stand before them.
    #[inline(always)]
    fn key_end(&self, at: usize, long: bool) -> (usize, bool) {
        const REMARK: usize = 24;
        let low = at.saturating_sub(64);
        let before = self.bytes.get(low..at).unwrap_or_default();
        let blank = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'\\');
        let signs = before.iter().rev().take_while(|b| blank(b)).count();
        let end = at - signs;
        match self.byte_before(end) {
            b',' | b'|' | b';' => {
                let head = before.get(..before.len().saturating_sub(signs + 1)).unwrap_or_default().trim_ascii_end();
                // A pair of which both are quoted: `('cvv', '737')`.
                let quoted = |text: &[u8]| text.last().copied().filter(|sign| matches!(sign, b'"' | b'\''));
                let head = match quoted(head) {
                    Some(sign) if quoted(before) == Some(sign) => {
                        let head = head.get(..head.len() - 1).unwrap_or_default();
                        head.strip_suffix(b"\\").unwrap_or(head)
                    }
                    _ => head,
                };
                if head.last().is_some_and(|sign| is_word(*sign)) { (low + head.len(), true) } else { (at, false) }
            }
            // A value that is alone on its line has its name on the one before.
            sign if is_word(sign) && before.get(before.len() - signs..).is_some_and(|signs| signs.contains(&b'\n')) => {
                let rest = self.bytes.get(at..).unwrap_or_default();
                let value = rest.iter().take(MAX_DIGITS).take_while(|b| b.is_ascii_alphanumeric()).count();
                match rest.get(value) {
                    None | Some(b'\n' | b'\r' | b'"' | b'\'' | b'\\' | b'<') => (end, true),
                    _ => (at, false),
                }
            }
            sign @ (b':' | b'=' | b'>' | b')') if sign != b')' || long => {
                let shut = usize::from(sign != b')');
                let head = before.get(..before.len().saturating_sub(signs + shut)).unwrap_or_default().trim_ascii_end();
                if sign == b'>' || !head.ends_with(b")") {
                    return (end, false);
                }
                let remark = head.iter().rev().take(REMARK).position(|&b| b == b'(');
                (remark.map_or(end, |length| low + head.len() - length - 1), false)
            }
            _ => (at, false),
        }
    }

    /// Where the element ends that the one whose name begins at `name` is the first of; 0: nowhere.
    fn outer(&self, name: usize) -> usize {
        let blanks = |end: usize| {
            let before = self.bytes.get(..end).unwrap_or_default();
            end - before.iter().rev().take(MAX_DIGITS).take_while(|b| b.is_ascii_whitespace()).count()
        };
        let end = blanks(name.saturating_sub(1));
        if self.byte_before(end) == b'>' { end } else { 0 }
    }

    /// Name of the XML tag that ends right before `at`.
    pub(super) fn tag_before(&self, at: usize) -> Option<(usize, usize)> {
        if self.byte_before(at) != b'>' {
            return None;
        }
        let low = at.saturating_sub(96);
        let open = low + self.bytes.get(low..at)?.iter().rposition(|&b| b == b'<')? + 1;
        let tag = self.bytes.get(open..at - 1)?;
        if tag.contains(&b'>') {
            return None;
        }
        let name = tag.iter().take_while(|b| is_word(**b) || matches!(b, b':' | b'-' | b'.')).count();
        // The prefix of a namespace says nothing.
        let prefix = tag.get(..name)?.iter().rposition(|b| *b == b':').map_or(0, |last| last + 1);
        (prefix < name).then_some((open + prefix, open + name))
    }
}

/// Whether a number is too long for a PIN (ISO 9564: 12 digits) and stands in the path of a URL: `/pin/1768382385349880`.
fn is_too_long(before: &[u8], token: &[u8]) -> bool {
    before.ends_with(b"/pin/") && token.len() == BLOCK && token.iter().all(u8::is_ascii_digit)
}

/// Whether `after` begins with a unit that no name of another field begins with: `security code 420 ms`, and not `cvv 737 ms=12`.
fn is_measure(after: &[u8]) -> bool {
    const UNITS: [&str; 9] = ["ms", "ns", "seconds", "secs", "bytes", "kb", "rows", "records", "requests"];
    let Some(after) = after.strip_prefix(b" ") else { return false };
    let (unit, rest) = after.split_at(after.iter().take_while(|sign| sign.is_ascii_alphabetic()).count());
    given::is_one_of(unit, &UNITS) && !matches!(rest, [b'=' | b':' | b'_' | b'-' | b'(' | b'"', ..])
}

/// Whether what stands behind a number says what it counts, in Chinese, or that it begins a date: `信用卡背面的100元`, `支付密码改为2024年5月生效`,
/// `安全码 2026-05-23 起`.
fn is_counted(token: &[u8], after: &[u8]) -> bool {
    let is_year = || matches!(token, [b'1', b'9', _, _] | [b'2', b'0', _, _]);
    if let [b'-', b'0' | b'1', month, b'-', b'0'..=b'3', day, rest @ ..] = after {
        return is_year()
            && month.is_ascii_digit()
            && day.is_ascii_digit()
            && !rest.first().is_some_and(u8::is_ascii_digit);
    }
    let counts = |unit: &str| after.starts_with(unit.as_bytes());
    // Right behind the number `次` and `位` begin other words as well: `次日`, `位于`.
    !after.first().is_some_and(u8::is_ascii_alphanumeric)
        && ([" 元", " 位", " 次", " 毫秒", "元", "毫秒"].into_iter().any(counts) || (is_year() && counts("年")))
        && !counts("元旦")
}

/// Whether what follows shows that this is the visible rest of a masked value.
fn is_masked_behind(bytes: &[u8], end: usize) -> bool {
    let rest = bytes.get(end..).unwrap_or_default();
    let separators = rest.iter().take(MAX_SEPARATOR).take_while(|b| is_separator(**b)).count();
    let stars = rest.iter().skip(separators).take(3).take_while(|b| **b == b'*').count();
    // Two before a letter make a name bold: `**CVV:** 737 / **Tel:** …`.
    stars > 0 && !(stars <= 2 && rest.get(separators + stars).is_some_and(u8::is_ascii_alphabetic))
}
