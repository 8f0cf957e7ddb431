//! Ids as content holds them: lower-case hex, of any length.

use std::borrow::Cow;

/// Appends the digits of `bytes`. Sixteen are written at once, also where there are fewer: that takes the library a few
/// instructions.
pub(super) fn push_hex(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(16) {
        let mut filled = [0; 16];
        filled[..chunk.len()].copy_from_slice(chunk);
        out.push_str(&const_hex::Buffer::<16>::new().format(&filled)[..2 * chunk.len()]);
    }
}

/// The bytes that pairs of lower-case hex digits say: in `room` where they fit.
pub(super) fn lower_hex<'r>(digits: &str, room: &'r mut [u8]) -> Option<Cow<'r, [u8]>> {
    // The library also takes upper case, and digits behind `0x`.
    let lower = digits.bytes().fold(true, |lower, byte| lower & !byte.is_ascii_uppercase() & (byte != b'x'));
    match room.get_mut(..digits.len() / 2) {
        _ if !lower => None,
        Some(bytes) => const_hex::decode_to_slice(digits, bytes).ok().map(|()| Cow::Borrowed(&*bytes)),
        None => const_hex::decode(digits).ok().map(Cow::Owned),
    }
}
