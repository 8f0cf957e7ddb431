//! Thrift's compact protocol, in the one form that it has for each value: shortest numbers and heads, fields in the order of
//! their ids, none but those of the shape, each of its own type.
//!
//! Parquet's readers pass over what they don't know and take a long form for a short one. So what is hidden in a footer would be
//! hidden from all of them; here it has no room. Two texts of one value don't exist, so what is read says all that stands there.
//!
//! Source: Thrift's `thrift-compact-protocol.md`.

/// A struct of `parquet.thrift`, as the format has it.
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// In the order of their ids.
    pub(super) fields: &'static [Field],
}

pub(super) struct Field {
    pub(super) id: i16,
    pub(super) kind: &'static Kind,
    pub(super) must: bool,
}

/// What a value is; doubles, bytes, sets and maps are none of the format's.
pub(super) enum Kind {
    Bool,
    Int16,
    Int32,
    Int64,
    Bytes,
    List(&'static Kind),
    Struct(&'static Shape),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Struct(Struct),
}

/// Fields by their ids.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Struct(pub(super) Vec<(i16, Value)>);

/// Why bytes are no struct of a shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Malformed {
    /// They end too early.
    Short,
    /// The struct in which something stands that the format has not, or in another form.
    In(&'static str),
}

/// The struct at the beginning of `bytes`, and how many it takes.
pub(super) fn read(bytes: &[u8], shape: &'static Shape) -> Result<(Struct, usize), Malformed> {
    let mut decoder = Decoder { bytes, at: 0, within: shape.name };
    let read = decoder.fields(shape)?;
    Ok((read, decoder.at))
}

impl Kind {
    /// As it stands in the head of a list.
    fn code(&self) -> u8 {
        match self {
            Self::Bool => FALSE,
            Self::Int16 => 4,
            Self::Int32 => 5,
            Self::Int64 => 6,
            Self::Bytes => 8,
            Self::List(_) => 9,
            Self::Struct(_) => 12,
        }
    }
}

/// A boolean field's kind is its value.
const TRUE: u8 = 1;
const FALSE: u8 = 2;

struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Name of the struct that is read.
    within: &'static str,
}

impl Decoder<'_> {
    fn wrong<T>(&self) -> Result<T, Malformed> {
        Err(Malformed::In(self.within))
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.bytes.get(self.at).ok_or(Malformed::Short)?;
        self.at += 1;
        Ok(byte)
    }

    /// A number in as few bytes as it needs.
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // In the tenth byte there is room for one bit.
            if (shift == 63 && bits > 1) || (byte == 0 && shift > 0) {
                return self.wrong();
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        self.wrong()
    }

    fn zigzag(&mut self) -> Result<i64, Malformed> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn fields(&mut self, shape: &'static Shape) -> Result<Struct, Malformed> {
        let outside = std::mem::replace(&mut self.within, shape.name);
        let (mut fields, mut last) = (Vec::new(), 0_i16);
        for field in shape.fields {
            // No id of Parquet's lies further than 15 behind another, so the long form of a head never stands.
            let head = *self.bytes.get(self.at).ok_or(Malformed::Short)?;
            if i16::from(head >> 4) != field.id - last {
                // It is not this field: one further on, one of none of the shape's, or the end.
                if field.must {
                    return self.wrong();
                }
                continue;
            }
            self.at += 1;
            let value = match (field.kind, head & 0xf) {
                (Kind::Bool, kind @ (TRUE | FALSE)) => Value::Bool(kind == TRUE),
                (Kind::Bool, _) => return self.wrong(),
                (kind, code) if code == kind.code() => self.value(kind)?,
                _ => return self.wrong(),
            };
            fields.push((field.id, value));
            last = field.id;
        }
        if self.byte()? != 0 {
            return self.wrong();
        }
        self.within = outside;
        Ok(Struct(fields))
    }

    fn value(&mut self, kind: &'static Kind) -> Result<Value, Malformed> {
        Ok(match kind {
            Kind::Bool => match self.byte()? {
                TRUE => Value::Bool(true),
                FALSE => Value::Bool(false),
                _ => return self.wrong(),
            },
            Kind::Int16 | Kind::Int32 | Kind::Int64 => {
                let number = self.zigzag()?;
                let fits = match kind {
                    Kind::Int16 => i16::try_from(number).is_ok(),
                    Kind::Int32 => i32::try_from(number).is_ok(),
                    _ => true,
                };
                if !fits {
                    return self.wrong();
                }
                Value::Int(number)
            }
            Kind::Bytes => {
                let length = self.length()?;
                let end = self.at.checked_add(length).ok_or(Malformed::Short)?;
                let bytes = self.bytes.get(self.at..end).ok_or(Malformed::Short)?.to_vec();
                self.at = end;
                Value::Bytes(bytes)
            }
            Kind::List(of) => self.list(of)?,
            Kind::Struct(shape) => Value::Struct(self.fields(shape)?),
        })
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.varint()?).map_err(|_| Malformed::Short)
    }

    fn list(&mut self, of: &'static Kind) -> Result<Value, Malformed> {
        let head = self.byte()?;
        if head & 0xf != of.code() {
            return self.wrong();
        }
        let count = match head >> 4 {
            15 => self.length()?,
            few => usize::from(few),
        };
        if head >> 4 == 15 && count < 15 {
            return self.wrong();
        }
        // Each takes a byte at least.
        if count > self.bytes.len() - self.at {
            return Err(Malformed::Short);
        }
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(self.value(of)?);
        }
        Ok(Value::List(list))
    }
}

impl Struct {
    pub(super) fn get(&self, id: i16) -> Option<&Value> {
        self.0.iter().find(|(found, _)| *found == id).map(|(_, value)| value)
    }

    pub(super) fn int(&self, id: i16) -> Option<i64> {
        match self.get(id)? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A place or a size, which is not negative.
    pub(super) fn size(&self, id: i16) -> Option<u64> {
        u64::try_from(self.int(id)?).ok()
    }

    pub(super) fn bool(&self, id: i16) -> Option<bool> {
        match self.get(id)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn bytes(&self, id: i16) -> Option<&[u8]> {
        match self.get(id)? {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn inner(&self, id: i16) -> Option<&Struct> {
        match self.get(id)? {
            Value::Struct(inner) => Some(inner),
            _ => None,
        }
    }

    pub(super) fn list(&self, id: i16) -> Option<&[Value]> {
        match self.get(id)? {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub(super) fn structs(&self, id: i16) -> Vec<&Struct> {
        let structs = self.list(id).unwrap_or_default().iter();
        structs.filter_map(|value| if let Value::Struct(inner) = value { Some(inner) } else { None }).collect()
    }

    pub(super) fn ints(&self, id: i16) -> Option<Vec<i64>> {
        let numbers = self.list(id)?.iter();
        Some(numbers.filter_map(|value| if let Value::Int(number) = value { Some(*number) } else { None }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PAIR: Shape = Shape {
        name: "pair",
        fields: &[
            Field { id: 1, kind: &Kind::Int32, must: true },
            Field { id: 3, kind: &Kind::Bool, must: false },
            Field { id: 4, kind: &Kind::List(&Kind::Bytes), must: false },
        ],
    };

    /// The header of a page as other writers have it: its sizes and counts are read, and it is told from ours.
    #[test]
    fn other_writers_headers_are_read() {
        // Type 0, 10 bytes, packed 8; data: 3 values, plain, levels by runs; least and greatest value.
        let statistics = [0x58, 1, b'a', 0x18, 1, b'b', 0];
        let data = [&[0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6, 0x1c][..], &statistics, &[0]].concat();
        let header = [&[0x15, 0, 0x15, 20, 0x15, 16, 0x2c][..], &data, &[0, 0xff]].concat();
        assert!(read(&header, &super::super::shapes::PAGE).is_err());
        let (page, used) = read(&header, &super::super::shapes::OTHER_PAGE).expect("a header");
        assert_eq!((page.int(2), page.int(3), used), (Some(10), Some(8), header.len() - 1));
        let data = page.inner(5).expect("a page of data");
        assert_eq!((data.int(1), data.inner(5).and_then(|all| all.bytes(6))), (Some(3), Some(&b"b"[..])));
        // A size again, behind the first: readers would take the last.
        let twice =
            [&[0x15, 0, 0x15, 20, 0x15, 16, 0x05, 4, 40][..], &[0x3c], &data.0.len().to_le_bytes()[..1], &[0]].concat();
        assert!(read(&twice, &super::super::shapes::OTHER_PAGE).is_err());
    }

    /// What another reader of Thrift would take as well, or pass over.
    #[test]
    fn each_value_has_one_form() {
        let sound = |bytes: &[u8], fields: Vec<(i16, Value)>| {
            assert_eq!(read(bytes, &PAIR), Ok((Struct(fields), bytes.len())), "{bytes:02x?}");
        };
        sound(&[0x15, 0x02, 0], vec![(1, Value::Int(1))]);
        sound(&[0x15, 0x80, 0x01, 0x21, 0], vec![(1, Value::Int(64)), (3, Value::Bool(true))]);
        let texts = Value::List(vec![Value::Bytes(b"a".to_vec()), Value::Bytes(Vec::new())]);
        sound(&[0x15, 0x01, 0x39, 0x28, 1, b'a', 0, 0], vec![(1, Value::Int(-1)), (4, texts)]);

        let wrong: [(&str, &[u8]); 13] = [
            ("a field that must be there is not", &[0]),
            ("a number in more bytes than it needs", &[0x15, 0x82, 0x00, 0]),
            ("a number that its type has no room for", &[0x15, 0xfe, 0xff, 0xff, 0xff, 0x7f, 0]),
            ("a number of another type", &[0x16, 0x02, 0]),
            ("a head in its long form", &[0x05, 0x02, 0x02, 0]),
            ("an id that the shape has not", &[0x15, 0x02, 0x15, 0x02, 0]),
            ("a field twice", &[0x15, 0x02, 0x05, 0x02, 0x02, 0]),
            ("fields in another order", &[0x15, 0x02, 0x39, 0x08, 0x01, 0x06, 0]),
            ("a boolean of another type", &[0x15, 0x02, 0x25, 0x02, 0]),
            ("a list of other things", &[0x15, 0x02, 0x39, 0x05, 0]),
            ("a short list's head in its long form", &[0x15, 0x02, 0x39, 0xf8, 0x00, 0]),
            ("another field at the end", &[0x15, 0x02, 0x48, 0x00, 0]),
            ("a type that there is not", &[0x1d, 0x02, 0]),
        ];
        for (what, bytes) in wrong {
            assert_eq!(read(bytes, &PAIR), Err(Malformed::In("pair")), "{what}: {bytes:02x?}");
        }
    }

    #[test]
    fn what_is_cut_is_short() {
        let whole = [0x15, 0x80, 0x01, 0x21, 0x19, 0x18, 1, b'a', 0];
        assert!(read(&whole, &PAIR).is_ok());
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end], &PAIR), Err(Malformed::Short), "{end}");
        }
        // A list that claims more than there can be takes no memory.
        assert_eq!(read(&[0x15, 0x02, 0x39, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x0f, 1], &PAIR), Err(Malformed::Short));
    }
}
