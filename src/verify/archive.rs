//! The archive leg as verification sees it: Parquet objects row by row, and the small objects beside them.

use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use parquet::errors::ParquetError;
use sealtrail_chain::segment::day;
use sealtrail_chain::{ChainName, Checksum, CompactRange, UnixNanos, content};

use super::checkpoints::{Problem, Stored, Text};
use super::finding::{Code, Finding};
use super::fold::{Claims, Unit};
use super::index::{Indexes, Misfit};
use super::judge::{Judge, Judged, Own, Seen};
use super::leg::{File, Unread};
use super::own::own as own_of;
use super::scope::Begin;
use super::store::{self, Store};
use super::vouched::{Lying, What};
use super::{Job, Watch};
use crate::archive::{Checked, Checker, Error, Footer, Links, Reader, Row};

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
    let indexes = indexed(|| Indexes::of(bytes, &footer));
    let mut object = Object::new(file, &footer, reader.len(), job, watch);
    object.indexes = indexes;
    if let Some(weak) = store::lock(job.store, &file.path, job.chain, file.first) {
        object.judge.find(weak.to(footer.segment.last.get()));
    }
    let outcome = guarded(|| {
        reader.rows(&mut |row| {
            object.row(&row);
            ControlFlow::Continue(())
        })
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

/// The genesis note that record 0 carries, if the object begins with it.
pub(super) fn genesis(store: &dyn Store, file: &File) -> Option<String> {
    let mut note = None;
    let outcome = guarded(|| {
        Reader::of(store.open(&file.path)?, &file.path)?.rows(&mut |row| {
            if row.sequence.get() == 0
                && let Some(Own::Started { genesis }) = content::read(row.content).ok().as_ref().and_then(own_of)
            {
                note = genesis;
            }
            ControlFlow::Break(())
        })
    });
    outcome.ok()?;
    note
}

/// Where an object begins, by its name, and by its first row or, where reading that would fetch it whole, by the day in its
/// path: no object holds two days.
pub(super) fn begin(store: &dyn Store, file: &File) -> Option<Begin> {
    if file.first == u64::MAX {
        return None;
    }
    let date = file.path.parent()?.file_name()?.to_str()?.strip_prefix("date=")?;
    let midnight: jiff::Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
    let earliest = u64::try_from(midnight.as_nanosecond()).ok()?;
    let (mut earliest, mut latest) = (UnixNanos(earliest), UnixNanos(earliest.saturating_add(DAY - 1)));
    if store.is_near() {
        let read = guarded(|| {
            Reader::of(store.open(&file.path)?, &file.path)?.rows(&mut |row| {
                (earliest, latest) = (row.observed, row.observed);
                ControlFlow::Break(())
            })
        });
        read.ok()?;
    }
    Some(Begin { sequence: file.first, earliest, latest })
}

/// One past the last record that an object claims.
pub(super) fn end(store: &dyn Store, file: &File) -> Option<u64> {
    let reader = guarded(|| Reader::of(store.open(&file.path)?, &file.path)).ok()?;
    reader.footer().segment.last.get().checked_add(1)
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { doing: "open", path, source }
}

/// Why an object was not read to its end.
enum Failure {
    Error(Error),
    /// The Parquet library gave up on bytes that contradict themselves, by a panic (60.1 does, on negative offsets in a
    /// column's metadata). One such object must not end the verification of all others.
    Panic,
}

fn guarded<T>(read: impl FnOnce() -> Result<T, Error>) -> Result<T, Failure> {
    match panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(outcome) => outcome.map_err(Failure::Error),
        Err(_) => Err(Failure::Panic),
    }
}

/// What the library makes of the indexes; nothing where they are no sound Parquet.
fn indexed<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(read)).ok().and_then(Result::ok)
}

/// An object under judgement.
struct Object<'a> {
    file: &'a File,
    chain: &'a ChainName,
    store: &'a dyn Store,
    judge: Judge<'a>,
    checker: Checker,
    /// `None` once they proved unreadable.
    indexes: Option<Indexes>,
    before: sealtrail_chain::Hash,
    /// The day in the path, and the UTC day number it stands for, once a record proved them the same.
    date: String,
    day: Option<u64>,
    rows: u64,
    /// Rows that the footer claims; they and the file's bytes tell how far the work has come.
    claimed: u64,
    told: u64,
    event_nanos: Option<(i64, i64)>,
    watch: &'a dyn Watch,
}

const DAY: u64 = 86_400_000_000_000;

/// The watch is told after so many rows.
const STEP: u64 = 8_192;

impl<'a> Object<'a> {
    fn new(file: &'a File, footer: &'a Footer, claimed: u64, job: &Job<'a>, watch: &'a dyn Watch) -> Self {
        let named = &footer.segment.chain;
        let first = footer.segment.first.get();
        let mut judge = Judge::new(job.chain, &file.place, job.cuts, job.silence);
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
            content: row.content,
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
        let found = day(UnixNanos(row.observed.0));
        if found == self.date {
            self.day = Some(today);
        } else {
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

/// An object that can't be read: damage is a finding; what this release or the machine can't read is not.
fn unread(failure: Failure, chain: &ChainName, at: u64, place: &Arc<str>) -> (Unread, Option<Finding>) {
    let found = match failure {
        Failure::Error(Error::Io { source, .. }) => return (Unread::Unchecked(source.to_string()), None),
        Failure::Error(Error::S3(error)) => return (Unread::Unchecked(first_line(&error)), None),
        Failure::Error(Error::Version { found, .. }) => {
            return (Unread::Unchecked(format!("version {found:?} of the format is not known to this release")), None);
        }
        Failure::Error(Error::Metadata { key, problem, .. }) => format!("`{key}` {problem}"),
        Failure::Error(Error::Column { column, problem, .. }) => format!("column `{column}` {problem}"),
        // Parquet's own messages may repeat bytes of the file.
        _ => "bytes that are not sound Parquet".to_owned(),
    };
    let at = if at == u64::MAX { 0 } else { at };
    (Unread::Damaged, Some(Finding::at(Code::Damaged, chain, at, place).expected("an object of the format", found)))
}

/// An error without its remedy.
pub(super) fn first_line(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Hands the checkpoint objects of a chain on, in the order of their sizes, and says what else lies there.
///
/// The collector puts a `.range` and then its `.checkpoint`, one pair behind the other. Killed between the two, it leaves
/// the newest `.range` alone, and brings the checkpoint at its next start; any other lone one is what someone left over.
pub(super) fn checkpoints(
    store: &dyn Store,
    dir: &Path,
    each: &mut dyn FnMut(Stored),
    beside: &mut dyn FnMut(Lying),
    problem: &mut dyn FnMut(Problem),
) {
    if !store.is_dir(dir) {
        return;
    }
    let entries = match store.entries(dir) {
        Ok(entries) => entries,
        Err(error) => return problem(Problem::Unread { path: dir.into(), reason: error.to_string() }),
    };
    let newest = entries.iter().rev().find(|entry| kind(&entry.name).is_some()).map(|entry| entry.name.clone());
    for entry in entries {
        let path = dir.join(&entry.name);
        match kind(&entry.name).filter(|_| entry.is_file) {
            Some((Sibling::Checkpoint, named, seconds)) => each(Stored {
                place: path.display().to_string().into(),
                note: Text::Object,
                named,
                seconds: Some(seconds),
                range: Some(path.with_extension("range")),
                path,
            }),
            Some((Sibling::Range, size, _)) if !store.is_file(&path.with_extension("checkpoint")) => {
                let interrupted = newest.as_ref() == Some(&entry.name);
                problem(if interrupted { Problem::Interrupted { size } } else { Problem::Orphan { path, size } });
            }
            Some((Sibling::Range, ..)) => {}
            Some((Sibling::Vouched(what), size, _)) => beside(Lying { path, size, what }),
            // It is read with its stamp.
            Some((Sibling::Revoked, ..)) => {}
            None if entry.name.ends_with(".checkpoint") && entry.is_file => problem(Problem::Name { path }),
            None => problem(Problem::Foreign { path }),
        }
    }
}

enum Sibling {
    Checkpoint,
    Range,
    Vouched(What),
    /// What was revoked at the time of a stamp.
    Revoked,
}

/// What an object beside the records is by its name, and the size and the seconds in it.
fn kind(name: &str) -> Option<(Sibling, u64, u64)> {
    let (stem, extension) = name.split_once('.')?;
    let (size, seconds) = stem.split_once('-')?;
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let sibling = match extension {
        "checkpoint" => Sibling::Checkpoint,
        "range" => Sibling::Range,
        "tsr" => Sibling::Vouched(What::Stamp),
        "crl" => Sibling::Revoked,
        _ => Sibling::Vouched(What::Cosigned(cosigner(extension)?)),
    };
    (digits(size, 20) && digits(seconds, 10)).then_some((sibling, size.parse().ok()?, seconds.parse().ok()?))
}

/// The key id in `<8 hex digits>.cosigned`.
fn cosigner(extension: &str) -> Option<[u8; 4]> {
    let id = extension.strip_suffix(".cosigned").filter(|id| !id.bytes().any(|b| b.is_ascii_uppercase()))?;
    let mut bytes = [0; 4];
    const_hex::decode_to_slice(id, &mut bytes).ok().filter(|()| id.len() == 8)?;
    Some(bytes)
}
