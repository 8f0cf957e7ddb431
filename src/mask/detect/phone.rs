//! Telephone numbers: mainland Chinese mobiles, and E.164 numbers that say so with a `+`.

use super::number::{Group, ends};
use super::wrapped::area_code;
use super::{Scan, joins};
use crate::mask::rules::Validator;

/// Fewest and most digits of a national number that a key vouches for; short service numbers (95588) stay.
pub(in crate::mask) const NATIONAL: std::ops::RangeInclusive<usize> = 7..=15;

/// How many leading digits of a mainland mobile number are its country code (`86`, `0086`, none); `None`: it isn't one.
pub(in crate::mask) fn mainland(digits: &[u8]) -> Option<usize> {
    let prefix = match digits.len() {
        11 => 0,
        13 if digits.starts_with(b"86") => 2,
        15 if digits.starts_with(b"0086") => 4,
        _ => return None,
    };
    match digits.get(prefix..)? {
        [b'1', b'3'..=b'9', ..] => Some(prefix),
        _ => None,
    }
}

/// Digits of a mainland mobile number.
pub(in crate::mask) const MOBILE: usize = 11;

/// Whether `cell` is a national number and nothing else: no date, and none that is found without a key.
pub(in crate::mask) fn is_national(cell: &[u8]) -> bool {
    const MOST: usize = *NATIONAL.end();
    let mut digits = [0; MOST];
    let mut count = 0;
    for sign in cell {
        match sign {
            b'0'..=b'9' => {
                let Some(place) = digits.get_mut(count) else { return false };
                *place = *sign;
                count += 1;
            }
            b' ' | b'-' | b'.' | b'/' | b'(' | b')' => {}
            _ => return false,
        }
    }
    let digits = digits.get(..count).unwrap_or_default();
    let date = count == 8 && matches!(digits, [b'1', b'9', ..] | [b'2', b'0', ..]);
    NATIONAL.contains(&count) && !date && mainland(digits).is_none()
}

/// No number has so many digits.
const NEVER: std::ops::RangeInclusive<usize> = usize::MAX..=usize::MAX;

/// How many digits an E.164 number of this country has (`digits`: what follows the `+`, at least two). ITU-T E.164: 15 at
/// most; numbering plans of fixed length are held to it, which keeps signed numbers (`+15000000`) out.
pub(in crate::mask) fn e164_lengths(digits: &[u8]) -> std::ops::RangeInclusive<usize> {
    match digits {
        [b'0', ..] => NEVER,
        [b'1', b'2'..=b'9', ..] | [b'7', ..] => 11..=11,
        [b'1', ..] => NEVER,
        [b'8', b'6', b'1', b'3'..=b'9', ..] => 13..=13,
        _ => 8..=15,
    }
}

/// Whether groups are of three, three and four digits, as in North America.
#[inline]
pub(super) fn is_shaped(groups: &[Group]) -> bool {
    matches!(groups, [area, office, line] if (area.len(), office.len(), line.len()) == (3, 3, 4))
}

impl Scan<'_, '_> {
    /// A telephone of that shape behind a word for calling, which says nothing of other numbers: `call 415-555-2671`.
    #[inline(never)]
    pub(super) fn called(&mut self, groups: &[Group]) {
        let (start, end) = ends(groups, groups.len());
        let parted = |line: &Group| matches!(self.byte_before(line.start), b'-' | b'.');
        if !is_shaped(groups) || !groups.last().is_some_and(parted) {
            return;
        }
        let before = self.bytes.get(..area_code(self.bytes, start)).unwrap_or_default();
        if let Some(rule) = self.first(self.with(Validator::Phone)).filter(|_| is_call(before)) {
            self.hit(start, end, rule);
        }
    }

    /// Whether groups are an address of IPv4.
    pub(super) fn is_network_address(&self, groups: &[Group]) -> bool {
        /// Digits of the shortest telephone that is written so.
        const SHORTEST: usize = 9;
        let is_part = |part: &Group| {
            let digits = self.bytes.get(part.start..part.end).unwrap_or_default();
            part.len() < 3 || (part.len() == 3 && *digits <= *b"255".as_slice())
        };
        let digits = groups.iter().map(|group| group.len()).sum::<usize>();
        let is_pointed = |part: &Group| {
            self.bytes.get(part.start - 2..part.start).is_some_and(|signs| matches!(signs, [b'0'..=b'9', b'.']))
        };
        matches!(groups, [_, rest @ ..] if rest.len() == 3 && rest.iter().all(is_pointed))
            && groups.iter().all(|part| part.len() <= 3)
            && (digits < SHORTEST || groups.iter().all(is_part))
    }
}

/// Whether `before` ends with a word that calls: `call`, `call me:`, `voicemail for`, `my number is`, `T:`.
fn is_call(before: &[u8]) -> bool {
    const CALLS: [&[u8]; 13] = [
        b"call",
        b"called",
        b"calling",
        b"dial",
        b"dialed",
        b"dialled",
        b"dialing",
        b"ring",
        b"rang",
        b"texted",
        b"voicemail",
        b"callback",
        b"caller",
    ];
    const TO: [&[u8]; 8] = [b"me", b"us", b"him", b"her", b"for", b"from", b"to", b"back"];
    /// Behind a letter alone stands a colon.
    const LETTERS: [&[u8]; 4] = [b"t", b"m", b"p", b"f"];
    let is_one_of = |word: &[u8], names: &[&[u8]]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
    let head = joins::blank(before);
    let colon = head.strip_suffix(b":");
    let (word, rest) = joins::last_word(joins::blank(colon.unwrap_or(head)));
    if is_one_of(word, &CALLS) || (colon.is_some() && is_one_of(word, &LETTERS)) {
        return true;
    }
    let (first, rest) = joins::last_word(joins::blank(rest));
    if is_one_of(word, &TO) {
        return is_one_of(first, &CALLS);
    }
    // Of whom it is said: an order's number has as many digits.
    let (whose, _) = joins::last_word(joins::blank(rest));
    word.eq_ignore_ascii_case(b"is")
        && first.eq_ignore_ascii_case(b"number")
        && is_one_of(whose, &[b"my", b"his", b"her", b"our", b"their", b"contact", b"new"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mainland_mobiles_with_and_without_country_code() {
        assert_eq!(mainland(b"13800138000"), Some(0));
        assert_eq!(mainland(b"8613800138000"), Some(2));
        assert_eq!(mainland(b"008613800138000"), Some(4));
        for other in ["12800138000", "1718000000000", "138001380001", ""] {
            assert_eq!(mainland(other.as_bytes()), None, "{other}");
        }
    }
}
