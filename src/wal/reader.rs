//! Reads the records of one WAL file, in order, up to a synced mark.

use std::path::{Path, PathBuf};

use sealtrail_chain::{Hash, Head, Link, Sequence};

use super::frame::{self, Body, Frame};
use super::header::{self, Bad, Header};
use super::window::Window;
use crate::host::{Disk, File};

/// One record as the log holds it.
pub struct Stored<'a> {
    pub link: Link,
    pub content: &'a str,
    /// Offset behind its frame.
    pub end: u64,
}

/// One file, open for reading. It may be the one that the log still writes.
pub struct Reader {
    path: PathBuf,
    file: Box<dyn File>,
    window: Window,
    header: Header,
    /// Length of the header.
    start: u64,
    at: u64,
    next: Sequence,
    previous: Hash,
}

impl Reader {
    /// Opens a file, which must have its whole header: the log gives no file its name before that.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let file = disk.open(path).map_err(io)?;
        let mut bytes = vec![0; header::MAX_LEN];
        let read = file.read_at(&mut bytes, 0).map_err(io)?;
        let (header, start) = Header::decode(&bytes[..read]).map_err(|bad| match bad {
            Bad::Version(found) => Error::Version { path: path.to_owned(), found },
            Bad::Damaged => Error::Damaged { path: path.to_owned(), at: 0 },
        })?;
        let (next, previous) = (header.head.next(), header.head.hash());
        Ok(Self { path: path.to_owned(), file, window: Window::default(), header, start, at: start, next, previous })
    }

    /// The chain's head before the first record of the file.
    pub fn head(&self) -> &Head {
        &self.header.head
    }

    /// SHA-256 over the masking rules in force for all of the file.
    pub fn rules(&self) -> [u8; 32] {
        self.header.rules
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }
    /// Length of the header: where the first frame begins.
    pub(super) fn start(&self) -> u64 {
        self.start
    }
    pub(super) fn file(&self) -> &dyn File {
        self.file.as_ref()
    }

    /// The next record whose frame ends at or below `synced`; its frame checksum is checked, its link not.
    ///
    /// A file of which nothing was acknowledged yet may be replaced by another of the same name and head. So before its first
    /// record is read, call this only with a `synced` taken from `Progress` before the reader was opened, or open it once
    /// `Progress` shows a record in it.
    pub fn next(&mut self, synced: u64) -> Result<Option<Stored<'_>>, Error> {
        // Marks hold nothing: pass over them first, so that what is lent out below is lent once.
        while self.peek(synced)?.is_some_and(|(_, is_mark)| is_mark) {
            self.at += frame::HEAD as u64;
        }
        let Some((len, _)) = self.peek(synced)? else { return Ok(None) };
        let damaged = || Error::Damaged { path: self.path.clone(), at: self.at };
        let bytes = self
            .window
            .bytes(self.file.as_ref(), self.at, len, synced)
            .map_err(|source| Error::Io { path: self.path.clone(), source })?;
        let Some(Frame { end, body: Body::Record { observed, checksum, hash, content }, .. }) =
            frame::parse(bytes, &self.header.id, self.at)
        else {
            return Err(damaged());
        };
        let content = simdutf8::basic::from_utf8(content).map_err(|_| damaged())?;
        let link = Link { sequence: self.next, observed, previous: self.previous, checksum, hash };
        self.at = end;
        self.next = self.next.next();
        self.previous = hash;
        Ok(Some(Stored { link, content, end }))
    }

    /// Length of the frame that begins here, and whether it is a mark; `None` at the synced end. A frame that reaches past
    /// that end is damage: groups are synced whole.
    fn peek(&mut self, synced: u64) -> Result<Option<(usize, bool)>, Error> {
        if self.at >= synced {
            return Ok(None);
        }
        let io = |source| Error::Io { path: self.path.clone(), source };
        let damaged = || Error::Damaged { path: self.path.clone(), at: self.at };
        let head = self.window.bytes(self.file.as_ref(), self.at, frame::HEAD, synced).map_err(io)?;
        let payload = frame::payload_len(head).ok_or_else(damaged)?;
        let len = frame::HEAD + payload;
        if self.at + len as u64 > synced {
            return Err(damaged());
        }
        if payload > 0 {
            return Ok(Some((len, false)));
        }
        let mark = frame::parse(head, &self.header.id, self.at);
        mark.ok_or_else(damaged).map(|_| Some((len, true)))
    }
}

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't read {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path} is damaged at byte {at}")]
    Damaged { path: PathBuf, at: u64 },
    #[error("{path} has version {found} of the format; this release reads {}", header::VERSION)]
    Version { path: PathBuf, found: u32 },
}
