//! Asterisks that make words bold or slanted, as Markdown has them: they hide nothing.

/// Bytes that they may be around.
const REACH: usize = 96;
/// Most asterisks that stand for it.
const MOST: usize = 2;

/// Whether asterisks behind `end` close what as many opened before it on the same line: `**card 4242424242424242**`, `cvv: *737*`.
pub(super) fn closes(bytes: &[u8], end: usize) -> bool {
    let stars = |signs: &mut dyn Iterator<Item = &u8>| signs.take(MOST + 1).take_while(|sign| **sign == b'*').count();
    let closing = stars(&mut bytes.get(end..).unwrap_or_default().iter());
    if !(1..=MOST).contains(&closing) {
        return false;
    }
    let before = bytes.get(end.saturating_sub(REACH)..end).unwrap_or_default();
    let line = memchr::memrchr(b'\n', before).and_then(|line| before.get(line + 1..)).unwrap_or(before);
    let Some((head, inner)) = memchr::memrchr(b'*', line).and_then(|last| line.split_at_checked(last + 1)) else {
        return false;
    };
    let opening = stars(&mut head.iter().rev());
    let apart = head.iter().rev().nth(opening).is_none_or(|sign| !sign.is_ascii_alphanumeric());
    // What goes on behind them is what masking left, unless nothing but the value stands between.
    let ends = || {
        !bytes.get(end + closing).is_some_and(u8::is_ascii_alphanumeric) || inner.iter().all(u8::is_ascii_alphanumeric)
    };
    opening == closing && apart && inner.first().is_some_and(|first| !first.is_ascii_whitespace()) && ends()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_closes_was_opened_on_the_line() {
        for (text, closed) in [
            ("**card 4242", true),
            ("cvv: **737", true),
            ("- **pan**: x **call 138", true),
            ("*cvv 737", false),
            ("** cvv 737", false),
            ("x**cvv 737", false),
            ("***cvv 737", false),
            ("**cvv\n737", false),
            ("**a** 737", false),
            ("4242 **** 4242", false),
            ("737", false),
        ] {
            assert_eq!(closes(format!("{text}** x").as_bytes(), text.len()), closed, "{text}");
            assert!(!closes(format!("{text}**** x").as_bytes(), text.len()), "{text}");
            assert_eq!(closes(format!("{text}**7").as_bytes(), text.len()), text == "cvv: **737", "{text}");
        }
    }
}
