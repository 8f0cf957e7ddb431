//! Judges how the last run of the collector ended, from nothing but a file's bytes. Judging touches nothing.
//!
//! Every frame says where its group begins, and a group is written only after the one before is synced: so every sound frame
//! is a witness that the file was once synced up to there. What is bad below a witness was acknowledged; what is bad above
//! all of them is the end of a write that nobody was told had succeeded.

use std::io;

use sealtrail_chain::{Head, Link};

use super::frame::{self, Body, Frame};
use super::header::Header;
use super::window::{Source, Window};

/// How a file ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Sound to its last byte, or to the end of a group in a file that was another before.
    Clean { end: u64 },
    /// Damaged past every witness: no one says that anyone was told these records are kept.
    Torn { end: u64 },
    /// Damaged before a witness, or before `synced`: acknowledged records are in there.
    Damaged { at: u64 },
}

/// What a file holds.
pub(super) struct Scan {
    pub tail: Tail,
    /// The chain's head behind the last sound record.
    pub head: Head,
    /// The last witness: up to here the file was synced when it was written.
    pub synced: u64,
}

/// Reads a file of `len` bytes whose header is `header`, `start` bytes long.
///
/// `synced`: how much of the file others prove to have been acknowledged (the next file's header); the witnesses within the
/// file raise it. Memory stays flat, whatever the file's size; records are checked by frame and link, not by content, whose
/// checksum the archive leg recomputes.
pub(super) fn scan<S: Source + ?Sized>(
    source: &S,
    header: &Header,
    start: u64,
    len: u64,
    synced: u64,
) -> io::Result<Scan> {
    let mut frames = Frames { source, window: Window::default(), header, len };
    let mut head = header.head.clone();
    let (mut at, mut synced) = (start, synced.max(start));
    // Every group ends in a mark: behind it may stand what a file held that was another before.
    let mut ended = true;
    while at < len {
        match frames.at(at)? {
            Some(frame) if follows(&mut head, &frame) => {
                synced = synced.max(frame.synced);
                at = frame.end;
                ended = matches!(frame.body, Body::Mark);
            }
            _ => {
                let behind = frames.latest_witness(at + 1)?;
                synced = synced.max(behind);
                let tail = match behind {
                    _ if at < synced => Tail::Damaged { at },
                    0 if header.reused && ended => Tail::Clean { end: at },
                    _ => Tail::Torn { end: at },
                };
                return Ok(Scan { tail, head, synced });
            }
        }
    }
    let tail = if at < synced { Tail::Damaged { at } } else { Tail::Clean { end: at } };
    Ok(Scan { tail, head, synced })
}

/// Whether the frame continues the chain; the head moves past it.
fn follows(head: &mut Head, frame: &Frame<'_>) -> bool {
    match frame.body {
        Body::Mark => true,
        Body::Record { observed, checksum, hash, .. } => {
            let link = Link { sequence: head.next(), observed, previous: head.hash(), checksum, hash };
            head.follow_link(&link).is_ok()
        }
    }
}

struct Frames<'a, S: ?Sized> {
    source: &'a S,
    window: Window,
    header: &'a Header,
    len: u64,
}

impl<S: Source + ?Sized> Frames<'_, S> {
    fn at(&mut self, at: u64) -> io::Result<Option<Frame<'_>>> {
        let head = self.window.bytes(self.source, at, frame::HEAD, self.len)?;
        let Some(payload) = frame::payload_len(head) else { return Ok(None) };
        let bytes = self.window.bytes(self.source, at, frame::HEAD + payload, self.len)?;
        Ok(frame::parse(bytes, &self.header.id, at))
    }

    /// The largest witness of all sound frames at or behind `from`, at whatever offset: behind a bad frame nothing says where
    /// the next one begins. A sender can't plant one: contents are text, and no text reads as a frame's head.
    fn latest_witness(&mut self, from: u64) -> io::Result<u64> {
        let (mut at, mut latest) = (from, 0);
        while at < self.len {
            match self.at(at)? {
                Some(frame) => {
                    latest = latest.max(frame.synced);
                    at = frame.end;
                }
                None => at += 1,
            }
        }
        Ok(latest)
    }
}

#[cfg(test)]
mod tests;
