//! What others say of the stored checkpoints: cosignatures of witnesses and time stamps, in objects beside them.
//!
//! A witness is believed where its key was given, and no further: what lies here by others is counted and said. That a cosignature
//! was taken away shows in the chain, which names each (`own`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::note::{Note, SignatureLine, Vkey};
use sealtrail_chain::{ChainName, Checkpoint, Root};
use sealtrail_timestamp::{Authorities, Problem, Revoked, Stamp};

use super::checkpoints::key_id;
use super::finding::{Code, Finding};
use super::fold::{Anchor, hex};
use super::keys::Epochs;
use super::store::{self, Store};
use super::trust::Witness;

/// An object beside a checkpoint that somebody else's word stands in, by its name.
pub(super) struct Lying {
    pub(super) path: PathBuf,
    /// Size and Unix seconds in its name.
    pub(super) size: u64,
    pub(super) seconds: u64,
    pub(super) what: What,
}

impl Lying {
    /// The checkpoint that it belongs to.
    fn checkpoint(&self) -> PathBuf {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
        self.path.with_file_name(format!("{stem}.checkpoint"))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// By the witness with this key id.
    Cosigned([u8; 4]),
    /// A time stamp over the note.
    Stamp,
}

/// So much may a witness's clock differ from the collector's, and from ours: a day.
const SKEW: u64 = 86_400;

/// By what such an object is judged.
pub(super) struct Judge<'a> {
    pub(super) chain: &'a ChainName,
    /// The chain's keys; none where its genesis is not known.
    pub(super) epochs: &'a Epochs,
    pub(super) witnesses: &'a [&'a Witness],
    /// Unix seconds; 0: not known.
    pub(super) now: u64,
    pub(super) authorities: Option<&'a Authorities>,
    pub(super) anchors: &'a [Anchor],
    pub(super) store: &'a dyn Store,
}

/// What one object says.
pub(super) enum Verdict {
    /// A given witness cosigned so many records at that time, which may be none that can be true.
    Cosigned {
        witness: String,
        size: u64,
        unix_seconds: u64,
        impossible: bool,
    },
    /// It may hold: the witness's key was not given.
    Unknown,
    /// So many records existed before that time, by an authority whose authorities were given.
    Stamped {
        signer: String,
        size: u64,
        unix_seconds: u64,
    },
    /// It holds; by whom it is was not asked.
    UnknownStamp,
    /// It holds by itself, and none of the given authorities vouches for its signer.
    UntrustedStamp,
    Finding(Box<Finding>),
    /// Why it could not be read.
    Unread(PathBuf, String),
}

impl Judge<'_> {
    pub(super) fn judge(&self, lying: &Lying) -> Verdict {
        let judged = match lying.what {
            What::Cosigned(id) => self.cosigned(lying, id),
            What::Stamp => self.stamped(lying),
        };
        judged.unwrap_or_else(|verdict| verdict)
    }

    /// Whether it is locked, and what stands beside it.
    pub(super) fn locks(&self, lying: &Lying) -> Vec<Finding> {
        let lists = lying.checkpoint().with_extension("crl");
        let lists = Some(lists).filter(|path| lying.what == What::Stamp && self.store.is_file(path));
        let paths = [Some(lying.path.clone()), lists].into_iter().flatten();
        paths.filter_map(|path| store::lock(self.store, &path, self.chain, lying.size.saturating_sub(1))).collect()
    }

    /// A stamp over the note as it is stored, whatever is thought of the note itself.
    fn stamped(&self, lying: &Lying) -> Result<Verdict, Verdict> {
        let place: Arc<str> = lying.path.display().to_string().into();
        let wrong = |found: &dyn std::fmt::Display| {
            let finding = Finding::at(Code::Stamp, self.chain, lying.size.saturating_sub(1), &place);
            Verdict::Finding(Box::new(finding.expected("a time stamp over the checkpoint beside it", found)))
        };
        let bytes = self.bytes(&lying.path)?;
        let checkpoint = lying.checkpoint();
        if !self.store.is_file(&checkpoint) {
            let finding = Finding::at(Code::CheckpointMissing, self.chain, lying.size.saturating_sub(1), &place);
            let expected = format!("a checkpoint of size {} beside it", lying.size);
            return Err(Verdict::Finding(Box::new(finding.expected(expected, "none"))));
        }
        let note = self.bytes(&checkpoint)?;
        let stamp = Stamp::read(&bytes).map_err(|problem| wrong(&problem))?;
        stamp.check(&note).map_err(|problem| wrong(&problem))?;
        let Some(authorities) = self.authorities else { return Ok(Verdict::UnknownStamp) };
        let list = checkpoint.with_extension("crl");
        let revoked = match self.store.is_file(&list) {
            true => Revoked::from_pem(&self.bytes(&list)?).map_err(|problem| wrong(&problem))?,
            false => Revoked::default(),
        };
        match stamp.vouched(authorities, &revoked) {
            Ok(()) => {}
            Err(Problem::Path(_)) => return Ok(Verdict::UntrustedStamp),
            Err(problem) => return Err(wrong(&problem)),
        }
        Ok(Verdict::Stamped { signer: stamp.signer(), size: lying.size, unix_seconds: stamp.unix_seconds() })
    }

    fn bytes(&self, path: &Path) -> Result<Vec<u8>, Verdict> {
        self.store.read(path).map_err(|error| Verdict::Unread(path.to_owned(), error.to_string()))
    }

    fn cosigned(&self, lying: &Lying, id: [u8; 4]) -> Result<Verdict, Verdict> {
        let place: Arc<str> = lying.path.display().to_string().into();
        let find = |code, expected: String, found: String| {
            let finding = Finding::at(code, self.chain, lying.size.saturating_sub(1), &place);
            Verdict::Finding(Box::new(finding.expected(expected, found)))
        };
        let wrong = |expected: &str, found: String| find(Code::Cosignature, expected.to_owned(), found);
        let note = self.read(lying)?;
        let witness = self.witnesses.iter().flat_map(|witness| witness.keys()).find(|key| key.id() == id);
        let mut keys = self.epochs.keys();
        keys.extend(witness.cloned());
        let (signed, signatures) = Checkpoint::verify(&note, &keys)
            .map_err(|error| wrong("a checkpoint with a cosignature that holds", error.to_string()))?;
        let checkpoint = signed.statement();
        if checkpoint.size != lying.size {
            return Err(wrong(&format!("size {} as its name says", lying.size), checkpoint.size.to_string()));
        }
        if self.strange_line(&note, id) {
            return Err(wrong("lines of the log and of the witness that the name tells", "another line".to_owned()));
        }
        let sets = self.epochs.sets();
        if !sets.is_empty() && !sets.iter().any(|set| signatures.held.contains(&set.ed25519)) {
            return Err(wrong(
                "the note as it is stored as checkpoint",
                "one that the log's key has not signed".to_owned(),
            ));
        }
        match self.root(lying.size) {
            Some(root) if root == checkpoint.root => {}
            // Signed by the log and cosigned, and not what is stored as the checkpoint of this size.
            Some(root) => return Err(find(Code::Fork, hex(&root), hex(&checkpoint.root))),
            // One that is here and does not hold was named already.
            None if self.store.is_file(&lying.checkpoint()) => return Ok(Verdict::Unknown),
            None => {
                let expected = format!("a checkpoint of size {} beside it", lying.size);
                return Err(find(Code::CheckpointMissing, expected, "none".to_owned()));
            }
        }
        let Some(witness) = witness else { return Ok(Verdict::Unknown) };
        let word = signatures.witnessed.first();
        match word.and_then(|word| word.unix_seconds) {
            Some(unix_seconds) => {
                let (witness, size) = (key_id(witness), checkpoint.size);
                let impossible = self.is_impossible(lying, unix_seconds);
                Ok(Verdict::Cosigned { witness, size, unix_seconds, impossible })
            }
            None => Err(wrong(&format!("a cosignature of {} with its time", key_id(witness)), "none".to_owned())),
        }
    }

    /// Whether a witness can't have cosigned then: before the log had signed, or in the time to come.
    fn is_impossible(&self, lying: &Lying, unix_seconds: u64) -> bool {
        unix_seconds.saturating_add(SKEW) < lying.seconds
            || (self.now > 0 && unix_seconds > self.now.saturating_add(SKEW))
    }

    /// Whether a line stands there by neither the log nor the witness of this key id, or one that no witness's signature fits.
    fn strange_line(&self, note: &str, id: [u8; 4]) -> bool {
        // The time, and 64 bytes of Ed25519 or 2,420 of ML-DSA-44.
        let lengths = [8 + 64, 8 + 2420];
        let log: Vec<[u8; 4]> = self.epochs.keys().iter().map(Vkey::id).collect();
        let strange = |line: &SignatureLine<'_>| {
            !log.contains(&line.id) && (line.id != id || !lengths.contains(&line.signature.len()))
        };
        !log.is_empty() && Note::parse(note).is_ok_and(|note| note.signatures.iter().any(strange))
    }

    fn read(&self, lying: &Lying) -> Result<String, Verdict> {
        // Bytes that are no text become characters that no note holds.
        self.bytes(&lying.path).map(|note| String::from_utf8(note).unwrap_or_default())
    }

    /// Root of the stored checkpoint of that size.
    fn root(&self, size: u64) -> Option<Root> {
        let at = self.anchors.partition_point(|anchor| anchor.size < size);
        self.anchors.get(at).filter(|anchor| anchor.size == size).map(|anchor| anchor.root)
    }
}

/// What the given witnesses say of one leg.
#[derive(Default)]
pub(super) struct Words {
    pub(super) witnesses: BTreeMap<String, Word>,
    /// Cosignatures by keys that were not given.
    pub(super) unknown: u64,
    /// The time stamp over the most records, and how many there are.
    pub(super) stamp: Option<Stamped>,
    /// Time stamps that hold, whoever they are by: no authorities were given.
    pub(super) unknown_stamps: u64,
    /// … and those for whose signer none of the given ones vouches.
    pub(super) untrusted_stamps: u64,
}

/// The latest time stamp, of `stamps`.
pub(super) struct Stamped {
    pub(super) signer: String,
    pub(super) stamps: u64,
    pub(super) size: u64,
    pub(super) unix_seconds: u64,
}

/// The latest of one witness's, and how many there are.
#[derive(Clone, Copy, Default)]
pub(super) struct Word {
    pub(super) checkpoints: u64,
    pub(super) size: u64,
    pub(super) unix_seconds: u64,
    /// How many have a time that can't be true, and size and time of the first.
    pub(super) impossible: Option<(u64, u64, u64)>,
}

impl Words {
    pub(super) fn add(&mut self, witness: String, size: u64, unix_seconds: u64, impossible: bool) {
        let word = self.witnesses.entry(witness).or_default();
        word.checkpoints += 1;
        if impossible {
            let (count, size, unix_seconds) = word.impossible.unwrap_or((0, size, unix_seconds));
            word.impossible = Some((count + 1, size, unix_seconds));
        }
        if size >= word.size {
            (word.size, word.unix_seconds) = (size, unix_seconds);
        }
    }

    pub(super) fn add_stamp(&mut self, signer: String, size: u64, unix_seconds: u64) {
        let stamps = self.stamp.as_ref().map_or(0, |stamp| stamp.stamps) + 1;
        match &mut self.stamp {
            Some(stamp) if stamp.size > size => stamp.stamps = stamps,
            stamp => *stamp = Some(Stamped { signer, stamps, size, unix_seconds }),
        }
    }

    /// Up to which size so many of these witnesses have cosigned, each by whichever of its keys: a cosignature vouches for all
    /// before it.
    pub(super) fn quorum(&self, needed: usize, witnesses: &[&Witness]) -> u64 {
        let size = |key: &Vkey| self.witnesses.get(&key_id(key)).map_or(0, |word| word.size);
        let of_witness = |witness: &&Witness| witness.keys().iter().map(size).max().unwrap_or(0);
        let mut sizes: Vec<u64> = witnesses.iter().map(of_witness).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        needed.checked_sub(1).and_then(|at| sizes.get(at)).copied().unwrap_or(0)
    }
}
