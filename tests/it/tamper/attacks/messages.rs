//! The stream: its messages with their checksums made anew, and its checkpoints.

use sealtrail::verify::Code;
use sealtrail_chain::{Checksum, UnixNanos};

use super::Said::{Open, Sound};
use super::{Attack, Touches, VICTIM, change, link, origin, remove, row, stream, without_line};
use crate::tamper::built::{Built, Keys, put};
use crate::tamper::copy_all;
use crate::tamper::scene::{RUN, Scene, chain, first};
use Code::{Content, Foreign, Form, Header, Missing, Order, Previous, Root, Shorter, Signature, Time, Unsigned};

const HOUR: u64 = 3_600_000_000_000;

pub(super) fn all() -> Vec<Attack> {
    vec![
        stream(
            "content edited in a message",
            |s| s.edit_stream(|built| change(&mut built.records[VICTIM as usize].1)),
            Content,
            VICTIM,
        ),
        stream("content and checksum edited in a message", |s| s.edit_stream(checksummed), Code::Link, VICTIM),
        stream(
            "content blanked in a message",
            |s| s.edit_stream(|built| built.records[VICTIM as usize].1 = blank()),
            Content,
            VICTIM,
        ),
        stream("records of messages sealed again, without the key", resealed_messages, Root, RUN),
        stream("observed time set back in a message", |s| s.edit_stream(set_back), Time, VICTIM),
        stream(
            "previous hash edited in a message",
            |s| s.edit_stream(|built| built.records[VICTIM as usize].0.previous.0[0] ^= 1),
            Previous,
            VICTIM,
        ),
        stream(
            "a record removed from a message",
            |s| s.edit_stream(|built| drop(built.records.remove(VICTIM as usize))),
            Missing,
            VICTIM,
        ),
        stream("a record doubled in a message", |s| s.edit_stream(doubled_record), Order, VICTIM),
        stream(
            "records swapped in a message",
            |s| s.edit_stream(|built| built.records.swap(VICTIM as usize, VICTIM as usize + 1)),
            Missing,
            VICTIM,
        ),
        stream("a message removed", |s| frames(s, |all| drop(all.remove(4))), Missing, 28),
        stream("a message doubled", |s| frames(s, |all| all.insert(4, all[4].clone())), Order, 28),
        stream("messages swapped", |s| frames(s, |all| all.swap(4, 5)), Order, 28),
        stream("the first message removed", |s| frames(s, |all| drop(all.remove(0))), Missing, 0),
        stream("the last message removed", |s| frames(s, |all| drop(all.pop())), Shorter, 91),
        stream("a message's key edited", |s| frames(s, |all| all[4][0] = b"other".to_vec()), Header, 28),
        stream(
            "header `sealtrail.first` edited",
            |s| frames(s, |all| header(&mut all[4], "sealtrail.first: 28", "sealtrail.first: 27")),
            Header,
            28,
        ),
        stream(
            "header `sealtrail.last` edited",
            |s| frames(s, |all| header(&mut all[4], "sealtrail.last: 34", "sealtrail.last: 35")),
            Header,
            28,
        ),
        stream(
            "header `sealtrail.head` edited",
            |s| frames(s, |all| header(&mut all[4], "sealtrail.head: ", "sealtrail.head: f")),
            Header,
            28,
        ),
        stream(
            "a header doubled",
            |s| frames(s, |all| all[4][1].extend_from_slice(b"sealtrail.first: 0\n")),
            Header,
            28,
        ),
        stream("a header added", |s| frames(s, |all| all[4][1].extend_from_slice(b"reviewed: yes\n")), Header, 28),
        stream("a message's value replaced", |s| frames(s, |all| all[4][2] = b"\x1f\x8b".to_vec()), Form, 28),
        stream(
            "an unknown field in a message's value",
            |s| frames(s, |all| all[4][2].extend_from_slice(&[0x78, 1])),
            Form,
            28,
        ),
        stream("a field twice in a message, the false one first", |s| frames(s, |all| hide(&mut all[4][2])), Form, 28),
        stream(
            "an empty part before a message's records",
            |s| frames(s, |all| drop(all[4][2].splice(0..0, [0x0a, 0x00]))),
            Form,
            28,
        ),
        stream("a length of more bytes than it needs", |s| frames(s, |all| lengthen(&mut all[4][2])), Form, 28),
        stream("a message's value emptied", |s| frames(s, |all| all[4][2].clear()), Header, 28),
        stream("all messages deleted", |s| remove(&s.stream.join("audit-logs")), Shorter, 0),
        stream("a second partition", second_partition, Foreign, 0),
        stream("a partition under another spelling", |s| copies(s, "audit-logs/0", "audit-logs/00"), Foreign, 0),
        stream("a copy of the topic", |s| copies(s, "audit-logs", "audit-logs-2"), Foreign, 0),
        stream("something else among the messages", |s| put(&s.stream.join("audit-logs/0/README"), b"x"), Foreign, 0),
        stream("something else among the partitions", |s| put(&s.stream.join("audit-logs/README"), b"x"), Foreign, 0),
        stream("an empty file among the messages", empty_file, Foreign, 36),
        stream("a file of messages behind a link", linked_file, Foreign, 0),
        stream("a partition behind a link", |s| link(s, &s.stream.join("audit-logs/0")), Foreign, 0),
        stream("a topic behind a link", |s| link(s, &s.stream.join("audit-logs")), Foreign, 0),
        stream(
            "a checkpoint edited in the stream",
            |s| notes(s, |all| replace(&mut all[1][2], "\n64\n", "\n63\n")),
            Signature,
            62,
        ),
        stream(
            "a checkpoint under another key in the stream",
            |s| notes(s, |all| all[1][0] = b"other".to_vec()),
            Header,
            2 * RUN - 1,
        ),
        stream(
            "a header of a checkpoint in the stream",
            |s| notes(s, |all| all[1][1] = b"reviewed: yes\n".to_vec()),
            Header,
            2 * RUN - 1,
        ),
        stream("a message that is no checkpoint among them", |s| notes(s, |all| all.push(no_checkpoint())), Header, 0),
        stream(
            "a checkpoint's Ed25519 line stripped in the stream",
            |s| notes(s, |all| strip_ed25519(all)),
            Unsigned,
            2 * RUN - 1,
        ),
        stream("checkpoints of the stream signed by another key", notes_by_another, Unsigned, RUN - 1),
        row(
            "a checkpoint replayed in the stream",
            Touches::Stream,
            |s| notes(s, |all| all.push(all[0].clone())),
            [Sound; 4],
        ),
        row(
            "a checkpoint removed from the stream",
            Touches::Stream,
            |s| notes(s, |all| drop(all.remove(1))),
            [Sound; 4],
        ),
        row(
            "the last checkpoint removed from the stream",
            Touches::Stream,
            |s| notes(s, |all| drop(all.pop())),
            [Sound, Open, Sound, Sound],
        ),
        row(
            "all checkpoints removed from the stream",
            Touches::Stream,
            |s| remove(&s.stream.join("audit-checkpoints")),
            [Sound, Open, Sound, Sound],
        ),
    ]
}

fn checksummed(built: &mut Built) {
    let (link, content) = &mut built.records[VICTIM as usize];
    change(content);
    link.checksum = Checksum::of(content.as_bytes());
}

/// The shortest content there is.
fn blank() -> String {
    r#"{"logRecord":{},"received":{"auth":"none","by":"sender"}}"#.to_owned()
}

fn resealed_messages(scene: &Scene) {
    scene.edit_stream(|built| built.reseal(VICTIM, change));
}

fn set_back(built: &mut Built) {
    let link = &mut built.records[VICTIM as usize].0;
    link.observed = UnixNanos(link.observed.0 - HOUR);
}

fn doubled_record(built: &mut Built) {
    let record = built.records[VICTIM as usize].clone();
    built.records.insert(VICTIM as usize, record);
}

type Frame = [Vec<u8>; 3];

/// Messages of seven records, as the library writes them, changed and framed again.
fn frames(scene: &Scene, change: impl FnOnce(&mut Vec<Frame>)) {
    scene.edit_stream(|_| {});
    let mut all = scene.frames("audit-logs");
    let begin = first(&all[0]);
    change(&mut all);
    scene.write_frames("audit-logs", &all, |frame| if begin == 0 { first(frame) } else { begin });
}

fn notes(scene: &Scene, change: impl FnOnce(&mut Vec<Frame>)) {
    let mut all = scene.frames("audit-checkpoints");
    change(&mut all);
    scene.write_frames("audit-checkpoints", &all, |_| RUN);
}

fn header(frame: &mut Frame, from: &str, to: &str) {
    replace(&mut frame[1], from, to);
}

fn replace(bytes: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(std::mem::take(bytes)).expect("text");
    assert!(text.contains(from), "{from} is not in {text}");
    *bytes = text.replacen(from, to, 1).into_bytes();
}

/// Where the length behind a tag at `at` begins, where it ends, and the length.
fn length(value: &[u8], at: usize) -> (usize, usize, usize) {
    let bytes = value[at + 1..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
    let number = value[at + 1..][..bytes].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f));
    (at + 1, at + 1 + bytes, number)
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Puts an event's name of its own into the first record: of two, readers of protobuf take the last.
fn hide(value: &mut Vec<u8>) {
    // A `ResourceLogs`, behind its resource a `ScopeLogs`, behind its scope a record.
    let mut lengths = vec![length(value, 0)];
    for _ in 0..2 {
        let (_, begin, _) = lengths[lengths.len() - 1];
        let at = if value[begin] == 0x0a { length(value, begin) } else { (0, begin, 0) };
        lengths.push(length(value, at.1 + at.2));
        assert_eq!(value[at.1 + at.2], 0x12, "as the format has it");
    }
    let mut part = [&[0x62, 16][..], b"payment.declined"].concat();
    let mut grown = part.len();
    let (_, at, _) = lengths[2];
    value.splice(at..at, part.drain(..));
    for (begin, end, number) in lengths.into_iter().rev() {
        let longer = varint(number + grown);
        grown += longer.len() - (end - begin);
        value.splice(begin..end, longer);
    }
}

fn lengthen(value: &mut Vec<u8>) {
    let (_, end, _) = length(value, 0);
    value[end - 1] |= 0x80;
    value.insert(end, 0);
}

fn strip_ed25519(all: &mut [Frame]) {
    let note = String::from_utf8(all[1][2].clone()).expect("text");
    all[1][2] = without_line(0)(note).into_bytes();
}

fn notes_by_another(scene: &Scene) {
    let (built, keys) = (chain(), Keys::of(&origin(), 9));
    let notes: Vec<_> = built.checkpoints.iter().map(|size| (*size, built.checkpoint(*size, &keys, true))).collect();
    built.write_notes(&scene.stream, &notes);
}

fn second_partition(scene: &Scene) {
    copies(scene, "audit-logs/0", "audit-logs/1");
}

fn copies(scene: &Scene, from: &str, to: &str) {
    copy_all(&scene.stream.join(from), &scene.stream.join(to));
}

/// The files begin with records 0, 35 and 70.
fn empty_file(scene: &Scene) {
    scene.edit_stream(|_| {});
    put(&scene.stream.join("audit-logs/0/00000000000000000036.messages"), b"");
}

fn linked_file(scene: &Scene) {
    scene.edit_stream(|_| {});
    link(scene, &scene.stream.join("audit-logs/0/00000000000000000070.messages"));
}

fn no_checkpoint() -> Frame {
    [b"zzz".to_vec(), Vec::new(), b"what nobody sees".to_vec()]
}
