//! `sealtrail demo`: the main job from end to end on the embedded default, and a tampering that is caught.

use std::fmt::Display;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Args;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use sealtrail_chain::content::{self, Value};

use super::exit::Exit;
use super::payments::Payments;
use super::{could_not_run, say, style};
use crate::archive;
use crate::collector::{Collector, Start};
use crate::config::Config;
use crate::host::{Clock, SystemClock, guard};

/// Sends 10,000 made-up payment records through the whole pipeline, verifies both legs, and catches a tampering.
#[derive(Args)]
#[command(after_help = "Examples:\n  sealtrail demo\n  sealtrail demo --dir /tmp/sealtrail-demo")]
pub(super) struct Arguments {
    /// Where the demo's data go. A second run goes on with the chain of the first.
    #[arg(long, value_name = "DIR", default_value = "sealtrail-demo")]
    dir: PathBuf,
}

const REQUESTS: usize = 100;
const RECORDS: usize = 100;

pub(super) fn run(arguments: &Arguments) -> Exit {
    guard::process();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return could_not_run(&format_args!("can't start the runtime: {error}")),
    };
    match demo(&arguments.dir, &runtime) {
        Ok(exit) => exit,
        Err(error) => could_not_run(&error),
    }
}

fn demo(dir: &Path, runtime: &tokio::runtime::Runtime) -> Result<Exit, String> {
    let begun = Instant::now();
    let data = dir.join("data");
    let again = data.join("wal").exists();
    head(1, "the collector starts on its embedded default");
    let collector =
        runtime.block_on(Collector::start(config(&data), Start::default())).map_err(|error| error.to_string())?;
    say(format_args!("  OTLP/gRPC on {}, OTLP/HTTP on {}", collector.grpc(), collector.http()));
    let keys = if again { "found" } else { "made" };
    say(format_args!("  signing keys {keys} in {}", data.join("keys").display()));

    head(2, "10,000 payment records, Chinese and English, from four services, over a real OTLP/gRPC client");
    let started = Instant::now();
    let sample = runtime.block_on(send(&collector))?;
    let took = started.elapsed();
    say(format_args!(
        "  {} records acknowledged in {:.2} s: each was masked, sealed and on stable storage before its answer",
        REQUESTS * RECORDS,
        took.as_secs_f64()
    ));

    head(3, "the collector stops in order: what it accepted goes to both legs");
    runtime.block_on(collector.stop());
    for (leg, what) in
        [("archive", "Parquet objects, as S3 gets them"), ("stream", "OTLP messages, as Kafka gets them")]
    {
        let (files, bytes) = tally(&data.join(leg)).map_err(|error| unreadable(&data.join(leg), error))?;
        say(format_args!("  {:<28} {files} files, {:.1} MB: {what}", data.join(leg).display(), bytes as f64 / 1e6));
    }

    head(4, "one record before and after masking");
    show_sent(&sample);
    show_sealed(&data.join("archive"), &sample)?;

    head(5, "anyone with the public keys proves both legs");
    let key = data.join("keys").join("log.vkey");
    let intact = verify(&key, &[&data.join("archive"), &data.join("stream")])?;

    head(6, "somebody changes who did one payment, in a copy of the stream, and mends the file's own checksum");
    let copy = dir.join("tampered");
    let changed = tamper(&data.join("stream"), &copy)?;
    say(format_args!("  {changed}"));
    let caught = verify(&key, &[&copy])?;

    head(7, "what lies where, and what to run next");
    say(format_args!("  {}", data.display()));
    say(format_args!(
        "    archive/audit-logs/        one Parquet object a segment: read it with DuckDB, Spark, pyarrow"
    ));
    say(format_args!(
        "    archive/audit-checkpoints/ signed checkpoints        stream/  messages       wal/  what waits for the legs"
    ));
    say(format_args!(
        "    keys/log.vkey              the public keys to hand out (the other key files are secret: back them up)"
    ));
    let exe = "sealtrail";
    say(format_args!("  {exe} verify --public-key {} {}", quoted(&key), quoted(&data.join("archive"))));
    say(format_args!(
        "  {exe} collect        # then OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317 for your own services"
    ));
    let (colour, verdict, exit) = match (intact, caught) {
        (Some(0), Some(1)) => {
            (style::GOOD, "as promised: both legs are intact, and the tampering was caught", Exit::Ok)
        }
        _ => (style::ERROR, "not as promised: see the verdicts above", Exit::Failed),
    };
    let took = begun.elapsed().as_secs_f64();
    say(format_args!("\n{}{verdict} ({took:.1} s){}", colour.render(), colour.render_reset()));
    Ok(exit)
}

/// The embedded default, but for free ports: the demo must run beside a collector that holds the standard ones.
fn config(data: &Path) -> Config {
    let mut config = Config { data_dir: data.to_owned(), ..Config::default() };
    let protocols = &mut config.receivers.otlp.protocols;
    for endpoint in [
        &mut protocols.grpc.get_or_insert_default().endpoint,
        &mut protocols.http.get_or_insert_default().endpoint,
        &mut config.health_check.endpoint,
        &mut config.telemetry.metrics.endpoint,
    ] {
        "127.0.0.1:0".clone_into(endpoint);
    }
    config
}

/// Sends everything and gives back the first request, to show one of its records.
async fn send(collector: &Collector) -> Result<ExportLogsServiceRequest, String> {
    let failed = |error: &dyn Display| format!("can't send to the demo's own collector: {error}");
    let endpoint = format!("http://{}", collector.grpc());
    let mut client = LogsServiceClient::connect(endpoint).await.map_err(|error| failed(&error))?;
    let now = SystemClock::default().now().0;
    let mut payments = Payments::new(now, now);
    let mut first = None;
    for _ in 0..REQUESTS {
        let (request, _) = payments.request(RECORDS);
        first.get_or_insert_with(|| request.clone());
        let answer = client.export(request).await.map_err(|status| failed(&status.code()))?;
        if answer.get_ref().partial_success.is_some() {
            return Err(failed(&"a record was refused"));
        }
    }
    Ok(first.unwrap_or_default())
}

fn attributes(request: &ExportLogsServiceRequest) -> impl Iterator<Item = &KeyValue> {
    let record = request
        .resource_logs
        .first()
        .and_then(|logs| logs.scope_logs.first())
        .and_then(|logs| logs.log_records.first());
    record.into_iter().flat_map(|record| &record.attributes)
}

fn show_sent(request: &ExportLogsServiceRequest) {
    say(format_args!("  {}sent{}", style::HEAD.render(), style::HEAD.render_reset()));
    for attribute in attributes(request) {
        match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(any_value::Value::StringValue(text)) => line(&attribute.key, text),
            Some(any_value::Value::DoubleValue(number)) => line(&attribute.key, number),
            _ => {}
        }
    }
    let body = request.resource_logs[0].scope_logs[0].log_records[0].body.as_ref();
    if let Some(AnyValue { value: Some(any_value::Value::StringValue(text)) }) = body {
        line("body", text);
    }
}

/// Finds the same record in the archive by its transaction and shows it.
fn show_sealed(archive: &Path, request: &ExportLogsServiceRequest) -> Result<(), String> {
    let Some(transaction) =
        attributes(request).find(|attribute| attribute.key == "transaction_id").and_then(|attribute| {
            match attribute.value.as_ref()?.value.as_ref()? {
                any_value::Value::StringValue(text) => Some(text.clone()),
                _ => None,
            }
        })
    else {
        return Ok(());
    };
    for object in objects(archive).map_err(|error| unreadable(archive, error))? {
        let mut reader = archive::Reader::open(&object).map_err(|error| error.to_string())?;
        let mut found = None;
        reader
            .rows(&mut |row| {
                if !row.content.contains(&transaction) {
                    return ControlFlow::Continue(());
                }
                found = Some((row.sequence, row.hash, row.content.to_owned()));
                ControlFlow::Break(())
            })
            .map_err(|error| error.to_string())?;
        if let Some((sequence, hash, content)) = found {
            let title = format!("sealed as record {sequence} of the chain, hash {hash}");
            say(format_args!("  {}{title}{}", style::HEAD.render(), style::HEAD.render_reset()));
            let record = content::read(&content).map_err(|error| error.to_string())?;
            for attribute in &record.log.attributes {
                match &attribute.value {
                    Value::String(text) => line(&attribute.key, text),
                    Value::Double(number) => line(&attribute.key, number),
                    Value::Bool(flag) => line(&attribute.key, flag),
                    _ => {}
                }
            }
            if let Value::String(text) = &record.log.body {
                line("body", text);
            }
            return Ok(());
        }
    }
    Err("the archive lacks the first record that was sent".into())
}

fn line(key: &str, value: &dyn Display) {
    say(format_args!("    {}{key:<16}{} {value}", style::DIM.render(), style::DIM.render_reset()));
}

/// Runs the verifier as a user would, and passes its output and exit code on.
fn verify(key: &Path, paths: &[&Path]) -> Result<Option<i32>, String> {
    let shown = paths.iter().map(|path| quoted(path)).collect::<Vec<_>>().join(" ");
    say(format_args!("  $ sealtrail verify --public-key {} {shown}", quoted(key)));
    let exe = std::env::current_exe().map_err(|error| format!("can't find this program: {error}"))?;
    let status = Command::new(exe)
        .args(["verify".as_ref(), "--public-key".as_ref(), key.as_os_str()])
        .args(paths)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("can't run the verifier: {error}"))?;
    let code = status.code();
    let (colour, word) = if code == Some(0) { (style::GOOD, "all well") } else { (style::ERROR, "a check failed") };
    say(format_args!("  {}exit {}: {word}{}", colour.render(), code.unwrap_or(-1), colour.render_reset()));
    Ok(code)
}

/// Copies the stream and changes one digit of an operator's name in it, with the message's checksum made right again.
#[allow(clippy::disallowed_methods, reason = "a copy to play with needs no durability")]
fn tamper(stream: &Path, copy: &Path) -> Result<String, String> {
    let failed = |error: io::Error| format!("can't make a tampered copy in {}: {error}", copy.display());
    if copy.exists() {
        std::fs::remove_dir_all(copy).map_err(failed)?;
    }
    copy_dir(stream, copy).map_err(failed)?;
    let files = all_files(&copy.join("audit-logs")).map_err(failed)?;
    let file = files.first().ok_or_else(|| format!("{} holds no messages", stream.display()))?;
    let mut bytes = std::fs::read(file).map_err(failed)?;
    let changed = change_an_operator(&mut bytes).ok_or_else(|| format!("{} holds no operator", file.display()))?;
    std::fs::write(file, bytes).map_err(failed)?;
    Ok(changed)
}

/// A message is the length of the rest, its CRC-32C, and the rest (`chain/FORMAT.md`, "Stream").
fn change_an_operator(bytes: &mut [u8]) -> Option<String> {
    const NAME: &[u8] = b"operator-";
    let mut start = 0;
    while let Some(length) = bytes.get(start..start + 4) {
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        let rest = bytes.get_mut(start + 8..start + 8 + length)?;
        if let Some(place) = memchr::memmem::find(rest, NAME) {
            let name = rest.get_mut(place..place + NAME.len() + 4)?;
            let before = String::from_utf8_lossy(name).into_owned();
            let digit = name.last_mut()?;
            *digit = if *digit == b'9' { b'8' } else { *digit + 1 };
            let after = String::from_utf8_lossy(name).into_owned();
            let crc = crc_fast::crc32_iscsi(rest);
            bytes[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
            return Some(format!("{before} is now {after}"));
        }
        start += 8 + length;
    }
    None
}

fn head(number: u32, text: &str) {
    say(format_args!("\n{}{number}. {text}{}", style::HEAD.render(), style::HEAD.render_reset()));
}

/// A path as a shell takes it, so that a line can be copied from the screen.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn unreadable(path: &Path, error: io::Error) -> String {
    format!("can't read {}: {error}", path.display())
}

fn objects(archive: &Path) -> io::Result<Vec<PathBuf>> {
    // The newest hold what was just sent.
    let mut objects = all_files(archive)?;
    objects.retain(|path| path.extension().is_some_and(|kind| kind == "parquet"));
    objects.reverse();
    Ok(objects)
}

fn tally(dir: &Path) -> io::Result<(usize, u64)> {
    let files = all_files(dir)?;
    let bytes = files.iter().map(|file| file.metadata().map(|data| data.len())).sum::<io::Result<u64>>()?;
    Ok((files.len(), bytes))
}

fn all_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(all_files(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(quoted(Path::new("/tmp/a-1.d")), "/tmp/a-1.d");
        assert_eq!(quoted(Path::new("a b")), "'a b'");
        assert_eq!(quoted(Path::new("it's")), r"'it'\''s'");
    }

    #[test]
    fn the_tampering_changes_one_digit_and_mends_the_checksum() {
        let rest = b"....operator-1239....".to_vec();
        let mut bytes = (rest.len() as u32).to_le_bytes().to_vec();
        bytes.extend(crc_fast::crc32_iscsi(&rest).to_le_bytes());
        bytes.extend(&rest);
        assert_eq!(change_an_operator(&mut bytes).as_deref(), Some("operator-1239 is now operator-1238"));
        assert_eq!(bytes[4..8], crc_fast::crc32_iscsi(&bytes[8..]).to_le_bytes());
        assert_eq!(bytes[8..].iter().zip(&rest).filter(|(new, old)| new != old).count(), 1);
        assert_eq!(change_an_operator(&mut [1, 0, 0]), None);
    }
}
