//! `sealtrail rules explain`: why a value was masked, in words that a ticket can quote.

use std::borrow::Cow;
use std::io::Read as _;

use clap::Args;
use sealtrail_chain::content::otlp::{Malformed, Visit};
use sealtrail_chain::content::{Auth, By, Context, KeyValue, LogRecord, Origin, Value};

use super::{Which, could_not_run, say};
use crate::cli::exit::Exit;
use crate::mask::{Trial, Tried, Witnessed};
use crate::receive;

/// Says what each rule finds in a text or a record, where, why, and what becomes of it.
///
/// Standard input is a text, or an OTLP/JSON request. Of what is found, each digit is shown as `d` and each letter as `x`, so
/// that the answer can be quoted; what rules say about values that they leave alone is not shown.
#[derive(Args)]
#[command(after_help = "\
Examples:
  echo 'order 17, card 4242424242424242' | sealtrail rules explain
  echo 737 | sealtrail rules explain --key card.cvc
  sealtrail rules explain --config sealtrail.yaml < request.json

Exit codes: 0 explained, whether something was found or not; 2 could not run.")]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The attribute that the text stands in; without one, it is a body.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Shows values as they are: not for a ticket.
    #[arg(long)]
    show: bool,
}

/// Bytes of standard input at most: what a request may hold by default.
const MAX_INPUT: u64 = 64 << 20;

pub(super) fn run(arguments: &Arguments) -> Exit {
    let engine = match arguments.which.load_or_say() {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().lock().take(MAX_INPUT).read_to_end(&mut bytes) {
        return could_not_run(&format_args!("can't read standard input: {error}"));
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut explained = Explained { trial: engine.trial(), show: arguments.show, found: 0 };
    let is_request = arguments.key.is_none() && text.trim_start().starts_with('{') && text.contains("\"resourceLogs\"");
    let origin = Origin { auth: Auth::None, by: By::Sender, peer: None, subject: None };
    if !is_request || receive::read_json(&text, &origin, &mut explained).is_err() {
        let text = Cow::Borrowed(text.trim_end_matches(['\n', '\r']));
        explained.value(arguments.key.as_deref(), Value::String(text), "text");
    }
    if explained.found == 0 {
        say(format_args!("nothing found"));
    }
    Exit::Ok
}

struct Explained<'e> {
    trial: Trial<'e>,
    show: bool,
    found: usize,
}

impl Explained<'_> {
    fn value(&mut self, key: Option<&str>, value: Value<'_>, place: &str) {
        for found in self.trial.explain(key, value) {
            self.found += 1;
            self.say(&found, place);
        }
    }

    fn attributes(&mut self, attributes: Vec<KeyValue<'_>>, of: &str) {
        for KeyValue { key, value } in attributes {
            let name = self.name(&key);
            self.value(Some(&key), value, &format!("{of} `{name}`"));
        }
    }

    /// A key as it may be shown: one that holds a value itself is veiled.
    fn name(&mut self, key: &str) -> String {
        match self.trial.mask(None, Value::String(Cow::Borrowed(key))) {
            Tried::Kept(_) => digits_hidden(key, self.show),
            Tried::Masked(_) | Tried::Dropped => self.veil(key),
        }
    }

    fn say(&self, found: &Witnessed<'_>, place: &str) {
        let Witnessed { rule, class, file, line, action, looks_for, because, at, .. } = found;
        let whole = || "the whole value".to_owned();
        let range = at.as_ref().map_or_else(whole, |at| format!("bytes {} to {}", at.start, at.end));
        say(format_args!("{place}, {range}: {}", self.veil(&found.found)));
        say(format_args!("  rule     {rule} ({file}:{line}), class {class}"));
        say(format_args!("  why      {looks_for}; {}", digits_hidden(because, self.show)));
        let output = match (found.output.as_str(), *action) {
            ("", "drop") => "the attribute goes whole".to_owned(),
            (output, "keep_first_last" | "truncate_number") => self.veil(output),
            (output, _) => output.to_owned(),
        };
        say(format_args!("  action   {action}: {output}"));
    }

    /// A value as it may be shown.
    fn veil(&self, text: &str) -> String {
        let sign = |sign: char| match sign {
            _ if self.show => sign,
            _ if sign.is_numeric() => 'd',
            _ if sign.is_alphabetic() => 'x',
            _ => sign,
        };
        text.chars().map(sign).collect()
    }
}

/// Words that decided are shown; a number in them is none of them.
fn digits_hidden(text: &str, show: bool) -> String {
    text.chars().map(|sign| if sign.is_numeric() && !show { 'd' } else { sign }).collect()
}

impl<'a> Visit<'a> for Explained<'_> {
    fn scope(&mut self, context: Result<Context<'a>, Malformed>) {
        let Ok(context) = context else { return say(format_args!("a resource or scope is malformed")) };
        self.attributes(context.resource.attributes, "resource attribute");
        self.attributes(context.scope.attributes, "scope attribute");
        for (text, place) in [
            (context.scope.name, "scope name"),
            (context.scope.version, "scope version"),
            (context.resource_schema_url, "resource schema URL"),
            (context.scope_schema_url, "scope schema URL"),
        ] {
            self.value(None, Value::String(text), place);
        }
    }

    fn record(&mut self, record: Result<LogRecord<'a>, Malformed>) {
        let Ok(record) = record else { return say(format_args!("a record is malformed")) };
        self.value(None, Value::String(record.event_name), "event name");
        self.value(None, Value::String(record.severity_text), "severity text");
        self.value(None, record.body, "body");
        self.attributes(record.attributes, "attribute");
    }

    fn unknown_fields(&mut self, _: u64) {}
}
