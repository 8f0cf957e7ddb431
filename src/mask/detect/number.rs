//! Numbers: runs of digits, and groups of runs with separators between them.

use super::pan::{self, Fit};
use super::track::{self, Tag};
use super::words::{SEPARATOR, SIGNS, is_word};
use super::{Before, Finding, Scan, Shape, Token, cn_id, phone};
use crate::mask::rules::Validator;

/// Groups of one cluster that are looked at together; a longer list goes on with an overlap of the longest grouping.
const MAX_GROUPS: usize = 24;
const OVERLAP: usize = 8;
/// Signs between two groups at most, as in `) - `.
const MAX_SEPARATOR: usize = 3;
/// Hexadecimal digits of a PIN block.
const BLOCK: usize = 16;
/// Digits of the longest number of interest.
const MAX_DIGITS: usize = 20;

#[derive(Clone, Copy, Default)]
struct Group {
    start: usize,
    end: usize,
}

impl Group {
    fn len(self) -> usize {
        self.end - self.start
    }
}

/// Groupings in which card numbers are written.
const CARD: [&[usize]; 8] = [
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[6, 13],
    &[4, 4, 4, 3],
];
const ID: [&[usize]; 5] = [&[6, 8, 4], &[6, 4, 4, 4], &[3, 3, 4, 4, 4], &[6, 8, 3], &[6, 4, 4, 3]];
const MOBILE: [&[usize]; 3] = [&[3, 4, 4], &[3, 8], &[7, 4]];

/// The digits of a few groups, without what stands between.
struct Digits {
    bytes: [u8; MAX_DIGITS],
    len: usize,
}

impl Digits {
    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Scan<'_, '_> {
    /// Judges the cluster of digits that begins at `at`; returns where to go on.
    pub(super) fn number(&mut self, at: usize) -> usize {
        let Some((first, next)) = self.group(at) else { return at + 1 };
        if next.is_none() {
            if first.len() >= 3 {
                self.cluster(&[first], first.len());
            }
            self.keyed_token(first);
            return first.end;
        }
        let mut groups = [first; MAX_GROUPS];
        let (mut count, mut next, mut end) = (1, next, first.end);
        while let Some((group, after)) = next.and_then(|start| self.group(start)) {
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
            if self.found.len() == before && (7..=MAX_DIGITS).contains(&total) {
                self.vouched(groups, total);
            }
        }
        if self.found.len() == before {
            self.keyed_values(groups);
        }
    }

    /// Whether no letter is written together with a run of digits.
    #[inline]
    fn is_alone(&self, group: Group) -> bool {
        !self.byte_before(group.start).is_ascii_alphanumeric() && !self.byte_at(group.end).is_ascii_alphanumeric()
    }

    /// One run of digits without anything in between.
    fn run_of_digits(&mut self, group: Group) {
        let Group { start, end } = group;
        let token = if self.is_alone(group) { Token::default() } else { self.token_at(start) };
        let hex = self.is_hex(token);
        if hex && end - start < token.end - token.start {
            self.emv(token.start, token.end);
        }
        let (prior, after) = (self.byte_before(start), self.byte_at(end));
        let decimals = prior == b'.' && start >= 2 && self.byte_before(start - 1).is_ascii_digit();
        if prior == b'*' || after == b'*' || self.is_prefixed(token) || decimals {
            return;
        }
        let digits = self.bytes.get(start..end).unwrap_or_default();
        if matches!(after, b'=' | b'D' | b'd' | b'^') && self.track(start, end) {
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
            18 | 21 if self.length_prefixed(start, end, digits) => {}
            26..=64 if !hex => self.side_by_side(start, end),
            _ => {}
        }
    }

    /// ISO 8583 LLVAR: two digits that tell the length stand before the card number. Only 16 and 19: a time in nanoseconds
    /// begins with 17.
    fn length_prefixed(&mut self, start: usize, end: usize, digits: &[u8]) -> bool {
        let length = digits.iter().take(2).fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
        let number = digits.get(2..).unwrap_or_default();
        length == number.len() && pan::luhn(number) && self.card(start + 2, end, number, false, false)
    }

    /// Card numbers without anything between them: only when they fill the run.
    fn side_by_side(&mut self, start: usize, end: usize) {
        let bytes = self.bytes;
        let digits = bytes.get(start..end).unwrap_or_default();
        for length in [16, 15] {
            let sound = |number: &[u8]| {
                number.len() == length && pan::luhn(number) && pan::fit(number, pan::Brands::ALL) == Fit::Strong
            };
            if digits.chunks(length).all(sound) {
                for (place, number) in digits.chunks(length).enumerate() {
                    self.card(start + place * length, start + place * length + number.len(), number, true, false);
                }
                return;
            }
        }
    }

    /// A candidate for a card number: `start..end` of the view holds `digits`.
    fn card(&mut self, start: usize, end: usize, digits: &[u8], grouped: bool, hex: bool) -> bool {
        let rules = self.with(Validator::Pan);
        let fit = pan::fit(digits, pan::Brands::ALL);
        let luhn = pan::luhn(digits);
        if rules == 0 || (fit == Fit::No && self.key.lift & rules == 0) {
            return false;
        }
        let bare = self.is_bare(start, end);
        let before = self.before(start, bare, rules);
        let mut left = rules;
        while left != 0 {
            let rule = left.trailing_zeros() as u8;
            let fit = if self.rules.brands(rule) == pan::Brands::ALL {
                fit
            } else {
                pan::fit(digits, self.rules.brands(rule))
            };
            if is_card(fit, luhn, Evidence::of(before, rule, bare, grouped), digits.len(), hex) {
                self.hit(start, end, rule);
                return true;
            }
            left &= left - 1;
        }
        false
    }

    /// Track data from the card number `start..end` on.
    fn track(&mut self, start: usize, end: usize) -> bool {
        let Some(rule) = self.first(self.with(Validator::Track)) else { return false };
        let Some(last) = track::end(self.bytes, start, end) else { return false };
        self.hit(track::start(self.bytes, start), last, rule);
        true
    }

    /// The EMV tags of one token of hexadecimal digits.
    fn emv(&mut self, start: usize, end: usize) {
        let (pan, track2) = (self.first(self.with(Validator::Pan)), self.first(self.with(Validator::Track)));
        if self.emv_until >= end {
            return;
        }
        self.emv_until = end;
        let (view, found) = (self.view, &mut *self.found);
        track::emv(self.bytes.get(start..end).unwrap_or_default(), &mut |tag, from, to| {
            let rule = if tag == Tag::Pan { pan } else { track2 };
            if let Some(rule) = rule {
                found.push(Finding { start: start + from, end: start + to, rule, view, shape: Shape::Signs });
            }
        });
    }

    /// A candidate for an identity number: 18 digits, 17 and an `X`, or 15 where a key vouches for it.
    fn identity(&mut self, start: usize, end: usize, hex: bool) -> bool {
        let rules = self.with(Validator::CnId);
        let with_x = end - start == 17
            && matches!(self.byte_at(end), b'X' | b'x')
            && !self.byte_at(end + 1).is_ascii_alphanumeric();
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

    /// A mainland mobile number; its country code stays.
    fn mobile(&mut self, start: usize, end: usize) -> bool {
        let rules = self.with(Validator::Phone);
        let digits = self.bytes.get(start..end).unwrap_or_default();
        let Some(code) = phone::mainland(digits) else { return false };
        let before = self.before(start, self.is_bare(start, end), rules);
        // Letters glued to it make an id of it (`SN13912345678`), unless they speak for it.
        let glued = self.byte_before(start).is_ascii_uppercase() || self.byte_at(end).is_ascii_uppercase();
        let decimal = self.byte_at(end) == b'.' && self.byte_at(end + 1).is_ascii_digit();
        // A minus behind a blank is a sign: `delta -17315564061`.
        let negative = self.byte_before(start) == b'-'
            && matches!(self.byte_before(start - 1), b' ' | b'\t' | b'\n' | b'=' | b':' | b',' | b'(' | b'[');
        let vouched = (before.lift | before.near) & rules;
        let rules = if vouched != 0 {
            vouched
        } else if glued || decimal || negative {
            0
        } else {
            rules & !before.against
        };
        let Some(rule) = self.first(rules) else { return false };
        self.hit(start + code, end, rule);
        true
    }

    /// Numbers written in groups.
    fn grouped(&mut self, groups: &[Group]) {
        let list = groups.len() > 5 && !groups.len().is_multiple_of(4) && groups.iter().all(|group| group.len() == 4);
        let mut at = 0;
        while let Some(rest) = groups.get(at..) {
            if rest.is_empty() {
                break;
            }
            at += self.group_at(rest, list, at > 0).max(1);
        }
        self.digit_by_digit(groups);
        self.scientific(groups);
    }

    /// Tries the groupings at the first of `groups`; how many groups were taken.
    fn group_at(&mut self, groups: &[Group], list: bool, inner: bool) -> usize {
        for grouping in CARD {
            let Some(digits) = self.matching(groups, grouping) else { continue };
            let (start, end) = ends(groups, grouping.len());
            let sound = pan::luhn(digits.as_slice()) && pan::fit(digits.as_slice(), pan::Brands::ALL) == Fit::Strong;
            let vouched = !sound && !inner && grouping.len() == groups.len();
            if (sound && (!list || self.before(start, false, self.rules.with(Validator::Pan)).near != 0) || vouched)
                && self.card(start, end, digits.as_slice(), true, false)
            {
                return grouping.len();
            }
        }
        for grouping in ID {
            let Some(mut digits) = self.matching(groups, grouping) else { continue };
            let (start, mut end) = ends(groups, grouping.len());
            if digits.len == 17
                && matches!(self.byte_at(end), b'X' | b'x')
                && !self.byte_at(end + 1).is_ascii_alphanumeric()
            {
                if let Some(last) = digits.bytes.get_mut(17) {
                    *last = b'X';
                }
                digits.len = 18;
                end += 1;
            }
            if let Some(rule) = self.first(self.with(Validator::CnId)).filter(|_| cn_id::is_valid(digits.as_slice())) {
                self.hit(start, end, rule);
                return grouping.len();
            }
        }
        for grouping in MOBILE {
            let Some(digits) = self.matching(groups, grouping) else { continue };
            let (start, end) = ends(groups, grouping.len());
            let rules = self.with(Validator::Phone);
            if phone::mainland(digits.as_slice()) == Some(0) {
                let before = self.before(start, false, rules);
                let vouched = (before.lift | before.near) & rules;
                if let Some(rule) = self.first(if vouched != 0 { vouched } else { rules & !before.against }) {
                    self.hit(start, end, rule);
                    return grouping.len();
                }
            }
        }
        0
    }

    /// The digits of the first groups, when these have just these lengths.
    fn matching(&self, groups: &[Group], grouping: &[usize]) -> Option<Digits> {
        let taken = groups.get(..grouping.len())?;
        if !taken.iter().zip(grouping).all(|(group, len)| group.len() == *len) {
            return None;
        }
        let (start, end) = ends(groups, grouping.len());
        if self.byte_before(start) == b'*' || self.byte_at(end) == b'*' {
            return None;
        }
        self.digits(taken)
    }

    fn digits(&self, groups: &[Group]) -> Option<Digits> {
        let mut digits = Digits { bytes: [0; MAX_DIGITS], len: 0 };
        for group in groups {
            let run = self.bytes.get(group.start..group.end)?;
            digits.bytes.get_mut(digits.len..digits.len + run.len())?.copy_from_slice(run);
            digits.len += run.len();
        }
        Some(digits)
    }

    /// A separator after each digit, or each second one.
    fn digit_by_digit(&mut self, groups: &[Group]) {
        let size = groups.first().map_or(0, |group| group.len());
        if size > 2 || groups.len() < 7 || !groups.iter().rev().skip(1).all(|group| group.len() == size) {
            return;
        }
        let Some(digits) = self.digits(groups) else { return };
        let (start, end) = ends(groups, groups.len());
        let sound = pan::luhn(digits.as_slice()) && pan::fit(digits.as_slice(), pan::Brands::ALL) == Fit::Strong;
        if sound && (size == 1 || self.before(start, false, self.rules.with(Validator::Pan)).near != 0) {
            self.card(start, end, digits.as_slice(), true, false);
        } else if size == 1
            && cn_id::is_valid(digits.as_slice())
            && let Some(rule) = self.first(self.with(Validator::CnId))
        {
            self.hit(start, end, rule);
        }
    }

    /// `4.111111111111111e15`
    fn scientific(&mut self, groups: &[Group]) {
        for pair in groups.windows(2) {
            let [whole, decimals] = pair else { continue };
            let exponent = self.bytes.get(decimals.end..).unwrap_or_default();
            let exponent = match exponent {
                [b'e' | b'E', b'+', tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..]
                | [b'e' | b'E', tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..] => {
                    usize::from(tens - b'0') * 10 + usize::from(ones - b'0')
                }
                _ => continue,
            };
            if whole.len() != 1
                || self.byte_at(whole.end) != b'.'
                || !(pan::MIN - 1..pan::MAX).contains(&exponent)
                || decimals.len() > exponent
            {
                continue;
            }
            let Some(mut digits) = self.digits(pair) else { continue };
            digits.bytes.iter_mut().skip(digits.len).for_each(|digit| *digit = b'0');
            digits.len = exponent + 1;
            let end = decimals.end + if self.byte_at(decimals.end + 1) == b'+' { 4 } else { 3 };
            if self.card(whole.start, end, digits.as_slice(), false, false)
                && let Some(last) = self.found.last_mut()
            {
                last.shape = Shape::Whole;
            }
        }
    }

    fn speaks_for_phone(&mut self, start: usize, end: usize) -> bool {
        let rules = self.with(Validator::Phone);
        let before = self.before(start, self.is_bare(start, end), rules);
        (before.lift | before.near) & rules != 0
    }

    /// E.164: a `+` before one of the groups. The findings of their cluster begin at `known`.
    fn international(&mut self, groups: &[Group], known: usize) {
        /// A shorter number with a `+` may be a difference of two: only a word makes it a phone's.
        const SHORTEST: usize = 10;
        let Some(rule) = self.first(self.with(Validator::Phone)) else { return };
        for (at, group) in groups.iter().enumerate() {
            let plus =
                self.byte_before(group.start) == b'+' && !self.byte_before(group.start - 1).is_ascii_alphanumeric();
            if !plus
                || self
                    .found
                    .iter()
                    .skip(known)
                    .any(|found| found.view == self.view && found.start < group.end && group.start < found.end)
            {
                continue;
            }
            let rest = groups.get(at..).unwrap_or_default();
            let head = self.bytes.get(group.start..group.end).unwrap_or_default();
            let second = rest.get(1).and_then(|next| self.bytes.get(next.start)).copied().unwrap_or(b' ');
            let lengths = match head {
                [one] => phone::e164_lengths(&[*one, second]),
                [a, b] => phone::e164_lengths(&[*a, *b, second]),
                _ => phone::e164_lengths(head),
            };
            let mut total = 0;
            let mut best = None;
            for group in rest {
                total += group.len();
                if lengths.contains(&total) {
                    best = Some((group.end, total));
                }
            }
            let Some((end, total)) = best else { continue };
            if self.byte_at(end) == b'*' || (total < SHORTEST && !self.speaks_for_phone(group.start, end)) {
                continue;
            }
            let code = if head.starts_with(b"86") { 2 } else { 0 };
            let start = if code == head.len() {
                rest.get(1).map_or(group.start, |next| next.start)
            } else {
                group.start + code
            };
            self.hit(start, end, rule);
            return;
        }
    }

    /// National numbers of a phone, and numbers of a card in any grouping, where a key right before says so.
    fn vouched(&mut self, groups: &[Group], total: usize) {
        let (start, end) = ends(groups, groups.len());
        if self.byte_before(start) == b'*' || self.byte_at(end) == b'*' {
            return;
        }
        let (phones, cards) = (self.with(Validator::Phone), self.with(Validator::Pan));
        if self.key.lift & (phones | cards) == 0 && !self.may_be_named(start, self.rules.window) {
            return;
        }
        let before = self.before(start, self.is_bare(start, end), phones | cards);
        if !before.adjacent || before.lift & (phones | cards) == 0 {
            return;
        }
        if let Some(rule) = self.first(phones & before.lift).filter(|_| phone::NATIONAL.contains(&total)) {
            return self.hit(start, end, rule);
        }
        if let Some(digits) = self.digits(groups).filter(|_| groups.len() > 1 && total >= 13) {
            self.card(start, end, digits.as_slice(), true, false);
        }
    }

    /// Short values that only their key gives away (a card's code, a PIN).
    fn keyed_values(&mut self, groups: &[Group]) {
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

    fn keyed_value(&mut self, group: Group) {
        if !self.may_be_keyed(group.start) {
            return;
        }
        let mut end = group.start;
        while end - group.start < MAX_DIGITS && self.bytes.get(end).is_some_and(u8::is_ascii_alphanumeric) {
            end += 1;
        }
        if end - group.start >= 3 && !is_masked_behind(self.bytes, end) {
            self.keyed_hit(group.start, group.start, end);
        }
    }

    /// The token around a group when it is a block of 16 hexadecimal digits (a PIN block), wherever its decimal digits are; or
    /// what follows a key that is written together with its block (`epb0412AC89ABCDEF67`).
    #[inline]
    fn keyed_token(&mut self, group: Group) {
        if group.len() == BLOCK || !self.is_alone(group) {
            self.keyed_block(group);
        }
    }

    fn keyed_block(&mut self, group: Group) {
        const PREFIXED: usize = BLOCK + 2;
        let token = self.token_at(group.start);
        // A block may have a `0x` before it.
        if !matches!(token.end - token.start, BLOCK | PREFIXED) && token.end - group.start != BLOCK {
            return;
        }
        let start = token.start + if self.is_prefixed(token) { 2 } else { 0 };
        let is_block = |start: usize| {
            let signs = self.bytes.get(start..token.end).unwrap_or_default();
            signs.len() == BLOCK && signs.iter().all(u8::is_ascii_hexdigit)
        };
        if is_block(start) {
            if !token.judged && self.may_be_keyed(token.start) {
                self.token.judged = true;
                self.keyed_hit(token.start, start, token.end);
            }
        } else if is_block(group.start) && self.may_be_keyed(group.start) {
            self.keyed_hit(group.start, group.start, token.end);
        }
    }

    /// Asks the words before `at` for a rule that takes `start..end`.
    fn keyed_hit(&mut self, at: usize, start: usize, end: usize) {
        let value = self.bytes.get(start..end).unwrap_or_default();
        if let Some(rule) = self.keyed(at, value) {
            self.found.push(Finding { start, end, rule, view: self.view, shape: Shape::Whole });
        }
    }
}

/// What speaks for and against one candidate under one rule.
struct Evidence {
    lift: bool,
    near: bool,
    against: bool,
    adjacent: bool,
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
            bare,
            grouped,
        }
    }
}

fn is_card(fit: Fit, luhn: bool, evidence: Evidence, length: usize, hex: bool) -> bool {
    let Evidence { lift, near, against, adjacent, bare, grouped } = evidence;
    let speaks = lift || (near && !against);
    match (fit, luhn) {
        (Fit::Strong, true) if hex => speaks,
        // A word speaks against a sound number only when it stands right before it, as the name of an id does.
        (Fit::Strong, true) => lift || near || !(against && adjacent) || grouped,
        (Fit::Weak, true) => speaks,
        (Fit::Strong, false) => speaks && !hex,
        (Fit::Weak, false) => lift,
        (Fit::No, _) => lift && bare && length >= 13,
    }
}

fn ends(groups: &[Group], count: usize) -> (usize, usize) {
    let start = groups.first().map_or(0, |group| group.start);
    (start, count.checked_sub(1).and_then(|last| groups.get(last)).map_or(start, |group| group.end))
}

#[inline]
fn is_separator(byte: u8) -> bool {
    SIGNS[usize::from(byte)] & SEPARATOR != 0
}

/// Whether what follows shows that this is the visible rest of a masked value.
fn is_masked_behind(bytes: &[u8], end: usize) -> bool {
    let rest = bytes.get(end..).unwrap_or_default();
    let separators = rest.iter().take(MAX_SEPARATOR).take_while(|b| is_separator(**b)).count();
    rest.get(separators) == Some(&b'*')
}
