//! The checkpoints that a leg stores, read and judged before any record is: they are what records must agree with.
//!
//! Two of one size that differ need no record to be wrong. What lies among them and is none is said here, too.

use sealtrail_chain::note::Signed;

use super::Auditor;
use crate::verify::checkpoints::{self, Collect, Loaded, Stored};
use crate::verify::finding::{Code, Finding, Findings};
use crate::verify::fold::{Anchor, hex};
use crate::verify::leg::{Kind, Leg};
use crate::verify::report::{Note, Unchecked};
use crate::verify::trust::Standing;
use crate::verify::{archive, pool, stream};

/// Checkpoints whose signatures are checked side by side.
const BATCH: usize = 512;

impl Auditor<'_> {
    pub(super) fn load_checkpoints(&mut self, leg: &Leg) -> Loaded {
        let trusted = match &self.standing {
            Standing::Trusted(keys) => keys.clone(),
            Standing::Foreign(_) | Standing::NoKey => Vec::new(),
        };
        let judge = checkpoints::Judge {
            chain: self.chain,
            genesis: self.genesis.as_ref().map(Signed::statement),
            epochs: &self.epochs,
            trusted: &trusted,
            both: leg.kind == Kind::Archive,
            store: &leg.store,
        };
        let mut collect = Collect::new(self.chain, &leg.store);
        let threads = leg.store.lanes(self.options.threads);
        let mut take = |batch: &mut Vec<Stored>| {
            let mut stored = batch.iter();
            pool::ordered(
                batch,
                threads,
                |stored| judge.note(stored),
                |verdict| {
                    if let Some(stored) = stored.next() {
                        collect.add(stored, verdict);
                    }
                },
            );
            batch.clear();
        };
        let mut batch = Vec::new();
        let mut problems = Vec::new();
        let mut each = |stored| {
            batch.push(stored);
            if batch.len() == BATCH {
                take(&mut batch);
            }
        };
        let mut problem = |problem| problems.push(problem);
        let mut lying = Vec::new();
        match (leg.kind, &leg.topic) {
            (Kind::Archive, _) => {
                let mut beside = |object| lying.push(object);
                archive::checkpoints(&*leg.store, &leg.checkpoints, &mut each, &mut beside, &mut problem);
            }
            (Kind::Stream, Some(topic)) => topic.checkpoints(&mut each, &mut problem),
            (Kind::Stream, None) => stream::checkpoints(&leg.checkpoints, self.chain, &mut each, &mut problem),
        }
        take(&mut batch);
        let mut loaded = collect.finish();
        self.hear(leg, &lying, &mut loaded);
        let unread = std::mem::take(&mut loaded.unread).into_iter();
        problems.extend(unread.map(|(path, reason)| checkpoints::Problem::Unread { path, reason }));
        for problem in problems {
            self.take_problem(problem, &mut loaded.findings);
        }
        loaded
    }

    fn take_problem(&mut self, problem: checkpoints::Problem, findings: &mut Findings) {
        match problem {
            checkpoints::Problem::Unread { path, reason } => {
                self.unchecked.push(Unchecked::Unread { place: path.display().to_string(), reason });
            }
            checkpoints::Problem::Damaged { path, reason } => {
                let place = path.display().to_string().into();
                findings.add(Finding::at(Code::Damaged, self.chain, 0, &place).expected("checkpoints", reason));
            }
            checkpoints::Problem::Orphan { path, size } => {
                let place = path.display().to_string().into();
                let finding = Finding::at(Code::CheckpointMissing, self.chain, size.saturating_sub(1), &place);
                findings.add(finding.expected(format_args!("a checkpoint of size {size} beside it"), "none"));
            }
            checkpoints::Problem::Interrupted { size } => {
                self.notes.push(Note::Interrupted { chain: self.chain.clone(), size });
            }
            checkpoints::Problem::Lists { path, size } => {
                let place = path.display().to_string().into();
                let finding = Finding::at(Code::Stamp, self.chain, size.saturating_sub(1), &place);
                findings.add(finding.expected("lists of revoked certificates alone", "something else"));
            }
            checkpoints::Problem::Message { place, size, found } => {
                let finding = Finding::at(Code::Header, self.chain, size.saturating_sub(1), &place.into());
                findings.add(finding.expected("checkpoints under the chain's key, without headers", found));
            }
            checkpoints::Problem::Foreign { path } => {
                self.find_foreign(&path, "checkpoints and what belongs beside them", "another name or kind");
            }
            checkpoints::Problem::Name { path } => {
                let place = path.display().to_string().into();
                let finding = Finding::at(Code::Name, self.chain, 0, &place);
                findings.add(finding.expected("SIZE-SECONDS.checkpoint", "another name"));
            }
        }
    }

    /// Two signed states of one size that differ prove by themselves that the holder of the key told two histories.
    pub(super) fn check_forks(&mut self, loaded: &[Loaded]) {
        let mut anchors: Vec<Anchor> = loaded.iter().flat_map(|loaded| loaded.anchors.iter().cloned()).collect();
        anchors.extend(self.pinned());
        anchors.sort_by_key(|anchor| anchor.size);
        for pair in anchors.windows(2) {
            if let [one, other] = pair
                && one.size == other.size
                && one.root != other.root
            {
                let finding = Finding::at(Code::Fork, self.chain, one.size.saturating_sub(1), &other.place);
                self.findings
                    .add(finding.expected(format_args!("{} as in {}", hex(&one.root), one.place), hex(&other.root)));
            }
        }
    }
}
