//! Telephone numbers: those with a `+` of their own, and the national ones that only the word before them gives away, as it does a card
//! number in an odd grouping.

use super::number::{Group, MAX_DIGITS, MAX_SEPARATOR, ends, is_separator};
use super::wrapped::{area_code, unwrapped};
use super::{Scan, lists, pan, phone};
use crate::mask::rules::Validator;

impl Scan<'_, '_> {
    fn speaks_for_phone(&mut self, start: usize, end: usize) -> bool {
        let rules = self.with(Validator::Phone);
        let before = self.before(start, self.is_bare(start, end), rules);
        (before.lift | before.near) & rules != 0
    }

    /// E.164: a `+` before one of the groups. The findings of their cluster begin at `known`.
    pub(super) fn international(&mut self, groups: &[Group], known: usize) {
        /// A shorter number with a `+` may be a difference of two: only a word makes it a phone's.
        const SHORTEST: usize = 10;
        let Some(rule) = self.first(self.with(Validator::Phone)) else { return };
        for (at, group) in groups.iter().enumerate() {
            let plus =
                self.byte_before(group.start) == b'+' && !self.byte_before(group.start - 1).is_ascii_alphanumeric();
            // How Go prints the monotonic part of a time: `m=+312.783328870`.
            let clock = self.bytes.get(..group.start).is_some_and(|before| before.ends_with(b" m=+"));
            if !plus
                || clock
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
            for (place, group) in rest.iter().enumerate() {
                // The next number has a sign of its own.
                if place > 0 && self.byte_before(group.start) == b'+' {
                    break;
                }
                total += group.len();
                if lengths.contains(&total) {
                    best = Some((group.end, total));
                }
            }
            let Some((end, total)) = best else { continue };
            if self.is_masked_beside(group.start - 1, end)
                || (total < SHORTEST && !self.speaks_for_phone(group.start, end))
            {
                continue;
            }
            let code = if head.starts_with(b"86") { 2 } else { 0 };
            let start = if code == head.len() {
                rest.get(1).map_or(group.start, |next| next.start)
            } else {
                group.start + code
            };
            self.hit(start, end, rule);
        }
    }

    /// Whether groups of digits begin like a date, or are one, or seconds of our time: `phone verified on 2026-11-26`.
    fn is_time(&self, groups: &[Group]) -> bool {
        let signs = |group: &Group| self.bytes.get(group.start..group.end).unwrap_or_default();
        let year = |group: &Group| matches!(signs(group), [b'1', b'9', ..] | [b'2', b'0', ..]);
        match groups {
            [first] => {
                (matches!(first.len(), 8 | 12 | 14) && year(first))
                    || (matches!(first.len(), 10 | 13) && signs(first).first() == Some(&b'1'))
            }
            [first, second, ..] if first.len() == 4 && second.len() <= 2 => year(first),
            [_, second, third, ..] => second.len() <= 2 && third.len() == 4 && year(third),
            _ => false,
        }
    }

    /// The same for each of the numbers on both sides of a slash: `tel. 010-42914874 / 0571-71979781`.
    pub(super) fn vouched_parts(&mut self, groups: &[Group], total: usize) {
        const SHORTEST: usize = 7;
        let parted = |pair: &[Group]| match pair {
            [one, two] => self.bytes.get(one.end..two.start).is_some_and(|between| between.trim_ascii() == b"/"),
            _ => false,
        };
        let digits = |groups: &[Group]| groups.iter().map(|group| group.len()).sum::<usize>();
        let parts = groups.windows(2).position(parted).and_then(|at| groups.split_at_checked(at + 1));
        let card = || self.digits(groups).is_some_and(|digits| pan::luhn(digits.as_slice()));
        let parts = parts.filter(|(one, two)| digits(one) >= SHORTEST && digits(two) >= SHORTEST && !card());
        match parts {
            Some((one, two)) => {
                self.vouched(one, digits(one));
                self.vouched_parts(two, digits(two));
            }
            None if (SHORTEST..=MAX_DIGITS).contains(&total) => self.vouched(groups, total),
            None => {}
        }
    }

    /// Whether groups are what masking left before its asterisks: `0086 138 **** 1501`.
    fn is_head_of_rest(&self, groups: &[Group]) -> bool {
        const SHOWN: usize = 3;
        let [code, shown] = groups else { return false };
        let behind = self.bytes.get(shown.end..).unwrap_or_default();
        let blanks = behind.iter().take(MAX_SEPARATOR).take_while(|sign| is_separator(**sign)).count();
        let stars = behind.iter().skip(blanks).take(pan::MAX).take_while(|sign| **sign == b'*').count();
        self.bytes.get(code.start..code.end).is_some_and(|code| code.starts_with(b"00"))
            && (4..=5).contains(&code.len())
            && shown.len() <= SHOWN
            && stars >= 2
            && !behind.get(blanks + stars).is_some_and(u8::is_ascii_alphabetic)
    }

    /// National numbers of a phone, and numbers of a card in any grouping, where a key right before says so.
    pub(in crate::mask) fn vouched(&mut self, groups: &[Group], total: usize) {
        let (start, end) = ends(groups, groups.len());
        // `mobile data 236961889 bytes`; behind a number in groups, a letter may begin an address.
        let counts = groups.len() == 1 && self.unit(end).is_some_and(|unit| unit.len() > 1);
        if self.is_masked_beside(start, end) || counts || self.is_head_of_rest(groups) {
            return;
        }
        let (phones, cards) = (self.with(Validator::Phone), self.with(Validator::Pan));
        if self.key.lift & (phones | cards) == 0
            && !self.may_be_named(unwrapped(self.bytes, area_code(self.bytes, start)), self.rules.window)
        {
            if phone::is_shaped(groups) {
                self.called(groups);
            }
            return;
        }
        // `index 683de1ba05..cc68205971 100644`
        let is_in_dump = |this: &Self| groups.iter().all(|group| group.len() == 2) && this.is_in_pairs(start, end);
        if self.is_in_uuid(start, end)
            || groups.len() > 1 && (self.are_in_hex(groups, 1) || self.key.lift == 0 && is_in_dump(self))
        {
            return;
        }
        let mut before = self.before(start, self.is_bare(start, end), phones | cards);
        if before.lift & (phones | cards) == 0 {
            let Some(head) = self.head_of_list(start, &lists::OF_TELEPHONES) else { return self.called(groups) };
            before = self.before(head, false, phones);
            if before.lift & phones == 0 {
                return;
            }
        }
        if self.is_network_address(groups) {
            return;
        }
        // Three, three and four digits are a telephone's, whatever stands between it and its name.
        let shaped = || phone::is_shaped(groups);
        // `call me at 10:30`, `reach us on 2026-11-26`
        let said = |word: &[u8]| self.bytes.get(..start).is_some_and(|before| before.trim_ascii_end().ends_with(word));
        let timed = (said(b" at") || said(b" on")) && self.is_time(groups);
        let phone = if before.adjacent && !timed {
            phones & before.lift
        } else if shaped() || (before.glued && !self.is_time(groups)) {
            phones & before.lift & !before.against
        } else {
            0
        };
        if let Some(rule) = self.first(phone).filter(|_| phone::NATIONAL.contains(&total)) {
            return self.hit(start, end, rule);
        }
        if !before.adjacent {
            return;
        }
        if let Some(digits) = self.digits(groups).filter(|_| groups.len() > 1 && total >= 13) {
            self.card(start, end, digits.as_slice(), true, false);
        }
    }
}
