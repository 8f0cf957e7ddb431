//! Follows the chain through both legs, record by record, and meets every size that was signed on the way.
//!
//! A checkpoint object of the old collector that the archive lacks yet is taken over as it stands in the stream, with the
//! ranges that belong beside it: whichever of the two collectors puts it there, it is the same bytes. So the next object's
//! range begins where the one before ends, whoever made that.

use std::collections::BTreeMap;

use sealtrail_chain::content::{self, By};
use sealtrail_chain::segment::Ranges;
use sealtrail_chain::{Break, CompactRange, Hash, Head, Link, Root, Run, Sequence};

use super::Refusal;
use crate::deliver::Kept;

/// What was signed of the chain, by size, wherever it was found.
#[derive(Default)]
pub(super) struct Signed {
    roots: BTreeMap<u64, Vec<(Root, String)>>,
    objects: BTreeMap<u64, Object>,
}

/// A checkpoint object.
pub(super) struct Object {
    pub(super) root: Root,
    pub(super) unix_seconds: u64,
    pub(super) note: String,
    /// `None`: to be made of the records.
    pub(super) ranges: Option<String>,
}

impl Signed {
    /// Notes a checkpoint; `place` says where it was found.
    pub(super) fn add(&mut self, size: u64, root: Root, place: impl FnOnce() -> String) {
        let roots = self.roots.entry(size).or_default();
        if roots.iter().all(|(known, _)| *known != root) {
            roots.push((root, place()));
        }
    }

    /// Notes an object; of several of one size the first stays.
    pub(super) fn add_object(&mut self, size: u64, object: Object) {
        self.objects.entry(size).or_insert(object);
    }

    /// Whether there is an object of this size or a larger one.
    pub(super) fn reaches(&self, size: u64) -> bool {
        self.objects.range(size..).next().is_some()
    }

    /// Forgets what lies before: it is not walked through.
    pub(super) fn from(&mut self, size: u64) {
        self.roots = self.roots.split_off(&size);
        self.objects = self.objects.split_off(&size);
    }

    /// The largest size that is left, and where it was found.
    fn last(&self) -> Option<(u64, &str)> {
        let (size, roots) = self.roots.last_key_value()?;
        Some((*size, roots.first().map_or("", |(_, place)| place)))
    }
}

pub(super) struct Walk {
    run: Run,
    signed: Signed,
    objects: Vec<Kept>,
    /// Whether the last record says that the collector stopped.
    stopped: bool,
}

/// Why a record can't be passed.
pub(super) enum Stumble {
    Break(Break),
    Contradiction { size: u64, place: String },
}

impl Walk {
    /// Begins behind `head`.
    pub(super) fn new(head: Head, mut signed: Signed) -> Self {
        signed.from(head.next().get() + 1);
        Self { run: Run::behind(head), signed, objects: Vec::new(), stopped: false }
    }

    /// Passes the next record, if it is that.
    pub(super) fn follow(&mut self, link: &Link, content: &str) -> Result<(), Stumble> {
        self.run.follow(link, content).map_err(Stumble::Break)?;
        self.stopped = is_stop(content);
        let size = self.run.next().get();
        let Some(roots) = self.signed.roots.remove(&size) else { return Ok(()) };
        let head = self.run.head();
        let wrong = |(root, _): &&(Root, String)| *root != head.root();
        if let Some((_, place)) = roots.iter().find(wrong) {
            return Err(Stumble::Contradiction { size, place: place.clone() });
        }
        if let Some(Object { root, unix_seconds, note, ranges }) = self.signed.objects.remove(&size) {
            let since = self.run.cut();
            let ranges = ranges.unwrap_or_else(|| Ranges { whole: head.tree().clone(), since }.to_text());
            self.objects.push(Kept { size, root, unix_seconds, note, ranges: Some(ranges) });
        }
        Ok(())
    }

    /// The records since the last object, up to here, from which on they count for the next one.
    pub(super) fn cut(&mut self) -> CompactRange {
        self.run.cut()
    }

    /// The chain's head behind the last record.
    pub(super) fn head(&self) -> Head {
        self.run.head()
    }

    pub(super) fn hash(&self) -> Hash {
        self.run.hash()
    }

    pub(super) fn next(&self) -> Sequence {
        self.run.next()
    }

    /// Size of the last object that was passed; 0: none.
    pub(super) fn object(&self) -> u64 {
        self.objects.last().map_or(0, |kept| kept.size)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether an object of this size or a larger one is still to come.
    pub(super) fn expects_object(&self, size: u64) -> bool {
        self.signed.reaches(size)
    }

    /// The objects that were passed, once all that was signed has been.
    pub(super) fn finish(self) -> Result<Vec<Kept>, Refusal> {
        match self.signed.last() {
            Some((size, place)) => {
                Err(Refusal::SignedBeyond { size, place: place.to_owned(), held: self.run.next().get() })
            }
            None => Ok(self.objects),
        }
    }
}

/// Whether a record is the collector's own word that it stopped.
fn is_stop(text: &str) -> bool {
    text.contains(r#""eventName":"sealtrail.stopped""#)
        && content::read(text)
            .is_ok_and(|record| record.context.received.by == By::Own && record.log.event_name == "sealtrail.stopped")
}
