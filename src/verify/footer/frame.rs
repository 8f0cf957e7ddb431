//! A frame of zstd, header by header, without unpacking it: what stands around it and between its blocks is passed over by all
//! readers. And what unpacks those of one object after the other, in the same memory.
//!
//! Source: RFC 8878, section 3.

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::bits::Wrong;

/// Unpacks pages. A page is small beside the memory that this takes: who makes one a page spends most on it.
pub(super) struct Unpacker {
    zstd: DCtx<'static>,
    bytes: Vec<u8>,
}

impl Unpacker {
    pub(super) fn new() -> Self {
        let mut zstd = DCtx::create();
        // Of a page whose window is larger nothing is unpacked: it would stay in memory for all pages behind it.
        zstd.set_parameter(DParameter::WindowLogMax(LARGEST_WINDOW_LOG)).expect("zstd has a window of 16 MiB");
        Self { zstd, bytes: Vec::new() }
    }

    /// All of a page.
    pub(super) fn whole(&mut self, bytes: &[u8], unpacked: usize) -> Result<&[u8], Wrong> {
        one_frame(bytes, unpacked)?;
        self.bytes.resize(unpacked, 0);
        match self.zstd.decompress(&mut *self.bytes, bytes) {
            Ok(length) if length == unpacked => Ok(&self.bytes),
            _ => Err(Wrong::Form),
        }
    }

    /// The first bytes of a page; `None` where they can't be had, so that nobody knows what they claim.
    pub(super) fn start(&mut self, bytes: &[u8], length: usize) -> Option<&[u8]> {
        self.bytes.resize(length, 0);
        self.zstd.reset(ResetDirective::SessionOnly).ok()?;
        let (mut packed, mut start) = (InBuffer::around(bytes), OutBuffer::around(&mut *self.bytes));
        while start.pos() < length {
            let before = (packed.pos, start.pos());
            self.zstd.decompress_stream(&mut start, &mut packed).ok()?;
            if (packed.pos, start.pos()) == before {
                return None;
            }
        }
        Some(&self.bytes)
    }
}

/// Whether that is one frame of zstd that says how much it unpacks to, without a dictionary or a checksum, each of its blocks
/// with something in it: other frames before and behind it, and empty blocks, are passed over by all readers.
pub(super) fn one_frame(bytes: &[u8], unpacked: usize) -> Result<(), Wrong> {
    let rest = bytes.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd]).ok_or(Wrong::Form)?;
    let (descriptor, mut rest) = rest.split_first().ok_or(Wrong::Form)?;
    let single = descriptor & 0x20 != 0;
    if descriptor & 0x1f != 0 {
        return Err(Wrong::Form);
    }
    if !single {
        let (window, behind) = rest.split_first().ok_or(Wrong::Form)?;
        if u32::from(*window) > (LARGEST_WINDOW_LOG - 10) << 3 {
            return Err(Wrong::Form);
        }
        rest = behind;
    }
    let (size, above) = match descriptor >> 6 {
        0 if single => (1, 0),
        0 => return Err(Wrong::Form),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    let (size, mut rest) = rest.split_at_checked(size).ok_or(Wrong::Form)?;
    let size = size.iter().rev().fold(0, |size, byte| size << 8 | u64::from(*byte));
    if size.checked_add(above) != u64::try_from(unpacked).ok() {
        return Err(Wrong::Form);
    }
    loop {
        let (header, behind) = rest.split_first_chunk::<3>().ok_or(Wrong::Form)?;
        let header = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let (last, kind, size) = (header & 1 == 1, header >> 1 & 3, (header >> 3) as usize);
        let (stored, least) = match kind {
            0 => (size, 1),
            1 => (1, 1),
            // Of two bytes, both say that there is nothing.
            2 => (size, 3),
            _ => return Err(Wrong::Form),
        };
        if size < least && !(last && unpacked == 0) {
            return Err(Wrong::Form);
        }
        rest = behind.get(stored..).ok_or(Wrong::Form)?;
        if last {
            return if rest.is_empty() { Ok(()) } else { Err(Wrong::Form) };
        }
    }
}

/// Of a window of 16 MiB.
const LARGEST_WINDOW_LOG: u32 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(bytes, 1).expect("it packs")
    }

    /// Text that no reader shows, in what stands around a page's own frame and between its blocks.
    #[test]
    fn a_page_is_one_frame_that_it_fills() {
        let text = b"payment ".repeat(40_000);
        let frame = packed(&text);
        let judged = |bytes: &[u8]| one_frame(bytes, text.len());
        assert_eq!(judged(&frame), Ok(()));
        assert_eq!(one_frame(&packed(&[]), 0), Ok(()));
        let passed_over = [&[0x50, 0x2a, 0x4d, 0x18, 6, 0, 0, 0][..], b"hidden"].concat();
        for (what, bytes) in [
            ("a frame that is passed over behind", [&frame[..], &passed_over].concat()),
            ("one before", [&passed_over[..], &frame].concat()),
            ("an empty frame behind", [frame.clone(), packed(&[])].concat()),
            ("bytes behind", [&frame[..], b"hidden"].concat()),
            ("a cut frame", frame[..frame.len() - 1].to_vec()),
            ("two frames", [packed(&text[..8]), packed(&text[8..])].concat()),
            ("no frame", text.clone()),
        ] {
            assert_eq!(judged(&bytes), Err(Wrong::Form), "{what}");
        }
        assert_eq!(one_frame(&frame, text.len() + 1), Err(Wrong::Form), "another size");
        // Raw blocks: an empty one, and one that holds all.
        let blocks = [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, 2][..], &[0, 0, 0], &[17, 0, 0], b"ok"].concat();
        assert_eq!(one_frame(&blocks, 2), Err(Wrong::Form));
        assert_eq!(one_frame(&[&blocks[..6], &blocks[9..]].concat(), 2), Ok(()));
    }
}
