//! Masked records on their way into the log together.
//!
//! They stand next to each other as they will stand in the log, with room before each for what its place there adds. So a
//! content is written once by the thread that masked it and goes to the disk from where it lies; and what a request's records
//! take is given back in a few pieces, not record by record by another thread than the one that took it.

use std::convert::Infallible;
use std::ops::Range;
use std::{mem, slice};

use sealtrail_chain::Checksum;

use crate::mask::{Masked, Refused, Unwritten};

/// A piece is as large as all before it together, within these bounds, so that a few records don't take the space of many.
const SMALLEST: usize = 4 << 10;
const LARGEST: usize = 256 << 10;

/// Masked records in the order in which they will be sealed, each behind `ROOM` bytes that the log fills in. Only what was
/// masked gets in.
#[derive(Default)]
pub struct Batch<const ROOM: usize> {
    /// Whole records: none reaches from one piece into the next.
    pieces: Vec<Vec<u8>>,
    /// The last piece, as long as it grows.
    open: String,
    records: Vec<Record>,
    /// The last record, as long as it waits to be hashed beside the next one: where its content lies in the open piece.
    waiting: Option<Range<usize>>,
    bytes: usize,
    allocated: usize,
}

struct Record {
    checksum: Checksum,
    len: usize,
}

impl Record {
    fn new(checksum: Checksum, content: &Range<usize>) -> Self {
        Self { checksum, len: content.len() }
    }
}

/// A masked record at its place in a batch. Made by [`Batch::slots`] alone.
pub struct Slot<'b, const ROOM: usize> {
    pub room: &'b mut [u8; ROOM],
    pub content: &'b [u8],
    checksum: Checksum,
}

impl<const ROOM: usize> Slot<'_, ROOM> {
    /// SHA-256 of the content.
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }
}

impl<const ROOM: usize> Batch<ROOM> {
    /// What stands in a record's room until the log fills it.
    const BLANK: &str = match str::from_utf8(&[0; ROOM]) {
        Ok(blank) => blank,
        // Zeros are UTF-8; were they not, this would not compile.
        Err(_) => unreachable!(),
    };

    /// Writes a record behind the others; after an error it isn't there.
    pub fn write(&mut self, record: &Unwritten<'_>) -> Result<(), Refused> {
        self.add(record.likely_len(), |piece| record.append_to(piece).map(|()| None))
    }

    /// Copies a record behind the others.
    pub fn push(&mut self, record: &Masked) {
        let content = record.content().as_str();
        let copied = self.add(content.len(), |piece| {
            piece.push_str(content);
            Ok::<_, Infallible>(Some(record.checksum()))
        });
        let Ok(()) = copied;
    }

    /// Has a record of about `likely` bytes appended to a piece, which gives its checksum where that is known.
    fn add<E>(
        &mut self,
        likely: usize,
        append: impl FnOnce(&mut String) -> Result<Option<Checksum>, E>,
    ) -> Result<(), E> {
        let likely = ROOM + likely;
        if self.open.capacity() - self.open.len() < likely {
            self.close();
            self.open = String::with_capacity(self.bytes.clamp(SMALLEST, LARGEST).max(likely));
        } else {
            self.allocated -= self.open.capacity();
        }
        let start = self.open.len();
        self.open.push_str(Self::BLANK);
        let appended = append(&mut self.open);
        match appended {
            Ok(checksum) => {
                self.bytes += self.open.len() - start;
                self.hash(start + ROOM..self.open.len(), checksum);
            }
            Err(_) => {
                self.open.truncate(start);
                self.open.shrink_to(LARGEST);
            }
        }
        self.allocated += self.open.capacity();
        appended.map(drop)
    }

    /// Gives a record of the open piece its checksum, if that is not known, and so the one that waits before it.
    fn hash(&mut self, content: Range<usize>, known: Option<Checksum>) {
        match (self.waiting.take(), known) {
            (None, None) => self.waiting = Some(content),
            (Some(before), None) => {
                let [first, second] = Checksum::of_two(self.text(&before), self.text(&content));
                self.records.extend([Record::new(first, &before), Record::new(second, &content)]);
            }
            (before, Some(known)) => {
                self.waiting = before;
                self.settle();
                self.records.push(Record::new(known, &content));
            }
        }
    }

    /// Gives the last record its checksum. Who gathers records does this before another thread gets them: it has other work.
    pub fn settle(&mut self) {
        if let Some(at) = self.waiting.take() {
            self.records.push(Record::new(Checksum::of(self.text(&at)), &at));
        }
    }

    fn text(&self, at: &Range<usize>) -> &[u8] {
        self.open.as_bytes().get(at.clone()).expect("a record is hashed before its piece is closed")
    }

    fn close(&mut self) {
        self.settle();
        let piece = mem::take(&mut self.open);
        if piece.is_empty() {
            self.allocated -= piece.capacity();
        } else {
            self.pieces.push(piece.into_bytes());
        }
    }

    /// Adds the records of `behind`, from where they lie.
    pub fn append(&mut self, mut behind: Self) {
        self.close();
        behind.close();
        self.pieces.append(&mut behind.pieces);
        self.records.append(&mut behind.records);
        self.bytes += behind.bytes;
        self.allocated += behind.allocated;
    }

    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.records.len() + usize::from(self.waiting.is_some())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all records with their room: what they will take in the log.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory that it holds.
    pub fn allocated(&self) -> usize {
        self.allocated + self.records.capacity() * size_of::<Record>()
    }

    /// The records, first to last.
    pub fn slots(&mut self) -> Slots<'_, ROOM> {
        self.close();
        Slots { pieces: self.pieces.iter_mut(), rest: &mut [], records: self.records.iter() }
    }

    /// The bytes as they go to the disk: in a row they are those of all records with their room.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let open = Some(self.open.as_bytes()).filter(|open| !open.is_empty());
        self.pieces.iter().map(Vec::as_slice).chain(open)
    }
}

impl<const ROOM: usize> FromIterator<Masked> for Batch<ROOM> {
    fn from_iter<I: IntoIterator<Item = Masked>>(records: I) -> Self {
        let mut batch = Self::default();
        records.into_iter().for_each(|record| batch.push(&record));
        batch
    }
}

/// The records of a batch; from [`Batch::slots`].
pub struct Slots<'b, const ROOM: usize> {
    pieces: slice::IterMut<'b, Vec<u8>>,
    /// What is left of the piece in hand.
    rest: &'b mut [u8],
    records: slice::Iter<'b, Record>,
}

impl<'b, const ROOM: usize> Iterator for Slots<'b, ROOM> {
    type Item = Slot<'b, ROOM>;

    fn next(&mut self) -> Option<Slot<'b, ROOM>> {
        let record = self.records.next()?;
        let mut rest = std::mem::take(&mut self.rest);
        if rest.is_empty() {
            rest = self.pieces.next()?;
        }
        let (room, behind) = rest.split_first_chunk_mut()?;
        let (content, rest) = behind.split_at_mut_checked(record.len)?;
        self.rest = rest;
        Some(Slot { room, content, checksum: record.checksum })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROOM: usize = 7;

    fn text(filler: usize) -> String {
        let filler = "x".repeat(filler);
        format!(r#"{{"logRecord":{{"eventName":"{filler}"}},"received":{{"auth":"none","by":"sender"}}}}"#)
    }

    proptest! {
        /// What is pushed comes out again, in order, whatever pieces it lies in, and what is written into the rooms lies
        /// between the contents.
        #[test]
        fn records_lie_in_a_row(
            lengths in proptest::collection::vec(prop_oneof![1..300_usize, 1..600_000_usize], 0..40),
            cut: proptest::sample::Index, known: u64,
        ) {
            let texts: Vec<String> = lengths.into_iter().map(text).collect();
            let (first, last) = texts.split_at(cut.index(texts.len() + 1));
            let [mut batch, behind]: [Batch<ROOM>; 2] = [first, last].map(|texts| {
                let mut batch = Batch::default();
                for (number, text) in texts.iter().enumerate() {
                    let checksum = (known >> number & 1 == 1).then(|| Checksum::of(text.as_bytes()));
                    let added = batch.add(text.len(), |piece| {
                        piece.push_str(text);
                        Ok::<_, Infallible>(checksum)
                    });
                    assert!(added.is_ok() && batch.len() == number + 1);
                }
                batch
            });
            batch.append(behind);
            prop_assert_eq!(batch.len(), texts.len());
            let mut expected = Vec::new();
            let mut texts = texts.iter();
            for (number, slot) in batch.slots().enumerate() {
                let text = texts.next().expect("no more than were pushed").as_bytes();
                prop_assert_eq!(slot.content, text);
                prop_assert!(slot.checksum == Checksum::of(text));
                *slot.room = [number as u8; ROOM];
                expected.extend([number as u8; ROOM]);
                expected.extend_from_slice(text);
            }
            prop_assert!(texts.next().is_none());
            prop_assert!(batch.pieces().collect::<Vec<_>>().concat() == expected);
            prop_assert_eq!(batch.bytes(), expected.len());
            prop_assert!(batch.allocated() >= expected.len());
            prop_assert!(batch.allocated() <= 4 * expected.len() + 2 * SMALLEST + 8 * size_of::<Record>());
        }
    }
}
