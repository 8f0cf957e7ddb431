//! What lies among the files of a chain, or beside them in a way that engines and people take for a part of it, and is none of the
//! format's. Names alone tell; what a crash leaves has names of its own.

use std::path::{Path, PathBuf};

use super::Error;
use super::leg::number;
use super::store::{Local, Store};

/// What lies beside the directories of an archive and poses as a part of it: an engine that is pointed at the root reads that, too.
/// Other files and directories may lie beside them, for whoever fetched an archive chose the place.
pub(super) fn beside(store: &dyn Store, root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut foreign = Vec::new();
    for entry in store.entries(root)? {
        let path = root.join(&entry.name);
        let poses = match entry.name.as_str() {
            // A link, or a file.
            "audit-logs" | "audit-checkpoints" | "audit-genesis" | "audit-keys" => !entry.is_dir,
            ".tmp" if entry.is_dir => {
                let entries = store.entries(&path).unwrap_or_default().into_iter();
                let strangers = entries.filter(|entry| !(entry.is_file && is_unfinished(&entry.name)));
                foreign.extend(strangers.map(|entry| path.join(entry.name)));
                false
            }
            // What can't be listed is none of ours to judge.
            _ if entry.is_dir => {
                store.entries(&path).is_ok_and(|entries| entries.iter().any(|entry| entry.name.starts_with("chain=")))
            }
            name => name.ends_with(".parquet"),
        };
        if poses {
            foreign.push(path);
        }
    }
    Ok(foreign)
}

/// Whether the collector names an object like that before it is whole; a crash leaves it until the next start.
fn is_unfinished(name: &str) -> bool {
    let hex = |text: &str| text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let Some((token, rest)) = name.split_once('-') else { return false };
    hex(token)
        && (rest.strip_suffix(".parquet.tmp").is_some_and(|stem| number(stem).is_some()) || rest.starts_with("audit-"))
}

/// What lies in a partition of a stream and is no file of messages.
pub(super) fn of_partition(store: &dyn Store, dir: &Path, foreign: &mut Vec<PathBuf>) -> Result<(), Error> {
    let strays = store.entries(dir)?.into_iter().filter(|entry| !(entry.is_file && entry.name.ends_with(".messages")));
    foreign.extend(strays.map(|entry| dir.join(entry.name)));
    Ok(())
}

/// The number of a partition, as it is written.
pub(super) fn partition(name: &str) -> Option<u32> {
    name.parse().ok().filter(|number: &u32| number.to_string() == name)
}

/// What lies in a topic and is no partition; and what lies in its partitions and is no file of messages. An archive may share the
/// directory: what lies among its objects is said there.
pub(super) fn of_topic(topic: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = if topic.is_dir() { Local.entries(topic)? } else { Vec::new() };
    let shared = entries.iter().any(|entry| entry.name.starts_with("chain="));
    let mut foreign = Vec::new();
    for entry in entries.into_iter().filter(|_| !shared) {
        let path = topic.join(&entry.name);
        if entry.is_dir && partition(&entry.name).is_some() {
            of_partition(&Local, &path, &mut foreign)?;
        } else {
            foreign.push(path);
        }
    }
    Ok(foreign)
}
