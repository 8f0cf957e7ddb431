//! Masking: what the rules recognise never goes further than this module.
//!
//! A record comes in as `Received` and leaves as `Unwritten` or `Masked`, which only a `Session` makes (and `wal::import`, of
//! what was masked before): nothing else can be sealed (promise 2). Every text of a record is looked at wherever it stands (body, attributes, nested values, keys, names,
//! schema URLs, severity) and whatever its type; only trace and span ids, times and numbers of the record itself stay
//! unseen. What can't be read as what it claims to be is masked as text; what can't be inspected within the limits is
//! replaced whole and counted. Work is linear in a record's size. Masking a masked record changes nothing.
//!
//! `rules` reads what to look for (data), `glance` and `look` tell texts that hold nothing, `lone` judges those that are one number, `detect` finds it in `fold`ed views of the
//! other `text`s (without codes of `colour`), of which `signs` says where digits, words and tokens are; `quotes` keeps JSON readable; `value` walks a record, `action` and
//! `envelope`, `token` are what is done about it, `custody` gives their keys, `sketch` counts tokens, `keys` remembers what a key means; `trial` and `lint` try rules out. Rules and standards: PCI DSS 4.0.1 (3.3.1, 3.5.1),
//! ISO/IEC 7812 and 7813, GB 11643, RFC 5321, ITU-T E.164, C2SP XAES-256-GCM.
//!
//! Here is no I/O but reading rule files and asking what wraps a key, no clock, and no log line: nothing may quote what it saw.

mod action;
mod colour;
mod custody;
mod detect;
mod engine;
mod envelope;
mod escapes;
mod fold;
mod glance;
mod grid;
mod hide;
mod keys;
mod lint;
mod lone;
mod look;
mod quotes;
mod reveal;
mod rules;
mod scratch;
mod signs;
mod sketch;
mod text;
mod token;
mod trial;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sealtrail_chain::content::{LogRecord, Tail};
use sealtrail_chain::{Break, Checksum, Content, Head, Link};

pub use custody::{Custody, CustodyError, MaskKey, Wrapper, wrap};
pub use engine::{Engine, Session, Unwritten};
pub use lint::lint;
pub use reveal::{Keyring, OpenError, Opened};
pub use rules::{Class, Problem, RuleError};
pub use sketch::Tokens;
pub use trial::{Sample, Trial, Tried, Witnessed};

/// The section `mask` of the configuration.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Rule files in order, relative to the configuration file; `payment`, `china`, `eu`, `us` and `secrets` are packs that come
    /// with the collector.
    pub rules: Vec<String>,
    /// Keys for `encrypt` and `hmac_token` by id: base64 of 32 bytes, or wrapped by a key of a token or of AWS KMS. Never shown. A key id stands
    /// for one key for ever; one that no rule uses any more stays here, for what it closed.
    pub keys: BTreeMap<String, MaskKey>,
    /// Different tokens of one sender in an hour (`hmac_token`) beyond which it is sealed: who also reads may be trying values
    /// out. 0: never.
    pub token_limit: u64,
}

/// As many tries as find the hidden digits of a card whose first six and last four are known.
const TOKEN_LIMIT: u64 = 100_000;

impl Default for Config {
    fn default() -> Self {
        Self { rules: vec!["payment".to_owned()], keys: BTreeMap::new(), token_limit: TOKEN_LIMIT }
    }
}

/// Whether a name in `rules` is that of a pack that comes with the collector, and not a file's.
pub fn is_pack(name: &str) -> bool {
    rules::pack(name).is_some()
}

/// A log record as a sender sent it. Anyone may make one; only the engine may look into it, so it has no `Debug`, `Display`
/// or `Serialize`, and nothing but masking takes it.
pub struct Received<'a> {
    record: LogRecord<'a>,
    /// Attributes that stay as they are.
    exact: &'static [&'static str],
}

impl<'a> Received<'a> {
    /// Takes a record in.
    pub fn new(record: LogRecord<'a>) -> Self {
        Self { record, exact: &[] }
    }

    /// Takes one of the collector's own in. `exact`: attributes that no rule may take for something else, whatever a hash in
    /// them looks like: they are read again.
    pub(crate) fn own(record: LogRecord<'a>, exact: &'static [&'static str]) -> Self {
        Self { record, exact }
    }
}

/// The masked canonical text of a record: with [`Unwritten`] the only thing that can be sealed. Made by the engine alone, but for what a log of
/// this chain has held masked already ([`Masked::sealed_before`]).
pub struct Masked {
    content: Content,
    checksum: Checksum,
}

impl Masked {
    /// For tests of what comes after masking: canonical text that no engine has seen.
    #[cfg(test)]
    pub(crate) fn for_test(text: &str) -> Self {
        let content = Content::parse(text.to_owned()).expect("canonical text");
        Self { checksum: content.checksum(), content }
    }

    /// Content that was masked before it was sealed, in a log of this chain: it must follow `head`, which moves past it.
    ///
    /// `wal::import` alone calls this (a test sees to it), behind a head that the chain knows: what follows that head was
    /// sealed by a collector of the chain, which could seal nothing else than what its rules had masked.
    pub(crate) fn sealed_before(head: &mut Head, link: &Link, content: Content) -> Result<Self, Break> {
        head.follow(link, content.as_str())?;
        Ok(Self { content, checksum: link.checksum })
    }

    /// The canonical text.
    pub fn content(&self) -> &Content {
        &self.content
    }
    /// SHA-256 of the content, computed where requests run in parallel.
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }
    /// Gives the content away.
    pub fn into_content(self) -> Content {
        self.content
    }
}

/// What the records of one `ScopeLogs` share, masked and rendered once.
pub struct MaskedContext {
    tail: Tail,
    /// The collector's own: names that begin with `sealtrail.` stay.
    own: bool,
}

impl MaskedContext {
    /// Bytes of its text, which stands in every record.
    #[allow(clippy::len_without_is_empty, reason = "it is never empty: `received` always stands in it")]
    pub fn len(&self) -> usize {
        self.tail.len()
    }
}

/// Why a record can't be masked (and so is refused, alone). Closed, without values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A stream message could not hold it.
    #[error("the record is larger than {limit} bytes once masked")]
    TooLarge {
        /// Bytes.
        limit: usize,
    },
}
