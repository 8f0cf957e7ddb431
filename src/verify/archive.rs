//! The archive leg as verification sees it: Parquet objects row by row, and the small objects beside them.

use std::fs;
use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use sealtrail_chain::segment::day;
use sealtrail_chain::{ChainName, CompactRange, UnixNanos, content};

use super::checkpoints::{Problem, Stored};
use super::finding::{Code, Finding};
use super::fold::{Claims, Unit};
use super::judge::{Judge, Judged, Own, Seen};
use super::leg::{File, Unread};
use super::own::own;
use super::{Job, Watch};
use crate::archive::{Error, Extractor, Footer, Reader, Row};

/// Judges one object.
pub(super) fn judge(file: &File, job: &Job<'_>, watch: &dyn Watch) -> Unit {
    let place = file.place.clone();
    let mut reader = match guarded(|| Reader::open(&file.path)) {
        Ok(reader) => reader,
        Err(error) => {
            let mut judged = Judged::default();
            let (unread, finding) = unread(error, job.chain, file.first, &place);
            finding.into_iter().for_each(|finding| judged.findings.add(finding));
            return Unit { place, judged, claims: None, unread: Some(unread) };
        }
    };
    let footer = reader.footer().clone();
    let mut object = Object::new(file, &footer, reader.len(), job, watch);
    let outcome = guarded(|| {
        reader.rows(&mut |row| {
            object.row(&row);
            ControlFlow::Continue(())
        })
    });
    object.finish(outcome, &footer)
}

/// The genesis note that record 0 carries, if the object begins with it.
pub(super) fn genesis(file: &File) -> Option<String> {
    let mut note = None;
    let outcome = guarded(|| {
        Reader::open(&file.path)?.rows(&mut |row| {
            if row.sequence.get() == 0
                && let Some(Own::Started { genesis }) = content::read(row.content).ok().as_ref().and_then(own)
            {
                note = genesis;
            }
            ControlFlow::Break(())
        })
    });
    outcome.ok()?;
    note
}

/// One past the last record that an object claims.
pub(super) fn end(file: &File) -> Option<u64> {
    let reader = guarded(|| Reader::open(&file.path)).ok()?;
    reader.footer().segment.last.get().checked_add(1)
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

/// An object under judgement.
struct Object<'a> {
    file: &'a File,
    chain: &'a ChainName,
    judge: Judge<'a>,
    extractor: Extractor,
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
            judge,
            extractor: Extractor::new(&footer.promotions),
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
        let read = content::read(row.content);
        self.judge.record(&Seen {
            sequence: row.sequence,
            observed: row.observed,
            previous: (self.rows == 0).then_some(self.before),
            checksum: row.checksum,
            hash: row.hash,
            content: row.content,
            row: self.rows,
            own: read.as_ref().ok().and_then(own),
        });
        match read {
            Ok(record) => self.widen(record.log.time_unix_nano),
            Err(error) => self.find(Code::Form, row, "canonical text", format_args!("another at byte {}", error.at)),
        }
        if let Err(mismatch) = self.extractor.check(row) {
            self.find(Code::Column, row, format_args!("`{}` as in the content", mismatch.column), "another value");
        }
        self.rows += 1;
        if self.rows.is_multiple_of(STEP) {
            self.tell(self.rows);
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

    fn widen(&mut self, event_nanos: u64) {
        let Some(nanos) = i64::try_from(event_nanos).ok().filter(|nanos| *nanos != 0) else { return };
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
        Unit { place, judged, claims: unread.is_none().then(|| claims(footer)), unread }
    }
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

/// Hands the checkpoint objects of a chain on, in the order of their sizes, and says what else lies there.
pub(super) fn checkpoints(dir: &Path, each: &mut dyn FnMut(Stored), problem: &mut dyn FnMut(Problem)) {
    if !dir.is_dir() {
        return;
    }
    let names = match super::leg::entries(dir) {
        Ok(names) => names,
        Err(error) => return problem(Problem::Unread { path: dir.into(), reason: error.to_string() }),
    };
    let mut witnesses = 0;
    for name in &names {
        let path = dir.join(name);
        let size = name.split_once('-').filter(|(size, _)| size.len() == 20).and_then(|(size, _)| size.parse().ok());
        match (path.extension().and_then(|extension| extension.to_str()), size) {
            (Some("checkpoint"), Some(named)) => match fs::read(&path) {
                Ok(note) => each(Stored {
                    place: path.display().to_string().into(),
                    note: String::from_utf8_lossy(&note).into_owned(),
                    named,
                    range: Some(path.with_extension("range")),
                }),
                Err(error) => problem(Problem::Unread { path, reason: error.to_string() }),
            },
            (Some("checkpoint"), None) => problem(Problem::Name { path }),
            (Some("range"), size) if !path.with_extension("checkpoint").is_file() => {
                problem(Problem::Orphan { path, size: size.unwrap_or(0) });
            }
            (Some("cosigned" | "tsr"), _) => witnesses += 1,
            _ => {}
        }
    }
    if witnesses > 0 {
        problem(Problem::Witnesses { count: witnesses });
    }
}
