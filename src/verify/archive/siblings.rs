//! The small objects beside the records: checkpoints, ranges, and what others said of them, told by their names alone.
//!
//! Nothing is judged here; what lies there under no name of the format is said.

use std::path::Path;

use crate::verify::checkpoints::{Problem, Stored, Text};
use crate::verify::store::Store;
use crate::verify::vouched::{Lying, What};

/// Hands the checkpoint objects of a chain on, in the order of their sizes, and says what else lies there.
///
/// The collector puts a `.range` and then its `.checkpoint`, one pair behind the other. Killed between the two, it leaves
/// the newest `.range` alone, and brings the checkpoint at its next start; any other lone one is what someone left over.
pub(in crate::verify) fn checkpoints(
    store: &dyn Store,
    dir: &Path,
    each: &mut dyn FnMut(Stored),
    beside: &mut dyn FnMut(Lying),
    problem: &mut dyn FnMut(Problem),
) {
    if !store.is_dir(dir) {
        return;
    }
    let entries = match store.entries(dir) {
        Ok(entries) => entries,
        Err(error) => return problem(Problem::Unread { path: dir.into(), reason: error.to_string() }),
    };
    let newest = entries.iter().rev().find(|entry| kind(&entry.name).is_some()).map(|entry| entry.name.clone());
    for entry in entries {
        let path = dir.join(&entry.name);
        match kind(&entry.name).filter(|_| entry.is_file) {
            Some((Sibling::Checkpoint, named, seconds)) => each(Stored {
                place: path.display().to_string().into(),
                note: Text::Object,
                named,
                seconds: Some(seconds),
                range: Some(path.with_extension("range")),
                path,
            }),
            Some((Sibling::Range, size, _)) if !store.is_file(&path.with_extension("checkpoint")) => {
                let interrupted = newest.as_ref() == Some(&entry.name);
                problem(if interrupted { Problem::Interrupted { size } } else { Problem::Orphan { path, size } });
            }
            Some((Sibling::Range, ..)) => {}
            Some((Sibling::Vouched(what), size, seconds)) => beside(Lying { path, size, seconds, what }),
            // Beside its stamp it is judged with that. It comes before it, so a crash leaves it alone.
            Some((Sibling::Revoked, ..)) if store.is_file(&path.with_extension("tsr")) => {}
            // An emptied one is another than the chain names.
            Some((Sibling::Revoked, size, _)) => match store.read(&path) {
                Ok(bytes) if bytes.is_empty() || sealtrail_timestamp::are_lists(&bytes) => {}
                Ok(_) => problem(Problem::Lists { path, size }),
                Err(error) => problem(Problem::Unread { path, reason: error.to_string() }),
            },
            None if entry.name.ends_with(".checkpoint") && entry.is_file => problem(Problem::Name { path }),
            None => problem(Problem::Foreign { path }),
        }
    }
}

enum Sibling {
    Checkpoint,
    Range,
    Vouched(What),
    /// What was revoked at the time of a stamp.
    Revoked,
}

/// What an object beside the records is by its name, and the size and the seconds in it.
fn kind(name: &str) -> Option<(Sibling, u64, u64)> {
    let (stem, extension) = name.split_once('.')?;
    let (size, seconds) = stem.split_once('-')?;
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let sibling = match extension {
        "checkpoint" => Sibling::Checkpoint,
        "range" => Sibling::Range,
        "tsr" => Sibling::Vouched(What::Stamp),
        "crl" => Sibling::Revoked,
        _ => Sibling::Vouched(What::Cosigned(cosigner(extension)?)),
    };
    (digits(size, 20) && digits(seconds, 10)).then_some((sibling, size.parse().ok()?, seconds.parse().ok()?))
}

/// The key id in `<8 hex digits>.cosigned`.
fn cosigner(extension: &str) -> Option<[u8; 4]> {
    let id = extension.strip_suffix(".cosigned").filter(|id| !id.bytes().any(|b| b.is_ascii_uppercase()))?;
    let mut bytes = [0; 4];
    const_hex::decode_to_slice(id, &mut bytes).ok().filter(|()| id.len() == 8)?;
    Some(bytes)
}
