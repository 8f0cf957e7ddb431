//! Groupings: numbers that are written in groups of digits.

use super::number::{Group, MAX_DIGITS, ends, is_separator};
use super::pan::{self, Fit};
use super::{Scan, Shape, cn_id, phone};
use crate::mask::rules::Validator;

/// Groupings in which card numbers are written.
const CARD: [Lengths; 8] = [
    Lengths::new(&[4, 4, 4, 4, 3]),
    Lengths::new(&[4, 4, 4, 4, 2]),
    Lengths::new(&[4, 4, 4, 4, 1]),
    Lengths::new(&[4, 4, 4, 4]),
    Lengths::new(&[4, 6, 5]),
    Lengths::new(&[4, 6, 4]),
    Lengths::new(&[6, 13]),
    Lengths::new(&[4, 4, 4, 3]),
];
const ID: [Lengths; 9] = [
    Lengths::new(&[6, 8, 4]),
    Lengths::new(&[6, 4, 4, 4]),
    Lengths::new(&[3, 3, 4, 4, 4]),
    Lengths::new(&[6, 8, 3]),
    Lengths::new(&[6, 4, 4, 3]),
    Lengths::new(&[6, 12]),
    Lengths::new(&[6, 11]),
    Lengths::new(&[14, 4]),
    Lengths::new(&[14, 3]),
];
const MOBILE: [Lengths; 3] = [Lengths::new(&[3, 4, 4]), Lengths::new(&[3, 8]), Lengths::new(&[7, 4])];

/// The lengths of a few groups, four bits each, so that a grouping is told by one comparison.
#[derive(Clone, Copy)]
struct Lengths {
    bits: u32,
    count: usize,
}

impl Lengths {
    /// Groups of the longest grouping, and a length that none of them has.
    const MOST: usize = 5;
    const LONG: usize = 15;

    const fn new(lengths: &[usize]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < lengths.len() {
            bits |= (lengths[at] as u32) << (4 * at);
            at += 1;
        }
        Self { bits, count: lengths.len() }
    }

    /// Those of the first groups.
    fn of(groups: &[Group]) -> Self {
        let length = |group: &Group| group.len().min(Self::LONG) as u32;
        let first = groups.iter().take(Self::MOST).enumerate();
        let bits = first.fold(0, |bits, (at, group)| bits | length(group) << (4 * at));
        Self { bits, count: groups.len() }
    }

    /// Whether groups of these lengths begin with those of `grouping`.
    fn begin_with(self, grouping: Self) -> bool {
        self.count >= grouping.count && (self.bits ^ grouping.bits) & ((1 << (4 * grouping.count)) - 1) == 0
    }
}

/// The digits of a few groups, without what stands between.
pub(super) struct Digits {
    bytes: [u8; MAX_DIGITS],
    len: usize,
}

impl Digits {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Scan<'_, '_> {
    /// Numbers written in groups.
    pub(super) fn grouped(&mut self, groups: &[Group]) {
        if self.is_spaced_iban(groups) {
            return;
        }
        let mut at = 0;
        // Up to where groups belong to a list of numbers of four digits.
        let mut listed = 0;
        while let Some(rest) = groups.get(at..) {
            if rest.is_empty() {
                break;
            }
            if at >= listed {
                listed = at + self.list(rest);
            }
            at += self.group_at(rest, at < listed, at > 0).max(1);
        }
        self.digit_by_digit(groups);
        self.scientific(groups);
    }

    /// How many of the first groups are a list: more numbers of four digits than a card has, with one and the same sign between
    /// them (`4100 5200 6300 7400 8500`), and not card numbers side by side nor one with its date of expiry.
    fn list(&self, groups: &[Group]) -> usize {
        const CARD: usize = 4;
        let between = |pair: &[Group]| match pair {
            [one, two] => self.bytes.get(one.end..two.start),
            _ => None,
        };
        let four = groups.iter().take_while(|group| group.len() == 4).count();
        let first = groups.windows(2).next().and_then(between);
        let same = groups.windows(2).take_while(|pair| between(pair) == first).count() + 1;
        // What goes on as a decimal or a date does is none of them.
        let other = |last: &Group| {
            matches!(self.byte_at(last.end), b'.' | b'-' | b'/') && self.byte_at(last.end + 1).is_ascii_digit()
        };
        let mut count = four.min(same);
        count -= usize::from(groups.get(..count).and_then(<[Group]>::last).is_some_and(other));
        let Some(run) = groups.get(..count).filter(|_| count > CARD) else { return 0 };
        let (cards, rest) = run.as_chunks::<CARD>();
        let sound = |card: &[Group; CARD]| {
            self.digits(card).is_some_and(|digits| {
                pan::luhn(digits.as_slice()) && pan::fit(digits.as_slice(), pan::Brands::ALL) == Fit::Strong
            })
        };
        let whole = match rest {
            [] => true,
            // The date of expiry, or the next card number, which is written in other groups.
            [date] => {
                (cards.len() == 1 && self.bytes.get(date.start..date.end).is_some_and(is_expiry))
                    || matches!(groups.get(count..), Some([six, five, ..]) if (six.len(), five.len()) == (6, 5))
            }
            _ => false,
        };
        if whole && cards.iter().all(sound) { 0 } else { count }
    }

    /// `CH74 6185 5497 1770 0140 2`
    fn is_spaced_iban(&self, groups: &[Group]) -> bool {
        let [first, account @ .., _] = groups else { return false };
        let country = first.start.checked_sub(2).and_then(|at| self.bytes.get(at..first.start)).unwrap_or_default();
        first.len() == 2
            && country.len() == 2
            && country.iter().all(u8::is_ascii_uppercase)
            && !self.byte_before(first.start - 2).is_ascii_alphanumeric()
            && account.len() >= 2
            && account.iter().all(|group| group.len() == 4)
    }

    /// Tries the groupings at the first of `groups`; how many groups were taken.
    fn group_at(&mut self, groups: &[Group], list: bool, inner: bool) -> usize {
        let lengths = Lengths::of(groups);
        for grouping in CARD.iter().filter(|grouping| lengths.begin_with(**grouping)) {
            let Some(digits) = self.matching(groups, grouping.count) else { continue };
            let (start, end) = ends(groups, grouping.count);
            let sound = pan::luhn(digits.as_slice()) && pan::fit(digits.as_slice(), pan::Brands::ALL) == Fit::Strong;
            let vouched = !sound && !inner && grouping.count == groups.len();
            if sound && self.parted_track(start, end, digits.as_slice()) {
                return grouping.count;
            }
            let doubtful = || list || self.is_doubtful(groups, grouping.count);
            if (sound && (!doubtful() || self.is_named_card(start)) || vouched)
                && self.card(start, end, digits.as_slice(), true, false)
            {
                return grouping.count;
            }
        }
        for grouping in ID.iter().filter(|grouping| lengths.begin_with(**grouping)) {
            let Some(mut digits) = self.matching(groups, grouping.count) else { continue };
            let (start, mut end) = ends(groups, grouping.count);
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
                return grouping.count;
            }
        }
        // The last part of an address, `115.35.181.130 4598 0422`, begins no number in other groups.
        let tail = matches!(groups, [first, ..] if self.ends_address(first.start) && self.byte_at(first.end) != b'.');
        for grouping in MOBILE.iter().filter(|_| !tail).filter(|grouping| lengths.begin_with(**grouping)) {
            let Some(digits) = self.matching(groups, grouping.count) else { continue };
            let (start, end) = ends(groups, grouping.count);
            let rules = self.with(Validator::Phone);
            if phone::mainland(digits.as_slice()) == Some(0) && !self.are_in_hex(groups, grouping.count) {
                let before = self.before(start, false, rules);
                let vouched = (before.lift | before.near) & rules;
                let against = if before.beside { before.against } else { 0 };
                if let Some(rule) = self.first(if vouched != 0 { vouched } else { rules & !against }) {
                    self.hit(start, end, rule);
                    return grouping.count;
                }
            }
        }
        0
    }

    /// Whether groups that make a sound number are more likely a part of something else: of decimals, or of a dump.
    fn is_doubtful(&self, groups: &[Group], count: usize) -> bool {
        let Some(taken @ [first, ..]) = groups.get(..count) else { return false };
        let (start, end) = ends(taken, count);
        self.mixes_points(taken) || (self.byte_at(first.end) == b' ' && self.is_beside_hex(start, end))
    }

    /// Whether three parts of an address with points between them stand before a group.
    fn ends_address(&self, start: usize) -> bool {
        const LONGEST: usize = 12;
        let before = self.bytes.get(start.saturating_sub(LONGEST)..start).unwrap_or_default();
        let points = before
            .iter()
            .rev()
            .take_while(|sign| sign.is_ascii_digit() || **sign == b'.')
            .filter(|sign| **sign == b'.');
        before.ends_with(b".") && points.count() == 3
    }

    /// Whether a point stands between some of the groups and another sign between others: `4532.0151 1283.0366` are two numbers.
    fn mixes_points(&self, groups: &[Group]) -> bool {
        let point = |pair: &[Group]| match pair {
            [one, two] => self.bytes.get(one.end..two.start) == Some(b"."),
            _ => false,
        };
        let points = groups.windows(2).filter(|pair| point(pair)).count();
        points > 0 && points + 1 < groups.len()
    }

    /// Whether a word that speaks for a card number stands right before it.
    pub(super) fn is_named_card(&mut self, start: usize) -> bool {
        let rules = self.with(Validator::Pan);
        let before = self.before(start, false, rules);
        before.adjacent && (before.near | before.lift) & rules != 0
    }

    /// The digits of the first groups, unless they are what masking left of a number, or parts of a UUID.
    fn matching(&self, groups: &[Group], count: usize) -> Option<Digits> {
        let taken = groups.get(..count)?;
        let (start, end) = ends(groups, count);
        let digits = self.digits(taken)?;
        let rest = self.is_rest(start, end, digits.as_slice()) || self.is_split_rest(*taken.first()?);
        (!rest && !self.is_in_uuid(start, end)).then_some(digits)
    }

    /// Whether a group ends the last four signs that masking leaves, with a separator among them: `***6-151`.
    fn is_split_rest(&self, group: Group) -> bool {
        const SHOWN: usize = 4;
        let before = self.bytes.get(..group.start).unwrap_or_default();
        let mut digits = 0;
        for byte in before.iter().rev().take(SHOWN * 2) {
            match byte {
                b'0'..=b'9' => digits += 1,
                b'*' => return digits > 0 && digits + group.len() <= SHOWN,
                byte if is_separator(*byte) => {}
                _ => return false,
            }
        }
        false
    }

    pub(super) fn digits(&self, groups: &[Group]) -> Option<Digits> {
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
        if sound
            && (size == 1
                || ((self.key.lift != 0 || !self.is_in_pairs(start, end))
                    && self.before(start, false, self.rules.with(Validator::Pan)).near != 0))
        {
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
}

/// Whether four digits are a month and a year of this half century, either of them first, as a card's expiry is written.
fn is_expiry(digits: &[u8]) -> bool {
    let month = |digits: &[u8]| matches!(digits, [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2']);
    let year = |digits: &[u8]| matches!(digits, [b'2'..=b'4', _]);
    digits.split_at_checked(2).is_some_and(|(one, two)| (month(one) && year(two)) || (year(one) && month(two)))
}
