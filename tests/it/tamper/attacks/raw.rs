//! Bytes changed where they lie, as on a disk: no length, checksum or statistic is made anew.

use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::metadata::ParquetMetaDataReader;
use sealtrail::verify::Code;

use super::{Attack, VICTIM, archive, middle, stream};
use crate::harness::files;
use crate::tamper::built::put;
use crate::tamper::scene::{END, RUN, Scene, chain};
use Code::{Column, Content, Damaged, Index, Shorter};

/// The message that these are about, and its first record: the last of the first file.
const MESSAGE: usize = 4;
const FIRST: u64 = 28;

pub(super) fn all() -> Vec<Attack> {
    vec![
        archive(
            "raw: a bit of a `checksum`",
            |s| flip(s, &chain().records[VICTIM as usize].0.checksum.0),
            Content,
            VICTIM,
        ),
        archive("raw: a bit of a `hash`", |s| flip(s, &chain().records[VICTIM as usize].0.hash.0), Code::Link, VICTIM),
        archive("raw: a bit of a `trace_id`", |s| flip(s, &[number(); 16]), Column, VICTIM),
        archive("raw: a bit of packed contents", packed_contents, Damaged, RUN),
        archive("raw: an object's first bytes", |s| at(s, |_| 0), Index, RUN),
        archive("raw: an object's last bytes", |s| at(s, |length| length - 1), Damaged, RUN),
        archive("raw: the length of an object's footer", |s| at(s, |length| length - 7), Damaged, RUN),
        stream("raw: a bit of a message's content", |s| frame(s, |[.., value]| value + 100), Damaged, FIRST),
        stream("raw: a bit of a message's header", |s| frame(s, |[_, _, headers, _]| headers + 8), Damaged, FIRST),
        stream("raw: a bit of a message's key", |s| frame(s, |[_, key, ..]| key + 5), Damaged, FIRST),
        stream("raw: a bit of a message's checksum", |s| frame(s, |[begin, ..]| begin + 5), Damaged, FIRST),
        stream("raw: a bit of a message's length", |s| frame(s, |[begin, ..]| begin), Damaged, FIRST),
        stream("raw: a file of messages cut short", |s| cut(&messages(s)[0]), Damaged, FIRST),
        stream("raw: the last file of messages cut short", |s| cut(messages(s).last().expect("files")), Shorter, 91),
        stream("raw: a bit of a checkpoint in the stream", checkpoint_bit, Damaged, 0),
    ]
}

/// What the ids of the victim are made of: payments of a run are numbered, and a record of the collector's own comes first.
fn number() -> u8 {
    (100 + VICTIM - RUN) as u8
}

/// Flips a bit of these bytes, which stand once in the middle object.
fn flip(scene: &Scene, what: &[u8]) {
    let path = middle(scene).0;
    let mut bytes = fs::read(&path).expect("it is there");
    let places: Vec<usize> =
        bytes.windows(what.len()).enumerate().filter(|(_, b)| *b == what).map(|(at, _)| at).collect();
    let [at] = places[..] else { panic!("it stands at {places:?}") };
    bytes[at + what.len() / 2] ^= 1;
    put(&path, &bytes);
}

/// The magic number of zstd behind the header of the first page of contents.
fn packed_contents(scene: &Scene) {
    let path = middle(scene).0;
    let file = fs::File::open(&path).expect("it is there");
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).expect("it is Parquet");
    let chunk = metadata.row_group(0).columns().iter().find(|chunk| chunk.column_path().string() == "content");
    let (start, length) = chunk.expect("a column").byte_range();
    let mut bytes = fs::read(&path).expect("it is there");
    let page = &bytes[start as usize..(start + length) as usize];
    let magic = page.windows(4).position(|four| four == 0xfd2f_b528_u32.to_le_bytes()).expect("a frame of zstd");
    bytes[start as usize + magic] ^= 1;
    put(&path, &bytes);
}

fn at(scene: &Scene, place: fn(usize) -> usize) {
    let path = middle(scene).0;
    let mut bytes = fs::read(&path).expect("it is there");
    let at = place(bytes.len());
    bytes[at] ^= 1;
    put(&path, &bytes);
}

fn messages(scene: &Scene) -> Vec<PathBuf> {
    // Of seven records each, five to a file.
    scene.edit_stream(|_| {});
    files(&scene.stream.join("audit-logs/0"))
}

/// Flips a bit of the message: `place` is given where it begins, and where key, headers and value do.
fn frame(scene: &Scene, place: fn([usize; 4]) -> usize) {
    let path = messages(scene).swap_remove(0);
    let mut bytes = fs::read(&path).expect("it is there");
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let begin = (0..MESSAGE).fold(0, |at, _| at + 8 + number(at));
    let key = begin + 12;
    let headers = key + number(key - 4) + 4;
    let value = headers + number(headers - 4) + 4;
    let at = place([begin, key, headers, value]);
    bytes[at] ^= 1;
    put(&path, &bytes);
}

fn cut(path: &Path) {
    let bytes = fs::read(path).expect("it is there");
    put(path, &bytes[..bytes.len() - 20]);
}

fn checkpoint_bit(scene: &Scene) {
    let notes = files(&scene.stream.join("audit-checkpoints/0"));
    let mut bytes = fs::read(&notes[0]).expect("it is there");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    put(&notes[0], &bytes);
}

/// The records end here: what is cut off at the end of the newest file is no message.
const _: () = assert!(END == 96);
