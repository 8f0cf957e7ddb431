//! Pairs of a key and a short text, written as every encoder writes them, which nearly all attributes are: each length is one byte
//! below 0x80. So the bytes of many of them in a row are UTF-8 where all of their texts are, and one look decides for all.

use std::borrow::Cow;

use super::wire::Fields;
use crate::content::{KeyValue, Value};

/// Bytes before the key, and between it and the text.
const HEAD: usize = 4;

/// Takes such pairs in a row, each in a field of this number, up to the first that is another.
#[inline]
pub(super) fn take<'a>(fields: &mut Fields<'a>, field: u8) -> &'a [u8] {
    let rest = fields.rest();
    let mut length = 0;
    while let Some(pair) = rest.get(length..).and_then(|rest| pair_len(rest, field << 3 | 2)) {
        length += pair;
    }
    fields.pass(length)
}

/// Bytes of the pair at the beginning of `rest`, with its tag and length.
#[inline]
fn pair_len(rest: &[u8], tag: u8) -> Option<usize> {
    let [first, length @ ..0x80, 0x0a, key, behind @ ..] = rest else { return None };
    let [0x12, value, 0x0a, text, ..] = behind.get(usize::from(*key)..)? else { return None };
    let (length, key, value, text) = (usize::from(*length), usize::from(*key), usize::from(*value), usize::from(*text));
    let is_plain = *first == tag && value == text + 2 && length == key + value + HEAD;
    (is_plain && rest.len() >= length + 2).then_some(length + 2)
}

/// Pairs that `take` has taken, all of them UTF-8.
pub(super) struct TextPairs<'a>(pub(super) &'a str);

impl<'a> Iterator for TextPairs<'a> {
    type Item = KeyValue<'a>;

    #[inline]
    fn next(&mut self) -> Option<KeyValue<'a>> {
        let (key, behind) = self.text()?;
        self.0 = behind;
        let (text, behind) = self.text()?;
        self.0 = behind;
        Some(KeyValue { key: Cow::Borrowed(key), value: Value::String(Cow::Borrowed(text)) })
    }
}

impl<'a> TextPairs<'a> {
    /// The text behind its head, whose last byte is the text's length; and what follows.
    #[inline]
    fn text(&self) -> Option<(&'a str, &'a str)> {
        let (head, rest) = self.0.split_at_checked(HEAD)?;
        rest.split_at_checked(usize::from(*head.as_bytes().last()?))
    }
}
