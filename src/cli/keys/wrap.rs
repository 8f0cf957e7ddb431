//! `sealtrail keys wrap`: a masking key that a key of a PKCS#11 token or of AWS KMS wraps, for `mask.keys`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use zeroize::Zeroizing;

use crate::aws::kms;
use crate::cli::exit::Exit;
use crate::cli::{could_not_run, say};
use crate::host::hsm::{self, Hsm};
use crate::mask::{self, CustodyError, Wrapper};

#[derive(Args)]
#[command(group = ArgGroup::new("wraps").required(true).args(["module", "kms_key_id"]))]
pub(super) struct Wrap {
    /// Id of the masking key, as rules name it.
    #[arg(value_name = "KEY-ID")]
    id: String,
    #[command(flatten)]
    token: Token,
    #[command(flatten)]
    kms: Kms,
    /// Wrap the masking key in this file (base64 of 32 bytes), so that what it closed stays readable; else a new one is made.
    #[arg(long, value_name = "FILE")]
    existing: Option<PathBuf>,
}

#[derive(Args)]
struct Token {
    /// The token's PKCS#11 module, such as /usr/lib/softhsm/libsofthsm2.so.
    #[arg(long, value_name = "FILE", requires_all = ["token", "key", "pin_file"])]
    module: Option<PathBuf>,
    /// Label of the token.
    #[arg(long, value_name = "LABEL", requires = "module")]
    token: Option<String>,
    /// Label of the AES-256 key in it, which wraps.
    #[arg(long, value_name = "LABEL", requires = "module")]
    key: Option<String>,
    /// File with the user's PIN.
    #[arg(long, value_name = "FILE", requires = "module")]
    pin_file: Option<PathBuf>,
    /// Make the wrapping key first; it can't be taken out of the token.
    #[arg(long, requires = "module")]
    make_key: bool,
}

#[derive(Args)]
struct Kms {
    /// Id, ARN or alias of the symmetric key of AWS KMS that wraps; credentials come from the standard AWS chain.
    #[arg(long, value_name = "KEY", requires = "region")]
    kms_key_id: Option<String>,
    /// Its region.
    #[arg(long, value_name = "NAME", env = "AWS_REGION")]
    region: Option<String>,
    /// Another endpoint than AWS's own of the region.
    #[arg(long, value_name = "URL", requires = "kms_key_id")]
    endpoint: Option<String>,
    /// The only certificates that the endpoint may have, in place of the system's.
    #[arg(long, value_name = "FILE", requires = "kms_key_id")]
    ca_file: Option<PathBuf>,
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
    let existing = wrap.existing.as_ref().map(secret).transpose()?;
    let by = wrapper(wrap)?;
    if let (Wrapper::Pkcs11(config), true) = (&by, wrap.token.make_key) {
        Hsm::new(config).make_aes().map_err(|error| failed(&error.into()))?;
    }
    mask::wrap(&wrap.id, existing.as_ref().map(|text| text.as_str()), &by).map_err(|error| failed(&error))
}

fn wrapper(wrap: &Wrap) -> Result<Wrapper, String> {
    if let (Some(kms_key_id), Some(region)) = (&wrap.kms.kms_key_id, &wrap.kms.region) {
        let (endpoint, ca_file) = (wrap.kms.endpoint.clone(), wrap.kms.ca_file.clone());
        let config = kms::Config { endpoint, ca_file, ..kms::Config::new(kms_key_id, region) };
        return match config.problem() {
            Some((key, problem, remedy)) => {
                Err(format!("`--{}`: {problem}\n  remedy  {remedy}", key.replace('_', "-")))
            }
            None => Ok(Wrapper::AwsKms(config)),
        };
    }
    let Token { module: Some(module), token: Some(token), key: Some(key), pin_file: Some(pin_file), .. } = &wrap.token
    else {
        return Err("nothing that wraps is named\n  remedy  give `--kms-key-id` and `--region`, or `--module`, `--token`, `--key` and `--pin-file`".to_owned());
    };
    let pin = hsm::Pin::from(secret(pin_file)?.to_string());
    Ok(Wrapper::Pkcs11(hsm::Config { module: module.clone(), token: token.clone(), key: key.clone(), pin }))
}

fn secret(path: &PathBuf) -> Result<Zeroizing<String>, String> {
    let read = std::fs::read_to_string(path).map(Zeroizing::new);
    read.map_err(|error| {
        format!("can't read {}: {error}\n  remedy  name a file that this user can read", path.display())
    })
}

fn failed(error: &CustodyError) -> String {
    let remedy = match error {
        CustodyError::Token(_) => {
            "see that `--module`, `--token`, `--key` and the PIN are right; `--make-key` makes the wrapping key"
        }
        other => other.remedy(),
    };
    format!("{error}\n  remedy  {remedy}")
}
