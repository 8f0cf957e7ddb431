//! Finds a record in an archive, and all that proves it.
//!
//! The proof is made from what lies there already: the segment's footer gives the tree before it, its rows give the hashes
//! around the record, footers of later segments the rest, up to a stored checkpoint. Only one segment is read. What is wrong
//! with any of it shows where the bundle is judged: a proof leads to the signed root, or it doesn't.

use std::ops::ControlFlow;

use sealtrail_chain::note::Note;
use sealtrail_chain::proof::{self, Proof};
use sealtrail_chain::segment::{genesis_key, parse_checkpoint_key};
use sealtrail_chain::{ChainName, Checkpoint, CompactRange, Genesis, Link, Sequence};
use tokio::runtime::Runtime;

use super::Error;
use super::bundle::digest_file;
use super::stored::{Place, Stored};
use crate::archive::listing::{self, SegmentObject};
use crate::archive::{Objects as _, Target};

/// A record, and what was found beside it, byte for byte.
pub struct Evidence {
    pub chain: ChainName,
    pub origin: String,
    pub content: String,
    pub link: Link,
    pub proof: Proof,
    /// What the checkpoint says, and the note and key that it is stored as.
    pub checkpoint: Checkpoint,
    pub checkpoint_note: String,
    pub checkpoint_key: String,
    /// The checkpoint with the lines of all witnesses, where one has cosigned it.
    pub cosigned: Option<Vec<u8>>,
    /// A time stamp over it, and what was revoked when it was made.
    pub stamp: Option<Vec<u8>>,
    pub revoked: Option<Vec<u8>>,
    pub genesis_note: String,
    /// Notes about rotations of keys, by the end of their keys.
    pub key_notes: Vec<(String, Vec<u8>)>,
    pub stored: Stored,
}

/// Collects what `archive` has of a record. `place`: what errors call the archive. Blocks: not for async tasks.
pub fn collect(
    archive: &Target,
    runtime: &Runtime,
    place: &str,
    chain: &ChainName,
    sequence: Sequence,
) -> Result<Evidence, Error> {
    let collector = Collector { archive, runtime, place, chain, sequence };
    let segments = runtime.block_on(listing::segments(archive, chain))?;
    let at = segments.partition_point(|segment| segment.first <= sequence).checked_sub(1);
    let Some((at, segment)) = at.and_then(|at| Some((at, segments.get(at)?))) else {
        let error = if segments.is_empty() { collector.no_chain() } else { collector.missing() };
        return Err(error);
    };
    let last = archive.links(&segment.key, runtime.handle())?.footer().segment.last;
    if last < sequence {
        let newest = segments.len() == at + 1;
        return Err(if newest { collector.not_yet(last) } else { collector.missing() });
    }
    let beside = collector.checkpoint()?;
    let found = collector.record(segment, beside.checkpoint.size)?;
    let after = collector.join(found.after, segments.get(at + 1..).unwrap_or_default(), beside.checkpoint.size)?;
    let path = proof::inclusion(&found.before, &after).map_err(|source| Error::Proof { sequence, source })?;
    let witnessed = beside.witnessed();
    let genesis_note = collector.note(&genesis_key(chain))?;
    let origin = Genesis::read(&genesis_note)
        .map_or_else(|_| beside.checkpoint.origin.clone(), |genesis| genesis.statement().origin.clone());
    Ok(Evidence {
        chain: chain.clone(),
        origin,
        content: found.content,
        link: found.link,
        proof: Proof { extra: None, index: sequence.get(), path, checkpoint: witnessed.clone() },
        checkpoint: beside.checkpoint,
        cosigned: (witnessed != beside.note).then(|| witnessed.into_bytes()),
        checkpoint_note: beside.note,
        checkpoint_key: beside.key,
        stamp: beside.stamp,
        revoked: beside.revoked,
        genesis_note,
        key_notes: collector.key_notes()?,
        stored: Stored::new(&segment.key, collector.kept(&segment.key)?),
    })
}

struct Collector<'a> {
    archive: &'a Target,
    runtime: &'a Runtime,
    place: &'a str,
    chain: &'a ChainName,
    sequence: Sequence,
}

/// A record and what stands around it in its segment.
struct Found {
    content: String,
    link: Link,
    /// `[0, sequence)`
    before: CompactRange,
    /// `[sequence + 1, …)`, to the checkpoint or to the segment's end.
    after: CompactRange,
}

/// A stored checkpoint and its siblings.
struct Beside {
    checkpoint: Checkpoint,
    key: String,
    note: String,
    /// An object a witness.
    cosigned: Vec<Vec<u8>>,
    stamp: Option<Vec<u8>>,
    revoked: Option<Vec<u8>>,
}

impl Collector<'_> {
    fn record(&self, segment: &SegmentObject, size: u64) -> Result<Found, Error> {
        let mut reader = self.runtime.block_on(self.archive.object(&segment.key))?;
        let footer = reader.footer().clone();
        let (wanted, mut previous) = (self.sequence, footer.segment.before);
        let (mut before, mut after) = (footer.range_before, CompactRange::empty(wanted.get().saturating_add(1)));
        let mut record = None;
        reader.rows(&mut |row| {
            if row.sequence < wanted {
                before.push(&row.hash);
            } else if row.sequence == wanted {
                let link = Link {
                    sequence: row.sequence,
                    observed: row.observed,
                    previous,
                    checksum: row.checksum,
                    hash: row.hash,
                };
                record = Some((row.content.to_owned(), link));
            } else if after.end() < size {
                after.push(&row.hash);
            } else {
                return ControlFlow::Break(());
            }
            previous = row.hash;
            ControlFlow::Continue(())
        })?;
        let (content, link) = record.ok_or_else(|| self.missing())?;
        Ok(Found { content, link, before, after })
    }

    /// Goes on with the ranges of later segments, up to `size`; of the last one only so many hashes as belong to it.
    fn join(&self, mut after: CompactRange, later: &[SegmentObject], size: u64) -> Result<CompactRange, Error> {
        let sequence = self.sequence;
        for segment in later {
            if after.end() >= size {
                break;
            }
            let reader = self.archive.links(&segment.key, self.runtime.handle())?;
            let range = &reader.footer().segment.range;
            if range.end() <= size {
                after.join(range).map_err(|source| Error::Ranges { sequence, source })?;
                continue;
            }
            reader.each(&mut |linked| {
                if after.end() >= size {
                    return ControlFlow::Break(());
                }
                after.push(&linked.hash);
                ControlFlow::Continue(())
            })?;
        }
        Ok(after)
    }

    /// The stored checkpoint that proves most: the first one over the record that witnesses and a time-stamping authority
    /// have spoken of, else the first that one of them has, else the first.
    fn checkpoint(&self) -> Result<Beside, Error> {
        let below = format!("audit-checkpoints/chain={}/", self.chain);
        let names = self.runtime.block_on(self.archive.list(&below))?;
        let there = |key: &str| names.iter().any(|object| object.key == key);
        let mut covering: Vec<(u64, &str)> = Vec::new();
        let mut newest = 0;
        for object in &names {
            let Some((chain, size, _)) = parse_checkpoint_key(&object.key) else { continue };
            newest = newest.max(size);
            if chain == *self.chain && size > self.sequence.get() {
                covering.push((size, object.key.as_str()));
            }
        }
        covering.sort_unstable();
        let words = |key: &str| -> Vec<String> {
            let begins = sibling(key, ".");
            let cosigned = |name: &&str| name.starts_with(&begins) && name.ends_with(".cosigned");
            names.iter().map(|object| object.key.as_str()).filter(cosigned).map(str::to_owned).collect()
        };
        let backed = |key: &str| usize::from(!words(key).is_empty()) + usize::from(there(&sibling(key, ".tsr")));
        let most = covering.iter().map(|(_, key)| backed(key)).max().unwrap_or(0);
        let Some((_, key)) = covering.into_iter().find(|(_, key)| backed(key) == most) else {
            return Err(Error::NotCovered { chain: self.chain.clone(), sequence: self.sequence, newest });
        };
        let note = self.note(key)?;
        let checkpoint = Checkpoint::parse(&note).map_err(|source| Error::Unsound { key: key.to_owned(), source })?;
        let read = |key: &str| self.runtime.block_on(self.archive.note(key));
        let mut cosigned = Vec::new();
        for word in words(key) {
            cosigned.extend(read(&word)?);
        }
        let (stamp, revoked) = (read(&sibling(key, ".tsr"))?, read(&sibling(key, ".crl"))?);
        Ok(Beside { checkpoint, key: key.to_owned(), note, cosigned, stamp, revoked })
    }

    fn key_notes(&self) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let below = format!("audit-keys/chain={}/", self.chain);
        let mut notes = Vec::new();
        for object in self.runtime.block_on(self.archive.list(&below))? {
            let name = object.key.strip_prefix(&below).and_then(|name| name.strip_suffix(".note"));
            let Some(size) = name.filter(|name| name.len() <= 20 && name.bytes().all(|b| b.is_ascii_digit())) else {
                continue;
            };
            if let Some(bytes) = self.runtime.block_on(self.archive.note(&object.key))? {
                notes.push((format!("keys-{size}.note"), bytes));
            }
        }
        Ok(notes)
    }

    /// A note that must be there.
    fn note(&self, key: &str) -> Result<String, Error> {
        let wrong = |problem| Error::Note { key: key.to_owned(), problem };
        let bytes = self.runtime.block_on(self.archive.note(key))?.ok_or_else(|| wrong("is not there"))?;
        String::from_utf8(bytes).map_err(|_| wrong("is no text"))
    }

    fn kept(&self, key: &str) -> Result<Place, Error> {
        match self.archive {
            Target::Directory(archive) => {
                let path = archive.path(key)?;
                let sha256 = digest_file(&path);
                let sha256 = sha256.map_err(|source| Error::Io { doing: "read", path: path.clone(), source })?;
                Ok(Place::Directory { root: self.place.to_owned(), sha256 })
            }
            Target::S3(archive) => {
                let kept = self.runtime.block_on(archive.kept(key)).map_err(crate::archive::Error::S3)?;
                kept.map(Place::Bucket).ok_or_else(|| self.missing())
            }
        }
    }

    fn no_chain(&self) -> Error {
        Error::NoChain { chain: self.chain.clone(), place: self.place.to_owned() }
    }

    fn missing(&self) -> Error {
        Error::Missing { chain: self.chain.clone(), sequence: self.sequence, place: self.place.to_owned() }
    }

    fn not_yet(&self, last: Sequence) -> Error {
        Error::NotYet { chain: self.chain.clone(), sequence: self.sequence, place: self.place.to_owned(), last }
    }
}

impl Beside {
    /// The checkpoint with the witnesses' lines: those of each object that is the same note with such lines behind it.
    fn witnessed(&self) -> String {
        let same = |note: &str| {
            Note::parse(note).is_ok() && Checkpoint::parse(note).is_ok_and(|there| there == self.checkpoint)
        };
        // The log's own lines come first, so that the note says who it is of whatever a reader makes of the others.
        let mut whole = self.note.clone();
        for cosigned in
            self.cosigned.iter().filter_map(|bytes| std::str::from_utf8(bytes).ok()).filter(|note| same(note))
        {
            let lines = cosigned.rsplit_once("\n\n").map_or("", |(_, lines)| lines);
            let added: String = lines.split_inclusive('\n').filter(|line| !whole.contains(line)).collect();
            let more = [whole.as_str(), &added].concat();
            if same(&more) {
                whole = more;
            }
        }
        whole
    }
}

/// The object of another kind beside a checkpoint.
fn sibling(key: &str, kind: &str) -> String {
    key.strip_suffix(".checkpoint").unwrap_or(key).to_owned() + kind
}
