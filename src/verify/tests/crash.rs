//! What a crash of an honest collector leaves is never called tampering; what it leaves open is said.

use std::fs;
use std::path::Path;

use sealtrail_chain::segment::checkpoint_key;

use super::built::{Built, CHAIN, payments, put};
use super::{Note, Options, Report, Trust, Unwatched, Verdict, directory, judge, verify};
use crate::verify::Unchecked;

fn checkpoint(archive: &Path, built: &Built, size: u64) -> std::path::PathBuf {
    archive.join(checkpoint_key(built.chain(), size, 1_795_478_400))
}

fn without_findings(report: &Report, verdict: Verdict) {
    assert_eq!((report.verdict, report.findings_total), (verdict, 0), "{}", report.text());
}

/// The collector puts a range, then its checkpoint.
#[test]
fn the_newest_range_may_wait_for_its_checkpoint() {
    let dir = directory();
    let sound = payments();
    let (archive, stream) = (sound.write_archive(dir.path()), sound.write_stream(dir.path()));
    fs::remove_file(checkpoint(&archive, &sound, 60)).expect("it is there");
    let report = judge(&[&archive, &stream]);
    without_findings(&report, Verdict::Intact);
    assert!(report.notes.iter().any(|note| matches!(note, Note::Interrupted { size: 60, .. })), "{}", report.text());
    without_findings(&judge(&[&archive]), Verdict::NotAllChecked);

    fs::remove_file(checkpoint(&archive, &sound, 40)).expect("it is there");
    assert_eq!(judge(&[&archive, &stream]).verdict, Verdict::Tampered, "only the newest can have been interrupted");
}

/// The stop record is committed before the checkpoint that covers it.
#[test]
fn a_stop_without_its_checkpoint_is_not_all_checked() {
    let dir = directory();
    let mut sound = payments();
    let archive = sound.write_archive(dir.path());
    fs::remove_file(checkpoint(&archive, &sound, 60)).expect("it is there");
    fs::remove_file(checkpoint(&archive, &sound, 60).with_extension("range")).expect("it is there");
    sound.checkpoints.pop();
    let stream = sound.write_stream(dir.path());
    for paths in [&[archive.as_path(), &stream][..], &[&archive], &[&stream]] {
        let report = judge(paths);
        without_findings(&report, Verdict::NotAllChecked);
        let open = |item: &Unchecked| matches!(item, Unchecked::StopUncovered { size: 60, .. });
        assert!(report.unchecked.iter().any(open), "{}", report.text());
    }
}

/// The archive follows the stream: killed before it put anything but the genesis note, or a segment without a checkpoint.
#[test]
fn an_archive_behind_the_stream_is_no_finding() {
    let dir = directory();
    let sound = payments();
    let (archive, stream) = (sound.write_archive(dir.path()), sound.write_stream(dir.path()));
    // The objects came, and none of the checkpoints yet; or someone took them away.
    fs::remove_dir_all(archive.join("audit-checkpoints")).expect("it is there");
    let report = judge(&[&archive, &stream]);
    without_findings(&report, Verdict::NotAllChecked);
    let pending =
        |item: &Unchecked| matches!(item, Unchecked::CheckpointsPending { count: 3, first: 20, last: 60, .. });
    assert!(report.unchecked.iter().any(pending), "{}", report.text());
    fs::remove_dir_all(archive.join("audit-logs")).expect("it is there");
    without_findings(&judge(&[&archive, &stream]), Verdict::NotAllChecked);
}

/// What lies there under a temporary name, or without a whole message, until the next start; and the lock.
#[test]
fn what_was_unfinished_is_no_finding() {
    let dir = directory();
    let sound = payments();
    let (archive, stream) = (sound.write_archive(dir.path()), sound.write_stream(dir.path()));
    let unfinished = [
        "0011223344556677-00000000000000000060.parquet.tmp",
        "8899aabbccddeeff-audit-checkpoints-chain=payments-eu-1-00000000000000000060-1795478400.range",
        "8899aabbccddeeff-audit-genesis-payments-eu-1.note",
    ];
    for name in unfinished {
        put(&archive.join(".tmp").join(name), b"PAR1");
    }
    for topic in ["audit-logs", "audit-checkpoints"] {
        put(&stream.join(topic).join("0/00000000000000000061.messages"), b"");
    }
    put(&stream.join("lock"), b"");
    // Whoever fetched a copy may keep it beside other things.
    put(&archive.join("log.vkey"), b"a key");
    put(&archive.join("reports/november.txt"), b"a report");
    for paths in [&[archive.as_path(), &stream][..], &[&archive], &[&stream], &[dir.path()]] {
        without_findings(&judge(paths), Verdict::Intact);
    }
    put(&archive.join(".tmp/00000000000000000000.parquet"), b"PAR1");
    assert_eq!(judge(&[&archive]).verdict, Verdict::Tampered, "no name of the collector's");
}

/// A leg that lost all it held, its checkpoints too, is said to be empty: nothing there says what it held.
#[test]
fn an_empty_leg_of_a_data_directory_is_said() {
    let dir = directory();
    let sound = payments();
    sound.write_archive(dir.path());
    fs::create_dir_all(dir.path().join("stream")).expect("it is made");
    let report = judge(&[dir.path()]);
    without_findings(&report, Verdict::NotAllChecked);
    assert!(report.text().contains("holds no chain"), "{}", report.text());
}

/// A topic of checkpoints is known by its messages, whatever it is called, and by its name where one is given.
#[test]
fn the_checkpoint_topic_may_have_another_name() {
    let dir = directory();
    let sound = payments();
    let stream = sound.write_stream(dir.path());
    fs::rename(stream.join("audit-checkpoints"), stream.join("signed")).expect("it is there");
    without_findings(&judge(&[&stream]), Verdict::Intact);

    let mut trust = Trust::default();
    trust.add_key(sound.keys.ed25519.vkey().clone());
    let options =
        |topic: &str| Options { trust: trust.clone(), checkpoint_topic: Some(topic.into()), ..Options::default() };
    let judged = |options| verify(std::slice::from_ref(&stream), &options, &Unwatched).expect("there is a chain");
    without_findings(&judged(options("signed")), Verdict::Intact);
    let other = Options { chain: Some("other".parse().expect("a name")), ..options("signed") };
    assert!(verify(std::slice::from_ref(&stream), &other, &Unwatched).is_err());
    let named = Options { chain: Some(CHAIN.parse().expect("a name")), ..options("signed") };
    without_findings(&judged(named), Verdict::Intact);
}
