//! One message as the local twin frames it: length and CRC-32C of the rest, then key, headers and value with their
//! lengths, all numbers u32 little-endian (FORMAT.md, "Local twin").

use crc_fast::CrcAlgorithm::Crc32Iscsi;
use crc_fast::Digest;

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

/// All of a frame that stands before its value, which whoever writes it writes from where it lies.
pub(super) fn head(message: Framed<'_>) -> Vec<u8> {
    let Framed { key, headers, value } = message;
    let mut head = Vec::with_capacity(PREFIX + 12 + key.len() + headers.len());
    head.extend_from_slice(&[0; PREFIX]);
    for part in [key, headers] {
        head.extend_from_slice(&length(part.len()));
        head.extend_from_slice(part);
    }
    head.extend_from_slice(&length(value.len()));
    let mut crc = Digest::new(Crc32Iscsi);
    crc.update(&head[PREFIX..]);
    crc.update(value);
    let crc = crc.finalize() as u32;
    let len = length(head.len() - PREFIX + value.len());
    head[..4].copy_from_slice(&len);
    head[4..PREFIX].copy_from_slice(&crc.to_le_bytes());
    head
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::stream::reader::{Damage, Error, FileName, Messages};

    /// The frames that a second implementation wrote: read as it says, written the same, and refused as it says.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "reads the vectors")]
    fn frames_are_those_of_the_second_implementation() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("chain/vectors");
        let mut seen = (0, 0);
        for entry in std::fs::read_dir(&dir).expect("the vectors are in the repository") {
            let path = entry.expect("a name").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if !name.starts_with("frame-") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("readable");
            let vector: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let hex = |value: &serde_json::Value| const_hex::decode(value.as_str().expect("a text")).expect("hex");
            let bytes = hex(&vector["given"]["frame"]);
            type Parts = (Vec<u8>, Vec<u8>, Vec<u8>);
            let read = |newest| -> Result<Option<Parts>, Error> {
                let file = FileName { path: name.clone().into(), first: 0, newest };
                let mut messages = Messages::new(&*bytes, bytes.len() as u64, &file);
                let message = messages.next()?;
                Ok(message.map(|m| (m.key.to_vec(), m.headers.to_vec(), m.value.to_vec())))
            };
            match vector["refused"].as_array().map(|reasons| reasons[0].as_str().expect("a word")) {
                None => {
                    let expected = &vector["expected"];
                    let text = |member: &str| expected[member].as_str().expect("a text").as_bytes().to_vec();
                    let (key, headers, value) = (text("key"), text("headers"), hex(&expected["value"]));
                    let head = head(Framed { key: &key, headers: &headers, value: &value });
                    assert_eq!([head, value.clone()].concat(), bytes, "{name}");
                    assert_eq!(read(false).expect(&name), Some((key, headers, value)), "{name}");
                    seen.0 += 1;
                }
                // At the end of the newest file a message cut short is none; anywhere else it is damage.
                Some("short") => {
                    assert_eq!(read(true).expect(&name), None, "{name}");
                    assert!(matches!(read(false), Err(Error::Damaged { what: Damage::Cut, .. })), "{name}");
                    seen.1 += 1;
                }
                Some(reason) => {
                    assert_eq!(reason, "damage", "{name}");
                    assert!(matches!(read(true), Err(Error::Damaged { .. })), "{name}");
                    seen.1 += 1;
                }
            }
        }
        assert!(seen.0 >= 2 && seen.1 >= 7, "the vectors are there: {seen:?}");
    }
}
