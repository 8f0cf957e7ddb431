//! What a row measured, as a line of a table: `faults.md` in the target directory, and the test's own output.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub struct Line {
    pub row: String,
    pub seed: u64,
    /// Records of all requests.
    pub sent: u64,
    pub acknowledged: u64,
    /// Attempts.
    pub refused: usize,
    pub unanswered: usize,
    /// Records of attempts without an answer that are kept all the same.
    pub kept_unanswered: usize,
    /// Records in each leg, the collector's own among them.
    pub in_stream: usize,
    pub in_archive: usize,
    /// From the mending to the moment when both legs hold, and the log has released, all that was sealed by then.
    pub recovery: Duration,
    pub took: Duration,
}

const HEAD: &str = "\
| fault | seed | records sent | acknowledged | attempts refused | attempts unanswered | kept unanswered | in Kafka | in S3 | \
recovery, s | row, s |
|---|---|---|---|---|---|---|---|---|---|---|
";

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} | {:.0} |",
            self.row,
            self.seed,
            self.sent,
            self.acknowledged,
            self.refused,
            self.unanswered,
            self.kept_unanswered,
            self.in_stream,
            self.in_archive,
            self.recovery.as_secs_f64(),
            self.took.as_secs_f64()
        )
    }
}

/// Adds the line to the table.
pub fn add(line: &Line) {
    static FILE: Mutex<()> = Mutex::new(());
    let _one = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let binary = Path::new(env!("CARGO_BIN_EXE_sealtrail"));
    let path = binary.ancestors().nth(2).expect("target/debug/sealtrail").join("faults.md");
    let fresh = !path.exists();
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).expect("the target directory");
    let text = format!("{}{line}\n", if fresh { HEAD } else { "" });
    file.write_all(text.as_bytes()).expect("written");
    eprintln!("{line}");
}
