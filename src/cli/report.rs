//! A report on stdout, as it was asked for: text, of which the first line has the verdict's colour, or JSON.

use clap::ValueEnum;
use serde::Serialize;

use super::{say, style};

/// How to report.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// Prints a report whose words are `text`; `good`: its verdict is the best there is.
pub(super) fn print(report: &impl Serialize, text: &str, good: bool, format: Format) {
    match format {
        Format::Json => {
            let json = serde_json::to_string_pretty(report).expect("a report has only text keys and finite numbers");
            say(format_args!("{json}"));
        }
        Format::Text => {
            let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
            let colour = if good { style::GOOD } else { style::ERROR };
            say(format_args!("{}{head}{}", colour.render(), colour.render_reset()));
            say(format_args!("{}", rest.trim_end()));
        }
    }
}
