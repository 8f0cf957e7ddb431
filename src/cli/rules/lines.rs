//! Lines of JSON in, the same lines out with `text` masked, one at a time.
//!
//! All else in a line stays byte for byte: only what stands for `text` is cut out and replaced. What is given out before the
//! input pauses has been flushed, so that a program may write a line and wait for its answer.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::score::Score;
use super::value::{Kind, text_of, value_of, written};
use crate::mask::{Engine, Trial, Tried};

/// Bytes of a line: an OTLP request may hold no more by default.
const MAX_LINE: u64 = 64 << 20;

/// Why a line is left out. Never with what stands in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error("is no JSON object\n  remedy  one object a line, such as {{\"text\":\"card 4242 4242 4242 4242\"}}")]
    NoObject,
    #[error("has no `text`\n  remedy  put the value to mask into `text`")]
    NoText,
    #[error("is longer than {} MiB\n  remedy  split it", MAX_LINE >> 20)]
    TooLong,
    #[error("has an unknown `value_type`\n  remedy  use string, int, double, bool, bytes or json")]
    UnknownType,
}

/// Masks lines from `input` to `output`; gives how many were left out, each of which `wrong` was told by its number.
pub(super) fn mask(
    engine: &Engine,
    input: impl Read,
    output: &mut impl Write,
    mut score: Option<&mut Score>,
    mut wrong: impl FnMut(u64, Wrong),
) -> io::Result<u64> {
    let mut trial = engine.trial();
    let mut left_out = 0;
    each(input, output, |number, line, output| {
        let masked = line.and_then(|line| row(&mut trial, line).map(|masked| (line, masked)));
        match masked {
            Ok((line, masked)) => {
                if let Some(score) = &mut score {
                    score.add(line, &masked);
                }
                output.write_all(masked.as_bytes())?;
                output.write_all(b"\n")
            }
            Err(reason) => {
                left_out += 1;
                wrong(number, reason);
                Ok(())
            }
        }
    })?;
    Ok(left_out)
}

/// Calls `take` for every line that is not blank, with its number from 1 on. Flushes `output` before it waits for more.
pub(super) fn each<W: Write>(
    input: impl Read,
    output: &mut W,
    mut take: impl FnMut(u64, Result<&str, Wrong>, &mut W) -> io::Result<()>,
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut bytes = Vec::new();
    let mut number = 0;
    loop {
        if memchr::memchr(b'\n', input.buffer()).is_none() {
            output.flush()?;
        }
        bytes.clear();
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        number += 1;
        if bytes.len() as u64 == MAX_LINE && !bytes.ends_with(b"\n") {
            skip_line(&mut input)?;
            take(number, Err(Wrong::TooLong), output)?;
            continue;
        }
        // What is no UTF-8 is replaced before masking, as in what a collector receives.
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_ascii();
        if !line.is_empty() {
            take(number, Ok(line), output)?;
        }
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (length, ended) = match memchr::memchr(b'\n', buffer) {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(length);
        if ended {
            return Ok(());
        }
    }
}

/// A line with its `text` masked.
fn row(trial: &mut Trial<'_>, line: &str) -> Result<String, Wrong> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let row = deserializer.deserialize_map(Members).map_err(|_| Wrong::NoObject)?;
    deserializer.end().map_err(|_| Wrong::NoObject)?;
    let Row { texts, key, kind } = row;
    if texts.is_empty() {
        return Err(Wrong::NoText);
    }
    let key = key.and_then(text_of);
    let kind = match kind.and_then(text_of) {
        Some(name) => Some(Kind::named(&name).ok_or(Wrong::UnknownType)?),
        None => None,
    };
    let mut out = String::with_capacity(line.len() + 16);
    let mut at = 0;
    // A member that stands twice is masked twice: whichever a reader takes.
    for text in texts {
        let raw = text.get();
        let start = raw.as_ptr().addr().wrapping_sub(line.as_ptr().addr());
        out.push_str(line.get(at..start).unwrap_or_default());
        match trial.mask(key.as_deref(), value_of(text, kind)) {
            Tried::Kept(_) => out.push_str(raw),
            Tried::Dropped => out.push_str("\"\""),
            Tried::Masked(value) => out.push_str(&written(&value, text, kind)),
        }
        at = start + raw.len();
    }
    out.push_str(line.get(at..).unwrap_or_default());
    Ok(out)
}

/// The members of a line that count.
struct Row<'l> {
    texts: Vec<&'l RawValue>,
    key: Option<&'l RawValue>,
    kind: Option<&'l RawValue>,
}

struct Members;

impl<'l> Visitor<'l> for Members {
    type Value = Row<'l>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<Row<'l>, A::Error> {
        let mut row = Row { texts: Vec::new(), key: None, kind: None };
        while let Some(name) = map.next_key::<&RawValue>()? {
            let value: &RawValue = map.next_value()?;
            match text_of(name).ok_or_else(|| A::Error::custom("a name"))?.as_str() {
                "text" => row.texts.push(value),
                "key" => row.key = Some(value),
                "value_type" => row.kind = Some(value),
                _ => {}
            }
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::mask::Config;

    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let chain = "test".parse().unwrap();
        Engine::load(&Config::default(), Path::new("."), &chain).unwrap_or_else(|errors| panic!("{errors:?}"))
    });

    fn masked(input: &str) -> (String, Vec<(u64, Wrong)>) {
        let (mut output, mut left_out) = (Vec::new(), Vec::new());
        let count =
            mask(&ENGINE, input.as_bytes(), &mut output, None, |number, wrong| left_out.push((number, wrong))).unwrap();
        assert_eq!(count, left_out.len() as u64);
        (String::from_utf8(output).unwrap(), left_out)
    }

    #[test]
    fn text_is_masked_and_all_else_stays_as_it_is_written() {
        for (line, expected) in [
            (r#"{"text":"card 4242424242424242"}"#, r#"{"text":"card 4242********4242"}"#),
            (
                r#"{ "id" : 1.50, "text" : "a\u0040b.example.com \n", "é":"\u00e9" }"#,
                r#"{ "id" : 1.50, "text" : "*@b.example.com \n", "é":"\u00e9" }"#,
            ),
            (r#"{"text":"737","key":"cvv"}"#, r#"{"text":"","key":"cvv"}"#),
            (r#"{"key":null,"text":"737"}"#, r#"{"key":null,"text":"737"}"#),
            (r#"{"text":"nothing \u00e9 \/ here"}"#, r#"{"text":"nothing \u00e9 \/ here"}"#),
            (r#"{"text":4242424242424242}"#, r#"{"text":"4242********4242"}"#),
            (r#"{"text":17,"key":"order"}"#, r#"{"text":17,"key":"order"}"#),
            (r#"{"text":"5555555555554444","value_type":"int"}"#, r#"{"text":"5555********4444","value_type":"int"}"#),
            (
                r#"{"text":"4.242424242424242e15","value_type":"double"}"#,
                r#"{"text":"4242********4242","value_type":"double"}"#,
            ),
            (
                r#"{"text":"12.349","value_type":"double","key":"amount"}"#,
                r#"{"text":"12.34","value_type":"double","key":"amount"}"#,
            ),
            (r#"{"text":12.349,"key":"amount"}"#, r#"{"text":12.34,"key":"amount"}"#),
            (r#"{"text":"17.50","value_type":"double"}"#, r#"{"text":"17.50","value_type":"double"}"#),
            (
                r#"{"text":"cGFuIDQyNDI0MjQyNDI0MjQyNDI=","value_type":"bytes"}"#,
                r#"{"text":"cGFuIDQyNDIqKioqKioqKjQyNDI=","value_type":"bytes"}"#,
            ),
            (
                r#"{"text":"pan 4242424242424242","value_type":"bytes"}"#,
                r#"{"text":"pan 4242********4242","value_type":"bytes"}"#,
            ),
            (r#"{"text":"true","value_type":"bool"}"#, r#"{"text":"true","value_type":"bool"}"#),
            (
                r#"{"text":"{\"cvv\":\"737\",\"n\":[1,4242424242424242]}","value_type":"json"}"#,
                r#"{"text":"{\"n\":[1,\"4242********4242\"]}","value_type":"json"}"#,
            ),
            (r#"{"text":{"card":{"cvv":"737","x":1.5}}}"#, r#"{"text":{"card":{"x":1.5}}}"#),
            (r#"{"text":"x 4242424242424242 \ud800"}"#, "{\"text\":\"x 4242********4242 \u{fffd}\u{fffd}\u{fffd}\"}"),
            (
                r#"{"text":"4242424242424242","text":"737","key":"cvv"}"#,
                r#"{"text":"4242********4242","text":"","key":"cvv"}"#,
            ),
            (r#"{"text":"not a number","value_type":"int"}"#, r#"{"text":"not a number","value_type":"int"}"#),
        ] {
            assert_eq!(masked(&format!("{line}\n")), (format!("{expected}\n"), vec![]), "{line}");
        }
    }

    #[test]
    fn what_is_no_line_is_named_and_the_others_come_in_order() {
        let (output, wrong) = masked(
            "{\"text\":\"a\"}\n\nno\n[1]\n{\"text\":\"b\"} x\n{\"txt\":1}\n{\"text\":\"\",\"value_type\":\"date\"}\r\n{\"text\":\"c\"}",
        );
        assert_eq!(output, "{\"text\":\"a\"}\n{\"text\":\"c\"}\n");
        let expected = [
            (3, Wrong::NoObject),
            (4, Wrong::NoObject),
            (5, Wrong::NoObject),
            (6, Wrong::NoText),
            (7, Wrong::UnknownType),
        ];
        assert_eq!(wrong, expected);
    }

    /// A writer that only takes what an answer needs: each line must be out before the next one is asked for.
    #[test]
    fn a_line_is_answered_before_the_next_one_is_waited_for() {
        struct Turns(std::rc::Rc<std::cell::Cell<usize>>, usize);
        impl Read for Turns {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert_eq!(self.0.get(), self.1, "the answers before are out");
                if self.1 == 3 {
                    return Ok(0);
                }
                self.1 += 1;
                let line = b"{\"text\":\"x\"}\n";
                buffer[..line.len()].copy_from_slice(line);
                Ok(line.len())
            }
        }
        struct Counted(std::rc::Rc<std::cell::Cell<usize>>, usize);
        impl Write for Counted {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.1 += bytes.iter().filter(|byte| **byte == b'\n').count();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                self.0.set(self.1);
                Ok(())
            }
        }
        let flushed = std::rc::Rc::default();
        let (input, mut output) = (Turns(std::rc::Rc::clone(&flushed), 0), Counted(flushed, 0));
        mask(&ENGINE, input, &mut output, None, |_, _| panic!("no line is wrong")).unwrap();
    }

    proptest! {
        #[test]
        fn a_line_without_a_value_comes_out_as_it_went_in(text in "[a-z \\\\\"é卡/]{0,40}", other in "\\PC{0,20}") {
            let line = format!("{{\"o\": {}, \"text\" :{} }}\n", serde_json::to_string(&other).unwrap(), serde_json::to_string(&text).unwrap());
            prop_assert_eq!(masked(&line).0, line);
        }
    }
}
