//! SHA-256 of two texts at once. A block waits for the one before it, so that a processor with instructions for SHA-256 is idle for
//! much of a text; blocks of another text, which wait for nothing, fill the gaps.
//!
//! Source: FIPS 180-4, sections 5.1.1 (padding), 5.3.3 (the first state) and 6.2.

use std::slice;

use sha2::block_api::compress256;

type Block = [u8; 64];
type State = [u32; 8];

const START: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

pub(super) fn of_two(first: &[u8], second: &[u8]) -> [[u8; 32]; 2] {
    let texts = [Padded::of(first), Padded::of(second)];
    let [mut one, mut other] = [START; 2];
    let together = texts[0].whole.len().min(texts[1].whole.len());
    for (block, beside) in texts[0].whole.iter().zip(texts[1].whole) {
        compress256(&mut one, slice::from_ref(block));
        compress256(&mut other, slice::from_ref(beside));
    }
    [texts[0].finish(one, together), texts[1].finish(other, together)]
}

/// A text as blocks.
struct Padded<'a> {
    whole: &'a [Block],
    /// The rest of the text, a one bit, zeros, and its length: in one block or two.
    last: [Block; 2],
    blocks: usize,
}

impl<'a> Padded<'a> {
    fn of(text: &'a [u8]) -> Self {
        let (whole, rest) = text.as_chunks();
        let blocks = if rest.len() + 9 <= size_of::<Block>() { 1 } else { 2 };
        let mut last = [[0; 64]; 2];
        let bytes = last.as_flattened_mut();
        bytes[..rest.len()].copy_from_slice(rest);
        bytes[rest.len()] = 0x80;
        let end = blocks * size_of::<Block>();
        bytes[end - 8..end].copy_from_slice(&(8 * text.len() as u64).to_be_bytes());
        Self { whole, last, blocks }
    }

    /// The hash, given the state behind the first `done` blocks.
    fn finish(&self, mut state: State, done: usize) -> [u8; 32] {
        compress256(&mut state, &self.whole[done..]);
        compress256(&mut state, &self.last[..self.blocks]);
        let mut hash = [0; 32];
        for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(state) {
            *bytes = word.to_be_bytes();
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    proptest! {
        /// Side by side as each alone, whatever their lengths: the library's own hash is the oracle.
        #[test]
        fn two_are_hashed_as_each_alone(
            first in proptest::collection::vec(any::<u8>(), 0..400), second in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let alone = [&first, &second].map(|text| <[u8; 32]>::from(Sha256::digest(text)));
            prop_assert_eq!(of_two(&first, &second), alone);
        }
    }

    /// Each length at which the padding changes its form.
    #[test]
    fn padding_fits_at_every_length() {
        let text = [7; 200];
        for length in 0..=text.len() {
            let alone: [u8; 32] = Sha256::digest(&text[..length]).into();
            assert_eq!(of_two(&text[..length], &text[..200 - length])[0], alone, "{length}");
        }
    }
}
