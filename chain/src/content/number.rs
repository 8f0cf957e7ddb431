//! Numbers as RFC 8785 (3.2.2.3) writes them: as ECMAScript's `Number::toString` does.

/// Appends a finite double; -0 is `0`.
pub(super) fn push_double(out: &mut String, number: f64) {
    out.push_str(ryu_js::Buffer::new().format_finite(number));
}

/// Appends an integer in decimal.
pub(super) fn push_integer(out: &mut String, number: impl itoa::Integer) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// The double that `text` writes, if it is written canonically.
pub(super) fn canonical_double(text: &str) -> Option<f64> {
    short_decimal(text).or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number.is_finite() && ryu_js::Buffer::new().format_finite(number) == text).then_some(number)
    })
}

/// The double of a `text` that is canonical by its looks: a decimal of at most 15 digits, the first of them not 0 (but for the
/// one before a point), nor the last behind a point.
///
/// No two decimals of up to 15 digits are the same double, so none is shorter; and from 0.1 up to 10^21 none is written with an
/// exponent. Their digits as a whole and the power of ten below them are doubles themselves, so that one division rounds as
/// it must. Nearly all amounts are like this, and others are not refused by it.
fn short_decimal(text: &str) -> Option<f64> {
    const POWERS: [f64; 15] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];
    let plain = text.strip_prefix('-').unwrap_or(text).as_bytes();
    if plain.len() > 15 || !matches!(plain, [b'0', b'.', b'1'..=b'9', ..] | [b'1'..=b'9', ..]) {
        return None;
    }
    let (mut digits, mut point) = (0_u64, None);
    for (at, byte) in plain.iter().enumerate() {
        match (byte, point) {
            (b'.', None) => point = Some(at),
            _ => digits = digits * 10 + u64::from(digit(*byte)?),
        }
    }
    let behind = point.map_or(0, |at| plain.len() - 1 - at);
    if point.is_some() && matches!(plain, [.., b'0' | b'.']) {
        return None;
    }
    let number = digits as f64 / POWERS.get(behind)?;
    Some(if plain.len() < text.len() { -number } else { number })
}

/// The unsigned integer that `text` writes, if it is written canonically: digits, no leading zero, within 64 bits.
pub(super) fn canonical_unsigned(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let (first, _) = bytes.split_first()?;
    if (*first == b'0' && bytes.len() > 1) || bytes.len() > 20 {
        return None;
    }
    // 19 digits can't overflow; a twentieth can.
    let (safe, last) = bytes.split_at(bytes.len().min(19));
    let (eights, rest) = safe.as_chunks();
    let mut number = 0_u64;
    for eight in eights {
        number = number * 100_000_000 + eight_digits(*eight)?;
    }
    for byte in rest {
        number = number * 10 + u64::from(digit(*byte)?);
    }
    match last {
        [byte] => number.checked_mul(10)?.checked_add(u64::from(digit(*byte)?)),
        _ => Some(number),
    }
}

/// The number that eight digits write. They are put together pair by pair: each step adds to the halves of all pairs at once what
/// stands left of them, ten, a hundred and ten thousand times.
fn eight_digits(digits: [u8; 8]) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(digits);
    let values = word ^ (ONES * 0x30);
    if (values.wrapping_add(ONES * 0x76) | values) & (ONES * 0x80) != 0 {
        return None;
    }
    let twos = values.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = twos.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000 << 32 | 1) >> 32)
}

/// As `canonical_unsigned` for a signed integer; `-0` is not one.
pub(super) fn canonical_signed(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(digits) => match canonical_unsigned(digits)? {
            0 => None,
            magnitude => 0_i64.checked_sub_unsigned(magnitude),
        },
        None => canonical_unsigned(text)?.try_into().ok(),
    }
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then_some(byte.wrapping_sub(b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Digits as many as there may be, and what is nearly a digit.
        #[test]
        fn an_integer_is_read_as_the_library_reads_it(text in "[0-9]{1,21}|[0-9]{0,10}[/:.\\-p\u{80}-\u{ff}][0-9]{0,10}", number: u64) {
            let canonical = |text: &str| text.parse::<u64>().ok().filter(|number| number.to_string() == text);
            prop_assert_eq!(canonical_unsigned(&text), canonical(&text), "{}", text);
            prop_assert_eq!(canonical_unsigned(&number.to_string()), Some(number));
        }

        /// What passes by its looks is what would be written.
        #[test]
        fn a_short_decimal_is_canonical(text in "-?[0-9]{1,16}(\\.[0-9]{0,9})?") {
            let number: f64 = text.parse().expect("a decimal");
            let canonical = ryu_js::Buffer::new().format_finite(number) == text;
            let bits = |number: Option<f64>| number.map(f64::to_bits);
            prop_assert!(short_decimal(&text).is_none_or(|short| canonical && short.to_bits() == number.to_bits()), "{}", text);
            prop_assert_eq!(bits(canonical_double(&text)), bits(canonical.then_some(number)));
        }
    }

    #[test]
    fn short_decimals_are_seen_and_others_are_left_to_the_long_way() {
        for text in ["33032.324", "-1", "0.1", "100000", "999999999999999", "0.1234567890123"] {
            assert!(short_decimal(text).is_some(), "{text}");
        }
        for text in ["0", "-0", "", "-", ".5", "5.", "1.0", "01", "00.1", "0.0000001", "1e5", "--1", "1.2.3", "٣"] {
            assert!(short_decimal(text).is_none(), "{text}");
        }
    }
}
