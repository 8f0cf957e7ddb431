//! Reads the checkpoints of a leg: signatures of the keys that the genesis names, and the `.range` objects beside them. What
//! is left of a sound one is an `Anchor`: a size and a root that the records must give.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::note::Vkey;
use sealtrail_chain::segment::Ranges;
use sealtrail_chain::{ChainName, Checkpoint, CompactRange, Genesis};

use super::finding::{Code, Finding, Findings};
use super::fold::{Anchor, hex};

/// A checkpoint as a leg holds it, unread.
pub(super) struct Stored {
    pub(super) place: Arc<str>,
    pub(super) note: String,
    /// What its name or header says of its size.
    pub(super) named: u64,
    /// The `.range` object that belongs beside it (archive only).
    pub(super) range: Option<PathBuf>,
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
    /// No kind of object that belongs beside checkpoints.
    Foreign {
        path: PathBuf,
    },
    /// A checkpoint whose name doesn't say its size.
    Name {
        path: PathBuf,
    },
    /// Cosignatures and time stamps of others, which this release passes over.
    Witnesses {
        count: u64,
    },
}

/// By which keys a checkpoint is judged.
pub(super) struct Judge<'a> {
    pub(super) chain: &'a ChainName,
    pub(super) genesis: Option<&'a Genesis>,
    pub(super) trusted: &'a [Vkey],
    /// Every object carries both signatures, a message of the stream Ed25519 alone.
    pub(super) both: bool,
}

/// A note whose statement is signed by a key of the chain.
pub(super) struct Sound {
    pub(super) checkpoint: Checkpoint,
    held: Vec<Vkey>,
    trusted: bool,
}

/// Findings beside what is sound: a note that lacks one of two signatures still holds by the other.
pub(super) struct Verdict {
    pub(super) sound: Option<Sound>,
    pub(super) findings: Vec<Finding>,
}

impl Judge<'_> {
    pub(super) fn note(&self, stored: &Stored) -> Verdict {
        let mut findings = Vec::new();
        let sound = self.read(stored, &mut findings);
        Verdict { sound, findings }
    }

    fn read(&self, stored: &Stored, findings: &mut Vec<Finding>) -> Option<Sound> {
        let at = |code| Finding::at(code, self.chain, stored.named.saturating_sub(1), &stored.place);
        let keys = self.keys();
        let (signed, signatures) = match Checkpoint::verify(&stored.note, &keys) {
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
        }
        if let Some(genesis) = self.genesis {
            if checkpoint.origin != genesis.origin {
                findings.push(at(Code::Chain).expected(&genesis.origin, "another origin"));
                return None;
            }
            let owed = if self.both { &[&genesis.ed25519, &genesis.ml_dsa_44][..] } else { &[&genesis.ed25519][..] };
            for key in owed.iter().filter(|key| !signatures.held.contains(key)) {
                findings.push(at(Code::Unsigned).expected(key_id(key), "no line of this key"));
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
        let trusted = signatures.held.iter().any(|key| self.trusted.contains(key));
        Some(Sound { checkpoint, held: signatures.held, trusted })
    }

    fn keys(&self) -> Vec<Vkey> {
        let mut keys: Vec<Vkey> =
            self.genesis.iter().flat_map(|genesis| [&genesis.ed25519, &genesis.ml_dsa_44]).cloned().collect();
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
}

/// Takes the judged checkpoints of a leg in ascending order.
pub(super) struct Collect<'a> {
    chain: &'a ChainName,
    binding: bool,
    /// The whole range of the stored checkpoint before, where that is sound.
    previous: Option<CompactRange>,
    loaded: Loaded,
}

impl<'a> Collect<'a> {
    pub(super) fn new(chain: &'a ChainName) -> Self {
        Self { chain, binding: true, previous: Some(CompactRange::empty(0)), loaded: Loaded::default() }
    }

    pub(super) fn add(&mut self, stored: &Stored, verdict: Verdict) {
        self.loaded.read += 1;
        verdict.findings.into_iter().for_each(|finding| self.loaded.findings.add(finding));
        let Some(sound) = verdict.sound else { return };
        for key in &sound.held {
            self.loaded.signers.insert(key_id(key));
        }
        let range = stored.range.as_deref().filter(|path| self.check_range(path, &sound.checkpoint, &stored.place));
        self.loaded.anchors.push(Anchor {
            size: sound.checkpoint.size,
            root: sound.checkpoint.root,
            trusted: sound.trusted,
            binding: self.binding,
            place: stored.place.clone(),
            range: range.map(Arc::from),
        });
    }

    pub(super) fn finish(mut self) -> Loaded {
        self.loaded.anchors.sort_by_key(|anchor| anchor.size);
        self.loaded
    }

    /// Whether the range beside a checkpoint can be believed: its root is the signed one. That it continues the checkpoint
    /// stored before it shows that none was taken out between them.
    fn check_range(&mut self, path: &Path, checkpoint: &Checkpoint, place: &Arc<str>) -> bool {
        let size = checkpoint.size;
        let shown: Arc<str> = path.display().to_string().into();
        let at = |code| Finding::at(code, self.chain, size.saturating_sub(1), &shown);
        let ranges = match read_ranges(path, size) {
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

fn read_ranges(path: &Path, size: u64) -> Result<Ranges, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.kind().to_string())?;
    Ranges::from_text(size, &text).map_err(|error| error.to_string())
}

/// The compact range `[0, size)` of a `.range` object that was found sound before.
pub(super) fn whole_range(path: &Path, size: u64) -> Option<CompactRange> {
    read_ranges(path, size).ok().map(|ranges| ranges.whole)
}

/// A key as people compare it: name and key id.
pub(super) fn key_id(key: &Vkey) -> String {
    format!("{}+{}", key.name(), const_hex::encode(key.id()))
}
