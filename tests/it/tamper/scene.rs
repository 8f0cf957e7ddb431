//! What is tampered with: a chain that the real collector sealed in three runs, in both legs, and the means to write it anew with
//! and without its keys.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealtrail::archive::Reader;
use sealtrail::verify::{Options, Report, Trust, Unwatched, Verdict, verify};
use sealtrail_chain::checkpoint::Cosigner;
use sealtrail_chain::note::Ed25519Signer;
use sealtrail_chain::{ChainName, Checksum, Genesis, Head, Link, UnixNanos};

use super::built::{Built, CHAIN, Keys, frame, put};
use super::copy_all;
use crate::harness::{Collector, export, files};

/// Records of each run: `started`, the payments, `stopped`. Each run is a segment.
pub const RUN: u64 = 32;
/// All records.
pub const END: u64 = 3 * RUN;

/// The data directory, sealed once for all attacks; the next run of the tests replaces it.
pub fn sealed() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tampered");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        // On a crowded machine a collector may have more to say of itself, and midnight cuts a segment once more: the records'
        // numbers would be others than in the tables.
        for _ in 0..15 {
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(&dir).expect("made");
            let data = runtime.block_on(run_three_times(&dir));
            let begins: Vec<u64> = read(&data).0.into_iter().map(|(first, _)| first).collect();
            if begins == [0, RUN, 2 * RUN] && read(&data).1.len() as u64 == END {
                return data;
            }
        }
        panic!("fifteen times the runs did not have {RUN} records each");
    };
    DATA.get_or_init(|| std::thread::spawn(make).join().expect("it is sealed"))
}

async fn run_three_times(dir: &Path) -> PathBuf {
    // No checkpoint but at the segments' ends, so that each run gives the same number of each thing.
    let config = format!("chain: {CHAIN}\nseal: {{ checkpoint_interval: 1h }}\n");
    let mut data = PathBuf::new();
    for run in 0..3 {
        let collector = Collector::start(dir, &config);
        let mut client = collector.client().await;
        export(&mut client, &super::payments(run * 100, RUN as u32 - 2)).await;
        data = collector.data.clone();
        let (status, log) = collector.stop();
        assert!(status.success(), "{log}");
    }
    data
}

/// A copy to be tampered with.
pub struct Scene {
    dir: tempfile::TempDir,
    pub archive: PathBuf,
    pub stream: PathBuf,
}

impl Scene {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        for leg in ["archive", "stream"] {
            copy_all(&sealed().join(leg), &dir.path().join(leg));
        }
        let (archive, stream) = (dir.path().join("archive"), dir.path().join("stream"));
        Self { dir, archive, stream }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Writes both legs of another chain in place of the sound ones.
    pub fn replace(&self, built: &Built) {
        self.replace_archive(built);
        self.replace_stream(built);
    }

    pub fn replace_archive(&self, built: &Built) {
        fs::remove_dir_all(&self.archive).expect("it is there");
        built.write_archive(self.root());
    }

    pub fn replace_stream(&self, built: &Built) {
        fs::remove_dir_all(&self.stream).expect("it is there");
        built.write_stream(self.root());
    }

    /// The true records, changed, in messages of right form under the true checkpoints.
    pub fn edit_stream(&self, change: impl FnOnce(&mut Built)) {
        let mut built = chain();
        let notes: Vec<_> =
            built.checkpoints.iter().map(|size| (*size, built.checkpoint(*size, &built.keys, true))).collect();
        change(&mut built);
        fs::remove_dir_all(&self.stream).expect("it is there");
        built.write_stream_with(self.root(), &notes);
    }

    /// The objects of the changed chain under the true checkpoints.
    pub fn edit_objects(&self, change: impl FnOnce(&mut Built)) {
        let mut built = chain();
        change(&mut built);
        for (first, end) in built.segments.iter().copied().zip(built.ends()) {
            built.write_object(&self.archive, first, end);
        }
    }

    pub fn checkpoint(&self, size: u64) -> PathBuf {
        let name = format!("{size:020}-");
        let all = files(&self.archive.join("audit-checkpoints"));
        let found = |path: &&PathBuf| {
            path.extension().is_some_and(|kind| kind == "checkpoint")
                && path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&name))
        };
        all.iter().find(found).unwrap_or_else(|| panic!("no checkpoint of size {size}")).clone()
    }

    pub fn range(&self, size: u64) -> PathBuf {
        self.checkpoint(size).with_extension("range")
    }

    pub fn genesis(&self) -> PathBuf {
        self.archive.join(format!("audit-genesis/{CHAIN}.note"))
    }

    /// The frames of a topic: key, headers, value.
    pub fn frames(&self, topic: &str) -> Vec<[Vec<u8>; 3]> {
        let files = files(&self.stream.join(topic).join("0"));
        files.iter().flat_map(|file| frames(&fs::read(file).expect("readable"))).collect()
    }

    /// Writes a topic anew, each message in a frame with its checksum; files are named by what `first` says of theirs.
    pub fn write_frames(&self, topic: &str, frames: &[[Vec<u8>; 3]], first: impl Fn(&[Vec<u8>; 3]) -> u64) {
        let dir = self.stream.join(topic).join("0");
        fs::remove_dir_all(&dir).expect("it is there");
        let Some(begin) = frames.first() else { return fs::create_dir_all(&dir).expect("made") };
        let bytes = frames.iter().flat_map(|[key, headers, value]| {
            frame(std::str::from_utf8(key).expect("text"), std::str::from_utf8(headers).expect("text"), value)
        });
        put(&dir.join(format!("{:020}.messages", first(begin))), &bytes.collect::<Vec<u8>>());
    }

    pub fn judge(&self, leg: Legs, options: Options) -> Report {
        let paths: &[PathBuf] = match leg {
            Legs::Archive => std::slice::from_ref(&self.archive),
            Legs::Stream => std::slice::from_ref(&self.stream),
            Legs::Both => &[self.archive.clone(), self.stream.clone()],
        };
        verify(paths, &options, &Unwatched).unwrap_or_else(|error| panic!("there is a chain: {error}"))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Legs {
    Archive,
    Stream,
    Both,
}

/// First sequence by the headers of a message.
pub fn first([_, headers, _]: &[Vec<u8>; 3]) -> u64 {
    let text = std::str::from_utf8(headers).expect("text");
    text.lines().find_map(|line| line.strip_prefix("sealtrail.first: ")?.parse().ok()).expect("a header")
}

fn frames(bytes: &[u8]) -> Vec<[Vec<u8>; 3]> {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let (mut frames, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let mut place = at + 8;
        let parts = [(); 3].map(|()| {
            let length = number(place);
            place += 4 + length;
            bytes[place - length..place].to_vec()
        });
        frames.push(parts);
        at += 8 + number(at);
    }
    frames
}

/// The public keys of the sound chain.
pub fn trusted() -> Options {
    let mut trust = Trust::default();
    trust.add_keys(&sealed().join("keys/log.vkey")).expect("public keys");
    Options { trust, threads: 2, ..Options::default() }
}

/// … and the checkpoint over all of it, which an auditor took home.
pub fn kept(built: &Built) -> Options {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("kept.checkpoint");
    put(&path, built.checkpoint(built.records.len() as u64, &built.keys, true).as_bytes());
    let mut options = trusted();
    options.trust.add_checkpoint(&path).expect("a checkpoint");
    options
}

/// The chain as its collector knows it, its private keys included.
pub fn chain() -> Built {
    let data = sealed();
    let note = fs::read_to_string(data.join(format!("archive/audit-genesis/{CHAIN}.note"))).expect("a note");
    let genesis = Genesis::read(&note).expect("it holds");
    let seed = |name: &str| -> [u8; 32] {
        let text = fs::read_to_string(data.join("keys").join(name)).expect("a key");
        STANDARD.decode(text.trim()).expect("base64").try_into().expect("32 bytes")
    };
    let origin = genesis.statement().origin.clone();
    let keys = Keys {
        ed25519: Ed25519Signer::new(&origin, &seed("ed25519.key")),
        ml_dsa_44: Cosigner::new(&origin, &seed("ml-dsa-44.key")),
    };
    let (objects, records) = read(data);
    let segments: Vec<u64> = objects.iter().map(|(first, _)| *first).collect();
    let rules = objects.last().map_or([0; 32], |(_, rules)| *rules);
    assert_eq!((records.len() as u64, segments.as_slice()), (END, [0, RUN, 2 * RUN].as_slice()));
    Built { keys, genesis, records, segments, checkpoints: vec![RUN, 2 * RUN, END], signed: None, rules }
}

/// First record of an object, and digest of the rules in force for it.
type Object = (u64, [u8; 32]);

/// All objects, and all records.
fn read(data: &Path) -> (Vec<Object>, Vec<(Link, String)>) {
    let (mut objects, mut records) = (Vec::new(), Vec::new());
    for file in files(&data.join("archive/audit-logs")) {
        let mut reader = Reader::open(&file).expect("an object");
        let footer = reader.footer().clone();
        objects.push((footer.segment.first.get(), footer.rules));
        let mut previous = footer.segment.before;
        let read = reader.rows(&mut |row| {
            let (sequence, observed, checksum, hash) = (row.sequence, row.observed, row.checksum, row.hash);
            records.push((Link { sequence, observed, previous, checksum, hash }, row.content.to_owned()));
            previous = hash;
            ControlFlow::Continue(())
        });
        read.expect("rows");
    }
    (objects, records)
}

/// The chain that somebody without the keys makes of it: same records, same name, keys and genesis note of their own.
pub fn forged() -> Built {
    let sound = chain();
    let keys = Keys::of(&sound.genesis.statement().origin, 9);
    let mut genesis = sound.genesis.statement().clone();
    (genesis.ed25519, genesis.ml_dsa_44) = (keys.ed25519.vkey().clone(), keys.ml_dsa_44.vkey().clone());
    let genesis = genesis.sign(&keys.ed25519);
    let (mut head, mut records) = (Head::genesis(&genesis), sound.records);
    let quoted = |note: &str| note.replace('\n', "\\n");
    for (link, content) in &mut records {
        *content = content.replace(&quoted(sound.genesis.note()), &quoted(genesis.note()));
        *link = head.seal(link.observed, Checksum::of(content.as_bytes()));
    }
    Built { keys, genesis, records, ..sound }
}

/// A copy under another name, sealed anew with keys of its own.
pub fn named(name: &str) -> Built {
    let chain: ChainName = name.parse().expect("a name");
    super::built::built(chain.as_str(), 7, |_, content| content)
}

/// The chain with its times spread, sealed anew with its own keys: a record every three minutes.
pub fn spread() -> Built {
    let mut built = chain();
    // Noon would do as well: no segment may hold two days.
    let begin = 1_795_392_000_000_000_000;
    let mut head = Head::genesis(&built.genesis);
    for (n, (link, content)) in built.records.iter_mut().enumerate() {
        let observed = UnixNanos(begin + n as u64 * 180_000_000_000);
        *link = head.seal(observed, Checksum::of(content.as_bytes()));
    }
    built
}

pub fn is_sound(report: &Report) -> bool {
    matches!(report.verdict, Verdict::Intact)
}
