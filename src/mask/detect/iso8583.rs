//! ISO 8583: the number of the data element that a value is said to be (`DE52=`, `field 2:`, `<field id="52" value="`).

use super::blocks::BLOCK;
use super::words::is_word;
use crate::mask::escapes::hex;

/// The primary account number, and the PIN data, among the data elements.
pub(super) const CARD: u16 = 2;
pub(super) const PIN: u16 = 52;

/// Signs between a number and its value, and between a name and its number.
const MAX_SIGNS: usize = 8;
/// Bytes of a name with its number, and of a remark in brackets behind it.
const MAX_NAME: usize = 12;
const MAX_REMARK: usize = 32;
/// What a data element is called.
const NAMES: [&str; 14] = ["de", "f", "p", "s", "field", "fld", "bit", "bmp", "bm", "element", "id", "n", "df", "iso"];

/// The data element that a value at `at` is said to be.
pub(super) fn data_element(bytes: &[u8], at: usize) -> Option<u16> {
    let mut end = skip(bytes, at);
    // The length or a remark may stand between: `[052](16) …`, `F52(PIN data): …`.
    if bytes.get(..end)?.ends_with(b")") {
        let open = bytes.get(..end)?.iter().rev().take(MAX_REMARK).position(|b| *b == b'(')?;
        let remark = bytes.get(end - open..end - 1)?;
        end = skip(bytes, end - open - 1);
        // `field(52)`: the number itself, where the name has none.
        let name = bytes.get(word(bytes, end)..end)?;
        if (1..=3).contains(&remark.len())
            && remark.iter().all(u8::is_ascii_digit)
            && NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        {
            return Some(value_of(remark, remark.len()));
        }
    }
    let mut start = word(bytes, end);
    for _ in 0..4 {
        let Some(inner) = without_format(bytes, start, end) else { break };
        end = skip(bytes, inner);
        start = word(bytes, end);
    }
    let name = bytes.get(start..end)?;
    // `第52域`: the number stands before the name.
    if let Some(number) =
        name.strip_suffix("域".as_bytes()).filter(|before| before.last().is_some_and(u8::is_ascii_digit))
    {
        let digits = number.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        return (digits <= 3).then(|| value_of(number, digits));
    }
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    let number = value_of(name, digits);
    let end_of_name = end;
    let mut name = name.get(..name.len() - digits)?;
    if name.is_empty() {
        // In brackets, alone, it needs no name, whatever holds them: `{"msg": "[052](16) …"}`; nor does one that a value is set to.
        let alone = |before: &[u8]| !before.last().is_some_and(|sign| is_word(*sign));
        let bracket = bytes.get(..start)?.strip_suffix(b"[");
        let set = || {
            let signs = bytes.get(end_of_name..at).unwrap_or_default();
            matches!(signs, [b']', b'=' | b':', ..] | [b']', b' ', b'=' | b':', ..])
        };
        if bracket.is_some_and(|before| alone(before) && (digits == 3 || set())) {
            return Some(number);
        }
        let end = skip(bytes, start);
        // Nor in a list of elements: `002:4242… 003:003000 052:…`.
        if digits == 3 && is_element(bytes, word(bytes, end), end) {
            return Some(number);
        }
        name = bytes.get(word(bytes, end)..end)?;
        // Nor one that begins a line.
        if name.is_empty() || end == start {
            return bracket.is_some_and(|before| set() || before.ends_with(b"\n")).then_some(number);
        }
    }
    let is_name = NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        || ["域", "字段"].iter().any(|known| name.ends_with(known.as_bytes()));
    is_name.then_some(number)
}

/// Whether the word `start..end` is the value of a data element of which the number stands before it, alone: `011:989543`.
fn is_element(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = bytes.get(..start).unwrap_or_default();
    let Some((sign, number)) = before.split_last() else { return false };
    let apart = |before: &[u8]| !before.last().is_some_and(|sign| is_word(*sign) || matches!(sign, b'.' | b':' | b'-'));
    start < end
        && matches!(sign, b':' | b'=')
        && number
            .split_last_chunk::<3>()
            .is_some_and(|(before, number)| number.iter().all(u8::is_ascii_digit) && apart(before))
}

/// Where what stands before the word `start..end` ends, when that says how a value is written: `LLVAR`, `n..19`, `value`.
fn without_format(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let word = bytes.get(start..end)?;
    if matches!(word, b"value" | b"val" | b"v" | b"type" | b"binary") || is_var(word) {
        return Some(start);
    }
    let letters = bytes.get(..start)?.strip_suffix(b"..")?;
    let kind = letters.iter().rev().take(4).take_while(|sign| sign.is_ascii_alphabetic()).count();
    (word.iter().all(u8::is_ascii_digit) && (1..=3).contains(&word.len()) && kind > 0).then(|| letters.len() - kind)
}

/// Whether a value at `at` is said to have its length before it: `LLVAR: …`, `LLVAR n..19: …`.
pub(super) fn is_variable(bytes: &[u8], at: usize) -> bool {
    let mut end = skip(bytes, at);
    let mut start = word(bytes, end);
    if !bytes.get(start..end).is_some_and(is_var)
        && let Some(inner) = without_format(bytes, start, end)
    {
        end = skip(bytes, inner);
        start = word(bytes, end);
    }
    bytes.get(start..end).is_some_and(is_var)
}

/// Whether type and bitmaps of a message that has a card number stand before `at`, apart and with what they are called:
/// `0200 7238000108C08000 16…`, `MTI: 0200, bitmap: 7238000108C08000, data: 16…`.
pub(super) fn is_message_before(bytes: &[u8], at: usize) -> bool {
    const WORDS: usize = 10;
    const SIGNS: usize = 4;
    const LONGEST: usize = 48;
    let mut end = at;
    let mut bitmap = false;
    for _ in 0..WORDS {
        let before = bytes.get(..end).unwrap_or_default();
        let signs = before.iter().rev().take(SIGNS).take_while(|sign| !sign.is_ascii_alphanumeric()).count();
        let before = before.get(..before.len() - signs).unwrap_or_default();
        let length = before.iter().rev().take(LONGEST).take_while(|sign| sign.is_ascii_alphanumeric()).count();
        let word = before.get(before.len() - length..).unwrap_or_default();
        end = before.len() - length;
        match word {
            [] => return false,
            [b'0'..=b'2', b'1'..=b'8', b'0'..=b'9', b'0'..=b'5'] if bitmap => return true,
            // Type and bitmaps in one piece.
            [b'0'..=b'2', b'1'..=b'8', b'0'..=b'9', b'0'..=b'5', bits @ ..] if is_bitmap(bits) => return true,
            bits if is_bitmap(bits) => bitmap = true,
            name if bitmap && name.eq_ignore_ascii_case(b"bitmap") => return true,
            // The second bitmap tells nothing of the card number.
            bits if bits.len() == 16 && bits.iter().all(u8::is_ascii_hexdigit) => {}
            name if name.iter().any(u8::is_ascii_digit) && name.len() > 4 => return false,
            _ => {}
        }
    }
    false
}

/// Whether hexadecimal digits are the bitmaps of a message that has a card number, which the second bit of the first says.
fn is_bitmap(digits: &[u8]) -> bool {
    matches!(digits.len(), 16 | 32)
        && digits.iter().all(u8::is_ascii_hexdigit)
        && digits.first().and_then(|first| hex(*first)).is_some_and(|bits| bits & 4 != 0)
}

/// ISO 8583 calls a field whose length stands before it in two or three digits so.
fn is_var(word: &[u8]) -> bool {
    ["llvar", "lllvar", "ll", "lll"].iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// The number that the last `digits` of `name` write.
fn value_of(name: &[u8], digits: usize) -> u16 {
    name.iter().skip(name.len() - digits).fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))
}

/// Where the card number of a message stands that is written as it is sent, in hexadecimal digits: type, bitmaps, element 2.
pub(super) fn card_of_message(message: &[u8]) -> Option<(usize, usize)> {
    const TYPE: usize = 4;
    const BITMAP: usize = 16;
    let [b'0'..=b'2', b'1'..=b'8', b'0'..=b'9', b'0'..=b'5', rest @ ..] = message else { return None };
    // The first two bits of a bitmap stand for a second one and for the card number.
    let bits = hex(*rest.first()?)?;
    let bitmaps = if bits & 8 != 0 { BITMAP * 2 } else { BITMAP };
    let (bitmaps, body) = rest.split_at_checked(bitmaps)?;
    let [b'1', ones @ b'2'..=b'9', body @ ..] = body else { return None };
    let length = 10 + usize::from(ones - b'0');
    let sound = bits & 4 != 0
        && bitmaps.iter().all(u8::is_ascii_hexdigit)
        && body.get(..length)?.iter().all(u8::is_ascii_digit);
    let start = TYPE + bitmaps.len() + 2;
    sound.then_some((start, start + length))
}

/// Whether a value at `at` is the entry of this number in a list of elements (`{2:…, 52:`, `[2:…][52:`, `msg[2]=… msg[52]=`), or
/// is set as such: `setField(52, '…`.
pub(super) fn is_entry(bytes: &[u8], at: usize, number: &[u8]) -> bool {
    let blank = |b: &u8| matches!(b, b' ' | b'"' | b'\'' | b'[');
    let back =
        |end: usize| end - bytes.get(..end).unwrap_or_default().iter().rev().take(3).take_while(|b| blank(b)).count();
    let sign = back(at);
    let Some([head @ .., joint]) = bytes.get(..sign) else { return false };
    match joint {
        b',' => return is_set(head, number),
        b':' | b'=' => {}
        // `052 A40C40D17E02101B` on a line of its own.
        _ => {
            let line = bytes.get(..sign).and_then(|line| line.strip_suffix(number)?.strip_suffix(b"0"));
            let ends = matches!(bytes.get(at + BLOCK), None | Some(b'\n' | b'\r' | b'"' | b'\\'));
            return sign < at && ends && line.is_some_and(|line| is_below_number(line) && !is_below_hash(line));
        }
    }
    let head = head.get(..back(head.len())).unwrap_or_default();
    if let Some(index) = head.strip_suffix(b"]") {
        return is_index(index, number);
    }
    let Some(before) = head.strip_suffix(number) else { return false };
    // As a name in JSON it may have the three digits of the standard, and in lines of such numbers.
    let named = |before: &&[u8]| before.ends_with(b"\"") || is_below_number(before);
    let before = before.strip_suffix(b"0").filter(named).unwrap_or(before);
    if before.ends_with(b"][") {
        return true;
    }
    matches!(before.get(..back(before.len())), Some([] | [.., b'{' | b',' | b'|' | b'\n' | b';']))
}

/// Whether `before` ends with the blanks of a line, and the one above that begins with three digits.
fn is_below_number(before: &[u8]) -> bool {
    const LONGEST: usize = 96;
    let above = before.trim_ascii_end();
    if !before.get(above.len()..).is_some_and(|blanks| blanks.contains(&b'\n')) {
        return false;
    }
    let line = above.get(above.len().saturating_sub(LONGEST)..).unwrap_or_default();
    let line = line.rsplit(|sign| *sign == b'\n').next().unwrap_or_default().trim_ascii_start();
    matches!(line, [a, b, c, b' ' | b':', ..] if [a, b, c].iter().all(|sign| sign.is_ascii_digit()))
}

/// Whether the line above ends with hexadecimal digits as well: a list of hashes, by their number.
fn is_below_hash(before: &[u8]) -> bool {
    let above = before.trim_ascii_end();
    let digits = above.iter().rev().take(BLOCK).take_while(|sign| sign.is_ascii_hexdigit());
    above.last_chunk::<BLOCK>().is_some_and(|last| digits.count() == BLOCK && last.iter().any(u8::is_ascii_alphabetic))
}

/// Whether `head` ends with this index of a name that other elements before it are an index of.
fn is_index(head: &[u8], number: &[u8]) -> bool {
    const REACH: usize = 256;
    let Some(name) = head.strip_suffix(number).filter(|name| name.ends_with(b"[")) else { return false };
    let length = 1 + name.iter().rev().skip(1).take(MAX_NAME).take_while(|sign| is_word(**sign)).count();
    let (before, name) = name.split_at(name.len() - length);
    let low = before.len().saturating_sub(REACH);
    length > 1 && before.get(low..).is_some_and(|before| memchr::memmem::find(before, name).is_some())
}

/// Whether `head` ends with a call that sets the element of this number.
fn is_set(head: &[u8], number: &[u8]) -> bool {
    let Some(name) = head.strip_suffix(number).and_then(|head| head.strip_suffix(b"(")) else { return false };
    let start = name.len() - name.iter().rev().take(MAX_NAME).take_while(|sign| is_word(**sign)).count();
    let name = name.get(start..).unwrap_or_default();
    name.eq_ignore_ascii_case(b"field") || name.get(..3).is_some_and(|verb| verb.eq_ignore_ascii_case(b"set"))
}

fn skip(bytes: &[u8], end: usize) -> usize {
    let sign = |b: &u8| {
        matches!(b, b' ' | b'"' | b'\'' | b'\\' | b'=' | b':' | b'[' | b']' | b'>' | b'-' | b'_' | b'#' | b'.' | b'|')
    };
    end - bytes.get(..end).unwrap_or_default().iter().rev().take(MAX_SIGNS).take_while(|b| sign(b)).count()
}

fn word(bytes: &[u8], end: usize) -> usize {
    let is_in = |b: &u8| is_word(*b) && *b != b'_';
    end - bytes.get(..end).unwrap_or_default().iter().rev().take(MAX_NAME).take_while(|b| is_in(b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_a_list_need_no_name() {
        for (text, is_it) in [
            ("{2:0, 52:", true),
            ("52: ", true),
            ("{\"52\": \"", true),
            ("line 52: ", false),
            ("10:52: ", false),
            ("152: ", false),
            ("[2:0][52:", true),
            ("[INFO] 52: ", false),
            ("msg[2]=0 msg[52]=", true),
            ("rows[52]=", false),
            ("{\"002\":\"0\",\"052\":\"", true),
            ("isoMsg.setField(52, '", true),
            ("get(52, '", false),
        ] {
            assert_eq!(is_entry(text.as_bytes(), text.len(), b"52"), is_it, "{text}");
        }
    }

    #[test]
    fn a_message_has_its_type_and_bitmaps_before_its_fields() {
        for (text, is_it) in [
            ("0200 F23C449108E18000 ", true),
            ("0200 F23C449108E18000 0000000000000001 ", true),
            ("0200F23C449108E18000 ", true),
            ("MTI: 0200, primary bitmap: 7238000108C08000, data: ", true),
            ("0200 3238000108C08000 ", false),
            ("F23C449108E18000 ", false),
            ("order 0200 ", false),
            ("", false),
        ] {
            assert_eq!(is_message_before(text.as_bytes(), text.len()), is_it, "{text}");
        }
    }

    #[test]
    fn data_elements_are_told_by_name_and_number() {
        for (text, element) in [
            ("DE52=", Some(52)),
            ("DE052 [", Some(52)),
            ("F2 [", Some(2)),
            ("field 52: ", Some(52)),
            ("bit 52 = ", Some(52)),
            ("<field id=\"52\" value=\"", Some(52)),
            ("<Fld n=\"2\">", Some(2)),
            ("[052](16) ", Some(52)),
            ("P-52=", Some(52)),
            ("{\"msg\": \"[052](16) ", Some(52)),
            ("rows[052] ", None),
            ("[52]=", Some(52)),
            ("[52] ", None),
            ("[3] 0\n[52] ", Some(52)),
            ("<field id=\"52\" type=\"binary\" value=\"", Some(52)),
            ("F[52]=\"", Some(52)),
            ("<f id='52' v='", Some(52)),
            ("域52：", None),
            ("域52:", Some(52)),
            ("52域=", Some(52)),
            ("报文第52域: ", Some(52)),
            ("字段052: ", Some(52)),
            ("element52=", Some(52)),
            ("F52(PIN data): ", Some(52)),
            ("域2[LLVAR]: ", Some(2)),
            ("F002 LLVAR ", Some(2)),
            ("[002] LLVAR n..19 [", Some(2)),
            ("DE2 n..19: ", Some(2)),
            ("at 1..19 ", None),
            ("1052域=", None),
            ("区域: ", None),
            ("room 52: ", None),
            ("at 12:52 ", None),
            ("52: ", None),
            ("", None),
        ] {
            assert_eq!(data_element(text.as_bytes(), text.len()), element, "{text}");
        }
    }
}
