//! The stored checkpoints of the chain, and proofs between them, from what lies beside them: no record is read for it.

use sealtrail_chain::proof::{self, ProofError};
use sealtrail_chain::segment::{Ranges, checkpoint_key, parse_checkpoint_key, range_key};
use sealtrail_chain::tree::RangeError;
use sealtrail_chain::{ChainName, Checkpoint, CompactRange};

use crate::archive::{self, Objects};

/// So many `.range` objects are read for one proof at most; a witness that lags further is brought up in steps.
const STEP: usize = 256;

/// A checkpoint's place in the archive: size and Unix seconds.
pub(super) type At = (u64, u64);

/// What is known of the archive's checkpoints: names alone, those from some size on.
pub(super) struct History {
    chain: ChainName,
    /// Smallest size that was listed.
    from: u64,
    /// Ascending.
    stored: Vec<At>,
}

/// What a witness cosigned last, as far as is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) size: u64,
    /// Whether it was our checkpoint of that size. What it only says it knows may be another history's.
    pub(super) ours: bool,
}

/// A checkpoint to be cosigned next.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) at: At,
    /// As it is stored.
    pub(super) note: String,
    /// From the size that the witness has.
    pub(super) proof: Vec<[u8; 32]>,
}

/// What is to be done about a witness that has cosigned a given size.
#[derive(Debug)]
pub(super) enum Next {
    Nothing,
    Due(Box<Due>),
    /// It cosigned a size that the archive stores no checkpoint of: what it saw is not this chain.
    Stranger,
}

/// Why no proof can be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Archive(#[from] archive::Error),
    #[error("{key} is gone from the archive; run `sealtrail verify`")]
    Gone { key: String },
    #[error("{key} is no checkpoint: {source}; run `sealtrail verify`")]
    Note { key: String, source: sealtrail_chain::note::NoteError },
    #[error("{key} does not hold the ranges of its checkpoint: {source}; run `sealtrail verify`")]
    Range { key: String, source: ProofError },
    #[error(
        "no checkpoint of {cosigned} records or more is stored, but the witness has cosigned one; run `sealtrail verify`"
    )]
    Shorter { cosigned: u64 },
}

impl Error {
    /// One word for metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Archive(error) => error.reason(),
            Self::Gone { .. } | Self::Shorter { .. } => "object_gone",
            Self::Note { .. } | Self::Range { .. } => "object_differs",
        }
    }
}

impl History {
    pub(super) fn new(chain: ChainName) -> Self {
        Self { chain, from: u64::MAX, stored: Vec::new() }
    }

    /// Lists what has come since; all of size `from` and more where less was listed so far.
    pub(super) async fn refresh(&mut self, archive: &impl Objects, from: u64) -> Result<(), archive::Error> {
        let below = format!("audit-checkpoints/chain={}/", self.chain);
        if from < self.from {
            self.stored.clear();
            self.from = from;
        }
        let behind = match self.stored.last() {
            Some((size, unix_seconds)) => checkpoint_key(&self.chain, *size, *unix_seconds),
            // Any key of this size is longer, and so comes behind.
            None => format!("{below}{:020}", self.from),
        };
        for object in archive.list_behind(&below, &behind).await? {
            if let Some((chain, size, unix_seconds)) = parse_checkpoint_key(&object.key)
                && chain == self.chain
            {
                self.stored.push((size, unix_seconds));
            }
        }
        self.stored.sort_unstable();
        self.stored.dedup();
        Ok(())
    }

    pub(super) fn newest(&self) -> Option<At> {
        self.stored.last().copied()
    }

    /// The first stored checkpoint of more than `size` records.
    pub(super) fn behind(&self, size: u64) -> Option<At> {
        self.stored.get(self.stored.partition_point(|at| at.0 <= size)).copied()
    }

    /// What a witness is to be asked.
    pub(super) async fn next(&self, archive: &impl Objects, known: Known) -> Result<Next, Error> {
        let old = known.size;
        let Some(newest) = self.stored.last().copied().filter(|newest| newest.0 >= old) else {
            return if old == 0 { Ok(Next::Nothing) } else { Err(Error::Shorter { cosigned: old }) };
        };
        if old == newest.0 && known.ours {
            return Ok(Next::Nothing);
        }
        // From nothing, and to the same size, there is no way to prove: the witness compares the roots.
        if old == 0 || old == newest.0 {
            let (_, note) = self.checkpoint(archive, newest).await?;
            return Ok(Next::Due(Box::new(Due { at: newest, note, proof: Vec::new() })));
        }
        let Some(first) = self.stored.iter().find(|at| at.0 == old).copied() else { return Ok(Next::Stranger) };
        let further = self.stored.get(self.stored.partition_point(|at| at.0 <= old)..).unwrap_or_default();
        let steps: Vec<At> = further.iter().take(STEP).copied().collect();
        let at = steps.last().copied().unwrap_or(newest);
        let (known, _) = self.checkpoint(archive, first).await?;
        let before = self.ranges(archive, first).await?.whole;
        self.expect(&before, &known, first)?;
        let mut since = CompactRange::empty(old);
        for step in steps {
            let ranges = self.ranges(archive, step).await?;
            since.join(&ranges.since).map_err(|source| self.range(step, source))?;
        }
        let (checkpoint, note) = self.checkpoint(archive, at).await?;
        let mut whole = before.clone();
        whole.join(&since).map_err(|source| self.range(at, source))?;
        self.expect(&whole, &checkpoint, at)?;
        let proof = proof::consistency(&before, &since);
        let proof = proof.map_err(|source| Error::Range { key: self.range_key(at), source })?;
        Ok(Next::Due(Box::new(Due { at, note, proof })))
    }

    /// That a range has the root that was signed: a witness must not be asked what is wrong with our own objects.
    fn expect(&self, range: &CompactRange, checkpoint: &Checkpoint, at: At) -> Result<(), Error> {
        match range.end() == checkpoint.size && range.root() == checkpoint.root {
            true => Ok(()),
            false => Err(Error::Range { key: self.range_key(at), source: ProofError::Root { size: checkpoint.size } }),
        }
    }

    async fn checkpoint(&self, archive: &impl Objects, at: At) -> Result<(Checkpoint, String), Error> {
        let key = checkpoint_key(&self.chain, at.0, at.1);
        let note = text(archive, &key).await?;
        match Checkpoint::parse(&note) {
            Ok(checkpoint) => Ok((checkpoint, note)),
            Err(source) => Err(Error::Note { key, source }),
        }
    }

    async fn ranges(&self, archive: &impl Objects, at: At) -> Result<Ranges, Error> {
        let text = text(archive, &self.range_key(at)).await?;
        Ranges::from_text(at.0, &text).map_err(|source| self.range(at, source))
    }

    fn range_key(&self, at: At) -> String {
        range_key(&self.chain, at.0, at.1)
    }

    fn range(&self, at: At, source: RangeError) -> Error {
        Error::Range { key: self.range_key(at), source: source.into() }
    }
}

async fn text(archive: &impl Objects, key: &str) -> Result<String, Error> {
    let bytes = archive.note(key).await?.ok_or_else(|| Error::Gone { key: key.to_owned() })?;
    // Bytes that are no text become characters that neither a note nor a range holds.
    Ok(String::from_utf8(bytes).unwrap_or_default())
}
