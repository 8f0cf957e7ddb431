//! Reads the checkpoints of a leg: signatures of the keys that the genesis names, and the `.range` objects beside them. What
//! is left of a sound one is an `Anchor`: a size and a root that the records must give.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::note::{Note, Vkey};
use sealtrail_chain::segment::Ranges;
use sealtrail_chain::{ChainName, Checkpoint, CompactRange, Genesis};

use super::finding::{Code, Finding, Findings};
use super::fold::{Anchor, hex};
use super::keys::Epochs;
use super::store::{self, Store};
use super::vouched::Words;

/// A checkpoint as a leg holds it, unread.
pub(super) struct Stored {
    pub(super) place: Arc<str>,
    pub(super) note: Text,
    pub(super) path: PathBuf,
    /// What its name or header says of its size.
    pub(super) named: u64,
    /// What its name says of the time at which it was signed (archive only).
    pub(super) seconds: Option<u64>,
    /// The `.range` object that belongs beside it (archive only).
    pub(super) range: Option<PathBuf>,
}

/// The note of a checkpoint.
pub(super) enum Text {
    Read(String),
    /// Still to be read, where the checkpoint lies.
    Object,
}

/// What is wrong with the place where checkpoints lie, rather than with one of them.
pub(super) enum Problem {
    /// It could not be read.
    Unread {
        path: PathBuf,
        reason: String,
    },
    Damaged {
        path: PathBuf,
        reason: String,
    },
    /// A `.range` without its checkpoint.
    Orphan {
        path: PathBuf,
        size: u64,
    },
    /// The newest `.range`, whose checkpoint is still to come.
    Interrupted {
        size: u64,
    },
    /// What should be lists of revoked certificates, and isn't.
    Lists {
        path: PathBuf,
        size: u64,
    },
    /// A message in the topic of checkpoints that is not as the collector writes it: whose, and where.
    Message {
        place: String,
        size: u64,
        found: &'static str,
    },
    /// No kind of object that belongs beside checkpoints.
    Foreign {
        path: PathBuf,
    },
    /// A checkpoint whose name doesn't say its size.
    Name {
        path: PathBuf,
    },
}

/// By which keys a checkpoint is judged.
pub(super) struct Judge<'a> {
    pub(super) chain: &'a ChainName,
    pub(super) genesis: Option<&'a Genesis>,
    /// The chain's keys, where the genesis is known.
    pub(super) epochs: &'a Epochs,
    pub(super) trusted: &'a [Vkey],
    /// Every object carries both signatures, a message of the stream Ed25519 alone.
    pub(super) both: bool,
    pub(super) store: &'a Arc<dyn Store>,
}

/// A note whose statement is signed by a key of the chain.
pub(super) struct Sound {
    pub(super) checkpoint: Checkpoint,
    held: Vec<Vkey>,
    trusted: bool,
    /// Whose keys have signed.
    epoch: usize,
    /// Unix seconds of the log's own cosignature: it is that of a segment's end, or of a stop.
    cosigned: Option<u64>,
}

/// Findings beside what is sound: a note that lacks one of two signatures still holds by the other.
pub(super) struct Verdict {
    pub(super) sound: Option<Sound>,
    pub(super) findings: Vec<Finding>,
    /// What lies beside a sound one that belongs there: its ranges, or why they are none.
    ranges: Option<Result<Ranges, String>>,
    /// What could not be read, and why.
    unread: Vec<(PathBuf, String)>,
}

impl Judge<'_> {
    pub(super) fn note(&self, stored: &Stored) -> Verdict {
        let mut verdict = Verdict { sound: None, findings: Vec::new(), ranges: None, unread: Vec::new() };
        let read;
        let note = match &stored.note {
            Text::Read(note) => note,
            Text::Object => match self.store.read(&stored.path) {
                // Bytes that are no text become characters that no note holds.
                Ok(note) => {
                    read = String::from_utf8(note).unwrap_or_default();
                    &read
                }
                Err(error) => {
                    verdict.unread.push((stored.path.clone(), error.to_string()));
                    return verdict;
                }
            },
        };
        for path in [Some(&stored.path), stored.range.as_ref()].into_iter().flatten() {
            verdict.findings.extend(store::lock(&**self.store, path, self.chain, stored.named.saturating_sub(1)));
        }
        verdict.sound = self.read(note, stored, &mut verdict.findings);
        if let (Some(sound), Some(path)) = (&verdict.sound, &stored.range) {
            match read_ranges(&**self.store, path, sound.checkpoint.size) {
                Ok(ranges) => verdict.ranges = Some(ranges),
                Err(reason) => verdict.unread.push((path.clone(), reason)),
            }
        }
        verdict
    }

    fn read(&self, note: &str, stored: &Stored, findings: &mut Vec<Finding>) -> Option<Sound> {
        let at = |code| Finding::at(code, self.chain, stored.named.saturating_sub(1), &stored.place);
        let keys = self.keys();
        let (signed, signatures) = match Checkpoint::verify(note, &keys) {
            Ok(verified) => verified,
            Err(error) => {
                findings.push(at(Code::Signature).expected("a signed checkpoint", error));
                return None;
            }
        };
        let checkpoint = signed.statement().clone();
        if checkpoint.size != stored.named {
            let expected = format_args!("size {} as its name says", stored.named).to_string();
            findings.push(at(Code::Name).expected(expected, checkpoint.size));
            // What lies beside it, and before and behind it, belongs to another.
            return None;
        }
        let cosigned = signatures.cosigned;
        if let (Some(time), Some(named)) = (cosigned, stored.seconds.filter(|named| Some(*named) != cosigned)) {
            findings.push(at(Code::Name).expected(format_args!("second {time}, at which it was signed"), named));
        }
        let mut epoch = 0;
        if let Some(genesis) = self.genesis {
            if checkpoint.origin != genesis.origin {
                findings.push(at(Code::Chain).expected(&genesis.origin, "another origin"));
                return None;
            }
            let (index, keys) = self.epochs.owed(checkpoint.size, &signatures.held)?;
            epoch = index;
            if !signatures.held.is_empty() && self.epochs.is_early(index, checkpoint.size) {
                findings.push(at(Code::Epoch).expected("the keys before", "keys that came later"));
            }
            let owed = if self.both { &[&keys.ed25519, &keys.ml_dsa_44][..] } else { &[&keys.ed25519][..] };
            for key in owed.iter().filter(|key| !signatures.held.contains(key)) {
                findings.push(at(Code::Unsigned).expected(key_id(key), "no line of this key"));
            }
            if !in_order(note, &[&keys.ed25519, &keys.ml_dsa_44]) {
                findings.push(
                    at(Code::Signature).expected("one line a key, Ed25519 first", "a line twice, or in another order"),
                );
            }
            // Those of others come as objects of their own, so a line more was put here by someone else.
            if signatures.held.len() >= owed.len() && !signatures.unknown.is_empty() {
                findings.push(at(Code::Signature).expected("lines of the chain's keys alone", "another line"));
            }
        }
        if signatures.held.is_empty() {
            if self.genesis.is_none() {
                findings.push(at(Code::Unsigned).expected("a signature of a known key", "none"));
            }
            return None;
        }
        let believed = signatures.held.iter().any(|key| self.trusted.contains(key));
        let trusted = believed && !self.epochs.is_distrusted(epoch, checkpoint.size);
        Some(Sound { checkpoint, held: signatures.held, trusted, epoch, cosigned })
    }

    fn keys(&self) -> Vec<Vkey> {
        let mut keys = self.epochs.keys();
        for key in self.trusted {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }
}

/// The sound checkpoints of a leg.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) anchors: Vec<Anchor>,
    /// Notes that were read, sound or not.
    pub(super) read: u64,
    /// The keys whose signatures held: name and key id.
    pub(super) signers: BTreeSet<String>,
    pub(super) findings: Findings,
    /// What witnesses say.
    pub(super) words: Words,
    /// What could not be read, and why.
    pub(super) unread: Vec<(PathBuf, String)>,
}

/// Takes the judged checkpoints of a leg in ascending order.
pub(super) struct Collect<'a> {
    chain: &'a ChainName,
    store: &'a Arc<dyn Store>,
    binding: bool,
    /// The whole range of the stored checkpoint before, where that is sound.
    previous: Option<CompactRange>,
    loaded: Loaded,
}

impl<'a> Collect<'a> {
    pub(super) fn new(chain: &'a ChainName, store: &'a Arc<dyn Store>) -> Self {
        Self { chain, store, binding: true, previous: Some(CompactRange::empty(0)), loaded: Loaded::default() }
    }

    pub(super) fn add(&mut self, stored: &Stored, verdict: Verdict) {
        self.loaded.read += 1;
        verdict.findings.into_iter().for_each(|finding| self.loaded.findings.add(finding));
        let ranges_unread = verdict.sound.is_some() && !verdict.unread.is_empty();
        self.loaded.unread.extend(verdict.unread);
        let Some(sound) = verdict.sound else { return };
        if ranges_unread {
            // Whether the next one continues it can't be said.
            self.previous = None;
        }
        for key in &sound.held {
            self.loaded.signers.insert(key_id(key));
        }
        let ranges = stored.range.as_deref().zip(verdict.ranges);
        let range = ranges.and_then(|(path, ranges)| {
            let sound = self.check_range(path, ranges, &sound.checkpoint, &stored.place);
            sound.then(|| Beside { store: Arc::clone(self.store), path: path.into() })
        });
        self.loaded.anchors.push(Anchor {
            size: sound.checkpoint.size,
            root: sound.checkpoint.root,
            trusted: sound.trusted,
            binding: self.binding,
            place: stored.place.clone(),
            epoch: Some(sound.epoch),
            range,
            kept: false,
            cosigned: sound.cosigned,
        });
    }

    pub(super) fn finish(mut self) -> Loaded {
        self.loaded.anchors.sort_by_key(|anchor| anchor.size);
        self.loaded
    }

    /// Whether the range beside a checkpoint can be believed: its root is the signed one. That it continues the checkpoint
    /// stored before it shows that none was taken out between them.
    fn check_range(
        &mut self,
        path: &Path,
        ranges: Result<Ranges, String>,
        checkpoint: &Checkpoint,
        place: &Arc<str>,
    ) -> bool {
        let size = checkpoint.size;
        let shown: Arc<str> = path.display().to_string().into();
        let at = |code| Finding::at(code, self.chain, size.saturating_sub(1), &shown);
        let ranges = match ranges {
            Ok(ranges) => ranges,
            Err(reason) => {
                self.loaded.findings.add(at(Code::Range).expected("the range of the checkpoint beside it", reason));
                self.previous = None;
                return false;
            }
        };
        let root = ranges.whole.root();
        let sound = root == checkpoint.root;
        if !sound {
            self.loaded.findings.add(at(Code::Range).expected(hex(&checkpoint.root), hex(&root)));
        } else if let Some(previous) = self.previous.take() {
            self.check_since(previous, &ranges, &shown, place);
        }
        self.previous = sound.then_some(ranges.whole);
        sound
    }

    fn check_since(&mut self, mut joined: CompactRange, ranges: &Ranges, shown: &Arc<str>, place: &Arc<str>) {
        let (since, held) = (ranges.since.begin(), joined.end());
        if since > held {
            let finding = Finding::at(Code::CheckpointMissing, self.chain, held, place).to(since - 1);
            let expected = format_args!("a checkpoint of size {since}").to_string();
            self.loaded.findings.add(finding.expected(expected, format_args!("the one before has size {held}")));
            return;
        }
        if since < held || joined.join(&ranges.since).is_err() || joined != ranges.whole {
            let finding = Finding::at(Code::Range, self.chain, held, shown);
            self.loaded.findings.add(finding.expected(format_args!("a range from {held} on"), "another"));
        }
    }
}

/// Whether the lines of these keys stand in their order, each once. A line more, or another order, breaks no signature, and is
/// no note that the collector has written.
fn in_order(note: &str, keys: &[&Vkey]) -> bool {
    let Ok(note) = Note::parse(note) else { return false };
    let places = note
        .signatures
        .iter()
        .filter_map(|line| keys.iter().position(|key| line.name == key.name() && line.id == key.id()));
    places.collect::<Vec<_>>().is_sorted_by(|before, next| before < next)
}

/// The inner error says why they are no ranges, the outer one why that is not known.
fn read_ranges(store: &dyn Store, path: &Path, size: u64) -> Result<Result<Ranges, String>, String> {
    Ok(match store.read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map_err(|_| ErrorKind::InvalidData.to_string())
            .and_then(|text| Ranges::from_text(size, &text).map_err(|error| error.to_string())),
        Err(error) => Err(error.of_file()?.to_string()),
    })
}

/// A `.range` object that was found sound.
#[derive(Clone)]
pub(super) struct Beside {
    store: Arc<dyn Store>,
    path: Arc<Path>,
}

impl Beside {
    #[cfg(test)]
    pub(super) fn at(store: Arc<dyn Store>, path: &Path) -> Self {
        Self { store, path: path.into() }
    }

    /// The compact range `[0, size)` out of it.
    pub(super) fn whole(&self, size: u64) -> Option<CompactRange> {
        read_ranges(&*self.store, &self.path, size).ok()?.ok().map(|ranges| ranges.whole)
    }
}

/// A key as people compare it: name and key id.
pub(super) fn key_id(key: &Vkey) -> String {
    format!("{}+{}", key.name(), const_hex::encode(key.id()))
}
