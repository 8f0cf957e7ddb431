//! The words of a bundle: what it proves and what not, where the record lay, and the forms that a person signs.

use serde::{Deserialize, Serialize};

use super::Evidence;
use super::bundle::{self, Files, digest};
use super::stored::Stored;

const README: &str = include_str!("texts/README.txt");
const US: &str = include_str!("texts/certification-us.txt");
const CN: &str = include_str!("texts/certification-cn.txt");
const VERIFIER: &str = include_str!("texts/verify.py");

/// Who took a record out, when, and with what.
pub struct Exported {
    /// Unix seconds.
    pub at: u64,
    pub by: String,
    /// SHA-256 of the program that did it, hex.
    pub tool_sha256: String,
}

/// `statement.json`: what the exporter says. Nothing signs it; what in it the record or the checkpoint says too must agree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    pub format: String,
    pub chain: String,
    pub origin: String,
    pub sequence: u64,
    pub observed: u64,
    pub checksum: String,
    pub hash: String,
    pub checkpoint_size: u64,
    pub checkpoint_key: String,
    pub stored: Stored,
    pub exported_at: String,
    pub exported_by: String,
    pub tool: String,
    pub tool_sha256: String,
}

/// Version of the bundle.
pub const FORMAT: &str = "sealtrail evidence 1";

impl Evidence {
    /// All files of the bundle.
    pub fn bundle(&self, exported: &Exported) -> Files {
        let statement = self.statement(exported);
        let json = serde_json::to_string_pretty(&statement).expect("texts and numbers") + "\n";
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut add = |name: &str, bytes: &[u8]| files.push((name.to_owned(), bytes.to_vec()));
        let [readme, us, cn, verifier] = texts(&statement, self.cosigned.is_some(), self.stamp.is_some());
        add(bundle::README, readme.1.as_bytes());
        add(bundle::RECORD, self.content.as_bytes());
        add(bundle::LINK, self.link.text(&self.chain).as_bytes());
        add(bundle::PROOF, self.proof.to_text().as_bytes());
        add(bundle::CHECKPOINT, self.checkpoint_note.as_bytes());
        let said = [(bundle::COSIGNED, &self.cosigned), (bundle::STAMP, &self.stamp), (bundle::REVOKED, &self.revoked)];
        for (name, bytes) in said {
            bytes.iter().for_each(|bytes| add(name, bytes));
        }
        add(bundle::GENESIS, self.genesis_note.as_bytes());
        self.key_notes.iter().for_each(|(name, bytes)| add(name, bytes));
        add(bundle::STATEMENT, json.as_bytes());
        for (name, text) in [us, cn, verifier] {
            add(name, text.as_bytes());
        }
        Files::new(files)
    }

    fn statement(&self, exported: &Exported) -> Statement {
        Statement {
            format: FORMAT.to_owned(),
            chain: self.chain.to_string(),
            origin: self.origin.clone(),
            sequence: self.link.sequence.get(),
            observed: self.link.observed.0,
            checksum: self.link.checksum.to_string(),
            hash: self.link.hash.to_string(),
            checkpoint_size: self.checkpoint.size,
            checkpoint_key: self.checkpoint_key.clone(),
            stored: self.stored.clone(),
            exported_at: time(exported.at),
            exported_by: exported.by.clone(),
            tool: concat!("sealtrail ", env!("CARGO_PKG_VERSION")).to_owned(),
            tool_sha256: exported.tool_sha256.clone(),
        }
    }
}

/// What this release writes beside such a statement: the texts that no key signs, and the verifier. `witnessed`, `stamped`: whether
/// cosignatures and a time stamp are there.
pub fn texts(statement: &Statement, witnessed: bool, stamped: bool) -> [(&'static str, String); 4] {
    let filled = |template| fill(template, statement, witnessed, stamped);
    [
        (bundle::README, filled(README)),
        (bundle::US, filled(US)),
        (bundle::CN, filled(CN)),
        (bundle::VERIFIER, VERIFIER.to_owned()),
    ]
}

fn fill(template: &str, statement: &Statement, witnessed: bool, stamped: bool) -> String {
    let stored = &statement.stored;
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let lock = match (&stored.lock_mode, &stored.locked_until) {
        (Some(mode), Some(until)) => format!("{mode} until {until}"),
        _ => "-".to_owned(),
    };
    let there = |there: bool| if there { "yes" } else { "no" }.to_owned();
    let pairs = [
        ("{chain}", statement.chain.clone()),
        ("{origin}", statement.origin.clone()),
        ("{sequence}", statement.sequence.to_string()),
        ("{observed}", nanos(statement.observed)),
        ("{checksum}", statement.checksum.clone()),
        ("{hash}", statement.hash.clone()),
        ("{size}", statement.checkpoint_size.to_string()),
        ("{checkpoint}", statement.checkpoint_key.clone()),
        ("{archive}", stored.archive.clone()),
        ("{bucket}", said(&stored.bucket)),
        ("{key}", stored.key.clone()),
        ("{version}", said(&stored.version_id)),
        ("{lock}", lock),
        ("{object}", said(&stored.sha256)),
        ("{witnessed}", there(witnessed)),
        ("{stamped}", there(stamped)),
        ("{at}", statement.exported_at.clone()),
        ("{by}", statement.exported_by.clone()),
        ("{tool}", statement.tool.clone()),
        ("{tool_sha256}", statement.tool_sha256.clone()),
        ("{verifier_sha256}", digest(VERIFIER.as_bytes())),
    ];
    // One pass: what is put in is never looked at again, whatever an archive is called.
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, behind) = rest.split_at(at);
        out.push_str(before);
        match pairs.iter().find(|(name, _)| behind.starts_with(name)) {
            Some((name, value)) => {
                out.push_str(value);
                rest = &behind[name.len()..];
            }
            None => {
                out.push('{');
                rest = &behind[1..];
            }
        }
    }
    out + rest
}

/// Unix seconds as RFC 3339 writes them.
pub(super) fn time(unix_seconds: u64) -> String {
    let time = i64::try_from(unix_seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("Unix second {unix_seconds}"), |time| time.to_string())
}

fn nanos(unix_nanos: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(unix_nanos.into());
    time.map_or_else(|_| format!("Unix nanosecond {unix_nanos}"), |time| time.to_string())
}
