//! A rotation on disk (FORMAT.md, "Rotation of keys"). `keys rotate` makes the next keys and their note in `next/`; a start of
//! the collector seals the note; once the keys before have signed their last checkpoint, a later start puts the next keys in
//! their place.
//!
//! What a crash leaves: `next/` without `rotation.note`: nothing, it is made anew. With it: a rotation that the next start
//! seals, if the log does not hold it already. With `sealed` (the record that carries the note): one that is sealed. With
//! `settled`: the keys change places, file by file, and go on doing so at the next start.
//!
//! `rotations/` keeps the notes: by them the keys in force follow from those of the genesis. `older.vkey` has the verifier keys
//! of before, `retired-<size>/` their private halves, which are of use to nobody but a forger: destroy them.

use std::path::{Path, PathBuf};

use sealtrail_chain::note::{Algorithm, NoteError, Signed, Vkey};
use sealtrail_chain::{Genesis, KeySet, Rotation, Sequence};

use super::token::LABEL;
use super::{ED25519, KeyError, Keys, ML_DSA_44, PUBLIC, io_error, make_dir, sync_dir, write};
use crate::host::hsm;

const NEXT: &str = "next";
const NOTE: &str = "rotation.note";
const SEALED: &str = "sealed";
const SETTLED: &str = "settled";
const WHO: &str = "who";
const NOTES: &str = "rotations";
const OLDER: &str = "older.vkey";

/// A rotation that is not over yet.
pub struct Pending {
    /// The next keys.
    pub keys: Keys,
    pub note: Signed<Rotation>,
    /// The record that carries the note, once that is known to be sealed.
    pub sealed: Option<Sequence>,
    /// Who asked for it, and why.
    pub who: String,
}

impl Pending {
    /// Makes the next keys, and has `note` made for them.
    pub fn prepare<E: From<KeyError>>(
        dir: &Path,
        log: &str,
        token: Option<&hsm::Config>,
        who: &str,
        note: impl FnOnce(&Keys) -> Result<Signed<Rotation>, E>,
    ) -> Result<Self, E> {
        let next = dir.join(NEXT);
        if next.join(NOTE).exists() {
            return Err(KeyError::Pending { dir: next }.into());
        }
        make_dir(&next)?;
        // What an attempt left that came to no note was never shown to anybody.
        for name in [ED25519, LABEL, ML_DSA_44, PUBLIC] {
            remove(&next.join(name))?;
        }
        let keys = Keys::generate(&next, log, token)?;
        let note = note(&keys)?;
        write(&next, &next.join(WHO), who.as_bytes(), 0o644)?;
        write(&next, &next.join(NOTE), note.note().as_bytes(), 0o644)?;
        Ok(Self { keys, note, sealed: None, who: who.to_owned() })
    }

    /// The rotation that is not over, if there is one.
    pub fn read(dir: &Path, log: &str, token: Option<&hsm::Config>) -> Result<Option<Self>, KeyError> {
        let next = dir.join(NEXT);
        let Some(note) = text(&next.join(NOTE))? else { return Ok(None) };
        let wrong = |source| KeyError::Note { path: next.join(NOTE), source };
        let note = Rotation::read(&note).map_err(wrong)?;
        let keys = Keys::read(&next, log, token)?.ok_or_else(|| KeyError::Form { path: next.join(ED25519) })?;
        let sealed = text(&next.join(SEALED))?.and_then(|text| text.trim_end().parse().ok()).map(Sequence::new);
        let who = text(&next.join(WHO))?.unwrap_or_default();
        Ok(Some(Self { keys, note, sealed, who }))
    }

    /// Writes down that the record `at` carries the note.
    pub fn sealed(dir: &Path, at: Sequence) -> Result<(), KeyError> {
        let next = dir.join(NEXT);
        write(&next, &next.join(SEALED), format!("{at}\n").as_bytes(), 0o644)
    }

    /// The keys before are needed no more: the next ones take their place.
    pub fn settle(dir: &Path) -> Result<(), KeyError> {
        let next = dir.join(NEXT);
        write(&next, &next.join(SETTLED), b"", 0o644)?;
        finish(dir)
    }
}

/// Goes on where a crash has broken off the change of places.
pub fn finish(dir: &Path) -> Result<(), KeyError> {
    let next = dir.join(NEXT);
    if !next.join(SETTLED).exists() {
        return Ok(());
    }
    let note_file = next.join(NOTE);
    if let Some(note) = text(&note_file)? {
        let note = Rotation::read(&note).map_err(|source| KeyError::Note { path: note_file.clone(), source })?;
        let rotation = note.statement();
        let retired = dir.join(format!("retired-{:020}", rotation.size));
        make_dir(&retired)?;
        if let Some(before) = text(&dir.join(PUBLIC))?.filter(|_| next.join(PUBLIC).exists()) {
            let older = text(&dir.join(OLDER))?.unwrap_or_default();
            write(dir, &dir.join(OLDER), format!("{older}{before}").as_bytes(), 0o644)?;
        }
        for name in [ML_DSA_44, ED25519, LABEL, PUBLIC] {
            change_places(dir, &next, &retired, name)?;
        }
        let notes = dir.join(NOTES);
        make_dir(&notes)?;
        write(&notes, &note_path(dir, rotation.size), note.note().as_bytes(), 0o644)?;
    }
    // The note goes before the mark: without the mark nobody would look here again.
    for name in [NOTE, SEALED, WHO, SETTLED] {
        remove(&next.join(name))?;
    }
    sync_dir(&next)
}

/// A file of the next keys takes the place of the one before, which retires. Where there is no next one, both did so already,
/// or this key is of another kind.
#[allow(clippy::disallowed_methods, reason = "keys move here alone, and each directory is synced")]
fn change_places(dir: &Path, next: &Path, retired: &Path, name: &str) -> Result<(), KeyError> {
    let (from, to) = (next.join(name), dir.join(name));
    if !from.exists() {
        return Ok(());
    }
    // An Ed25519 key is in a file or in a token, whichever the one before was in.
    let before: &[&str] = if [ED25519, LABEL].contains(&name) { &[ED25519, LABEL] } else { &[name] };
    for before in before.iter().filter(|before| dir.join(before).exists()) {
        let away = retired.join(before);
        std::fs::rename(dir.join(before), &away).map_err(|source| io_error("rename to", &away, source))?;
        sync_dir(retired)?;
    }
    std::fs::rename(&from, &to).map_err(|source| io_error("rename to", &to, source))?;
    sync_dir(dir)
}

/// The keys in force now, as they follow from the genesis and the notes that are kept; or the first note that doesn't follow.
pub fn in_force(dir: &Path, genesis: &Genesis) -> Result<KeySet, KeyError> {
    let mut keys = KeySet::from(genesis);
    for note in kept(dir)? {
        let path = || note_path(dir, note.statement().size);
        note.follows(&genesis.origin, &keys).map_err(|source| KeyError::Note { path: path(), source })?;
        keys = note.statement().keys.clone();
    }
    Ok(keys)
}

/// The notes that are kept, in their order.
pub fn kept(dir: &Path) -> Result<Vec<Signed<Rotation>>, KeyError> {
    let read = |path: PathBuf| {
        let note = text(&path)?.unwrap_or_default();
        Rotation::read(&note).map_err(|source| KeyError::Note { path, source })
    };
    notes(dir).into_iter().map(read).collect()
}

/// Keeps what a backup of the keys alone has lost: notes, and the verifier keys of before. What is there stays.
pub fn restore(dir: &Path, notes: &[&Signed<Rotation>], older: &[Vkey]) -> Result<(), KeyError> {
    let below = dir.join(NOTES);
    for note in notes {
        let path = note_path(dir, note.statement().size);
        if !path.exists() {
            make_dir(&below)?;
            write(&below, &path, note.note().as_bytes(), 0o644)?;
        }
    }
    let there = text(&dir.join(OLDER))?.unwrap_or_default();
    let lines = older.iter().map(Vkey::to_string).filter(|line| there.lines().all(|known| known != line));
    let lines: String = lines.map(|line| line + "\n").collect();
    if lines.is_empty() { Ok(()) } else { write(dir, &dir.join(OLDER), format!("{there}{lines}").as_bytes(), 0o644) }
}

/// The last note that is kept; `None`: the keys are those of the genesis.
pub fn last(dir: &Path) -> Result<Option<Signed<Rotation>>, KeyError> {
    Ok(kept(dir)?.pop())
}

/// The Ed25519 verifier keys of before.
pub fn older(dir: &Path) -> Result<Vec<Vkey>, KeyError> {
    ed25519_in(&dir.join(OLDER))
}

/// That of the pair which a rotation without it replaces: what was handed out tells it, though its private half may be gone.
/// Only where the recovery key vouches for the change: whoever exchanges key files must not have those of before believed.
pub fn replaced(dir: &Path) -> Result<Vec<Vkey>, KeyError> {
    ed25519_in(&dir.join(PUBLIC))
}

fn ed25519_in(path: &Path) -> Result<Vec<Vkey>, KeyError> {
    let wrong = |source: NoteError| KeyError::Note { path: path.to_owned(), source };
    let text = text(path)?.unwrap_or_default();
    let keys: Result<Vec<Vkey>, _> = text.lines().map(|line| line.parse().map_err(wrong)).collect();
    let mut keys = keys?;
    keys.retain(|key| key.algorithm() == Algorithm::Ed25519);
    Ok(keys)
}

fn note_path(dir: &Path, size: u64) -> PathBuf {
    dir.join(NOTES).join(format!("{size:020}.note"))
}

fn notes(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join(NOTES)).into_iter().flatten().flatten();
    let mut paths: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.extension() == Some("note".as_ref())).collect();
    paths.sort();
    paths
}

fn text(path: &Path) -> Result<Option<String>, KeyError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("read", path, source)),
    }
}

#[allow(clippy::disallowed_methods, reason = "what a rotation left behind; the directory is synced by who calls")]
fn remove(path: &Path) -> Result<(), KeyError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(io_error("remove", path, source)),
        _ => Ok(()),
    }
}
