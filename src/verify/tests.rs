//! Promise 5: whatever the owner of the storage does, verification names the first record that is wrong.
#![allow(clippy::disallowed_methods, reason = "tampering writes files as an attacker would, without syncing them")]

mod archive;
mod built;
mod contents;
mod crash;
mod expired;
mod frozen;
mod lag;
mod notes;
#[allow(dead_code, reason = "made for `tests/it/tamper`, too")]
mod rewrite;
mod rotation;
mod stream;

use std::path::{Path, PathBuf};

use sealtrail_chain::content::By;

use super::{Code, Error, Note, Options, Report, Trust, Unwatched, Verdict, verify};
use built::{Built, built, payment, payments};

/// Judges under the Ed25519 key of the sound chain.
fn judge(paths: &[&Path]) -> Report {
    let mut trust = Trust::default();
    trust.add_key(payments().keys.ed25519.vkey().clone());
    judge_with(trust, paths)
}

fn judge_with(trust: Trust, paths: &[&Path]) -> Report {
    let options = Options { trust, threads: 2, ..Options::default() };
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    verify(&paths, &options, &Unwatched).expect("there is a chain")
}

/// A tampering, and the finding that must be named first: code and record.
type Case<T> = (&'static str, T, Code, u64);

fn assert_first(name: &str, report: &Report, code: Code, record: u64) {
    assert_eq!(report.verdict, Verdict::Tampered, "{name}: {}", report.text());
    let first = report.findings.first().expect("a tampered chain has a finding");
    assert_eq!((first.code, first.first), (code, record), "{name}: {}", report.text());
    assert!(!first.place.is_empty(), "{name}: no place");
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[test]
fn sound_legs_are_intact_together_and_alone() {
    let dir = directory();
    let sound = payments();
    let (archive, stream) = (sound.write_archive(dir.path()), sound.write_stream(dir.path()));
    for paths in [&[archive.as_path(), &stream][..], &[&archive], &[&stream], &[dir.path()]] {
        let report = judge(paths);
        assert_eq!(report.verdict, Verdict::Intact, "{paths:?}: {}", report.text());
        for leg in &report.chains[0].legs {
            assert_eq!((leg.first, leg.last, leg.records, leg.covered), (Some(0), Some(59), 60, 60));
        }
    }
    assert_eq!(judge(&[dir.path()]).chains[0].legs_agree_to, Some(60));
}

#[test]
fn intact_is_said_only_under_a_key_or_a_kept_checkpoint() {
    let dir = directory();
    let sound = payments();
    let stream = sound.write_stream(dir.path());
    assert_eq!(judge_with(Trust::default(), &[&stream]).verdict, Verdict::SignerUnknown);

    let kept = dir.path().join("kept");
    built::put(&kept, sound.checkpoint(50, &sound.keys, false).as_bytes());
    let mut trust = Trust::default();
    trust.add_checkpoint(&kept).expect("a checkpoint");
    assert_eq!(judge_with(trust.clone(), &[&stream]).verdict, Verdict::Intact);

    let other = built("other", 9, |_, content| content);
    let mut foreign = Trust::default();
    foreign.add_key(other.keys.ed25519.vkey().clone());
    assert_eq!(judge_with(foreign, &[&stream]).verdict, Verdict::SignerUnknown);
}

/// Who holds the signing keys can seal another history, but not one that a kept checkpoint or the other leg agrees with.
#[test]
fn a_history_resealed_with_the_true_keys_shows_against_what_was_kept() {
    let dir = directory();
    let sound = payments();
    let mut forged = payments();
    forged.reseal(45, |content| *content = content.replace("tx-000045", "tx-999999"));
    let (archive, stream) = (forged.write_archive(dir.path()), sound.write_stream(dir.path()));
    assert_eq!(judge(&[&archive]).verdict, Verdict::Intact, "its own checkpoints are as good as the true ones");

    let report = judge(&[&archive, &stream]);
    assert!(
        report.findings.iter().any(|finding| finding.code == Code::Legs && finding.first == 40),
        "{}",
        report.text()
    );

    let kept = dir.path().join("kept");
    built::put(&kept, sound.checkpoint(50, &sound.keys, false).as_bytes());
    let mut trust = Trust::default();
    trust.add_checkpoint(&kept).expect("a checkpoint");
    // Checkpoints in between may have been signed anew, so none of them says where the forgery begins.
    assert_first("kept", &judge_with(trust, &[&archive]), Code::Root, 0);
}

/// Only `received.by` makes a record the collector's own; its name doesn't.
#[test]
fn records_that_a_sender_forged_change_nothing() {
    let dir = directory();
    let forged = built(built::CHAIN, 7, |n, content| match n {
        5 => payment(n, By::Sender, "sealtrail.stopped"),
        6 => payment(n, By::Sender, "sealtrail.started"),
        7 => payment(n, By::Sender, "sealtrail.key.rotated"),
        59 => payment(n, By::Sender, "sealtrail.stopped"),
        _ => content,
    });
    let stream = forged.write_stream(dir.path());
    let report = judge(&[&stream]);
    assert_eq!(report.verdict, Verdict::Intact, "{}", report.text());
    assert!(!report.chains[0].legs[0].stopped);
}

#[test]
fn an_open_end_is_said_and_no_failure() {
    let dir = directory();
    let mut open = built(built::CHAIN, 7, |n, content| if n == 59 { payment(n, By::Sender, "pay") } else { content });
    open.checkpoints = vec![20, 50];
    let report = judge(&[&open.write_stream(dir.path())]);
    assert_eq!(report.verdict, Verdict::Intact, "{}", report.text());
    assert!(matches!(report.notes[..], [Note::NotYetCovered { first: 50, last: 59, .. }]), "{:?}", report.notes);

    open.checkpoints = vec![];
    assert_eq!(judge(&[&open.write_stream(dir.path())]).verdict, Verdict::NotAllChecked);
}

#[test]
fn nothing_is_never_intact() {
    let dir = directory();
    let verify = |path: &Path| verify(&[path.to_path_buf()], &Options::default(), &Unwatched);
    assert!(matches!(verify(dir.path()), Err(Error::Nothing { .. })));
    assert!(matches!(verify(&dir.path().join("absent")), Err(Error::Io { .. })));

    let sound = payments();
    sound.write_siblings(dir.path());
    let report = judge(&[dir.path()]);
    assert_first("all objects deleted", &report, Code::Shorter, 0);
}

#[test]
fn reports_hold_no_content() {
    let dir = directory();
    let mut forged: Built = payments();
    forged.records[17].1 = forged.records[17].1.replace("tx-000017", "tx-planted");
    let stream = forged.write_stream(dir.path());
    let report = judge(&[&stream]);
    let json = serde_json::to_string(&report).expect("a report is JSON");
    assert!(json.contains("SEAL-001") && report.text().starts_with("TAMPERED"));
    assert!(!json.contains("planted") && !report.text().contains("planted") && !json.contains("till 4"));
}
