//! Inclusion and consistency proofs (RFC 6962, 2.1.1 and 2.1.2) and C2SP `tlog-proof`.
//!
//! Proofs are made from compact ranges, which a `.range` object, a footer or a pass over the stored hashes gives, and are
//! checked against roots that a checkpoint vouches for. What is checked here says nothing about who signed the checkpoint,
//! except in [`Proof::verify`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::checkpoint::{Checkpoint, Signatures, parse_root, parse_size};
use crate::link::Hash;
use crate::note::{NoteError, Signed, Vkey};
use crate::segment::Ranges;
use crate::tree::{CompactRange, RangeError, Root, inner, leaf};

/// First line of a `tlog-proof`.
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// A tree of fewer than 2^63 leaves has no longer path.
const MAX_PATH: usize = 63;

/// Why something is not proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("record {index} is not in a tree of {size}")]
    Outside { index: u64, size: u64 },
    #[error("a tree of {size} does not come after one of {old}")]
    Backwards { old: u64, size: u64 },
    #[error("the proof has {found} hashes, where {expected} belong")]
    Length { expected: usize, found: usize },
    #[error("the proof does not lead to the root at {size}")]
    Root { size: u64 },
    #[error("the ranges do not fit together: {0}")]
    Ranges(#[from] RangeError),
    #[error("not a tlog-proof: {0}")]
    Form(&'static str),
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Checks that two checkpoints are of one growing log, from what lies beside the stored checkpoints: `before` is the range
/// `[0, old.size)`, and each of `ranges` goes on where the last one ended, up to `new.size`.
pub fn consistent(
    old: &Checkpoint,
    before: &CompactRange,
    ranges: &[Ranges],
    new: &Checkpoint,
) -> Result<(), ProofError> {
    let mut range = CompactRange::empty(0);
    range.join(before)?;
    expect_root(&range, old)?;
    for next in ranges {
        range.join(&next.since)?;
    }
    expect_root(&range, new)
}

fn expect_root(range: &CompactRange, checkpoint: &Checkpoint) -> Result<(), ProofError> {
    if range.end() != checkpoint.size {
        return Err(RangeError::Apart { end: range.end(), begin: checkpoint.size }.into());
    }
    if range.root() != checkpoint.root {
        return Err(ProofError::Root { size: checkpoint.size });
    }
    Ok(())
}

/// The inclusion proof of the record between `before`, `[0, index)`, and `after`, `[index + 1, size)`.
pub fn inclusion(before: &CompactRange, after: &CompactRange) -> Result<Vec<[u8; 32]>, ProofError> {
    let (index, size) = (before.end(), after.end());
    if before.begin() != 0 || after.begin() != index + 1 {
        return Err(RangeError::Apart { end: index + 1, begin: after.begin() }.into());
    }
    let (mut path, mut begin, mut end) = (Vec::new(), 0, size);
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            path.push(span(after, middle, end));
            end = middle;
        } else {
            path.push(span(before, begin, middle));
            begin = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The consistency proof between the trees of `[0, old)`, `before`, and `[0, size)`, `before` and `since` together.
pub fn consistency(before: &CompactRange, since: &CompactRange) -> Result<Vec<[u8; 32]>, ProofError> {
    let (old, size) = (before.end(), since.end());
    if before.begin() != 0 || since.begin() != old {
        return Err(RangeError::Apart { end: old, begin: since.begin() }.into());
    }
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    let (mut path, mut begin, mut end) = (Vec::new(), 0, size);
    while old != end {
        let middle = begin + split(end - begin);
        if old <= middle {
            path.push(span(since, middle, end));
            end = middle;
        } else {
            path.push(span(before, begin, middle));
            begin = middle;
        }
    }
    // The old tree's last subtree; where that is all of the old tree, its root is known already.
    if begin != 0 {
        path.push(span(before, begin, end));
    }
    path.reverse();
    Ok(path)
}

/// Checks that the record with link hash `hash` is number `index` of the tree of `size` under `root`.
pub fn verify_inclusion(hash: &Hash, index: u64, size: u64, path: &[[u8; 32]], root: &Root) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { index, size });
    }
    below_limit(index, size)?;
    // Up to where the ways to this leaf and to the last one meet, there is a sibling at each level; above, only to the left.
    let below = (index ^ (size - 1)).checked_ilog2().map_or(0, |bits| bits + 1);
    let expected = (below + (index >> below).count_ones()) as usize;
    if path.len() != expected {
        return Err(ProofError::Length { expected, found: path.len() });
    }
    let mut node = leaf(hash);
    for (level, sibling) in path.iter().enumerate() {
        let right = level >= below as usize || (index >> level) & 1 == 1;
        node = if right { inner(sibling, &node) } else { inner(&node, sibling) };
    }
    if node == root.0 { Ok(()) } else { Err(ProofError::Root { size }) }
}

/// Checks that the tree of `old_size` under `old_root` is the beginning of that of `size` under `root` (RFC 9162, 2.1.4.2).
pub fn verify_consistency(
    (old_size, old_root): (u64, &Root),
    (size, root): (u64, &Root),
    path: &[[u8; 32]],
) -> Result<(), ProofError> {
    if old_size > size {
        return Err(ProofError::Backwards { old: old_size, size });
    }
    below_limit(old_size, size)?;
    if old_size == 0 || old_size == size {
        let empty = CompactRange::empty(0).root();
        return match () {
            () if !path.is_empty() => Err(ProofError::Length { expected: 0, found: path.len() }),
            () if old_size == 0 && *old_root != empty => Err(ProofError::Root { size: 0 }),
            () if old_size == size && old_root != root => Err(ProofError::Root { size }),
            () => Ok(()),
        };
    }
    let perfect = old_size.trailing_zeros();
    let (mut last_old, mut last) = ((old_size - 1) >> perfect, (size - 1) >> perfect);
    let below = (last_old ^ last).checked_ilog2().map_or(0, |bits| bits + 1);
    let whole = old_size.is_power_of_two();
    let expected = (below + (last_old >> below).count_ones()) as usize + usize::from(!whole);
    if path.len() != expected {
        return Err(ProofError::Length { expected, found: path.len() });
    }
    let mut path = path.iter();
    let seed = if whole { old_root.0 } else { *path.next().expect("its length was checked") };
    let (mut old_node, mut node) = (seed, seed);
    for sibling in path {
        if last_old & 1 == 1 || last_old == last {
            (old_node, node) = (inner(sibling, &old_node), inner(sibling, &node));
            // Levels at which the right border has no left sibling fall away.
            let skipped = if last_old & 1 == 1 { 0 } else { last_old.trailing_zeros() };
            (last_old, last) = (last_old >> skipped, last >> skipped);
        } else {
            node = inner(&node, sibling);
        }
        (last_old, last) = (last_old >> 1, last >> 1);
    }
    match (old_node == old_root.0, node == root.0) {
        (false, _) => Err(ProofError::Root { size: old_size }),
        (_, false) => Err(ProofError::Root { size }),
        _ => Ok(()),
    }
}

/// Sizes stay below 2^63, so shifts by a level are sound.
fn below_limit(begin: u64, size: u64) -> Result<(), RangeError> {
    if size > i64::MAX as u64 { Err(RangeError::Bounds { begin, end: size }) } else { Ok(()) }
}

/// A proof that travels alone (c2sp.org/tlog-proof): where a record stands in a checkpoint's tree, and the checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// Data of the application; nothing vouches for it.
    pub extra: Option<Vec<u8>>,
    /// Sequence of the record.
    pub index: u64,
    /// From the leaf's sibling up to the root's child.
    pub path: Vec<[u8; 32]>,
    /// The signed checkpoint, unverified.
    pub checkpoint: String,
}

impl Proof {
    pub fn to_text(&self) -> String {
        let extra = self.extra.as_ref().map_or(String::new(), |extra| format!("extra {}\n", BASE64.encode(extra)));
        let path: String = self.path.iter().map(|hash| BASE64.encode(hash) + "\n").collect();
        format!("{FIRST_LINE}\n{extra}index {}\n{path}\n{}", self.index, self.checkpoint)
    }

    /// Reads a proof; whether it proves anything, [`verify`](Self::verify) says.
    pub fn from_text(text: &str) -> Result<Self, ProofError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofError::Form("it has no empty line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ProofError::Form("its first line is not `c2sp.org/tlog-proof@v1`"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(|line| BASE64.decode(&line["extra ".len()..]));
        let extra = extra.transpose().map_err(|_| ProofError::Form("its extra data is not base64"))?;
        let index = lines.next().and_then(|line| parse_size(line.strip_prefix("index ")?));
        let index = index.ok_or(ProofError::Form("it has no index"))?;
        let path: Option<Vec<[u8; 32]>> = lines.map(|line| parse_root(line).map(|hash| hash.0)).collect();
        let path =
            path.filter(|path| path.len() <= MAX_PATH).ok_or(ProofError::Form("its path is not lines of hashes"))?;
        Checkpoint::parse(checkpoint)?;
        Ok(Self { extra, index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that the record with link hash `hash` stands at `index` under the checkpoint, and what known keys say of that.
    /// As with [`Checkpoint::verify`], an empty `held` means: signed by nobody known.
    pub fn verify(&self, hash: &Hash, keys: &[Vkey]) -> Result<(Signed<Checkpoint>, Signatures), ProofError> {
        let (checkpoint, signatures) = Checkpoint::verify(&self.checkpoint, keys)?;
        let Checkpoint { size, root, .. } = checkpoint.statement();
        verify_inclusion(hash, self.index, *size, &self.path, root)?;
        Ok((checkpoint, signatures))
    }
}

/// The largest power of two smaller than `leaves`, which are two or more: where RFC 6962 splits them.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Root of the subtree over `[begin, end)`, one of those that RFC 6962's splitting makes, from the nodes of a range that
/// holds it.
fn span(range: &CompactRange, begin: u64, end: u64) -> [u8; 32] {
    let places = CompactRange::places(range.begin(), range.end());
    let within =
        places.iter().zip(range.nodes()).filter(|((level, index), _)| (begin..end).contains(&(index << level)));
    let right_to_left = within.map(|(_, node)| *node).rev();
    right_to_left.reduce(|right, left| inner(&left, &right)).expect("a range holds nodes of the subtrees within it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    fn hash(n: u64) -> Hash {
        Hash(Sha256::digest(n.to_be_bytes()).into())
    }

    fn range(begin: u64, end: u64) -> CompactRange {
        let mut range = CompactRange::empty(begin);
        (begin..end).for_each(|n| range.push(&hash(n)));
        range
    }

    /// Every record of every small tree is proved, and for no other record, place, size or root.
    #[test]
    fn inclusion_is_proved_and_nothing_else() {
        for size in 1..=33 {
            let root = range(0, size).root();
            for index in 0..size {
                let path = inclusion(&range(0, index), &range(index + 1, size)).unwrap();
                assert_eq!(verify_inclusion(&hash(index), index, size, &path, &root), Ok(()), "{index} of {size}");
                assert!(verify_inclusion(&hash(index + 1), index, size, &path, &root).is_err());
                assert!(verify_inclusion(&hash(index), index ^ 1, size, &path, &root).is_err() || size == 1);
                assert!(verify_inclusion(&hash(index), index, size, &path, &range(0, size + 1).root()).is_err());
                assert!((0..path.len()).all(|n| {
                    let mut wrong = path.clone();
                    wrong[n][0] ^= 1;
                    verify_inclusion(&hash(index), index, size, &wrong, &root) == Err(ProofError::Root { size })
                }));
                let longer = [path, vec![[0; 32]]].concat();
                assert!(matches!(
                    verify_inclusion(&hash(index), index, size, &longer, &root),
                    Err(ProofError::Length { .. })
                ));
            }
            assert_eq!(
                verify_inclusion(&hash(size), size, size, &[], &root),
                Err(ProofError::Outside { index: size, size })
            );
        }
    }

    #[test]
    fn consistency_is_proved_and_nothing_else() {
        for size in 0..=33 {
            let root = range(0, size).root();
            for old in 0..=size {
                let (before, since) = (range(0, old), range(old, size));
                let path = consistency(&before, &since).unwrap();
                let verify = |old_root: &Root, root: &Root, path: &[[u8; 32]]| {
                    verify_consistency((old, old_root), (size, root), path)
                };
                assert_eq!(verify(&before.root(), &root, &path), Ok(()), "{old} to {size}");
                assert!(verify(&Root([1; 32]), &root, &path).is_err());
                assert!(verify(&before.root(), &Root([1; 32]), &path).is_err() || old == 0);
                assert!((0..path.len()).all(|n| {
                    let mut wrong = path.clone();
                    wrong[n][31] ^= 1;
                    verify(&before.root(), &root, &wrong).is_err()
                }));
                let longer = [path, vec![[0; 32]]].concat();
                assert!(matches!(verify(&before.root(), &root, &longer), Err(ProofError::Length { .. })));
            }
            assert!(matches!(
                verify_consistency((size + 1, &root), (size, &root), &[]),
                Err(ProofError::Backwards { .. })
            ));
        }
    }

    proptest! {
        /// Whatever is claimed, checking ends in a verdict.
        #[test]
        fn hostile_proofs_end_in_an_error(old: u64, size: u64, path in proptest::collection::vec(any::<[u8; 32]>(), 0..70)) {
            prop_assert!(verify_inclusion(&hash(0), old, size, &path, &Root([0; 32])).is_err());
            let verdict = verify_consistency((old, &Root([0; 32])), (size, &Root([1; 32])), &path);
            prop_assert!(verdict.is_err());
        }

        #[test]
        fn larger_trees_are_consistent(old in 1u64..3000, more in 0u64..3000) {
            let (before, since) = (range(0, old), range(old, old + more));
            let mut whole = before.clone();
            whole.join(&since).unwrap();
            let path = consistency(&before, &since).unwrap();
            let verdict = verify_consistency((old, &before.root()), (old + more, &whole.root()), &path);
            prop_assert_eq!(verdict, Ok(()));
        }
    }

    #[test]
    fn stored_ranges_prove_stored_checkpoints() {
        let at = |size| Checkpoint { origin: "log.example/a".to_owned(), size, root: range(0, size).root() };
        let between = |old, size| Ranges { whole: range(0, size), since: range(old, size) };
        let steps = [between(5, 9), between(9, 40)];
        assert_eq!(consistent(&at(5), &range(0, 5), &steps, &at(40)), Ok(()));
        assert!(matches!(consistent(&at(5), &range(0, 5), &steps[1..], &at(40)), Err(ProofError::Ranges(_))));
        assert!(matches!(consistent(&at(5), &range(0, 5), &steps[..1], &at(40)), Err(ProofError::Ranges(_))));
        let forged = Checkpoint { root: at(41).root, ..at(40) };
        assert_eq!(consistent(&at(5), &range(0, 5), &steps, &forged), Err(ProofError::Root { size: 40 }));
        let forged = Checkpoint { root: at(6).root, ..at(5) };
        assert_eq!(consistent(&forged, &range(0, 5), &steps, &at(40)), Err(ProofError::Root { size: 5 }));
    }
}
