//! The collector's own log: for people on a terminal, JSON elsewhere, always on stderr.
//!
//! Other libraries are capped at `warn` whatever level is set: at lower levels some of them print header and message bytes.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// Changes the level of a log that is already running.
pub struct LevelHandle(reload::Handle<Targets, Registry>);

/// Starts the log; a second start in one process (tests) changes nothing.
pub fn start(level: LevelFilter) -> LevelHandle {
    let (filter, handle) = reload::Layer::new(targets(level));
    let terminal = std::io::stderr().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    let registry = tracing_subscriber::registry().with(filter);
    // Fails only where a log runs already, which then goes on.
    let _ = if terminal {
        registry.with(layer.with_target(false)).try_init()
    } else {
        registry.with(layer.json().flatten_event(true)).try_init()
    };
    LevelHandle(handle)
}

impl LevelHandle {
    pub fn set(&self, level: LevelFilter) {
        // Fails only when the log is gone, at the end of the process.
        let _ = self.0.reload(targets(level));
    }
}

fn targets(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("sealtrail", level)
        .with_target("sealtrail_chain", level)
}
