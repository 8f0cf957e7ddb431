//! Own records of what commands did beside the collector: they leave word in `own/` of the data directory, and the collector
//! seals it, within a second where it runs, else at its next start.
//!
//! A file is whole and synced before it has its name, and is removed only at an orderly stop, when all is sealed: what a
//! command did is sealed at least once, and twice after a crash in between (the record's resource and reason are the same).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sealtrail_chain::UnixNanos;
use serde::{Deserialize, Serialize};

use super::own::{Event, Kind, Reporter};
use crate::host::Disk;

/// What is written down of an event.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    resource: String,
    reason: String,
    count: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

const SUFFIX: &str = ".own";

fn dir(data_dir: &Path) -> PathBuf {
    data_dir.join("own")
}

/// Leaves word of an event; `now` names it.
pub fn leave(disk: &dyn Disk, data_dir: &Path, event: &Event, now: UnixNanos) -> Result<(), Error> {
    let dir = dir(data_dir);
    let path = dir.join(format!("{:020}-{}{SUFFIX}", now.0, std::process::id()));
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { doing, path, source }
    };
    let word = Word {
        event: event.kind.event_name().to_owned(),
        user: event.user.clone(),
        resource: event.resource.clone().unwrap_or_default(),
        reason: event.reason.clone().unwrap_or_default(),
        count: event.count,
    };
    let text = serde_json::to_vec(&word).expect("texts and a number");
    disk.create_dir_all(&dir).map_err(failed("make", &dir))?;
    let new = path.with_added_extension("new");
    let file = disk.create(&new).map_err(failed("create", &new))?;
    file.write_at(&text, 0).and_then(|()| file.sync()).map_err(failed("write", &new))?;
    disk.rename(&new, &path).map_err(failed("rename to", &path))?;
    disk.sync_dir(&dir).map_err(failed("sync", &dir))
}

/// What was found, until it is sealed.
pub struct Spool {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    reporter: Reporter,
    /// What was reported.
    reported: Mutex<BTreeSet<PathBuf>>,
    /// What could not be read, and was said.
    unread: Mutex<BTreeSet<PathBuf>>,
}

impl Spool {
    /// Reports all events of which word was left by now.
    pub fn open(disk: Arc<dyn Disk>, data_dir: &Path, reporter: Reporter) -> Self {
        let spool = Self { disk, dir: dir(data_dir), reporter, reported: Mutex::default(), unread: Mutex::default() };
        spool.look();
        spool
    }

    /// Reports what was left since. What can't be read stays, and is said once.
    pub fn look(&self) {
        // A path is in a set or not: nobody leaves one half changed.
        let note = |set: &Mutex<BTreeSet<PathBuf>>, path: &PathBuf| {
            set.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone())
        };
        let is_known = |path: &PathBuf| self.reported.lock().unwrap_or_else(PoisonError::into_inner).contains(path);
        for name in self.disk.list(&self.dir).unwrap_or_default().into_iter().filter(|name| name.ends_with(SUFFIX)) {
            let path = self.dir.join(name);
            // It stays until the stop: it must not be read at every look until then.
            if is_known(&path) {
                continue;
            }
            match read(&*self.disk, &path) {
                Ok(event) => {
                    note(&self.reported, &path);
                    self.reporter.report(event);
                }
                Err(error) if note(&self.unread, &path) => {
                    tracing::warn!(%error, path = %path.display(), "an own record could not be read");
                }
                Err(_) => {}
            }
        }
    }

    /// Looks from time to time, until it is given up.
    pub async fn follow(&self) {
        const LOOK: Duration = Duration::from_millis(500);
        loop {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
    }

    /// All that was reported is sealed.
    pub fn sealed(&self) {
        for path in self.reported.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Err(error) = self.disk.remove(path) {
                tracing::warn!(%error, path = %path.display(), "an own record is sealed, and will be again");
            }
        }
    }
}

fn read(disk: &dyn Disk, path: &Path) -> io::Result<Event> {
    let file = disk.open(path)?;
    let length = usize::try_from(file.len()?).unwrap_or(usize::MAX).min(LONGEST);
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, 0)?;
    let word: Word = serde_json::from_slice(bytes.get(..read).unwrap_or_default())?;
    // Whoever may write here could have the collector say anything of itself; of these it says who did it, and no more.
    let kind = [Kind::Repaired, Kind::Revealed, Kind::Read].into_iter().find(|kind| kind.event_name() == word.event);
    let kind = kind.ok_or(io::ErrorKind::InvalidData)?;
    let (resource, reason) = (Some(word.resource), Some(word.reason));
    Ok(Event { user: word.user, resource, reason, count: word.count, ..Event::new(kind) })
}

/// A word is some hundred bytes.
const LONGEST: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{SystemClock, SystemDisk};

    #[test]
    fn word_that_was_left_is_reported_until_it_is_sealed() {
        let dir = tempfile::tempdir().expect("a directory");
        let event = Event {
            resource: Some("archive, records 3 to 9".to_owned()),
            reason: Some("object deleted, INC-4711".to_owned()),
            count: 7,
            ..Event::new(Kind::Repaired)
        };
        leave(&SystemDisk, dir.path(), &event, UnixNanos(5)).expect("left");
        let found = || {
            let reporter = Reporter::new(Arc::new(SystemClock::new()));
            let spool = Spool::open(Arc::new(SystemDisk), dir.path(), reporter.clone());
            (spool, reporter)
        };
        let events = |reporter: &Reporter| -> Vec<_> {
            reporter.take(UnixNanos(0), true).into_iter().map(|entry| entry.event).collect()
        };
        assert_eq!(events(&found().1), std::slice::from_ref(&event));
        let (spool, reporter) = found();
        assert_eq!(events(&reporter), std::slice::from_ref(&event), "it was not sealed yet");
        let later = Event { user: Some("uid 1000".to_owned()), ..Event { kind: Kind::Revealed, ..event } };
        leave(&SystemDisk, dir.path(), &later, UnixNanos(6)).expect("left");
        spool.look();
        spool.look();
        assert_eq!(events(&reporter), [later], "what was left since is reported, once");
        spool.sealed();
        assert_eq!(events(&found().1), []);
    }
}
