//! How much one transaction of the stream may hold.

use crate::stream::{Batch, MAX_MESSAGE};

/// Bytes of messages that the next batch may hold, before compression.
///
/// A transaction's two markers and their replication cost brokers the same, however much it holds; but over a slow link much
/// of it does not pass before `transaction_timeout`, and would be tried for ever. So a batch that fails is halved, and each
/// that stands lets the next one hold a little more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room(usize);

impl Room {
    const MOST: usize = 16 << 20;
    const STEP: usize = 512 << 10;

    pub(super) fn bytes(self) -> usize {
        self.0
    }

    /// This batch failed; whether less of it may be tried.
    pub(super) fn shrink(&mut self, batch: &Batch) -> bool {
        self.0 = (batch.bytes().min(self.0) / 2).max(MAX_MESSAGE);
        batch.messages.len() > 1
    }

    /// A batch stands.
    pub(super) fn grow(&mut self) {
        self.0 = (self.0 + Self::STEP).min(Self::MOST);
    }
}

impl Default for Room {
    fn default() -> Self {
        Self(Self::MOST)
    }
}
