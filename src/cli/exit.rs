//! Exit codes: the same for every command, so that a script can tell tampering from a typing error.

use std::process::{ExitCode, Termination};

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Exit {
    /// All well.
    Ok = 0,
    /// A check failed: tampered, not compliant, drill failed.
    Failed = 1,
    /// Could not run: usage, configuration, I/O.
    CouldNotRun = 2,
    /// Nothing bad was found, but not all that was asked could be checked (no trusted key, unread objects).
    NotAllChecked = 3,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
