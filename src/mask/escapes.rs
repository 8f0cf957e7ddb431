//! Escapes: what one of percent encoding, JSON, C, XML or quoted-printable stands for.

pub(super) enum Unescaped {
    Nothing,
    Byte(u8),
    Char(char),
}

/// The escape that `bytes` begin with, and its length.
pub(super) fn read_escape(bytes: &[u8]) -> Option<(Unescaped, usize)> {
    match bytes {
        [b'%', high, low, ..] => Some((Unescaped::Byte(hex(*high)? << 4 | hex(*low)?), 3)),
        [b'\\', b'u' | b'U', rest @ ..] => {
            read_unicode(rest).map(|(character, length)| (Unescaped::Char(character), length + 2))
        }
        [b'\\', b'x', high, low, ..] => Some((Unescaped::Byte(hex(*high)? << 4 | hex(*low)?), 4)),
        [b'\\', octal @ b'0'..=b'3', ..] => read_octal(*octal, bytes),
        [b'\\', b'n' | b'r', ..] => Some((Unescaped::Byte(b'\n'), 2)),
        // A form feed or a backspace of JSON parts what is beside it as a line break does, and joins no groups of digits.
        [b'\\', b'f' | b'b', ..] => Some((Unescaped::Byte(b'\n'), 2)),
        [b'\\', b't', ..] => Some((Unescaped::Byte(b'\t'), 2)),
        [b'\\', sign @ (b'"' | b'\\' | b'/' | b'\''), ..] => Some((Unescaped::Byte(*sign), 2)),
        [b'&', b'#', rest @ ..] => {
            read_numeric_entity(rest).map(|(character, length)| (Unescaped::Char(character), length + 2))
        }
        [b'&', rest @ ..] => read_named_entity(rest).map(|(sign, length)| (Unescaped::Char(sign), length + 1)),
        _ => None,
    }
}

/// A character that is no ASCII, byte by byte, or a tab or line break, as C and protobuf's text form write them: `\345\215\241`,
/// `\011`. Other signs that they escape are no text, and a path may hold digits behind a backslash.
fn read_octal(first: u8, bytes: &[u8]) -> Option<(Unescaped, usize)> {
    const ESCAPE: usize = 4;
    let byte = |escape: &[u8]| match escape {
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => {
            Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
        }
        _ => None,
    };
    if first < b'3' {
        let control = byte(bytes.get(..ESCAPE)?).filter(|byte| matches!(byte, b'\t' | b'\n' | b'\r'))?;
        return Some((Unescaped::Byte(control), ESCAPE));
    }
    let mut character = [0; 4];
    let mut length = 0;
    for (place, escape) in character.iter_mut().zip(bytes.chunks(ESCAPE)) {
        let Some(byte) = byte(escape).filter(|byte| *byte >= 0x80) else { break };
        *place = byte;
        length += 1;
    }
    let character = character.get(..length)?.utf8_chunks().next()?.valid().chars().next()?;
    Some((Unescaped::Char(character), ESCAPE * character.len_utf8()))
}

/// The byte that `=3D` of quoted-printable stands for, or the line break that it leaves out. Letters and digits have no need of it:
/// `a=41` is what it seems.
pub(super) fn read_quoted(bytes: &[u8]) -> Option<(Unescaped, usize)> {
    match bytes {
        [b'=', b'\n', ..] => Some((Unescaped::Nothing, 2)),
        [b'=', b'\r', b'\n', ..] => Some((Unescaped::Nothing, 3)),
        [b'=', high, low, ..] => {
            let byte = hex(*high)? << 4 | hex(*low)?;
            (!byte.is_ascii_alphanumeric()).then_some((Unescaped::Byte(byte), 3))
        }
        _ => None,
    }
}

/// The tab or line break that rsyslog writes as an octal number behind a hash: `#011`, `#012`.
pub(super) fn read_syslog(bytes: &[u8]) -> Option<(Unescaped, usize)> {
    let [b'#', b'0', b'1', last @ (b'1' | b'2' | b'5'), ..] = bytes else { return None };
    Some((Unescaped::Byte(if *last == b'1' { b'\t' } else { b'\n' }), 4))
}

/// `XXXX`, `{X…}`, or a pair of surrogates `XXXX\uXXXX`, after `\u`.
fn read_unicode(bytes: &[u8]) -> Option<(char, usize)> {
    if let [b'{', rest @ ..] = bytes {
        let digits = rest.iter().take(6).take_while(|b| hex(**b).is_some()).count();
        let closed = digits > 0 && rest.get(digits) == Some(&b'}');
        return if closed { Some((char::from_u32(hex_number(rest.get(..digits)?)?)?, digits + 2)) } else { None };
    }
    let first = hex_number(bytes.get(..4)?)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 4));
    }
    let pair = match bytes.get(4..10) {
        Some([b'\\', b'u', low @ ..]) => hex_number(low).filter(|low| (0xDC00..0xE000).contains(low) && first < 0xDC00),
        _ => None,
    };
    match pair {
        Some(low) => Some((char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00))?, 10)),
        None => Some((char::REPLACEMENT_CHARACTER, 4)),
    }
}

/// `52;`, `x34;`, `X34;` after `&#`.
fn read_numeric_entity(bytes: &[u8]) -> Option<(char, usize)> {
    let end = bytes.iter().take(10).position(|&b| b == b';')?;
    let number = match bytes.get(..end)? {
        [b'x' | b'X', digits @ ..] => hex_number(digits)?,
        digits => std::str::from_utf8(digits).ok()?.parse().ok()?,
    };
    Some((char::from_u32(number)?, end + 1))
}

/// `quot;`, after `&`.
fn read_named_entity(bytes: &[u8]) -> Option<(char, usize)> {
    const LONGEST: usize = 14;
    let length = bytes.iter().take(LONGEST).take_while(|sign| sign.is_ascii_alphabetic()).count();
    let name = bytes.get(..length).filter(|_| bytes.get(length) == Some(&b';'))?;
    let sign = match name {
        b"quot" => '"',
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"apos" => '\'',
        b"nbsp" | b"ensp" | b"thinsp" | b"emsp" => ' ',
        b"commat" => '@',
        b"period" => '.',
        b"plus" => '+',
        b"equals" => '=',
        b"colon" => ':',
        b"semi" => ';',
        b"sol" => '/',
        b"hyphen" | b"ndash" | b"dash" | b"mdash" => '-',
        b"Tab" => '\t',
        b"NewLine" => '\n',
        b"lowbar" => '_',
        b"shy" => '\u{ad}',
        b"zwnj" => '\u{200c}',
        b"zwj" => '\u{200d}',
        b"ZeroWidthSpace" => '\u{200b}',
        name => char::from(0xC0 + LATIN.iter().position(|known| name == known.as_bytes())? as u8),
    };
    Some((sign, length + 1))
}

/// Names of the signs from U+00C0 on.
const LATIN: [&str; 64] = [
    "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml",
    "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times",
    "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig", "agrave", "aacute", "acirc", "atilde",
    "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml",
    "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave", "uacute", "ucirc",
    "uuml", "yacute", "thorn", "yuml",
];

fn hex_number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |number, &digit| Some(number.checked_mul(16)? | u32::from(hex(digit)?)))
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}
