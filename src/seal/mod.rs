//! Sealing: gives masked records their place in the chain.

mod config;
pub mod own;

pub use config::Config;

use sealtrail_chain::{Content, Head, Link, UnixNanos};

use crate::mask::Masked;

/// A record with its link: may be written to the WAL.
pub struct Sealed {
    content: Content,
    link: Link,
}

impl Sealed {
    pub fn content(&self) -> &Content {
        &self.content
    }
    pub fn link(&self) -> &Link {
        &self.link
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
    /// Seals the next record; its link is made by the chain's one way of making links, `Head::seal`.
    pub fn seal(&mut self, observed: UnixNanos, record: Masked) -> Sealed {
        let link = self.head.seal(observed, record.checksum());
        Sealed { content: record.into_content(), link }
    }
}
