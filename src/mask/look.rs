//! The first look at a text: most texts hold nothing that a rule could be after, and eight bytes at once say so.

use super::detect::token;

/// What a text may hold, as far as one cheap look says.
pub(super) enum Look {
    Nothing,
    /// At most an encoded token: there is room for one, and nothing else to find.
    Encoded,
    /// Three digits, an `@`, an escape, or another script.
    Something,
}

/// Looks until there is something.
pub(super) fn look(bytes: &[u8]) -> Look {
    const ENOUGH: u32 = 3;
    let mut digits = 0;
    let (words, tail) = bytes.as_chunks();
    // Counts of a byte each must not overflow.
    for words in words.chunks(16) {
        let (mut counts, mut signs) = (0, 0);
        for word in words {
            let word = u64::from_le_bytes(*word);
            counts += digits_of(word) >> 7;
            signs |= word | escapes_of(word);
        }
        digits += sum(counts);
        if digits >= ENOUGH || signs & HIGH != 0 {
            return Look::Something;
        }
    }
    let tail = tail.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    digits += sum(digits_of(tail) >> 7);
    if digits >= ENOUGH || (tail | escapes_of(tail)) & HIGH != 0 {
        Look::Something
    } else if bytes.len() >= token::MIN {
        Look::Encoded
    } else {
        Look::Nothing
    }
}

const HIGH: u64 = each(0x80);

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of each byte that is a digit, and no other.
const fn digits_of(word: u64) -> u64 {
    // With `0` taken away, what is not below ten carries into the high bit.
    let other = (((word ^ each(b'0')) & !HIGH) + each(0x80 - 10)) | word;
    !other & HIGH
}

/// The high bit of each ASCII byte that is `sign`; other bits mean nothing, nor does the high bit of other bytes.
const fn equal(word: u64, sign: u8) -> u64 {
    !(((word ^ each(sign)) & !HIGH) + !HIGH)
}

/// The high bit of each ASCII byte that is an `@` or begins an escape.
const fn escapes_of(word: u64) -> u64 {
    equal(word, b'@') | equal(word, b'%') | equal(word, b'\\') | equal(word, b'&')
}

/// The sum of eight bytes that is below 256.
const fn sum(bytes: u64) -> u32 {
    (bytes.wrapping_mul(each(1)) >> 56) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn eight_bytes_at_once_say_what_each_one_says(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(b'7')], 0..300)) {
            let sign = |byte: &u8| !byte.is_ascii() || matches!(byte, b'@' | b'%' | b'\\' | b'&');
            for bytes in [bytes.clone(), bytes.iter().map(|byte| byte & 0x7F).filter(|byte| !sign(byte)).collect()] {
                let expected = bytes.iter().filter(|byte| byte.is_ascii_digit()).count() >= 3 || bytes.iter().any(sign);
                prop_assert_eq!(matches!(look(&bytes), Look::Something), expected);
            }
        }
    }
}
