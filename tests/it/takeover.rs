//! Promise 3 across a lost log: a collector with nothing but the keys goes on from what the legs hold, and what only the old
//! log held is sealed again, once. No history stands twice or forks.

mod place;

use std::time::Duration;

use crate::harness::{Collector, archived, files, streamed, text, until};
use place::{Place, ids};

/// All that was acknowledged is in both legs, once, and the chain says how it was gone on with.
#[test]
fn a_chain_goes_on_from_its_legs() {
    let place = Place::new();
    let first = place.start(&[]);
    let mut sent = place.send(&first, 300);
    let (status, log) = first.stop();
    assert!(status.success(), "{log}");
    let before = archived(&place.archive()).len() as u64;
    place.lose_data();

    let Err(log) = Collector::try_start(place.dir(), &place.config(), &[]) else { panic!("started over the legs") };
    assert!(log.contains("--continue-from-legs"), "{log}");
    let second = place.start(&["--continue-from-legs", "--reason", "the disk died"]);
    sent.extend(place.send(&second, 100));
    let (status, log) = second.stop();
    assert!(status.success(), "{log}");
    let records = place.compare();
    assert_eq!(ids(&records), sent);

    let (_, recovered) = &records[before as usize + 1];
    assert!(records[before as usize].1.contains("sealtrail.started"));
    for part in
        ["sealtrail.chain.recovered", "the disk died", &format!("record {} ", before - 1), &place.hash(before - 1)]
    {
        assert!(recovered.contains(part), "{part} is not in {recovered}");
    }
    // From here on the normal start goes on, and only that.
    let Err(log) = Collector::try_start(place.dir(), &place.config(), &["--continue-from-legs"]) else {
        panic!("continued from the legs in place of its log")
    };
    assert!(log.contains("start without `--continue-from-legs`"), "{log}");
    let third = place.start(&[]);
    sent.extend(place.send(&third, 50));
    assert!(third.stop().0.success());
    assert_eq!(ids(&place.compare()), sent);
}

/// What the archive had not taken yet comes from the stream, over several segments and checkpoints.
#[test]
fn what_only_the_stream_holds_is_archived() {
    let place = Place::new();
    let first = place.start(&[]);
    let mut sent = place.send(&first, 200);
    until("something is archived", || !files(&place.archive().join("audit-checkpoints")).is_empty());
    place.block_archive();
    sent.extend(place.send(&first, 3_000));
    until("the stream holds all", || ids(&streamed(&place.stream())).len() == sent.len());
    first.kill();
    place.unblock_archive();
    let before = archived(&place.archive()).len();
    place.lose_data();

    let second = place.start(&["--continue-from-legs"]);
    sent.extend(place.send(&second, 100));
    let (status, log) = second.stop();
    assert!(status.success(), "{log}");
    let records = place.compare();
    assert!(before < 1_000 && records.len() > 3_300, "{before} of {}", records.len());
    assert_eq!(ids(&records), sent);
}

/// The archive was never reached: the chain goes on from the genesis note in record 0.
#[test]
fn a_chain_goes_on_from_its_stream_alone() {
    let place = Place::new();
    let first = place.start(&[]);
    place.block_archive();
    let mut sent = place.send(&first, 100);
    until("the stream holds all", || ids(&streamed(&place.stream())).len() == sent.len());
    first.kill();
    place.empty_archive();
    place.lose_data();
    let second = place.start(&["--continue-from-legs"]);
    sent.extend(place.send(&second, 10));
    let (status, log) = second.stop();
    assert!(status.success(), "{log}");
    assert_eq!(ids(&place.compare()), sent);
}

/// Killed anywhere between the first look and the first record, it is done anew.
#[test]
fn going_on_may_be_killed_and_started_again() {
    let place = Place::new();
    let first = place.start(&[]);
    let mut sent = place.send(&first, 200);
    until("something is archived", || !files(&place.archive().join("audit-checkpoints")).is_empty());
    place.block_archive();
    sent.extend(place.send(&first, 2_000));
    until("the stream holds all", || ids(&streamed(&place.stream())).len() == sent.len());
    first.kill();
    place.unblock_archive();
    place.lose_data();
    for round in 0..crate::harness::length("SEALTRAIL_KILLS", 10) {
        let after = Duration::from_millis(round * 53 % 700);
        Collector::kill_starting_with(place.dir(), &place.config(), &["--continue-from-legs"], &[], after);
    }
    // Either it has begun, and goes on as any other, or it hasn't, and says so.
    let last = match Collector::try_start(place.dir(), &place.config(), &[]) {
        Ok(collector) => collector,
        Err(log) => {
            assert!(
                log.contains("start again with `--continue-from-legs`") || log.contains("has no log of it"),
                "{log}"
            );
            place.start(&["--continue-from-legs"])
        }
    };
    sent.extend(place.send(&last, 10));
    let (status, log) = last.stop();
    assert!(status.success(), "{log}");
    let records = place.compare();
    assert_eq!(ids(&records), sent);
    let text = records.iter().map(|(_, content)| content.as_str()).collect::<String>();
    assert_eq!(text.matches("\"sealtrail.chain.recovered\"").count(), 1);
}

/// Each state from which the chain can't be gone on with is refused by name, and nothing is changed by that.
#[test]
fn what_cannot_be_gone_on_from_is_refused() {
    let place = Place::new();
    let first = place.start(&[]);
    place.send(&first, 50);
    assert!(first.stop().0.success());
    let kept = place.data().join("kept");
    place.lose_data();

    place.aside("keys", &kept);
    place.refuses(&["holds no signing keys", "put back the key files"]);
    let foreign = Place::new();
    let other = foreign.start(&[]);
    assert!(other.stop().0.success());
    place.take_keys_of(&foreign);
    place.refuses(&["are not those of this chain", "put back the key files"]);
    place.put_back("keys", &kept);

    // Of the stream, then of the archive, the other's copy.
    place.aside("stream", &kept);
    place.refuses(&["the stream has lost records", "reconcile --repair"]);
    place.put_back("stream", &kept);
    place.aside("archive", &kept);
    place.cut_stream();
    place.refuses(&["were never archived", "data directory"]);
    place.put_back("archive", &kept);
    place.aside("stream", &kept);
    place.aside("archive", &kept);
    place.refuses(&["neither leg holds a record of chain `local`", "start without `--continue-from-legs`"]);
    place.put_back("archive", &kept);
    place.put_back("stream", &kept);
    assert!(text(&place.verify()).contains("local"), "the legs are as they were");
}

/// The keys were changed, and what is left of them is a backup of the two that sign now: that they are the chain's, and which
/// were before, the notes in the archive say.
#[test]
fn a_chain_goes_on_after_its_keys_changed() {
    let place = Place::new();
    let mut sent = Vec::new();
    let mut run = |arguments: &[&str]| {
        let collector = place.start(arguments);
        sent.extend(place.send(&collector, 100));
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
    };
    run(&[]);
    let first = place.keep_key("first.vkey");
    place.rotate_keys();
    // Sealed, and not over: the keys are those before, and the next ones lie beside them.
    run(&[]);
    place.lose_data();
    run(&["--continue-from-legs"]);
    place.compare();
    // Over.
    run(&[]);
    let second = place.keep_key("second.vkey");
    assert_ne!(std::fs::read(&first).expect("kept"), std::fs::read(&second).expect("kept"));
    place.lose_data();
    place.lose_but_the_keys();
    run(&["--continue-from-legs"]);
    run(&[]);
    for key in [&first, &second] {
        let output = place.verify_with(key);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
    assert_eq!(files(&place.dir().join("keys/rotations")).len(), 1, "the note lies beside the keys again");

    // They change once more, from there; and whoever has but the first two is none of the chain's.
    let before = place.copy("max_mib: 1, max_age: 1s");
    place.rotate_keys();
    run(&[]);
    run(&[]);
    place.compare();
    let output = place.verify_with(&first);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    place.lose_data();
    place.take_keys_of(&before);
    place.refuses(&["are not those of this chain", "put back the key files"]);
    assert_eq!(ids(&archived(&place.archive())), sent);
}

/// Two worlds from one beginning: in `old` the chain went on with records that `new`, gone on from the legs, never saw.
fn forked(records: usize) -> (Place, Place, Vec<String>, Vec<String>) {
    let place = Place::new();
    let first = place.start(&[]);
    let sent = place.send(&first, 100);
    assert!(first.stop().0.success());
    // One file holds all that comes, and the last one is never released.
    let old = place.copy("max_mib: 512, max_age: 1h");
    let collector = old.start(&[]);
    let only = old.send(&collector, records);
    assert!(collector.stop().0.success());
    place.lose_data();
    (place, old, sent, only)
}

/// Each id once, and every record of `what` among them.
fn once(records: &[(u64, String)], what: &[&[String]]) {
    let mut found = ids(records);
    found.sort();
    let mut expected = what.concat();
    expected.sort();
    assert!(found == expected, "{} records, expected {}", found.len(), expected.len());
}

/// What only the old log held is sealed again under a record that names it, once, while live traffic goes on.
#[test]
fn what_only_the_old_log_held_is_sealed_again_once() {
    let (place, old, mut sent, only) = forked(200);
    let wal = old.data().join("wal");
    let output = place.import(&wal);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("no collector runs on"), "{}", text(&output));

    let new = place.start(&["--continue-from-legs"]);
    sent.extend(place.send(&new, 50));
    let output = place.import(&wal);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("sealed again 200 now, 0 by calls before"), "{}", text(&output));
    sent.extend(place.send(&new, 50));
    for round in 0..3 {
        let again = place.import(&wal);
        assert!(text(&again).contains("sealed again 0 now, 200 by calls before"), "{round}: {}", text(&again));
    }
    // Started again, and with all of it in the legs, it is known all the same.
    assert!(new.stop().0.success());
    let new = place.start(&[]);
    let again = place.import(&wal);
    assert!(text(&again).contains("sealed again 0 now, 200 by calls before"), "{}", text(&again));
    assert!(new.stop().0.success());

    let records = place.compare();
    once(&records, &[&sent, &only]);
    let stops =
        |records: &[(u64, String)]| records.iter().filter(|(_, text)| text.contains("\"sealtrail.stopped\"")).count();
    assert_eq!(stops(&records), 3, "the old one's own word is not repeated");
    let (at, lead) =
        records.iter().enumerate().find(|(_, (_, text))| text.contains("\"sealtrail.wal.imported\"")).expect("named");
    for part in ["the disk was found", "records ", "file ", "own records are not repeated"] {
        assert!(lead.1.contains(part), "{part} is not in {}", lead.1);
    }
    // Byte for byte, as the old world's legs have it.
    let theirs = archived(&old.archive());
    let content = |records: &[(u64, String)]| {
        let ours = records.iter().filter(|(_, text)| ids(&[(0, text.clone())]).iter().any(|id| only.contains(id)));
        ours.map(|(_, text)| text.clone()).collect::<Vec<_>>()
    };
    assert!(content(&records) == content(&theirs));
    assert!(records[at + 1].1.contains(&only[0]));
}

/// Killed midway, collector or command, the import goes on where it was.
#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let (place, old, sent, only) = forked(crate::harness::length("SEALTRAIL_IMPORT", 9_000) as usize);
    let wal = old.data().join("wal");
    let mut new = place.start(&["--continue-from-legs"]);
    for round in 0..4 {
        let mut command = place.import_command(&wal).stdout(std::process::Stdio::null()).spawn().expect("it runs");
        let parts = || new.log().matches("were sealed again").count();
        let before = parts();
        until("a part is sealed, or all are", || parts() > before || command.try_wait().expect("a child").is_some());
        if round % 2 == 0 {
            new.kill();
            new = place.start(&[]);
        } else {
            let _ = command.kill();
        }
        command.wait().expect("it ends");
    }
    // Whoever was asked before may still be at it; each call waits for its turn.
    let output = place.import(&wal);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(!text(&output).contains(", 0 by calls before"), "{}", text(&output));
    let again = place.import(&wal);
    assert!(text(&again).contains(&format!("sealed again 0 now, {} by calls before", only.len())), "{}", text(&again));
    assert!(new.stop().0.success());
    once(&place.compare(), &[&sent, &only]);
}

/// A damaged log is imported as far as it proves itself; what is lost is said.
#[test]
fn a_damaged_log_is_imported_up_to_the_damage() {
    let (place, old, sent, only) = forked(200);
    let wal = old.data().join("wal");
    let file =
        files(&wal).into_iter().rfind(|file| file.extension().is_some_and(|kind| kind == "wal")).expect("a file");
    let mut bytes = std::fs::read(&file).expect("readable");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let new = place.start(&["--continue-from-legs"]);
    let output = place.import(&wal);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("is damaged at byte"), "{}", text(&output));
    assert!(new.stop().0.success());
    let records = place.compare();
    let found = ids(&records).len() - sent.len();
    assert!(found > 50 && found < 150, "{found} of 200");
    once(&records, &[&sent, &only[..found]]);
}

/// A record of the old log was changed on its disk, with the frame's checksum made anew: it does not follow, and nothing behind it
/// is believed.
#[test]
fn an_edited_log_is_imported_up_to_the_edit() {
    let (place, old, sent, only) = forked(200);
    let (id, other) = (&only[100], only[100].replace("takeover", "TAKEOVER"));
    old.edit_wal(id, &other, false);
    let new = place.start(&["--continue-from-legs"]);
    let output = place.import(&old.data().join("wal"));
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("sealed again 100 now"), "{}", text(&output));
    assert!(new.stop().0.success());
    once(&place.compare(), &[&sent, &only[..100]]);
}

/// What only that log held is under no signature: whoever makes its links anew, too, has his records taken, under a record that says
/// where they come from and who asked for it. docs/tampering.md says so.
#[test]
fn a_log_whose_links_were_made_anew_is_believed() {
    let (place, old, sent, mut only) = forked(200);
    let other = only[100].replace("takeover", "TAKEOVER");
    old.edit_wal(&only[100], &other, true);
    let new = place.start(&["--continue-from-legs"]);
    let output = place.import(&old.data().join("wal"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(new.stop().0.success());
    only[100] = other;
    let records = place.compare();
    once(&records, &[&sent, &only]);
    assert!(records.iter().any(|(_, text)| text.contains("\"sealtrail.wal.imported\"")));
}

#[test]
fn a_log_that_is_none_of_the_chains_is_refused() {
    let (place, old, ..) = forked(10);
    let new = place.start(&["--continue-from-legs"]);
    let empty = place.dir().join("empty");
    std::fs::create_dir(&empty).expect("made");
    let foreign = Place::new();
    let other = foreign.start(&[]);
    foreign.send(&other, 10);
    let running = foreign.data().join("wal");
    for (wal, words) in [
        (place.data().join("wal"), "another process holds"),
        (running.clone(), "another process holds"),
        (empty, "holds no file of a write-ahead log"),
        (place.dir().join("absent"), "can't read"),
    ] {
        let output = place.import(&wal);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(words) && text(&output).contains("remedy"), "{words}: {}", text(&output));
    }
    assert!(other.stop().0.success());
    let output = place.import(&running);
    assert!(output.status.code() == Some(2) && text(&output).contains("does not know the log"), "{}", text(&output));
    drop(old);
    assert!(new.stop().0.success());
    place.compare();
}
