//! Every state of the legs that can't be gone on from is named, before or after the stream is taken over; and what can be gone
//! on from leaves a log, and checkpoints whose ranges join.
#![allow(clippy::disallowed_methods, reason = "a test writes files of its own")]

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealtrail_chain::note::Ed25519Signer;
use sealtrail_chain::segment::{Ranges, checkpoint_key, object_key, range_key};
use sealtrail_chain::{Checkpoint, Checksum, Cosigner, Hash, Root};

use super::*;
use crate::archive::{ArchiveLeg as _, DirectoryArchive, Links, SegmentWriter};
use crate::deliver::fakes::{ORIGIN, content, genesis, keys};
use crate::host::{SystemClock, SystemDisk};
use crate::stream::{self, Batch, Builder, CheckpointNote, DirectoryStream};
use crate::wal;

const NOW: u64 = 1_700_000_000_000_000_000;

/// A chain of 20 records, of which record 9 says that the collector stopped, and the places where legs may hold it.
struct World {
    dir: tempfile::TempDir,
    config: Config,
    records: Vec<(Link, String)>,
    /// Before each record, and behind the last.
    heads: Vec<Head>,
}

/// What the stream says of itself; it takes whatever comes.
struct Told {
    tails: [Tail; 2],
    taken_over: bool,
}

impl StreamLeg for Told {
    async fn end(&mut self) -> Result<Tail, stream::Error> {
        Ok(self.tails[usize::from(self.taken_over)])
    }
    async fn take_over(&mut self) -> Result<(), stream::Error> {
        self.taken_over = true;
        Ok(())
    }
    async fn commit(&mut self, _: &Batch) -> Result<(), stream::Error> {
        unreachable!("nothing is committed before the legs run")
    }
}

impl World {
    /// `word`: told apart from another world of the same name.
    fn new(word: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { chain: keys().chain.clone(), data_dir: dir.path().to_owned(), ..Config::default() };
        let (note, mut head) = genesis();
        let (mut records, mut heads) = (Vec::new(), vec![head.clone()]);
        for number in 0..20 {
            let text = match number {
                0 => content("sealtrail.genesis", &note),
                9 => r#"{"logRecord":{"eventName":"sealtrail.stopped"},"received":{"auth":"none","by":"self"}}"#
                    .to_owned(),
                _ => content(word, &number.to_string()),
            };
            let link = head.seal(UnixNanos(NOW + number), Checksum::of(text.as_bytes()));
            records.push((link, text));
            heads.push(head.clone());
        }
        let world = Self { dir, config, records, heads };
        world.write_keys([1, 2]);
        world
    }

    /// The legs of an old collector that was ahead of its archive by half.
    async fn sound() -> Self {
        let world = Self::new("n");
        world.stream(&world.records).await;
        world.segment(0, 9).await;
        world.note().await;
        world.checkpoint(10, 0, world.heads[10].root()).await;
        world
    }

    fn write_keys(&self, seeds: [u8; 2]) {
        let dir = self.config.keys_dir();
        fs::create_dir_all(&dir).unwrap();
        for (name, seed) in [("ed25519.key", seeds[0]), ("ml-dsa-44.key", seeds[1])] {
            let _ = fs::remove_file(dir.join(name));
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir.join(name)).unwrap();
            std::io::Write::write_all(&mut file, STANDARD.encode([seed; 32]).as_bytes()).unwrap();
        }
    }

    async fn directory_stream(&self) -> DirectoryStream {
        let stream::Config::Directory(directory) = &self.config.stream else { unreachable!() };
        let chain = self.config.chain.clone();
        let mut stream = DirectoryStream::new(Arc::new(SystemDisk), directory, self.dir.path(), 0, chain);
        stream.take_over().await.unwrap();
        stream
    }

    /// Each record as a message of its own.
    async fn stream(&self, records: &[(Link, String)]) {
        let mut stream = self.directory_stream().await;
        for (link, content) in records {
            let mut builder = Builder::default();
            builder.push(&self.config.chain, link, content).unwrap();
            stream.commit(&Batch { messages: builder.take(), checkpoints: Vec::new() }).await.unwrap();
        }
    }

    /// Retention takes what stands before record `first` of the stream.
    fn expire(&self, first: usize) {
        let path = self.dir.path().join("stream/audit-logs/0");
        let file = stream::reader::files(&path).unwrap().remove(0);
        let mut messages = stream::reader::Messages::open(&file).unwrap();
        (0..first).for_each(|_| assert!(messages.next().unwrap().is_some()));
        let rest = fs::read(&file.path).unwrap().split_off(messages.at() as usize);
        fs::remove_file(&file.path).unwrap();
        if !rest.is_empty() {
            fs::write(path.join(format!("{first:020}.messages")), rest).unwrap();
        }
    }

    async fn streamed_note(&self, note: String, size: u64) {
        let batch = Batch { messages: Vec::new(), checkpoints: vec![CheckpointNote { size, note }] };
        self.directory_stream().await.commit(&batch).await.unwrap();
    }

    fn archive(&self) -> DirectoryArchive {
        DirectoryArchive::open(&self.dir.path().join("archive")).unwrap()
    }

    fn object(&self, first: usize) -> PathBuf {
        let key = object_key(&self.config.chain, self.records[first].0.observed, Sequence::new(first as u64));
        self.archive().path(&key).unwrap()
    }

    async fn segment(&self, first: usize, last: usize) {
        let archive = self.archive();
        let file = archive.workdir().unwrap().join("segment");
        let out = fs::File::create(&file).unwrap();
        let head = self.heads[first].clone();
        let mut writer = SegmentWriter::new(head, &self.config.archive.promotions, [0; 32], out).unwrap();
        for (link, content) in &self.records[first..=last] {
            writer.push(link, content).unwrap();
        }
        let segment = writer.finish().unwrap().segment;
        let key = object_key(&self.config.chain, self.records[first].0.observed, segment.first);
        archive.put_segment(&key, &file, &segment).await.unwrap();
    }

    async fn note(&self) {
        self.archive().put_note(&genesis_key(&self.config.chain), genesis().0.as_bytes()).await.unwrap();
    }

    fn signed(&self, size: u64, root: Root, both: bool) -> String {
        let keys = keys();
        let checkpoint = Checkpoint { origin: keys.origin.clone(), size, root };
        checkpoint
            .sign_with(&*keys.pair.ed25519, both.then_some((&keys.pair.ml_dsa_44, size)))
            .expect("the keys are here")
            .note()
            .to_owned()
    }

    /// An object of the archive; its time is its size.
    async fn checkpoint(&self, size: u64, previous: u64, root: Root) {
        let chain = &self.config.chain;
        let ranges = Ranges { whole: self.heads[size as usize].tree().clone(), since: self.range(previous, size) };
        let note = self.signed(size, root, true);
        self.archive().put_note(&range_key(chain, size, size), ranges.to_text().as_bytes()).await.unwrap();
        self.archive().put_note(&checkpoint_key(chain, size, size), note.as_bytes()).await.unwrap();
    }

    fn range(&self, from: u64, to: u64) -> CompactRange {
        let mut range = CompactRange::empty(from);
        self.records[from as usize..to as usize].iter().for_each(|(link, _)| range.push(&link.hash));
        range
    }

    fn end(&self, records: usize) -> Tail {
        let link = &self.records[records - 1].0;
        Tail::settled(Some(End { last: link.sequence, hash: link.hash }))
    }

    async fn go_on(&self, tails: [Tail; 2]) -> (Result<Continued, StartError>, bool) {
        let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
        let recovered = wal::open(Arc::clone(&disk), &self.config.wal_dir(), &self.config.chain).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let archive = archive::Target::find(&self.config.archive, self.dir.path(), Arc::clone(&clock)).unwrap();
        let mut stream = Told { tails, taken_over: false };
        let outcome = go_on(&self.config, recovered, &mut stream, &archive, &*clock, &disk, None).await;
        (outcome, stream.taken_over)
    }

    /// With a stream that says what it holds.
    async fn refusal(&self, tail: Tail) -> (Refusal, bool) {
        match self.go_on([tail, tail]).await {
            (Err(StartError::Continue(refusal)), taken_over) => (refusal, taken_over),
            (Err(error), _) => panic!("another refusal: {error}"),
            (Ok(_), _) => panic!("gone on"),
        }
    }

    fn kept(&self) -> Vec<(u64, Option<String>)> {
        let dir = self.config.wal_dir().join("checkpoints");
        let store = Store::open(Arc::new(SystemDisk), dir, keys()).unwrap();
        store.load().unwrap().into_iter().map(|kept| (kept.size, kept.ranges)).collect()
    }

    fn ranges(&self, size: u64, previous: u64) -> (u64, Option<String>) {
        let ranges = Ranges { whole: self.heads[size as usize].tree().clone(), since: self.range(previous, size) };
        (size, Some(ranges.to_text()))
    }
}

/// Asserts a refusal of a world, by its name, and whether the stream was taken over by then.
macro_rules! refused {
    ($world:expr, $tail:expr, $refusal:pat, $taken_over:expr) => {
        let (refusal, taken_over) = $world.refusal($tail).await;
        assert!(matches!(refusal, $refusal), "{refusal}");
        assert_eq!(taken_over, $taken_over, "{refusal}");
        assert!(refusal.to_string().contains("\n  remedy  "), "{refusal}");
    };
}

#[tokio::test]
async fn a_log_is_rebuilt_from_where_the_archive_ends() {
    let world = World::sound().await;
    world.streamed_note(world.signed(15, world.heads[15].root(), false), 15).await;
    let (gone_on, _) = world.go_on([world.end(20); 2]).await;
    let Continued { recovered, event } = gone_on.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(recovered.head(), world.heads.last());
    assert_eq!(recovered.files().iter().map(|file| (file.first.get(), file.records)).collect::<Vec<_>>(), [(10, 10)]);
    assert_eq!(event.resource, Some(format!("record 19 {}", world.records[19].0.hash)));
    assert_eq!((event.origin.as_deref(), event.count), (Some("archive to record 9, stream to record 19"), 10));
    assert_eq!(world.kept(), [world.ranges(10, 0)], "the newest object, as the archive has it");
    drop((recovered, event));

    // Broken off before the chain went on: the same again. Once it has, the log is what is gone on from.
    assert!(world.go_on([world.end(20); 2]).await.0.is_ok());
    wal::rebuilt(&SystemDisk, &world.config.wal_dir()).unwrap();
    refused!(world, world.end(20), Refusal::LogHeld { .. }, false);
}

/// Objects that are on their way are taken over as they are; where none covers the archive's end, one is signed there.
#[tokio::test]
async fn the_ranges_of_checkpoints_join() {
    let world = World::sound().await;
    world.segment(10, 12).await;
    assert!(world.go_on([world.end(20); 2]).await.0.is_ok());
    assert_eq!(world.kept(), [world.ranges(10, 0), world.ranges(13, 10)]);
    // A second attempt signs nothing more.
    assert!(world.go_on([world.end(20); 2]).await.0.is_ok());
    assert_eq!(world.kept(), [world.ranges(10, 0), world.ranges(13, 10)]);

    let world = World::sound().await;
    world.segment(10, 12).await;
    for size in [11, 16, 18] {
        world.streamed_note(world.signed(size, world.heads[size as usize].root(), true), size).await;
    }
    assert!(world.go_on([world.end(20); 2]).await.0.is_ok());
    assert_eq!(world.kept(), [world.ranges(10, 0), world.ranges(11, 10), world.ranges(16, 11), world.ranges(18, 16)]);
}

/// A witness has seen another history: the chain is gone on with, without a signature of ours.
#[tokio::test]
async fn behind_a_fork_nothing_is_signed() {
    let world = World::sound().await;
    world.segment(10, 12).await;
    let marked = world.dir.path().join("witness");
    fs::create_dir(&marked).unwrap();
    fs::write(marked.join("fork"), "another history").unwrap();
    assert!(world.go_on([world.end(20); 2]).await.0.is_ok());
    assert_eq!(world.kept(), [world.ranges(10, 0)], "what was signed before, and nothing more");
}

#[tokio::test]
async fn a_chain_begins_at_record_0_where_the_archive_is_empty() {
    let world = World::new("n");
    world.stream(&world.records).await;
    let (gone_on, _) = world.go_on([world.end(20); 2]).await;
    let recovered = gone_on.unwrap_or_else(|error| panic!("{error}")).recovered;
    assert_eq!((recovered.head(), recovered.files()[0].first), (world.heads.last(), Sequence::ZERO));
    assert!(world.kept().is_empty());
}

#[tokio::test]
async fn what_the_legs_lack_is_refused() {
    let nothing = Tail::settled(None);
    refused!(World::new("n"), nothing, Refusal::NoChain { .. }, false);
    refused!(World::sound().await, nothing, Refusal::StreamShort { .. }, false);
    let world = World::sound().await;
    refused!(world, world.end(5), Refusal::StreamShort { .. }, false);
    // What is not settled may be short, until the stream is ours.
    let short = Tail { settled: false, ..world.end(5) };
    assert!(world.go_on([short, world.end(20)]).await.0.is_ok());
    let world = World::sound().await;
    let (outcome, taken_over) = world.go_on([short, world.end(5)]).await;
    assert!(matches!(outcome, Err(StartError::Continue(Refusal::StreamShort { .. }))) && taken_over);

    let world = World::sound().await;
    world.expire(12);
    refused!(world, world.end(20), Refusal::Hole { .. }, false);
    let world = World::new("n");
    world.stream(&world.records).await;
    world.expire(3);
    refused!(world, world.end(20), Refusal::Hole { .. }, false);
    // Behind what the archive has, retention may have taken all.
    let world = World::sound().await;
    world.expire(10);
    assert!(world.go_on([world.end(20); 2]).await.0.is_ok());

    let expired = Tail { reach: Reach::Expired, settled: true };
    let world = World::sound().await;
    world.expire(20);
    assert!(world.go_on([expired; 2]).await.0.is_ok(), "the archive ends with the collector's stop");
    let world = World::new("n");
    world.segment(0, 7).await;
    world.note().await;
    refused!(world, expired, Refusal::Expired { .. }, false);

    let world = World::new("n");
    world.stream(&world.records).await;
    world.note().await;
    world.segment(0, 4).await;
    world.segment(7, 9).await;
    world.checkpoint(5, 0, world.heads[5].root()).await;
    refused!(world, world.end(20), Refusal::ArchiveGap { .. }, false);
    let world = World::sound().await;
    refused!(
        world,
        Tail::settled(Some(End { last: Sequence::new(24), hash: Hash([1; 32]) })),
        Refusal::StreamMoved { .. },
        true
    );

    let world = World::sound().await;
    let recovered = wal::open(Arc::new(SystemDisk), &world.config.wal_dir(), &world.config.chain).unwrap();
    recovered.legs().confirm(Leg::Stream, Sequence::new(22), Hash([1; 32]));
    recovered.legs().persist().unwrap();
    drop(recovered);
    refused!(world, world.end(20), Refusal::Lost { .. }, false);
}

#[tokio::test]
async fn legs_that_disagree_are_refused() {
    let other = World::new("m");
    let world = World::new("n");
    world.segment(0, 9).await;
    world.note().await;
    world.stream(&other.records).await;
    refused!(world, other.end(20), Refusal::Disagree { .. }, false);
    refused!(world, other.end(10), Refusal::Disagree { .. }, false);

    let world = World::new("n");
    world.segment(0, 9).await;
    world.note().await;
    let mut changed = world.records.clone();
    changed[12].1 = content("n", "changed");
    world.stream(&changed).await;
    refused!(world, world.end(20), Refusal::StreamBreak { .. }, true);

    let world = World::new("n");
    world.stream(&world.records).await;
    world.note().await;
    world.segment(0, 4).await;
    let theirs = other.config.data_dir.join("archive");
    other.segment(5, 9).await;
    fs::create_dir_all(world.object(5).parent().unwrap()).unwrap();
    fs::copy(other.object(5), world.object(5)).unwrap();
    assert!(theirs.is_dir());
    refused!(world, world.end(20), Refusal::ArchiveBreak { .. }, false);
    fs::write(world.object(5), "no Parquet").unwrap();
    refused!(world, world.end(20), Refusal::Archive { .. }, false);
}

#[tokio::test]
async fn what_was_signed_is_never_contradicted() {
    let world = World::sound().await;
    world.streamed_note(world.signed(25, Root([1; 32]), false), 25).await;
    refused!(world, world.end(20), Refusal::SignedBeyond { size: 25, .. }, true);
    let world = World::sound().await;
    world.streamed_note(world.signed(15, Root([1; 32]), false), 15).await;
    refused!(world, world.end(20), Refusal::Contradiction { size: 15, .. }, true);
    let world = World::sound().await;
    world.checkpoint(5, 0, world.heads[5].root()).await;
    world.segment(10, 14).await;
    world.checkpoint(15, 10, Root([1; 32])).await;
    refused!(world, world.end(20), Refusal::Checkpoint { .. }, false);

    // Whoever may write into the topic can't stop the chain: what our keys have not signed is passed over.
    let world = World::sound().await;
    let (ed25519, ml_dsa_44) = (Ed25519Signer::new(ORIGIN, &[8; 32]), Cosigner::new(ORIGIN, &[9; 32]));
    let foreign = Checkpoint { origin: ORIGIN.to_owned(), size: 25, root: Root([1; 32]) };
    world.streamed_note(foreign.sign(&ed25519, Some((&ml_dsa_44, 7))).note().to_owned(), 25).await;
    assert!(world.go_on([world.end(20); 2]).await.0.is_ok());

    // What this machine has kept counts, too.
    let world = World::sound().await;
    let dir = world.config.wal_dir().join("checkpoints");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(format!("{:020}-{:010}.interim", 25, 7)), world.signed(25, Root([1; 32]), false)).unwrap();
    refused!(world, world.end(20), Refusal::SignedBeyond { size: 25, .. }, true);
    fs::write(dir.join(format!("{:020}-{:010}.interim", 25, 7)), "no note").unwrap();
    refused!(world, world.end(20), Refusal::Local { .. }, false);
}

#[tokio::test]
async fn keys_must_be_the_chains() {
    let world = World::sound().await;
    for seeds in [[3, 2], [1, 3]] {
        world.write_keys(seeds);
        refused!(world, world.end(20), Refusal::ForeignKeys { .. }, false);
    }
    fs::remove_file(world.config.keys_dir().join("ed25519.key")).unwrap();
    let (outcome, taken_over) = world.go_on([world.end(20); 2]).await;
    assert!(matches!(outcome, Err(StartError::NoKeys { .. })) && !taken_over);
    assert!(!world.config.keys_dir().join("ed25519.key").exists(), "none is made");
}

#[tokio::test]
async fn a_genesis_note_that_is_not_the_chains_is_refused() {
    let world = World::sound().await;
    let path = world.archive().path(&genesis_key(&world.config.chain)).unwrap();
    fs::write(&path, "no note").unwrap();
    refused!(world, world.end(20), Refusal::Genesis { .. }, false);
    let world = World::new("n");
    world.stream(&world.records).await;
    fs::create_dir_all(world.dir.path().join("archive/audit-genesis")).unwrap();
    fs::write(world.archive().path(&genesis_key(&world.config.chain)).unwrap(), "no note").unwrap();
    refused!(world, world.end(20), Refusal::TwoBeginnings, false);
}

/// What the archive leg asks to recognise an object that another collector cut elsewhere.
#[tokio::test]
async fn an_object_proves_its_links_by_its_records() {
    let world = World::new("n");
    world.segment(0, 4).await;
    let key = object_key(&world.config.chain, world.records[0].0.observed, Sequence::ZERO);
    let (first, last) = (&world.records[0].0, &world.records[4].0);
    let expected = Links { first: first.sequence, last: last.sequence, before: first.previous, after: last.hash };
    assert_eq!(world.archive().proven(&key).await.unwrap(), Some(expected));
    assert_eq!(world.archive().proven(&key.replace("00000.parquet", "00009.parquet")).await.unwrap(), None);
}
