//! Why an object was not read to its end, and what that means: damage is a finding, what this release or the machine can't read
//! is not. No word of the Parquet library is passed on, and no panic of it ends the work.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use parquet::errors::ParquetError;
use sealtrail_chain::ChainName;

use crate::archive::Error;
use crate::verify::finding::{Code, Finding};
use crate::verify::leg::Unread;

/// Why an object was not read to its end.
pub(super) enum Failure {
    Error(Error),
    /// The Parquet library gave up on bytes that contradict themselves, by a panic (60.1 does, on negative offsets in a
    /// column's metadata). One such object must not end the verification of all others.
    Panic,
    /// Pages claim more than the format allows, or than they hold, or can't be followed: who reads on makes room for what they
    /// claim.
    Pages,
}

pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, Error>) -> Result<T, Failure> {
    match panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(outcome) => outcome.map_err(Failure::Error),
        Err(_) => Err(Failure::Panic),
    }
}

/// What the library makes of the indexes; nothing where they are no sound Parquet.
pub(super) fn indexed<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(read)).ok().and_then(Result::ok)
}

pub(super) fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { doing: "open", path, source }
}

/// An object that can't be read: damage is a finding; what this release or the machine can't read is not.
pub(super) fn unread(failure: Failure, chain: &ChainName, at: u64, place: &Arc<str>) -> (Unread, Option<Finding>) {
    let found = match failure {
        Failure::Error(Error::Io { source, .. }) => return (Unread::Unchecked(source.to_string()), None),
        Failure::Error(Error::S3(error)) => return (Unread::Unchecked(first_line(&error)), None),
        Failure::Error(Error::Version { found, .. }) => {
            return (Unread::Unchecked(format!("version {found:?} of the format is not known to this release")), None);
        }
        Failure::Error(Error::Metadata { key, problem, .. }) => format!("`{key}` {problem}"),
        Failure::Error(Error::Column { column, problem, .. }) => format!("column `{column}` {problem}"),
        Failure::Pages => "pages that can't be followed, or claim more than they hold or may hold".to_owned(),
        // Parquet's own messages may repeat bytes of the file.
        _ => "bytes that are not sound Parquet".to_owned(),
    };
    let at = if at == u64::MAX { 0 } else { at };
    (Unread::Damaged, Some(Finding::at(Code::Damaged, chain, at, place).expected("an object of the format", found)))
}

/// An error without its remedy.
pub(in crate::verify) fn first_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
