//! What stands in the pages of an object beside its values: readers pass over it, or differ about it, or make room for it.

use parquet::basic::{Compression, Encoding};
use parquet::bloom_filter::Sbbf;
use sealtrail::verify::Code;

use super::{Attack, archive, middle};
use crate::tamper::pages::{Column, Page, edit, packed, repeat_rows, zstd_codec};
use crate::tamper::rewrite::object;
use crate::tamper::scene::{RUN, Scene, chain};
use Code::{Damaged, Index};

pub(super) fn all() -> Vec<Attack> {
    let mut all = beside_the_values();
    all.extend(of_another_form());
    all.extend(claiming_more());
    all
}

fn beside_the_values() -> Vec<Attack> {
    vec![
        archive("pages: text behind the contents", |s| append(s, "content"), Index, RUN),
        archive("pages: text behind packed numbers", |s| append(s, "sequence"), Index, RUN),
        archive("pages: text in the filler of packed numbers", |s| numbers(s, &filled()), Index, RUN),
        archive("pages: text as widths of numbers that are none", |s| numbers(s, &[2, 0, 4, 1, 1]), Index, RUN),
        archive("pages: text behind the entries of a dictionary", |s| entry(s, "service_name", 0), Index, RUN),
        archive("pages: a dictionary entry that no row has", |s| entry(s, "service_name", 1), Index, RUN),
        archive("pages: a dictionary of a column without values", |s| entry(s, "action", 1), Index, RUN),
        archive("pages: values of a column without values", |s| append(s, "action"), Index, RUN),
        archive("pages: a definition level that is none", |s| levels(s, |_| vec![64, 3]), Index, RUN),
        archive("pages: text behind definition levels", |s| levels(s, |sound| [sound, HIDDEN].concat()), Index, RUN),
        archive("pages: text as levels of no value", |s| levels(s, runs_of_nothing), Index, RUN),
        archive("pages: levels of more values than there are", |s| levels(s, |_| vec![0x80 | 72, 1, 1]), Index, RUN),
        archive("pages: text in a zstd frame behind the contents", |s| around(s, b"", &passed_over()), Index, RUN),
        archive("pages: text in a zstd frame before the contents", |s| around(s, &passed_over(), b""), Index, RUN),
        archive("pages: an empty zstd frame behind the contents", |s| around(s, b"", &packed(&[])), Index, RUN),
        archive("pages: text as a number of empty zstd blocks", empty_blocks, Index, RUN),
        archive("pages: a page of no value", no_value, Index, RUN),
    ]
}

fn of_another_form() -> Vec<Attack> {
    vec![
        archive("pages: contents that are not packed", not_packed, Index, RUN),
        archive("pages: contents in another encoding", plain_contents, Index, RUN),
        archive("pages: hashes that are packed", packed_hashes, Index, RUN),
        archive("pages: hashes in a dictionary", hashes_by_dictionary, Index, RUN),
        archive("pages: hashes byte by byte", split_hashes, Index, RUN),
        archive("a bloom filter without a block", |s| filter(s, "trace_id", 0), Index, RUN),
        archive("a bloom filter of two megabytes", |s| filter(s, "trace_id", 2 << 20), Index, RUN),
        archive("a bloom filter of a column that has none", |s| filter(s, "event_name", 32), Index, RUN),
    ]
}

/// Each takes gigabytes, or minutes, of a reader who believes it.
fn claiming_more() -> Vec<Attack> {
    vec![
        archive("pages: 1.9 GiB in a frame of some kilobytes", bomb, Damaged, RUN),
        archive("pages: more contents claimed than there are", |s| many(s, RUN, true), Damaged, RUN),
        archive("pages: more lengths claimed than there are", |s| many(s, RUN, false), Damaged, RUN),
        archive("pages: the same in the first object", |s| many(s, 0, true), Damaged, 0),
        archive("pages: more dictionary entries claimed", |s| claim_entries(s, i32::MAX as u32), Damaged, RUN),
        archive("pages: a dictionary entry claimed", |s| claim_entries(s, 9), Damaged, RUN),
        archive("pages: the same rows named a thousand times", |s| repeat_rows(&middle(s), 1000), Damaged, RUN),
    ]
}

const HIDDEN: &[u8] = b"what nobody sees";

/// The place of the first page of data.
fn data(column: &Column) -> usize {
    column.pages.iter().position(|page| !page.dictionary).expect("a page of data")
}

fn change(scene: &Scene, column: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    edit(&middle(scene), column, |column| {
        let page = data(column);
        let changed = change(column.held(page));
        column.hold(page, &changed);
    });
}

fn append(scene: &Scene, column: &str) {
    change(scene, column, |held| [&held, HIDDEN].concat());
}

/// A head of packed numbers (blocks of 256 in four parts, and how many there are from which on), and these blocks behind it.
fn numbers(scene: &Scene, blocks: &[u8]) {
    let head = [0x80, 2, 4, RUN as u8, 2 * RUN as u8];
    change(scene, "sequence", |held| {
        assert_eq!(held, [&head[..], &[2, 0, 0, 0, 0]].concat(), "each is one more than the one before");
        [&head, blocks].concat()
    });
}

/// Differences of eight bits each, of which the last are no number's.
fn filled() -> Vec<u8> {
    let mut block = [&[2, 8, 0, 0, 0][..], &[0; 64]].concat();
    let end = block.len();
    block[end - HIDDEN.len()..].copy_from_slice(HIDDEN);
    block
}

/// Adds a text to the dictionary, which claims so many more.
fn entry(scene: &Scene, column: &str, claimed: u32) {
    edit(&middle(scene), column, |column| {
        let more = [&(HIDDEN.len() as u32).to_le_bytes(), HIDDEN].concat();
        let longer = [column.held(0), more].concat();
        assert!(column.pages[0].dictionary);
        column.hold(0, &longer);
        column.pages[0].values += claimed;
    });
}

/// Other definition levels of a column in which each row has a value.
fn levels(scene: &Scene, other: impl FnOnce(&[u8]) -> Vec<u8>) {
    change(scene, "service_name", |held| {
        let (length, rest) = held.split_at(4);
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let (sound, values) = rest.split_at(length);
        assert_eq!(sound, [2 * RUN as u8, 1], "one run");
        let other = other(sound);
        [&(other.len() as u32).to_le_bytes()[..], &other, values].concat()
    });
}

fn runs_of_nothing(sound: &[u8]) -> Vec<u8> {
    HIDDEN.iter().flat_map(|byte| [0, *byte]).chain(sound.iter().copied()).collect()
}

fn around(scene: &Scene, before: &[u8], behind: &[u8]) {
    edit(&middle(scene), "content", |column| {
        let page = &mut column.pages[0];
        page.bytes = [before, &page.bytes, behind].concat();
    });
}

/// A frame that every reader of zstd passes over.
fn passed_over() -> Vec<u8> {
    [&[0x50, 0x2a, 0x4d, 0x18][..], &(HIDDEN.len() as u32).to_le_bytes(), HIDDEN].concat()
}

/// The head of a frame that says its size in four bytes.
fn frame(unpacked: usize) -> Vec<u8> {
    [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &(unpacked as u32).to_le_bytes()].concat()
}

/// The head of a block: raw, or a byte that is repeated.
fn block(length: usize, repeated: bool, last: bool) -> [u8; 3] {
    let head = (length as u32) << 3 | u32::from(repeated) << 1 | u32::from(last);
    head.to_le_bytes()[..3].try_into().expect("three bytes")
}

fn empty_blocks(scene: &Scene) {
    edit(&middle(scene), "content", |column| {
        let held = column.held(0);
        let mut bytes = frame(held.len());
        (0..65).for_each(|_| bytes.extend(block(0, false, false)));
        let chunks = held.chunks(1 << 16);
        let last = chunks.len() - 1;
        for (at, chunk) in chunks.enumerate() {
            bytes.extend(block(chunk.len(), false, at == last));
            bytes.extend(chunk);
        }
        column.pages[0].bytes = bytes;
    });
}

fn no_value(scene: &Scene) {
    let page = Page { dictionary: false, values: 0, encoding: Encoding::PLAIN, bytes: Vec::new(), unpacked: 0 };
    edit(&middle(scene), "hash", |column| column.pages.insert(0, page));
}

fn not_packed(scene: &Scene) {
    edit(&middle(scene), "content", |column| {
        column.pages[0].bytes = column.held(0);
        column.codec = Compression::UNCOMPRESSED;
    });
}

fn plain_contents(scene: &Scene) {
    let records = &chain().records[RUN as usize..2 * RUN as usize];
    let text = |content: &String| [&(content.len() as u32).to_le_bytes(), content.as_bytes()].concat();
    let texts: Vec<u8> = records.iter().flat_map(|(_, content)| text(content)).collect();
    edit(&middle(scene), "content", |column| {
        column.pages[0].encoding = Encoding::PLAIN;
        column.hold(0, &texts);
    });
}

fn packed_hashes(scene: &Scene) {
    edit(&middle(scene), "hash", |column| {
        let held = column.held(0);
        column.codec = zstd_codec();
        column.hold(0, &held);
    });
}

fn hashes_by_dictionary(scene: &Scene) {
    edit(&middle(scene), "hash", |column| {
        let held = column.held(0);
        // Numbers of five bits: four groups of eight.
        let bits: Vec<u64> = (0..RUN).flat_map(|number| (0..5).map(move |bit| number >> bit & 1)).collect();
        let bytes = bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | *bit as u8));
        let indices: Vec<u8> = [5, 4 << 1 | 1].into_iter().chain(bytes).collect();
        let entries =
            Page { dictionary: true, values: RUN as u32, encoding: Encoding::PLAIN, unpacked: held.len(), bytes: held };
        column.pages[0].encoding = Encoding::RLE_DICTIONARY;
        column.hold(0, &indices);
        column.pages.insert(0, entries);
    });
}

fn split_hashes(scene: &Scene) {
    edit(&middle(scene), "hash", |column| {
        let held = column.held(0);
        let bytes = |at: usize| held.iter().copied().skip(at).step_by(32);
        let split: Vec<u8> = (0..32).flat_map(bytes).collect();
        column.pages[0].encoding = Encoding::BYTE_STREAM_SPLIT;
        column.hold(0, &split);
    });
}

/// A filter that so many bytes of ones are: it says of each value that it may be there.
fn filter(scene: &Scene, column: &str, bytes: usize) {
    edit(&middle(scene), column, |column| column.filter = Some(Sbbf::new(&vec![0xff; bytes])));
}

fn bomb(scene: &Scene) {
    const SIZE: usize = 1900 << 20;
    const BLOCK: usize = 128 << 10;
    edit(&middle(scene), "content", |column| {
        let blocks = SIZE / BLOCK;
        let mut bytes = frame(SIZE);
        for at in 1..=blocks {
            bytes.extend(block(BLOCK, true, at == blocks));
            bytes.push(0);
        }
        (column.pages[0].bytes, column.pages[0].unpacked) = (bytes, SIZE);
    });
}

/// Two thousand million empty contents: by the page's own header, or by the head of the lengths in it alone.
fn many(scene: &Scene, first: u64, header: bool) {
    edit(&object(&scene.archive, first), "content", |column| {
        // 2^31 - 1 as a variable number of bytes, all lengths 0.
        let head = [0x80, 1, 4, 0xff, 0xff, 0xff, 0xff, 0x07, 0];
        column.hold(0, &[&head[..], &[0; 2000]].concat());
        if header {
            column.pages[0].values = i32::MAX as u32;
        }
    });
}

fn claim_entries(scene: &Scene, entries: u32) {
    edit(&middle(scene), "service_name", |column| {
        assert!(column.pages[0].dictionary);
        column.pages[0].values = entries;
    });
}
