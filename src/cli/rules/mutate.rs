//! The `must_mask` samples of rules in other writings: what a sender's log library, a form or a person makes of a value.

use std::borrow::Cow;

use sealtrail_chain::content::Value;

use super::{Which, say};
use crate::cli::exit::Exit;
use crate::mask::{Engine, Sample, Tried};

/// A way of writing; `None`: it makes no difference to the sample.
type Mutation = fn(&str) -> Option<String>;

const MUTATIONS: [(&str, Mutation); 8] = [
    ("spaces", |text| grouped(text, ' ')),
    ("dashes", |text| grouped(text, '-')),
    ("zero-width", |text| grouped(text, '\u{200b}')),
    ("full-width", |text| each_digit(text, |digit| char::from_u32(u32::from(digit) + 0xFEE0).unwrap_or('?').into())),
    ("arabic digits", |text| {
        each_digit(text, |digit| char::from_u32(u32::from(digit) - 0x30 + 0x660).unwrap_or('?').into())
    }),
    ("\\u escapes", |text| each_digit(text, |digit| format!("\\u{:04x}", u32::from(digit)))),
    ("JSON in JSON", json),
    ("URL encoded", url),
];

pub(super) fn run(which: &Which) -> Exit {
    let engine = match which.load_or_say() {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let counts = MUTATIONS.map(|(name, mutation)| (name, judge(&engine, name, mutation)));
    say(format_args!("{:<16} {:>8} {:>8}", "writing", "samples", "masked"));
    for (name, Count { samples, masked }) in &counts {
        say(format_args!("{name:<16} {samples:>8} {masked:>8}"));
    }
    if counts.iter().all(|(_, count)| count.samples == count.masked) { Exit::Ok } else { Exit::Failed }
}

struct Count {
    samples: usize,
    masked: usize,
}

/// Writes each sample in one way, and says which are not masked then.
fn judge(engine: &Engine, name: &str, mutation: Mutation) -> Count {
    let mut trial = engine.trial();
    let mut count = Count { samples: 0, masked: 0 };
    for Sample { file, line, rule, key, text } in engine.samples() {
        let Some(mutated) = mutation(text) else { continue };
        count.samples += 1;
        match trial.mask(key, Value::String(Cow::Owned(mutated))) {
            Tried::Kept(_) => say(format_args!("{file}:{line}: {rule}: not masked in the writing `{name}`")),
            Tried::Masked(_) | Tried::Dropped => count.masked += 1,
        }
    }
    count
}

fn different(text: &str, written: String) -> Option<String> {
    (written != text).then_some(written)
}

fn each_digit(text: &str, write: impl Fn(char) -> String) -> Option<String> {
    let written = text.chars().map(|sign| if sign.is_ascii_digit() { write(sign) } else { sign.to_string() }).collect();
    different(text, written)
}

/// Runs of digits in the groups in which people write a number of that length.
fn grouped(text: &str, separator: char) -> Option<String> {
    let mut written = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|sign: char| sign.is_ascii_digit()) {
        let (before, run) = rest.split_at(start);
        let length = run.bytes().take_while(u8::is_ascii_digit).count();
        let (mut run, after) = run.split_at(length);
        let groups: &[usize] = match length {
            11 if run.starts_with('1') => &[3, 4],
            16 => &[4, 4, 4],
            18 => &[6, 8],
            _ => &[],
        };
        written.push_str(before);
        for group in groups {
            let (head, tail) = run.split_at(*group);
            written.push_str(head);
            written.push(separator);
            run = tail;
        }
        written.push_str(run);
        rest = after;
    }
    written.push_str(rest);
    different(text, written)
}

/// As a string within a JSON text that is itself a string.
fn json(text: &str) -> Option<String> {
    let inner = serde_json::to_string(&serde_json::json!({ "message": text })).ok()?;
    let outer = serde_json::to_string(&inner).ok()?;
    Some(outer)
}

/// All but letters and digits in percent-encoding, digits too: as the strictest encoders write.
fn url(text: &str) -> Option<String> {
    let written = text
        .bytes()
        .map(|byte| if byte.is_ascii_alphabetic() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    different(text, written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_written_as_people_and_encoders_write_them() {
        let text = "a 4242424242424242, 13800138000";
        for (name, mutation) in MUTATIONS {
            let expected = match name {
                "spaces" => "a 4242 4242 4242 4242, 138 0013 8000",
                "full-width" => "a ４２４２４２４２４２４２４２４２, １３８００１３８０００",
                "JSON in JSON" => r#""{\"message\":\"a 4242424242424242, 13800138000\"}""#,
                _ => continue,
            };
            assert_eq!(mutation(text).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(url("a 1").as_deref(), Some("a%20%31"));
        assert_eq!(grouped("17", ' '), None);
    }
}
