//! The attack matrix: what is done, and what `verify` says of the archive, of the stream, of both, and of both beside a
//! checkpoint that somebody kept. The codes and records stand here before anything runs; `docs/tampering.md` shows this table.

use std::fs;
use std::path::Path;

use sealtrail::verify::Code;
use sealtrail_chain::segment::checkpoint_key;
use sealtrail_chain::{Checksum, CompactRange, Link, UnixNanos};

use super::built::{Built, CHAIN, Keys, put};
use super::rewrite::{Cell, object};
use super::scene::{END, RUN, Scene, chain, first, forged, named, spread};
use Code::{
    CheckpointMissing, Column, Content, Damaged, Date, Foreign, Form, Genesis, GenesisRecord, Header, Index, Key,
    Metadata, Missing, Name, Order, Overlap, Previous, Range, Root, Shorter, Signature, Time, Unsigned,
};

/// The record that most attacks are about: in the middle segment, row `ROW` of its object.
pub const VICTIM: u64 = RUN + ROW as u64;
const ROW: usize = 8;

/// What `verify` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// Intact: what was done can't be told from here, or this leg was not touched.
    Sound,
    /// Not all could be checked: exit 3.
    Open,
    /// Tampered; the first finding has this code and begins with this record.
    Is(Code, u64),
}
use Said::{Is, Open, Sound};

/// What an attack is done to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touches {
    Archive,
    Stream,
    Both,
}

pub struct Attack {
    pub name: &'static str,
    pub touches: Touches,
    pub apply: fn(&Scene),
    /// The times of the chain are spread before.
    pub spread: bool,
    pub archive: Said,
    pub stream: Said,
    pub both: Said,
    pub kept: Said,
}

fn row(name: &'static str, touches: Touches, apply: fn(&Scene), [archive, stream, both, kept]: [Said; 4]) -> Attack {
    Attack { name, touches, apply, spread: false, archive, stream, both, kept }
}

/// On the archive alone, and found there.
pub(super) fn archive(name: &'static str, apply: fn(&Scene), code: Code, at: u64) -> Attack {
    let found = Is(code, at);
    row(name, Touches::Archive, apply, [found, Sound, found, found])
}

/// On the stream alone, and found there.
pub(super) fn stream(name: &'static str, apply: fn(&Scene), code: Code, at: u64) -> Attack {
    let found = Is(code, at);
    row(name, Touches::Stream, apply, [Sound, found, found, found])
}

/// On both legs alike, and found in each.
fn both(name: &'static str, apply: fn(&Scene), code: Code, at: u64) -> Attack {
    row(name, Touches::Both, apply, [Is(code, at); 4])
}

pub fn all() -> Vec<Attack> {
    [records(), objects(), beside(), messages(), super::raw::all(), histories(), ends()].into_iter().flatten().collect()
}

/// Values of records, each as a valid rewritten object: statistics, indexes and filters are made anew.
fn records() -> Vec<Attack> {
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

/// Objects as a whole, and what they say beside their rows.
fn objects() -> Vec<Attack> {
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
        archive("an object behind a link", linked, Foreign, 0),
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

/// What lies beside the objects: genesis note, checkpoints, ranges.
fn beside() -> Vec<Attack> {
    vec![
        archive("genesis note deleted", |s| remove(&s.genesis()), Genesis, 0),
        archive(
            "genesis note edited",
            |s| edit_text(&s.genesis(), |note| note.replace("partition 0", "partition 1")),
            Genesis,
            0,
        ),
        archive(
            "genesis note replaced, other keys",
            |s| put(&s.genesis(), forged().genesis.note().as_bytes()),
            Genesis,
            0,
        ),
        archive("genesis note signed anew, true keys", genesis_again, GenesisRecord, 0),
        archive("a checkpoint posed as genesis note", |s| copy(&s.checkpoint(END), &s.genesis()), Genesis, 0),
        archive(
            "the genesis note posed as a checkpoint",
            |s| copy(&s.genesis(), &s.checkpoint(2 * RUN)),
            Signature,
            2 * RUN - 1,
        ),
        archive("a checkpoint deleted", |s| remove(&s.checkpoint(2 * RUN)), CheckpointMissing, RUN),
        archive("a checkpoint and its range deleted", |s| without_pair(s, 2 * RUN), CheckpointMissing, RUN),
        row(
            "the last checkpoint deleted",
            Touches::Archive,
            |s| remove(&s.checkpoint(END)),
            [Open, Sound, Sound, Sound],
        ),
        row(
            "the last checkpoint and its range deleted",
            Touches::Archive,
            |s| without_pair(s, END),
            [Open, Sound, Sound, Sound],
        ),
        row(
            "all checkpoints deleted",
            Touches::Archive,
            |s| remove(&s.archive.join("audit-checkpoints")),
            [Open, Sound, Open, Open],
        ),
        archive(
            "a checkpoint replayed under another size",
            |s| copy(&s.checkpoint(RUN), &s.checkpoint(2 * RUN)),
            Name,
            2 * RUN - 1,
        ),
        archive("a checkpoint under another time", another_time, Name, 2 * RUN - 1),
        archive("a checkpoint of another chain", of_another_chain, Code::Chain, RUN - 1),
        archive(
            "a checkpoint's size edited",
            |s| edit_text(&s.checkpoint(2 * RUN), |note| note.replace("\n64\n", "\n63\n")),
            Signature,
            2 * RUN - 1,
        ),
        archive("a checkpoint's root edited", edited_root, Signature, 2 * RUN - 1),
        archive(
            "a checkpoint signed by another key",
            |s| sign_again(s, &Keys::of(&origin(), 9)),
            Unsigned,
            2 * RUN - 1,
        ),
        archive(
            "a checkpoint's ML-DSA-44 line stripped",
            |s| edit_text(&s.checkpoint(2 * RUN), without_line(1)),
            Unsigned,
            2 * RUN - 1,
        ),
        archive(
            "a checkpoint's Ed25519 line stripped",
            |s| edit_text(&s.checkpoint(2 * RUN), without_line(0)),
            Unsigned,
            2 * RUN - 1,
        ),
        archive("a line added to a checkpoint", line_added, Signature, 2 * RUN - 1),
        archive("a second checkpoint of one size, true keys", second_checkpoint, Code::Fork, 2 * RUN - 1),
        archive("a range edited", |s| edit_text(&s.range(2 * RUN), |text| flipped(&text)), Range, RUN),
        archive("a range deleted", |s| remove(&s.range(2 * RUN)), Range, 2 * RUN - 1),
        archive("a range replayed from another size", |s| copy(&s.range(RUN), &s.range(2 * RUN)), Range, 2 * RUN - 1),
        archive("a range forged, whole tree", forged_range, Range, 2 * RUN - 1),
        archive(
            "something else among the checkpoints",
            |s| put(&s.checkpoint(END).with_extension("txt"), b"x"),
            Foreign,
            0,
        ),
    ]
}

/// The stream: its messages with their checksums made anew.
fn messages() -> Vec<Attack> {
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
        stream("a message's value emptied", |s| frames(s, |all| all[4][2].clear()), Header, 28),
        stream("all messages deleted", |s| remove(&s.stream.join("audit-logs")), Shorter, 0),
        stream("a second partition", second_partition, Foreign, 0),
        stream(
            "a checkpoint edited in the stream",
            |s| notes(s, |all| replace(&mut all[1][2], "\n64\n", "\n63\n")),
            Signature,
            62,
        ),
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

/// Whole histories: by other keys, and by the true ones.
fn histories() -> Vec<Attack> {
    use Touches::{Archive, Both, Stream};
    vec![
        row(
            "all sealed again with other keys, archive",
            Archive,
            |s| s.replace_archive(&forged()),
            [Is(Key, 0), Sound, Is(Genesis, 0), Is(Genesis, 0)],
        ),
        row(
            "all sealed again with other keys, stream",
            Stream,
            |s| s.replace_stream(&forged()),
            [Sound, Is(Key, 0), Is(GenesisRecord, 0), Is(GenesisRecord, 0)],
        ),
        both("all sealed again with other keys, both legs", |s| s.replace(&forged()), Key, 0),
        row(
            "a fork with the true keys, archive",
            Archive,
            |s| s.replace_archive(&fork()),
            [Sound, Sound, Is(Code::Fork, 63), Is(Code::Fork, 63)],
        ),
        row(
            "a fork with the true keys, stream",
            Stream,
            |s| s.replace_stream(&fork()),
            [Sound, Sound, Is(Code::Fork, 63), Is(Code::Fork, 63)],
        ),
        row(
            "a fork with the true keys, both legs",
            Both,
            |s| s.replace(&fork()),
            [Sound, Sound, Sound, Is(Code::Fork, END - 1)],
        ),
        row(
            "a content of two readings sealed with the true keys",
            Archive,
            |s| s.replace_archive(&two_readings()),
            [Is(Form, VICTIM), Sound, Is(Form, VICTIM), Is(Form, VICTIM)],
        ),
        row(
            "records renamed into another chain",
            Archive,
            renamed,
            [Is(Shorter, 0), Sound, Is(Shorter, 0), Is(Shorter, 0)],
        ),
        row(
            "a foreign chain beside ours",
            Archive,
            |s| drop(named("other").write_archive(s.root())),
            [Open, Sound, Open, Open],
        ),
    ]
}

/// What is cut off at the end. Times are spread over five hours, so that an hour can be missing.
fn ends() -> Vec<Attack> {
    use Touches::{Archive, Both, Stream};
    let mut ends = vec![
        row(
            "the last hours cut off the archive",
            Archive,
            |s| cut_archive(s, RUN),
            [Sound, Sound, Is(Shorter, RUN), Is(Shorter, RUN)],
        ),
        row(
            "the last hours cut off the stream",
            Stream,
            cut_stream,
            [Sound, Sound, Is(Shorter, 2 * RUN), Is(Shorter, 2 * RUN)],
        ),
        row(
            "the last hours cut off both legs",
            Both,
            |s| {
                cut_archive(s, 2 * RUN);
                cut_stream(s);
            },
            [Sound, Sound, Sound, Is(Shorter, 2 * RUN)],
        ),
    ];
    ends.iter_mut().for_each(|attack| attack.spread = true);
    ends
}

const HOUR: i64 = 3_600_000_000_000;
const SECOND: i64 = 1_000_000_000;

pub(super) fn middle(scene: &Scene) -> super::rewrite::Object {
    object(&scene.archive, RUN)
}

fn edit(scene: &Scene, column: &str, change: fn(Cell) -> Cell) {
    middle(scene).edit(column, ROW, change);
}

fn meta(scene: &Scene, key: &str, change: fn(&str) -> String) {
    middle(scene).metadata(key, change);
}

fn remove(path: &Path) {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("it is there");
}

fn copy(from: &Path, to: &Path) {
    put(to, &fs::read(from).expect("it is there"));
}

fn edit_text(path: &Path, change: impl FnOnce(String) -> String) {
    put(path, change(fs::read_to_string(path).expect("it is there")).as_bytes());
}

/// Another text of the same kind: its last digit is another.
fn flipped(text: &str) -> String {
    let last = text.trim_end().len() - 1;
    let digit = if text.as_bytes()[last] == b'0' { "1" } else { "0" };
    format!("{}{digit}{}", &text[..last], &text[last + 1..])
}

fn change(content: &mut String) {
    let changed = content.replace("approved", "declined");
    assert_ne!(changed, *content, "there is something to change");
    *content = changed;
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

/// The same record for a reader who takes the first member of a name, another for one who takes the last.
fn two_ways(content: &str) -> String {
    let open = content.strip_suffix('}').expect("an object");
    format!("{open},\"logRecord\":{{\"eventName\":\"payment.declined\"}}}}")
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
    let path = crate::harness::files(&scene.root().join("audit-logs")).pop().expect("an object");
    copy(&path, &middle(scene).0);
}

fn copy_object(scene: &Scene, name: &str) {
    copy(&middle(scene).0, &middle(scene).0.with_file_name(name));
}

fn linked(scene: &Scene) {
    let (path, elsewhere) = (middle(scene).0, scene.root().join("elsewhere"));
    fs::rename(&path, &elsewhere).and_then(|()| std::os::unix::fs::symlink(&elsewhere, &path)).expect("linked");
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

fn genesis_again(scene: &Scene) {
    let built = chain();
    let mut genesis = built.genesis.statement().clone();
    genesis.created -= 86_400;
    put(&scene.genesis(), genesis.sign(&built.keys.ed25519).note().as_bytes());
}

fn without_pair(scene: &Scene, size: u64) {
    let (checkpoint, range) = (scene.checkpoint(size), scene.range(size));
    remove(&checkpoint);
    remove(&range);
}

fn another_time(scene: &Scene) {
    for path in [scene.range(2 * RUN), scene.checkpoint(2 * RUN)] {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        fs::rename(&path, path.with_file_name(name.replace("-1", "-2"))).expect("renamed");
    }
}

fn of_another_chain(scene: &Scene) {
    let other = named("other");
    put(&scene.checkpoint(RUN), other.checkpoint(RUN, &other.keys, true).as_bytes());
}

fn edited_root(scene: &Scene) {
    edit_text(&scene.checkpoint(2 * RUN), |note| {
        let mut lines: Vec<String> = note.split('\n').map(str::to_owned).collect();
        let other = if lines[2].starts_with('A') { "B" } else { "A" };
        lines[2].replace_range(..1, other);
        lines.join("\n")
    });
}

fn origin() -> String {
    chain().genesis.statement().origin.clone()
}

fn sign_again(scene: &Scene, keys: &Keys) {
    put(&scene.checkpoint(2 * RUN), chain().checkpoint(2 * RUN, keys, true).as_bytes());
}

/// The note without one of its signature lines.
fn without_line(line: usize) -> impl FnOnce(String) -> String {
    move |note| {
        let (text, signatures) = note.split_once("\n\n").expect("a note");
        let kept: Vec<_> = signatures.lines().enumerate().filter(|(at, _)| *at != line).map(|(_, line)| line).collect();
        format!("{text}\n\n{}\n", kept.join("\n"))
    }
}

fn line_added(scene: &Scene) {
    let stranger = Keys::of("audit.example.com/stranger", 9);
    edit_text(&scene.checkpoint(2 * RUN), |note| note + &stranger.ed25519.sign("anything"));
}

fn second_checkpoint(scene: &Scene) {
    let mut fork = fork();
    // Under a name of its own.
    fork.signed = Some(fork.seconds(2 * RUN) + 7);
    let path = scene.archive.join(checkpoint_key(fork.chain(), 2 * RUN, fork.seconds(2 * RUN)));
    put(&path, fork.checkpoint(2 * RUN, &fork.keys, true).as_bytes());
}

fn forged_range(scene: &Scene) {
    let mut built = chain();
    built.reseal(VICTIM, change);
    let mut since = CompactRange::empty(RUN);
    built.records[RUN as usize..2 * RUN as usize].iter().for_each(|(link, _)| since.push(&link.hash));
    let ranges = sealtrail_chain::segment::Ranges { whole: built.head(2 * RUN).tree().clone(), since };
    put(&scene.range(2 * RUN), ranges.to_text().as_bytes());
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
    link.observed = UnixNanos(link.observed.0 - HOUR as u64);
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
    super::copy_all(&scene.stream.join("audit-logs/0"), &scene.stream.join("audit-logs/1"));
}

/// Another history from the victim on, sealed and signed by whoever holds the keys.
fn fork() -> Built {
    let mut built = chain();
    built.reseal(VICTIM, change);
    built
}

fn two_readings() -> Built {
    let mut built = chain();
    built.reseal(VICTIM, |content| *content = two_ways(content));
    built
}

fn renamed(scene: &Scene) {
    let logs = scene.archive.join("audit-logs");
    fs::rename(logs.join(format!("chain={CHAIN}")), logs.join("chain=renamed")).expect("renamed");
}

/// Everything behind `size` is taken out of the archive, cleanly.
fn cut_archive(scene: &Scene, size: u64) {
    for end in [2 * RUN, END].into_iter().filter(|end| *end > size) {
        object(&scene.archive, end - RUN).delete();
        without_pair(scene, end);
    }
}

fn cut_stream(scene: &Scene) {
    let mut built = spread();
    built.records.truncate(2 * RUN as usize);
    built.checkpoints.pop();
    built.segments.pop();
    scene.replace_stream(&built);
}
