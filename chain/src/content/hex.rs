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
    // The library also takes upper case, and digits behind `0x`.
    let lower = digits.bytes().fold(true, |lower, byte| lower & !byte.is_ascii_uppercase() & (byte != b'x'));
    if lower { const_hex::decode(digits).ok() } else { None }
}
