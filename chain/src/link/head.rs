//! Where a chain grows: what the next link is bound to, for whoever seals it and for whoever checks it.
//!
//! A link that does not follow moves nothing, so a reader can say so and go on behind it.

use super::{Break, ChainName, Checksum, Hash, Link, Sequence, UnixNanos};
use crate::genesis::Genesis;
use crate::note::Signed;
use crate::tree::{CompactRange, Root};

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
        let mut sealed = self.tip.unsealed(observed, checksum);
        sealed.hash = Hash(sealed.link_text(&self.tip.chain).hashing().finish());
        self.tip.advance(&sealed);
        self.tree.push(&sealed.hash);
        sealed
    }

    /// Seals records that follow each other, all at `observed`: as [`seal`](Self::seal) does one after the other, in less
    /// time, since a record's leaf is hashed beside the next one's link. `each` is given every record with its link; a head
    /// in which it panics is lost.
    pub fn seal_all<R>(
        &mut self,
        observed: UnixNanos,
        records: impl IntoIterator<Item = R>,
        checksum: impl Fn(&R) -> Checksum,
        mut each: impl FnMut(R, Link),
    ) {
        let mut last: Option<Hash> = None;
        for record in records {
            let mut link = self.tip.unsealed(observed, checksum(&record));
            let text = link.link_text(&self.tip.chain);
            link.hash = match &last {
                Some(last) => self.tree.push_beside(last, text.hashing()),
                None => Hash(text.hashing().finish()),
            };
            self.tip.advance(&link);
            last = Some(link.hash);
            each(record, link);
        }
        if let Some(last) = last {
            self.tree.push(&last);
        }
    }

    /// Checks that `link` comes next and holds `content`, then moves past it.
    pub fn follow(&mut self, link: &Link, content: &str) -> Result<(), Break> {
        link.check_content(content)?;
        self.follow_link(link)
    }

    /// As `follow`, for a reader that has no content at hand or has checked it already.
    pub fn follow_link(&mut self, link: &Link) -> Result<(), Break> {
        self.tip.follow(link, &mut self.tree)
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
        self.tip.follow(link, &mut self.range)
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
    /// Moves past `link`, and appends its leaf to `tree`.
    fn follow(&mut self, link: &Link, tree: &mut CompactRange) -> Result<(), Break> {
        if link.sequence != self.next {
            return Err(Break::Sequence { expected: self.next, found: link.sequence });
        }
        if link.previous != self.hash {
            return Err(Break::Previous { expected: self.hash, found: link.previous });
        }
        if link.observed < self.observed {
            return Err(Break::Time { before: self.observed, found: link.observed });
        }
        let text = link.link_text(&self.chain);
        let pushed = tree.push_if(&link.hash, text.hashing());
        pushed.map_err(|computed| Break::Hash { claimed: link.hash, computed })?;
        self.advance(link);
        Ok(())
    }

    /// What the next record's link is, but for its hash.
    fn unsealed(&self, observed: UnixNanos, checksum: Checksum) -> Link {
        let observed = observed.max(self.observed);
        Link { sequence: self.next, observed, previous: self.hash, checksum, hash: Hash([0; 32]) }
    }

    fn advance(&mut self, link: &Link) {
        self.next = link.sequence.next();
        self.observed = link.observed;
        self.hash = link.hash;
    }
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
        /// Records that are sealed together get the links that each gets alone.
        #[test]
        fn sealed_together_as_each_alone(groups in proptest::collection::vec((any::<u64>(), 0_u64..20), 1..6)) {
            let (mut together, mut alone) = (head(), head());
            for (time, records) in groups {
                let mut links = Vec::new();
                let checksum = |record: &u64| Checksum::of(&record.to_be_bytes());
                together.seal_all(UnixNanos(time), 0..records, checksum, |record, link| links.push((record, link)));
                let each: Vec<_> =
                    (0..records).map(|record| (record, alone.seal(UnixNanos(time), checksum(&record)))).collect();
                prop_assert_eq!(links, each);
                prop_assert_eq!(&together, &alone);
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
        // Nor does the tree, however many of its nodes a sound link would have merged.
        let mut sealer = reader.clone();
        for n in 1..9 {
            let sound = sealer.seal(UnixNanos(5), Checksum::of(b"a"));
            let claimed = Link { hash: Hash([n; 32]), ..sound };
            let before = reader.clone();
            assert_eq!(reader.follow_link(&claimed), Err(Break::Hash { claimed: claimed.hash, computed: sound.hash }));
            assert_eq!(reader, before);
            assert_eq!(reader.follow_link(&sound), Ok(()));
        }
    }
}
