mod simulation;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealtrail_chain::checkpoint::Checkpoint;
use sealtrail_chain::segment::Ranges;
use sealtrail_chain::{CompactRange, Sequence};

use super::fakes::{
    ArchiveState, Fault, FixedClock, MemoryArchive, MemoryLog, MemoryStream, SegmentOnly, TestDisk, genesis, keys,
};
use super::{Attach, Halt, Handle, Left, Parts, Resume, Store, start};
use crate::host::Aside;
use crate::seal::own::{Event, Kind};
use crate::wal::Leg;

/// A collector's log and legs, which outlive one run of delivery.
struct Bench {
    dir: tempfile::TempDir,
    log: Arc<MemoryLog>,
    stream: MemoryStream,
    archive: MemoryArchive,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            log: MemoryLog::new(),
            stream: MemoryStream::default(),
            archive: MemoryArchive::default(),
            events: Arc::default(),
        }
    }

    fn store(&self) -> Store {
        Store::open(Arc::new(TestDisk::default()), self.dir.path().join("checkpoints"), keys()).unwrap()
    }

    fn start(&self) -> Handle {
        let end = self.stream.state.lock().unwrap().end();
        let next = end.map_or(Sequence::ZERO, |end| end.last.next());
        self.start_with(Attach::Done(Resume { next, end }))
    }

    fn start_with(&self, attach: Attach) -> Handle {
        let events = self.events.clone();
        start(Parts {
            wal: self.log.clone(),
            progress: self.log.progress.subscribe(),
            stream: self.stream.clone(),
            attach,
            doubt: Duration::from_millis(1),
            window: Duration::from_millis(100),
            archive: self.archive.clone(),
            archived: None,
            build: SegmentOnly,
            checkpoints: self.store(),
            checkpoint_interval: Duration::from_millis(1),
            clock: Arc::new(FixedClock),
            disk: Arc::new(TestDisk::default()),
            halt: Halt::default(),
            aside: Aside::Thread,
            scratch: self.dir.path().to_owned(),
            report: Arc::new(move |event| events.lock().unwrap().push(event)),
        })
        .unwrap()
    }

    /// Ends a run as a stop does.
    async fn stop(&self, handle: Handle) -> Vec<Left> {
        self.log.finish();
        handle.stop(Duration::from_secs(30)).await
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..3000 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited for half a minute");
    }

    /// Promise 3, of the stream: all records once, in order, under checkpoints that don't contradict each other.
    fn check_stream(&self, records: u64) {
        let state = self.stream.state.lock().unwrap();
        let mut head = genesis().1;
        let mut roots = Vec::new();
        for link in &state.records {
            head.follow_link(link).unwrap();
            roots.push(head.root());
        }
        assert_eq!(head.next().get(), records);
        let mut before = 0;
        for (size, note) in &state.checkpoints {
            let (signed, signatures) = Checkpoint::verify(note, &[keys().pair.ed25519.vkey().clone()]).unwrap();
            assert_eq!(signatures.held.len(), 1);
            assert_eq!(signed.statement().root, roots[*size as usize - 1], "size {size}");
            assert!(*size >= before, "sizes never shrink");
            before = *size;
        }
        assert_eq!(before, records, "the last checkpoint covers all");
    }

    /// Promise 3, of the archive: segments that join without a gap, and the ranges between checkpoints.
    fn check_archive(&self, records: u64) {
        let state = self.archive.state.lock().unwrap();
        let mut next = 0;
        for links in state.objects.values() {
            assert_eq!(links.first.get(), next);
            next = links.last.get() + 1;
        }
        assert_eq!(next, records);
        assert_eq!(state.order[0], "audit-genesis/test.note");
        assert_eq!(state.notes["audit-genesis/test.note"], genesis().0.as_bytes());
        self.check_checkpoints(&state, records);
    }

    fn check_checkpoints(&self, state: &ArchiveState, records: u64) {
        let mut joined = CompactRange::empty(0);
        for (key, note) in state.notes.iter().filter(|(key, _)| key.ends_with(".checkpoint")) {
            let both = [keys().pair.ed25519.vkey().clone(), keys().pair.ml_dsa_44.vkey().clone()];
            let (signed, signatures) = Checkpoint::verify(std::str::from_utf8(note).unwrap(), &both).unwrap();
            assert_eq!(signatures.held.len(), 2);
            let size = signed.statement().size;
            let ranges = &state.notes[&key.replace(".checkpoint", ".range")];
            let ranges = Ranges::from_text(size, std::str::from_utf8(ranges).unwrap()).unwrap();
            joined.join(&ranges.since).unwrap();
            assert_eq!(joined, ranges.whole);
            assert_eq!(joined.root(), signed.statement().root);
            let end = |links: &&crate::archive::Links| links.last.get() + 1 == size;
            let segment = state.objects.iter().find(|(_, links)| end(links)).unwrap().0;
            let place = |key: &str| state.order.iter().position(|found| found == key);
            assert!(place(segment) < place(key), "a checkpoint never covers what the archive doesn't hold");
        }
        assert_eq!(joined.end(), records);
    }
}

#[tokio::test]
async fn all_records_reach_both_legs_and_files_are_released_in_order() {
    let bench = Bench::new();
    let handle = bench.start();
    bench.log.add(5);
    bench.until(|bench| bench.log.confirmed(Leg::Stream) == Some(4)).await;
    assert_eq!(bench.log.confirmed(Leg::Archive), None, "the archive takes closed files only");
    for _ in 0..3 {
        bench.log.add(4);
        bench.log.close();
        bench.log.add(3);
    }
    bench.until(|bench| bench.log.released() == [0, 9, 16]).await;
    assert_eq!(bench.stop(handle).await, []);
    bench.check_stream(26);
    bench.check_archive(26);
    assert_eq!(bench.log.released(), [0, 9, 16], "the last file stays");
    let kept = bench.store().load().unwrap();
    assert!(kept.iter().filter(|kept| kept.is_object()).map(|kept| kept.size).eq([26]), "the newest stays");
}

/// A file that is closed, and followed, between two looks at the log ends a segment like any other: an object lies at its end.
#[tokio::test]
async fn a_segment_that_ends_unseen_has_its_checkpoint() {
    let bench = Bench::new();
    let handle = bench.start();
    let mut ends = Vec::new();
    for _ in 0..3 {
        bench.log.add(4);
        let end = ends.len() as u64 * 5 + 4;
        bench.until(|bench| bench.log.confirmed(Leg::Stream) == Some(end - 1)).await;
        // Nothing else runs between these.
        bench.log.close();
        bench.log.add(1);
        ends.push(end);
    }
    assert_eq!(bench.stop(handle).await, []);
    bench.check_archive(15);
    let state = bench.archive.state.lock().unwrap();
    let sizes = state.notes.keys().filter_map(|key| sealtrail_chain::segment::parse_checkpoint_key(key));
    let sizes: Vec<u64> = sizes.map(|(_, size, _)| size).collect();
    assert_eq!(sizes, [4, 9, 14, 15]);
}

/// Whether a failed commit took effect or not, its records stand once, and the leg's way down and up is sealed.
#[tokio::test]
async fn a_commit_that_fails_before_or_after_its_effect_stands_once() {
    let bench = Bench::new();
    bench.stream.state.lock().unwrap().faults.extend([Fault::Before, Fault::After, Fault::Before, Fault::Before]);
    let handle = bench.start();
    bench.log.add(5);
    bench.until(|bench| bench.log.confirmed(Leg::Stream) == Some(4)).await;
    bench.stream.state.lock().unwrap().faults.extend([Fault::After, Fault::After]);
    bench.log.add(5);
    assert_eq!(bench.stop(handle).await, []);
    bench.check_stream(10);
    bench.check_archive(10);
    let events = bench.events.lock().unwrap();
    assert_eq!((events[0].kind, events[0].reason.as_deref()), (Kind::LegDown, Some("io")));
    assert!(events.iter().any(|event| event.kind == Kind::LegUp && event.origin.as_deref() == Some("stream")));
}

/// What does not pass in one transaction goes in several, however much lies before the leg when it comes back.
#[tokio::test]
async fn a_batch_that_does_not_pass_is_divided() {
    let bench = Bench::new();
    bench.stream.state.lock().unwrap().passes = Some(2 << 20);
    bench.log.add_with(20, |n| format!("{n}:{}", "x".repeat(300_000)));
    let handle = bench.start();
    bench.until(|bench| bench.log.confirmed(Leg::Stream) == Some(19)).await;
    assert_eq!(bench.stop(handle).await, []);
    bench.check_stream(20);
}

/// Someone else writes the stream: it is left alone, loudly, and nothing is lost here.
#[tokio::test]
async fn a_stream_that_ends_elsewhere_stops_the_leg() {
    let bench = Bench::new();
    let handle = bench.start();
    bench.log.add(5);
    bench.until(|bench| bench.log.confirmed(Leg::Stream) == Some(4)).await;
    bench.stream.state.lock().unwrap().faults.push_back(Fault::Cut);
    bench.log.add(5);
    bench.log.finish();
    let left = handle.stop(Duration::from_secs(3)).await;
    assert_eq!(
        left.iter().map(|left| (left.leg.name(), left.records)).collect::<Vec<_>>(),
        [("stream", 5), ("archive", 10)]
    );
    assert!(bench.events.lock().unwrap().iter().any(|event| event.reason.as_deref() == Some("stream_differs")));
}

/// A stream that doesn't answer at the start is compared and taken over when it does, and gets all that came meanwhile.
#[tokio::test]
async fn a_stream_that_was_away_at_the_start_is_taken_over_later() {
    let bench = Bench::new();
    bench.stream.state.lock().unwrap().absent = 3;
    let handle = bench.start_with(Attach::Later { confirmed: None });
    bench.log.add(5);
    bench.until(|bench| bench.log.confirmed(Leg::Stream) == Some(4)).await;
    assert_eq!(bench.stream.state.lock().unwrap().taken_over, 1);
    assert_eq!(bench.stop(handle).await, []);
    bench.check_stream(5);
    bench.check_archive(5);
    let kinds = bench.events.lock().unwrap().iter().map(|event| event.kind).collect::<Vec<_>>();
    assert_eq!(kinds, [Kind::LegDown, Kind::LegUp]);
}

/// Kafka says the same to one that was replaced and to one that was frozen for too long. The latter is alone: it takes the
/// stream over again, whether its last batch stands or not, and takes nothing until it knows.
#[tokio::test]
async fn a_fenced_collector_that_is_alone_goes_on() {
    for stands in [true, false] {
        let bench = Bench::new();
        let handle = bench.start();
        bench.log.add(5);
        bench.until(|bench| bench.log.confirmed(Leg::Stream) == Some(4)).await;
        bench.stream.state.lock().unwrap().faults.push_back(Fault::Fenced { stands, theirs: Vec::new() });
        bench.log.add(5);
        bench.until(|bench| bench.log.confirmed(Leg::Stream) == Some(9)).await;
        // It knows that its batch stands before it takes anything again.
        bench.until(|bench| bench.log.fences() == [true, false]).await;
        assert_eq!(bench.stop(handle).await, []);
        bench.check_stream(10);
        bench.check_archive(10);
    }
}

/// Promise 3: one that was replaced writes nothing behind the other's records, takes nothing more, and archives nothing.
#[tokio::test]
async fn a_fenced_collector_behind_another_stops_for_good() {
    let bench = Bench::new();
    let handle = bench.start();
    bench.log.add(5);
    bench.until(|bench| bench.log.confirmed(Leg::Stream) == Some(4)).await;
    let theirs = bench.log.foreign(3);
    bench.stream.state.lock().unwrap().faults.push_back(Fault::Fenced { stands: false, theirs: theirs.clone() });
    bench.log.add(5);
    bench.until(|bench| bench.events.lock().unwrap().len() > 1).await;
    bench.log.finish();
    let left = handle.stop(Duration::from_secs(3)).await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(bench.log.fences(), [true]);
    assert_eq!(bench.stream.state.lock().unwrap().records[5..], theirs);
    assert_eq!(bench.stream.state.lock().unwrap().taken_over, 0, "the other one is left alone");
    assert!(bench.archive.state.lock().unwrap().objects.is_empty());
    assert_eq!(bench.events.lock().unwrap().last().and_then(|event| event.reason.clone()).as_deref(), Some("fenced"));
}

/// A collector that was replaced since may have archived the same records in other pieces, before this one came to them. They
/// are the chain's all the same: the archive goes on behind them, within a file of the log or past its end.
#[tokio::test]
async fn objects_of_the_same_records_that_end_elsewhere_are_gone_on_from() {
    for (theirs, ours) in [
        (vec![(0, 2)], vec![(0, 2), (3, 4), (5, 8), (9, 10)]),
        (vec![(0, 1), (2, 3)], vec![(0, 1), (2, 3), (4, 4), (5, 8), (9, 10)]),
        (vec![(0, 6)], vec![(0, 6), (7, 8), (9, 10)]),
        (vec![(0, 8)], vec![(0, 8), (9, 10)]),
    ] {
        for fresh in [true, false] {
            let bench = Bench::new();
            bench.log.add(5);
            bench.log.close();
            bench.log.add(4);
            let put = || {
                let mut state = bench.archive.state.lock().unwrap();
                state.objects.extend(theirs.iter().map(|(first, last)| bench.log.object(*first, *last)));
            };
            if !fresh {
                // Files of before the start are asked for, those of after it are put.
                bench.log.close();
                put();
            }
            bench.archive.state.lock().unwrap().down = fresh;
            let handle = bench.start();
            if fresh {
                bench.log.close();
                put();
                bench.archive.state.lock().unwrap().down = false;
            }
            bench.until(|bench| bench.log.confirmed(Leg::Archive) >= Some(8)).await;
            bench.log.add(2);
            assert_eq!(bench.stop(handle).await, []);
            bench.check_stream(11);
            let state = bench.archive.state.lock().unwrap();
            let found: Vec<_> = state.objects.values().map(|links| (links.first.get(), links.last.get())).collect();
            assert_eq!(found, ours, "{theirs:?} {fresh}");
        }
    }
}

/// An object of other records under our key stops the leg, whatever else it claims.
#[tokio::test]
async fn an_object_of_other_records_stops_the_leg() {
    let bench = Bench::new();
    bench.log.add(5);
    bench.log.close();
    let (key, links) = bench.log.object(0, 2);
    let forged = crate::archive::Links { after: sealtrail_chain::Hash([9; 32]), ..links };
    bench.archive.state.lock().unwrap().objects.insert(key, forged);
    let handle = bench.start();
    bench.log.add(2);
    bench.log.finish();
    let left = handle.stop(Duration::from_secs(3)).await;
    assert_eq!(left.iter().map(|left| left.leg).collect::<Vec<_>>(), [Leg::Archive]);
    assert!(bench.events.lock().unwrap().iter().any(|event| event.reason.as_deref() == Some("object_differs")));
}

/// An absent archive holds up neither the stream nor the stop, and what it lacks stays here until it is back.
#[tokio::test]
async fn an_absent_archive_is_named_and_catches_up_after_a_restart() {
    let bench = Bench::new();
    bench.archive.state.lock().unwrap().down = true;
    let handle = bench.start();
    bench.log.add(5);
    bench.log.close();
    bench.log.add(5);
    bench.log.finish();
    let left = handle.stop(Duration::from_millis(1500)).await;
    assert_eq!(left, [Left { leg: Leg::Archive, records: 10, bytes: 1000 }]);
    assert_eq!(left[0].to_string().split(':').next(), Some("archive"));
    bench.check_stream(10);
    assert_eq!(bench.log.released(), Vec::<u64>::new());

    // One put takes effect although it fails: the object is recognised.
    let bench = bench.restarted();
    (bench.archive.state.lock().unwrap().down, bench.archive.state.lock().unwrap().deaf) = (false, 1);
    let handle = bench.start();
    bench.log.add(5);
    assert_eq!(bench.stop(handle).await, []);
    bench.check_stream(15);
    bench.check_archive(15);
}

/// What was signed is known after a restart: nothing is signed twice, and no size over another root.
#[tokio::test]
async fn signing_goes_on_behind_what_was_signed() {
    let bench = Bench::new();
    let handle = bench.start();
    bench.log.add(7);
    assert_eq!(bench.stop(handle).await, []);
    let signed = bench.store().newest().unwrap().unwrap();
    assert_eq!(signed.0, 7);

    let bench = bench.restarted();
    let handle = bench.start();
    bench.log.add(3);
    assert_eq!(bench.stop(handle).await, []);
    bench.check_stream(10);
    bench.check_archive(10);
    assert_eq!(bench.archive.state.lock().unwrap().objects.len(), 2);

    // A checkpoint over another root than the chain's: someone has changed the log or the store.
    let forged = Bench { dir: bench.dir, ..Bench::new() };
    forged.log.add(9);
    forged.log.close();
    forged.log.add(5);
    forged.stream.state.lock().unwrap().records = bench.stream.state.lock().unwrap().records[..10].to_vec();
    let state = super::tail::SignedState { newest: Some((10, signed.1)), object: 0, owed: None };
    let progress = forged.log.progress.borrow().clone();
    let sought = super::tail::Tail::seek(forged.log.clone(), &progress.files, state, Sequence::new(10));
    assert!(matches!(sought, Err(super::Failure::Contradiction { size: 10 })));
}

/// A leg that has panicked carries nothing more: the collector must not look alive. Other ends are no panic.
#[tokio::test]
async fn a_panic_in_a_leg_is_told() {
    for (panics, carried) in [(true, false), (false, true)] {
        let told = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let task = async move { assert!(!panics, "as a leg would that has a mistake") };
        super::spawn("deliver-test", task, told.clone()).unwrap();
        // The thread drops its share when it ends.
        while Arc::strong_count(&told) > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(!told.load(std::sync::atomic::Ordering::Acquire), carried);
    }
}

impl Bench {
    /// The same log, legs and checkpoints, to be delivered by a new run.
    fn restarted(self) -> Self {
        self.log.progress.send_modify(|progress| progress.finished = false);
        Self { events: Arc::default(), ..self }
    }
}
