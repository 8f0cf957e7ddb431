//! Frames: what a WAL file holds behind its header (`FORMAT.md`, "Frame").

use crc_fast::CrcAlgorithm::Crc32Iscsi;
use crc_fast::Digest;
use sealtrail_chain::{Checksum, Hash, Link, UnixNanos};

/// Random name of a file; part of every frame's checksum, so that no frame is sound in another file.
pub(super) type FileId = [u8; 16];

/// Bytes before a frame's payload.
pub(super) const HEAD: usize = 16;
/// Bytes of a record's payload before its content.
pub(super) const LINK: usize = 72;
/// Bytes before a record's content.
pub(super) const ROOM: usize = HEAD + LINK;
/// Largest payload. What fits into a stream message (900 KB) is far below.
pub(super) const MAX_PAYLOAD: usize = 16 << 20;

const RECORD: u8 = 1;
const MARK: u8 = 2;

/// A frame whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// How far the file was synced before the group of this frame was written: where that group begins.
    pub synced: u64,
    /// Offset behind the frame.
    pub end: u64,
    pub body: Body<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body<'a> {
    /// The sequence follows from the place in the file, the previous hash from the record before.
    Record { observed: UnixNanos, checksum: Checksum, hash: Hash, content: &'a [u8] },
    /// Nothing but the word that all before it is synced.
    Mark,
}

/// Writes what stands before a sealed record's content; where the frame will lie is still open, and so is its checksum.
/// `back`: how far the first frame of its group lies back.
pub(super) fn fill(room: &mut [u8; ROOM], link: &Link, content: &[u8], back: usize) {
    let (head, payload) = room.split_at_mut(HEAD);
    head.copy_from_slice(&new_head(RECORD, LINK + content.len(), back));
    payload[..8].copy_from_slice(&link.observed.0.to_le_bytes());
    payload[8..40].copy_from_slice(&link.checksum.0);
    payload[40..].copy_from_slice(&link.hash.0);
}

/// Makes a frame sound at `offset` of the file `id`, and nowhere else.
pub(super) fn place(room: &mut [u8; ROOM], content: &[u8], id: &FileId, offset: u64) {
    let sum = checksum(id, offset, [&room[4..], content]);
    room[..4].copy_from_slice(&sum.to_le_bytes());
}

/// A mark at `offset` of the file `id`: a group of its own.
pub(super) fn mark(id: &FileId, offset: u64) -> [u8; HEAD] {
    end_mark(id, offset, 0)
}

/// The mark at `offset` that ends the group which begins `back` bytes before it.
pub(super) fn end_mark(id: &FileId, offset: u64, back: usize) -> [u8; HEAD] {
    let mut head = new_head(MARK, 0, back);
    let sum = checksum(id, offset, [&head[4..]]);
    head[..4].copy_from_slice(&sum.to_le_bytes());
    head
}

/// Payload length that the 16 bytes of `head` claim, if a frame can begin so at all.
pub(super) fn payload_len(head: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(word(head.get(4..HEAD)?)) as usize;
    let possible = match head.get(12..HEAD)? {
        [RECORD, 0, 0, 0] => (LINK..=MAX_PAYLOAD).contains(&len),
        [MARK, 0, 0, 0] => len == 0,
        _ => false,
    };
    possible.then_some(len)
}

/// Reads the frame that fills `bytes`, which stand at `offset` of the file `id`.
pub(super) fn parse<'a>(bytes: &'a [u8], id: &FileId, offset: u64) -> Option<Frame<'a>> {
    let len = payload_len(bytes)?;
    let payload = bytes.get(HEAD..).filter(|payload| payload.len() == len)?;
    if checksum(id, offset, [&bytes[4..]]) != u32::from_le_bytes(word(bytes)) {
        return None;
    }
    let synced = offset.checked_sub(u64::from(u32::from_le_bytes(word(&bytes[8..]))))?;
    let body = if bytes[12] == MARK {
        Body::Mark
    } else {
        let (link, content) = payload.split_at(LINK);
        Body::Record {
            observed: UnixNanos(u64::from_le_bytes(word(link))),
            checksum: Checksum(word(&link[8..])),
            hash: Hash(word(&link[40..])),
            content,
        }
    };
    Some(Frame { synced, end: offset + bytes.len() as u64, body })
}

/// The head of a frame without its checksum.
fn new_head(kind: u8, payload: usize, back: usize) -> [u8; HEAD] {
    assert!(payload <= MAX_PAYLOAD, "masking refuses what no stream message could hold");
    let mut head = [0; HEAD];
    head[4..8].copy_from_slice(&(payload as u32).to_le_bytes());
    head[8..12].copy_from_slice(&u32::try_from(back).expect("a group stays below 4 GiB").to_le_bytes());
    head[12] = kind;
    head
}

/// CRC-32C over the file's id, the frame's offset, and all of the frame behind the checksum, in pieces.
fn checksum<const PIECES: usize>(id: &FileId, offset: u64, rest: [&[u8]; PIECES]) -> u32 {
    let mut place = [0; 24];
    place[..16].copy_from_slice(id);
    place[16..].copy_from_slice(&offset.to_le_bytes());
    let mut crc = Digest::new(Crc32Iscsi);
    crc.update(&place);
    rest.iter().for_each(|piece| crc.update(piece));
    crc.finalize() as u32
}

/// The first `N` bytes; callers have checked that they are there.
fn word<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("a slice of N bytes is an array of N bytes")
}

/// Adds the frame of a record to the frames of a group that begins at `start`.
#[cfg(test)]
pub(super) fn push_record(group: &mut Vec<u8>, id: &FileId, start: u64, link: &Link, content: &str) {
    let mut room = [0; ROOM];
    fill(&mut room, link, content.as_bytes(), group.len());
    place(&mut room, content.as_bytes(), id, start + group.len() as u64);
    group.extend_from_slice(&room);
    group.extend_from_slice(content.as_bytes());
}

/// Makes the frames of a group sound at `start` of the file `id`.
#[cfg(test)]
pub(super) fn rebase(group: &mut [u8], id: &FileId, start: u64) {
    let mut at = 0;
    while at < group.len() {
        let end = at + HEAD + payload_len(&group[at..]).expect("a frame");
        let sum = checksum(id, start + at as u64, [&group[at + 4..end]]);
        group[at..at + 4].copy_from_slice(&sum.to_le_bytes());
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sealtrail_chain::Sequence;

    fn link(observed: u64, byte: u8) -> Link {
        let hash = Hash([byte; 32]);
        let checksum = Checksum([!byte; 32]);
        Link { sequence: Sequence::new(0), observed: UnixNanos(observed), previous: hash, checksum, hash }
    }

    proptest! {
        /// A frame is sound at its own place in its own file and nowhere else, and no flipped bit goes unseen.
        #[test]
        fn a_frame_is_sound_only_where_it_was_written(
            content in ".{0,200}", observed: u64, byte: u8, start in 0..u64::MAX / 2, flip: proptest::sample::Index, bit in 0..8_u8,
        ) {
            let id = [byte; 16];
            let mut group = mark(&id, start).to_vec();
            push_record(&mut group, &id, start, &link(observed, byte), &content);
            let offset = start + HEAD as u64;
            let frame = parse(&group[HEAD..], &id, offset).expect("sound as written");
            prop_assert_eq!(frame.synced, start);
            prop_assert_eq!(frame.end, start + group.len() as u64);
            let body = Body::Record {
                observed: UnixNanos(observed), checksum: Checksum([!byte; 32]), hash: Hash([byte; 32]), content: content.as_bytes(),
            };
            prop_assert_eq!(frame.body, body);
            prop_assert!(parse(&group[HEAD..], &id, offset + 1).is_none());
            prop_assert!(parse(&group[HEAD..], &[!byte; 16], offset).is_none());

            let mut moved = group.clone();
            rebase(&mut moved, &[!byte; 16], 77);
            prop_assert_eq!(parse(&moved[HEAD..], &[!byte; 16], 77 + HEAD as u64).expect("sound at its new place").synced, 77);

            let at = HEAD + flip.index(group.len() - HEAD);
            group[at] ^= 1 << bit;
            prop_assert!(parse(&group[HEAD..], &id, offset).is_none());
        }
    }
}
