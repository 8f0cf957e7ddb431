//! The seven attributes of a link in protobuf (FORMAT.md, "Stream"). From record to record of a chain only numbers and hashes
//! change, and hardly ever how many bytes they take: so they are filled in where those of the record before stand.

use super::encode::{self, fill_varint, varint_len};
use super::stream::LINK_KEYS;
use crate::link::{ChainName, Link};

/// The attributes of the last record.
#[derive(Default)]
pub(super) struct LinkForm {
    bytes: Vec<u8>,
    /// Where each attribute ends, and so its value does.
    ends: [usize; LINK_KEYS.len()],
    /// What they were written for.
    chain: Option<ChainName>,
    widths: [usize; 2],
    received: String,
}

impl LinkForm {
    /// From here on the records were received like this.
    pub(super) fn receive(&mut self, received: &str) {
        self.chain = None;
        self.received.clear();
        self.received.push_str(received);
    }

    /// Appends the attributes of a record.
    pub(super) fn push(&mut self, out: &mut Vec<u8>, chain: &ChainName, link: &Link) {
        let widths = [link.sequence.get(), link.observed.0].map(varint_len);
        if self.chain.as_ref() == Some(chain) && self.widths == widths {
            self.fill(link);
        } else {
            self.write(chain, link);
            (self.chain, self.widths) = (Some(chain.clone()), widths);
        }
        out.extend_from_slice(&self.bytes);
    }

    fn fill(&mut self, link: &Link) {
        let [_, sequence, observed, previous, checksum, hash, _] = self.ends;
        for (number, end, width) in
            [(link.sequence.get(), sequence, self.widths[0]), (link.observed.0, observed, self.widths[1])]
        {
            fill_varint(&mut self.bytes[end - width..end], number);
        }
        let mut hex = const_hex::Buffer::<32>::new();
        for (bytes, end) in [(&link.previous.0, previous), (&link.checksum.0, checksum), (&link.hash.0, hash)] {
            self.bytes[end - 64..end].copy_from_slice(hex.format(bytes).as_bytes());
        }
    }

    fn write(&mut self, chain: &ChainName, link: &Link) {
        let [chain_key, sequence, observed, previous, checksum, hash, received] = LINK_KEYS;
        let mut hex = const_hex::Buffer::<32>::new();
        let out = &mut self.bytes;
        out.clear();
        self.ends = [
            encode::text_attribute(out, chain_key, chain.as_str()),
            encode::int_attribute(out, sequence, link.sequence.get()),
            encode::int_attribute(out, observed, link.observed.0),
            encode::text_attribute(out, previous, hex.format(&link.previous.0)),
            encode::text_attribute(out, checksum, hex.format(&link.checksum.0)),
            encode::text_attribute(out, hash, hex.format(&link.hash.0)),
            encode::text_attribute(out, received, &self.received),
        ];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{Checksum, Hash, Sequence, UnixNanos};
    use proptest::prelude::*;

    proptest! {
        /// What is filled in is what would be written, whatever changed since the record before.
        #[test]
        fn a_record_leaves_nothing_to_the_next(
            records in proptest::collection::vec((0..2_u8, 0..2_u8, prop_oneof![0..1_u64 << 20, any::<u64>()], any::<u64>(), any::<[u8; 32]>()), 1..20),
        ) {
            let mut form = LinkForm::default();
            for (chain, received, sequence, observed, hash) in records {
                let chain = format!("chain-{chain}").parse().unwrap();
                let received = "?".repeat(received.into());
                let (previous, checksum) = (Hash(hash), Checksum(hash.map(|byte| !byte)));
                let (sequence, observed) = (Sequence::new(sequence), UnixNanos(observed));
                let link = Link { sequence, observed, previous, checksum, hash: Hash(hash.map(|byte| byte ^ 1)) };
                if form.received != received {
                    form.receive(&received);
                }
                let mut alone = LinkForm { received, ..LinkForm::default() };
                let [filled, written] = [&mut form, &mut alone].map(|form| {
                    let mut out = Vec::new();
                    form.push(&mut out, &chain, &link);
                    out
                });
                prop_assert_eq!(filled, written);
            }
        }
    }
}
