//! The first look at a text: most texts hold nothing that a rule could be after, and sixteen bytes at once say so.

use super::detect::token;
use super::signs::{is, is_digit};

/// What a text may hold, as far as one cheap look says.
#[derive(Debug)]
pub(super) enum Look {
    Nothing,
    /// At most an encoded token: there is room for one, and nothing else to find.
    Encoded,
    /// Three digits, or one of these signs.
    Something(Holds),
}

/// Signs that may stand in a text; what is false need not be searched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Holds {
    pub(super) address: bool,
    pub(super) escape: bool,
    /// Another script.
    pub(super) other: bool,
    /// A number of interest.
    pub(super) number: bool,
}

impl Holds {
    pub(super) const NUMBERS: Self = Self { address: false, escape: false, other: false, number: true };
    pub(super) const ANY: Self = Self { address: true, escape: true, other: true, number: true };
}

/// Looks until there is something: at a short text from end to end.
pub(super) fn look(bytes: &[u8]) -> Look {
    const ENOUGH: u32 = 3;
    /// Blocks between two looks at what was seen: counts of a byte each, and their sum, must not overflow.
    const AT_ONCE: usize = 8;
    let mut digits = 0;
    let mut signs = Signs::default();
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    let mut parts = blocks.chunks(AT_ONCE).peekable();
    while let Some(part) = parts.next() {
        let mut counts = [0; BLOCK];
        part.iter().for_each(|block| signs.add(block, &mut counts));
        digits += sum(counts);
        let is_last = parts.peek().is_none();
        if !is_last && (digits >= ENOUGH || signs.holds() != Holds::NUMBERS) {
            return Look::Something(Holds::ANY);
        }
    }
    let mut counts = [0; BLOCK];
    signs.add(&last_block(bytes, tail), &mut counts);
    digits += sum(counts);
    let holds = signs.holds();
    if digits >= ENOUGH || holds != Holds::NUMBERS {
        Look::Something(holds)
    } else if bytes.len() >= token::MIN {
        Look::Encoded
    } else {
        Look::Nothing
    }
}

/// Bytes that are compared at once, as vectors of most machines hold them.
const BLOCK: usize = 16;
type Bytes = [u8; BLOCK];

/// The signs of the blocks so far, each at the place of its byte.
#[derive(Default)]
struct Signs {
    address: Bytes,
    escape: Bytes,
    other: Bytes,
}

impl Signs {
    /// Adds a block, and to `counts` one for each digit.
    #[inline(always)]
    fn add(&mut self, block: &Bytes, counts: &mut Bytes) {
        let mut at = 0;
        while at < BLOCK {
            let byte = block[at];
            counts[at] += is_digit(byte) & 1;
            self.address[at] |= is(byte, b'@');
            self.escape[at] |= is(byte, b'%') | is(byte, b'\\') | is(byte, b'&');
            self.other[at] |= byte;
            at += 1;
        }
    }

    fn holds(&self) -> Holds {
        let has = |signs: Bytes| u128::from_le_bytes(signs) & HIGH != 0;
        Holds { address: has(self.address), escape: has(self.escape), other: has(self.other), ..Holds::NUMBERS }
    }
}

/// The high bit of each byte.
const HIGH: u128 = u128::from_le_bytes([0x80; BLOCK]);

/// `tail`, which `bytes` end with and which is no whole block, with zeros behind it. It is read at once with what stands before it
/// where there is so much: that costs less than to copy so few bytes.
fn last_block(bytes: &[u8], tail: &[u8]) -> Bytes {
    let size = 8 * tail.len() as u32;
    let signs = if let Some(last) = bytes.last_chunk() {
        u128::from_le_bytes(*last).checked_shr(8 * BLOCK as u32 - size).unwrap_or(0)
    } else if let (Some(first), Some(last)) = (tail.first_chunk(), tail.last_chunk()) {
        u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << (size - 64)
    } else {
        u128::from(tail.iter().rev().fold(0, |signs, byte| signs << 8 | u64::from(*byte)))
    };
    signs.to_le_bytes()
}

/// The sum of all bytes, which is below 256.
fn sum(bytes: Bytes) -> u32 {
    let each = u128::from_le_bytes(bytes);
    let both = (each as u64).wrapping_add((each >> 64) as u64);
    (both.wrapping_mul(u64::from_le_bytes([1; 8])) >> 56) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_at_once_say_what_each_one_says(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(b'7')], 0..300)) {
            let sign = |byte: &u8| !byte.is_ascii() || matches!(byte, b'@' | b'%' | b'\\' | b'&');
            for bytes in [bytes.clone(), bytes.iter().map(|byte| byte & 0x7F).filter(|byte| !sign(byte)).collect()] {
                let expected = bytes.iter().filter(|byte| byte.is_ascii_digit()).count() >= 3 || bytes.iter().any(sign);
                let looked = look(&bytes);
                prop_assert_eq!(matches!(looked, Look::Something(_)), expected);
                // What it says is not there is not.
                if let Look::Something(holds) = looked {
                    prop_assert!(holds.other || bytes.is_ascii());
                    prop_assert!(holds.address || !bytes.contains(&b'@'));
                    prop_assert!(holds.escape || !bytes.iter().any(|byte| b"%\\&".contains(byte)));
                }
            }
        }
    }
}
