//! The header of a WAL file (`FORMAT.md`, "Header").

use sealtrail_chain::{ChainName, CompactRange, Hash, Head, Sequence, UnixNanos};

use super::frame::FileId;

/// What stands at the start of a file. It is synced before the file gets its name, so it is whole or damaged, never torn.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Header {
    pub id: FileId,
    /// The chain's head before the first record of the file.
    pub head: Head,
    /// SHA-256 over the masking rules in force for every record of the file.
    pub rules: [u8; 32],
    /// Where the file before ends: whatever it holds behind that was never acknowledged.
    pub previous: Option<Previous>,
    /// The file was another before: behind its last group stands what that held.
    pub reused: bool,
}

/// The end of the file before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Previous {
    /// Sequence of its first record; names it.
    pub first: Sequence,
    /// Bytes of it that count.
    pub end: u64,
}

/// Why bytes are no header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bad {
    /// Another release's; its layout isn't known, so neither is whether it is sound.
    Version(u32),
    Damaged,
}

/// Version of the layout that this release writes and reads.
pub(super) const VERSION: u32 = 1;
/// No header is longer: a name of 63 bytes and 64 nodes.
pub(super) const MAX_LEN: usize = FIXED + 63 + 64 * 32 + 4;

const MAGIC: [u8; 8] = *b"sealwal\n";
/// The content rules, `sealtrail/1`.
const FORMAT: u32 = 1;
const FIXED: usize = 136;

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let name = self.head.chain().as_str().as_bytes();
        let nodes = self.head.tree().nodes();
        let len = FIXED + name.len() + 32 * nodes.len() + 4;
        let mut out = Vec::with_capacity(len);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(len as u32).to_le_bytes());
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&self.head.next().get().to_le_bytes());
        out.extend_from_slice(&self.head.observed().0.to_le_bytes());
        out.extend_from_slice(&self.head.hash().0);
        out.extend_from_slice(&self.rules);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        let previous = self.previous.map_or((0, 0), |previous| (previous.first.get(), previous.end));
        out.extend_from_slice(&previous.0.to_le_bytes());
        out.extend_from_slice(&previous.1.to_le_bytes());
        out.push(u8::from(self.previous.is_some()));
        out.push(name.len() as u8);
        out.push(nodes.len() as u8);
        out.push(u8::from(self.reused));
        out.extend_from_slice(name);
        nodes.iter().for_each(|node| out.extend_from_slice(node));
        out.extend_from_slice(&crc_fast::crc32_iscsi(&out).to_le_bytes());
        out
    }

    /// Reads a header from the start of a file, and says how long it is.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, u64), Bad> {
        let mut fields = Fields(bytes);
        if fields.take::<8>()? != MAGIC {
            return Err(Bad::Damaged);
        }
        let version = u32::from_le_bytes(fields.take()?);
        if version != VERSION {
            return Err(Bad::Version(version));
        }
        let len = u32::from_le_bytes(fields.take()?) as usize;
        let (body, sum) = bytes.get(..len).and_then(<[u8]>::split_last_chunk::<4>).ok_or(Bad::Damaged)?;
        if crc_fast::crc32_iscsi(body) != u32::from_le_bytes(*sum) {
            return Err(Bad::Damaged);
        }
        let mut fields = Fields(body.get(16..).ok_or(Bad::Damaged)?);
        Ok((Self::read(&mut fields)?, len as u64))
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Bad> {
        let id = fields.take()?;
        let next = u64::from_le_bytes(fields.take()?);
        let observed = UnixNanos(u64::from_le_bytes(fields.take()?));
        let hash = Hash(fields.take()?);
        let rules = fields.take()?;
        let format = u32::from_le_bytes(fields.take()?);
        if format != FORMAT {
            return Err(Bad::Version(format));
        }
        let first = Sequence::new(u64::from_le_bytes(fields.take()?));
        let end = u64::from_le_bytes(fields.take()?);
        let [has_previous, name, nodes, reused @ (0 | 1)] = fields.take()? else { return Err(Bad::Damaged) };
        let previous = match has_previous {
            0 => None,
            1 => Some(Previous { first, end }),
            _ => return Err(Bad::Damaged),
        };
        let name = fields.slice(name.into())?;
        let chain: ChainName = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok()).ok_or(Bad::Damaged)?;
        let nodes = (0..nodes).map(|_| fields.take()).collect::<Result<Vec<[u8; 32]>, _>>()?;
        if !fields.0.is_empty() {
            return Err(Bad::Damaged);
        }
        let tree = CompactRange::from_nodes(0, next, nodes).map_err(|_| Bad::Damaged)?;
        Ok(Self {
            id,
            head: Head::resume(chain, Sequence::new(next), observed, hash, tree),
            rules,
            previous,
            reused: reused == 1,
        })
    }
}

/// Bytes not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Bad::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }
    fn slice(&mut self, len: usize) -> Result<&'a [u8], Bad> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Bad::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }
}
