//! Whole histories: told anew by other keys and by the true ones, and cut off at their end.

use std::fs;

use sealtrail::verify::Code;

use super::Said::{Is, Open, Sound};
use super::Touches::{Archive, Both, Stream};
use super::{Attack, VICTIM, both, fork, row, two_ways, without_pair};
use crate::tamper::built::{Built, CHAIN};
use crate::tamper::rewrite::object;
use crate::tamper::scene::{END, RUN, Scene, chain, forged, named, spread};
use Code::{Form, Genesis, GenesisRecord, Key, Shorter};

/// Whole histories: by other keys, and by the true ones.
pub(super) fn all() -> Vec<Attack> {
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
pub(super) fn ends() -> Vec<Attack> {
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
