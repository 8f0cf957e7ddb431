//! How much one transaction of the stream may hold.

use crate::stream::{Batch, MAX_MESSAGE};

/// Bytes of messages that the next batch may hold, before compression.
///
/// A transaction's two markers and their replication cost brokers the same, however much it holds; but over a slow link much
/// of it does not pass before `transaction_timeout`, and would be tried for ever. So one that ran out of time is halved, and each
/// that stands although it filled the room lets the next one hold a little more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room(usize);

impl Room {
    const MOST: usize = 16 << 20;
    const STEP: usize = 512 << 10;

    pub(super) fn bytes(self) -> usize {
        self.0
    }

    /// This batch ran out of time; whether there is less of it to be tried.
    pub(super) fn shrink(&mut self, batch: &Batch) -> bool {
        let divisible = batch.messages.len() > 1;
        if divisible {
            self.0 = self.0.min((batch.bytes() / 2).max(MAX_MESSAGE));
        }
        divisible
    }

    /// This batch stands.
    pub(super) fn grow(&mut self, batch: &Batch) {
        if batch.bytes() >= self.0 {
            self.0 = (self.0 + Self::STEP).min(Self::MOST);
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self(Self::MOST)
    }
}

#[cfg(test)]
mod tests {
    use sealtrail_chain::{Hash, Sequence};

    use super::*;
    use crate::stream::Message;

    fn batch(messages: usize, bytes: usize) -> Batch {
        let message =
            |_| Message { first: Sequence::ZERO, last: Sequence::ZERO, head: Hash([0; 32]), value: vec![0; bytes] };
        Batch { messages: (0..messages).map(message).collect(), checkpoints: Vec::new() }
    }

    /// Halved down to one message and no further, and back in steps by what fills it alone.
    #[test]
    fn a_room_shrinks_by_halves_and_grows_in_steps() {
        let mut room = Room::default();
        assert!(!room.shrink(&batch(1, MAX_MESSAGE)), "one message is not divided");
        assert_eq!(room, Room::default());
        assert!(room.shrink(&batch(8, 800_000)));
        assert_eq!(room.bytes(), 3_200_000);
        assert!(room.shrink(&batch(2, 800_000)));
        assert_eq!(room.bytes(), MAX_MESSAGE);
        room.grow(&batch(1, 1000));
        assert_eq!(room.bytes(), MAX_MESSAGE, "a small batch says nothing of a large one");
        room.grow(&batch(2, 800_000));
        assert_eq!(room.bytes(), MAX_MESSAGE + Room::STEP);
        (0..40).for_each(|_| room.grow(&batch(32, 800_000)));
        assert_eq!(room, Room::default());
    }
}
