#![doc = include_str!("../FORMAT.md")]
#![forbid(unsafe_code)]

pub mod checkpoint;
mod civil;
pub mod content;
pub mod genesis;
pub mod link;
pub mod note;
pub mod proof;
pub mod rotation;
pub mod segment;
mod sha256;
pub mod tree;

pub use checkpoint::{Checkpoint, Cosigner};
pub use content::Content;
pub use genesis::Genesis;
pub use link::{Break, ChainName, Checksum, Hash, Head, Link, Run, Sequence, UnixNanos};
pub use rotation::{KeySet, Rotation};
pub use segment::Segment;
pub use tree::{CompactRange, Root};
