//! What stands where in a view: a bit for each byte, so that runs of digits, of encoded text and of words are found 64 bytes at a
//! time instead of byte by byte.
//!
//! The bits are made by plain comparisons of whole blocks, which compilers turn into vector instructions on every machine
//! that has them. Behind the last byte of a view stand zeros: a run always ends.

use super::glance::Glance;

/// Digits of the longest number that stands for nothing else.
pub(super) const NUMBER: usize = 21;
/// Bytes of a block.
const BLOCK: usize = 64;
type Bytes = [u8; BLOCK];

/// The bits of one view. Those that not every text asks for are made when it does.
#[derive(Default)]
pub(super) struct Signs {
    digits: Vec<u64>,
    words: Vec<u64>,
    sextets: Vec<u64>,
}

impl Signs {
    /// Bytes of memory that they hold.
    pub(super) fn capacity(&self) -> usize {
        let kinds = [&self.digits, &self.words, &self.sextets];
        kinds.iter().map(|bits| bits.capacity() * size_of::<u64>()).sum()
    }

    /// Starts over with the digits of `bytes`.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        self.words.clear();
        self.sextets.clear();
        fill(&mut self.digits, bytes, digits_of);
    }

    /// Starts over with what a glance at a short text has seen.
    pub(super) fn take(&mut self, glance: Glance) {
        let kinds = [glance.digits, glance.words(), glance.sextets()];
        for (bits, seen) in [&mut self.digits, &mut self.words, &mut self.sextets].into_iter().zip(kinds) {
            bits.clear();
            bits.push(seen);
        }
    }

    /// The first digit from `at` on.
    #[inline]
    pub(super) fn next_digit(&self, at: usize) -> Option<usize> {
        next(&self.digits, at)
    }

    /// Where the run of digits ends that `at` is in.
    #[inline]
    pub(super) fn digits_end(&self, at: usize) -> usize {
        run_end(&self.digits, at)
    }

    /// Where the run of letters and digits begins and ends that `at` is in; nowhere but there when it is in none. `bytes` is
    /// the view that was read.
    pub(super) fn word(&mut self, bytes: &[u8], at: usize) -> (usize, usize) {
        if self.words.is_empty() {
            fill(&mut self.words, bytes, words_of);
        }
        (run_start(&self.words, at), run_end(&self.words, at))
    }

    /// Gives each run of at least 15 signs of base64 in `bytes`, the view that was read; but for a number of at most 21 digits,
    /// which can stand for no other: as base64 it is no text, and what is in hexadecimal takes 22 digits.
    pub(super) fn tokens(&mut self, bytes: &[u8], found: &mut impl FnMut(usize, usize)) {
        // Most attributes that are long enough are a number as a whole.
        if bytes.len() <= NUMBER && self.digits_end(0) >= bytes.len() {
            return;
        }
        if self.sextets.is_empty() {
            fill(&mut self.sextets, bytes, sextets_of);
        }
        let mut done = 0;
        for (block, &signs) in self.sextets.iter().enumerate() {
            let more = self.sextets.get(block + 1).copied().unwrap_or_default();
            // Bit `i` stays where 2, 4, 8, 15 bits in a row begin at `i`.
            let mut long = u128::from(signs) | u128::from(more) << BLOCK;
            long &= long >> 1;
            long &= long >> 2;
            long &= long >> 4;
            long &= long >> 7;
            let mut starts = long as u64;
            while starts != 0 {
                let start = block * BLOCK + starts.trailing_zeros() as usize;
                if start >= done {
                    done = run_end(&self.sextets, start);
                    if done - start > NUMBER || self.digits_end(start) < done {
                        found(start, done);
                    }
                }
                // What is left of this run in the block goes with it.
                let rest = done.saturating_sub(block * BLOCK);
                starts &= u64::MAX.checked_shl(rest as u32).unwrap_or(0);
            }
        }
    }
}

/// Calls `found` with each place in `bytes` where a character begins that may fold to another one: no ASCII, nor what begins
/// with E4 to E9, which are Chinese characters.
pub(super) fn foldable(bytes: &[u8], mut found: impl FnMut(usize)) {
    let mut block = 0;
    each_block(bytes, foldable_of, |mut signs| {
        while signs != 0 {
            found(block + signs.trailing_zeros() as usize);
            signs &= signs - 1;
        }
        block += BLOCK;
    });
}

#[cfg(test)]
thread_local! {
    /// Blocks that were passed over in search of a sign: for tests of how work grows with a text.
    pub(super) static BLOCKS_SEEN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The first bit from `at` on that is set.
#[inline]
fn next(bits: &[u64], at: usize) -> Option<usize> {
    let mut block = at / BLOCK;
    let mut signs = bits.get(block)? & (u64::MAX << (at % BLOCK));
    while signs == 0 {
        #[cfg(test)]
        BLOCKS_SEEN.set(BLOCKS_SEEN.get() + 1);
        block += 1;
        signs = *bits.get(block)?;
    }
    Some(block * BLOCK + signs.trailing_zeros() as usize)
}

/// The first bit from `at` on that is not set.
#[inline]
fn run_end(bits: &[u64], at: usize) -> usize {
    let run = bits.get(at / BLOCK).map_or(0, |signs| (signs >> (at % BLOCK)).trailing_ones() as usize);
    if at % BLOCK + run < BLOCK { at + run } else { long_run_end(bits, at / BLOCK + 1) }
}

/// The same for a run that goes on at a block's start.
fn long_run_end(bits: &[u64], mut block: usize) -> usize {
    let ones = |block: usize| bits.get(block).map_or(0, |signs| signs.trailing_ones() as usize);
    while ones(block) == BLOCK {
        block += 1;
    }
    block * BLOCK + ones(block)
}

/// The place behind the last bit before `at` that is not set.
fn run_start(bits: &[u64], at: usize) -> usize {
    let mut block = at / BLOCK;
    let mut others = !bits.get(block).copied().unwrap_or_default() & !(u64::MAX << (at % BLOCK));
    while others == 0 && block > 0 {
        block -= 1;
        others = !bits.get(block).copied().unwrap_or_default();
    }
    if others == 0 { 0 } else { (block + 1) * BLOCK - others.leading_zeros() as usize }
}

/// The bits of all blocks.
fn fill(bits: &mut Vec<u64>, bytes: &[u8], kind: fn(&Bytes) -> u64) {
    bits.clear();
    each_block(bytes, kind, |signs| bits.push(signs));
}

#[inline]
fn each_block(bytes: &[u8], kind: fn(&Bytes) -> u64, mut found: impl FnMut(u64)) {
    let (blocks, rest) = bytes.as_chunks();
    blocks.iter().for_each(|block| found(kind(block)));
    if !rest.is_empty() {
        let mut last = [0; BLOCK];
        if let Some(place) = last.get_mut(..rest.len()) {
            place.copy_from_slice(rest);
        }
        found(kind(&last));
    }
}

fn digits_of(block: &Bytes) -> u64 {
    bits_of(block, is_digit)
}

fn foldable_of(block: &Bytes) -> u64 {
    bits_of(block, |byte| is_between(byte, 0xC0, 0xFF) & !is_between(byte, 0xE4, 0xE9))
}

fn words_of(block: &Bytes) -> u64 {
    bits_of(block, |byte| is_digit(byte) | is_letter(byte))
}

fn sextets_of(block: &Bytes) -> u64 {
    bits_of(block, |byte| {
        let joint = is(byte, b'+') | is(byte, b'/') | is(byte, b'-') | is(byte, b'_');
        is_digit(byte) | is_letter(byte) | joint
    })
}

/// Set where `kind` of a byte gives 255, and not where it gives 0.
#[inline(always)]
fn bits_of(block: &Bytes, kind: impl Fn(u8) -> u8) -> u64 {
    let mut kinds = [0; BLOCK];
    let mut at = 0;
    while at < BLOCK {
        kinds[at] = kind(block[at]) & 1 << (at % 8);
        at += 1;
    }
    // The sum of eight different bits is the byte that holds them all; the multiplication adds up eight bytes in the highest.
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let (eighths, _) = kinds.as_chunks::<8>();
    let mut bits = 0;
    let mut at = 0;
    while at < eighths.len() {
        bits |= (u64::from_le_bytes(eighths[at]).wrapping_mul(ONES) >> 56) << (8 * at);
        at += 1;
    }
    bits
}

#[inline(always)]
fn is_between(byte: u8, first: u8, last: u8) -> u8 {
    if byte.wrapping_sub(first) <= last - first { u8::MAX } else { 0 }
}

#[inline(always)]
pub(super) fn is_digit(byte: u8) -> u8 {
    is_between(byte, b'0', b'9')
}

/// Whether all bytes are digits.
#[inline]
pub(super) fn are_digits(bytes: &[u8]) -> bool {
    const HIGH: u64 = u64::from_le_bytes([0xF0; 8]);
    const THREES: u64 = u64::from_le_bytes([0x30; 8]);
    const SIXES: u64 = u64::from_le_bytes([6; 8]);
    // The high half of a digit is 3, and stays so when 6 is added: no byte carries over to the next.
    let eight = |bytes: &[u8; 8]| {
        let signs = u64::from_le_bytes(*bytes);
        signs & HIGH == THREES && (signs + SIXES) & HIGH == THREES
    };
    match bytes.last_chunk() {
        Some(last) => bytes.as_chunks().0.iter().all(eight) && eight(last),
        None => bytes.iter().all(u8::is_ascii_digit),
    }
}

#[inline(always)]
fn is_letter(byte: u8) -> u8 {
    is_between(byte | 0x20, b'a', b'z')
}

#[inline(always)]
pub(super) fn is(byte: u8, sign: u8) -> u8 {
    is_between(byte, sign, sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_say_what_each_byte_says(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'a'), Just(b'7'), Just(b'-'), Just(0xE5), Just(0x85)], 0..300),
            at in 0usize..310,
        ) {
            prop_assert_eq!(are_digits(&bytes), bytes.iter().all(u8::is_ascii_digit));
            let digits: Vec<_> = bytes.iter().map(|byte| b'0' + byte % 10).collect();
            prop_assert!(are_digits(&digits));
            let mut signs = Signs::default();
            signs.read(&bytes);
            let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
            prop_assert_eq!(signs.next_digit(at), (at..bytes.len()).find(|at| digit(*at)));
            if at < bytes.len() {
                prop_assert_eq!(signs.digits_end(at), (at..).find(|at| !digit(*at)).unwrap());
            }
            if at < bytes.len() {
                let word = |at: &usize| bytes.get(*at).is_some_and(u8::is_ascii_alphanumeric);
                let start = at - (0..at).rev().take_while(word).count();
                prop_assert_eq!(signs.word(&bytes, at), (start, (at..).find(|at| !word(at)).unwrap()));
            }
            let sextet = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
            let mut expected = Vec::new();
            let mut start = 0;
            for run in bytes.split(|byte| !sextet(byte)) {
                if run.len() >= 15 && (run.len() > 21 || !run.iter().all(u8::is_ascii_digit)) {
                    expected.push((start, start + run.len()));
                }
                start += run.len() + 1;
            }
            let mut found = Vec::new();
            signs.tokens(&bytes, &mut |from, to| found.push((from, to)));
            prop_assert_eq!(found, expected);
        }
    }
}
