use std::future::Future as _;
use std::iter;
use std::path::Path;
use std::sync::mpsc;

use sealtrail_chain::{CompactRange, Hash, Head};
use tokio::sync::{Semaphore, oneshot};

use super::*;
use crate::host::Disk;
use crate::host::sim::{Faults, SimClock, SimDisk};
use crate::wal::reader::Reader;
use crate::wal::shelf::Shelf;
use crate::wal::{Config, Confirmed, Error, Intake, Leg, Segment, open, start};

const NOON: u64 = 1_700_049_600_000_000_000;

/// A writer on a simulated machine, driven by hand.
struct Bench {
    disk: SimDisk,
    clock: Arc<SimClock>,
    reporter: Reporter,
}

fn masked(text: &str) -> Masked {
    Masked::for_test(&format!(
        "{{\"logRecord\":{{\"body\":{{\"stringValue\":\"{text}\"}}}},\"received\":{{\"auth\":\"none\",\"by\":\"sender\"}}}}"
    ))
}

fn batch(text: &str) -> Batch {
    iter::once(masked(text)).collect()
}

/// An own record is told by its event's name and reason.
fn stand_in() -> Write {
    Box::new(|entry, _| {
        let reason = entry.event.reason.as_deref().unwrap_or_default();
        Ok(masked(&format!(
            "{} {reason}{}",
            entry.event.kind.event_name(),
            entry.note.as_ref().map_or("", |(_, note)| note)
        )))
    })
}

fn options() -> Options {
    Options {
        config: Config { max_size_mib: 18, segment: Segment { max_mib: 1, ..Segment::default() } },
        accept_clock: false,
        alive_interval: Duration::from_secs(300),
        started: Event::new(Kind::Started),
        genesis: Some("genesis".into()),
        cut: None,
        continued: None,
        rotated: None,
    }
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(SimClock::new(UnixNanos(NOON)));
        Self { disk: SimDisk::new(1), reporter: Reporter::new(clock.clone()), clock }
    }

    fn log(&self) -> Log {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let chain: sealtrail_chain::ChainName = "test".parse().unwrap();
        let genesis =
            || Head::resume(chain.clone(), Sequence::ZERO, UnixNanos(0), Hash([7; 32]), CompactRange::empty(0));
        open(disk, Path::new("/wal"), &chain).unwrap().resume(&options().config, [0; 32], genesis).unwrap()
    }

    fn writer(&self) -> Writer {
        let (gate, fence) = (Arc::default(), Fence::default());
        let mut writer =
            Writer::new(self.log(), self.clock.clone(), self.reporter.clone(), stand_in(), &options(), gate, fence);
        writer.begin(options()).unwrap();
        writer
    }

    /// Commits one request of one record; its answer.
    fn submit(&self, writer: &mut Writer, text: &str) -> Result<Durable, Refused> {
        let records = batch(text);
        let bytes = records.bytes();
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (reply, mut answer) = oneshot::channel();
        let rules = writer.rules;
        writer.commit(vec![Submission { records, rules, reply, _room: room, _held: Box::new(()) }], bytes, rules);
        answer.try_recv().expect("every submission is answered")
    }

    fn wait(&self, writer: &mut Writer, time: Duration) {
        self.clock.advance(time);
        writer.tick();
    }

    /// What each held record says, in order.
    fn bodies(&self, shelf: &Shelf) -> Vec<String> {
        let files = shelf.progress().borrow().files.clone();
        let mut bodies = Vec::new();
        for file in files {
            let mut reader = Reader::open(&self.disk, &shelf.path(file.first)).unwrap();
            while let Some(stored) = reader.next(file.synced).unwrap() {
                let (_, body) = stored.content.split_once("stringValue\":\"").unwrap();
                bodies.push(body.split_once('"').unwrap().0.to_owned());
            }
        }
        bodies
    }
}

/// Promise 4: a disk that fails costs no acknowledged record, and is gone on with as soon as it works, without a restart;
/// the time between is sealed.
#[test]
fn a_failing_disk_refuses_and_comes_back() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    bench.submit(&mut writer, "before").unwrap();
    bench.disk.set_faults(Faults { sync: 1, ..Faults::default() });
    assert_eq!(bench.submit(&mut writer, "lost"), Err(Refused::Disk));
    bench.wait(&mut writer, Duration::from_secs(5));
    assert_eq!(writer.gate.state(), Err(Refused::Disk));
    bench.disk.set_faults(Faults::default());
    bench.wait(&mut writer, Duration::from_secs(5));
    assert_eq!(writer.gate.state(), Ok(()));
    bench.submit(&mut writer, "after").unwrap();

    let refusing = format!("sealtrail.refusing {}", Refused::Disk);
    let bodies = bench.bodies(writer.log.shelf());
    assert_eq!(bodies, ["sealtrail.started genesis", "before", &refusing, "sealtrail.accepting ", "after"]);
}

/// Held files have a limit; below it the collector's own records still find room, and released files make room again.
#[test]
fn a_full_log_refuses_senders_until_files_are_released() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    let large = "x".repeat(300_000);
    let taken = (0..100).take_while(|_| bench.submit(&mut writer, &large).is_ok()).count();
    assert!((5..10).contains(&taken), "2 MiB are for senders, {taken} records were taken");
    assert_eq!(writer.gate.state(), Err(Refused::Full));
    bench.wait(&mut writer, Duration::from_secs(1));
    let shelf = Arc::clone(writer.log.shelf());
    assert!(bench.bodies(&shelf).contains(&format!("sealtrail.refusing {}", Refused::Full)));

    let Confirmed { last, hash } =
        Confirmed { last: Sequence::new(writer.log.head().next().get() - 1), hash: writer.log.head().hash() };
    Leg::ALL.into_iter().for_each(|leg| shelf.legs().confirm(leg, last, hash));
    let files = shelf.progress().borrow().files.clone();
    files.iter().filter(|file| file.closed).for_each(|file| shelf.release(file.first).unwrap());
    bench.wait(&mut writer, Duration::from_secs(1));
    bench.submit(&mut writer, "again").unwrap();
}

/// A disk without space is full too, though the limit is not reached.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    bench.disk.set_capacity(RESERVE);
    assert_eq!(bench.submit(&mut writer, "refused"), Err(Refused::Full));
    // Room for this one record is not enough to open again: the next one would find the disk full.
    bench.disk.set_capacity(2 * RESERVE + 200_000);
    bench.wait(&mut writer, Duration::from_secs(1));
    assert_eq!(bench.submit(&mut writer, "too early"), Err(Refused::Full));
    bench.disk.set_capacity(u64::MAX);
    bench.wait(&mut writer, Duration::from_secs(1));
    bench.submit(&mut writer, "taken").unwrap();
}

#[test]
fn a_clock_that_leaps_ahead_stops_the_intake_until_it_is_back() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    bench.clock.step_to(UnixNanos(NOON + 3_600_000_000_000));
    assert_eq!(bench.submit(&mut writer, "in an hour"), Err(Refused::Clock));
    assert!(writer.log.head().observed().0 < NOON + 1_000_000_000, "nothing is sealed at a time that is not believed");
    bench.clock.step_to(UnixNanos(NOON + 1_000_000));
    bench.wait(&mut writer, Duration::from_secs(1));
    bench.submit(&mut writer, "now").unwrap();

    bench.clock.step_to(UnixNanos(NOON + 32 * 86_400_000_000_000));
    drop(writer);
    let start = start(bench.log(), bench.clock.clone(), bench.reporter.clone(), stand_in(), options());
    let error = start.err().expect("more than 30 days after the last record").to_string();
    assert!(error.contains("31 days") && error.contains("--accept-clock"), "{error}");
}

/// An idle chain lives: it says so, and what is quiet ends in a mark that the next start can rely on.
#[test]
fn an_idle_chain_says_that_it_lives() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    for _ in 0..10 {
        bench.wait(&mut writer, Duration::from_secs(60));
    }
    let alive = bench.bodies(writer.log.shelf()).iter().filter(|body| body.starts_with("sealtrail.alive")).count();
    assert_eq!(alive, 2);
}

/// Requests from many tasks: each gets its own run of sequences, none is lost, and the stop seals the last record.
#[test]
fn many_senders_share_the_log() {
    let bench = Bench::new();
    let running = start(bench.log(), bench.clock.clone(), bench.reporter.clone(), stand_in(), options()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let intake = running.intake.clone();
    let answers: Vec<Durable> = runtime.block_on(async {
        let tasks: Vec<_> = (0..200)
            .map(|task| {
                let intake = intake.clone();
                let records = (0..1 + task % 3).map(|record| masked(&format!("{task} {record}"))).collect();
                tokio::spawn(async move { intake.submit(records, [0; 32], ()).await.unwrap() })
            })
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    });
    let shelf = Arc::clone(&running.shelf);
    running.stop();
    assert_eq!(runtime.block_on(intake.submit(batch("late"), [0; 32], ())), Err(Refused::Stopping));

    let bodies = bench.bodies(&shelf);
    for (task, durable) in answers.iter().enumerate() {
        let expected: Vec<_> = (0..1 + task % 3).map(|record| format!("{task} {record}")).collect();
        assert_eq!(bodies[durable.first().get() as usize..=durable.last().get() as usize], expected);
    }
    let sent: usize = (0..answers.len()).map(|task| 1 + task % 3).sum();
    assert_eq!(bodies.len(), sent + 2, "with `started` and `stopped`");
    assert_eq!(bodies.last().unwrap().trim(), "sealtrail.stopped");
    let progress = shelf.progress().borrow().clone();
    assert!(progress.finished && progress.files.iter().all(|file| file.closed));
}

/// A start long after the head may be one under a wrong clock: it is refused until a person vouches for it.
#[test]
fn a_start_long_after_the_head_needs_a_word() {
    let bench = Bench::new();
    drop(bench.writer());
    let start = |accept_clock| {
        let options = Options { accept_clock, ..options() };
        start(bench.log(), bench.clock.clone(), bench.reporter.clone(), stand_in(), options)
    };
    bench.clock.advance(Duration::from_secs(31 * 86_400));
    assert!(matches!(start(false), Err(Error::Clock { days: 31 })));
    start(true).expect("the clock is vouched for").stop();
}

/// Rules never change within a segment: a request that was masked under the old ones and comes late, or early under the new
/// ones, lies in a file that says so.
#[test]
fn every_record_lies_under_the_rules_that_masked_it() {
    let bench = Bench::new();
    let (old, new) = ([0; 32], [1; 32]);
    let running = start(bench.log(), bench.clock.clone(), bench.reporter.clone(), stand_in(), options()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let submit = |text: &str, rules| {
        runtime.block_on(running.intake.submit(batch(text), rules, ())).unwrap();
    };
    submit("before", old);
    submit("ahead of the word", new);
    running.rules_changed(new, Event::new(Kind::RulesChanged), stand_in());
    submit("late", old);
    submit("after", new);
    let shelf = Arc::clone(&running.shelf);
    running.stop();

    let mut found = Vec::new();
    for file in &shelf.progress().borrow().files {
        let mut reader = Reader::open(&bench.disk, &shelf.path(file.first)).unwrap();
        let rules = reader.header().rules;
        while let Some(stored) = reader.next(file.synced).unwrap() {
            let (_, body) = stored.content.split_once("stringValue\":\"").unwrap();
            found.push((body.split_once('"').unwrap().0.trim().to_owned(), rules));
        }
    }
    let found: Vec<_> = found.iter().map(|(body, rules)| (body.as_str(), *rules)).collect();
    let expected = [
        ("sealtrail.started genesis", old),
        ("before", old),
        ("ahead of the word", new),
        ("sealtrail.rules.changed", new),
        ("late", old),
        ("after", new),
        ("sealtrail.stopped", new),
    ];
    assert_eq!(found, expected);
}

/// Promise 4, "memory stays bounded": a sender that has hung up still counts until its records have left memory.
#[test]
fn what_a_submission_holds_is_let_go_with_its_records() {
    let (inbox, messages) = mpsc::channel();
    let intake = Intake::new(inbox, Arc::default());
    let held = Arc::new(());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut waiting = std::pin::pin!(intake.submit(batch("x"), [0; 32], Arc::clone(&held)));
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(waiting.as_mut().poll(context))).await;
        assert!(polled.is_pending());
    });
    assert_eq!(Arc::strong_count(&held), 2, "the sender is gone, the records are not");
    drop(messages.recv().unwrap());
    assert_eq!(Arc::strong_count(&held), 1);
}
