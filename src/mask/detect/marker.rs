//! What stands in place of a code: `[sad.cvv]`. It is a value, and calls nothing beside it a code; so masking twice is masking once.

const OPEN: &[u8] = b"[sad.";

/// Whether one begins `text`.
pub(super) fn begins(text: &[u8]) -> bool {
    text.starts_with(OPEN)
}

/// Whether `before` ends where one says of what class it is.
pub(super) fn opens(before: &[u8]) -> bool {
    before.ends_with(OPEN)
}

/// Whether one stands anywhere in `text`.
pub(super) fn stands_in(text: &[u8]) -> bool {
    memchr::memmem::find(text, OPEN).is_some()
}

/// Whether the word `start..end` is what one says of itself.
pub(super) fn is_around(bytes: &[u8], start: usize, end: usize) -> bool {
    bytes.get(end) == Some(&b']') && bytes.get(..start).is_some_and(opens)
}

/// Whether a cell holds nothing else.
pub(super) fn is_all_of(cell: &[u8]) -> bool {
    let is_around = |sign: &u8| matches!(sign, b' ' | b'"' | b'\'' | b'\t' | b'\r');
    let start = cell.iter().take_while(|sign| is_around(sign)).count();
    let end = cell.len() - cell.iter().rev().take_while(|sign| is_around(sign)).count();
    cell.get(start..end).is_some_and(|cell| begins(cell) && cell.ends_with(b"]"))
}

/// A key without those at its end.
pub(in crate::mask) fn without(mut key: &[u8]) -> &[u8] {
    while let Some((head, name)) =
        memchr::memrchr(b'[', key).and_then(|open| key.split_at_checked(open)).filter(|(_, name)| begins(name))
    {
        let [inner @ .., _] = name else { break };
        if inner.contains(&b']') {
            break;
        }
        key = head.trim_ascii_end();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_stands_before_them() {
        for (key, left) in [
            ("cvv", "cvv"),
            ("cvv [sad.cvv]", "cvv"),
            ("a [sad.cvv] [sad.pin]", "a"),
            ("a [sad.cvv", "a"),
            ("[sad.", ""),
            ("a [sad.cvv] b", "a [sad.cvv] b"),
            ("a[0]", "a[0]"),
            ("", ""),
        ] {
            assert_eq!(without(key.as_bytes()), left.as_bytes(), "{key}");
        }
    }
}
