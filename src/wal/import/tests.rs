use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealtrail_chain::{CompactRange, Head, UnixNanos};

use super::*;
use crate::host::sim::SimDisk;
use crate::wal::{self, Batch, Config};

const DIR: &str = "/old";

fn chain() -> ChainName {
    "test".parse().unwrap()
}

fn text(number: u64) -> String {
    let by = if number.is_multiple_of(5) { "self" } else { "sender" };
    format!(r#"{{"logRecord":{{"body":{{"stringValue":"{number}"}}}},"received":{{"auth":"none","by":"{by}"}}}}"#)
}

/// Three files of ten records each; every fifth record is the collector's own.
fn old(disk: &SimDisk) -> Head {
    let recovered = wal::open(Arc::new(disk.clone()), Path::new(DIR), &chain()).unwrap();
    let genesis = || Head::resume(chain(), Sequence::ZERO, UnixNanos(0), Hash([7; 32]), CompactRange::empty(0));
    let mut log = recovered.resume(&Config::default(), [4; 32], genesis).unwrap();
    for number in 0..30 {
        let mut batch: Batch = [Masked::for_test(&text(number))].into_iter().collect();
        log.append(UnixNanos(number), Duration::ZERO, &mut [&mut batch]).unwrap();
        if number % 10 == 9 && number < 29 {
            log.rotate().unwrap();
        }
    }
    log.finish();
    let head = log.head().clone();
    drop(log);
    // The simulated lock is given back with the process.
    disk.kill();
    head
}

fn path(first: u64) -> PathBuf {
    shelf::path(Path::new(DIR), Sequence::new(first))
}

fn open_old(disk: &SimDisk) -> Result<OldLog, Error> {
    open(Arc::new(disk.clone()), Path::new(DIR), &chain())
}

/// Sequences of a stretch from `from` on; own ones are negative.
fn read(log: &OldLog, stretch: &Stretch, from: u64) -> Vec<i64> {
    let mut records = log.records(stretch, Sequence::new(from)).unwrap();
    let mut read = Vec::new();
    while let Some(record) = records.next().unwrap() {
        let sequence = record.link.sequence.get();
        assert_eq!(record.rules, [4; 32]);
        match record.masked {
            Some(masked) => {
                assert_eq!(masked.content().as_str(), text(sequence));
                read.push(sequence as i64);
            }
            None => read.push(-(sequence as i64)),
        }
    }
    read
}

fn numbers(range: std::ops::Range<i64>) -> Vec<i64> {
    range.map(|number| if number % 5 == 0 { -number } else { number }).collect()
}

#[test]
fn a_whole_log_is_read_from_any_record_on() {
    let disk = SimDisk::new(1);
    let head = old(&disk);
    let log = open_old(&disk).unwrap();
    let [stretch] = log.stretches() else { panic!("one stretch") };
    assert_eq!(stretch.begin(), Some((Sequence::ZERO, Hash([7; 32]))));
    assert_eq!(stretch.behind(), Some((head.next(), head.hash())));
    for from in [0, 1, 9, 10, 11, 25, 29, 30, 31] {
        assert_eq!(read(&log, stretch, from), numbers(from as i64..30), "from {from}");
    }
    assert!(matches!(open_old(&disk), Err(Error::Locked { .. })), "held while it is read");
}

/// What lies behind damage is another stretch: whether it is the chain's, only the chain can say.
#[test]
fn a_damaged_log_is_read_to_the_damage() {
    let disk = SimDisk::new(1);
    old(&disk);
    let end = disk.open(&path(10)).unwrap().len().unwrap();
    disk.flip_bit(&path(10), end / 2, 3);
    let log = open_old(&disk).unwrap();
    let [first, second] = log.stretches() else { panic!("two stretches") };
    let found = read(&log, first, 0);
    assert!((11..19).contains(&found.len()) && found == numbers(0..found.len() as i64), "{found:?}");
    assert!(matches!(first.damage, Some(Damage::Bytes { .. })));
    assert_eq!((read(&log, second, 20), &second.damage), (numbers(20..30), &None));
}

#[test]
fn a_missing_file_parts_a_log() {
    let disk = SimDisk::new(1);
    old(&disk);
    disk.remove(&path(10)).unwrap();
    let log = open_old(&disk).unwrap();
    let [first, second] = log.stretches() else { panic!("two stretches") };
    assert_eq!((read(&log, first, 0), read(&log, second, 20)), (numbers(0..10), numbers(20..30)));
    assert_eq!(first.damage, Some(Damage::Missing { dir: DIR.into(), before: Sequence::new(20) }));
}

#[test]
fn a_header_that_is_damaged_costs_its_file() {
    for (first, expected) in [(0, vec![numbers(10..30)]), (10, vec![numbers(0..10), numbers(20..30)])] {
        let disk = SimDisk::new(1);
        old(&disk);
        disk.flip_bit(&path(first), 40, 1);
        let log = open_old(&disk).unwrap();
        let found: Vec<_> = log.stretches().iter().map(|stretch| read(&log, stretch, 0)).collect();
        assert_eq!(found, expected, "{first}");
    }
}

#[test]
fn what_is_no_log_of_the_chain_is_refused() {
    let disk = SimDisk::new(1);
    disk.create_dir_all(Path::new(DIR)).unwrap();
    assert!(matches!(open_old(&disk), Err(Error::Nothing { .. })));
    old(&disk);
    let other = open(Arc::new(disk.clone()), Path::new(DIR), &"other".parse().unwrap());
    assert!(matches!(other, Err(Error::OtherChain { .. })));
}
