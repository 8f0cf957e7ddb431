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
    (number.is_finite() && ryu_js::Buffer::new().format_finite(number) == text).then_some(number)
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
