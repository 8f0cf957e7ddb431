//! Telephone numbers: mainland Chinese mobiles, and E.164 numbers that say so with a `+`.

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
