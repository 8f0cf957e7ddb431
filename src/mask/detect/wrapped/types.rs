//! Types that programs write around a value: `Some(737)`, `string(3) "737"`, `{"stringValue": "737"}`.

use super::{blank, quote, trim, word_start};

/// `Some(`, `Optional[`: the words that types put around a value.
pub(super) fn typed(before: &[u8]) -> Option<usize> {
    const TYPES: [&str; 17] = [
        "some",
        "just",
        "ok",
        "optional",
        "of",
        "value",
        "decimal",
        "string",
        "long",
        "int",
        "numberlong",
        "numberint",
        "numberdecimal",
        "quote",
        "secret",
        "sensitive",
        "secretstring",
    ];
    let open = before.len() - 1;
    let start = word_start(before, open);
    let known =
        TYPES.iter().any(|name| before.get(start..open).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes())));
    // PHP dumps a number on the line below its name.
    let outer = trim(before.get(..start)?, blank);
    known.then_some(if outer.ends_with(b"=>") { outer.len() } else { start })
}

/// `(string) (len=3) `, `(*string)(0xc000012345)`, as Go dumps a value.
pub(super) fn go_type(before: &[u8]) -> Option<usize> {
    const LONGEST: usize = 20;
    const TYPES: [&str; 8] = ["string", "int", "int32", "int64", "uint16", "uint32", "uint64", "[]uint8"];
    let low = before.len().saturating_sub(LONGEST);
    let open = low + memchr::memrchr(b'(', before.get(low..)?)?;
    let inner = before.get(open + 1..before.len() - 1)?;
    let name = inner.strip_prefix(b"*").unwrap_or(inner);
    let known = TYPES.iter().any(|known| name == known.as_bytes())
        || [&b"len="[..], b"cap=", b"0x"].iter().any(|head| inner.starts_with(head));
    known.then(|| trim(before.get(..open).unwrap_or_default(), blank).len())
}

/// `cvv: i32 = `: the type that Rust, TypeScript and others write behind a name.
pub(super) fn annotated(before: &[u8]) -> Option<usize> {
    const TYPES: [&str; 16] = [
        "i16", "i32", "i64", "u16", "u32", "u64", "usize", "str", "String", "string", "number", "int", "Int", "any",
        "char", "Long",
    ];
    let name = trim(before.get(..before.len() - 1)?, |b| b == b' ');
    let start = word_start(name, name.len());
    let known = TYPES.iter().any(|known| name.get(start..) == Some(known.as_bytes()));
    let head = trim(name.get(..start)?, |b| matches!(b, b' ' | b'&'));
    (known && head.ends_with(b":")).then_some(head.len())
}

/// `string(16) `, `&string(16) `, as PHP dumps a value.
pub(super) fn sized(before: &[u8]) -> Option<usize> {
    let open = before.iter().rev().take(6).position(|b| *b == b'(').map(|back| before.len() - back - 1)?;
    let digits = before.get(open + 1..before.len() - 1)?;
    let start = word_start(before, open);
    (!digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        && matches!(before.get(start..open)?, b"string" | b"int"))
    .then(|| trim(before.get(..start).unwrap_or_default(), |sign| blank(sign) || sign == b'&').len())
}

/// `;s:16:`, `;i:`, as PHP serialises it.
pub(super) fn serialised(before: &[u8]) -> Option<usize> {
    let digits = trim(before.get(..before.len() - 1)?, |b| b.is_ascii_digit());
    if digits.len() + 1 == before.len() {
        return None;
    }
    digits.strip_suffix(b";s:").map(<[u8]>::len)
}

/// `{"stringValue":`, `{"S":`, `{"$eq":`: the type of a value, or how it is compared, in OTLP, DynamoDB, Avro, MongoDB.
pub(super) fn type_key(before: &[u8]) -> Option<usize> {
    const TYPES: [&str; 29] = [
        "in",
        "nin",
        "stringValue",
        "intValue",
        "doubleValue",
        "bytesValue",
        "string_value",
        "int_value",
        "S",
        "N",
        "B",
        "string",
        "str",
        "int",
        "long",
        "double",
        "bytes",
        "raw",
        "plain",
        "text",
        "_text",
        "keyword",
        "query",
        "eq",
        "ne",
        "numberLong",
        "numberInt",
        "regex",
        "set",
    ];
    let name = trim(before.get(..before.len() - 1)?, quote);
    let start = word_start(name, name.len());
    let head = name.get(..start)?;
    let open = trim(head.strip_suffix(b"$").or_else(|| head.strip_suffix(b"#")).unwrap_or(head), quote);
    let is_type = || TYPES.iter().any(|known| name.get(start..) == Some(known.as_bytes()));
    (open.last() == Some(&b'{') && is_type()).then(|| open.len() - 1)
}

/// `{"$in":[`: the list of values that MongoDB compares with.
pub(super) fn compared(before: &[u8]) -> Option<usize> {
    let list = trim(before.get(..before.len() - 1)?, |b| b == b' ');
    let name = trim(list.strip_suffix(b":")?, quote);
    (name.ends_with(b"$in") || name.ends_with(b"$nin")).then_some(list.len())
}
