//! What can change under a running collector: certificates, tokens and rules, on a signal or when a file of theirs has changed.
//!
//! Each is checked whole before it counts; where one is wrong the old one stays, and log and chain say so. No key id gets another
//! key.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use tracing::{info, warn};

use super::settings::{exchanged_keys, needs_restart};
use super::{Collector, StartError, watched};
use crate::config::Config;
use crate::mask::Engine;
use crate::observe::event::RulesRefused;
use crate::seal::own::{Event, Kind, Scribe};

impl Collector {
    /// Looks at the rule files and at `file`, the configuration, too from here on.
    pub fn watch(&self, file: Option<&Path>) {
        let rules = rule_files(&self.config.lock().unwrap_or_else(PoisonError::into_inner));
        self.watched.follow(rules.into_iter().chain(file.map(Path::to_owned)).collect());
    }

    /// Comes back when a file that is watched has changed. May be given up and called again.
    pub async fn changed(&self) {
        loop {
            tokio::time::sleep(watched::LOOK).await;
            if self.look() {
                return;
            }
        }
    }

    /// Whether a file that is watched has changed since this was asked last. To be called before a reload that a signal asks
    /// for: one change, one reload.
    pub fn look(&self) -> bool {
        self.watched.changed()
    }

    /// Takes over what can change while running: certificates, tokens and rules. Each is checked whole first; where one is
    /// wrong, the old one stays and the log says why. `file`: where the configuration was read.
    pub fn reload(&self, config: Config, file: Option<&Path>) {
        // The listeners tell log and chain how it went.
        let _ = self.reloader.reload();
        let mut current = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        self.watched.follow(rule_files(&config).into_iter().chain(file.map(Path::to_owned)).collect());
        match load(&config) {
            Ok(engine) if !exchanged_keys(&self.engine.load(), &engine).is_empty() => {
                let error = StartError::ExchangedKeys(exchanged_keys(&self.engine.load(), &engine));
                RulesRefused { error: &error }.emit();
                self.config_changed("mask.keys", "failure");
                return;
            }
            Ok(engine) => {
                if config.mask.keys != current.mask.keys {
                    self.config_changed("mask.keys", "success");
                    info!("keys for masking changed");
                }
                self.change_rules(engine);
            }
            Err(error) => {
                RulesRefused { error: &error }.emit();
                self.config_changed("mask.rules", "failure");
            }
        }
        current.mask = config.mask.clone();
        for key in needs_restart(&current, &config) {
            warn!(key, "this setting changed in the configuration; it takes effect with a restart");
        }
    }

    fn config_changed(&self, resource: &str, outcome: &str) {
        let mut event = Event::new(Kind::ConfigChanged);
        event.resource = Some(resource.to_owned());
        event.outcome = Some(outcome.to_owned());
        self.reporter.report(event);
    }

    fn change_rules(&self, engine: Engine) {
        let (before, after) = (self.engine.load().digest(), engine.digest());
        if before == after {
            // The same rules, perhaps with other keys.
            self.engine.store(Arc::new(engine));
            return;
        }
        let hex = |digest: [u8; 32]| sealtrail_chain::Checksum(digest).to_string();
        let mut event = Event::new(Kind::RulesChanged);
        event.resource = Some(format!("rules {}", hex(after)));
        event.reason = Some(format!("before {}", hex(before)));
        let engine = Arc::new(engine);
        self.engine.store(Arc::clone(&engine));
        let scribe = Scribe::new(Arc::clone(&engine));
        self.log.rules_changed(after, event, Box::new(move |entry, now| scribe.write(entry, now)));
        info!(before = hex(before), after = hex(after), "rules changed");
    }
}

/// The files that the rules are read from.
pub(super) fn rule_files(config: &Config) -> Vec<PathBuf> {
    let named = config.mask.rules.iter().filter(|name| !crate::mask::is_pack(name));
    named.map(|name| config.base_dir.join(name)).collect()
}

/// Compiles the rules that the configuration names.
pub(super) fn load(config: &Config) -> Result<Engine, StartError> {
    let engine = Engine::load(&config.mask, &config.base_dir, &config.chain).map_err(StartError::Rules)?;
    if let Err(error) = engine.lock_keys() {
        warn!(%error, "the masking keys can't be kept out of the swap: raise the limit of locked memory (`ulimit -l`)");
    }
    Ok(engine)
}
