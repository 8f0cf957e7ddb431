//! The link: how a record is bound to the one before it. One type seals and checks (`Head`), so the two can't drift apart.

mod head;
mod values;

use crate::sha256::{self, Block, Hashing};

pub use head::{Head, Run};
pub use values::{ChainName, Checksum, Hash, NotAChainName, NotHex, Sequence, UnixNanos};

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
        Hash(text.hashing().finish())
    }

    /// The text whose SHA-256 is the hash: FORMAT.md, "Link".
    pub fn text(&self, chain: &ChainName) -> String {
        String::from_utf8_lossy(self.link_text(chain).as_bytes()).into_owned()
    }

    fn link_text(&self, chain: &ChainName) -> LinkText {
        LinkText::of(chain, self.sequence, self.observed, self.previous, self.checksum)
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

/// The text under a link's hash, padded for SHA-256. Every record makes one, so it stands on the stack and passes by the
/// formatting machinery.
struct LinkText {
    blocks: [Block; sha256::blocks_of(Self::LONGEST)],
    len: usize,
}

impl LinkText {
    /// Version, a name of 63, two numbers of 20 digits, two hashes in hex; each with its newline.
    const LONGEST: usize = 12 + 64 + 2 * 21 + 2 * 65;

    fn of(chain: &ChainName, sequence: Sequence, observed: UnixNanos, previous: Hash, checksum: Checksum) -> Self {
        let mut text = Self { blocks: [[0; 64]; _], len: 0 };
        text.push(b"sealtrail/1\n");
        text.push(chain.as_str().as_bytes());
        text.push(b"\n");
        text.push_decimal(sequence.get());
        text.push_decimal(observed.0);
        text.push_hex(&previous.0);
        text.push_hex(&checksum.0);
        sha256::pad(&mut text.blocks, text.len, text.len);
        text
    }

    fn as_bytes(&self) -> &[u8] {
        &self.blocks.as_flattened()[..self.len]
    }

    fn hashing(&self) -> Hashing<'_> {
        Hashing::of(&self.blocks[..sha256::blocks_of(self.len)])
    }

    fn push(&mut self, bytes: &[u8]) {
        self.blocks.as_flattened_mut()[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_decimal(&mut self, number: u64) {
        self.push(itoa::Buffer::new().format(number).as_bytes());
        self.push(b"\n");
    }

    fn push_hex(&mut self, hash: &[u8; 32]) {
        let room = &mut self.blocks.as_flattened_mut()[self.len..self.len + 64];
        const_hex::encode_to_slice(hash, room).expect("a hash is twice as long in hex");
        self.len += room.len();
        self.push(b"\n");
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
    use sha2::{Digest, Sha256};

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
    }
}
