//! What `verify` takes, beside the least that any check must do; what a second thread gains, beside what it gains for SHA-256
//! alone; and its memory as an archive grows.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::collector::peak_mib;

/// Each time is the least of so many: the machine may be busy with other things.
const ROUNDS: usize = 3;
/// Blocks that are hashed alone, and the bytes of each: what a record's content is made of.
const BLOCKS: usize = 1 << 20;
const BLOCK: usize = 1000;

/// Verifies the archive that a collector left in `data`, with `records` records.
pub fn run(data: &Path, records: usize) {
    let archive = data.join("archive");
    let (mut floor, mut one, mut two, mut peak) = (f64::MAX, f64::MAX, f64::MAX, 0);
    let (mut hash_one, mut hash_two) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        floor = floor.min(read_unpack_hash(&archive));
        let (seconds, mib) = verify(data, &["--threads", "2"]);
        (two, peak) = (two.min(seconds), peak.max(mib));
        one = one.min(verify(data, &["--threads", "1"]).0);
        hash_one = hash_one.min(hash(1));
        hash_two = hash_two.min(hash(2));
    }
    println!(
        "verify          {:.0} records/s; {:.2} of the time of reading, unpacking and hashing alone",
        records as f64 / two,
        two / floor
    );
    let (gain, alone) = (one / two, hash_one / hash_two);
    println!(
        "second thread   {gain:.2} times as fast; SHA-256 alone {alone:.2} times: {:.2} of what it gains",
        gain / alone
    );
    let tenth = (records / 10).to_string();
    let (_, small) = verify(data, &["--threads", "2", "--to", &tenth]);
    println!(
        "its memory      {peak} MiB, {small} MiB for a tenth of the records: {:+.0} % at ten times the data",
        100.0 * (peak as f64 / small as f64 - 1.0)
    );
}

/// Seconds and peak memory of the real binary. A part of an archive is judged as a part, so that it may end with 3.
fn verify(data: &Path, more: &[&str]) -> (f64, u64) {
    let path = |name: &str| data.join(name).display().to_string();
    let started = Instant::now();
    let mut child = Command::new(crate::binary())
        .args(["verify", "--public-key", &path("keys/log.vkey"), &path("archive")])
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let mut peak = 0;
    let status = loop {
        peak = peak_mib(child.id()).unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success() || (more.contains(&"--to") && status.code() == Some(3)), "verify: {status}");
    (started.elapsed().as_secs_f64(), peak)
}

/// Seconds that all cores need to read the objects, unpack `content`, and hash it: the least that any check of it can cost.
fn read_unpack_hash(archive: &Path) -> f64 {
    let objects = Mutex::new(objects(archive));
    timed(std::thread::available_parallelism().map_or(1, usize::from), || {
        loop {
            let Some(object) = objects.lock().expect("nobody panicked").pop() else { return };
            let mut reader = sealtrail::archive::Reader::open(&object).expect("a segment");
            reader
                .rows(&mut |row| {
                    std::hint::black_box(Sha256::digest(row.content));
                    std::ops::ControlFlow::Continue(())
                })
                .expect("sound");
        }
    })
}

fn objects(archive: &Path) -> Vec<PathBuf> {
    let mut objects = Vec::new();
    let mut dirs = vec![archive.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("readable").map_while(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path)
            } else if path.extension().is_some_and(|kind| kind == "parquet") {
                objects.push(path)
            }
        }
    }
    objects
}

/// Seconds that so many threads need to hash all blocks together.
fn hash(threads: usize) -> f64 {
    let block = [7; BLOCK];
    timed(threads, || {
        for _ in 0..BLOCKS / threads {
            std::hint::black_box(Sha256::digest(std::hint::black_box(&block)));
        }
    })
}

/// Seconds until so many threads have done `work`.
fn timed(threads: usize, work: impl Fn() + Sync) -> f64 {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(&work);
        }
    });
    started.elapsed().as_secs_f64()
}
