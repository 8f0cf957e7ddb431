//! Sealing: gives masked records their place in the chain.

mod batch;
mod config;
pub mod keys;
pub mod own;
pub mod spool;

pub use batch::{Batch, Slot};
pub use config::{Config, Witness};

use sealtrail_chain::{Head, Link, UnixNanos};

/// A record with its link, at its place in a batch: may be written to the WAL.
pub struct Sealed<'b, const ROOM: usize> {
    slot: Slot<'b, ROOM>,
    link: Link,
}

impl<'b, const ROOM: usize> Sealed<'b, ROOM> {
    pub fn link(&self) -> &Link {
        &self.link
    }
    /// Where the link is to be written, and what it is to be written before.
    pub fn into_slot(self) -> Slot<'b, ROOM> {
        self.slot
    }
}

/// The growing end of this collector's chain.
pub struct Sealer {
    head: Head,
}

impl Sealer {
    pub fn new(head: Head) -> Self {
        Self { head }
    }
    pub fn head(&self) -> &Head {
        &self.head
    }
    /// Seals the records one after the other; their links are made by the chain's one way of making links, `Head::seal_all`.
    pub fn seal<'b, const ROOM: usize>(
        &mut self,
        observed: UnixNanos,
        records: impl Iterator<Item = Slot<'b, ROOM>>,
        mut sealed: impl FnMut(Sealed<'b, ROOM>),
    ) {
        self.head.seal_all(observed, records, Slot::checksum, |slot, link| sealed(Sealed { slot, link }));
    }
}
