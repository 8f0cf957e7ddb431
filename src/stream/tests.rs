#![allow(clippy::disallowed_methods, reason = "tests damage files on a temporary directory")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::content::otlp;
use sealtrail_chain::{Checksum, Hash, Link, Sequence, UnixNanos};

use super::reader::{Damage, Messages, files};
use super::{
    Batch, Builder, CheckpointNote, Config, Directory, DirectoryStream, End, Error, Message, StreamLeg, Tail, reader,
};
use crate::deliver::fakes::{DiskFault, TestDisk, content, genesis};

struct Place {
    dir: tempfile::TempDir,
    disk: Arc<TestDisk>,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), disk: Arc::default() }
    }

    /// A process that has not taken over yet.
    fn stream(&self) -> DirectoryStream {
        let chain = "test".parse().unwrap();
        DirectoryStream::new(self.disk.clone(), &Directory::default(), self.dir.path(), 0, chain)
    }

    fn records(&self) -> PathBuf {
        self.dir.path().join("stream/audit-logs/0")
    }

    fn newest(&self) -> PathBuf {
        files(&self.records()).unwrap().pop().unwrap().path
    }

    /// First and last of every message, as `verify` reads them.
    fn spans(&self) -> Result<Vec<(u64, u64)>, reader::Error> {
        let mut spans = Vec::new();
        for file in files(&self.records())? {
            let mut messages = Messages::open(&file)?;
            while let Some(message) = messages.next()? {
                assert_eq!(message.key, b"test");
                let span = message.span().unwrap();
                spans.push((span.first.get(), span.last.get()));
            }
        }
        Ok(spans)
    }
}

fn message(first: u64, last: u64) -> Message {
    let head = Hash([last as u8; 32]);
    Message { first: Sequence::new(first), last: Sequence::new(last), head, value: vec![7; 100] }
}

fn batch(spans: &[(u64, u64)]) -> Batch {
    Batch { messages: spans.iter().map(|(first, last)| message(*first, *last)).collect(), checkpoints: Vec::new() }
}

fn end(last: u64) -> Option<End> {
    Some(End { last: Sequence::new(last), hash: Hash([last as u8; 32]) })
}

/// Promise 3: wherever a crash cuts the file, the end is that of a whole message, and the chain goes on behind it.
#[tokio::test]
async fn a_file_cut_anywhere_ends_with_a_whole_message() {
    let place = Place::new();
    let mut stream = place.stream();
    stream.take_over().await.unwrap();
    stream.commit(&batch(&[(0, 3), (4, 4)])).await.unwrap();
    stream.commit(&batch(&[(5, 9)])).await.unwrap();
    drop(stream);
    let whole = fs::read(place.newest()).unwrap();
    let size = whole.len() / 3;

    for cut in 0..whole.len() {
        fs::write(place.newest(), &whole[..cut]).unwrap();
        let expected = [None, end(3), end(4)][cut / size];
        let mut stream = place.stream();
        assert_eq!(stream.end().await.unwrap(), Tail::settled(expected), "cut at {cut}");
        assert_eq!(fs::read(place.newest()).unwrap().len(), cut, "asking changes nothing");
        stream.take_over().await.unwrap();
        assert_eq!(stream.end().await.unwrap(), Tail::settled(expected), "taken over at {cut}");
        let next = expected.map_or(0, |end| end.last.get() + 1);
        stream.commit(&batch(&[(next, 9)])).await.unwrap();
        let mut spans = [(0, 3), (4, 4)][..cut / size].to_vec();
        spans.push((next, 9));
        assert_eq!(place.spans().unwrap(), spans, "cut at {cut}");
        drop(stream);
        fs::remove_dir_all(place.records()).unwrap();
        fs::create_dir(place.records()).unwrap();
        fs::write(place.records().join(reader::file_name(0)), &whole).unwrap();
    }
}

/// After a power loss the end of a file may hold anything: it is cut off, whatever it claims.
#[tokio::test]
async fn rubbish_at_the_end_is_cut_off() {
    for rubbish in [&[0u8; 64][..], &[0xff; 64], b"\x10\0\0\0\0\0\0\0sixteen bytes..."] {
        let place = Place::new();
        let mut stream = place.stream();
        stream.take_over().await.unwrap();
        stream.commit(&batch(&[(0, 3)])).await.unwrap();
        drop(stream);
        let mut bytes = fs::read(place.newest()).unwrap();
        bytes.extend_from_slice(rubbish);
        fs::write(place.newest(), bytes).unwrap();
        assert!(matches!(place.spans(), Err(reader::Error::Damaged { .. })), "`verify` says that it is there");

        let mut stream = place.stream();
        stream.take_over().await.unwrap();
        assert_eq!(stream.end().await.unwrap(), Tail::settled(end(3)));
        stream.commit(&batch(&[(4, 5)])).await.unwrap();
        assert_eq!(place.spans().unwrap(), [(0, 3), (4, 5)]);
    }
}

/// A write or sync that fails leaves nothing of its batch, however much reached the file, and the next try stands once.
#[tokio::test]
async fn a_failed_batch_stands_once_in_the_end() {
    use DiskFault::{SetLen, Sync, Write};
    for first_batch in [true, false] {
        for faults in [
            vec![Write(0)],
            vec![Write(70)],
            vec![Write(1000)],
            vec![Sync],
            vec![Sync, Sync, SetLen, Write(5), Sync],
            vec![Write(70), SetLen, SetLen, SetLen],
        ] {
            let place = Place::new();
            let mut stream = place.stream();
            stream.take_over().await.unwrap();
            if !first_batch {
                stream.commit(&batch(&[(0, 3)])).await.unwrap();
            }
            let first = if first_batch { 0 } else { 4 };
            place.disk.fail(faults);
            let next = batch(&[(first, 9), (10, 12)]);
            assert!(stream.commit(&next).await.unwrap_err().is_passing());
            // A passing failure to repair is told, too; what the end is when it is told is the truth.
            let mut tries = 0;
            while stream.commit(&next).await.is_err() {
                if let Ok(told) = stream.end().await {
                    assert_eq!(told.end(), if first_batch { None } else { end(3) });
                }
                tries += 1;
                assert!(tries < 10);
            }
            assert_eq!(stream.end().await.unwrap(), Tail::settled(end(12)));
            let mut expected = vec![(first, 9), (10, 12)];
            if !first_batch {
                expected.insert(0, (0, 3));
            }
            assert_eq!(place.spans().unwrap(), expected);
            drop(stream);
            assert_eq!(place.stream().end().await.unwrap(), Tail::settled(end(12)));
        }
    }
}

#[tokio::test]
async fn a_second_writer_a_gap_and_a_repeat_are_refused() {
    let place = Place::new();
    let mut stream = place.stream();
    assert!(matches!(stream.commit(&batch(&[(0, 3)])).await, Err(Error::NotTakenOver)));
    stream.take_over().await.unwrap();
    assert!(matches!(place.stream().take_over().await, Err(Error::Locked { .. })));
    stream.commit(&batch(&[(0, 3)])).await.unwrap();
    for wrong in [batch(&[(0, 3)]), batch(&[(5, 6)]), batch(&[(4, 5), (7, 8)])] {
        assert!(matches!(stream.commit(&wrong).await, Err(Error::Order { .. })));
    }
    assert_eq!(place.spans().unwrap(), [(0, 3)]);
    drop(stream);
    place.stream().take_over().await.unwrap();
}

/// Only what a crash can leave is tolerated: anything else names its file and its byte.
#[tokio::test]
async fn damage_within_is_named() {
    let place = Place::new();
    let mut stream = place.stream();
    stream.take_over().await.unwrap();
    stream.commit(&batch(&[(0, 3), (4, 5)])).await.unwrap();
    drop(stream);
    let whole = fs::read(place.newest()).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(place.newest(), bytes).unwrap();
        match place.spans() {
            Err(reader::Error::Damaged { path, at: found, .. }) => {
                assert_eq!(path, place.newest());
                assert_eq!(found as usize, if at < whole.len() / 2 { 0 } else { whole.len() / 2 });
            }
            // A longer length at the end looks like a cut.
            Ok(spans) => assert!(spans.len() < 2, "byte {at}"),
            Err(error) => panic!("{error}"),
        }
    }
    // The same cut in a file that isn't the newest.
    fs::write(place.newest(), &whole[..whole.len() - 1]).unwrap();
    fs::write(place.records().join(reader::file_name(6)), b"").unwrap();
    assert!(matches!(place.spans(), Err(reader::Error::Damaged { what: Damage::Cut, .. })));
    fs::write(place.records().join("7.messages"), b"").unwrap();
    assert!(matches!(place.spans(), Err(reader::Error::Damaged { what: Damage::Name, .. })));
}

#[tokio::test]
async fn checkpoints_go_out_once_and_in_order() {
    let place = Place::new();
    let mut stream = place.stream();
    stream.take_over().await.unwrap();
    let note = |size: u64, by: &str| CheckpointNote { size, note: format!("origin\n{size}\nroot\n\n{by}\n") };
    let notes = |notes: &[CheckpointNote]| Batch { messages: Vec::new(), checkpoints: notes.to_vec() };
    stream.commit(&notes(&[note(4, "one"), note(4, "both")])).await.unwrap();
    place.disk.fail([DiskFault::Sync]);
    assert!(stream.commit(&notes(&[note(4, "both"), note(9, "one")])).await.is_err());
    stream.commit(&notes(&[note(4, "both"), note(9, "one")])).await.unwrap();
    drop(stream);
    let mut stream = place.stream();
    stream.take_over().await.unwrap();
    stream.commit(&notes(&[note(9, "one"), note(12, "one")])).await.unwrap();

    let mut found = Vec::new();
    for file in files(&place.dir.path().join("stream/audit-checkpoints/0")).unwrap() {
        let mut messages = Messages::open(&file).unwrap();
        while let Some(message) = messages.next().unwrap() {
            found.push(String::from_utf8(message.value.to_vec()).unwrap());
        }
    }
    let expected = [note(4, "one"), note(4, "both"), note(9, "one"), note(12, "one")];
    assert_eq!(found, expected.map(|note| note.note));
}

/// Every record stands in one message, whole and in order, and no message passes the limit.
#[test]
fn messages_hold_all_records_within_their_limit() {
    let (_, mut head) = genesis();
    let chain = head.chain().clone();
    let mut builder = Builder::with_limit(4096);
    let mut links: Vec<Link> = Vec::new();
    for n in 0..50 {
        let text = content("n", &"x".repeat(n * 20));
        links.push(head.seal(UnixNanos(n as u64), Checksum::of(text.as_bytes())));
        builder.push(&chain, &links[n], &text).unwrap();
    }
    let messages = builder.take();
    assert!(messages.len() > 5 && builder.take().is_empty());
    let mut found = Vec::new();
    for message in &messages {
        assert!(message.value.len() <= 4096);
        let before = found.len();
        otlp::read_stream(&message.value, &mut |record| found.push(record.link)).unwrap();
        assert_eq!((message.first, message.last), (links[before].sequence, found[found.len() - 1].sequence));
        assert_eq!(message.head, found[found.len() - 1].hash);
    }
    assert_eq!(found, links);
}

#[test]
fn the_configuration_names_one_target() {
    let config: Config = serde_json::from_str(r#"{"directory":{"path":"/tmp/s"}}"#).unwrap();
    let Config::Directory(directory) = &config else { panic!("not a directory") };
    assert_eq!(directory.path_in(Path::new("/data")), Path::new("/tmp/s"));
    assert_eq!(Directory::default().path_in(Path::new("/data")), Path::new("/data/stream"));
    assert!(serde_json::from_str::<Config>(r#"{"directory":{"pathh":"/tmp/s"}}"#).is_err());
    for wrong in ["", "..", "a/b", "audit-checkpoints"] {
        let topic = Directory { topic: wrong.to_owned(), ..Directory::default() };
        assert!(Config::Directory(topic).check().is_err(), "{wrong}");
    }
    assert!(Config::default().check().is_ok());
}
