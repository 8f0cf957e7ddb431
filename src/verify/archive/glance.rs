//! What is asked of an object before it is judged, or without: where it begins and ends, and the genesis note in it. It is
//! answered by the object's own word, which judging then confirms or contradicts.

use std::ops::ControlFlow;

use sealtrail_chain::{UnixNanos, content};

use super::DAY;
use super::failure::guarded;
use crate::archive::Reader;
use crate::verify::judge::Own;
use crate::verify::leg::File;
use crate::verify::own::own;
use crate::verify::scope::Begin;
use crate::verify::store::Store;

/// The genesis note that record 0 carries, if the object begins with it.
pub(in crate::verify) fn genesis(store: &dyn Store, file: &File) -> Option<String> {
    let mut note = None;
    let outcome = guarded(|| {
        Reader::of(store.open(&file.path)?, &file.path)?.rows(&mut |row| {
            if row.sequence.get() == 0
                && let Some(Own::Started { genesis }) = content::read(row.content).ok().as_ref().and_then(own)
            {
                note = genesis;
            }
            ControlFlow::Break(())
        })
    });
    outcome.ok()?;
    note
}

/// Where an object begins, by its name, and by its first row or, where reading that would fetch it whole, by the day in its
/// path: no object holds two days.
pub(in crate::verify) fn begin(store: &dyn Store, file: &File) -> Option<Begin> {
    if file.first == u64::MAX {
        return None;
    }
    let date = file.path.parent()?.file_name()?.to_str()?.strip_prefix("date=")?;
    let midnight: jiff::Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
    let earliest = u64::try_from(midnight.as_nanosecond()).ok()?;
    let (mut earliest, mut latest) = (UnixNanos(earliest), UnixNanos(earliest.saturating_add(DAY - 1)));
    if store.is_near() {
        let read = guarded(|| {
            Reader::of(store.open(&file.path)?, &file.path)?.rows(&mut |row| {
                (earliest, latest) = (row.observed, row.observed);
                ControlFlow::Break(())
            })
        });
        read.ok()?;
    }
    Some(Begin { sequence: file.first, earliest, latest })
}

/// One past the last record that an object claims.
pub(in crate::verify) fn end(store: &dyn Store, file: &File) -> Option<u64> {
    let reader = guarded(|| Reader::of(store.open(&file.path)?, &file.path)).ok()?;
    reader.footer().segment.last.get().checked_add(1)
}
