//! The first look at a text: most texts hold nothing that a rule could be after, and eight bytes at once say so.

use super::detect::token;

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
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Holds {
    pub(super) address: bool,
    pub(super) escape: bool,
    /// Another script.
    pub(super) other: bool,
}

impl Holds {
    pub(super) const ANY: Self = Self { address: true, escape: true, other: true };
}

/// Looks until there is something: at a short text from end to end.
pub(super) fn look(bytes: &[u8]) -> Look {
    const ENOUGH: u32 = 3;
    /// Counts of a byte each must not overflow.
    const AT_ONCE: usize = 16;
    let mut digits = 0;
    let mut signs = Signs::default();
    let (mut words, tail) = bytes.as_chunks::<8>();
    while let Some((first, rest)) =
        words.split_at_checked(words.len().min(AT_ONCE)).filter(|(first, _)| !first.is_empty())
    {
        let mut counts = 0;
        for word in first {
            let word = u64::from_le_bytes(*word);
            counts += digits_of(word) >> 7;
            signs.add(word);
        }
        digits += sum(counts);
        if !rest.is_empty() && (digits >= ENOUGH || signs.holds() != Holds::default()) {
            return Look::Something(Holds::ANY);
        }
        words = rest;
    }
    let tail = tail.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    digits += sum(digits_of(tail) >> 7);
    signs.add(tail);
    let holds = signs.holds();
    if digits >= ENOUGH || holds != Holds::default() {
        Look::Something(holds)
    } else if bytes.len() >= token::MIN {
        Look::Encoded
    } else {
        Look::Nothing
    }
}

/// The signs of the words so far, in high bits.
#[derive(Default)]
struct Signs {
    address: u64,
    escape: u64,
    other: u64,
}

impl Signs {
    #[inline(always)]
    fn add(&mut self, word: u64) {
        self.address |= equal(word, b'@');
        self.escape |= equal(word, b'%') | equal(word, b'\\') | equal(word, b'&');
        self.other |= word;
    }

    fn holds(&self) -> Holds {
        let has = |signs: u64| signs & HIGH != 0;
        Holds { address: has(self.address), escape: has(self.escape), other: has(self.other) }
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
