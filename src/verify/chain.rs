//! Audits one chain over all legs that hold it: whose it is, its checkpoints, its records, and whether the legs agree.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::note::Signed;
use sealtrail_chain::{ChainName, Genesis, KeySet, UnixNanos};

use super::checkpoints::{self, Collect, Loaded, Stored, key_id};
use super::finding::{Code, Finding, Findings};
use super::fold::{Anchor, Fold, Folded, Unit, hex};
use super::keys::{self, Beside, Epochs, Met};
use super::leg::{File, Kind, Leg, Unread};
use super::report::{
    Before, Begin, Behind, Bound, ChainReport, LegReport, Note, StampReport, Time, Unchecked, WitnessReport,
};
use super::scope::Outside;
use super::store::{self, Store, Unreadable};
use super::trust::Standing;
use super::vouched::{self, Words};
use super::{Error, Job, Options, Watch, archive, pool, scope, stream};

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
    let unknown = auditor.check_rotations(legs, &loaded, &judged);
    let agree = auditor.compare(legs, &judged, &loaded);
    auditor.check_age(legs, &judged);
    let reports = legs.iter().zip(&judged).zip(&loaded).map(|((leg, folded), loaded)| leg_report(leg, folded, loaded));
    let reports = reports.collect();
    let witnessed = auditor.judge_witnesses(legs, &loaded);
    let stamp = loaded.iter().find_map(|loaded| loaded.words.stamp.as_ref()).map(stamp_report);
    for (leg, loaded) in legs.iter().zip(loaded) {
        auditor.findings.append(leg.findings.clone());
        auditor.findings.append(loaded.findings);
    }
    for folded in judged {
        auditor.findings.append(folded.findings);
    }
    let mut audit = auditor.finish(reports, agree);
    audit.report.stamp = stamp;
    (audit.report.witnesses, audit.report.witnessed) = witnessed;
    Ok((audit, unknown))
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

    /// Reads the genesis note wherever it lies. Of several that hold, the one by a trusted key is the chain's; the others
    /// then don't match record 0, or it doesn't match them.
    fn find_genesis(&mut self, legs: &[Leg]) {
        let mut sound = Vec::new();
        for leg in legs {
            if let Some(path) = &leg.genesis {
                sound.extend(self.read_genesis(&*leg.store, path));
            }
            let carried = genesis(leg);
            sound.extend(carried.and_then(|note| Genesis::read(&note).ok()));
        }
        sound.retain(|note| note.statement().chain() == self.chain);
        let trusted = |note: &Signed<Genesis>| {
            matches!(self.options.trust.of(self.chain, &[&KeySet::from(note.statement())]), Standing::Trusted(_))
        };
        self.genesis = sound.iter().find(|note| trusted(note)).or(sound.first()).cloned();
        if let Some(genesis) = self.genesis.clone() {
            let notes = legs.iter().filter_map(|leg| Some((&*leg.store, leg.genesis.as_deref()?)));
            notes.for_each(|(store, path)| self.check_note(store, path, &genesis));
        }
    }

    /// All keys that speak for the chain, as far as they are known before the records are read, and how the given ones stand
    /// to them.
    fn find_keys(&mut self, legs: &[Leg], carried: Vec<Met>) {
        let mut met = carried;
        for (leg, dir) in legs.iter().filter_map(|leg| Some((leg, leg.rotations.as_deref()?))) {
            let Beside { notes, findings, unchecked } = keys::beside(&*leg.store, dir, self.chain);
            met.extend(notes);
            findings.into_iter().for_each(|finding| self.findings.add(finding));
            self.unchecked.extend(unchecked);
        }
        if let Some(genesis) = &self.genesis {
            let (epochs, findings) = Epochs::of(genesis.statement(), self.chain, met);
            self.epochs = epochs;
            findings.into_iter().for_each(|finding| self.findings.add(finding));
        }
        self.standing = self.options.trust.of(self.chain, &self.epochs.sets());
    }

    /// Compares what checkpoints were signed by with what the records say of the keys; the rotations that only the records know.
    fn check_rotations(&mut self, legs: &[Leg], loaded: &[Loaded], judged: &[Folded]) -> Vec<Met> {
        let carried: Vec<Met> = judged.iter().flat_map(|folded| folded.rotations.iter().cloned()).collect();
        self.epochs.seal(&carried);
        for ((leg, loaded), folded) in legs.iter().zip(loaded).zip(judged) {
            let whole = (folded.first.unwrap_or(u64::MAX), folded.end);
            let (findings, unchecked) = self.epochs.judge(self.chain, leg, &loaded.anchors, whole);
            findings.into_iter().for_each(|finding| self.findings.add(finding));
            self.unchecked.extend(unchecked);
        }
        let (notes, unchecked) = self.epochs.told(self.chain);
        self.notes.extend(notes);
        self.unchecked.extend(unchecked);
        let mut unknown = carried;
        unknown.retain(|met| self.genesis.is_some() && !self.epochs.know(&met.text));
        unknown
    }

    /// What the caller kept, and what the notes of rotations say.
    fn pinned(&self) -> Vec<Anchor> {
        let trusted = match &self.standing {
            Standing::Trusted(keys) => keys.as_slice(),
            Standing::Foreign(_) | Standing::NoKey => &[],
        };
        let mut pinned = self.kept();
        pinned.extend(self.epochs.anchors(trusted));
        pinned
    }

    fn read_genesis(&mut self, store: &dyn Store, path: &Path) -> Option<Signed<Genesis>> {
        let place: Arc<str> = path.display().to_string().into();
        let at = |code| Finding::at(code, self.chain, 0, &place);
        let text = |bytes| String::from_utf8(bytes).map_err(|_| Unreadable::Io(ErrorKind::InvalidData.into()));
        let note = match store.read(path).and_then(text) {
            Ok(note) => note,
            Err(error) => {
                match error.of_file() {
                    Ok(kind) => self.findings.add(at(Code::Genesis).expected("the chain's genesis note", kind)),
                    Err(reason) => self.unchecked.push(Unchecked::Unread { place: place.to_string(), reason }),
                }
                return None;
            }
        };
        match Genesis::read(&note) {
            Ok(signed) if signed.statement().chain() != self.chain => {
                self.findings.add(at(Code::Chain).expected(self.chain, signed.statement().chain()));
                None
            }
            Ok(signed) => Some(signed),
            Err(error) => {
                self.findings.add(at(Code::Genesis).expected("a note that holds", error));
                None
            }
        }
    }

    /// A note object that holds, but is not the chain's, was put there by someone else. (One that can't be read was said.)
    fn check_note(&mut self, store: &dyn Store, path: &Path, genesis: &Signed<Genesis>) {
        store::lock(store, path, self.chain, 0).into_iter().for_each(|weak| self.findings.add(weak));
        if store.read(path).is_ok_and(|note| note != genesis.note().as_bytes()) {
            let finding = Finding::at(Code::Genesis, self.chain, 0, &path.display().to_string().into());
            self.findings.add(finding.expected("the note that record 0 carries", "another"));
        }
    }

    /// What lies in the places of the chain, but is not of it.
    fn check_layout(&mut self, leg: &Leg) {
        for path in &leg.foreign {
            self.find_foreign(path, "objects of the format alone", "another name, kind or place");
        }
        self.check_versions(leg);
        let owed = self.genesis.as_ref().map(|note| note.statement().partition);
        if let (Some(owed), Some(partition)) = (owed, leg.partition.filter(|partition| Some(*partition) != owed)) {
            let found = format!("partition {partition}");
            self.find_foreign(Path::new(&*leg.place), &format!("partition {owed}, as the genesis note says"), &found);
        }
    }

    /// In a bucket each key has one version, for ever.
    fn check_versions(&mut self, leg: &Leg) {
        if leg.store.versions_unseen() {
            self.unchecked.push(Unchecked::VersionsUnseen { chain: self.chain.clone(), place: leg.place.to_string() });
        }
        let ours = |path: &Path| {
            [&leg.dir, &leg.checkpoints].iter().any(|dir| path.starts_with(dir)) || leg.genesis.as_deref() == Some(path)
        };
        for oddity in leg.store.oddities().into_iter().filter(|oddity| ours(&oddity.path)) {
            let at = leg.files.iter().find(|file| file.path == oddity.path).map_or(0, |file| file.first);
            let place = oddity.path.display().to_string().into();
            self.findings.add(Finding::at(oddity.code, self.chain, at, &place).expected(oddity.expected, oddity.found));
        }
    }

    fn find_foreign(&mut self, path: &Path, expected: &str, found: &str) {
        let finding = Finding::at(Code::Foreign, self.chain, 0, &path.display().to_string().into());
        self.findings.add(finding.expected(expected, found));
    }

    /// Two signed states of one size that differ prove by themselves that the holder of the key told two histories.
    fn check_forks(&mut self, loaded: &[Loaded]) {
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

    fn load_checkpoints(&mut self, leg: &Leg) -> Loaded {
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

    /// Judges what others say of the stored checkpoints.
    fn hear(&self, leg: &Leg, lying: &[vouched::Lying], loaded: &mut Loaded) {
        let Loaded { anchors, findings, words, unread, .. } = loaded;
        let judge = vouched::Judge {
            chain: self.chain,
            epochs: &self.epochs,
            witnesses: self.options.trust.witnesses(),
            authorities: self.options.trust.authorities(),
            anchors,
            store: &*leg.store,
        };
        let threads = leg.store.lanes(self.options.threads);
        pool::ordered(
            lying,
            threads,
            |object| (judge.judge(object), judge.locks(object)),
            |(verdict, locks)| {
                locks.into_iter().for_each(|weak| findings.add(weak));
                match verdict {
                    vouched::Verdict::Cosigned { witness, size, unix_seconds } => {
                        words.add(witness, size, unix_seconds)
                    }
                    vouched::Verdict::Unknown => words.unknown += 1,
                    vouched::Verdict::Stamped { signer, size, unix_seconds } => {
                        words.add_stamp(signer, size, unix_seconds)
                    }
                    vouched::Verdict::UnknownStamp => words.unknown_stamps += 1,
                    vouched::Verdict::UntrustedStamp => words.untrusted_stamps += 1,
                    vouched::Verdict::Finding(finding) => findings.add(*finding),
                    vouched::Verdict::Unread(path, reason) => unread.push((path, reason)),
                }
            },
        );
    }

    /// How far the given witnesses vouch for the chain; what lies behind is not folded into a pass.
    fn judge_witnesses(&mut self, legs: &[Leg], loaded: &[Loaded]) -> (Vec<WitnessReport>, Option<u64>) {
        let chain = || self.chain.clone();
        let unknown: u64 = loaded.iter().map(|loaded| loaded.words.unknown).sum();
        if unknown > 0 {
            self.notes.push(Note::Cosignatures { chain: chain(), count: unknown });
        }
        let unknown: u64 = loaded.iter().map(|loaded| loaded.words.unknown_stamps).sum();
        if unknown > 0 {
            self.notes.push(Note::Stamps { chain: chain(), count: unknown });
        }
        let untrusted: u64 = loaded.iter().map(|loaded| loaded.words.untrusted_stamps).sum();
        if untrusted > 0 {
            self.unchecked.push(Unchecked::UntrustedStamps { chain: chain(), count: untrusted });
        }
        if self.options.trust.authorities().is_some() && loaded.iter().all(|loaded| loaded.words.stamp.is_none()) {
            self.unchecked.push(Unchecked::NoStamp { chain: chain() });
        }
        let Some(quorum) = self.options.trust.quorum() else { return (Vec::new(), None) };
        let archive = legs.iter().zip(loaded).find(|(leg, _)| leg.kind == Kind::Archive);
        let Some((_, Loaded { anchors, words, .. })) = archive else {
            self.unchecked.push(Unchecked::NoArchive { chain: chain() });
            return (Vec::new(), Some(0));
        };
        let size = words.quorum(quorum);
        let mut behind = anchors.iter().map(|anchor| anchor.size).filter(|stored| *stored > size);
        match (size, behind.next(), behind.next_back()) {
            (0, ..) => self.unchecked.push(Unchecked::NoQuorum { chain: chain(), quorum }),
            (_, None, _) => {}
            // A collector asks after it has stored a checkpoint, so the newest one may be on its way.
            (_, Some(newest), None) => {
                let (first, last) = (size, newest.saturating_sub(1));
                self.notes.push(Note::NotYetWitnessed { chain: chain(), first, last, quorum });
            }
            (_, Some(_), Some(newest)) => {
                let last = newest.saturating_sub(1);
                self.unchecked.push(Unchecked::BehindQuorum { chain: chain(), quorum, size, last });
            }
        }
        (reports(words), Some(size))
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

    fn kept(&self) -> Vec<Anchor> {
        let anchor = |(path, checkpoint): &(std::path::PathBuf, sealtrail_chain::Checkpoint)| Anchor {
            size: checkpoint.size,
            root: checkpoint.root,
            trusted: true,
            binding: true,
            place: path.display().to_string().into(),
            epoch: None,
            range: None,
            kept: true,
            cosigned: None,
        };
        self.options.trust.kept(self.chain).map(anchor).collect()
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
        let job = Job { chain: self.chain, cuts, silence, store: &*leg.store, topic: leg.topic.as_deref() };
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

    /// What a leg's records add to the verdict beside their own findings.
    fn conclude(&mut self, leg: &Leg, folded: &Folded) {
        self.check_zero(leg, folded);
        let (chain, kind) = (self.chain.clone(), leg.kind);
        for (first, last) in folded.frozen.iter().copied() {
            let bound = Bound((folded.covered > last).then_some(folded.covered));
            self.unchecked.push(Unchecked::Frozen { chain: chain.clone(), first, last, bound });
        }
        if leg.outside != Outside::default() {
            let end = leg.outside.behind.and(Some(folded.end));
            let (chain, first) = (chain.clone(), if leg.outside.before { folded.first } else { None });
            self.notes.push(Note::Outside { chain, leg: kind, first: Before(first), end: Behind(end) });
        }
        if folded.stopped && folded.anchored < folded.end {
            let (size, found) = (folded.end, folded.anchored);
            self.unchecked.push(Unchecked::StopUncovered { chain: chain.clone(), leg: kind, size, found });
        }
        if folded.unreached > 0 {
            self.unchecked.push(Unchecked::Unreached { chain: chain.clone(), leg: kind, count: folded.unreached });
        }
        for silence in &folded.silences {
            let (from, to) = (Time(silence.from), Time(silence.to));
            let sequence = silence.sequence;
            self.notes.push(Note::Silence { chain: chain.clone(), leg: kind, sequence, from, to });
        }
        if let Some(first) = folded.expired.filter(|_| !leg.outside.before) {
            let first = (first != u64::MAX).then_some(first);
            self.unchecked.push(Unchecked::Expired { chain: chain.clone(), first: Begin(first) });
        }
        let (Some(_), Some(last)) = (folded.first, folded.end.checked_sub(1)) else { return };
        if folded.signed > last {
            return;
        }
        let first = folded.signed;
        if folded.late_files > 1 && kind == Kind::Archive {
            let files = folded.late_files;
            self.unchecked.push(Unchecked::LateSegments { chain, leg: kind, first, last, files });
        } else if folded.signed > 0 {
            self.notes.push(Note::NotYetCovered { chain, leg: kind, first, last });
        }
    }

    /// The end of the leg that reaches furthest is young, or a stop that a trusted checkpoint covers: anyone can write a record
    /// that says so behind the last checkpoint.
    fn check_age(&mut self, legs: &[Leg], judged: &[Folded]) {
        let Some(max_age) = self.options.max_age else { return };
        if legs.iter().any(|leg| leg.outside.behind.is_some()) {
            return;
        }
        let Some((leg, newest)) = legs.iter().zip(judged).max_by_key(|(_, folded)| folded.end) else { return };
        let to = newest.to.unwrap_or(UnixNanos(0));
        let age = self.options.now.0.saturating_sub(to.0);
        let proved = if self.standing == Standing::NoKey { newest.signed } else { newest.covered };
        let stopped = newest.stopped && proved >= newest.end;
        if age > nanos(max_age) && !stopped {
            let finding = Finding::at(Code::Stale, self.chain, newest.end.saturating_sub(1), &leg.place);
            let oldest = Time(UnixNanos(self.options.now.0.saturating_sub(nanos(max_age))));
            self.findings.add(finding.expected(format_args!("a record of {oldest} or later, or a stop"), Time(to)));
        }
    }

    /// Record 0 continues the genesis note, and carries the same.
    fn check_zero(&mut self, leg: &Leg, folded: &Folded) {
        let Some(zero) = &folded.zero else {
            if let (Some(first), None) = (folded.first, &self.genesis) {
                self.unchecked.push(Unchecked::NoGenesis { chain: self.chain.clone(), leg: leg.kind, first });
            }
            return;
        };
        let at = |code| Finding::at(code, self.chain, 0, &leg.place);
        let Some(genesis) = &self.genesis else {
            self.findings.add(at(Code::Genesis).expected("a genesis note that holds, in record 0", "none"));
            return;
        };
        let digest = genesis.statement().digest();
        if let Some(previous) = zero.previous.filter(|previous| *previous != digest) {
            self.findings.add(at(Code::GenesisRecord).expected(format_args!("previous hash {digest}"), previous));
        }
        if zero.genesis.as_deref() != Some(genesis.note()) {
            let found = if zero.genesis.is_some() { "another note" } else { "no note" };
            self.findings.add(at(Code::GenesisRecord).expected("the chain's genesis note", found));
        }
    }

    /// Finds the first stretch in which the legs differ; gives the size up to which they agree.
    fn compare(&mut self, legs: &[Leg], judged: &[Folded], loaded: &[Loaded]) -> Option<u64> {
        let (leg, rest) = legs.split_first()?;
        let (base, others) = judged.split_first()?;
        let (notes, others_notes) = loaded.split_first()?;
        let mut agree = None;
        for ((other_leg, other), other_notes) in rest.iter().zip(others).zip(others_notes) {
            agree = self.compare_roots(base, other_leg, other).max(agree);
            if leg.outside.behind.is_some() || other_leg.outside.behind.is_some() {
                continue;
            }
            self.compare_ends(leg, base, other_leg, other);
            // Archives come first.
            if (leg.kind, other_leg.kind) == (Kind::Archive, Kind::Stream) {
                self.compare_segments(leg, base, notes, other, other_notes);
            }
        }
        agree
    }

    /// The stream tells where segments ended, and when: their objects and checkpoints belong into the archive soon after.
    fn compare_segments(&mut self, leg: &Leg, archive: &Folded, archived: &Loaded, stream: &Folded, streamed: &Loaded) {
        let ends = || streamed.anchors.iter().filter_map(|anchor| Some((anchor.size, anchor.cosigned?)));
        let newest = archived.anchors.last().map_or(0, |anchor| anchor.size);
        let pending: Vec<u64> =
            ends().map(|(size, _)| size).filter(|size| *size > newest && *size <= archive.end).collect();
        if let [first, .., last] = pending[..] {
            let (chain, count) = (self.chain.clone(), pending.len() as u64);
            self.unchecked.push(Unchecked::CheckpointsPending { chain, count, first, last });
        }
        let Some((_, ended)) = ends().find(|(size, _)| *size > archive.end) else { return };
        let (Some(to), end) = (stream.to, archive.end) else { return };
        // A collector that has just started brings what an earlier run left; an archive that was down comes behind.
        let started = stream.events.started.map_or(0, |(_, time)| time.0);
        let since = to.0.saturating_sub(started.max(ended.saturating_mul(1_000_000_000)));
        let Some(outage) = stream.events.outage(end) else { return };
        if since > nanos(self.options.max_lag).saturating_add(outage) {
            let last = ends().next_back().map_or(end, |(size, _)| size - 1);
            let finding = Finding::at(Code::Shorter, self.chain, end, &leg.place).to(last);
            let expected = format!("records up to {last}, whose segments ended (the stream)");
            self.findings.add(finding.expected(expected, format_args!("{end} records")));
        }
    }

    fn compare_roots(&mut self, base: &Folded, leg: &Leg, other: &Folded) -> Option<u64> {
        let mut agree = None;
        let mut theirs = other.roots.iter().peekable();
        for (size, root) in &base.roots {
            while theirs.next_if(|(other, _)| other < size).is_some() {}
            let Some((_, found)) = theirs.next_if(|(other, _)| other == size) else { continue };
            if found != root {
                let first = agree.or(base.first).unwrap_or(0);
                let finding = Finding::at(Code::Legs, self.chain, first, &leg.place).to(size - 1);
                self.findings.add(finding.expected(hex(root), hex(found)));
                break;
            }
            agree = Some(*size);
        }
        agree
    }

    /// The archive takes only what the stream has committed, so it can't hold more.
    fn compare_ends(&mut self, leg: &Leg, base: &Folded, other_leg: &Leg, other: &Folded) {
        let (archive, stream, stream_leg) = match (leg.kind, other_leg.kind) {
            (Kind::Archive, Kind::Stream) => (base, other, other_leg),
            (Kind::Stream, Kind::Archive) => (other, base, leg),
            _ => return,
        };
        if archive.end > stream.end && stream_leg.cut && stream.first.is_none() {
            if stream.expired.is_none() {
                self.unchecked.push(Unchecked::Expired { chain: self.chain.clone(), first: Begin(None) });
            }
        } else if archive.end > stream.end {
            let finding = Finding::at(Code::Shorter, self.chain, stream.end, &stream_leg.place).to(archive.end - 1);
            self.findings.add(finding.expected(format_args!("{} records (the archive)", archive.end), stream.end));
        } else if archive.end < stream.end {
            let (first, last) = (archive.end, stream.end - 1);
            self.notes.push(Note::NotYetArchived { chain: self.chain.clone(), first, last });
        }
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

    fn judge_trust(&mut self, legs: &mut [LegReport]) {
        let kept = self.options.trust.kept(self.chain).map(|(_, checkpoint)| checkpoint.size).max();
        for leg in &mut *legs {
            // A kept checkpoint that matches pins record 0 and so the genesis, which names the keys of all others.
            if kept.is_some_and(|size| size > 0 && leg.covered >= size) {
                leg.covered = leg.covered.max(leg.signed);
            }
        }
        let covered = |leg: &&mut LegReport| leg.covered > 0;
        match &self.standing {
            Standing::Foreign(keys) => {
                let place = legs.first().map_or_else(String::new, |leg| leg.place.clone()).into();
                let ours = keys.iter().map(key_id).collect::<Vec<_>>().join(", ");
                let genesis = self.genesis.as_ref().map(|note| key_id(&note.statement().ed25519));
                let finding = Finding::at(Code::Key, self.chain, 0, &place);
                self.findings.add(finding.expected(ours, genesis.unwrap_or_default()));
            }
            Standing::NoKey if !legs.iter_mut().any(|leg| covered(&leg)) => {
                self.unchecked.push(Unchecked::NoKey { chain: self.chain.clone() });
            }
            Standing::NoKey | Standing::Trusted(_) => {
                for leg in legs.iter().filter(|leg| leg.covered == 0) {
                    self.unchecked.push(Unchecked::NoCheckpoint { chain: self.chain.clone(), leg: leg.leg });
                }
            }
        }
    }
}

/// Checkpoints whose signatures are checked side by side.
const BATCH: usize = 512;

/// An idle collector's sign of life may come so much later than its interval says.
const SLACK: std::time::Duration = std::time::Duration::from_secs(60);

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The genesis note that a leg's first record carries.
fn genesis(leg: &Leg) -> Option<String> {
    match (leg.kind, &leg.topic) {
        (Kind::Archive, _) => archive::genesis(&*leg.store, leg.files.first()?),
        (Kind::Stream, Some(topic)) => topic.genesis(),
        (Kind::Stream, None) => stream::genesis(leg.files.first()?),
    }
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

fn reports(words: &Words) -> Vec<WitnessReport> {
    let report = |(witness, word): (&String, &vouched::Word)| WitnessReport {
        witness: witness.clone(),
        checkpoints: word.checkpoints,
        size: word.size,
        at: Time(UnixNanos(word.unix_seconds.saturating_mul(1_000_000_000))),
    };
    words.witnesses.iter().map(report).collect()
}

fn stamp_report(stamp: &vouched::Stamped) -> StampReport {
    StampReport {
        authority: stamp.signer.clone(),
        stamps: stamp.stamps,
        size: stamp.size,
        at: Time(UnixNanos(stamp.unix_seconds.saturating_mul(1_000_000_000))),
    }
}

fn leg_report(leg: &Leg, folded: &Folded, loaded: &Loaded) -> LegReport {
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
