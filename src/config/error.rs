//! What can be wrong with a configuration: what, where, remedy. Values are never repeated: one of them may be a secret.

use std::path::{Path, PathBuf};

use super::limits::Problem;
use crate::yaml::{self, Node};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("can't read the configuration {}: {source}\n  remedy  name a file that this user can read, or leave `--config` out for the embedded default", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the configuration holds no settings\n  at      {}\n  remedy  write `key: value` lines; `sealtrail config show` prints every key with its default", path.display())]
    NoSettings { path: PathBuf },
    #[error("a key stands twice in one section\n  at      {}:{line}:{column}\n  remedy  leave one of them out", path.display())]
    Twice { path: PathBuf, line: u64, column: u64 },
    #[error("the configuration is not YAML\n  at      {}:{line}:{column}\n  remedy  mend the indentation or quoting there", path.display())]
    Yaml { path: PathBuf, line: u64, column: u64 },
    #[error("{what}\n  at      {}:{line}\n  remedy  {remedy}", path.display())]
    Reference { path: PathBuf, line: u64, what: String, remedy: String },
    #[error("{what}\n  at      {}:{line}, key `{key}`\n  remedy  {remedy}", path.display())]
    Key { path: PathBuf, line: u64, key: String, what: String, remedy: String },
}

impl ConfigError {
    /// The parser's message is left out: it may repeat the file's text.
    pub(super) fn of_yaml(error: &yaml::Error, path: &Path) -> Self {
        let (path, line, column) = (path.to_owned(), error.line, error.column);
        if error.twice { Self::Twice { path, line, column } } else { Self::Yaml { path, line, column } }
    }

    pub(super) fn of_problem(problem: Problem, tree: &Node, path: &Path) -> Self {
        let Problem { key, what, remedy } = problem;
        let line = tree.line_of(key.split(['.', '[', ']']).filter(|key| !key.is_empty()));
        Self::Key { path: path.to_owned(), line, key: key.into_owned(), what, remedy: remedy.to_owned() }
    }

    pub(super) fn of_key(error: &serde_path_to_error::Error<serde_json::Error>, tree: &Node, path: &Path) -> Self {
        let message = error.inner().to_string();
        let mut keys = error.path().to_string();
        if keys == "." {
            keys.clear();
        }
        let (what, remedy) = explain(&message);
        if let Some(unknown) = unknown_field(&message)
            && !keys.ends_with(unknown)
        {
            keys = if keys.is_empty() { unknown.to_owned() } else { format!("{keys}.{unknown}") };
        }
        let line = tree.line_of(keys.split(['.', '[', ']']).filter(|key| !key.is_empty()));
        Self::Key { path: path.to_owned(), line, key: keys, what, remedy }
    }
}

/// Keys under which other programs take S3 credentials.
const CREDENTIALS: [&str; 8] = [
    "access_key",
    "access_key_id",
    "aws_access_key_id",
    "secret_key",
    "secret_access_key",
    "aws_secret_access_key",
    "session_token",
    "profile",
];
const CHAIN: &str = "leave it out: they come from the standard AWS chain (environment such as AWS_ACCESS_KEY_ID or AWS_PROFILE, \
     profile file, web identity, container or instance role)";

fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

/// Turns a deserialiser's message into what and remedy, leaving out what the file's value was.
fn explain(message: &str) -> (String, String) {
    if let Some(unknown) = unknown_field(message) {
        let known = backticked(message).skip(1).collect::<Vec<_>>();
        if CREDENTIALS.contains(&unknown) {
            return ("credentials do not stand in the configuration".into(), CHAIN.into());
        }
        let remedy = match nearest(unknown, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "this section takes no keys".into(),
            None => format!("leave it out; keys here: {}", known.join(", ")),
        };
        return (format!("unknown key `{unknown}`"), remedy);
    }
    if message.starts_with("unknown variant `") {
        let known = backticked(message).skip(1).collect::<Vec<_>>();
        return ("the value is none of those possible".into(), format!("one of: {}", known.join(", ")));
    }
    if let Some(missing) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return (format!("`{missing}` is missing"), format!("add `{missing}`"));
    }
    if message.starts_with("invalid type:")
        || message.starts_with("invalid value:")
        || message.starts_with("invalid length")
    {
        let expected = message.rsplit_once("expected ").map_or("another value", |(_, expected)| expected);
        // The deserialiser speaks of Rust's types; the reader of the file doesn't.
        let expected = match expected {
            "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
            "a nonzero u32" | "a nonzero u64" => "a whole number above 0",
            "a boolean" => "true or false",
            "a sequence" => "a list",
            "a string" => "a text, in quotes where it looks like a number",
            "path string" => "a path",
            struct_or_map if struct_or_map.starts_with("struct ") || struct_or_map == "a map" => "a section of keys",
            other => other,
        };
        return ("the value has the wrong type or range".into(), format!("write {expected}"));
    }
    // Our own deserialisers say what they expect and never repeat the value.
    (message.to_owned(), "correct the value; `sealtrail config show` prints every key with its default".into())
}

fn backticked(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2)
}

/// The right name that a wrong one most likely means.
pub fn nearest<'k>(wrong: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|name| (strsim::jaro_winkler(wrong, name), *name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
