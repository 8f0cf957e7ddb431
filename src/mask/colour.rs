//! Colour codes of terminals (ECMA-48), which console loggers put around names, signs and values. Collectors keep them, often with the
//! escape sign written out or taken away: like zero-width signs they fold to nothing, and no letter of theirs is part of a value.

/// Bytes of the longest code, `\u001b[38;2;255;255;255;48;2;255;255;255m`, between its bracket and its letter.
const MAX_NUMBERS: usize = 40;
/// The escape sign, and how it is written out.
const ESCAPES: [&[u8]; 16] = [
    b"\x1b",
    b"\\u001b",
    b"\\u001B",
    b"\\x1b",
    b"\\x1B",
    b"\\u{1b}",
    b"\\033",
    b"\\e",
    b"^[",
    b"#033",
    b"%1B",
    b"%1b",
    b"&#27;",
    b"&#x1b;",
    b"&#x1B;",
    "␛".as_bytes(),
];

/// Where the code begins and ends whose bracket stands at `open`.
pub(super) fn around(bytes: &[u8], open: usize) -> Option<(usize, usize)> {
    let (before, rest) = (bytes.get(..open)?, bytes.get(open + 1..)?);
    let length = rest.iter().take(MAX_NUMBERS).take_while(|b| b.is_ascii_digit() || matches!(b, b';' | b':')).count();
    let numbers = rest.get(..length)?;
    let end = open + length + 2;
    let escape = ESCAPES.iter().find(|escape| before.ends_with(escape)).map_or(0, |escape| escape.len());
    let sound = match rest.get(length)? {
        // Without its escape sign it must look like nothing else: `[33m`, but no `rate(x[5m])`.
        b'm' if escape == 0 => {
            let short = numbers.split(|b| !b.is_ascii_digit()).all(|number| (1..=3).contains(&number.len()));
            short && bytes.get(end) != Some(&b']')
        }
        letter => escape > 0 && letter.is_ascii_alphabetic(),
    };
    sound.then_some((open - escape, end))
}

/// Where `start..end` of `bytes` ends without the codes behind it.
pub(super) fn without_codes(bytes: &[u8], start: usize, mut end: usize) -> usize {
    while let Some(found) = bytes.get(start.max(end.saturating_sub(MAX_NUMBERS))..end)
        && let Some(open) = memchr::memrchr(b'[', found)
        && let Some((from, to)) = around(bytes, end - found.len() + open)
        && to == end
        && from > start
    {
        end = from;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_from_other_brackets() {
        for (text, code) in [
            ("a\x1b[33mb", Some("\x1b[33m")),
            ("a\x1b[0Kb", Some("\x1b[0K")),
            ("a\x1b[mb", Some("\x1b[m")),
            (r"a\x1b[1;32mb", Some(r"\x1b[1;32m")),
            (r"a\u001b[38;5;208mb", Some(r"\u001b[38;5;208m")),
            (r"a\033[0m", Some(r"\033[0m")),
            ("a^[[33mb", Some("^[[33m")),
            ("a#033[33mb", Some("#033[33m")),
            ("a[33mb", Some("[33m")),
            ("rate(a[5m])", None),
            ("a[3]", None),
            ("a[1234m", None),
            ("a[", None),
        ] {
            let open = text.rfind('[').unwrap();
            let found = around(text.as_bytes(), open).map(|(start, end)| &text[start..end]);
            assert_eq!(found, code, "{text}");
        }
    }

    #[test]
    fn codes_behind_a_value_are_taken_off() {
        for (text, left) in [("737\x1b[0m\x1b[1m", "737"), ("737", "737"), ("\x1b[0m", "\x1b[0m"), ("", "")] {
            assert_eq!(&text[..without_codes(text.as_bytes(), 0, text.len())], left);
        }
    }
}
