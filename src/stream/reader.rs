//! Reads what the stream holds, message by message: the local twin's files here, Kafka's partitions in `kafka::reader`, both
//! behind `Source`. Memory is no larger than one message (and what Kafka's client reads ahead). Trusts nothing that it reads:
//! `verify` uses it on what an attacker may have written.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sealtrail_chain::{Hash, Sequence};

use super::frame::{self, MAX_REST, PREFIX};
use super::message::{FIRST, HEAD, LAST};
use super::{End, kafka};
use crate::host::regular;

pub use super::frame::Framed;

/// Messages of one partition, in order, wherever they lie.
pub trait Source {
    /// The next message; `None` behind the last one that was there when reading began.
    fn next(&mut self) -> Result<Option<Framed<'_>>, Error>;
    /// Place behind the last message that was read whole: a byte of the file, an offset of the partition.
    fn at(&self) -> u64;
}

/// One file of a topic's partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    pub path: PathBuf,
    /// What it is named by: the first sequence, or the size of the first checkpoint.
    pub first: u64,
    /// Whether it is the last of its partition: only there a message may be cut short.
    pub newest: bool,
}

/// The files of a partition's directory, oldest first. Names that don't end in `.messages` are passed over.
pub fn files(dir: &Path) -> Result<Vec<FileName>, Error> {
    let failed = |source| Error::Io { doing: "list", path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    in_order(dir, names)
}

/// As `files`, of names that were listed already.
pub(super) fn in_order(dir: &Path, names: Vec<String>) -> Result<Vec<FileName>, Error> {
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let Some(stem) = name.strip_suffix(".messages") else { continue };
        let path = dir.join(&name);
        let Some(first) = number(stem) else { return Err(Error::Damaged { path, at: 0, what: Damage::Name }) };
        files.push(FileName { path, first, newest: false });
    }
    files.sort_by_key(|file| file.first);
    if let Some(file) = files.last_mut() {
        file.newest = true;
    }
    Ok(files)
}

/// Name of the file that begins with `first`.
pub(super) fn file_name(first: u64) -> String {
    format!("{first:020}.messages")
}

fn number(stem: &str) -> Option<u64> {
    let sound = stem.len() == 20 && stem.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| stem.parse().ok()).flatten()
}

/// The messages of one file, in order.
pub struct Messages<R = fs::File> {
    source: R,
    path: PathBuf,
    at: u64,
    len: u64,
    newest: bool,
    rest: Vec<u8>,
}

impl Messages {
    /// Opens a file as `files` named it. What is added to it while it is read is not seen.
    pub fn open(file: &FileName) -> Result<Self, Error> {
        let failed = |source| Error::Io { doing: "open", path: file.path.clone(), source };
        let source = regular::open(&file.path).map_err(failed)?;
        let len = source.metadata().map_err(failed)?.len();
        Ok(Self::new(source, len, file))
    }
}

impl<R: Read> Source for Messages<R> {
    fn next(&mut self) -> Result<Option<Framed<'_>>, Error> {
        self.next()
    }

    fn at(&self) -> u64 {
        self.at()
    }
}

impl<R: Read> Messages<R> {
    /// Reads from `source`, which has `len` bytes.
    pub(super) fn new(source: R, len: u64, file: &FileName) -> Self {
        Self { source, path: file.path.clone(), at: 0, len, newest: file.newest, rest: Vec::new() }
    }

    /// Offset behind the last message that was read whole.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The next message. After an error the rest of the file can't be read: where a message begins is known only from
    /// the one before.
    #[allow(clippy::should_implement_trait)] // lends from its buffer, which an Iterator can't
    pub fn next(&mut self) -> Result<Option<Framed<'_>>, Error> {
        let left = self.len.saturating_sub(self.at);
        if left == 0 {
            return Ok(None);
        }
        if left < PREFIX as u64 {
            return self.cut();
        }
        let mut bytes = [0; PREFIX];
        self.read(&mut bytes)?;
        let (len, crc) = frame::prefix(bytes);
        if len > MAX_REST {
            return Err(self.damaged(Damage::TooLong));
        }
        if left - (PREFIX as u64) < len as u64 {
            return self.cut();
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.resize(len, 0);
        self.read(&mut rest)?;
        self.rest = rest;
        if crc_fast::crc32_iscsi(&self.rest) != crc {
            return Err(self.damaged(Damage::Checksum));
        }
        if frame::split(&self.rest).is_none() {
            return Err(self.damaged(Damage::Layout));
        }
        self.at += (PREFIX + len) as u64;
        Ok(frame::split(&self.rest))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.source.read_exact(bytes).map_err(|source| Error::Io { doing: "read", path: self.path.clone(), source })
    }

    fn cut(&self) -> Result<Option<Framed<'_>>, Error> {
        if self.newest { Ok(None) } else { Err(self.damaged(Damage::Cut)) }
    }

    fn damaged(&self, what: Damage) -> Error {
        Error::Damaged { path: self.path.clone(), at: self.at, what }
    }
}

/// What a message's headers claim about its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub first: Sequence,
    pub last: Sequence,
    /// Hash of `last`.
    pub head: Hash,
}

impl Span {
    /// Out of the three headers, each asked for by name; `None` where one is missing or isn't written as the format says.
    pub(super) fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let sequence = |name| {
            let text = header(name)?;
            let number: u64 = text.parse().ok()?;
            (number.to_string() == text).then_some(Sequence::new(number))
        };
        let span = Self { first: sequence(FIRST)?, last: sequence(LAST)?, head: header(HEAD)?.parse().ok()? };
        (span.first <= span.last).then_some(span)
    }

    pub fn end(&self) -> End {
        End { last: self.last, hash: self.head }
    }
}

impl<'a> Framed<'a> {
    /// Value of the first header of that name.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.headers)
            .ok()?
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(found, _)| *found == name).map(|(_, value)| value))
    }

    /// The three headers; `None` where one is missing or isn't written as the format says.
    pub fn span(&self) -> Option<Span> {
        Span::of(|name| self.header(name))
    }
}

/// Why the stream can't be read on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    #[error("can't {doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} is damaged at byte {at}: {what}")]
    Damaged { path: PathBuf, at: u64, what: Damage },
}

/// What is wrong with a file or a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("its name is not 20 digits and `.messages`")]
    Name,
    #[error("a message is cut short")]
    Cut,
    #[error("a message claims to be longer than 16 MiB")]
    TooLong,
    #[error("the checksum of a message is not that of its bytes")]
    Checksum,
    #[error("key, headers and value of a message don't fill it")]
    Layout,
    #[error("a message has the key of another chain")]
    Key,
    #[error("the headers of a message are not as the format says")]
    Headers,
    #[error("a message doesn't begin behind the one before")]
    Order,
}
