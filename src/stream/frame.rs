//! One message as the local twin frames it: length and CRC-32C of the rest, then key, headers and value with their
//! lengths, all numbers u32 little-endian (FORMAT.md, "Local twin").

/// Bytes before the rest: its length and its checksum.
pub(super) const PREFIX: usize = 8;

/// Longest rest that is read: far above the longest that is written, and what a hostile length can make us allocate.
pub(super) const MAX_REST: usize = 16 << 20;

/// A message as it was read; nothing in it is checked but the frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Framed<'a> {
    pub key: &'a [u8],
    /// `name: value` lines.
    pub headers: &'a [u8],
    pub value: &'a [u8],
}

/// Appends a frame to `out`.
pub(super) fn append(out: &mut Vec<u8>, message: Framed<'_>) {
    let parts = [message.key, message.headers, message.value];
    let start = out.len();
    out.reserve(PREFIX + parts.iter().map(|part| 4 + part.len()).sum::<usize>());
    out.extend_from_slice(&[0; PREFIX]);
    for part in parts {
        out.extend_from_slice(&length(part.len()));
        out.extend_from_slice(part);
    }
    let rest = start + PREFIX;
    let crc = crc32c::crc32c(&out[rest..]);
    let len = length(out.len() - rest);
    out[start..start + 4].copy_from_slice(&len);
    out[start + 4..rest].copy_from_slice(&crc.to_le_bytes());
}

/// Length and checksum of the rest.
pub(super) fn prefix(bytes: [u8; PREFIX]) -> (usize, u32) {
    let [a, b, c, d, e, f, g, h] = bytes;
    (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]))
}

/// Takes the rest apart; `None` when its parts don't fill it exactly.
pub(super) fn split(rest: &[u8]) -> Option<Framed<'_>> {
    let (key, rest) = part(rest)?;
    let (headers, rest) = part(rest)?;
    let (value, rest) = part(rest)?;
    rest.is_empty().then_some(Framed { key, headers, value })
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize)
}

fn length(len: usize) -> [u8; 4] {
    u32::try_from(len).expect("a message is built under MAX_MESSAGE, far below 4 GiB").to_le_bytes()
}
