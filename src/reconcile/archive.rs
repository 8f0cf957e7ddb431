//! The archive's side: the records of a day out of its objects, of which only places and hashes are read.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::note::Signed;
use sealtrail_chain::segment::{genesis_key, parse_checkpoint_key, parse_object_key};
use sealtrail_chain::{ChainName, CompactRange, Genesis, Segment, Sequence};
use tokio::runtime::Handle;

use super::{Day, Error, Record};
use crate::archive::{ArchiveLeg as _, Footer, Objects as _, Reader, Target};

/// An archive, asked from threads that may block.
#[derive(Clone)]
pub(super) struct Archive {
    chain: ChainName,
    target: Arc<Target>,
    runtime: Handle,
}

/// What is known of the archive before the day is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Extent {
    /// The keys of the day's objects, in order.
    pub(super) objects: Vec<String>,
    /// The first record of the day's first object, and the tree of all records before it, as its metadata claim.
    pub(super) first: Option<(Sequence, CompactRange)>,
    /// Behind the last record of the newest object, of the day or later.
    pub(super) end: Option<Sequence>,
    /// Whether a later day has objects.
    pub(super) later: bool,
}

impl Archive {
    pub(super) fn new(chain: &ChainName, target: Arc<Target>, runtime: &Handle) -> Self {
        Self { chain: chain.clone(), target, runtime: runtime.clone() }
    }

    pub(super) fn extent(&self, day: Day) -> Result<Extent, Error> {
        let below = format!("audit-logs/chain={}/", self.chain);
        let of_day = format!("{below}date={day}/");
        let listed = self.runtime.block_on(self.target.list_behind(&below, &of_day))?;
        let mut keys: Vec<String> = listed.into_iter().map(|object| object.key).collect();
        keys.retain(|key| parse_object_key(key).is_some());
        let newest = keys.last().cloned();
        let all = keys.len();
        keys.retain(|key| key.starts_with(&of_day));
        let first = match keys.first() {
            Some(key) => {
                let footer = self.target.links(key, &self.runtime)?.footer().clone();
                Some((footer.segment.first, footer.range_before))
            }
            None => None,
        };
        let end = match &newest {
            Some(key) => Some(self.target.links(key, &self.runtime)?.footer().segment.last.next()),
            None => None,
        };
        Ok(Extent { later: all > keys.len(), objects: keys, first, end })
    }

    /// Hands over the records of objects, as they stand.
    pub(super) fn records(
        &self,
        objects: &[String],
        each: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut flow = ControlFlow::Continue(());
        for key in objects {
            self.target.links(key, &self.runtime)?.each(&mut |linked| {
                flow = each(Record { sequence: linked.sequence, observed: linked.observed, hash: linked.hash });
                flow
            })?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Keys of all of the chain's objects, in order.
    pub(super) fn objects(&self) -> Result<Vec<String>, Error> {
        let listed = self.runtime.block_on(self.target.list(&format!("audit-logs/chain={}/", self.chain)))?;
        let keys = listed.into_iter().map(|object| object.key);
        Ok(keys.filter(|key| parse_object_key(key).is_some()).collect())
    }

    pub(super) fn footer(&self, key: &str) -> Result<Footer, Error> {
        Ok(self.target.links(key, &self.runtime)?.footer().clone())
    }

    /// An object with its contents.
    pub(super) fn object(&self, key: &str) -> Result<Reader, Error> {
        Ok(self.runtime.block_on(self.target.object(key))?)
    }

    pub(super) fn put(&self, key: &str, file: &Path, segment: &Segment) -> Result<(), Error> {
        Ok(self.runtime.block_on(self.target.put_segment(key, file, segment))?)
    }

    /// Where a file for `put` is built.
    pub(super) fn workdir(&self) -> Option<PathBuf> {
        self.target.workdir()
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The chain's genesis note, where it holds.
    pub(super) fn genesis(&self) -> Result<Option<Signed<Genesis>>, Error> {
        let note = self.runtime.block_on(self.target.note(&genesis_key(&self.chain)))?;
        let note = note.and_then(|note| String::from_utf8(note).ok());
        let read = note.and_then(|note| Genesis::read(&note).ok());
        Ok(read.filter(|genesis| *genesis.statement().chain() == self.chain))
    }

    /// The notes of the chain's rotations, in their order.
    pub(super) fn rotations(&self) -> Result<Vec<String>, Error> {
        let listed = self.runtime.block_on(self.target.list(&format!("audit-keys/chain={}/", self.chain)))?;
        let texts = listed.into_iter().map(|object| self.text(&object.key));
        Ok(texts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Keys and sizes of the checkpoints of at least that size, in their order.
    pub(super) fn checkpoints(&self, from: u64) -> Result<Vec<(String, u64)>, Error> {
        let below = format!("audit-checkpoints/chain={}/", self.chain);
        let listed = self.runtime.block_on(self.target.list_behind(&below, &format!("{below}{from:020}")))?;
        let sized = listed.into_iter().filter_map(|object| {
            let (_, size, _) = parse_checkpoint_key(&object.key)?;
            Some((object.key, size))
        });
        Ok(sized.collect())
    }

    /// A small object as a text.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Error> {
        let bytes = self.runtime.block_on(self.target.note(key))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}
