//! Chinese identity numbers: GB 11643-1999 (18 signs: region, date of birth, sequence, check digit by ISO 7064 MOD 11-2)
//! and the old form of 15 digits.

/// Whether 18 signs (digits, the last may be `X` or `x`) are an identity number: region, date and check digit are right.
pub(in crate::mask) fn is_valid(signs: &[u8]) -> bool {
    has_shape(signs) && check_digit(signs) == signs.last().map(u8::to_ascii_uppercase)
}

/// Whether 18 signs have a region and a date of birth where an identity number has them, whatever the check digit.
pub(in crate::mask) fn has_shape(signs: &[u8]) -> bool {
    let [region @ .., _, _, _, _, _, _, _, _, _, _, _, _] = signs else { return false };
    signs.len() == 18
        && is_region(region)
        && is_date(number(signs, 6, 10), number(signs, 10, 12), number(signs, 12, 14))
}

/// Whether 15 digits are an old identity number; too many other numbers are, so only a key makes it one.
pub(in crate::mask) fn is_old_form(digits: &[u8]) -> bool {
    digits.len() == 15
        && is_region(digits)
        && is_date(1900 + number(digits, 6, 8), number(digits, 8, 10), number(digits, 10, 12))
}

/// Province codes of GB/T 2260, the first two digits.
fn is_region(digits: &[u8]) -> bool {
    matches!(number(digits, 0, 2), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91)
}

fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return false,
    };
    (1880..=2099).contains(&year) && (1..=days).contains(&day)
}

/// The number that the digits `from..to` write; 0 where there are none.
fn number(digits: &[u8], from: usize, to: usize) -> u32 {
    digits
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .fold(0, |number, digit| number * 10 + u32::from(digit.wrapping_sub(b'0') % 10))
}

fn check_digit(signs: &[u8]) -> Option<u8> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = signs.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight).sum();
    b"10X98765432".get(sum as usize % 11).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_date_and_check_digit_decide() {
        for (signs, valid) in [
            ("11010519491231002X", true),
            ("11010519491231002x", true),
            ("440524188001010014", true),
            ("110105194912310021", false),
            ("990105194912310021", false),
            ("11010519491331002X", false),
            ("1101051949123100", false),
            ("", false),
        ] {
            assert_eq!(is_valid(signs.as_bytes()), valid, "{signs}");
        }
        assert!(is_old_form(b"110105491231002"));
        assert!(!is_old_form(b"990105491231002"));
    }
}
