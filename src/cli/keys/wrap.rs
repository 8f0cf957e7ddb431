//! `sealtrail keys wrap`: a masking key that a token's key wraps, for `mask.keys`.

use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use crate::cli::exit::Exit;
use crate::cli::{could_not_run, say};
use crate::host::hsm::{self, Hsm};
use crate::mask;

#[derive(Args)]
pub(super) struct Wrap {
    /// Id of the masking key, as rules name it.
    #[arg(value_name = "KEY-ID")]
    id: String,
    /// The token's PKCS#11 module, such as /usr/lib/softhsm/libsofthsm2.so.
    #[arg(long, value_name = "FILE")]
    module: PathBuf,
    /// Label of the token.
    #[arg(long, value_name = "LABEL")]
    token: String,
    /// Label of the AES-256 key in it, which wraps.
    #[arg(long, value_name = "LABEL")]
    key: String,
    /// File with the user's PIN.
    #[arg(long, value_name = "FILE")]
    pin_file: PathBuf,
    /// Make the wrapping key first; it can't be taken out of the token.
    #[arg(long)]
    make_key: bool,
    /// Wrap the masking key in this file (base64 of 32 bytes), so that what it closed stays readable; else a new one is made.
    #[arg(long, value_name = "FILE")]
    existing: Option<PathBuf>,
}

pub(super) fn run(wrap: &Wrap) -> Exit {
    match wrapped(wrap) {
        Ok(text) => {
            say(format_args!("{text}"));
            Exit::Ok
        }
        Err(error) => could_not_run(&error),
    }
}

fn wrapped(wrap: &Wrap) -> Result<String, String> {
    let secret = |path: &PathBuf| {
        let read = std::fs::read_to_string(path).map(Zeroizing::new);
        read.map_err(|error| {
            format!("can't read {}: {error}\n  remedy  name a file that this user can read", path.display())
        })
    };
    let pin = hsm::Pin::from(secret(&wrap.pin_file)?.to_string());
    let (module, token, key) = (wrap.module.clone(), wrap.token.clone(), wrap.key.clone());
    let hsm = Hsm::new(&hsm::Config { module, token, key, pin });
    let existing = wrap.existing.as_ref().map(secret).transpose()?;
    let failed = |error: &dyn std::fmt::Display| {
        format!(
            "{error}\n  remedy  see that `--module`, `--token`, `--key` and the PIN are right; `--make-key` makes the wrapping key"
        )
    };
    if wrap.make_key {
        hsm.make_aes().map_err(|error| failed(&error))?;
    }
    mask::wrap(&wrap.id, existing.as_ref().map(|text| text.as_str()), &hsm).map_err(|error| failed(&error))
}
