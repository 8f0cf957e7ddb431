//! How well labelled lines came out: values found and clean lines changed, by class.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::value::{Kind, bytes_of};

/// The class of lines without a value.
const CLEAN: &str = "clean";

/// Counts of lines by class; lines without a label don't count.
#[derive(Default)]
pub(super) struct Score {
    found: BTreeMap<String, Count>,
    clean: BTreeMap<String, Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    rows: u64,
    /// Whose value is gone, or that were changed though nothing was in them.
    hits: u64,
}

impl Count {
    fn add(&mut self, hit: bool) {
        self.rows += 1;
        self.hits += u64::from(hit);
    }
}

impl Score {
    /// Judges a line by its labels and by what came out of it.
    pub(super) fn add(&mut self, line: &str, masked: &str) {
        let (Ok(line), Ok(masked)) = (serde_json::from_str::<Value>(line), serde_json::from_str::<Value>(masked))
        else {
            return;
        };
        let class = line.get("class").and_then(Value::as_str).unwrap_or("?");
        let secrets = secrets(&line);
        if !secrets.is_empty() {
            let out = text(&masked);
            let found = secrets.iter().all(|secret| !is_left(secret, &out));
            self.found.entry(class.to_owned()).or_default().add(found);
        } else if class == CLEAN || line.get("keep").is_some_and(|keep| *keep != Value::Bool(false)) {
            let changed = match line.get("keep").and_then(Value::as_str) {
                Some(keep) if text(&line).contains(keep) => !text(&masked).contains(keep),
                _ => line.get("text") != masked.get("text"),
            };
            self.clean.entry(class.to_owned()).or_default().add(changed);
        }
    }
}

/// What must not be left, in each writing that is known.
fn secrets(line: &Value) -> Vec<String> {
    let list = |name: &str| match line.get(name) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::Number(number)) => vec![number.to_string()],
        _ => Vec::new(),
    };
    let mut secrets: Vec<String> = ["secret", "secrets"].into_iter().flat_map(list).collect();
    if !secrets.is_empty() {
        secrets.extend(list("written"));
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

/// A line's `text`, values of other types as they are written; bytes as the text that they are.
fn text(line: &Value) -> String {
    let kind = line.get("value_type").and_then(Value::as_str).and_then(Kind::named);
    match line.get("text") {
        Some(Value::String(text)) if kind == Some(Kind::Bytes) => {
            bytes_of(text).map_or_else(|| text.clone(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Whether a value is left in a text: as it is, a long number also without what parts its digits. A short one counts only
/// where it is no part of a longer number or word.
fn is_left(secret: &str, text: &str) -> bool {
    const LONG: usize = 8;
    if secret.chars().count() < LONG {
        let sign = |sign: Option<char>| sign.is_some_and(char::is_alphanumeric);
        return text.match_indices(secret).any(|(at, found)| {
            !sign(text[..at].chars().next_back()) && !sign(text[at + found.len()..].chars().next())
        });
    }
    let part =
        |sign: char| sign.is_whitespace() || "-._/+\u{200b}\u{200d}\u{2010}\u{2011}\u{2013}\u{2212}".contains(sign);
    text.contains(secret)
        || (secret.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && text.chars().filter(|sign| !part(*sign)).collect::<String>().contains(secret))
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, counts, hits) in [("class", &self.found, "found"), ("clean", &self.clean, "changed")] {
            if counts.is_empty() {
                continue;
            }
            writeln!(f, "{title:<24} {:>8} {hits:>8} {:>9}", "rows", "%")?;
            let all = counts.values().fold(Count::default(), |all, count| Count {
                rows: all.rows + count.rows,
                hits: all.hits + count.hits,
            });
            let rows = counts.iter().map(|(class, count)| (class.as_str(), *count));
            for (class, Count { rows, hits }) in rows.chain([("all", all)]) {
                let share = hits as f64 * 100.0 / rows as f64;
                writeln!(f, "{class:<24} {rows:>8} {hits:>8} {share:>8.2}")?;
            }
        }
        if self.found.is_empty() && self.clean.is_empty() {
            writeln!(f, "no line says what it holds: `secret`, or `keep`, or `class` clean")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_left_and_clean_lines_that_changed_are_counted() {
        let mut score = Score::default();
        for (line, masked) in [
            (
                r#"{"class":"pan","secret":"4242424242424242","text":"a 4242 4242 4242 4242"}"#,
                r#"{"text":"a 4242 **** **** 4242"}"#,
            ),
            (
                r#"{"class":"pan","secret":"4242424242424242","text":"a 4242 4242 4242 4242"}"#,
                r#"{"text":"a 4242 4242 4242 4242"}"#,
            ),
            (r#"{"class":"cvv","secret":"737","text":"cvv 737"}"#, r#"{"text":"cvv [sad.cvv], order 17370"}"#),
            (r#"{"class":"cvv","secret":"737","text":"cvv 737"}"#, r#"{"text":"cvv 737"}"#),
            (r#"{"class":"clean","text":"a"}"#, r#"{"text":"a"}"#),
            (r#"{"class":"clean","keep":"17","text":"a 17"}"#, r#"{"text":"a **"}"#),
            (r#"{"text":"x"}"#, r#"{"text":"x"}"#),
        ] {
            score.add(line, masked);
        }
        let said = score.to_string();
        for line in ["pan 2 1 50.00", "cvv 2 1 50.00", "all 4 2 50.00", "clean 2 1 50.00"] {
            let is_it = |said: &str| said.split_whitespace().collect::<Vec<_>>().join(" ") == line;
            assert!(said.lines().any(is_it), "{line}\n{said}");
        }
    }
}
