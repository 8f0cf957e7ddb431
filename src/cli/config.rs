//! `sealtrail config`: what a configuration says, and whether it would start.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::{could_not_run, say};
use crate::collector;
use crate::config::Config;

/// Checks or shows a configuration.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reads everything that a start would read, changes nothing, and says what would start.
    #[command(after_help = "Example:\n  sealtrail config check --config /etc/sealtrail.yaml --records-per-second 600")]
    Check(Check),
    /// Prints every setting with its default, secrets left out.
    #[command(after_help = "Example:\n  sealtrail config show > sealtrail.yaml")]
    Show(File),
}

#[derive(Args)]
struct File {
    /// Configuration file; without one, the embedded default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory, in place of the configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Args)]
struct Check {
    #[command(flatten)]
    file: File,
    /// Load for which the length of an outage is reckoned that the write-ahead log bridges. 580 is 50 million a day.
    #[arg(long, value_name = "N", default_value_t = 580, value_parser = clap::value_parser!(u64).range(1..))]
    records_per_second: u64,
    /// Bytes of a record in the write-ahead log, for the same reckoning.
    #[arg(long, value_name = "BYTES", default_value_t = 1400, value_parser = clap::value_parser!(u64).range(1..))]
    record_bytes: u64,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::Show(file) => match read(file.config.as_deref(), file.data_dir.as_deref()) {
            Ok(config) => {
                say(format_args!("{}", config.show().trim_end()));
                Exit::Ok
            }
            Err(error) => could_not_run(&error),
        },
        Command::Check(check) => match read(check.file.config.as_deref(), check.file.data_dir.as_deref()) {
            Ok(config) => report(&config, check),
            Err(error) => could_not_run(&error),
        },
    }
}

/// Reads the configuration file, or takes the embedded default, and lets `--data-dir` move it.
pub(super) fn read(file: Option<&Path>, data_dir: Option<&Path>) -> Result<Config, String> {
    let mut config = file.map_or_else(|| Ok(Config::default()), Config::read).map_err(|error| error.to_string())?;
    if let Some(data_dir) = data_dir {
        config.data_dir = data_dir.to_owned();
    }
    // Rules and tokens are named relative to the file that names them.
    config.base_dir = file.and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    Ok(config)
}

fn report(config: &Config, check: &Check) -> Exit {
    if let Err(problem) = usable(config) {
        return could_not_run(&problem);
    }
    let checked = match collector::check(config) {
        Ok(checked) => checked,
        Err(error) => return could_not_run(&error),
    };
    for (what, how) in &checked.lines {
        say(format_args!("{what:<12} {how}"));
    }
    // What was typed may be any number: saturating, so that a slip is a wrong answer about hours and not a panic.
    let log_bytes = config.wal.max_size_mib.saturating_mul(1024 * 1024);
    let seconds = log_bytes / check.record_bytes.saturating_mul(check.records_per_second);
    say(format_args!(
        "outage       with a leg down, {} MiB of write-ahead log hold {}.{} hours of {} records/s of {} bytes",
        config.wal.max_size_mib,
        seconds / 3600,
        seconds % 3600 * 10 / 3600,
        check.records_per_second,
        check.record_bytes
    ));
    warn_of_space(config, log_bytes);
    warn_of_ports(config);
    Exit::Ok
}

/// Whether every directory is there and can be written to, or can be made. Nothing is made to find out.
fn usable(config: &Config) -> Result<(), String> {
    let stream = config.stream.directory(&config.data_dir).map(|dir| ("stream.directory.path", dir));
    let archive = config.archive.directory(&config.data_dir).map(|dir| ("archive.directory.path", dir));
    let dirs = [("data_dir", config.data_dir.clone()), ("seal.keys_dir", config.keys_dir())];
    for (key, dir) in dirs.into_iter().chain(stream).chain(archive) {
        let there = nearest_existing(&dir);
        let problem = if !there.is_dir() {
            "is not a directory"
        } else if rustix::fs::access(&there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_err() {
            "can't be written to by this user"
        } else {
            continue;
        };
        return Err(format!(
            "can't use the directory {} (`{key}`): {} {problem}\n  remedy  name a directory that this user may write to, or may make",
            dir.display(),
            there.display()
        ));
    }
    Ok(())
}

/// The path itself, or the first one above it that exists.
fn nearest_existing(path: &Path) -> PathBuf {
    path.ancestors()
        .find(|above| !above.as_os_str().is_empty() && above.exists())
        .map_or_else(|| PathBuf::from("."), Path::to_owned)
}

fn warn_of_space(config: &Config, log_bytes: u64) {
    let Ok(space) = rustix::fs::statvfs(nearest_existing(&config.data_dir)) else { return };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if free < log_bytes {
        say(format_args!(
            "warning      {} MiB are free for the write-ahead log, fewer than its {} MiB: make room, or lower `wal.max_size_mib`",
            free / 1024 / 1024,
            config.wal.max_size_mib
        ));
    }
}

/// A port that is taken may be the collector that this configuration already runs, so it is no error.
fn warn_of_ports(config: &Config) {
    let protocols = &config.receivers.otlp.protocols;
    let receivers = [&protocols.grpc, &protocols.http].into_iter().flatten().map(|protocol| &protocol.endpoint);
    for endpoint in receivers.chain([&config.health_check.endpoint, &config.telemetry.metrics.endpoint]) {
        if let Err(error) = std::net::TcpListener::bind(endpoint.as_str()) {
            say(format_args!("warning      can't listen on {endpoint} now: {error}"));
        }
    }
}
