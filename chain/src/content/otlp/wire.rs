//! Protobuf's wire format (protobuf.dev/programming-guides/encoding): tags, varints, lengths, unknown fields.

use super::Malformed;

/// How the bytes of a field are told from those of the next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Varint,
    Fixed64,
    Bytes,
    Group,
    GroupEnd,
    Fixed32,
}

/// How many groups of an unknown field may stand within each other; no sender of OTLP uses groups at all.
const MAX_GROUPS: usize = 100;

/// The fields of one message, from first to last.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// All that was not taken yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes whole fields of this many bytes together.
    #[inline]
    pub(super) fn pass(&mut self, length: usize) -> &'a [u8] {
        let (passed, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        self.rest = rest;
        passed
    }

    /// Number and wire type of the next field, whose value must be taken, or skipped, before the next call.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Wire)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.take_varint()?).map_err(|_| Malformed::WireType)?;
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Bytes,
            3 => Wire::Group,
            4 => Wire::GroupEnd,
            5 => Wire::Fixed32,
            _ => return Err(Malformed::WireType),
        };
        if tag >> 3 == 0 {
            return Err(Malformed::WireType);
        }
        Ok(Some((tag >> 3, wire)))
    }

    #[inline]
    pub(super) fn varint(&mut self, wire: Wire) -> Result<u64, Malformed> {
        expect(wire, Wire::Varint)?;
        self.take_varint()
    }

    #[inline]
    pub(super) fn fixed64(&mut self, wire: Wire) -> Result<u64, Malformed> {
        expect(wire, Wire::Fixed64)?;
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    #[inline]
    pub(super) fn fixed32(&mut self, wire: Wire) -> Result<u32, Malformed> {
        expect(wire, Wire::Fixed32)?;
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(u32::from_le_bytes(*bytes))
    }

    /// A text, bytes or an embedded message.
    #[inline]
    pub(super) fn bytes(&mut self, wire: Wire) -> Result<&'a [u8], Malformed> {
        expect(wire, Wire::Bytes)?;
        let length = usize::try_from(self.take_varint()?).map_err(|_| Malformed::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Passes over the value of a field that isn't known.
    #[cold]
    pub(super) fn skip(&mut self, field: u32, wire: Wire) -> Result<(), Malformed> {
        match wire {
            Wire::Varint => self.take_varint().map(drop),
            Wire::Fixed64 => self.fixed64(wire).map(drop),
            Wire::Fixed32 => self.fixed32(wire).map(drop),
            Wire::Bytes => self.bytes(wire).map(drop),
            Wire::Group => self.skip_group(field),
            Wire::GroupEnd => Err(Malformed::WireType),
        }
    }

    /// Passes over a group; those within it wait on a list, not on the stack.
    fn skip_group(&mut self, field: u32) -> Result<(), Malformed> {
        let mut open = vec![field];
        while let Some(innermost) = open.last() {
            match self.next()?.ok_or(Malformed::Truncated)? {
                (field, Wire::GroupEnd) if field == *innermost => {
                    open.pop();
                }
                (_, Wire::Group) if open.len() == MAX_GROUPS => return Err(Malformed::TooDeep),
                (field, Wire::Group) => open.push(field),
                (field, wire) => self.skip(field, wire)?,
            }
        }
        Ok(())
    }

    #[inline]
    fn take_varint(&mut self) -> Result<u64, Malformed> {
        match self.rest {
            [byte @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            // The length of nearly every record.
            [first, second @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(first & 0x7f) | u64::from(*second) << 7)
            }
            _ => self.take_long_varint(),
        }
    }

    fn take_long_varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for (at, byte) in self.rest.iter().take(10).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                // The tenth byte has room for one bit only.
                if at == 9 && *byte > 1 {
                    return Err(Malformed::WireType);
                }
                self.rest = &self.rest[at + 1..];
                return Ok(number);
            }
        }
        Err(if self.rest.len() < 10 { Malformed::Truncated } else { Malformed::WireType })
    }
}

#[inline]
fn expect(found: Wire, expected: Wire) -> Result<(), Malformed> {
    if found == expected { Ok(()) } else { Err(Malformed::WireType) }
}
