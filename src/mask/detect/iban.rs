//! International bank account numbers: ISO 13616 (a country's length), ISO 7064 MOD 97-10 (check digits).

/// Length by country, in the order of the codes; the registry of November 2026.
const LENGTHS: [(&[u8; 2], usize); 82] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
];
const LONGEST: usize = 34;

/// Where the account number ends that begins at `start`: compact, or in groups with one space, dash or dot between them.
/// The byte before is for the caller to judge.
pub(in crate::mask) fn end_of(bytes: &[u8], start: usize) -> Option<usize> {
    let length = length(bytes.get(start..)?)?;
    let mut signs = [0; LONGEST];
    let mut at = start;
    for place in 0..length {
        let parted = place > 0 && matches!(bytes.get(at), Some(b' ' | b'-' | b'.'));
        at += usize::from(parted);
        let sign = bytes.get(at).filter(|sign| sign.is_ascii_alphanumeric())?;
        *signs.get_mut(place)? = sign.to_ascii_uppercase();
        at += 1;
    }
    let whole = !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    (whole && is_sound(signs.get(..length)?)).then_some(at)
}

/// The length of the number whose country and check digits `bytes` begin with.
fn length(bytes: &[u8]) -> Option<usize> {
    let [first, second, b'0'..=b'9', b'0'..=b'9', ..] = bytes else { return None };
    let country = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
    let place = LENGTHS.binary_search_by(|(known, _)| (*known).cmp(&country)).ok()?;
    LENGTHS.get(place).map(|(_, length)| *length)
}

/// ISO 7064 MOD 97-10 with country and check digits moved to the end, letters as 10 to 35.
fn is_sound(signs: &[u8]) -> bool {
    let (head, tail) = signs.split_at(signs.len().min(4));
    let remainder = tail.iter().chain(head).fold(0u32, |remainder, sign| {
        let value = char::from(*sign).to_digit(36).unwrap_or(0);
        (remainder * if value < 10 { 10 } else { 100 } + value) % 97
    });
    remainder == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_registrys_examples_are_found_as_they_are_written() {
        for (text, end) in [
            ("DE89370400440532013000", Some(22)),
            ("DE89 3704 0044 0532 0130 00, ok", Some(27)),
            ("GB29-NWBK-6016-1331-9268-19", Some(27)),
            ("gb29nwbk60161331926819.", Some(22)),
            ("FR1420041010050500013M02606", Some(27)),
            ("NO9386011117947", Some(15)),
            ("DE88370400440532013000", None),
            ("DE893704004405320130001", None),
            ("DE89  370400440532013000", None),
            ("XX89370400440532013000", None),
            ("DE8937", None),
        ] {
            assert_eq!(end_of(text.as_bytes(), 0), end, "{text}");
        }
        assert!(LENGTHS.is_sorted_by_key(|(country, _)| **country));
        assert!(LENGTHS.iter().all(|(_, length)| *length <= LONGEST));
    }

    proptest! {
        /// Check digits as ISO 13616 makes them: 98 less the remainder of the number with `00` in their place.
        #[test]
        fn a_number_is_sound_with_its_own_check_digits_alone(country in 0..LENGTHS.len(), signs in "[0-9A-Z]{30}", other in 1u32..97) {
            let (country, length) = LENGTHS[country];
            let country = std::str::from_utf8(country).unwrap();
            let account = &signs[..length - 4];
            let number: String = format!("{account}{country}00").chars().map(|sign| sign.to_digit(36).unwrap().to_string()).collect();
            let remainder = number.bytes().fold(0u32, |remainder, digit| (remainder * 10 + u32::from(digit - b'0')) % 97);
            let check = 98 - remainder;
            let sound = format!("{country}{check:02}{account}");
            prop_assert_eq!(end_of(sound.as_bytes(), 0), Some(length));
            let wrong = (check - 2 + other) % 97 + 2;
            prop_assert_eq!(end_of(format!("{country}{wrong:02}{account}").as_bytes(), 0), None);
        }
    }
}
