//! The collector's own life: what it seals about itself, and what it takes over while it runs.

use std::path::Path;

use sealtrail_chain::content::{self, By, Value};

use crate::harness::{Collector, archived, export, files, get, http, text, until, verify};

/// The collector's own records in the archive: event name, attributes by key without their prefix.
fn own(archive: &Path) -> Vec<(String, Vec<(String, String)>)> {
    archived(archive)
        .iter()
        .map(|(_, text)| content::read(text).expect("canonical text"))
        .filter(|record| matches!(record.context.received.by, By::Own))
        .map(|record| {
            let value = |value: &Value<'_>| match value {
                Value::String(text) => text.clone().into_owned(),
                Value::Int(number) => number.to_string(),
                _ => panic!("own records hold strings and numbers"),
            };
            let attributes = record.log.attributes.iter().map(|attribute| {
                let key = attribute.key.strip_prefix("sealtrail.").expect("a name of ours");
                (key.to_owned(), value(&attribute.value))
            });
            (record.log.event_name.clone().into_owned(), attributes.collect())
        })
        .collect()
}

fn names(records: &[(String, Vec<(String, String)>)]) -> Vec<&str> {
    records.iter().map(|(name, _)| name.as_str()).collect()
}

fn attribute<'a>(record: &'a (String, Vec<(String, String)>), key: &str) -> Option<&'a str> {
    record.1.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

const RULES: &str = include_str!("../../rules/payment.yaml");

/// A change of the rules is taken over without a signal and sealed; wrong ones are refused and the old ones stay.
#[test]
fn rules_are_taken_over_when_their_file_changes() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let rules = dir.path().join("rules.yaml");
    std::fs::write(&rules, RULES).expect("written");
    let collector = Collector::start(dir.path(), "mask: { rules: [rules.yaml] }\n");
    std::fs::write(&rules, format!("{RULES}\n# changed\n")).expect("written");
    until("the new rules are in force", || collector.log().contains("\"message\":\"rules changed\""));
    std::fs::write(&rules, "rules: [ {").expect("written");
    until("wrong rules are refused", || collector.log().contains("rules refused; the old ones stay in force"));
    std::fs::write(&rules, format!("{RULES}\n# changed again\n")).expect("written");
    until("a third set is in force", || collector.log().matches("\"message\":\"rules changed\"").count() == 2);
    let body =
        br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"card 4242 4242 4242 4242"}}]}]}]}"#;
    assert_eq!(http(&collector.http, "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json", body).0, 200);
    let (archive, data) = (collector.archive(), collector.data.clone());
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    assert_eq!(log.matches("rules refused").count(), 1, "said once:\n{log}");
    let records = own(&archive);
    assert_eq!(
        names(&records),
        [
            "sealtrail.started",
            "sealtrail.rules.changed",
            "sealtrail.config.changed",
            "sealtrail.rules.changed",
            "sealtrail.stopped"
        ]
    );
    assert!(attribute(&records[0], "genesis").is_some_and(|note| note.starts_with("sealtrail genesis v1\n")));
    assert_eq!(
        (attribute(&records[2], "resource"), attribute(&records[2], "outcome")),
        (Some("mask.rules"), Some("failure"))
    );
    let objects = files(&archive).into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "parquet"));
    let digests = objects
        .map(|file| sealtrail::archive::Reader::open(&file).expect("an object").footer().rules)
        .collect::<std::collections::HashSet<_>>();
    assert_eq!(digests.len(), 3, "each set of rules has segments of its own, which name it");
    let output = verify(&data);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// SIGHUP sets the level of the log and names what needs a restart; a configuration that is wrong changes nothing.
#[test]
fn a_hangup_takes_over_what_can_change_and_names_the_rest() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let config = dir.path().join("sealtrail.yaml");
    let before = std::fs::read_to_string(&config).expect("there");
    std::fs::write(&config, before.replace("level: info", "level: debug") + "wal: { max_size_mib: 100 }\n")
        .expect("written");
    collector.signal("-HUP");
    until("the other key is named", || {
        collector
            .log()
            .lines()
            .any(|line| line.contains("takes effect with a restart") && line.contains("\"key\":\"wal\""))
    });
    until("debug lines come", || {
        let _ = http(&collector.http, "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json", b"{");
        collector.log().contains("\"level\":\"DEBUG\"")
    });
    std::fs::write(&config, "chian: x\n").expect("written");
    collector.signal("-HUP");
    until("a wrong configuration is refused", || {
        collector.log().contains("reload refused; the settings in force stay")
    });
    assert_eq!(get(&collector.health, "/").0, 200);
    assert!(collector.stop().0.success());
}

/// Every number stands on the page from the start, in the form that scrapers read.
#[test]
fn the_metrics_page_is_whole_from_the_start() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for leg in ["stream", "archive"] {
        assert!(
            collector.scrape().contains(&format!("sealtrail_leg_up{{leg=\"{leg}\"}} 1\n")),
            "{}",
            collector.scrape()
        );
    }
    let mut client = runtime.block_on(collector.client());
    let mut payments = sealtrail::cli::payments::Payments::new(5, 1_800_000_000_000_000_000);
    runtime.block_on(export(&mut client, &payments.request(10).0));
    drop(client);
    until("nothing is in flight, and the log is weighed", || {
        let page = collector.scrape();
        page.contains("sealtrail_receiver_in_flight_bytes 0\n") && !page.contains("sealtrail_wal_bytes 0\n")
    });
    let page = collector.scrape();
    for line in [
        "sealtrail_wal_writable 1\n",
        "sealtrail_leg_lag_records{leg=\"stream\"} ",
        "sealtrail_leg_lag_records{leg=\"archive\"} ",
        "otelcol_exporter_send_failed_requests_total{leg=\"archive\"} 0\n",
    ] {
        assert!(page.contains(line), "{line} is missing:\n{page}");
    }
    assert!(page.ends_with("# EOF\n"), "{page}");
    let mut described = std::collections::HashSet::new();
    for line in page.lines().filter(|line| *line != "# EOF") {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["#", "TYPE" | "HELP" | "UNIT", name, ..] => drop(described.insert(name.to_owned())),
            [sample, value] => {
                let name = sample.split('{').next().expect("a first part");
                let known = ["", "_total", "_bucket", "_sum", "_count"]
                    .iter()
                    .any(|end| name.strip_suffix(end).is_some_and(|name| described.contains(name)));
                assert!(known && value.parse::<f64>().is_ok(), "{line}");
            }
            _ => panic!("no line of a metrics page: {line}"),
        }
    }
}

/// What a person must know of a start that was made insecure is in the chain.
#[test]
fn an_insecure_listener_is_sealed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let receivers = "receivers: { otlp: { protocols: { grpc: { endpoint: '0.0.0.0:0', insecure: true }, http: { endpoint: '127.0.0.1:0' } } } }\n";
    let collector = Collector::start(dir.path(), receivers);
    let archive = collector.archive();
    assert!(collector.stop().0.success());
    assert_eq!(attribute(&own(&archive)[0], "reason"), Some("insecure grpc"));
}
