//! Numbers as RFC 8785 (3.2.2.3) writes them: as ECMAScript's `Number::toString` does.

/// Appends a finite double; -0 is `0`.
pub(super) fn push_double(out: &mut String, number: f64) {
    out.push_str(ryu_js::Buffer::new().format_finite(number));
}

/// Appends an unsigned integer in decimal.
pub(super) fn push_unsigned(out: &mut String, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.push_str(std::str::from_utf8(&digits[at..]).expect("decimal digits are ASCII"));
}

/// Appends a signed integer in decimal.
pub(super) fn push_signed(out: &mut String, number: i64) {
    if number < 0 {
        out.push('-');
    }
    push_unsigned(out, number.unsigned_abs());
}

/// The double that `text` writes, if it is written canonically.
pub(super) fn canonical_double(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    let canonical = is_short_decimal(text) || ryu_js::Buffer::new().format_finite(number) == text;
    (canonical && number.is_finite()).then_some(number)
}

/// Whether `text` is canonical by its looks: a decimal of at most 15 digits, the first of them not 0 (but for the one before
/// a point), nor the last behind a point.
///
/// No two decimals of up to 15 digits are the same double, so none is shorter; and from 0.1 up to 10^21 none is written with an
/// exponent. Nearly all amounts are like this, and others are not refused by it.
fn is_short_decimal(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = text.strip_prefix('-').unwrap_or(text);
    if plain.len() > 15 {
        return false;
    }
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, "1"));
    let begins = if whole == "0" { !fraction.starts_with('0') && plain.len() > 1 } else { !whole.starts_with('0') };
    begins && !whole.is_empty() && !fraction.is_empty() && !fraction.ends_with('0') && digits(whole) && digits(fraction)
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
    let mut number = 0_u64;
    for byte in safe {
        number = number * 10 + u64::from(digit(*byte)?);
    }
    match last {
        [byte] => number.checked_mul(10)?.checked_add(u64::from(digit(*byte)?)),
        _ => Some(number),
    }
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
        /// What passes by its looks is what would be written.
        #[test]
        fn a_short_decimal_is_canonical(text in "-?[0-9]{1,16}(\\.[0-9]{0,9})?") {
            let number: f64 = text.parse().expect("a decimal");
            let canonical = ryu_js::Buffer::new().format_finite(number) == text;
            prop_assert!(canonical || !is_short_decimal(&text), "{}", text);
            prop_assert_eq!(canonical_double(&text).is_some(), canonical);
        }
    }

    #[test]
    fn short_decimals_are_seen_and_others_are_left_to_the_long_way() {
        for text in ["33032.324", "-1", "0.1", "100000", "999999999999999", "0.1234567890123"] {
            assert!(is_short_decimal(text), "{text}");
        }
        for text in ["0", "-0", "", "-", ".5", "5.", "1.0", "01", "00.1", "0.0000001", "1e5", "--1", "1.2.3", "٣"] {
            assert!(!is_short_decimal(text), "{text}");
        }
    }
}
