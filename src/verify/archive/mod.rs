//! The archive leg as verification sees it: Parquet objects row by row, and the small objects beside them (`siblings`).
//!
//! An object is judged to its last row, whatever is wrong in it; where it can't be read on, `failure` says what that means.

mod failure;
mod glance;
mod siblings;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::segment::day;
use sealtrail_chain::{ChainName, Checksum, CompactRange, UnixNanos, content};

use super::finding::{Code, Finding};
use super::fold::{Claims, Unit};
use super::index::{Indexes, Misfit};
use super::judge::{Judge, Judged, Own, Seen};
use super::leg::{File, Unread};
use super::own::own as own_of;
use super::store::{self, Store};
use super::{Job, Watch};
use crate::archive::{Checked, Checker, Error, Footer, Links, Reader, Row};
use failure::{Failure, guarded, indexed, io_error, unread};

pub(super) use failure::first_line;
pub(super) use glance::{begin, end, genesis};
pub(super) use siblings::checkpoints;

/// Judges one object.
pub(super) fn judge(file: &File, job: &Job<'_>, watch: &dyn Watch) -> Unit {
    let place = file.place.clone();
    let opened = guarded(|| {
        let bytes = job.store.open(&file.path)?;
        let reader = Reader::of(bytes.try_clone().map_err(io_error(&file.path))?, &file.path)?;
        Ok((bytes, reader))
    });
    let (bytes, mut reader) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let mut judged = Judged::default();
            if let Failure::Error(Error::S3(_)) = &error
                && let Some(claimed) = job.store.frozen(&file.path)
            {
                return frozen(file, claimed, job.chain);
            }
            let (unread, finding) = unread(error, job.chain, file.first, &place);
            finding.into_iter().for_each(|finding| judged.findings.add(finding));
            return Unit { place, judged, claims: None, unread: Some(unread), frozen: None };
        }
    };
    let footer = reader.footer().clone();
    let mut indexes = indexed(|| Indexes::of(bytes, &footer));
    let contents = indexes.as_mut().and_then(Indexes::contents);
    let refused = match &indexes {
        Some(indexes) => indexes.is_refused().then_some(Failure::Pages),
        // Whatever the library could not bear here, it would meet again.
        None => Some(Failure::Panic),
    };
    let mut object = Object::new(file, &footer, reader.len(), job, watch);
    object.indexes = indexes;
    if let Some(weak) = store::lock(job.store, &file.path, job.chain, file.first) {
        object.judge.find(weak.to(footer.segment.last.get()));
    }
    if let Some(failure) = refused {
        return object.finish(Err(failure), &footer);
    }
    let outcome = guarded(|| {
        let mut each = |row: Row<'_>| {
            object.row(&row);
            ControlFlow::Continue(())
        };
        match contents {
            Some(pages) => reader.rows_with(pages, &mut each),
            None => reader.rows(&mut each),
        }
    });
    object.finish(outcome, &footer)
}

/// An object that nobody can read before it is restored: its metadata must at least agree with its name.
fn frozen(file: &File, claimed: Option<Links>, chain: &ChainName) -> Unit {
    let (place, mut judged) = (file.place.clone(), Judged::default());
    let claimed = claimed.filter(|links| links.first.get() == file.first);
    let unread = claimed.is_none().then(|| {
        let first = if file.first == u64::MAX { 0 } else { file.first };
        let metadata = Finding::at(Code::Metadata, chain, first, &place);
        judged.findings.add(metadata.expected("user metadata of the records that its name says", "none, or others"));
        Unread::Damaged
    });
    Unit { place, judged, claims: None, unread, frozen: claimed }
}

/// An object under judgement.
struct Object<'a> {
    file: &'a File,
    chain: &'a ChainName,
    store: &'a dyn Store,
    judge: Judge<'a>,
    checksums: Checksums,
    checker: Checker,
    /// `None` once they proved unreadable.
    indexes: Option<Indexes>,
    before: sealtrail_chain::Hash,
    /// The day in the path, and the UTC day number of the last record that was compared with it.
    date: String,
    day: Option<u64>,
    rows: u64,
    /// Rows that the footer claims; they and the file's bytes tell how far the work has come.
    claimed: u64,
    told: u64,
    event_nanos: Option<(i64, i64)>,
    watch: &'a dyn Watch,
}

/// Checksums of rows that come one behind the other, two computed at a time.
#[derive(Default)]
struct Checksums {
    /// That of the next row: its content, as a place in memory, and what was computed of it.
    next: Option<(*const [u8], Checksum)>,
}

impl Checksums {
    fn of(&mut self, row: &Row<'_>) -> Checksum {
        let content = row.content.as_bytes();
        match (self.next.take(), row.following) {
            (Some((bytes, checksum)), _) if std::ptr::eq(bytes, content) => checksum,
            (_, Some(following)) => {
                let [checksum, next] = Checksum::of_two(content, following);
                self.next = Some((following, next));
                checksum
            }
            (_, None) => Checksum::of(content),
        }
    }
}

const DAY: u64 = 86_400_000_000_000;

/// The watch is told after so many rows.
const STEP: u64 = 8_192;

impl<'a> Object<'a> {
    fn new(file: &'a File, footer: &'a Footer, claimed: u64, job: &Job<'a>, watch: &'a dyn Watch) -> Self {
        let named = &footer.segment.chain;
        let first = footer.segment.first.get();
        let mut judge = Judge::new(job.chain, &file.place, job.cuts, job.silence);
        judge.ask(job.asked);
        if named != job.chain {
            judge.find(Finding::at(Code::Chain, job.chain, first, &file.place).expected(job.chain, named));
            // Its links are those of the chain it names: one finding says it for all of its records.
            judge.seal_under(named);
        }
        let date = file.path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
        Self {
            file,
            chain: job.chain,
            store: job.store,
            judge,
            checksums: Checksums::default(),
            checker: Checker::new(&footer.promotions),
            indexes: None,
            before: footer.segment.before,
            date: date.strip_prefix("date=").unwrap_or_default().to_owned(),
            day: None,
            rows: 0,
            claimed,
            told: 0,
            event_nanos: None,
            watch,
        }
    }

    fn row(&mut self, row: &Row<'_>) {
        if self.rows == 0 && row.sequence.get() != self.file.first {
            let name = format!("{:020}.parquet", row.sequence.get());
            self.find(
                Code::Name,
                row,
                name,
                self.file.path.file_name().map_or("".into(), |name| name.to_string_lossy()),
            );
        }
        self.check_day(row);
        let Checked { own, event_nanos, mismatch, form } = self.checker.check(row);
        // Few records are the collector's own; only those are read once more.
        let own = own.then(|| content::read(row.content).ok().as_ref().and_then(own_of)).flatten();
        self.check_vouched(own.as_ref(), row);
        self.judge.record(&Seen {
            sequence: row.sequence,
            observed: row.observed,
            previous: (self.rows == 0).then_some(self.before),
            checksum: row.checksum,
            hash: row.hash,
            computed: self.checksums.of(row),
            row: self.rows,
            own,
        });
        match (form, mismatch) {
            (Some(error), _) => {
                let expected = format_args!("{} at byte {} of the content", error.expected, error.at);
                self.find(Code::Form, row, expected, "something else");
            }
            (None, Some(mismatch)) => {
                self.find(Code::Column, row, format_args!("`{}` as in the content", mismatch.column), "another value");
            }
            (None, None) => self.widen(event_nanos),
        }
        if let Some(indexes) = &mut self.indexes
            && indexed(|| indexes.row(row)).is_none()
        {
            self.indexes = None;
        }
        self.rows += 1;
        if self.rows.is_multiple_of(STEP) {
            self.tell(self.rows);
        }
    }

    /// What the chain says is stored beside its checkpoints is there: it came before the record that names it.
    fn check_vouched(&mut self, own: Option<&Own>, row: &Row<'_>) {
        let Some(Own::Vouched { key, revoked }) = own else { return };
        // Four parts of the object's own key stand before its name.
        let Some(root) = self.file.path.ancestors().nth(4) else { return };
        let named = key.starts_with("audit-checkpoints/") && !key.split('/').any(|part| part == "..");
        if !named || !self.store.is_file(&root.join(key)) {
            return self.find(Code::VouchMissing, row, key, "no such object");
        }
        let Some(digest) = revoked else { return };
        let lists = root.join(key).with_extension("crl");
        let place = || lists.strip_prefix(root).unwrap_or(&lists).display().to_string();
        if !self.store.is_file(&lists) {
            return self.find(Code::VouchMissing, row, place(), "no such object");
        }
        // One that can't be read now is said where its stamp is judged.
        if let Ok(bytes) = self.store.read(&lists)
            && Checksum::of(&bytes).to_string() != *digest
        {
            self.find(Code::Stamp, row, format_args!("{} as it was when the stamp was made", place()), "another");
        }
    }

    fn check_day(&mut self, row: &Row<'_>) {
        let today = row.observed.0 / DAY;
        if self.day == Some(today) {
            return;
        }
        // Of each day it is said once.
        self.day = Some(today);
        let found = day(UnixNanos(row.observed.0));
        if found != self.date {
            self.find(Code::Date, row, found, self.date.clone());
        }
    }

    fn widen(&mut self, event_nanos: Option<i64>) {
        let Some(nanos) = event_nanos else { return };
        let (min, max) = self.event_nanos.unwrap_or((nanos, nanos));
        self.event_nanos = Some((min.min(nanos), max.max(nanos)));
    }

    fn tell(&mut self, rows: u64) {
        let share = u128::from(self.file.bytes) * u128::from(rows) / u128::from(self.claimed.max(1));
        let share = u64::try_from(share).unwrap_or(u64::MAX).min(self.file.bytes);
        self.watch.advance(share.saturating_sub(self.told));
        self.told = self.told.max(share);
    }

    fn find(&mut self, code: Code, row: &Row<'_>, expected: impl std::fmt::Display, found: impl std::fmt::Display) {
        let finding = Finding::at(code, self.chain, row.sequence.get(), &self.file.place).row(self.rows);
        self.judge.find(finding.expected(expected, found));
    }

    fn finish(mut self, outcome: Result<(), Failure>, footer: &Footer) -> Unit {
        self.tell(self.claimed);
        let place = self.file.place.clone();
        let at = self.judge.expected().unwrap_or(self.file.first);
        let (unread, finding) = match outcome {
            Ok(()) => (None, None),
            Err(error) => {
                let (unread, finding) = unread(error, self.chain, at, &place);
                (Some(unread), finding)
            }
        };
        let mut judged = self.judge.finish();
        if unread.is_none() {
            misfits(self.indexes, self.chain, footer, &place).for_each(|finding| judged.findings.add(finding));
        }
        finding.into_iter().for_each(|finding| judged.findings.add(finding));
        let metadata = Finding::at(Code::Metadata, self.chain, footer.segment.first.get(), &place);
        let metadata = metadata.to(footer.segment.last.get());
        if unread.is_none() && footer.event_nanos != self.event_nanos {
            let expected = "`sealtrail.event_time_min` and `_max` of its records";
            judged.findings.add(metadata.clone().expected(expected, "others"));
        }
        if unread.is_none() && own_range(&judged, footer).is_some_and(|range| range != footer.segment.range) {
            judged.findings.add(metadata.clone().expected("`sealtrail.range` of its records", "another"));
        }
        if judged.runs.is_empty() && unread.is_none() {
            judged.findings.add(metadata.expected("a record", "none"));
        }
        Unit { place, judged, claims: unread.is_none().then(|| claims(footer)), unread, frozen: None }
    }
}

/// What the object says beside its rows and does not fit them. A stretch of records, so that what is wrong with one of them
/// is named first.
fn misfits(
    indexes: Option<Indexes>,
    chain: &ChainName,
    footer: &Footer,
    place: &Arc<str>,
) -> impl Iterator<Item = Finding> {
    let unreadable =
        Misfit { row: None, records: None, expected: "statistics and indexes that can be read".to_owned() };
    let misfits = indexes.map_or_else(|| vec![unreadable], Indexes::finish);
    let segment = (footer.segment.first.get(), footer.segment.last.get());
    misfits.into_iter().map(move |Misfit { row, records, expected }| {
        let (first, last) = records.unwrap_or(segment);
        let finding = Finding::at(Code::Index, chain, first, place).to(last).expected(expected, "others");
        Finding { row, ..finding }
    })
}

/// The compact range of an object's records, when they are the ones that the metadata names.
fn own_range(judged: &Judged, footer: &Footer) -> Option<CompactRange> {
    let [run] = judged.runs.as_slice() else { return None };
    if (run.first, run.end - 1) != (footer.segment.first.get(), footer.segment.last.get()) {
        return None;
    }
    let mut range = CompactRange::empty(run.first);
    run.pieces.iter().try_for_each(|piece| range.join(piece)).ok()?;
    Some(range)
}

fn claims(footer: &Footer) -> Claims {
    let segment = &footer.segment;
    Claims {
        first: segment.first,
        last: segment.last,
        before: segment.before,
        after: segment.after,
        range_before: footer.range_before.clone(),
        range_after: footer.range_after.clone(),
    }
}
