//! Objects as a whole, and what they say beside their rows.

use std::fs;
use std::path::Path;

use sealtrail::verify::Code;

use super::Said::{Open, Sound};
use super::{Attack, Touches, archive, copy, flipped, link, middle, remove, row};
use crate::harness::files;
use crate::tamper::built::{CHAIN, put};
use crate::tamper::copy_all;
use crate::tamper::rewrite::object;
use crate::tamper::scene::{RUN, Scene, chain, named};
use Code::{Damaged, Date, Foreign, Index, Metadata, Missing, Name, Overlap, Shorter};

pub(super) fn all() -> Vec<Attack> {
    vec![
        archive("first object deleted", |s| object(&s.archive, 0).delete(), Missing, 0),
        archive("middle object deleted", |s| middle(s).delete(), Missing, RUN),
        archive("last object deleted", |s| object(&s.archive, 2 * RUN).delete(), Shorter, 2 * RUN),
        archive("all objects deleted", |s| remove(&s.archive.join("audit-logs")), Shorter, 0),
        archive("object emptied", |s| put(&middle(s).0, b""), Damaged, RUN),
        archive("object cut short", cut_object, Damaged, RUN),
        archive("object put under another day", |s| middle(s).shift("2001-01-01", RUN), Date, RUN),
        archive("object put under another sequence", |s| middle(s).shift(&today(s), RUN + 1), Name, RUN),
        archive("objects swapped", swapped_objects, Name, 0),
        archive("an overlapping object", |s| chain().write_object(&s.archive, RUN + 16, 2 * RUN), Overlap, RUN + 16),
        archive("an object doubled under another day", doubled_object, Date, RUN),
        archive("an object of another chain", object_of_another, Code::Chain, RUN),
        archive("a copy among the objects", |s| copy_object(s, "copy.parquet"), Foreign, 0),
        archive("a copy that engines find in a nested directory", |s| copy_object(s, "x/y.parquet"), Foreign, 0),
        archive("an object behind a link", |s| link(s, &middle(s).0), Foreign, 0),
        archive(
            "a chain's objects behind a link",
            |s| link(s, &s.archive.join(format!("audit-logs/chain={CHAIN}"))),
            Foreign,
            0,
        ),
        archive("all objects behind a link", |s| link(s, &s.archive.join("audit-logs")), Foreign, 0),
        archive("a copy among unfinished objects", |s| copy_above(s, ".tmp/1.parquet"), Foreign, 0),
        archive("a copy above the objects", |s| copy_above(s, "1.parquet"), Foreign, 0),
        archive("a copy of the objects beside them", copied_objects, Foreign, 0),
        archive("metadata: first", |s| meta(s, "sealtrail.first", |_| (RUN - 1).to_string()), Damaged, RUN),
        archive("metadata: last, lower", |s| meta(s, "sealtrail.last", |_| "62".into()), Damaged, RUN),
        archive("metadata: chain", |s| meta(s, "sealtrail.chain", |_| "other".into()), Code::Chain, RUN),
        archive("metadata: hash before", |s| meta(s, "sealtrail.prev_hash", flipped), Code::Link, RUN),
        archive("metadata: hash after", |s| meta(s, "sealtrail.hash", flipped), Metadata, 2 * RUN - 1),
        archive("metadata: range before", |s| meta(s, "sealtrail.range_before", flipped), Metadata, RUN),
        archive("metadata: range after", |s| meta(s, "sealtrail.range_after", flipped), Metadata, 2 * RUN - 1),
        archive("metadata: range", |s| meta(s, "sealtrail.range", flipped), Metadata, RUN),
        archive("metadata: earliest event", |s| meta(s, "sealtrail.event_time_min", flipped), Metadata, RUN),
        archive("metadata: another key", |s| middle(s).pair("reviewed", "yes"), Index, RUN),
        archive("metadata: release", |s| meta(s, "sealtrail.version", |_| "9.9.9".into()), Index, RUN),
        row("metadata: digest of the rules", Touches::Archive, other_rules, [Sound, Sound, Sound, Sound]),
        row(
            "metadata: unknown version",
            Touches::Archive,
            |s| meta(s, "sealtrail.format", |_| "7".into()),
            [Open, Sound, Open, Open],
        ),
        archive("a column added", |s| middle(s).column(), Damaged, RUN),
        archive("statistics of a column that the format has none for", bounded_contents, Index, RUN),
        archive("bytes hidden before the footer", hidden_bytes, Index, RUN),
        archive("bytes hidden before the pages", prefixed, Damaged, RUN),
    ]
}

fn meta(scene: &Scene, key: &str, change: fn(&str) -> String) {
    middle(scene).metadata(key, change);
}

fn cut_object(scene: &Scene) {
    let path = middle(scene).0;
    let bytes = fs::read(&path).expect("it is there");
    put(&path, &bytes[..bytes.len() / 2]);
}

fn today(scene: &Scene) -> String {
    let path = middle(scene).0;
    let date = path.parent().and_then(Path::file_name).expect("a date").to_string_lossy().into_owned();
    date.trim_start_matches("date=").to_owned()
}

fn swapped_objects(scene: &Scene) {
    let (one, other) = (object(&scene.archive, 0).0, middle(scene).0);
    let (first, second) = (fs::read(&one).expect("there"), fs::read(&other).expect("there"));
    put(&one, &second);
    put(&other, &first);
}

fn doubled_object(scene: &Scene) {
    let bytes = fs::read(middle(scene).0).expect("it is there");
    put(&scene.archive.join(format!("audit-logs/chain={CHAIN}/date=2099-01-01/{RUN:020}.parquet")), &bytes);
}

fn object_of_another(scene: &Scene) {
    let mut other = named("other");
    other.segments = vec![0, RUN];
    // Its midnight comes at record 40.
    other.write_object(scene.root(), RUN, 40);
    let path = files(&scene.root().join("audit-logs")).pop().expect("an object");
    copy(&path, &middle(scene).0);
}

fn copy_object(scene: &Scene, name: &str) {
    copy(&middle(scene).0, &middle(scene).0.with_file_name(name));
}

fn copy_above(scene: &Scene, name: &str) {
    copy(&middle(scene).0, &scene.archive.join(name));
}

fn copied_objects(scene: &Scene) {
    copy_all(&scene.archive.join("audit-logs"), &scene.archive.join("audit-logs2"));
}

/// Written again by the collector's own code: whoever has its records can.
fn other_rules(scene: &Scene) {
    let mut built = chain();
    built.rules = [0xa5; 32];
    built.write_object(&scene.archive, RUN, 2 * RUN);
}

fn bounded_contents(scene: &Scene) {
    middle(scene).with_statistics_of("content");
}

/// Between the last index and the footer, where no reader looks.
fn hidden_bytes(scene: &Scene) {
    let path = middle(scene).0;
    let bytes = fs::read(&path).expect("it is there");
    let end = bytes.len() - 8;
    let footer = u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
    let (before, behind) = bytes.split_at(end - footer);
    put(&path, &[before, b"what nobody sees", behind].concat());
}

fn prefixed(scene: &Scene) {
    let path = middle(scene).0;
    let bytes = fs::read(&path).expect("it is there");
    put(&path, &[&b"PAR1 and more"[..], &bytes].concat());
}
