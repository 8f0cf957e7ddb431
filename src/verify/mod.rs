//! Verification: judges what the legs hold, from nothing but their files and a public key.
//!
//! Promise 5: any change to what was sealed shows here, and the first bad record is named. A file is judged on its own
//! (`judge`), in parallel with the others; the results are joined in order (`fold`), which gives the root of the tree at every
//! checkpoint's size (`checkpoints`) and, where both legs are given, lets them be compared (`chain`). What is wrong is a
//! `Finding`, and verification goes on behind it; what could not be checked is said and keeps the verdict from "intact".
//!
//! Memory does not grow with the chain: a worker holds one message or one row group, the fold one compact range. (A few
//! dozen bytes stay of each checkpoint and of each border between files.)
//!
//! **What an honest crash leaves** is never a finding (exit 1). The order in which the collector works says what it can be:
//! records are committed in the stream, then a checkpoint over them is; a segment's object comes when the stream has all of
//! it, then a `.range`, then its `.checkpoint`; the genesis note before the first object. So, at any moment:
//! - the last records may be under no checkpoint yet, also the stop record (then not all was checked: an attacker who took
//!   the last checkpoint away leaves the same);
//! - the archive may end before the stream, or hold nothing but the genesis note; never more than the stream has;
//! - the newest `.range` may lack its checkpoint; an older one can't;
//! - the last message of the newest file of a topic may be cut short.
//!
//! A checkpoint in the archive over records that the archive lacks is none of these: its segment came first. A running
//! collector adds while we read, so each checkpoint is read before the names of the files that must hold its records.
//!
//! Nothing here writes or seals, and a network is asked only where a leg lies behind one: objects of a bucket come through
//! `store`, messages of Kafka through `topic`, and are judged by the code that judges files. A server that gives no answer
//! leaves something unchecked; it is never damage. No report holds a value of a record. The way in is not used, but for
//! the format itself: the readers of both legs, and the chain crate.

mod archive;
mod bundle;
mod chain;
mod checkpoints;
mod finding;
mod fold;
mod footer;
mod index;
mod judge;
mod keys;
mod lag;
mod leg;
mod own;
mod pool;
mod printable;
mod report;
mod scope;
mod store;
mod strays;
mod stream;
mod topic;
mod trust;
mod vouched;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sealtrail_chain::{ChainName, UnixNanos};

use crate::archive::s3;
use crate::stream::kafka;

pub use bundle::{BundleNote, BundleReport, judge as judge_bundle};
pub use finding::{Code, Finding, Findings};
pub use keys::{carried, speaking};
pub use leg::Kind;
pub use printable::Printable;
pub use report::{ChainReport, LegReport, Note, Report, Time, Unchecked, Verdict};
pub use scope::{Bound, BoundError};
pub use trust::{Trust, TrustError};

use chain::Audit;
use leg::{Found, Leg};

/// What to believe, and how to work.
pub struct Options {
    pub trust: Trust,
    /// How often an idle collector says that it is alive (`seal.alive_interval`).
    pub alive_interval: Duration,
    /// How far the archive may lie behind the stream, where nothing sealed says that it was down.
    pub max_lag: Duration,
    /// How long ago a copy of a leg may have been made that is shorter than another one: a backup is made once a day.
    pub max_copy_age: Duration,
    /// Files judged at the same time.
    pub threads: usize,
    /// The stream's topic of checkpoints; unless given, `audit-checkpoints`, or the one whose messages are checkpoints.
    pub checkpoint_topic: Option<String>,
    /// Judge this chain alone.
    pub chain: Option<ChainName>,
    /// Chains that must be here, and no others; empty: whatever is here.
    pub chains: Vec<ChainName>,
    /// Read no more of each chain than this range needs.
    pub from: Option<Bound>,
    pub to: Option<Bound>,
    /// How old a chain's end may be that did not stop, at `now`.
    pub max_age: Option<Duration>,
    /// The time by our clock; 0: not known, and nothing is held against it.
    pub now: UnixNanos,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            trust: Trust::default(),
            alive_interval: Duration::from_secs(300),
            max_lag: Duration::from_secs(3600),
            max_copy_age: Duration::from_secs(25 * 3600),
            threads,
            checkpoint_topic: None,
            chain: None,
            chains: Vec::new(),
            from: None,
            to: None,
            max_age: None,
            now: UnixNanos(0),
        }
    }
}

/// Is told how far the work has come, from any thread.
pub trait Watch: Sync {
    /// All bytes that will be read.
    fn total(&self, bytes: u64) {
        let _ = bytes;
    }
    /// So many more were read.
    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }
}

/// Watches nothing.
pub struct Unwatched;

impl Watch for Unwatched {}

/// Where chains lie.
pub enum Source {
    /// A local archive, a stream directory, or a data directory with both.
    Path(PathBuf),
    /// A local directory that is one leg of a collector, and may hold nothing yet.
    Leg(PathBuf),
    /// An archive in a bucket.
    Bucket(Box<s3::Config>),
    /// A chain in Kafka.
    Topic { settings: Box<kafka::Settings>, chain: ChainName },
}

/// Why there is nothing to judge. What is wrong with records is never an error, but a finding.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "no chain in {}: looked for audit-logs/chain=NAME/ (an archive), TOPIC/PARTITION/*.messages (a stream), and both \
         below archive/ and stream/ (a data directory)",
        path.display()
    )]
    Nothing { path: PathBuf },
    #[error(transparent)]
    Archive(crate::archive::Error),
    #[error(transparent)]
    Stream(crate::stream::reader::Error),
    #[error("no message in {} can be read, so its chain is not known", path.display())]
    NoChain { path: PathBuf },
    #[error("no chain `{chain}` in the given paths; without `--chain` all chains there are verified")]
    NoSuchChain { chain: ChainName },
}

/// What every file of a chain is judged by.
struct Job<'a> {
    chain: &'a ChainName,
    /// Sizes at which a root is asked for, ascending.
    cuts: &'a [u64],
    /// Nanoseconds without a record that are worth a note.
    silence: u64,
    asked: scope::Asked,
    store: &'a dyn store::Store,
    topic: Option<&'a topic::Topic>,
}

/// Verifies all chains below the paths. Legs of the same chain are compared.
pub fn verify(paths: &[PathBuf], options: &Options, watch: &dyn Watch) -> Result<Report, Error> {
    let sources: Vec<Source> = paths.iter().cloned().map(Source::Path).collect();
    verify_sources(&sources, options, watch)
}

/// As [`verify`], wherever the chains lie.
pub fn verify_sources(sources: &[Source], options: &Options, watch: &dyn Watch) -> Result<Report, Error> {
    let begin = Instant::now();
    let mut found = Found::default();
    for source in distinct(sources) {
        match leg::find(source, options.checkpoint_topic.as_deref(), &mut found) {
            // Where chains are expected, nothing at all is a finding.
            Err(Error::Nothing { path }) if !options.chains.is_empty() => found.empty.push(path),
            outcome => outcome?,
        }
    }
    let Found { mut legs, mut empty } = found;
    if legs.is_empty() && options.chains.is_empty() {
        return Err(Error::Nothing { path: empty.pop().unwrap_or_default() });
    }
    if let Some(chain) = &options.chain {
        legs.retain(|leg| leg.chain == *chain);
        if legs.is_empty() {
            return Err(Error::NoSuchChain { chain: chain.clone() });
        }
    }
    watch.total(legs.iter().flat_map(|leg| &leg.files).map(|file| file.bytes).sum());
    legs.sort_by(|a, b| (&a.chain, a.kind).cmp(&(&b.chain, b.kind)));
    let mut audits = Vec::new();
    let mut legs = legs.into_iter().peekable();
    while let Some(leg) = legs.next() {
        let chain = leg.chain.clone();
        let mut of_chain: Vec<Leg> = vec![leg];
        while let Some(leg) = legs.next_if(|leg| leg.chain == chain) {
            of_chain.push(leg);
        }
        audits.push(chain::audit(&chain, of_chain, options, watch)?);
    }
    let expected = expected(&audits, &empty, options);
    let empty = empty.into_iter().map(|path| Unchecked::Empty { place: path.display().to_string() });
    let chains: Vec<String> = audits.iter().map(|audit| audit.report.chain.clone()).collect();
    let useless = options.trust.kept_of_none(&chains).map(|kept| {
        let (place, origin) = (kept.path.display().to_string(), kept.checkpoint.origin.clone());
        Unchecked::KeptOfNone { place, origin }
    });
    Ok(sum_up(audits, expected, empty.chain(useless).collect(), begin.elapsed()))
}

/// A path given twice is one path: its records must not be compared with themselves.
fn distinct(sources: &[Source]) -> Vec<&Source> {
    let same = |a: &Path, b: &Path| a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    let mut kept: Vec<&Source> = Vec::new();
    for source in sources {
        let known = |other: &&Source| matches!((other, source), (Source::Path(a), Source::Path(b)) if same(a, b));
        if !kept.iter().any(known) {
            kept.push(source);
        }
    }
    kept
}

/// Asks whether the chains are here that must be, in each leg that others have, and no others.
fn expected(audits: &[Audit], empty: &[PathBuf], options: &Options) -> Findings {
    let mut findings = Findings::default();
    if options.chains.is_empty() {
        return findings;
    }
    let legs = || audits.iter().flat_map(|audit| audit.report.legs.iter().map(move |leg| (&audit.report.chain, leg)));
    for kind in [Kind::Archive, Kind::Stream] {
        let Some((_, some)) = legs().find(|(_, leg)| leg.leg == kind) else { continue };
        let place = some.place.as_str().into();
        for chain in &options.chains {
            if !legs().any(|(name, leg)| name == chain.as_str() && leg.leg == kind) {
                let missing = Finding::at(Code::ChainMissing, chain, 0, &place);
                findings.add(missing.expected(format_args!("chain {chain} in the {kind}"), "none of that name"));
            }
        }
    }
    if audits.is_empty() {
        let place = empty.first().map_or_else(String::new, |path| path.display().to_string()).into();
        for chain in &options.chains {
            let missing = Finding::at(Code::ChainMissing, chain, 0, &place);
            findings.add(missing.expected(format_args!("chain {chain}"), "no chain at all"));
        }
    }
    for audit in audits.iter().filter(|audit| !options.chains.iter().any(|chain| chain.as_str() == audit.report.chain))
    {
        let place = audit.report.legs.first().map_or_else(String::new, |leg| leg.place.clone()).into();
        if let Ok(chain) = audit.report.chain.parse() {
            let more = Finding::at(Code::ChainUnexpected, &chain, 0, &place);
            findings.add(more.expected("the expected chains alone", format_args!("chain {chain}")));
        }
    }
    findings
}

fn sum_up(audits: Vec<Audit>, mut findings: Findings, mut unchecked: Vec<Unchecked>, took: Duration) -> Report {
    let (mut chains, mut notes) = (Vec::new(), Vec::new());
    for audit in audits {
        findings.append(audit.findings);
        chains.push(audit.report);
        unchecked.extend(audit.unchecked);
        notes.extend(audit.notes);
    }
    let records = chains.iter().flat_map(|chain: &ChainReport| &chain.legs).map(|leg| leg.records).sum();
    let seconds = took.as_secs_f64();
    Report {
        verdict: verdict(findings.total(), records, &unchecked),
        chains,
        records,
        seconds,
        records_per_second: (records as f64 / seconds.max(1e-9)) as u64,
        findings_total: findings.total(),
        findings: findings.iter().cloned().collect(),
        unchecked,
        notes,
    }
}

fn verdict(findings: u64, records: u64, unchecked: &[Unchecked]) -> Verdict {
    if findings > 0 {
        Verdict::Tampered
    } else if records == 0 {
        Verdict::Nothing
    } else if unchecked.is_empty() {
        Verdict::Intact
    } else if unchecked.iter().any(|item| matches!(item, Unchecked::NoKey { .. } | Unchecked::OlderKey { .. })) {
        Verdict::SignerUnknown
    } else {
        Verdict::NotAllChecked
    }
}
