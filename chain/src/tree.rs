//! The RFC 6962 tree (section 2.1) over the hashes of a chain: leaf n = SHA-256(0x00 || hash n), an inner node =
//! SHA-256(0x01 || left || right).
//!
//! A [`CompactRange`] is all that is kept of a run of leaves. Ranges that touch can be joined, so segments may be hashed
//! apart, on as many cores as there are, and put together afterwards.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::link::Hash;
use crate::sha256::{self, Block, Hashing};

/// Root of a tree (RFC 6962, 2.1); of no leaves: SHA-256 of nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Root(pub [u8; 32]);

/// The roots of the largest perfect subtrees that tile `[begin, end)`, left to right: what must be known of those leaves to
/// append to them, to join them with a neighbour, and, from 0, to say their root.
///
/// `begin` and `end` stay below 2^63, as sequences do (int64 in every place that holds one).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompactRange {
    begin: u64,
    end: u64,
    /// Left to right; level and index of each follow from `begin` and `end`.
    nodes: Vec<[u8; 32]>,
}

/// Why something is not a compact range, or two ranges can't be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    #[error("no range goes from {begin} to {end}")]
    Bounds { begin: u64, end: u64 },
    #[error("a range of {expected} nodes was given {found}")]
    Nodes { expected: usize, found: usize },
    #[error("the range ends at {end}, the next begins at {begin}")]
    Apart { end: u64, begin: u64 },
    #[error("line {line} is not `level index hex` of the node that belongs there")]
    Line { line: usize },
}

impl CompactRange {
    /// The range that holds no leaf and stands before leaf `begin`.
    pub fn empty(begin: u64) -> Self {
        Self { begin, end: begin, nodes: Vec::new() }
    }

    /// A range from nodes that were kept elsewhere. Only their number is checked: whether they are the right ones shows in
    /// the root.
    pub fn from_nodes(begin: u64, end: u64, nodes: Vec<[u8; 32]>) -> Result<Self, RangeError> {
        let expected = places(begin, end)?.count();
        if nodes.len() != expected {
            return Err(RangeError::Nodes { expected, found: nodes.len() });
        }
        Ok(Self { begin, end, nodes })
    }

    /// First leaf of the range.
    pub fn begin(&self) -> u64 {
        self.begin
    }

    /// The leaf behind the last one of the range.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The subtree roots, left to right; [`CompactRange::places`] says where each stands.
    pub fn nodes(&self) -> &[[u8; 32]] {
        &self.nodes
    }

    /// Level and index of each node, left to right: the node covers the leaves `[index << level, (index + 1) << level)`.
    /// None for bounds that make no range.
    pub fn places(begin: u64, end: u64) -> Vec<(u8, u64)> {
        places(begin, end).map(Iterator::collect).unwrap_or_default()
    }

    /// Appends the leaf of one record: one leaf hash and, amortised, one inner hash.
    pub fn push(&mut self, hash: &Hash) {
        self.append(0, leaf(hash));
    }

    /// Appends the leaf of one record while `text` is hashed, and gives the hash of that.
    pub(crate) fn push_beside(&mut self, hash: &Hash, mut text: Hashing<'_>) -> Hash {
        let merged = self.merged(0, leaf_beside(hash, &mut text), &mut text);
        self.put(0, merged);
        Hash(text.finish())
    }

    /// Appends the leaf of one record, whose hash should be that of `text`; the hash of any other text is an error, and
    /// appends nothing.
    pub(crate) fn push_if(&mut self, hash: &Hash, mut text: Hashing<'_>) -> Result<(), Hash> {
        let merged = self.merged(0, leaf_beside(hash, &mut text), &mut text);
        let computed = Hash(text.finish());
        if computed != *hash {
            return Err(computed);
        }
        self.put(0, merged);
        Ok(())
    }

    /// Appends all leaves of `right`, which begins where this range ends.
    pub fn join(&mut self, right: &Self) -> Result<(), RangeError> {
        if right.begin != self.end {
            return Err(RangeError::Apart { end: self.end, begin: right.begin });
        }
        let places = places(right.begin, right.end)?;
        for ((level, _), node) in places.zip(&right.nodes) {
            self.append(level, *node);
        }
        Ok(())
    }

    /// Root of the tree of `[0, end)`.
    ///
    /// # Panics
    /// Unless the range begins at 0: what comes before is not known here.
    pub fn root(&self) -> Root {
        assert!(self.begin == 0, "only a range from 0 has a root");
        let right_to_left = self.nodes.iter().rev().copied();
        Root(right_to_left.reduce(|right, left| inner(&left, &right)).unwrap_or_else(|| Sha256::digest([]).into()))
    }

    /// A line `level index hex` for each node, as in a `.range` object and in the footers.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.nodes.len() * 80);
        for ((level, index), node) in Self::places(self.begin, self.end).into_iter().zip(&self.nodes) {
            writeln!(text, "{level} {index} {}", Hash(*node)).expect("writing to a String can't fail");
        }
        text
    }

    /// Reads what [`to_text`](Self::to_text) writes; anything else is refused with its line, counted from 1.
    pub fn from_text(begin: u64, end: u64, text: &str) -> Result<Self, RangeError> {
        let places = places(begin, end)?;
        let mut nodes = Vec::with_capacity(places.clone().count());
        let mut rest = text;
        for (number, (level, index)) in (1..).zip(places) {
            let refused = RangeError::Line { line: number };
            let (line, behind) = rest.split_once('\n').ok_or(refused)?;
            let hex = line.strip_prefix(&format!("{level} {index} ")).ok_or(refused)?;
            nodes.push(hex.parse::<Hash>().map_err(|_| refused)?.0);
            rest = behind;
        }
        if !rest.is_empty() {
            return Err(RangeError::Line { line: nodes.len() + 1 });
        }
        Ok(Self { begin, end, nodes })
    }

    /// Appends a perfect subtree that begins at `end`, and merges what has become perfect with it.
    fn append(&mut self, level: u8, node: [u8; 32]) {
        let merged = self.merged(level, node, &mut Hashing::nothing());
        self.put(level, merged);
    }

    /// What a perfect subtree that begins at `end` becomes: the nodes that stay, and the last one behind them.
    ///
    /// A node is a right child when its index is odd. Its left sibling, if it lies within the range, is the last node: it is
    /// perfect, and its parent was not whole until now. So the trailing one bits of `end` say how often to merge.
    fn merged(&self, level: u8, node: [u8; 32], beside: &mut Hashing<'_>) -> (usize, [u8; 32]) {
        let (mut level, mut index, mut node) = (level, self.end >> level, node);
        let mut nodes = self.nodes.as_slice();
        while index & 1 == 1 && (index - 1) << level >= self.begin {
            let (left, before) = nodes.split_last().expect("a left sibling within the range is its last node");
            node = inner_beside(left, &node, beside);
            nodes = before;
            level += 1;
            index >>= 1;
        }
        (nodes.len(), node)
    }

    fn put(&mut self, level: u8, (stay, node): (usize, [u8; 32])) {
        self.nodes.truncate(stay);
        self.nodes.push(node);
        self.end += 1 << level;
    }
}

/// Hash of the leaf of one record.
pub fn leaf(hash: &Hash) -> [u8; 32] {
    leaf_beside(hash, &mut Hashing::nothing())
}

/// Hash of the node over two children.
pub fn inner(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    inner_beside(left, right, &mut Hashing::nothing())
}

fn leaf_beside(hash: &Hash, beside: &mut Hashing<'_>) -> [u8; 32] {
    let mut blocks = const { padded::<1>(0, 33) };
    blocks.as_flattened_mut()[1..33].copy_from_slice(&hash.0);
    sha256::of_blocks(&blocks, beside)
}

fn inner_beside(left: &[u8; 32], right: &[u8; 32], beside: &mut Hashing<'_>) -> [u8; 32] {
    let mut blocks = const { padded::<2>(1, 65) };
    let text = blocks.as_flattened_mut();
    text[1..33].copy_from_slice(left);
    text[33..65].copy_from_slice(right);
    sha256::of_blocks(&blocks, beside)
}

/// A text of `length` bytes as blocks: its first byte, zeros for the others, and the padding of SHA-256.
const fn padded<const N: usize>(first: u8, length: usize) -> [Block; N] {
    let mut blocks = [[0; 64]; N];
    blocks[0][0] = first;
    sha256::pad(&mut blocks, length, length);
    blocks
}

/// Level and index of each node of `[begin, end)`: at every step the largest subtree that begins here and still fits.
fn places(begin: u64, end: u64) -> Result<impl Iterator<Item = (u8, u64)> + Clone, RangeError> {
    if begin > end || end > i64::MAX as u64 {
        return Err(RangeError::Bounds { begin, end });
    }
    let mut at = begin;
    Ok(std::iter::from_fn(move || {
        let left = (end - at).checked_ilog2()?;
        let level = left.min(at.trailing_zeros());
        let place = (level as u8, at >> level);
        at += 1 << level;
        Some(place)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hash(n: u64) -> Hash {
        Hash(Sha256::digest(n.to_be_bytes()).into())
    }

    fn range(begin: u64, end: u64) -> CompactRange {
        let mut range = CompactRange::empty(begin);
        (begin..end).for_each(|n| range.push(&hash(n)));
        range
    }

    /// RFC 6962, 2.1, as it is written there: the largest power of two smaller than n splits the list.
    fn defined(leaves: &[Hash]) -> [u8; 32] {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => leaf(one),
            many => {
                let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
                inner(&defined(left), &defined(right))
            }
        }
    }

    #[test]
    fn the_root_is_the_one_that_rfc_6962_defines() {
        let leaves: Vec<Hash> = (0..130).map(hash).collect();
        let mut range = CompactRange::empty(0);
        for n in 0..=leaves.len() {
            assert_eq!(range.root().0, defined(&leaves[..n]), "{n} leaves");
            assert_eq!(range.nodes().len(), n.count_ones() as usize);
            range.push(&hash(n as u64));
        }
    }

    proptest! {
        /// However a run is cut into segments, and from whatever leaf it begins, joining them gives what pushing gives.
        #[test]
        fn joined_ranges_are_the_pushed_one(begin in 0u64..70, cuts in proptest::collection::vec(0u64..40, 1..6)) {
            let (mut joined, mut at) = (CompactRange::empty(begin), begin);
            for cut in cuts {
                joined.join(&range(at, at + cut)).unwrap();
                at += cut;
            }
            prop_assert_eq!(joined, range(begin, at));
        }

        /// Joining does not lean on the order: right parts may be joined first.
        #[test]
        fn joining_is_associative(a in 0u64..50, b in 0u64..50, c in 0u64..50, d in 0u64..50) {
            let (b, c, d) = (a + b, a + b + c, a + b + c + d);
            let mut right = range(b, c);
            right.join(&range(c, d)).unwrap();
            let mut whole = range(a, b);
            whole.join(&right).unwrap();
            prop_assert_eq!(whole, range(a, d));
        }

        #[test]
        fn text_reads_back(begin in 0u64..200, length in 0u64..200) {
            let range = range(begin, begin + length);
            prop_assert_eq!(CompactRange::from_text(begin, begin + length, &range.to_text()), Ok(range));
        }

        /// The places tile the range, and no two neighbours could be one.
        #[test]
        fn places_tile_any_range(begin in 0..=i64::MAX as u64, end in 0..=i64::MAX as u64) {
            prop_assume!(begin <= end);
            let mut at = begin;
            for (level, index) in CompactRange::places(begin, end) {
                prop_assert_eq!(index << level, at);
                at += 1 << level;
            }
            prop_assert_eq!(at, end);
        }
    }

    #[test]
    fn what_is_not_the_range_is_refused() {
        let text = range(3, 9).to_text();
        let refused = |begin, end, text: &str| CompactRange::from_text(begin, end, text).unwrap_err();
        assert_eq!(refused(3, 9, &text[..text.len() - 1]), RangeError::Line { line: 3 });
        assert_eq!(refused(3, 9, &format!("{text}\n")), RangeError::Line { line: 4 });
        assert_eq!(refused(3, 9, &text.replace("0 3 ", "0 03 ")), RangeError::Line { line: 1 });
        assert_eq!(refused(3, 9, &text.replace('\n', "\r\n")), RangeError::Line { line: 1 });
        assert_eq!(refused(3, 8, &text), RangeError::Line { line: 3 });
        assert_eq!(refused(9, 3, &text), RangeError::Bounds { begin: 9, end: 3 });
        assert_eq!(refused(0, u64::MAX, &text), RangeError::Bounds { begin: 0, end: u64::MAX });
        assert_eq!(CompactRange::from_nodes(0, 3, vec![[0; 32]]), Err(RangeError::Nodes { expected: 2, found: 1 }));
        assert_eq!(range(0, 3).join(&range(4, 5)), Err(RangeError::Apart { end: 3, begin: 4 }));
    }
}
