//! Tampering with the stream's files.

use std::fs;
use std::path::Path;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;

use super::built::{Built, CHAIN, Keys, frame, payments, put, write_messages};
use super::{Case, Code, assert_first, directory, judge};

/// Changes what is written: links and contents first, files afterwards.
type Tamper = (fn(&mut Built), fn(&Path, &Built));

const WRITTEN: fn(&Path, &Built) = |_, _| {};
const SOUND: fn(&mut Built) = |_| {};

#[test]
fn every_tampering_of_the_stream_is_named() {
    let cases: [Case<Tamper>; 32] = [
        ("content changed", (|built| change(&mut built.records[17].1), WRITTEN), Code::Content, 17),
        ("content and checksum changed", (with_checksum, WRITTEN), Code::Link, 17),
        ("resealed from there on", (SOUND, resealed), Code::Root, 10),
        ("record removed", (|built| drop(built.records.remove(17)), WRITTEN), Code::Missing, 17),
        ("records swapped", (|built| built.records.swap(17, 18), WRITTEN), Code::Missing, 17),
        ("record added", (|built| built.records.insert(17, built.records[16].clone()), WRITTEN), Code::Order, 16),
        ("observed time changed", (|built| built.records[17].0.observed.0 += 1, WRITTEN), Code::Link, 17),
        ("previous hash changed", (|built| built.records[17].0.previous.0[0] ^= 1, WRITTEN), Code::Previous, 17),
        ("message removed", (SOUND, |dir, built| messages(dir, built, |all| drop(all.remove(2)))), Code::Missing, 14),
        (
            "message twice",
            (SOUND, |dir, built| messages(dir, built, |all| all.insert(2, all[2].clone()))),
            Code::Order,
            14,
        ),
        ("messages swapped", (SOUND, |dir, built| messages(dir, built, |all| all.swap(2, 3))), Code::Order, 14),
        ("message cut within", (SOUND, |dir, _| cut(dir, 0)), Code::Damaged, 28),
        ("message cut at the end", (SOUND, |dir, _| cut(dir, 35)), Code::Shorter, 56),
        ("bit flipped", (SOUND, |dir, _| flip(dir)), Code::Damaged, 14),
        ("key changed", (SOUND, |dir, built| reframe(dir, built, "another", "")), Code::Header, 0),
        ("header changed", (SOUND, |dir, built| reframe(dir, built, CHAIN, "9")), Code::Header, 0),
        (
            "last file deleted",
            (SOUND, |dir, _| fs::remove_file(file(dir, 35)).expect("it is there")),
            Code::Shorter,
            35,
        ),
        ("first file deleted", (SOUND, |dir, _| fs::remove_file(file(dir, 0)).expect("it is there")), Code::Missing, 0),
        (
            "file renamed",
            (SOUND, |dir, _| fs::rename(file(dir, 35), file(dir, 36)).expect("it is there")),
            Code::Name,
            35,
        ),
        (
            "checkpoint edited",
            (SOUND, |dir, built| notes(dir, built, |note| note.replace("\n10\n", "\n11\n"))),
            Code::Signature,
            10,
        ),
        ("checkpoints by another key", (SOUND, by_another_key), Code::Unsigned, 9),
        (
            "file under a foreign name",
            (SOUND, |dir, _| fs::rename(file(dir, 35), dir.join("audit-logs/0/last.messages")).expect("there")),
            Code::Name,
            35,
        ),
        (
            "file under no name",
            (SOUND, |dir, _| fs::rename(file(dir, 35), dir.join("audit-logs/0/last.bak")).expect("there")),
            Code::Foreign,
            0,
        ),
        (
            "all files deleted",
            (SOUND, |dir, _| fs::remove_dir_all(dir.join("audit-logs")).expect("there")),
            Code::Shorter,
            0,
        ),
        ("a partition more", (SOUND, second_partition), Code::Foreign, 0),
        (
            "garbage as a message",
            (SOUND, |dir, built| value(dir, built, |_| b"\x1f\x8b garbage".to_vec())),
            Code::Form,
            14,
        ),
        (
            "unknown field in a message",
            (SOUND, |dir, built| value(dir, built, |old| [old, &[0x78, 1]].concat())),
            Code::Form,
            14,
        ),
        (
            "unknown field in a resource",
            (SOUND, |dir, built| value(dir, built, |old| in_resource(old, &[0x78, 1]))),
            Code::Form,
            14,
        ),
        // KeyValue { key: "a" }
        (
            "attribute in a resource",
            (SOUND, |dir, built| value(dir, built, |old| in_resource(old, &[0x0a, 3, 0x0a, 1, b'a']))),
            Code::Content,
            14,
        ),
        (
            "attribute before the link",
            (SOUND, |dir, built| value(dir, built, |old| attribute(old, 0))),
            Code::Content,
            14,
        ),
        (
            "attribute behind the link",
            (SOUND, |dir, built| value(dir, built, |old| attribute(old, usize::MAX))),
            Code::Form,
            14,
        ),
        ("a checkpoint beyond the end", (|built| built.records.truncate(50), WRITTEN), Code::Shorter, 50),
    ];
    for (name, (before, after), code, record) in cases {
        let dir = directory();
        let mut built = payments();
        let notes: Vec<_> =
            built.checkpoints.iter().map(|size| (*size, built.checkpoint(*size, &built.keys, false))).collect();
        before(&mut built);
        let stream = built.write_stream_with(dir.path(), &notes[..built.checkpoints.len()]);
        after(&stream, &built);
        assert_first(name, &judge(&[&stream]), code, record);
    }
}

fn change(content: &mut String) {
    *content = content.replace("tx-000017", "tx-000018");
}

fn with_checksum(built: &mut Built) {
    let (link, content) = &mut built.records[17];
    change(content);
    link.checksum = sealtrail_chain::Checksum::of(content.as_bytes());
}

/// All links hold again; only the checkpoints know better.
fn resealed(dir: &Path, _: &Built) {
    let mut built = payments();
    built.reseal(17, change);
    messages(dir, &built, |_| {});
}

fn messages(dir: &Path, built: &Built, change: impl FnOnce(&mut Vec<(u64, Vec<u8>)>)) {
    let mut all = built.messages().iter().map(|message| (message.first.get(), built.frame(message))).collect();
    change(&mut all);
    write_messages(&dir.join("audit-logs/0"), &all);
}

/// The third message, of records 14 to 20, with another value.
fn value(dir: &Path, built: &Built, change: impl FnOnce(&[u8]) -> Vec<u8>) {
    messages(dir, built, |all| {
        let mut message = built.messages().swap_remove(2);
        message.value = change(&message.value);
        all[2].1 = built.frame(&message);
    });
}

/// Appends a piece of a resource to the one `ResourceLogs` of a request: protobuf merges it into the first.
fn in_resource(value: &[u8], piece: &[u8]) -> Vec<u8> {
    use prost::Message as _;
    let mut request = ExportLogsServiceRequest::decode(value).expect("a request");
    let mut logs = request.resource_logs.remove(0).encode_to_vec();
    logs.extend([0x0a, piece.len() as u8]);
    logs.extend_from_slice(piece);
    let mut value = vec![0x0a];
    prost::encoding::encode_varint(logs.len() as u64, &mut value);
    [value, logs].concat()
}

/// Puts an attribute among those of the first record.
fn attribute(value: &[u8], at: usize) -> Vec<u8> {
    use prost::Message as _;
    let mut request = ExportLogsServiceRequest::decode(value).expect("a request");
    let attributes = &mut request.resource_logs[0].scope_logs[0].log_records[0].attributes;
    let smuggled = KeyValue { key: "smuggled".into(), ..KeyValue::default() };
    attributes.insert(at.min(attributes.len()), smuggled);
    request.encode_to_vec()
}

fn second_partition(dir: &Path, _: &Built) {
    for first in [0, 35] {
        let bytes = fs::read(file(dir, first)).expect("it is there");
        put(&dir.join(format!("audit-logs/1/{first:020}.messages")), &bytes);
    }
}

fn reframe(dir: &Path, built: &Built, key: &str, digit: &str) {
    messages(dir, built, |all| {
        let message = &built.messages()[0];
        let (first, last, head) = (message.first, message.last, message.head);
        let headers = format!("sealtrail.first: {first}\nsealtrail.last: {last}{digit}\nsealtrail.head: {head}\n");
        // The chain is that of the first message whose key names one.
        all[0].1 = frame(if key == CHAIN { CHAIN } else { "No Chain" }, &headers, &message.value);
    });
}

fn file(dir: &Path, first: u64) -> std::path::PathBuf {
    dir.join(format!("audit-logs/0/{first:020}.messages"))
}

fn cut(dir: &Path, first: u64) {
    let path = file(dir, first);
    let bytes = fs::read(&path).expect("it is there");
    put(&path, &bytes[..bytes.len() - 10]);
}

fn flip(dir: &Path) {
    let path = file(dir, 0);
    let mut bytes = fs::read(&path).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    put(&path, &bytes);
}

fn notes(dir: &Path, built: &Built, change: impl Fn(String) -> String) {
    let changed = built.checkpoints.iter().map(|size| (*size, change(built.checkpoint(*size, &built.keys, false))));
    built.write_notes(dir, &changed.collect::<Vec<_>>());
}

fn by_another_key(dir: &Path, built: &Built) {
    let keys = Keys::of(&built.genesis.statement().origin, 8);
    let notes: Vec<_> = built.checkpoints.iter().map(|size| (*size, built.checkpoint(*size, &keys, false))).collect();
    built.write_notes(dir, &notes);
}
