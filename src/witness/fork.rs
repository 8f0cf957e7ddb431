//! The mark of a fork: a witness has seen another history of this chain. While it stands, nothing is signed.
//!
//! It lies in the data directory as `fork`, and holds what a person needs to judge it: who said it, what it was asked, what it
//! answered. Nothing here removes it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::host::{Disk, whole};

const MOST: usize = 1 << 20;

/// The place of the mark.
#[derive(Clone)]
pub struct Mark {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

/// Why it is not known whether a mark stands.
#[derive(Debug, thiserror::Error)]
#[error("can't read {}: {source}\n  remedy  it tells whether a witness has seen another history of this chain: see that it can be read", path.display())]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

impl Mark {
    /// Below the directory in which the witnesses' last words are kept.
    pub fn at(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        Self { disk, path: dir.join("fork") }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stands.
    pub fn stands(&self) -> Result<bool, Error> {
        let text = whole::read(&*self.disk, &self.path, MOST);
        text.map(|text| text.is_some()).map_err(|source| Error { path: self.path.clone(), source })
    }

    /// Sets it; one that stands stays, for the first says most.
    pub(super) fn set(&self, text: &str) -> io::Result<()> {
        if self.stands().is_ok_and(|stands| stands) {
            return Ok(());
        }
        whole::write(&*self.disk, &self.path, text)
    }
}
