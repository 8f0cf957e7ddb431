//! Judges an evidence bundle: whether the record in it is the one that the log's keys have signed for. Offline; nothing but
//! the bundle and the keys that were given is asked.
//!
//! What lies in the bundle is one person's word until the proof leads from the record to a root that a trusted key has
//! signed. `src/evidence/texts/verify.py` makes the same judgement without this code; a test compares the two.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use sealtrail_chain::note::Vkey;
use sealtrail_chain::proof::{Proof, ProofError, verify_inclusion};
use sealtrail_chain::{ChainName, Checkpoint, Checksum, Content, Genesis, Link};
use serde::Serialize;

use super::checkpoints::key_id;
use super::finding::{Code, Finding, Findings};
use super::keys::{Epochs, Met};
use super::printable::Printable;
use super::report::{Time, section};
use super::trust::{Standing, Trust};
use super::{Unchecked, Verdict, verdict};
use crate::evidence::bundle::{self, Files};
use crate::evidence::{FORMAT, Statement};

/// What is said of a bundle. As JSON: fields are added, never renamed.
#[derive(Clone, Debug, Serialize)]
pub struct BundleReport {
    pub verdict: Verdict,
    /// SHA-256 of its `SHA256SUMS`: what the exporter's chain calls it.
    pub bundle: String,
    pub chain: Option<String>,
    pub origin: Option<String>,
    pub sequence: Option<u64>,
    pub observed: Option<Time>,
    pub checksum: Option<String>,
    pub hash: Option<String>,
    /// Records under the checkpoint that the proof leads to.
    pub checkpoint_size: Option<u64>,
    /// Name and key id of the keys whose signatures held, and of those that are trusted.
    pub signed_by: Vec<String>,
    pub trusted: Vec<String>,
    pub findings_total: u64,
    pub findings: Vec<Finding>,
    pub unchecked: Vec<Unchecked>,
    pub notes: Vec<BundleNote>,
}

/// What whoever relies on a bundle should know although nothing is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BundleNote {
    #[error("{file}: {what}, not looked at here; {how}")]
    NotLookedAt { file: String, what: &'static str, how: &'static str },
    #[error(
        "the keys of this chain have changed: the bundle has the notes that let them, not the records that carry these notes"
    )]
    Rotated,
    #[error("README.txt, statement.json and the certifications are the exporter's words: no key signs them")]
    Words,
}

impl Serialize for BundleNote {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Judges what was read from `place`; what could not even be taken apart is judged too.
pub fn judge(files: &Result<Files, &'static str>, place: &str, trust: &Trust) -> BundleReport {
    let mut judge = Judge {
        place,
        link: None,
        epochs: Epochs::default(),
        trusted: Vec::new(),
        findings: Findings::default(),
        signed_by: BTreeSet::new(),
    };
    let mut report = BundleReport {
        verdict: Verdict::Tampered,
        bundle: String::new(),
        chain: None,
        origin: None,
        sequence: None,
        observed: None,
        checksum: None,
        hash: None,
        checkpoint_size: None,
        signed_by: Vec::new(),
        trusted: Vec::new(),
        findings_total: 0,
        findings: Vec::new(),
        unchecked: Vec::new(),
        notes: Vec::new(),
    };
    match files {
        Ok(files) => judge.files(files, trust, &mut report),
        Err(problem) => judge.find(Code::Bundle, "", "files of a bundle", problem),
    }
    if let Some((chain, link)) = &judge.link {
        report.chain = Some(chain.to_string());
        report.sequence = Some(link.sequence.get());
        report.observed = Some(Time(link.observed));
        report.checksum = Some(link.checksum.to_string());
        report.hash = Some(link.hash.to_string());
    }
    report.signed_by = judge.signed_by.into_iter().collect();
    report.verdict = verdict(judge.findings.total(), 1, &report.unchecked);
    report.findings_total = judge.findings.total();
    report.findings = judge.findings.iter().cloned().collect();
    report
}

struct Judge<'a> {
    place: &'a str,
    link: Option<(ChainName, Link)>,
    /// The keys of the genesis, and those that followed.
    epochs: Epochs,
    trusted: Vec<Vkey>,
    findings: Findings,
    signed_by: BTreeSet<String>,
}

impl Judge<'_> {
    fn files(&mut self, files: &Files, trust: &Trust, report: &mut BundleReport) {
        self.link = files.text(bundle::LINK).and_then(Link::from_text);
        self.presence(files);
        if self.link.is_none() && files.get(bundle::LINK).is_some() {
            self.find(Code::Link, bundle::LINK, "the text of a link", "another text");
        }
        self.record(files);
        let genesis = self.genesis(files);
        let chain = self.chain(genesis.as_ref());
        if let Some(genesis) = &genesis {
            self.rotations(files, genesis);
        }
        match trust.of(&chain, &self.epochs.sets()) {
            Standing::Trusted(keys) => self.trusted = keys,
            Standing::NoKey => report.unchecked.push(Unchecked::NoKey { chain }),
            Standing::Foreign(keys) => self.find(Code::Key, bundle::GENESIS, ids(&keys), "other keys"),
        }
        report.trusted = self.trusted.iter().map(key_id).collect();
        report.origin = genesis.as_ref().map(|genesis| genesis.origin.clone());
        let checkpoint = self.proof(files, genesis.as_ref());
        self.stored_checkpoint(files, genesis.as_ref(), checkpoint.as_ref());
        report.checkpoint_size = checkpoint.as_ref().map(|checkpoint| checkpoint.size);
        report.bundle = files.name();
        if let Some(found) = self.statement(files, genesis.as_ref(), checkpoint.as_ref()) {
            report.unchecked.push(Unchecked::Version { place: self.at(bundle::STATEMENT), found });
        }
        report.notes = notes(files);
        if self.epochs.sets().len() > 1 {
            report.notes.insert(0, BundleNote::Rotated);
        }
    }

    /// Every file that belongs here is, and is the one that was put in.
    fn presence(&mut self, files: &Files) {
        let deviations = files.deviations();
        for name in [
            bundle::RECORD,
            bundle::LINK,
            bundle::PROOF,
            bundle::CHECKPOINT,
            bundle::GENESIS,
            bundle::STATEMENT,
            bundle::SUMS,
        ] {
            if files.get(name).is_none() && !deviations.iter().any(|(other, _)| other == name) {
                self.find(Code::Bundle, name, "a file of this name", "no such file");
            }
        }
        for (name, problem) in deviations {
            self.find(Code::Bundle, &name, "the file that was put in", problem);
        }
    }

    fn record(&mut self, files: &Files) {
        let (Some((_, link)), Some(content)) = (&self.link, files.get(bundle::RECORD)) else { return };
        let computed = Checksum::of(content);
        if computed != link.checksum {
            let claimed = link.checksum;
            return self.find(Code::Content, bundle::RECORD, claimed, computed);
        }
        let text = std::str::from_utf8(content).ok().map(str::to_owned);
        if text.is_none_or(|text| Content::parse(text).is_err()) {
            self.find(Code::Form, bundle::RECORD, "canonical text", "another form");
        }
    }

    fn genesis(&mut self, files: &Files) -> Option<Genesis> {
        files.get(bundle::GENESIS)?;
        let genesis = match Genesis::read(files.text(bundle::GENESIS).unwrap_or_default()) {
            Ok(genesis) => genesis.statement().clone(),
            Err(error) => {
                self.find(Code::Genesis, bundle::GENESIS, "a sound genesis note", error);
                return None;
            }
        };
        let Some((chain, link)) = &self.link else { return Some(genesis) };
        let (of_chain, previous) = (*chain == genesis.chain, link.previous);
        if !of_chain {
            let found = chain.clone();
            self.find(Code::Chain, bundle::LINK, &genesis.chain, found);
        } else if link.sequence.get() == 0 && previous != genesis.digest() {
            self.find(Code::GenesisRecord, bundle::LINK, genesis.digest(), previous);
        }
        Some(genesis)
    }

    /// Follows the keys of the chain from those of the genesis on.
    fn rotations(&mut self, files: &Files, genesis: &Genesis) {
        let notes = files.iter().filter(|(name, _)| name.starts_with("keys-"));
        let met = notes.map(|(name, bytes)| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            Met { place: self.at(name).into(), text, record: None }
        });
        let (epochs, findings) = Epochs::of(genesis, &genesis.chain, met.collect());
        findings.into_iter().for_each(|finding| self.findings.add(finding));
        self.epochs = epochs;
    }

    /// The checkpoint that the proof names; what leads to it is judged.
    fn proof(&mut self, files: &Files, genesis: Option<&Genesis>) -> Option<Checkpoint> {
        files.get(bundle::PROOF)?;
        let proof = match Proof::from_text(files.text(bundle::PROOF).unwrap_or_default()) {
            Ok(proof) => proof,
            Err(ProofError::Note(error)) => {
                self.find(Code::Signature, bundle::PROOF, "a signed checkpoint", error);
                return None;
            }
            Err(error) => {
                self.find(Code::Proof, bundle::PROOF, "a tlog-proof", error);
                return None;
            }
        };
        let checkpoint = Checkpoint::parse(&proof.checkpoint).ok()?;
        self.signatures(bundle::PROOF, &proof.checkpoint, genesis, false);
        if let Some((_, link)) = &self.link {
            let (sequence, hash) = (link.sequence.get(), link.hash);
            let led = verify_inclusion(&hash, proof.index, checkpoint.size, &proof.path, &checkpoint.root);
            if proof.index != sequence {
                self.find(Code::Proof, bundle::PROOF, format_args!("index {sequence}"), proof.index);
            } else if let Err(error) = led {
                self.find(Code::Proof, bundle::PROOF, "a path to the signed root", error);
            }
        }
        Some(checkpoint)
    }

    /// What the log itself has stored: the same statement, under its own signatures alone.
    fn stored_checkpoint(&mut self, files: &Files, genesis: Option<&Genesis>, proved: Option<&Checkpoint>) {
        if files.get(bundle::CHECKPOINT).is_none() {
            return;
        }
        let note = files.text(bundle::CHECKPOINT).unwrap_or_default();
        match Checkpoint::parse(note) {
            Err(error) => self.find(Code::Signature, bundle::CHECKPOINT, "a signed checkpoint", error),
            Ok(stored) => {
                self.signatures(bundle::CHECKPOINT, note, genesis, true);
                if proved.is_some_and(|proved| *proved != stored) {
                    self.find(Code::Proof, bundle::CHECKPOINT, "the checkpoint that the proof leads to", "another");
                }
            }
        }
    }

    /// Both keys of the log that are in force for so many records have signed; `alone`: nobody else has.
    fn signatures(&mut self, file: &str, note: &str, genesis: Option<&Genesis>, alone: bool) {
        let Some(genesis) = genesis else { return };
        let (signed, signatures) = match Checkpoint::verify(note, &self.epochs.keys()) {
            Ok(verified) => verified,
            Err(error) => return self.find(Code::Signature, file, "a signed checkpoint", error),
        };
        if signed.statement().origin != genesis.origin {
            return self.find(Code::Chain, file, &genesis.origin, "another origin");
        }
        let size = signed.statement().size;
        let Some((epoch, keys)) = self.epochs.owed(size, &signatures.held) else { return };
        let keys = [keys.ed25519.clone(), keys.ml_dsa_44.clone()];
        for key in keys.iter().filter(|key| !signatures.held.contains(key)) {
            self.find(Code::Unsigned, file, key_id(key), "no line of this key");
        }
        if !signatures.held.is_empty() {
            if self.epochs.is_early(epoch, size) {
                self.find(Code::Epoch, file, "the keys before", "keys that came later");
            } else if self.epochs.is_distrusted(epoch, size) {
                self.find(Code::Epoch, file, "the keys that came later", "keys that were lost or compromised");
            }
            if !self.trusted.is_empty() && !signatures.held.iter().any(|key| self.trusted.contains(key)) {
                self.find(Code::Key, file, ids(&self.trusted), ids(&signatures.held));
            }
        }
        if alone && !signatures.unknown.is_empty() {
            self.find(Code::Signature, file, "lines of the chain's keys alone", "another line");
        }
        self.signed_by.extend(signatures.held.iter().map(key_id));
    }

    /// What the exporter says must not contradict what is proved. Of another version its name comes back.
    fn statement(&mut self, files: &Files, genesis: Option<&Genesis>, proved: Option<&Checkpoint>) -> Option<String> {
        let bytes = files.get(bundle::STATEMENT)?;
        if let Some(found) = version(bytes).filter(|found| found != FORMAT) {
            return Some(found.chars().take(40).collect());
        }
        let Ok(said) = serde_json::from_slice::<Statement>(bytes) else {
            self.find(Code::Bundle, bundle::STATEMENT, "a statement", "another text");
            return None;
        };
        let mut agrees = genesis.is_none_or(|genesis| said.origin == genesis.origin)
            && proved.is_none_or(|proved| said.checkpoint_size == proved.size);
        if let Some((chain, link)) = &self.link {
            agrees &= said.chain == chain.as_str()
                && said.sequence == link.sequence.get()
                && said.observed == link.observed.0
                && said.checksum == link.checksum.to_string()
                && said.hash == link.hash.to_string();
        }
        if !agrees {
            self.find(Code::Bundle, bundle::STATEMENT, "what link, genesis and proof say", "something else");
        }
        None
    }

    /// The chain that the link or the genesis names; where neither can be read, findings call it `unknown`.
    fn chain(&self, genesis: Option<&Genesis>) -> ChainName {
        let named = self.link.as_ref().map(|(chain, _)| chain).or(genesis.map(|genesis| &genesis.chain));
        named.cloned().unwrap_or_else(|| "unknown".parse().expect("a chain may be called so"))
    }

    fn find(&mut self, code: Code, file: &str, expected: impl fmt::Display, found: impl fmt::Display) {
        let place: Arc<str> = self.at(file).into();
        let sequence = self.link.as_ref().map_or(0, |(_, link)| link.sequence.get());
        self.findings.add(Finding::at(code, &self.chain(None), sequence, &place).expected(expected, found));
    }

    fn at(&self, file: &str) -> String {
        if file.is_empty() { self.place.to_owned() } else { format!("{}/{file}", self.place) }
    }
}

fn ids(keys: &[Vkey]) -> String {
    keys.iter().map(key_id).collect::<Vec<_>>().join(", ")
}

/// The version that a statement names, whatever else stands there.
fn version(bytes: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    Some(json.get("format")?.as_str()?.to_owned())
}

fn notes(files: &Files) -> Vec<BundleNote> {
    let mut notes = Vec::new();
    for (name, _) in files.iter() {
        let (what, how) = match name {
            bundle::COSIGNED => ("cosignatures of witnesses", "they are C2SP tlog-cosignature lines"),
            bundle::STAMP => (
                "a time stamp",
                "`openssl ts -verify -in checkpoint.tsr -data checkpoint.note` checks it against the authority's CA",
            ),
            bundle::REVOKED => {
                ("what was revoked when the time stamp was made", "`openssl ts -verify` takes it with `-CRLfile`")
            }
            _ => continue,
        };
        notes.push(BundleNote::NotLookedAt { file: name.to_owned(), what, how });
    }
    notes.push(BundleNote::Words);
    notes
}

impl BundleReport {
    /// The report in words; the verdict is the first line.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a String can't fail");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let head = match self.verdict {
            Verdict::Intact => "PROVED: the record is, byte for byte, the one that was sealed and signed for",
            Verdict::Tampered => "NOT PROVED: what lies here is not what was sealed, or not all of it",
            Verdict::SignerUnknown => "CONSISTENT, SIGNER UNKNOWN: give the chain's public key with --public-key",
            Verdict::NotAllChecked | Verdict::Nothing => "NOT ALL CHECKED: what could be checked holds",
        };
        writeln!(out, "{head}")?;
        for (index, finding) in self.findings.iter().enumerate() {
            writeln!(out, "{} {}", if index == 0 { "first:" } else { "  and:" }, Printable(finding))?;
        }
        if let (Some(chain), Some(sequence), Some(observed)) = (&self.chain, self.sequence, self.observed) {
            writeln!(out, "\nrecord {sequence} of chain {chain}")?;
            writeln!(out, "  sealed       {observed} by the collector's clock")?;
        }
        let line = |out: &mut String, name: &str, value: Option<&str>| match value {
            Some(value) => writeln!(out, "  {name:<12} {}", Printable(value)),
            None => Ok(()),
        };
        line(out, "origin", self.origin.as_deref())?;
        line(out, "SHA-256", self.checksum.as_deref())?;
        line(out, "hash", self.hash.as_deref())?;
        let size = self.checkpoint_size.map(|size| format!("over the first {size} records"));
        line(out, "checkpoint", size.as_deref())?;
        let keys = |keys: &[String]| (!keys.is_empty()).then(|| keys.join(", "));
        line(out, "signed by", keys(&self.signed_by).as_deref())?;
        line(out, "trusted", keys(&self.trusted).as_deref())?;
        line(out, "bundle", Some(self.bundle.as_str()).filter(|bundle| !bundle.is_empty()))?;
        section(out, "could not be checked", &self.unchecked)?;
        section(out, "good to know", &self.notes)
    }
}
