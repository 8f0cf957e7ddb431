//! Hexadecimal digits beside a number: they make it a part of an id, a hash or a dump.

use super::Scan;
use super::number::{Group, MAX_DIGITS};

impl Scan<'_, '_> {
    /// Whether a run of digits is a part of a hash: then it goes on no number that stands before it, nor begins one.
    #[inline]
    pub(super) fn is_in_hash(&mut self, group: Group) -> bool {
        !self.is_alone(group) && {
            let token = self.token_at(group.start);
            self.is_hash(token)
        }
    }

    /// Whether the first of the groups, or the last, stands in a longer token of hexadecimal digits: `f6a1607750-8811d`.
    pub(super) fn are_in_hex(&mut self, groups: &[Group], count: usize) -> bool {
        /// Signs of the shortest: one letter more makes no id of a number.
        const SHORTEST: usize = 8;
        let last = count.checked_sub(1).and_then(|last| groups.get(last));
        groups.first().into_iter().chain(last).any(|group| {
            !self.is_alone(*group) && {
                let token = self.token_at(group.start);
                token.end - token.start >= SHORTEST && self.is_hex(token)
            }
        })
    }

    /// Whether words of four hexadecimal digits, letters and digits mixed, stand on both sides of groups, or two of them on one:
    /// a row of a dump. One alone may be anything.
    pub(super) fn is_beside_hex(&self, start: usize, end: usize) -> bool {
        const WORD: usize = 4;
        let mixed = |signs: &[u8]| {
            signs.iter().all(u8::is_ascii_hexdigit)
                && signs.iter().any(u8::is_ascii_digit)
                && signs.iter().any(u8::is_ascii_alphabetic)
        };
        let before = || {
            let words = self.bytes.get(..start)?.strip_suffix(b" ")?.rsplit(|sign| *sign == b' ');
            Some(words.take(2).take_while(|word| word.len() == WORD && mixed(word)).count())
        };
        let behind = || {
            let words = self.bytes.get(end..)?.strip_prefix(b" ")?.split(|sign| matches!(sign, b' ' | b'\n'));
            Some(words.take(2).take_while(|word| word.len() == WORD && mixed(word)).count())
        };
        before().unwrap_or(0) + behind().unwrap_or(0) >= 2
    }

    /// Whether pairs of digits from `start` to `end` go on in pairs with letters, as bytes in hexadecimal do: `cc 65 30 … 84 fc 58`.
    /// Two letters alone are a word (`de`, `be`).
    pub(super) fn is_in_pairs(&self, start: usize, end: usize) -> bool {
        let separator = self.byte_at(start + 2);
        let letters = |pair: &[u8]| pair.iter().filter(|sign| sign.is_ascii_alphabetic()).count();
        let pair = |signs: Option<&[u8]>| {
            let [one, two] = signs? else { return None };
            (one.is_ascii_hexdigit() && two.is_ascii_hexdigit()).then_some([*one, *two])
        };
        let tell = |near: Option<[u8; 2]>, far: Option<[u8; 2]>| match (near, far) {
            (Some(near), far) if letters(&near) > 0 => letters(&near) == 1 || far.is_some(),
            (Some(_), Some(far)) => letters(&far) > 0,
            _ => false,
        };
        let joined = |at: usize| self.byte_at(at) == separator && !separator.is_ascii_alphanumeric();
        let behind = |at: usize| pair(self.bytes.get(at + 1..at + 3)).filter(|_| joined(at));
        let before = |at: usize| pair(self.bytes.get(at.checked_sub(3)?..at - 1)).filter(|_| joined(at - 1));
        let two_before = start.checked_sub(3).and_then(before);
        tell(behind(end), behind(end + 3)) || tell(before(start), two_before)
    }

    /// Whether a number stands in a UUID (RFC 9562, section 4) with a letter in it.
    pub(super) fn is_in_uuid(&self, start: usize, end: usize) -> bool {
        let joins = |sign: u8| sign == b'-' || sign.is_ascii_alphanumeric();
        (joins(self.byte_before(start)) || joins(self.byte_at(end))) && is_in_uuid(self.bytes, start, end)
    }

    /// Whether a hyphen joins a number to hexadecimal digits before it, as in an entity tag.
    pub(super) fn follows_hash(&self, start: usize) -> bool {
        const SHORTEST: usize = 12;
        let Some(before) = self.bytes.get(..start).and_then(|before| before.strip_suffix(b"-")) else { return false };
        let signs = before.iter().rev().take_while(|sign| sign.is_ascii_alphanumeric()).take(MAX_DIGITS);
        let (mut digits, mut letters) = (0, 0);
        for sign in signs {
            match sign {
                b'0'..=b'9' => digits += 1,
                sign if sign.is_ascii_hexdigit() => letters += 1,
                _ => return false,
            }
        }
        digits > 0 && letters > 0 && digits + letters >= SHORTEST
    }
}

/// Whether `from..to` stands in a UUID (RFC 9562, section 4) with a letter in it.
fn is_in_uuid(bytes: &[u8], from: usize, to: usize) -> bool {
    const LENGTH: usize = 36;
    let hyphen = |place: usize| matches!(place, 8 | 13 | 18 | 23);
    let fits = |(place, sign): (usize, &u8)| if hyphen(place) { *sign == b'-' } else { sign.is_ascii_hexdigit() };
    let free = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_none_or(|sign| !sign.is_ascii_alphanumeric());
    (to.saturating_sub(LENGTH)..=from).any(|start| {
        let uuid = bytes.get(start..start + LENGTH).unwrap_or_default();
        uuid.len() == LENGTH
            && uuid.iter().enumerate().all(fits)
            && uuid.iter().any(u8::is_ascii_alphabetic)
            && free(start.checked_sub(1))
            && free(Some(start + LENGTH))
    })
}
