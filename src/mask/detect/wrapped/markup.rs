//! Markup between a key and its value: tags, a form's headers, bold words, YAML's blocks.

use super::{MAX_TAG, blank, trim};

/// `<b>`, `</span>`, `<br/>`: what HTML puts around any text.
pub(super) fn inline(before: &[u8]) -> Option<usize> {
    const TAGS: [&str; 12] = ["span", "b", "i", "em", "strong", "code", "u", "br", "mark", "small", "tt", "kbd"];
    let low = before.len().saturating_sub(MAX_TAG);
    let open = low + memchr::memrchr(b'<', before.get(low..)?)?;
    let tag = before.get(open + 1..before.len() - 1)?;
    let tag = tag.strip_prefix(b"/").unwrap_or(tag);
    let (name, rest) = tag.split_at(tag.iter().take_while(|sign| sign.is_ascii_alphabetic()).count());
    (TAGS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        && matches!(rest.first(), None | Some(b' ' | b'/'))
        && !rest.contains(&b'>'))
    .then_some(open)
}

/// `</td><td>`: the cell or element behind one that holds the key.
pub(super) fn cell(before: &[u8]) -> Option<usize> {
    const CELLS: [&str; 15] = [
        "attributevalue",
        "td",
        "th",
        "dd",
        "span",
        "string",
        "integer",
        "int",
        "value",
        "val",
        "v",
        "content",
        "data",
        "text",
        "i",
    ];
    let low = before.len().saturating_sub(MAX_TAG);
    let open = low + memchr::memrchr(b'<', before.get(low..)?)?;
    let tag = before.get(open + 1..)?;
    // The prefix of a namespace says nothing: `<s:value>`.
    let prefix = tag.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let prefix = if tag.get(prefix) == Some(&b':') { prefix + 1 } else { 0 };
    let name = tag.get(prefix..)?;
    let name = name.get(..name.iter().take_while(|b| b.is_ascii_alphabetic()).count())?;
    if !CELLS.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())) {
        return None;
    }
    // One with a name of its own is no cell of another's: `<Data Name='cvv'>`.
    let attributes = tag.get(prefix + name.len()..)?;
    if ["ame=", "key="].iter().any(|name| memchr::memmem::find(attributes, name.as_bytes()).is_some()) {
        return None;
    }
    let closed = trim(before.get(..open)?, blank);
    let low = closed.len().saturating_sub(MAX_TAG);
    let close = low + memchr::memrchr(b'<', closed.get(low..)?)?;
    if closed.last() != Some(&b'>') {
        return None;
    }
    // Within another element it is a type: `<value><string>`.
    Some(if closed.get(close + 1) == Some(&b'/') { close } else { closed.len() })
}

/// `name="cvv"`, an empty line: a part of a form.
pub(super) fn form(before: &[u8]) -> Option<usize> {
    let head = before.strip_suffix(b"\r\n\r\n").or_else(|| before.strip_suffix(b"\n\n"))?;
    let name = head.strip_suffix(b"\"")?;
    let low = name.len().saturating_sub(MAX_TAG);
    let open = low + memchr::memrchr(b'"', name.get(low..)?)?;
    name.get(..open)?.ends_with(b"name=").then_some(name.len())
}

/// `cvc: |`, a line's end: what YAML writes on lines of its own.
pub(super) fn block(before: &[u8]) -> Option<usize> {
    let head = trim(before, blank);
    let head = head.strip_suffix(b"-").or_else(|| head.strip_suffix(b"+")).unwrap_or(head);
    let head = head.strip_suffix(b"|").or_else(|| head.strip_suffix(b">"))?;
    head.strip_suffix(b": ").map(<[u8]>::len)
}

/// `**CVV:** `, `**CVV**: `: a name that Markdown makes bold.
pub(super) fn emphasised(before: &[u8]) -> Option<usize> {
    let stars = |text: &[u8]| text.iter().rev().take(3).take_while(|b| **b == b'*').count();
    let cut = |text: &[u8], count: usize| text.get(..text.len() - count).map(|text| trim(text, |b| b == b' ').len());
    let (name, colon) = match before {
        [name @ .., b':'] => (name, true),
        name => (name, false),
    };
    let count = stars(name);
    let name = name.get(..cut(name, count)?)?;
    let name = name.strip_suffix(b":").filter(|_| !colon).or_else(|| colon.then_some(name))?;
    let letter = name.last().is_some_and(|b| b.is_ascii_alphabetic() || *b >= 0x80);
    ((1..=2).contains(&count) && letter).then_some(name.len())
}

/// `cvv **`: asterisks that make the value bold.
pub(super) fn opened(before: &[u8]) -> Option<usize> {
    let name = before.strip_suffix(b"*").map(|name| name.strip_suffix(b"*").unwrap_or(name))?;
    name.ends_with(b" ").then_some(name.len())
}
