//! Promise 1 on the simulated disk: whatever it loses, tears, refuses or forgets, and wherever the machine stops, each
//! acknowledged record is there after the restart, once, in order, under the hash that it was acknowledged with.
//!
//! `SEALTRAIL_SEEDS=10000` runs more seeds; `SEALTRAIL_SEED=17` runs one again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealtrail_chain::{ChainName, CompactRange, Hash, Head, Sequence, UnixNanos};

use super::reader::{self, Reader};
use super::*;
use crate::config;
use crate::host::sim::{Faults, Random, SimClock, SimDisk};
use crate::host::{Clock, Disk};
use crate::mask::Masked;

const DIR: &str = "/wal";

#[test]
fn acknowledged_records_survive_every_crash() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = match number("SEALTRAIL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEALTRAIL_SEEDS").unwrap_or(300),
    };
    let mut told = Told::default();
    for seed in seeds {
        let run = std::panic::catch_unwind(|| World::new(seed).run());
        let new = run.unwrap_or_else(|_| panic!("failed: run again with SEALTRAIL_SEED={seed}"));
        told.add(new);
    }
    eprintln!("{told:?}");
    // A run in which nothing went wrong would prove nothing.
    assert!(told.crashes > 0 && told.acknowledged > 0 && (told.reused > 0 || told.crashes < 100), "{told:?}");
}

/// What the runs went through.
#[derive(Debug, Default)]
struct Told {
    acknowledged: u64,
    refused: u64,
    crashes: u64,
    cuts: u64,
    released: u64,
    reused: u64,
    rotten: u64,
}

impl Told {
    fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.crashes += other.crashes;
        self.cuts += other.cuts;
        self.released += other.released;
        self.reused += other.reused;
        self.rotten += other.rotten;
    }
}

struct World {
    random: Random,
    disk: SimDisk,
    clock: SimClock,
    /// Content and hash of every acknowledged record, by its sequence; `None`: one that was never acknowledged but is there.
    known: Vec<Option<(String, Hash)>>,
    /// Records that the legs hold: a prefix of the chain, with hashes.
    delivered: Vec<Hash>,
    made: u64,
    told: Told,
}

fn chain() -> ChainName {
    "test".parse().unwrap()
}

fn genesis() -> Head {
    Head::resume(chain(), Sequence::ZERO, UnixNanos(0), Hash([7; 32]), CompactRange::empty(0))
}

fn text(number: u64) -> String {
    let filler = "x".repeat((number * 131 % 700) as usize);
    format!(
        "{{\"logRecord\":{{\"body\":{{\"stringValue\":\"{number} {filler}\"}}}},\"received\":{{\"auth\":\"none\",\"by\":\"sender\"}}}}"
    )
}

fn config() -> Config {
    Config { segment: Segment { max_mib: 1, max_age: config::Duration::from_secs(60) }, ..Config::default() }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let disk = SimDisk::new(random.draw());
        let clock = SimClock::new(UnixNanos(1_700_000_000_000_000_000));
        Self { random, disk, clock, known: Vec::new(), delivered: Vec::new(), made: 0, told: Told::default() }
    }

    fn run(mut self) -> Told {
        for _ in 0..2 + self.random.below(4) {
            self.disk.stop_after(1 + self.random.below(250));
            self.set_faults();
            if let Some(log) = self.start() {
                self.work(log);
            }
            self.told.crashes += 1;
            if self.random.one_in(3) { self.disk.kill() } else { self.disk.power_failure() }
        }
        self.disk.set_faults(Faults::default());
        self.disk.set_capacity(u64::MAX);
        let log = self.start().expect("a disk that does its work is gone on from");
        self.check(&log);
        drop(log);
        self.rot();
        self.told
    }

    fn set_faults(&mut self) {
        let rate = |random: &mut Random| if random.one_in(2) { 0 } else { 5 + random.below(40) };
        let (write, sync, names) = (rate(&mut self.random), rate(&mut self.random), rate(&mut self.random));
        self.disk.set_faults(Faults { write, sync, names });
        let capacity = if self.random.one_in(3) { 20_000 + self.random.below(60_000) } else { u64::MAX };
        self.disk.set_capacity(capacity);
    }

    /// Starts as the collector does: open, ask the legs, resume. `None`: the disk failed. Any other refusal is wrong.
    fn start(&mut self) -> Option<Log> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let recovered = self.unless_io(open(disk, Path::new(DIR), &chain()))?;
        if recovered.cut().is_some() {
            self.told.cuts += 1;
        }
        if let Some(&hash) = self.delivered.last() {
            let last = Sequence::new(self.delivered.len() as u64 - 1);
            let found = self.unless_io(recovered.find(last))?;
            assert_eq!(found, Some(hash), "what a leg holds last is held here, or stands right before it");
            for leg in Leg::ALL {
                assert!(recovered.legs().confirmed(leg).is_none_or(|confirmed| confirmed.last <= last));
            }
        }
        let log = self.unless_io(recovered.resume(&config(), [0; 32], genesis))?;
        self.adopt(&log);
        Some(log)
    }

    fn unless_io<T>(&self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Error::Io { .. } | Error::File { error: reader::Error::Io { .. } }) => None,
            Err(error) => panic!("refused: {error}"),
        }
    }

    /// Records that were written but not acknowledged may be there: from now on they are part of the chain.
    fn adopt(&mut self, log: &Log) {
        let next = log.head().next().get() as usize;
        assert!(self.known.len() <= next, "{} records were acknowledged, {next} are there", self.known.len());
        self.known.resize(next, None);
    }

    fn work(&mut self, mut log: Log) {
        while !self.disk.has_stopped() {
            self.clock.advance(Duration::from_millis(self.random.below(20_000)));
            let now = self.clock.monotonic();
            match self.random.below(12) {
                0 => drop(log.mark()),
                1 => drop(log.rotate()),
                2 => drop(log.change_rules([self.random.below(256) as u8; 32])),
                3 => drop(log.make_writable()),
                4 | 5 => self.deliver(&log),
                6 if self.random.one_in(4) => return log.finish(),
                _ => self.append(&mut log),
            }
            if log.is_due(now) {
                drop(log.rotate());
            }
        }
    }

    fn append(&mut self, log: &mut Log) {
        let contents: Vec<String> = (0..1 + self.random.below(6)).map(|more| text(self.made + more)).collect();
        self.made += contents.len() as u64;
        let before = log.head().clone();
        // One request, or several.
        let mut batches: Vec<Batch> = Vec::new();
        for content in &contents {
            if batches.is_empty() || self.random.one_in(3) {
                batches.push(Batch::default());
            }
            batches.last_mut().unwrap().push(&Masked::for_test(content));
        }
        let mut batches: Vec<&mut Batch> = batches.iter_mut().collect();
        match log.append(self.clock.now(), self.clock.monotonic(), &mut batches) {
            Ok(durable) => {
                assert_eq!(
                    (durable.first().get(), self.known.len() as u64),
                    (before.next().get(), before.next().get())
                );
                assert_eq!(durable.last().get() + 1, durable.first().get() + contents.len() as u64);
                let mut head = before;
                for content in contents {
                    let link = head.seal(self.clock.now(), Masked::for_test(&content).checksum());
                    self.known.push(Some((content, link.hash)));
                }
                assert_eq!(&head, log.head());
                self.told.acknowledged += durable.last().get() - durable.first().get() + 1;
            }
            Err(_) => {
                assert_eq!(&before, log.head(), "a refused group leaves nothing in the chain");
                self.told.refused += 1;
            }
        }
    }

    /// The legs take what is synced, confirm it, and give back what is closed.
    fn deliver(&mut self, log: &Log) {
        let shelf = Arc::clone(log.shelf());
        let files = shelf.progress().borrow().files.clone();
        for file in &files {
            let Ok(mut reader) = Reader::open(&self.disk, &shelf.path(file.first)) else { return };
            self.told.reused += u64::from(reader.header().reused);
            loop {
                match reader.next(file.synced) {
                    Ok(Some(stored)) => {
                        let sequence = stored.link.sequence.get() as usize;
                        self.agrees(stored.link.sequence, stored.content, stored.link.hash);
                        if sequence == self.delivered.len() {
                            self.delivered.push(stored.link.hash);
                        }
                    }
                    Ok(None) => break,
                    Err(reader::Error::Io { .. }) => return,
                    Err(error) => panic!("{error}"),
                }
            }
            let last = Sequence::new(file.first.get() + file.records - 1);
            for leg in Leg::ALL {
                shelf.legs().confirm(leg, last, file.last_hash);
            }
            if self.random.one_in(2) && shelf.release(file.first).is_ok() {
                self.told.released += 1;
            }
        }
    }

    fn agrees(&self, sequence: Sequence, content: &str, hash: Hash) {
        let at = sequence.get() as usize;
        if let Some(Some((known, known_hash))) = self.known.get(at) {
            assert!(known == content && *known_hash == hash, "record {sequence} is another than was acknowledged");
        }
        if let Some(delivered) = self.delivered.get(at) {
            assert_eq!(*delivered, hash, "record {sequence} is another than was delivered");
        }
    }

    /// Reads all that is held, as a chain, from where the legs can go on.
    fn check(&self, log: &Log) {
        let shelf = log.shelf();
        let files = shelf.progress().borrow().files.clone();
        let mut head: Option<Head> = None;
        for file in &files {
            let mut reader = Reader::open(&self.disk, &shelf.path(file.first)).unwrap();
            let mut follow = head.unwrap_or_else(|| {
                assert!(file.first.get() <= self.delivered.len() as u64, "a record is neither here nor delivered");
                reader.head().clone()
            });
            assert_eq!(&follow, reader.head(), "files follow each other");
            while let Some(stored) = reader.next(file.synced).unwrap() {
                follow.follow(&stored.link, stored.content).unwrap();
                self.agrees(stored.link.sequence, stored.content, stored.link.hash);
            }
            assert_eq!(follow.hash(), file.last_hash);
            head = Some(follow);
        }
        match head {
            Some(head) => assert_eq!(&head, log.head()),
            None => assert!(log.head().next().get() <= self.delivered.len() as u64),
        }
    }

    /// A bit that changes where records were acknowledged (or in a header) is never gone on from.
    fn rot(&mut self) {
        let Some(mut log) = self.start() else { panic!("the disk does its work") };
        self.append(&mut log);
        log.mark().unwrap();
        let shelf = Arc::clone(log.shelf());
        let files = shelf.progress().borrow().files.clone();
        drop(log);
        let file = files[self.random.below(files.len() as u64) as usize];
        let path = shelf.path(file.first);
        // The mark at the end proves all but itself.
        let at = self.random.below(file.synced - 16);
        self.disk.flip_bit(&path, at, self.random.below(8) as u8);
        let again = open(Arc::new(self.disk.clone()), Path::new(DIR), &chain());
        let error =
            again.err().unwrap_or_else(|| panic!("byte {at} of {} is rotten, and no one saw it", path.display()));
        assert!(error.to_string().contains(&format!("{:020}.wal", file.first.get())), "{error}");
        self.told.rotten += 1;
    }
}

fn fresh(disk: &SimDisk) -> Result<Log, Error> {
    open(Arc::new(disk.clone()), Path::new(DIR), &chain())?.resume(&config(), [0; 32], genesis)
}

fn append(log: &mut Log, observed: UnixNanos, numbers: std::ops::Range<u64>) -> Durable {
    let mut batch: Batch = numbers.map(|number| Masked::for_test(&text(number))).collect();
    log.append(observed, Duration::ZERO, &mut [&mut batch]).unwrap()
}

const NOON: UnixNanos = UnixNanos(1_700_049_600_000_000_000);

/// What the start asks the log for, to hold against what a leg says: the hash of any record that is held, and of the one
/// before the first that is.
#[test]
fn the_hash_of_every_held_record_is_found() {
    let disk = SimDisk::new(1);
    let mut log = fresh(&disk).unwrap();
    let mut hashes = Vec::new();
    for number in 0..5 {
        if number == 3 {
            log.rotate().unwrap();
        }
        append(&mut log, NOON, number..number + 1);
        hashes.push(log.head().hash());
    }
    let shelf = Arc::clone(log.shelf());
    Leg::ALL.into_iter().for_each(|leg| shelf.legs().confirm(leg, Sequence::new(2), hashes[2]));
    shelf.release(Sequence::ZERO).unwrap();
    drop(log);

    let recovered = open(Arc::new(disk), Path::new(DIR), &chain()).unwrap();
    let found: Vec<_> = (0..6).map(|sequence| recovered.find(Sequence::new(sequence)).unwrap()).collect();
    assert_eq!(found, [None, None, Some(hashes[2]), Some(hashes[3]), Some(hashes[4]), None]);
}

#[test]
fn only_its_own_chain_and_version_are_opened_and_only_once() {
    let disk = SimDisk::new(2);
    let log = fresh(&disk).unwrap();
    assert!(matches!(fresh(&disk), Err(Error::Locked { .. })));
    drop(log);
    let other = open(Arc::new(disk.clone()), Path::new(DIR), &"other".parse().unwrap());
    assert!(matches!(other, Err(Error::OtherChain { .. })));
    let path = shelf::path(Path::new(DIR), Sequence::ZERO);
    disk.flip_bit(&path, 8, 1);
    let error = fresh(&disk).err().unwrap();
    assert!(matches!(error, Error::File { error: reader::Error::Version { found: 3, .. } }), "{error}");
}

/// A segment never holds two days, by the records' time and not by a timer's.
#[test]
fn midnight_closes_a_file() {
    const HOUR: u64 = 3_600_000_000_000;
    let mut log = fresh(&SimDisk::new(3)).unwrap();
    append(&mut log, NOON, 0..2);
    append(&mut log, UnixNanos(NOON.0 + 11 * HOUR), 2..3);
    append(&mut log, UnixNanos(NOON.0 + 13 * HOUR), 3..4);
    // The clock went back over midnight; the chain's time does not, and so neither does its day.
    append(&mut log, NOON, 4..5);
    let files = log.shelf().progress().borrow().files.clone();
    assert_eq!(files.iter().map(|file| (file.first.get(), file.records)).collect::<Vec<_>>(), [(0, 3), (3, 2)]);
    assert_eq!(files.iter().map(|file| file.closed).collect::<Vec<_>>(), [true, false]);
}

/// A file is given back once both legs have it, oldest first, and never the last one.
#[test]
fn a_file_is_released_only_when_both_legs_have_it() {
    let disk = SimDisk::new(4);
    let mut log = fresh(&disk).unwrap();
    append(&mut log, NOON, 0..2);
    let shelf = Arc::clone(log.shelf());
    let (first, second) = (Sequence::ZERO, Sequence::new(2));
    assert!(matches!(shelf.release(first), Err(ReleaseError::Last { .. })));
    log.rotate().unwrap();
    append(&mut log, NOON, 2..4);
    let hash = log.head().hash();
    shelf.legs().confirm(Leg::Stream, Sequence::new(3), hash);
    assert!(matches!(shelf.release(first), Err(ReleaseError::Unconfirmed { leg: Leg::Archive, .. })));
    shelf.legs().confirm(Leg::Archive, Sequence::new(3), hash);
    assert!(matches!(shelf.release(second), Err(ReleaseError::Order { .. })));
    shelf.release(first).unwrap();
    assert!(matches!(shelf.release(second), Err(ReleaseError::Last { .. })));
    assert!(disk.open(&shelf.path(first)).is_err());
}

/// The file that both legs have is the next one's space: nothing of it is taken for the new one's, and nothing is said to be cut off
/// when the run ends without a stop. Where the disk is full its space is given back.
#[test]
fn a_released_file_is_written_again() {
    let disk = SimDisk::new(5);
    let mut log = fresh(&disk).unwrap();
    let shelf = Arc::clone(log.shelf());
    append(&mut log, NOON, 0..20);
    log.rotate().unwrap();
    append(&mut log, NOON, 20..22);
    let hash = log.head().hash();
    Leg::ALL.into_iter().for_each(|leg| shelf.legs().confirm(leg, Sequence::new(21), hash));
    shelf.release(Sequence::ZERO).unwrap();
    log.rotate().unwrap();
    append(&mut log, NOON, 22..24);
    let third = shelf.path(Sequence::new(22));
    let length = disk.open(&third).unwrap().len().unwrap();
    let synced = shelf.progress().borrow().files.last().unwrap().synced;
    assert!(length > 2 * synced, "{length} bytes, of which {synced} are its own");
    assert!(disk.list(Path::new(DIR)).unwrap().iter().all(|name| !name.ends_with(".new")));

    shelf.release(Sequence::new(20)).unwrap();
    assert_eq!(disk.list(Path::new(DIR)).unwrap().iter().filter(|name| name.ends_with(".new")).count(), 1);
    assert!(log.forget_reusable().unwrap() && !log.forget_reusable().unwrap());
    assert!(disk.list(Path::new(DIR)).unwrap().iter().all(|name| !name.ends_with(".new")));
    drop(log);
    disk.kill();

    let recovered = open(Arc::new(disk.clone()), Path::new(DIR), &chain()).unwrap();
    assert_eq!((recovered.cut(), recovered.head().unwrap().next().get()), (None, 24));
    let mut log = recovered.resume(&config(), [0; 32], genesis).unwrap();
    append(&mut log, NOON, 24..25);
    let files = log.shelf().progress().borrow().files.clone();
    assert_eq!(files.iter().map(|file| (file.first.get(), file.records)).collect::<Vec<_>>(), [(22, 2), (24, 1)]);
}
