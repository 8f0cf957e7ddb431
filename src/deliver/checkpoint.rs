//! Checkpoints on their way: due, signed, kept, then out.
//!
//! One is *interim* (Ed25519 alone, goes to the stream) or an *object* (both signatures, with the compact ranges beside
//! it, goes to the stream and then to the archive): FORMAT.md, "Checkpoints". What is signed covers committed records
//! only, is synced here before it goes anywhere, and never contradicts what was signed before: sizes don't shrink, and a
//! size has one root.
//!
//! Kept in a directory beside the write-ahead log: `<size, 20 digits>-<Unix seconds, 10 digits>.interim` or
//! `.checkpoint`, each the note as it goes out; beside a `.checkpoint` its `.range`, which is written first. The newest
//! of each kind stays for good; the others until they are delivered.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::checkpoint::{Checkpoint, Cosigner};
use sealtrail_chain::note::{NoteError, NoteSigner, SignError, Vkey};
use sealtrail_chain::segment::Ranges;
use sealtrail_chain::{ChainName, CompactRange, Head, Root};

use crate::host::Disk;
use crate::stream::CheckpointNote;

/// The chain's signing keys, and the name that its checkpoints carry.
pub struct Keys {
    /// `<origin>/<chain>`.
    pub origin: String,
    pub chain: ChainName,
    pub pair: Pair,
    /// A rotation that is sealed, or will be before anything is signed: what covers more records than this is signed by the
    /// other pair.
    pub next: Option<(u64, Pair)>,
    /// Ed25519 keys of before: what they have signed is this chain's too.
    pub older: Vec<Vkey>,
}

/// Both keys of a log.
pub struct Pair {
    pub ed25519: Box<dyn NoteSigner>,
    pub ml_dsa_44: Cosigner,
}

impl Keys {
    /// The pair that signs a checkpoint of this size.
    fn for_size(&self, size: u64) -> &Pair {
        self.next.as_ref().filter(|(last, _)| size > *last).map_or(&self.pair, |(_, next)| next)
    }

    /// Every Ed25519 key that may have signed a checkpoint of the chain.
    pub fn ed25519(&self) -> Vec<Vkey> {
        let pairs = [Some(&self.pair), self.next.as_ref().map(|(_, next)| next)];
        pairs.into_iter().flatten().map(|pair| pair.ed25519.vkey()).chain(&self.older).cloned().collect()
    }
}

/// What is to be signed: a state of the chain that the stream has committed.
pub(super) struct Due {
    pub(super) size: u64,
    pub(super) root: Root,
    /// An object's; `None`: interim.
    pub(super) ranges: Option<Ranges>,
}

impl Due {
    pub(super) fn interim(head: &Head) -> Self {
        Self { size: head.next().get(), root: head.root(), ranges: None }
    }

    /// `since`: from the size of the object before to that of `head`.
    pub(super) fn object(head: &Head, since: CompactRange) -> Self {
        let ranges = Ranges { whole: head.tree().clone(), since };
        Self { ranges: Some(ranges), ..Self::interim(head) }
    }

    /// Signs at `unix_seconds`.
    fn sign(&self, keys: &Keys, unix_seconds: u64) -> Result<Kept, SignError> {
        let checkpoint = Checkpoint { origin: keys.origin.clone(), size: self.size, root: self.root };
        let pair = keys.for_size(self.size);
        let cosigner = self.ranges.is_some().then_some((&pair.ml_dsa_44, unix_seconds));
        let note = checkpoint.sign_with(&*pair.ed25519, cosigner)?.note().to_owned();
        let ranges = self.ranges.as_ref().map(Ranges::to_text);
        Ok(Kept { size: self.size, root: self.root, unix_seconds, note, ranges })
    }
}

/// A signed checkpoint that is synced here.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    pub size: u64,
    pub root: Root,
    pub unix_seconds: u64,
    pub note: String,
    /// Text of the `.range` object; `None`: interim.
    pub ranges: Option<String>,
}

impl Kept {
    /// Whether it goes to the archive, too.
    pub fn is_object(&self) -> bool {
        self.ranges.is_some()
    }

    pub(super) fn for_stream(&self) -> CheckpointNote {
        CheckpointNote { size: self.size, note: self.note.clone() }
    }
}

/// The directory of signed checkpoints.
#[derive(Clone)]
pub struct Store {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    keys: Arc<Keys>,
}

impl Store {
    /// Opens the directory, making it when it is missing.
    pub fn open(disk: Arc<dyn Disk>, dir: PathBuf, keys: Arc<Keys>) -> Result<Self, Error> {
        let made = disk.create_dir_all(&dir).and_then(|()| disk.sync_dir(dir.parent().unwrap_or(Path::new("."))));
        made.map_err(|source| Error::Io { doing: "make", path: dir.clone(), source })?;
        Ok(Self { disk, dir, keys })
    }

    pub(super) fn chain(&self) -> &ChainName {
        &self.keys.chain
    }

    /// The size at which the keys before a rotation sign their last checkpoint.
    pub(super) fn owed(&self) -> Option<u64> {
        self.keys.next.as_ref().map(|(last, _)| *last)
    }

    /// Size and root of the newest checkpoint that was ever signed, for `resume`.
    pub fn newest(&self) -> Result<Option<(u64, Root)>, Error> {
        Ok(self.load()?.last().map(|kept| (kept.size, kept.root)))
    }

    /// All that is kept, in the order in which it was signed. Leftovers of a crash are removed.
    pub fn load(&self) -> Result<Vec<Kept>, Error> {
        let failed = |source| Error::Io { doing: "list", path: self.dir.clone(), source };
        let names = self.disk.list(&self.dir).map_err(failed)?;
        let (mut kept, mut leftovers) = (Vec::new(), Vec::new());
        for name in &names {
            match Name::parse(name) {
                Some(name @ Name { kind: Kind::Interim | Kind::Checkpoint, .. }) => kept.push(self.read(name)?),
                Some(name) if names.contains(&Name { kind: Kind::Checkpoint, ..name }.to_string()) => {}
                Some(_) => leftovers.push(name),
                None if name.ends_with(TEMPORARY) => leftovers.push(name),
                None => {}
            }
        }
        if !leftovers.is_empty() {
            // Ranges without their note: its removal may not be durable yet, and they go after it.
            self.sync()?;
        }
        leftovers.into_iter().try_for_each(|name| self.remove(name))?;
        kept.sort_by_key(|kept| (kept.size, kept.is_object()));
        Ok(kept)
    }

    /// Signs what is due and keeps it: when this returns, it may go out.
    pub(super) fn sign(&self, due: &Due, unix_seconds: u64) -> Result<Kept, Error> {
        let kept = due.sign(&self.keys, unix_seconds)?;
        self.keep(&kept)?;
        Ok(kept)
    }

    /// Signs an object over `head`, all of it committed, and keeps it. `since`: from the size of the object before.
    pub fn sign_object(&self, head: &Head, since: CompactRange, unix_seconds: u64) -> Result<Kept, Error> {
        self.sign(&Due::object(head, since), unix_seconds)
    }

    /// Keeps one that was signed before, and may have gone out.
    pub fn keep(&self, kept: &Kept) -> Result<(), Error> {
        let name = |kind| Name { size: kept.size, unix_seconds: kept.unix_seconds, kind };
        match &kept.ranges {
            None => self.write(name(Kind::Interim), &kept.note)?,
            Some(ranges) => {
                self.write(name(Kind::Range), ranges)?;
                self.write(name(Kind::Checkpoint), &kept.note)?;
            }
        }
        Ok(())
    }

    /// The stream has this one, and so all before it: older interim ones are needed no longer.
    pub(super) fn streamed(&self, kept: &Kept) -> Result<(), Error> {
        // An object replaces an interim one of its own size.
        let below = kept.size + u64::from(kept.is_object());
        self.remove_before(below, |kind| kind == Kind::Interim)
    }

    /// Both legs have the object of `size`, and so all before it.
    pub(super) fn archived(&self, size: u64) -> Result<(), Error> {
        self.remove_before(size, |kind| kind != Kind::Interim)
    }

    fn remove_before(&self, size: u64, which: impl Fn(Kind) -> bool) -> Result<(), Error> {
        let failed = |source| Error::Io { doing: "list", path: self.dir.clone(), source };
        let names = self.disk.list(&self.dir).map_err(failed)?;
        let mut old: Vec<Name> = names.iter().filter_map(|name| Name::parse(name)).collect();
        old.retain(|name| name.size < size && which(name.kind));
        // The notes before their ranges, and for good: a `.checkpoint` always has its `.range`, after a power failure too, which
        // may undo a removal that no sync of the directory has covered.
        let (ranges, notes): (Vec<_>, Vec<_>) = old.into_iter().partition(|name| name.kind == Kind::Range);
        notes.iter().try_for_each(|name| self.remove(&name.to_string()))?;
        if !ranges.is_empty() {
            self.sync()?;
        }
        ranges.iter().try_for_each(|name| self.remove(&name.to_string()))
    }

    fn read(&self, name: Name) -> Result<Kept, Error> {
        let (path, note) = self.text(name)?;
        let damaged = |source| Error::Damaged { path: path.clone(), source };
        let (signed, signatures) = Checkpoint::verify(&note, &self.keys.ed25519()).map_err(damaged)?;
        let statement = signed.statement();
        if signatures.held.is_empty() || statement.origin != self.keys.origin || statement.size != name.size {
            return Err(Error::Foreign { path });
        }
        let ranges = match name.kind {
            Kind::Checkpoint => Some(self.text(Name { kind: Kind::Range, ..name })?.1),
            Kind::Interim | Kind::Range => None,
        };
        let (size, root) = (statement.size, statement.root);
        Ok(Kept { size, root, unix_seconds: name.unix_seconds, note, ranges })
    }

    fn text(&self, name: Name) -> Result<(PathBuf, String), Error> {
        let path = self.dir.join(name.to_string());
        let read = || -> io::Result<String> {
            let file = self.disk.open(&path)?;
            let mut bytes = vec![0; usize::try_from(file.len()?.min(MAX_TEXT)).map_err(io::Error::other)?];
            let mut at = 0;
            while at < bytes.len() {
                match file.read_at(&mut bytes[at..], at as u64)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => at += read,
                }
            }
            String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
        };
        match read() {
            Ok(text) => Ok((path, text)),
            Err(source) => Err(Error::Io { doing: "read", path, source }),
        }
    }

    fn write(&self, name: Name, text: &str) -> Result<(), Error> {
        let path = self.dir.join(name.to_string());
        let temporary = self.dir.join(format!("{name}{TEMPORARY}"));
        let write = || -> io::Result<()> {
            if let Err(error) = self.disk.remove(&temporary)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let file = self.disk.create(&temporary)?;
            file.write_at(text.as_bytes(), 0)?;
            file.sync()?;
            self.disk.rename(&temporary, &path)?;
            self.disk.sync_dir(&self.dir)
        };
        write().map_err(|source| Error::Io { doing: "write", path: path.clone(), source })
    }

    fn sync(&self) -> Result<(), Error> {
        let failed = |source| Error::Io { doing: "sync", path: self.dir.clone(), source };
        self.disk.sync_dir(&self.dir).map_err(failed)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.dir.join(name);
        self.disk.remove(&path).map_err(|source| Error::Io { doing: "remove", path, source })
    }
}

const TEMPORARY: &str = ".tmp";

/// A note is at most 1 MB, and ranges are far shorter.
const MAX_TEXT: u64 = 2 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Name {
    size: u64,
    unix_seconds: u64,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Interim,
    Checkpoint,
    Range,
}

impl Name {
    fn parse(name: &str) -> Option<Self> {
        let (stem, extension) = name.split_once('.')?;
        let (size, unix_seconds) = stem.split_once('-')?;
        let kind = match extension {
            "interim" => Kind::Interim,
            "checkpoint" => Kind::Checkpoint,
            "range" => Kind::Range,
            _ => return None,
        };
        let parsed = Self { size: size.parse().ok()?, unix_seconds: unix_seconds.parse().ok()?, kind };
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let extension = match self.kind {
            Kind::Interim => "interim",
            Kind::Checkpoint => "checkpoint",
            Kind::Range => "range",
        };
        write!(f, "{:020}-{:010}.{extension}", self.size, self.unix_seconds)
    }
}

/// Why a checkpoint can't be kept, or one that was kept can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("can't sign a checkpoint: {0}")]
    Sign(#[from] SignError),
    #[error("{path} is damaged: {source}; move it away if an archive holds this checkpoint or a later one")]
    Damaged { path: PathBuf, source: NoteError },
    #[error("{path} is not a checkpoint that this chain's key has signed; move it away")]
    Foreign { path: PathBuf },
}
