//! The chain as this collector has it, from some record to its end: what the archive holds, and behind that the log.
//!
//! Every record of the chain is in one of the two: a file of the log goes only when the archive has it. Each is checked to
//! follow the one before, so whoever reads here reads the chain, and not what somebody wrote into the bucket.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use sealtrail_chain::{Break, ChainName, Head, Link, Sequence, UnixNanos};

use crate::archive::listing::{self, SegmentObject};
use crate::archive::{self, Objects, Row, Target};
use crate::host::Disk;
use crate::wal::reader::{self, Reader};
use crate::wal::{FileState, Shelf};

/// How often it is looked again when files move from the log to the archive meanwhile.
const ATTEMPTS: usize = 100;

pub(super) struct History {
    pub(super) chain: ChainName,
    pub(super) archive: Target,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) shelf: Arc<Shelf>,
}

/// Why the chain can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the archive can't be read: {0}")]
    Archive(#[from] archive::Error),
    #[error("the log can't be read: {0}")]
    Log(#[from] reader::Error),
    #[error("record {sequence} in {place} does not follow the one before it: {source}")]
    Break { place: String, sequence: Sequence, source: Break },
    #[error("neither the archive nor the log holds record {0}")]
    Missing(Sequence),
}

type Each<'a> = dyn FnMut(&Link, &str) -> ControlFlow<()> + Send + 'a;

impl History {
    /// Hands over the records from `from` on, to where the chain ends now, or until `each` breaks. Blocks.
    pub(super) async fn each(&self, from: Sequence, each: &mut Each<'_>) -> Result<(), Error> {
        let mut head = None::<Head>;
        let next = |head: &Option<Head>| head.as_ref().map_or(Sequence::ZERO, Head::next).max(from);
        for _ in 0..ATTEMPTS {
            let before = next(&head);
            let segments = listing::segments(&self.archive, &self.chain).await?;
            let at = segments.iter().rposition(|segment| segment.first <= before).unwrap_or(segments.len());
            for segment in segments.iter().skip(at) {
                if self.segment(segment, &mut head, from, each).await?.is_break() {
                    return Ok(());
                }
            }
            match self.files(&mut head, from, each)? {
                Files::Read | Files::Enough => return Ok(()),
                // It was released since: then the archive has it.
                Files::Gone => {}
            }
        }
        Err(Error::Missing(next(&head)))
    }

    async fn segment(
        &self,
        segment: &SegmentObject,
        head: &mut Option<Head>,
        from: Sequence,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut reader = self.archive.object(&segment.key).await?;
        let footer = reader.footer().clone();
        if head.as_ref().is_some_and(|head| footer.segment.last < head.next()) {
            return Ok(ControlFlow::Continue(()));
        }
        let head = head.get_or_insert_with(|| {
            let (first, before) = (footer.segment.first, footer.segment.before);
            Head::resume(footer.segment.chain.clone(), first, UnixNanos(0), before, footer.range_before)
        });
        let (mut outcome, mut flow) = (Ok(()), ControlFlow::Continue(()));
        reader.rows(&mut |row: Row<'_>| {
            if row.sequence < head.next() {
                return ControlFlow::Continue(());
            }
            let (sequence, previous) = (row.sequence, head.hash());
            let link = Link { sequence, observed: row.observed, previous, checksum: row.checksum, hash: row.hash };
            if let Err(source) = head.follow(&link, row.content) {
                outcome = Err(Error::Break { place: segment.key.clone(), sequence, source });
                return ControlFlow::Break(());
            }
            if sequence >= from {
                flow = each(&link, row.content);
            }
            flow
        })?;
        outcome.map(|()| flow)
    }

    fn files(&self, head: &mut Option<Head>, from: Sequence, each: &mut Each<'_>) -> Result<Files, Error> {
        let files = self.shelf.progress().borrow().files.clone();
        for file in &files {
            let next = head.as_ref().map_or(from, Head::next);
            if file.first.get() + file.records <= next.get() {
                continue;
            }
            if file.first > next {
                return Ok(Files::Gone);
            }
            match self.file(file, head, from, each) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return Ok(Files::Enough),
                Err(Error::Log(reader::Error::Io { source, .. })) if source.kind() == io::ErrorKind::NotFound => {
                    return Ok(Files::Gone);
                }
                // Written again as another file, while it was read.
                Err(Error::Log(reader::Error::Damaged { .. })) if !self.shelf.holds(file.first) => {
                    return Ok(Files::Gone);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Files::Read)
    }

    fn file(
        &self,
        file: &FileState,
        head: &mut Option<Head>,
        from: Sequence,
        each: &mut Each<'_>,
    ) -> Result<ControlFlow<()>, Error> {
        let path: PathBuf = self.shelf.path(file.first);
        let mut reader = Reader::open(&*self.disk, &path)?;
        let head = head.get_or_insert_with(|| reader.head().clone());
        while let Some(stored) = reader.next(file.synced)? {
            let link = stored.link;
            if link.sequence < head.next() {
                continue;
            }
            let followed = head.follow(&link, stored.content);
            followed.map_err(|source| Error::Break {
                place: path.display().to_string(),
                sequence: link.sequence,
                source,
            })?;
            if link.sequence >= from && each(&link, stored.content).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

enum Files {
    /// To their end.
    Read,
    Enough,
    /// The one that comes next is not held any more.
    Gone,
}
