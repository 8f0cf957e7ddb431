//! Tampering with the archive's objects and what lies beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;
use sealtrail_chain::segment::{checkpoint_key, genesis_key};
use sealtrail_chain::{Checksum, Hash};

use super::built::{Built, CHAIN, Keys, built, payments, put};
use super::{Case, Code, Options, Trust, Unwatched, Verdict, assert_first, directory, judge, judge_with, verify};

type Tamper = fn(&Path, &Built);

#[test]
fn every_tampering_of_the_archive_is_named() {
    let cases: [Case<Tamper>; 36] = [
        ("content changed", |dir, _| object(dir, 0).edit("content", 17, text), Code::Content, 17),
        ("content and checksum changed", with_checksum, Code::Link, 17),
        ("resealed from there on", resealed, Code::Root, 16),
        ("row removed", |dir, _| object(dir, 0).rows(|rows| rows.retain(|row| *row != 17)), Code::Missing, 17),
        ("rows swapped", |dir, _| object(dir, 0).rows(|rows| rows.swap(17, 18)), Code::Missing, 17),
        ("row added", |dir, _| object(dir, 0).rows(|rows| rows.insert(17, 17)), Code::Order, 17),
        ("row removed at the end", |dir, _| object(dir, 0).rows(|rows| rows.truncate(19)), Code::Missing, 19),
        ("all rows removed", |dir, _| object(dir, 20).rows(Vec::clear), Code::Metadata, 20),
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
        ("last checkpoint deleted", |dir, _| without_checkpoint(dir, 60), Code::StopUncovered, 59),
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
    ];
    for (name, tamper, code, record) in cases {
        let dir = directory();
        let sound = payments();
        let archive = sound.write_archive(dir.path());
        tamper(&archive, &sound);
        assert_first(name, &judge(&[&archive]), code, record);
    }
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

/// A value of a column.
enum Cell {
    Text(String),
    Number(i64),
    Bytes([u8; 32]),
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

/// An object that is taken apart and written again as its owner could, with any Parquet library.
struct Object(PathBuf);

fn object(dir: &Path, first: u64) -> Object {
    let chain = dir.join(format!("audit-logs/chain={CHAIN}"));
    let name = format!("{first:020}.parquet");
    let dates = fs::read_dir(chain).expect("it is there").map(|date| date.expect("it is there").path().join(&name));
    Object(dates.into_iter().find(|path| path.is_file()).expect("there is such an object"))
}

impl Object {
    fn delete(&self) {
        fs::remove_file(&self.0).expect("it is there");
    }

    fn shift(&self, date: &str, first: u64) {
        let chain = self.0.parent().and_then(Path::parent).expect("below a chain");
        let to = chain.join(format!("date={date}/{first:020}.parquet"));
        fs::create_dir_all(to.parent().expect("below a date")).expect("it is made");
        fs::rename(&self.0, to).expect("it is moved");
    }

    fn rows(&self, change: impl FnOnce(&mut Vec<usize>)) {
        self.rewrite(change, |_, column| column, |_| {});
    }

    fn metadata(&self, key: &str, change: impl Fn(&str) -> String) {
        let edit = |pair: &mut KeyValue| {
            if pair.key == key {
                pair.value = pair.value.as_deref().map(&change);
            }
        };
        self.rewrite(|_| {}, |_, column| column, edit);
    }

    fn edit(&self, name: &str, row: usize, change: impl Fn(Cell) -> Cell) {
        self.rewrite(
            |_| {},
            |found, column| if found == name { replace(&column, row, &change) } else { column },
            |_| {},
        );
    }

    fn rewrite(
        &self,
        rows: impl FnOnce(&mut Vec<usize>),
        column: impl Fn(&str, ArrayRef) -> ArrayRef,
        metadata: impl Fn(&mut KeyValue),
    ) {
        let file = fs::File::open(&self.0).expect("it is there");
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).expect("it is Parquet");
        let mut pairs = reader.metadata().file_metadata().key_value_metadata().expect("it has metadata").clone();
        pairs.iter_mut().for_each(metadata);
        let batch = reader.build().expect("it is Parquet").next().expect("it has rows").expect("it is Parquet");
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns()).map(|(field, old)| column(field.name(), old.clone()));
        let batch = RecordBatch::try_new(schema.clone(), columns.collect()).expect("the types stay");
        let mut order: Vec<usize> = (0..batch.num_rows()).collect();
        rows(&mut order);

        let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true);
        let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).expect("begins");
        order.into_iter().for_each(|row| writer.write(&batch.slice(row, 1)).expect("is written"));
        pairs.into_iter().for_each(|pair| writer.append_key_value_metadata(pair));
        put(&self.0, &writer.into_inner().expect("ends"));
    }
}

fn replace(column: &ArrayRef, row: usize, change: &impl Fn(Cell) -> Cell) -> ArrayRef {
    if let Some(texts) = column.as_any().downcast_ref::<StringArray>() {
        let value =
            |at| if at == row { of_text(change(Cell::Text(texts.value(at).into()))) } else { texts.value(at).into() };
        return Arc::new(StringArray::from_iter((0..texts.len()).map(|at| texts.is_valid(at).then(|| value(at)))));
    }
    if let Some(numbers) = column.as_any().downcast_ref::<Int64Array>() {
        let value = |at| match change(Cell::Number(numbers.value(at))) {
            Cell::Number(number) if at == row => number,
            _ => numbers.value(at),
        };
        return Arc::new(Int64Array::from_iter_values((0..numbers.len()).map(value)));
    }
    let hashes = column.as_any().downcast_ref::<FixedSizeBinaryArray>().expect("a column of hashes");
    let value = |at: usize| -> Vec<u8> {
        match change(Cell::Bytes(hashes.value(at).try_into().expect("32 bytes"))) {
            Cell::Bytes(bytes) if at == row => bytes.to_vec(),
            _ => hashes.value(at).to_vec(),
        }
    };
    Arc::new(FixedSizeBinaryArray::try_from_iter((0..hashes.len()).map(value)).expect("32 bytes each"))
}

fn of_text(cell: Cell) -> String {
    let Cell::Text(text) = cell else { panic!("a text column") };
    text
}
