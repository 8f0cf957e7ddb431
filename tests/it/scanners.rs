//! Promise 2, by the word of others: two scanners that are not ours find nothing in what is stored of 20,000 planted values, and
//! most of them in what was sent.

use std::collections::BTreeSet;
use std::process::Command;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, export, python, text};

const RECORDS: usize = 4_000;

#[test]
fn scanners_of_others_find_nothing_in_what_is_stored() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(91, 1_800_000_000_000_000_000);
    let (mut sent, mut planted, mut values) = (Vec::new(), BTreeSet::new(), 0);
    for _ in 0..RECORDS / 500 {
        let (request, of_request) = payments.request(500);
        runtime.block_on(export(&mut client, &request));
        sent.extend(lines(request));
        values += of_request.len() * 5;
        planted.extend(of_request.into_iter().flat_map(|one| [one.pan, one.phone, one.email]));
    }
    assert!(values >= 20_000);
    let archive = collector.archive();
    assert!(collector.stop().0.success());

    let (sent_file, planted_file) = (dir.path().join("sent.jsonl"), dir.path().join("planted"));
    std::fs::write(&sent_file, sent.join("\n")).expect("written");
    std::fs::write(&planted_file, planted.iter().cloned().collect::<Vec<_>>().join("\n")).expect("written");
    let output = Command::new(python())
        .args(["tests/scanners.py".as_ref(), archive.as_os_str(), sent_file.as_os_str(), planted_file.as_os_str()])
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", text(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let number = |place: &str| report.pointer(place).and_then(serde_json::Value::as_u64).unwrap_or(0);
    assert!(number("/stored/lines") > RECORDS as u64, "{report}");
    assert_eq!(number("/stored/panhunt"), 0, "{report}");
    assert_eq!(number("/stored/presidio/planted"), 0, "{report}");
    // The check can fail: neither knows all issuers, and both read less than is written.
    assert!(number("/sent/panhunt") > RECORDS as u64 / 4, "{report}");
    assert!(number("/sent/presidio/planted") > planted.len() as u64 / 2, "{report}");
}

/// Each record of a request as a JSON text.
fn lines(request: ExportLogsServiceRequest) -> impl Iterator<Item = String> {
    let records = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    records.flat_map(|scope| scope.log_records).map(|record| serde_json::to_string(&record).expect("JSON"))
}
