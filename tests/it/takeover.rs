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
    for part in ["sealtrail.chain.recovered", "the disk died", &format!("record {} ", before - 1), &place.hash(before - 1)] {
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
        Collector::kill_starting_with(place.dir(), &place.config(), &["--continue-from-legs"], after);
    }
    // Either it has begun, and goes on as any other, or it hasn't, and says so.
    let last = match Collector::try_start(place.dir(), &place.config(), &[]) {
        Ok(collector) => collector,
        Err(log) => {
            assert!(log.contains("start again with `--continue-from-legs`") || log.contains("has no log of it"), "{log}");
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
