//! `${env:NAME}` and `${file:PATH}` in values.

use std::path::Path;

use super::ConfigError;
use crate::yaml::{Node, Value};

/// Puts in what the references name. A file's last line break is left out; a relative path counts from the configuration file.
pub(super) fn fill(node: &mut Node, config: &Path) -> Result<(), ConfigError> {
    let line = node.line;
    match &mut node.value {
        Value::Text(text) if text.contains("${") => {
            let whole_reference = text.starts_with("${") && text.find('}') == Some(text.len() - 1);
            let filled = expand(text, line, config)?;
            // A reference that is the whole value may stand for a number or a switch.
            node.value = if whole_reference { plain(filled) } else { Value::Text(filled) };
        }
        Value::List(items) => items.iter_mut().try_for_each(|item| fill(item, config))?,
        Value::Map(entries) => entries.iter_mut().try_for_each(|entry| fill(&mut entry.node, config))?,
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Double(_) | Value::Text(_) => {}
    }
    Ok(())
}

/// A whole number or a switch where the text is just that, else the text: what comes from outside has no quotes.
fn plain(text: String) -> Value {
    match (text.as_str(), text.parse::<i64>()) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        (_, Ok(int)) if int.to_string() == text => Value::Int(int.into()),
        _ => Value::Text(text),
    }
}

fn expand(text: &str, line: u64, config: &Path) -> Result<String, ConfigError> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        filled.push_str(&rest[..start]);
        let reference = &rest[start + 2..];
        let end = reference.find('}').ok_or_else(|| ConfigError::Reference {
            path: config.to_owned(),
            line,
            what: "a reference `${` has no `}`".into(),
            remedy: "close it, as in `${env:NAME}`".into(),
        })?;
        filled.push_str(&resolve(&reference[..end], line, config)?);
        rest = &reference[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn resolve(reference: &str, line: u64, config: &Path) -> Result<String, ConfigError> {
    let wrong = |what: String, remedy: &str| ConfigError::Reference {
        path: config.to_owned(),
        line,
        what,
        remedy: remedy.to_owned(),
    };
    if let Some(name) = reference.strip_prefix("env:") {
        return std::env::var(name).map_err(|_| {
            wrong(format!("the environment has no variable `{name}`"), "set it, or write the value here")
        });
    }
    if let Some(name) = reference.strip_prefix("file:") {
        let path = config.parent().unwrap_or(Path::new(".")).join(name);
        return std::fs::read_to_string(&path)
            .map(|text| text.strip_suffix('\n').map_or(text.clone(), |text| text.trim_end_matches('\r').to_owned()))
            .map_err(|error| {
                wrong(format!("can't read {}: {error}", path.display()), "name a file that this user can read")
            });
    }
    Err(wrong("a reference names neither `env:` nor `file:`".into(), "write `${env:NAME}` or `${file:PATH}`"))
}
