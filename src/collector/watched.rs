//! Looks at files by time and size, so that a change of the rules or of the configuration is found without a signal.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// How often the files are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// By what a changed file is known without reading it. `None`: it can't be asked.
type Stamp = Option<(SystemTime, u64)>;

/// Files, and how each was when it was last read.
pub(super) struct Watched(Mutex<Vec<(PathBuf, Stamp)>>);

impl Watched {
    /// To be called before the files are read: a change in between is seen at the next look.
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        Self(Mutex::new(stamped(paths)))
    }

    /// From here on these files; what is known of those that stay is kept. To be called before they are read.
    pub(super) fn follow(&self, paths: Vec<PathBuf>) {
        let mut files = self.lock();
        let mut next = stamped(paths);
        for (path, stamp) in &mut next {
            if let Some((_, known)) = files.iter().find(|(before, _)| before == path) {
                *stamp = *known;
            }
        }
        *files = next;
    }

    /// Whether a file has changed since the last call that said so, or since it was taken: a wrong file is tried once, not
    /// at every look.
    pub(super) fn changed(&self) -> bool {
        let mut files = self.lock();
        let now = stamped(files.iter().map(|(path, _)| path.clone()).collect());
        let changed = *files != now;
        *files = now;
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(PathBuf, Stamp)>> {
        // It is replaced whole: a thread that panicked can't have left it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamped(paths: Vec<PathBuf>) -> Vec<(PathBuf, Stamp)> {
    let stamp = |path: &PathBuf| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    paths.into_iter().map(|path| (stamp(&path), path)).map(|(stamp, path)| (path, stamp)).collect()
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test writes files of its own")]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("rules.yaml");
        let watched = Watched::new(vec![path.clone()]);
        assert!(!watched.changed(), "missing, as it was");
        std::fs::write(&path, "one").expect("written");
        assert!(watched.changed());
        assert!(!watched.changed());
        std::fs::write(&path, "longer").expect("written");
        assert!(watched.changed());
        std::fs::remove_file(&path).expect("there");
        assert!(watched.changed());
        assert!(!watched.changed());
    }
}
