//! The chain as C2SP `tlog-tiles`: files that any transparency-log tool reads from any web server, to check the whole tree.
//!
//! An entry is the 32 bytes of a record's hash, computed here from the content as it lies in the archive, never copied from
//! beside it: so a changed record makes another tree, and whoever compares it with the signed checkpoint sees it. Hashes
//! show nothing of a record (Promise 6 needs no word of this).
//!
//! ```text
//! checkpoint                  the newest stored one, as it is
//! tile/<level>/<index>        256 hashes; a level 0 hash is a leaf, one above is the root of a full tile below
//! tile/entries/<index>        256 entries, each behind its length, u16 big-endian
//!   …                         the last of a row, where it is not full: <index>.p/<width>
//! ```
//!
//! Memory stays flat: one tile of each level. Nothing is synced, for it can be made again.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sealtrail_chain::segment::checkpoint_key;
use sealtrail_chain::{ChainName, Checkpoint, Checksum, CompactRange, Hash, Link, tree};
use tokio::runtime::Runtime;

use super::Error;
use crate::archive::{Objects as _, Reader, Target, listing};

/// Hashes in a full tile.
const WIDTH: usize = 256;

/// What was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exported {
    pub origin: String,
    /// Records under the checkpoint, and how many of them were there, without a gap from 0.
    pub size: u64,
    pub records: u64,
    /// Whether their root is the one that the checkpoint names. (Who signed it is for others to ask.)
    pub root_is_signed: bool,
}

/// Writes the records under the newest stored checkpoint as tiles below `dir`, which must not hold any yet. Blocks.
pub fn export(
    archive: &Target,
    runtime: &Runtime,
    place: &str,
    chain: &ChainName,
    dir: &Path,
) -> Result<Exported, Error> {
    let newest = runtime.block_on(listing::checkpoints(archive, chain))?.pop();
    let no_chain = || Error::NoChain { chain: chain.clone(), place: place.to_owned() };
    let newest = newest.ok_or_else(no_chain)?;
    let key = checkpoint_key(chain, newest.size, newest.unix_seconds);
    let wrong = |problem| Error::Note { key: key.clone(), problem };
    let note = runtime.block_on(archive.note(&key))?.ok_or_else(|| wrong("is not there"))?;
    let note = String::from_utf8(note).map_err(|_| wrong("is no text"))?;
    let checkpoint = Checkpoint::parse(&note).map_err(|source| Error::Unsound { key: key.clone(), source })?;

    let mut tiles = Tiles::new(dir, chain.clone(), checkpoint.size);
    for segment in runtime.block_on(listing::segments(archive, chain))? {
        if segment.first.get() >= checkpoint.size {
            break;
        }
        tiles.segment(runtime.block_on(archive.object(&segment.key))?)?;
    }
    let records = tiles.records;
    let range = tiles.finish()?;
    write(&dir.join("checkpoint"), note.as_bytes())?;
    Ok(Exported {
        root_is_signed: records == checkpoint.size && range.root() == checkpoint.root,
        origin: checkpoint.origin,
        size: checkpoint.size,
        records,
    })
}

/// The tree as it grows.
struct Tiles {
    dir: PathBuf,
    chain: ChainName,
    size: u64,
    records: u64,
    previous: Hash,
    range: CompactRange,
    entries: Vec<u8>,
    /// Of each level the hashes of the tile that is not full yet, and how many full ones there are.
    levels: Vec<(Vec<[u8; 32]>, u64)>,
}

impl Tiles {
    fn new(dir: &Path, chain: ChainName, size: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            chain,
            size,
            records: 0,
            previous: Hash([0; 32]),
            range: CompactRange::empty(0),
            entries: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// Takes the records that come next. One out of its turn is passed over: the tree ends up short, and is told so.
    fn segment(&mut self, mut reader: Reader) -> Result<(), Error> {
        if self.records == 0 {
            // The digest of the genesis note; a wrong one makes a wrong hash.
            self.previous = reader.footer().segment.before;
        }
        let mut failed = None;
        reader.rows(&mut |row| {
            if row.sequence.get() != self.records || self.records == self.size {
                return ControlFlow::Break(());
            }
            let checksum = Checksum::of(row.content.as_bytes());
            let hash = Link::compute(&self.chain, row.sequence, row.observed, self.previous, checksum);
            match self.push(hash) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn push(&mut self, hash: Hash) -> Result<(), Error> {
        self.previous = hash;
        self.range.push(&hash);
        self.entries.extend_from_slice(&32u16.to_be_bytes());
        self.entries.extend_from_slice(&hash.0);
        self.records += 1;
        let (number, width) = (self.records / WIDTH as u64, self.records % WIDTH as u64);
        if width == 0 {
            let entries = std::mem::take(&mut self.entries);
            write(&self.dir.join("tile/entries").join(index(number - 1)), &entries)?;
        }
        self.node(0, tree::leaf(&hash))
    }

    /// Adds a hash to a level; a tile that it fills is one hash of the level above.
    fn node(&mut self, level: usize, hash: [u8; 32]) -> Result<(), Error> {
        if self.levels.len() == level {
            self.levels.push((Vec::with_capacity(WIDTH), 0));
        }
        let Some((tile, full)) = self.levels.get_mut(level) else { return Ok(()) };
        tile.push(hash);
        if tile.len() < WIDTH {
            return Ok(());
        }
        let (tile, number) = (std::mem::replace(tile, Vec::with_capacity(WIDTH)), *full);
        *full += 1;
        write(&self.dir.join(format!("tile/{level}")).join(index(number)), tile.as_flattened())?;
        self.node(level + 1, root(tile))
    }

    /// Writes what is not full.
    fn finish(self) -> Result<CompactRange, Error> {
        let partial = |number: u64, width: usize| format!("{}.p/{width}", index(number));
        let width = usize::try_from(self.records % WIDTH as u64).unwrap_or(0);
        if width > 0 {
            let path = self.dir.join("tile/entries").join(partial(self.records / WIDTH as u64, width));
            write(&path, &self.entries)?;
        }
        for (level, (tile, full)) in self.levels.iter().enumerate().filter(|(_, (tile, _))| !tile.is_empty()) {
            let path = self.dir.join(format!("tile/{level}")).join(partial(*full, tile.len()));
            write(&path, tile.as_flattened())?;
        }
        Ok(self.range)
    }
}

/// Root of a full tile.
fn root(mut tile: Vec<[u8; 32]>) -> [u8; 32] {
    while tile.len() > 1 {
        let pairs = tile.chunks_exact(2).filter_map(|pair| match pair {
            [left, right] => Some(tree::inner(left, right)),
            _ => None,
        });
        tile = pairs.collect();
    }
    tile.first().copied().unwrap_or_default()
}

/// A tile's number in path elements of three digits, all but the last with an `x` before them.
fn index(number: u64) -> String {
    let mut path = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

/// A new file; one that is there already is never taken over.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |doing| {
        let path = path.to_owned();
        move |source| Error::Io { doing, path, source }
    };
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(failed("make the directory of"))?;
    }
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(failed("write"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    fn hash(n: u64) -> Hash {
        Hash(Sha256::digest(n.to_be_bytes()).into())
    }

    #[test]
    fn numbers_are_written_as_the_standard_shows() {
        assert_eq!([0, 7, 999, 1000, 1_234_067].map(index), ["000", "007", "999", "x001/000", "x001/x234/067"]);
    }

    /// The example of the standard: which tiles a tree of 70,000 has, and how wide each is.
    #[test]
    fn a_tree_has_the_tiles_that_the_standard_names() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut tiles = Tiles::new(dir.path(), "payments".parse().expect("a name"), 70_000);
        (0..70_000).for_each(|n| tiles.push(hash(n)).expect("written"));
        let range = tiles.finish().expect("written");
        let length = |path: &str| fs::metadata(dir.path().join("tile").join(path)).map(|file| file.len()).ok();
        for (path, hashes) in
            [("0/000", 256), ("0/272", 256), ("0/273.p/112", 112), ("1/000", 256), ("1/001.p/17", 17), ("2/000.p/1", 1)]
        {
            assert_eq!(length(path), Some(hashes * 32), "{path}");
        }
        assert_eq!(length("entries/272"), Some(256 * 34));
        assert_eq!(length("entries/273.p/112"), Some(112 * 34));
        for absent in ["0/273", "0/274.p/0", "1/001", "2/000", "entries/273"] {
            assert_eq!(length(absent), None, "{absent}");
        }
        // The roots of the tiles, joined as the tree is, give its root.
        let top = fs::read(dir.path().join("tile/2/000.p/1")).expect("read");
        let mut whole = CompactRange::empty(0);
        (0..65_536).for_each(|n| whole.push(&hash(n)));
        assert_eq!(top, whole.root().0);
        (65_536..70_000).for_each(|n| whole.push(&hash(n)));
        assert_eq!(range, whole);
        assert!(write(&dir.path().join("tile/0/000"), b"").is_err(), "never taken over");
    }

    #[test]
    fn a_tree_of_256_has_a_partial_tile_above() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut tiles = Tiles::new(dir.path(), "payments".parse().expect("a name"), 256);
        (0..256).for_each(|n| tiles.push(hash(n)).expect("written"));
        tiles.finish().expect("written");
        let there = |path: &str| dir.path().join("tile").join(path).exists();
        assert!(there("0/000") && there("1/000.p/1") && there("entries/000"));
        assert!(!there("0/001.p/0") && !there("entries/001.p/0"));
    }
}
