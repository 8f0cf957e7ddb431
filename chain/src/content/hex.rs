//! Ids as content holds them: lower-case hex, of any length.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends the digits of `bytes`.
pub(super) fn push_hex(out: &mut String, bytes: &[u8]) {
    let mut digits = [0; 64];
    for chunk in bytes.chunks(32) {
        for (pair, byte) in digits.chunks_exact_mut(2).zip(chunk) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        out.push_str(std::str::from_utf8(&digits[..2 * chunk.len()]).expect("hex digits are ASCII"));
    }
}

/// The bytes that pairs of lower-case hex digits say.
pub(super) fn lower_hex(digits: &str) -> Option<Vec<u8>> {
    const NONE: u8 = 0xff;
    const VALUES: [u8; 256] = {
        let mut values = [NONE; 256];
        let mut value = 0;
        while value < 16 {
            values[DIGITS[value as usize] as usize] = value;
            value += 1;
        }
        values
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let mut seen = 0;
    let value = |[high, low]: &[u8; 2]| {
        let (high, low) = (VALUES[*high as usize], VALUES[*low as usize]);
        seen |= high | low;
        high << 4 | low
    };
    let bytes = pairs.iter().map(value).collect();
    (rest.is_empty() && seen < 16).then_some(bytes)
}
