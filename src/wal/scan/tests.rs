use proptest::prelude::*;
use sealtrail_chain::{Checksum, CompactRange, Hash, Sequence, UnixNanos};

use super::*;
use crate::wal::header::Previous;

/// A file of groups, and where each frame and each group begins.
struct File {
    bytes: Vec<u8>,
    header: Header,
    start: u64,
    frames: Vec<u64>,
    groups: Vec<u64>,
}

/// `groups`: records in each; 0 makes a mark.
fn file(groups: &[usize]) -> File {
    let nodes = CompactRange::places(0, 5).iter().map(|_| [9; 32]).collect();
    let tree = CompactRange::from_nodes(0, 5, nodes).unwrap();
    let head = Head::resume("test".parse().unwrap(), Sequence::new(5), UnixNanos(7), Hash([1; 32]), tree);
    let previous = Some(Previous { first: Sequence::new(2), end: 777 });
    let header = Header { id: [3; 16], head: head.clone(), rules: [4; 32], previous, reused: false };
    let mut bytes = header.encode();
    let start = bytes.len() as u64;
    let (mut head, mut frames, mut starts) = (head, Vec::new(), Vec::new());
    for (index, &records) in groups.iter().enumerate() {
        let (mut group, at) = (Vec::new(), bytes.len() as u64);
        starts.push(at);
        if records == 0 {
            frames.push(at);
            group.extend(frame::mark(&header.id, at));
        }
        for record in 0..records {
            frames.push(at + group.len() as u64);
            let content = format!("{{\"content\":\"{index} {record}\"}}");
            let link = head.seal(UnixNanos(8 + index as u64), Checksum::of(content.as_bytes()));
            frame::push_record(&mut group, &header.id, at, &link, &content);
        }
        bytes.extend_from_slice(&group);
    }
    File { bytes, header, start, frames, groups: starts }
}

impl File {
    fn scan(&self, bytes: &[u8], synced: u64) -> Tail {
        scan(bytes, &self.header, self.start, bytes.len() as u64, synced).unwrap().tail
    }
    /// Where the frame begins that holds the byte at `at`.
    fn frame_of(&self, at: u64) -> u64 {
        *self.frames.iter().rev().find(|begin| **begin <= at).unwrap()
    }
}

#[test]
fn a_header_is_read_as_written_and_any_flipped_bit_is_seen() {
    let file = file(&[]);
    assert_eq!(Header::decode(&file.bytes), Ok((file.header, file.start)));
    for at in 0..file.bytes.len() {
        assert!(Header::decode(&file.bytes[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut bytes = file.bytes.clone();
            bytes[at] ^= 1 << bit;
            assert!(Header::decode(&bytes).is_err(), "bit {bit} of byte {at}");
        }
    }
}

/// Cut anywhere, a file is torn (or clean) at the last whole frame; and damaged as soon as someone proves that more of it
/// was acknowledged.
#[test]
fn every_cut_is_torn_unless_more_was_acknowledged() {
    let file = file(&[2, 0, 3, 1]);
    for cut in file.start..file.bytes.len() as u64 {
        let bytes = &file.bytes[..cut as usize];
        let whole = file.frames.contains(&cut);
        let end = if whole { cut } else { file.frame_of(cut) };
        let expected = if whole { Tail::Clean { end } } else { Tail::Torn { end } };
        assert_eq!(file.scan(bytes, 0), expected, "cut at {cut}");
        assert_eq!(file.scan(bytes, end), expected, "cut at {cut}, acknowledged up to there");
        assert_eq!(file.scan(bytes, cut + 1), Tail::Damaged { at: end }, "cut at {cut}, one byte more acknowledged");
    }
}

/// A byte that changed is damage where a later group proves that it was synced, else a torn write.
#[test]
fn every_flipped_byte_is_damage_below_a_witness_and_torn_above() {
    let file = file(&[2, 3, 0, 1, 2]);
    let last_group = *file.groups.last().unwrap();
    for at in file.start..file.bytes.len() as u64 {
        for bit in [0, 3, 7] {
            let mut bytes = file.bytes.clone();
            bytes[at as usize] ^= 1 << bit;
            let bad = file.frame_of(at);
            // The last group's own frames are the witnesses of all before it: with one of two bad, the other still speaks.
            let expected = if bad < last_group { Tail::Damaged { at: bad } } else { Tail::Torn { end: bad } };
            assert_eq!(file.scan(&bytes, 0), expected, "bit {bit} of byte {at}");
        }
    }
}

/// Out of order, the sectors of one group may be lost before others of it arrive: that alone is no damage.
#[test]
fn a_hole_in_the_last_group_is_torn() {
    let file = file(&[1, 4]);
    let [.., hole, behind, _] = file.frames[..] else { panic!("five frames") };
    let mut bytes = file.bytes.clone();
    bytes[hole as usize..behind as usize].fill(0);
    assert_eq!(file.scan(&bytes, 0), Tail::Torn { end: hole });
}

/// A frame that was sound in another file, or whose record doesn't follow, ends the file.
#[test]
fn what_does_not_follow_is_not_taken() {
    let file = file(&[2, 2]);
    let mut bytes = file.bytes.clone();
    let copy = bytes[file.groups[0] as usize..].to_vec();
    let end = bytes.len() as u64;
    bytes.extend_from_slice(&copy);
    assert_eq!(file.scan(&bytes, 0), Tail::Torn { end });
    let mut again = copy;
    frame::rebase(&mut again, &file.header.id, end);
    bytes.truncate(end as usize);
    bytes.extend_from_slice(&again);
    assert_eq!(
        file.scan(&bytes, 0),
        Tail::Damaged { at: end },
        "sound frames of a second group, but the first doesn't follow"
    );
}

/// The file of FORMAT.md's example as the second implementation wrote it (`tests/vectors.py`), byte for byte, and what `scan` says of it whole, torn and damaged.
#[test]
fn the_vectors_hold() {
    let hex = |text: &str| const_hex::decode(text.split_whitespace().collect::<String>()).unwrap();
    let whole = hex(include_str!("../vectors/whole.hex"));
    let file = example();
    assert_eq!(const_hex::encode(&whole), const_hex::encode(&file.bytes));
    let (header, start) = Header::decode(&whole).unwrap();
    assert_eq!(file.scan(&whole, 0), Tail::Clean { end: whole.len() as u64 });

    let torn = hex(include_str!("../vectors/torn.hex"));
    assert_eq!(file.scan(&torn, 0), Tail::Torn { end: file.frames[1] });
    let damaged = hex(include_str!("../vectors/damaged.hex"));
    assert_eq!(file.scan(&damaged, 0), Tail::Damaged { at: file.frames[1] });
    for (name, text, mark) in [
        ("reused", include_str!("../vectors/reused.hex"), frame::HEAD as u64),
        ("reused-torn", include_str!("../vectors/reused-torn.hex"), 0),
    ] {
        let bytes = hex(text);
        let (header, start) = Header::decode(&bytes).unwrap();
        let tail = scan(bytes.as_slice(), &header, start, bytes.len() as u64, 0).unwrap().tail;
        let end = file.groups[1] + mark;
        assert_eq!(tail, if mark > 0 { Tail::Clean { end } } else { Tail::Torn { end } }, "{name}");
    }
    let version = hex(include_str!("../vectors/version-2.hex"));
    assert_eq!(Header::decode(&version), Err(crate::wal::header::Bad::Version(2)));
    assert_eq!((header, start), (file.header, file.start));
}

/// Two records in a group, one in the next, a mark.
fn example() -> File {
    let mut file = file(&[]);
    let mut head = file.header.head.clone();
    for group in [["one", "two"].as_slice(), &["three"]] {
        let (mut bytes, at) = (Vec::new(), file.bytes.len() as u64);
        file.groups.push(at);
        for text in group {
            file.frames.push(at + bytes.len() as u64);
            let content = format!(
                "{{\"logRecord\":{{\"body\":{{\"stringValue\":\"{text}\"}}}},\"received\":{{\"auth\":\"none\",\"by\":\"sender\"}}}}"
            );
            let link = head.seal(UnixNanos(1_700_000_000_000_000_000), Checksum::of(content.as_bytes()));
            frame::push_record(&mut bytes, &file.header.id, at, &link, &content);
        }
        file.bytes.extend_from_slice(&bytes);
    }
    let at = file.bytes.len() as u64;
    file.frames.push(at);
    file.bytes.extend(frame::mark(&file.header.id, at));
    file
}

proptest! {
    /// In a file that was another before, whatever that held: clean behind a group's end, torn as soon as a byte of the group
    /// is another; below a witness it is damage as ever.
    #[test]
    fn what_a_file_held_before_is_no_part_of_it(
        old in 1..6_usize, cut in 0..700_usize, groups in 1..4_usize, flip: proptest::sample::Index, bit in 0..8_u8,
    ) {
        let mut new = file(&vec![2; groups]);
        new.header.reused = true;
        let header = new.header.encode();
        new.bytes[..header.len()].copy_from_slice(&header);
        let last = *new.groups.last().unwrap();
        let end = new.bytes.len() as u64;
        new.bytes.extend(frame::end_mark(&new.header.id, end, (end - last) as usize));
        let clean = new.bytes.len();
        // The old file's frames at their old places, from the middle of one on.
        let mut before = file(&vec![1; old + 40]).bytes;
        let id = [5; 16];
        let start = new.start as usize;
        frame::rebase(&mut before[start..], &id, start as u64);
        new.bytes.extend(before.iter().skip(clean).skip(cut));
        prop_assert_eq!(new.scan(&new.bytes, 0), Tail::Clean { end: clean as u64 });

        let at = last as usize + flip.index(clean - last as usize);
        let mut bytes = new.bytes.clone();
        bytes[at] ^= 1 << bit;
        let bad = if at as u64 >= end { end } else { new.frame_of(at as u64) };
        prop_assert_eq!(new.scan(&bytes, 0), Tail::Torn { end: bad });
        prop_assert_eq!(new.scan(&bytes, clean as u64), Tail::Damaged { at: bad });
    }

    /// Whatever the bytes, judging ends, and says nothing beyond them.
    #[test]
    fn any_bytes_are_judged(garbage in proptest::collection::vec(any::<u8>(), 0..2000), keep in 0..4_usize) {
        let file = file(&[1, 2, 1]);
        let mut bytes = file.bytes[..file.groups.get(keep).map_or(file.bytes.len(), |at| *at as usize)].to_vec();
        let sound = bytes.len() as u64;
        bytes.extend_from_slice(&garbage);
        match file.scan(&bytes, 0) {
            Tail::Clean { end } => prop_assert!(garbage.is_empty() && end == sound),
            Tail::Torn { end } => prop_assert_eq!(end, sound),
            Tail::Damaged { .. } => prop_assert!(false, "no witness is in the garbage"),
        }
    }
}
