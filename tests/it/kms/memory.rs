//! What is left in memory of a key that KMS has opened.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::server::Server;
use super::{config, holds, rule};
use crate::harness::Collector;

/// The libraries free the buffers in which the key came, and don't wipe them: docs/masking.md says how glibc is told to.
#[test]
#[cfg(target_env = "gnu")]
fn where_glibc_overwrites_what_is_freed_nothing_is_left_of_the_answer_of_kms() {
    let dir = tempfile::tempdir().expect("a directory");
    let kms = Server::start(&["--tls"]);
    let wrapped = kms.wrap("k1", &kms.operator, &["--ca-file", kms.ca_file()]).expect("wrapped");
    std::fs::write(dir.path().join("k1.wrapped"), &wrapped).expect("written");
    std::fs::write(dir.path().join("card.yaml"), rule("k1")).expect("written");
    let section = kms.section(dir.path(), "k1", "k1.wrapped");
    let section = section.replace("region:", &format!("ca_file: {}, region:", kms.ca_file()));
    let mut environment = kms.collector.clone();
    environment.push(("GLIBC_TUNABLES".to_owned(), "glibc.malloc.perturb=90".to_owned()));
    let collector = Collector::try_start_with(dir.path(), &config(&section), &[], &environment);
    let collector = collector.unwrap_or_else(|log| panic!("{log}"));
    let Some(memory) = memory(collector.pid()) else {
        eprintln!("NOT PROVED: only root reads the memory of a process that forbids it");
        return;
    };
    let found = |sought: &[u8]| memory.iter().any(|part| holds(part, sought));
    let plain = kms.open("k1", &wrapped).expect("it opens");
    assert!(found(wrapped.trim().as_bytes()), "the search finds what the configuration holds");
    assert!(!found(BASE64_STANDARD.encode(&plain).as_bytes()), "the answer in which the key came");
    assert!(collector.stop().0.success());
}

/// All that a process can read of its own memory.
#[cfg(target_env = "gnu")]
fn memory(pid: u32) -> Option<Vec<Vec<u8>>> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut file = File::open(format!("/proc/{pid}/mem")).ok()?;
    let ranges = maps.lines().filter(|line| line.contains(" r")).filter_map(|line| {
        let (from, to) = line.split_once(' ')?.0.split_once('-')?;
        Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
    });
    let mut parts = Vec::new();
    for (from, to) in ranges {
        let mut part = vec![0; usize::try_from(to - from).ok()?];
        file.seek(SeekFrom::Start(from)).ok()?;
        // What the kernel keeps there for itself, and what was given back meanwhile, can't be read.
        if file.read_exact(&mut part).is_ok() {
            parts.push(part);
        }
    }
    Some(parts)
}
