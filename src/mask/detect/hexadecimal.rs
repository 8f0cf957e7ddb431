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

    /// Whether letters that are hexadecimal digits go before the first of the groups, or on behind the last: `f6a1607750-8811d`.
    pub(super) fn are_in_hex(&mut self, groups: &[Group], count: usize) -> bool {
        let last = count.checked_sub(1).and_then(|last| groups.get(last));
        groups.first().into_iter().chain(last).any(|group| {
            !self.is_alone(*group) && {
                let token = self.token_at(group.start);
                self.is_hex(token)
            }
        })
    }

    /// Whether four hexadecimal digits, a letter and a digit among them, stand right before groups or behind them.
    pub(super) fn is_beside_hex(&self, start: usize, end: usize) -> bool {
        let mixed = |signs: &[u8]| {
            signs.iter().all(u8::is_ascii_hexdigit)
                && signs.iter().any(u8::is_ascii_digit)
                && signs.iter().any(u8::is_ascii_alphabetic)
        };
        let before = self.bytes.get(..start).and_then(|before| before.strip_suffix(b" ")).unwrap_or_default();
        let behind = self.bytes.get(end..).and_then(|behind| behind.strip_prefix(b" ")).unwrap_or_default();
        let alone = |sign: Option<&u8>| sign.is_none_or(|sign| matches!(sign, b' ' | b'\n'));
        let before = match before.split_last_chunk::<4>() {
            Some((head, word)) => mixed(word) && alone(head.last()),
            None => false,
        };
        before || matches!(behind.split_first_chunk::<4>(), Some((word, rest)) if mixed(word) && alone(rest.first()))
    }

    /// Whether pairs of digits go on in pairs with a letter, as bytes in hexadecimal do: `cc 65 30 … 84 fc`.
    pub(super) fn is_in_pairs(&self, start: usize, end: usize) -> bool {
        let byte = |signs: &[u8]| {
            matches!(signs, [sep, one, two] if !sep.is_ascii_alphanumeric()
                && one.is_ascii_hexdigit() && two.is_ascii_hexdigit()
                && !(one.is_ascii_digit() && two.is_ascii_digit()))
        };
        let follows = self.bytes.get(end..end + 3).is_some_and(byte) && !self.byte_at(end + 3).is_ascii_alphanumeric();
        // `cc` alone before them speaks for a card.
        let before = self.bytes.get(start.saturating_sub(6)..start.saturating_sub(1)).unwrap_or_default();
        let goes_before = || matches!(before, [one, two, last @ ..] if one.is_ascii_hexdigit() && two.is_ascii_hexdigit() && byte(last));
        follows || goes_before()
    }

    /// Whether a number stands in a UUID (RFC 9562, section 4) with a letter in it.
    pub(super) fn is_in_uuid(&self, start: usize, end: usize) -> bool {
        let joins = |sign: u8| sign == b'-' || sign.is_ascii_alphanumeric();
        (joins(self.byte_before(start)) || joins(self.byte_at(end))) && is_in_uuid(self.bytes, start, end)
    }

    /// Whether a hyphen joins a number to hexadecimal digits before it, as in an entity tag.
    pub(super) fn follows_hash(&self, start: usize) -> bool {
        const SHORTEST: usize = 8;
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
