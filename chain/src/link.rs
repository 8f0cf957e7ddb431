//! The link: how a record is bound to the one before it. One type seals and checks, so the two can't drift apart.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::genesis::Genesis;
use crate::note::Signed;
use crate::tree::{CompactRange, Root};

/// Place of a record in its chain: 0, 1, 2, … without a gap; no arithmetic but `next`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sequence(u64);

impl Sequence {
    pub const ZERO: Self = Self(0);
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
    pub const fn get(self) -> u64 {
        self.0
    }
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Unix time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UnixNanos(pub u64);

/// SHA-256 of a content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checksum(pub [u8; 32]);

/// SHA-256 of a link.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Checksum {
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }
}

macro_rules! hex {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(const_hex::Buffer::<32>::new().format(&self.0))
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        /// 64 lower-case hex digits.
        impl FromStr for $type {
            type Err = NotHex;
            fn from_str(text: &str) -> Result<Self, NotHex> {
                let mut bytes = [0; 32];
                if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(NotHex);
                }
                const_hex::decode_to_slice(text, &mut bytes).map_err(|_| NotHex)?;
                Ok(Self(bytes))
            }
        }
    };
}
hex!(Checksum);
hex!(Hash);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 64 lower-case hex digits")]
pub struct NotHex;

/// Name of a chain: `[a-z][a-z0-9-]{0,62}`. A letter first: engines read an all-digit partition value as a number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChainName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a chain's name is a lower-case letter and up to 62 more lower-case letters, digits or hyphens")]
pub struct NotAChainName;

impl ChainName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChainName {
    type Err = NotAChainName;
    fn from_str(text: &str) -> Result<Self, NotAChainName> {
        let mut bytes = text.bytes();
        let sound = bytes.next().is_some_and(|b| b.is_ascii_lowercase())
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && text.len() <= 63;
        if sound { Ok(Self(text.to_owned())) } else { Err(NotAChainName) }
    }
}

impl fmt::Display for ChainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What binds one record to its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    pub sequence: Sequence,
    /// The collector's clock when it sealed the record.
    pub observed: UnixNanos,
    /// Hash of the record before; of record 0: the digest of the genesis text.
    pub previous: Hash,
    pub checksum: Checksum,
    pub hash: Hash,
}

impl Link {
    /// The hash that these parts make: FORMAT.md, "Link".
    pub fn compute(
        chain: &ChainName,
        sequence: Sequence,
        observed: UnixNanos,
        previous: Hash,
        checksum: Checksum,
    ) -> Hash {
        let text = LinkText::of(chain, sequence, observed, previous, checksum);
        Hash(Sha256::digest(&text.bytes[..text.len]).into())
    }

    /// The text whose SHA-256 is the hash: FORMAT.md, "Link".
    pub fn text(&self, chain: &ChainName) -> String {
        let text = LinkText::of(chain, self.sequence, self.observed, self.previous, self.checksum);
        String::from_utf8_lossy(&text.bytes[..text.len]).into_owned()
    }

    /// Reads what [`text`](Self::text) writes, and computes its hash; nothing of any other text.
    pub fn from_text(text: &str) -> Option<(ChainName, Self)> {
        let mut lines = text.strip_prefix("sealtrail/1\n")?.split('\n');
        let chain: ChainName = lines.next()?.parse().ok()?;
        let sequence = Sequence::new(lines.next()?.parse().ok()?);
        let observed = UnixNanos(lines.next()?.parse().ok()?);
        let previous: Hash = lines.next()?.parse().ok()?;
        let checksum = Checksum(lines.next()?.parse::<Hash>().ok()?.0);
        let hash = Self::compute(&chain, sequence, observed, previous, checksum);
        let link = Self { sequence, observed, previous, checksum, hash };
        // A number may be written in more ways than one, a hash too: only one of them was hashed.
        (link.text(&chain) == text).then_some((chain, link))
    }

    fn check_content(&self, content: &str) -> Result<(), Break> {
        let computed = Checksum::of(content.as_bytes());
        if computed == self.checksum { Ok(()) } else { Err(Break::Content { claimed: self.checksum, computed }) }
    }
}

/// The text under a link's hash. Every record makes one, so it stands on the stack and passes by the formatting machinery.
struct LinkText {
    bytes: [u8; Self::LONGEST],
    len: usize,
}

impl LinkText {
    /// Version, a name of 63, two numbers of 20 digits, two hashes in hex; each with its newline.
    const LONGEST: usize = 12 + 64 + 2 * 21 + 2 * 65;

    fn of(chain: &ChainName, sequence: Sequence, observed: UnixNanos, previous: Hash, checksum: Checksum) -> Self {
        let mut text = Self { bytes: [0; Self::LONGEST], len: 0 };
        text.push(b"sealtrail/1\n");
        text.push(chain.as_str().as_bytes());
        text.push(b"\n");
        text.push_decimal(sequence.get());
        text.push_decimal(observed.0);
        text.push_hex(&previous.0);
        text.push_hex(&checksum.0);
        text
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_decimal(&mut self, mut number: u64) {
        let (mut digits, mut at) = ([b'\n'; 21], 20);
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return self.push(&digits[at..]);
            }
        }
    }

    fn push_hex(&mut self, hash: &[u8; 32]) {
        self.push(const_hex::Buffer::<32>::new().format(hash).as_bytes());
        self.push(b"\n");
    }
}

/// The growing end of a chain: all that is needed to seal, or to check, the next record.
#[derive(Clone, PartialEq, Debug)]
pub struct Head {
    tip: Tip,
    tree: CompactRange,
}

impl Head {
    /// The head of a chain that holds no record yet.
    pub fn genesis(note: &Signed<Genesis>) -> Self {
        let chain = note.statement().chain().clone();
        let hash = note.statement().digest();
        let tip = Tip { chain, next: Sequence::ZERO, observed: UnixNanos(0), hash };
        Self { tip, tree: CompactRange::empty(0) }
    }

    /// A head as it was written down (a WAL file's header, a Parquet footer).
    ///
    /// # Panics
    /// Unless `tree` spans `[0, next)`: read it as that range, which refuses any other.
    pub fn resume(chain: ChainName, next: Sequence, observed: UnixNanos, hash: Hash, tree: CompactRange) -> Self {
        assert!(tree.begin() == 0 && tree.end() == next.get(), "a head's tree spans all of its records");
        Self { tip: Tip { chain, next, observed, hash }, tree }
    }

    pub fn chain(&self) -> &ChainName {
        &self.tip.chain
    }
    /// Sequence of the next record; so also the number of records so far.
    pub fn next(&self) -> Sequence {
        self.tip.next
    }
    pub fn observed(&self) -> UnixNanos {
        self.tip.observed
    }
    pub fn hash(&self) -> Hash {
        self.tip.hash
    }
    pub fn tree(&self) -> &CompactRange {
        &self.tree
    }
    pub fn root(&self) -> Root {
        self.tree.root()
    }

    /// Seals the next record. Time never goes back in a chain: a smaller `observed` is raised to the last one.
    pub fn seal(&mut self, observed: UnixNanos, checksum: Checksum) -> Link {
        let Tip { chain, next, observed: last, hash: previous } = &self.tip;
        let (sequence, observed, previous) = (*next, observed.max(*last), *previous);
        let hash = Link::compute(chain, sequence, observed, previous, checksum);
        let link = Link { sequence, observed, previous, checksum, hash };
        self.tip.advance(&link);
        self.tree.push(&link.hash);
        link
    }

    /// Checks that `link` comes next and holds `content`, then moves past it.
    pub fn follow(&mut self, link: &Link, content: &str) -> Result<(), Break> {
        link.check_content(content)?;
        self.follow_link(link)
    }

    /// As `follow`, for a reader that has no content at hand or has checked it already.
    pub fn follow_link(&mut self, link: &Link) -> Result<(), Break> {
        self.tip.follow(link)?;
        self.tree.push(&link.hash);
        Ok(())
    }
}

/// Records that follow a head, with the compact range of their own leaves.
///
/// Where both that range and the whole tree are wanted, this hashes each leaf once: the tree is joined from the range and
/// what came before it only when it is asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    tip: Tip,
    /// From 0 to where `range` begins.
    before: CompactRange,
    range: CompactRange,
}

impl Run {
    /// A run of no record yet, behind `head`.
    pub fn behind(head: Head) -> Self {
        let range = CompactRange::empty(head.next().get());
        Self { tip: head.tip, before: head.tree, range }
    }

    /// A run that began at record 0 and has come to `head`.
    pub fn from_start(head: Head) -> Self {
        Self { tip: head.tip, before: CompactRange::empty(0), range: head.tree }
    }

    pub fn chain(&self) -> &ChainName {
        &self.tip.chain
    }
    /// Sequence of the next record.
    pub fn next(&self) -> Sequence {
        self.tip.next
    }
    /// Hash of the last record.
    pub fn hash(&self) -> Hash {
        self.tip.hash
    }
    /// Of the run's own records.
    pub fn range(&self) -> &CompactRange {
        &self.range
    }

    /// The chain's head behind the run.
    pub fn head(&self) -> Head {
        let mut tree = self.before.clone();
        tree.join(&self.range).expect("the run begins where its head ends");
        Head { tip: self.tip.clone(), tree }
    }

    /// Ends the run and begins the next one behind it; returns the range that has ended.
    pub fn cut(&mut self) -> CompactRange {
        let Head { tip, tree } = self.head();
        let next = CompactRange::empty(tip.next.get());
        self.before = tree;
        std::mem::replace(&mut self.range, next)
    }

    /// Checks that `link` comes next and holds `content`, then moves past it.
    pub fn follow(&mut self, link: &Link, content: &str) -> Result<(), Break> {
        link.check_content(content)?;
        self.follow_link(link)
    }

    /// As `follow`, for a reader that has no content at hand or has checked it already.
    pub fn follow_link(&mut self, link: &Link) -> Result<(), Break> {
        self.tip.follow(link)?;
        self.range.push(&link.hash);
        Ok(())
    }
}

/// What the next link is bound to.
#[derive(Clone, PartialEq, Debug)]
struct Tip {
    chain: ChainName,
    next: Sequence,
    observed: UnixNanos,
    hash: Hash,
}

impl Tip {
    fn follow(&mut self, link: &Link) -> Result<(), Break> {
        if link.sequence != self.next {
            return Err(Break::Sequence { expected: self.next, found: link.sequence });
        }
        if link.previous != self.hash {
            return Err(Break::Previous { expected: self.hash, found: link.previous });
        }
        if link.observed < self.observed {
            return Err(Break::Time { before: self.observed, found: link.observed });
        }
        let computed = Link::compute(&self.chain, link.sequence, link.observed, link.previous, link.checksum);
        if computed != link.hash {
            return Err(Break::Hash { claimed: link.hash, computed });
        }
        self.advance(link);
        Ok(())
    }

    fn advance(&mut self, link: &Link) {
        self.next = link.sequence.next();
        self.observed = link.observed;
        self.hash = link.hash;
    }
}

/// Every way in which a record can fail to follow the one before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Break {
    #[error("expected sequence {expected}, found {found}")]
    Sequence { expected: Sequence, found: Sequence },
    #[error("expected previous hash {expected}, found {found}")]
    Previous { expected: Hash, found: Hash },
    #[error("checksum {claimed} is not that of the content, {computed}")]
    Content { claimed: Checksum, computed: Checksum },
    #[error("observed time goes back from {} to {}", before.0, found.0)]
    Time { before: UnixNanos, found: UnixNanos },
    #[error("hash {claimed} is not that of the link, {computed}")]
    Hash { claimed: Hash, computed: Hash },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head() -> Head {
        let chain = "payments-eu-1".parse().unwrap();
        Head::resume(chain, Sequence::ZERO, UnixNanos(0), Hash([7; 32]), CompactRange::empty(0))
    }

    proptest! {
        /// The text that is hashed is the one that FORMAT.md shows.
        #[test]
        fn the_hash_is_that_of_the_text(
            chain in "[a-z][a-z0-9-]{0,62}", sequence: u64, observed: u64, previous: [u8; 32], checksum: [u8; 32],
        ) {
            let (previous, checksum) = (Hash(previous), Checksum(checksum));
            let text = format!("sealtrail/1\n{chain}\n{sequence}\n{observed}\n{previous}\n{checksum}\n");
            let chain = chain.parse().unwrap();
            let hash = Link::compute(&chain, Sequence::new(sequence), UnixNanos(observed), previous, checksum);
            prop_assert_eq!(hash, Hash(Sha256::digest(&text).into()));
            let link = Link { sequence: Sequence::new(sequence), observed: UnixNanos(observed), previous, checksum, hash };
            prop_assert_eq!(link.text(&chain), text.clone());
            prop_assert_eq!(Link::from_text(&text), Some((chain, link)));
            for wrong in [text.to_uppercase(), text.trim_end().to_owned(), text.clone() + "\n", text.replacen('\n', "\n0", 2)] {
                prop_assert_eq!(Link::from_text(&wrong), None, "{}", wrong);
            }
        }

        /// What is sealed can be followed, whatever the clock did, and ends in the same head.
        #[test]
        fn what_is_sealed_is_followed(times in proptest::collection::vec(any::<u64>(), 1..20)) {
            let (mut sealer, mut reader) = (head(), head());
            let mut latest = 0;
            for time in times {
                let content = time.to_string();
                let link = sealer.seal(UnixNanos(time), Checksum::of(content.as_bytes()));
                latest = latest.max(time);
                prop_assert_eq!(link.observed, UnixNanos(latest));
                prop_assert_eq!(reader.follow(&link, &content), Ok(()));
            }
            prop_assert_eq!(sealer, reader);
        }

        /// A run says the same head as `Head` does, wherever it begins and is cut, and its ranges are those of the tree.
        #[test]
        fn a_run_comes_to_the_same_head(before in 0_u64..40, cuts in proptest::collection::vec(0_u64..40, 1..5)) {
            let mut sealer = head();
            for n in 0..before {
                sealer.seal(UnixNanos(n), Checksum::of(b""));
            }
            let (mut run, mut whole) = (Run::behind(sealer.clone()), Run::from_start(sealer.clone()));
            for cut in cuts {
                let mut range = CompactRange::empty(sealer.next().get());
                for _ in 0..cut {
                    let link = sealer.seal(UnixNanos(7), Checksum::of(b"a"));
                    range.push(&link.hash);
                    prop_assert_eq!(run.follow(&link, "a"), Ok(()));
                    prop_assert_eq!(whole.follow_link(&link), Ok(()));
                    prop_assert!(run.follow_link(&link).is_err());
                }
                prop_assert_eq!(run.head(), sealer.clone());
                prop_assert_eq!(run.cut(), range);
                prop_assert_eq!((run.next(), run.hash()), (sealer.next(), sealer.hash()));
            }
            prop_assert_eq!(whole.range(), sealer.tree());
            prop_assert_eq!(whole.head(), sealer);
        }
    }

    /// A refused record leaves the head where it was, so that a reader can go on behind it.
    #[test]
    fn a_broken_link_moves_nothing() {
        let sound = head().seal(UnixNanos(5), Checksum::of(b"a"));
        let mut reader = head();
        assert!(matches!(reader.follow(&sound, "b"), Err(Break::Content { .. })));
        let later = Link { observed: UnixNanos(6), ..sound };
        assert!(matches!(reader.follow(&later, "a"), Err(Break::Hash { .. })));
        assert_eq!(reader, head());
        assert_eq!(reader.follow(&sound, "a"), Ok(()));
    }

    #[test]
    fn hashes_are_read_in_one_writing_only() {
        let hash = Hash([0xab; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for text in [&"AB".repeat(32), &"ab".repeat(31), &"ab".repeat(33), &format!("0x{}", "ab".repeat(31)), ""] {
            assert_eq!(text.parse::<Hash>(), Err(NotHex), "{text}");
        }
    }
}
