//! `sealtrail collect`: runs the collector until it is told to stop.

use std::path::PathBuf;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::config::read;
use super::could_not_run;
use super::exit::Exit;
use crate::collector::{Collector, Start, StartError};
use crate::config::Config;
use crate::host::guard;
use crate::observe::logs;

/// Runs the collector: takes OTLP, masks, seals, keeps, and writes both legs.
///
/// SIGTERM or SIGINT stops it in order (a second one at once, losing nothing acknowledged); SIGHUP reloads certificates,
/// tokens, rules and the log level; so does a change of their files, but for the log level.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail collect                                  everything on loopback, data below ./sealtrail-data
  sealtrail collect --config /etc/sealtrail.yaml
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317  points an OpenTelemetry SDK at it")]
pub(super) struct Arguments {
    /// Configuration file; without one, the embedded default (`sealtrail config show` prints it).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory, in place of the configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Takes the machine's clock as right although it differs much from the chain's last record.
    #[arg(long)]
    accept_clock: bool,
    /// Goes on with a chain whose write-ahead log is lost, from what its legs hold; the keys must be the chain's. Shuts out a
    /// collector of the same chain that still runs elsewhere. Once, not in a service's command line.
    #[arg(long)]
    continue_from_legs: bool,
    /// Why; it is sealed with the fact.
    #[arg(long, value_name = "TEXT", requires = "continue_from_legs")]
    reason: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let config = match read(arguments.config.as_deref(), arguments.data_dir.as_deref()) {
        Ok(config) => config,
        Err(error) => return could_not_run(&error),
    };
    let level = logs::start(config.telemetry.logs.level.into());
    guard::process();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return could_not_run(&format_args!("can't start the runtime: {error}")),
    };
    let exit = runtime.block_on(collect(config, arguments, &level));
    // What still waits on a socket must not hold up the exit.
    runtime.shutdown_background();
    exit
}

async fn collect(config: Config, arguments: &Arguments, level: &logs::LevelHandle) -> Exit {
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        return could_not_run(&"can't listen for signals");
    };
    let collector = match Collector::start(config, start(arguments)).await {
        Ok(collector) => collector,
        Err(error) => return refused(&error),
    };
    collector.watch(arguments.config.as_deref());
    loop {
        tokio::select! {
            () = stop(&mut terminate, &mut interrupt) => break,
            _ = hangup.recv() => {
                collector.look();
                reload(&collector, arguments, Some(level));
            }
            () = collector.changed() => reload(&collector, arguments, None),
            failure = collector.failed() => {
                tracing::error!(%failure, "the collector can't go on");
                return Exit::Failed;
            }
        }
    }
    info!("stopping: no new requests; what was accepted goes to both legs");
    tokio::select! {
        () = collector.stop() => Exit::Ok,
        () = stop(&mut terminate, &mut interrupt) => {
            warn!("stopped at once; what was acknowledged stays in the write-ahead log");
            Exit::Ok
        }
    }
}

fn start(arguments: &Arguments) -> Start {
    let Arguments { accept_clock, continue_from_legs, reason, .. } = arguments;
    Start { accept_clock: *accept_clock, continue_from_legs: *continue_from_legs, reason: reason.clone() }
}

fn refused(error: &StartError) -> Exit {
    could_not_run(error)
}

async fn stop(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
}

/// `level`: is set, too; a change of the file alone doesn't.
fn reload(collector: &Collector, arguments: &Arguments, level: Option<&logs::LevelHandle>) {
    match read(arguments.config.as_deref(), arguments.data_dir.as_deref()) {
        Ok(config) => {
            if let Some(level) = level {
                level.set(config.telemetry.logs.level.into());
            }
            collector.reload(config, arguments.config.as_deref());
        }
        Err(error) => warn!(%error, "reload refused; the settings in force stay"),
    }
}
