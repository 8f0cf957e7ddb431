//! Promise 3 under a seed: the real log on a simulated disk, the real legs' loops, and targets that are slow, absent, that
//! answer too late or not at all, that take what they say they refused, and a machine that stops at any call.
//!
//! Time is tokio's paused clock and all runs on one thread, so a seed replays: `SEALTRAIL_SEED=17`; `SEALTRAIL_SEEDS=10000`
//! runs more. At the end everything works again, and then: each acknowledged record stands in both legs once and in order,
//! every checkpoint is the chain's own, and the log is released but for its last file.

mod targets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sealtrail_chain::checkpoint::Checkpoint;
use sealtrail_chain::{Hash, Head, Sequence, UnixNanos};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::config;
use crate::deliver::fakes::{SegmentOnly, content, genesis, keys};
use crate::deliver::{Attach, Halt, Held, Known, Parts, Store, compare, tasks};
use crate::host::sim::{Faults, Random, SimClock, SimDisk};
use crate::host::{Aside, Clock, Disk};
use crate::mask::Masked;
use crate::stream::{End, Tail as StreamTail};
use crate::wal::{self, Config, Leg, Log, Segment as Rotation};

use targets::Targets;

const WAL: &str = "/wal";

#[test]
fn both_legs_hold_what_was_acknowledged_whatever_dies() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = match number("SEALTRAIL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEALTRAIL_SEEDS").unwrap_or(1_000),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let told = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..cores)
            .map(|part| {
                let seeds = seeds.clone().filter(move |seed| seed % cores == part);
                scope.spawn(move || seeds.map(simulate).fold(Told::default(), Told::add))
            })
            .collect();
        parts.into_iter().map(|part| part.join().expect("all seeds hold")).fold(Told::default(), Told::add)
    });
    eprintln!("{told:?}");
    // A run in which nothing went wrong would prove nothing.
    assert!(told.crashes > 0 && told.acknowledged > 0, "{told:?}");
    assert!(seeds.count() < 100 || (told.lost_answers > 0 && told.failed_calls > 0 && told.released > 0), "{told:?}");
}

fn simulate(seed: u64) -> Told {
    let run = std::panic::catch_unwind(|| World::new(seed).run());
    run.unwrap_or_else(|_| panic!("failed: run again with SEALTRAIL_SEED={seed}"))
}

/// What the runs went through.
#[derive(Debug, Default)]
struct Told {
    acknowledged: u64,
    refused: u64,
    crashes: u64,
    failed_calls: u64,
    /// Calls that took effect and said that they failed, or that the crash cut off behind their effect.
    lost_answers: u64,
    released: u64,
}

impl Told {
    fn add(self, other: Self) -> Self {
        Self {
            acknowledged: self.acknowledged + other.acknowledged,
            refused: self.refused + other.refused,
            crashes: self.crashes + other.crashes,
            failed_calls: self.failed_calls + other.failed_calls,
            lost_answers: self.lost_answers + other.lost_answers,
            released: self.released + other.released,
        }
    }
}

/// What outlives a crash, and what is known of it.
struct World {
    random: Random,
    disk: SimDisk,
    clock: Arc<SimClock>,
    targets: Targets,
    /// Hash of every acknowledged record by its sequence; `None`: one that was never acknowledged, but is there.
    known: Vec<Option<Hash>>,
    made: u64,
    told: Told,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let disk = SimDisk::new(random.draw());
        let targets = Targets::new(random.draw());
        let clock = Arc::new(SimClock::new(UnixNanos(1_700_000_000_000_000_000)));
        Self { random, disk, clock, targets, known: Vec::new(), made: 0, told: Told::default() }
    }

    fn run(mut self) -> Told {
        for _ in 0..1 + self.random.below(4) {
            if self.random.one_in(2) {
                self.disk.stop_after(20 + self.random.below(400));
            }
            let rate = |random: &mut Random| if random.one_in(2) { 0 } else { 8 + random.below(60) };
            let (write, sync, names) = (rate(&mut self.random), rate(&mut self.random), rate(&mut self.random));
            self.disk.set_faults(Faults { write, sync, names });
            self.targets.lock().trouble = if self.random.one_in(4) { 0 } else { 1 + self.random.below(4) };
            self.live(false);
            self.told.crashes += 1;
            if self.random.one_in(3) { self.disk.kill() } else { self.disk.power_failure() }
        }
        self.disk.set_faults(Faults::default());
        self.targets.lock().trouble = 0;
        self.live(true);
        self.check();
        let targets = self.targets.lock();
        Told { failed_calls: targets.failed, lost_answers: targets.unheard, ..self.told }
    }

    /// One process, from its start to its end: by order, or by the machine's.
    fn live(&mut self, ordered: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (mut log, legs) = match self.start() {
                Ok(started) => started,
                Err(error) if ordered => panic!("with all at work, a start succeeds: {error}"),
                Err(_) => return,
            };
            for _ in 0..self.random.below(25) {
                self.step(&mut log).await;
                legs.assert_alive();
            }
            if ordered {
                self.append(&mut log);
                log.finish();
                tokio::time::timeout(Duration::from_secs(600), legs.end()).await.expect("the legs come to their end");
            }
        });
    }

    /// As the collector does: judge, take over, judge again, go on. An error is the disk's.
    fn start(&mut self) -> Result<(Log, Legs), Box<dyn std::error::Error>> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let recovered = match wal::open(Arc::clone(&disk), Path::new(WAL), &keys().chain) {
            Ok(recovered) => recovered,
            Err(error @ (wal::Error::Io { .. } | wal::Error::File { error: wal::reader::Error::Io { .. } })) => {
                return Err(error.into());
            }
            Err(error) => panic!("refused: {error}"),
        };
        let checkpoints = Store::open(Arc::clone(&disk), Path::new(WAL).join("checkpoints"), keys())?;
        let signed = checkpoints.newest()?.map_or(0, |(size, _)| size);
        let next = recovered.head().map_or(Sequence::ZERO, Head::next);
        let oldest = recovered.files().first().map_or(next, |file| file.first);
        let end = |leg| recovered.legs().confirmed(leg).map(|known| End { last: known.last, hash: known.hash });
        let known = Known { confirmed: end(Leg::Stream), signed, oldest, next };
        let stream_end = self.targets.lock().end();
        let hash = match stream_end {
            Some(end) => recovered.find(end.last)?,
            None => None,
        };
        let resume = compare(StreamTail::settled(stream_end).reach, &known, |_| hash);
        let resume = resume.unwrap_or_else(|refusal| panic!("refused: {refusal}"));
        // A stream that doesn't answer at the start is taken over when it does.
        let attach = if self.random.one_in(3) && known.confirmed.is_some() {
            Attach::Later { confirmed: known.confirmed }
        } else {
            Attach::Done(resume)
        };
        let archived = end(Leg::Archive);
        let rotation = Rotation { max_mib: 1, max_age: config::Duration::from_secs(30) };
        let config = Config { segment: rotation, ..Config::default() };
        let log = recovered.resume(&config, [0; 32], || genesis().1)?;
        self.adopt(log.head());
        let parts = Parts {
            wal: Arc::new(Held::new(Arc::clone(&disk), Arc::clone(log.shelf()), wal::Fence::default())),
            progress: log.shelf().progress(),
            stream: self.targets.clone(),
            attach,
            doubt: Duration::from_secs(5),
            window: Duration::from_millis(if self.random.one_in(2) { 100 } else { 0 }),
            archive: self.targets.clone(),
            archived,
            build: SegmentOnly,
            checkpoints,
            checkpoint_interval: Duration::from_secs(1 + self.random.below(20)),
            clock: self.clock.clone(),
            disk,
            halt: Halt::default(),
            aside: Aside::Here,
            scratch: PathBuf::from("/scratch"),
            report: Arc::new(|_| {}),
        };
        let (stream, archive) = tasks(parts)?;
        Ok((log, Legs([tokio::spawn(stream.run()), tokio::spawn(archive.run())])))
    }

    /// Records that were written but not acknowledged may be there: from now on they are part of the chain.
    fn adopt(&mut self, head: &Head) {
        let next = head.next().get() as usize;
        assert!(self.known.len() <= next, "{} records were acknowledged, {next} are there", self.known.len());
        self.known.resize(next, None);
    }

    async fn step(&mut self, log: &mut Log) {
        match self.random.below(10) {
            0 => drop(log.rotate()),
            1 => drop(log.mark()),
            2 => drop(log.make_writable()),
            3 => drop(log.shelf().legs().persist()),
            4 | 5 => {}
            _ => self.append(log),
        }
        let longest = if self.random.one_in(4) { 60_000 } else { 400 };
        let wait = Duration::from_millis(self.random.below(longest));
        self.clock.advance(wait);
        sleep(wait).await;
        if log.is_due(self.clock.monotonic()) {
            drop(log.rotate());
        }
    }

    fn append(&mut self, log: &mut Log) {
        let mut head = log.head().clone();
        let observed = self.clock.now();
        let texts: Vec<String> = (0..1 + self.random.below(6))
            .map(|more| match head.next().get() + more {
                0 => content("sealtrail.genesis", &genesis().0),
                _ => content("n", &(self.made + more).to_string()),
            })
            .collect();
        self.made += texts.len() as u64;
        let mut batch: wal::Batch = texts.iter().map(|text| Masked::for_test(text)).collect();
        match log.append(observed, self.clock.monotonic(), &mut [&mut batch]) {
            Ok(_) => {
                let seal = |text: &String| Some(head.seal(observed, Masked::for_test(text).checksum()).hash);
                self.known.extend(texts.iter().map(seal));
                assert_eq!(&head, log.head());
                self.told.acknowledged += texts.len() as u64;
            }
            Err(_) => self.told.refused += 1,
        }
    }

    /// Everything works again and has come to its end: nothing is missing, doubled, or out of order.
    fn check(&mut self) {
        let targets = self.targets.lock();
        assert_eq!(targets.stream.len(), self.known.len(), "the stream holds all");
        let mut head = genesis().1;
        let mut roots = BTreeMap::from([(0, head.root())]);
        for ((link, text), known) in targets.stream.iter().zip(&self.known) {
            head.follow(link, text).expect("the stream is one chain");
            assert!(known.is_none_or(|hash| hash == link.hash), "record {} is not as acknowledged", link.sequence);
            roots.insert(head.next().get(), head.root());
        }
        let mut next = Sequence::ZERO;
        for links in targets.objects.values() {
            assert_eq!(links.first, next, "the archive has no gap and no overlap");
            assert_eq!(links.after, targets.stream[links.last.get() as usize].0.hash, "the legs agree");
            next = links.last.next();
        }
        assert_eq!(next.get() as usize, self.known.len(), "the archive holds all");
        let notes = targets.notes.iter().filter(|(key, _)| key.ends_with(".checkpoint"));
        let notes = notes.map(|(_, note)| std::str::from_utf8(note).expect("a note"));
        let mut newest = 0;
        for note in targets.checkpoints.iter().map(String::as_str).chain(notes) {
            let (signed, _) = Checkpoint::verify(note, &[keys().pair.ed25519.vkey().clone()]).expect("our own");
            let checkpoint = signed.statement();
            assert_eq!(roots.get(&checkpoint.size), Some(&checkpoint.root), "a checkpoint is the chain's own");
            newest = newest.max(checkpoint.size);
        }
        assert_eq!(newest as usize, self.known.len(), "the last checkpoint covers all");
        let files = self.disk.list(Path::new(WAL)).expect("the disk works");
        let held = files.iter().filter(|name| name.ends_with(".wal")).count();
        self.told.released = targets.objects.len().saturating_sub(held) as u64;
        assert!(held <= 2, "what both legs hold is released: {files:?}");
    }
}

/// Both legs' tasks.
struct Legs([JoinHandle<()>; 2]);

impl Legs {
    /// While targets fail in passing only, no leg ever gives up.
    fn assert_alive(&self) {
        assert!(self.0.iter().all(|leg| !leg.is_finished()), "a leg has stopped for good");
    }

    async fn end(self) {
        for leg in self.0 {
            leg.await.expect("a leg does not panic");
        }
    }
}
