//! National numbers with a check digit or letter, as tokens of letters and digits without anything in between.

/// Spanish DNI (8 digits) and NIE (X, Y or Z and 7 digits): the letter is the number modulo 23.
pub(in crate::mask) fn dni(token: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let [first, rest @ .., letter] = token else { return false };
    let head = match first.to_ascii_uppercase() {
        digit @ b'0'..=b'9' => u32::from(digit - b'0'),
        letter @ b'X'..=b'Z' => u32::from(letter - b'X'),
        _ => return false,
    };
    let Some(number) = number(rest).filter(|_| rest.len() == 7) else { return false };
    let number = u64::from(head) * 10_000_000 + number;
    LETTERS.get((number % 23) as usize) == Some(&letter.to_ascii_uppercase())
}

/// French NIR: 13 signs (`A` and `B` of Corsica's departments count as 0, less a million or two), then 97 less the number
/// modulo 97.
pub(in crate::mask) fn nir(token: &[u8]) -> bool {
    if token.len() != 15 || !matches!(token.first(), Some(b'1' | b'2' | b'3' | b'4' | b'7' | b'8')) {
        return false;
    }
    let (body, check) = token.split_at(13);
    let corsica = match body.get(6).map(u8::to_ascii_uppercase) {
        Some(b'A') => 1_000_000,
        Some(b'B') => 2_000_000,
        _ => 0,
    };
    let mut digits: [u8; 13] = [0; 13];
    digits.copy_from_slice(body);
    if corsica > 0 {
        digits[6] = b'0';
    }
    match (number(&digits), number(check)) {
        (Some(body), Some(check)) => body >= corsica && 97 - (body - corsica) % 97 == check,
        _ => false,
    }
}

/// Italian codice fiscale: 16 signs, the last one from the values of odd and even places.
pub(in crate::mask) fn codice_fiscale(token: &[u8]) -> bool {
    const ODD: [u8; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    const SHAPE: &[u8; 16] = b"AAAAAA00A00A000A";
    let signs: Vec<u8> = token.iter().map(u8::to_ascii_uppercase).collect();
    // Where two persons would have the same number, letters stand for digits.
    let fits = |(sign, shape): (&u8, &u8)| match shape {
        b'A' => sign.is_ascii_uppercase(),
        _ => sign.is_ascii_digit() || matches!(sign, b'L' | b'M' | b'N' | b'P'..=b'V'),
    };
    if signs.len() != SHAPE.len() || !signs.iter().zip(SHAPE).all(fits) {
        return false;
    }
    let value = |sign: u8| if sign.is_ascii_digit() { sign - b'0' } else { sign - b'A' };
    let sum: u32 = signs
        .iter()
        .take(15)
        .enumerate()
        .map(|(place, sign)| {
            let value = value(*sign);
            let odd = place % 2 == 0;
            u32::from(if odd { ODD.get(usize::from(value)).copied().unwrap_or(0) } else { value })
        })
        .sum();
    signs.last().is_some_and(|last| u32::from(last - b'A') == sum % 26)
}

/// German tax id: 11 digits, no leading 0, ISO 7064 MOD 11-10.
pub(in crate::mask) fn tax_id(token: &[u8]) -> bool {
    if token.len() != 11 || token.first() == Some(&b'0') || !token.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let product = token.iter().take(10).fold(10u32, |product, digit| {
        let sum = (u32::from(digit - b'0') + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    let check = (11 - product) % 10;
    token.last().is_some_and(|last| u32::from(last - b'0') == check)
}

/// US routing number (ABA): 9 digits, weights 3 7 1, and a first pair that a bank can have.
pub(in crate::mask) fn aba(token: &[u8]) -> bool {
    if token.len() != 9 || !token.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let digit = |place: usize| token.get(place).map_or(0, |digit| u32::from(digit - b'0'));
    let sum: u32 = (0..9).map(|place| digit(place) * [3, 7, 1][place % 3]).sum();
    sum > 0 && sum.is_multiple_of(10) && matches!(digit(0) * 10 + digit(1), 0..=12 | 21..=32 | 61..=72 | 80)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&[u8]) -> bool;

    #[test]
    fn check_digits_and_letters_decide() {
        for (check, sound, wrong) in [
            (dni as Check, "12345678Z", "12345678A"),
            (dni, "X1234567L", "X1234567M"),
            (nir, "185057800608491", "185057800608492"),
            (nir, "180062A00800128", "180062A00800129"),
            (codice_fiscale, "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
            (tax_id, "86095742719", "86095742718"),
            (aba, "021000021", "021000022"),
        ] {
            assert!(check(sound.as_bytes()), "{sound}");
            assert!(!check(wrong.as_bytes()), "{wrong}");
            for cut in 0..sound.len() {
                assert!(!check(&sound.as_bytes()[..cut]), "{}", &sound[..cut]);
            }
        }
        assert!(!aba(b"000000000") && !nir(b"000000000000097") && !dni("é2345678Z".as_bytes()));
    }
}
