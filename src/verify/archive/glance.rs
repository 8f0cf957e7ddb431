//! What is asked of an object before it is judged, or without: where it begins and ends, and the genesis note in it. It is
//! answered by the object's own word, which judging then confirms or contradicts.

use std::ops::ControlFlow;

use sealtrail_chain::{UnixNanos, content};

use super::DAY;
use super::failure::{guarded, io_error};
use crate::archive::{Reader, Row};
use crate::verify::footer::is_readable;
use crate::verify::judge::Own;
use crate::verify::leg::File;
use crate::verify::own::own;
use crate::verify::scope::Begin;
use crate::verify::store::Store;

/// The genesis note that record 0 carries, if the object begins with it.
pub(in crate::verify) fn genesis(store: &dyn Store, file: &File) -> Option<String> {
    let mut note = None;
    first_row(store, file, &mut |row| {
        if row.sequence.get() == 0
            && let Some(Own::Started { genesis }) = content::read(row.content).ok().as_ref().and_then(own)
        {
            note = genesis;
        }
    })?;
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
        first_row(store, file, &mut |row| (earliest, latest) = (row.observed, row.observed))?;
    }
    Some(Begin { sequence: file.first, earliest, latest })
}

/// Hands over an object's first row. `None`: it can't be read, or claims more than anyone should make room for.
fn first_row(store: &dyn Store, file: &File, each: &mut dyn FnMut(&Row<'_>)) -> Option<()> {
    let read = guarded(|| {
        let bytes = store.open(&file.path)?;
        let mut reader = Reader::of(bytes.try_clone().map_err(io_error(&file.path))?, &file.path)?;
        if !is_readable(&bytes, reader.parquet(), Reader::MOST_ROWS).map_err(io_error(&file.path))? {
            return Ok(false);
        }
        reader.rows(&mut |row| {
            each(&row);
            ControlFlow::Break(())
        })?;
        Ok(true)
    });
    read.ok()?.then_some(())
}

/// One past the last record that an object claims.
pub(in crate::verify) fn end(store: &dyn Store, file: &File) -> Option<u64> {
    let reader = guarded(|| Reader::of(store.open(&file.path)?, &file.path)).ok()?;
    reader.footer().segment.last.get().checked_add(1)
}
