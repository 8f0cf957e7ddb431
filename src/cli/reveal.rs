//! `sealtrail reveal`: what `encrypt` has closed, for whoever holds the keys; that it was read is sealed.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use regex::Regex;

use super::config::read;
use super::could_not_run;
use super::exit::Exit;
use crate::config::Config;
use crate::host::{Clock as _, SystemClock, SystemDisk};
use crate::mask::{Keyring, OpenError, Opened};
use crate::seal::own::{Event, Kind};
use crate::seal::spool;

/// Opens values that a rule with `encrypt` has closed, with the keys of the configuration.
///
/// Before anything is shown, word of it is left for the collector, which seals it as `sealtrail.revealed` with your user id, the
/// keys, the rules, how many values, and your reason: within a second where it runs, else at its next start.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail reveal --config sealtrail.yaml --reason 'chargeback 4711' enc:1:k1:card:payments:q83v…
  sealtrail reveal --config sealtrail.yaml --reason 'incident 42' < records.jsonl     every envelope in a text, the rest as it is

Exit codes: 0 all was opened; 1 an envelope was changed since it was closed; 2 could not run, or a key is missing; 3 of a text,
not all could be opened (what could not stays as it is).")]
pub(super) struct Arguments {
    /// Envelopes; without any, a text is read from standard input.
    #[arg(value_name = "ENVELOPE")]
    envelopes: Vec<String>,
    /// Why; it is sealed with the fact.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Configuration file of the collector.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory, in place of the configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Text that is read at most: word is left before the first value is shown, so all of it is held.
const LONGEST: u64 = 256 << 20;

pub(super) fn run(arguments: &Arguments) -> Exit {
    let config = match read(arguments.config.as_deref(), arguments.data_dir.as_deref()) {
        Ok(config) => config,
        Err(error) => return could_not_run(&error),
    };
    let keyring = match Keyring::new(&config.mask) {
        Ok(keyring) => keyring,
        Err(error) => return could_not_run(&format_args!("{error}\n  remedy  {}", remedy(&error))),
    };
    let revealer = Revealer { keyring, config, reason: arguments.reason.trim() };
    if revealer.reason.is_empty() {
        return could_not_run(&"`--reason` is empty\n  remedy  say why: it is sealed with the fact");
    }
    if arguments.envelopes.is_empty() { revealer.text() } else { revealer.envelopes(&arguments.envelopes) }
}

struct Revealer<'a> {
    keyring: Keyring,
    config: Config,
    reason: &'a str,
}

impl Revealer<'_> {
    /// Opens all or none.
    fn envelopes(&self, envelopes: &[String]) -> Exit {
        let mut opened = Vec::new();
        for (place, envelope) in envelopes.iter().enumerate() {
            match self.keyring.open(envelope.trim()) {
                Ok(one) => opened.push(one),
                Err(error) => {
                    let exit =
                        could_not_run(&format_args!("envelope {}: {error}\n  remedy  {}", place + 1, remedy(&error)));
                    return if matches!(error, OpenError::Changed(_)) { Exit::Failed } else { exit };
                }
            }
        }
        if let Err(error) = self.leave_word(&opened) {
            return could_not_run(&error);
        }
        let mut out = std::io::stdout().lock();
        for one in &opened {
            // A reader that has gone away ends the output, not the command.
            let _ = out.write_all(&one.value).and_then(|()| out.write_all(b"\n"));
        }
        Exit::Ok
    }

    /// Opens what can be opened in the text on standard input.
    fn text(&self) -> Exit {
        let mut text = String::new();
        if let Err(error) = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text) {
            return could_not_run(&format_args!("can't read standard input: {error}\n  remedy  give UTF-8 text"));
        }
        let pattern =
            Regex::new("enc:1:[^:\\s\"]+:[^:\\s\"]+:[^:\\s\"]+:[A-Za-z0-9+/]+={0,2}").expect("the pattern is fixed");
        let (mut opened, mut pieces, mut at, mut closed) = (Vec::new(), Vec::new(), 0, 0);
        for envelope in pattern.find_iter(&text) {
            match self.keyring.open(envelope.as_str()) {
                Ok(one) => {
                    pieces.push((at, envelope.start(), Some(opened.len())));
                    opened.push(one);
                    at = envelope.end();
                }
                Err(_) => closed += 1,
            }
        }
        pieces.push((at, text.len(), None));
        if let Err(error) = self.leave_word(&opened) {
            return could_not_run(&error);
        }
        let mut out = std::io::stdout().lock();
        for (from, to, one) in pieces {
            let _ = out.write_all(text.get(from..to).unwrap_or_default().as_bytes());
            let _ = out.write_all(one.and_then(|one| opened.get(one)).map_or(&[][..], |one| &one.value));
        }
        if closed == 0 {
            return Exit::Ok;
        }
        anstream::eprintln!(
            "{closed} envelopes could not be opened: their keys are not in `mask.keys`, or they were changed"
        );
        Exit::NotAllChecked
    }

    /// Without it nothing is shown.
    fn leave_word(&self, opened: &[Opened]) -> Result<(), String> {
        if opened.is_empty() {
            return Ok(());
        }
        let names = |name: fn(&Opened) -> &str| {
            let names: BTreeSet<_> = opened.iter().map(name).collect();
            names.into_iter().collect::<Vec<_>>().join(", ")
        };
        let event = Event {
            user: Some(format!("uid {}", rustix::process::getuid().as_raw())),
            resource: Some(format!("keys {}, rules {}", names(|one| &one.key), names(|one| &one.rule))),
            reason: Some(self.reason.to_owned()),
            count: opened.len() as u64,
            ..Event::new(Kind::Revealed)
        };
        spool::leave(&SystemDisk, &self.config.data_dir, &event, SystemClock::new().now()).map_err(|error| {
            format!("{error}, so nothing is shown: what is read must be sealed\n  remedy  call this as a user who may write to the collector's data directory")
        })
    }
}

fn remedy(error: &OpenError) -> &'static str {
    match error {
        OpenError::Form | OpenError::Token => "give envelopes as they stand in the records, whole",
        OpenError::NoKey(_) => "put the key back into `mask.keys`: one that no rule uses any more closes nothing",
        OpenError::BadKey { source, .. } => source.remedy(),
        OpenError::Changed(_) => {
            "see with `sealtrail verify` whether the record is as it was sealed; else the key is another one"
        }
    }
}
