//! Contents of an object whose pages are known to have the format's own form: unpacked page by page and lent from there.
//!
//! The Parquet library copies each content out of its page before anyone sees it, and unpacks for that what `verify` has begun to
//! unpack already. Most of an object's bytes are contents, so whoever has looked at their pages reads them here.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::vec;

use parquet::errors::ParquetError;
use zstd::bulk::Decompressor;

/// A page of contents: DELTA_LENGTH_BYTE_ARRAY in one frame of zstd. Made by whoever has read its lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentPage {
    /// Where it lies in the object, behind its header, and its bytes there.
    pub offset: u64,
    pub packed: usize,
    /// Bytes that it unpacks to, and those of them that stand before the first content.
    pub unpacked: usize,
    pub before: usize,
    /// Bytes of each content.
    pub lengths: Vec<u32>,
}

/// The contents of the pages, one after the other.
pub(super) struct Contents {
    file: File,
    pages: vec::IntoIter<ContentPage>,
    zstd: Decompressor<'static>,
    packed: Vec<u8>,
    page: Vec<u8>,
    /// What is left of the page: lengths, and where the next content begins.
    lengths: vec::IntoIter<u32>,
    at: usize,
}

/// A content, and the one behind it in the same page.
pub(super) struct Content<'a> {
    pub(super) text: &'a str,
    pub(super) following: Option<&'a [u8]>,
}

impl Contents {
    pub(super) fn new(file: File, pages: Vec<ContentPage>) -> Result<Self, ParquetError> {
        Ok(Self {
            file,
            pages: pages.into_iter(),
            zstd: Decompressor::new()?,
            packed: Vec::new(),
            page: Vec::new(),
            lengths: Vec::new().into_iter(),
            at: 0,
        })
    }

    /// The next content; an error where there is none, or it is no text.
    pub(super) fn next(&mut self) -> Result<Content<'_>, ParquetError> {
        while self.lengths.len() == 0 {
            let page = self.pages.next().ok_or_else(|| wrong("fewer contents than rows"))?;
            self.turn_to(page)?;
        }
        let length = self.lengths.next().map_or(0, |length| length as usize);
        let at = self.at;
        self.at += length;
        let following = self.lengths.as_slice().first().and_then(|next| self.bytes(self.at..self.at + *next as usize));
        let bytes = self.bytes(at..at + length).ok_or_else(|| wrong("a content beyond its page"))?;
        let text = simdutf8::basic::from_utf8(bytes).map_err(|_| wrong("a content that is no text"))?;
        Ok(Content { text, following })
    }

    fn bytes(&self, at: Range<usize>) -> Option<&[u8]> {
        self.page.get(at)
    }

    fn turn_to(&mut self, page: ContentPage) -> Result<(), ParquetError> {
        self.packed.resize(page.packed, 0);
        self.file.read_exact_at(&mut self.packed, page.offset)?;
        self.page.clear();
        self.page.reserve(page.unpacked);
        let unpacked = self.zstd.decompress_to_buffer(&self.packed, &mut self.page)?;
        if unpacked != page.unpacked {
            return Err(wrong("another size of a page"));
        }
        (self.lengths, self.at) = (page.lengths.into_iter(), page.before);
        Ok(())
    }
}

fn wrong(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}
