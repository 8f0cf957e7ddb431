//! What lies beside the objects: genesis note, checkpoints, ranges.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealtrail::verify::Code;
use sealtrail_chain::CompactRange;
use sealtrail_chain::segment::{Ranges, checkpoint_key};

use super::Said::{Open, Sound};
use super::{
    Attack, Touches, VICTIM, archive, change, copy, edit_text, flipped, fork, origin, remove, row, without_line,
    without_pair,
};
use crate::tamper::built::{Keys, put};
use crate::tamper::scene::{END, RUN, Scene, chain, forged, named};
use Code::{CheckpointMissing, Cosignature, Foreign, Genesis, GenesisRecord, Name, Range, Signature, Stamp, Unsigned};

pub(super) fn all() -> Vec<Attack> {
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
        archive("a stranger's words of any length", |s| words(s, [1, 2, 3, 4], 24_000), Cosignature, 2 * RUN - 1),
        archive("a stranger's line in a witness's object", |s| words(s, [4, 3, 2, 1], 72), Cosignature, 2 * RUN - 1),
        archive(
            "something else as lists of revoked certificates",
            |s| put(&s.checkpoint(2 * RUN).with_extension("crl"), b"what nobody sees"),
            Stamp,
            2 * RUN - 1,
        ),
        archive(
            "something else among the checkpoints",
            |s| put(&s.checkpoint(END).with_extension("txt"), b"x"),
            Foreign,
            0,
        ),
    ]
}

fn genesis_again(scene: &Scene) {
    let built = chain();
    let mut genesis = built.genesis.statement().clone();
    genesis.created -= 86_400;
    put(&scene.genesis(), genesis.sign(&built.keys.ed25519).note().as_bytes());
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

fn sign_again(scene: &Scene, keys: &Keys) {
    put(&scene.checkpoint(2 * RUN), chain().checkpoint(2 * RUN, keys, true).as_bytes());
}

fn line_added(scene: &Scene) {
    let stranger = Keys::of("audit.example.com/stranger", 9);
    edit_text(&scene.checkpoint(2 * RUN), |note| note + &stranger.ed25519.sign("anything"));
}

/// A cosignature's object in the name of key 01020304, with a line of this key.
fn words(scene: &Scene, id: [u8; 4], length: usize) {
    let checkpoint = scene.checkpoint(2 * RUN);
    let note = fs::read_to_string(&checkpoint).expect("it is there");
    let word = STANDARD.encode([&id[..], &vec![b'x'; length]].concat());
    let cosigned = format!("{note}\u{2014} nobody.example {word}\n");
    put(&checkpoint.with_extension("01020304.cosigned"), cosigned.as_bytes());
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
    let ranges = Ranges { whole: built.head(2 * RUN).tree().clone(), since };
    put(&scene.range(2 * RUN), ranges.to_text().as_bytes());
}
