//! SHA-256 of several texts at once. A block waits for the one before it, so that a processor with instructions for SHA-256 is idle for
//! much of a text; blocks of another text, which wait for nothing, fill the gaps.
//!
//! Source: FIPS 180-4, sections 5.1.1 (padding), 5.3.3 (the first state) and 6.2.

use std::slice;

use sha2::block_api::compress256;

pub(crate) type Block = [u8; 64];
type State = [u32; 8];

const START: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The hashes of two texts.
pub(crate) fn of_two(first: &[u8], second: &[u8]) -> [[u8; 32]; 2] {
    let texts = [Padded::of(first), Padded::of(second)];
    let [mut one, mut other] = texts.each_ref().map(|text| Hashing::of(text.whole));
    for _ in 0..texts[0].whole.len().min(texts[1].whole.len()) {
        one.step();
        other.step();
    }
    [one.finish_with(&texts[0].last[..texts[0].blocks]), other.finish_with(&texts[1].last[..texts[1].blocks])]
}

/// The hash of a padded text, while `beside` goes on.
pub(crate) fn of_blocks(blocks: &[Block], beside: &mut Hashing<'_>) -> [u8; 32] {
    let mut text = Hashing::of(blocks);
    for _ in blocks {
        text.step();
        beside.step();
    }
    text.finish()
}

/// Blocks that a text of `length` bytes fills with its padding.
pub(crate) const fn blocks_of(length: usize) -> usize {
    (length + 9).div_ceil(size_of::<Block>())
}

/// Puts the padding behind the last `rest` bytes of a text of `length` bytes, in blocks that hold zeros there.
pub(crate) const fn pad(blocks: &mut [Block], rest: usize, length: usize) {
    let bits = (8 * length as u64).to_be_bytes();
    let last = blocks_of(rest) - 1;
    blocks[rest / size_of::<Block>()][rest % size_of::<Block>()] = 0x80;
    let mut at = 0;
    while at < bits.len() {
        blocks[last][size_of::<Block>() - bits.len() + at] = bits[at];
        at += 1;
    }
}

/// A text that is hashed a block at a time, whenever there is something beside which to do so.
pub(crate) struct Hashing<'a> {
    left: &'a [Block],
    state: State,
}

impl<'a> Hashing<'a> {
    /// A text with its padding.
    pub(crate) fn of(blocks: &'a [Block]) -> Self {
        Self { left: blocks, state: START }
    }

    /// No text: what stands beside it is hashed alone.
    pub(crate) fn nothing() -> Self {
        Self::of(&[])
    }

    /// Hashes the next block, if there is one.
    pub(crate) fn step(&mut self) {
        if let [block, left @ ..] = self.left {
            compress256(&mut self.state, slice::from_ref(block));
            self.left = left;
        }
    }

    /// Hashes all that is left.
    pub(crate) fn finish(self) -> [u8; 32] {
        self.finish_with(&[])
    }

    /// The same, with blocks that come behind it.
    fn finish_with(mut self, last: &[Block]) -> [u8; 32] {
        compress256(&mut self.state, self.left);
        compress256(&mut self.state, last);
        let mut hash = [0; 32];
        for (bytes, word) in hash.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        hash
    }
}

/// A text as blocks.
struct Padded<'a> {
    whole: &'a [Block],
    /// The rest of the text with the padding: in one block or two.
    last: [Block; 2],
    blocks: usize,
}

impl<'a> Padded<'a> {
    fn of(text: &'a [u8]) -> Self {
        let (whole, rest) = text.as_chunks();
        let mut last = [[0; 64]; 2];
        last.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
        pad(&mut last, rest.len(), text.len());
        Self { whole, last, blocks: blocks_of(rest.len()) }
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

        /// However many blocks pass beside it, fewer than it has or more.
        #[test]
        fn a_text_is_hashed_beside_another(
            first in proptest::collection::vec(any::<u8>(), 0..400), second in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let [first_blocks, second_blocks] = [&first, &second].map(|text| {
                let mut blocks = vec![[0; 64]; blocks_of(text.len())];
                blocks.as_flattened_mut()[..text.len()].copy_from_slice(text);
                pad(&mut blocks, text.len(), text.len());
                blocks
            });
            let mut beside = Hashing::of(&second_blocks);
            let hashes = [of_blocks(&first_blocks, &mut beside), beside.finish()];
            prop_assert_eq!(hashes, [&first, &second].map(|text| <[u8; 32]>::from(Sha256::digest(text))));
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
