//! Encoded tokens: base64 (both alphabets) and hexadecimal text that may hide a value.

use super::track;

/// Shortest token that can hide a value: 11 digits in base64.
pub(in crate::mask) const MIN: usize = 15;

/// Whether there is a token that may be encoded text, or a block of 16 hexadecimal digits.
pub(in crate::mask) fn stands_in(bytes: &[u8]) -> bool {
    let mut found = block_stands_in(bytes);
    if !found {
        decode_all(bytes, &mut |_, _, _| found = true);
    }
    found
}

fn block_stands_in(bytes: &[u8]) -> bool {
    const BLOCK: usize = 16;
    let run = |byte: &&u8| byte.is_ascii_hexdigit();
    (MIN - 1..bytes.len()).step_by(MIN).any(|at| {
        let (before, after) = bytes.split_at(at);
        let after = after.iter().take(BLOCK + 1).take_while(run).count();
        after > 0 && after + before.iter().rev().take(BLOCK + 1).take_while(run).count() == BLOCK
    })
}

/// Gives every token of `bytes` that may be encoded text: start, end, decoded bytes.
fn decode_all(bytes: &[u8], found: &mut impl FnMut(usize, usize, Vec<u8>)) {
    let mut start = 0;
    while let Some(window) = bytes.get(start..start + MIN) {
        // The last sign that is in no token: all before it are in none that is long enough.
        if let Some(gap) = window.iter().rposition(|byte| !is_sextet(*byte)) {
            start += gap + 1;
            continue;
        }
        let rest = bytes.get(start + MIN..).unwrap_or_default();
        let end = start + MIN + rest.iter().position(|byte| !is_sextet(*byte)).unwrap_or(rest.len());
        decode(bytes, start, end, found);
        start = end;
    }
}

/// Gives what the token `start..end` of `bytes`, and each part of it, may stand for.
pub(in crate::mask) fn decode(bytes: &[u8], start: usize, end: usize, found: &mut impl FnMut(usize, usize, Vec<u8>)) {
    let padding = bytes.get(end..).unwrap_or_default().iter().take(2).take_while(|b| **b == b'=').count();
    let token = bytes.get(start..end).unwrap_or_default();
    readings(token, &mut |decoded| found(start, end + padding, decoded));
    // The signs 62 and 63 of the alphabets part words too, as in a path.
    let mut from = 0;
    while let Some(part) = token.get(from..).filter(|part| part.len() >= MIN) {
        let length = part.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(part.len());
        if length == token.len() {
            return;
        }
        let to = start + from + length;
        let padding = if to == end { padding } else { 0 };
        if let Some(part) = part.get(..length).filter(|part| part.len() >= MIN) {
            readings(part, &mut |decoded| found(start + from, to + padding, decoded));
        }
        from += length + 1;
    }
}

/// Whether a short text is base64 of three digits or more.
pub(in crate::mask) fn hides_digits(text: &[u8]) -> bool {
    let token = text.trim_ascii_end().strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    token.len() >= 4
        && token.iter().all(|b| sextet(*b).is_some())
        && base64(token).split(|b| !b.is_ascii_digit()).any(|digits| digits.len() >= 3)
}

/// The bytes that a text of base64 stands for which ends as only base64 does.
pub(in crate::mask) fn padded(text: &[u8]) -> Option<Vec<u8>> {
    let token = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"="))?;
    (text.len().is_multiple_of(4) && token.iter().all(|sign| is_sextet(*sign))).then(|| base64(token))
}

/// Gives the ways in which a token may be read as text, most often none.
fn readings(token: &[u8], found: &mut impl FnMut(Vec<u8>)) {
    if is_hex_text(token) {
        found(token.chunks_exact(2).filter_map(byte).collect());
    }
    if let Some(hex) = emv(token) {
        found(hex);
    }
    if starts_as_text(token) {
        found(base64(token));
    }
    if !token.iter().fold(false, |found, byte| found | begins_digits(*byte)) {
        return;
    }
    for shift in 1..4 {
        let rest = token.get(shift..).unwrap_or_default();
        if holds_digits(rest) {
            found(base64(rest));
        }
    }
}

/// Whether a quad that begins like this decodes to three digits, when it decodes to digits.
fn begins_digits(byte: u8) -> bool {
    (b'M'..=b'O').contains(&byte)
}

/// Hexadecimal digits of the bytes that base64 text stands for, when EMV tags in them hold a card number.
fn emv(token: &[u8]) -> Option<Vec<u8>> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let nibble = |value: u8| HEX.get(usize::from(value)).copied().unwrap_or(b'0');
    if !holds_tag(token) {
        return None;
    }
    let bytes = base64(token);
    let hex: Vec<u8> = bytes.iter().flat_map(|byte| [nibble(byte >> 4), nibble(byte & 15)]).collect();
    let mut holds = false;
    track::emv(&hex, &mut |_, _, _| holds = true);
    holds.then_some(hex)
}

/// Whether base64 text decodes to a tag, its length, and the first digits of a number.
fn holds_tag(token: &[u8]) -> bool {
    // Signs of which 5A or 57 may be made: of the first, of the second and third, of the last one in a quad.
    const HINTS: [u8; 256] = {
        let mut hints = [0; 256];
        let signs: [(&[u8], u8); 4] = [(b"VW", 1), (b"FVl1", 2), (b"cdefopqr", 4), (b"aX", 8)];
        let mut i = 0;
        while i < signs.len() {
            let mut j = 0;
            while j < signs[i].0.len() {
                hints[signs[i].0[j] as usize] |= signs[i].1;
                j += 1;
            }
            i += 1;
        }
        hints
    };
    // A bit for each set of hints of the four signs that will do: the first, the last, or both between them.
    const ENOUGH: u16 = {
        let (mut enough, mut hints) = (0, 0);
        while hints < 16 {
            if hints & 0b1001 != 0 || hints & 0b0110 == 0b0110 {
                enough |= 1 << hints;
            }
            hints += 1;
        }
        enough
    };
    let hint = |byte: u8, of: u8| HINTS[usize::from(byte)] & of;
    let may = |&[a, b, c, d]: &[u8; 4]| ENOUGH >> (hint(a, 1) | hint(b, 2) | hint(c, 4) | hint(d, 8)) & 1 != 0;
    let (quads, _) = token.as_chunks();
    if !quads.iter().any(may) {
        return false;
    }
    // A tag, its length, and the first digits of a number.
    let tagged = |head: &[u8]| matches!(head, [0x5A, 6..=10, digits] | [0x57, 8..=19, digits] if digits >> 4 < 10 && digits & 15 < 10);
    let mut head = [0; 3];
    token.chunks(4).any(|quad| {
        let (decoded, length) = base64_quad(quad);
        decoded.iter().take(length).any(|byte| {
            head = [head[1], head[2], *byte];
            tagged(&head)
        })
    })
}

/// Whether base64 text that decodes to ASCII, or to Chinese in UTF-8, may begin like this.
fn starts_as_text(token: &[u8]) -> bool {
    holds_digits(token)
        || token.chunks(4).take(4).all(|quad| {
            quad.first().and_then(|b| sextet(*b)).is_some_and(|top| (2..32).contains(&top) || (57..=58).contains(&top))
        })
}

/// Whether three digits in a row decode from each of three quads in a row, as in every encoded number of 11 digits.
fn holds_digits(token: &[u8]) -> bool {
    // Of three in a row, one is in each third place.
    if !any_of(token, 2 * 4, 3 * 4, begins_digits) {
        return false;
    }
    let mut row = 0;
    token.chunks_exact(4).any(|quad| {
        row = if quad.first().is_some_and(|first| begins_digits(*first)) { row + 1 } else { 0 };
        row == 3
    })
}

/// Whether `is_it` takes one of the bytes at `first` and then each `step` farther.
#[inline]
fn any_of(bytes: &[u8], first: usize, step: usize, is_it: impl Fn(u8) -> bool) -> bool {
    let mut at = first;
    while let Some(byte) = bytes.get(at) {
        if is_it(*byte) {
            return true;
        }
        at += step;
    }
    false
}

fn is_hex_text(token: &[u8]) -> bool {
    token.len().is_multiple_of(2) && (holds_number(token) || is_readable(token))
}

/// Whether hexadecimal digits stand for a text with a number in it.
fn holds_number(token: &[u8]) -> bool {
    /// Pairs of digits of an encoded number.
    const ROW: usize = 11;
    let mut row = 0;
    token.first() != Some(&b'0')
        // Of so many in a row, one is in each place that far from the one before.
        && any_of(token, 2 * (ROW - 1), 2 * ROW, |high| high == b'3')
        && token.chunks_exact(2).any(|pair| {
            row = if matches!(pair, [b'3', b'0'..=b'9']) { row + 1 } else { 0 };
            row == ROW
        })
        && token.iter().all(u8::is_ascii_hexdigit)
}

/// Whether all that hexadecimal digits stand for can be read, as one hash in a million can: most end at their first pair.
fn is_readable(token: &[u8]) -> bool {
    token.chunks_exact(2).all(|pair| match pair {
        [b'2'..=b'6', low] => low.is_ascii_hexdigit(),
        [b'7', low] => low.is_ascii_hexdigit() && !matches!(low, b'F' | b'f'),
        [b'0', low] => matches!(low, b'9' | b'a' | b'A' | b'd' | b'D'),
        _ => false,
    })
}

fn byte(pair: &[u8]) -> Option<u8> {
    match pair {
        [high, low] => Some(crate::mask::escapes::hex(*high)? << 4 | crate::mask::escapes::hex(*low)?),
        _ => None,
    }
}

fn base64(token: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(token.len() / 4 * 3 + 3);
    for quad in token.chunks(4) {
        let (decoded, length) = base64_quad(quad);
        bytes.extend_from_slice(decoded.get(..length).unwrap_or_default());
    }
    bytes
}

/// What up to four signs decode to, and how many bytes of it count.
fn base64_quad(quad: &[u8]) -> ([u8; 3], usize) {
    // Every sign of a token is a sextet.
    let bits = quad.iter().fold(0u32, |bits, sign| bits << 6 | u32::from(SEXTETS[usize::from(*sign)] & 63));
    let [_, decoded @ ..] = (bits << (6 * (4 - quad.len()))).to_be_bytes();
    (decoded, quad.len().saturating_sub(1))
}

fn sextet(byte: u8) -> Option<u8> {
    Some(SEXTETS[byte as usize]).filter(|&value| value != NONE)
}

fn is_sextet(byte: u8) -> bool {
    SEXTETS[byte as usize] != NONE
}

const NONE: u8 = 255;
const SEXTETS: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < 26 {
        table[b'A' as usize + i] = i as u8;
        table[b'a' as usize + i] = i as u8 + 26;
        i += 1;
    }
    let mut i = 0;
    while i < 10 {
        table[b'0' as usize + i] = i as u8 + 52;
        i += 1;
    }
    table[b'+' as usize] = 62;
    table[b'-' as usize] = 62;
    table[b'/' as usize] = 63;
    table[b'_' as usize] = 63;
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_in_both_alphabets_and_at_any_shift() {
        for (text, expected) in [
            ("NDExMTExMTExMTExMTExMQ==", "4111111111111111"),
            ("x=eyJwYW4iOiI0MTExMTExMTExMTExMTExIn0 ok", r#"{"pan":"4111111111111111"}"#),
            ("/v1/NDExMTExMTExMTExMTExMQ", "4111111111111111"),
            ("/v1/cards/NDcyMjM5NzQwMzI2NDk0Nw==/tokens", "4722397403264947"),
            ("de55 WghBEREREREREV80AQE=", "5A0841111111111111115F340101"),
            ("34313131313131313131313131313131", "4111111111111111"),
        ] {
            let mut found = Vec::new();
            decode_all(text.as_bytes(), &mut |_, _, decoded| {
                found.push(String::from_utf8_lossy(&decoded).into_owned())
            });
            assert!(found.iter().any(|f| f.contains(expected)), "{text}: {found:?}");
        }
    }

    #[test]
    fn plain_words_and_hashes_are_not_decoded() {
        for text in [
            "payment.authorise",
            "transaction_authorised_by_operator",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "00000001-00000002-ab12",
        ] {
            decode_all(text.as_bytes(), &mut |_, _, _| panic!("{text}"));
        }
    }
}
