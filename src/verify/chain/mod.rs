//! Audits one chain over all legs that hold it: whose it is, its checkpoints, its records, and whether the legs agree.
//!
//! One reading (`pass`) goes through the parts in the order in which one needs the other: the genesis note (`genesis`) and the
//! keys (`signers`), the stored checkpoints (`stored`) and what others say of them (`witnesses`), the places (`layout`), then
//! every record, leg by leg (`conclusion`), and at last the legs against each other (`comparison`).

mod comparison;
mod conclusion;
mod genesis;
mod layout;
mod signers;
mod stored;
mod witnesses;

use sealtrail_chain::note::Signed;
use sealtrail_chain::{ChainName, Genesis};

use super::checkpoints::{Loaded, key_id};
use super::finding::Findings;
use super::fold::{Anchor, Fold, Folded, Unit};
use super::keys::{Epochs, Met};
use super::leg::{File, Kind, Leg, Unread};
use super::report::{ChainReport, LegReport, Note, Time, Unchecked};
use super::trust::Standing;
use super::{Error, Job, Options, Watch, archive, pool, scope, stream};
use witnesses::stamp_report;

/// What an audit of one chain gives.
pub(super) struct Audit {
    pub(super) report: ChainReport,
    pub(super) findings: Findings,
    pub(super) unchecked: Vec<Unchecked>,
    pub(super) notes: Vec<Note>,
}

/// Audits a chain; `legs` is not empty.
pub(super) fn audit(
    chain: &ChainName,
    mut legs: Vec<Leg>,
    options: &Options,
    watch: &dyn Watch,
) -> Result<Audit, Error> {
    let (audit, carried) = pass(chain, &mut legs, Vec::new(), options, watch)?;
    if carried.is_empty() {
        return Ok(audit);
    }
    // Keys that only the records know of: the checkpoints, which are judged first, are judged again.
    Ok(pass(chain, &mut legs, carried, options, watch)?.0)
}

/// One reading of all legs, with the rotations that are known to be in their records; and those that were not known, and are.
fn pass(
    chain: &ChainName,
    legs: &mut [Leg],
    carried: Vec<Met>,
    options: &Options,
    watch: &dyn Watch,
) -> Result<(Audit, Vec<Met>), Error> {
    let mut auditor = Auditor::new(chain, options, watch);
    auditor.find_genesis(legs);
    auditor.find_keys(legs, carried);
    let loaded: Vec<Loaded> = legs.iter().map(|leg| auditor.load_checkpoints(leg)).collect();
    legs.iter_mut().try_for_each(Leg::list)?;
    let mut known: Vec<Anchor> = loaded.iter().flat_map(|loaded| loaded.anchors.iter().cloned()).collect();
    known.extend(auditor.kept());
    known.sort_by_key(|anchor| anchor.size);
    legs.iter_mut().for_each(|leg| scope::narrow(leg, options, &known));
    legs.iter().for_each(|leg| auditor.check_layout(leg));
    auditor.check_forks(&loaded);
    let cuts = cuts(legs, &loaded, auditor.pinned());
    let mut judged = Vec::new();
    for (index, leg) in legs.iter().enumerate() {
        let anchors = auditor.anchors(index, leg, &loaded);
        let folded = auditor.judge(leg, &anchors, &cuts, legs.len() > 1);
        auditor.conclude(leg, &folded);
        judged.push(folded);
    }
    let read = legs.iter().zip(loaded).zip(judged).map(|((leg, loaded), folded)| Read { leg, loaded, folded });
    let mut read: Vec<Read<'_>> = read.collect();
    auditor.check_asked(&read);
    let unknown = auditor.check_rotations(&read);
    auditor.check_kept();
    let agree = auditor.compare(&read);
    auditor.check_age(&read);
    let reports = read.iter().map(leg_report).collect();
    let witnessed = auditor.judge_witnesses(&read);
    let stamp = read.iter().find_map(|read| read.loaded.words.stamp.as_ref()).map(stamp_report);
    for read in &mut read {
        auditor.findings.append(read.leg.findings.clone());
        auditor.findings.append(std::mem::take(&mut read.loaded.findings));
    }
    for read in read {
        auditor.findings.append(read.folded.findings);
    }
    let mut audit = auditor.finish(reports, agree);
    audit.report.stamp = stamp;
    (audit.report.witnesses, audit.report.witnessed) = witnessed;
    Ok((audit, unknown))
}

/// A leg, once all that it holds was read: its checkpoints and its records.
struct Read<'a> {
    leg: &'a Leg,
    loaded: Loaded,
    folded: Folded,
}

struct Auditor<'a> {
    chain: &'a ChainName,
    options: &'a Options,
    watch: &'a dyn Watch,
    genesis: Option<Signed<Genesis>>,
    epochs: Epochs,
    standing: Standing,
    findings: Findings,
    unchecked: Vec<Unchecked>,
    notes: Vec<Note>,
}

impl<'a> Auditor<'a> {
    fn new(chain: &'a ChainName, options: &'a Options, watch: &'a dyn Watch) -> Self {
        Self {
            chain,
            options,
            watch,
            genesis: None,
            epochs: Epochs::default(),
            standing: Standing::NoKey,
            findings: Findings::default(),
            unchecked: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// All checkpoints that a leg's records must agree with: its own, those of the other legs, the kept ones.
    fn anchors(&self, index: usize, leg: &Leg, loaded: &[Loaded]) -> Vec<Anchor> {
        let mut anchors = self.pinned();
        for (other, loaded) in loaded.iter().enumerate() {
            let binding = other == index || leg.kind == Kind::Stream;
            anchors.extend(loaded.anchors.iter().map(|anchor| Anchor { binding, ..anchor.clone() }));
        }
        anchors.retain(|anchor| leg.outside.behind.is_none_or(|end| anchor.size <= end));
        anchors.sort_by_key(|anchor| anchor.size);
        anchors
    }

    fn judge(&mut self, leg: &Leg, anchors: &[Anchor], cuts: &[u64], compared: bool) -> Folded {
        let silence = nanos(self.options.alive_interval).saturating_add(nanos(SLACK));
        let asked = self.asked();
        let job = Job { chain: self.chain, cuts, silence, asked, store: &*leg.store, topic: leg.topic.as_deref() };
        let marks = if compared { cuts } else { &[] };
        let mut fold = Fold::new(self.chain, anchors, marks, silence, leg.cut || leg.outside.before);
        let mut unread = Vec::new();
        let work = |file: &File| match leg.kind {
            Kind::Archive => archive::judge(file, &job, self.watch),
            Kind::Stream => stream::judge(file, &job, self.watch),
        };
        pool::ordered(&leg.files, self.options.threads, work, |unit: Unit| {
            if let Some(Unread::Unchecked(reason)) = &unit.unread {
                unread.push(Unchecked::Unread { place: unit.place.to_string(), reason: reason.clone() });
            }
            fold.add(unit);
        });
        self.unchecked.extend(unread);
        fold.finish(&leg.place)
    }

    fn asked(&self) -> scope::Asked {
        scope::Asked { from: self.options.from, to: self.options.to }
    }

    fn finish(mut self, mut legs: Vec<LegReport>, legs_agree_to: Option<u64>) -> Audit {
        let trusted = match &self.standing {
            Standing::Trusted(keys) => keys.iter().map(key_id).collect(),
            Standing::Foreign(_) | Standing::NoKey => Vec::new(),
        };
        self.judge_trust(&mut legs);
        let origin = self.genesis.as_ref().map(|note| note.statement().origin.clone());
        let chain = self.chain.to_string();
        let (witnesses, witnessed) = (Vec::new(), None);
        let report = ChainReport { chain, origin, trusted, legs, legs_agree_to, witnesses, witnessed, stamp: None };
        Audit { report, findings: self.findings, unchecked: self.unchecked, notes: self.notes }
    }
}

/// An idle collector's sign of life may come so much later than its interval says.
const SLACK: std::time::Duration = std::time::Duration::from_secs(60);

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Every size at which someone wants the root: all checkpoints and, where legs are compared, the borders of the archive.
fn cuts(legs: &[Leg], loaded: &[Loaded], kept: Vec<Anchor>) -> Vec<u64> {
    let mut cuts: Vec<u64> = loaded.iter().flat_map(|loaded| &loaded.anchors).map(|anchor| anchor.size).collect();
    cuts.extend(kept.iter().map(|anchor| anchor.size));
    if legs.len() > 1 {
        for leg in legs.iter().filter(|leg| leg.kind == Kind::Archive) {
            cuts.extend(leg.files.iter().map(|file| file.first).filter(|first| *first != u64::MAX));
            cuts.extend(leg.files.last().and_then(|file| archive::end(&*leg.store, file)));
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

fn leg_report(Read { leg, loaded, folded }: &Read<'_>) -> LegReport {
    let any = folded.first.is_some();
    LegReport {
        leg: leg.kind,
        place: leg.place.to_string(),
        // However many ranges it was read in.
        files: if leg.topic.is_some() { 1 } else { folded.files },
        records: folded.records,
        first: folded.first,
        last: any.then(|| folded.end.saturating_sub(1)),
        from: folded.from.map(Time),
        to: folded.to.map(Time),
        checkpoints_stored: loaded.read,
        checkpoints_matched: folded.checkpoints,
        signed: folded.signed,
        covered: folded.covered,
        signed_by: loaded.signers.iter().cloned().collect(),
        stopped: folded.stopped,
    }
}
