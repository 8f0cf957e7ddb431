//! Packed numbers of Parquet: differences (DELTA_BINARY_PACKED) and runs (RLE), taken strictly. Each number in its fewest bytes,
//! no run of nothing, no width where there is no value, zeros where bits are filled up.

/// What is wrong with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is not of the format's form; readers take it, or say why not.
    Form,
    /// It claims more values than there are, or blocks of another size: readers make room for what it claims.
    Count,
    /// It ends too early.
    Short,
}

/// Parts of a block that have a width of their own.
const MINIS: usize = 4;

/// Hands on `count` numbers that were packed in blocks of `block` differences, if anyone wants them, and gives the bytes that
/// they take.
pub(super) fn deltas(
    bytes: &[u8],
    block: usize,
    count: usize,
    mut each: Option<&mut dyn FnMut(i64)>,
) -> Result<usize, Wrong> {
    let mut rest = bytes;
    for claimed in [block, MINIS, count] {
        match varint(&mut rest) {
            Ok(number) if usize::try_from(number) == Ok(claimed) => {}
            Err(Wrong::Short) => return Err(Wrong::Short),
            // Others may take a number of another form, whatever it is.
            Ok(_) | Err(_) => return Err(Wrong::Count),
        }
    }
    let mut number = zigzag(varint(&mut rest)?);
    if count == 0 && number != 0 {
        return Err(Wrong::Form);
    }
    if count > 0
        && let Some(each) = &mut each
    {
        each(number);
    }
    let mut left = count.saturating_sub(1);
    while left > 0 {
        let least = zigzag(varint(&mut rest)?);
        let (widths, behind) = rest.split_first_chunk::<MINIS>().ok_or(Wrong::Short)?;
        rest = behind;
        for width in widths {
            let here = left.min(block / MINIS);
            if *width > 64 || (here == 0 && *width > 0) {
                return Err(Wrong::Form);
            }
            let width = u32::from(*width);
            let packed = take(&mut rest, block / MINIS * width as usize / 8)?;
            if let Some(each) = &mut each {
                for at in 0..here {
                    number = number.wrapping_add(least).wrapping_add(bits(packed, at, width) as i64);
                    each(number);
                }
            }
            if !is_filled_with_zeros(packed, here * width as usize) {
                return Err(Wrong::Form);
            }
            left -= here;
        }
    }
    Ok(bytes.len() - rest.len())
}

/// Hands on `count` numbers of `width` bits, each with how often it stands there in a row, and gives the bytes that they take.
pub(super) fn runs(bytes: &[u8], width: u32, count: usize, each: &mut dyn FnMut(u64, usize)) -> Result<usize, Wrong> {
    let (mut rest, mut left) = (bytes, count);
    while left > 0 {
        let head = varint(&mut rest)?;
        let length = usize::try_from(head >> 1).map_err(|_| Wrong::Form)?;
        if length == 0 {
            return Err(Wrong::Form);
        }
        if head & 1 == 0 {
            let value = take(&mut rest, width.div_ceil(8) as usize)?;
            let value = value.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
            left = left.checked_sub(length).ok_or(Wrong::Form)?;
            each(value, length);
        } else {
            // Groups of eight, of which only the last may be filled up.
            if length > left.div_ceil(8) {
                return Err(Wrong::Form);
            }
            let here = left.min(8 * length);
            let packed = take(&mut rest, length * width as usize)?;
            (0..here).for_each(|at| each(bits(packed, at, width), 1));
            if !is_filled_with_zeros(packed, here * width as usize) {
                return Err(Wrong::Form);
            }
            left -= here;
        }
    }
    Ok(bytes.len() - rest.len())
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Wrong> {
    let (taken, behind) = rest.split_at_checked(length).ok_or(Wrong::Short)?;
    *rest = behind;
    Ok(taken)
}

/// The number at place `at` of those that are packed with `width` bits, at most 64, the first in the lowest.
fn bits(packed: &[u8], at: usize, width: u32) -> u64 {
    if width == 0 {
        return 0;
    }
    let begin = at * width as usize;
    let bytes = packed.get(begin / 8..).unwrap_or_default();
    let word = bytes.first_chunk().map_or_else(
        || bytes.iter().take(9).rev().fold(0, |word, byte| word << 8 | u128::from(*byte)),
        |bytes| u128::from_le_bytes(*bytes),
    );
    (word >> (begin % 8)) as u64 & (u64::MAX >> (64 - width))
}

fn is_filled_with_zeros(packed: &[u8], used: usize) -> bool {
    let rest = packed.get(used / 8..).unwrap_or_default();
    rest.iter().enumerate().all(|(at, byte)| if at == 0 { byte >> (used % 8) == 0 } else { *byte == 0 })
}

fn varint(rest: &mut &[u8]) -> Result<u64, Wrong> {
    let mut number = 0_u64;
    for place in 0..10 {
        let (byte, behind) = rest.split_first().ok_or(Wrong::Short)?;
        *rest = behind;
        let part = u64::from(byte & 0x7f);
        if (place == 9 && part > 1) || (place > 0 && *byte == 0) {
            return Err(Wrong::Form);
        }
        number |= part << (7 * place);
        if *byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Wrong::Form)
}

fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(bytes: &[u8], count: usize) -> Result<(Vec<i64>, usize), Wrong> {
        let mut all = Vec::new();
        let used = deltas(bytes, 128, count, Some(&mut |number| all.push(number)))?;
        assert_eq!(deltas(bytes, 128, count, None), Ok(used));
        Ok((all, used))
    }

    #[test]
    fn differences_have_one_form() {
        // 7, 5, 8: differences -2 and 3; the least is -2, the others 0 and 5 above it, in three bits.
        let sound = [&[0x80, 0x01, 4, 3, 14, 3, 3, 0, 0, 0][..], &[0b10_1000, 0], &[0; 10]].concat();
        assert_eq!(unpacked(&sound, 3), Ok((vec![7, 5, 8], sound.len())));
        assert_eq!(unpacked(&[0x80, 0x01, 4, 0, 0], 0), Ok((Vec::new(), 5)));
        let with = |at: usize, byte: u8| {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            unpacked(&bytes, 3)
        };
        assert_eq!(with(0, 0x81), Err(Wrong::Count), "another size of blocks");
        assert_eq!(with(3, 4), Err(Wrong::Count), "more values than the page has");
        assert_eq!(with(7, 3), Err(Wrong::Form), "a width of a part without a value");
        assert_eq!(with(11, 1), Err(Wrong::Form), "filler");
        assert_eq!(with(6, 65), Err(Wrong::Form), "a width that is none");
        assert_eq!(unpacked(&[0x80, 0x01, 4, 0, 2], 0), Err(Wrong::Form), "a first value of none");
        assert_eq!(
            unpacked(&[0x80, 0x81, 0x00, 4, 0, 0], 0),
            Err(Wrong::Count),
            "a number of more bytes than it needs"
        );
        assert_eq!(
            unpacked(&[0x80, 0x01, 4, 1, 0x80, 0x00], 1),
            Err(Wrong::Form),
            "a value of more bytes than it needs"
        );
        for end in 0..sound.len() {
            assert_eq!(unpacked(&sound[..end], 3), Err(Wrong::Short), "{end}");
        }
    }

    #[test]
    fn runs_have_something_in_them() {
        let taken = |bytes: &[u8], count| {
            let mut all = Vec::new();
            let used = runs(bytes, 2, count, &mut |value, times| all.extend(vec![value; times]))?;
            Ok((all, used))
        };
        assert_eq!(taken(&[6, 2, 3, 0b1110_0100, 0], 7), Ok((vec![2, 2, 2, 0, 1, 2, 3], 5)));
        assert_eq!(taken(&[6, 2], 3), Ok((vec![2; 3], 2)));
        assert_eq!(taken(&[], 0), Ok((Vec::new(), 0)));
        for (what, bytes) in [
            ("a run of nothing", &[0, 2, 6, 2][..]),
            ("groups of nothing", &[1, 6, 2]),
            ("a run beyond the values", &[8, 2]),
            ("groups beyond the values", &[5, 0, 0, 0, 0]),
            ("filler", &[3, 0, 1]),
        ] {
            assert_eq!(taken(bytes, 3), Err(Wrong::Form), "{what}");
        }
        assert_eq!(taken(&[3, 0], 3), Err(Wrong::Short));
    }
}
