//! Joins the judged files of one leg, in order: borders, gaps, and the root of the tree at every checkpoint's size.

use std::sync::Arc;

use sealtrail_chain::{ChainName, CompactRange, Hash, Root, Sequence, UnixNanos};

use super::checkpoints::Beside;
use super::finding::{Code, Finding, Findings};
use super::judge::{Judged, Run, Silence, Zero};
use super::keys::{MOST, Met};
use super::lag::Events;
use super::leg::Unread;
use crate::archive::Links;

/// A size and root that the records must agree with.
#[derive(Clone)]
pub(super) struct Anchor {
    pub(super) size: u64,
    pub(super) root: Root,
    /// Signed by a trusted key, or kept by whoever asks.
    pub(super) trusted: bool,
    /// Whether this leg must hold all of its records: every checkpoint covers committed records, so the stream must; the
    /// archive follows behind the stream's checkpoints, but not behind its own.
    pub(super) binding: bool,
    pub(super) place: Arc<str>,
    /// Whose keys have signed it, by their place among the chain's; `None`: it is no checkpoint of a leg.
    pub(super) epoch: Option<usize>,
    /// Where the compact range `[0, size)` is stored beside it, once its root proved to be the signed one.
    pub(super) range: Option<Beside>,
    /// It was kept by whoever asks: worth more than any signature.
    pub(super) kept: bool,
    /// Unix seconds at which a segment ended here: only such checkpoints carry the log's cosignature.
    pub(super) cosigned: Option<u64>,
}

/// What an object's metadata says about its place in the chain.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) first: Sequence,
    pub(super) last: Sequence,
    pub(super) before: Hash,
    pub(super) after: Hash,
    pub(super) range_before: CompactRange,
    pub(super) range_after: CompactRange,
}

/// A file of a leg, judged.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) place: Arc<str>,
    pub(super) judged: Judged,
    pub(super) claims: Option<Claims>,
    /// The file could not be read, or not to its end: what lies behind it is no gap of its own.
    pub(super) unread: Option<Unread>,
    /// It has to be restored before anyone can read it; its metadata claim these links.
    pub(super) frozen: Option<Links>,
}

/// What the records of one leg add up to.
#[derive(Default, Debug)]
pub(super) struct Folded {
    pub(super) first: Option<u64>,
    /// One past the last record.
    pub(super) end: u64,
    pub(super) records: u64,
    /// Of these, in the range that was asked for.
    pub(super) asked: u64,
    pub(super) from: Option<UnixNanos>,
    pub(super) to: Option<UnixNanos>,
    pub(super) stopped: bool,
    pub(super) files: u64,
    /// Checkpoints whose root the records gave.
    pub(super) checkpoints: u64,
    /// Checkpoints that could not be recomputed, for records before them are missing or unread.
    pub(super) unreached: u64,
    /// Largest size proved by any checkpoint, and by a trusted one.
    pub(super) signed: u64,
    pub(super) covered: u64,
    /// Largest size of any checkpoint there is.
    pub(super) anchored: u64,
    /// Records in whole files behind `signed`.
    pub(super) late_files: u64,
    /// The first record that is left, where earlier ones have passed their retention.
    pub(super) expired: Option<u64>,
    /// Root at each mark that was reached.
    pub(super) roots: Vec<(u64, Root)>,
    pub(super) zero: Option<Zero>,
    pub(super) rotations: Vec<Met>,
    pub(super) silences: Vec<Silence>,
    pub(super) events: Events,
    /// First and last record of each stretch that lies frozen.
    pub(super) frozen: Vec<(u64, u64)>,
    pub(super) findings: Findings,
}

pub(super) struct Fold<'a> {
    chain: &'a ChainName,
    anchors: &'a [Anchor],
    /// Sizes at which the legs are compared, ascending.
    marks: &'a [u64],
    silence: u64,
    /// The leg may begin late: what stood before has passed its retention.
    cut: bool,
    /// Of `[0, end)`; `None` behind a gap, until an object's metadata names one that its checkpoint then has to prove.
    tree: Option<CompactRange>,
    hash: Option<Hash>,
    hole: bool,
    /// The last checkpoint did not match; said once, until one matches again.
    broken: bool,
    /// Largest size proved by a checkpoint that was kept.
    kept: u64,
    next_anchor: usize,
    /// Ends of files since the last checkpoint that matched.
    ends: Vec<u64>,
    done: Folded,
}

const SILENCES: usize = 100;

impl<'a> Fold<'a> {
    pub(super) fn new(chain: &'a ChainName, anchors: &'a [Anchor], marks: &'a [u64], silence: u64, cut: bool) -> Self {
        let tree = Some(CompactRange::empty(0));
        let mut fold = Self {
            chain,
            anchors,
            marks,
            silence,
            cut,
            tree,
            hash: None,
            hole: false,
            broken: false,
            kept: 0,
            next_anchor: 0,
            ends: Vec::new(),
            done: Folded::default(),
        };
        fold.check_anchors();
        fold
    }

    /// The next file, in the order of names.
    pub(super) fn add(&mut self, unit: Unit) {
        let Unit { place, judged, claims, unread, frozen } = unit;
        if let Some(links) = frozen {
            return self.pass(&links, &place);
        }
        let hole = unread.is_some();
        let Judged { runs, records, asked, zero, rotations, silences, events, findings } = judged;
        self.done.events.join(events, self.done.to);
        self.done.files += 1;
        self.done.records += records;
        self.done.asked += asked;
        self.done.findings.append(findings);
        self.done.zero = self.done.zero.take().or(zero);
        let room = MOST.saturating_sub(self.done.rotations.len());
        self.done.rotations.extend(rotations.into_iter().take(room));
        for silence in silences {
            self.keep_silence(silence);
        }
        let (Some(begin), Some(end)) = (runs.first().map(|run| run.first), runs.last().map(|run| run.end)) else {
            self.hole |= hole;
            return;
        };
        if begin < self.done.end {
            let overlap = Finding::at(Code::Overlap, self.chain, begin, &place).to(end - 1);
            self.find(overlap.expected(self.done.end, begin));
            return;
        }
        self.check_gap(begin, &place);
        if let Some(claims) = &claims {
            self.enter(claims, begin, &place);
        }
        for run in runs {
            self.join(&run, &place);
        }
        self.ends.push(end);
        self.hole = hole;
        if let Some(claims) = &claims {
            self.leave(claims, begin, end, &place);
        }
    }

    /// A frozen object: its links must fit what lies before and behind. The tree before the next object that can be read holds
    /// its records, so the checkpoint that proves that tree binds them.
    fn pass(&mut self, links: &Links, place: &Arc<str>) {
        let (first, last) = (links.first.get(), links.last.get());
        self.done.files += 1;
        if first < self.done.end || last < first {
            let overlap = Finding::at(Code::Overlap, self.chain, first, place).to(last);
            return self.find(overlap.expected(self.done.end, first));
        }
        self.check_gap(first, place);
        if let Some(hash) = self.hash.filter(|hash| *hash != links.before) {
            self.find(Finding::at(Code::Previous, self.chain, first, place).expected(hash, links.before));
        }
        match self.done.frozen.last_mut().filter(|(_, before)| before + 1 == first) {
            Some((_, before)) => *before = last,
            None => self.done.frozen.push((first, last)),
        }
        self.tree = None;
        self.hash = Some(links.after);
        self.hole = false;
        self.done.first.get_or_insert(first);
        self.done.end = last.saturating_add(1);
        // Not to be recomputed here; a later one binds the records.
        self.next_anchor = self.anchors.partition_point(|anchor| anchor.size <= self.done.end).max(self.next_anchor);
    }

    /// All files were added; `held` names where the leg lies.
    pub(super) fn finish(mut self, held: &Arc<str>) -> Folded {
        let end = self.done.end;
        let behind = &self.anchors[self.next_anchor.min(self.anchors.len())..];
        let cut_off = behind.iter().rev().find(|anchor| anchor.binding && anchor.size > end);
        match cut_off {
            // Nothing is left, and nothing of it can be told.
            Some(_) if self.cut && self.done.first.is_none() => self.done.expired = Some(u64::MAX),
            Some(_) if self.hole => self.done.unreached += behind.len() as u64,
            Some(anchor) => {
                let finding = Finding::at(Code::Shorter, self.chain, end, held).to(anchor.size - 1);
                let expected = format!("{} records ({})", anchor.size, anchor.place);
                self.find(finding.expected(expected, end));
            }
            None => {}
        }
        self.done.anchored = self.anchors.last().map_or(0, |anchor| anchor.size);
        self.done.late_files = self.ends.iter().filter(|end| **end > self.done.signed).count() as u64;
        self.done
    }

    fn find(&mut self, finding: Finding) {
        self.done.findings.add(finding);
    }

    fn keep_silence(&mut self, silence: Silence) {
        if self.done.silences.len() < SILENCES {
            self.done.silences.push(silence);
        }
    }

    fn check_gap(&mut self, begin: u64, place: &Arc<str>) {
        let expected = self.done.end;
        if begin == expected {
            return;
        }
        let expired = self.cut && self.done.first.is_none();
        if expired {
            // Checkpoints before here speak of what is gone.
            self.done.expired = Some(begin);
            self.next_anchor = self.anchors.partition_point(|anchor| anchor.size < begin);
        } else if !self.hole {
            let gap = Finding::at(Code::Missing, self.chain, expected, place).to(begin - 1);
            self.find(gap.expected(expected, begin));
        }
        self.lose();
        if expired {
            self.done.end = begin;
            self.check_anchors();
        }
    }

    /// From here on neither the hash before nor the tree is known.
    fn lose(&mut self) {
        self.tree = None;
        self.hash = None;
    }

    /// Behind a gap, a forged file or a checkpoint that did not match, the tree of the metadata is taken for what follows:
    /// the finding stands, and the next checkpoint proves or refutes what was taken.
    fn enter(&mut self, claims: &Claims, begin: u64, place: &Arc<str>) {
        if claims.range_before.begin() != 0 || claims.range_before.end() != begin {
            return;
        }
        if self.tree.as_ref().is_some_and(|tree| *tree != claims.range_before) {
            let finding = Finding::at(Code::Metadata, self.chain, begin, place);
            self.find(finding.expected("the range before as recomputed", "another `sealtrail.range_before`"));
        }
        let parted = self.hash.is_some_and(|hash| hash != claims.before);
        if self.tree.is_none() || self.broken || parted {
            self.tree = Some(claims.range_before.clone());
            self.done.end = begin;
            self.check_anchors();
        }
    }

    fn join(&mut self, run: &Run, place: &Arc<str>) {
        if run.first != self.done.end {
            self.lose();
        }
        if let (Some(after), Some(before)) = (self.hash, run.before)
            && after != before
        {
            self.find(Finding::at(Code::Previous, self.chain, run.first, place).expected(after, before));
        }
        self.check_time(run, place);
        self.done.first.get_or_insert(run.first);
        for piece in &run.pieces {
            // The pieces of a run tile it, so only a tree that ends elsewhere can't be joined; it is not known any more.
            if self.tree.as_mut().is_some_and(|tree| tree.join(piece).is_err()) {
                self.tree = None;
            }
            self.done.end = piece.end();
            self.mark();
            self.check_anchors();
        }
        self.done.end = run.end;
        self.done.to = self.done.to.max(Some(run.to));
        self.done.stopped = run.stopped;
        self.hash = Some(run.after);
    }

    fn check_time(&mut self, run: &Run, place: &Arc<str>) {
        self.done.from.get_or_insert(run.from);
        let Some(to) = self.done.to else { return };
        if run.from < to {
            let finding = Finding::at(Code::Time, self.chain, run.first, place);
            self.find(finding.expected(format_args!("{} or later", to.0), run.from.0));
        } else if !self.done.stopped && run.from.0 - to.0 > self.silence {
            self.keep_silence(Silence { sequence: run.first, from: to, to: run.from });
        }
    }

    fn mark(&mut self) {
        if let Some(tree) = &self.tree
            && self.marks.binary_search(&self.done.end).is_ok()
        {
            self.done.roots.push((self.done.end, tree.root()));
        }
    }

    fn check_anchors(&mut self) {
        let end = self.done.end;
        while let Some(anchor) = self.anchors.get(self.next_anchor)
            && anchor.size <= end
        {
            self.next_anchor += 1;
            let reached = anchor.size == end;
            match self.tree.as_ref().filter(|_| reached).map(CompactRange::root) {
                Some(root) => self.check_anchor(anchor, root),
                None if reached && self.done.expired.is_some() && self.adopt(anchor) => {}
                None => self.done.unreached += 1,
            }
        }
    }

    /// Where a leg begins late, the signed tree that is stored beside a checkpoint stands for what is gone: the next
    /// checkpoint proves the records behind it, and their links all those before.
    fn adopt(&mut self, anchor: &Anchor) -> bool {
        if self.tree.is_some() || !anchor.trusted {
            return false;
        }
        self.tree = anchor.range.as_ref().and_then(|range| range.whole(anchor.size));
        self.tree.is_some()
    }

    fn check_anchor(&mut self, anchor: &Anchor, computed: Root) {
        if computed == anchor.root {
            self.broken = false;
            self.done.checkpoints += 1;
            self.done.signed = anchor.size;
            if anchor.trusted {
                self.done.covered = anchor.size;
            }
            if anchor.kept {
                self.kept = anchor.size;
            }
            self.ends.clear();
        } else if !std::mem::replace(&mut self.broken, true) || anchor.kept {
            let (first, last) = self.suspects(anchor);
            let finding = Finding::at(Code::Root, self.chain, first, &anchor.place).to(last);
            self.find(finding.expected(hex(&anchor.root), hex(&computed)));
        }
    }

    /// The records among which the wrong ones are: behind the last checkpoint that matched, and, where the nodes of the
    /// signed tree are stored, under the first node that differs.
    fn suspects(&self, anchor: &Anchor) -> (u64, u64) {
        // Against one that was kept, those that lie here prove nothing: whoever holds the keys can sign them anew.
        let low = if anchor.kept { self.kept } else { self.done.signed }.max(self.done.first.unwrap_or(0));
        let high = anchor.size.saturating_sub(1);
        let narrowed = self.tree.as_ref().and_then(|tree| differing(tree, anchor));
        match narrowed {
            Some((first, last)) => (first.max(low), last.min(high)),
            None => (low, high),
        }
    }

    /// Compares the metadata with what the records gave.
    fn leave(&mut self, claims: &Claims, begin: u64, end: u64, place: &Arc<str>) {
        if claims.last.get() >= end {
            let gap = Finding::at(Code::Missing, self.chain, end, place).to(claims.last.get());
            self.find(gap.expected(format_args!("records up to {}, as `sealtrail.last` says", claims.last), end - 1));
            // The next object begins behind what is missing here.
            self.hole = true;
            return;
        }
        let metadata = |at: u64| Finding::at(Code::Metadata, self.chain, at, place);
        let mut wrong = Vec::new();
        if claims.first.get() != begin {
            wrong.push(metadata(begin).expected(format_args!("`sealtrail.first` {begin}"), claims.first));
        }
        if claims.last.get() < end - 1 {
            wrong.push(metadata(end - 1).expected(format_args!("`sealtrail.last` {}", end - 1), claims.last));
        }
        if let Some(hash) = self.hash.filter(|hash| *hash != claims.after) {
            wrong.push(metadata(end - 1).expected(format_args!("`sealtrail.hash` {hash}"), claims.after));
        }
        if claims.range_before.begin() != 0 || claims.range_before.end() != begin {
            wrong.push(metadata(begin).expected(format_args!("a range of [0, {begin})"), "another"));
        }
        if self.tree.as_ref().is_some_and(|tree| *tree != claims.range_after) {
            wrong.push(metadata(end - 1).expected("the range after as recomputed", "another `sealtrail.range_after`"));
        }
        wrong.into_iter().for_each(|finding| self.find(finding));
    }
}

pub(super) fn hex(root: &Root) -> String {
    const_hex::encode(root.0)
}

/// First and last record under the first node in which the stored tree differs from the computed one.
fn differing(tree: &CompactRange, anchor: &Anchor) -> Option<(u64, u64)> {
    let signed = anchor.range.as_ref()?.whole(anchor.size)?;
    if signed.end() != tree.end() {
        return None;
    }
    let pairs = signed.nodes().iter().zip(tree.nodes());
    let mut places = CompactRange::places(0, tree.end()).into_iter().zip(pairs);
    let ((level, index), _) = places.find(|(_, (signed, computed))| signed != computed)?;
    let first = index.checked_shl(level.into())?;
    Some((first, first + (1 << level) - 1))
}
