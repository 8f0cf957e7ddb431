//! `sealtrail export-tiles`: the chain as C2SP `tlog-tiles`, for tools that are not ours.

use std::path::PathBuf;

use clap::Args;
use sealtrail_chain::ChainName;

use super::exit::Exit;
use super::{archive, could_not_run, say};
use crate::config::Config;
use crate::evidence::tiles;

/// Writes a chain as C2SP tlog-tiles, so that tools of others can check its whole tree.
///
/// Every hash is computed from the content in the archive; no content is written. Served by any web server, the directory is a
/// log that `fsck` of transparency-dev/tessera and other clients of tlog-tiles read; its public key is the Ed25519 line of
/// the collector's log.vkey.
#[derive(Args)]
#[command(after_help = "\
Examples:
  sealtrail export-tiles --chain local sealtrail-data tiles/
  sealtrail export-tiles --chain payments-eu-1 s3://audit/prefix tiles/
  python3 -m http.server --directory tiles 8080 &
  fsck --storage_url=http://127.0.0.1:8080/ --public_key=ed25519.vkey --ui=false

Exit codes: 0 written, and its root is the checkpoint's; 1 written as far as it goes, but the records are not the ones that the
checkpoint names (`sealtrail verify` says which); 2 could not run. Who signed the checkpoint is for the reader to check.")]
pub(super) struct Arguments {
    /// Archive, data directory, or `s3://BUCKET/PREFIX`.
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// A new directory, or an empty one.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The chain.
    #[arg(long, value_name = "NAME")]
    chain: ChainName,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let dir = &arguments.dir;
    if dir.read_dir().map_or(dir.exists(), |mut entries| entries.next().is_some()) {
        return could_not_run(&format_args!(
            "{} is not an empty directory\n  remedy  name a new one: tiles of two exports must not mix",
            dir.display()
        ));
    }
    let opened = match archive::open(Some(&arguments.source), &Config::default()) {
        Ok(opened) => opened,
        Err(error) => return could_not_run(&error),
    };
    match tiles::export(&opened.archive, &opened.runtime, &opened.place, &arguments.chain, dir) {
        Ok(exported) => report(&exported, arguments),
        Err(error) => could_not_run(&error),
    }
}

fn report(exported: &tiles::Exported, arguments: &Arguments) -> Exit {
    let tiles::Exported { origin, size, records, root_is_signed } = exported;
    say(format_args!(
        "{origin}: {records} records of {size} under the newest checkpoint, in {}",
        arguments.dir.display()
    ));
    if *root_is_signed {
        return Exit::Ok;
    }
    anstream::eprintln!(
        "the records in {} are not the ones that the checkpoint names: `sealtrail verify` says what is wrong",
        arguments.source.display()
    );
    Exit::Failed
}
