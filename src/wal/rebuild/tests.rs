use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::{Checksum, CompactRange, Hash, Head, Link, Sequence, UnixNanos};

use super::*;
use crate::host::sim::SimDisk;
use crate::wal::reader::Reader;
use crate::wal::{self, Recovered};

const DIR: &str = "/wal";

fn chain() -> ChainName {
    "test".parse().unwrap()
}

/// Ten records lie before.
fn head() -> Head {
    let mut head = Head::resume(chain(), Sequence::ZERO, UnixNanos(0), Hash([7; 32]), CompactRange::empty(0));
    for _ in 0..10 {
        head.seal(UnixNanos(5), Checksum::of(b""));
    }
    head
}

/// More than a file holds, over midnight.
fn records() -> Vec<(Link, String)> {
    let mut head = head();
    let text = |n: u64| {
        let filler = "x".repeat(300_000);
        format!(
            r#"{{"logRecord":{{"body":{{"stringValue":"{n} {filler}"}}}},"received":{{"auth":"none","by":"sender"}}}}"#
        )
    };
    let texts = (0..9).map(text);
    texts
        .enumerate()
        .map(|(n, text)| (head.seal(UnixNanos(if n < 6 { 100 } else { DAY + 3 }), Checksum::of(text.as_bytes())), text))
        .collect()
}

fn config() -> Config {
    let mut config = Config::default();
    config.segment.max_mib = 1;
    config
}

fn open(disk: &SimDisk) -> Result<Recovered, Error> {
    wal::open(Arc::new(disk.clone()), Path::new(DIR), &chain())
}

fn rebuild(disk: &SimDisk) -> Result<Recovered, Error> {
    let vacant = open(disk)?.vacate()?.unwrap_or_else(|_| panic!("nothing counts yet"));
    let mut rebuild = Rebuild::begin(vacant, &config(), head())?;
    for (link, text) in records() {
        rebuild.push(&link, &text).map_err(|error| match error {
            RebuildError::Wal(error) => error,
            RebuildError::Break { .. } => panic!("they follow"),
        })?;
    }
    assert_eq!(rebuild.records(), 9);
    let (last, hash) = (Sequence::new(18), rebuild.head().hash());
    rebuild.finish(Some(Confirmed { last, hash }), Some(Confirmed { last: Sequence::new(9), hash: head().hash() }))
}

fn check(disk: &SimDisk, recovered: &Recovered) {
    let expected = records();
    assert_eq!(recovered.head().map(|head| (head.next(), head.hash())), Some((Sequence::new(19), expected[8].0.hash)));
    assert_eq!(recovered.files().iter().map(|file| file.first.get()).collect::<Vec<_>>(), [10, 14, 16]);
    assert_eq!(recovered.legs().confirmed(Leg::Stream).map(|end| end.last.get()), Some(18));
    assert_eq!(recovered.find(Sequence::new(9)).unwrap(), Some(head().hash()), "where the archive ends is known");
    let mut read = Vec::new();
    for file in recovered.files() {
        let mut reader = Reader::open(disk, &shelf::path(Path::new(DIR), file.first)).unwrap();
        while let Some(stored) = reader.next(file.synced).unwrap() {
            read.push((stored.link, stored.content.to_owned()));
        }
    }
    assert!(read == expected);
}

/// What was rebuilt is a log as any other: read by a start, and gone on from.
#[test]
fn records_become_a_log() {
    let disk = SimDisk::new(1);
    let recovered = rebuild(&disk).unwrap();
    check(&disk, &recovered);
    drop(recovered.resume(&config(), [1; 32], || unreachable!()).unwrap());
    disk.kill();
    assert!(open(&disk).unwrap().is_broken_off(), "until the chain has gone on, none of it counts");
    done(&disk, Path::new(DIR)).unwrap();
    disk.power_failure();
    let recovered = open(&disk).unwrap();
    assert!(!recovered.is_broken_off());
    check(&disk, &recovered);
    assert!(recovered.vacate().unwrap().is_err(), "it holds a log");
}

/// Wherever the machine stops, the next attempt begins anew and comes to the same.
#[test]
fn an_attempt_that_is_broken_off_costs_nothing() {
    let mut finished = 0;
    for calls in 1.. {
        let disk = SimDisk::new(calls);
        disk.stop_after(calls);
        let attempt = rebuild(&disk).and_then(|_| done(&disk, Path::new(DIR)));
        if calls % 2 == 0 {
            disk.power_failure()
        } else {
            disk.kill()
        }
        let recovered = open(&disk).unwrap();
        if recovered.is_broken_off() || recovered.head().is_none() {
            assert!(attempt.is_err(), "{calls}");
            drop(recovered);
            disk.kill();
            check(&disk, &rebuild(&disk).unwrap());
            continue;
        }
        check(&disk, &recovered);
        finished += 1;
        if finished > 3 {
            assert!(calls > 20, "the machine stopped in the middle of it: {calls}");
            return;
        }
    }
}

/// Without records the head alone is kept: the chain ends where the archive does.
#[test]
fn a_chain_that_ends_with_the_archive_keeps_its_head() {
    let disk = SimDisk::new(1);
    let vacant = open(&disk).unwrap().vacate().unwrap().unwrap_or_else(|_| panic!("empty"));
    let end = Confirmed { last: Sequence::new(9), hash: head().hash() };
    let recovered = Rebuild::begin(vacant, &config(), head()).unwrap().finish(Some(end), Some(end)).unwrap();
    assert_eq!(recovered.head(), Some(&head()));
    assert!(recovered.files().is_empty());
    assert_eq!(recovered.find(Sequence::new(9)).unwrap(), Some(head().hash()));
}

/// Nothing gets in that doesn't follow: neither another content nor another place.
#[test]
fn what_does_not_follow_is_refused() {
    let disk = SimDisk::new(1);
    let vacant = open(&disk).unwrap().vacate().unwrap().unwrap_or_else(|_| panic!("empty"));
    let mut rebuild = Rebuild::begin(vacant, &config(), head()).unwrap();
    let records = records();
    let (link, text) = &records[0];
    assert!(matches!(rebuild.push(link, "{}"), Err(RebuildError::Break { source: Break::Content { .. }, .. })));
    assert!(matches!(
        rebuild.push(&records[1].0, &records[1].1),
        Err(RebuildError::Break { source: Break::Sequence { .. }, .. })
    ));
    rebuild.push(link, text).unwrap();
    assert!(rebuild.push(link, text).is_err(), "not twice");
}
