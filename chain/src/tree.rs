//! The RFC 6962 tree over the hashes of a chain: leaf n = SHA-256(0x00 || hash n).

use crate::link::Hash;

/// Root of a tree (RFC 6962, 2.1); of no leaves: SHA-256 of nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Root(pub [u8; 32]);

/// The roots of the largest perfect subtrees that tile `[begin, end)`, left to right: what must be known of those leaves to
/// append to them, to join them with a neighbour, and, from 0, to say their root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CompactRange {
    begin: u64,
    end: u64,
    /// Left to right; level and index of each follow from `begin` and `end`.
    nodes: Vec<[u8; 32]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    #[error("a range of {expected} nodes was given {found}")]
    Nodes { expected: usize, found: usize },
    #[error("the range ends at {end}, the next begins at {begin}")]
    Apart { end: u64, begin: u64 },
    #[error("line {line} is not `level index hex` of the node that belongs there")]
    Line { line: usize },
}

impl CompactRange {
    pub fn empty(begin: u64) -> Self {
        Self { begin, end: begin, nodes: Vec::new() }
    }
    pub fn from_nodes(begin: u64, end: u64, nodes: Vec<[u8; 32]>) -> Result<Self, RangeError> {
        let _ = (begin, end, nodes);
        todo!()
    }
    pub fn begin(&self) -> u64 {
        self.begin
    }
    pub fn end(&self) -> u64 {
        self.end
    }
    pub fn nodes(&self) -> &[[u8; 32]] {
        &self.nodes
    }
    /// Level and index of each node, left to right.
    pub fn places(begin: u64, end: u64) -> Vec<(u8, u64)> {
        let _ = (begin, end);
        todo!()
    }
    /// Appends the leaf of one record.
    pub fn push(&mut self, hash: &Hash) {
        let _ = hash;
        todo!()
    }
    /// Appends all leaves of `right`, which begins where this range ends.
    pub fn join(&mut self, right: &Self) -> Result<(), RangeError> {
        let _ = right;
        todo!()
    }
    /// Root of the tree of `[0, end)`; panics unless the range begins at 0.
    pub fn root(&self) -> Root {
        todo!()
    }
    /// Lines `level index hex`, as in a `.range` object and in the footers.
    pub fn to_text(&self) -> String {
        todo!()
    }
    pub fn from_text(begin: u64, end: u64, text: &str) -> Result<Self, RangeError> {
        let _ = (begin, end, text);
        todo!()
    }
}
