//! A short text at one glance: what stands in it, a bit for each byte, and whether that alone says that no rule can find anything.
//! Most attributes end here: ids, addresses, names, versions, times.
//!
//! It says so only where the passes of `detect` would find nothing either. Each condition below stands for one of their ways
//! to a finding, and a test asks both of the same texts.

use super::detect::token;
use super::keys::Facts;
use super::look::Holds;
use super::rules::RuleSet;

/// Bytes of a short text: a bit for each of them fits a word.
const SHORT: usize = 64;

/// Digits of the shortest number of interest.
const ENOUGH: u32 = 3;
/// Digits of the shortest number that more than a key of the text may give away, and of the shortest one without any key.
const VOUCHED: u32 = 7;
const ALONE: u32 = 11;

/// What stands in a short text, and where: bit `i` of each kind is byte `i`.
#[derive(Clone, Copy, Default)]
pub(super) struct Glance {
    pub(super) digits: u64,
    letters: u64,
    /// Signs of base64 besides letters and digits, of both its alphabets.
    joints: u64,
    /// Brackets and line breaks, behind which a name may be given to a value.
    opens: u64,
    /// All kinds of signs that stand in it.
    seen: u64,
}

/// A bit for each kind of sign, in a byte of its own: shifted by the places of eight bytes and put together, each of these is the
/// bits of one kind.
type Kinds = u64;
const DIGIT: Kinds = 1;
const LETTER: Kinds = 1 << 8;
const JOINT: Kinds = 1 << 16;
const OPENS: Kinds = 1 << 24;
/// What makes a colour code, a telephone's country code or quoted-printable of the digits behind it.
const PARTS: Kinds = 1 << 32;
const ADDRESS: Kinds = 1 << 40;
const ESCAPE: Kinds = 1 << 48;
const OTHER: Kinds = 1 << 56;
/// All eight places of a kind.
const ALL: u64 = 0xFF;

const KINDS: [Kinds; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < kinds.len() {
        kinds[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'A'..=b'Z' | b'a'..=b'z' => LETTER,
            b'/' | b'-' | b'_' => JOINT,
            b'+' => JOINT | PARTS,
            b'(' | b'<' | b'>' | b'{' | b'\n' | b'\'' => OPENS,
            b'[' => OPENS | PARTS,
            b'=' => PARTS,
            b'@' => ADDRESS,
            b'%' | b'\\' | b'&' => ESCAPE,
            0x80.. => OTHER,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

impl Glance {
    /// Looks at a short text; `None`: it is longer.
    #[inline]
    pub(super) fn at(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > SHORT {
            return None;
        }
        let mut glance = Self::default();
        let (eights, rest) = bytes.as_chunks::<8>();
        let mut place = 0;
        for eight in eights {
            let mut kinds = 0;
            let mut at = 0;
            while at < eight.len() {
                kinds |= KINDS[eight[at] as usize] << at;
                at += 1;
            }
            glance.add(kinds, place);
            place += 8;
        }
        if !rest.is_empty() {
            let kinds = |kinds: Kinds, byte: &u8| kinds << 1 | KINDS[usize::from(*byte)];
            glance.add(rest.iter().rev().fold(0, kinds), place);
        }
        Some(glance)
    }

    /// What a glance at so many digits and nothing else sees.
    pub(super) fn at_digits(count: usize) -> Self {
        Self { digits: (1 << count) - 1, seen: DIGIT, ..Self::default() }
    }

    #[inline(always)]
    fn add(&mut self, kinds: Kinds, place: u32) {
        let of = |kind: Kinds| (kinds >> kind.trailing_zeros() & ALL) << place;
        self.digits |= of(DIGIT);
        self.letters |= of(LETTER);
        self.joints |= of(JOINT);
        self.opens |= of(OPENS);
        self.seen |= kinds;
    }

    fn has(self, kind: Kinds) -> bool {
        self.seen & (kind * ALL) != 0
    }

    /// Letters and digits.
    pub(super) fn words(self) -> u64 {
        self.digits | self.letters
    }

    /// Signs of base64.
    pub(super) fn sextets(self) -> u64 {
        self.words() | self.joints
    }

    /// Whether no rule can find anything in the text, whose `bytes` these are and whose key says `key`.
    pub(super) fn is_clean(self, bytes: &[u8], rules: &RuleSet, key: &Facts) -> bool {
        // What rules look for by its shape is made of any signs.
        if self.has(ADDRESS | ESCAPE | OTHER) || rules.shapes.is_some() {
            return false;
        }
        if self.has_no_number() {
            return longest_are_below(self.sextets(), token::MIN) || !token::stands_in(bytes);
        }
        self.are_numbers_clean(bytes, rules, key) && !self.may_be_encoded(bytes)
    }

    /// What a pass over the text has to look for.
    pub(super) fn holds(self, bytes: &[u8], rules: &RuleSet, key: &Facts) -> Holds {
        let (address, escape, other) = (self.has(ADDRESS), self.has(ESCAPE), self.has(OTHER));
        // Without an address, it is the numbers for which the text is looked into.
        let clean = || {
            rules.shapes.is_none()
                && !(escape || other)
                && (self.has_no_number() || self.are_numbers_clean(bytes, rules, key))
        };
        Holds { address, escape, other, number: !(address && clean()) }
    }

    /// Whether there are fewer digits than in the shortest number, and no block that may do with fewer.
    fn has_no_number(self) -> bool {
        are_fewer(self.digits, ENOUGH) && (self.digits == 0 || !self.may_be_bytes())
    }

    /// Whether no rule can find anything in the numbers of a text that is its own view.
    fn are_numbers_clean(self, bytes: &[u8], rules: &RuleSet, key: &Facts) -> bool {
        let count = self.digits.count_ones();
        !self.has(PARTS)
            && !self.may_be_bytes()
            && !self.may_be_given()
            && (count < shortest(key) || self.are_numbers_short(bytes, key))
            && !self.may_be_called(count)
            && !self.may_be_keyed(bytes, rules, count)
    }

    /// Whether a block may stand in it that is written in one piece, as a PIN's is, or byte by byte: pairs of digits, or four with
    /// their prefix.
    fn may_be_bytes(self) -> bool {
        const BLOCK: usize = 16;
        const PAIRS: u32 = 7;
        let words = self.words();
        let starts = words & !(words << 1);
        let (second, third, fourth, fifth) = (words >> 1, words >> 2, words >> 3, words >> 4);
        let pairs = starts & second & (!third | (third & fourth & !fifth));
        !are_fewer(pairs, PAIRS) || !longest_are_below(words, BLOCK)
    }

    /// Whether a name may be given to a number within the same brackets, or on the line before.
    fn may_be_given(self) -> bool {
        self.opens.trailing_zeros() + self.digits.leading_zeros() < SHORT as u32
    }

    /// Whether three, three and four digits stand in it with a sign between each, as a telephone's may behind a word that calls.
    fn may_be_called(self, count: u32) -> bool {
        const DIGITS: u32 = 10;
        let digits = self.digits;
        count >= DIGITS && {
            let starts = digits & !(digits << 1);
            let three = starts & digits >> 1 & digits >> 2 & !(digits >> 3);
            three & three >> 4 & (starts & digits >> 1 & digits >> 2 & digits >> 3 & !(digits >> 4)) >> 8 != 0
        }
    }

    /// Whether all numbers are shorter than one of interest, or such groups of digits as no number of interest is written in.
    /// No number goes beyond a letter.
    fn are_numbers_short(self, bytes: &[u8], key: &Facts) -> bool {
        let mut rest = self.digits;
        while rest != 0 {
            let start = rest.trailing_zeros();
            let end = start + (self.letters >> start).trailing_zeros();
            let digits = rest & u64::MAX.checked_shl(end).map_or(u64::MAX, |behind| !behind);
            let count = digits.count_ones();
            if count >= VOUCHED && key.lift != 0 {
                return false;
            }
            if count >= ALONE {
                // Every grouping has a group of four, but for those of single digits or pairs; a letter may be an exponent's.
                const GROUPS: u32 = 7;
                let groups = (digits & !(digits << 1)).count_ones();
                let is_exponent = matches!(bytes.get(end as usize), Some(b'e' | b'E'));
                if !longest_are_below(digits, 4) || groups >= GROUPS || is_exponent {
                    return false;
                }
            }
            rest &= !digits;
        }
        true
    }

    /// Whether a key of a rule may stand before a number that it would vouch for, or that it gives away.
    fn may_be_keyed(self, bytes: &[u8], rules: &RuleSet, digits: u32) -> bool {
        let words = self.words();
        let starts = self.digits & !(self.digits << 1);
        // A code has three signs at least.
        let codes = starts & (words >> 1) & (words >> 2);
        let last = |starts: u64| starts.checked_ilog2().unwrap_or(0) as usize;
        let to = last(if digits >= VOUCHED { starts } else { codes });
        let from = if rules.names_hold_letters() { self.letters.trailing_zeros() as usize + 1 } else { 1 };
        to >= from && rules.last_name_end(bytes, from, to).is_some()
    }

    /// Whether an encoded text may stand in it.
    fn may_be_encoded(self, bytes: &[u8]) -> bool {
        let mut found = false;
        self.tokens(|start, end| token::decode(bytes, start, end, &mut |_, _, _| found = true));
        found
    }

    /// Gives each run of signs of base64 that is long enough for an encoded text and is no number.
    fn tokens(self, mut found: impl FnMut(usize, usize)) {
        let sextets = self.sextets();
        let long = runs(sextets, token::MIN);
        let mut starts = long & !(long << 1);
        while starts != 0 {
            let start = starts.trailing_zeros();
            let end = start + (!(sextets >> start)).trailing_zeros();
            if (!(self.digits >> start)).trailing_zeros() < end - start {
                found(start as usize, end as usize);
            }
            starts &= starts - 1;
        }
    }
}

/// Digits of the shortest number that may be of interest under such a key.
fn shortest(key: &Facts) -> u32 {
    if key.lift != 0 { VOUCHED } else { ALONE }
}

/// Whether there are not so many bits.
fn are_fewer(mut bits: u64, count: u32) -> bool {
    for _ in 1..count {
        bits &= bits.wrapping_sub(1);
    }
    bits == 0
}

/// Whether no run of bits is so long.
fn longest_are_below(bits: u64, length: usize) -> bool {
    runs(bits, length) == 0
}

/// The bits with which runs of `length` begin.
fn runs(mut bits: u64, length: usize) -> u64 {
    let mut known = 1;
    while known < length {
        let more = known.min(length - known);
        bits &= bits >> more;
        known += more;
    }
    bits
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::rules::Place;
    use super::super::{Config, Engine};
    use super::*;

    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let chain = "glance".parse().expect("a chain's name");
        Engine::compile(&Config::default(), Path::new("."), &chain).unwrap_or_else(|errors| panic!("{errors:?}"))
    });

    /// What texts are made of that hold something, or almost.
    const PARTS: &str = "cvv|pan|card|phone|pin|de52|[a-z]{1,6}|[A-Z]{1,3}|[0-9]{1,4}|[0-9]{3,11}|[0-9a-f]{1,2}|[0-9a-f]{16}|[a-f]{15}[0-9]|4242|424242|\
        4242424242424242|138|13800138000|0013|0123456|call|415-555-2671|[ .:/_-]|[ .:/_-]{1,3}|[\\[\\](){}<>=+*,;\n\"']|e15|E\\+15|name|value|VALUES|NDI0MjQyNDI0|=3D|\
        0x[0-9]{2}|[0-9]{2} [0-9a-f]{2} |[a-z0-9.]{1,12}@a\\.co";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Where a glance ends the search, the passes over the text find nothing.
        #[test]
        fn what_is_clean_at_a_glance_is_clean(parts in proptest::collection::vec(PARTS, 1..12), key in "|card_number|phone|order_id|cvv_result|note") {
            let text = parts.concat();
            let mut session = ENGINE.session();
            let key = session.keys.facts(ENGINE.rules(), key.as_bytes()).inherited();
            let passed = session.looked_into(&text, &key, Place::Body);
            prop_assert_eq!(session.text(&text, &key, Place::Body), passed.clone());
            if Glance::at(text.as_bytes()).is_some_and(|glance| glance.is_clean(text.as_bytes(), ENGINE.rules(), &key)) {
                prop_assert_eq!(passed, None);
            }
        }

        #[test]
        fn bits_say_what_each_byte_says(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(b'7'), Just(b'-')], 0..=64)) {
            let glance = Glance::at(&bytes).expect("short");
            let of = |is: &dyn Fn(&u8) -> bool| bytes.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(is(byte)));
            prop_assert_eq!(glance.digits, of(&u8::is_ascii_digit));
            prop_assert_eq!(glance.words(), of(&u8::is_ascii_alphanumeric));
            prop_assert_eq!(glance.sextets(), of(&|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte)));
            prop_assert_eq!(glance.has(OTHER), !bytes.is_ascii());
            prop_assert_eq!(glance.has(ADDRESS), bytes.contains(&b'@'));
            prop_assert_eq!(glance.has(ESCAPE), bytes.iter().any(|byte| b"%\\&".contains(byte)));
        }
    }

    #[test]
    fn most_attributes_end_at_a_glance() {
        for text in [
            "INFO",
            "payment.authorise",
            "tx-3f2a8b9c-000001",
            "operator-0123",
            "10.255.255.255",
            "mch-12345678",
            "2026-11-26T08:10:22.123Z",
            "4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
            "checkout-web/5.12.0 (Chrome; Windows)",
            "1.2.3",
            "",
            "order 77217725",
        ] {
            let glance = Glance::at(text.as_bytes()).expect("short");
            assert!(glance.is_clean(text.as_bytes(), ENGINE.rules(), &Facts::NONE), "{text}");
        }
    }
}
