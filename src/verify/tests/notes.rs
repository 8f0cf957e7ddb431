//! Notes that hold and are not what they should be: signature lines in another form, a checkpoint that was kept of another chain.

use std::fs;

use sealtrail_chain::segment::checkpoint_key;

use super::built::{Keys, built, payments, put};
use super::{Code, Note, Trust, Verdict, assert_first, directory, judge, judge_with};
use crate::verify::Unchecked;

/// Another order of lines, or one twice, breaks no signature, and the collector writes neither.
#[test]
fn a_checkpoint_whose_lines_were_doubled_or_swapped_is_found() {
    let dir = directory();
    let sound = payments();
    let archive = sound.write_archive(dir.path());
    let path = archive.join(checkpoint_key(sound.chain(), 40, 1_795_478_400));
    let note = fs::read_to_string(&path).expect("it is there");
    let lines: Vec<&str> = note.split_inclusive('\n').collect();
    let [text @ .., one, other] = &lines[..] else { panic!("a note has two signatures") };
    let text = text.concat();
    for (name, lines) in [
        ("the first twice", [*one, one, other].concat()),
        ("the second twice", [*one, other, other].concat()),
        ("swapped", [*other, one].concat()),
    ] {
        put(&path, format!("{text}{lines}").as_bytes());
        assert_first(name, &judge(&[&archive]), Code::Signature, 39);
    }
    put(&path, note.as_bytes());
    assert_eq!(judge(&[&archive]).verdict, Verdict::Intact);
}

#[test]
fn a_kept_checkpoint_of_a_chain_that_is_not_here_is_said() {
    let dir = directory();
    let (sound, other) = (payments(), built("other", 9, |_, content| content));
    let archive = sound.write_archive(dir.path());
    let kept = dir.path().join("kept");
    put(&kept, other.checkpoint(60, &other.keys, true).as_bytes());
    let mut trust = Trust::default();
    trust.add_key(sound.keys.ed25519.vkey().clone());
    trust.add_checkpoint(&kept).expect("a checkpoint");
    let report = judge_with(trust, &[&archive]);
    assert_eq!((report.verdict, report.findings_total), (Verdict::NotAllChecked, 0), "{}", report.text());
    assert!(report.unchecked.iter().any(|item| matches!(item, Unchecked::KeptOfNone { .. })), "{}", report.text());
}

/// What was kept is believed as it stands; that its signature does not hold is said.
#[test]
fn a_kept_checkpoint_without_a_signature_that_holds_is_said() {
    let dir = directory();
    let sound = payments();
    let archive = sound.write_archive(dir.path());
    let stranger = Keys::of(&sound.genesis.statement().origin, 66);
    let signed = sound.checkpoint(60, &sound.keys, true);
    let (text, _) = signed.split_once("\n\n").expect("a note");
    let foreign = sound.checkpoint(50, &sound.keys, false);
    let (_, lines) = foreign.split_once("\n\n").expect("a note");
    for (name, note, said) in [
        ("sound", signed.clone(), false),
        ("by a stranger", sound.checkpoint(60, &stranger, true), true),
        ("with another's line", format!("{text}\n\n{lines}"), true),
    ] {
        let kept = dir.path().join("kept");
        put(&kept, note.as_bytes());
        let mut trust = Trust::default();
        trust.add_checkpoint(&kept).expect("a checkpoint");
        let report = judge_with(trust, &[&archive]);
        assert_eq!(report.verdict, Verdict::Intact, "{name}: {}", report.text());
        let noted = report.notes.iter().any(|note| matches!(note, Note::KeptUnsigned { .. }));
        assert_eq!(noted, said, "{name}: {}", report.text());
    }
}
