//! Tampering with the archive's objects and what lies beside them.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sealtrail_chain::segment::{checkpoint_key, genesis_key};
use sealtrail_chain::{Checksum, Hash};

use super::built::{Built, CHAIN, Keys, built, payments, put};
use super::rewrite::{Cell, object};
use super::{Case, Code, Options, Trust, Unwatched, Verdict, assert_first, directory, judge, judge_with, verify};

type Tamper = fn(&Path, &Built);

#[test]
fn every_tampering_of_the_archive_is_named() {
    let cases: [Case<Tamper>; 57] = [
        ("content changed", |dir, _| object(dir, 0).edit("content", 17, text), Code::Content, 17),
        ("content and checksum changed", with_checksum, Code::Link, 17),
        ("resealed from there on", resealed, Code::Root, 16),
        ("row removed", |dir, _| object(dir, 0).rows(|rows| rows.retain(|row| *row != 17)), Code::Missing, 17),
        ("rows swapped", |dir, _| object(dir, 0).rows(|rows| rows.swap(17, 18)), Code::Missing, 17),
        ("row added", |dir, _| object(dir, 0).rows(|rows| rows.insert(17, 17)), Code::Order, 17),
        ("row removed at the end", |dir, _| object(dir, 0).rows(|rows| rows.truncate(19)), Code::Missing, 19),
        ("all rows removed", |dir, _| object(dir, 20).rows(Vec::clear), Code::Missing, 20),
        ("observed time changed", |dir, _| object(dir, 0).edit("observed_nanos", 17, number), Code::Link, 17),
        ("hash changed", |dir, _| object(dir, 0).edit("hash", 17, bit), Code::Link, 17),
        ("a column for queries changed", |dir, _| object(dir, 0).edit("transaction_id", 17, text), Code::Column, 17),
        ("last object deleted", |dir, _| object(dir, 40).delete(), Code::Shorter, 40),
        ("middle object deleted", |dir, _| object(dir, 20).delete(), Code::Missing, 20),
        ("first object deleted", |dir, _| object(dir, 0).delete(), Code::Missing, 0),
        ("object forged", forged_object, Code::Root, 20),
        ("whole chain forged", forged_chain, Code::Key, 0),
        ("object emptied", |dir, _| put(&object(dir, 20).0, b""), Code::Damaged, 20),
        ("metadata: hash before", |dir, _| object(dir, 20).metadata("sealtrail.prev_hash", flip), Code::Link, 20),
        ("metadata: hash", |dir, _| object(dir, 0).metadata("sealtrail.hash", flip), Code::Metadata, 19),
        ("metadata: last", |dir, _| object(dir, 0).metadata("sealtrail.last", |_| "18".into()), Code::Damaged, 0),
        ("metadata: chain", |dir, _| object(dir, 20).metadata("sealtrail.chain", |_| "b".into()), Code::Chain, 20),
        ("metadata: range", |dir, _| object(dir, 20).metadata("sealtrail.range_after", flip), Code::Metadata, 39),
        (
            "metadata: range before",
            |dir, _| object(dir, 20).metadata("sealtrail.range_before", flip),
            Code::Metadata,
            20,
        ),
        (
            "metadata: event time",
            |dir, _| object(dir, 20).metadata("sealtrail.event_time_min", flip),
            Code::Metadata,
            20,
        ),
        ("moved to another day", |dir, _| object(dir, 20).shift("2026-11-22", 20), Code::Date, 20),
        ("moved to another name", |dir, _| object(dir, 20).shift("2026-11-23", 21), Code::Name, 20),
        (
            "checkpoint deleted",
            |dir, _| fs::remove_file(checkpoint(dir, 20)).expect("there"),
            Code::CheckpointMissing,
            0,
        ),
        ("checkpoint and range deleted", |dir, _| without_checkpoint(dir, 20), Code::CheckpointMissing, 0),
        (
            "checkpoint edited",
            |dir, _| edit(&checkpoint(dir, 40), |note| note.replace("\n40\n", "\n39\n")),
            Code::Signature,
            39,
        ),
        ("checkpoint by another key", by_another_key, Code::Unsigned, 19),
        ("ML-DSA-44 line stripped", |dir, _| edit(&checkpoint(dir, 40), without_last_line), Code::Unsigned, 39),
        (
            "range edited",
            |dir, _| edit(&checkpoint(dir, 40).with_extension("range"), |text| flip(&text)),
            Code::Range,
            20,
        ),
        (
            "range deleted",
            |dir, _| fs::remove_file(checkpoint(dir, 40).with_extension("range")).expect("there"),
            Code::Range,
            39,
        ),
        (
            "genesis note replaced",
            |dir, _| put(&dir.join(genesis_key(forged().chain())), forged().genesis.note().as_bytes()),
            Code::Genesis,
            0,
        ),
        (
            "genesis note deleted",
            |dir, built| fs::remove_file(dir.join(genesis_key(built.chain()))).expect("there"),
            Code::Genesis,
            0,
        ),
        ("metadata: another key", |dir, _| object(dir, 0).pair("reviewed", "yes"), Code::Index, 0),
        ("a column more", |dir, _| object(dir, 0).column(), Code::Damaged, 0),
        ("object of another chain", of_another_chain, Code::Chain, 20),
        ("older version of an object", |dir, built| built.write_object(dir, 20, 30), Code::Missing, 30),
        ("overlapping object", |dir, built| built.write_object(dir, 30, 40), Code::Overlap, 30),
        ("names of two objects swapped", swapped, Code::Name, 0),
        ("copy among the objects", |dir, _| copied(dir, "date=2026-11-23/copy.parquet"), Code::Foreign, 0),
        ("copy without a name", |dir, _| copied(dir, "date=2026-11-23/part-0000"), Code::Foreign, 0),
        (
            "copy in a nested directory",
            |dir, _| copied(dir, "date=2026-11-23/a/00000000000000000000.parquet"),
            Code::Foreign,
            0,
        ),
        ("copy beside the days", |dir, _| copied(dir, "00000000000000000000.parquet"), Code::Foreign, 0),
        ("copy beside the chains", |dir, _| copied(dir, "../copy.parquet"), Code::Foreign, 0),
        ("object behind a link", linked, Code::Foreign, 0),
        ("checkpoint emptied", |dir, _| put(&checkpoint(dir, 40), b""), Code::Signature, 39),
        (
            "checkpoint with trailing bytes",
            |dir, _| edit(&checkpoint(dir, 40), |note| note + "more"),
            Code::Signature,
            39,
        ),
        (
            "checkpoint with CRLF",
            |dir, _| edit(&checkpoint(dir, 40), |note| note.replace('\n', "\r\n")),
            Code::Signature,
            39,
        ),
        ("checkpoint with a line more", line_more, Code::Signature, 39),
        ("checkpoint of another chain", checkpoint_of_another, Code::Chain, 39),
        (
            "something beside the checkpoints",
            |dir, _| put(&checkpoint(dir, 40).with_extension("txt"), b"x"),
            Code::Foreign,
            0,
        ),
        ("two checkpoints of one size", fork, Code::Fork, 39),
        (
            "range with CRLF",
            |dir, _| edit(&checkpoint(dir, 40).with_extension("range"), |text| text.replace('\n', "\r\n")),
            Code::Range,
            39,
        ),
        (
            "genesis note with CRLF",
            |dir, built| edit(&dir.join(genesis_key(built.chain())), |note| note.replace('\n', "\r\n")),
            Code::Genesis,
            0,
        ),
        (
            "all records of the chain deleted",
            |dir, _| fs::remove_dir_all(dir.join(format!("audit-logs/chain={CHAIN}"))).expect("there"),
            Code::Shorter,
            0,
        ),
    ];
    let mut wrong = Vec::new();
    for (name, tamper, code, record) in cases {
        let dir = directory();
        let sound = payments();
        let archive = sound.write_archive(dir.path());
        tamper(&archive, &sound);
        let report = judge(&[&archive]);
        if report.findings.first().map(|finding| (finding.code, finding.first)) != Some((code, record)) {
            wrong.push(format!("{name}: {}", report.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an engine believes without reading rows: a bound that is too narrow hides them from its answers.
#[test]
fn lying_statistics_and_indexes_are_named() {
    let dir = directory();
    let sound = payments();
    let archive = sound.write_archive(dir.path());
    let path = object(&archive, 0).0;
    let bytes = fs::read(&path).expect("it is there");
    let largest = sound.records[19].0.observed.0.to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 8).filter(|at| bytes[*at..*at + 8] == largest).collect();
    // The column index and the footer's statistics; a third copy is the footer's old form, which readers pass over.
    let named = places.iter().filter(|&&at| {
        let mut lying = bytes.clone();
        lying[at..at + 8].copy_from_slice(&(sound.records[18].0.observed.0).to_le_bytes());
        put(&path, &lying);
        judge(&[&archive]).findings.iter().any(|finding| finding.code == Code::Index)
    });
    assert!(named.count() >= 2, "both maxima are named");

    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(object(&archive, 20).0).expect("there"));
    let reader = reader.expect("it is Parquet");
    let mut emptied = fs::read(object(&archive, 20).0).expect("it is there");
    let filters = reader
        .metadata()
        .row_group(0)
        .columns()
        .iter()
        .filter_map(|chunk| Some((chunk.bloom_filter_offset()? as usize, chunk.bloom_filter_length()? as usize)));
    let mut count = 0;
    for (offset, len) in filters {
        count += 1;
        // The filter's bits end where it ends; its header is shorter than what is left alone.
        emptied[offset + 20..offset + len].fill(0);
    }
    assert!(count > 0, "objects have filters");
    put(&path, &bytes);
    put(&object(&archive, 20).0, &emptied);
    assert_first("emptied bloom filters", &judge(&[&archive]), Code::Index, 20);
}

/// A copy of a chain under another name is not another chain.
#[test]
fn a_chain_copied_under_another_name_is_named() {
    let dir = directory();
    let archive = payments().write_archive(dir.path());
    let (from, to) = (archive.join(format!("audit-logs/chain={CHAIN}")), archive.join("audit-logs/chain=copy"));
    fs::rename(from, to).expect("it is there");
    let report = judge(&[&archive]);
    let copied = |finding: &super::super::Finding| finding.chain == "copy" && finding.code == Code::Chain;
    assert!(report.verdict == Verdict::Tampered && report.findings.iter().any(copied), "{}", report.text());
    assert!(report.findings.iter().any(|finding| finding.chain == CHAIN && finding.code == Code::Shorter));
}

/// What this release can't read may be sound: it is said, never called damage, and never passes for intact.
#[test]
fn an_unknown_version_is_not_checked_and_not_damaged() {
    let dir = directory();
    let archive = payments().write_archive(dir.path());
    object(&archive, 20).metadata("sealtrail.format", |_| "7".into());
    let report = judge(&[&archive]);
    assert_eq!((report.verdict, report.findings_total), (Verdict::NotAllChecked, 0), "{}", report.text());
    assert!(report.text().contains("version \"7\""), "{}", report.text());
}

/// Any byte of an object may be anything: verification ends, and with a finding unless the byte means nothing.
#[test]
fn a_flipped_byte_anywhere_never_stops_verification() {
    let dir = directory();
    let archive = payments().write_archive(dir.path());
    let path = object(&archive, 20).0;
    let sound = fs::read(&path).expect("it is there");
    let mut named = 0;
    for at in (0..sound.len()).step_by(37) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        put(&path, &bytes);
        named += u32::from(judge(&[&archive]).verdict == Verdict::Tampered);
    }
    assert!(named > 0);
}

/// An auditor of the year after next may trust the post-quantum key alone.
#[test]
fn either_key_of_the_genesis_is_enough() {
    let dir = directory();
    let sound = payments();
    let archive = sound.write_archive(dir.path());
    let mut trust = Trust::default();
    trust.add_key(sound.keys.ml_dsa_44.vkey().clone());
    assert_eq!(judge_with(trust, &[&archive]).verdict, Verdict::Intact);
    let alone = verify(&[archive], &Options::default(), &Unwatched).expect("there is a chain");
    assert_eq!(alone.verdict, Verdict::SignerUnknown);
}

fn with_checksum(dir: &Path, _: &Built) {
    let object = object(dir, 0);
    object.edit("content", 17, text);
    object.edit("checksum", 17, |_| {
        let content = payments().records[17].1.clone();
        Cell::Bytes(Checksum::of(changed(&content).as_bytes()).0)
    });
}

fn resealed(dir: &Path, _: &Built) {
    let mut built = payments();
    built.reseal(17, |content| *content = changed(content));
    rewrite_objects(dir, &built);
}

fn forged() -> Built {
    built(CHAIN, 8, |_, content| content.replace("tx-0", "tx-9"))
}

/// The records of the middle object are others, sealed behind the true first object.
fn forged_object(dir: &Path, _: &Built) {
    let mut built = payments();
    built.reseal(20, |content| *content = content.replace("tx-000020", "tx-999999"));
    built.write_object(dir, 20, 40);
}

fn forged_chain(dir: &Path, _: &Built) {
    fs::remove_dir_all(dir).expect("it is there");
    forged().write_archive(dir.parent().expect("below a directory"));
}

fn by_another_key(dir: &Path, built: &Built) {
    let keys = Keys::of(&built.genesis.statement().origin, 8);
    built.write_checkpoint(dir, 0, 20, &keys);
}

fn of_another_chain(dir: &Path, _: &Built) {
    let other = directory();
    let archive = built("other", 7, |_, content| content).write_archive(other.path());
    let path = archive.join("audit-logs/chain=other/date=2026-11-23/00000000000000000020.parquet");
    put(&object(dir, 20).0, &fs::read(path).expect("it is there"));
}

fn swapped(dir: &Path, _: &Built) {
    let (one, other) = (object(dir, 0).0, object(dir, 20).0);
    let aside = dir.join("aside");
    fs::rename(&one, &aside)
        .and_then(|()| fs::rename(&other, &one))
        .and_then(|()| fs::rename(&aside, &other))
        .expect("moved");
}

fn copied(dir: &Path, to: &str) {
    let bytes = fs::read(object(dir, 0).0).expect("it is there");
    put(&dir.join(format!("audit-logs/chain={CHAIN}")).join(to), &bytes);
}

fn linked(dir: &Path, _: &Built) {
    let (path, elsewhere) = (object(dir, 20).0, dir.join("elsewhere"));
    fs::rename(&path, &elsewhere).and_then(|()| std::os::unix::fs::symlink(&elsewhere, &path)).expect("linked");
}

fn line_more(dir: &Path, _: &Built) {
    let stranger = Keys::of("audit.example.com/stranger", 9);
    edit(&checkpoint(dir, 40), |note| note + &stranger.ed25519.sign("anything"));
}

fn checkpoint_of_another(dir: &Path, _: &Built) {
    let other = built("other", 7, |_, content| content);
    put(&checkpoint(dir, 40), other.checkpoint(40, &other.keys, true).as_bytes());
}

/// Who holds the keys signs another history of the same size.
fn fork(dir: &Path, _: &Built) {
    let mut other = payments();
    other.reseal(25, |content| *content = content.replace("tx-000025", "tx-999999"));
    let path = dir.join(checkpoint_key(other.chain(), 40, 1_795_478_401));
    put(&path, other.checkpoint(40, &other.keys, true).as_bytes());
}

fn rewrite_objects(dir: &Path, built: &Built) {
    for (first, end) in built.segments.iter().copied().zip(built.ends()) {
        built.write_object(dir, first, end);
    }
}

fn checkpoint(dir: &Path, size: u64) -> PathBuf {
    dir.join(checkpoint_key(payments().chain(), size, 1_795_478_400))
}

fn without_checkpoint(dir: &Path, size: u64) {
    fs::remove_file(checkpoint(dir, size)).expect("it is there");
    fs::remove_file(checkpoint(dir, size).with_extension("range")).expect("it is there");
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    put(path, change(fs::read_to_string(path).expect("it is there")).as_bytes());
}

fn without_last_line(note: String) -> String {
    let line = note.trim_end().rfind('\n').expect("more than one line") + 1;
    note[..line].to_owned()
}

/// Another text of the same kind: its last hex digit or figure is changed.
fn flip(text: &str) -> String {
    let last = text.trim_end().len() - 1;
    let digit = if text.as_bytes()[last] == b'0' { "1" } else { "0" };
    format!("{}{digit}{}", &text[..last], &text[last + 1..])
}

fn changed(text: &str) -> String {
    text.replace("tx-000017", "tx-000018")
}

fn text(cell: Cell) -> Cell {
    let Cell::Text(text) = cell else { panic!("a text column") };
    Cell::Text(changed(&text))
}

fn number(cell: Cell) -> Cell {
    let Cell::Number(number) = cell else { panic!("a number column") };
    Cell::Number(number + 1_000)
}

fn bit(cell: Cell) -> Cell {
    let Cell::Bytes(mut bytes) = cell else { panic!("a hash column") };
    bytes[0] ^= 1;
    Cell::Bytes(Hash(bytes).0)
}
