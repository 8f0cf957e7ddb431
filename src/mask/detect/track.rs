//! Magnetic stripe data (ISO/IEC 7813) and its equivalents in EMV tags (EMV Book 3: 57 track 2 equivalent, 5A card number).

use super::pan::{self, Brands};

/// Longest name and discretionary data that are followed.
const MAX_FIELD: usize = 128;

/// End of the track whose card number is `bytes[from..to]`: `=` or `D` with date and service code, or `^name^` with the
/// same. `None`: no track follows.
pub(in crate::mask) fn end(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    let rest = bytes.get(to..)?;
    let marked = match bytes.get(..from)? {
        [.., b';'] => is_sentinel(bytes, from),
        [.., b'%', b'B' | b'b'] => true,
        // Within a word it is a letter of a hash.
        [.., before, b'B' | b'b'] => !before.is_ascii_alphanumeric(),
        [b'B' | b'b'] => true,
        _ => false,
    };
    let digits = bytes.get(from..to)?;
    if !(pan::MIN..=pan::MAX).contains(&digits.len()) || !(marked || pan::luhn(digits)) {
        return None;
    }
    match rest.first()? {
        b'=' | b'D' | b'd' => {
            let data = rest.iter().skip(1).take(MAX_FIELD).take_while(|b| b.is_ascii_digit() || **b == b'=').count();
            let needed = if marked { 4 } else { 7 };
            // In a hash a `d` parts digits too: there, no month follows, or more of the hash.
            let letter = rest.first() != Some(&b'=');
            let dated = matches!(rest.get(3..5), Some([b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2']));
            let goes_on = rest.first() == Some(&b'd')
                && rest.get(1 + data + close(bytes, to + 1 + data)).is_some_and(u8::is_ascii_alphanumeric);
            // Nor do other than a brand's digits begin an id as long as those of traces and spans.
            let is_id = rest.first() == Some(&b'd')
                && matches!(to - from + 1 + data, 16 | 32)
                && pan::fit(digits, Brands::ALL) == pan::Fit::No;
            if letter && (!(dated || marked) || goes_on || (is_id && !marked)) {
                return None;
            }
            (data >= needed).then(|| to + 1 + data + close(bytes, to + 1 + data))
        }
        b'^' => {
            let name = rest.iter().skip(1).take(MAX_FIELD).position(|&b| b == b'^')?;
            let data_at = to + name + 2;
            let data = bytes
                .get(data_at..)?
                .iter()
                .take(MAX_FIELD)
                .take_while(|b| b.is_ascii_alphanumeric() || **b == b' ')
                .count();
            let dated = bytes.get(data_at..data_at + 4).is_some_and(|date| date.iter().all(u8::is_ascii_digit));
            // Behind both its sentinels a card's number and its holder's name are a track that was cut.
            let cut = data == 0 && pan::luhn(digits) && matches!(bytes.get(..from), Some([.., b'%', b'B' | b'b']));
            (cut || (dated && data >= 4)).then(|| data_at + data + close(bytes, data_at + data))
        }
        _ => None,
    }
}

/// Where the track begins: its sentinel (`;`, `%B`, `B`) goes with it.
pub(in crate::mask) fn start(bytes: &[u8], from: usize) -> usize {
    match bytes.get(..from) {
        Some([.., b'%', b'B' | b'b']) => from - 2,
        Some([.., b';']) if !is_sentinel(bytes, from) => from,
        Some([.., b';' | b'B' | b'b']) => from - 1,
        _ => from,
    }
}

/// Whether the semicolon before `at` is a track's and ends no entity: `&gt;4242…`.
fn is_sentinel(bytes: &[u8], at: usize) -> bool {
    const ENTITY: usize = 8;
    let name = bytes.get(..at - 1).unwrap_or_default();
    let length =
        name.iter().rev().take(ENTITY).take_while(|sign| sign.is_ascii_alphanumeric() || **sign == b'#').count();
    length == 0 || !name.get(..name.len() - length).is_some_and(|before| before.ends_with(b"&"))
}

/// End of a track whose sign stands behind the card number that ends at `to`, blanks among its parts: date, service code and at least
/// so much that no sum is taken for it.
pub(in crate::mask) fn parted_end(bytes: &[u8], to: usize) -> Option<usize> {
    const SHORTEST: usize = 11;
    let rest = bytes.get(to..)?;
    let sign = rest.iter().take(2).position(|sign| *sign != b' ')?;
    let (data, named) = match rest.get(sign)? {
        b'=' | b'D' => (sign + 1, false),
        b'^' => (sign + 2 + rest.iter().skip(sign + 1).take(MAX_FIELD).position(|sign| *sign == b'^')?, true),
        _ => return None,
    };
    let mut date = [0; 4];
    let (mut digits, mut length) = (0, 0);
    let data = to + data;
    for (at, sign) in bytes.get(data..)?.iter().take(MAX_FIELD).enumerate() {
        match sign {
            b'0'..=b'9' => {
                if let Some(place) = date.get_mut(digits) {
                    *place = *sign;
                }
                digits += 1;
                length = at + 1;
            }
            b' ' => {}
            _ => break,
        }
    }
    let dated = matches!(date, [b'0'..=b'9', _, b'0', b'1'..=b'9'] | [b'0'..=b'9', _, b'1', b'0'..=b'2']);
    let enough = if named { 4 } else { SHORTEST };
    (dated && digits >= enough).then(|| data + length + close(bytes, data + length))
}

/// End of a track of which the date of expiry alone follows on the sign behind the card number that ends at `to`.
pub(in crate::mask) fn dated_end(bytes: &[u8], to: usize) -> Option<usize> {
    let dated = match bytes.get(to..to + 5)? {
        [b'=' | b'D', years @ .., b'0', b'1'..=b'9'] | [b'=' | b'D', years @ .., b'1', b'0'..=b'2'] => {
            years.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    let end = to + 5 + close(bytes, to + 5);
    (dated && !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric)).then_some(end)
}

/// Padding and end sentinel behind the data.
fn close(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let padding = rest.iter().take(2).take_while(|b| matches!(b, b'F' | b'f')).count();
    padding + usize::from(rest.get(padding) == Some(&b'?'))
}

/// What an EMV tag in a token of hexadecimal digits holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::mask) enum Tag {
    Pan,
    Track2,
}

/// Gives every tag 5A and 57 in `token` (hex) whose value is a card number, as (kind, from, to) of the value's digits.
pub(in crate::mask) fn emv(token: &[u8], found: &mut impl FnMut(Tag, usize, usize)) {
    let mut at = 0;
    while let Some(head) = token.get(at..at + 4) {
        let length = usize::from(head.get(2..).and_then(byte).unwrap_or(0)) * 2;
        let value = token.get(at + 4..at + 4 + length).unwrap_or_default();
        let tag = match head {
            [b'5', b'A' | b'a', ..] => Some(Tag::Pan),
            [b'5', b'7', ..] => Some(Tag::Track2),
            _ => None,
        };
        match tag.and_then(|tag| Some((tag, card(tag, value)?))) {
            Some((tag, end)) => {
                found(tag, at + 4, at + 4 + end);
                at += 4 + length;
            }
            None => at += 2,
        }
    }
}

/// Length of what must be hidden of a tag's value, when that is a card number.
fn card(tag: Tag, value: &[u8]) -> Option<usize> {
    let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = value.get(..digits)?;
    if pan::fit(number, Brands::ALL) == pan::Fit::No || !pan::luhn(number) {
        return None;
    }
    match (tag, value.get(digits)) {
        (Tag::Pan, None) => Some(digits),
        (Tag::Pan, Some(b'F' | b'f')) if value.len() <= digits + 2 => Some(digits),
        (Tag::Track2, Some(b'D' | b'd')) => Some(value.len()),
        _ => None,
    }
}

/// The byte that two hexadecimal digits write.
pub(super) fn byte(digits: &[u8]) -> Option<u8> {
    match digits {
        [high, low] => Some(crate::mask::escapes::hex(*high)? << 4 | crate::mask::escapes::hex(*low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_followed_to_their_end() {
        for (text, from, to, track) in [
            (";4111111111111111=25121010000012345678?", 1, 17, ";4111111111111111=25121010000012345678?"),
            ("x 4111111111111111D2512101123456F", 2, 18, "4111111111111111D2512101123456F"),
            ("%B4111111111111111^DOE/JOHN^25121011234?", 2, 18, "%B4111111111111111^DOE/JOHN^25121011234?"),
        ] {
            let bytes = text.as_bytes();
            let end = end(bytes, from, to).unwrap();
            assert_eq!(&text[start(bytes, from)..end], track);
        }
        assert_eq!(end(b"4111111111111111=2512 ok", 0, 16), None);
        assert_eq!(end(b"b4111111111111112d8832", 1, 17), Some(22));
        assert_eq!(end(b"b4111111111111112d8832c", 1, 17), None);
        assert_eq!(end(b"afb4111111111111112d8832c", 3, 19), None);
    }

    #[test]
    fn emv_tags_hold_card_numbers() {
        let mut found = Vec::new();
        emv(b"9F2701805A0841111111111111115F3401015711" as &[u8], &mut |tag, from, to| found.push((tag, from, to)));
        assert_eq!(found, [(Tag::Pan, 12, 28)]);
        found.clear();
        emv(b"57134111111111111111D2512101000001234567FF" as &[u8], &mut |tag, from, to| found.push((tag, from, to)));
        assert_eq!(found.len(), 1);
    }
}
