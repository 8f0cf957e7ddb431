//! What a witness cosigned last: `<key id>.cosigned` in the data directory, the note as it is stored beside the checkpoint.
//!
//! It saves one question at a start, and no more: a state that is lost, or behind, is learnt again from the witness's answer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_chain::Checkpoint;
use sealtrail_chain::note::Vkey;

use super::protocol::Cosigned;
use crate::host::{Disk, whole};

/// Longer than any note with its cosignatures.
const MOST: usize = 1 << 20;

/// The place of one witness's last word.
pub(super) struct State {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    key: Vkey,
}

/// What was cosigned last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) size: u64,
    /// When the checkpoint was signed by the log: its name has it.
    pub(super) signed: u64,
    /// When the witness cosigned it, by its own clock.
    pub(super) unix_seconds: u64,
}

impl State {
    pub(super) fn of(disk: Arc<dyn Disk>, dir: &Path, key: &Vkey) -> Self {
        let path = dir.join(format!("{}.cosigned", const_hex::encode(key.id())));
        Self { disk, path, key: key.clone() }
    }

    /// What is kept, where it holds; anything else counts as lost. `signed`: the log's own time stands in the first line.
    pub(super) fn read(&self) -> Option<Last> {
        let text = whole::read(&*self.disk, &self.path, MOST).ok()??;
        let (signed, note) = text.split_once('\n')?;
        let (checkpoint, signatures) = Checkpoint::verify(note, std::slice::from_ref(&self.key)).ok()?;
        let unix_seconds = signatures.witnessed.first()?.unix_seconds?;
        Some(Last { size: checkpoint.statement().size, signed: signed.parse().ok()?, unix_seconds })
    }

    /// Keeps what was cosigned just now. `signed`: the Unix seconds in the checkpoint's name.
    pub(super) fn keep(&self, signed: u64, cosigned: &Cosigned) -> io::Result<()> {
        whole::write(&*self.disk, &self.path, &format!("{signed}\n{}", cosigned.note))
    }
}
