//! Numbers that prove themselves: issuers and check digits, written from the standards a second time (ISO/IEC 7812-1, GB 11643,
//! ISO 7064), so that an error in what masks is not an error here.

/// Digits of a card number without a key word: shorter ones are too many among innocent numbers.
pub(super) const CARD: std::ops::RangeInclusive<usize> = 13..=19;

/// First and last issuer number of a range, of as many digits each, and the lengths of its cards.
const ISSUERS: [(u32, u32, &[usize]); 22] = [
    (4, 4, &[13, 16, 18, 19]),       // Visa
    (51, 55, &[16]),                 // Mastercard
    (2221, 2720, &[16]),             // Mastercard, 2-series
    (34, 34, &[15]),                 // American Express
    (37, 37, &[15]),                 // American Express
    (6011, 6011, &[16, 17, 18, 19]), // Discover
    (644, 649, &[16, 17, 18, 19]),   // Discover
    (65, 65, &[16, 17, 18, 19]),     // Discover, RuPay
    (300, 305, &[14, 16, 19]),       // Diners Club
    (3095, 3095, &[14, 16, 19]),     // Diners Club
    (36, 36, &[14, 16, 19]),         // Diners Club
    (38, 39, &[14, 16, 19]),         // Diners Club
    (3528, 3589, &[16, 17, 18, 19]), // JCB
    (1800, 1800, &[15]),             // JCB
    (2131, 2131, &[15]),             // JCB
    (62, 62, &[16, 17, 18, 19]),     // UnionPay
    (81, 82, &[16, 17, 18, 19]),     // UnionPay, RuPay
    (2200, 2204, &[16, 17, 18, 19]), // Mir
    (508, 508, &[16]),               // RuPay
    (60, 60, &[16]),                 // RuPay
    (5061, 5061, &[16, 18, 19]),     // Verve
    (9792, 9792, &[16]),             // Troy
];

/// Whether ASCII digits are a card number: a known issuer, a length of its cards, and the check digit.
pub(super) fn is_card(digits: &str) -> bool {
    let issued = |(first, last, lengths): &(u32, u32, &[usize])| {
        let head = digits.get(..first.to_string().len()).and_then(|head| head.parse::<u32>().ok());
        head.is_some_and(|head| (*first..=*last).contains(&head)) && lengths.contains(&digits.len())
    };
    ISSUERS.iter().any(issued) && luhn(digits)
}

/// ISO/IEC 7812-1, annex B: twice each second digit from the right, the sum of all digits divides by ten.
fn luhn(digits: &str) -> bool {
    let digit = |(place, sign): (usize, u8)| {
        let value = u32::from(sign - b'0') << (place % 2);
        value / 10 + value % 10
    };
    digits.bytes().rev().enumerate().map(digit).sum::<u32>().is_multiple_of(10) && digits.bytes().any(|b| b != b'0')
}

/// Whether 17 digits and a digit or `X` are a Chinese citizen's number (GB 11643): a province, a date, the check sign.
pub(super) fn is_citizen(number: &str) -> bool {
    const PROVINCES: [u8; 35] = [
        11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62,
        63, 64, 65, 71, 81, 82, 83,
    ];
    let part = |range: std::ops::Range<usize>| number.get(range).and_then(|part| part.parse::<u16>().ok());
    let date = || {
        let (year, month, day) = (part(6..10)?, part(10..12)?, part(12..14)?);
        let date = jiff::civil::Date::new(i16::try_from(year).ok()?, month as i8, day as i8).ok()?;
        (1850..2100).contains(&year).then_some(date)
    };
    let province = part(0..2).is_some_and(|province| PROVINCES.iter().any(|known| u16::from(*known) == province));
    number.len() == 18 && province && date().is_some() && check_sign(number)
}

/// ISO 7064, MOD 11-2, run as the standard's recursive procedure: the pure system leaves 1.
fn check_sign(number: &str) -> bool {
    let value = |sign: u8| match sign {
        b'0'..=b'9' => Some(u32::from(sign - b'0')),
        b'X' | b'x' => Some(10),
        _ => None,
    };
    let Some((body, last)) = number.split_at_checked(17) else { return false };
    let body = body.bytes().try_fold(0, |sum, sign| Some((sum + value(sign).filter(|value| *value < 10)?) * 2 % 11));
    let last = last.bytes().next().and_then(value);
    matches!((body, last), (Some(body), Some(last)) if (body + last) % 11 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_test_numbers_are_cards_and_their_neighbours_are_not() {
        for card in [
            "4242424242424242",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "6011111111111117",
            "30569309025904",
            "3530111333300000",
            "6200000000000005",
            "6205500000000000004",
        ] {
            assert!(is_card(card), "{card}");
        }
        for other in
            ["4242424242424241", "1718000000000000", "0000000000000000", "9999999999999999", "42424242424242", ""]
        {
            assert!(!is_card(other), "{other}");
        }
    }

    #[test]
    fn a_citizens_number_has_a_province_a_date_and_a_check_sign() {
        for id in ["11010519491231002X", "440524188001010014", "11010519491231002x"] {
            assert!(is_citizen(id), "{id}");
        }
        for other in [
            "110105194912310021",
            "11010519491331002X",
            "99010519491231002X",
            "11010519491231002",
            "1101051949123100２",
        ] {
            assert!(!is_citizen(other), "{other}");
        }
    }
}
