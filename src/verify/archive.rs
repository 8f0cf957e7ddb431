//! The archive leg as verification sees it: Parquet objects row by row, and the small objects beside them.

use std::fs;
use std::path::Path;

use super::checkpoints::{Problem, Stored};
use super::fold::Unit;
use super::leg::File;
use super::{Job, Watch};

pub(super) fn judge(_file: &File, _job: &Job<'_>, _watch: &dyn Watch) -> Unit { todo!() }
pub(super) fn genesis(_file: &File) -> Option<String> { None }
pub(super) fn end(_file: &File) -> Option<u64> { None }

/// Hands the checkpoint objects of a chain on, in the order of their sizes, and says what else lies there.
pub(super) fn checkpoints(dir: &Path, each: &mut dyn FnMut(Stored), problem: &mut dyn FnMut(Problem)) {
    if !dir.is_dir() {
        return;
    }
    let names = match super::leg::entries(dir) {
        Ok(names) => names,
        Err(error) => return problem(Problem::Unread { path: dir.into(), reason: error.to_string() }),
    };
    let mut witnesses = 0;
    for name in &names {
        let path = dir.join(name);
        let size = name.split_once('-').filter(|(size, _)| size.len() == 20).and_then(|(size, _)| size.parse().ok());
        match (path.extension().and_then(|extension| extension.to_str()), size) {
            (Some("checkpoint"), Some(named)) => match fs::read(&path) {
                Ok(note) => each(Stored {
                    place: path.display().to_string().into(),
                    note: String::from_utf8_lossy(&note).into_owned(),
                    named,
                    range: Some(path.with_extension("range")),
                }),
                Err(error) => problem(Problem::Unread { path, reason: error.to_string() }),
            },
            (Some("checkpoint"), None) => problem(Problem::Name { path }),
            (Some("range"), size) => {
                if !path.with_extension("checkpoint").is_file() {
                    problem(Problem::Orphan { path, size: size.unwrap_or(0) });
                }
            }
            (Some("cosigned" | "tsr"), _) => witnesses += 1,
            _ => {}
        }
    }
    if witnesses > 0 {
        problem(Problem::Witnesses { count: witnesses });
    }
}
