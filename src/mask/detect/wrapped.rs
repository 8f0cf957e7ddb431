//! What stands between a key and its value but says nothing of it: brackets of a type, tags, a form's headers.
//!
//! Each layer has a fixed form and a fixed reach, and few are taken off, so this costs the same wherever it stands.

mod markup;
mod types;

use super::marker;
use super::words::is_word;
use markup::{block, cell, emphasised, form, inline, opened};
use types::{annotated, compared, go_type, serialised, sized, type_key, typed};

/// Layers that are taken off.
const MAX_LAYERS: usize = 3;
/// Signs between two parts of a layer.
const MAX_BLANKS: usize = 16;
/// Bytes of a tag, or of the name in a form's header.
const MAX_TAG: usize = 64;

/// The place that a value at `at` has for who looks for its key: before what wraps it.
#[inline]
pub(super) fn unwrapped(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    for _ in 0..MAX_LAYERS {
        let Some(inner) = bytes.get(..end).and_then(layer) else { break };
        end = inner;
    }
    end
}

/// The place of a number at `at` whose area code stands in brackets: `(020) 7946 0958`.
pub(super) fn area_code(bytes: &[u8], at: usize) -> usize {
    let closed = |rest: &[u8]| matches!(rest.iter().take(5).position(|b| *b == b')'), Some(2..=4));
    match bytes.get(..at) {
        Some([inner @ .., b'(']) if bytes.get(at..).is_some_and(closed) => inner.len(),
        _ => at,
    }
}

/// Length of `before` without the layer that it ends with.
#[inline]
fn layer(before: &[u8]) -> Option<usize> {
    let all = before;
    let before = trim(before, |b| matches!(b, b'"' | b'\'' | b'\\' | b' ' | b'\t'));
    match before.last()? {
        b'[' => {
            before.strip_suffix(b"<![CDATA[").map(<[u8]>::len).or_else(|| typed(before)).or_else(|| compared(before))
        }
        b'(' => typed(before).or_else(|| before.ends_with(b")(").then(|| before.len() - 1)).or_else(|| entered(before)),
        b')' => sized(before).or_else(|| go_type(before)),
        b':' => named(before),
        b'*' => emphasised(before).or_else(|| opened(all)),
        b'<' => binary(before),
        b'=' => index(before).or_else(|| annotated(before)),
        b']' => indexed(before),
        b'>' => assoc(before).or_else(|| cell(before)).or_else(|| inline(before)),
        b'\n' => form(before).or_else(|| block(before)).or_else(|| broken(before)),
        b'&' => before.strip_suffix(b" &").map(<[u8]>::len),
        b'r' | b't' => [" !!str", " !!int"].iter().find_map(|tag| before.strip_suffix(tag.as_bytes())).map(<[u8]>::len),
        _ => None,
    }
}

/// What a colon ends: told by the sign before it, for most numbers of a JSON text stand behind one.
#[inline]
fn named(before: &[u8]) -> Option<usize> {
    let name = before.get(..before.len() - 1)?;
    match name.last()? {
        b'*' => emphasised(before),
        b'>' => inline(name),
        b'0'..=b'9' => serialised(before),
        b'i' if name.ends_with(b"\";i") => Some(name.len() - 2),
        _ if trim(name, quote).last() == Some(&b']') => index(before),
        _ => type_key(before),
    }
}

/// `("[name=cvc]").type(`: what a test enters into the field that a selector names.
fn entered(before: &[u8]) -> Option<usize> {
    const ENTERS: [&str; 7] = ["type", "fill", "sendkeys", "send_keys", "setvalue", "val", "typetext"];
    let open = before.len() - 1;
    let start = word_start(before, open);
    let known = ENTERS
        .iter()
        .any(|name| before.get(start..open).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes())));
    let field = trim(before.get(..start)?.strip_suffix(b").")?, |b| quote(b) || b == b']');
    known.then_some(field.len())
}

/// `card[cvv]=`, `card["cvv"] = `.
fn index(before: &[u8]) -> Option<usize> {
    indexed(trim(before.get(..before.len() - 1)?, quote))
}

/// `[cvv] `: a name in brackets; `cvv [3]: `: a length in them.
fn indexed(before: &[u8]) -> Option<usize> {
    let name = trim(before.strip_suffix(b"]")?, quote);
    let start = word_start(name, name.len());
    let word = name.get(start..)?;
    let open = trim(name.get(..start)?, quote);
    if word.is_empty() || open.last() != Some(&b'[') || marker::begins(before.get(open.len() - 1..)?) {
        return None;
    }
    let length = word.len() <= 2 && word.iter().all(u8::is_ascii_digit);
    Some(if length { open.len() - 1 } else { name.len() })
}

/// `] =>`, behind the name of an entry; `:protected] =>` and `:"Card":private] =>` behind that of a property.
fn assoc(before: &[u8]) -> Option<usize> {
    let name = trim(before.strip_suffix(b"=>")?, blank).strip_suffix(b"]")?;
    if let Some(property) = name.strip_suffix(b":protected") {
        return Some(property.len());
    }
    let Some(property) = name.strip_suffix(b":private") else { return Some(name.len()) };
    let low = property.len().saturating_sub(MAX_TAG);
    let low = low + memchr::memrchr(b'[', property.get(low..)?).map_or(0, |open| open + 1);
    Some(memchr::memrchr(b':', property.get(low..)?).map_or(property.len(), |class| low + class))
}

/// `pan =`, `'pan' =>`, `pan: Some(`, and the value on the next line.
fn broken(before: &[u8]) -> Option<usize> {
    let head = trim(before, blank);
    match head.last()? {
        b'=' => Some(head.len()),
        b'>' if head.ends_with(b"=>") => Some(head.len()),
        b'(' => typed(head),
        _ => None,
    }
}

/// `cvv,<<"`: an entry of a list of Erlang.
fn binary(before: &[u8]) -> Option<usize> {
    let name = trim(before.strip_suffix(b"<<")?, |b| b == b' ');
    name.strip_suffix(b",").map(|name| trim(name, quote).len())
}

fn quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'\\' | b' ')
}

fn blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn word_start(bytes: &[u8], end: usize) -> usize {
    end - bytes.get(..end).unwrap_or_default().iter().rev().take(MAX_BLANKS).take_while(|b| is_word(**b)).count()
}

fn trim(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> &[u8] {
    let signs = bytes.iter().rev().take(MAX_BLANKS).take_while(|b| is_it(**b)).count();
    bytes.get(..bytes.len() - signs).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wraps_a_value_is_taken_off() {
        for (text, left) in [
            ("cvv=Optional[", "cvv="),
            ("cvv: Some(\"", "cvv: "),
            ("[\"cvv\"]=>\n  string(3) \"", "[\"cvv\""),
            ("    [cvv] => ", "    [cvv"),
            ("[\"cvv\"]=>\n  int(", "[\"cvv\""),
            ("[\"cvv\"]=>\n  &string(3) \"", "[\"cvv\""),
            ("[\"cvv\":protected]=>\n  string(3) \"", "[\"cvv\""),
            ("[\"cvv\":\"App\\Card\":private]=>\n  string(3) \"", "[\"cvv\""),
            ("[cvv:protected] => ", "[cvv"),
            ("[pan:protected] => x [cvv:private] => ", "[pan:protected] => x [cvv"),
            ("[cvv:App\\Card:private] => ", "[cvv"),
            ("s:3:\"cvv\";i:", "s:3:\"cvv\""),
            ("s:3:\"cvv\";s:3:\"", "s:3:\"cvv\""),
            ("{\"key\":\"cvv\",\"value\":{\"stringValue\":\"", "{\"key\":\"cvv\",\"value\":"),
            ("<cvv><![CDATA[", "<cvv>"),
            ("<tr><td>cvv</td><td>", "<tr><td>cvv"),
            ("<key>cvv</key>\n  <string>", "<key>cvv"),
            ("form-data; name=\"cvv\"\r\n\r\n", "form-data; name=\"cvv"),
            ("<name>cvv</name><value><string>", "<name>cvv"),
            ("<k>cvv</k><v>", "<k>cvv"),
            ("<cvv><string>", "<cvv>"),
            ("<s:element name=\"cvv\"><s:value>", "<s:element name=\"cvv\">"),
            ("</Data><Data Name='cvv'>", "</Data><Data Name='cvv'>"),
            ("<td>cvv</td><td class='x'>", "<td>cvv"),
            ("<key>cvv</key><value xsi:type=\"xsd:string\">", "<key>cvv"),
            ("<cvv2><content>", "<cvv2>"),
            ("cvv: !!str ", "cvv:"),
            ("cvv=", "cvv="),
            ("\"cvv\": \"", "\"cvv\": \""),
            ("<cvv>", "<cvv>"),
            ("card[cvv]=", "card[cvv"),
            ("\"card[cvv]\": \"", "\"card[cvv"),
            ("cvv [3]: ", "cvv "),
            ("obj[\"cvv\"] = \"", "obj[\"cvv"),
            ("[cvv] ", "[cvv"),
            ("list[]=", "list[]="),
            ("{\"cvv\":{\"N\":\"", "{\"cvv\":"),
            ("{\"cvv\":{\"$eq\":\"", "{\"cvv\":"),
            ("cvv: {'raw': '", "cvv: "),
            ("mobile:NumberLong(\"", "mobile:"),
            ("pan =\n", "pan ="),
            ("'pan' => \n  '", "'pan' =>"),
            ("pan: Some(\n    \"", "pan: "),
            ("pan: &\"", "pan:"),
            ("pan: Secret(String(\"", "pan: "),
            ("cvc: |\n  ", "cvc"),
            ("cvc: >-\n  ", "cvc"),
            ("a |\n", "a |\n"),
            ("**CVV:** ", "**CVV"),
            ("*CVV*: `", "*CVV*: `"),
            ("*CVV*: ", "*CVV"),
            ("CVV: **** ", "CVV: **** "),
            ("4111** ", "4111** "),
            ("[{cvv,<<\"", "[{cvv"),
            ("{\"cvv\":{\"$in\":[\"", "{\"cvv\":"),
            ("cvv:{$in:['", "cvv:"),
            ("get(\"[name=cvc]\").type(\"", "get(\"[name=cvc"),
            ("<Attribute Name=\"cvv\"><AttributeValue>", "<Attribute Name=\"cvv\">"),
            ("CVV: <b>", "CVV: "),
            ("<span>CVV</span>: <span class=\"x\">", "<span>CVV"),
            ("CVV:<br/>", "CVV:"),
            ("cvv:(*string)\"", "cvv:"),
            ("Cvv: (string) (len=3) \"", "Cvv:"),
            ("cvv:(*string)(0xc000012345)(\"", "cvv:"),
            ("cvv: i32 = ", "cvv:"),
            ("cvv: &str = \"", "cvv:"),
            ("x: y = ", "x: y = "),
            ("1 << ", "1 << "),
            ("total(", "total("),
            ("at 10:", "at 10:"),
            ("", ""),
        ] {
            assert_eq!(&text[..unwrapped(text.as_bytes(), text.len())], left, "{text}");
        }
    }
}
