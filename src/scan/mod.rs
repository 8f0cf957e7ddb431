//! Scanning: a second, independent opinion on whether anything that must be masked lies in what is stored.
//!
//! It reads what anyone may read (objects, messages, files of the log, files of others) and looks at every text with detectors
//! that share no code with masking (`detect`, `numbers`, `decode`): an error in the one is not an error in the other. It says
//! where something stands and of which class it is, never what it is. **Its silence counts only because it can fail**: each run
//! plants values itself, in every encoding, kind of file and column that it meets, and is not to be trusted where it misses one
//! (`planted`).
//!
//! It seals nothing, changes no record, and works offline; only when told to it asks a bucket to lock clean segments longer
//! (`archive.s3.object_lock.first_days`), which no one can take back. Memory is a few hundred rows, whatever is scanned.

mod decode;
mod detect;
mod numbers;
mod planted;
mod read;
mod report;
mod source;

pub use detect::{Certainty, Class};
pub use report::{Finding, Release, Released, Report, Verdict};
pub use source::Source;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use arrow_schema::SchemaRef;

use read::{Piece, Reader};
use source::Open;

/// How to scan.
pub struct Options {
    /// Part of the rows that is looked at, above 0; 1: all.
    pub sample: f64,
    /// Which rows a sample takes.
    pub seed: u64,
    /// Extend the locks of clean segments to the full term.
    pub release: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { sample: 1.0, seed: 0, release: false }
    }
}

/// Is told how far the work has come.
pub trait Watch {
    fn total(&mut self, bytes: u64);
    fn advance(&mut self, bytes: u64);
}

/// Why nothing could be scanned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "can't {doing} {}: {source}\n  remedy  name directories, files or buckets that are there and that this user may read",
        path.display()
    )]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Archive(#[from] crate::archive::Error),
    #[error(transparent)]
    Stream(#[from] crate::stream::reader::Error),
    #[error("the scan could not test itself: {0}")]
    Planted(String),
}

/// Scans all sources.
pub fn scan(sources: &[Source], options: &Options, watch: &mut dyn Watch) -> Result<Report, Error> {
    let opened = sources.iter().map(Source::open).collect::<Result<Vec<_>, _>>()?;
    watch.total(opened.iter().map(Open::bytes).sum());
    let mut scan = Scan {
        options,
        done: Done { missed: planted::in_files().map_err(Error::Planted)?, ..Done::default() },
        schemas: HashSet::new(),
    };
    let mut segments = Vec::new();
    for source in &opened {
        segments.push(source.each(&mut scan, watch)?);
    }
    if options.release {
        // A longer lock can't be taken back. Whether the scan can be trusted is known only now: any object's columns may be
        // those in which it misses what it planted.
        let trusted = scan.done.missed.is_empty();
        for (source, segments) in opened.iter().zip(&segments) {
            source.release(segments, trusted, &mut scan.done.released)?;
        }
    }
    Ok(scan.done.report(options))
}

/// A scan under way.
struct Scan<'o> {
    options: &'o Options,
    done: Done,
    /// Schemas whose columns were planted in already.
    schemas: HashSet<String>,
}

impl Scan<'_> {
    /// A new file, message queue or object.
    fn begin(&self) -> Tally {
        Tally { sample: self.options.sample, seed: self.options.seed, looked_at: 0, found: BTreeMap::new() }
    }

    /// Plants in the columns of this schema, once.
    fn meet(&mut self, schema: &SchemaRef) -> Result<(), Error> {
        if self.schemas.insert(format!("{:?}", schema.fields())) {
            self.done.missed.extend(planted::in_columns(schema).map_err(Error::Planted)?);
        }
        Ok(())
    }

    /// Takes in what a file held, or that it could not be read to its end.
    fn end(&mut self, place: &str, tally: Tally, rows: Result<u64, String>) {
        let done = &mut self.done;
        done.files += 1;
        match rows {
            Ok(rows) => done.rows += rows,
            Err(problem) => {
                done.rows += tally.looked_at;
                done.unread.push(format!("{place}: {}", problem.lines().next().unwrap_or_default()));
            }
        }
        done.looked_at += tally.looked_at;
        for ((column, class, certainty), (count, first_row)) in tally.found {
            *done.by_class.entry((certainty, class)).or_default() += count;
            if done.findings.len() == report::KEPT {
                done.more += 1;
                continue;
            }
            done.findings.push(Finding { place: place.to_owned(), column, class, certainty, count, first_row });
        }
    }
}

#[derive(Default)]
struct Done {
    files: u64,
    rows: u64,
    looked_at: u64,
    by_class: BTreeMap<(Certainty, Class), u64>,
    findings: Vec<Finding>,
    more: u64,
    missed: Vec<String>,
    unread: Vec<String>,
    released: Released,
}

impl Done {
    fn report(self, options: &Options) -> Report {
        let likely = self.by_class.keys().any(|(certainty, _)| *certainty == Certainty::Likely);
        let verdict = if likely {
            Verdict::Found
        } else if !self.missed.is_empty() {
            Verdict::Untrusted
        } else if !self.unread.is_empty() {
            Verdict::NotAllRead
        } else if self.looked_at == 0 {
            Verdict::Nothing
        } else {
            Verdict::Clean
        };
        Report {
            verdict,
            files: self.files,
            rows: self.rows,
            rows_looked_at: self.looked_at,
            sample: options.sample,
            by_class: self.by_class,
            findings: self.findings,
            more: self.more,
            missed: self.missed,
            unread: self.unread,
            released: options.release.then_some(self.released),
        }
    }
}

/// What one file holds, by column and class: how many, and the first row.
struct Tally {
    sample: f64,
    seed: u64,
    looked_at: u64,
    found: BTreeMap<(String, Class, Certainty), (u64, u64)>,
}

impl Tally {
    fn is_clean(&self) -> bool {
        self.found.keys().all(|(_, _, certainty)| *certainty != Certainty::Likely)
    }
}

impl Reader for Tally {
    fn wants(&mut self, row: u64) -> bool {
        // The same rows for the same seed (SplitMix64), however often a file is scanned.
        let mut z = (row ^ self.seed.rotate_left(32)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let wanted = self.sample >= 1.0 || (((z ^ (z >> 31)) >> 11) as f64) < self.sample * (1u64 << 53) as f64;
        self.looked_at += u64::from(wanted);
        wanted
    }

    fn piece(&mut self, piece: Piece<'_>) {
        let Piece { row, column, key, text } = piece;
        detect::look(key, text, &mut |class, certainty| {
            self.found.entry((column.to_owned(), class, certainty)).or_insert((0, row)).0 += 1;
        });
    }
}
