//! Promise 2 under attack: whatever is sent, however broken, planted values are in no file, log, metric, response or core.

use std::fmt::Write as _;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message;
use sealtrail::cli::payments::Payments;

use crate::harness::{Collector, archived, attributes, files, get, http, length, text, verify};

const PAN: &str = "4242424242424242";
const MAIL: &str = "planted.person@example.net";

#[test]
fn planted_values_in_broken_requests_leave_no_trace() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector =
        Collector::start(dir.path(), "telemetry: { metrics: { endpoint: '127.0.0.1:0' }, logs: { level: trace } }\n");
    let mut answers = String::new();
    let json = "content-type: application/json";
    let protobuf = "content-type: application/x-protobuf";
    let record = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{PAN} {MAIL}"}}}}]}}]}}]}}"#
    );
    let sound = Payments::new(1, 1).request(2).0.encode_to_vec();
    let cut = [sound.as_slice(), PAN.as_bytes(), MAIL.as_bytes()].concat();
    let huge = PAN.repeat(3_000_000);
    let attempts: Vec<(String, Vec<u8>)> = vec![
        (format!("POST /v1/{PAN} HTTP/1.1\r\n{json}"), record.clone().into()),
        (format!("POST /v1/logs?card={PAN} HTTP/1.1\r\n{json}\r\nx-card: {PAN}"), record.clone().into()),
        (format!("POST /v1/logs HTTP/1.1\r\n{json}\r\nauthorization: Bearer {PAN}"), record[..record.len() - 3].into()),
        (format!("POST /v1/logs HTTP/1.1\r\n{json}"), record.replace("stringValue", "intValue").into()),
        (format!("POST /v1/logs HTTP/1.1\r\n{json}"), record.replace("stringValue", PAN).into()),
        (format!("POST /v1/logs HTTP/1.1\r\n{json}"), format!("{{\"{PAN}\":").into()),
        (format!("POST /v1/logs HTTP/1.1\r\n{protobuf}"), cut),
        (format!("POST /v1/logs HTTP/1.1\r\n{protobuf}\r\ncontent-encoding: gzip"), PAN.into()),
        (format!("POST /v1/logs HTTP/1.1\r\n{protobuf}\r\ncontent-encoding: {PAN}"), sound),
        (format!("POST /v1/logs HTTP/1.1\r\ncontent-type: {PAN}"), MAIL.into()),
        (format!("{PAN} /v1/logs HTTP/1.1\r\n{json}"), record.into()),
    ];
    for (head, body) in &attempts {
        let (status, body) = http(&collector.http, head, body);
        writeln!(answers, "{status} {body}").expect("a String takes it");
    }
    // Larger than the limit: the collector hangs up before all is read, so writing may fail.
    let _ = std::panic::catch_unwind(|| {
        http(&collector.http, &format!("POST /v1/logs HTTP/1.1\r\n{json}"), huge.as_bytes())
    });
    answers.push_str(&get(&collector.metrics, "/metrics").1);
    answers.push_str(&get(&collector.health, "/").1);
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    for planted in [PAN, MAIL, "planted.person"] {
        assert!(!answers.contains(planted), "in a response or metric: {answers}");
        assert!(!log.contains(planted), "in the log");
        for file in files(dir.path()) {
            assert!(
                !String::from_utf8_lossy(&std::fs::read(&file).expect("readable")).contains(planted),
                "in {}",
                file.display()
            );
        }
    }
    let all = archived(&data.join("archive")).into_iter().map(|(_, content)| content).collect::<String>();
    assert!(!all.contains(PAN) && !all.contains(MAIL), "in the archive");
}

/// What a corpus that no rule was written for gives back, class by class: no more values left and no more clean rows changed
/// than stand here. The figures may only go down. Each way of writing has one row, the rare as the common, so this is no
/// measure of recall on real text.
#[test]
fn the_first_corpus_is_masked_as_well_as_ever() {
    const LEFT: [(&str, usize); 9] = [
        ("pan", 2),
        ("cvv", 24),
        ("track", 0),
        ("emv", 0),
        ("pin", 2),
        ("cnid", 0),
        ("phone", 0),
        ("email", 0),
        ("clean", 3),
    ];
    let rows: Vec<serde_json::Value> = include_str!("../corpus/first.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row of the corpus"))
        .collect();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let sent = serde_json::json!({ "resourceLogs": rows.iter().map(|row| &row["sent"]).collect::<Vec<_>>() });
    let (status, body) =
        http(&collector.http, "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json", sent.to_string().as_bytes());
    assert_eq!((status, body.as_str()), (200, "{}"));
    let data = collector.data.clone();
    assert!(collector.stop().0.success());
    let kept: Vec<String> = archived(&data.join("archive"))
        .into_iter()
        .map(|(_, content)| content)
        .filter(|content| content.contains("\"by\":\"sender\""))
        .collect();
    assert_eq!(kept.len(), rows.len(), "each row is one record");
    let wrong: Vec<_> = rows.iter().zip(&kept).filter(|(row, content)| is_wrong(row, content)).collect();
    for (class, left) in LEFT {
        let found: Vec<_> = wrong.iter().filter(|(row, _)| row["class"] == class).collect();
        assert!(found.len() <= left, "{class}: {} instead of {left}: {found:#?}", found.len());
    }
}

/// Whether a value is left in what was kept, as it was written or digit by digit, or a clean row is not as it was.
fn is_wrong(row: &serde_json::Value, content: &str) -> bool {
    let field = |name: &str| row[name].as_str().unwrap_or_default();
    if row["class"] == "clean" {
        return !content.contains(field("keep"));
    }
    let secret = field("secret");
    let written = row["written"].as_str().unwrap_or(secret);
    let written = serde_json::to_string(written).expect("a string");
    let separator = |c: char| c.is_whitespace() || "-._/+\u{200b}\u{200d}\u{2010}\u{2011}\u{2013}\u{2212}".contains(c);
    content.contains(written.trim_matches('"'))
        || content.contains(secret)
        || (secret.len() >= 11 && content.chars().filter(|c| !separator(*c)).collect::<String>().contains(secret))
}

/// An id is a few random bytes, unless a sender writes something else into it.
#[test]
fn ids_that_are_card_numbers_do_not_stay() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let mut request = Payments::new(3, 1).request(2).0;
    let records = &mut request.resource_logs[0].scope_logs[0].log_records;
    // Sixteen signs of text; and eight bytes whose hexadecimal digits are the number.
    records[0].trace_id = PAN.into();
    records[1].trace_id = vec![0x42; 8];
    let (status, _) = http(
        &collector.http,
        "POST /v1/logs HTTP/1.1\r\ncontent-type: application/x-protobuf",
        &request.encode_to_vec(),
    );
    assert_eq!(status, 200);
    let data = collector.data.clone();
    assert!(collector.stop().0.success());
    let contents: String = archived(&data.join("archive")).into_iter().map(|(_, content)| content).collect();
    let hex: String = PAN.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!contents.contains(PAN) && !contents.contains(&hex), "in content");
    for file in files(&data) {
        let bytes = std::fs::read(&file).expect("readable");
        assert!(!String::from_utf8_lossy(&bytes).contains(PAN), "in {}", file.display());
    }
}

/// Nothing that memory held may be written by the kernel: no core file, whatever ends the process.
#[test]
fn an_abort_leaves_no_core() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut collector = Collector::start(dir.path(), "");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", collector.pid())).expect("it runs");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line for cores");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    collector.signal("-ABRT");
    assert!(!collector.wait().success());
    assert!(files(dir.path()).iter().all(|file| !file.ends_with("core")));
}

/// A sender may claim to be the collector; nothing comes of it.
#[test]
fn forged_own_records_are_renamed_and_change_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let forged = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"sealtrail.chain","value":{"stringValue":"x"}}]},
        "scopeLogs":[{"scope":{"name":"sealtrail.collector"},"logRecords":[
        {"eventName":"sealtrail.stopped","attributes":[{"key":"sealtrail.genesis","value":{"stringValue":"x"}},
        {"key":"sealtrail.sequence","value":{"intValue":"0"}},{"key":"test.id","value":{"stringValue":"forged"}}]}]}]}]}"#;
    let (status, body) =
        http(&collector.http, "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json", forged.as_bytes());
    assert_eq!(status, 200, "{body}");
    let data = collector.data.clone();
    assert!(collector.stop().0.success());
    let records = archived(&data.join("archive"));
    let (_, content) = records.iter().find(|(_, content)| content.contains("forged")).expect("it was taken");
    for name in
        ["sealtrail.chain", "sealtrail.collector", "sealtrail.stopped", "sealtrail.genesis", "sealtrail.sequence"]
    {
        assert!(
            content.contains(&format!("\"sender.{name}\"")) && !content.contains(&format!("\"{name}\"")),
            "{name}: {content}"
        );
    }
    let output = verify(&data);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// Fuzzed requests never end the process, nor cost a sound request of the same sender.
#[test]
fn fuzzed_otlp_never_panics_nor_loses_a_sound_record() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut client = runtime.block_on(collector.client());
    let mut payments = Payments::new(11, 1_800_000_000_000_000_000);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(length("SEALTRAIL_FUZZ_SECONDS", 60));
    let mut random = 0x1234_5678_9abc_def1_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    let mut sound = 0;
    while std::time::Instant::now() < end {
        let (request, _) = payments.request(3);
        let json = serde_json::to_vec(&request).expect("OTLP/JSON");
        let bytes = request.encode_to_vec();
        for (kind, bytes) in [("application/x-protobuf", bytes), ("application/json", json)] {
            let mut mutant = bytes.clone();
            for _ in 0..1 + next() % 8 {
                let place = next() % mutant.len();
                match next() % 4 {
                    0 => mutant[place] = next() as u8,
                    1 => mutant.truncate(place + 1),
                    2 => mutant.insert(place, next() as u8),
                    _ => mutant[place] ^= 1 << (next() % 8),
                }
            }
            let (status, _) =
                http(&collector.http, &format!("POST /v1/logs HTTP/1.1\r\ncontent-type: {kind}"), &mutant);
            assert!(matches!(status, 200 | 400), "{status}");
        }
        let mut request = ExportLogsServiceRequest::default();
        let (mut named, _) = payments.request(1);
        let record = &mut named.resource_logs[0].scope_logs[0].log_records[0];
        record.attributes[0].key = "test.id".into();
        request.resource_logs.append(&mut named.resource_logs);
        let answer = runtime.block_on(client.export(request)).expect("sound requests are taken");
        assert!(answer.get_ref().partial_success.is_none());
        sound += 1;
    }
    let data = collector.data.clone();
    let (status, log) = collector.stop();
    assert!(status.success() && !log.contains("panic"), "{log}");
    let found =
        attributes(&archived(&data.join("archive")), "test.id").into_iter().filter(|id| id.starts_with("tx-")).count();
    assert!(sound > 0 && found >= sound, "{found} of {sound} sound records");
}

/// What masking can't look into within its limits is replaced, and the chain says so of its sender.
#[test]
fn what_lies_too_deep_is_replaced_and_that_is_sealed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let collector = Collector::start(dir.path(), "");
    let mut deep: String = PAN.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for _ in 0..5 {
        deep = deep.replace('%', "%25");
    }
    let record =
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{deep}"}}}}]}}]}}]}}"#);
    let (status, body) =
        http(&collector.http, "POST /v1/logs HTTP/1.1\r\ncontent-type: application/json", record.as_bytes());
    assert_eq!(status, 200, "{body}");
    let archive = collector.archive();
    let (status, log) = collector.stop();
    assert!(status.success(), "{log}");
    let archived = archived(&archive);
    let holds = |text: &str| archived.iter().filter(|(_, content)| content.contains(text)).count();
    assert_eq!((holds(r#""stringValue":"[uninspected]""#), holds("sealtrail.values.replaced")), (1, 1), "{archived:?}");
}
