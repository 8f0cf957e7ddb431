//! Values of records, each as a valid rewritten object: statistics, indexes and filters are made anew.

use sealtrail::verify::Code;
use sealtrail_chain::{Checksum, Link};

use super::{Attack, ROW, VICTIM, archive, change, middle, two_ways};
use crate::tamper::built::CHAIN;
use crate::tamper::rewrite::{Cell, object};
use crate::tamper::scene::{RUN, Scene, chain};
use Code::{Column, Content, Missing, Order, Root, Time};

const SECOND: i64 = 1_000_000_000;

pub(super) fn all() -> Vec<Attack> {
    vec![
        archive("content edited", |s| edit(s, "content", text), Content, VICTIM),
        archive("content blanked", |s| edit(s, "content", |_| Cell::Text(String::new())), Content, VICTIM),
        archive("content replaced by `{}`", |s| edit(s, "content", |_| Cell::Text("{}".into())), Content, VICTIM),
        archive("a JSON key doubled in a content", |s| edit(s, "content", doubled_key), Content, VICTIM),
        archive("content in another form (a space)", |s| edit(s, "content", spaced), Content, VICTIM),
        archive("content and checksum edited", with_checksum, Code::Link, VICTIM),
        archive("content, checksum and hash edited", with_hash, Code::Link, VICTIM + 1),
        archive("records sealed again from one on, without the key", resealed_objects, Root, RUN),
        archive("one object sealed again, without the key", resealed_object, Root, RUN),
        archive("`sequence` edited", |s| edit(s, "sequence", |cell| add(cell, 1)), Missing, VICTIM),
        archive("`observed_nanos` edited", |s| edit(s, "observed_nanos", |cell| add(cell, 1)), Code::Link, VICTIM),
        archive("`observed_nanos` set back", |s| edit(s, "observed_nanos", |cell| add(cell, -SECOND)), Time, VICTIM),
        archive("`observed_time` edited", |s| edit(s, "observed_time", |cell| add(cell, 1)), Column, VICTIM),
        archive("`event_time` edited", |s| edit(s, "event_time", |cell| add(cell, 1)), Column, VICTIM),
        archive("`event_name` edited", |s| edit(s, "event_name", other_text), Column, VICTIM),
        archive("`service_name` edited", |s| edit(s, "service_name", other_text), Column, VICTIM),
        archive("`severity_number` edited", |s| edit(s, "severity_number", |cell| add(cell, 4)), Column, VICTIM),
        archive("a promoted column against the content", |s| edit(s, "transaction_id", other_text), Column, VICTIM),
        archive("`checksum` edited", |s| edit(s, "checksum", bit), Content, VICTIM),
        archive("`hash` edited", |s| edit(s, "hash", bit), Code::Link, VICTIM),
        archive("a row removed", |s| middle(s).rows(|rows| _ = rows.remove(ROW)), Missing, VICTIM),
        archive("the first row removed", |s| middle(s).rows(|rows| _ = rows.remove(0)), Missing, RUN),
        archive("the last row removed", |s| middle(s).rows(|rows| _ = rows.pop()), Missing, 2 * RUN - 1),
        archive("a row doubled", |s| middle(s).rows(|rows| rows.insert(ROW, ROW)), Order, VICTIM),
        archive("two rows swapped", |s| middle(s).rows(|rows| rows.swap(ROW, ROW + 1)), Missing, VICTIM),
        archive("a row moved into the next object", moved_row, Missing, 2 * RUN - 1),
        archive("a forged row added", added_row, Order, VICTIM),
    ]
}

fn edit(scene: &Scene, column: &str, change: fn(Cell) -> Cell) {
    middle(scene).edit(column, ROW, change);
}

fn text(cell: Cell) -> Cell {
    let Cell::Text(mut text) = cell else { panic!("a text column") };
    if text.contains("approved") {
        change(&mut text);
    }
    Cell::Text(text)
}

fn other_text(cell: Cell) -> Cell {
    let Cell::Text(text) = cell else { panic!("a text column") };
    Cell::Text(text + "x")
}

fn doubled_key(cell: Cell) -> Cell {
    let Cell::Text(text) = cell else { panic!("a text column") };
    Cell::Text(two_ways(&text))
}

fn spaced(cell: Cell) -> Cell {
    let Cell::Text(text) = cell else { panic!("a text column") };
    Cell::Text(text.replacen(':', ": ", 1))
}

fn add(cell: Cell, more: i64) -> Cell {
    let Cell::Number(number) = cell else { panic!("a number column") };
    Cell::Number(number + more)
}

fn bit(cell: Cell) -> Cell {
    let Cell::Bytes(mut bytes) = cell else { panic!("a hash column") };
    bytes[0] ^= 1;
    Cell::Bytes(bytes)
}

/// The victim with another content.
fn changed() -> (Link, String) {
    let (link, mut content) = chain().records.swap_remove(VICTIM as usize);
    change(&mut content);
    (link, content)
}

fn with_checksum(scene: &Scene) {
    edit(scene, "content", text);
    edit(scene, "checksum", |_| Cell::Bytes(Checksum::of(changed().1.as_bytes()).0));
}

fn with_hash(scene: &Scene) {
    with_checksum(scene);
    edit(scene, "outcome", text);
    edit(scene, "hash", |_| {
        let (link, content) = changed();
        let chain = CHAIN.parse().expect("a name");
        let checksum = Checksum::of(content.as_bytes());
        Cell::Bytes(Link::compute(&chain, link.sequence, link.observed, link.previous, checksum).0)
    });
}

fn resealed_objects(scene: &Scene) {
    scene.edit_objects(|built| built.reseal(VICTIM, change));
}

fn resealed_object(scene: &Scene) {
    let mut built = chain();
    built.reseal(VICTIM, change);
    built.write_object(&scene.archive, RUN, 2 * RUN);
}

fn moved_row(scene: &Scene) {
    let (from, to) = (middle(scene), object(&scene.archive, 2 * RUN));
    to.receive(&from, RUN as usize - 1);
    from.rows(|rows| _ = rows.pop());
}

/// A record of their own between two true ones, with a right link.
fn added_row(scene: &Scene) {
    middle(scene).rows(|rows| rows.insert(ROW + 1, ROW));
    middle(scene).edit("content", ROW + 1, text);
    middle(scene).edit("checksum", ROW + 1, |_| Cell::Bytes(Checksum::of(changed().1.as_bytes()).0));
}
