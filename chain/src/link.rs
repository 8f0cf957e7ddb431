//! The link: how a record is bound to the one before it. One type seals and checks, so the two can't drift apart.

use std::fmt::{self, Write as _};
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
        let mut text = String::with_capacity(256);
        write!(text, "sealtrail/1\n{chain}\n{sequence}\n{}\n{previous}\n{checksum}\n", observed.0)
            .expect("writing to a String can't fail");
        Hash(Sha256::digest(text.as_bytes()).into())
    }
}

/// The growing end of a chain: all that is needed to seal, or to check, the next record.
#[derive(Clone, PartialEq, Debug)]
pub struct Head {
    chain: ChainName,
    next: Sequence,
    observed: UnixNanos,
    hash: Hash,
    tree: CompactRange,
}

impl Head {
    /// The head of a chain that holds no record yet.
    pub fn genesis(note: &Signed<Genesis>) -> Self {
        Self {
            chain: note.statement().chain().clone(),
            next: Sequence::ZERO,
            observed: UnixNanos(0),
            hash: note.statement().digest(),
            tree: CompactRange::empty(0),
        }
    }

    /// A head as it was written down (a WAL file's header, a Parquet footer). `tree` must span `[0, next)`.
    pub fn resume(chain: ChainName, next: Sequence, observed: UnixNanos, hash: Hash, tree: CompactRange) -> Self {
        assert!(tree.begin() == 0 && tree.end() == next.get(), "a head's tree spans all of its records");
        Self { chain, next, observed, hash, tree }
    }

    pub fn chain(&self) -> &ChainName {
        &self.chain
    }
    /// Sequence of the next record; so also the number of records so far.
    pub fn next(&self) -> Sequence {
        self.next
    }
    pub fn observed(&self) -> UnixNanos {
        self.observed
    }
    pub fn hash(&self) -> Hash {
        self.hash
    }
    pub fn tree(&self) -> &CompactRange {
        &self.tree
    }
    pub fn root(&self) -> Root {
        self.tree.root()
    }

    /// Seals the next record. Time never goes back in a chain: a smaller `observed` is raised to the last one.
    pub fn seal(&mut self, observed: UnixNanos, checksum: Checksum) -> Link {
        let observed = observed.max(self.observed);
        let hash = Link::compute(&self.chain, self.next, observed, self.hash, checksum);
        let link = Link { sequence: self.next, observed, previous: self.hash, checksum, hash };
        self.advance(&link);
        link
    }

    /// Checks that `link` comes next and holds `content`, then moves past it.
    pub fn follow(&mut self, link: &Link, content: &str) -> Result<(), Break> {
        let computed = Checksum::of(content.as_bytes());
        if computed != link.checksum {
            return Err(Break::Content { claimed: link.checksum, computed });
        }
        self.follow_link(link)
    }

    /// As `follow`, for a reader that has no content at hand or has checked it already.
    pub fn follow_link(&mut self, link: &Link) -> Result<(), Break> {
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
        self.tree.push(&link.hash);
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
