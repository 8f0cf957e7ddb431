//! Numbers: runs of digits, and clusters of runs with separators between them.
//!
//! What is a candidate is said here and in `groupings`; `evidence` decides.

use super::words::{SEPARATOR, SIGNS};
use super::{Scan, Token, emphasis, pan, phone};
use crate::mask::colour;
use crate::mask::escapes::read_syslog;
use crate::mask::rules::Validator;

/// Groups of one cluster that are looked at together; a longer list goes on with an overlap of the longest grouping.
const MAX_GROUPS: usize = 24;
const OVERLAP: usize = 8;
/// Signs between two groups at most, as in `) - `.
pub(super) const MAX_SEPARATOR: usize = 3;
/// Digits of the longest number of interest.
pub(in crate::mask) const MAX_DIGITS: usize = 20;

#[derive(Clone, Copy, Default)]
pub(in crate::mask) struct Group {
    pub(in crate::mask) start: usize,
    pub(in crate::mask) end: usize,
}

impl Group {
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

impl Scan<'_, '_> {
    /// Judges the cluster of digits that begins at `at`; returns where to go on.
    pub(super) fn number(&mut self, at: usize) -> usize {
        let Some((first, next)) = self.group(at) else { return at + 1 };
        if first.len() <= 2 {
            self.row(first);
        }
        self.quoted = self.quoted || self.is_quoted(first);
        if self.byte_before(at) == b'[' {
            self.coloured |= colour::around(self.bytes, at - 1).is_some();
        }
        let next = next.filter(|_| !self.is_in_hash(first));
        if next.is_none() {
            // A line that quoted-printable breaks.
            self.quoted |= self.byte_at(first.end) == b'=' && matches!(self.byte_at(first.end + 1), b'\n' | b'\r');
            if first.len() >= 3 && !self.broken_card(first) {
                self.cluster(&[first], first.len());
            }
            self.keyed_token(first);
            return first.end;
        }
        let mut groups = [first; MAX_GROUPS];
        let (mut count, mut next, mut end) = (1, next, first.end);
        while let Some((group, after)) = next.and_then(|start| self.group(start)) {
            if self.is_in_hash(group) {
                break;
            }
            if count == MAX_GROUPS {
                // The list goes on.
                end = groups.get(MAX_GROUPS - OVERLAP).map_or(group.start, |group| group.start);
                break;
            }
            if let Some(place) = groups.get_mut(count) {
                *place = group;
            }
            count += 1;
            end = group.end;
            next = after;
        }
        let groups = groups.get(..count).unwrap_or_default();
        let total = groups.iter().map(|group| group.len()).sum();
        if total >= 3 {
            self.cluster(groups, total);
        }
        groups.iter().for_each(|group| self.keyed_token(*group));
        end
    }

    /// Whether a sign that quoted-printable writes as two hexadecimal digits ends right before a number, or within it: `=3D737`,
    /// `=9A4242…`, `=204242…`. An equals sign stands before many numbers: the last one needs another such sign beside it.
    #[inline]
    fn is_quoted(&self, number: Group) -> bool {
        /// Digits of the shortest number of interest, with two of the sign before it.
        const SHORTEST: usize = 5;
        match self.byte_before(number.start) {
            b'=' => {
                (number.len() == 1 && self.bytes.get(number.start..number.start + 2) == Some(b"3D"))
                    || (number.len() >= SHORTEST && is_quoted_near(self.bytes, number))
            }
            b'A'..=b'F' => {
                let sign = number.start.checked_sub(3).and_then(|start| self.bytes.get(start..number.start));
                matches!(sign, Some([b'=', b'0'..=b'9' | b'A'..=b'F', _]))
            }
            _ => false,
        }
    }

    /// A card number that a terminal, or the one who wrote it, broke in two lines; only behind its key.
    fn broken_card(&mut self, first: Group) -> bool {
        const MAX_INDENT: usize = 16;
        const PART: usize = 4;
        let rest = self.bytes.get(first.end..).unwrap_or_default();
        let ([b'\n', ..] | [b'\r' | b'\\', b'\n', ..]) = rest else { return false };
        let broken =
            rest.iter().take(MAX_INDENT).take_while(|sign| sign.is_ascii_whitespace() || **sign == b'\\').count();
        let start = first.end + broken;
        let second = Group { start, end: self.signs.digits_end(start) };
        let total = first.len() + second.len();
        if first.len() < PART || second.len() < PART || !(13..=pan::MAX).contains(&total) || !self.is_alone(second) {
            return false;
        }
        let Some(digits) = self.digits(&[first, second]) else { return false };
        let digits = digits.as_slice();
        let rules = self.with(Validator::Pan);
        if !pan::luhn(digits) || pan::fit(digits, pan::Brands::ALL) != pan::Fit::Strong {
            return false;
        }
        let before = self.before(first.start, false, rules);
        let rule = self.first(before.lift & rules).filter(|_| before.adjacent);
        if let Some(rule) = rule {
            self.hit(first.start, second.end, rule);
        }
        rule.is_some()
    }

    /// The run of digits that begins at `start`, and where the next one of its cluster does.
    #[inline]
    fn group(&self, start: usize) -> Option<(Group, Option<usize>)> {
        let end = self.signs.digits_end(start);
        let mut next = end;
        while next - end < MAX_SEPARATOR && self.bytes.get(next).is_some_and(|byte| is_separator(*byte)) {
            next += 1;
        }
        let goes_on = next > end && self.bytes.get(next).is_some_and(u8::is_ascii_digit);
        (end > start).then_some((Group { start, end }, goes_on.then_some(next)))
    }

    fn cluster(&mut self, groups: &[Group], total: usize) {
        let before = self.found.len();
        // Such a group is the first of its cluster: nothing of one that goes on is written so.
        self.logged |= groups.first().is_some_and(|first| self.is_logged(first.start));
        if total >= 11 {
            for group in groups.iter().filter(|group| group.len() >= 11) {
                self.run_of_digits(*group);
            }
            if groups.len() > 1 {
                self.grouped(groups);
            }
        }
        if total >= 7 {
            self.international(groups, before);
            if self.found.len() == before {
                self.vouched_parts(groups, total);
            }
        }
        if self.found.len() == before {
            self.keyed_values(groups);
            // `pin: 1234 4242 4242 4242 4242`: what stands behind a code is looked at without it.
            if let Some((first, mut rest)) = groups.split_first()
                && self.found.get(before..).is_some_and(|found| matches!(found, [code] if code.end == first.end))
            {
                while rest.len() > 1 && self.found.len() == before + 1 {
                    self.cluster(rest, rest.iter().map(|group| group.len()).sum());
                    rest = rest.get(1..).unwrap_or_default();
                }
                return;
            }
            if self.found.len() == before
                && let Some(first) = groups.first()
            {
                self.table(first.start);
            }
        } else if groups.len() > 1
            && let Some(first) = groups.first()
        {
            // One of them was found, another may be a code (`cvv 737 4242424242424242`), or a cell of its own: `77 4242424242424242  737`
            // below a ruler.
            let free = self.found.get(before..).is_some_and(|found| found.iter().all(|found| found.start >= first.end));
            if free {
                self.keyed_value(*first);
            }
            self.key_ends.reach_to(self.rules, self.bytes, first.start);
            self.table(first.start);
        }
    }

    /// Whether digits at `start` are a control character as rsyslog escapes it: `#012`.
    #[inline]
    pub(super) fn is_logged(&self, start: usize) -> bool {
        self.byte_before(start) == b'#'
            && start.checked_sub(1).and_then(|at| self.bytes.get(at..)).is_some_and(|rest| read_syslog(rest).is_some())
    }

    /// Whether no letter is written together with a run of digits.
    #[inline]
    pub(super) fn is_alone(&self, group: Group) -> bool {
        !self.byte_before(group.start).is_ascii_alphanumeric() && !self.byte_at(group.end).is_ascii_alphanumeric()
    }

    /// Whether a point and a digit stand before a run of digits.
    pub(super) fn is_decimal(&self, start: usize) -> bool {
        self.byte_before(start) == b'.' && start >= 2 && self.byte_before(start - 1).is_ascii_digit()
    }

    /// Whether asterisks beside `start..end` say that this is what masking left of a value: not, when `digits` are all of a card
    /// number (`**4242424242424242**`). Before asterisks alone, other digits may have joined what was left.
    pub(super) fn is_rest(&self, start: usize, end: usize, digits: &[u8]) -> bool {
        let whole = || pan::luhn(digits) && pan::fit(digits, pan::Brands::ALL) == pan::Fit::Strong;
        match (self.byte_before(start), self.byte_at(end)) {
            (_, b'*') if emphasis::closes(self.bytes, end) => false,
            (b'*', _) => !whole(),
            // One asterisk before a blank or the end is none that hides something.
            (_, b'*') => !matches!(self.byte_at(end + 1), b' ' | b'\t' | b'\n' | b'"' | b'\'' | b')' | b','),
            _ => false,
        }
    }

    /// Whether asterisks stand beside `start..end` that make nothing bold.
    pub(super) fn is_masked_beside(&self, start: usize, end: usize) -> bool {
        let stars = self.byte_before(start) == b'*' || self.byte_at(end) == b'*';
        stars && !emphasis::closes(self.bytes, end)
    }

    /// One run of digits without anything in between.
    pub(in crate::mask) fn run_of_digits(&mut self, group: Group) {
        let Group { start, end } = group;
        let token = if self.is_alone(group) { Token::default() } else { self.token_at(start) };
        let mut hex = self.is_hex(token);
        if hex && end - start < token.end - token.start {
            self.emv(token.start, token.end);
        } else if self.is_prefixed(token) {
            self.emv(token.start + 2, token.end);
        }
        // An odd number of digits in hexadecimal is padded, and by some an even one: `5A=378282246310005F`.
        hex &= !(token.start == start
            && token.end == end + 1
            && (pan::MIN..=pan::MAX).contains(&(end - start))
            && matches!(self.byte_at(end), b'F' | b'f'));
        let after = self.byte_at(end);
        let decimals = self.is_decimal(start);
        let digits = self.bytes.get(start..end).unwrap_or_default();
        if self.is_prefixed(token) || decimals || self.is_rest(start, end, digits) {
            return;
        }
        if self.message(group, if token.end > 0 { token.start } else { start }) {
            return;
        }
        if matches!(after, b'=' | b'D' | b'd' | b'^') && self.track(start, end) {
            return;
        }
        if after == b' ' && self.parted_track(start, end, digits) {
            return;
        }
        if token.end > end - start && self.is_iban(token) {
            return;
        }
        if self.identity(start, end, hex) {
            return;
        }
        if phone::mainland(digits).is_some() && !hex && self.mobile(start, end) {
            return;
        }
        match digits.len() {
            pan::MIN..=pan::MAX if self.card(start, end, digits, false, hex) => {}
            17..=20 if self.is_padded(start, end, digits) => {}
            16..=21 if self.length_prefixed(start, end, digits) => {}
            16.. if self.first_field(start, digits) => {}
            30..=64 if !hex => self.side_by_side(start, end),
            _ => {}
        }
    }

    /// A card number with zeros before it, as fields of a fixed length have them; only behind its key.
    fn is_padded(&mut self, start: usize, end: usize, digits: &[u8]) -> bool {
        const ZEROS: usize = 3;
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        let number = digits.get(zeros..).unwrap_or_default();
        zeros >= ZEROS
            && pan::luhn(number)
            && pan::fit(number, pan::Brands::ALL) == pan::Fit::Strong
            && self.is_named_card(start)
            && self.card(start + zeros, end, number, true, false)
    }
}

/// Whether a sign beside a number is written as quoted-printable does: `=0D` behind it, `=20` before its name.
fn is_quoted_near(bytes: &[u8], number: Group) -> bool {
    const REACH: usize = 48;
    let near = bytes.get(number.start.saturating_sub(REACH)..bytes.len().min(number.end + REACH)).unwrap_or_default();
    let upper = |sign: &u8| matches!(sign, b'0'..=b'9' | b'A'..=b'F');
    memchr::memchr_iter(b'=', near).any(|at| match near.get(at + 1..at + 4) {
        Some([b'2', b'0', next]) => next.is_ascii_alphabetic(),
        Some([high, low, next]) => upper(high) && upper(low) && *next == b'=',
        _ => false,
    })
}

pub(super) fn ends(groups: &[Group], count: usize) -> (usize, usize) {
    let start = groups.first().map_or(0, |group| group.start);
    (start, count.checked_sub(1).and_then(|last| groups.get(last)).map_or(start, |group| group.end))
}

#[inline]
pub(super) fn is_separator(byte: u8) -> bool {
    SIGNS[usize::from(byte)] & SEPARATOR != 0
}
