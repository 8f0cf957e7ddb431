//! The archive without us: DuckDB or pyarrow and Spark read it, and ten lines of Python recompute every hash and root.

use std::process::Command;

use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, export, python, text};

#[test]
fn others_read_every_column_and_recompute_every_hash() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector =
        Collector::start(dir.path(), "seal: { checkpoint_interval: 1s }\nwal: { segment: { max_mib: 1 } }\n");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(21, 1_800_000_000_000_000_000);
    for _ in 0..10 {
        runtime.block_on(export(&mut client, &payments.request(300).0));
    }
    let archive = collector.archive();
    assert!(collector.stop().0.success());
    let output = Command::new(python()).arg("tests/archive_sql.py").arg(&archive).output().expect("Python runs");
    assert!(output.status.success(), "{}", text(&output));
    if Command::new("java").arg("-version").output().is_err() {
        eprintln!("NOT PROVED: Spark needs a Java runtime");
        return;
    }
    let output = Command::new(python()).arg("tests/archive_spark.py").arg(&archive).output().expect("Python runs");
    assert!(output.status.success(), "{}", text(&output));
}
